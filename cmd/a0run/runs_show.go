package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/journal"
)

const runsShowLong = `Show a run: what it was, its steps, and its calls; by default those that wrote or
failed, at most 100 of them, and totals by operation.

Calls in doubt, which were sent and never answered, come first: what to look at
in the tenant, and the two commands that say what happened.

--call shows one call whole: its arguments, its answer, what stood there before,
and every attempt. CALL is the number in the first column, or the beginning of
the call's key. Values that are secret are shown as (hidden).`

const runsShowExample = `  a0run runs show --last
  a0run runs show 36317e4e --calls failed
  a0run runs show 36317e4e --operation 'users.*' --calls all
  a0run runs show 36317e4e --task 'main/1.auth0|ada'
  a0run runs show 36317e4e --call 12
  a0run runs show 36317e4e --json --calls all`

// The choices of --calls.
const (
	callsAll    = "all"
	callsWrites = "writes"
	callsFailed = "failed"
	callsDoubt  = "doubt"
)

// showFlags are the flags of `a0run runs show`.
type showFlags struct {
	journal, calls, operation, task, call string
	last, log, json                       bool
}

func runsShowCommand(w *world) *cobra.Command {
	f := &showFlags{}
	cmd := &cobra.Command{
		Use: "show RUN|--last", Short: "Show a run: its steps, its calls, what is in doubt",
		Long: runsShowLong + "\n\n" + historyCodes, Example: runsShowExample, Args: oneRun(&f.last),
		RunE: func(cmd *cobra.Command, args []string) error { return failedWith(showRun(cmd.Context(), w, args, f)) },
	}
	flags := cmd.Flags()
	journalFlag(flags, &f.journal)
	flags.BoolVar(&f.last, "last", false, "the newest run")
	flags.StringVar(&f.calls, "calls", "", "which calls: all, writes, failed or doubt")
	flags.StringVar(&f.operation, "operation", "", "only calls of operations that match `GLOB`")
	flags.StringVar(&f.task, "task", "", "only calls of the task `PATH` and those below it")
	flags.StringVar(&f.call, "call", "", "one call whole, by its number or the beginning of its key: `CALL`")
	flags.BoolVar(&f.log, "log", false, "show what the run printed and logged")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a line: the run, its steps, its calls, totals")
	return cmd
}

