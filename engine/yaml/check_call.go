package yaml

import (
	"encoding/json"
	"slices"
	"strings"

	"a0run/engine"
)

// resolve decides which key of a step is its action and reports the others.
func (c *checker) resolve(s *step) {
	var good, unknown []entry
	own := s.act
	if own != nil && own.kind == hostAction {
		own = nil // found by an earlier Check
	}
	for _, e := range s.entries {
		if slices.Contains(ownActions(), e.name()) || c.host(e) != nil {
			good = append(good, e)
		} else {
			unknown = append(unknown, e)
		}
	}
	if len(good) > 1 {
		names := make([]string, len(good))
		for i, e := range good {
			names[i] = e.name()
		}
		c.problem(good[1].key.at, "make two steps of it, or a block", "a step has exactly one action, this one has %s", strings.Join(names, " and "))
	}
	for _, e := range unknown {
		if len(good) > 0 && !strings.Contains(e.name(), ".") {
			hint := didYouMean(engine.Nearest(e.name(), modifiers()))
			if hint == "" {
				hint = "a step has one action and " + strings.Join(modifiers(), ", ")
			}
			c.problem(e.key.at, hint, "unknown key %s", e.name())
			continue
		}
		c.unknownFunction(e)
	}
	s.act = own
	if own == nil && len(good) > 0 {
		s.act = c.host(good[0])
	}
}

// host makes an action of a key that names a function.
func (c *checker) host(e entry) *action {
	if _, ok := c.globals.Lookup(e.name()); !ok {
		return nil
	}
	return &action{kind: hostAction, name: e.name(), at: e.key.at, arg: e.value}
}

// unknownFunction reports a key that is neither function nor modifier.
func (c *checker) unknownFunction(e entry) {
	name := e.name()
	if v, ok := c.globals.Find(name); ok {
		if _, group := v.(*engine.Namespace); group {
			c.problem(e.key.at, "name one of its functions, as "+c.example(name), "%s is a group of functions", name)
			return
		}
	}
	near := ""
	if !strings.Contains(name, ".") {
		near = engine.Nearest(name, append(ownActions(), modifiers()...))
	}
	if near == "" {
		near = c.globals.Nearest(name)
	}
	hint := didYouMean(near)
	if hint == "" {
		hint = "a0run ops lists the operations"
	}
	c.problem(e.key.at, hint, "there is no function %s", name)
}

// gives reports whether an action names an argument.
func (a *action) gives(name string) bool {
	return name != "" && a.arg.kind == mapping && slices.ContainsFunc(a.arg.keys, func(k *node) bool { return k.value == name })
}

// example is the first function of a group.
func (c *checker) example(group string) string {
	v, _ := c.globals.Find(group)
	if ns, ok := v.(*engine.Namespace); ok {
		for _, k := range ns.Keys() {
			if _, ok := c.globals.Lookup(group + "." + k); ok {
				return group + "." + k
			}
		}
	}
	return group + ".list"
}

// call checks the arguments of a function as far as they are constant.
func (c *checker) call(a *action, v view, source bool) {
	c.values(a.arg, v)
	f, ok := c.globals.Lookup(a.name)
	if !ok {
		return
	}
	if f.Listing && !source && !a.gives(f.ListingUnless) {
		hint := "write for_each: {" + a.name + ": …}"
		if all := strings.TrimSuffix(a.name, "each") + "all"; all != a.name+"all" {
			if _, ok := c.globals.Lookup(all); ok {
				hint += ", or " + all + " for all of them at once"
			}
		}
		c.problem(a.at, hint, "%s gives its items one by one and stands only in for_each", a.name)
	}
	for i := range f.Params {
		if p := &f.Params[i]; p.Type == "function" && p.Required {
			c.problem(a.at, "call it in a lua step", "%s takes a function and cannot be a step", a.name)
			return
		}
	}
	switch {
	case a.arg.kind == mapping:
		c.named(a, f)
	case a.arg.empty:
		c.missing(a, f, nil)
	default:
		c.short(a, f)
	}
}

// short checks an action's one value, which is the first parameter's.
func (c *checker) short(a *action, f *engine.Function) {
	p := firstPositional(f)
	if p == nil {
		hint := "write its arguments by name: " + signature(f)
		if len(f.Params) == 0 {
			hint = "it takes none"
		}
		c.problem(a.arg.at, hint, "%s takes no value by itself, got %s", a.name, a.arg.what())
		return
	}
	for i := range f.Params {
		if q := &f.Params[i]; q.Required && q.Name != p.Name {
			c.problem(a.arg.at, "write its arguments by name: "+signature(f), "%s needs more than one value", a.name)
			return
		}
	}
	c.filled(a.arg)
	c.typed(a, p, a.arg)
}

