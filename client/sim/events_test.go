package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// told are the tenant's events of some types, oldest first.
func (d *desk) told(types ...string) []map[string]any {
	d.t.Helper()
	var out []map[string]any
	for _, v := range d.want(200, "GET", "/api/v2/logs?per_page=100&sort=date:1&q=type:("+strings.Join(types, "%20OR%20")+")", "").list(d.t) {
		out = append(out, v.(map[string]any))
	}
	return out
}

// TestEventsOfLimits: a bucket that refuses writes api_limit at once and again a
// minute later, one that is used up by four fifths api_limit_warning, each bucket
// its own.
func TestEventsOfLimits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{
		Clock: func() time.Time { return now },
		Limits: sim.Limits{Rate: 1, Burst: 5, Groups: map[string]sim.Limit{
			"users.read": {Rate: 1, Burst: 2}, "passwordless.start": {Rate: 1, Burst: 1, By: "ip"},
		}},
	})
	codes := func() string {
		var out []string
		now = now.Add(30 * time.Second) // so that the log can be read
		for _, e := range d.told("api_limit", "api_limit_warning") {
			details := e["details"].(map[string]any)
			bucket := ""
			if l, ok := details["limit"].(map[string]any); ok {
				bucket = fmt.Sprint(" ", l["bucket"], " ", l["usage"], "/", l["size"], " ", l["global"])
			}
			request := details["request"].(map[string]any)
			out = append(out, fmt.Sprint(e["type"], bucket, " ", request["method"], " ", request["path"], " ", e["client_id"] != nil))
		}
		return strings.Join(out, "\n")
	}
	for range 4 { // one more than the group has twice
		d.send("GET", users+"/auth0%7Ca", "")
	}
	const group = "api_limit_warning users.read 2/2 false get /api/v2/users/{id} true\napi_limit get /api/v2/users/{id} true"
	const whole = "\napi_limit_warning management 4/5 true get /api/v2/users/{id} true"
	// The fourth takes of the global bucket what the group then refuses.
	if got := codes(); got != group+whole {
		t.Errorf("after four reads:\n%s\nwant\n%s", got, group+whole)
	}
	for range 7 {
		d.send("GET", "/api/v2/roles", "")
	}
	const global = "\napi_limit get /api/v2/roles true"
	if got := codes(); got != group+whole+global {
		t.Errorf("after seven more of the same minute:\n%s\nwant\n%s", got, group+whole+global)
	}
	if e := d.told("api_limit"); e[1]["description"] != "Global limit has been reached" || e[0]["description"] == e[1]["description"] {
		t.Errorf("descriptions %v, %v", e[0]["description"], e[1]["description"])
	}
	now = now.Add(time.Minute)
	for range 7 {
		d.send("GET", "/api/v2/roles", "")
	}
	const again = "\napi_limit_warning management 4/5 true get /api/v2/roles true\napi_limit get /api/v2/roles true"
	if got := codes(); got != group+whole+global+again {
		t.Errorf("a minute later:\n%s\nwant\n%s", got, group+whole+global+again)
	}
	for range 2 {
		d.form("/passwordless/start", map[string]string{"client_id": "x", "connection": "email", "email": "a@example.com", "send": "code"})
	}
	const own = "\napi_limit_warning passwordless.start 1/1 false post /passwordless/start false\napi_limit post /passwordless/start false"
	if got := codes(); got != group+whole+global+again+own {
		t.Errorf("at the Authentication API:\n%s\nwant\n%s", got, group+whole+global+again+own)
	}
}

// TestEventsOfUsers: a PATCH that changes what a user logs in with says so in the
// log, and a change that another user stands against.
func TestEventsOfUsers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: []byte(`
users:
  - {user_id: auth0|ann, email: ann@example.com, username: ann}
  - {user_id: auth0|bob, email: bob@example.com, username: bob}
`)})
	const conn = `"connection":"Username-Password-Authentication"`
	ann := users + "/auth0%7Cann"
	d.want(200, "PATCH", ann, `{"email":"ANN@example.com",`+conn+`}`) // the same
	d.want(200, "PATCH", ann, `{"name":"Ann"}`)
	d.want(200, "PATCH", ann, `{"email":"ann2@example.com","verify_email":true,`+conn+`}`)
	d.want(200, "PATCH", ann, `{"username":"ann2",`+conn+`}`)
	d.want(400, "PATCH", ann, `{"email":"bob@example.com",`+conn+`}`)
	d.want(400, "PATCH", ann, `{"username":"bob",`+conn+`}`)
	var got []string
	for _, e := range d.told("sce", "fce", "scu", "fcu") {
		body := e["details"].(map[string]any)["body"].(map[string]any)
		got = append(got, fmt.Sprintf("%v %v %v %v: %v, %v, %v, %v, %v %v", e["type"], e["user_id"], e["connection"], e["strategy"],
			body["email"], body["newEmail"], body["oldUsername"], body["newUsername"], body["verify"], e["description"]))
	}
	want := []string{
		"sce auth0|ann Username-Password-Authentication auth0: ann@example.com, ann2@example.com, <nil>, <nil>, true <nil>",
		"scu auth0|ann Username-Password-Authentication auth0: ann2@example.com, <nil>, ann, ann2, false <nil>",
		"fce auth0|ann Username-Password-Authentication auth0: ann2@example.com, bob@example.com, <nil>, <nil>, false The specified new email already exists",
		"fcu auth0|ann Username-Password-Authentication auth0: ann2@example.com, <nil>, ann2, bob, false The specified new username already exists",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPromptsApart: each page of a log-in has a bucket of its own, and all of them
// one together.
func TestPromptsApart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	l, err := sim.PlanLimits("essentials-professional")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, sim.Options{Limits: l, Clock: func() time.Time { return now }})
	post := func(path string) int { return d.form(path, map[string]string{"state": "x"}).status }
	for i := range 11 {
		now = now.Add(40 * time.Millisecond) // the whole API gives 25 a second
		if got := post("/u/login"); (got == 429) != (i == 10) {
			t.Errorf("post %d: %d", i+1, got)
		}
	}
	if got := post("/u/signup"); got == 429 {
		t.Errorf("another page is refused: %d", got)
	}
	for i := range 21 {
		now = now.Add(40 * time.Millisecond)
		if a := d.send("GET", "/u/reset-verify?ticket=x", ""); a.status == 429 {
			t.Errorf("the page of a password's reset is refused at %d", i+1)
		}
	}
}
