package lua

import (
	"errors"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// errTooMuch is what meter raises.
var errTooMuch = errors.New("too much")

// A meter is an accountant with a fixed allowance.
type meter struct {
	bytes, bytesLeft int64
	steps, stepsLeft int
}

func (m *meter) Grow(_ *lua.LState, n int64) {
	m.bytes += n
	if m.bytes > m.bytesLeft || m.bytes < 0 {
		panic(errTooMuch)
	}
}

func (m *meter) Step(n int) {
	m.steps += n
	if m.steps > m.stepsLeft {
		panic(errTooMuch)
	}
}

// newLibState is a state with our libraries and gopher-lua's own pcall.
func newLibState(tb testing.TB, m *meter) *lua.LState {
	tb.Helper()
	l := lua.NewState(lua.Options{
		RegistrySize: 128, RegistryMaxSize: 1 << 20, RegistryGrowStep: 256,
		CallStackSize: 200, MinimizeStackMemory: true, SkipOpenLibs: true,
	})
	tb.Cleanup(l.Close)
	l.Push(l.NewFunction(lua.OpenBase))
	l.Call(0, 0)
	openString(l, m)
	openTable(l, m)
	openMath(l, m)
	openBaseValues(l, m)
	str := l.GetGlobal("string").(*lua.LTable)
	str.RawSetString("__index", str)
	l.G.Global.RawSetString("err", l.NewFunction(func(l *lua.LState) int {
		// err(f, …) is the message of what f raises, without its position.
		fn := l.CheckFunction(1)
		var params []lua.LValue
		for i := 2; i <= l.GetTop(); i++ {
			params = append(params, l.Get(i))
		}
		caught := l.CallByParam(lua.P{Fn: fn, NRet: 0, Protect: true}, params...)
		if caught == nil {
			l.Push(lua.LString("no error"))
			return 1
		}
		var api *lua.ApiError
		if !errors.As(caught, &api) {
			l.RaiseError("%v", caught)
		}
		_, message, ok := strings.Cut(api.Object.String(), ": ")
		if !ok {
			message = api.Object.String()
		}
		l.Push(lua.LString(message))
		return 1
	}))
	setStringMeta(l, str)
	return l
}

// setStringMeta gives strings their methods, which SetMetatable does for any
// value of a basic type.
func setStringMeta(l *lua.LState, str *lua.LTable) { l.SetMetatable(lua.LString(""), str) }

func plenty() *meter { return &meter{bytesLeft: 1 << 28, stepsLeft: 1 << 28} }

// eval gives the results of an expression list, each as tostring writes it,
// joined by spaces.
func eval(tb testing.TB, l *lua.LState, exprs string) string {
	tb.Helper()
	top := l.GetTop()
	if err := l.DoString("return " + exprs); err != nil {
		return "error: " + headLine(err.Error())
	}
	var out []string
	for i := top + 1; i <= l.GetTop(); i++ {
		out = append(out, toStringMeta(l, l.Get(i)).String())
	}
	l.SetTop(top)
	return strings.Join(out, " ")
}

func headLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// TestLibraries holds what lua5.1 cannot judge: our own additions, the
// deliberate differences, and error messages without their positions.
func TestLibraries(t *testing.T) {
	tests := []struct{ exprs, want string }{
		{`("a,b,,c"):gsub("[^,]*", "x")`, "x,x,x,x 4"},
		{`("abc"):gsub("%w*", "-")`, "- 1"},
		{`("hello world"):gsub("o", {o = 0})`, "hell0 w0rld 2"},
		{`("hello"):gsub("l+", function(s) return #s end)`, "he2o 1"},
		{`("abc"):gsub("", "-")`, "-a-b-c- 4"},
		{`("abc"):gsub("^a", "x", 0)`, "abc 0"},
		{`("hello"):gsub("(h)(e)", "%2%1%0%%")`, "ehhe%llo 1"},
		{`err(string.gsub, "a", "a", "%")`, "invalid use of '%' at the end of the replacement; write %% for a percent sign"},
		{`err(string.gsub, "a", "a", "%2")`, "invalid capture index"},
		{`err(string.gsub, "a", "a", function() return {} end)`, "invalid replacement value (a table)"},
		{`err(string.gsub, "a", "a")`, "bad argument #3 to 'gsub' (string/function/table expected)"},
		{`("k=v"):match("(%w+)=(%w+)")`, "k v"},
		{`("  x "):match("^%s*(.-)%s*$")`, "x"},
		{`("f(a(b)c)d"):match("%b()")`, "(a(b)c)"},
		{`("THE (quick) fox"):find("%((%a+)%)")`, "5 11 quick"},
		{`("THE (quick) fox"):gsub("%f[%a]%a+", "W")`, "W (W) W 3"},
		{`("abc"):find("()b()")`, "2 2 2 3"},
		{`("abc"):find("b", 1, true)`, "2 2"},
		{`("a.c"):find(".", 2, true)`, "2 2"},
		{`("aXbX"):match("(.)X(.)X")`, "a b"},
		{`("abab"):match("(ab)%1")`, "ab"},
		{`("]"):find("[]]")`, "1 1"},
		{`("a-z"):find("[a%-z]+")`, "1 3"},
		{`("^"):find("[x^]")`, "1 1"},
		{`err(string.find, "a", "[a")`, "malformed pattern (missing ']')"},
		{`err(string.find, "a", "%")`, "malformed pattern (ends with '%')"},
		{`err(string.find, "a", "(a")`, "unfinished capture"},
		{`err(string.match, "a", "a)")`, "invalid pattern capture"},
		{`err(string.find, "a", "%f")`, "missing '[' after '%f' in pattern"},
		{`err(string.find, "a", ("()"):rep(33))`, "too many captures"},
		{`err(string.find, "a", ("a?"):rep(2000))`, "pattern too complex (more than 1000 levels)"},
		{`(function() local f = ("a1b2"):gmatch("%a%d") return f(), f(), f() end)()`, "a1 b2"},
		{`(function() local t = {} for f in ("a,b,,c"):gmatch("[^,]*") do t[#t+1] = f end return table.concat(t, "|") end)()`, "a|b||c"},
		{`string.format("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42)`, "   42|42   |00042|+42| 42"},
		{`string.format("%x %X %#x %o %u %c", 255, 255, 255, 8, 7, 65)`, "ff FF 0xff 10 7 A"},
		{`string.format("%x %u", -1, -1)`, "ffffffffffffffff 18446744073709551615"},
		{`string.format("%d %d %i", 3.7, -3.7, "12")`, "3 -3 12"},
		{`string.format("%.3f %e %g %g %G", 1/3, 12345.678, 1e20, 0.1, 1e-10)`, "0.333 1.234568e+04 1e+20 0.1 1E-10"},
		{`string.format("%5.1s|%-4s|%s", "xyz", "ab", 12)`, "    x|ab  |12"},
		{`string.format("%5s", "é")`, "   é"},
		{`string.format("%q", 'a\n"\\\0')`, "\"a\\\n\\\"\\\\\\000\""},
		{`string.format("%s", setmetatable({}, {__tostring = function() return "T" end}))`, "T"},
		{`err(string.format, "%s")`, "bad argument #2 to 'format' (no value)"},
		{`err(string.format, "%s", nil)`, "bad argument #2 to 'format' (string expected, got nil)"},
		{`err(string.format, "%s", true)`, "bad argument #2 to 'format' (string expected, got boolean)"},
		{`err(string.format, "%d", "x")`, "bad argument #2 to 'format' (number expected, got string)"},
		{`err(string.format, "%y", 1)`, "invalid option '%y' to 'format'"},
		{`err(string.format, "%123d", 1)`, "invalid format (width or precision too long)"},
		{`err(string.format, "%------d", 1)`, "invalid format (repeated flags)"},
		{`err(string.format, "%", 1)`, "invalid option '%' to 'format'"},
		{`tonumber("1e5"), tonumber(" 0x10 "), tonumber("123456789012345678901234567890"), tonumber("1e+5")`, "100000 16 1.2345678901235e+29 100000"},
		{`tonumber("ff", 16), tonumber("zz", 36), tonumber("-7", 8), tonumber("8", 8), tonumber("0x1F", 16)`, "255 1295 -7 nil 31"},
		{`tonumber(""), tonumber("1 2"), tonumber("inf"), tonumber("nan"), tonumber("1_0"), tonumber("0x"), tonumber("0x_1"), tonumber("--1")`, "nil nil nil nil nil nil nil nil"},
		{`tonumber({}), tonumber(nil), tonumber("010"), tonumber(".5"), tonumber("5."), tonumber("1e")`, "nil nil 10 0.5 5 nil"},
		{`err(tonumber)`, "bad argument #1 to 'tonumber' (value expected)"},
		{`err(tonumber, "1", 99)`, "bad argument #2 to 'tonumber' (base out of range)"},
		{`0.1, 1/3, 1e15, 2^53, 2^54, 1e100, -0.5, 1/0, -1/0, 1234567890123456`, "0.1 0.33333333333333 1000000000000000 9007199254740992 1.8014398509482e+16 1e+100 -0.5 inf -inf 1234567890123456"},
		{`err(unpack, {}, 1, 1e6)`, "too many results to unpack (at most 65536)"},
		{`err(unpack, {}, -2^63, 2^63)`, "too many results to unpack (at most 65536)"},
		{`unpack({1, 2, 3}, 2)`, "2 3"},
		{`select("#", nil, nil), select(-1, 1, 2)`, "2 2"},
		{`err(select, 0)`, "bad argument #1 to 'select' (index out of range)"},
		{`err(setmetatable, {}, 1)`, "bad argument #2 to 'setmetatable' (nil or table expected)"},
		{`err(setmetatable, setmetatable({}, {__metatable = 1}), {})`, "cannot change a protected metatable"},
		{`err(rawset, {}, nil, 1)`, "table index is nil"},
		{`err(rawset, {}, 0/0, 1)`, "table index is NaN"},
		{`err(ipairs)`, "bad argument #1 to 'ipairs' (table expected, got no value)"},
		{`err(string.char, 256)`, "bad argument #1 to 'char' (invalid value)"},
		{`err(table.concat, {1, {}})`, "invalid value (table) at index 2 in table for 'concat'"},
		{`err(table.insert, {}, 1, 2, 3)`, "wrong number of arguments to 'insert'"},
		{`err(table.sort, {1, "x"})`, "attempt to compare string with number"},
		{`table.concat({1, 2, "x"}, ", "), table.concat({}), table.concat({1, 2, 3}, "-", 2, 3)`, "1, 2, x  2-3"},
		{`table.maxn({[1] = 1, [7.5] = 1}), table.getn({1, 2})`, "7.5 2"},
		{`select("#", table.remove({})), table.remove({1, 2, 3}, 1), table.remove({1, 2})`, "0 1 2"},
		{`(function() local t = {3, 1, 2} table.sort(t, function(a, b) return true end) return #t end)()`, "3"},
		{`(function() local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return unpack(t) end)()`, "3 2 1"},
		{`math.huge, math.floor(-1.5), math.modf(-3.25)`, "inf -2 -3 -0.25"},
		{`math.max(1, 5, 3), math.min(2, -1), math.fmod(-7, 3), math.ldexp(1, 10)`, "5 -1 -1 1024"},
		{`null, isnull(null), isnull(nil), isnull(false), null == null`, "null true true false true"},
		{`getmetatable(array{}), #array{1, 2}, getmetatable(null)`, "array 2 null"},
		{`err(function() return null.x end)`, "attempt to index null (field 'x'): test with isnull(x) first"},
		{`err(array, 1)`, "bad argument #1 to 'array' (table expected, got number)"},
		{`("x"):byte(), ("abc"):byte(-2, -1), ("abc"):sub(-2), ("abc"):sub(2, 100), ("abc"):sub(0), ("abc"):upper(), ("abc"):reverse()`, "120 98 bc bc abc ABC cba"},
	}
	l := newLibState(t, plenty())
	for _, tc := range tests {
		if got := eval(t, l, tc.exprs); got != tc.want {
			t.Errorf("%s\n got  %q\n want %q", tc.exprs, got, tc.want)
		}
	}
}
