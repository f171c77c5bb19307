package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
)

const baseSeed = `{"connections": [{"id": "con_base000000000001", "name": "base", "strategy": "auth0"}], "users": []}`

// manyUsers is an NDJSON of n users, every hundredth of which is wrong by itself
// or to the tenant; bad are its rows.
func manyUsers(n int) (text string, bad []int) {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		switch i % 200 {
		case 100:
			bad = append(bad, i)
			fmt.Fprintf(&b, "{\"email\": \"u%d@example.com\", \"user_id\": \"u%d\"\n", i, i)
		case 0:
			bad = append(bad, i)
			fmt.Fprintf(&b, "{\"email\": \"no address %d\", \"user_id\": \"u%d\"}\n", i, i)
		default:
			fmt.Fprintf(&b, `{"email": "u%d@example.com", "user_id": "u%d", "email_verified": %t, "given_name": "Ü%d", "user_metadata": {"n": %d}, "app_metadata": {"plan": "%s"}}`+"\n",
				i, i, i%2 == 0, i, i, strings.Repeat("x", i%97))
		}
	}
	return b.String(), bad
}

// usersUnderTest is how many users the circle below has: enough for several
// slices and parts. A0RUN_USERS=25000 is the whole proof.
func usersUnderTest(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("A0RUN_USERS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 3000
}

// Users are imported into one tenant, listed by slices, exported, and imported
// into another one: the two have the same users, and each row that was wrong is
// named, wherever it was found out.
func TestCircleOfUsers(t *testing.T) {
	t.Parallel()
	n := usersUnderTest(t)
	synctest.Test(t, func(t *testing.T) {
		text, bad := manyUsers(n)
		_, first := local(t, sim.Options{Seed: []byte(baseSeed), JobTime: 20 * time.Second}, config{})
		most, active := 0, map[string]bool{}
		sum, err := first.ImportUsers(t.Context(), strings.NewReader(text), ImportOptions{
			ConnectionID: "con_base000000000001", Name: "users.ndjson", PartBytes: 100_000,
		}, func(s ImportStep) {
			active[s.Job] = s.State == StepUploaded
			now := 0
			for _, on := range active {
				if on {
					now++
				}
			}
			most = max(most, now)
		})
		if err != nil {
			t.Fatal(err)
		}
		var rows []int
		for _, e := range sum.Errors {
			rows = append(rows, e.Row)
			if e.Line != e.Row || e.Code == "" {
				t.Errorf("got %+v", e)
			}
		}
		if !slices.Equal(rows, bad) || sum.Total != n || sum.Inserted != n-len(bad) || sum.Failed != len(bad) || most != 2 || sum.Parts < 3 {
			t.Errorf("got %+v in %d parts, %d at once; bad %d", sum.ImportCounts, sum.Parts, most, len(bad))
		}
		listed, err := first.All(t.Context(), "users.list", Args{"fields": "user_id"})
		if err != nil || len(listed) != n-len(bad) {
			t.Fatalf("listed %d, %v", len(listed), err)
		}
		var export bytes.Buffer
		for user, err := range first.ExportUsers(t.Context(), ExportOptions{ConnectionID: "con_base000000000001"}) {
			if err != nil {
				t.Fatal(err)
			}
			export.Write(append(user, '\n'))
		}
		_, second := local(t, sim.Options{Seed: []byte(baseSeed)}, config{})
		again, err := second.ImportUsers(t.Context(), bytes.NewReader(export.Bytes()), ImportOptions{ConnectionID: "con_base000000000001"}, nil)
		if err != nil || again.Inserted != n-len(bad) || again.Failed != 0 || !slices.Contains(again.LeftOut, "identities") {
			t.Fatalf("imported again: %+v, %v", again, err)
		}
		if one, two := profiles(t, first), profiles(t, second); !reflect.DeepEqual(one, two) {
			t.Errorf("%d users are not the same as %d", len(one), len(two))
		}
	})
}

// profiles are the users of a tenant without their times.
func profiles(t *testing.T, c *Client) map[string]any {
	t.Helper()
	all := map[string]any{}
	for raw, err := range c.Each(t.Context(), "users.list", nil) {
		if err != nil {
			t.Fatal(err)
		}
		var u map[string]any
		if err := json.Unmarshal(raw, &u); err != nil {
			t.Fatal(err)
		}
		delete(u, "created_at")
		delete(u, "updated_at")
		id, _ := u["user_id"].(string)
		all[id] = u
	}
	return all
}

func TestExportCSV(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tn, c := local(t, optionsOf(t, 3), config{})
		tn.Inject(sim.Fault{Operation: "user_export_file", Status: 500})
		tn.Inject(sim.Fault{Operation: "user_export_file", CutOff: true})
		var b bytes.Buffer
		if err := c.ExportTo(t.Context(), &b, ExportOptions{Format: FormatCSV, Fields: []ExportField{{Name: "email", ExportAs: "mail"}}}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != "\"mail\"\n\"'u00000@example.com\"\n\"'u00001@example.com\"\n\"'u00002@example.com\"\n" {
			t.Errorf("got %s", got)
		}
	})
}

