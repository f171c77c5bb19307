package yaml

import (
	"slices"
	"strconv"
	"strings"

	"a0run/engine"
)

// headKeys are the keys that engine.ParseHead reads.
func headKeys() []string {
	return []string{"name", "description", "params", "tenants", "env", "files", "hosts", "guards", "undo", "validate", "patience", "schedule"}
}

// top reads the playbook's own keys.
func (b *builder) top(p *Playbook, root *node) {
	tree := engine.NewObject(len(root.keys))
	steps := false
	for i, k := range root.keys {
		name, v := k.value.(string), root.values[i]
		switch {
		case name == "vars":
			if v.empty {
				continue
			}
			b.compile(v)
			b.names(v, "vars")
			p.vars = v
		case name == "steps":
			steps = true
			if !v.empty {
				p.main = b.list(v, "steps")
			}
		case slices.Contains(headKeys(), name):
			b.constant(v)
			tree.Set(name, tree1(v))
		default:
			b.unknownTop(k, name)
		}
	}
	if !steps {
		b.problem(root.at, "add steps:, a list", "the playbook has no steps")
	}
	head, problems := engine.ParseHead(tree, func(path string) engine.Position { return find(root, path).at })
	if head.Where.File == "" {
		head.Where = root.at
	}
	p.head = head
	b.problems = append(b.problems, problems...)
}

func (b *builder) unknownTop(k *node, name string) {
	known := append(headKeys(), "vars", "steps")
	hint := didYouMean(engine.Nearest(name, known))
	if hint == "" {
		hint = "known are " + strings.Join(known, ", ")
	}
	if slices.Contains(ownActions(), name) || strings.Contains(name, ".") {
		hint = "put it under steps:, as \"- " + name + ":\""
	}
	b.problem(k.at, hint, "unknown key %s", name)
}

// constant reports expressions where none can stand: the head is read before
// anything runs.
func (b *builder) constant(n *node) {
	for _, v := range n.values {
		b.constant(v)
	}
	if s, ok := n.text(); ok && strings.Contains(s, "${{") {
		b.problem(n.at, "put it under vars:", "the head holds constants only, no ${{ }}")
	}
}

// tree1 is a constant node as a tree of the engine.
func tree1(n *node) any {
	switch n.kind {
	case mapping:
		o := engine.NewObject(len(n.keys))
		for i, k := range n.keys {
			o.Set(k.value.(string), tree1(n.values[i]))
		}
		return o
	case sequence:
		out := make([]any, len(n.values))
		for i, v := range n.values {
			out[i] = tree1(v)
		}
		return out
	case scalar:
	}
	if n.value == nil {
		return engine.Null{}
	}
	return n.value
}

// find follows a dotted path as far as it goes; list items stand in it as
// numbers from 1, as Lua counts, in brackets or after a dot.
func find(n *node, path string) *node {
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' })
	for _, p := range parts {
		next := n
		if v, ok := n.get(p); ok {
			next = v
		} else if i, err := strconv.Atoi(p); err == nil && n.kind == sequence && i >= 1 && i <= len(n.values) {
			next = n.values[i-1]
		}
		if next == n {
			return n
		}
		n = next
	}
	return n
}