func showRun(ctx context.Context, w *world, args []string, f *showFlags) error {
	if _, err := oneOf("--calls", f.calls, []string{callsAll, callsWrites, callsFailed, callsDoubt}); err != nil {
		return err
	}
	if _, err := path.Match(f.operation, ""); err != nil {
		return &usageError{"--operation " + f.operation + " is no glob", "--operation 'users.*'"}
	}
	h, err := readHistory(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	defer h.sayKey()
	run, err := h.chosenRun(ctx, args, f.last, func(*engine.RunRecord) bool { return true })
	if err != nil {
		return err
	}
	if f.call != "" {
		return h.showCall(ctx, run, f)
	}
	steps, err := h.db.Steps(ctx, run.ID)
	if err != nil {
		return err
	}
	s := &shown{h: h, run: run, f: f, totals: map[string]*total{}}
	if f.json {
		return s.lines(ctx, steps)
	}
	if s.short, err = h.shortID(ctx, run.ID); err != nil {
		return err
	}
	return s.report(ctx, steps)
}

// shown is a run that is being shown.
type shown struct {
	h      *history
	run    *engine.RunRecord
	short  string
	f      *showFlags
	totals map[string]*total
	left   int // calls that the default view has left out
	listed int
}

// wants reports whether a call is to be listed.
func (s *shown) wants(c *engine.CallRecord) bool {
	if s.f.operation != "" {
		if ok, err := path.Match(s.f.operation, c.Operation); err != nil || !ok {
			return false
		}
	}
	failed := c.State != engine.StateDone && c.State != engine.StateResolved && c.State != engine.StateRefused
	switch s.f.calls {
	case callsAll:
		return true
	case callsWrites:
		return c.Mutates
	case callsFailed:
		return failed
	case callsDoubt:
		return doubtful(s.run, c)
	}
	return c.Mutates || failed || s.f.operation != "" || s.f.task != ""
}

// spoken reports whether a record is a line that was printed or logged.
func spoken(c *engine.CallRecord) bool {
	return c.Operation == "print" || strings.HasPrefix(c.Operation, "log.")
}

// callsShown hands out the run's calls as the flags choose them, and counts.
func (s *shown) callsShown(ctx context.Context, list, say func(c *engine.CallRecord) error) error {
	for c, err := range s.h.db.Calls(ctx, s.run.ID, journal.CallFilter{Task: s.f.task, Below: true}) {
		if err != nil {
			return err
		}
		if spoken(c) {
			if s.f.log {
				err = say(c)
			}
		} else if s.wants(c) {
			s.count(c)
			err = list(c)
		} else if s.f.calls == "" && s.f.operation == "" {
			s.count(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A total is what the calls of one operation come to.
type total struct {
	Type      string  `json:"type"` // total
	Run       string  `json:"run"`
	Operation string  `json:"operation"`
	Calls     int     `json:"calls"`
	Writes    int     `json:"writes"`
	Failed    int     `json:"failed"`
	Retries   int     `json:"retries"`
	TookMS    float64 `json:"took_ms"` // of all of them
	WaitedMS  float64 `json:"waited_ms"`
}

func (s *shown) count(c *engine.CallRecord) { countInto(s.totals, s.run.ID, c) }

func countInto(totals map[string]*total, run string, c *engine.CallRecord) {
	t := totals[c.Operation]
	if t == nil {
		t = &total{Type: "total", Run: run, Operation: c.Operation}
		totals[c.Operation] = t
	}
	t.Calls++
	if c.Mutates {
		t.Writes++
	}
	if c.State == engine.StateFailed || c.State == engine.StateEnded || c.State == engine.StateDoubt {
		t.Failed++
	}
	t.Retries += retries(c)
	t.TookMS += inMS(callTook(c))
	t.WaitedMS += inMS(c.Waited)
}

// retries is how often a call was tried again.
func retries(c *engine.CallRecord) int {
	n := len(c.Attempts)
	if n > 0 && c.State != engine.StateDone {
		n-- // the last one was the end of it
	}
	return n
}

func sortedTotals(totals map[string]*total) []*total {
	all := make([]*total, 0, len(totals))
	for _, t := range totals {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *total) int { return strings.Compare(a.Operation, b.Operation) })
	return all
}

// lines prints the run as JSON, one object a line.
func (s *shown) lines(ctx context.Context, steps []*engine.StepRecord) error {
	w := s.h.w
	if err := w.encodeLine(s.h.runInfo(s.run)); err != nil {
		return err
	}
	for _, step := range steps {
		if err := w.encodeLine(s.h.stepInfo(s.run.ID, step)); err != nil {
			return err
		}
	}
	line := func(c *engine.CallRecord) error { return w.encodeLine(s.h.callInfo(s.run, c)) }
	if err := s.callsShown(ctx, line, line); err != nil {
		return err
	}
	for _, t := range sortedTotals(s.totals) {
		if err := w.encodeLine(t); err != nil {
			return err
		}
	}
	return nil
}

// report prints the run for people.
func (s *shown) report(ctx context.Context, steps []*engine.StepRecord) error {
	s.head()
	if err := s.doubts(ctx); err != nil {
		return err
	}
	s.steps(steps)
	if err := s.calls(ctx); err != nil {
		return err
	}
	s.printTotals()
	return nil
}

// field prints one line of a head.
func (w *world) field(name, value string) {
	if value != "" {
		fmt.Fprintf(w.stdout, "  %s %s\n", w.paint("2", fmt.Sprintf("%-9s", name)), printable(value))
	}
}

func (w *world) heading(text string) {
	fmt.Fprintf(w.stdout, "\n%s\n", w.paint("1", printable(text)))
}

func (s *shown) head() {
	w, r := s.h.w, s.run
	state := stateOf(r, s.short)
	text := state.word
	if !r.Ended.IsZero() {
		text += fmt.Sprintf(" (exit %d)", r.Exit)
	}
	fmt.Fprintf(w.stdout, "%s %s: %s\n", w.paint("1", kindWord(r)), w.paint("1", r.ID), w.paint(state.color, text))
	file := r.Playbook
	if file == "" {
		file = "standard input"
	}
	if r.Name != "" {
		file = r.Name + " (" + file + ")"
	}
	w.field("playbook", oneLine(file)+", sha256 "+r.Hash[:min(12, len(r.Hash))])
	for _, t := range r.Tenants {
		text := t.Role + " = " + t.Name + " (" + t.Domain + ")"
		if t.Local {
			text = t.Role + " = a local tenant, gone with its process"
		}
		w.field("tenant", oneLine(text))
	}
	if params, ok := s.h.tree(r.Params).(*engine.Object); ok {
		for name, v := range params.All() {
			w.field("param", oneLine(name+" = "+compact(v)))
		}
	}
	if r.Schedule != "" {
		due := ""
		if !r.Due.IsZero() {
			due = ", due " + r.Due.Format(time.RFC3339)
		}
		w.field("schedule", oneLine(r.Schedule+due))
	}
	if r.Why != "" {
		w.field("why", oneLine(r.Why))
	}
	w.field("who", oneLine(r.Who+" on "+r.Host+", a0run "+r.Version))
	started := r.Started.Local().Format(longDate)
	if d := s.h.runTook(r); d >= 0 {
		started += ", took " + took(d)
	}
	w.field("started", started)
	if r.Epoch > 1 {
		w.field("resumed", count(int(r.Epoch-1), "time"))
	}
	w.field("calls", fmt.Sprintf("%s, %s", count(r.Calls, "call"), count(r.Writes, "write")))
	w.field("error", s.h.text(r.Error))
	if state.next != "" && r.Status != engine.RunInDoubt {
		w.field("next", state.next+s.h.flag())
	}
}

func kindWord(r *engine.RunRecord) string {
	if r.Kind == engine.KindRun || r.Kind == "" {
		return "run"
	}
	if r.Of == "" {
		return r.Kind
	}
	return r.Kind + " of " + r.Of + ","
}

func (s *shown) steps(steps []*engine.StepRecord) {
	if len(steps) == 0 {
		return
	}
	s.h.w.heading("steps")
	t := &table{w: s.h.w, indent: 2, columns: []column{
		{title: "state"}, {title: "step", least: 12}, {title: "took", right: true}, {title: "task", least: 8, drop: 1}, {title: "place", least: 8, tail: true},
	}}
	for _, step := range steps {
		name, note := step.Name, s.h.text(step.Reason)
		if name == "" {
			name = step.ID
		}
		if name == "" {
			name = step.Where
		}
		if step.Error != "" {
			note = s.h.text(step.Error)
		}
		color := map[string]string{engine.StepOK: "32", engine.StepFailed: "31"}[step.State]
		task := step.Task
		if task == "main" {
			task = ""
		}
		t.add(tableRow{cells: []string{step.State, name, took(step.Took), task, step.Where}, paint: color, note: oneLine(note)})
	}
	t.flush()
}

// mostListed is how many calls the default view shows.
const mostListed = 100

func (s *shown) calls(ctx context.Context) error {
	w := s.h.w
	title := map[string]string{callsAll: "calls", callsWrites: "writes", callsFailed: "failed calls", callsDoubt: "calls in doubt"}[s.f.calls]
	if title == "" {
		title = "writes and failures"
	}
	if s.f.calls == "" && (s.f.operation != "" || s.f.task != "") {
		title = "calls"
	}
	t := s.table()
	lines := &table{w: w, indent: 2, columns: []column{{title: "time"}, {title: "level"}, {title: "text"}, {title: "place", drop: 1}}}
	var said []tableRow
	err := s.callsShown(ctx, func(c *engine.CallRecord) error {
		if s.listed == 0 {
			w.heading(title)
		}
		if s.listed++; s.f.calls == "" && s.listed > mostListed {
			s.left++
			return nil
		}
		t.add(s.row(c))
		return nil
	}, func(c *engine.CallRecord) error {
		said = append(said, s.saidRow(c))
		return nil
	})
	if err != nil {
		return err
	}
	t.flush()
	if s.left > 0 {
		fmt.Fprintf(w.stdout, "  and %d more: --calls writes, failed or all shows them\n", s.left)
	}
	if len(said) > 0 {
		w.heading("printed and logged")
		for _, row := range said {
			lines.add(row)
		}
		lines.flush()
	}
	return nil
}

func (s *shown) table() *table {
	return &table{w: s.h.w, indent: 2, columns: []column{
		{title: "call", right: true},
		{title: "time", drop: 3},
		{title: "operation", least: 14},
		{title: "object", least: 12, tail: true},
		{title: "task", least: 10, tail: true, drop: 5},
		{title: "place", least: 8, tail: true, drop: 1},
		{title: "state"},
		{title: "status", right: true, drop: 2},
		{title: "took", right: true},
		{title: "retries", right: true, drop: 4},
		{title: "waited", right: true, drop: 4},
	}}
}

func (s *shown) row(c *engine.CallRecord) tableRow {
	blank := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	name, length, waited, task := "#"+fmt.Sprint(c.Seq), "", "", c.Task
	if c.Seq == 0 {
		name = c.Key[:min(8, len(c.Key))]
	}
	if !c.Ended.IsZero() {
		length = took(callTook(c))
	}
	if c.Waited > 0 {
		waited = took(c.Waited)
	}
	if task == "main" {
		task = ""
	}
	return tableRow{
		cells: []string{
			name, c.Began.Local().Format(clock), c.Operation, objectOf(c), task, c.Where,
			c.State, blank(c.Status), length, blank(retries(c)), waited,
		},
		column: 6, paint: stateColor(c.State), note: oneLine(s.h.problem(c)),
	}
}

func stateColor(state string) string {
	switch state {
	case engine.StateDone:
		return "32"
	case engine.StateFailed, engine.StateEnded, engine.StateDoubt:
		return "31"
	}
	return "33"
}

// objectOf names the object that a call touched.
func objectOf(c *engine.CallRecord) string {
	if c.Object == "" {
		return ""
	}
	return c.Kind + "/" + c.Object
}

// problem is why a call failed, without what the row says already.
func (h *history) problem(c *engine.CallRecord) string {
	e := h.failure(c)
	if e == nil {
		return ""
	}
	text := e.Message
	if e.Name != "" && e.Name != engine.NameAuth0Error {
		text = e.Name + ": " + text
	}
	if c.Tolerated {
		text += " (tolerated)"
	}
	return text
}

// failure is the error of a call; what is sealed in it is hidden.
func (h *history) failure(c *engine.CallRecord) *engine.Error {
	if len(c.Failure) == 0 {
		return nil
	}
	tree := h.tree(c.Failure)
	e, err := engine.UnmarshalFailure(raw(tree))
	if err != nil {
		return &engine.Error{Message: hiddenText}
	}
	return e
}

func (s *shown) saidRow(c *engine.CallRecord) tableRow {
	level := strings.TrimPrefix(c.Operation, "log.")
	text := ""
	if args, ok := s.h.tree(c.Args).(*engine.Object); ok {
		v, _ := args.Get("text")
		text, _ = v.(string)
		if fields, ok := args.Get("fields"); ok {
			text += " " + compact(fields)
		}
	} else {
		text = hiddenText
	}
	color := map[string]string{"error": "31", "warn": "33", "debug": "2"}[level]
	return tableRow{cells: []string{c.Began.Local().Format(clock), level, text, c.Where}, column: 1, paint: color}
}

func (s *shown) printTotals() {
	all := sortedTotals(s.totals)
	if len(all) == 0 {
		return
	}
	s.h.w.heading("by operation")
	t := &table{w: s.h.w, indent: 2, columns: []column{
		{title: "operation", least: 14},
		{title: "calls", right: true},
		{title: "failed", right: true},
		{title: "retries", right: true},
		{title: "mean", right: true},
		{title: "waited", right: true},
	}}
	for _, one := range all {
		t.add(totalRow(one))
	}
	t.flush()
}

func totalRow(t *total) tableRow {
	blank := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	waited := ""
	if t.WaitedMS > 0 {
		waited = took(fromMS(t.WaitedMS))
	}
	return tableRow{cells: []string{
		t.Operation, fmt.Sprint(t.Calls), blank(t.Failed), blank(t.Retries), took(fromMS(t.TookMS / float64(t.Calls))), waited,
	}}
}
