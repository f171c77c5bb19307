package sim_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

const jobsSeed = `
connections:
  - {id: con_base000000000001, name: base, strategy: auth0}
  - {id: con_other00000000001, name: other, strategy: auth0}
`

// A jobDesk is a desk with a clock that stands still until it is set on.
type jobDesk struct {
	*desk
	now time.Time
}

func newJobDesk(t *testing.T, seed string) *jobDesk {
	t.Helper()
	d := &jobDesk{now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	d.desk = newDesk(t, sim.Options{Seed: []byte(jobsSeed + seed), Clock: func() time.Time { return d.now }, JobTime: 10 * time.Second})
	return d
}

// upload sends a file to be imported.
func (d *jobDesk) upload(file string, fields ...string) answer {
	d.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	connection := "con_base000000000001"
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "connection_id" {
			connection = fields[i+1]
			continue
		}
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := w.WriteField("connection_id", connection); err != nil {
		d.t.Fatal(err)
	}
	f, err := w.CreateFormFile("users", "users.json")
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := io.WriteString(f, file); err != nil {
		d.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.tenant.BaseURL()+"/api/v2/jobs/users-imports", &body)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+d.token)
	return d.do(req)
}

func (d *jobDesk) job(id any) map[string]any {
	return d.send("GET", fmt.Sprintf("/api/v2/jobs/%v", id), "").object(d.t)
}

func TestImportJob(t *testing.T) {
	t.Parallel()
	d := newJobDesk(t, "")
	made := d.upload(`[
		{"email": "A@example.com", "user_id": "a", "app_metadata": {"plan": "gold"}, "password_hash": "$2b$10$abcdefghijklmnopqrstuuO9hYFJ1DVQ0TRn8gq0eQVd.ZBQGk6q2"},
		{"email": "nobody", "password_hash": "$2b$10$abcdefghijklmnopqrstuuO9hYFJ1DVQ0TRn8gq0eQVd.ZBQGk6q2"},
		{"given_name": "x"}, {"email": "c@example.com", "colour": "red"}, 7]`, "external_id", "mine")
	job := made.object(t)
	if made.status != http.StatusAccepted || job["status"] != "pending" || job["type"] != "users_import" || job["connection"] != "base" ||
		job["external_id"] != "mine" || job["upsert"] != false || job["send_completion_email"] != true {
		t.Fatalf("got %d %s", made.status, made.text)
	}
	for _, step := range []struct {
		after  time.Duration
		status string
		users  int
	}{{0, "pending", 404}, {6 * time.Second, "processing", 404}, {5 * time.Second, "completed", 200}} {
		d.now = d.now.Add(step.after)
		if got := d.job(job["id"]); got["status"] != step.status {
			t.Errorf("after %s: %v", step.after, got)
		}
		if got := d.send("GET", "/api/v2/users/auth0%7Ca", ""); got.status != step.users {
			t.Errorf("after %s the user is answered by %d", step.after, got.status)
		}
	}
	done := d.job(job["id"])
	if got := fmt.Sprint(done["summary"]); got != "map[failed:4 inserted:1 total:5 updated:0]" || done["percentage_done"] != 100.0 {
		t.Errorf("got %v", done)
	}
	u := d.send("GET", "/api/v2/users/auth0%7Ca", "").object(t)
	if u["email"] != "a@example.com" || u["password_hash"] != nil || fmt.Sprint(u["app_metadata"]) != "map[plan:gold]" || u["created_at"] != "2026-03-04T10:00:10.000Z" {
		t.Errorf("got %v", u)
	}
	errs := d.send("GET", fmt.Sprintf("/api/v2/jobs/%v/errors", job["id"]), "")
	for _, want := range []string{
		`{"errors":[{"code":"INVALID_FORMAT","message":"Object didn't pass validation for format email: nobody","path":"email"}],"user":{"email":"nobody","password_hash":"*****"}}`,
		`Missing required property: email`, `Additional properties not allowed: colour`, `"user":7`,
	} {
		if !strings.Contains(errs.text, want) {
			t.Errorf("%s is missing in %s", want, errs.text)
		}
	}
	d.now = d.now.Add(25 * time.Hour)
	if got := d.send("GET", fmt.Sprintf("/api/v2/jobs/%v", job["id"]), ""); got.status != 404 && got.status != 401 {
		t.Errorf("after a day it is still there: %d", got.status)
	}
}

