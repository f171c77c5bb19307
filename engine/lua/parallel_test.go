package lua

import (
	"testing"

	"a0run/engine"
)

func TestParallel(t *testing.T) {
	wants(t, `
		local order = {}
		local r = parallel.each({"a", "b", "c"}, {concurrency = 1}, function(x, i) order[#order + 1] = x .. i end)
		print(r.done, #r.failed, table.concat(order, " "))
		local n = 0
		print(table.concat(parallel.map(function() n = n + 1 if n <= 3 then return n end end, function(x) block() return x * 10 end), " "))
		local out = parallel.run({first = function() block() return 1 end, second = function() return 2 end, function() return 3 end})
		print(out.first, out.second, out[1])
		local ok, e = pcall(parallel.each, {1, 2}, {concurrency = 1}, function(x) error("bad " .. x) end)
		print(e.name, #e.items, e.items[1].key, e.message)
		local tries = 0
		parallel.each({1}, {retry = 2}, function() tries = tries + 1 if tries < 3 then error("again") end end)
		print(tries)
		print(parallel.each({}, print).done)
		local t1 = task(function() block() return "x", "y" end, {key = "k"})
		print(t1:done(), t1:wait())
		print(t1:done())
		print(select(2, pcall(parallel.each, {1}, {concurency = 2}, print)))
		print(select(2, pcall(parallel.each, {a = 1}, print)))
		print(select(2, pcall(parallel.each, {1}, print, {})))
		print(select(2, pcall(parallel.each, {1}, {retry = {time = 1}}, print)))
		print(select(2, pcall(step, "x", {nope = 1}, print)))
		print(select(2, pcall(parallel.each, {{}}, {key = "id"}, print)))`,
		"3\t0\ta1 b2 c3", "10 20 30", "1\t2\t3",
		"ParallelError\t1\t1\titem 1 failed: playbook.lua:9: bad 1",
		"3", "0", "false\tx\ty", "true",
		"playbook.lua:18: ArgumentError: parallel.each: unknown option concurency",
		"playbook.lua:19: ArgumentError: parallel.each: its items must be a list; this table has names, as a",
		"playbook.lua:20: ArgumentError: parallel.each: call it as parallel.each(items, [options], function)",
		"playbook.lua:21: ArgumentError: parallel.each: retry has no time",
		"playbook.lua:22: ArgumentError: step: unknown option nope",
		"playbook.lua:23: ArgumentError: parallel.each: item 1 has no field id to be its key")
}

func TestSandbox(t *testing.T) {
	wants(t, `
		for _, name in ipairs{"io", "dofile", "loadfile", "loadstring", "module", "setfenv", "getfenv", "newproxy", "collectgarbage", "channel"} do
			assert(_G[name] == nil, name)
		end
		print(getmetatable(""), pcall(setmetatable, "", {}))
		string.shout = function(s) return s:upper() .. "!" end
		print(("a"):shout())
		print(debug.getinfo, os.exit, os.getenv, string.dump)
		print(load("x"))
		print(math.random(1, 6) <= 6, math.random() < 1, pcall(math.random, 2, 1))
		local env = {}
		for k in pairs(_G) do env[#env + 1] = tostring(k):match("^%(") end
		print(#env)
		print(os.date("%Y-%m-%d", 0), os.time({year = 1970, month = 1, day = 2, hour = 0}))`,
		"false\tfalse\tbad argument #1 to 'setmetatable' (table expected, got string)", "A!", "nil\tnil\tnil\tnil",
		"nil\t(load):1:2: the source ends too early", "true\ttrue\tfalse\tbad argument #2 to 'random' (interval is empty)", "0", "1970-01-01\t86400")
}

func TestRandomIsTheTasksOwn(t *testing.T) {
	draw := func(id string) string {
		g := &rig{config: engine.Config{ID: id}}
		if err := g.play(t, `
			local r = parallel.map({"a", "b"}, function() return math.random(1e9) end)
			print(r[1], r[2], math.random(1e9))`); err != nil {
			t.Fatal(err)
		}
		return g.printed[0]
	}
	if a, b := draw("one"), draw("one"); a != b {
		t.Errorf("the same run drew %s and %s", a, b)
	}
	if a, b := draw("one"), draw("two"); a == b {
		t.Errorf("two runs drew %s", a)
	}
}

// A list that a failed item left a hole in could not be looped over or sent.
func TestMapPutsNullForFailedItems(t *testing.T) {
	wants(t, `
		local function odd(x) if x % 2 == 0 then error("even") end if x == 5 then return "five" end return x end
		local list, r = parallel.map({1, 2, 3, 4, 5, 6}, {on_error = "continue"}, odd)
		print(#list, #r.failed)
		for i, v in ipairs(list) do print(i, v, isnull(v)) end
		print(#parallel.map({2}, {on_error = "continue"}, odd), #parallel.map({5}, function() end))
		local byName = parallel.run({a = function() error("x") end, b = function() return 1 end, c = function() return null end}, {on_error = "continue"})
		print(byName.a, byName.b, byName.c)
		local byNumber = parallel.run({function() error("x") end, function() return 2 end}, {on_error = "continue"})
		print(#byNumber, byNumber[1], byNumber[2])`,
		"6\t3", "1\t1\tfalse", "2\tnull\ttrue", "3\t3\tfalse", "4\tnull\ttrue", "5\tfive\tfalse", "6\tnull\ttrue",
		"1\t0", "nil\t1\tnull", "2\tnull\t2")
}
