package web

import (
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/yaml"
)

// A stepNode is a step of a run: a node of the graph and a line of the list.
type stepNode struct {
	Name, Action, Where, Task string
	State                     state
	Reason, Error             string
	Began                     time.Time
	Took                      time.Duration
	after                     []int
	layer, row                int
}

// mostNodes is how many steps a graph shows; the list has the rest.
const mostNodes = 60

// A stepsView is the steps of a run.
type stepsView struct {
	Graph template.HTML
	List  []stepNode
	Left  int
}

// A runningStep is a step that began and of which the journal has no end yet.
type runningStep struct {
	where, task, name string
	began             time.Time
	// ended is how it ended, with how long it took, where that was told: it comes
	// a moment before the journal has it, and the step must not fall back meanwhile
	// to one that waits. looks is how often more that is shown.
	ended string
	took  time.Duration
	looks int
}

// steps are the steps of a run: those of the playbook's text where the run was
// made of just that text, and what became of them.
func (r *Room) steps(ctx context.Context, rec *engine.RunRecord, running []runningStep) (*stepsView, error) {
	ended, err := r.o.Control.History().Steps(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	nodes, outlined := r.outline(ctx, rec)
	for _, s := range ended {
		n := stepNode{
			Name: stepName(s.ID, s.Name, s.Where), Where: s.Where, Task: s.Task, State: stateOf(s.State), Began: s.Began, Took: s.Took,
			Reason: r.o.Control.ShownText(s.Reason), Error: r.o.Control.ShownText(s.Error),
		}
		nodes = place(nodes, outlined, n)
	}
	for _, s := range running {
		n := stepNode{Name: s.name, Where: s.where, Task: s.task, State: stateOf(engine.RunRunning), Began: s.began}
		if s.ended != "" {
			if slices.ContainsFunc(ended, func(e *engine.StepRecord) bool { return samePlace(e.Where, s.where) && e.Task == s.task }) {
				continue // the journal has it
			}
			n.State, n.Took = stateOf(s.ended), s.took
		}
		nodes = place(nodes, outlined, n)
	}
	v := &stepsView{List: nodes}
	drawn := nodes[:min(len(nodes), mostNodes)]
	if outlined > 0 {
		drawn = nodes[:min(outlined, mostNodes)]
	} else {
		chain(drawn)
	}
	if len(drawn) > 0 {
		v.Graph = graph(drawn)
	}
	if v.Left = len(v.List) - mostList; v.Left > 0 {
		v.List = v.List[:mostList]
	}
	return v, nil
}

// mostList is how many steps the list has.
const mostList = 200

func stepName(id, name, where string) string {
	switch {
	case name != "":
		return name
	case id != "":
		return id
	}
	return where
}

// outline are the steps that the playbook's text has; none where it is Lua, or
// another text by now.
func (r *Room) outline(ctx context.Context, rec *engine.RunRecord) ([]stepNode, int) {
	text, ok := r.source(ctx, rec)
	if !ok {
		return nil, 0
	}
	p, err := yaml.Parse(rec.Playbook, []byte(text), nil)
	if err != nil {
		return nil, 0
	}
	var nodes []stepNode
	for _, s := range p.Outline() {
		nodes = append(nodes, stepNode{
			Name: stepName(s.ID, s.Name, s.Action), Action: s.Action, Where: s.Where.String(), Task: "main", State: stateOf("waits"), after: s.After,
		})
	}
	return nodes, len(nodes)
}

// place puts what is known of a step to the node of the playbook's text, or
// behind all of them.
func place(nodes []stepNode, outlined int, n stepNode) []stepNode {
	for i := range nodes[:outlined] {
		if samePlace(nodes[i].Where, n.Where) {
			n.Name, n.Action, n.after = nodes[i].Name, nodes[i].Action, nodes[i].after
			nodes[i] = n
			return nodes
		}
	}
	return append(nodes, n)
}

// samePlace compares places by line and column: the file is called in another
// way from another folder.
func samePlace(a, b string) bool {
	return lineOf(a) == lineOf(b) && lineOf(a) != ""
}

func lineOf(where string) string {
	parts := strings.Split(where, ":")
	if len(parts) < 2 {
		return ""
	}
	return strings.Join(parts[max(1, len(parts)-2):], ":")
}

// chain joins steps of which no text says what waits for what: each to the one
// before it in its task, the first of a task to the last of the task above it.
func chain(nodes []stepNode) {
	slices.SortStableFunc(nodes, func(a, b stepNode) int { return a.Began.Compare(b.Began) })
	last := map[string]int{}
	for i := range nodes {
		for task := nodes[i].Task; task != ""; {
			if j, ok := last[task]; ok {
				nodes[i].after = []int{j}
				break
			}
			cut := strings.LastIndexByte(task, '/')
			if cut < 0 {
				break
			}
			task = task[:cut]
		}
		last[nodes[i].Task] = i
	}
}

// The size of a node of the graph, and the gaps between.
const (
	nodeWide, nodeHigh = 176, 40
	gapWide, gapHigh   = 36, 12
)

// graph draws steps from left to right; each is right of all that it waits for.
func graph(nodes []stepNode) template.HTML {
	rows := map[int]int{}
	for range nodes { // a step may wait for one below it
		moved := false
		for i := range nodes {
			for _, j := range nodes[i].after {
				if j < len(nodes) && nodes[i].layer <= nodes[j].layer && nodes[j].layer < len(nodes) {
					nodes[i].layer, moved = nodes[j].layer+1, true
				}
			}
		}
		if !moved {
			break
		}
	}
	layers, most := 0, 0
	for i := range nodes {
		n := &nodes[i]
		n.row = rows[n.layer]
		rows[n.layer]++
		layers, most = max(layers, n.layer+1), max(most, n.row+1)
	}
	x := func(n stepNode) int { return n.layer*(nodeWide+gapWide) + 2 }
	y := func(n stepNode) int { return n.row*(nodeHigh+gapHigh) + 2 }
	wide, high := layers*(nodeWide+gapWide)-gapWide+4, most*(nodeHigh+gapHigh)-gapHigh+4
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="graph" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s as a graph; the list below has the same">`,
		wide, high, wide, high, plural(len(nodes), "step"))
	for _, n := range nodes {
		for _, j := range n.after {
			if j >= len(nodes) {
				continue
			}
			x1, y1, x2, y2 := x(nodes[j])+nodeWide, y(nodes[j])+nodeHigh/2, x(n), y(n)+nodeHigh/2
			fmt.Fprintf(&b, `<path class="edge" d="M%d %d C%d %d %d %d %d %d"/>`, x1, y1, x1+gapWide/2+4, y1, x2-gapWide/2-4, y2, x2, y2)
		}
	}
	for _, n := range nodes {
		writeNode(&b, n, x(n), y(n))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // escaped piece by piece
}

func writeNode(b *strings.Builder, n stepNode, x, y int) {
	esc := template.HTMLEscapeString
	second := n.State.Word
	if n.Took > 0 {
		second += ", " + took(n.Took)
	}
	if n.Action != "" && n.Action != n.Name && n.Took == 0 {
		second = n.Action + " · " + second
	}
	fmt.Fprintf(b, `<g class="node %s"><title>%s (%s): %s</title><rect class="box" x="%d" y="%d" width="%d" height="%d" rx="5"/>`,
		n.State.Class, esc(n.Name), esc(n.Where), esc(n.State.Word), x, y, nodeWide, nodeHigh)
	fmt.Fprintf(b, `<rect class="edge-mark" x="%d" y="%d" width="4" height="%d" rx="2"/>`, x, y, nodeHigh)
	fmt.Fprintf(b, `<text class="name" x="%d" y="%d">%s</text><text class="note" x="%d" y="%d">%s</text></g>`,
		x+14, y+17, esc(cut(n.Name, 22)), x+14, y+32, esc(cut(n.State.Sign+" "+second, 27)))
}

// cut shortens a text to some characters.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
