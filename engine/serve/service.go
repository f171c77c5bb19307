package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/seal"
)

// Options are what a Service is made of.
type Options struct {
	Journal *journal.DB
	Box     *seal.Box
	// SealAll says that the journal encrypts everything, and not secrets only.
	SealAll bool
	Runner  Runner
	Loader  Loader
	// Plans is the folder in which plans that wait for a person are kept.
	Plans string
	// Name is the process for people, Version the program's.
	Name, Host, Version string
	Log                 *slog.Logger
	// Now is the clock of what is written down, and of what is due; nil means
	// time.Now.
	Now func() time.Time
	// Tick is how often the service looks at the clock at least: one that jumped
	// is seen then. 0 is 5 s.
	Tick time.Duration
}

// How long a run that was asked to stop may take before it is killed: its
// requests in flight end by their own time limits.
const stopGrace = 60 * time.Second

// mostCrashes is in how many crashes a run may have been executed: after the
// last it is set aside.
const mostCrashes = 2

// A Service runs schedules and the queue of one journal. Make it with New, and
// run it once.
type Service struct {
	o       Options
	log     *slog.Logger
	started time.Time
	changes *stream[Change]
	wake    chan struct{}

	mu       sync.Mutex // guards what follows
	setup    *Setup
	states   map[string]journal.ScheduleState
	next     map[string]time.Time
	jobs     map[string]*job
	waits    map[string]string
	problems []FileProblem
	usage    *usage
	draining bool
	standby  bool
	ready    bool
	broken   error // why the journal cannot be written
	executed sync.WaitGroup
	tidied   time.Time // when the journal was pruned last
	counters counters
}

// A job is a journal's job with what this process knows of it.
type job struct {
	*journal.Job
	spec Spec
	exec Execution // nil while it is not executed here
	live *live
	// deadline is when it has run too long, killAt when it is killed.
	deadline, killAt time.Time
	// elsewhere says that a process of the service before still executes it.
	elsewhere bool
}

