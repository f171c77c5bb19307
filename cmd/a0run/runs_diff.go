package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/journal"
)

const runsDiffLong = `Compare two runs of one playbook: parameters, the playbook's text, calls that
only one of them made, calls that came out differently, and how long all took.

Calls are matched by their task, operation and arguments, not by their order in
time: tasks that ran in another order are no difference. Ids that the run itself
was given by its creates count as equal. What is left over of the same operation
in the same task is shown side by side, with the arguments that differ.`

const runsDiffExample = `  a0run runs diff 36317e4e 9b41c7a2
  a0run runs diff 36317e4e 9b41c7a2 --json`

// diffFlags are the flags of `a0run runs diff`.
type diffFlags struct {
	journal string
	json    bool
}

func runsDiffCommand(w *world) *cobra.Command {
	f := &diffFlags{}
	cmd := &cobra.Command{
		Use: "diff A B", Short: "Compare two runs of one playbook",
		Long: runsDiffLong + "\n\n" + historyCodes, Example: runsDiffExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{fmt.Sprintf("diff needs two runs, got %d", len(args)), "a0run runs diff A B; a0run runs lists them"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return failedWith(diffRuns(cmd.Context(), w, args, f)) },
	}
	journalFlag(cmd.Flags(), &f.journal)
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line")
	return cmd
}

