package yaml

import (
	"slices"
	"strings"

	"a0run/engine"
	"a0run/engine/lua"
)

// expr checks the names of an expression, or of a lua step.
func (c *checker) expr(e *expr, v view) {
	if e == nil || e.chunk == nil {
		return
	}
	if e.asksError && !v.err {
		c.problem(e.at, "steps.ID.error has the error of a step", "error exists only inside rescue and always")
	}
	extra := []string{"params", "vars", "steps", "item", "index", "error"}
	for _, n := range e.reads.names {
		if root, reported := c.name(e, n, v); reported {
			extra = append(extra, root)
		}
	}
	c.problems = append(c.problems, e.chunk.Check(c.globals, extra)...)
}

// name checks one name; reported says that the rest need not look at its root.
func (c *checker) name(e *expr, n lua.Name, v view) (root string, reported bool) {
	root, rest, _ := strings.Cut(n.Path, ".")
	second, third, _ := strings.Cut(rest, ".")
	third, _, _ = strings.Cut(third, ".")
	before := len(c.problems)
	switch root {
	case "params":
		c.param(n, second)
	case "vars":
		if second != "" && !v.known.hasVar(second) {
			c.unknownVar(n, second, v)
		}
	case "steps":
		c.stepName(n, second, third, v)
	case "item", "index":
		if !v.item {
			c.problem(n.Where, "", "%s exists only in a step with for_each, and in the steps inside it", root)
		}
	default:
		c.global(e, n, v)
	}
	return root, len(c.problems) > before
}

func (c *checker) param(n lua.Name, name string) {
	var names []string
	for _, p := range c.p.head.Params {
		names = append(names, p.Name)
	}
	if name == "" || slices.Contains(names, name) {
		return
	}
	hint := didYouMean(engine.Nearest(name, names))
	if hint == "" {
		hint = "declare it in the head, under params:"
	}
	c.problem(n.Where, hint, "the playbook declares no parameter %s", name)
}

func (c *checker) unknownVar(n lua.Name, name string, v view) {
	names := v.known.names(func(k *known) map[string]bool { return k.vars })
	hint := didYouMean(engine.Nearest(name, names))
	if hint == "" {
		hint = "vars: and register: name variables; this place sees those of the steps before it"
	}
	c.problem(n.Where, hint, "there is no variable %s here", name)
}

// stepName checks steps.ID and steps.ID.result.
func (c *checker) stepName(n lua.Name, id, field string, v view) {
	if id == "" {
		return
	}
	if !v.known.hasStep(id) {
		if c.ids[id] != nil {
			c.problem(n.Where, "a step sees those that it waits for: all above it in its list, or what needs: names",
				"the step %s does not come before this one", id)
			return
		}
		ids := v.known.names(func(k *known) map[string]bool { return k.steps })
		c.problem(n.Where, didYouMean(engine.Nearest(id, ids)), "there is no step with the id %s", id)
		return
	}
	fields := []string{"result", "status", "error"}
	if field != "" && !slices.Contains(fields, field) {
		hint := didYouMean(engine.Nearest(field, fields))
		if hint == "" {
			hint = "write steps." + id + ".result." + field
		}
		c.problem(n.Where, hint, "a step has result, status and error, but no %s", field)
	}
}

// global checks a name that is none of the playbook's own.
func (c *checker) global(e *expr, n lua.Name, v view) {
	root, _, _ := strings.Cut(n.Path, ".")
	if _, ok := c.globals.Get(root); !ok {
		switch {
		case v.known.hasVar(root):
			c.problem(n.Where, "write vars."+root, "%s is a variable", root)
		case v.known.hasStep(root):
			c.problem(n.Where, "write steps."+root+".result", "%s is a step", root)
		case slices.ContainsFunc(c.p.head.Params, func(p engine.ParamDecl) bool { return p.Name == root }):
			c.problem(n.Where, "write params."+root, "%s is a parameter", root)
		}
		return
	}
	if e.code {
		return
	}
	if f, ok := c.globals.Lookup(n.Path); ok && !f.Pure {
		c.problem(n.Where, "make it a step of its own, with id: or register:, and use its result",
			"%s leaves the process and cannot stand in an expression", n.Path)
	}
}
