package lua

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// run executes code and gives what it raised, be it Lua's or the meter's.
func run(l *lua.LState, code string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			var ok bool
			if err, ok = r.(error); !ok {
				err = fmt.Errorf("%v", r)
			}
		}
	}()
	fn, err := l.LoadString(code)
	if err != nil {
		return err
	}
	l.Push(fn)
	l.Call(0, 0)
	return nil
}

// TestBytesAreChargedFirst: with 1 MB allowed, nothing that would make more
// returns, and what is refused was not made (rep of 10^18 bytes would end the
// process).
func TestBytesAreChargedFirst(t *testing.T) {
	for _, code := range []string{
		`s = ("x"):rep(1e10)`,
		`s = ("x"):rep(1e300)`,
		`s = ("xyz"):rep(1e18)`,
		`local x = ("x"):rep(1000) local t = {} for i = 1, 2000 do t[i] = x end s = table.concat(t)`,
		`local x = ("x"):rep(1000) s = x:gsub("x", x .. x)`,
		`local x = ("x"):rep(1000) s = x:gsub("x", {x = x .. x})`,
		`local x = ("x"):rep(1000) s = x:gsub("x", function() return x .. x end)`,
		`local x = ("x"):rep(100000) s = string.format(("%s"):rep(20), x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x)`,
		`local x = ("\0"):rep(300000) s = string.format("%q", x)`,
		`local x = ("x"):rep(300000) s = x:upper() .. x:lower() .. x:reverse() s = x:upper()`,
		`local x = ("x"):rep(60000) s = {x:byte(1, -1)} s = {x:byte(1, -1)}`,
		`local t = {} for i = 1, 60000 do t[i] = i end table.sort(t)`,
		`local t = {} for i = 1, 70000 do table.insert(t, i) end`,
	} {
		l := newLibState(t, &meter{bytesLeft: 1 << 20, stepsLeft: 1 << 30})
		if err := run(l, code); !errors.Is(err, errTooMuch) {
			t.Errorf("%s: got %v, want a refusal", code, err)
		}
	}
}

// TestStepsAreCharged: what runs long in Go ends by its steps.
func TestStepsAreCharged(t *testing.T) {
	tests := map[string]string{
		"star backtracking":     `string.find(("a"):rep(30), ("a*"):rep(12) .. "b")`,
		"minus backtracking":    `string.find(("a"):rep(60), ("a-"):rep(12) .. "b")`,
		"optional":              `string.find(("a"):rep(28), ("a?"):rep(28) .. ("a"):rep(28) .. "b")`,
		"captures":              `string.match(("a"):rep(40), ("(a*)"):rep(10) .. "b")`,
		"quadratic":             `string.find(("a"):rep(100000), "a*b")`,
		"quadratic gsub":        `string.gsub(("a"):rep(100000), ".-b", "")`,
		"quadratic gmatch":      `for _ in string.gmatch(("a"):rep(100000), "a*b") do end`,
		"balance":               `string.find(("("):rep(100000), "%b()")`,
		"long set":              `string.find(("a"):rep(100000), "[" .. ("b"):rep(100000) .. "]*c")`,
		"back reference":        `string.find(("a"):rep(100000), "(a*)%1b")`,
		"plain find":            `local s = ("a"):rep(1e7) for i = 1, 1000 do s:find("b", 1, true) end`,
		"upper":                 `local s = ("a"):rep(1e6) for i = 1, 100 do s:upper() end`,
		"sort without function": `local t = {} for i = 1, 50000 do t[i] = (i * 7919) % 50021 end table.sort(t) table.sort(t) table.sort(t)`,
		"concat":                `local t = {} for i = 1, 50000 do t[i] = "" end for i = 1, 20 do table.concat(t) end`,
		"shift":                 `local t = {} for i = 1, 50000 do t[i] = i end for i = 1, 1000 do table.insert(t, 1, 0) end`,
		"unshift":               `local t = {} for i = 1, 50000 do t[i] = i end for i = 1, 1000 do table.remove(t, 1) end`,
	}
	for name, code := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLibState(t, &meter{bytesLeft: 1 << 40, stepsLeft: 200_000})
			if err := run(l, code); !errors.Is(err, errTooMuch) {
				t.Errorf("got %v, want a refusal", err)
			}
		})
	}
}

// TestCallbacksOfGo: what a library calls back may fail or come again into the
// same library, and the library's own state is as it was.
func TestCallbacksOfGo(t *testing.T) {
	l := newLibState(t, plenty())
	tests := []struct{ exprs, want string }{
		{`("a b c"):gsub("%a", function(c) return (c:gsub(".", function(x) return x:upper() .. x end)) end)`, "Aa Bb Cc 3"},
		{`err(string.gsub, "abc", ".", function(c) if c == "b" then error("no b", 0) end end)`, "no b"},
		{`err(table.sort, {3, 1, 2}, function() error("no order", 0) end)`, "no order"},
		{`(function()
			local t = {3, 1, 2}
			pcall(table.sort, t, function(a, b) if a == 2 or b == 2 then error("x") end return a < b end)
			return table.concat(t, " ")
		end)()`, "3 1 2"},
		{`(function()
			local t = {5, 4, 3, 2, 1}
			table.sort(t, function(a, b) t[1] = nil table.sort({2, 1}) return a < b end)
			return table.concat(t, " ")
		end)()`, "1 2 3 4 5"},
		{`(function()
			local f = ("a b"):gmatch("%a")
			local x = f()
			for y in ("1 2"):gmatch("%d") do x = x .. y end
			return x .. f()
		end)()`, "a12b"},
		{`(function()
			local t = setmetatable({}, {__index = function(_, k) return k .. k end})
			return (("ab"):gsub(".", t))
		end)()`, "aabb"},
		{`(function()
			local mt = {__lt = function(a, b) return a.n < b.n end}
			local t = {}
			for i, n in ipairs{3, 1, 2} do t[i] = setmetatable({n = n}, mt) end
			table.sort(t)
			return t[1].n, t[2].n, t[3].n
		end)()`, "1 2 3"},
	}
	for _, tc := range tests {
		if got := eval(t, l, tc.exprs); got != tc.want {
			t.Errorf("%s\n got  %q\n want %q", tc.exprs, got, tc.want)
		}
	}
}

