package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"a0run/bindings"
	"a0run/engine"
	"a0run/engine/lua"
)

// runFlags are the flags of `a0run run`.
type runFlags struct {
	tenants     []string
	local       bool
	seeds       []string
	rate        string
	burst       int
	reset       string
	params      []string
	paramsFile  string
	concurrency int
	json, quiet bool
}

const runLong = `Run a playbook: a Lua script (.lua) or a YAML step list (.yaml, .yml); "-" reads
it from standard input.

Tenants come from a0run.yaml, found upwards from the playbook, or, only where
there is none, from AUTH0_DOMAIN, AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET or
AUTH0_CLIENT_ASSERTION_PRIVATE_KEY, AUTH0_API_TOKEN and AUTH0_AUDIENCE. A
playbook that works with several tenants names roles in its head; --tenant
ROLE=NAME says which tenant stands for which.

With --local every role gets a fresh tenant inside the process.`

const runExample = `  a0run run block-inactive.lua --local --seed users.yaml
  a0run run rename.yaml --tenant staging -p from=old -p to=new
  a0run run copy.lua --tenant source=staging --tenant target=prod
  a0run run bulk.lua --local --rate 50/s --burst 100 --reset full`

func runCommandOf(w *world) *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use: "run FILE", Short: "Run a playbook", Long: runLong + "\n\n" + exitCodes, Example: runExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Sprintf("run needs one playbook, got %d", len(args)), "a0run run FILE [--tenant NAME | --local]"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runPlaybook(cmd.Context(), w, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.tenants, "tenant", nil, "the tenant to run against, `[ROLE=]NAME`; may be repeated")
	flags.BoolVar(&f.local, "local", false, "run against a fresh local tenant for every role")
	flags.StringArrayVar(&f.seeds, "seed", nil, "with --local: what the tenant holds, `[ROLE=]FILE`; may be repeated")
	flags.StringVar(&f.rate, "rate", "", "with --local: the tenant's limit, `N/s` or N/min")
	flags.IntVar(&f.burst, "burst", 0, "with --local and --rate: how many requests may come at once; the rate of a second unless told")
	flags.StringVar(&f.reset, "reset", "token", "with --local and --rate: what x-ratelimit-reset names, the second by which one more request is allowed (token) or by which the bucket is full again (full)")
	flags.StringArrayVarP(&f.params, "param", "p", nil, "one parameter of the playbook, `KEY=VALUE`; lists and objects as JSON; may be repeated")
	flags.StringVar(&f.paramsFile, "params", "", "a JSON or YAML `FILE` with all parameters; -p beats it")
	flags.IntVar(&f.concurrency, "concurrency", engine.DefaultConcurrency, "requests in flight at a time")
	flags.BoolVar(&f.json, "json", false, "print one event a line, as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "print only what the playbook prints, warnings and errors")
	return cmd
}

// session is one run with all that it needs.
type session struct {
	world    *world
	flags    *runFlags
	playbook *playbook
	tenants  *tenants
	params   *engine.Object
	redactor *engine.Redactor
	run      *engine.Run
	screen   *screen
}

// runPlaybook runs one playbook from its file to its summary.
func runPlaybook(ctx context.Context, w *world, file string, f *runFlags) error {
	if f.concurrency < 1 {
		return &usageError{fmt.Sprintf("--concurrency %d: at least 1 request must be in flight", f.concurrency), ""}
	}
	s := &session{world: w, flags: f, redactor: &engine.Redactor{Off: w.shown}}
	var err error
	if s.playbook, err = loadPlaybook(w, file); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	if s.params, err = s.readParams(); err != nil {
		return err
	}
	if s.tenants, err = openTenants(ctx, s); err != nil {
		return err
	}
	s.screen = newScreen(w, f, s.redactor)
	s.run = engine.NewRun(engine.Config{
		Concurrency: f.concurrency, Patience: s.playbook.head().Patience,
		Sink: s.screen, Redactor: s.redactor, Now: w.now,
	})
	return s.execute(ctx)
}

// check refuses a playbook with mistakes before anything is sent.
func (s *session) check() error {
	var wrong engine.Problems
	for _, p := range s.playbook.check(bindings.Offline(s.playbook.head())) {
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

// execute runs the playbook and shows what came of it.
func (s *session) execute(ctx context.Context) error {
	globals := bindings.Globals(bindings.Config{
		Run: s.run, Head: s.playbook.head(), Params: s.params,
		Tenants: s.tenants.clients, Default: s.tenants.defaultRole,
		Secrets: s.tenants.secret, Getenv: s.world.getenv, Dir: s.playbook.dir,
	})
	vm, err := lua.NewVM(lua.Options{
		Run: s.run, Globals: globals, Modules: s.playbook.files, Print: s.screen.print,
	})
	if err != nil {
		return err
	}
	defer vm.Close()
	s.screen.begin(s.run, s.playbook, s.tenants)
	ended := make(chan struct{})
	signalled := s.watchSignals(ended)
	err = s.run.Main(ctx, func(t *engine.Task) error { return s.playbook.run(t, globals, vm) })
	close(ended)
	code := s.exitCode(err, <-signalled)
	s.screen.end(s.run, err, code)
	if code != engine.ExitOK {
		return exitError(code)
	}
	return nil
}

// exitCode is the run's, or the signal's that ended it.
func (s *session) exitCode(err error, sig os.Signal) int {
	if err != nil && sig != nil {
		if sig == syscall.SIGTERM {
			return engine.ExitTerminated
		}
		return engine.ExitInterrupted
	}
	return s.run.ExitCode(err)
}

// errInterrupted is why a run was stopped.
var errInterrupted = errors.New("interrupted")

// watchSignals stops the run at the first signal, cancels it at the second and
// ends the process at the third, should something hang that nothing can cancel;
// the channel gives the first signal, or nil, after the run has ended.
func (s *session) watchSignals(ended <-chan struct{}) <-chan os.Signal {
	first := make(chan os.Signal, 1)
	go func() {
		var got os.Signal
		cancelled := false
		for {
			select {
			case sig := <-s.world.signals:
				if got == nil {
					got = sig
					s.screen.note("stopping: no new calls, those in flight finish; once more cancels them")
					s.run.Stop(errInterrupted)
				} else if !cancelled {
					cancelled = true
					s.screen.note("cancelled; once more ends the process at once")
					s.run.Cancel(errInterrupted)
				} else {
					s.world.exit(engine.ExitInterrupted)
				}
			case <-ended:
				first <- got
				return
			}
		}
	}()
	return first
}
