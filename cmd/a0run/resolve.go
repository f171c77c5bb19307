package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/journal"
)

const resolveLong = `Say what became of a call in doubt: one that was sent and never answered, and
that a resume cannot look up. Look at the tenant first; a0run runs show RUN names
the calls and what to look at.

CALL is the beginning of the call's key, or its number. With --done the call
counts as done; ID is the id of what it made, where it made something, and the
resumed playbook gets that object as its answer. With --not-done the call is sent
when the run is resumed.`

const resolveExample = `  a0run resolve 36317e4e ec8cb2aa6a71 --done rol_1
  a0run resolve 36317e4e ec8cb2aa6a71 --done
  a0run resolve 36317e4e ec8cb2aa6a71 --not-done`

// resolveFlags are the flags of `a0run resolve`.
type resolveFlags struct {
	journal       string
	done, notDone bool
}

func resolveCommand(w *world) *cobra.Command {
	f := &resolveFlags{}
	cmd := &cobra.Command{
		Use: "resolve RUN CALL --done [ID] | --not-done", Short: "Say what became of a call in doubt",
		Long: resolveLong + "\n\n" + historyCodes, Example: resolveExample,
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
		RunE: func(cmd *cobra.Command, args []string) error { return failedWith(resolve(cmd.Context(), w, args, f)) },
	}
	flags := cmd.Flags()
	journalFlag(flags, &f.journal)
	flags.BoolVar(&f.done, "done", false, "it was done; an ID behind it says what it made")
	flags.BoolVar(&f.notDone, "not-done", false, "it was not done: a resume sends it")
	return cmd
}

func (f *resolveFlags) check(args []string) error {
	const usage = "a0run resolve RUN CALL --done [ID], or a0run resolve RUN CALL --not-done"
	switch {
	case len(args) < 2:
		return &usageError{fmt.Sprintf("resolve needs a run and a call, got %d arguments", len(args)), usage + "; a0run runs show RUN names the calls in doubt"}
	case f.done == f.notDone:
		return &usageError{"resolve needs one of --done and --not-done", usage}
	case len(args) > 3:
		return &usageError{"resolve takes one run and one call, got " + strings.Join(args, " "), usage}
	case len(args) == 3 && f.notDone:
		return &usageError{"what was not done has made nothing with the id " + printable(args[2]), usage}
	}
	return nil
}

func resolve(ctx context.Context, w *world, args []string, f *resolveFlags) error {
	h, err := writeHistory(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	run, err := h.run(ctx, args[0])
	if err != nil {
		return err
	}
	if run.Live {
		return &hinted{
			"run " + run.ID + " is being executed: what became of its calls is not known yet",
			"wait for its end: a0run runs follow " + run.ID + h.flag(),
		}
	}
	call, err := h.openCall(ctx, run, args[1])
	if err != nil {
		return err
	}
	verdict := journal.Verdict{Done: f.done}
	if len(args) == 3 {
		verdict.Object = args[2]
	}
	c, err := h.db.Resolve(ctx, run.ID, call.Key, verdict)
	if err != nil {
		return err
	}
	return h.resolved(ctx, run, c, verdict)
}

// openCall finds the call that is meant, and refuses one that is not open.
func (h *history) openCall(ctx context.Context, run *engine.RunRecord, name string) (*engine.CallRecord, error) {
	open, err := h.unanswered(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(open))
	for i, c := range open {
		names[i] = c.Key[:min(12, len(c.Key))] + " (" + describeCall(c) + ")"
	}
	hint := "nothing in this run is in doubt"
	if len(open) > 0 {
		hint = "in doubt are: " + strings.Join(names[:min(len(names), 5)], ", ")
	}
	c, err := h.findCall(ctx, run, name)
	var wrong *usageError
	if errors.As(err, &wrong) && len(open) > 0 {
		return nil, &usageError{wrong.message, hint}
	}
	if err != nil {
		return nil, err
	}
	if c.TakenUp() || c.State != engine.StateBegun && c.State != engine.StateDoubt && c.State != engine.StateResolved {
		return nil, &hinted{fmt.Sprintf("call %s of run %s is not in doubt: %s is %s", printable(name), run.ID, describeCall(c), c.State), hint}
	}
	return c, nil
}

// resolved prints what was written, and what to do next.
func (h *history) resolved(ctx context.Context, run *engine.RunRecord, c *engine.CallRecord, v journal.Verdict) error {
	w := h.w
	text := "not done: a resume sends it"
	if v.Done {
		text = "done"
		if v.Object != "" {
			text += ", it made " + oneLine(v.Object)
		}
	}
	fmt.Fprintf(w.stdout, "%s of run %s, %s: %s\n", oneLine(c.Operation), run.ID, oneLine(c.Where), text)
	if v.Done && v.Object == "" && makesObject(c) {
		fmt.Fprintln(w.stderr, "note: without an ID the resumed playbook gets nothing as the call's answer")
	}
	open, err := h.unanswered(ctx, run.ID)
	if err != nil {
		return err
	}
	left := 0
	for _, c := range open {
		if doubtful(run, c) {
			left++
		}
	}
	if left > 0 {
		fmt.Fprintf(w.stderr, "%s left in doubt: a0run runs show %s%s\n", count(left, "call"), run.ID, h.flag())
		return nil
	}
	fmt.Fprintf(w.stderr, "go on with: a0run resume %s%s\n", run.ID, h.flag())
	return nil
}
