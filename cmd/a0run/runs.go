package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"a0run/engine"
	"a0run/engine/journal"
)

const runsLong = `List the runs that the journal has, the newest first: how they stand, what they
ran against, how many calls they made and how many of these were writes. Where
something is left to be done, the command that does it stands behind the run.

RUN is a run's id in every command, or the beginning of one.`

const runsExample = `  a0run runs                                  the newest 20
  a0run runs --status failed --since 7d
  a0run runs --playbook migrate.lua --tenant production --limit 0
  a0run runs --json --since 2026-03-01
  a0run runs show 36317e4e                    what one of them did`

// runsFlags choose runs.
type runsFlags struct {
	journal                                 string
	status, playbook, tenant, since, kindOf string
	limit                                   int
	json                                    bool
}

func (f *runsFlags) add(flags *pflag.FlagSet) {
	journalFlag(flags, &f.journal)
	flags.StringVar(&f.status, "status", "", "only runs that stand so: "+strings.Join(runStatuses(), ", "))
	flags.StringVar(&f.playbook, "playbook", "", "only runs of this playbook: its name, its path, or the end of its path")
	flags.StringVar(&f.tenant, "tenant", "", "only runs against this tenant: its name, role or domain")
	flags.StringVar(&f.since, "since", "", "only runs that began since then: how long ago (7d, 12h), or a `TIME`")
	flags.StringVar(&f.kindOf, "kind", "", "only runs of this kind: "+strings.Join(runKinds(), ", "))
	flags.IntVar(&f.limit, "limit", 20, "how many runs at most; 0 for all")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a run")
}

func runStatuses() []string {
	return []string{
		engine.RunRunning, stateKilled, engine.RunDone, engine.RunItems, engine.RunFailed,
		engine.RunInterrupted, engine.RunInDoubt, engine.RunRefused, engine.RunMoved, engine.RunQueued, engine.RunSetAside, stateUndone, statePartly,
	}
}

func runKinds() []string {
	return []string{engine.KindRun, engine.KindApply, engine.KindUndo, engine.KindPlan}
}

func runsCommand(w *world) *cobra.Command {
	group := &cobra.Command{Use: "runs", Short: "List the runs of the journal, show them, follow them, keep them in order"}
	listing(w, group)
	list := &cobra.Command{Use: "list", Hidden: true, Short: "List the runs of the journal; the same as a0run runs"}
	listing(w, list)
	group.AddCommand(list, runsShowCommand(w), runsDiffCommand(w), runsFollowCommand(w), runsCancelCommand(w),
		runsPruneCommand(w), runsExportCommand(w))
	group.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var known []string
		for _, c := range cmd.Commands() {
			known = append(known, c.Name())
		}
		hint := "a0run runs show " + args[0] + " shows a run; `a0run runs --help` lists the commands"
		if near := engine.Nearest(args[0], known); near != "" {
			hint = "did you mean a0run runs " + near + "?"
		}
		return &usageError{"runs has no command " + printable(args[0]), hint}
	}
	return group
}

// listing makes a command list runs.
func listing(w *world, cmd *cobra.Command) {
	f := &runsFlags{}
	cmd.Long, cmd.Example, cmd.Args = runsLong+"\n\n"+historyCodes, runsExample, noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return failedWith(listRuns(cmd.Context(), w, f)) }
	f.add(cmd.Flags())
}