func TestImportUpsert(t *testing.T) {
	t.Parallel()
	d := newJobDesk(t, "")
	run := func(file string, fields ...string) (string, string) {
		t.Helper()
		job := d.upload(file, fields...).object(t)
		d.now = d.now.Add(11 * time.Second)
		done := d.job(job["id"])
		return fmt.Sprint(done["summary"]), d.send("GET", fmt.Sprintf("/api/v2/jobs/%v/errors", job["id"]), "").text
	}
	if sum, errs := run(`[{"email": "a@example.com", "user_id": "a"}, {"email": "b@example.com", "user_id": "b"}, {"email": "A@example.com"}]`); sum != "map[failed:1 inserted:2 total:3 updated:0]" ||
		!strings.Contains(errs, `{"code":"DUPLICATED_USER","message":"The user already exist and upsert parameter is false","path":""}`) {
		t.Errorf("got %s %s", sum, errs)
	}
	if sum, errs := run(`[{"email": "a@example.com", "nickname": "new", "app_metadata": {"x": 1}}, {"email": "b@example.com", "user_id": "a"}]`, "upsert", "true"); sum != "map[failed:1 inserted:0 total:2 updated:1]" ||
		!strings.Contains(errs, "CONFLICT") {
		t.Errorf("got %s %s", sum, errs)
	}
	if u := d.send("GET", "/api/v2/users/auth0%7Ca", "").object(t); u["nickname"] != "new" || u["created_at"] == u["updated_at"] {
		t.Errorf("got %v", u)
	}
	if sum, errs := run(`[{"email": "a@example.com"}]`, "connection_id", "con_other00000000001"); sum != "map[failed:0 inserted:1 total:1 updated:0]" || errs != "" {
		t.Errorf("another connection: got %s %s", sum, errs)
	}
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	d := newJobDesk(t, "")
	if got := d.upload(`[{"email": "` + strings.Repeat("x", 512_000) + `@example.com"}]`); got.status != 413 || !strings.Contains(got.text, "maximum allowed: 512000") {
		t.Errorf("a large file: %d %s", got.status, got.text)
	}
	if got := d.upload(`[]`, "connection_id", "con_none000000000001"); got.status != 404 {
		t.Errorf("no connection: %d %s", got.status, got.text)
	}
	bad := d.upload(`[{"email": "a@example.com"}`).object(t)
	d.upload(`[{"email": "b@example.com"}]`)
	third := d.upload(`[]`)
	if third.status != 429 || !strings.Contains(third.text, "There are 2 active import users jobs, please wait until some of them are finished and try again") {
		t.Errorf("a third job: %d %s", third.status, third.text)
	}
	d.now = d.now.Add(10 * time.Second)
	if got := d.upload(`[]`); got.status != 202 {
		t.Errorf("a place is free, and still %d %s", got.status, got.text)
	}
	if got := d.job(bad["id"]); got["status"] != "failed" || got["status_details"] != "Failed to parse users file JSON when importing users. Make sure it is valid JSON." || got["summary"] != nil {
		t.Errorf("a broken file: %v", got)
	}
	if got := d.send("GET", fmt.Sprintf("/api/v2/jobs/%v/errors", bad["id"]), "").object(t); got["status"] != "failed" {
		t.Errorf("its errors: %v", got)
	}
}

const exportSeed = `
users:
  - {user_id: auth0|a, email: a@example.com, connection: base, name: 'A "quoted" name', logins_count: 3, user_metadata: {country: DE}, created_at: "2026-01-01T00:00:00.000Z"}
  - {user_id: auth0|b, email: b@example.com, connection: base, name: =cmd, created_at: "2026-01-02T00:00:00.000Z"}
  - {user_id: auth0|c, email: c@example.com, connection: other, name: C, created_at: "2026-01-03T00:00:00.000Z"}
`

func TestExportJob(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"fields": {
			`{"connection_id": "con_base000000000001", "fields": [{"name": "user_id"}, {"name": "user_metadata"}, {"name": "identities[0].connection", "export_as": "from"}]}`,
			`{"user_id":"auth0|a","user_metadata":{"country":"DE"},"from":"base"}` + "\n" + `{"user_id":"auth0|b","from":"base"}` + "\n",
		},
		"csv": {
			`{"format": "csv", "limit": 2, "fields": [{"name": "email"}, {"name": "name"}, {"name": "logins_count"}, {"name": "user_metadata"}, {"name": "user_metadata.country", "export_as": "land"}]}`,
			"\"email\",\"name\",\"logins_count\",\"user_metadata\",\"land\"\n\"'a@example.com\",\"'A \"\"quoted\"\" name\",3,,\"'DE\"\n\"'b@example.com\",\"'=cmd\",,,\n",
		},
		"default": {
			`{"connection_id": "con_other00000000001"}`,
			`{"Id":"auth0|c","Nickname":"c","Name":"C","Email":"c@example.com","Email Verified":false,"Picture":`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newJobDesk(t, exportSeed)
			made := d.send("POST", "/api/v2/jobs/users-exports", tc.body)
			id := made.object(t)["id"]
			if made.status != 200 || d.job(id)["location"] != nil {
				t.Fatalf("got %d %s", made.status, made.text)
			}
			d.now = d.now.Add(10 * time.Second)
			location, _ := d.job(id)["location"].(string)
			got := d.fetch(location)
			z, err := gzip.NewReader(strings.NewReader(got.text))
			if err != nil {
				t.Fatalf("%v: %d %s", err, got.status, got.text)
			}
			text, err := io.ReadAll(z)
			if err != nil || !strings.HasPrefix(string(text), tc.want) {
				t.Errorf("got %s (%v), want %s", text, err, tc.want)
			}
			if !strings.HasPrefix(location, "https://exports.tenant.local/") {
				t.Errorf("the file lies at %s", location)
			}
			d.now = d.now.Add(2 * time.Minute)
			if got := d.fetch(location); got.status != 403 || !strings.Contains(got.text, "Request has expired") {
				t.Errorf("after two minutes: %d %s", got.status, got.text)
			}
			again, _ := d.job(id)["location"].(string)
			if got := d.fetch(again); got.status != 200 {
				t.Errorf("a fresh address: %d", got.status)
			}
			if got := d.fetch(strings.Replace(again, "Signature=", "Signature=0", 1)); got.status != 403 {
				t.Errorf("a forged address: %d", got.status)
			}
		})
	}
}

// fetch reads an address without a token.
func (d *jobDesk) fetch(location string) answer {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, location, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.do(req)
}
