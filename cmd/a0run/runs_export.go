package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"a0run/engine/journal"
)

const runsExportLong = `Write runs for audit or another program, as NDJSON: for each run a line of type
run, its steps, its calls, the oldest run first. It holds all that the journal
holds; what is sealed there stays sealed. A file is made with mode 0600.`

const runsExportExample = `  a0run runs export 36317e4e
  a0run runs export --since 2026-03-01 -o march.ndjson`

// exportFlags are the flags of `a0run runs export`.
type exportFlags struct{ journal, since, output string }

func runsExportCommand(w *world) *cobra.Command {
	f := &exportFlags{}
	cmd := &cobra.Command{
		Use: "export [RUN]", Short: "Write runs as NDJSON, for audit",
		Long: runsExportLong + "\n\n" + historyCodes, Example: runsExportExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{fmt.Sprintf("export takes one run, got %d", len(args)), "a0run runs export RUN, or a0run runs export --since 7d"}
			}
			if len(args) == 1 && f.since != "" {
				return &usageError{"export takes a run or --since, not both", "a0run runs export " + args[0]}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return failedWith(exportRuns(cmd.Context(), w, args, f))
		},
	}
	journalFlag(cmd.Flags(), &f.journal)
	cmd.Flags().StringVar(&f.since, "since", "", "only runs that began since then: how long ago (7d, 12h), or a `TIME`")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of stdout")
	return cmd
}

func exportRuns(ctx context.Context, w *world, args []string, f *exportFlags) error {
	filter := journal.RunFilter{}
	if f.since != "" {
		var err error
		if filter.Since, err = w.sinceTime("--since", f.since); err != nil {
			return err
		}
	}
	h, err := readHistory(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	var ids []string
	if len(args) == 1 {
		run, err := h.run(ctx, args[0])
		if err != nil {
			return err
		}
		ids = []string{run.ID}
	} else {
		runs, err := h.db.Runs(ctx, filter)
		if err != nil {
			return err
		}
		for i := len(runs) - 1; i >= 0; i-- {
			ids = append(ids, runs[i].ID)
		}
	}
	write := func(out io.Writer) error {
		for _, id := range ids {
			if err := h.db.Export(ctx, out, id); err != nil {
				return err
			}
		}
		return nil
	}
	if f.output == "" || f.output == "-" {
		return write(w.stdout)
	}
	if err := writePrivate(w.path(f.output), write); err != nil {
		return err
	}
	fmt.Fprintf(w.stderr, "exported %s to %s\n", count(len(ids), "run"), f.output)
	return nil
}

// writePrivate writes a file that only its owner can read. It stands in its
// place when it is whole.
func writePrivate(path string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if err := errors.Join(write(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
