package lua

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// The machine's own protected call closes the upvalues of frames that go on
// running, and reuses the stack of a call that failed. So here every protected
// call has a thread of its own, which is thrown away when the call fails.

// unwinding is the panic that ends a task, or the part of it that has a
// timeout. Playbook code cannot catch it.
type unwinding struct{ err *engine.Error }

// A caught is what ended a protected call.
type caught struct {
	// value is what the playbook sees of it.
	value lua.LValue
	// fatal is set when no pcall may keep it.
	fatal *engine.Error
	where engine.Position
	trace []string
}

// die ends the task, or what of it stands under the timeout that is over.
func (r *runner) die(err *engine.Error) {
	e := *err
	if len(r.threads) > 0 {
		info := r.capture(r.threads[len(r.threads)-1])
		if e.Where.File == "" {
			e.Where = info.where
		}
		if e.Trace == nil {
			e.Trace = info.lines()
		}
	}
	r.dying = &e
	panic(unwinding{&e})
}

// again raises what a protected call gave once more, in the thread that made
// the call.
func (r *runner) again(l *lua.LState, c *caught) {
	if c.fatal != nil {
		r.dying = c.fatal
		panic(unwinding{c.fatal})
	}
	r.keep(c)
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: c.value})
}

// protect calls fn on a thread of its own.
func (r *runner) protect(fn lua.LValue, args ...lua.LValue) (rets []lua.LValue, c *caught) {
	vm := r.vm
	if len(r.threads) >= vm.opts.Limits.Nesting {
		r.tooDeep("protected calls")
	}
	if _, ok := fn.(*lua.LFunction); !ok && vm.root.GetMetaField(fn, "__call") == lua.LNil {
		return nil, r.uncallable(fn)
	}
	th := vm.take(r)
	leave := r.on(th)
	clean := false
	defer func() {
		if clean {
			leave()
			vm.give(th)
			return
		}
		// The frames stand until they are forgotten here: what caught reads.
		c = r.caught(th, recover())
		leave()
	}()
	th.Push(fn)
	for _, a := range args {
		th.Push(a)
	}
	th.Call(len(args), lua.MultRet)
	rets = values(th, 1)
	th.SetTop(0)
	clean = true
	return rets, nil
}

// tooDeep is apart from protect, whose frame stands on the stack of every task
// that waits.
//
//go:noinline
func (r *runner) tooDeep(what string) {
	r.die(limitError(fmt.Sprintf("more than %d %s inside each other", r.vm.opts.Limits.Nesting, what),
		"does a function call itself through pcall, step or a coroutine?"))
}

func (r *runner) uncallable(fn lua.LValue) *caught {
	info := r.capture(r.vm.root)
	return &caught{
		value: lua.LString("attempt to call a " + luaTypeName(fn) + " value"), where: info.where, trace: info.lines(),
	}
}

// on makes th the running thread; what it returns goes back.
func (r *runner) on(th *lua.LState) func() {
	g := r.vm.root.G
	before, depth, co := g.CurrentThread, len(r.threads), r.co
	g.CurrentThread = th
	r.threads = append(r.threads, th)
	return func() {
		g.CurrentThread = before
		r.threads = r.threads[:depth]
		r.co = co
	}
}

// values are those on a thread's stack from index on.
func values(l *lua.LState, from int) []lua.LValue {
	n := l.GetTop()
	if n < from {
		return nil
	}
	out := make([]lua.LValue, 0, n-from+1)
	for i := from; i <= n; i++ {
		out = append(out, l.Get(i))
	}
	return out
}

// caught reads what ended a call on th.
func (r *runner) caught(th *lua.LState, panicked any) *caught {
	if r.dying != nil {
		err := r.dying
		r.dying = nil
		return &caught{value: lua.LNil, fatal: err, where: err.Where, trace: err.Trace}
	}
	switch p := panicked.(type) {
	case unwinding:
		return &caught{value: lua.LNil, fatal: p.err, where: p.err.Where, trace: p.err.Trace}
	case *lua.ApiError:
		return r.caughtValue(p.Object)
	}
	return r.caughtValue(r.accident(th, panicked))
}

// caughtValue joins a value with what is known of where it was raised.
func (r *runner) caughtValue(v lua.LValue) *caught {
	c := &caught{value: v}
	if r.raised != nil && r.raised.value == v {
		c.where, c.trace = r.raised.where, r.raised.lines()
	}
	r.raised = nil
	return c
}

// accident makes an error value of a panic that is none of ours: the machine
// itself failed.
func (r *runner) accident(th *lua.LState, panicked any) lua.LValue {
	info := r.capture(th)
	text := "stack overflow (does a function call itself without an end?)"
	if panicked != "lua callstack overflow" {
		text = fmt.Sprintf("the Lua machine failed: %v", panicked)
	}
	if w := info.where.String(); w != "" {
		text = w + ": " + text
	}
	info.value = lua.LString(text)
	r.raised = info
	return info.value
}

// keep remembers where a caught error came from while it is raised again.
func (r *runner) keep(c *caught) {
	r.raised = &raised{value: c.value, where: c.where, text: c.trace}
}
