package lua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// JSON in Lua
//
//	object      table; a null field is absent (nil) unless nulls are kept
//	array       table with the array marker, so that [] is written as []
//	null        the value null, in arrays and where nulls are kept
//	integer     number; beyond 2^53 a userdata that holds the literal
//
// Lua to JSON: a table with string keys is an object, {} too; a table with the
// marker, or one with the keys 1…n, is an array; null is null; a nil field
// does not exist.
type (
	// nullValue is what the userdata null holds.
	nullValue struct{}

	// A bigInteger is the literal of an integer that float64 cannot hold.
	bigInteger string

	// A converter makes Lua values. It touches no *lua.LState once it exists,
	// so that an answer can be decoded without the baton.
	converter struct {
		null  *lua.LUserData
		array *lua.LTable // metatable of every JSON array
		big   *lua.LTable // metatable of every big integer
	}
)

// arrayName is what getmetatable gives for a JSON array.
const arrayName = "array"

// converterKey is where the VM's registry keeps its converter.
const converterKey = "a0run.converter"

// converterOf gives the converter of the VM to which l belongs. Call it under
// the baton.
func converterOf(l *lua.LState) *converter {
	if u, ok := l.G.Registry.RawGetString(converterKey).(*lua.LUserData); ok {
		if c, ok := u.Value.(*converter); ok {
			return c
		}
	}
	c := newConverter(l)
	l.G.Registry.RawSetString(converterKey, &lua.LUserData{Value: c, Metatable: lua.LNil})
	return c
}

func newConverter(l *lua.LState) *converter {
	c := &converter{array: l.CreateTable(0, 1), big: l.CreateTable(0, 6)}
	c.array.RawSetString("__metatable", lua.LString(arrayName))

	nulls := l.CreateTable(0, 3)
	nulls.RawSetString("__metatable", lua.LString("null"))
	nulls.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LString("null"))
		return 1
	}))
	nulls.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		l.RaiseError("attempt to index null (field '%s'): test with isnull(x) first", l.Get(2).String())
		return 0
	}))
	c.null = &lua.LUserData{Value: nullValue{}, Metatable: nulls}

	c.big.RawSetString("__metatable", lua.LString("integer"))
	for name, fn := range map[string]lua.LGFunction{
		"__tostring": func(l *lua.LState) int {
			text, _ := concatText(l.Get(1))
			l.Push(lua.LString(text))
			return 1
		},
		"__eq": func(l *lua.LState) int { return compareBig(l, func(c int) bool { return c == 0 }) },
		"__lt": func(l *lua.LState) int { return compareBig(l, func(c int) bool { return c < 0 }) },
		"__le": func(l *lua.LState) int { return compareBig(l, func(c int) bool { return c <= 0 }) },
		"__concat": func(l *lua.LState) int {
			left, okLeft := concatText(l.Get(1))
			right, okRight := concatText(l.Get(2))
			if !okLeft || !okRight {
				l.RaiseError("attempt to concatenate a %s value", otherThanBig(l, okLeft))
			}
			l.Push(lua.LString(left + right))
			return 1
		},
	} {
		c.big.RawSetString(name, l.NewFunction(fn))
	}
	return c
}

// otherThanBig is the type of the operand that is at fault.
func otherThanBig(l *lua.LState, leftIsText bool) string {
	if leftIsText {
		return luaTypeName(l.Get(2))
	}
	return luaTypeName(l.Get(1))
}

func compareBig(l *lua.LState, holds func(order int) bool) int {
	x, okX := bigOf(l.Get(1))
	y, okY := bigOf(l.Get(2))
	if !okX || !okY {
		l.RaiseError("attempt to compare %s with %s", luaTypeName(l.Get(1)), luaTypeName(l.Get(2)))
	}
	l.Push(lua.LBool(holds(x.compare(y))))
	return 1
}

func bigOf(v lua.LValue) (bigInteger, bool) {
	if u, ok := v.(*lua.LUserData); ok {
		big, ok := u.Value.(bigInteger)
		return big, ok
	}
	return "", false
}

// compare orders two literals, which have no leading zeros.
func (x bigInteger) compare(y bigInteger) int {
	a, negA := strings.CutPrefix(string(x), "-")
	b, negB := strings.CutPrefix(string(y), "-")
	if negA != negB {
		if negA {
			return -1
		}
		return 1
	}
	order := len(a) - len(b)
	if order == 0 {
		order = strings.Compare(a, b)
	}
	if negA {
		order = -order
	}
	return order
}

func (c *converter) bigValue(literal string) lua.LValue {
	return &lua.LUserData{Value: bigInteger(literal), Metatable: c.big}
}

func isNull(v lua.LValue) bool {
	u, ok := v.(*lua.LUserData)
	if !ok {
		return false
	}
	_, ok = u.Value.(nullValue)
	return ok
}
