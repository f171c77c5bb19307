package lua

import (
	"fmt"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// openParallel sets parallel, task and step: the calls that start tasks of the
// run's scheduler.
func (vm *VM) openParallel() {
	l := vm.root
	g := l.G.Global
	parallel := l.CreateTable(0, 3)
	parallel.RawSetString("each", l.NewFunction(vm.luaEach))
	parallel.RawSetString("map", l.NewFunction(vm.luaMap))
	parallel.RawSetString("run", l.NewFunction(vm.luaRun))
	g.RawSetString("parallel", parallel)
	g.RawSetString("step", l.NewFunction(vm.luaStep))

	task := l.CreateTable(0, 1)
	task.RawSetString("yield", l.NewFunction(func(l *lua.LState) int {
		r := runnerOf(l)
		r.impure(l, "task.yield")
		r.task.Yield()
		r.checkContext()
		return 0
	}))
	start := l.CreateTable(0, 2)
	start.RawSetString("__call", l.NewFunction(vm.luaTask))
	start.RawSetString("__metatable", lua.LFalse)
	task.Metatable = start
	g.RawSetString("task", task)

	methods := l.CreateTable(0, 2)
	methods.RawSetString("wait", l.NewFunction(luaWait))
	methods.RawSetString("done", l.NewFunction(luaDone))
	vm.handles = l.CreateTable(0, 2)
	vm.handles.RawSetString("__index", methods)
	vm.handles.RawSetString("__metatable", lua.LFalse)
}

// call runs a Lua function in the task that r belongs to and gives an error of
// Go: the way from the scheduler into the playbook.
func (r *runner) call(fn lua.LValue, args ...lua.LValue) ([]lua.LValue, error) {
	leave := r.enter()
	defer leave()
	rets, c := r.protect(fn, args...)
	if c != nil {
		return nil, r.toError(c)
	}
	return rets, nil
}

// finish ends what the task left open.
func (r *runner) finish() {
	for it := range r.listings {
		it.Close()
	}
	r.listings = nil
}

// eachCall is what was given to parallel.each, map or run.
type eachCall struct {
	name  string
	items lua.LValue
	opts  *callOptions
	fn    lua.LValue
}

// eachArgs reads (items, [options], function).
func (r *runner) eachArgs(l *lua.LState, name string) *eachCall {
	r.impure(l, name)
	c := &eachCall{name: name, items: l.Get(1), fn: l.Get(l.GetTop())}
	opts := lua.LValue(lua.LNil)
	if l.GetTop() >= 3 {
		opts = l.Get(2)
		c.fn = l.Get(3)
	}
	switch c.fn.(type) {
	case *lua.LFunction:
	default:
		hint := ""
		if _, ok := l.Get(2).(*lua.LFunction); ok && l.GetTop() >= 3 {
			hint = "the options stand before the function"
		}
		r.throw(l, argumentError(name, "call it as "+name+"(items, [options], function)", hint))
	}
	var err error
	if c.opts, err = readOptions(name, opts); err != nil {
		r.throw(l, err)
	}
	c.opts.Where = here(l)
	return c
}

func (vm *VM) luaEach(l *lua.LState) int {
	r := runnerOf(l)
	c := r.eachArgs(l, "parallel.each")
	res := r.each(l, c)
	l.Push(vm.summary(res))
	return 1
}

func (vm *VM) luaMap(l *lua.LState) int {
	r := runnerOf(l)
	c := r.eachArgs(l, "parallel.map")
	c.opts.Collect = true
	res := r.each(l, c)
	out := l.CreateTable(len(res.Values), 0)
	for i, v := range res.Values {
		if v := collected(l, v); v != lua.LNil {
			out.RawSetInt(i+1, v)
		}
	}
	l.Push(out)
	l.Push(vm.summary(res))
	return 2
}

// collected is an item's value in a list: null for an item that failed, so that
// the list has no hole there.
func collected(l *lua.LState, v any) lua.LValue {
	vs, ok := v.([]lua.LValue)
	switch {
	case !ok:
		return converterOf(l).null
	case len(vs) == 0:
		return lua.LNil
	}
	return vs[0]
}

// summary is {done = count, failed = {{key, item, error}, …}}.
func (vm *VM) summary(res *engine.EachResult) *lua.LTable {
	tb := vm.root.CreateTable(0, 2)
	tb.RawSetString("done", lua.LNumber(res.Done))
	tb.RawSetString("failed", vm.failures(res.Failed))
	return tb
}

// each makes the parallel call.
func (r *runner) each(l *lua.LState, c *eachCall) *engine.EachResult {
	src, err := r.source(c)
	if err != nil {
		r.throw(l, err)
	}
	o := c.opts.EachOptions
	o.Key = r.itemKey(c)
	_, list := c.items.(*lua.LTable)
	_, counts := c.opts.key.(*lua.LFunction)
	o.Ready = list && !counts
	n := 0
	res, err := r.task.Each(o, src, func(t *engine.Task, index int, item any) (any, error) {
		n++
		v, _ := item.(lua.LValue)
		child := r.vm.newRunner(t, r, c.name)
		defer child.finish()
		return result(child.call(c.fn, v, lua.LNumber(index+1)))
	})
	if err != nil {
		r.throw(l, err)
	}
	r.checkContext()
	return res
}

func result(rets []lua.LValue, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return rets, nil
}

// source hands out the items of a list as it is now, or of an iterator.
func (r *runner) source(c *eachCall) (engine.Source, error) {
	switch v := c.items.(type) {
	case *lua.LTable:
		n := v.Len()
		if key, _ := v.Next(lua.LNil); n == 0 && key != lua.LNil {
			return nil, argumentError(c.name, "its items must be a list; this table has names, as "+key.String(),
				"parallel.run takes named functions")
		}
		items := make([]lua.LValue, n)
		for i := range items {
			items[i] = v.RawGetInt(i + 1)
		}
		i := 0
		return func(t *engine.Task) (any, bool, error) {
			if i == 0 {
				t.Expect(n)
			}
			if i == len(items) {
				return nil, false, nil
			}
			i++
			return items[i-1], true, nil
		}, nil
	case *lua.LFunction:
		return func(*engine.Task) (any, bool, error) {
			rets, err := r.call(v)
			if err != nil || len(rets) == 0 || rets[0] == lua.LNil {
				return nil, false, err
			}
			return rets[0], true, nil
		}, nil
	}
	return nil, argumentError(c.name, "its items must be a list or an iterator, got "+shown(c.items), "")
}

// itemKey is how the call names its items.
func (r *runner) itemKey(c *eachCall) func(int, any) (string, error) {
	return func(index int, item any) (string, error) {
		v, _ := item.(lua.LValue)
		switch key := c.opts.key.(type) {
		case *lua.LFunction:
			rets, err := r.call(key, v, lua.LNumber(index+1))
			if err != nil {
				return "", err
			}
			if len(rets) > 0 {
				if s, ok := concatText(rets[0]); ok {
					return s, nil
				}
			}
			return "", argumentError(c.name, "key must give a string or a number for item "+strconv.Itoa(index+1), "")
		case lua.LString:
			if tb, ok := v.(*lua.LTable); ok {
				if s, ok := concatText(tb.RawGetString(string(key))); ok {
					return s, nil
				}
			}
			return "", argumentError(c.name, fmt.Sprintf("item %d has no field %s to be its key", index+1, string(key)), "")
		}
		return defaultKey(v), nil
	}
}

// defaultKey is the key of an item that nobody named.
func defaultKey(v lua.LValue) string {
	var item any
	field := func(string) (string, bool) { return "", false }
	switch v := v.(type) {
	case *lua.LTable:
		item = v
		field = func(name string) (string, bool) { return concatText(v.RawGetString(name)) }
	default:
		if s, ok := concatText(v); ok {
			item = s
		}
	}
	return engine.ItemKey(item, field)
}

// luaRun is parallel.run({fn or name = fn, …}, [options]).
func (vm *VM) luaRun(l *lua.LState) int {
	r := runnerOf(l)
	const name = "parallel.run"
	r.impure(l, name)
	tb, ok := l.Get(1).(*lua.LTable)
	if !ok {
		r.throw(l, argumentError(name, "call it as parallel.run({name = function, …}, [options])", ""))
	}
	opts, err := readOptions(name, l.Get(2))
	if err == nil && opts.key != lua.LNil {
		err = argumentError(name, "it has no option key: its functions are named in its table", "")
	}
	if err != nil {
		r.throw(l, err)
	}
	var keys []lua.LValue
	for key, v := tb.Next(lua.LNil); key != lua.LNil; key, v = tb.Next(key) {
		if _, ok := v.(*lua.LFunction); !ok {
			r.throw(l, argumentError(name, "entry "+key.String()+" must be a function, got "+shown(v), ""))
		}
		keys = append(keys, key)
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = len(keys)
	}
	opts.Collect, opts.Where = true, here(l)
	opts.Key = func(index int, _ any) (string, error) {
		s, _ := concatText(keys[index])
		return s, nil
	}
	i := 0
	src := func(*engine.Task) (any, bool, error) {
		if i == len(keys) {
			return nil, false, nil
		}
		i++
		return keys[i-1], true, nil
	}
	opts.Branches = true
	res, err := r.task.Each(opts.EachOptions, src, func(t *engine.Task, index int, _ any) (any, error) {
		child := vm.newRunner(t, r, name)
		defer child.finish()
		return result(child.call(tb.RawGet(keys[index])))
	})
	if err != nil {
		r.throw(l, err)
	}
	r.checkContext()
	out := l.CreateTable(0, len(keys))
	for i, v := range res.Values {
		_, named := keys[i].(lua.LString)
		if v == nil && named {
			continue // a name that is not there leaves no hole
		}
		out.RawSet(keys[i], collected(l, v))
	}
	l.Push(out)
	l.Push(vm.summary(res))
	return 2
}

// luaTask is task(fn, [options]).
func (vm *VM) luaTask(l *lua.LState) int {
	r := runnerOf(l)
	r.impure(l, "task")
	fn := l.Get(2)
	if _, ok := fn.(*lua.LFunction); !ok {
		r.throw(l, argumentError("task", "call it as task(function, [options]), got "+shown(fn), ""))
	}
	opts, err := readOptions("task", l.Get(3))
	if err != nil {
		r.throw(l, err)
	}
	key := ""
	switch k := opts.key.(type) {
	case *lua.LNilType:
	default:
		s, ok := concatText(k)
		if !ok {
			r.throw(l, argumentError("task", "key must be a string, got "+shown(k), ""))
		}
		key = s
	}
	try := engine.TryOptions{What: "the task", Timeout: opts.Timeout, Retry: opts.Retry}
	future := r.task.Start(key, here(l), func(t *engine.Task) (any, error) {
		child := vm.newRunner(t, r, "task")
		defer child.finish()
		var rets []lua.LValue
		err := t.Try(try, func() (err error) {
			rets, err = child.call(fn)
			return err
		})
		return result(rets, err)
	})
	l.Push(&lua.LUserData{Value: future, Metatable: vm.handles})
	return 1
}

func futureOf(l *lua.LState, method string) *engine.Future {
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		if f, ok := ud.Value.(*engine.Future); ok {
			return f
		}
	}
	l.RaiseError("%s: call it as t:%s() with t = task(function)", method, method)
	return nil
}

