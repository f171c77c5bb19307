package yaml

import (
	"strings"

	"a0run/engine"
)

// maxGraph bounds the steps of a list with needs: who waits for whom is worked
// out for each pair.
const maxGraph = 1000

// graph works out who waits for whom, and checks each step with the names of
// those that it waits for, and no others.
func (c *checker) graph(l *list, v view) {
	if len(l.steps) > maxGraph {
		c.problem(l.at, "split it into blocks", "a list with needs has more than %d steps", maxGraph)
		return
	}
	l.preds = c.preds(l)
	order, circle := topological(l.preds)
	if circle != nil {
		labels := make([]string, len(circle))
		for i, s := range circle {
			labels[i] = l.steps[s].label()
		}
		first := l.steps[circle[0]]
		at := first.at
		if first.hasNeeds {
			at = first.needsAt
		}
		hint := "each waits for the next"
		for _, s := range circle {
			if !l.steps[s].hasNeeds {
				hint = "a step without needs, as " + l.steps[s].label() + ", waits for all steps above it"
			}
		}
		c.problem(at, hint, "needs go in a circle: %s", strings.Join(labels, " → "))
	}
	behind := closures(l.preds, order)
	layers := make([]*known, len(l.steps))
	for _, i := range order {
		in := v
		in.known = v.known.layer()
		for j, waited := range behind[i] {
			if waited && layers[j] != nil {
				in.known.take(layers[j])
			}
		}
		// What the step adds is kept apart from what it sees.
		seen := in.known
		in.known = seen.layer()
		layers[i] = in.known
		c.step(l.steps[i], in)
	}
	for _, layer := range layers {
		if layer != nil {
			v.known.take(layer)
		}
	}
}

// preds gives for each step those that it waits for.
func (c *checker) preds(l *list) [][]int {
	index := map[string]int{}
	ids := []string{}
	for i, s := range l.steps {
		if _, twice := index[s.id]; s.id != "" && !twice {
			index[s.id] = i
			ids = append(ids, s.id)
		}
	}
	out := make([][]int, len(l.steps))
	for i, s := range l.steps {
		if !s.hasNeeds {
			for j := range i {
				out[i] = append(out[i], j)
			}
			continue
		}
		for _, n := range s.needs {
			j, ok := index[n.id]
			switch {
			case ok && j == i:
				c.problem(n.at, "", "the step %s needs itself", n.id)
			case ok:
				out[i] = append(out[i], j)
			case c.ids[n.id] != nil:
				c.problem(n.at, "needs reaches only steps of the same list; need the step that holds it",
					"the step %s stands in another list", n.id)
			default:
				hint := didYouMean(engine.Nearest(n.id, ids))
				if hint == "" && len(ids) > 0 {
					hint = "this list has " + strings.Join(ids, ", ")
				}
				c.problem(n.at, hint, "needs names an unknown step %s", n.id)
			}
		}
	}
	return out
}

// topological orders the steps so that each comes after those it waits for; of
// several the first in the text comes first. circle is one where there is one;
// order has all steps even then.
func topological(preds [][]int) (order, circle []int) {
	const (
		fresh = iota
		open
		done
	)
	state := make([]int, len(preds))
	var way []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		way = append(way, i)
		for _, p := range preds[i] {
			switch state[p] {
			case fresh:
				visit(p)
			case open:
				if circle == nil {
					at := len(way) - 1
					for way[at] != p {
						at--
					}
					circle = append(append([]int{}, way[at:]...), p)
				}
			}
		}
		way = way[:len(way)-1]
		state[i] = done
		order = append(order, i)
	}
	for i := range preds {
		if state[i] == fresh {
			visit(i)
		}
	}
	return order, circle
}

// closures gives for each step all that have ended when it begins.
func closures(preds [][]int, order []int) [][]bool {
	out := make([][]bool, len(preds))
	for _, i := range order {
		out[i] = make([]bool, len(preds))
		for _, p := range preds[i] {
			if p != i {
				out[i][p] = true
			}
			for j, waited := range out[p] {
				if waited && j != i {
					out[i][j] = true
				}
			}
		}
	}
	return out
}
