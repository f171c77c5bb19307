package lua

import (
	"encoding/json"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// openGlobals sets what the host gives the playbook. Namespaces become tables
// that fill themselves as they are read: nobody uses all 480 operations.
func (vm *VM) openGlobals() error {
	g := vm.root.G.Global
	ns := vm.opts.Globals
	for _, key := range ns.Keys() {
		v, err := vm.entry(ns, key)
		if err != nil {
			return fmt.Errorf("global %s: %w", key, err)
		}
		g.RawSetString(key, v)
	}
	return nil
}

// entry is a namespace's entry as a Lua value.
func (vm *VM) entry(ns *engine.Namespace, key string) (lua.LValue, error) {
	v, ok := ns.Get(key)
	if !ok {
		return lua.LNil, nil
	}
	switch v := v.(type) {
	case *engine.Function:
		return vm.hostFunction(v), nil
	case *engine.Namespace:
		return vm.namespace(v), nil
	}
	return vm.value(nil, v)
}

// namespace is the table of a namespace.
func (vm *VM) namespace(ns *engine.Namespace) *lua.LTable {
	l := vm.root
	tb := l.CreateTable(0, 0)
	mt := l.CreateTable(0, 3)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		key, ok := l.Get(2).(lua.LString)
		if !ok {
			l.Push(lua.LNil)
			return 1
		}
		v, err := vm.entry(ns, string(key))
		if err != nil {
			runnerOf(l).throw(l, err)
		}
		if v == lua.LNil {
			vm.unknownEntry(l, ns, string(key))
		}
		tb.RawSet(key, v)
		l.Push(v)
		return 1
	}))
	mt.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		l.RaiseError("%s cannot be changed", dotted(ns.Name, l.Get(2).String()))
		return 0
	}))
	mt.RawSetString("__metatable", lua.LFalse)
	tb.Metatable = mt
	return tb
}

func dotted(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

func (vm *VM) unknownEntry(l *lua.LState, ns *engine.Namespace, key string) {
	hint := ""
	if near := engine.Nearest(key, ns.Keys()); near != "" {
		hint = "did you mean " + dotted(ns.Name, near) + "?"
	}
	runnerOf(l).fail(l, engine.NameScriptError, "there is no "+dotted(ns.Name, key), hint)
}

// hostFunction is the Lua function of a host function.
func (vm *VM) hostFunction(f *engine.Function) *lua.LFunction {
	return vm.root.NewFunction(func(l *lua.LState) int {
		r := runnerOf(l)
		if !f.Pure {
			r.impure(l, f.Name)
		}
		r.checkContext()
		args := make([]any, l.GetTop())
		for i := range args {
			v, err := toTree(l, l.Get(i+1))
			if err != nil {
				r.fail(l, engine.NameArgumentError, fmt.Sprintf("%s: argument %d: %v", f.Name, i+1, err), "")
			}
			args[i] = v
		}
		out, err := r.callHost(f, &engine.HostCall{Task: r.task, Func: f, Args: args, Where: here(l)})
		if err == nil {
			var v lua.LValue
			if v, err = vm.value(r, out); err == nil {
				l.Push(v)
				return 1
			}
		}
		r.throw(l, err)
		return 0
	})
}

// callHost calls a host function; a fault of ours in it becomes an error of
// this call alone.
func (r *runner) callHost(f *engine.Function, c *engine.HostCall) (out any, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if u, ok := p.(unwinding); ok {
			panic(u)
		}
		err = &engine.Error{
			Name: engine.NameScriptError, Operation: f.Name, Where: c.Where, ResetAt: -1,
			Message:  fmt.Sprintf("a fault in a0run itself: %v", p),
			HintText: "please report it with this line of the playbook",
		}
	}()
	return f.Call(c)
}

// value is what a playbook gets of a host function's result.
func (vm *VM) value(r *runner, v any) (lua.LValue, error) {
	l := vm.root
	switch v := v.(type) {
	case json.RawMessage:
		if len(v) == 0 {
			return lua.LNil, nil
		}
		return fromJSON(l, v)
	case *engine.Iterator:
		return vm.iterator(r, v), nil
	case *engine.Namespace:
		return vm.namespace(v), nil
	case *engine.Function:
		return vm.hostFunction(v), nil
	case lua.LValue:
		return v, nil
	}
	return fromTree(l, v)
}

// iterator is the function that a generic for calls. Its arguments mean
// nothing: the machine gives a second loop those of the first. A loop that is
// left early leaves the listing open; it is closed when its task ends.
func (vm *VM) iterator(maker *runner, it *engine.Iterator) *lua.LFunction {
	if maker != nil && it.Close != nil {
		if maker.listings == nil {
			maker.listings = map[*engine.Iterator]bool{}
		}
		maker.listings[it] = true
	}
	done := false
	end := func() {
		done = true
		if maker != nil {
			delete(maker.listings, it)
		}
	}
	return vm.root.NewFunction(func(l *lua.LState) int {
		r := runnerOf(l)
		r.checkContext()
		if done {
			l.Push(lua.LNil)
			return 1
		}
		item, ok, err := it.Next(r.task)
		if err != nil {
			end()
			r.throw(l, err)
		}
		if !ok {
			end()
			l.Push(lua.LNil)
			return 1
		}
		v, err := vm.value(r, item)
		if err != nil {
			r.throw(l, err)
		}
		l.Push(v)
		return 1
	})
}
