package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/journal"
)

const runsPruneLong = `Delete old runs from the journal: those that began more than 90 days ago, or as
keep: of a0run.yaml or --older-than say. --keep N leaves the newest N runs
whatever their age; --keep alone deletes all but these. A run that is being
executed is never deleted; one that was killed, interrupted or is in doubt is
only deleted with --unfinished.

A deleted run can neither be resumed nor undone. Every new run deletes by itself
what is older than keep: says, so this command is for doing it sooner.`

const runsPruneExample = `  a0run runs prune --dry-run
  a0run runs prune --older-than 30d --keep 100
  a0run runs prune --keep 1000`

// pruneFlags are the flags of `a0run runs prune`.
type pruneFlags struct {
	journal, olderThan string
	keep               int
	dryRun, unfinished bool
	counted            bool // --keep was given
}

func runsPruneCommand(w *world) *cobra.Command {
	f := &pruneFlags{}
	cmd := &cobra.Command{
		Use: "prune", Short: "Delete old runs from the journal",
		Long: runsPruneLong + "\n\n" + historyCodes, Example: runsPruneExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.counted = cmd.Flags().Changed("keep")
			return failedWith(pruneRuns(cmd.Context(), w, f))
		},
	}
	flags := cmd.Flags()
	journalFlag(flags, &f.journal)
	flags.StringVar(&f.olderThan, "older-than", "", "delete runs that began so long ago, as `90d` or 12h; unless told what keep: of a0run.yaml says, or 90d, and with --keep alone any age")
	flags.IntVar(&f.keep, "keep", 0, "leave the newest `N` runs")
	flags.BoolVar(&f.unfinished, "unfinished", false, "delete also what was killed, interrupted or is in doubt")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would be deleted")
	return cmd
}

// rule is what the flags ask of the journal.
func (f *pruneFlags) rule(ctx context.Context, w *world) (journal.PruneRule, error) {
	rule := journal.PruneRule{Keep: f.keep, KeepUnfinished: !f.unfinished, DryRun: f.dryRun}
	if f.keep < 0 {
		return rule, &usageError{fmt.Sprintf("--keep %d: want how many runs are left", f.keep), "a0run runs prune --keep 100"}
	}
	if f.olderThan != "" {
		age, ok := engine.ParseDuration(f.olderThan)
		if !ok || age < time.Second {
			return rule, &usageError{"--older-than " + printable(f.olderThan) + " is no age", "--older-than 90d, --older-than 12h"}
		}
		rule.Before = w.now().Add(-age)
		return rule, nil
	}
	if f.counted && f.keep == 0 {
		return rule, &usageError{"--keep 0 alone would leave no run at all", "say so by their age: a0run runs prune --older-than 1s"}
	}
	if f.counted {
		return rule, nil
	}
	settings, err := w.journalSettings(f.journal, w.dir)
	if err != nil {
		return rule, err
	}
	if settings.keep < 0 {
		return rule, &usageError{"a0run.yaml keeps runs for good", "a0run runs prune --older-than 90d, or --keep 100"}
	}
	rule.Before = w.now().Add(-settings.keep)
	return rule, nil
}

func pruneRuns(ctx context.Context, w *world, f *pruneFlags) error {
	rule, err := f.rule(ctx, w)
	if err != nil {
		return err
	}
	open := writeHistory
	if f.dryRun {
		open = readHistory
	}
	h, err := open(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	kept := 0
	if rule.KeepUnfinished {
		every := rule
		every.KeepUnfinished, every.DryRun = false, true
		all, err := h.db.Prune(ctx, every)
		if err != nil {
			return err
		}
		kept = all.Runs
	}
	done, err := h.db.Prune(ctx, rule)
	if err != nil {
		return err
	}
	verb := "deleted"
	if f.dryRun {
		verb = "would delete"
	}
	text := fmt.Sprintf("%s %s with %s", verb, count(done.Runs, "run"), count(done.Calls, "record"))
	if done.Bytes > 0 {
		text += fmt.Sprintf("; %.1f MB are free again", float64(done.Bytes)/1e6)
	}
	fmt.Fprintln(w.stdout, text)
	if kept > done.Runs {
		fmt.Fprintf(w.stderr, "kept %s that could be gone on with: --unfinished deletes these too\n", count(kept-done.Runs, "run"))
	}
	return nil
}
