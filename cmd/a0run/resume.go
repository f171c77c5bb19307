package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/durable"
)

const resumeLong = `Go on with a run that was killed, interrupted or failed: the playbook runs again
from the top, calls that the journal has are answered by it without a request,
and the rest goes on. What was sent and never answered is settled first: sent
again where that is harmless, looked up where it is a create; else the run stops
with exit code 7, and a0run resolve tells what happened.

The playbook may have been edited after the point that was reached. Where it no
longer does what it did, the new write is not sent, the run stops and shows both
places; other tasks may have sent theirs before that was seen. --accept-changes goes
on all the same. A run that was undone is not gone on with.`

const resumeExample = `  a0run resume --last
  a0run resume 36317e4e
  a0run resume 36317e4e --retry-failed        also what failed under on_error=continue
  a0run resume 36317e4e moved/here.lua        the playbook's file is elsewhere now`

// resumeFlags are the flags of `a0run resume`.
type resumeFlags struct {
	runFlags
	last, accept, retry bool
}

func resumeCommand(w *world) *cobra.Command {
	f := &resumeFlags{}
	cmd := &cobra.Command{
		Use: "resume RUN|--last [FILE]", Short: "Go on with a run that did not end well",
		Long: resumeLong + "\n\n" + exitCodes, Example: resumeExample,
		Args: func(_ *cobra.Command, args []string) error {
			most := 2
			if f.last {
				most = 1
			}
			if !f.last && len(args) == 0 || len(args) > most {
				return &usageError{fmt.Sprintf("resume needs one run, got %d arguments", len(args)), "a0run resume RUN, or a0run resume --last; a0run runs lists them"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return resumeRun(cmd.Context(), w, args, f) },
	}
	flags := cmd.Flags()
	f.showNeeded(flags)
	f.yesFlag(flags)
	flags.IntVar(&f.concurrency, "concurrency", 0, "requests in flight at a time; the run's own unless told")
	f.weightFlag(flags)
	flags.BoolVar(&f.last, "last", false, "the newest run that did not end well")
	flags.BoolVar(&f.accept, "accept-changes", false, "go on although the playbook does not do what it did")
	flags.BoolVar(&f.retry, "retry-failed", false, "also send again what failed under on_error = continue")
	return cmd
}

func resumeRun(ctx context.Context, w *world, args []string, f *resumeFlags) error {
	s := &session{world: w, flags: &f.runFlags, redactor: &engine.Redactor{Off: w.shown}}
	if err := s.needJournal(ctx, "resume"); err != nil {
		return err
	}
	defer s.close()
	j := s.journal
	var err error
	id, file := "", ""
	if f.last {
		if id, err = j.lastUnfinished(ctx); err != nil {
			return err
		}
	} else {
		id, args = args[0], args[1:]
	}
	if len(args) > 0 {
		file = args[0]
	}
	rec, err := j.run(ctx, id)
	if err != nil {
		return err
	}
	if err := resumable(rec); err != nil {
		return err
	}
	if err := s.recordedOptions(rec); err != nil {
		return err
	}
	if s.flags.concurrency == 0 {
		s.flags.concurrency = max(s.recorded.Concurrency, 1)
	}
	undoing := rec.Kind == engine.KindUndo
	if undoing {
		err = s.openFor(ctx, rec)
	} else {
		err = s.reopen(ctx, rec, file)
	}
	if err != nil {
		return err
	}
	s.guard(f.yes || s.recorded.Yes || rec.Kind == engine.KindApply, false)
	if rec.Kind == engine.KindApply {
		if err := s.resumeApply(); err != nil {
			return err
		}
	}
	o := j.options(s)
	o.AcceptChanges, o.RetryFailed = f.accept, f.retry
	if s.durable, err = durable.Resume(ctx, rec.ID, o); err != nil {
		return refused(err)
	}
	if !undoing && !f.quiet {
		s.noteEdits(rec)
	}
	if err := s.recall(ctx); err != nil {
		return err
	}
	if undoing {
		return s.resumeUndo(ctx, rec)
	}
	return s.execute(ctx)
}

// resumable says why a run is not one to go on with.
func resumable(rec *engine.RunRecord) error {
	if rec.Status == engine.RunQueued {
		return &usageError{"run " + rec.ID + " waits in the queue of a0run serve, which will begin it", "a0run serve has to run; a0run runs follow " + rec.ID + " watches it then"}
	}
	if rec.UndonePart {
		return &usageError{
			"run " + rec.ID + " was put back in part by undo " + rec.UndoneBy + "; going on would leave that part out",
			"put the rest back too (a0run undo " + rec.ID + ") and run the playbook anew, or undo " + rec.UndoneBy + " first",
		}
	}
	if rec.UndoneBy != "" {
		return &usageError{
			"run " + rec.ID + " was put back by undo " + rec.UndoneBy + "; going on would do only the rest of it",
			"run the playbook anew, or undo " + rec.UndoneBy + " first",
		}
	}
	return nil
}

// resumeUndo goes on with an undo: its program is made of the records of the
// run that it undoes, which are the same as then.
func (s *session) resumeUndo(ctx context.Context, rec *engine.RunRecord) error {
	of, err := s.journal.run(ctx, rec.Of)
	if err != nil {
		return err
	}
	u, err := s.loadUndo(ctx, of)
	if err != nil {
		return err
	}
	return s.undo(ctx, u)
}

// noteEdits says which of the files that the run was made of are others now.
func (s *session) noteEdits(rec *engine.RunRecord) {
	var edited []string
	if rec.Hash != hashOf(s.playbook.text) {
		edited = append(edited, s.playbook.name)
	}
	now := s.playbook.sources.read()
	for path, hash := range s.recorded.Sources {
		if now[path] != hash {
			edited = append(edited, path)
		}
	}
	if len(edited) > 0 {
		slices.Sort(edited)
		fmt.Fprintf(s.world.stderr, "note: edited since: %s; what was recorded must come up again as it was\n", strings.Join(edited, ", "))
	}
}

// reopen loads the playbook of a recorded run and opens its tenants.
func (s *session) reopen(ctx context.Context, rec *engine.RunRecord, file string) error {
	if err := notLocal(rec, "resumed"); err != nil {
		return err
	}
	if file == "" {
		file = rec.Playbook
	}
	if file == "" {
		return &usageError{fmt.Sprintf("the playbook of run %s came from standard input", rec.ID), "a0run resume " + rec.ID + " FILE with the same text in a file"}
	}
	for role, name := range s.recorded.Tenants {
		s.flags.tenants = append(s.flags.tenants, role+"="+name)
	}
	var err error
	if s.playbook, err = loadPlaybook(s.world, s.world.near(file)); err != nil {
		if _, missing := os.Stat(s.world.path(file)); missing != nil {
			return &usageError{fmt.Sprintf("the playbook of run %s is not at %s any more", rec.ID, file), "a0run resume " + rec.ID + " FILE says where it is"}
		}
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	if err := s.recordedParams(rec); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.sameTenants(rec)
}

// recordedParams gives the parameters the values that they had.
func (s *session) recordedParams(rec *engine.RunRecord) error {
	text, err := s.journal.opener(s.redactor)(rec.Params)
	if err != nil {
		return failedWith(err)
	}
	s.params = engine.NewObject(0)
	if len(text) == 0 {
		return nil
	}
	tree, err := engine.ParseJSON(text)
	if err != nil {
		return fmt.Errorf("the parameters of run %s cannot be read: %w", rec.ID, err)
	}
	if o, ok := tree.(*engine.Object); ok {
		s.params = o
	}
	s.learnParams()
	return nil
}

// sameTenants refuses to go on against another tenant.
func (s *session) sameTenants(rec *engine.RunRecord) error {
	for _, t := range rec.Tenants {
		c, ok := s.tenants.clients[t.Role]
		if !ok {
			return &usageError{fmt.Sprintf("the playbook has no role %s any more, which run %s worked with", t.Role, rec.ID), ""}
		}
		if !strings.EqualFold(c.Domain(), t.Domain) {
			return &usageError{
				fmt.Sprintf("run %s worked on %s; the tenant %s is %s now", rec.ID, t.Domain, t.Name, c.Domain()),
				"a run goes on against the tenant that it began with; run the playbook anew against another",
			}
		}
	}
	return nil
}
