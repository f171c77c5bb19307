package sim_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// A steerer calls the control API over a socket.
type steerer struct {
	t      *testing.T
	tenant *sim.Tenant
	client *http.Client
}

func (s *steerer) call(method, path, body, token string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.tenant.BaseURL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, err.Error()
	}
	return res.StatusCode, string(text)
}

//nolint:revive // a request has these four parts
func (s *steerer) want(status int, method, path, body, holds string) {
	s.t.Helper()
	token := s.tenant.Credentials().ControlToken
	if strings.HasPrefix(path, "/api/") {
		var err error
		if token, err = s.tenant.Token(); err != nil {
			s.t.Fatal(err)
		}
	}
	got, text := s.call(method, path, body, token)
	if got != status || !strings.Contains(text, holds) {
		s.t.Fatalf("%s %s %s: got %d %q, want %d with %q", method, path, body, got, text, status, holds)
	}
}

// TestControl steers a tenant as a test in another language does.
func TestControl(t *testing.T) {
	tenant, client := sim.Start(t, sim.Options{})
	s := &steerer{t, tenant, client}
	if status, _ := s.call("GET", "/__a0run/clock", "", "wrong"); status != 401 {
		t.Errorf("a wrong token: %d", status)
	}
	if status, _ := s.call("GET", "/__a0run/clock", "", ""); status != 401 {
		t.Errorf("no token: %d", status)
	}
	s.want(200, "POST", "/__a0run/clock", `{"set":"2031-01-02T03:04:05Z","frozen":true}`, "2031-01-02T03:04:05Z")
	s.want(200, "POST", "/__a0run/clock", `{"step":"1h"}`, "2031-01-02T04:04:05Z")
	if !tenant.Now().Equal(time.Date(2031, 1, 2, 4, 4, 5, 0, time.UTC)) {
		t.Errorf("the tenant's time is %v", tenant.Now())
	}
	s.want(201, "POST", "/api/v2/users", `{"connection":"Username-Password-Authentication","email":"a@b.example","password":"Secret-1!"}`, "2031-01-02T04:04:05.000Z")
	s.want(400, "POST", "/__a0run/clock", `{"step":"soon"}`, "write it like")
	s.want(400, "POST", "/__a0run/clock", `{"set":"soon"}`, "2026-01-31T12:00:00Z")
	s.want(400, "POST", "/__a0run/clock", `{"stepp":"1h"}`, "stepp")
	s.want(405, "DELETE", "/__a0run/clock", ``, "verb")
	s.want(404, "GET", "/__a0run/nothing", ``, "snapshots")

	s.want(200, "POST", "/__a0run/snapshots/one", "", `"one"`)
	s.want(200, "POST", "/api/v2/roles", `{"name":"r"}`, "")
	s.want(200, "PUT", "/__a0run/snapshots/one", "", `"one"`)
	s.want(200, "GET", "/api/v2/roles", "", "[]")
	s.want(404, "PUT", "/__a0run/snapshots/two", "", "no snapshot")

	s.want(200, "POST", "/__a0run/faults", `{"operation":"roles.list","status":503,"count":2}`, "roles.list")
	s.want(503, "GET", "/api/v2/roles", "", "")
	s.want(200, "GET", "/__a0run/faults", "", `"count":1`)
	s.want(200, "DELETE", "/__a0run/faults", "", `[]`)
	s.want(400, "POST", "/__a0run/faults", `{"status":99}`, "between 200 and 599")
	s.want(400, "POST", "/__a0run/faults", `{"operation":"roles.list"}`, "nothing goes wrong")
	s.want(400, "POST", "/__a0run/faults", `{"status":500,"count":-2}`, "-1 for all")
	s.want(400, "POST", "/__a0run/faults", `{"status":500,"after":-1}`, "go well before")
	s.want(200, "GET", "/api/v2/roles", "", "[]")
	s.want(400, "POST", "/__a0run/faults", `{"operation":"roles.lisst"}`, "did you mean")
	s.want(400, "POST", "/__a0run/faults", `{"reset":"during"}`, "before")
	s.want(200, "POST", "/__a0run/faults", `{"operation":"roles.list","content_type":"text/html"}`, "text/html")
	s.want(200, "GET", "/api/v2/roles", "", "[]")

	s.want(200, "POST", "/__a0run/faults", `{"operation":"users.list","stale":"1m"}`, "stale")
	s.want(200, "GET", "/api/v2/users?q=email:a@b.example", "", "[]")
	s.want(200, "GET", "/api/v2/users?q=email:a@b.example", "", "a@b.example")
	s.want(200, "GET", "/__a0run/requests", "", `"operation":"users.list"`)
	s.want(200, "GET", "/", "", "local tenant")
}

// TestFaultShare: a share of the requests goes wrong, the same ones each time.
func TestFaultShare(t *testing.T) {
	run := func() string {
		d := newDesk(t, sim.Options{})
		d.tenant.Inject(sim.Fault{Operation: "roles.list", Status: 500, Count: -1, Share: 0.3, Seed: 7})
		var b strings.Builder
		for range 200 {
			if d.send("GET", "/api/v2/roles", "").status == 500 {
				b.WriteByte('x')
			} else {
				b.WriteByte('.')
			}
		}
		return b.String()
	}
	one := run()
	if n := strings.Count(one, "x"); n < 35 || n > 85 {
		t.Errorf("%d of 200 went wrong, want about 60", n)
	}
	if two := run(); one != two {
		t.Errorf("the same seed gives\n%s\nand\n%s", one, two)
	}
}

// TestPlans: each plan has limits of buckets that the catalogue has.
func TestPlans(t *testing.T) {
	for _, plan := range sim.Plans() {
		l, err := sim.PlanLimits(plan)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sim.New(sim.Options{Limits: l}); err != nil {
			t.Errorf("%s: %v", plan, err)
		}
	}
	d := newDesk(t, sim.Options{Limits: must(sim.PlanLimits("free")), Clock: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	d.want(200, "GET", "/api/v2/roles", "")
	d.want(200, "GET", "/api/v2/clients", "")
	if a := d.want(429, "GET", "/api/v2/roles", ""); a.header.Get("X-Ratelimit-Limit") != "2" || !strings.Contains(a.text, "Global limit has been reached") {
		t.Errorf("%v %s", a.header, a.text)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
