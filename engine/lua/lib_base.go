package lua

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// openBaseValues sets the global functions that neither wait nor call a task:
// those of Lua 5.1, and null, isnull and array.
func openBaseValues(l *lua.LState, acct accountant) {
	g := l.G.Global
	install(l, g, acct, map[string]libFunc{
		"tonumber":     baseToNumber,
		"tostring":     baseToString,
		"select":       baseSelect,
		"unpack":       baseUnpack,
		"type":         baseType,
		"next":         baseNext,
		"rawget":       baseRawGet,
		"rawset":       baseRawSet,
		"rawequal":     baseRawEqual,
		"getmetatable": baseGetMetatable,
		"setmetatable": baseSetMetatable,
		"isnull":       baseIsNull,
		"array":        baseArray,
	})
	next := libFunction(l, acct, "next", baseNext)
	g.RawSetString("pairs", libFunction(l, acct, "pairs", func(a args) int {
		tb := a.table(1)
		a.Push(next)
		a.Push(tb)
		a.Push(lua.LNil)
		return 3
	}))
	step := libFunction(l, acct, "ipairs", ipairsNext)
	g.RawSetString("ipairs", libFunction(l, acct, "ipairs", func(a args) int {
		tb := a.table(1)
		a.Push(step)
		a.Push(tb)
		a.Push(lua.LNumber(0))
		return 3
	}))
	g.RawSetString("null", converterOf(l).null)
}

func baseToNumber(a args) int {
	base := a.optInt(2, 10)
	if base == 10 {
		switch v := a.any(1).(type) {
		case lua.LNumber:
			a.Push(v)
			return 1
		case lua.LString:
			if f, ok := parseNumber(string(v)); ok {
				a.pushNumber(f)
				return 1
			}
		case *lua.LUserData:
			if big, ok := v.Value.(bigInteger); ok {
				f, _ := parseNumber(string(big))
				a.pushNumber(f)
				return 1
			}
		}
		a.Push(lua.LNil)
		return 1
	}
	s := a.str(1)
	if base < 2 || base > 36 {
		a.fail(2, "base out of range")
	}
	if f, ok := parseInteger(s, base); ok {
		a.pushNumber(f)
		return 1
	}
	a.Push(lua.LNil)
	return 1
}

func baseToString(a args) int {
	a.Push(toStringMeta(a.LState, a.any(1)))
	return 1
}

// toStringMeta is Lua's tostring: __tostring's value, else the text.
func toStringMeta(l *lua.LState, v lua.LValue) lua.LValue {
	if s, ok := v.(lua.LString); ok {
		return s
	}
	if n, ok := v.(lua.LNumber); ok {
		return lua.LString(numberText(float64(n)))
	}
	if fn := l.GetMetaField(v, "__tostring"); fn != lua.LNil {
		l.Push(fn)
		l.Push(v)
		l.Call(1, 1)
		text := l.Get(-1)
		l.Pop(1)
		return text
	}
	return lua.LString(v.String())
}

// concatText is the text of what may stand beside .. without a metamethod,
// and in table.concat: strings, numbers, and integers beyond 2^53.
func concatText(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return numberText(float64(v)), true
	case *lua.LUserData:
		if big, ok := v.Value.(bigInteger); ok {
			return string(big), true
		}
	}
	return "", false
}

func baseSelect(a args) int {
	top := a.GetTop()
	if s, ok := a.Get(1).(lua.LString); ok && s != "" && s[0] == '#' {
		a.pushNumber(float64(top - 1))
		return 1
	}
	n := a.int(1)
	switch {
	case n < 0:
		n += top
	case n > top:
		n = top
	}
	if n < 1 {
		a.fail(1, "index out of range")
	}
	return top - n
}

func baseUnpack(a args) int {
	tb := a.table(1)
	first := a.optInt(2, 1)
	last := 0
	if a.absent(3) {
		last = tb.Len()
	} else {
		last = a.int(3)
	}
	if first > last {
		return 0
	}
	n := last - first + 1
	if n <= 0 || n > maxValues {
		a.raise(fmt.Sprintf("too many results to unpack (at most %d)", maxValues))
	}
	a.acct.Grow(a.LState, int64(n)*valueBytes)
	for i := range n {
		a.Push(tb.RawGet(lua.LNumber(first + i)))
	}
	return n
}

// valueBytes is what a Lua value takes on the stack or in an array.
const valueBytes = 16

func baseType(a args) int {
	a.pushString(a.any(1).Type().String())
	return 1
}

func baseNext(a args) int {
	key, value := a.table(1).Next(a.Get(2))
	a.Push(key)
	if key == lua.LNil {
		return 1
	}
	a.Push(value)
	return 2
}

func ipairsNext(a args) int {
	tb := a.table(1)
	i := a.int(2) + 1
	v := tb.RawGetInt(i)
	if v == lua.LNil && i >= lua.MaxArrayIndex {
		v = tb.RawGet(lua.LNumber(i)) // the end of a long list lies in the hash
	}
	if v == lua.LNil {
		return 0
	}
	a.Push(lua.LNumber(i))
	a.Push(v)
	return 2
}

func baseRawGet(a args) int {
	a.Push(a.table(1).RawGet(a.any(2)))
	return 1
}

func baseRawSet(a args) int {
	tb, key, value := a.table(1), a.any(2), a.any(3)
	a.acct.Grow(a.LState, valueBytes)
	a.RawSet(tb, key, value)
	a.SetTop(1)
	return 1
}

func baseRawEqual(a args) int {
	a.Push(lua.LBool(a.RawEqual(a.any(1), a.any(2))))
	return 1
}

func baseGetMetatable(a args) int {
	a.Push(a.GetMetatable(a.any(1)))
	return 1
}

func baseSetMetatable(a args) int {
	tb := a.table(1)
	meta := a.Get(2)
	if _, ok := meta.(*lua.LTable); !ok && (meta != lua.LNil || a.GetTop() < 2) {
		a.fail(2, "nil or table expected")
	}
	if a.GetMetaField(tb, "__metatable") != lua.LNil {
		a.raise("cannot change a protected metatable")
	}
	tb.Metatable = meta
	a.SetTop(1)
	return 1
}

// isnull(x) is true for null and for nil, since a field that the API left out
// and one that it sent as null mean the same to most playbooks. x == null
// tells them apart.
func baseIsNull(a args) int {
	v := a.any(1)
	a.Push(lua.LBool(v == lua.LNil || isNull(v)))
	return 1
}

// array(t) marks t as a JSON array and gives it back; array() is an empty one.
func baseArray(a args) int {
	tb, ok := a.Get(1).(*lua.LTable)
	switch {
	case !ok && !a.absent(1):
		a.typeFail(1, "table")
	case !ok:
		tb = a.CreateTable(0, 0)
	}
	marker := converterOf(a.LState).array
	if tb.Metatable != lua.LNil && tb.Metatable != lua.LValue(marker) {
		a.fail(1, "the table has a metatable of its own")
	}
	tb.Metatable = marker
	a.Push(tb)
	return 1
}

// luaTypeName names a value in messages: its type, or what it stands for.
func luaTypeName(v lua.LValue) string {
	if u, ok := v.(*lua.LUserData); ok {
		switch u.Value.(type) {
		case nullValue:
			return "null"
		case bigInteger:
			return "big integer"
		}
		return fmt.Sprintf("userdata %T", u.Value)
	}
	return v.Type().String()
}
