package yaml

import (
	"slices"
	"strconv"

	"a0run/engine"
)

// bodies lets a function look at its arguments as far as they are constant: what
// stands in ${{ }} is not known yet.
func (c *checker) bodies(a *action, f *engine.Function) {
	if f.Check == nil {
		return
	}
	places := map[string]engine.Position{"": a.at}
	named, ok := constants(a.arg, "", places).(*engine.Object)
	if !ok {
		return
	}
	for _, found := range f.Check(named) {
		at := engine.NearestPlace(places, found.Path)
		if slices.ContainsFunc(c.problems, func(p engine.Problem) bool { return p.Where == at && at != a.at }) {
			continue // the argument itself has a mistake, which is said
		}
		c.problems = append(c.problems, engine.Problem{
			Where: at, Message: a.name + ": " + found.Message, Hint: found.Hint, Warning: found.Warning,
		})
	}
}

// constants is a node as the value that it will be, with Unknown for what an
// expression gives. places takes the place of each path.
func constants(n *node, path string, places map[string]engine.Position) any {
	if path != "" {
		places[path] = n.at
	}
	switch n.kind {
	case mapping:
		o := engine.NewObject(len(n.keys))
		for i, k := range n.keys {
			name, ok := k.text()
			if !ok || k.tmpl != nil {
				return engine.Unknown{}
			}
			inner := name
			if path != "" {
				inner = path + "." + name
			}
			v := constants(n.values[i], inner, places)
			places[inner] = k.at
			if v != nil {
				o.Set(name, v)
			}
		}
		return o
	case sequence:
		out := make([]any, len(n.values))
		for i, x := range n.values {
			out[i] = constants(x, path+"."+strconv.Itoa(i+1), places)
		}
		return out
	case scalar:
	}
	switch {
	case n.tmpl != nil:
		return engine.Unknown{}
	case n.value == nil && !n.empty:
		return engine.Null{}
	}
	return n.value
}
