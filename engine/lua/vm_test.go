package lua

import (
	"context"
	"strings"
	"testing"

	"a0run/engine"
)

// A rig runs playbooks on a VM with host functions of its own.
type rig struct {
	printed []string
	vm      *VM
	run     *engine.Run
	limits  Limits
	globals *engine.Namespace
	options func(*Options)
	config  engine.Config
}

func (g *rig) play(t *testing.T, text string) error {
	t.Helper()
	return g.playCtx(t.Context(), t, text)
}

func (g *rig) playCtx(ctx context.Context, t *testing.T, text string) error {
	t.Helper()
	p, err := Parse("playbook.lua", []byte(text))
	if err != nil {
		return err
	}
	g.run = engine.NewRun(g.config)
	o := Options{Run: g.run, Globals: g.globals, Limits: g.limits, Print: func(s string) { g.printed = append(g.printed, s) }}
	if g.options != nil {
		g.options(&o)
	}
	vm, err := NewVM(o)
	if err != nil {
		t.Fatal(err)
	}
	g.vm = vm
	defer vm.Close()
	return g.run.Main(ctx, func(task *engine.Task) error { return vm.RunPlaybook(task, p) })
}

// host makes a namespace with one function under every dotted name.
func host(funcs map[string]func(c *engine.HostCall) (any, error)) *engine.Namespace {
	root := engine.NewNamespace("")
	for name, call := range funcs {
		ns := root
		parts := strings.Split(name, ".")
		for i, part := range parts[:len(parts)-1] {
			inner, ok := ns.Get(part)
			if !ok {
				inner = engine.NewNamespace(strings.Join(parts[:i+1], "."))
				ns.Set(part, inner)
			}
			ns, _ = inner.(*engine.Namespace)
		}
		last := parts[len(parts)-1]
		ns.Set(last, &engine.Function{Name: name, Pure: strings.HasPrefix(last, "pure"), Call: call})
	}
	return root
}
