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

// Seconds in which nothing happened are seconds too, and there are never more than
// are kept.
func TestRateHasNoGaps(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := newLive(at)
	call := func(after time.Duration) { l.take(engine.Event{Kind: engine.EventCallFinished, Time: at.Add(after)}) }
	if v := l.view(at.Add(time.Minute)); len(v.Rate) != 0 {
		t.Errorf("before the first call: %+v", v.Rate)
	}
	call(0)
	call(4 * time.Second)
	call(3 * time.Second) // by another clock; it counts now
	want := []int{1, 0, 0, 0, 2, 0, 0}
	v := l.view(at.Add(7*time.Second + time.Millisecond))
	for i, s := range v.Rate {
		if len(v.Rate) != len(want) || s.Calls != want[i] || !s.At.Equal(at.Add(time.Duration(i)*time.Second)) || s.Remaining != -1 {
			t.Fatalf("got %+v, want %v", v.Rate, want)
		}
	}
	for _, after := range []time.Duration{200 * time.Second, 400 * time.Second, 5000 * time.Second} {
		call(after)
		v = l.view(at.Add(after))
		if n := len(v.Rate); n > keptSeconds || v.Rate[n-1].Calls != 1 || !v.Rate[n-1].At.Equal(at.Add(after)) {
			t.Fatalf("after %s: %d seconds, the last %+v", after, n, v.Rate[n-1])
		}
		for i := 1; i < len(v.Rate); i++ {
			if v.Rate[i].At.Sub(v.Rate[i-1].At) != time.Second {
				t.Fatalf("after %s: %s follows %s", after, v.Rate[i].At, v.Rate[i-1].At)
			}
		}
	}
}
