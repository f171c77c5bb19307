package sim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"a0run/client/sim"
)

// A desk is a tenant and a caller with a token of it.
type desk struct {
	t      *testing.T
	tenant *sim.Tenant
	client *http.Client
	token  string
}

func newDesk(t *testing.T, o sim.Options) *desk {
	t.Helper()
	tenant, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	token, err := tenant.Token()
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, tenant, &http.Client{
		Transport:     tenant.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, token}
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	body   any
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	o, ok := a.body.(map[string]any)
	if !ok {
		t.Fatalf("an object is expected, got %d %s", a.status, a.text)
	}
	return o
}

func (a answer) list(t *testing.T) []any {
	t.Helper()
	l, ok := a.body.([]any)
	if !ok {
		t.Fatalf("a list is expected, got %d %s", a.status, a.text)
	}
	return l
}

// send sends a request; a body is JSON text, "" for none. Paths that begin
// with /api/v2 bear the token.
func (d *desk) send(method, path, body string) answer {
	d.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.tenant.BaseURL()+path, in)
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(path, "/api/v2") {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	return d.do(r)
}

func (d *desk) do(r *http.Request) answer {
	d.t.Helper()
	res, err := d.client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&a.body); err != nil {
		a.body = nil
	}
	return a
}

// want sends and expects a status.
func (d *desk) want(status int, method, path, body string) answer {
	d.t.Helper()
	a := d.send(method, path, body)
	if a.status != status {
		d.t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.status, status, a.text)
	}
	return a
}

const users = "/api/v2/users"

func TestUserLife(t *testing.T) {
	d := newDesk(t, sim.Options{})
	u := d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","email":"Ann@Example.com","password":"Secret-1!","user_metadata":{"a":1,"b":{"c":2}}}`).object(t)
	id := u["user_id"].(string)
	if !strings.HasPrefix(id, "auth0|") || u["created_at"] != u["updated_at"] || u["nickname"] != "ann" || u["password"] != nil {
		t.Fatalf("the tenant filled in wrongly: %v", u)
	}
	path := users + "/" + strings.ReplaceAll(id, "|", "%7C")
	dup := d.want(409, "POST", users, `{"connection":"Username-Password-Authentication","email":"ann@example.com","password":"Secret-1!"}`).object(t)
	if dup["message"] != "The user already exists." {
		t.Fatalf("conflict says %v", dup)
	}
	got := d.want(200, "PATCH", path, `{"user_metadata":{"a":null,"b":{"d":3}},"blocked":true}`).object(t)
	if meta, _ := json.Marshal(got["user_metadata"]); string(meta) != `{"b":{"d":3}}` || got["blocked"] != true {
		t.Fatalf("the patch merged into %v", got)
	}
	d.want(204, "DELETE", path, "")
	d.want(204, "DELETE", path, "")
	gone := d.want(404, "GET", path, "").object(t)
	if gone["errorCode"] != "inexistent_user" {
		t.Fatalf("got %v", gone)
	}
}

func TestTokenOfTheTenant(t *testing.T) {
	d := newDesk(t, sim.Options{})
	c := d.tenant.Credentials()
	body, _ := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": c.ClientID, "client_secret": c.ClientSecret,
		"audience": "https://tenant.local/api/v2/",
	})
	tok := d.want(200, "POST", "/oauth/token", string(body)).object(t)
	d.token = tok["access_token"].(string)
	d.want(200, "GET", users, "")
	keys := d.want(200, "GET", "/.well-known/jwks.json", "").object(t)
	if len(keys["keys"].([]any)) != 2 {
		t.Fatalf("two keys are expected: %v", keys)
	}
}

// TestJSONAsAuth0WritesIt asks that nothing is escaped for HTML, in answers
// and in errors.
func TestJSONAsAuth0WritesIt(t *testing.T) {
	d := newDesk(t, sim.Options{})
	role := d.want(200, "POST", "/api/v2/roles", `{"name":"a \u0026 <b>"}`)
	if !strings.Contains(role.text, `"name":"a & <b>"`) {
		t.Errorf("a role: %s", role.text)
	}
	a := d.want(400, "POST", users, `{"connection":"Username-Password-Authentication","email":"<&>","password":"Secret-123!"}`)
	if !strings.Contains(a.text, `format email: <&>`) {
		t.Errorf("an error: %s", a.text)
	}
}
