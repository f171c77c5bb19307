package lua

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// moduleName is what require takes: names of folders and a file, with dots.
const moduleName = `^[a-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$`

// A module is a file that require runs, or is about to. It runs once: a second
// task that requires it meanwhile waits.
type module struct {
	name   string
	loader *runner
	done   engine.Latch
	failed *caught
}

func (vm *VM) openModules() {
	l := vm.root
	g := l.G.Global
	vm.loaded = l.CreateTable(0, 8)
	pkg := l.CreateTable(0, 1)
	pkg.RawSetString("loaded", vm.loaded)
	g.RawSetString("package", pkg)
	g.RawSetString("require", l.NewFunction(vm.luaRequire))
}

// luaRequire is require(name): the module's value, run at most once in a run.
func (vm *VM) luaRequire(l *lua.LState) int {
	r := runnerOf(l)
	r.impure(l, "require")
	name, ok := l.Get(1).(lua.LString)
	if !ok {
		r.throw(l, argumentError("require", "the name of a module must be a string, got "+shown(l.Get(1)), ""))
	}
	if v := vm.loaded.RawGetString(string(name)); v != lua.LNil {
		l.Push(v)
		return 1
	}
	m := vm.modules[string(name)]
	if m != nil {
		r.await(l, m)
	} else {
		r.load(l, string(name))
	}
	l.Push(vm.loaded.RawGetString(string(name)))
	return 1
}

// await waits until another task has loaded a module.
func (r *runner) await(l *lua.LState, m *module) {
	// Whoever waits for what this task is loading could never go on.
	for x := m; x != nil; x = x.loader.awaits {
		if r.loads(x) {
			r.fail(l, engine.NameScriptError, "require: "+m.name+" requires itself, by way of the modules that it requires",
				"move what both need into a module of its own")
		}
	}
	r.awaits = m
	m.done.Wait(r.task)
	r.awaits = nil
	r.checkContext()
	if m.failed != nil {
		c := *m.failed
		if c.fatal != nil {
			r.fail(l, engine.NameScriptError, "require: the task that was loading "+m.name+" was stopped", "")
		}
		r.again(l, &c)
	}
}

// loads reports whether r, or a task that waits for r, is loading the module.
func (r *runner) loads(m *module) bool {
	for x := r; x != nil; x = x.parent {
		if m.loader == x {
			return true
		}
	}
	return false
}

// load runs a module's file in this task.
func (r *runner) load(l *lua.LState, name string) {
	vm := r.vm
	s, problem := readModule(vm.opts.Modules, name)
	if problem != nil {
		r.throw(l, problem)
	}
	proto, p := s.compile()
	if p != nil {
		r.throw(l, moduleProblem(name, p))
	}
	vm.remember(s)
	m := &module{name: name, loader: r}
	vm.modules[name] = m
	fn := vm.function(proto)
	rets, c := r.protect(fn, lua.LString(name))
	m.failed = c
	if c == nil {
		v := lua.LValue(lua.LTrue)
		if len(rets) > 0 && rets[0] != lua.LNil {
			v = rets[0]
		}
		if vm.loaded.RawGetString(name) == lua.LNil {
			vm.loaded.RawSetString(name, v)
		}
	}
	// Also after a failure: those who wait are told; a later require tries again.
	delete(vm.modules, name)
	m.done.Open()
	if c != nil {
		r.again(l, c)
	}
}

// moduleProblem is a module's syntax error as the error of its require.
func moduleProblem(name string, p *engine.Problem) *engine.Error {
	return &engine.Error{
		Name: engine.NameScriptError, Message: "module " + name + ": " + p.Message,
		HintText: p.Hint, Where: p.Where, ResetAt: -1,
	}
}

// readModule finds and parses a module's file below the playbook's folder.
func readModule(files fs.FS, name string) (*source, *engine.Error) {
	refuse := func(message, hint string) (*source, *engine.Error) {
		return nil, argumentError("require", message, hint)
	}
	if ok, err := regexp.MatchString(moduleName, name); err != nil || !ok {
		return refuse(fmt.Sprintf("%q is no name of a module", name),
			`lib/users.lua beside the playbook is require "lib.users"; `+
				"names have letters, digits and _, and the first begins with a lower-case letter or _")
	}
	if files == nil {
		return refuse("there is no module "+name+": this playbook has no folder", "")
	}
	path := strings.ReplaceAll(name, ".", "/") + ".lua"
	text, err := fs.ReadFile(files, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse("there is no module "+name, "it would be the file "+path+" in the playbook's folder")
	case err != nil:
		return refuse("module "+name+" cannot be read: "+err.Error(), "")
	}
	s := fileSource(path, text)
	if p := s.read(); p != nil {
		return nil, moduleProblem(name, p)
	}
	return s, nil
}
