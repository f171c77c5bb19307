package lua

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"a0run/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blocking gives host functions that wait, fail or fall over.
func blocking() map[string]func(c *engine.HostCall) (any, error) {
	return map[string]func(c *engine.HostCall) (any, error){
		"block": func(c *engine.HostCall) (any, error) {
			c.Task.Block(runtime.Gosched)
			if len(c.Args) > 0 {
				return c.Args[0], nil
			}
			return nil, nil
		},
		"fail": func(c *engine.HostCall) (any, error) {
			c.Task.Block(runtime.Gosched)
			return nil, &engine.Error{
				Name: engine.NameRateLimitError, StatusCode: 429, ErrorCode: "too_many", Message: "slow down", ResetAt: 17,
				Operation: "users.get", RequestID: "r1", Body: `{"a":1}`, Content: json.RawMessage(`{"a":1}`),
				Headers: map[string][]string{"Retry-After": {"3"}}, InDoubt: true, HintText: "wait",
			}
		},
		"fall": func(c *engine.HostCall) (any, error) {
			c.Task.Block(func() { panic("fell over while waiting") })
			return nil, nil
		},
		"hang": func(c *engine.HostCall) (any, error) {
			c.Task.Block(func() { <-c.Task.Context().Done() })
			return nil, c.Task.Stopped()
		},
	}
}

// wants runs a playbook that must end well and print these lines.
func wants(t *testing.T, text string, want ...string) {
	t.Helper()
	g := &rig{globals: host(blocking())}
	if err := g.play(t, text); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(engine.AsError(err).Trace, "\n"))
	}
	if got := strings.Join(g.printed, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// fails runs a playbook that must end with an error.
func (g *rig) fails(t *testing.T, text string) *engine.Error {
	t.Helper()
	if g.globals == nil {
		g.globals = host(blocking())
	}
	err := g.play(t, text)
	if err == nil {
		t.Fatalf("ended well; printed\n%s", strings.Join(g.printed, "\n"))
	}
	return engine.AsError(err)
}

func TestCapturedLocalsSurviveCaughtErrors(t *testing.T) {
	for name, provoke := range map[string]string{
		"pcall":     `pcall(error, "x")`,
		"xpcall":    `xpcall(function() error("x") end, function() end)`,
		"coroutine": `pcall(coroutine.wrap(function() error("x") end))`,
		"resume":    `coroutine.resume(coroutine.create(function() error("x") end))`,
		"go panic":  `pcall(fall)`,
		"machine":   `pcall(function() local t; t.x = 1 end)`,
		"binding":   `pcall(fail)`,
		"overflow":  `pcall(function() local function f() return 1 + f() end f() end)`,
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, `
				local n = 0
				local function inc() n = n + 1 end
				inc(); `+provoke+`; inc()
				local m = 0
				local function outer() local function f() m = m + 1 end f() `+provoke+` f() end
				outer(); inc()
				print(n, m)`, "3\t2")
		})
	}
}

func TestEscapedClosuresKeepTheirValues(t *testing.T) {
	wants(t, `
		local kept = {}
		for i = 1, 3 do
			pcall(function()
				local a, b = "A" .. i, {}
				kept[i] = function() return a, type(b) end
				error("x")
			end)
			pcall(function(...) local x, y, z = 1, 2, 3 return x + y + z end)
		end
		for i = 1, 3 do print(kept[i]()) end`, "A1\ttable", "A2\ttable", "A3\ttable")
}

