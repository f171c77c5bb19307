package search

import (
	"slices"
	"sort"
	"strings"
)

// noneOf is many times NOT field:text* of one field. Whoever parts a large set
// by the beginnings of its ids leaves out hundreds, and to try them one after
// the other for each object is what a search would spend its time on.
type noneOf struct {
	path     path
	prefixes []string // sorted, none the beginning of another
}

// gather makes one node of those negated prefixes of a conjunction that are of
// one field.
func gather(parts allOf) allOf {
	byField := map[string]int{}
	var out allOf
	for _, n := range parts {
		w, ok := negatedPrefix(n)
		if !ok {
			out = append(out, n)
			continue
		}
		name := strings.Join(w.path.parts, ".")
		i, ok := byField[name]
		if !ok {
			i = len(out)
			byField[name] = i
			out = append(out, noneOf{path: w.path})
		}
		none := out[i].(noneOf)
		none.prefixes = append(none.prefixes, w.parts[0])
		out[i] = none
	}
	for _, i := range byField {
		none := out[i].(noneOf)
		none.prefixes = shortest(none.prefixes)
		out[i] = none
	}
	return out
}

func negatedPrefix(n node) (wild, bool) {
	negated, ok := n.(not)
	if !ok {
		return wild{}, false
	}
	w, ok := negated.n.(wild)
	return w, ok && w.isPrefix() && !w.path.plain && !w.path.domain
}

// shortest sorts texts and drops those that begin with another of them.
func shortest(texts []string) []string {
	slices.Sort(texts)
	out := texts[:0]
	for _, s := range texts {
		if len(out) == 0 || !strings.HasPrefix(s, out[len(out)-1]) {
			out = append(out, s)
		}
	}
	return out
}

func (n noneOf) match(o map[string]any) bool {
	return !n.path.find(o, func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		if n.path.folded {
			s = strings.ToLower(s)
		}
		// A beginning of s sorts before s, and what would lie between them
		// begins with it too.
		i := sort.SearchStrings(n.prefixes, s)
		return i < len(n.prefixes) && n.prefixes[i] == s || i > 0 && strings.HasPrefix(s, n.prefixes[i-1])
	})
}
