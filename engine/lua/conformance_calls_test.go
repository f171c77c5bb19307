package lua

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A caller makes up calls of library functions, as Lua source.
type caller struct{ *rand.Rand }

func (c caller) pick(options ...string) string { return options[c.IntN(len(options))] }

// literal writes any bytes as a Lua string.
func literal(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if ch := s[i]; isLetter(ch) || isDigit(ch) || ch == ' ' {
			b.WriteByte(ch)
		} else {
			fmt.Fprintf(&b, "\\%03d", ch)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (c caller) bytes(alphabet string, most int) string {
	b := make([]byte, c.IntN(most+1))
	for i := range b {
		b[i] = alphabet[c.IntN(len(alphabet))]
	}
	return string(b)
}

func (c caller) subject() string { return c.bytes("aabbc1(). %-]\n", 12) }

// item is a piece of a pattern that matches one byte at least.
func (c caller) item() string {
	return c.pick("a", "b", ".", "%a", "%d", "%s", "%p", "%A", "%W", "[ab]", "[^a]", "[%a%d]", "[a-c]", "[^%s]", "%.", "%%", "[]]", "[^]b]", "[a-]", "[%-a]", "(a)", "(.)", "%b()", "[a-%%]", "[%a-z]")
}

func (c caller) pattern() string {
	if c.IntN(12) == 0 { // most likely a faulty one
		return c.bytes("ab%[]()*+-?^$.f1", 6)
	}
	var b strings.Builder
	if c.IntN(5) == 0 {
		b.WriteByte('^')
	}
	for range 1 + c.IntN(4) {
		item := c.item()
		switch c.IntN(9) {
		case 0:
			item = "(" + item + c.pick("", "*", "-", "+", "?") + ")"
		case 1:
			item = "()"
		case 2:
			item = c.pick("%f[%a]", "%f[^a]", "%1", "%f[%A]")
		default:
			if !strings.HasPrefix(item, "(") && !strings.HasPrefix(item, "%b") {
				item += c.pick("", "", "*", "-", "+", "?")
			}
		}
		b.WriteString(item)
	}
	b.WriteString(c.pick("", "", "", "", "$"))
	return b.String()
}

func (c caller) index() string { return strconv.Itoa(c.IntN(17) - 8) }

func (c caller) number() string {
	switch c.IntN(8) {
	case 0:
		return c.pick("0", "1/0", "-1/0", "0.5", "-0.5", "1e100", "1e-100", "2^31", "-2^31", "2^40", "99999", "0.1", "1/3")
	case 1, 2:
		return strconv.Itoa(c.IntN(2000001) - 1000000)
	case 3:
		return strconv.FormatFloat((c.Float64()-0.5)*1e6, 'g', 17, 64)
	case 4:
		return strconv.FormatFloat(c.ExpFloat64()*1e-8, 'g', 17, 64)
	case 5:
		return strconv.FormatFloat(c.ExpFloat64()*1e20+0.5, 'g', 17, 64)
	case 6:
		return strconv.FormatFloat(float64(c.IntN(2000)-1000)/8, 'g', 17, 64)
	}
	return strconv.Itoa(c.IntN(300))
}

func (c caller) integer() string {
	return c.pick(strconv.Itoa(c.IntN(2000001)-1000000), strconv.Itoa(c.IntN(100)), "0", "-1", "2^31", "2^40", "3.7", "-3.7", `"12"`)
}

// verb is a conversion with a value for it.
func (c caller) verb() (format, value string) {
	flags := ""
	for _, f := range []string{"-", "+", " ", "#", "0"} {
		if c.IntN(5) == 0 {
			flags += f
		}
	}
	size := c.pick("", "", "1", "5", "12", "20") + c.pick("", "", "", ".", ".0", ".1", ".3", ".10", ".20")
	switch conversion := c.pick("d", "i", "u", "o", "x", "X", "e", "E", "f", "g", "G", "s", "q", "c"); conversion {
	case "d", "i", "u", "o", "x", "X":
		return "%" + flags + size + conversion, c.integer()
	case "s":
		return "%" + strings.ReplaceAll(flags, "0", "") + size + conversion, literal(c.subject())
	case "q":
		return "%q", literal(c.bytes("ab\"\\\n\r\x00\t", 6))
	case "c":
		return "%" + strings.ReplaceAll(flags, "0", "") + c.pick("", "3") + conversion, strconv.Itoa(1 + c.IntN(255))
	default:
		return "%" + flags + size + conversion, c.number()
	}
}

func (c caller) call() string {
	switch c.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("string.find(%s, %s, %s)", literal(c.subject()), literal(c.pattern()), c.pick("1", c.index(), "nil", "1, true"))
	case 3, 4:
		return fmt.Sprintf("string.match(%s, %s)", literal(c.subject()), literal(c.pattern()))
	case 5, 6:
		// The first item keeps every match from being empty, where we differ.
		replacement := c.pick(`"<%0>"`, `"%1%1"`, `"%%"`, `"%2"`, "function(...) return select('#', ...) end", `{a = "A", b = false, ["1"] = 1}`, "function(x) if x == 'a' then return nil end return 'z' end")
		return fmt.Sprintf("string.gsub(%s, %s, %s, %s)", literal(c.subject()), literal("[ab1.]"+strings.TrimLeft(c.pattern(), "^*+-?")), replacement, c.pick("nil", "nil", "1", "2", "0", "-1"))
	case 7:
		return fmt.Sprintf("each(%s, %s)", literal(c.subject()), literal("[ab1.]"+strings.TrimLeft(c.pattern(), "^*+-?")))
	case 8, 9:
		format, value := c.verb()
		return fmt.Sprintf("string.format(%s, %s)", literal("<"+format+">"), value)
	case 10:
		return fmt.Sprintf("tonumber(%s)", literal(c.pick("", " ", "-", "+", "0x", "0X", "-0x")+c.bytes("0123456789abcdefxeEpP+-. ", 7)))
	case 11:
		return fmt.Sprintf("tonumber(%s, %d)", literal(c.pick("", " ", "0x", "+")+c.bytes("0123456789abcdefzZ ", 5)), 2+c.IntN(35))
	case 12:
		return c.pick(
			fmt.Sprintf("string.sub(%s, %s, %s)", literal(c.subject()), c.index(), c.pick(c.index(), "nil")),
			fmt.Sprintf("string.byte(%s, %s, %s)", literal(c.subject()), c.pick(c.index(), "nil"), c.pick(c.index(), "nil")),
			fmt.Sprintf("string.rep(%s, %s)", literal(c.subject()), c.index()),
			fmt.Sprintf("string.upper(%s)", literal(c.subject())),
			fmt.Sprintf("string.reverse(%s)", literal(c.subject())),
			fmt.Sprintf("tostring(%s)", c.number()),
		)
	default:
		list := fmt.Sprintf("{%s, %s, %s}", c.pick(`"a"`, "1"), c.pick(`"b"`, "2.5"), c.pick(`"c"`, "3", "nil", "true"))
		return c.pick(
			fmt.Sprintf(`table.concat(%s, ",", %s, %s)`, list, c.pick("1", "nil", "2"), c.pick("2", "nil", "3")),
			fmt.Sprintf("removed(%s, %s)", list, c.pick("1", "2", "0", "-1", "nil")),
			fmt.Sprintf("inserted(%s, %s)", list, c.pick("1", "2", "3")),
			fmt.Sprintf("unpack(%s, %s, %s)", list, c.pick("1", "nil", "2", "-1"), c.pick("2", "nil", "4", "0")),
			fmt.Sprintf("select(%s, 1, 2, nil, 4)", c.index()),
			fmt.Sprintf("math.floor(%s), math.ceil(%s), math.abs(%s)", c.integer(), c.integer(), c.integer()),
			fmt.Sprintf("math.fmod(%s, 7), math.max(%s, %s)", c.integer(), c.integer(), c.integer()),
		)
	}
}

const callsPrelude = `
local function shown(v)
  v = tostring(v)
  return (v:gsub("[^%w%p ]", function(ch) return "\\" .. ch:byte() end))
end
local function show(...)
  local row = {}
  for i = 1, select("#", ...) do row[i] = shown((select(i, ...))) end
  print(table.concat(row, " | "))
end
local function try(f) show(pcall(f)) end
local function each(s, p)
  local found = {}
  for a, b in s:gmatch(p) do found[#found + 1] = tostring(a) .. "/" .. tostring(b) end
  return table.concat(found, ";")
end
local function removed(t, i) local v = table.remove(t, i) return v, t[1], t[2], t[3] end
local function inserted(t, i) table.insert(t, i, "new") return t[1], t[2], t[3], t[4] end
`

// TestRandomCalls makes the same few thousand calls of the libraries on
// lua5.1 and on the VM. LUA_CALLS=seed,rounds looks further.
func TestRandomCalls(t *testing.T) {
	seed, rounds := uint64(1), 3
	if s := os.Getenv("LUA_CALLS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d,%d", &seed, &rounds); err != nil {
			t.Fatalf("LUA_CALLS=%s: %v", s, err)
		}
	}
	dir := t.TempDir()
	for ; rounds > 0; rounds, seed = rounds-1, seed+1 {
		c := caller{rand.New(rand.NewPCG(seed, 51))}
		script := strings.Builder{}
		script.WriteString(callsPrelude)
		calls := make([]string, 1200)
		for i := range calls {
			calls[i] = c.call()
			fmt.Fprintf(&script, "try(function() return %s end)\n", calls[i])
		}
		if err := os.WriteFile(filepath.Join(dir, "calls.lua"), []byte(script.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		want := strings.Split(comparable(byReference(t, dir, "calls.lua")), "\n")
		got := strings.Split(comparable(byVM(t, "calls.lua", script.String())), "\n")
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d lines from lua5.1, %d from us; our last: %s", seed, len(want), len(got), got[len(got)-2])
		}
		for i, call := range calls {
			if got[i] != want[i] {
				t.Errorf("seed %d: %s\n lua5.1 %s\n ours   %s", seed, call, want[i], got[i])
			}
		}
	}
}
