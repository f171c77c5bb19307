package serve

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
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
// It is not parallel: the memory of other tests would be in what it measures.
//
//	A0RUN_SOAK  how long, as 24h
//	A0RUN_SEED  the seed
func TestSoak(t *testing.T) {
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
	// Runs take less than the time between two of a schedule that queues them: a
	// queue that grows all day is no leak, and would hide one.
	b.runner.changes, b.longest = 1, 24
	b.runner.takes = func(task Task) time.Duration {
		if task.Kind == engine.KindPlan {
			if err := os.WriteFile(task.Plan, []byte(task.Run), 0o600); err != nil {
				t.Error(err)
			}
		}
		return time.Duration(r.IntN(b.longest)) * time.Second
	}
	b.runner.exits = func(Task) int { return []int{0, 0, 0, 0, 0, 0, 1, 4, 5, 0}[r.IntN(10)] }
	begin := b.clock.Now()
	course := &course{t: t}
	for every := length / courseMarks; b.clock.Now().Before(begin.Add(length)); {
		soakStep(b, r)
		if !b.clock.Now().Before(begin.Add(time.Duration(len(course.marks)+1) * every)) {
			b.runner.forget()
			course.mark()
		}
	}
	course.check()
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

// forget drops what only the tests of the service count, which grows with the
// runs.
func (r *fakeRunner) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.begun)
	clear(r.resumed)
}

// A course is how much the process takes, over the time of a soak.
type course struct {
	t     testing.TB
	marks []footprint
}

// courseMarks is how often a soak is looked at.
const courseMarks = 24

// A footprint is the heap and what the process has of the machine's memory, in
// KB (0 where the machine does not tell), and its goroutines.
type footprint struct{ heap, resident, goroutines int }

func (c *course) mark() {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{heap: int(m.HeapAlloc >> 10), goroutines: runtime.NumGoroutine()}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ := strconv.Atoi(fields[1])
			f.resident = pages * os.Getpagesize() >> 10
		}
	}
	c.marks = append(c.marks, f)
	c.t.Logf("%2d/%d: heap %d KB, resident %d KB, %d goroutines", len(c.marks), courseMarks, f.heap, f.resident, f.goroutines)
}

// check wants the last quarter to take no more than the second. In the first one
// what has a bound fills up; the rings of the service among it.
func (c *course) check() {
	c.t.Helper()
	quarter := len(c.marks) / 4
	if quarter == 0 {
		c.t.Fatalf("the course has %d marks only", len(c.marks))
	}
	early, late := most(c.marks[quarter:2*quarter]), most(c.marks[len(c.marks)-quarter:])
	if late.heap > early.heap+512 {
		c.t.Errorf("the heap grows: %d KB at most in the second quarter, %d KB in the last", early.heap, late.heap)
	}
	if late.resident > early.resident+16<<10 {
		c.t.Errorf("memory grows: %d KB at most in the second quarter, %d KB in the last", early.resident, late.resident)
	}
	if late.goroutines > early.goroutines+8 { // the six runs that are being executed have one each
		c.t.Errorf("goroutines grow: %d at most in the second quarter, %d in the last", early.goroutines, late.goroutines)
	}
}

// most has the largest of each.
func most(marks []footprint) footprint {
	var m footprint
	for _, f := range marks {
		m = footprint{max(m.heap, f.heap), max(m.resident, f.resident), max(m.goroutines, f.goroutines)}
	}
	return m
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
	all := b.allRuns()
	total, outcomes, statuses := 0, map[string]int{}, map[string]int{}
	for _, p := range plots {
		fires, err := b.db.Fires(ctx, p.ID, end.Add(time.Second), 0)
		if err != nil {
			b.t.Fatal(err)
		}
		runs := all[p.ID]
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
