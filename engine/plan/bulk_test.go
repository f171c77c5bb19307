package plan_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"a0run/engine"
	"a0run/engine/plan"
)

// crowd is a seed of n users, many of one created_at.
func crowd(n int) string {
	var b strings.Builder
	b.WriteString(`{"connections":[{"id":"con_db","name":"db","strategy":"auth0"}],"users":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"user_id":"auth0|u%06d","email":"u%06d@example.com","connection":"db","blocked":%v,"created_at":"2025-01-01T%02d:%02d:00.000Z"}`,
			i, i, i%3 == 0, i/600%24, i/10%60)
	}
	b.WriteString("]}")
	return b.String()
}

// TestWalksAreRight: a walk over a large tenant sees every user once, while the
// plan patches, deletes and creates in it.
func TestWalksAreRight(t *testing.T) {
	t.Parallel()
	for name, loop := range map[string]string{
		"patch":           `auth0.users.update(u.user_id, {blocked=false})`,
		"delete":          `auth0.users.delete(u.user_id)`,
		"delete every 3d": `if n % 3 == 0 then auth0.users.delete(u.user_id) end`,
		"create":          `if n % 500 == 0 then auth0.users.create{connection="db", email="new" .. n .. "@example.com", password="Pa55word!long"} end`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, crowd(2500))
			mustPlan(t, d, "p.lua", fmt.Sprintf(`
auth0.users.update("auth0|u000001", {name="first"})
auth0.users.delete("auth0|u000002")
local seen, n = {}, 0
for u in auth0.users.each() do
  assert(not seen[u.user_id], "twice: " .. u.user_id)
  seen[u.user_id] = true
  n = n + 1
  %s
end
local want = 2499
for i = 0, 2499 do if i ~= 2 then assert(seen[string.format("auth0|u%%06d", i)], "missed " .. i) end end
local left = 0
for u in auth0.users.each{q='email:*example*'} do left = left + 1 end
print(n .. " " .. left)
`, loop))
			want := map[string]string{"patch": "2499 2499", "delete": "2499 0", "delete every 3d": "2499 1666", "create": "2503 2504"}[name]
			if name == "create" {
				if got := d.out[0]; !strings.HasPrefix(got, "250") {
					t.Errorf("got %s", got)
				}
				return
			}
			if d.out[0] != want {
				t.Errorf("got %s, want %s", d.out[0], want)
			}
		})
	}
}

// TestBlockedSearchShrinks: a loop over a search whose users leave it.
func TestBlockedSearchShrinks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, crowd(4500))
	p := mustPlan(t, d, "p.lua", `
local n = 0
for u in auth0.users.each{q="blocked:true"} do
  auth0.users.update(u.user_id, {blocked=false})
  n = n + 1
end
print(n, #auth0.users.list{q="blocked:true"})
`)
	if d.out[0] != "1500\t0" {
		t.Errorf("got %q", d.out[0])
	}
	var b bytes.Buffer
	if err := p.Text(&b, plan.RenderOptions{Limit: 3}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "~ and 1,497 more users\n      ~ blocked  true → false") {
		t.Errorf("got %s", b.String())
	}
	requests := len(d.tenant.Requests())
	if requests > 60 {
		t.Errorf("%d requests for 1,500 of 4,500 users", requests)
	}
}

// TestReadsAreNotDoubled: a job that lists and patches asks for no user by
// itself.
func TestReadsAreNotDoubled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, crowd(1000))
	p := mustPlan(t, d, "p.lua", `
parallel.each(auth0.users.each(), function(u) auth0.users.update(u.user_id, {app_metadata={seen=true}}) end)
`)
	if n := len(d.tenant.Requests()); n > 12 {
		t.Errorf("%d requests", n)
	}
	if len(p.Pending()) != 1000 {
		t.Errorf("%d changes", len(p.Pending()))
	}
}

// BenchmarkBulkPlan measures the memory of a plan of 100,000 patched users: of
// the overlay, and of the plan that stays when the run has ended.
func BenchmarkBulkPlan(b *testing.B) {
	const users = 100_000
	live := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for range b.N {
		d := newDesk(b, crowd(users))
		var planner *plan.Planner
		err := d.run("p.lua", `for u in auth0.users.each() do auth0.users.update(u.user_id, {blocked=true}) end`,
			&setting{stages: func(o plan.Options) []engine.Stage {
				planner = plan.New(o)
				return []engine.Stage{planner.Stage}
			}})
		if err != nil {
			b.Fatal(err)
		}
		all := live()
		p := planner.Result(nil)
		planner = nil
		kept := live()
		file, err := plan.Marshal(p, plan.Keeper{Key: key(), Redactor: engine.NewRedactor()})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(file))/users, "file-B/user")
		b.ReportMetric(float64(len(p.Changes)), "changes")
		runtime.KeepAlive(p)
		p = nil
		rest := live()
		runtime.KeepAlive(d)
		b.ReportMetric((all-kept)/users, "overlay-B/user")
		b.ReportMetric((kept-rest)/users, "plan-B/user")
	}
}