// The job of somebody else takes a place: the import waits and is not parked for
// the rate limit.
func TestImportWaitsForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := local(t, sim.Options{Seed: []byte(baseSeed), JobTime: 12 * time.Minute}, config{})
		for i := range 2 {
			if _, err := c.Do(t.Context(), opImport, Args{"connection_id": "con_base000000000001", "users": fmt.Sprintf(`[{"email":"other%d@x.yz"}]`, i)}); err != nil {
				t.Fatal(err)
			}
		}
		waited := 0
		sum, err := c.ImportUsers(t.Context(), strings.NewReader(`[{"email":"a@x.yz"}]`), ImportOptions{ConnectionID: "con_base000000000001"}, func(s ImportStep) {
			if s.State == StepWaiting {
				waited++
				if _, err := c.Do(t.Context(), "tenants.settings.get", nil); err != nil {
					t.Errorf("others wait, too: %v", err)
				}
			}
		})
		if err != nil || sum.Inserted != 1 || waited == 0 {
			t.Errorf("got %+v, %v, waited %d times", sum, err, waited)
		}
	})
}

func TestImportFailedJob(t *testing.T) {
	t.Parallel()
	server := jobServer{answers: []string{`{"id":"job_1","status":"failed","status_details":"no such connection"}`}}
	c := server.client(t)
	sum, err := c.ImportUsers(t.Context(), strings.NewReader(`[{"email":"a@x.yz"},{"email":"b@x.yz"}]`), ImportOptions{ConnectionID: "con_1"}, nil)
	if err != nil || sum.Failed != 2 || len(sum.Errors) != 1 || sum.Errors[0].Row != 1 || sum.Errors[0].LastRow != 2 || !strings.Contains(sum.Errors[0].Message, "no such connection") {
		t.Errorf("got %+v, %v", sum, err)
	}
	if sum, err := c.ImportUsers(t.Context(), strings.NewReader("[{}"), ImportOptions{ConnectionID: "con_1", Name: "x.json"}, nil); err == nil || sum != nil || len(server.bodies) != 1 {
		t.Errorf("a file that is cut off was sent: %v", err)
	}
}

// A jobServer is a tenant that does with uploads what a test says.
type jobServer struct {
	mu      sync.Mutex
	bodies  []string // of the uploads
	faults  []string // of the next ones: "429", "reset", "half", "silence"
	answers []string // to jobs.get
}

