package search

import "strings"

// A Range is what a query demands of one field in every match: that its value
// lies in an interval, or begins with a text. It lets whoever holds the
// objects sorted by that field look at a slice of them only.
type Range struct {
	lies []interval
	// Rest is what else the query demands. An object whose field holds one
	// text matches the query exactly if the text is in the range and the
	// object matches Rest.
	Rest *Query
}

// An interval tells, of a text, whether it lies before or behind.
type interval interface {
	before(v string) bool
	behind(v string) bool
}

// Range takes the ranges and the prefixes of a field out of the query's
// conjunction; false says that it has none. The name of the field is a whole
// path.
//
// Before and Behind are monotone over texts in the order of their bytes as
// long as all these texts are times in one form, in one zone, or none of them
// is a time: "b" < "c" and Before("c") give Before("b").
func (q *Query) Range(field string) (Range, bool) {
	r := Range{}
	var rest allOf
	for _, n := range conjuncts(q.root, nil) {
		if i, ok := intervalOf(n, field); ok {
			r.lies = append(r.lies, i)
		} else {
			rest = append(rest, n)
		}
	}
	switch len(rest) {
	case 0:
		r.Rest = &Query{root: all{}}
	case 1:
		r.Rest = &Query{root: rest[0]}
	default:
		r.Rest = &Query{root: rest}
	}
	return r, len(r.lies) > 0
}

// Before reports whether a text lies before the range.
func (r Range) Before(v string) bool {
	for _, i := range r.lies {
		if i.before(v) {
			return true
		}
	}
	return false
}

// Behind reports whether a text lies behind the range.
func (r Range) Behind(v string) bool {
	for _, i := range r.lies {
		if i.behind(v) {
			return true
		}
	}
	return false
}

// Everything reports whether the query matches every object.
func (q *Query) Everything() bool {
	_, ok := q.root.(all)
	return ok
}

// conjuncts appends the parts of a conjunction, however it is bracketed.
func conjuncts(n node, to []node) []node {
	parts, ok := n.(allOf)
	if !ok {
		return append(to, n)
	}
	for _, p := range parts {
		to = conjuncts(p, to)
	}
	return to
}

func intervalOf(n node, field string) (interval, bool) {
	switch n := n.(type) {
	case span:
		return n, n.path.names(field)
	case wild:
		return prefix(n.parts[0]), n.isPrefix() && n.path.names(field)
	}
	return nil, false
}

// isPrefix reports whether a term is field:text*.
func (w wild) isPrefix() bool {
	return len(w.parts) == 2 && w.parts[1] == "" && !w.bare && !strings.ContainsRune(w.parts[0], 0)
}

// names reports whether a path is that field, compared as it is written.
func (p path) names(field string) bool {
	return !p.folded && !p.plain && !p.domain && strings.Join(p.parts, ".") == field
}

func (s span) before(v string) bool { return !s.low.below(v, false) }
func (s span) behind(v string) bool { return !s.high.above(v, false) }

type prefix string

func (p prefix) before(v string) bool { return v < string(p) }
func (p prefix) behind(v string) bool { return v > string(p) && !strings.HasPrefix(v, string(p)) }
