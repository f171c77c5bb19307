package lua

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"a0run/engine"
)

// A stage runs scripts on a VM of its own, with the host functions nap (which
// gives the baton away), stop (which
// cancels the run a little later), decode and encode.
type stage struct {
	limits Limits
	out    []string
}

func (s *stage) play(t *testing.T, script string) error {
	t.Helper()
	book, err := Parse("playbook.lua", []byte(script))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := engine.NewRun(engine.Config{})
	globals := engine.NewNamespace("")
	set := func(name string, call func(c *engine.HostCall) (any, error)) {
		globals.Set(name, &engine.Function{Name: name, Call: call})
	}
	set("nap", func(c *engine.HostCall) (any, error) {
		for range 3 {
			c.Task.Yield()
		}
		return nil, nil
	})
	set("stop", func(*engine.HostCall) (any, error) {
		time.AfterFunc(20*time.Millisecond, cancel)
		return nil, nil
	})
	set("decode", func(c *engine.HostCall) (any, error) {
		text, _ := c.Args[0].(string)
		return json.RawMessage(text), nil
	})
	set("encode", func(c *engine.HostCall) (any, error) {
		text, err := engine.FormatJSON(c.Args[0])
		return string(text), err
	})
	vm, err := NewVM(Options{Run: run, Globals: globals, Limits: s.limits, Print: func(line string) { s.out = append(s.out, line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	return run.Main(ctx, func(task *engine.Task) error { return vm.RunPlaybook(task, book) })
}

// TestCallbacksBlock: comparators, replacements and iterators give the baton
// away in the middle of a library call, in many tasks at once, and every task
// gets its own right answer.
func TestCallbacksBlock(t *testing.T) {
	var s stage
	err := s.play(t, `
		local items = {}
		for i = 1, 40 do items[i] = i end
		local shared = 0
		local results = parallel.map(items, {concurrency = 8}, function(n)
			local list = {}
			for i = 1, 12 do list[i] = (i * n) % 13 end
			table.sort(list, function(a, b) nap() shared = shared + 1 return a < b end)
			for i = 2, #list do assert(list[i-1] <= list[i]) end
			local text = ("a-b-c"):gsub("%a", function(c) nap() return c .. n end)
			local lazy = setmetatable({}, {__index = function(_, k) nap() return k:upper() .. n end})
			local table_text = ("x y"):gsub("%a", lazy)
			local words = {}
			for w in ("p q"):gmatch("%a") do nap() words[#words + 1] = w .. n end
			local caught = select(2, pcall(string.gsub, "z", "z", function() nap() error("e" .. n, 0) end))
			local named = setmetatable({}, {__tostring = function() nap() return "T" .. n end})
			return table.concat({text, table_text, table.concat(words, "+"), caught, tostring(named), ("%s"):format(named)}, " ")
		end)
		for n, r in ipairs(results) do
			local want = ("aN-bN-cN XN YN pN+qN eN TN TN"):gsub("N", n)
			assert(r == want, r .. " is not " .. want)
		end
		print(#results, shared > 0)`)
	if err != nil || strings.Join(s.out, "") != "40\ttrue" {
		t.Errorf("%v, %v", s.out, err)
	}
}

// TestLimitsHoldInGo: what Go code does for a playbook ends with the run's
// limits, and pcall does not keep it going.
func TestLimitsHoldInGo(t *testing.T) {
	memory := []string{
		`pcall(string.rep, "x", 1e10) print("went on")`,
		`pcall(function() local s = "x" while true do s = s .. s end end) print("went on")`,
		`pcall(function() local s = "x" while true do s = s:gsub(".", "%0%0") end end) print("went on")`,
		`pcall(function() local s = "x" while true do s = ("%s%s"):format(s, s) end end) print("went on")`,
		`pcall(function() local s = "x" while true do s = table.concat({s, s}) end end) print("went on")`,
		`pcall(function() local t = {} while true do table.insert(t, {}) end end) print("went on")`,
	}
	for _, script := range memory {
		s := stage{limits: Limits{Memory: 8 << 20}}
		wantLimit(t, &s, script)
	}
	slow := []string{
		`pcall(string.find, ("a"):rep(30), ("a*"):rep(12) .. "b") print("went on")`,
		`pcall(string.gsub, ("a"):rep(200000), ".-b", "") print("went on")`,
		`pcall(function() for _ in ("a"):rep(200000):gmatch("a*b") do end end) print("went on")`,
	}
	for _, script := range slow {
		s := stage{limits: Limits{Instructions: 1_000_000}}
		wantLimit(t, &s, script)
	}
}

func wantLimit(t *testing.T, s *stage, script string) {
	t.Helper()
	err := s.play(t, script)
	var e *engine.Error
	if !errors.As(err, &e) || e.Name != engine.NameLimitError || len(s.out) > 0 {
		t.Errorf("%s\n got %v, printed %v, want a LimitError", script, err, s.out)
	}
}

// TestCancelReachesPatterns: a pattern that would take years ends when the run
// is cancelled, without any limit set.
func TestCancelReachesPatterns(t *testing.T) {
	for _, call := range []string{
		`string.find(("a"):rep(60), ("a*"):rep(20) .. "b")`,
		`string.match(("a"):rep(60), ("(a-)"):rep(20) .. "b")`,
		`string.gsub(("a"):rep(60), ("a?"):rep(60) .. ("a"):rep(60) .. "b", "")`,
	} {
		var s stage
		if err := s.play(t, `stop() pcall(function() `+call+` end) print("went on")`); err == nil || len(s.out) > 0 {
			t.Errorf("%s: got %v, printed %v", call, err, s.out)
		}
	}
}

// TestJSONThroughTheVM goes the way of an answer that becomes a request.
func TestJSONThroughTheVM(t *testing.T) {
	var s stage
	err := s.play(t, `
		local u = decode([[{"z":1,"id":123456789012345678,"none":null,"list":[],"obj":{},"mix":[1,null,"x"]}]])
		print(encode(u))
		u.none, u.list[1], u.z = null, u.id, nil
		print(encode(u))
		print(u.none == null, isnull(u.none), u.mix[2] == null, type(u.missing), u.id .. "", #u.mix)
		print(encode(array{}), encode({}), encode({1, 2}), encode({a = array{}}))
		print(encode({big = 2^53, small = 1e-7, whole = 3.0}))
		for k in pairs(u) do io = k end
		local keys = {} for k in pairs(decode('{"c":1,"a":2,"b":3}')) do keys[#keys + 1] = k end
		print(table.concat(keys))`)
	want := []string{
		`{"z":1,"id":123456789012345678,"list":[],"obj":{},"mix":[1,null,"x"]}`,
		`{"id":123456789012345678,"list":[123456789012345678],"obj":{},"mix":[1,null,"x"],"none":null}`,
		"true\ttrue\ttrue\tnil\t123456789012345678\t3",
		"[]\t{}\t[1,2]\t{\"a\":[]}",
		`{"big":9007199254740992,"small":1e-7,"whole":3}`,
		"cab",
	}
	if err != nil || strings.Join(s.out, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\n got\n%s\n want\n%s", err, strings.Join(s.out, "\n"), strings.Join(want, "\n"))
	}
}