// Every kind of place from which a host function can wait.
func TestWaitingAnywhere(t *testing.T) {
	wants(t, `
		local mt = {
			__index = function(_, k) return block(k .. "!") end,
			__add = function(a, b) return block(7) end,
			__lt = function() return block(true) end,
			__concat = function() return block("cat") end,
			__call = function(_, x) return block(x) end,
		}
		local function all(tag)
			local o, p = setmetatable({}, mt), setmetatable({}, mt)
			local words = {}
			local function note(x) words[#words + 1] = tostring(x) end
			note(select(2, pcall(block, "p")))
			note(o.k); note(o + p); note(o < p); note(o .. p); note(o(3))
			for x in function() return block(#words < 8 and "i" or nil) end do note(x) end
			local list = {3, 1, 2}
			table.sort(list, function(a, b) block() return a < b end)
			note(table.concat(list))
			note((("ab"):gsub(".", function(c) return block(c:upper()) end)))
			local co = coroutine.wrap(function() local x = block(1) coroutine.yield(x) return block(2) end)
			note(co()); note(co())
			parallel.each({1, 2}, {concurrency = 1}, function(i) block() note(i) end)
			return table.concat(words, " ")
		end
		local results = parallel.map({1, 2, 3, 4, 5, 6, 7, 8}, {concurrency = 8}, all)
		for i = 2, 8 do assert(results[i] == results[1], results[i]) end
		print(results[1])`,
		"p k! 7 true cat 3 i i 123 AB 1 2 1 2")
}

func TestCoroutines(t *testing.T) {
	wants(t, `
		local co = coroutine.create(function() block() coroutine.yield(1) return 2 end)
		local outcomes = {}
		parallel.each({1, 2}, function(i)
			local ok, e = coroutine.resume(co)
			outcomes[i] = ok and "resumed" or e
		end)
		print(outcomes[1], outcomes[2])
		local a, b
		a = coroutine.create(function() return coroutine.resume(b) end)
		b = coroutine.create(function() return coroutine.resume(a) end)
		print(coroutine.resume(a))
		print(coroutine.resume(coroutine.create(function() return pcall(coroutine.yield, 1) end)))
		print(coroutine.resume(coroutine.create(function()
			return setmetatable({}, {__index = function() coroutine.yield(1) end}).x
		end)))
		print(coroutine.resume(coroutine.create(function()
			for x in function() return coroutine.yield(1) end do print("never") end
		end)))
		print(coroutine.resume(coroutine.create(function() table.sort({2, 1}, coroutine.yield) end)))
		print(pcall(coroutine.yield, 1))
		local d = coroutine.create(function() return coroutine.yield() end)
		print(select("#", coroutine.resume(d)), coroutine.status(d))
		print(select("#", coroutine.resume(d)), coroutine.status(d))
		print(coroutine.resume(d))
		print(coroutine.wrap(function(...) return select("#", ...), coroutine.running() ~= nil end)(1, nil))
		print(coroutine.running())
		local w = coroutine.wrap(function() return coroutine.status(coroutine.running()) end)
		print(w())`,
		"resumed\tcannot resume a coroutine that another task is running",
		"true\ttrue\tfalse\tcannot resume normal coroutine",
		"true\tfalse\tattempt to yield across a pcall, a step or a module",
		"false\tplaybook.lua:15: attempt to yield inside a metamethod, an iterator or a callback",
		"false\tplaybook.lua:18: attempt to yield inside a metamethod, an iterator or a callback",
		"false\tplaybook.lua:20: attempt to yield inside a metamethod, an iterator or a callback",
		"false\tattempt to yield from outside a coroutine",
		"1\tsuspended", "1\tdead", "false\tcannot resume dead coroutine", "2\ttrue", "nil", "running")
}

