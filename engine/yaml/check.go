package yaml

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"a0run/engine"
)

// A checker looks at a parsed playbook with the table of functions in hand. It
// also decides which key of a step is its action.
type checker struct {
	p        *Playbook
	globals  *engine.Namespace
	problems engine.Problems
	// ids are all steps with an id, wherever they stand.
	ids map[string]*step
}

// A view is what can be named at one place.
type view struct {
	known *known
	ids   *idScope
	// item and err say whether a for_each or a rescue is around.
	item, err bool
}

// known are the variables and steps that are there when a step runs. A layer
// that is thrown away is how the items of a for_each keep their names.
type known struct {
	parent *known
	vars   map[string]bool
	steps  map[string]bool
}

func (k *known) layer() *known {
	return &known{parent: k, vars: map[string]bool{}, steps: map[string]bool{}}
}

// take puts the names of a layer into k.
func (k *known) take(layer *known) {
	for name := range layer.vars {
		k.vars[name] = true
	}
	for id := range layer.steps {
		k.steps[id] = true
	}
}

func (k *known) hasVar(name string) bool {
	for ; k != nil; k = k.parent {
		if k.vars[name] {
			return true
		}
	}
	return false
}

func (k *known) hasStep(id string) bool {
	for ; k != nil; k = k.parent {
		if k.steps[id] {
			return true
		}
	}
	return false
}

