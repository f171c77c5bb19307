package search

import (
	"slices"
	"strings"
)

// Members are the members of an object that Match looks at, by their names at its
// top; false says that it looks at all. Whoever has objects that cost something to
// read reads those only.
func (q *Query) Members() (names []string, some bool) {
	some = members(q.root, func(p path) {
		names = append(names, p.parts[0])
		if len(p.parts) > 1 { // a key that has dots in it
			names = append(names, strings.Join(p.parts, "."))
		}
	})
	slices.Sort(names)
	return slices.Compact(names), some
}

// members calls f with each path of a node, and reports whether there is nothing
// else that it looks at.
func members(n node, f func(path)) bool {
	switch n := n.(type) {
	case all:
	case anyOf:
		return membersOf(n, f)
	case allOf:
		return membersOf(n, f)
	case not:
		return members(n.n, f)
	case noneOf:
		f(n.path)
	case exists:
		f(n.path)
	case equal:
		f(n.path)
	case span:
		f(n.path)
	case wild:
		if n.bare {
			return false
		}
		f(n.path)
	default: // a term without a field
		return false
	}
	return true
}

func membersOf(list []node, f func(path)) bool {
	for _, n := range list {
		if !members(n, f) {
			return false
		}
	}
	return true
}
