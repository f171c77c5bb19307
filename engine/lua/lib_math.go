package lua

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// openMath makes the global table math, without random and randomseed, which
// belong to a task.
func openMath(l *lua.LState, acct accountant) {
	tb := l.CreateTable(0, 32)
	for name, f := range map[string]func(float64) float64{
		"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan,
		"ceil": math.Ceil, "cos": math.Cos, "cosh": math.Cosh, "exp": math.Exp,
		"floor": math.Floor, "log": math.Log, "log10": math.Log10, "sin": math.Sin,
		"sinh": math.Sinh, "sqrt": math.Sqrt, "tan": math.Tan, "tanh": math.Tanh,
		"deg": func(x float64) float64 { return x / (math.Pi / 180) },
		"rad": func(x float64) float64 { return x * (math.Pi / 180) },
	} {
		tb.RawSetString(name, libFunction(l, acct, name, func(a args) int {
			a.pushNumber(f(a.num(1)))
			return 1
		}))
	}
	for name, f := range map[string]func(x, y float64) float64{
		"atan2": math.Atan2, "fmod": math.Mod, "pow": math.Pow,
	} {
		tb.RawSetString(name, libFunction(l, acct, name, func(a args) int {
			a.pushNumber(f(a.num(1), a.num(2)))
			return 1
		}))
	}
	install(l, tb, acct, map[string]libFunc{
		"frexp": mathFrexp,
		"ldexp": mathLdexp,
		"max":   func(a args) int { return mathMost(a, func(x, y float64) bool { return x > y }) },
		"min":   func(a args) int { return mathMost(a, func(x, y float64) bool { return x < y }) },
		"modf":  mathModf,
	})
	tb.RawSetString("pi", lua.LNumber(math.Pi))
	tb.RawSetString("huge", lua.LNumber(math.Inf(1)))
	l.G.Global.RawSetString(lua.MathLibName, tb)
}

func mathFrexp(a args) int {
	frac, exp := math.Frexp(a.num(1))
	a.pushNumber(frac)
	a.pushNumber(float64(exp))
	return 2
}

func mathLdexp(a args) int {
	x, exp := a.num(1), a.int(2)
	a.pushNumber(math.Ldexp(x, min(max(exp, -1<<20), 1<<20)))
	return 1
}

func mathModf(a args) int {
	x := a.num(1)
	whole, frac := math.Trunc(x), math.Copysign(0, x)
	if !math.IsInf(x, 0) {
		frac = x - whole
	}
	a.pushNumber(whole)
	a.pushNumber(frac)
	return 2
}

func mathMost(a args, better func(x, y float64) bool) int {
	best := a.num(1)
	for i := 2; i <= a.GetTop(); i++ {
		if x := a.num(i); better(x, best) {
			best = x
		}
	}
	a.pushNumber(best)
	return 1
}
