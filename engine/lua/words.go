package lua

import (
	"fmt"
	"reflect"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// ownWords puts what the machine says into the words of Lua 5.1, which name
// the variable that is at fault. It is called while the frames still stand.
func (vm *VM) ownWords(l *lua.LState, msg string) string {
	at := strings.LastIndex(msg, ": ")
	place, what := "", strings.TrimSpace(msg)
	if at >= 0 {
		place, what = msg[:at+2], msg[at+2:]
	}
	if better := betterWords(l, what); better != "" {
		return place + better
	}
	return strings.TrimPrefix(msg, " ") // what the machine puts where it knows no place
}

func betterWords(l *lua.LState, what string) string {
	switch {
	case what == "attempt to call a non-function object":
		return calledWrong(l)
	case strings.HasPrefix(what, "attempt to index a non-table object("):
		kind, key, _ := strings.Cut(strings.TrimPrefix(what, "attempt to index a non-table object("), ") with key ")
		return "attempt to index " + atFault(l, kind) + ", with key " + key
	case strings.HasPrefix(what, "cannot perform "):
		return arithmeticWrong(l, what)
	case what == "__unm undefined":
		return "attempt to perform arithmetic on " + operand(l)
	case what == "__len undefined":
		return "attempt to get the length of " + operand(l)
	case strings.HasPrefix(what, "attempt to compare ") && strings.Contains(what, "userdata"):
		return comparisonWrong(l)
	case strings.HasPrefix(what, "for statement "):
		part := strings.TrimSuffix(strings.TrimPrefix(what, "for statement "), " must be a number")
		if part == "init" {
			part = "initial value"
		}
		return "'for' " + part + " must be a number"
	case what == "registry overflow":
		return "stack overflow (too many values at once)"
	}
	return ""
}

// An instruction under way, with its operands decoded.
type instruction struct {
	proto *lua.FunctionProto
	pc    int
	op    int
	a     int
	b, c  int
}

// current is the instruction that the innermost Lua function is at.
func current(l *lua.LState, level int) (instruction, *lua.Debug, bool) {
	dbg, ok := l.GetStack(level)
	if !ok {
		return instruction{}, nil, false
	}
	fv, err := l.GetInfo("f", dbg, lua.LNil)
	fn, isFn := fv.(*lua.LFunction)
	if err != nil || !isFn || fn.IsG {
		return instruction{}, nil, false
	}
	in, ok := instructionAt(fn.Proto, counter(dbg)-1)
	return in, dbg, ok
}

// counter reads the program counter, which is no part of the machine's
// interface.
func counter(dbg *lua.Debug) int {
	return int(reflect.ValueOf(dbg).Elem().FieldByName("frame").Elem().FieldByName("Pc").Int())
}

func instructionAt(p *lua.FunctionProto, pc int) (instruction, bool) {
	if pc < 0 || pc >= len(p.Code) {
		return instruction{}, false
	}
	w := p.Code[pc]
	return instruction{proto: p, pc: pc, op: int(w >> 26), a: int(w>>18) & 0xff, b: int(w & 0x1ff), c: int(w>>9) & 0x1ff}, true
}

// calledWrong says what was called that is no function.
func calledWrong(l *lua.LState) string {
	in, dbg, ok := current(l, 0)
	if !ok || (in.op != lua.OP_CALL && in.op != lua.OP_TAILCALL) {
		return "attempt to call a value that is no function"
	}
	kind := "value that is no function"
	if name, v := l.GetLocal(dbg, in.a+1); name != "" && v != nil {
		kind = luaTypeName(v)
	}
	return "attempt to call " + in.named(l, dbg, in.a, kind)
}

// operand names what an instruction with one operand works on.
func operand(l *lua.LState) string {
	in, dbg, ok := current(l, 0)
	if !ok {
		return "a value of the wrong kind"
	}
	_, v := l.GetLocal(dbg, in.b+1)
	return in.named(l, dbg, in.b, luaTypeName(v))
}

// atFault names the value that is indexed.
func atFault(l *lua.LState, kind string) string {
	in, dbg, ok := current(l, 0)
	if !ok {
		return "a " + kind + " value"
	}
	switch in.op {
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF:
		return in.named(l, dbg, in.b, kind)
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		return in.named(l, dbg, in.a, kind)
	}
	return "a " + kind + " value"
}

// arithmeticWrong names the operand that is no number.
func arithmeticWrong(l *lua.LState, what string) string {
	_, kinds, _ := strings.Cut(what, " operation between ")
	left, right, _ := strings.Cut(kinds, " and ")
	in, dbg, ok := current(l, 0)
	kind, reg := right, in.c
	if left != "number" {
		kind, reg = left, in.b
	}
	if ok && kind == "userdata" {
		kind = luaTypeName(in.value(l, dbg, reg))
	}
	if !ok || reg >= 0x100 { // a constant
		return "attempt to perform arithmetic on a " + kind + " value"
	}
	return "attempt to perform arithmetic on " + in.named(l, dbg, reg, kind)
}

// comparisonWrong names values that the machine calls userdata.
func comparisonWrong(l *lua.LState) string {
	in, dbg, ok := current(l, 0)
	if !ok || (in.op != lua.OP_LT && in.op != lua.OP_LE) {
		return ""
	}
	return unordered(in.value(l, dbg, in.b), in.value(l, dbg, in.c))
}

// unordered says that two values have no order.
func unordered(x, y lua.LValue) string {
	text := "attempt to compare " + luaTypeName(x) + " with " + luaTypeName(y)
	_, bigX := bigOf(x)
	_, bigY := bigOf(y)
	if bigX != bigY {
		// The machine asks a metamethod only where both sides have it.
		text += ": compare it with another big integer, or compare tonumber(x), which is rounded"
	}
	return text
}

// value is what an operand stands for: a register or a constant.
func (in instruction) value(l *lua.LState, dbg *lua.Debug, operand int) lua.LValue {
	if operand >= 0x100 {
		if i := operand & 0xff; i < len(in.proto.Constants) {
			return in.proto.Constants[i]
		}
	} else if _, v := l.GetLocal(dbg, operand+1); v != nil {
		return v
	}
	return lua.LNil
}

// named is "local 'x' (a nil value)", as far as the instructions before this
// one tell where a register has its value from.
func (in instruction) named(l *lua.LState, dbg *lua.Debug, reg int, kind string) string {
	if source := in.origin(l, dbg, reg); source != "" {
		return fmt.Sprintf("%s (a %s value)", source, kind)
	}
	return "a " + kind + " value"
}

// localName is the name of the local in a register.
func localName(l *lua.LState, dbg *lua.Debug, reg int) string {
	name, _ := l.GetLocal(dbg, reg+1)
	if strings.HasPrefix(name, "(") {
		return ""
	}
	return name
}

func (in instruction) origin(l *lua.LState, dbg *lua.Debug, reg int) string {
	if name := localName(l, dbg, reg); name != "" {
		return "local '" + name + "'"
	}
	for pc := in.pc - 1; pc >= 0 && pc > in.pc-64; pc-- {
		x, _ := instructionAt(in.proto, pc)
		if x.op == lua.OP_CALL && x.a <= reg {
			return "" // a result of a call
		}
		if x.a != reg {
			continue
		}
		switch x.op {
		case lua.OP_MOVE:
			if name := localName(l, dbg, x.b); name != "" {
				return "local '" + name + "'"
			}
			return ""
		case lua.OP_GETGLOBAL:
			bx := int(in.proto.Code[pc] & 0x3ffff)
			return "global '" + in.constant(bx) + "'"
		case lua.OP_GETUPVAL:
			if x.b < len(in.proto.DbgUpvalues) {
				return "upvalue '" + in.proto.DbgUpvalues[x.b] + "'"
			}
			return ""
		case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
			if name := in.constant(x.c & 0xff); x.c >= 0x100 && name != "" {
				return "field '" + name + "'"
			}
			return ""
		case lua.OP_SELF:
			if name := in.constant(x.c & 0xff); x.c >= 0x100 && name != "" {
				return "method '" + name + "'"
			}
			return ""
		case lua.OP_LOADK, lua.OP_LOADNIL, lua.OP_LOADBOOL, lua.OP_NEWTABLE, lua.OP_CLOSURE:
			return ""
		}
	}
	return ""
}

func (in instruction) constant(i int) string {
	if i < 0 || i >= len(in.proto.Constants) {
		return ""
	}
	s, _ := in.proto.Constants[i].(lua.LString)
	return string(s)
}
