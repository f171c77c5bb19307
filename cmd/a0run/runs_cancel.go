package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/durable"
)

const runsCancelLong = `Ask the process that executes a run to stop it, on whatever machine's terminal
it runs, as its first Ctrl-C would: no new calls begin, those in flight end and
are recorded. The process looks every few seconds.`

func runsCancelCommand(w *world) *cobra.Command {
	var given string
	var last bool
	cmd := &cobra.Command{
		Use: "cancel RUN|--last", Short: "Ask the process that executes a run to stop it",
		Long: runsCancelLong + "\n\n" + historyCodes, Example: "  a0run runs cancel --last\n  a0run runs cancel 36317e4e", Args: oneRun(&last),
		RunE: func(cmd *cobra.Command, args []string) error {
			return failedWith(cancelRun(cmd.Context(), w, given, args))
		},
	}
	cmd.Flags().BoolVar(&last, "last", false, "the newest run that is being executed")
	journalFlag(cmd.Flags(), &given)
	return cmd
}

func cancelRun(ctx context.Context, w *world, given string, args []string) error {
	h, err := writeHistory(ctx, w, given)
	if err != nil {
		return err
	}
	defer h.close()
	run, err := h.chosenRun(ctx, args, len(args) == 0, func(r *engine.RunRecord) bool { return r.Live })
	if err != nil {
		return err
	}
	err = h.db.RequestCancel(ctx, run.ID)
	if errors.Is(err, engine.ErrEnded) {
		state := stateOf(run, run.ID)
		hint := "a0run runs --status running" + h.flag() + " lists what runs"
		if state.next != "" {
			hint = state.next + h.flag() + " goes on with it"
		}
		return &hinted{"nobody executes run " + run.ID + ", it is " + state.word + ": there is nothing to stop", hint}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "asked for run %s to stop; its process looks every %s\n", run.ID, durable.TTL/5)
	fmt.Fprintf(w.stderr, "a0run runs follow %s%s shows its end\n", run.ID, h.flag())
	return nil
}
