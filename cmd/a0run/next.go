package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/project"
)

const nextLong = `Show when schedules are due next: those of FILE, an a0run.yaml or a playbook, or
of the a0run.yaml that is found from here upwards and the playbooks around it.
Each time stands with its zone's offset, and where the clocks are set forward or
back in between, that is said: what a gap does to a time, and a time that comes
twice.

With --json it is one list of objects: schedule, playbook, time (RFC 3339, with
the zone's offset), zone, and where they say something: note, clocks (changes
since the time before), starts (later than due, by jitter), blackout, paused.

Where something else is wrong with a schedule (a playbook that is not there, an
unknown tenant or parameter), the times are shown all the same, and the exit code
is 2.`

const nextExample = `  a0run next
  a0run next jobs/cleanup.lua -n 3
  a0run next --after 2026-03-28T12:00:00+01:00
  a0run next a0run.yaml --json`

// nextFlags are the flags of `a0run next`.
type nextFlags struct {
	n     int
	after string
	json  bool
}

func nextCommand(w *world) *cobra.Command {
	f := &nextFlags{}
	cmd := &cobra.Command{
		Use: "next [FILE]", Short: "Show when schedules are due next", Long: nextLong, Example: nextExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{fmt.Sprintf("next takes one file, got %d", len(args)), "a0run next [FILE]"}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return showNext(w, args, f) },
	}
	f.add(cmd.Flags())
	return cmd
}

func (f *nextFlags) add(flags *pflag.FlagSet) {
	flags.IntVarP(&f.n, "number", "n", 10, "how many times of each schedule")
	flags.StringVar(&f.after, "after", "", "after this `TIME` instead of now: 2026-03-28T12:00:00+01:00, or 2026-03-28 12:00 in the schedule's zone")
	flags.BoolVar(&f.json, "json", false, "print one JSON list")
}

// A nextTime is one time as --json prints it.
type nextTime struct {
	Schedule string   `json:"schedule"`
	Playbook string   `json:"playbook"`
	Time     string   `json:"time"`
	Zone     string   `json:"zone"`
	Note     string   `json:"note,omitempty"`
	Clocks   []string `json:"clocks,omitempty"`
	Starts   string   `json:"starts,omitempty"`
	Blackout string   `json:"blackout,omitempty"`
	Paused   bool     `json:"paused,omitempty"`
}

func showNext(w *world, args []string, f *nextFlags) error {
	if f.n < 1 || f.n > 10_000 {
		return &usageError{fmt.Sprintf("-n %d: want a number from 1 to 10000", f.n), ""}
	}
	all, wrong, err := findSchedules(w, args)
	if err != nil {
		return err
	}
	if err := f.show(w, all); err != nil || !wrong {
		return err
	}
	return exitError(engine.ExitUsage)
}

// show prints the times of schedules.
func (f *nextFlags) show(w *world, all []*plotted) error {
	times := []nextTime{}
	for _, s := range all {
		after, err := f.start(w, s.Zone)
		if err != nil {
			return err
		}
		times = append(times, nextTimes(s, after, f.n)...)
	}
	if f.json {
		e := json.NewEncoder(w.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(times)
	}
	if len(all) == 0 {
		fmt.Fprintln(w.stderr, "there are no schedules; a0run.yaml has them under schedules:, a playbook under schedule:, as "+cron.Example)
		return nil
	}
	return printNext(w, all, times)
}

// start is --after, or now.
func (f *nextFlags) start(w *world, zone *time.Location) (time.Time, error) {
	if f.after == "" {
		return w.now(), nil
	}
	if t, err := time.Parse(time.RFC3339, f.after); err == nil {
		return t, nil
	}
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, f.after, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &usageError{"--after " + printable(f.after) + " is no time", "--after 2026-03-28T12:00:00+01:00, or --after '2026-03-28 12:00' in the schedule's zone"}
}

// nextTimes are the next n times of a schedule.
func nextTimes(s *plotted, after time.Time, n int) []nextTime {
	var times []nextTime
	last := after
	for t := s.Next(after); !t.IsZero() && len(times) < n; t = s.Next(t) {
		one := nextTime{Schedule: s.ID, Playbook: s.playbook, Time: t.Format(time.RFC3339), Zone: s.Zone.String(), Note: s.Note(t), Paused: s.Paused}
		for _, c := range cron.Changes(s.Zone, last, t) {
			one.Clocks = append(one.Clocks, c.At.Format("2006-01-02")+": "+c.String())
		}
		if starts := s.StartOf(t); starts.After(t) {
			one.Starts = starts.Format(time.RFC3339)
		}
		if end := s.Blackout(t); !end.IsZero() {
			one.Blackout = end.In(s.Zone).Format(time.RFC3339)
		}
		times = append(times, one)
		last = t
	}
	return times
}

// printNext prints the times for people.
func printNext(w *world, all []*plotted, times []nextTime) error {
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		head := s.ID + ": " + s.Words()
		if s.playbook != s.ID {
			head += ", " + s.playbook
		}
		if s.Paused {
			head += " (paused)"
		}
		fmt.Fprintln(w.stdout, printable(head))
		none := true
		for _, t := range times {
			if t.Schedule != s.ID {
				continue
			}
			none = false
			for _, c := range t.Clocks {
				fmt.Fprintln(w.stdout, "  -- "+c)
			}
			at, err := time.Parse(time.RFC3339, t.Time)
			if err != nil {
				return err
			}
			fmt.Fprintln(w.stdout, "  "+nextLine(at.In(s.Zone), t))
		}
		if none {
			fmt.Fprintln(w.stdout, "  never")
		}
	}
	return nil
}

