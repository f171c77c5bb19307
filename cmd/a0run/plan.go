package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"a0run/bindings"
	"a0run/engine"
	"a0run/engine/lua"
	"a0run/engine/plan"
)

const planLong = `Say what a playbook would change, without changing anything: it runs to its end with
real reads, and what it would write is kept aside, where its later reads, lists and
searches see it. Shown is a diff for each object, totals, the scopes that are needed,
what it will cost, and each place where the plan cannot know.

-o keeps the plan in a file; a0run apply does exactly that, or nothing.`

const planExample = `  a0run plan block-inactive.lua --tenant production
  a0run plan migrate.yaml --tenant production -o migrate.plan
  a0run plan migrate.yaml --markdown > comment.md      for a pull request
  a0run plan sync.lua --detailed-exitcode              3 when something would change`

// planFlags are the flags of `a0run plan`.
type planFlags struct {
	runFlags
	out                string
	detailed, markdown bool
}

func planCommand(w *world) *cobra.Command {
	f := &planFlags{}
	cmd := &cobra.Command{
		Use: "plan FILE", Short: "Say what a playbook would change",
		Long: planLong + "\n\n" + exitCodes, Example: planExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Sprintf("plan needs one playbook, got %d", len(args)), "a0run plan FILE [--tenant NAME | --local]"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return planPlaybook(cmd.Context(), w, args[0], f) },
	}
	flags := cmd.Flags()
	f.tenantFlags(flags)
	flags.Lookup("rate").Usage = "the tenant's limit, `N/s` or N/min: with --local its own, else what the estimate counts with"
	flags.Lookup("burst").Usage = "with --rate: how many requests may come at once; the rate of a second unless told"
	f.paramFlags(flags)
	flags.StringVar(&f.journal, "journal", "", "the journal's `FILE`, whose key seals the plan's secrets; ~/.local/state/a0run/journal.db unless told")
	flags.BoolVar(&f.json, "json", false, "print the plan as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "print no progress, and not what the playbook prints")
	flags.StringVarP(&f.out, "out", "o", "", "keep the plan in a `FILE`, for a0run apply")
	flags.BoolVar(&f.detailed, "detailed-exitcode", false, "exit with 3 when something would change")
	flags.BoolVar(&f.markdown, "markdown", false, "print Markdown, for a pull request")
	flags.BoolVar(&f.full, "full", false, "print every object, also where many change alike")
	return cmd
}

func planPlaybook(ctx context.Context, w *world, file string, f *planFlags) error {
	if err := f.possible(); err != nil {
		return err
	}
	f.assumed = true
	s, err := openSession(ctx, w, file, &f.runFlags)
	if err != nil {
		return err
	}
	defer s.close()
	if f.out != "" && s.playbook.path == "" {
		return &usageError{"a playbook from standard input can be planned, but its plan not kept: apply runs it again", "put it into a file"}
	}
	if f.out != "" {
		if err := plan.Fits(w.path(f.out)); err != nil {
			return err
		}
	}
	p, failed, err := s.plan(ctx, nil)
	if err != nil {
		return err
	}
	if err := s.showPlan(w.stdout, p, f); err != nil {
		return err
	}
	if failed != nil {
		return s.planFailed(failed)
	}
	if f.out != "" {
		if err := plan.Write(w.path(f.out), p, s.keeper()); err != nil {
			return err
		}
		if !f.quiet && !f.json {
			fmt.Fprintln(w.stderr, "the plan is kept; apply it with: a0run apply "+f.out+s.journal.flag())
		}
	}
	if f.detailed && len(p.Pending()) > 0 {
		return exitError(engine.ExitChanges)
	}
	return nil
}

// possible refuses flags that exclude each other.
func (f *planFlags) possible() error {
	switch {
	case f.concurrency < 1:
		return &usageError{fmt.Sprintf("--concurrency %d: at least 1 request must be in flight", f.concurrency), ""}
	case !f.local && f.rate != "":
		_, err := limitsOf(f.rate, f.burst, f.reset)
		return err
	case f.json && f.markdown:
		return &usageError{"--json and --markdown exclude each other", "give one of the two"}
	case f.out != "" && f.local:
		return &usageError{"a plan for --local cannot be kept: its tenant is gone with this process", "leave -o out, or plan against a0run sim"}
	case f.out != "" && f.journal == noJournal:
		return &usageError{"a plan is sealed with the journal's key", "leave --journal none out"}
	}
	return nil
}

// planFailed is how a plan ends whose playbook did not reach its end.
func (s *session) planFailed(failed error) error {
	s.screen.showError(failed)
	return exitError(s.run.ExitCode(failed))
}

// keeper seals and opens plans with the journal's key.
func (s *session) keeper() plan.Keeper {
	k := plan.Keeper{Key: s.planKey(), Redactor: s.redactor}
	if s.journal != nil {
		k.Seal, k.Open = s.journal.box.All, s.journal.box.Open
	}
	return k
}

