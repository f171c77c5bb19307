package lua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openProtected sets pcall, xpcall, error and assert. The machine's own reset
// variables of functions that go on running, and error(…) names wrong lines.
func (vm *VM) openProtected() {
	g := vm.root.G.Global
	for name, fn := range map[string]lua.LGFunction{
		"pcall": luaPCall, "xpcall": luaXPCall, "error": luaError, "assert": luaAssert,
	} {
		g.RawSetString(name, vm.root.NewFunction(fn))
	}
}

func luaPCall(l *lua.LState) int {
	if l.GetTop() == 0 {
		l.RaiseError("bad argument #1 to 'pcall' (value expected)")
	}
	r := runnerOf(l)
	r.checkContext()
	rets, c := r.protect(l.Get(1), values(l, 2)...)
	l.SetTop(0)
	if c == nil {
		l.Push(lua.LTrue)
		return 1 + push(l, rets)
	}
	if c.fatal != nil {
		r.again(l, c)
	}
	l.Push(lua.LFalse)
	l.Push(c.value)
	return 2
}

func luaXPCall(l *lua.LState) int {
	r := runnerOf(l)
	r.checkContext()
	if l.GetTop() < 2 {
		l.RaiseError("bad argument #2 to 'xpcall' (value expected)")
	}
	handler := l.Get(2)
	rets, c := r.protect(l.Get(1))
	if c == nil {
		l.SetTop(0)
		l.Push(lua.LTrue)
		return 1 + push(l, rets)
	}
	if c.fatal != nil {
		r.again(l, c)
	}
	// The handler runs after the frames are gone; debug.traceback knows them.
	before := r.handled
	r.handled = append([]string{c.where.String()}, c.trace...)
	rets, c2 := r.protect(handler, c.value)
	r.handled = before
	l.SetTop(0)
	l.Push(lua.LFalse)
	switch {
	case c2 == nil:
		return 1 + push(l, rets)
	case c2.fatal != nil:
		r.again(l, c2)
	}
	l.Push(lua.LString("error in error handling: " + r.toError(c2).Message))
	return 2
}

func push(l *lua.LState, vs []lua.LValue) int {
	for _, v := range vs {
		l.Push(v)
	}
	return len(vs)
}

// luaError is Lua 5.1's error(message [, level]).
func luaError(l *lua.LState) int {
	v := l.Get(1)
	level := 1
	if n, ok := l.Get(2).(lua.LNumber); ok {
		level = int(n)
	}
	var text string
	switch v.(type) {
	case lua.LString, lua.LNumber:
		text = toStringMeta(l, v).String()
	default:
		level = 0
	}
	if level > 0 {
		if f, ok := frameAcross(l, level); ok && f.line > 0 {
			text = f.position().String() + ": " + text
		}
		v = lua.LString(text)
	}
	runnerOf(l).vm.raiseValue(l, v)
	return 0
}

// frameAcross is frameAt for a level that may lie beyond this thread: pcall's
// function runs on a thread of its own, but is called by pcall all the same.
func frameAcross(l *lua.LState, level int) (frame, bool) {
	r := runnerOf(l)
	i := len(r.threads) - 1
	for th := l; ; th = r.threads[i] {
		depth := 0
		for {
			f, ok := frameAt(th, depth)
			if !ok {
				break
			}
			if depth == level {
				return f, true
			}
			depth++
		}
		level -= depth
		if i--; i < 0 {
			return frame{}, false
		}
	}
}

// luaAssert is Lua 5.1's assert, which takes any value for a message.
func luaAssert(l *lua.LState) int {
	if l.GetTop() == 0 {
		l.RaiseError("bad argument #1 to 'assert' (value expected)")
	}
	if lua.LVAsBool(l.Get(1)) {
		return l.GetTop()
	}
	v := l.Get(2)
	if v == lua.LNil {
		v = lua.LString("assertion failed!")
	}
	runnerOf(l).vm.raiseValue(l, v)
	return 0
}

// luaTraceback is debug.traceback([message]).
func luaTraceback(l *lua.LState) int {
	r := runnerOf(l)
	v := l.Get(1)
	switch v.(type) {
	case *lua.LNilType, lua.LString, lua.LNumber:
	default:
		l.Push(v)
		return 1
	}
	lines := r.handled
	if lines == nil {
		info := r.capture(l)
		lines = append([]string{info.where.String()}, info.lines()...)
	}
	text := "stack traceback:\n\t" + strings.Join(lines, "\n\t")
	if v != lua.LNil {
		text = v.String() + "\n" + text
	}
	l.Push(lua.LString(text))
	return 1
}