func listRuns(ctx context.Context, w *world, f *runsFlags) error {
	filter, suits, err := f.filter(w)
	if err != nil {
		return err
	}
	h, err := readHistory(ctx, w, f.journal)
	var missing *journal.MissingError
	if errors.As(err, &missing) {
		fmt.Fprintln(w.stderr, "no runs yet: there is no journal at "+missing.Path)
		return nil
	}
	if err != nil {
		return err
	}
	defer h.close()
	runs, err := h.db.Runs(ctx, filter)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(r *engine.RunRecord) bool { return !suits(r) })
	left := 0
	if f.limit > 0 && len(runs) > f.limit {
		left = len(runs) - f.limit
		runs = runs[:f.limit]
	}
	if f.json {
		for _, r := range runs {
			if err := w.encodeLine(h.runInfo(r)); err != nil {
				return err
			}
		}
		h.sayKey()
		return nil
	}
	all, err := h.db.Runs(ctx, journal.RunFilter{})
	if err != nil {
		return err
	}
	switch {
	case len(all) == 0:
		fmt.Fprintln(w.stderr, "no runs yet in "+h.path)
	case len(runs) == 0:
		fmt.Fprintf(w.stderr, "none of the %s in %s is so\n", count(len(all), "run"), h.path)
	}
	h.printRuns(runs, shortIDs(idsOf(all)))
	if left > 0 {
		fmt.Fprintf(w.stderr, "and %s: --limit 0 shows all\n", count(left, "older run"))
	}
	return nil
}

// filter is what the journal is asked, and what is looked at afterwards.
func (f *runsFlags) filter(w *world) (journal.RunFilter, func(*engine.RunRecord) bool, error) {
	filter := journal.RunFilter{Playbook: f.playbook, Tenant: f.tenant}
	all := func(*engine.RunRecord) bool { return true }
	status, err := oneOf("--status", strings.ReplaceAll(f.status, "-", " "), runStatuses())
	if err != nil {
		return filter, all, err
	}
	if filter.Kind, err = oneOf("--kind", f.kindOf, runKinds()); err != nil {
		return filter, all, err
	}
	if f.since != "" {
		if filter.Since, err = w.sinceTime("--since", f.since); err != nil {
			return filter, all, err
		}
	}
	if f.limit < 0 {
		return filter, all, &usageError{fmt.Sprintf("--limit %d: want how many runs at most, or 0 for all", f.limit), ""}
	}
	switch status {
	case "":
		return filter, all, nil
	case stateUndone, statePartly: // whatever became of the run itself
	case stateKilled: // only the lock of a run tells
		filter.Status = engine.RunRunning
	default:
		filter.Status = status
	}
	return filter, func(r *engine.RunRecord) bool { return stateOf(r, "").word == status }, nil
}

// oneOf takes one of some words; "" is none.
func oneOf(flag, given string, known []string) (string, error) {
	if given == "" || slices.Contains(known, given) {
		return given, nil
	}
	hint := "known: " + strings.Join(known, ", ")
	if near := engine.Nearest(given, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	return "", &usageError{flag + " " + printable(given) + " is unknown", hint}
}

// printRuns prints the table.
func (h *history) printRuns(runs []*engine.RunRecord, short map[string]string) {
	t := &table{w: h.w, columns: []column{
		{title: "run"},
		{title: "started"},
		{title: "took", right: true},
		{title: "status"},
		{title: "kind", drop: 2},
		{title: "playbook", least: 8},
		{title: "tenants", least: 7, drop: 3},
		{title: "calls", right: true},
		{title: "writes", right: true, drop: 1},
		{title: "who", least: 6, drop: 4},
	}}
	for _, r := range runs {
		state := stateOf(r, short[r.ID])
		kind := r.Kind
		if kind == engine.KindRun {
			kind = "" // nearly all are
		}
		length := ""
		if d := h.runTook(r); d >= 0 {
			length = took(d)
		}
		note := state.next
		if note != "" {
			note += h.flag()
		}
		t.add(tableRow{
			cells: []string{
				short[r.ID], h.w.shortDate(r.Started), length, state.word, kind, playbookOf(r.Name, r.Playbook), tenantsOf(r.Tenants),
				fmt.Sprint(r.Calls), fmt.Sprint(r.Writes), h.whoOf(r),
			},
			column: 3, paint: state.color, note: note,
		})
	}
	t.flush()
}

// whoOf is who asked for a run: a person, or a schedule with the due time.
func (h *history) whoOf(r *engine.RunRecord) string {
	if r.Due.IsZero() {
		return r.Who
	}
	return r.Who + ", due " + h.w.shortDate(r.Due)
}
