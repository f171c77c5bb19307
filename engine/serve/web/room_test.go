package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve"
	"a0run/engine/serve/servetest"
	"a0run/engine/serve/web"
)

const (
	viewerToken   = "viewer-token-0123456789abcdef"
	operatorToken = "operator-token-0123456789abcd"
	adminToken    = "admin-token-0123456789abcdef0"
	nasty         = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{.}}` + "`${x}`"
)

// A house is a room with what stands behind it.
type house struct {
	*servetest.Desk
	t      *testing.T
	room   *web.Room
	server *httptest.Server
	run    string // one that failed
	live   string // one that goes on
	lease  engine.Lease
}

func open(t *testing.T, change func(*web.Options)) *house {
	t.Helper()
	db, err := journal.Open(context.Background(), journal.Options{Path: filepath.Join(t.TempDir(), "journal.db")})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{Desk: servetest.New(db), t: t}
	o := web.Options{Control: h.Desk, Story: story{}, Listen: "127.0.0.1:0", Version: "1.2.3", Zone: time.UTC, Tokens: []web.Token{
		{Name: "vera", Role: "viewer", Secret: viewerToken}, {Name: "otto", Role: "operator", Secret: operatorToken}, {Name: "ada", Role: "admin", Secret: adminToken},
	}}
	if change != nil {
		change(&o)
	}
	if h.room, err = web.New(o); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(h.room)
	t.Cleanup(func() {
		h.room.Close()
		h.server.CloseClientConnections()
		h.server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.fill()
	return h
}

// fill writes runs whose every text is hostile, and what else pages show.
func (h *house) fill() {
	h.t.Helper()
	bad := servetest.Story{
		Playbook: "/srv/" + nasty + ".lua", Name: nasty, Tenant: "t" + nasty, Who: nasty, Began: time.Now().Add(-time.Hour), Took: time.Minute, Calls: 9,
		Status: engine.RunFailed, Error: nasty + " s3cr3t-value", Params: `{"` + `name":` + quoted(nasty) + `,"token":"s3cr3t-value"}`,
		Steps: []engine.StepRecord{{ID: nasty, Name: nasty, Task: "main", Where: nasty + ":1:1", State: "failed", Reason: nasty, Error: nasty, Began: time.Now()}},
		Call: func(n int, c *engine.CallRecord) {
			c.Task, c.Where, c.Step, c.Object = "main/1."+nasty, nasty+":3", nasty, "auth0|"+nasty
			switch n {
			case 3:
				c.Operation, c.Mutates, c.Args = "log.warn", false, json.RawMessage(`{"text":`+quoted(nasty+" s3cr3t-value")+`}`)
			case 4:
				c.State, c.Failure = engine.StateFailed, json.RawMessage(`{"name":"Auth0Error","message":`+quoted(nasty)+`}`)
			}
			c.Value = json.RawMessage(`{"name":` + quoted(nasty) + `,"client_secret":"s3cr3t-value"}`)
		},
	}
	var err error
	if h.run, _, err = servetest.Write(context.Background(), h.Journal, bad); err != nil {
		h.t.Fatal(err)
	}
	bad.Status, bad.Error, bad.Open = "", "", true
	if h.live, h.lease, err = servetest.Write(context.Background(), h.Journal, bad); err != nil {
		h.t.Fatal(err)
	}
	h.Hidden = "s3cr3t-value"
	h.fillDesk()
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (h *house) fillDesk() {
	now := time.Now()
	by := map[string]string{"default": nasty}
	h.SetLive(serve.Live{Run: h.live, Playbook: nasty, Tenants: by, Started: now, Counts: engine.Counts{Calls: 9, Parked: 1}, Usual: time.Minute, Left: time.Second, Parked: []serve.ParkedCall{{Task: nasty, Operation: nasty, Until: now}}})
	fire := serve.Fire{Schedule: nasty, Due: now.Add(-time.Hour), Outcome: serve.FireRun, Run: h.run, Status: "failed", Why: nasty, Took: time.Minute}
	h.AllFires = []serve.Fire{fire}
	h.AllSchedules = []serve.Schedule{{
		ID: nasty, Playbook: nasty, Where: nasty, Description: nasty, Spec: nasty, Words: nasty, Zone: nasty, Tenants: by, Params: json.RawMessage(`{"a":` + quoted(nasty) + `}`),
		Paused: true, PausedBy: nasty, PausedReason: nasty, Last: &fire, Recent: []serve.Fire{fire}, Next: []time.Time{now.Add(time.Hour)},
	}, {ID: "nightly", Playbook: "p/nightly.lua", Spec: "cron 0 3 * * *", Next: []time.Time{now.Add(time.Hour)}}}
	h.AllDue = []serve.Due{{Schedule: nasty, Playbook: nasty, At: now.Add(time.Hour), Note: nasty}}
	h.AllQueued = []serve.Queued{{Run: h.run, Playbook: nasty, Waits: nasty}}
	h.AllTenants = []serve.TenantView{{Name: nasty, Domain: nasty, Remaining: 3, Budget: 10}, {Name: "staging", Remaining: -1}}
	h.AllProblems = []serve.FileProblem{{File: nasty, Text: nasty, Kept: true}}
	h.AllPlaybooks = []serve.PlaybookView{
		{
			ID: nasty, Name: nasty, Description: nasty, Path: nasty, Language: "lua", Source: nasty + "\nprint(1)", Broken: nasty, Roles: []serve.RoleView{{Role: nasty, Description: nasty}},
			Params: []engine.ParamDecl{{Name: nasty, Type: "string", Default: nasty, Description: nasty, Enum: []any{nasty, "b"}}, {Name: "l", Type: "list", Default: []any{nasty}}}, Schedules: []string{nasty},
		},
		{
			ID: "p/nightly.lua", Path: "/srv/p/nightly.lua", Language: "lua", Source: "print(1)", Roles: []serve.RoleView{{Role: "default", Tenant: "staging"}},
			Params: []engine.ParamDecl{{Name: "days", Type: "integer", Default: int64(90)}, {Name: "key", Type: "secret", Required: true}, {Name: "dry", Type: "boolean"}},
		},
	}
	h.AllApprovals = []serve.Approval{{ID: h.run, Playbook: nasty, Schedule: nasty, Tenants: by, State: serve.ApprovalWaiting, Summary: nasty, Digest: "d1", Made: now, Lapses: now.Add(time.Hour), Reason: nasty}}
}

// story tells one change, hostile too.
type story struct{}

func (story) Object(_ context.Context, kind, id string) ([]web.Change, error) {
	if kind == "nokind" {
		return nil, &serve.Refusal{Kind: serve.Invalid, Message: "there is no kind " + id}
	}
	return []web.Change{{Run: "0123456789", Playbook: nasty, Who: nasty, Tenant: nasty, Kind: kind, Object: id, Operation: nasty, Where: nasty, Task: nasty, Key: nasty, State: "done", Fields: []web.FieldChange{{Field: nasty, Old: nasty, New: nasty}}, Note: nasty, HadRead: nasty, CannotUndo: nasty}}, nil
}

func (story) Call(context.Context, *engine.RunRecord, *engine.CallRecord) ([]web.FieldChange, string) {
	return []web.FieldChange{{Field: nasty, Old: nasty, New: nasty}}, nasty
}

// A browser keeps cookies and follows no redirects.
type browser struct {
	h    *house
	http *http.Client
	csrf string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h: h, http: &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as logs in.
func (h *house) as(token string) *browser {
	h.t.Helper()
	b := h.browser()
	got := b.post("/login", url.Values{"token": {token}})
	if got.status != http.StatusSeeOther {
		h.t.Fatalf("log-in: %d %s", got.status, got.body)
	}
	m := regexp.MustCompile(`name="csrf" value="([0-9a-f]{64})"`).FindStringSubmatch(b.get("/").body)
	if m == nil {
		h.t.Fatal("no form holds a token")
	}
	b.csrf = m[1]
	return b
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(req *http.Request) reply {
	b.h.t.Helper()
	res, err := b.http.Do(req)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.h.server.URL+path, body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	return req
}

func (b *browser) get(path string) reply {
	b.h.t.Helper()
	return b.do(b.request("GET", path, nil))
}

// post sends a form, with the session's token where it has one.
func (b *browser) post(path string, form url.Values) reply {
	b.h.t.Helper()
	if b.csrf != "" && form.Get("csrf") == "" {
		form.Set("csrf", b.csrf)
	}
	req := b.request("POST", path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

// api calls the API with a bearer token.
func (h *house) api(token, method, path, body string) (int, map[string]any) {
	h.t.Helper()
	b := h.browser()
	req := b.request(method, "/api/v1"+path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	got := b.do(req)
	var out map[string]any
	if strings.HasPrefix(strings.TrimSpace(got.body), "[") {
		var list []any
		if err := json.Unmarshal([]byte(got.body), &list); err != nil {
			h.t.Fatalf("%s %s: %v", method, path, err)
		}
		return got.status, map[string]any{"list": list}
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil {
		h.t.Fatalf("%s %s: %d is no JSON: %v: %s", method, path, got.status, err, got.body)
	}
	return got.status, out
}