// TestSortOrders sorts with good, partial and contradicting comparators: a
// good one sorts and keeps the order of equals, none loses an item.
func TestSortOrders(t *testing.T) {
	l := newLibState(t, plenty())
	err := run(l, `
		local function list(n) local t = {} for i = 1, n do t[i] = {k = (i * 7919) % 13, at = i} end return t end
		local calls = 0
		local orders = {
			good = function(a, b) return a.k < b.k end,
			never = function() return false end,
			always = function() return true end,
			wild = function() calls = calls + 1 return calls % 3 == 0 end,
			lessEqual = function(a, b) return a.k <= b.k end,
		}
		for name, less in pairs(orders) do
			for _, n in ipairs{0, 1, 2, 3, 10, 100, 1000} do
				local t = list(n)
				table.sort(t, less)
				local seen = {}
				for i = 1, n do
					assert(not seen[t[i].at], name)
					seen[t[i].at] = true
					if name == "good" and i > 1 then
						local a, b = t[i-1], t[i]
						assert(a.k < b.k or a.k == b.k and a.at < b.at)
					end
				end
				assert(#t == n)
			end
		end`)
	if err != nil {
		t.Error(err)
	}
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{"", "^a-b$", "%b()", "%f[%w]%w+", "(.-)%1", "[^%s%-a-z]*", "()", "[]", "[^]", "%", "((a)", "a*", "[a-", "[%", "%f", "%b", "%9", "^", "$", "[]]", "[%]]", "[a-%a]"} {
		f.Add("the (quick) a-b fox aabb", p, "<%0%1>")
	}
	m := plenty()
	l := newLibState(f, m)
	f.Fuzz(func(t *testing.T, s, pattern, replacement string) {
		for _, name := range []string{"find", "match", "gsub", "gmatch"} {
			*m = meter{bytesLeft: 1 << 22, stepsLeft: 1 << 16}
			l.SetTop(0)
			l.SetGlobal("s", lua.LString(s))
			l.SetGlobal("p", lua.LString(pattern))
			l.SetGlobal("r", lua.LString(replacement))
			code := `return string.` + name + `(s, p, r)`
			switch name {
			case "gmatch":
				code = `local n = 0 for a, b in string.gmatch(s, p) do n = n + 1 end return n`
			case "find", "match":
				code = `return string.` + name + `(s, p)`
			}
			mustNotPanic(t, l, code)
		}
	})
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{"%d", "%5.2f", "%-#10x", "%q", "%s %s", "%%", "%", "%c", "%+ 0-#d", "%.99g", "%99.99f", "%i%u%o%X%e%E%G"} {
		f.Add(s, "text", 1e300)
		f.Add(s, "-12", -0.5)
	}
	m := plenty()
	l := newLibState(f, m)
	f.Fuzz(func(t *testing.T, format, text string, number float64) {
		*m = meter{bytesLeft: 1 << 22, stepsLeft: 1 << 16}
		l.SetTop(0)
		l.SetGlobal("f", lua.LString(format))
		l.SetGlobal("s", lua.LString(text))
		l.SetGlobal("n", lua.LNumber(number))
		mustNotPanic(t, l, `return string.format(f, n, s, n, s)`)
		mustNotPanic(t, l, `return string.format(f, s, n, n, n)`)
	})
}

// mustNotPanic allows Lua's errors and the meter's, and no Go panic.
func mustNotPanic(t *testing.T, l *lua.LState, code string) {
	t.Helper()
	err := l.DoString(code)
	var api *lua.ApiError
	if err == nil || errors.Is(err, errTooMuch) || strings.Contains(err.Error(), errTooMuch.Error()) {
		return
	}
	if !errors.As(err, &api) || api.Type != lua.ApiErrorRun {
		t.Fatalf("%s: %v", code, err)
	}
}

func BenchmarkLibraries(b *testing.B) {
	for name, code := range map[string]string{
		"gsub one byte":  `return function() return S:gsub("%a", "%0") end`,
		"gsub word":      `return function() return S:gsub("(%w+)", "<%1>") end`,
		"gsub function":  `return function() return S:gsub("%w+", F) end`,
		"find class":     `return function() return S:find("%d") end`,
		"match captures": `return function() return ("key = value"):match("^(%w+)%s*=%s*(%w+)$") end`,
		"format":         `return function() return ("%s %5d %.2f"):format("x", 12, 3.5) end`,
		"sort 1000":      `return function() local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) end`,
	} {
		b.Run(name, func(b *testing.B) {
			l := newLibState(b, &meter{bytesLeft: 1 << 60, stepsLeft: 1 << 60})
			l.SetGlobal("S", lua.LString(strings.Repeat("hello, world; ", 100)))
			if err := l.DoString(`F = function(w) return w end`); err != nil {
				b.Fatal(err)
			}
			if err := l.DoString(code); err != nil {
				b.Fatal(err)
			}
			fn := l.Get(-1)
			l.SetTop(0)
			b.ReportAllocs()
			for b.Loop() {
				l.Push(fn)
				l.Call(0, 0)
			}
		})
	}
}
