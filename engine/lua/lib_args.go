package lua

import (
	"fmt"
	"math"

	lua "github.com/yuin/gopher-lua"
)

// A library function is told its own name, so that its messages are those of
// Lua 5.1 whatever name the playbook gave it.
type libFunc func(a args) int

// args are the arguments of one call of a library function.
type args struct {
	*lua.LState
	name string
	acct accountant
}

// maxValues bounds what unpack and string.byte put on the stack at once.
const maxValues = 1 << 16

// stepSpan is how many rounds of a loop in Go count as one instruction: such
// a round is that much cheaper than an instruction of the VM.
const stepSpan = 64

// install sets functions in a table under their names.
func install(l *lua.LState, tb *lua.LTable, acct accountant, funcs map[string]libFunc) {
	for name, fn := range funcs {
		tb.RawSetString(name, libFunction(l, acct, name, fn))
	}
}

func libFunction(l *lua.LState, acct accountant, name string, fn libFunc) *lua.LFunction {
	return l.NewFunction(func(l *lua.LState) int { return fn(args{l, name, acct}) })
}

// steps charges a loop of n rounds in Go.
func (a args) steps(n int) {
	if n >= stepSpan {
		a.acct.Step(n / stepSpan)
	}
}

// pushString pushes a string that was made by this call, and whose bytes were
// charged before.
func (a args) pushString(s string) { a.Push(lua.LString(s)) }

func (a args) pushNumber(n float64) { a.Push(lua.LNumber(n)) }

// fail raises "bad argument #n to 'name' (why)".
func (a args) fail(n int, why string) {
	a.raise(fmt.Sprintf("bad argument #%d to '%s' (%s)", n, a.name, why))
}

// raise raises an error with the place of the nearest Lua function, if any
// called: pcall(string.rep) has none.
func (a args) raise(message string) {
	if a.Where(1) == "" {
		a.Error(lua.LString(message), 0)
	}
	a.RaiseError("%s", message)
}

func (a args) typeName(n int) string {
	if n > a.GetTop() {
		return "no value"
	}
	return a.Get(n).Type().String()
}

func (a args) typeFail(n int, want string) {
	a.fail(n, want+" expected, got "+a.typeName(n))
}

// absent says that argument n is nil or was not given.
func (a args) absent(n int) bool { return a.Get(n) == lua.LNil }

func (a args) any(n int) lua.LValue {
	if n > a.GetTop() {
		a.fail(n, "value expected")
	}
	return a.Get(n)
}

func (a args) str(n int) string {
	switch v := a.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return numberText(float64(v))
	}
	a.typeFail(n, "string")
	return ""
}

func (a args) optStr(n int, def string) string {
	if a.absent(n) {
		return def
	}
	return a.str(n)
}

func (a args) num(n int) float64 {
	switch v := a.Get(n).(type) {
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		if f, ok := parseNumber(string(v)); ok {
			return f
		}
	}
	a.typeFail(n, "number")
	return 0
}

func (a args) int(n int) int { return truncate(a.num(n)) }

func (a args) optInt(n, def int) int {
	if a.absent(n) {
		return def
	}
	return a.int(n)
}

func (a args) table(n int) *lua.LTable {
	tb, ok := a.Get(n).(*lua.LTable)
	if !ok {
		a.typeFail(n, "table")
	}
	return tb
}

func (a args) function(n int) *lua.LFunction {
	fn, ok := a.Get(n).(*lua.LFunction)
	if !ok {
		a.typeFail(n, "function")
	}
	return fn
}

// call calls a Lua value and gives its first result.
func (a args) call(fn lua.LValue, params ...lua.LValue) lua.LValue {
	a.Push(fn)
	for _, p := range params {
		a.Push(p)
	}
	a.Call(len(params), 1)
	v := a.Get(-1)
	a.Pop(1)
	return v
}

// truncate is C's conversion of a double to an integer, except that what does
// not fit becomes the nearest that does, and NaN zero; C leaves both open.
func truncate(f float64) int {
	switch {
	case math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int(f)
}
