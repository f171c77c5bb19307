package plan

import (
	"cmp"
	"slices"
	"strings"
)

// The order of Plan.Changes is that in which the calls were answered, another
// one each time. What is shown has an order of its own, so that two plans can be
// compared: by task, and in a task by call.

// ordered are the changes in the order in which they are shown.
func (p *Plan) ordered() []*Change {
	out := slices.Clone(p.Changes)
	slices.SortStableFunc(out, compareCalls)
	return out
}

// compareCalls orders calls: those of a task before those of the tasks that it
// began, tasks by their paths, the calls of a task by their number.
func compareCalls(a, b *Change) int {
	return cmp.Or(compareNatural(a.Task, b.Task), cmp.Compare(a.N, b.N))
}

// unknowns are the places where the plan cannot know, in the order in which they
// are shown.
func (p *Plan) unknowns() []Unknown {
	out := slices.Clone(p.Unknown)
	slices.SortStableFunc(out, func(a, b Unknown) int {
		return cmp.Or(compareNatural(a.Where, b.Where), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// arrange orders the changes of one object, which stand as they were made: a
// task's own changes before and after tasks that it began stay there, and what
// tasks beside each other do is ordered as everywhere.
func arrange(changes []*Change) {
	if len(changes) < 2 {
		return
	}
	began := map[string]bool{}
	for _, c := range changes {
		for i := strings.LastIndexByte(c.Task, '/'); i > 0; i = strings.LastIndexByte(c.Task[:i], '/') {
			began[c.Task[:i]] = true
		}
	}
	for from := 0; from < len(changes); {
		to := from
		for to < len(changes) && !began[changes[to].Task] {
			to++
		}
		slices.SortStableFunc(changes[from:to], compareCalls)
		from = to + 1
	}
}

// compareNatural orders texts with the numbers in them by value, and a path
// before what is below it.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if isDigit(x[0]) && isDigit(y[0]) {
			var m, n string
			m, x = cutNumber(x)
			n, y = cutNumber(y)
			if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
				return c
			}
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(weight(x[0]), weight(y[0]))
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b)) // 01 and 1 are no equals
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// weight puts the slash before every other character.
func weight(c byte) int {
	if c == '/' {
		return -1
	}
	return int(c)
}

// cutNumber takes the digits off that a text begins with, without leading zeros.
func cutNumber(s string) (number, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return strings.TrimLeft(s[:len(s)-len(rest)], "0"), rest
}
