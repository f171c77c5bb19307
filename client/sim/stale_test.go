package sim_test

import (
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// TestStaleSearch: an index that lags shows who was edited as they were, misses
// who is new and has who is gone; reads by id and by e-mail know.
func TestStaleSearch(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }, Seed: []byte(`
users:
  - {user_id: auth0|a, email: a@example.com, created_at: "2024-01-01T00:00:00.000Z", app_metadata: {plan: free}}
  - {user_id: auth0|b, email: b@example.com, created_at: "2024-01-02T00:00:00.000Z", app_metadata: {plan: free}}
  - {user_id: auth0|c, email: c@example.com, created_at: "2024-01-03T00:00:00.000Z", app_metadata: {plan: gold}}
faults: [{operation: users.list, stale: 3s, count: -1}]
`)})
	found := func(query string) string {
		t.Helper()
		var out []string
		for _, v := range d.want(200, "GET", users+"?"+query, "").list(t) {
			u := v.(map[string]any)
			meta, _ := u["app_metadata"].(map[string]any)
			plan, _ := meta["plan"].(string)
			out = append(out, strings.TrimPrefix(u["user_id"].(string), "auth0|")+"="+plan)
		}
		return strings.Join(out, " ")
	}
	const free, gold = "q=app_metadata.plan:free&sort=user_id:1", "q=app_metadata.plan:gold&sort=user_id:-1"
	now = now.Add(10 * time.Second)
	d.want(200, "PATCH", users+"/auth0%7Ca", `{"app_metadata":{"plan":"gold"}}`)
	now = now.Add(time.Second)
	d.want(200, "PATCH", users+"/auth0%7Ca", `{"app_metadata":{"plan":"none"}}`)
	d.want(204, "DELETE", users+"/auth0%7Cb", "")
	d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","user_id":"d","email":"d@example.com","password":"Secret-1","app_metadata":{"plan":"free"}}`)
	for i, c := range []struct {
		later             time.Duration
		free, gold, whole string
	}{
		{0, "a=free b=free", "c=gold", "a=free b=free c=gold"},
		{2 * time.Second, "b=free", "c=gold a=gold", "a=gold b=free c=gold"},
		{1100 * time.Millisecond, "d=free", "c=gold", "a=none c=gold d=free"},
	} {
		now = now.Add(c.later)
		if got := found(free); got != c.free {
			t.Errorf("%d: free: got %q, want %q", i, got, c.free)
		}
		if got := found(gold); got != c.gold {
			t.Errorf("%d: gold: got %q, want %q", i, got, c.gold)
		}
		if got := found(""); got != c.whole {
			t.Errorf("%d: all: got %q, want %q", i, got, c.whole)
		}
		if u := d.want(200, "GET", users+"/auth0%7Ca", "").object(t); u["app_metadata"].(map[string]any)["plan"] != "none" {
			t.Errorf("%d: a read by id is stale: %v", i, u)
		}
		if got := d.want(200, "GET", "/api/v2/users-by-email?email=d@example.com", "").list(t); len(got) != 1 {
			t.Errorf("%d: users-by-email is stale", i)
		}
	}
}
