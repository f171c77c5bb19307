package rules

import (
	"maps"
	"slices"
)

// Shows reports whether an answer of the operation may have fields to leave
// out: whether Prune would do anything.
func (r Request) Shows() bool { return r.r != nil && r.r.answer != anything }

// Prune is an answer without what its schema does not have: what was sent and
// is never given back, what the tenant remembers for itself. v is not changed;
// what nothing is taken out of is given back as it is.
func (r Request) Prune(v any) any {
	if !r.Shows() {
		return v
	}
	return prune([]ruleID{r.r.answer}, v)
}

// prune leaves out what none of the alternatives has.
func prune(ids []ruleID, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return pruneObject(flat(ids, isObject), v)
	case []any:
		return pruneAll(flat(ids, isArray), v)
	case []map[string]any:
		return pruneAll(flat(ids, isArray), v)
	}
	return v
}

// flat are the alternatives that say something of values of a kind; nil where
// one of them takes everything.
func flat(ids []ruleID, k kinds) []*rule {
	var out []*rule
	for _, id := range ids {
		if id == anything {
			return nil
		}
		r := &rows[id]
		if r.one != nil {
			more := flat(r.one, k)
			if more == nil {
				continue
			}
			out = append(out, more...)
		} else if r.kinds == 0 || r.kinds&k != 0 {
			out = append(out, r)
		}
	}
	return out
}

func pruneAll[T any](of []*rule, list []T) any {
	var items []ruleID
	for _, r := range of {
		if r.items == anything {
			return list
		}
		items = append(items, r.items)
	}
	if items == nil {
		return list
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = prune(items, any(v))
	}
	return out
}

func pruneObject(of []*rule, o map[string]any) any {
	if len(of) == 0 {
		return o
	}
	out, copied := o, false
	change := func() {
		if !copied {
			out, copied = maps.Clone(o), true
		}
	}
	for name, v := range o {
		ids, known := fieldOf(of, name)
		if !known {
			if _, isNew := slices.BinarySearch(newer, name); !isNew {
				change()
				delete(out, name)
			}
			continue
		}
		if ids == nil {
			continue
		}
		switch v.(type) {
		case map[string]any, []any, []map[string]any:
			change()
			out[name] = prune(ids, v)
		}
	}
	return out
}

// fieldOf are the rules of a field; nil where it may hold anything, false where
// no alternative has it.
func fieldOf(of []*rule, name string) (ids []ruleID, known bool) {
	open := false
	for _, r := range of {
		m := find(r.fields, name)
		switch {
		case m == nil && r.rest == nothing:
		case m == nil || m.rule == anything:
			known, open = true, true
		default:
			known = true
			ids = append(ids, m.rule)
		}
	}
	if open {
		return nil, known
	}
	return ids, known
}
