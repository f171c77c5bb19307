package serve

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/journal"
	"a0run/engine/plan"
	"a0run/engine/seal"
	"a0run/engine/undo"
)

// A fakeClock is virtual time.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A fakeLoader gives schedules that never change.
type fakeLoader struct{ setup *Setup }

func (l *fakeLoader) Load(*Setup) (*Setup, error) { return l.setup, nil }
func (l *fakeLoader) Changed() bool               { return false }

// plot makes a schedule of keys and values.
func plot(tb testing.TB, id string, pairs ...any) *Plotted {
	tb.Helper()
	tree := engine.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		tree.Set(key, pairs[i+1])
	}
	s, problems := cron.Parse(tree, func(string) engine.Position { return engine.Position{File: "a0run.yaml"} })
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	s.ID = id
	job := Spec{
		Kind: engine.KindRun, Playbook: "/p/" + id + ".lua", Tenants: map[string]string{"default": "staging"}, Parallel: s.Overlap == cron.OverlapParallel,
		Timeout: s.Timeout, Retries: s.Retries, RetryDelay: s.RetryDelay,
	}
	if s.Approve {
		job.Kind, job.Lapse = engine.KindPlan, s.Lapse
	}
	return &Plotted{Schedule: s, Playbook: id + ".lua", Path: job.Playbook, Job: job}
}

// A fakeRunner executes runs in virtual time: it begins them in the journal as
// a process would, and ends them when the test says so. Each execution is
// another owner; one that is dropped leaves what a killed process leaves.
type fakeRunner struct {
	t     testing.TB
	clock *fakeClock
	path  string // of the journal
	box   *seal.Box

	mu      sync.Mutex
	db      *journal.DB // a connection of its own, as other processes have
	running map[string]*fakeRun
	begun   map[string]int // how often each run was begun, resumed not counted
	resumed map[string]int
	changes int // of plans
	// takes is how long a run takes; exits its exit code.
	takes func(task Task) time.Duration
	exits func(task Task) int
}

type fakeRun struct {
	r      *fakeRunner
	task   Task
	sink   func(engine.Event)
	lease  engine.Lease
	until  time.Time
	done   chan struct{}
	result Result
	over   bool
}

func (r *fakeRunner) Start(task Task, sink func(engine.Event)) (Execution, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &fakeRun{r: r, task: task, sink: sink, done: make(chan struct{}), until: r.clock.Now().Add(r.takes(task))}
	var err error
	if r.db == nil {
		if r.db, err = journal.Open(context.Background(), journal.Options{Path: r.path, Now: r.clock.Now}); err != nil {
			return nil, err
		}
	}
	owner := engine.Owner{ID: engine.NewID(), Name: "fake", TTL: time.Hour}
	if task.Resume {
		r.resumed[task.Run]++
		f.lease, err = r.db.Claim(context.Background(), task.Run, owner)
	} else {
		r.begun[task.Run]++
		f.lease, err = r.db.Begin(context.Background(), &engine.RunRecord{ID: task.Run, Kind: task.Kind, Playbook: task.Playbook, Started: r.clock.Now()}, owner)
	}
	if err != nil {
		return nil, err
	}
	r.running[task.Run] = f
	sink(engine.Event{Kind: engine.EventRunStarted, Run: task.Run, Time: r.clock.Now()})
	return f, nil
}

// step ends what is over by now.
func (r *fakeRunner) step() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.running {
		if !f.until.After(r.clock.Now()) {
			f.end(r.exits(f.task))
		}
	}
}

// die drops every execution, as a loss of power does: nothing is ended.
func (r *fakeRunner) die() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, f := range r.running {
		f.over = true
		delete(r.running, id)
		close(f.done) // a dead service hears nothing; what waits for it here must end
	}
	if r.db != nil {
		_ = r.db.Close() // which gives up the locks and ends nothing
		r.db = nil
	}
}

// end ends one execution in the journal; the caller holds the runner's mu.
func (f *fakeRun) end(exit int) {
	if f.over {
		return
	}
	f.over = true
	delete(f.r.running, f.task.Run)
	status := map[int]string{engine.ExitOK: engine.RunDone, engine.ExitItems: engine.RunItems, engine.ExitInterrupted: engine.RunInterrupted}[exit]
	if status == "" {
		status = engine.RunFailed
	}
	if err := f.r.db.Finish(context.Background(), f.lease, engine.RunEnd{Status: status, Exit: exit, At: f.r.clock.Now()}); err != nil {
		f.r.t.Error(err)
	}
	f.result = Result{Exit: exit}
	close(f.done)
}

func (f *fakeRun) Stop() {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	f.end(engine.ExitInterrupted)
}

// crash is the death of one run's process.
func (r *fakeRunner) crash(run string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.running[run]
	f.over = true
	delete(r.running, run)
	_ = r.db.Release(context.Background(), f.lease) // as the lock of a process that died
	f.result = Result{Exit: 1, Crashed: true}
	close(f.done)
}

