package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"a0run/bindings"
	"a0run/client/egress"
	"a0run/client/hosts"
	"a0run/client/pace"
	"a0run/engine"
	"a0run/engine/durable"
	"a0run/engine/guard"
	"a0run/engine/image"
	"a0run/engine/lua"
)

// session is one execution of a playbook with all that it needs.
type session struct {
	world    *world
	flags    *runFlags
	playbook *playbook
	tenants  *tenants
	params   *engine.Object
	redactor *engine.Redactor
	globals  bindings.Config
	// elsewhere asks the hosts that the head declares.
	elsewhere *egress.Client
	images    *image.Reader
	journal   *openJournal     // nil without one
	durable   *durable.Session // likewise
	guards    *guard.Guards
	// outer stages stand above the journal's answers.
	outer []engine.Stage
	// stages stand between the guards and the before-images.
	stages []engine.Stage
	// recorded are the options of a run that is resumed.
	recorded runOptions
	// verdict gives the exit code of a run whose end says nothing of what it
	// was to do; nil for playbooks.
	verdict func() int
	undoing bool
	// goesOn says that the run needs what a journal holds: none is made.
	goesOn bool
	key    []byte // of a plan's call keys where there is no journal
	run    *engine.Run
	// events says that stdout carries the run's events, also while it is a plan.
	events bool
	// pacers are the rate budgets of the tenants, store what other runs share them
	// by.
	pacers []*pace.Pacer
	store  pace.Budget
	signal os.Signal // that ended the run; nil where none did
	screen *screen
}

// openSession loads and checks a playbook and opens what it runs against.
func openSession(ctx context.Context, w *world, file string, f *runFlags) (*session, error) {
	s := &session{world: w, flags: f, redactor: &engine.Redactor{Off: w.shown}}
	var err error
	if s.playbook, err = loadPlaybook(w, file); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.params, err = s.readParams(); err != nil {
		return nil, err
	}
	return s, s.open(ctx)
}

// open makes the clients of the tenants and opens the journal.
func (s *session) open(ctx context.Context) error {
	err := s.flags.checkWeight()
	if err != nil {
		return err
	}
	if s.tenants, err = openTenants(ctx, s); err != nil {
		return err
	}
	s.elsewhere = egress.New(egress.Config{
		Hosts: hosts.Of(s.playbook.head().Hosts), UserAgent: "a0run/" + buildVersion(),
	})
	s.globals = bindings.Config{
		HTTP:     s.elsewhere,
		Redactor: s.redactor, Head: s.playbook.head(), Params: s.params,
		Tenants: s.tenants.clients, Default: s.tenants.defaultRole,
		Secrets: s.tenants.secret, Getenv: s.world.getenv, Dir: s.playbook.dir,
		Validate: s.tenants.validate,
	}
	s.images = image.NewReader(image.Options{API: bindings.API(s.globals), Now: s.world.now})
	if s.journal == nil {
		s.journal, err = s.openJournal(ctx)
	}
	return err
}

// guard makes the guards of a run: confirmed says that a person has said yes,
// planning that nothing is written.
func (s *session) guard(confirmed, planning bool) {
	s.guards = guard.New(guard.Options{
		Tenants: s.tenants.guarded, API: bindings.API(s.globals), Image: s.standing(planning),
		Confirmed: confirmed, Planning: planning, Now: s.world.now,
		// Whether a playbook writes is seen when it does: a report on a
		// production tenant needs nobody's yes.
		OnlyReads: true,
	})
}

// standing gives the guards what stands in the place of a call; a plan has its
// own idea of that.
func (s *session) standing(planning bool) func(ctx context.Context, c *engine.Call) (json.RawMessage, error) {
	if planning {
		return nil
	}
	return func(ctx context.Context, c *engine.Call) (json.RawMessage, error) {
		i, err := s.images.Of(ctx, c)
		if err != nil || i == nil {
			return nil, err
		}
		return i.Value, nil
	}
}

