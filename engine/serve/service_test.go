package serve

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/cron"
)

var ada = Actor{Name: "ada", Role: "operator"}

// What becomes of due times by missed and overlap, when the service was away
// from 12:01:30 to 12:05:10, its clock was set back, and its runs take long.
func TestPolicies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pairs []any
		takes time.Duration
		want  string
	}{
		"once":                  {[]any{"missed", "once"}, time.Second, "12:01 run done, 12:02 covered, 12:03 covered, 12:04 covered, 12:05 run done, 12:06 run done"},
		"all":                   {[]any{"missed", "all"}, time.Second, "12:01 run done, 12:02 run done, 12:03 run done, 12:04 run done, 12:05 run done, 12:06 run done"},
		"skip":                  {[]any{"missed", "skip"}, time.Second, "12:01 run done, 12:02 missed, 12:03 missed, 12:04 missed, 12:05 run done, 12:06 run done"},
		"all, two":              {[]any{"missed", "all", "missed_limit", int64(2)}, time.Second, "12:01 run done, 12:02 missed, 12:03 run done, 12:04 run done, 12:05 run done, 12:06 run done"},
		"all, none is older":    {[]any{"missed", "all", "missed_within", "100s"}, time.Second, "12:01 run done, 12:02 missed, 12:03 missed, 12:04 run done, 12:05 run done, 12:06 run done"},
		"all, queued":           {[]any{"missed", "all", "overlap", "queue"}, 25 * time.Second, "12:01 run done, 12:02 run done, 12:03 run done, 12:04 run done, 12:05 run done, 12:06 run done"},
		"long runs are skipped": {[]any{"overlap", "skip"}, 80 * time.Second, "12:01 run done, 12:02 covered, 12:03 covered, 12:04 covered, 12:05 run done, 12:06 skipped"},
		"parallel":              {[]any{"missed", "all", "overlap", "parallel"}, 80 * time.Second, "12:01 run done, 12:02 run done, 12:03 run done, 12:04 run done, 12:05 run done, 12:06 run done"},
		"the old is cancelled":  {[]any{"missed", "all", "overlap", "cancel-old"}, 70 * time.Second, "12:01 run interrupted, 12:02 covered, 12:03 covered, 12:04 covered, 12:05 run interrupted, 12:06 run done"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, plot(t, "s", append(tc.pairs, "every", "1m", "end", "2026-03-01 12:06")...))
			b.runner.takes = func(Task) time.Duration { return tc.takes }
			b.run(70*time.Second, time.Second)
			b.clock.Add(-30 * time.Second) // set back: nothing twice
			b.run(50*time.Second, time.Second)
			b.runner.die() // away, and its runs with it
			b.clock.Add(3*time.Minute + 40*time.Second)
			b.kill()
			b.run(6*time.Minute, time.Second)
			if got := b.fires("s"); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			for due, r := range b.runs("s") {
				if b.runner.begun[r.ID] > 1 {
					t.Errorf("the run of %s was begun %d times", due, b.runner.begun[r.ID])
				}
			}
		})
	}
}