func diffRuns(ctx context.Context, w *world, names []string, f *diffFlags) error {
	h, err := readHistory(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	defer h.sayKey()
	d := &difference{h: h}
	for i, side := range []*side{&d.a, &d.b} {
		if side.run, err = h.run(ctx, names[i]); err != nil {
			return err
		}
		if side.short, err = h.shortID(ctx, side.run.ID); err != nil {
			return err
		}
		side.totals = map[string]*total{}
	}
	if playbookOf(d.a.run.Name, d.a.run.Playbook) != playbookOf(d.b.run.Name, d.b.run.Playbook) {
		fmt.Fprintln(w.stderr, "note: these are runs of two playbooks")
	}
	if err := d.compare(ctx); err != nil {
		return err
	}
	if f.json {
		return d.lines(ctx)
	}
	return d.report(ctx)
}

// A difference is what two runs do not have in common.
type difference struct {
	h            *history
	a, b         side
	outcomes     [][2]*brief // equal calls that came out differently
	arguments    [][2]*brief // calls of one operation and task with other arguments
	onlyA, onlyB []*brief
}

// A side is one of two runs.
type side struct {
	run    *engine.RunRecord
	short  string
	totals map[string]*total
}

// A brief is a call as it is kept while two runs are compared: a run may have a
// million of them.
type brief struct {
	seq                          int64
	key, task, operation, object string
	where, state, problem        string
	status, tries                int
	mutates                      bool
}

func (d *difference) brief(c *engine.CallRecord) *brief {
	return &brief{
		seq: c.Seq, key: c.Key, task: c.Task, operation: c.Operation, object: objectOf(c), where: c.Where, state: c.State,
		problem: d.h.problem(c), status: c.Status, tries: retries(c), mutates: c.Mutates,
	}
}

// compare matches the calls of both runs by their keys, which are made of task,
// tenant, operation and arguments, and are the same in every run of a journal.
func (d *difference) compare(ctx context.Context) error {
	inA := map[string]*brief{}
	var order []*brief
	for c, err := range d.h.db.Calls(ctx, d.a.run.ID, journal.CallFilter{}) {
		if err != nil {
			return err
		}
		if !spoken(c) {
			countInto(d.a.totals, d.a.run.ID, c)
			one := d.brief(c)
			inA[c.Key] = one
			order = append(order, one)
		}
	}
	for c, err := range d.h.db.Calls(ctx, d.b.run.ID, journal.CallFilter{}) {
		if err != nil {
			return err
		}
		if spoken(c) {
			continue
		}
		countInto(d.b.totals, d.b.run.ID, c)
		other, one := inA[c.Key], d.brief(c)
		switch {
		case other == nil:
			d.onlyB = append(d.onlyB, one)
			continue
		case other.state != one.state || other.status != one.status || other.problem != one.problem:
			d.outcomes = append(d.outcomes, [2]*brief{other, one})
		}
		delete(inA, c.Key)
	}
	for _, one := range order {
		if inA[one.key] != nil {
			d.onlyA = append(d.onlyA, one)
		}
	}
	d.pair()
	return nil
}

// pair finds calls that both runs made with other arguments.
func (d *difference) pair() {
	place := func(b *brief) string { return b.task + "\x00" + b.operation }
	open := map[string][]*brief{}
	for _, one := range d.onlyB {
		open[place(one)] = append(open[place(one)], one)
	}
	paired := map[*brief]bool{}
	for _, one := range d.onlyA {
		candidates := open[place(one)]
		if len(candidates) == 0 {
			continue
		}
		i := max(slices.IndexFunc(candidates, func(b *brief) bool { return b.object == one.object }), 0)
		other := candidates[i]
		open[place(one)] = slices.Delete(candidates, i, i+1)
		paired[one], paired[other] = true, true
		d.arguments = append(d.arguments, [2]*brief{one, other})
	}
	gone := func(b *brief) bool { return paired[b] }
	d.onlyA, d.onlyB = slices.DeleteFunc(d.onlyA, gone), slices.DeleteFunc(d.onlyB, gone)
}

// report prints the difference for people.
func (d *difference) report(ctx context.Context) error {
	d.heads()
	d.only("only in "+d.a.short, d.onlyA)
	d.only("only in "+d.b.short, d.onlyB)
	if err := d.otherArguments(ctx); err != nil {
		return err
	}
	d.otherOutcomes()
	if len(d.onlyA)+len(d.onlyB)+len(d.arguments)+len(d.outcomes) == 0 {
		fmt.Fprintln(d.h.w.stdout, "\nboth made the same calls, and all came out alike")
	}
	d.timing()
	return nil
}

// heads compares the heads; what is the same in both is left out, but for what
// everybody asks.
func (d *difference) heads() {
	t := &table{w: d.h.w, columns: []column{{title: "run"}, {title: d.a.short, least: 20}, {title: d.b.short, least: 20}}}
	row := func(name string, always bool, of func(*side) string) {
		if a, b := of(&d.a), of(&d.b); always || a != b {
			t.add(tableRow{cells: []string{name, a, b}})
		}
	}
	row("status", true, func(s *side) string { return stateOf(s.run, s.short).word })
	row("started", true, func(s *side) string { return s.run.Started.Local().Format(longDate) })
	row("took", true, func(s *side) string { return took(d.h.runTook(s.run)) })
	row("calls", true, func(s *side) string {
		return fmt.Sprintf("%s, %s", count(s.run.Calls, "call"), count(s.run.Writes, "write"))
	})
	row("kind", false, func(s *side) string { return kindWord(s.run) })
	row("playbook", false, func(s *side) string { return s.run.Playbook })
	row("sha256", false, func(s *side) string { return s.run.Hash[:min(12, len(s.run.Hash))] })
	row("tenants", false, func(s *side) string {
		var domains []string
		for _, one := range s.run.Tenants {
			domains = append(domains, one.Role+"="+one.Domain)
		}
		return strings.Join(domains, " ")
	})
	row("who", false, func(s *side) string { return s.run.Who + " on " + s.run.Host })
	row("version", false, func(s *side) string { return s.run.Version })
	for _, p := range d.params() {
		t.add(tableRow{cells: []string{"param " + p.Name, compactOr(p.A), compactOr(p.B)}})
	}
	row("error", false, func(s *side) string { return d.h.text(s.run.Error) })
	t.flush()
}

// A changedParam is a parameter with two values; a hidden one may have changed
// or not.
type changedParam struct {
	Name string
	A, B any
}

func (d *difference) params() []changedParam {
	a, _ := d.h.tree(d.a.run.Params).(*engine.Object)
	b, _ := d.h.tree(d.b.run.Params).(*engine.Object)
	var changed []changedParam
	for _, name := range unionKeys(a, b) {
		x, inA := a.Get(name)
		y, inB := b.Get(name)
		if !inA {
			x = missing{}
		}
		if !inB {
			y = missing{}
		}
		if !inA || !inB || compact(x) != compact(y) {
			changed = append(changed, changedParam{name, x, y})
		}
	}
	return changed
}

// missing stands for a value that is not there.
type missing struct{}

// compactOr writes a value, or that there is none.
func compactOr(v any) string {
	switch v.(type) {
	case missing:
		return "(none)"
	case unknown:
		return "(not kept)"
	}
	return compact(v)
}

func unionKeys(a, b *engine.Object) []string {
	keys := a.Keys()
	for _, key := range b.Keys() {
		if _, both := a.Get(key); !both {
			keys = append(keys, key)
		}
	}
	return keys
}

// mostDifferent is how many calls each part of the report shows.
const mostDifferent = 50

func (d *difference) only(title string, calls []*brief) {
	if len(calls) == 0 {
		return
	}
	d.h.w.heading(fmt.Sprintf("%s: %s", title, count(len(calls), "call")))
	t := &table{w: d.h.w, indent: 2, columns: []column{
		{title: "call", right: true},
		{title: "operation", least: 14},
		{title: "object", least: 12, tail: true},
		{title: "task", least: 10, tail: true, drop: 1},
		{title: "place", least: 8, tail: true, drop: 2},
		{title: "state"},
		{title: "status", right: true, drop: 3},
	}}
	for _, c := range calls[:min(len(calls), mostDifferent)] {
		status := ""
		if c.status != 0 {
			status = fmt.Sprint(c.status)
		}
		t.add(tableRow{
			cells:  []string{c.name(), c.operation, c.object, c.taskName(), c.where, c.state, status},
			column: 5, paint: stateColor(c.state), note: oneLine(c.problem),
		})
	}
	t.flush()
	d.more(len(calls))
}

func (d *difference) more(n int) {
	if n > mostDifferent {
		fmt.Fprintf(d.h.w.stdout, "  and %d more: --json has all\n", n-mostDifferent)
	}
}

func (b *brief) name() string {
	if b.seq == 0 {
		return b.key[:min(8, len(b.key))]
	}
	return fmt.Sprintf("#%d", b.seq)
}

func (b *brief) taskName() string {
	if b.task == "main" {
		return ""
	}
	return b.task
}

// title is a call in a few words.
func (b *brief) title() string {
	text := strings.TrimSpace(b.operation + " " + b.object)
	if b.task != "main" {
		text += " in " + b.task
	}
	return oneLine(text)
}

func (d *difference) otherArguments(ctx context.Context) error {
	if len(d.arguments) == 0 {
		return nil
	}
	w := d.h.w
	w.heading("with other arguments: " + count(len(d.arguments), "call"))
	for _, pair := range d.arguments[:min(len(d.arguments), mostDifferent)] {
		changed, err := d.changedArguments(ctx, pair)
		if err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "  %s  %s, %s and %s\n", pair[0].title(), oneLine(pair[1].where), pair[0].name(), pair[1].name())
		for _, c := range changed {
			fmt.Fprintf(w.stdout, "    %s\n", c.line(w))
		}
		if len(changed) == 0 {
			fmt.Fprintln(w.stdout, "    what differs is hidden, or how often it was called")
		}
	}
	d.more(len(d.arguments))
	return nil
}