// close gives back what open took.
func (s *session) close() {
	s.closePacers()
	if s.elsewhere != nil {
		s.elsewhere.CloseIdleConnections()
	}
	if s.journal != nil {
		s.journal.close()
	}
}

// check refuses a playbook with mistakes before anything is sent.
func (s *session) check() error {
	var wrong engine.Problems
	for _, p := range s.playbook.check(offline(s.world, s.playbook, s.flags.local)) {
		if !p.Warning {
			wrong = append(wrong, p)
			continue
		}
		if !s.flags.quiet {
			fmt.Fprintln(s.world.stderr, "warning: "+p.String())
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// runOptions is what a journal keeps of the command line, to resume a run.
type runOptions struct {
	Tenants     map[string]string `json:"tenants"` // role → name
	Concurrency int               `json:"concurrency"`
	Yes         bool              `json:"yes,omitempty"` // a person has said yes
	// Files are those outside its folder that the head declares.
	Files []string `json:"files,omitempty"`
	// Only and Force are an undo's.
	Only  []string `json:"only,omitempty"`
	Force []string `json:"force,omitempty"`
	// Plan is the file of the plan that is applied.
	Plan string `json:"plan,omitempty"`
	// Sources are the SHA-256 of modules and includes by path.
	Sources map[string]string `json:"sources,omitempty"`
}

// begin writes the run into the journal; of is what it undoes or applies.
func (s *session) begin(ctx context.Context, kind, of string) error {
	if s.journal == nil {
		return nil
	}
	options, err := json.Marshal(runOptions{
		Tenants: s.tenants.names, Concurrency: s.flags.concurrency, Yes: s.flags.yes,
		Files: s.playbook.head().Files, Only: s.recorded.Only, Force: s.recorded.Force, Plan: s.recorded.Plan,
		Sources: s.playbook.sources.read(),
	})
	if err != nil {
		return err
	}
	rec := &engine.RunRecord{
		ID: s.runID(), Kind: kind, Of: of, Playbook: s.playbook.path, Name: s.playbook.head().Name,
		Hash: hashOf(s.playbook.text), Tenants: s.tenants.records(s.flags.local), Options: options,
		Who: s.world.who, Host: s.world.host, Version: buildVersion(), Started: s.world.now(), Status: engine.RunRunning,
	}
	if rec.Params, err = s.journal.sealedParams(s); err != nil {
		return err
	}
	s.durable, err = durable.Begin(ctx, rec, s.journal.options(s))
	return failedWith(err)
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// config is the run's, with its stages: the journal's answers outermost, the
// before-images and the settling of lost answers next to what is sent.
func (s *session) config() engine.Config {
	cfg := engine.Config{
		Concurrency: s.flags.concurrency, Patience: s.playbook.head().Patience, Weight: s.weight(),
		Sink: s.screen, Redactor: s.redactor, Now: s.world.now, API: bindings.API(s.globals),
	}
	if s.durable == nil {
		cfg.Stages = append([]engine.Stage{s.guards.Stage()}, s.stages...)
		return cfg
	}
	s.durable.Configure(&cfg)
	cfg.Stages = append(cfg.Stages, s.outer...)
	cfg.Stages = append(cfg.Stages, s.durable.Replay, s.guards.Stage())
	cfg.Stages = append(cfg.Stages, s.stages...)
	cfg.Stages = append(cfg.Stages, s.durable.Before, s.durable.Settle, s.images.Watch)
	return cfg
}

// execute runs the playbook and shows what came of it.
func (s *session) execute(ctx context.Context) error {
	return s.executeMain(ctx, s.playbookMain)
}

// playbookMain is the playbook as the main task.
func (s *session) playbookMain(globals *engine.Namespace, vm *lua.VM) func(t *engine.Task) error {
	return func(t *engine.Task) error {
		if err := s.guards.Begin(t); err != nil {
			return err
		}
		return s.playbook.run(t, globals, vm)
	}
}

// recall tells the guards what earlier executions of the run wrote.
func (s *session) recall(ctx context.Context) error {
	if !s.guards.Counts() {
		return nil
	}
	return failedWith(s.durable.Written(ctx, s.guards.Seen))
}

// executeMain runs what program makes as the main task.
func (s *session) executeMain(ctx context.Context, program func(*engine.Namespace, *lua.VM) func(*engine.Task) error) error {
	s.screen = newScreen(s.world, s.flags, s.redactor)
	s.screen.undoing = s.undoing
	s.run = engine.NewRun(s.config())
	if s.durable != nil {
		s.durable.Beat(ctx, s.run)
	}
	err, broken := s.main(ctx, program)
	if broken != nil {
		return broken
	}
	if err == nil && s.durable != nil {
		err = s.durable.Leftover(ctx)
	}
	code := s.exitCode(err, s.signal)
	if s.verdict != nil && code == engine.ExitOK {
		code = s.verdict()
	}
	if s.durable != nil {
		if failed := s.durable.Finish(ctx, s.run, err, code); failed != nil && err == nil {
			err = failed
			code = s.run.ExitCode(err)
		}
	}
	s.screen.end(s.run, err, code)
	if next := s.next(code); next != "" && !s.flags.quiet && !s.flags.json {
		s.screen.line(next + s.journal.flag())
	}
	if code != engine.ExitOK {
		return exitError(code)
	}
	s.forgetPlan()
	return nil
}

// next is the command that goes on from a run's end; "" where there is none.
func (s *session) next(code int) string {
	if s.durable == nil || s.flags.local {
		return ""
	}
	id := s.run.ID()
	resume := resumeText(id, s.durable.Run().Playbook, s.durable.Run().Kind)
	switch code {
	case engine.ExitOK, engine.ExitMoved:
		return ""
	case engine.ExitItems:
		if s.undoing && len(s.run.Tolerated()) == 0 { // what was left alone is no call
			return "see what is left with: a0run undo " + s.durable.Run().Of + " --plan"
		}
		if !s.undoing && s.verdict != nil || len(s.run.Tolerated()) == 0 { // users that an import refused are no calls
			return "look at it with: a0run runs show " + id
		}
		return "send again what failed with: " + resume + " --retry-failed"
	case engine.ExitInDoubt:
		return "look at what is in doubt with: a0run runs show " + id
	}
	return "go on with: " + resume
}

// exitCode is the run's, or the signal's that ended it.
func (s *session) exitCode(err error, sig os.Signal) int {
	if err != nil && sig != nil {
		return signalCode(sig)
	}
	return s.run.ExitCode(err)
}

func signalCode(sig os.Signal) int {
	if sig == syscall.SIGTERM {
		return engine.ExitTerminated
	}
	return engine.ExitInterrupted
}

// errInterrupted is why a run was stopped.
var errInterrupted = errors.New("interrupted")

// watch stops the run at the first signal, cancels it at the second and
// ends the process at the third, should something hang that nothing can cancel;
// the channel gives the first signal, or nil, after the run has ended.
func watch(w *world, run *engine.Run, note func(string), ended <-chan struct{}) <-chan os.Signal {
	first := make(chan os.Signal, 1)
	go func() {
		var got os.Signal
		cancelled := false
		for {
			select {
			case sig := <-w.signals:
				if got == nil {
					got = sig
					note("stopping: no new calls, those in flight finish; once more cancels them")
					run.Stop(errInterrupted)
				} else if !cancelled {
					cancelled = true
					note("cancelled; once more ends the process at once")
					run.Cancel(errInterrupted)
				} else {
					w.exit(engine.ExitInterrupted)
				}
			case <-ended:
				first <- got
				return
			}
		}
	}()
	return first
}

// runID is the id of a new run: what the service has queued it under, else a
// fresh one.
func (s *session) runID() string {
	if s.flags.id != "" {
		return s.flags.id
	}
	return engine.NewID()
}
