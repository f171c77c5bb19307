package lua

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openTable makes the global table table.
func openTable(l *lua.LState, acct accountant) {
	tb := l.CreateTable(0, 6)
	install(l, tb, acct, map[string]libFunc{
		"concat": tabConcat,
		"getn":   tabGetN,
		"insert": tabInsert,
		"maxn":   tabMaxN,
		"remove": tabRemove,
		"sort":   tabSort,
	})
	l.G.Global.RawSetString(lua.TabLibName, tb)
}

// tabConcat joins items. It charges the whole before it makes it, and keeps
// nothing on the stack, so that a list of a million items can be joined.
func tabConcat(a args) int {
	tb, sep := a.table(1), a.optStr(2, "")
	first, last := a.optInt(3, 1), 0
	if a.absent(4) {
		last = tb.Len()
	} else {
		last = a.int(4)
	}
	total := 0
	for i := first; i <= last; i++ {
		text, ok := concatText(tb.RawGet(lua.LNumber(i)))
		if !ok {
			a.raise(fmt.Sprintf("invalid value (%s) at index %d in table for 'concat'", luaTypeName(tb.RawGet(lua.LNumber(i))), i))
		}
		if total += len(text) + len(sep); total > maxString {
			a.raise("resulting string too large")
		}
		if i&255 == 0 {
			a.acct.Step(64)
		}
	}
	if first > last {
		a.pushString("")
		return 1
	}
	a.acct.Grow(a.LState, int64(total))
	var b strings.Builder
	b.Grow(total)
	for i := first; i <= last; i++ {
		text, _ := concatText(tb.RawGet(lua.LNumber(i)))
		b.WriteString(text)
		if i < last {
			b.WriteString(sep)
		}
	}
	a.pushString(b.String())
	return 1
}

func tabGetN(a args) int {
	a.pushNumber(float64(a.table(1).Len()))
	return 1
}

func tabInsert(a args) int {
	tb := a.table(1)
	end := tb.Len() + 1
	if end >= lua.MaxArrayIndex {
		a.raise(fmt.Sprintf("the list is too long (at most %d items)", lua.MaxArrayIndex-1))
	}
	a.acct.Grow(a.LState, valueBytes)
	switch a.GetTop() {
	case 2:
		tb.RawSetInt(end, a.Get(2))
		return 0
	case 3:
	default:
		a.raise("wrong number of arguments to 'insert'")
	}
	pos := a.int(2)
	if pos < 1 || pos >= end {
		a.RawSet(tb, lua.LNumber(pos), a.Get(3))
		return 0
	}
	a.steps(end - pos)
	tb.Insert(pos, a.Get(3))
	return 0
}

func tabRemove(a args) int {
	tb := a.table(1)
	n := tb.Len()
	pos := a.optInt(2, n)
	if pos < 1 || pos > n {
		return 0
	}
	a.steps(n - pos)
	a.Push(tb.Remove(pos))
	return 1
}

// tabMaxN is the largest positive number among the keys.
func tabMaxN(a args) int {
	tb := a.table(1)
	most, rounds := 0.0, 0
	for k, _ := tb.Next(lua.LNil); k != lua.LNil; k, _ = tb.Next(k) {
		if n, ok := k.(lua.LNumber); ok {
			most = max(most, float64(n))
		}
		if rounds++; rounds&255 == 0 {
			a.acct.Step(64)
		}
	}
	a.pushNumber(most)
	return 1
}

// tabSort sorts a copy and puts it back at the end: a comparator may block,
// fail, contradict itself or change the table, and none of that can lose an
// item. Equal items keep their order.
func tabSort(a args) int {
	tb := a.table(1)
	n := tb.Len()
	s := sorter{a: a}
	if !a.absent(2) {
		s.less = a.function(2)
	}
	a.acct.Grow(a.LState, 2*int64(n)*valueBytes)
	items := make([]lua.LValue, n)
	for i := range items {
		items[i] = tb.RawGetInt(i + 1)
	}
	s.sort(items, make([]lua.LValue, n))
	for i, v := range items {
		tb.RawSetInt(i+1, v)
	}
	return 0
}

type sorter struct {
	a      args
	less   *lua.LFunction
	rounds int
}

// sort is a merge sort; spare is as long as items.
func (s *sorter) sort(items, spare []lua.LValue) {
	if len(items) < 2 {
		return
	}
	half := len(items) / 2
	s.sort(items[:half], spare[:half])
	s.sort(items[half:], spare[half:])
	if !s.before(items[half], items[half-1]) {
		return
	}
	left := spare[:copy(spare, items[:half])]
	right := items[half:]
	for i := 0; len(left) > 0; i++ {
		if len(right) > 0 && s.before(right[0], left[0]) {
			items[i], right = right[0], right[1:]
		} else {
			items[i], left = left[0], left[1:]
		}
	}
}

func (s *sorter) before(x, y lua.LValue) bool {
	if s.less != nil {
		return lua.LVAsBool(s.a.call(s.less, x, y))
	}
	if s.rounds++; s.rounds&255 == 0 {
		s.a.acct.Step(256)
	}
	switch x := x.(type) {
	case lua.LNumber:
		if y, ok := y.(lua.LNumber); ok {
			return x < y
		}
	case lua.LString:
		if y, ok := y.(lua.LString); ok {
			return x < y
		}
	}
	_, bigX := bigOf(x)
	_, bigY := bigOf(y)
	if bigX != bigY {
		s.a.RaiseError("%s", unordered(x, y))
	}
	return s.a.LessThan(x, y)
}
