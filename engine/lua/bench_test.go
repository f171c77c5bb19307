package lua

import (
	"testing"

	"a0run/engine"
)

// benchmark runs a playbook whose global n is the number of rounds.
func benchmark(b *testing.B, text string) {
	b.Helper()
	p, err := Parse("bench.lua", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	globals := host(blocking())
	globals.Set("n", float64(b.N))
	globals.Set("nothing", &engine.Function{Name: "nothing", Call: func(*engine.HostCall) (any, error) { return nil, nil }})
	run := engine.NewRun(engine.Config{})
	vm, err := NewVM(Options{Run: run, Globals: globals})
	if err != nil {
		b.Fatal(err)
	}
	defer vm.Close()
	b.ResetTimer()
	if err := run.Main(b.Context(), func(t *engine.Task) error { return vm.RunPlaybook(t, p) }); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLoop(b *testing.B)   { benchmark(b, `local x = 0 for i = 1, n do x = x + i end`) }
func BenchmarkCall(b *testing.B)   { benchmark(b, `for i = 1, n do nothing("a", {b = 1}) end`) }
func BenchmarkConcat(b *testing.B) { benchmark(b, `local s for i = 1, n do s = "a" .. i end`) }
func BenchmarkPCall(b *testing.B) {
	benchmark(b, `local f = function() end for i = 1, n do pcall(f) end`)
}
func BenchmarkPCallError(b *testing.B) { benchmark(b, `for i = 1, n do pcall(error, "x") end`) }
func BenchmarkCoroutine(b *testing.B) {
	benchmark(b, `local y = coroutine.yield local co = coroutine.wrap(function() while true do y() end end) for i = 1, n do co() end`)
}

func BenchmarkTask(b *testing.B) {
	benchmark(b, `local i = 0 parallel.each(function() i = i + 1 if i <= n then return i end end, {concurrency = 64}, function() block() end)`)
}