func (f *fakeRun) Kill()                 { f.r.crash(f.task.Run) }
func (f *fakeRun) Done() <-chan struct{} { return f.done }
func (f *fakeRun) Result() Result        { return f.result }

func (r *fakeRunner) PreviewUndo(context.Context, string, UndoOptions) (*undo.Preview, error) {
	return &undo.Preview{}, nil
}

func (r *fakeRunner) ReadPlan(string) (*plan.Plan, error) {
	p := &plan.Plan{ID: "p"}
	for range r.changes {
		p.Changes = append(p.Changes, &plan.Change{Operation: "users.update"})
	}
	return p, nil
}

// A bench is a service in virtual time.
type bench struct {
	t      testing.TB
	clock  *fakeClock
	runner *fakeRunner
	setup  *Setup
	path   string
	box    *seal.Box
	s      *Service
	db     *journal.DB
	// longest is how many seconds a run of the soak takes at most.
	longest int
}

func newBench(tb testing.TB, plots ...*Plotted) *bench {
	tb.Helper()
	return newBenchAt(tb, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), plots...)
}

func newBenchAt(tb testing.TB, now time.Time, plots ...*Plotted) *bench {
	tb.Helper()
	box, err := seal.New(make([]byte, seal.KeySize))
	if err != nil {
		tb.Fatal(err)
	}
	clock := &fakeClock{now: now}
	path := filepath.Join(tb.TempDir(), "journal.db")
	b := &bench{t: tb, clock: clock, path: path, box: box, setup: &Setup{
		Schedules: plots, Tenants: []TenantView{{Name: "staging"}}, Drain: time.Second,
	}}
	for _, p := range plots {
		b.setup.Playbooks = append(b.setup.Playbooks, PlaybookView{ID: p.Playbook, Path: p.Path, Language: "lua", Roles: []RoleView{{Role: "default", Tenant: "staging"}}})
	}
	b.runner = &fakeRunner{
		t: tb, clock: clock, path: path, box: box, running: map[string]*fakeRun{}, begun: map[string]int{}, resumed: map[string]int{},
		takes: func(Task) time.Duration { return time.Second }, exits: func(Task) int { return 0 },
	}
	b.open()
	tb.Cleanup(func() {
		b.runner.die()
		_ = b.db.Close()
	})
	return b
}

// open begins a service on the journal, as a new process does.
func (b *bench) open() {
	b.t.Helper()
	db, err := journal.Open(context.Background(), journal.Options{Path: b.path, Now: b.clock.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	b.db = db
	b.s, err = New(Options{
		Journal: db, Box: b.box, Runner: b.runner, Loader: &fakeLoader{b.setup}, Now: b.clock.Now, Name: "test", Plans: filepath.Dir(b.path),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.s.recover(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

// kill ends the service and its runs as a loss of power does, and begins anew.
func (b *bench) kill() {
	b.t.Helper()
	b.runner.die()
	_ = b.db.Close()
	b.open()
}

// pass lets the service look until nothing changes any more.
func (b *bench) pass() {
	b.t.Helper()
	for range 3 {
		if _, err := b.s.pass(context.Background()); err != nil {
			b.t.Fatal(err)
		}
		b.runner.step()
	}
}

// run lets time pass in steps.
func (b *bench) run(d, step time.Duration) {
	b.t.Helper()
	for end := b.clock.Now().Add(d); b.clock.Now().Before(end); {
		b.clock.Add(step)
		b.pass()
	}
}

// runs are the runs of a schedule by due time; it fails where a due time has
// two.
func (b *bench) runs(schedule string) map[time.Time]*engine.RunRecord {
	b.t.Helper()
	return b.allRuns()[schedule]
}

// allRuns are the runs of all schedules: the journal is read once.
func (b *bench) allRuns() map[string]map[time.Time]*engine.RunRecord {
	b.t.Helper()
	all, err := b.db.Runs(context.Background(), journal.RunFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	bySchedule := map[string]map[time.Time]*engine.RunRecord{}
	for _, r := range all {
		if r.Schedule == "" || r.Due.IsZero() {
			continue
		}
		byDue := bySchedule[r.Schedule]
		if byDue == nil {
			byDue = map[time.Time]*engine.RunRecord{}
			bySchedule[r.Schedule] = byDue
		}
		if byDue[r.Due] != nil {
			b.t.Fatalf("the due time %s of %s has two runs", r.Due, r.Schedule)
		}
		byDue[r.Due] = r
	}
	return bySchedule
}

// fires are the due times of a schedule, as "12:00 run done".
func (b *bench) fires(schedule string) string {
	b.t.Helper()
	fires, err := b.db.Fires(context.Background(), schedule, time.Time{}, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for i := len(fires) - 1; i >= 0; i-- {
		f := fires[i]
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Due.Format("15:04"), f.Outcome, f.Status)))
	}
	return strings.Join(lines, ", ")
}
