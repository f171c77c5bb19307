package lua

import (
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// open sets everything that a playbook sees. What is not set here does not
// exist for it: no files, no processes, no bytecode, no other environments.
func (vm *VM) open() error {
	l := vm.root
	g := l.G.Global
	vm.concat = l.NewFunction(vm.luaConcat)
	openBaseValues(l, vm)
	openString(l, vm)
	openTable(l, vm)
	openMath(l, vm)
	vm.openErrors()
	vm.openProtected()
	if err := vm.openCoroutines(); err != nil {
		return err
	}
	g.RawSetString("_G", g)
	g.RawSetString("_VERSION", lua.LString("Lua 5.1"))
	g.RawSetString("print", l.NewFunction(vm.luaPrint))
	g.RawSetString("load", l.NewFunction(vm.luaLoad))
	g.RawSetString("playbook", l.NewFunction(func(l *lua.LState) int {
		l.RaiseError("playbook{…} must be the first statement of the playbook")
		return 0
	}))
	debug := l.CreateTable(0, 1)
	debug.RawSetString("traceback", l.NewFunction(luaTraceback))
	g.RawSetString("debug", debug)
	vm.openClock()
	vm.openRandom()
	vm.openParallel()
	vm.openModules()
	// The methods of strings are the library's, through a table of its own:
	// nobody can reach it and change every string.
	mt := l.CreateTable(0, 2)
	mt.RawSetString("__index", g.RawGetString("string"))
	mt.RawSetString("__metatable", lua.LFalse)
	stringArithmetic(l, mt)
	l.SetMetatable(lua.LString(""), mt)
	return vm.openGlobals()
}

func (vm *VM) luaPrint(l *lua.LState) int {
	r := runnerOf(l)
	r.impure(l, "print")
	var b strings.Builder
	for i := 1; i <= l.GetTop(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		text := toStringMeta(l, l.Get(i)).String()
		vm.Grow(l, int64(len(text)))
		b.WriteString(text)
	}
	if vm.opts.Print != nil {
		r.task.Print(b.String(), here(l), vm.opts.Print)
	}
	return 0
}

// luaLoad is load(text [, name]): the function, or nil and what is wrong.
func (vm *VM) luaLoad(l *lua.LState) int {
	text, ok := l.Get(1).(lua.LString)
	if !ok {
		l.RaiseError("bad argument #1 to 'load' (text expected, got %s)", luaTypeName(l.Get(1)))
	}
	name := "(load)" // not the text, which may be secret
	if s, ok := l.Get(2).(lua.LString); ok && s != "" {
		name = strings.TrimLeft(string(s), "@=")
	}
	s := &source{name: name, text: string(text)}
	p := s.read()
	var proto *lua.FunctionProto
	if p == nil {
		proto, p = s.compile()
	}
	if p != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(p.String()))
		return 2
	}
	l.Push(vm.function(proto))
	return 1
}

// impure refuses what must not stand in an expression.
func (r *runner) impure(l *lua.LState, name string) {
	if r.pure {
		r.fail(l, engine.NameScriptError, name+" cannot be called in an expression: it reaches outside of it",
			"call it in a step of its own, and use the step's result here")
	}
}

// openClock sets os with what the run's clock can tell.
func (vm *VM) openClock() {
	l := vm.root
	os := l.CreateTable(0, 3)
	os.RawSetString("time", l.NewFunction(func(l *lua.LState) int {
		if tb, ok := l.Get(1).(*lua.LTable); ok {
			l.Push(lua.LNumber(timeOfTable(l, tb).Unix()))
			return 1
		}
		l.Push(lua.LNumber(vm.now(l, "os.time").Unix()))
		return 1
	}))
	os.RawSetString("clock", l.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LNumber(float64(vm.now(l, "os.clock").UnixMicro()) / 1e6))
		return 1
	}))
	os.RawSetString("date", l.NewFunction(func(l *lua.LState) int {
		format := l.OptString(1, "%c")
		var t time.Time
		if n, ok := l.Get(2).(lua.LNumber); ok {
			t = time.Unix(int64(n), 0)
		} else {
			t = vm.now(l, "os.date")
		}
		l.Push(dateValue(l, strings.TrimPrefix(format, "!"), t.UTC()))
		return 1
	}))
	l.G.Global.RawSetString("os", os)
}

// now asks the run for the time: a recorded action, so that a repeated run is
// told the same.
func (vm *VM) now(l *lua.LState, name string) time.Time {
	r := runnerOf(l)
	r.impure(l, name)
	t, err := r.task.Now(here(l))
	if err != nil {
		r.throw(l, err)
	}
	return t
}

func timeOfTable(l *lua.LState, tb *lua.LTable) time.Time {
	field := func(name string, def int) int {
		switch v := tb.RawGetString(name).(type) {
		case lua.LNumber:
			return int(v)
		case *lua.LNilType:
			if def >= 0 {
				return def
			}
		}
		l.RaiseError("field '%s' missing in date table", name)
		return 0
	}
	return time.Date(field("year", -1), time.Month(field("month", -1)), field("day", -1),
		field("hour", 12), field("min", 0), field("sec", 0), 0, time.UTC)
}

// dateValue is os.date: in UTC always, since a playbook must not depend on the
// machine that it runs on.
func dateValue(l *lua.LState, format string, t time.Time) lua.LValue {
	if strings.HasPrefix(format, "*t") {
		tb := l.CreateTable(0, 9)
		for name, n := range map[string]int{
			"year": t.Year(), "month": int(t.Month()), "day": t.Day(), "hour": t.Hour(), "min": t.Minute(),
			"sec": t.Second(), "wday": int(t.Weekday()) + 1, "yday": t.YearDay(),
		} {
			tb.RawSetString(name, lua.LNumber(n))
		}
		tb.RawSetString("isdst", lua.LFalse)
		return tb
	}
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02",
		'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'x': "01/02/06",
		'X': "15:04:05", 'y': "06", 'Y': "2006", 'Z': "MST", 'F': "2006-01-02", 'T': "15:04:05",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if layout, ok := layouts[format[i]]; ok {
			b.WriteString(t.Format(layout))
		} else if format[i] == '%' {
			b.WriteByte('%')
		} else {
			l.RaiseError("bad argument #1 to 'date' (unknown conversion '%%%c')", format[i])
		}
	}
	return lua.LString(b.String())
}

// openRandom replaces math's process-wide random source by one of each task's.
func (vm *VM) openRandom() {
	l := vm.root
	math, _ := l.G.Global.RawGetString("math").(*lua.LTable)
	math.RawSetString("random", l.NewFunction(func(l *lua.LState) int {
		r := runnerOf(l)
		r.impure(l, "math.random")
		d := r.dice()
		if l.GetTop() == 0 {
			l.Push(lua.LNumber(d.Float64()))
			return 1
		}
		low, high := int64(1), l.CheckInt64(1)
		if l.GetTop() > 1 {
			low, high = high, l.CheckInt64(2)
		}
		if low > high || high-low < 0 {
			l.RaiseError("bad argument #%d to 'random' (interval is empty)", min(l.GetTop(), 2))
		}
		l.Push(lua.LNumber(low + d.Int64N(high-low+1)))
		return 1
	}))
	math.RawSetString("randomseed", l.NewFunction(func(l *lua.LState) int {
		r := runnerOf(l)
		r.impure(l, "math.randomseed")
		r.seedDice(l.Get(1).String())
		return 0
	}))
}