// New makes a service of what the files say; nothing happens yet. Its error is
// that of the files.
func New(o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tick <= 0 {
		o.Tick = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	setup, err := o.Loader.Load(nil)
	if err != nil {
		return nil, err
	}
	return &Service{
		o: o, log: o.Log, started: o.Now(), changes: newStream[Change](4096), wake: make(chan struct{}, 1),
		setup: setup, problems: setup.Problems, states: map[string]journal.ScheduleState{}, next: map[string]time.Time{},
		jobs: map[string]*job{}, waits: map[string]string{}, usage: newUsage(), standby: true,
	}, nil
}

// ErrServed says that another process serves the journal.
type ErrServed struct{ Other journal.Service }

func (e *ErrServed) Error() string {
	return fmt.Sprintf("the journal is served already, by %s since %s", e.Other.Name, e.Other.Started.UTC().Format(time.RFC3339))
}

// Hint is what to do.
func (e *ErrServed) Hint() string {
	return "one a0run serve works on a journal; with --standby a second one waits and takes over"
}

// ExitCode is that of a wrong use.
func (e *ErrServed) ExitCode() int { return engine.ExitUsage }

// Acquire makes this process the one that serves the journal, and gives what
// gives that up. With wait it waits for its turn.
func (s *Service) Acquire(ctx context.Context, wait bool) (release func(), err error) {
	said := false
	for {
		release, other, err := s.o.Journal.Serve(ctx, journal.Service{Name: s.o.Name, Started: s.started})
		if err != nil || release != nil {
			return release, err
		}
		if !wait {
			return nil, &ErrServed{other}
		}
		if !said {
			s.log.Info("standing by: the journal is served by another process", "process", other.Name)
			said = true
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run works until ctx ends, then drains: nothing begins any more, what runs may
// end within the time that a0run.yaml gives it, and is stopped then so that the
// next service resumes it. kill ends the draining: what runs is stopped at once.
// The journal must have been acquired.
func (s *Service) Run(ctx context.Context, kill <-chan struct{}) error {
	// What is written at the end of a run must be, whatever ended the service.
	work := context.WithoutCancel(ctx)
	if err := s.recover(work); err != nil {
		return err
	}
	s.log.Info("serving", "version", s.o.Version, "journal", s.o.Journal.Path()) // ready, that is
	for ctx.Err() == nil {
		next, err := s.pass(work)
		s.report(err)
		if err != nil { // what is due stays due
			next = s.o.Now().Add(time.Second)
		}
		s.sleep(ctx, next)
	}
	s.drain(work, kill)
	return nil
}

// sleep waits for a moment of the clock, for news, or for the next look at the
// clock.
func (s *Service) sleep(ctx context.Context, until time.Time) {
	d := min(max(until.Sub(s.o.Now()), 5*time.Millisecond), s.o.Tick)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wake:
	case <-ctx.Done():
	}
}

// poke makes the service look again at once.
func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// report keeps what is wrong with the journal for Health, and says it once.
func (s *Service) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && s.broken == nil:
		s.log.Error("the service cannot work", "error", err.Error())
	case err == nil && s.broken != nil:
		s.log.Info("the service works again")
	}
	s.broken = err
}

// pass does what is to be done now, and says when there will be more.
func (s *Service) pass(ctx context.Context) (next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloadChanged(ctx)
	now := s.o.Now()
	var errs []error
	s.tidy(ctx, now)
	if !s.draining {
		errs = append(errs, s.decideAll(ctx, now))
	}
	errs = append(errs, s.lapse(ctx, now), s.watchElsewhere(ctx), s.settleEnded(ctx), s.limitTime(ctx, now))
	if !s.draining {
		errs = append(errs, s.startReady(ctx, now))
	}
	return s.nextLook(now), errors.Join(errs...)
}

// tidyEvery is how often runs that are too old are deleted.
const tidyEvery = 24 * time.Hour

// tidy deletes what is too old, beside the work: the journal was pruned when it
// was opened, and a service runs for months. A prune that was cut short is
// finished by the next.
func (s *Service) tidy(ctx context.Context, now time.Time) {
	first := s.tidied.IsZero()
	if first || now.Before(s.tidied) {
		s.tidied = now
	}
	if s.draining || !first && now.Sub(s.tidied) < tidyEvery {
		return
	}
	s.tidied = now
	before, keep := now.Add(-s.setup.Keep), s.setup.Keep
	s.executed.Add(1)
	go func() {
		defer s.executed.Done()
		defer s.sweepPlans(ctx, now)
		if keep <= 0 || first {
			return
		}
		pruned, err := s.o.Journal.Prune(ctx, journal.PruneRule{Before: before})
		switch {
		case err != nil:
			s.log.Error("old runs cannot be deleted", "error", err.Error())
		case pruned.Runs > 0:
			s.log.Info("old runs were deleted", "runs", pruned.Runs, "calls", pruned.Calls)
		}
	}()
}

// nextLook is when something is due, may begin or has run too long.
func (s *Service) nextLook(now time.Time) time.Time {
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	for _, t := range s.next {
		sooner(t)
	}
	for _, j := range s.jobs {
		if j.exec == nil && j.NotBefore.After(now) {
			sooner(j.NotBefore)
		}
		sooner(j.deadline)
		sooner(j.killAt)
	}
	return next
}

// recover takes over what the service before has left: its jobs, and how far
// its schedules were decided.
func (s *Service) recover(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	states, err := s.o.Journal.ScheduleStates(ctx)
	if err != nil {
		return err
	}
	s.states = states
	jobs, err := s.o.Journal.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if err := s.adopt(ctx, j); err != nil {
			return err
		}
	}
	if err := s.seeSchedules(ctx); err != nil {
		return err
	}
	s.standby, s.ready = false, true
	s.tell(Change{Kind: ChangeService, State: "serving"})
	return nil
}

// adopt takes a job over. One that was being executed was so in a crash.
func (s *Service) adopt(ctx context.Context, j *journal.Job) error {
	mine := &job{Job: j}
	if err := s.openSpec(mine); err != nil {
		s.log.Error("a job cannot be read", "run", j.Run.ID, "error", err.Error())
		return s.o.Journal.EndJob(ctx, j.Run.ID, &engine.RunEnd{Status: engine.RunFailed, Exit: engine.ExitFailed, Error: "the journal's job cannot be read: " + err.Error(), At: s.o.Now()})
	}
	s.jobs[j.Run.ID] = mine
	if !j.Running {
		return nil
	}
	j.Crashes++
	if err := s.o.Journal.PutJob(ctx, j); err != nil {
		return err
	}
	// Its process may be ending it still; watchElsewhere goes on from there.
	mine.elsewhere = true
	s.log.Warn("a run was being executed when the service ended", "run", j.Run.ID, "crashes", j.Crashes)
	return nil
}

func (s *Service) openSpec(j *job) error {
	if len(j.Spec) == 0 {
		return nil
	}
	text, err := s.o.Box.Open(j.Spec)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &j.spec)
}

// sealed is a spec as the journal keeps it.
func (s *Service) sealed(spec Spec) (json.RawMessage, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return s.o.Box.All(text), nil
}

// tell tells a change to whoever listens.
func (s *Service) tell(c Change) {
	if c.At.IsZero() {
		c.At = s.o.Now()
	}
	s.changes.add(c)
}

// Changes implements Views.
func (s *Service) Changes() *Feed[Change] { return s.changes.feed(false) }

// schedule is a schedule of the files, by id.
func (s *Service) schedule(id string) *Plotted {
	for _, p := range s.setup.Schedules {
		if p.ID == id {
			return p
		}
	}
	return nil
}