func (d *difference) changedArguments(ctx context.Context, pair [2]*brief) ([]change, error) {
	var args [2]any
	for i, side := range []*side{&d.a, &d.b} {
		c, err := d.h.db.Find(ctx, side.run.ID, pair[i].key)
		if err != nil || c == nil {
			return nil, err
		}
		args[i] = d.h.tree(c.Args)
	}
	return changes(args[0], args[1]), nil
}

func (d *difference) otherOutcomes() {
	if len(d.outcomes) == 0 {
		return
	}
	w := d.h.w
	w.heading("with another outcome: " + count(len(d.outcomes), "call"))
	for _, pair := range d.outcomes[:min(len(d.outcomes), mostDifferent)] {
		fmt.Fprintf(w.stdout, "  %s  %s\n", pair[0].title(), oneLine(pair[1].where))
		for i, side := range []*side{&d.a, &d.b} {
			b := pair[i]
			text := b.state
			if b.status != 0 {
				text += fmt.Sprintf(" (%d)", b.status)
			}
			if b.problem != "" {
				text += ": " + b.problem
			}
			fmt.Fprintf(w.stdout, "    %s %s  %s\n", side.short, b.name(), oneLine(text))
		}
	}
	d.more(len(d.outcomes))
}

// timing compares how long the operations took.
func (d *difference) timing() {
	w := d.h.w
	w.heading("by operation")
	t := &table{w: w, indent: 2, columns: []column{
		{title: "operation", least: 14},
		{title: "calls", right: true},
		{title: "failed", right: true},
		{title: "retries", right: true},
		{title: "mean", right: true},
		{title: "waited", right: true},
	}}
	for _, name := range d.operations() {
		cells := []string{name}
		a, b := d.a.cells(name), d.b.cells(name)
		for i := range a {
			cells = append(cells, arrow(a[i], b[i]))
		}
		t.add(tableRow{cells: cells})
	}
	t.flush()
}