// A cancelled run stops within 4,096 instructions, whatever it is doing, and no
// pcall keeps it.
func TestCancelStopsEverything(t *testing.T) {
	for name, text := range map[string]string{
		"loop":              `stop() while true do end`,
		"loop in coroutine": `stop() coroutine.wrap(function() while true do end end)()`,
		"pcall loop":        `stop() while true do pcall(function() while true do end end) end`,
		"pcall of nothing":  `stop() while true do pcall(error, "x") end`,
		"xpcall":            `while true do xpcall(stop, function() while true do end end) end`,
		"metamethods":       `local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) stop() while true do pcall(function() return t[1] end) end`,
		"coroutine pcall":   `coroutine.wrap(function() while true do pcall(function() stop() while true do end end) end end)()`,
		"in a task":         `task(function() stop() while true do pcall(error) end end):wait()`,
		"in a step":         `step("s", function() stop() while true do end end)`,
		"library loop":      `stop() while true do pcall(string.rep, "a", 1000) end`,
	} {
		t.Run(name, func(t *testing.T) {
			var stopped *runner
			var at int64
			g := &rig{}
			g.globals = host(map[string]func(c *engine.HostCall) (any, error){
				"stop": func(*engine.HostCall) (any, error) {
					if stopped == nil {
						stopped, at = g.vm.current, g.vm.current.ticks
						g.run.Cancel(errors.New("enough"))
					}
					return nil, nil
				},
			})
			g.options = func(*Options) {}
			err := g.play(t, text)
			if e := engine.AsError(err); e == nil || e.Name != engine.NameInterrupted {
				t.Fatalf("got %v", err)
			}
			if n := stopped.ticks - at; n > 4096 {
				t.Errorf("ran %d instructions after the cancel", n)
			}
		})
	}
}

// What a call in flight fails with after Ctrl-C does not end the run: that it
// was interrupted does. Only an unknown outcome is not forgotten.
func TestStopOutranksTheErrorsOfCalls(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		inDoubt bool
	}{
		"pcall loop":      {`while true do pcall(auth0.users.get, "x") end`, false},
		"no pcall":        {`auth0.users.get("x")`, false},
		"in a task":       {`task(function() while true do pcall(auth0.users.get, "x") end end):wait()`, false},
		"in parallel":     {`parallel.each({1, 2}, {on_error = "continue"}, function() auth0.users.get("x") end)`, false},
		"in a step":       {`step("s", {on_error = "continue"}, function() auth0.users.get("x") end) while true do end`, false},
		"thrown again":    {`local ok, e = pcall(auth0.users.get, "first") while true do pcall(function() auth0.users.get("x") error(e) end) end`, false},
		"outcome unknown": {`while true do pcall(auth0.users.get, "doubt") end`, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := &rig{}
			g.globals = host(map[string]func(c *engine.HostCall) (any, error){
				"auth0.users.get": func(c *engine.HostCall) (any, error) {
					if c.Args[0] != "first" {
						g.run.Stop(nil)
					}
					return nil, &engine.Error{
						Name: engine.NameAuth0Error, Message: "no such user", StatusCode: 404, ResetAt: -1, InDoubt: c.Args[0] == "doubt",
					}
				},
			})
			err := g.play(t, tc.text)
			e := engine.AsError(err)
			if e == nil || e.Name != engine.NameInterrupted || e.Message != "the run was interrupted" || e.InDoubt != tc.inDoubt {
				t.Fatalf("got %v", err)
			}
			if e.StatusCode != 0 || strings.Contains(e.Error(), "no such user") || strings.Contains(strings.Join(e.Trace, "\n"), "no such user") {
				t.Errorf("got %v\n%s", err, strings.Join(e.Trace, "\n"))
			}
		})
	}
}

func TestCancelWakesWaitingTasks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var hanging atomic.Int32
	funcs := blocking()
	hang := funcs["hang"]
	funcs["hang"] = func(c *engine.HostCall) (any, error) {
		if hanging.Add(1) == 500 {
			cancel()
		}
		return hang(c)
	}
	g := &rig{globals: host(funcs)}
	err := g.playCtx(ctx, t, `
		local items = {}
		for i = 1, 500 do items[i] = i end
		parallel.each(items, {concurrency = 500}, function(i) while true do pcall(hang) end end)`)
	if e := engine.AsError(err); e == nil || e.Name != engine.NameInterrupted {
		t.Fatalf("got %v", err)
	}
}

func TestLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		limits Limits
		text   string
		want   string
	}{
		"instructions": {Limits{Instructions: 50_000}, "\nwhile true do pcall(function() pcall(function() while true do end end) end) end", "playbook.lua:2: LimitError: the playbook ran 50000 instructions without a call"},
		"hold":         {Limits{Hold: time.Nanosecond}, "\nwhile true do end", "playbook.lua:2: LimitError: the playbook computed for 1ns without a call"},
		"nesting":      {Limits{}, "local function f() return pcall(f) end\nprint(f())", "LimitError: more than 200 protected calls inside each other"},
		"coroutines":   {Limits{}, "local function f() return coroutine.wrap(f)() end\nprint(f())", "LimitError: more than 200 coroutines"},
		"doubling":     {Limits{Memory: 16 << 20}, "local s = 'x'\nwhile true do s = s .. s end", "playbook.lua:2: LimitError: the playbook's strings and tables need more than the 16 MB"},
		"rep":          {Limits{Memory: 16 << 20}, "\nlocal s = pcall(string.rep, 'x', 1e10)", "playbook.lua:2: "},
		"tables":       {Limits{Memory: 16 << 20}, "local t = {}\nwhile true do t[#t + 1] = {} end", "playbook.lua:2: LimitError: the playbook's strings and tables"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &rig{limits: tc.limits}
			if name == "rep" {
				// A cap of its own: an error that can be caught is as good.
				err := g.play(t, tc.text)
				if err != nil && !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			e := g.fails(t, tc.text)
			if !strings.Contains(e.Error(), tc.want) {
				t.Errorf("got %v", e)
			}
		})
	}
}

// Strings that are dropped again do not count.
func TestMemoryCountsWhatLives(t *testing.T) {
	g := &rig{limits: Limits{Memory: 64 << 20}}
	if err := g.play(t, `
		for i = 1, 400 do local s = ("x"):rep(1000000) .. i end`); err != nil {
		t.Fatal(err)
	}
}