func nextLine(at time.Time, t nextTime) string {
	line := at.Format("Mon 2006-01-02 15:04:05 -07:00 MST")
	var notes []string
	if t.Note != "" {
		notes = append(notes, t.Note)
	}
	if t.Starts != "" {
		starts, err := time.Parse(time.RFC3339, t.Starts)
		if err == nil {
			notes = append(notes, "begins "+starts.Sub(at).String()+" later")
		}
	}
	if t.Blackout != "" {
		notes = append(notes, "does not run: blackout until "+t.Blackout)
	}
	if len(notes) > 0 {
		line += "  (" + strings.Join(notes, "; ") + ")"
	}
	return line
}

// A plotted is a schedule with its playbook, as it is shown.
type plotted struct {
	*cron.Schedule
	playbook string
}

// findSchedules are the schedules of a file, or of the project that holds here;
// wrong says that mistakes were told, by which no time changes.
func findSchedules(w *world, args []string) (all []*plotted, wrong bool, err error) {
	if len(args) == 1 && !isProject(w, args[0]) {
		p, err := loadPlaybook(w, args[0])
		if err != nil {
			return nil, false, err
		}
		heads, problems := cron.OfHead(p.head(), filepath.ToSlash(args[0]))
		if len(problems) > 0 {
			return nil, false, problems
		}
		return plottedOf(heads, args[0]), false, nil
	}
	file := ""
	if len(args) == 1 {
		file = args[0]
	}
	l, err := newLoader(w, file)
	if err != nil {
		return nil, false, err
	}
	setup, err := l.Load(nil)
	if err != nil {
		return nil, false, err
	}
	// When a schedule is due does not hang on its playbook.
	for _, p := range setup.Problems {
		for line := range strings.Lines(p.Text) {
			fmt.Fprintln(w.stderr, printable(strings.TrimSuffix(line, "\n")))
		}
	}
	known := map[string]bool{}
	for _, p := range setup.Schedules {
		known[p.ID] = true
		all = append(all, &plotted{p.Schedule, p.Playbook})
	}
	for _, s := range l.project.Schedules {
		if !known[s.ID] {
			all = append(all, &plotted{s, filepath.ToSlash(s.Playbook)})
		}
	}
	return all, len(setup.Problems) > 0, nil
}

func plottedOf(all []*cron.Schedule, playbook string) []*plotted {
	out := make([]*plotted, len(all))
	for i, s := range all {
		out[i] = &plotted{s, filepath.ToSlash(playbook)}
	}
	return out
}

// isProject says whether a file is an a0run.yaml, under any name, or a folder: a
// playbook in YAML has steps:.
func isProject(w *world, name string) bool {
	if filepath.Base(name) == project.FileName {
		return true
	}
	if isFolder(w.path(name)) {
		return true
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".yaml", ".yml":
	default:
		return false
	}
	text, err := w.readFile(w.path(name))
	if err != nil {
		return false
	}
	tree, err := project.ParseTree(name, text)
	if err != nil {
		return false
	}
	var keys []string
	for key := range tree.All() {
		keys = append(keys, key)
	}
	return !slices.Contains(keys, "steps") && slices.ContainsFunc(keys, func(key string) bool { return key == "tenants" || key == "schedules" })
}
