package lua

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A writer of random programs that print what they compute and always end. It
// goes for what a compiler gets wrong: branches with constant conditions at
// any place of a loop, calls in every position, several values at once,
// captured variables.
type programs struct {
	*rand.Rand
	b      strings.Builder
	indent int
	names  []string // locals in sight, all of them numbers
	depth  int
	loops  int // loops around, inside the function
	budget int
}

func (p *programs) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat(" ", p.indent))
	fmt.Fprintf(&p.b, format+"\n", args...)
}

func (p *programs) pick(options ...string) string { return options[p.IntN(len(options))] }

func (p *programs) name() string {
	if len(p.names) == 0 {
		return "1"
	}
	return p.names[p.IntN(len(p.names))]
}

// num is an expression that gives a number.
func (p *programs) num() string {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > 4 || p.IntN(3) == 0 {
		return p.pick(p.name(), p.name(), fmt.Sprint(p.IntN(9)), "g")
	}
	switch p.IntN(13) {
	case 0, 1:
		// + 0 takes the sign off a zero: the machine keeps one constant for both.
		return "(" + p.num() + p.pick(" + ", " - ", " * ") + p.num() + " + 0)"
	case 2:
		return "id(" + p.num() + ")"
	case 3:
		return "(two(" + p.num() + ", " + p.num() + "))"
	case 4:
		return "(" + p.cond() + " and " + p.num() + " or " + p.num() + ")"
	case 5:
		return "N(T[" + p.num() + "])"
	case 6:
		return "#(" + p.str() + ")"
	case 7:
		return "o:m(" + p.num() + ")"
	case 8:
		return "select('#', two(" + p.num() + ", 1))"
	case 9:
		return "({" + p.num() + ", x = " + p.num() + ", two(3, " + p.num() + ")})[" + p.pick("1", "2", "3") + "]"
	case 10:
		return "(-(" + p.num() + ") + 0)"
	case 11:
		return "(function(...) local a, b = ... return b or a end)(two(" + p.num() + ", " + p.num() + "))"
	}
	return "N(o.x)"
}

func (p *programs) str() string {
	switch p.IntN(4) {
	case 0:
		return "'s' .. " + p.num()
	case 1:
		return p.num() + " .. ',' .. " + p.num() + " .. ''"
	case 2:
		return "tostring(" + p.num() + ")"
	}
	return "'k'"
}

func (p *programs) cond() string {
	p.depth++
	defer func() { p.depth-- }()
	switch p.IntN(9) {
	case 0:
		return p.pick("true", "false", "nil", "1", "not nil", "not true")
	case 1:
		return "(" + p.num() + p.pick(" < ", " <= ", " == ", " ~= ", " > ") + p.num() + ")"
	case 2:
		if p.depth < 4 {
			return "(" + p.cond() + p.pick(" and ", " or ") + p.cond() + ")"
		}
	case 3:
		if p.depth < 4 {
			return "not " + p.cond()
		}
	case 4:
		return "(" + p.str() + " == " + p.str() + ")"
	}
	return p.pick("true", "false", "("+p.name()+" > 3)")
}

func (p *programs) block(most int) {
	p.indent++
	known := len(p.names)
	for range 1 + p.IntN(most) {
		p.stmt()
	}
	p.names = p.names[:known]
	p.indent--
}

func (p *programs) fresh() string { return fmt.Sprintf("v%d", p.b.Len()) }

func (p *programs) local() {
	a, b := p.fresh(), p.fresh()+"b"
	switch p.IntN(5) {
	case 0:
		p.line("local %s = %s", a, p.num())
		p.names = append(p.names, a)
		return
	case 1:
		p.line("local %s, %s = %s, %s", a, b, p.num(), p.num())
	case 2:
		p.line("local %s, %s = two(%s, %s)", a, b, p.num(), p.num())
	case 3:
		p.line("local %s, %s = %s", a, b, p.num())
		p.line("%s = N(%s)", b, b)
	case 4:
		p.line("local %s, %s = (two(%s, 1)), 4, %s", a, b, p.num(), p.num())
	}
	p.names = append(p.names, a, b)
}

func (p *programs) assign() {
	a, b := p.name(), p.name()
	if a == "1" {
		a, b = "g", "g"
	}
	switch p.IntN(8) {
	case 0:
		p.line("%s = %s", a, p.num())
	case 1:
		p.line("%s, %s = %s, %s", a, b, p.num(), p.num())
	case 2:
		p.line("%s, T[%s] = %s, %s", a, p.num(), p.num(), p.num())
	case 3:
		p.line("T[%s], %s = two(%s, %s)", p.num(), a, a, p.num())
	case 4:
		p.line("%s, %s = %s, (two(%s, %s))", a, b, b, a, p.num())
		p.line("%s, %s = N(%s), N(%s)", a, b, a, b)
	case 5:
		p.line("o.x, T[%s], %s = %s, two(%s, %s)", a, b, p.num(), a, p.num())
		p.line("%s = N(%s)", b, b)
	case 6:
		p.line("%s = (id(%s))", a, a)
	case 7:
		p.line("S = %s", p.str())
		p.line("S = S .. %s", p.str())
	}
}