// planKey is the key of the call keys of plans: the journal's, so that a plan
// and the run that applies it have the same.
func (s *session) planKey() []byte {
	if s.journal == nil {
		if s.key == nil {
			s.key = []byte(engine.NewID() + engine.NewID())
		}
		return s.key
	}
	return s.journal.box.MAC()
}

// planOptions say what a plan, or its application, is made of.
func (s *session) planOptions(in *plan.Inputs) plan.Options {
	o := plan.Options{
		API: bindings.API(s.globals), Now: s.world.now, Key: s.planKey(), Redactor: s.redactor, Inputs: in,
		A0run: buildVersion(), Playbook: plan.File{Path: s.playbook.path, Hash: hashOf(s.playbook.text)}, Params: s.params,
	}
	for _, t := range s.tenants.records(s.flags.local) {
		o.Tenants = append(o.Tenants, plan.Tenant{Role: t.Role, Name: t.Name, Domain: t.Domain})
	}
	return o
}

// plan runs the playbook in an overlay. failed is what ended it before its end;
// err says that there is no plan at all. With inputs it is planned again.
func (s *session) plan(ctx context.Context, in *plan.Inputs) (p *plan.Plan, failed, err error) {
	s.guard(false, true)
	planner := plan.New(s.planOptions(in))
	stages := []engine.Stage{s.guards.Stage(), planner.Stage}
	if in != nil {
		stages = []engine.Stage{s.guards.Stage(), in.Stage, planner.Stage}
	}
	s.screen = newScreen(s.world, s.flags, s.redactor)
	if !s.events {
		s.screen.planning()
	}
	s.run = engine.NewRun(engine.Config{
		ID:          s.flags.id, // of the run that the service has queued; else a new one
		Concurrency: s.flags.concurrency, Patience: s.playbook.head().Patience, Key: s.planKey(), Weight: s.weight(), Urgent: true,
		Sink: s.screen, Redactor: s.redactor, Now: s.world.now, API: bindings.API(s.globals), Stages: stages,
	})
	failed, err = s.main(ctx, s.playbookMain)
	if err != nil {
		return nil, nil, err
	}
	p = planner.Result(failed)
	for path, hash := range s.playbook.sources.read() {
		p.Files = append(p.Files, plan.File{Path: filepath.ToSlash(path), Hash: hash})
	}
	slices.SortFunc(p.Files, func(a, b plan.File) int { return strings.Compare(a.Path, b.Path) })
	return p, failed, nil
}

// main runs a program in the session's run, without a journal's end and without
// a summary: failed is what the program gave.
func (s *session) main(ctx context.Context, program func(*engine.Namespace, *lua.VM) func(*engine.Task) error) (failed, err error) {
	s.globals.Run = s.run
	globals := bindings.Globals(s.globals)
	vm, err := lua.NewVM(lua.Options{Run: s.run, Globals: globals, Modules: s.playbook.files, Print: s.screen.print})
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	s.screen.begin(s.run, s.playbook, s.tenants)
	ended := make(chan struct{})
	signalled := watch(s.world, s.run, s.screen.note, ended)
	failed = s.run.Main(ctx, program(globals, vm))
	close(ended)
	s.signal = <-signalled
	s.screen.stop()
	return failed, nil
}

// showPlan prints a plan in the form that was asked for.
func (s *session) showPlan(out io.Writer, p *plan.Plan, f *planFlags) error {
	o := plan.RenderOptions{Full: f.full, Redact: s.redactor.Redact, Rate: s.planRate}
	switch {
	case f.json:
		return p.JSON(out, o)
	case f.markdown:
		return p.Markdown(out, o)
	}
	if s.world.color {
		o.Paint = s.paintPlan
	}
	return p.Text(out, o)
}

// paintPlan colours a plan by its signs.
func (s *session) paintPlan(sign, text string) string {
	switch sign {
	case "+":
		return s.screen.paint("32", text)
	case "-":
		return s.screen.paint("31", text)
	case "~", "!":
		return s.screen.paint("33", text)
	case "":
		return s.screen.paint("1", text)
	}
	return s.screen.paint("2", text)
}

// planRate is the rate that --rate says, else what the plan's own requests have
// told of the tenant's.
func (s *session) planRate(role, bucket string) plan.Rate {
	if told, err := limitsOf(s.flags.rate, s.flags.burst, s.flags.reset); err == nil && told.Rate > 0 {
		return plan.Rate{Burst: told.Burst, PerSecond: told.Rate / told.Per.Seconds()}
	}
	c, ok := s.tenants.clients[role]
	if !ok {
		return plan.Rate{}
	}
	size, perSecond := c.Pace(bucket)
	return plan.Rate{Burst: size, PerSecond: perSecond}
}
