package serve

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/cron"
)

// A day of schedules of every kind, in virtual time, with runs that fail, that
// take too long, whose process dies, with a service that is killed, and with a
// clock that jumps: every due time is decided once, every run is over in the
// end, and neither memory nor goroutines grow.
//
//	A0RUN_SOAK  how long, as 24h
//	A0RUN_SEED  the seed
func TestSoak(t *testing.T) {
	t.Parallel()
	length, seed := 10*time.Minute, uint64(time.Now().UnixNano())
	if d, err := time.ParseDuration(os.Getenv("A0RUN_SOAK")); err == nil {
		length = d
	}
	if n, err := strconv.ParseUint(os.Getenv("A0RUN_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("A0RUN_SEED=%d A0RUN_SOAK=%s", seed, length)
	r := rand.New(rand.NewPCG(seed, 2))
	plots := soakSchedules(t)
	// Before the clocks of Berlin go forward.
	b := newBenchAt(t, time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC), plots...)
	b.setup.Limits = Limits{Runs: 6}
	b.runner.changes, b.longest = 1, 40
	b.runner.takes = func(task Task) time.Duration {
		if task.Kind == engine.KindPlan {
			if err := os.WriteFile(task.Plan, []byte(task.Run), 0o600); err != nil {
				t.Error(err)
			}
		}
		return time.Duration(r.IntN(b.longest)) * time.Second
	}
	b.runner.exits = func(Task) int { return []int{0, 0, 0, 0, 0, 0, 1, 4, 5, 0}[r.IntN(10)] }
	begin, early := b.clock.Now(), [2]int{}
	for b.clock.Now().Before(begin.Add(length)) {
		soakStep(b, r)
		if early[0] == 0 && b.clock.Now().After(begin.Add(length/4)) {
			early = footprint()
		}
	}
	late := footprint()
	t.Logf("heap %d KB after a quarter, %d KB at the end; %d goroutines, then %d", early[0], late[0], early[1], late[1])
	if late[0] > early[0]+8<<10 {
		t.Errorf("the heap has grown from %d KB to %d KB", early[0], late[0])
	}
	if late[1] > early[1]+12 { // runs that are being executed have some
		t.Errorf("goroutines: %d, then %d", early[1], late[1])
	}
	end := settle(b, plots)
	checkSoak(b, plots, begin, end)
}

func soakSchedules(t *testing.T) []*Plotted {
	t.Helper()
	return []*Plotted{
		plot(t, "queue", "every", "30s", "overlap", "queue", "missed", "all"),
		plot(t, "skip", "every", "20s"),
		plot(t, "parallel", "every", "45s", "overlap", "parallel", "missed", "all", "missed_limit", int64(5)),
		plot(t, "cancel", "every", "25s", "overlap", "cancel-old"),
		plot(t, "retries", "every", "2m", "retries", int64(3), "retry_delay", "20s", "overlap", "queue"),
		plot(t, "timeout", "every", "1m", "timeout", "15s", "jitter", "20s"),
		plot(t, "berlin", "cron", "*/5 * * * *", "zone", "Europe/Berlin", "missed", "skip"),
		plot(t, "night", "cron", "30 2 * * *", "zone", "Europe/Berlin"),
		plot(t, "black", "every", "3m", "blackout", soakWindow()),
		plot(t, "approve", "every", "10m", "approve", true, "lapse", "4m"),
	}
}

// soakStep lets some time pass, and something go wrong.
func soakStep(b *bench, r *rand.Rand) {
	ctx := context.Background()
	b.clock.Add(time.Duration(1+r.IntN(12)) * time.Second)
	if _, err := b.s.pass(ctx); err != nil {
		b.t.Fatal(err)
	}
	if r.IntN(2) == 0 {
		b.runner.step()
	}
	switch r.IntN(200) {
	case 0:
		b.kill()
	case 1:
		b.clock.Add(time.Duration(r.IntN(300)-100) * time.Second) // the clock jumps
	case 2, 3:
		if running := b.runner.ids(); len(running) > 0 {
			b.runner.crash(running[r.IntN(len(running))])
		}
	case 4:
		if waiting, err := b.s.Approvals(ctx, false); err != nil {
			b.t.Fatal(err)
		} else if len(waiting) > 0 {
			if _, err := b.s.Approve(ctx, ada, waiting[0].ID, waiting[0].Digest); err != nil {
				b.t.Log(err) // it may have lapsed
			}
		}
	case 5:
		if running := b.runner.ids(); len(running) > 0 {
			if err := b.s.Cancel(ctx, ada, running[0]); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// ids are the runs that are being executed.
func (r *fakeRunner) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id := range r.running {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// footprint is the heap in KB and the goroutines.
func footprint() [2]int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return [2]int{int(m.HeapAlloc >> 10), runtime.NumGoroutine()}
}

// settle pauses everything, and lets what runs and waits come to its end; it
// gives the time up to which everything is decided.
func settle(b *bench, plots []*Plotted) time.Time {
	b.runner.exits = func(Task) int { return 0 }
	b.longest = 1
	b.clock.Add(3 * time.Minute) // past every jump back
	b.pass()
	end := b.clock.Now()
	for _, p := range plots {
		p.Paused = true
	}
	for i := 0; i < 1500; i++ {
		if jobs, err := b.db.Jobs(context.Background()); err != nil || len(jobs) == 0 {
			if err != nil {
				b.t.Fatal(err)
			}
			break
		}
		b.clock.Add(20 * time.Second)
		b.pass()
	}
	return end
}

// checkSoak checks that nothing was lost and nothing was done twice.
func checkSoak(b *bench, plots []*Plotted, begin, end time.Time) {
	b.t.Helper()
	ctx := context.Background()
	jobs, err := b.db.Jobs(ctx)
	if err != nil || len(jobs) > 0 {
		b.t.Errorf("%d jobs are left (%v), the first %+v", len(jobs), err, jobs[:min(len(jobs), 1)])
	}
	total, outcomes, statuses := 0, map[string]int{}, map[string]int{}
	for _, p := range plots {
		fires, err := b.db.Fires(ctx, p.ID, end.Add(time.Second), 0)
		if err != nil {
			b.t.Fatal(err)
		}
		runs := b.runs(p.ID)
		slices.Reverse(fires)
		due := p.Next(begin)
		for _, f := range fires {
			if !f.Due.Equal(due) {
				b.t.Fatalf("%s: decided %s, due was %s", p.ID, f.Due, due)
			}
			due = p.Next(due)
			total++
			outcomes[f.Outcome]++
			if f.Outcome != cron.Run {
				continue
			}
			r := runs[f.Due]
			if r == nil || r.ID != f.Run {
				b.t.Fatalf("%s: the due time %s has no run", p.ID, f.Due)
			}
			statuses[r.Status]++
			if r.Status == engine.RunQueued || r.Status == engine.RunRunning {
				b.t.Errorf("%s: the run of %s is %s", p.ID, f.Due, r.Status)
			}
			delete(runs, f.Due)
		}
		if !due.After(end) {
			b.t.Errorf("%s: %s is not decided", p.ID, due)
		}
		for due, r := range runs {
			if r.Status != engine.RunInterrupted { // taken out of the queue by a newer one
				b.t.Errorf("%s: the run %s of %s belongs to no due time", p.ID, r.ID, due)
			}
		}
	}
	b.t.Logf("%d due times: %v; runs: %v", total, outcomes, statuses)
}

func soakWindow() *engine.Object {
	w := engine.NewObject(1)
	w.Set("between", "00:00-06:00")
	return w
}
