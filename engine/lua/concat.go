package lua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// luaConcat joins its arguments as the operator .. does: from the right, with
// metamethods where a value is no string or number.
func (vm *VM) luaConcat(l *lua.LState) int {
	n := l.GetTop()
	acc := l.Get(n)
	for i := n - 1; i >= 1; {
		if _, ok := concatText(acc); ok {
			if _, ok := concatText(l.Get(i)); ok {
				acc, i = vm.joinRun(l, i, acc)
				continue
			}
		}
		acc = vm.concatMeta(l, l.Get(i), acc)
		i--
	}
	l.Push(acc)
	return 1
}

// joinRun joins acc with as many texts as stand before it; i is the argument
// that is next.
func (vm *VM) joinRun(l *lua.LState, i int, acc lua.LValue) (lua.LValue, int) {
	texts := make([]string, 1, 8)
	texts[0], _ = concatText(acc)
	size := len(texts[0])
	for ; i >= 1; i-- {
		s, ok := concatText(l.Get(i))
		if !ok {
			break
		}
		texts = append(texts, s)
		size += len(s)
	}
	vm.Grow(l, int64(size))
	var b strings.Builder
	b.Grow(size)
	for k := len(texts) - 1; k >= 0; k-- {
		b.WriteString(texts[k])
	}
	return lua.LString(b.String()), i
}

func (vm *VM) concatMeta(l *lua.LState, a, b lua.LValue) lua.LValue {
	fn := l.GetMetaField(a, "__concat")
	if fn == lua.LNil {
		fn = l.GetMetaField(b, "__concat")
	}
	if fn == lua.LNil {
		culprit := b
		if _, ok := concatText(a); !ok {
			culprit = a
		}
		l.RaiseError("attempt to concatenate %s", operandName(l, culprit))
	}
	l.Push(fn)
	l.Push(a)
	l.Push(b)
	l.Call(2, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// operandName names an argument of the joining function by what the caller's
// instructions say of it.
func operandName(l *lua.LState, v lua.LValue) string {
	kind := luaTypeName(v)
	in, dbg, ok := current(l, 1)
	if !ok || in.op != lua.OP_CALL {
		return "a " + kind + " value"
	}
	for i := 1; i <= l.GetTop(); i++ {
		if l.Get(i) == v {
			return in.named(l, dbg, in.a+i, kind)
		}
	}
	return "a " + kind + " value"
}
