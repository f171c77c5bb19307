package lua

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// stringArithmetic gives the metatable of strings their arithmetic. Without it
// the VM reads "010" as eight, "1_000" as a thousand and "inf" as a number.
func stringArithmetic(l *lua.LState, mt *lua.LTable) {
	for event, op := range map[string]func(x, y float64) float64{
		"__add": func(x, y float64) float64 { return x + y },
		"__sub": func(x, y float64) float64 { return x - y },
		"__mul": func(x, y float64) float64 { return x * y },
		"__div": func(x, y float64) float64 { return x / y },
		"__pow": math.Pow,
		"__mod": modulo,
	} {
		mt.RawSetString(event, l.NewFunction(func(l *lua.LState) int {
			x, okX := numberOf(l.Get(1))
			y, okY := numberOf(l.Get(2))
			if okX && okY {
				l.Push(lua.LNumber(op(x, y)))
				return 1
			}
			otherArithmetic(l, event, okX)
			return 1
		}))
	}
	mt.RawSetString("__unm", l.NewFunction(func(l *lua.LState) int {
		x, ok := numberOf(l.Get(1))
		if !ok {
			l.RaiseError("attempt to perform arithmetic on a string value")
		}
		l.Push(lua.LNumber(-x))
		return 1
	}))
}

// otherArithmetic is for an operand that is no number: one that has a
// metamethod of its own gets its turn, though the string was asked first.
func otherArithmetic(l *lua.LState, event string, leftIsNumber bool) {
	for i := 1; i <= 2; i++ {
		if _, isString := l.Get(i).(lua.LString); isString {
			continue
		}
		if fn := l.GetMetaField(l.Get(i), event); fn != lua.LNil {
			l.Push(fn)
			l.Push(l.Get(1))
			l.Push(l.Get(2))
			l.Call(2, 1)
			return
		}
	}
	culprit := l.Get(1)
	if leftIsNumber {
		culprit = l.Get(2)
	}
	l.RaiseError("attempt to perform arithmetic on a %s value", luaTypeName(culprit))
}

// numberOf is a value as arithmetic takes it.
func numberOf(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return parseNumber(string(v))
	}
	return 0, false
}

// modulo has the sign of its divisor, as Lua's does.
func modulo(x, y float64) float64 {
	m := math.Mod(x, y)
	if m != 0 && (m < 0) != (y < 0) {
		m += y
	}
	return m
}