// cells are the totals of one operation of a run.
func (s *side) cells(operation string) []string {
	if t := s.totals[operation]; t != nil {
		return totalRow(t).cells[1:]
	}
	return []string{"0", "", "", "", ""}
}

// arrow is a number of both runs.
func arrow(a, b string) string {
	if a == b {
		return a
	}
	return orDash(a) + " → " + orDash(b)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (d *difference) operations() []string {
	var names []string
	for _, totals := range []map[string]*total{d.a.totals, d.b.totals} {
		for name := range totals {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// callDifference is a line of --json.
type callDifference struct {
	Type    string       `json:"type"` // only_a, only_b, arguments, outcome
	A       *briefInfo   `json:"a,omitempty"`
	B       *briefInfo   `json:"b,omitempty"`
	Changes []changeInfo `json:"changes,omitempty"`
}

type briefInfo struct {
	Seq       int64  `json:"seq,omitempty"`
	Key       string `json:"key"`
	Task      string `json:"task"`
	Where     string `json:"where,omitempty"`
	Operation string `json:"operation"`
	Object    string `json:"object,omitempty"`
	Mutates   bool   `json:"mutates,omitempty"`
	State     string `json:"state"`
	Status    int    `json:"status,omitempty"`
	Error     string `json:"error,omitempty"`
	Retries   int    `json:"retries,omitempty"`
}

func (b *brief) info() *briefInfo {
	return &briefInfo{b.seq, b.key, b.task, b.where, b.operation, b.object, b.mutates, b.state, b.status, b.problem, b.tries}
}

// lines prints the difference as JSON.
func (d *difference) lines(ctx context.Context) error {
	w := d.h.w
	params := []changeInfo{}
	for _, p := range d.params() {
		params = append(params, change{path: p.Name, old: p.A, new: p.B}.info())
	}
	lines := []any{map[string]any{
		"type": "runs", "a": d.h.runInfo(d.a.run), "b": d.h.runInfo(d.b.run),
		"same_playbook": d.a.run.Hash == d.b.run.Hash, "params": params,
	}}
	for _, one := range d.onlyA {
		lines = append(lines, callDifference{Type: "only_a", A: one.info()})
	}
	for _, one := range d.onlyB {
		lines = append(lines, callDifference{Type: "only_b", B: one.info()})
	}
	for _, pair := range d.outcomes {
		lines = append(lines, callDifference{Type: "outcome", A: pair[0].info(), B: pair[1].info()})
	}
	for _, side := range []*side{&d.a, &d.b} {
		for _, t := range sortedTotals(side.totals) {
			lines = append(lines, t)
		}
	}
	for _, line := range lines {
		if err := w.encodeLine(line); err != nil {
			return err
		}
	}
	for _, pair := range d.arguments {
		changed, err := d.changedArguments(ctx, pair)
		if err != nil {
			return err
		}
		if err := w.encodeLine(callDifference{"arguments", pair[0].info(), pair[1].info(), changeInfos(changed)}); err != nil {
			return err
		}
	}
	return nil
}