func (p *programs) stmt() {
	p.budget--
	if p.budget < 0 || p.indent > 7 {
		p.line("put(%s)", p.num())
		return
	}
	switch p.IntN(15) {
	case 0, 1:
		p.local()
	case 2, 3:
		p.assign()
	case 4, 5:
		p.line("if %s then", p.cond())
		p.block(2)
		if p.IntN(2) == 0 {
			p.line("elseif %s then", p.cond())
			p.block(2)
		}
		if p.IntN(2) == 0 {
			p.line("else")
			p.block(2)
		}
		p.line("end")
	case 6, 7, 8:
		p.loop()
	case 9:
		if p.loops > 0 {
			p.line("if %s then break end", p.cond())
			return
		}
		p.line("put(%s)", p.num())
	case 10:
		p.function()
	case 11:
		p.line("do")
		p.block(3)
		p.line("end")
	case 12:
		p.line("F[#F + 1] = function(x) %s = N(%s) + (x or 1) return %s end", p.target(), p.name(), p.name())
		p.line("put(F[#F](%s))", p.num())
	case 13:
		p.line("put(%s)", p.str())
	default:
		p.line("put(%s, %s)", p.num(), p.pick(p.num(), p.cond(), "two(1, 2)"))
	}
}

func (p *programs) target() string {
	if n := p.name(); n != "1" {
		return n
	}
	return "g"
}

func (p *programs) loop() {
	p.loops++
	defer func() { p.loops-- }()
	known := len(p.names)
	i := p.fresh()
	switch p.IntN(6) {
	case 0:
		p.line("for %s = %d, %d do", i, p.IntN(3), p.IntN(5))
		p.names = append(p.names, i)
		p.block(3)
		p.line("end")
	case 1:
		p.line("for %s, %sx in ipairs({%s, %s, 7}) do", i, i, p.num(), p.num())
		p.names = append(p.names, i, i+"x")
		p.block(3)
		p.line("end")
	case 2:
		p.line("for %s in upto(%d) do", i, p.IntN(4))
		p.names = append(p.names, i)
		p.block(3)
		p.line("end")
	case 3:
		p.line("for %s, %sx in next, {%s} do", i, i, p.num())
		p.names = append(p.names, i, i+"x")
		p.block(2)
		p.line("end")
	case 4:
		p.line("local %s = 0", i)
		p.line("while %s < %d do %s = %s + 1", i, p.IntN(4), i, i)
		p.block(3)
		p.line("end")
	case 5:
		p.line("local %s = 0", i)
		p.line("repeat")
		p.block(3)
		p.line(" %s = %s + 1", i, i)
		p.line("until %s >= %d or %s", i, 1+p.IntN(3), p.pick("false", "nil", i+" > 5"))
	}
	p.names = p.names[:known]
}

func (p *programs) function() {
	f, a, b := p.fresh()+"f", p.fresh()+"p", p.fresh()+"q"
	outer, loops := p.names, p.loops
	p.loops = 0
	p.line("local function %s(%s, %s)", f, a, b)
	p.names = append(append([]string(nil), outer...), a, b)
	p.line(" %s = %s or 1", a, a)
	p.line(" %s = %s or 2", b, b)
	p.block(3)
	p.line(" return %s, %s", p.pick(a, b, "id("+b+")"), b)
	p.line("end")
	p.names, p.loops = outer, loops
	p.line("put(%s(%s, %s))", f, p.num(), p.num())
	p.line("put((%s(%s)))", f, p.num())
}

const randomPrelude = `
local OUT = {}
local function text(v)
  if type(v) == "number" then
    if v ~= v then return "nan" end
    return string.format("%.6g", v)
  end
  if type(v) == "table" or type(v) == "function" then return type(v) end
  return tostring(v)
end
local g, S, T, F = 1, "", {}, {}
local function put(...)
  local row = {}
  for i = 1, select('#', ...) do row[i] = text((select(i, ...))) end
  OUT[#OUT + 1] = table.concat(row, " ")
end
local function N(v) if type(v) == "number" and v == v and v < 1e9 and v > -1e9 then return v end return 0 end
local function id(...) return ... end
local function two(a, b) return a, b end
local function upto(n) local i = 0 return function() i = i + 1 if i <= n then return i end end end
local o = {x = 3, m = function(self, v) return v + N(self.x) end}
`

func randomProgram(seed uint64) string {
	p := &programs{Rand: rand.New(rand.NewPCG(seed, 7)), budget: 40}
	p.b.WriteString("do\n" + randomPrelude)
	p.line("local ok, e = pcall(function()")
	p.block(6)
	p.line("end)")
	p.line("put(ok)")
	p.line("put(S, g, o.x)")
	p.line("print(%q, table.concat(OUT, ';'))", fmt.Sprint(seed))
	p.b.WriteString("end\n")
	return p.b.String()
}

// The same programs mean the same here and in the reference.
func TestRandomProgramsMeanTheSame(t *testing.T) {
	const batch, batches = 40, 5
	for n := range uint64(batches) {
		var all strings.Builder
		for seed := n * batch; seed < (n+1)*batch; seed++ {
			all.WriteString("(function()\n" + randomProgram(seed) + "end)();\n")
		}
		compareRandom(t, all.String())
	}
}

func compareRandom(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "random.lua"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(byReference(t, dir, "random.lua"), "\n")
	got := strings.Split(byVM(t, "random.lua", script), "\n")
	for i, w := range want {
		g := ""
		if i < len(got) {
			g = got[i]
		}
		if g != w {
			t.Errorf("reference: %s\n     ours: %s", w, g)
		}
	}
}