// 50 schedules are due each second, and the service is killed at random moments
// with everything that runs: every due time has exactly one run, and every run
// is over in the end.
//
//	A0RUN_SECONDS  how many seconds of virtual time
//	A0RUN_SEED     the seed
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const schedules = 50
	total, seed := 8, uint64(time.Now().UnixNano())
	if n, err := strconv.Atoi(os.Getenv("A0RUN_SECONDS")); err == nil {
		total = n
	}
	if n, err := strconv.ParseUint(os.Getenv("A0RUN_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("A0RUN_SEED=%d A0RUN_SECONDS=%d", seed, total)
	r := rand.New(rand.NewPCG(seed, 1))
	var plots []*Plotted
	for i := range schedules {
		plots = append(plots, plot(t, "s"+strconv.Itoa(i), "every", "1s", "missed", "all", "missed_limit", int64(10000), "overlap", "parallel"))
	}
	b := newBench(t, plots...)
	b.runner.takes = func(Task) time.Duration { return time.Duration(r.IntN(900)) * time.Millisecond }
	begin := b.clock.Now()
	kills := 0
	for b.clock.Now().Before(begin.Add(time.Duration(total) * time.Second)) {
		b.clock.Add(time.Duration(100+r.IntN(400)) * time.Millisecond)
		if _, err := b.s.pass(context.Background()); err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			b.runner.step()
		}
		if r.IntN(5) == 0 {
			kills++
			b.kill()
		}
	}
	end := b.clock.Now().Truncate(time.Second)
	b.pass()
	for range 20 { // what is left ends; nothing more is due
		for _, p := range plots {
			p.Paused = true
		}
		b.clock.Add(time.Second)
		b.pass()
	}
	resumed, aside := 0, 0
	for _, p := range plots {
		runs := b.runs(p.ID)
		for due := begin.Add(time.Second); !due.After(end); due = due.Add(time.Second) {
			run := runs[due]
			switch {
			case run == nil:
				t.Fatalf("A0RUN_SEED=%d: the due time %s of %s has no run", seed, due, p.ID)
			case run.Status == engine.RunSetAside && b.runner.begun[run.ID]+b.runner.resumed[run.ID] >= mostCrashes:
				aside++
			case run.Status != engine.RunDone:
				t.Errorf("A0RUN_SEED=%d: the run of %s of %s is %s: %s", seed, due, p.ID, run.Status, run.Error)
			case b.runner.begun[run.ID] > mostCrashes:
				t.Errorf("A0RUN_SEED=%d: the run of %s was begun %d times", seed, due, b.runner.begun[run.ID])
			}
			if b.runner.resumed[run.ID] > 0 {
				resumed++
			}
			delete(runs, due)
		}
		if len(runs) > 0 {
			t.Errorf("A0RUN_SEED=%d: %d runs of %s have a due time that is none", seed, len(runs), p.ID)
		}
	}
	t.Logf("%d kills; of %d runs %d were resumed, %d set aside", kills, len(b.runner.begun), resumed, aside)
	if jobs, err := b.db.Jobs(context.Background()); err != nil || len(jobs) > 0 {
		t.Errorf("%d jobs are left, %v", len(jobs), err)
	}
}

// A run whose process dies is resumed once, and the second time set aside.
func TestSetAside(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "every", "1h"))
	b.runner.takes = func(Task) time.Duration { return time.Hour }
	run, err := b.s.RunNow(context.Background(), ada, "s")
	if err != nil {
		t.Fatal(err)
	}
	b.pass()
	b.runner.crash(run)
	b.pass()
	if b.runner.resumed[run] != 1 {
		t.Fatalf("resumed %d times", b.runner.resumed[run])
	}
	b.kill()
	b.pass()
	r, err := b.db.Run(context.Background(), run)
	if err != nil || r.Status != engine.RunSetAside {
		t.Fatalf("got %s, %v", r.Status, err)
	}
	b.run(5*time.Second, time.Second)
	if b.runner.resumed[run] != 1 {
		t.Error("it was resumed a third time")
	}
	// A person goes on with it.
	b.runner.takes = func(Task) time.Duration { return time.Second }
	if err := b.s.Resume(context.Background(), ada, run, ResumeOptions{}); err != nil {
		t.Fatal(err)
	}
	b.run(5*time.Second, time.Second)
	if r, err = b.db.Run(context.Background(), run); err != nil || r.Status != engine.RunDone {
		t.Errorf("got %s, %v", r.Status, err)
	}
}

func TestRetriesAndTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "at", "2026-03-01 12:01", "retries", int64(2), "retry_delay", "1m", "timeout", "10m"))
	tries := 0
	b.runner.exits = func(Task) int {
		if tries++; tries < 3 {
			return 1
		}
		return 0
	}
	b.run(90*time.Second, time.Second)
	jobs, err := b.db.Jobs(context.Background())
	if err != nil || len(jobs) != 1 || jobs[0].Tries != 1 || !jobs[0].Begun {
		t.Fatalf("after the first failure: %+v, %v", jobs, err)
	}
	b.kill() // it is remembered
	b.run(4*time.Minute, time.Second)
	if got := b.fires("s"); got != "12:01 run done" || tries != 3 {
		t.Errorf("%s after %d tries", got, tries)
	}
	slow := newBench(t, plot(t, "s", "at", "2026-03-01 12:01", "timeout", "30s"))
	slow.runner.takes = func(Task) time.Duration { return time.Hour }
	slow.run(2*time.Minute, time.Second)
	if got := slow.fires("s"); got != "12:01 run failed" {
		t.Error(got)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "a", "every", "1h"), plot(t, "b", "every", "1h"), plot(t, "c", "every", "1h"))
	b.setup.Limits = Limits{Runs: 8, Tenants: map[string]int{"staging": 2}}
	b.runner.takes = func(Task) time.Duration { return time.Minute }
	for _, id := range []string{"a", "b", "c"} {
		if _, err := b.s.RunNow(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		b.clock.Add(time.Millisecond)
	}
	b.pass()
	queue, err := b.s.Queue(context.Background())
	if err != nil || len(queue) != 1 || queue[0].Schedule != "c" || queue[0].Waits != "the tenant staging runs 2 of 2" {
		t.Errorf("got %+v, %v", queue, err)
	}
	b.run(70*time.Second, time.Second)
	if queue, _ = b.s.Queue(context.Background()); len(queue) != 0 {
		t.Errorf("still waiting: %+v", queue)
	}
}

