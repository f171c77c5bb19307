package lua

import (
	"context"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

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

// out runs a playbook that must end well and gives what it printed.
func out(t *testing.T, text string) string {
	t.Helper()
	g := &rig{}
	if err := g.play(t, text); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(engine.AsError(err).Trace, "\n"))
	}
	return strings.Join(g.printed, "\n")
}

func TestFirst(t *testing.T) {
	got := out(t, `
playbook{name="x"}
local n=0
local function inc() n=n+1 return n end
inc(); print(pcall(error,'x')); inc(); print(inc())
print(xpcall(function() local x = nil; return x.y end, debug.traceback))
print("a".."b"..1)
local function f(s) s = s .. "x" return s end
print(f("q"))
local function g(a, b) b = string.upper(b) return b end
print(g("q","r"))
local co = coroutine.wrap(function(a) local b = coroutine.yield(a+1) return coroutine.yield(b*2) end)
print(co(1), co(10), co("end"))
local r = parallel.each({1,2,3}, {concurrency=2}, function(x) n = n + x end)
print(r.done, n)
local m = parallel.map({1,2,3}, function(x) return x*x end)
print(m[1],m[2],m[3])
local t = task(function() return 7, 8 end)
print(t:wait())
print(step("s", function() return 1,2 end))
`)
	t.Log("\n" + got)
}

var _ = lua.LNil

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

func TestHostCalls(t *testing.T) {
	g := &rig{globals: host(map[string]func(c *engine.HostCall) (any, error){
		"auth0.users.get": func(c *engine.HostCall) (any, error) {
			c.Task.Block(func() {})
			return map[string]any{}, &engine.Error{Name: "Auth0Error", StatusCode: 404, Message: "no such user", Operation: c.Func.Name, ResetAt: -1}
		},
		"auth0.users.echo": func(c *engine.HostCall) (any, error) {
			return c.Args[0], nil
		},
	})}
	if err := g.play(t, `
		local ok, err = pcall(auth0.users.get, "x")
		print(ok, err, err.name, err.status_code, err:is("Auth0Error"), err.where)
		print(auth0.users.echo({a={1,2}}).a[2])
		print(pcall(function() return auth0.users.ech end))
		local r = parallel.each({"a","b"}, {on_error="continue"}, function(id)
			auth0.users.get(id)
		end)
		print(r.done, #r.failed, r.failed[2].key, r.failed[2].error)
		local t = task(function() error({code=1}) end)
		local ok, e = pcall(t.wait, t)
		print(ok, type(e), e.code)
		step("boom", function() auth0.users.get("y") end)
	`); err != nil {
		t.Log(err, "\n", strings.Join(engine.AsError(err).Trace, "\n"))
	}
	t.Log(strings.Join(g.printed, "\n"))
}