func luaWait(l *lua.LState) int {
	f := futureOf(l, "wait")
	r := runnerOf(l)
	v, err := f.Wait(r.task)
	if err != nil {
		r.throw(l, err)
	}
	r.checkContext()
	rets, _ := v.([]lua.LValue)
	l.SetTop(0)
	return push(l, rets)
}

func luaDone(l *lua.LState) int {
	l.Push(lua.LBool(futureOf(l, "done").Done()))
	return 1
}

// luaStep is step(name, [options], fn): it runs at once, in this task.
func (vm *VM) luaStep(l *lua.LState) int {
	r := runnerOf(l)
	r.impure(l, "step")
	name, ok := l.Get(1).(lua.LString)
	fn, opts := l.Get(2), lua.LValue(lua.LNil)
	if l.GetTop() >= 3 {
		fn, opts = l.Get(3), l.Get(2)
	}
	_, isFn := fn.(*lua.LFunction)
	if !ok || !isFn {
		r.throw(l, argumentError("step", "call it as step(name, [options], function)", ""))
	}
	o, err := readOptions("step", opts)
	if err != nil {
		r.throw(l, err)
	}
	var rets []lua.LValue
	res, err := r.task.Step(engine.StepOptions{
		ID: o.id, Name: string(name), Timeout: o.Timeout, Retry: o.Retry, OnError: o.OnError, Undo: o.undo, Weight: o.weight, Where: here(l),
	}, func() (err error) {
		rets, err = r.call(fn)
		return err
	})
	if err != nil {
		r.throw(l, err)
	}
	r.checkContext()
	l.SetTop(0)
	if res.Err != nil {
		l.Push(lua.LNil)
		l.Push(vm.errorValue(res.Err))
		return 2
	}
	return push(l, rets)
}
