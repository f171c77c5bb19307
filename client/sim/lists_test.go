package sim_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"a0run/client/sim"
)

func manyUsers(n int) []byte {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {user_id: \"auth0|%04d\", email: u%d@example.com, created_at: \"2024-01-%02dT00:00:00.000Z\", app_metadata: {n: %d}}\n", i, i, 1+i%28, i)
	}
	return []byte(b.String())
}

func TestUserListingEndsAtAThousand(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: manyUsers(1205)})
	page := d.want(200, "GET", users+"?page=9&per_page=100&include_totals=true", "").object(t)
	if page["total"] != 1205.0 || page["start"] != 900.0 || page["limit"] != 100.0 || page["length"] != 100.0 || len(page["users"].([]any)) != 100 {
		t.Fatalf("got start %v, limit %v, length %v, total %v", page["start"], page["limit"], page["length"], page["total"])
	}
	for _, q := range []string{"page=10&per_page=100", "page=20", "page=14&per_page=70"} {
		a := d.want(400, "GET", users+"?"+q, "").object(t)
		if a["errorCode"] != "invalid_paging" || a["message"] != "Requesting page exceeds the allowed maximum of 1000 records." {
			t.Fatalf("%s: %v", q, a)
		}
	}
	got := d.want(200, "GET", users+"?per_page=100&q="+url.QueryEscape(`created_at:[2024-01-03 TO 2024-01-04]`)+"&sort=email:-1&fields=email,user_id", "").list(t)
	if len(got) != 86 {
		t.Fatalf("%d users of two days, want 86", len(got))
	}
	last := ""
	for i, v := range got {
		u := v.(map[string]any)
		if len(u) != 2 || i > 0 && u["email"].(string) > last {
			t.Fatalf("%d: %v after %s", i, u, last)
		}
		last = u["email"].(string)
	}
	bad := d.want(400, "GET", users+"?q=name:", "").object(t)
	if bad["errorCode"] != "invalid_query_string" || !strings.Contains(bad["message"].(string), "column 6") {
		t.Fatalf("got %v", bad)
	}
}

func TestQueryIsChecked(t *testing.T) {
	d := newDesk(t, sim.Options{})
	for _, q := range []string{"per_page=101", "page=-1", "per_page=many", "nonsense=1", "include_totals=perhaps", "sort=email:2"} {
		if a := d.send("GET", users+"?"+q, ""); a.status != 400 || a.object(t)["errorCode"] != "invalid_query_string" {
			t.Errorf("%s: got %d %s", q, a.status, a.text)
		}
	}
}