func (k *known) names(of func(*known) map[string]bool) []string {
	var out []string
	for ; k != nil; k = k.parent {
		for name := range of(k) {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// idScope finds ids that are given twice. Each for_each has one of its own
// above that in which it stands.
type idScope struct {
	parent *idScope
	ids    map[string]*step
}

func (s *idScope) find(id string) *step {
	for ; s != nil; s = s.parent {
		if st := s.ids[id]; st != nil {
			return st
		}
	}
	return nil
}

func (c *checker) problem(at engine.Position, hint, format string, args ...any) {
	c.problems = append(c.problems, engine.Problem{Where: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *checker) playbook() {
	c.ids = map[string]*step{}
	c.collect(c.p.main)
	v := view{known: (*known)(nil).layer(), ids: &idScope{ids: map[string]*step{}}}
	if c.p.vars != nil {
		c.vars(c.p.vars, v)
	}
	c.list(c.p.main, v)
}

// collect finds all ids, for hints.
func (c *checker) collect(l *list) {
	if l == nil {
		return
	}
	for _, s := range l.steps {
		if s.id != "" && c.ids[s.id] == nil {
			c.ids[s.id] = s
		}
		c.collect(s.rescue)
		c.collect(s.always)
		if s.act == nil {
			continue
		}
		c.collect(s.act.body)
		for _, b := range s.act.branches {
			c.collect(b.body)
		}
	}
}

// list checks the steps of a list in an order in which each comes after those
// that it needs.
func (c *checker) list(l *list, v view) {
	if l == nil {
		return
	}
	for _, s := range l.steps {
		c.id(s, v.ids)
	}
	if !l.graph {
		for _, s := range l.steps {
			c.step(s, v)
		}
		return
	}
	c.graph(l, v)
}

func (c *checker) id(s *step, ids *idScope) {
	if s.id == "" {
		return
	}
	if first := ids.find(s.id); first != nil {
		c.problem(s.idAt, "the first stands at "+first.idAt.String(), "the id %s is given a second time", s.id)
		return
	}
	ids.ids[s.id] = s
}

// step checks one step; the names that it leaves are added to what v knows.
func (c *checker) step(s *step, v view) {
	c.resolve(s)
	inner := v
	if s.forEach != nil {
		c.forEach(s, v)
		inner.item = true
		inner.known = v.known.layer()
		inner.ids = &idScope{parent: v.ids, ids: map[string]*step{}}
	}
	for _, n := range []*node{s.when, s.tenant} {
		if n != nil && s.perItem(n) {
			c.values(n, inner)
		} else {
			c.values(n, v)
		}
	}
	c.values(s.concurrency, v)
	c.values(s.timeout, v)
	if s.retry != nil {
		c.values(s.retry.times, v)
		c.values(s.retry.delay, v)
	}
	c.values(s.key, inner)
	c.tenant(s)
	if s.act != nil {
		c.action(s.act, inner)
	}
	guarded := v
	guarded.err = true
	c.list(s.rescue, guarded)
	c.list(s.always, guarded)
	if s.id != "" {
		v.known.steps[s.id] = true
	}
	if s.register != "" {
		v.known.vars[s.register] = true
	}
}

// forEach checks where the items come from.
func (c *checker) forEach(s *step, v view) {
	if s.eachEntries == nil {
		c.values(s.forEach, v)
		return
	}
	e := s.eachEntries[0]
	s.eachAct = c.host(e)
	if s.eachAct == nil {
		c.unknownFunction(e)
		return
	}
	c.call(s.eachAct, v, true)
}

// action checks what a step does.
func (c *checker) action(a *action, v view) {
	switch a.kind {
	case hostAction:
		c.call(a, v, false)
	case luaAction:
		c.expr(a.code, v)
	case listAction:
		c.list(a.body, v)
	case parallelAction:
		layers := make([]*known, len(a.branches))
		for i, b := range a.branches {
			in := v
			in.known = v.known.layer()
			layers[i] = in.known
			c.list(b.body, in)
		}
		for _, l := range layers {
			v.known.take(l)
		}
		c.branchKeys(a)
	case varsAction:
		if a.arg.kind == mapping {
			c.vars(a.arg, v)
		}
	case printAction, failAction:
		c.values(a.arg, v)
	}
}

// branchKeys reports two branches of one key: their paths would be the same.
func (c *checker) branchKeys(a *action) {
	seen := map[string]bool{}
	for _, b := range a.branches {
		if b.key != "" && seen[b.key] {
			c.problem(b.body.at, "", "two branches of parallel are called %s", b.key)
		}
		seen[b.key] = true
	}
}

// vars checks variables in their order.
func (c *checker) vars(n *node, v view) {
	for i, k := range n.keys {
		c.values(n.values[i], v)
		c.filled(n.values[i])
		if name, ok := k.text(); ok {
			v.known.vars[name] = true
		}
	}
}

// values checks the expressions below a node.
func (c *checker) values(n *node, v view) {
	if n == nil {
		return
	}
	for _, x := range n.values {
		c.values(x, v)
	}
	if n.tmpl == nil {
		return
	}
	for _, p := range n.tmpl.parts {
		c.expr(p.expr, v)
	}
}

// filled reports values that nobody wrote: "blocked:" with nothing behind it
// is more often a slip than a wish to send null.
func (c *checker) filled(n *node) {
	if n.kind == scalar && n.empty {
		c.problem(n.at, "write null to send null, \"\" for an empty text", "nothing stands after the colon or dash")
	}
	for _, x := range n.values {
		c.filled(x)
	}
}

// tenant checks that a constant role is declared, and has a meaning.
func (c *checker) tenant(s *step) {
	if s.tenant == nil {
		return
	}
	if s.act != nil && s.act.kind == hostAction {
		_, scoped := ofTenant(s.act.name)
		source := s.eachAct != nil
		if source {
			_, source = ofTenant(s.eachAct.name)
		}
		if !scoped && !source {
			c.problem(s.tenant.at, "", "%s belongs to no tenant", s.act.name)
		}
	}
	role, ok := s.tenant.text()
	if !ok || s.tenant.tmpl != nil {
		return
	}
	roles := []string{}
	for _, t := range c.p.head.Tenants {
		roles = append(roles, t.Role)
	}
	if len(roles) == 0 {
		roles = []string{"default"}
	}
	if slices.Contains(roles, role) {
		return
	}
	hint := didYouMean(engine.Nearest(role, roles))
	if hint == "" {
		hint = "declared are " + strings.Join(roles, ", ")
		if len(c.p.head.Tenants) == 0 {
			hint = "declare it in the head: tenants: {" + role + ": …}"
		}
	}
	c.problem(s.tenant.at, hint, "the playbook declares no tenant %s", role)
}
