package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"a0run/engine"
)

const runsFollowLong = `Follow a run that another process executes: one line for each call that has
ended, as it comes, and how the run ended. The last 10 calls come first; --all
begins with the first. A run that nobody executes any more is shown alike.

Ctrl-C ends the following and nothing else.`

const runsFollowExample = `  a0run runs follow --last
  a0run runs follow 36317e4e --all
  a0run runs follow --last --json`

// followEvery is how often the journal is asked for more.
const followEvery = 250 * time.Millisecond

// lastCalls is how many earlier calls are shown first.
const lastCalls = 10

// followFlags are the flags of `a0run runs follow`.
type followFlags struct {
	journal         string
	last, all, json bool
}

func runsFollowCommand(w *world) *cobra.Command {
	f := &followFlags{}
	cmd := &cobra.Command{
		Use: "follow RUN|--last", Short: "Follow a run that another process executes",
		Long: runsFollowLong + "\n\n" + historyCodes + "\n  130 following was interrupted; the run goes on", Example: runsFollowExample, Args: oneRun(&f.last),
		RunE: func(cmd *cobra.Command, args []string) error { return failedWith(followRun(cmd.Context(), w, args, f)) },
	}
	flags := cmd.Flags()
	journalFlag(flags, &f.journal)
	flags.BoolVar(&f.last, "last", false, "the newest run that is being executed, else the newest")
	flags.BoolVar(&f.all, "all", false, "begin with the run's first call")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a call, and the run at its end")
	return cmd
}

func followRun(ctx context.Context, w *world, args []string, f *followFlags) error {
	h, err := readHistory(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	defer h.sayKey()
	run, err := h.chosenRun(ctx, args, f.last, func(r *engine.RunRecord) bool { return r.Live })
	if err != nil {
		return err
	}
	ctx, stop := w.interruptible(ctx)
	defer stop()
	if !f.json {
		fmt.Fprintf(w.stderr, "run %s: %s, %s\n", run.ID, oneLine(playbookOf(run.Name, run.Playbook)), oneLine(tenantsOf(run.Tenants)))
	}
	after := run.LastSeq - lastCalls
	if f.all || after < 0 {
		after = 0
	}
	for c, err := range h.db.Follow(ctx, run.ID, after, followEvery) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if err := h.followed(run, c, f.json); err != nil {
			return err
		}
	}
	if errors.Is(context.Cause(ctx), errInterrupted) {
		if !f.json {
			fmt.Fprintln(w.stderr, "not following any more; the run goes on")
		}
		return exitError(engine.ExitInterrupted)
	}
	return h.followedEnd(context.WithoutCancel(ctx), run.ID, f.json)
}

// interruptible is a context that ends with the first signal.
func (w *world) interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-w.signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// followed prints one call on its line.
func (h *history) followed(run *engine.RunRecord, c *engine.CallRecord, asJSON bool) error {
	w := h.w
	if asJSON {
		return w.encodeLine(h.callInfo(run, c))
	}
	if c.Wake == 0 && !c.Mutates && !spoken(c) {
		return nil // the time, a random number: there are many, and they are no news
	}
	at := c.Ended
	if at.IsZero() {
		at = c.Began
	}
	parts := []string{at.Local().Format(clock)}
	if spoken(c) {
		row := (&shown{h: h}).saidRow(c)
		parts = append(parts, strings.TrimSpace(row.cells[1]+": "+row.cells[2]))
	} else {
		parts = append(parts, c.Operation)
		if object := objectOf(c); object != "" {
			parts = append(parts, object)
		}
		if c.Task != "main" {
			parts = append(parts, c.Task)
		}
		state := c.State
		if c.Status != 0 {
			state += fmt.Sprintf(" %d", c.Status)
		}
		parts = append(parts, state, took(callTook(c)))
		if n := retries(c); n > 0 {
			parts = append(parts, fmt.Sprintf("tried %d times", n+1))
		}
		if c.Waited > 0 {
			parts = append(parts, "waited "+took(c.Waited))
		}
		if problem := h.problem(c); problem != "" {
			parts = append(parts, problem)
		}
	}
	line := oneLine(strings.Join(parts, "  "))
	if w.stdoutTerminal {
		line = shortened(line, max(w.width, 20), false)
	}
	if !spoken(c) && c.State != engine.StateDone {
		line = w.paint(stateColor(c.State), line)
	}
	_, err := fmt.Fprintln(w.stdout, line)
	return err
}

// followedEnd says how the run stands when nobody executes it any more.
func (h *history) followedEnd(ctx context.Context, id string, asJSON bool) error {
	run, err := h.db.Run(ctx, id)
	if err != nil {
		return err
	}
	if asJSON {
		return h.w.encodeLine(h.runInfo(run))
	}
	state := stateOf(run, id)
	text := state.word
	if !run.Ended.IsZero() {
		text += fmt.Sprintf(" (exit %d)", run.Exit)
	}
	if d := h.runTook(run); d >= 0 {
		text += " after " + took(d)
	}
	fmt.Fprintf(h.w.stderr, "run %s: %s, %s, %s\n", id, h.w.paint(state.color, text), count(run.Calls, "call"), count(run.Writes, "write"))
	if run.Error != "" {
		fmt.Fprintln(h.w.stderr, "error: "+printable(h.text(run.Error)))
	}
	if state.next != "" {
		fmt.Fprintln(h.w.stderr, "go on with: "+state.next+h.flag())
	}
	return nil
}