func (s *jobServer) client(t *testing.T) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(t, w, r) }))
	t.Cleanup(server.Close)
	patience := time.Minute // but where it is to run out
	if slices.Contains(s.faults, "silence") {
		patience = 3 * time.Second
	}
	c, err := New(server.URL, WithToken("t"), WithTimeouts(Timeouts{Silence: patience}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *jobServer) serve(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet {
		if len(s.answers) > 0 {
			_, _ = io.WriteString(w, s.answers[0]) // a client that is gone shows in the test
			return
		}
		_, _ = io.WriteString(w, `{"id":"job_1","status":"completed","summary":{"total":1,"inserted":1,"updated":0,"failed":0}}`)
		return
	}
	fault := ""
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	if fault == "half" {
		_, _ = io.CopyN(io.Discard, r.Body, 1000)
		panic(http.ErrAbortHandler)
	}
	if err := r.ParseMultipartForm(8 << 20); err != nil {
		t.Errorf("the form cannot be read: %v", err)
		return
	}
	f, _, err := r.FormFile("users")
	if err != nil {
		t.Error(err)
		return
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Error(err)
	}
	s.bodies = append(s.bodies, string(text))
	switch fault {
	case "429":
		w.WriteHeader(http.StatusTooManyRequests)
	case "reset":
		panic(http.ErrAbortHandler)
	case "silence":
		<-r.Context().Done()
	default:
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"id":"job_1","status":"pending"}`)
	}
}

// An upload that is sent again is sent whole: under a rate limit, a reset and
// silence where it may be, which the tenant sees by the bytes.
func TestUploadIsSentWhole(t *testing.T) {
	t.Parallel()
	var users strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&users, "%s{\"email\":\"u%d@example.com\",\"name\":\"%s\"}", map[bool]string{true: "[", false: ","}[i == 0], i, strings.Repeat("n", 60))
	}
	users.WriteString("]")
	want := users.String()
	tests := map[string]struct {
		faults []string
		upsert bool
		bodies int
		fails  bool
	}{
		"429":                 {[]string{"429"}, false, 2, false},
		"reset":               {[]string{"reset"}, true, 2, false},
		"silence":             {[]string{"silence"}, true, 2, false},
		"all of them":         {[]string{"429", "reset", "half", "silence"}, true, 4, false},
		"half":                {[]string{"half"}, true, 1, false},
		"a lost answer stays": {[]string{"reset"}, false, 1, true},
	}
	for name, tc := range tests {
		for _, from := range []string{"Do", "ImportUsers"} {
			t.Run(name+"/"+from, func(t *testing.T) {
				t.Parallel()
				s := &jobServer{faults: slices.Clone(tc.faults)}
				c := s.client(t)
				var err error
				if from == "Do" {
					_, err = c.Do(t.Context(), opImport, Args{
						"connection_id": "con_1", "upsert": tc.upsert, "users": FileArg{Name: "u.json", Data: strings.NewReader(want)},
					})
				} else {
					_, err = c.ImportUsers(t.Context(), strings.NewReader(want), ImportOptions{ConnectionID: "con_1", Upsert: tc.upsert}, nil)
				}
				if (err != nil) != tc.fails || tc.fails && !InDoubt(err) {
					t.Errorf("got %v", err)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if len(s.bodies) != tc.bodies {
					t.Errorf("%d whole uploads came, want %d", len(s.bodies), tc.bodies)
				}
				for i, b := range s.bodies {
					if b != want {
						t.Errorf("upload %d has %d bytes, want %d", i+1, len(b), len(want))
					}
				}
			})
		}
	}
}

// The file of an export lies on another host, behind a redirect, packed or not;
// no token goes there.
func TestExportElsewhere(t *testing.T) {
	t.Parallel()
	var store *httptest.Server
	store = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "":
			t.Error("the token went to the store")
		case r.URL.Path == "/first":
			http.Redirect(w, r, store.URL+"/second?key=secret", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "{\"email\":\"a@x.yz\"}\n\n{\"email\":\"b@x.yz\"}")
		}
	}))
	defer store.Close()
	for location, want := range map[string]string{
		store.URL + "/first":             `{"email":"a@x.yz"}{"email":"b@x.yz"}`,
		"http://files.example.com/x?k=s": "the address of the file is not https",
	} {
		s := &jobServer{answers: []string{`{"id":"job_1","status":"completed","location":"` + location + `"}`}}
		file, err := s.client(t).OpenExport(t.Context(), "job_1")
		got := fmt.Sprint(err)
		if err == nil {
			got = ""
			for line, err := range ExportLines(file) {
				if err != nil {
					t.Error(err)
				}
				got += string(line)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		}
		if !strings.Contains(got, want) || strings.Contains(got, "k=s") {
			t.Errorf("%s: got %s, want %s", location, got, want)
		}
	}
}
