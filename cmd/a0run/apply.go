package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/plan"
)

const applyLong = `Do exactly what a plan says, or nothing: the playbook is planned again with the plan's
time, random numbers and inputs. Where anything differs (the playbook, a file, what
stands in the tenant) the difference is named, exit code 6, and nothing is written.
Then it runs; a write that the plan does not hold, and one whose object has moved
meanwhile, is not made and ends the run with exit code 6.`

const applyExample = `  a0run plan migrate.yaml --tenant production -o migrate.plan
  a0run apply migrate.plan`

func applyCommand(w *world) *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use: "apply PLAN", Short: "Do what a plan says",
		Long: applyLong + "\n\n" + exitCodes, Example: applyExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Sprintf("apply needs one plan, got %d arguments", len(args)), "a0run plan FILE -o PLAN makes one"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return applyPlan(cmd.Context(), w, args[0], f) },
	}
	flags := cmd.Flags()
	f.showNeeded(flags)
	flags.IntVar(&f.concurrency, "concurrency", engine.DefaultConcurrency, "the most requests in flight at a time")
	f.weightFlag(flags)
	return cmd
}

func applyPlan(ctx context.Context, w *world, file string, f *runFlags) error {
	s := &session{world: w, flags: f, redactor: &engine.Redactor{Off: w.shown}}
	if err := s.needJournal(ctx, "apply"); err != nil {
		return err
	}
	defer s.close()
	saved, err := plan.Read(w.path(file), s.keeper())
	if err != nil {
		return err
	}
	if err := s.openPlanned(ctx, saved); err != nil {
		return err
	}
	if err := s.sameAsPlanned(ctx, saved); err != nil {
		return err
	}
	return s.applySaved(ctx, saved)
}

// openPlanned loads the playbook of a plan, with the plan's parameters, and
// opens its tenants.
func (s *session) openPlanned(ctx context.Context, saved *plan.Plan) error {
	if saved.Error != "" {
		return &usageError{"the plan is of a playbook that did not reach its end: " + saved.Error, "mend that and make the plan again"}
	}
	for _, t := range saved.Tenants {
		s.flags.tenants = append(s.flags.tenants, t.Role+"="+t.Name)
	}
	var err error
	if s.playbook, err = loadPlaybook(s.world, s.world.near(saved.Playbook.Path)); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	s.params = engine.NewObject(0)
	if len(saved.Params) > 0 {
		tree, err := engine.ParseJSON(saved.Params)
		if err != nil {
			return fmt.Errorf("the plan's parameters cannot be read: %w", err)
		}
		if o, ok := tree.(*engine.Object); ok {
			s.params = o
		}
	}
	s.learnParams()
	return s.open(ctx)
}

// sameAsPlanned plans again and compares: whatever differs is a reason to write
// nothing.
func (s *session) sameAsPlanned(ctx context.Context, saved *plan.Plan) error {
	in := plan.NewInputs(saved, s.planKey())
	quiet := *s.flags
	quiet.quiet = true // what the playbook says is said by the run itself
	said := s.flags
	s.flags = &quiet
	fresh, failed, err := s.plan(ctx, in)
	s.flags = said
	if err != nil {
		return err
	}
	if failed != nil && s.signal != nil {
		return exitError(signalCode(s.signal))
	}
	var refused *engine.Error
	if errors.As(failed, &refused) && refused.Name == engine.NameGuardError {
		return refused
	}
	differences := append(in.Differences(), plan.Compare(saved, fresh)...)
	if len(differences) == 0 {
		return nil
	}
	return plan.Moved(differences)
}

// applySaved is the run that changes what a plan holds.
func (s *session) applySaved(ctx context.Context, saved *plan.Plan) error {
	kept, err := s.journal.keepPlan(saved, s.keeper())
	if err != nil {
		return failedWith(err)
	}
	s.recorded.Plan = kept
	s.guard(true, false)
	s.gate(saved)
	if err := s.begin(ctx, engine.KindApply, saved.ID); err != nil {
		return err
	}
	return s.execute(ctx)
}

// gate puts the stages of a plan's application into the run.
func (s *session) gate(saved *plan.Plan) {
	a := plan.NewApply(saved, s.planOptions(nil))
	s.outer = append(s.outer, a.Watch)
	s.stages = append(s.stages, a.Inputs().Stage, a.Gate)
	s.verdict = func() int {
		missing := a.Missing()
		for i, c := range missing {
			if i == mostFailures {
				s.screen.line(fmt.Sprintf("and %s more", count(len(missing)-i, "planned change")))
				break
			}
			s.screen.line(printable("planned, and not made: " + c.Summary))
		}
		if len(missing) > 0 {
			return engine.ExitMoved
		}
		return engine.ExitOK
	}
}

// resumeApply goes on with the application of a plan.
func (s *session) resumeApply() error {
	saved, err := plan.Read(s.recorded.Plan, s.keeper())
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{"the plan that the run applies is gone: " + s.recorded.Plan, "make the plan again and apply it"}
	}
	if err != nil {
		return err
	}
	s.gate(saved)
	return nil
}

// keepPlan keeps a plan beside the journal until the run that applies it has
// ended well: a run that is resumed needs it.
func (j *openJournal) keepPlan(p *plan.Plan, k plan.Keeper) (string, error) {
	dir := filepath.Join(filepath.Dir(j.settings.path), "plans")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, p.ID+".plan")
	return path, plan.Write(path, p, k)
}

// forgetPlan takes away a plan that was kept.
func (s *session) forgetPlan() {
	if s.recorded.Plan != "" {
		_ = os.Remove(s.recorded.Plan) // a file too many does no harm
	}
}

// confirmPlaybook is `a0run run --confirm`: plan, ask, do exactly that.
func (s *session) confirmPlaybook(ctx context.Context) error {
	p, failed, err := s.plan(ctx, nil)
	if err != nil {
		return err
	}
	if err := s.showPlan(s.world.stderr, p, &planFlags{}); err != nil {
		return err
	}
	if failed != nil {
		return s.planFailed(failed)
	}
	if len(p.Pending()) == 0 {
		return nil
	}
	if err := s.world.ask(ctx, "change this?"); err != nil {
		return err
	}
	return s.applySaved(ctx, p)
}