// named checks arguments by name.
func (c *checker) named(a *action, f *engine.Function) {
	given := map[string]bool{}
	for i, k := range a.arg.keys {
		name, v := k.value.(string), a.arg.values[i]
		p := param(f, name)
		if p == nil {
			c.unknownArgument(a, f, k)
			continue
		}
		if given[p.Name] {
			c.problem(k.at, "it is the same as "+p.Name, "%s: the argument %s is given twice", a.name, name)
		}
		given[p.Name] = true
		c.filled(v)
		c.typed(a, p, v)
	}
	c.missing(a, f, given)
	c.bodies(a, f)
}

func param(f *engine.Function, name string) *engine.Param {
	for i := range f.Params {
		if p := &f.Params[i]; p.Name == name || slices.Contains(p.Aliases, name) {
			return p
		}
	}
	return nil
}

func (c *checker) unknownArgument(a *action, f *engine.Function, k *node) {
	var names []string
	for i := range f.Params {
		names = append(names, f.Params[i].Name)
		names = append(names, f.Params[i].Aliases...)
	}
	name := k.value.(string)
	hint := didYouMean(engine.Nearest(name, names))
	switch {
	case hint != "":
	case len(names) == 0:
		hint = "it takes none"
	case slices.Contains(names, "body"):
		hint = "the fields of the body go under body:; arguments are " + signature(f)
	default:
		hint = "arguments are " + signature(f)
	}
	if slices.Contains(modifiers(), name) {
		hint = "indent it less: it is a modifier of the step"
	}
	c.problem(k.at, hint, "%s has no argument %s", a.name, name)
}

// signature lists a function's parameters, those that need not be given in
// brackets.
func signature(f *engine.Function) string {
	var out []string
	for i := range f.Params {
		name := f.Params[i].Name
		if !f.Params[i].Required {
			name = "[" + name + "]"
		}
		out = append(out, name)
	}
	if len(out) > 12 {
		out = append(out[:12], "…")
	}
	return strings.Join(out, ", ")
}

// missing reports required arguments that are not there.
func (c *checker) missing(a *action, f *engine.Function, given map[string]bool) {
	for i := range f.Params {
		if p := &f.Params[i]; p.Required && !given[p.Name] {
			hint := ""
			if p.Summary != "" {
				hint = p.Name + ": " + p.Summary
			}
			c.problem(a.at, hint, "%s needs the argument %s", a.name, p.Name)
		}
	}
}

// typed checks a constant argument.
func (c *checker) typed(a *action, p *engine.Param, n *node) {
	if n.tmpl != nil && n.tmpl.whole || n.kind == scalar && n.value == nil {
		return // known when it runs; null is the binding's affair
	}
	if !fits(p.Type, n) {
		hint := typeHint(p, n)
		got := n.what()
		if p.Secret && n.kind == scalar {
			got = "another kind of value" // a secret is never shown
		}
		c.problem(n.at, hint, "%s: argument %s: got %s, want %s", a.name, p.Name, got, wanted(p.Type))
		return
	}
	if s, ok := n.text(); ok && n.tmpl == nil && !p.Secret && len(p.Enum) > 0 && !slices.Contains(p.Enum, s) {
		hint := didYouMean(engine.Nearest(s, p.Enum))
		if hint == "" {
			hint = "one of " + strings.Join(p.Enum, ", ")
		}
		c.problem(n.at, hint, "%s: argument %s cannot be %q", a.name, p.Name, s)
	}
}

// typeHint says how the constant would be of the right type.
func typeHint(p *engine.Param, n *node) string {
	s, ok := n.text()
	if !ok {
		if p.Type == "string" && n.kind == scalar {
			return "put it in quotes"
		}
		return ""
	}
	switch v, _ := plain(s); v.(type) {
	case bool, int64, float64, json.Number:
		return "write it without quotes"
	}
	if p.Type == "boolean" && slices.Contains([]string{"yes", "on", "no", "off"}, strings.ToLower(s)) {
		return "only true and false are booleans"
	}
	return ""
}

func wanted(typ string) string {
	switch typ {
	case "integer":
		return "a whole number"
	case "object":
		return "a mapping"
	case "array":
		return "a list"
	case "string[]":
		return "a list of texts"
	}
	return "a " + typ
}

// fits says whether a constant is of a parameter's type.
func fits(typ string, n *node) bool {
	_, isText := n.text()
	switch typ {
	case "string":
		return isText
	case "integer", "number":
		switch n.value.(type) {
		case int64, json.Number:
			return true
		case float64:
			return typ == "number"
		}
		return false
	case "boolean":
		_, ok := n.value.(bool)
		return ok
	case "object":
		return n.kind == mapping
	case "array":
		return n.kind == sequence
	case "string[]":
		return n.kind == sequence && !slices.ContainsFunc(n.values, func(x *node) bool {
			_, ok := x.text()
			return !ok
		})
	}
	return true
}
