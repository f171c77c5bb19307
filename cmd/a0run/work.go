package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/durable"
	"a0run/engine/plan"
	"a0run/engine/serve"
)

// workCommand is the process in which `a0run serve` executes one run: what to
// do comes as one line of JSON (serve.Task) on stdin, not in arguments, which
// every user of the machine can read. The lines after it are "stop" and "kill";
// at the end of stdin the service is gone, and the run stops so that the next
// service resumes it. stdout carries the run's events.
func workCommand(w *world) *cobra.Command {
	f := &runFlags{json: true, concurrency: engine.DefaultConcurrency, assumed: true}
	cmd := &cobra.Command{
		Use: "work", Short: "Execute a run for a0run serve", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return work(cmd.Context(), w, f) },
	}
	cmd.Flags().StringVar(&f.journal, "journal", "", "the journal's `FILE`")
	return cmd
}

func work(ctx context.Context, w *world, f *runFlags) error {
	signal.Ignore(syscall.SIGPIPE) // a service that is gone must not end the run
	in := bufio.NewReader(w.stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return &usageError{"work is for a0run serve", "a0run run FILE runs a playbook"}
	}
	var t serve.Task
	if err := json.Unmarshal(line, &t); err != nil {
		return fmt.Errorf("what to do cannot be read: %w", err)
	}
	w.signals = orders(in, w.signals)
	w.overlay, f.id, f.yes = t.Files, t.Run, t.Yes
	if t.Who != "" {
		w.who = t.Who
	}
	switch {
	case t.Kind == engine.KindPlan:
		return workPlan(ctx, w, f, t)
	case t.Resume:
		r := &resumeFlags{runFlags: *f, accept: t.AcceptChanges, retry: t.RetryFailed}
		r.concurrency, r.id = 0, ""
		return resumeRun(ctx, w, []string{t.Run}, r)
	case t.Kind == engine.KindApply:
		text, err := os.ReadFile(t.Plan)
		if err != nil || hashOf(text) != t.Digest {
			return &usageError{"the plan that was approved is not there any more: " + t.Plan, "make it again"}
		}
		return applyPlan(ctx, w, t.Plan, f)
	case t.Kind == engine.KindUndo:
		return undoRun(ctx, w, t.Of, &undoFlags{runFlags: *f, only: t.Only, force: t.Force})
	}
	s, err := workSession(ctx, w, f, t)
	if err != nil {
		return err
	}
	defer s.close()
	s.guard(f.yes, false)
	if err := s.begin(ctx, engine.KindRun, ""); err != nil {
		return err
	}
	return s.execute(ctx)
}

// orders turns the lines of the service into the signals that they stand for.
func orders(in *bufio.Reader, outside <-chan os.Signal) <-chan os.Signal {
	signals := make(chan os.Signal, 4)
	go func() {
		for {
			line, err := in.ReadString('\n')
			switch strings.TrimSpace(line) {
			case "stop":
				signals <- os.Interrupt
			case "kill":
				signals <- os.Interrupt
				signals <- os.Interrupt
			}
			if err != nil {
				signals <- os.Interrupt
				_, _ = io.Copy(io.Discard, in) // nothing more comes
				return
			}
		}
	}()
	go func() {
		for sig := range outside {
			signals <- sig
		}
	}()
	return signals
}

// workSession opens the session of a task with the params that it gives.
func workSession(ctx context.Context, w *world, f *runFlags, t serve.Task) (*session, error) {
	for role, name := range t.Tenants {
		f.tenants = append(f.tenants, role+"="+name)
	}
	s := &session{world: w, flags: f, redactor: &engine.Redactor{Off: w.shown}}
	var err error
	if s.playbook, err = loadPlaybook(w, w.near(t.Playbook)); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	var given *engine.Object
	if len(t.Params) > 0 {
		tree, err := engine.ParseJSON(t.Params)
		if err != nil {
			return nil, err
		}
		given, _ = tree.(*engine.Object)
	}
	values, problems := s.playbook.head().ParseParams(nil, given)
	if len(problems) > 0 {
		return nil, problems
	}
	s.params = values
	s.learnParams()
	return s, s.open(ctx)
}

// workPlan makes a plan as a run of its own, and keeps it in a file. It changes
// nothing, so that one that was killed is made anew.
func workPlan(ctx context.Context, w *world, f *runFlags, t serve.Task) error {
	s, err := workSession(ctx, w, f, t)
	if err != nil {
		return err
	}
	defer s.close()
	s.events = true // the plan goes to its file
	if t.Resume {
		s.guard(false, true)
		s.durable, err = durable.Resume(ctx, t.Run, s.journal.options(s))
	} else {
		err = s.begin(ctx, engine.KindPlan, "")
	}
	if err != nil {
		return refused(err)
	}
	p, failed, err := s.plan(ctx, nil)
	if err != nil {
		return err
	}
	if failed == nil {
		if failed = os.MkdirAll(filepath.Dir(t.Plan), 0o700); failed == nil {
			failed = plan.Write(t.Plan, p, s.keeper())
		}
	}
	code := s.exitCode(failed, s.signal)
	if err := s.durable.Finish(ctx, s.run, failed, code); err != nil {
		return failedWith(err)
	}
	if failed != nil {
		s.screen.showError(failed)
	}
	s.screen.end(s.run, failed, code)
	if code != engine.ExitOK {
		return exitError(code)
	}
	return nil
}