// TestCheckpoint walks a listing by take and from: every client once, also
// when some are deleted in between, and an empty page after a full last one.
func TestCheckpoint(t *testing.T) {
	d := newDesk(t, sim.Options{})
	for i := range 8 {
		d.want(201, "POST", "/api/v2/clients", fmt.Sprintf(`{"name":"c%d"}`, i))
	}
	seen := map[string]int{}
	path, pages := "/api/v2/clients?is_global=false&take=5&include_totals=true", 0
	for next := ""; ; pages++ {
		at := path
		if next != "" {
			at += "&from=" + url.QueryEscape(next)
		}
		page := d.want(200, "GET", at, "").object(t)
		if page["total"] != nil {
			t.Fatal("take beats include_totals")
		}
		list := page["clients"].([]any)
		for _, v := range list {
			id := v.(map[string]any)["client_id"].(string)
			seen[id]++
			if pages == 0 && !strings.HasPrefix(id, "a0run") {
				d.want(204, "DELETE", "/api/v2/clients/"+id, "")
			}
		}
		var more bool
		if next, more = page["next"].(string); !more {
			if pages == 2 && len(list) != 0 {
				t.Fatalf("the page after a full last one has %d clients", len(list))
			}
			break
		}
	}
	if len(seen) != 10 || pages != 2 {
		t.Fatalf("%d clients on %d pages", len(seen), pages+1)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	d.want(400, "GET", "/api/v2/clients?take=5&from=%21%21", "")
}

func TestFilters(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
connections: [{name: db, strategy: auth0}, {name: goo, strategy: google-oauth2}, {name: db2, strategy: auth0}]
roles: [{name: Admin}, {name: admin-of-x}, {name: other}]
rules: [{name: r, enabled: false}]
`)})
	for path, want := range map[string]int{
		"/api/v2/connections?strategy=auth0":                                2,
		"/api/v2/connections?strategy=auth0&strategy=google-oauth2":         3,
		"/api/v2/connections?name=goo":                                      1,
		"/api/v2/roles?name_filter=admin":                                   2,
		"/api/v2/clients?app_type=non_interactive":                          2,
		"/api/v2/clients?app_type=spa,native":                               0,
		"/api/v2/clients?is_first_party=true&is_global=false":               2,
		"/api/v2/clients?is_global=true":                                    1,
		"/api/v2/rules?enabled=true":                                        0,
		"/api/v2/rules?enabled=false":                                       1,
		"/api/v2/client-grants?client_id=" + "nobody":                       0,
		"/api/v2/resource-servers?identifiers=https://tenant.local/api/v2/": 1,
	} {
		if got := d.want(200, "GET", path, "").list(t); len(got) != want {
			t.Errorf("%s: %d, want %d", path, len(got), want)
		}
	}
	got := d.want(200, "GET", "/api/v2/connections?fields=options,strategy&include_fields=false", "").list(t)
	if c := got[0].(map[string]any); c["options"] != nil || c["strategy"] != nil || c["name"] == nil {
		t.Errorf("got %v", c)
	}
}

// TestConcurrently changes and lists from many sides at once; with -race it
// shows that nothing stored is changed in place.
func TestConcurrently(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: manyUsers(50)})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 40 {
				id := fmt.Sprintf("%s/auth0%%7C%04d", users, (w+i)%50)
				switch i % 5 {
				case 0:
					d.send("PATCH", id, fmt.Sprintf(`{"app_metadata":{"w%d":%d}}`, w, i))
				case 1:
					d.send("GET", users+"?q=email:u1*&sort=email:1", "")
				case 2:
					d.send("GET", id, "")
				case 3:
					d.send("POST", "/api/v2/roles", fmt.Sprintf(`{"name":"r%d-%d"}`, w, i))
				case 4:
					d.send("GET", "/api/v2/roles?include_totals=true", "")
				}
			}
		})
	}
	all.Wait()
	got := d.want(200, "GET", "/api/v2/roles?per_page=100&include_totals=true", "").object(t)
	if got["total"] != 64.0 {
		t.Fatalf("%v roles were made of 64", got["total"])
	}
	ids := map[string]bool{}
	for _, v := range got["roles"].([]any) {
		ids[v.(map[string]any)["id"].(string)] = true
	}
	if len(ids) != 64 {
		t.Fatalf("%d ids of 64 roles", len(ids))
	}
	for _, r := range d.tenant.Requests() {
		if r.Status >= 300 || r.Status == 0 || r.Operation == "" {
			t.Fatalf("%s %s: %d", r.Method, r.Path, r.Status)
		}
	}
}

func TestLogsAfterAnID(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
logs:
  - {log_id: "900", type: s, date: "2026-01-01T00:00:00.000Z"}
  - {log_id: "901", type: f, date: "2026-01-01T00:00:01.000Z"}
  - {log_id: "902", type: s, date: "2026-01-01T00:00:02.000Z"}
`)})
	for path, want := range map[string]string{
		"?take=2":               "900 901",
		"?take=2&from=901":      "902",
		"?take=2&from=902":      "",
		"?q=type:s":             "902 900",
		"?q=type:s&sort=date:1": "900 902",
		"?per_page=1&page=1":    "901",
		"?from=900&take=100":    "901 902",
	} {
		var got []string
		for _, v := range d.want(200, "GET", "/api/v2/logs"+path, "").list(t) {
			got = append(got, v.(map[string]any)["log_id"].(string))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %s, want %s", path, s, want)
		}
	}
	d.want(400, "GET", "/api/v2/logs?from=nope&take=5", "")
	d.want(200, "GET", "/api/v2/logs/901", "")
	d.want(404, "GET", "/api/v2/logs/999", "")
}

func TestDeployMakesAVersion(t *testing.T) {
	d := newDesk(t, sim.Options{})
	id := d.want(201, "POST", "/api/v2/actions/actions", `{"name":"a","code":"x","supported_triggers":[{"id":"post-login","version":"v3"}]}`).object(t)["id"].(string)
	for n := 1.0; n < 3; n++ {
		v := d.want(200, "POST", "/api/v2/actions/actions/"+id+"/deploy", "").object(t)
		if v["number"] != n || v["deployed"] != false || v["action"] == nil {
			t.Fatalf("version %v", v)
		}
	}
	list := d.want(200, "GET", "/api/v2/actions/actions/"+id+"/versions", "").object(t)
	if list["total"] != 2.0 || list["versions"].([]any)[0].(map[string]any)["deployed"] != false {
		t.Fatalf("versions %v", list)
	}
}