func TestPauseAndCancel(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "every", "1m"))
	ctx := context.Background()
	b.run(61*time.Second, time.Second)
	if err := b.s.Pause(ctx, ada, "s", b.clock.Now().Add(2*time.Minute), "maintenance"); err != nil {
		t.Fatal(err)
	}
	b.run(2*time.Minute+time.Second, time.Second)
	b.run(70*time.Second, time.Second)
	if got, want := b.fires("s"), "12:01 run done, 12:02 paused, 12:03 paused, 12:04 run done, 12:05 run done"; got != want && got != "12:01 run done, 12:02 paused, 12:03 paused, 12:04 run done" {
		t.Errorf("got %s, want %s", got, want)
	}
	b.runner.takes = func(Task) time.Duration { return time.Hour }
	run, err := b.s.RunNow(ctx, ada, "s")
	if err != nil {
		t.Fatal(err)
	}
	b.pass()
	if err := b.s.Cancel(ctx, ada, run); err != nil {
		t.Fatal(err)
	}
	b.pass()
	if r, err := b.db.Run(ctx, run); err != nil || r.Status != engine.RunInterrupted || r.Who != "ada" {
		t.Errorf("got %+v, %v", r, err)
	}
	var refused *Refusal
	if err := b.s.Cancel(ctx, ada, run); !errors.As(err, &refused) || refused.Kind != Conflict {
		t.Errorf("cancelled twice: %v", err)
	}
	audit, err := b.s.Audits(ctx, 0, 10)
	if err != nil || len(audit) != 4 || audit[0].Refused == "" || audit[3].Action != "schedule.pause" || audit[3].Detail == "" {
		t.Errorf("audit: %+v, %v", audit, err)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "every", "1h", "approve", true, "lapse", "30m"))
	ctx := context.Background()
	write := func(task Task) time.Duration {
		if task.Kind == engine.KindPlan {
			if err := os.WriteFile(task.Plan, []byte("plan of "+task.Run), 0o600); err != nil {
				t.Error(err)
			}
		}
		return time.Second
	}
	b.runner.takes, b.runner.changes = write, 3
	b.run(time.Hour+5*time.Second, 5*time.Second)
	b.kill()
	waiting, err := b.s.Approvals(ctx, false)
	if err != nil || len(waiting) != 1 || waiting[0].Summary != "3 × users.update" {
		t.Fatalf("got %+v, %v", waiting, err)
	}
	first := waiting[0]
	var refused *Refusal
	if _, err := b.s.Approve(ctx, ada, first.ID, "other"); !errors.As(err, &refused) {
		t.Errorf("another plan was approved: %v", err)
	}
	run, err := b.s.Approve(ctx, ada, first.ID, first.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.s.Approve(ctx, ada, first.ID, first.Digest); !errors.As(err, &refused) || refused.Kind != Conflict {
		t.Errorf("approved twice: %v", err)
	}
	b.run(5*time.Second, time.Second)
	if r, err := b.db.Run(ctx, run); err != nil || r.Status != engine.RunDone || r.Kind != engine.KindApply || r.Who != "ada" {
		t.Errorf("the application: %+v, %v", r, err)
	}
	// Those that follow wait until nobody may approve them any more.
	b.run(3*time.Hour, 30*time.Second)
	decided, err := b.s.Approvals(ctx, true)
	if err != nil || len(decided) != 3 || decided[0].State != ApprovalLapsed || decided[2].State != ApprovalApproved {
		t.Errorf("got %+v, %v", decided, err)
	}
	b.runner.changes = 0
	b.run(time.Hour, 30*time.Second)
	if decided, _ = b.s.Approvals(ctx, true); decided[0].State != ApprovalEmpty && decided[1].State != ApprovalEmpty {
		t.Errorf("a plan without changes: %+v", decided[0])
	}
}