func TestSourcesThatWouldKillTheProcess(t *testing.T) {
	deep := strings.Repeat("{", 1_000_000)
	for name, tc := range map[string]struct{ text, want string }{
		"braces":   {strings.Repeat("{", 100_000) + strings.Repeat("}", 100_000), "nested more than 200 deep"},
		"big":      {"return " + deep, "the source is"},
		"not":      {"return " + strings.Repeat("not ", 60_000) + "1", ""},
		"concat":   {"return 'a'" + strings.Repeat("..'a'", 50_000), ""},
		"calls":    {"local function f() return f end f" + strings.Repeat("()", 100_000), ""},
		"elseif":   {"local x if x then" + strings.Repeat(" elseif x then", 15_000) + " end", ""},
		"brackets": {"local t = {} t" + strings.Repeat("[t", 300) + strings.Repeat("]", 300) + " = 1", "nested more than 200"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("p.lua", []byte(tc.text))
			if tc.want == "" {
				return // whatever it says, the process is alive
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	wants(t, `
		local f, e = load("return " .. ("{"):rep(1000))
		print(f, e)
		print(load("return 1 +"))
		print(load("return ...", "chunk")(5))`,
		`nil	(load):1:208: blocks and brackets are nested more than 200 deep`,
		`nil	(load):1:11: the source ends too early`, "5")
}

func TestSparseTablesAreCheap(t *testing.T) {
	wants(t, `local t = {} t[60000000] = 1 t[-5] = 2 print(t[60000000], #t)`, "1\t0")
}

func TestErrorsOfCallsKeepTheirFields(t *testing.T) {
	wants(t, `
		local ok, err = pcall(function()
			return fail("x")
		end)
		print(err.name, err.status_code, err.error_code, err.message, err.reset_at, err.in_doubt)
		print(err.operation, err.request_id, err.body, err.content.a, err.headers["retry-after"], err.hint)
		print(err:is("Auth0Error"), err:is("RateLimitError"), err:is("NetworkError"), err.where)
		print(err)
		print(getmetatable(err), pcall(setmetatable, err, {}))
		local ok, again = pcall(error, err)
		print(again == err)
		local t = task(function() error(err) end)
		print(select(2, pcall(t.wait, t)) == err)
		print(select(2, pcall(step, "s", function() error({mine = 1}) end)).mine)`,
		"RateLimitError\t429\ttoo_many\tslow down\t17\ttrue",
		"users.get\tr1\t{\"a\":1}\t1\t3\twait",
		"true\ttrue\tfalse\tplaybook.lua:3",
		"playbook.lua:3: RateLimitError: users.get: 429: slow down",
		"false\tfalse\tcannot change a protected metatable",
		"true", "true", "1")
}

func TestUncaughtErrorsNameTheirPlaces(t *testing.T) {
	g := &rig{}
	g.options = func(o *Options) {
		o.Modules = fstest.MapFS{"lib/deep.lua": {Data: []byte("local M = {}\nfunction M.run()\n  fail()\nend\nreturn M\n")}}
	}
	e := g.fails(t, `
		local deep = require "lib.deep"
		local function work(x)
			local ok, err = pcall(deep.run)
			error(err)
		end
		parallel.each({"a"}, function(x)
			work(x)
		end)`)
	if e.Name != engine.NameParallelError || e.Where.String() != "playbook.lua:7" {
		t.Errorf("got %s at %s", e.Name, e.Where)
	}
	trace := strings.Join(e.Trace, "\n")
	if !strings.HasPrefix(trace, "    3 |   fail()\nplaybook.lua:4") {
		t.Errorf("no source line, or the item's trace is missing in\n%s", trace)
	}
	inner := e.Items[0].Err
	if inner.Where.String() != "lib/deep.lua:3" || inner.Name != engine.NameRateLimitError {
		t.Errorf("inner: %v", inner)
	}
	lines := strings.Join(inner.Trace, "\n")
	for _, want := range []string{"playbook.lua:4", "playbook.lua:8", "parallel.each, started at playbook.lua:7"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
}

func TestUncaughtValues(t *testing.T) {
	for text, want := range map[string]string{
		"\nerror('plain')":             "playbook.lua:2: plain",
		"\nerror('bare', 0)":           "playbook.lua:2: bare",
		"\nerror({message = 'table'})": "playbook.lua:2: table",
		"\nerror(setmetatable({}, {__tostring = function() return 'told' end}))": "playbook.lua:2: told",
		"\nerror()":                      "playbook.lua:2: the playbook raised nil",
		"\nlocal x\nx.y = 1":             "playbook.lua:3: attempt to index local 'x' (a nil value), with key 'y'",
		"\nassert(false, {message='a'})": "playbook.lua:2: a",
		"\nfail()":                       "playbook.lua:2: RateLimitError: users.get: 429: slow down",
	} {
		if e := (&rig{}).fails(t, text); e.Error() != want {
			t.Errorf("%q: got %q, want %q", text, e.Error(), want)
		}
	}
}

func TestTheSourceLineStandsInTheTrace(t *testing.T) {
	e := (&rig{}).fails(t, "local t\n\tt.x = 1  \n")
	if len(e.Trace) == 0 || e.Trace[0] != "    2 | \tt.x = 1" {
		t.Errorf("got %q", e.Trace)
	}
}

func TestErrorLevels(t *testing.T) {
	wants(t, `
local function one() error("m", 1) end
local function two() error("m", 2) end
local function three() error("m", 3) end
local function caller(f)
	f()  -- line 6
	return 1
end
print(pcall(caller, one))
print(pcall(caller, two))
local function outer(f)
	caller(f)  -- line 12
	return 1
end
print(pcall(outer, three))
print(pcall(error, "m", 0))
print(pcall(error))
print(type(select(2, pcall(assert, false, {1}))))
print(select("#", assert(1, 2, 3)))
print(pcall(function() error("m", 2) end))`,
		"false\tplaybook.lua:2: m", "false\tplaybook.lua:6: m", "false\tplaybook.lua:12: m",
		"false\tm", "false\tnil", "table", "3", "false\tm")
}

func TestSharedCounterIsExact(t *testing.T) {
	wants(t, `
		local n = 0
		parallel.each({1, 2, 3, 4}, function() for i = 1, 500000 do n = n + 1 end end)
		print(n)`, "2000000")
}

func TestStress(t *testing.T) {
	wants(t, `
		local items = {}
		for i = 1, 4000 do items[i] = i end
		local count, caught, kept = 0, 0, {}
		local res = parallel.each(items, {concurrency = 64}, function(i)
			local mine = 0
			local function inc() count = count + 1 mine = mine + 1 end
			inc()
			block()
			local ok = pcall(function() inc() block() error("x") end)
			if not ok then caught = caught + 1 end
			local co = coroutine.wrap(function() inc() block() coroutine.yield() inc() end)
			co() co()
			if i % 100 == 0 then parallel.each({1, 2, 3}, function() inc() block() end) end
			assert(mine == 4 + (i % 100 == 0 and 3 or 0))
			kept[i] = mine
		end)
		print(count, caught, res.done, #kept)`, "16120\t4000\t4000\t4000")
}

// The paths of tasks do not depend on how many run at once.
func TestTaskPathsAreTheSame(t *testing.T) {
	var want []string
	for _, concurrency := range []int{1, 8, 64} {
		var paths []string
		funcs := blocking()
		funcs["note"] = func(c *engine.HostCall) (any, error) {
			paths = append(paths, c.Task.Path())
			c.Task.Block(runtime.Gosched)
			return nil, nil
		}
		g := &rig{globals: host(funcs)}
		if err := g.play(t, fmt.Sprintf(`
			local users = {}
			for i = 1, 40 do users[i] = {user_id = "auth0|" .. i, group = i %% 3} end
			parallel.each(users, {concurrency = %d}, function(u)
				note()
				pcall(function() note() error("x") end)
				coroutine.wrap(function() note() end)()
				parallel.run({a = note, b = note})
				task(note, {key = "t"}):wait()
			end)
			parallel.each(users, {concurrency = %d, key = "group"}, note)`, concurrency, concurrency)); err != nil {
			t.Fatal(err)
		}
		slices.Sort(paths)
		if want == nil {
			want = paths
		}
		if !slices.Equal(paths, want) {
			t.Errorf("at %d tasks the paths differ", concurrency)
		}
	}
	if !slices.Contains(want, "main/1.auth0|7/1.a") || !slices.Contains(want, "main/2.1~2") {
		t.Errorf("paths: %v", want[:10])
	}
}

func TestModules(t *testing.T) {
	var runs atomic.Int32
	funcs := blocking()
	funcs["ran"] = func(c *engine.HostCall) (any, error) {
		runs.Add(1)
		for range 5 {
			c.Task.Yield()
		}
		return nil, nil
	}
	g := &rig{globals: host(funcs)}
	g.options = func(o *Options) {
		o.Modules = fstest.MapFS{
			"slow.lua":     {Data: []byte(`ran() return {name = ...}`)},
			"a.lua":        {Data: []byte(`return require "b"`)},
			"b.lua":        {Data: []byte(`return require "a"`)},
			"x.lua":        {Data: []byte(`block() block() return require "y"`)},
			"y.lua":        {Data: []byte(`block() block() return require "x"`)},
			"bad.lua":      {Data: []byte("local x =\n\n= 3")},
			"boom.lua":     {Data: []byte("error('boom')")},
			"lib/util.lua": {Data: []byte(`return {up = string.upper}`)},
		}
	}
	if err := g.play(t, `
		local seen = parallel.map({1, 2, 3, 4}, function() return require "slow" end)
		print(seen[1] == seen[4], seen[1].name, require("slow") == package.loaded.slow)
		print(require("lib.util").up("a"))
		for _, name in ipairs{"a", "../a", "nope", "A", "bad", "boom", "boom"} do
			print(name, select(2, pcall(require, name)))
		end
		print(parallel.map({"x", "y"}, {on_error = "continue"}, function(m) return pcall(require, m) end)[1])
		print(pcall(require))`); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(g.printed, "\n")
	if runs.Load() != 1 {
		t.Errorf("the slow module ran %d times", runs.Load())
	}
	for _, want := range []string{
		"true\tslow\ttrue", "\nA\n", "requires itself", `"../a" is no name of a module`, "there is no module nope",
		`"A" is no name`, "bad.lua:3:1", "boom.lua:1: boom",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A link that leads out of the folder is no module.
func TestModulesStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/outside.lua", []byte("return 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/play", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside.lua", dir+"/play/inside.lua"); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir + "/play")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	g := &rig{options: func(o *Options) { o.Modules = root.FS() }}
	if err := g.play(t, `print(pcall(require, "inside"))`); err != nil {
		t.Fatal(err)
	}
	if got := g.printed[0]; !strings.Contains(got, "false") || !strings.Contains(got, "cannot be read") {
		t.Errorf("got %s", got)
	}
}

// heapAndStacks is the memory in use. It has a frame of its own: MemStats is 5.7 KB,
// and in the frame of what blocks it doubled the stack of every task.
//
//go:noinline
func heapAndStacks() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func TestManyBlockedTasks(t *testing.T) {
	var waiting atomic.Int32
	open := make(chan struct{})
	var used uint64
	before := heapAndStacks()
	g := &rig{globals: host(map[string]func(c *engine.HostCall) (any, error){
		"gate": func(c *engine.HostCall) (any, error) {
			if waiting.Add(1) == 10_000 {
				used = heapAndStacks() - before
				close(open)
			}
			c.Task.Block(func() { <-open })
			return nil, nil
		},
	})}
	if err := g.play(t, `
		local items = {}
		for i = 1, 10000 do items[i] = i end
		parallel.each(items, {concurrency = 10000}, function() pcall(gate) end)`); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d KB", used>>10)
	if used > blockedLimit {
		t.Errorf("10,000 blocked tasks take %d MB", used>>20)
	}
}

func TestAbandonedCoroutinesAreGarbage(t *testing.T) {
	var before, after runtime.MemStats
	measure := func(m *runtime.MemStats) func(*engine.HostCall) (any, error) {
		return func(*engine.HostCall) (any, error) {
			runtime.GC()
			runtime.ReadMemStats(m)
			return nil, nil
		}
	}
	g := &rig{globals: host(map[string]func(c *engine.HostCall) (any, error){
		"before": measure(&before), "after": measure(&after),
	})}
	if err := g.play(t, `
		before()
		for i = 1, 20000 do
			local co = coroutine.wrap(function() coroutine.yield(i) end)
			co()
		end
		after()`); err != nil {
		t.Fatal(err)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("20,000 abandoned coroutines keep %d KB", grown>>10)
	}
}

func TestAPanicInABindingIsThatCallsError(t *testing.T) {
	wants(t, `
		local r = parallel.each({1, 2, 3}, {on_error = "continue"}, function(i)
			if i == 2 then fall() end
			block()
		end)
		print(r.done, r.failed[1].key, r.failed[1].error.message)`,
		"2\t2\ta fault in a0run itself: fell over while waiting")
}

func TestTimeoutsCannotBeCaughtInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wants(t, `
			local ok, err = pcall(step, "slow", {timeout = 5}, function()
				while true do pcall(hang) end
			end)
			print(ok, err.name, err.message)
			local r = parallel.each({"a"}, {timeout = "2s", on_error = "continue"}, function() pcall(hang) end)
			print(r.failed[1].error.name)
			print(step("again", {timeout = 1, on_error = "continue"}, hang))`,
			"false\tTimeoutError\tstep slow took longer than its timeout of 5s",
			"TimeoutError", "nil\tplaybook.lua:8: TimeoutError: step again took longer than its timeout of 1s")
	})
}
