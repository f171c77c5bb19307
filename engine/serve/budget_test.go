package serve

import (
	"context"
	"testing"
	"time"

	"a0run/engine"
)

// What a run tells of the rate limit is on its own page and on the tenant's, as
// long as it is news.
func TestBudgetOfARun(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "bulk", "every", "10m"))
	b.runner.takes = func(Task) time.Duration { return time.Hour }
	b.run(11*time.Minute, time.Minute)
	ids := b.runner.ids()
	if len(ids) != 1 {
		t.Fatalf("runs: %v", ids)
	}
	tenant := func() TenantView {
		t.Helper()
		all, err := b.s.Tenants(context.Background())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0]
	}
	if v := tenant(); v.Remaining != -1 || v.Budget != -1 || !v.Reset.IsZero() {
		t.Errorf("before anything was told: %+v", v)
	}
	at := b.clock.Now()
	tell := func(role string, remaining, limit int, left int64) {
		full := at.Add(30 * time.Second)
		e := engine.Event{Kind: engine.EventBudget, Time: at, Tenant: role, Budget: &engine.Budget{Rate: 12, Waiting: 3}}
		if limit > 0 {
			e.Budget.Bucket, e.Budget.Limit, e.Budget.Remaining, e.Budget.PerSecond, e.Budget.Full, e.Budget.LeftMS = "management", limit, &remaining, 16, &full, &left
		}
		b.runner.running[ids[0]].sink(e)
	}
	tell("source", 0, 0, 0) // a tenant that tells nothing
	tell("default", 20, 50, 40_000)
	tell("other", 1, 2, 10_000) // of which more is left, and which is another tenant's
	if v := tenant(); v.Remaining != 20 || v.Budget != 50 || v.PerSecond != 16 || !v.Reset.Equal(at.Add(30*time.Second)) {
		t.Errorf("the tenant: %+v", v)
	}
	live, ok := b.s.Live(ids[0])
	if n := len(live.Rate); !ok || n == 0 || live.Rate[n-1].Remaining != 20 || live.Rate[n-1].Limit != 50 {
		t.Errorf("the run: %+v", live.Rate)
	}
	if !live.Estimated || live.Left != 40*time.Second {
		t.Errorf("left: %s, estimated %v", live.Left, live.Estimated)
	}
	b.clock.Add(4 * time.Second)
	if live, _ = b.s.Live(ids[0]); live.Left != 36*time.Second || live.Part <= 0 || live.Part >= 1 {
		t.Errorf("4 s later: %s left, part %v", live.Left, live.Part)
	}
	b.clock.Add(4 * time.Second)
	if live, _ = b.s.Live(ids[0]); live.Estimated {
		t.Errorf("what was told 8 s ago is no estimate of now: %s", live.Left)
	}
	if v := tenant(); v.Remaining != -1 {
		t.Errorf("what was told 8 s ago is nothing of now: %+v", v)
	}
}