// What drains is resumed by the next service and was in no crash.
func TestDrain(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "every", "1h"))
	b.runner.takes = func(Task) time.Duration { return time.Hour }
	run, err := b.s.RunNow(context.Background(), ada, "s")
	if err != nil {
		t.Fatal(err)
	}
	b.pass()
	b.setup.Drain = time.Millisecond
	b.s.drain(context.Background(), nil)
	var refused *Refusal
	if _, err := b.s.RunNow(context.Background(), ada, "s"); !errors.As(err, &refused) || refused.Kind != Stopping {
		t.Errorf("a service that drains took a run: %v", err)
	}
	jobs, err := b.db.Jobs(context.Background())
	if err != nil || len(jobs) != 1 || jobs[0].Running || jobs[0].Crashes != 0 || !jobs[0].Begun || jobs[0].Run.ID != run {
		t.Fatalf("jobs %+v, %v", jobs, err)
	}
	b.kill()
	b.pass()
	if b.runner.resumed[run] != 1 {
		t.Error("it was not resumed")
	}
}

// A service that runs for months deletes what is too old.
func TestTidy(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "at", "2026-03-01 12:01"))
	b.setup.Keep = 48 * time.Hour
	b.run(2*time.Minute, time.Second)
	b.run(80*time.Hour, 6*time.Hour)
	b.s.executed.Wait()
	if runs := b.runs("s"); len(runs) != 0 {
		t.Errorf("%d runs are left", len(runs))
	}
	if got := b.fires("s"); got != "" {
		t.Errorf("due times are left: %s", got)
	}
}

// The file of a plan that was applied is kept as long as the journal tells of it,
// and no longer; one that nobody knows of goes too.
func TestTidyPlans(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t, plot(t, "s", "at", "2026-03-01 12:01", "approve", true))
	b.setup.Keep = 5 * 24 * time.Hour
	write := func(file string) {
		if err := os.WriteFile(file, []byte("plan"), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Chtimes(file, b.clock.Now(), b.clock.Now()); err != nil {
			t.Error(err)
		}
	}
	b.runner.changes = 1
	b.runner.takes = func(task Task) time.Duration {
		if task.Kind == engine.KindPlan {
			write(task.Plan)
		}
		return time.Second
	}
	orphan := filepath.Join(filepath.Dir(b.path), "0000000000000000.plan")
	write(orphan)
	b.run(2*time.Minute, time.Second)
	waiting, err := b.s.Approvals(ctx, false)
	if err != nil || len(waiting) != 1 {
		t.Fatal(waiting, err)
	}
	if _, err := b.s.Approve(ctx, ada, waiting[0].ID, waiting[0].Digest); err != nil {
		t.Fatal(err)
	}
	there := func(file string) bool {
		_, err := os.Stat(file)
		return err == nil
	}
	kept := b.s.planFile(waiting[0].ID)
	b.run(72*time.Hour, 6*time.Hour)
	b.s.executed.Wait()
	if !there(kept) || there(orphan) {
		t.Errorf("after three days: the plan %v, that of nobody %v", there(kept), there(orphan))
	}
	b.run(96*time.Hour, 6*time.Hour)
	b.s.executed.Wait()
	if there(kept) {
		t.Error("after a week, in a journal that keeps five days, the plan is there")
	}
}

// A schedule whose timing is changed has missed nothing under the new one.
func TestChangedTiming(t *testing.T) {
	t.Parallel()
	b := newBench(t, plot(t, "s", "every", "1m", "missed", "all"))
	b.run(61*time.Second, time.Second)
	b.setup.Schedules = []*Plotted{plot(t, "s", "every", "10s", "missed", "all"), plot(t, "new", "every", "10m")}
	b.clock.Add(time.Hour)
	b.kill()
	b.pass()
	if got := b.fires("s"); got != "12:01 run done" {
		t.Error(got)
	}
	if got := b.s.next["new"]; !got.After(b.clock.Now()) {
		t.Errorf("a new schedule is due at %s", got)
	}
	b.setup.Schedules = b.setup.Schedules[1:]
	b.kill()
	gone, err := b.s.Schedule(context.Background(), "s")
	if err != nil || !gone.Gone || len(gone.Recent) != 1 || gone.Recent[0].Outcome != cron.Run {
		t.Errorf("got %+v, %v", gone, err)
	}
}
