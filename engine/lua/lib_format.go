package lua

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// A verb is one conversion of string.format as C's printf knows it.
type verb struct {
	flags            string
	width, precision int // -1 where not given
	conversion       byte
}

func (v verb) has(flag byte) bool { return strings.IndexByte(v.flags, flag) >= 0 }

// strFormat is string.format of Lua 5.1. %d cuts a fraction off, as there. %s
// takes besides text and numbers what has a __tostring of its own (an error,
// an integer beyond 2^53); nil and booleans are errors, for a name that
// reads "nil" is seldom meant.
func strFormat(a args) int {
	format := a.str(1)
	out := builder{a: a}
	n := 1
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			break
		}
		out.add(format[:i])
		format = format[i+1:]
		if strings.HasPrefix(format, "%") {
			out.add("%")
			format = format[1:]
			continue
		}
		n++
		if n > a.GetTop() {
			a.fail(n, "no value")
		}
		var v verb
		v, format = a.readVerb(format)
		out.add(a.formatOne(v, n))
	}
	out.add(format)
	a.pushString(out.b.String())
	return 1
}

// readVerb reads what follows a percent sign.
func (a args) readVerb(s string) (verb, string) {
	v := verb{width: -1, precision: -1}
	i := 0
	for i < len(s) && strings.IndexByte("-+ #0", s[i]) >= 0 {
		i++
	}
	if i > 5 {
		a.raise("invalid format (repeated flags)")
	}
	v.flags, s = s[:i], s[i:]
	v.width, s = twoDigits(s)
	if strings.HasPrefix(s, ".") {
		v.precision, s = twoDigits(s[1:])
		v.precision = max(v.precision, 0)
	}
	if s == "" {
		a.raise("invalid option '%' to 'format'")
	}
	if isDigit(s[0]) {
		a.raise("invalid format (width or precision too long)")
	}
	v.conversion = s[0]
	return v, s[1:]
}

// twoDigits reads a number of at most two digits; -1 if there is none.
func twoDigits(s string) (int, string) {
	i := 0
	for i < 2 && i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == 0 {
		return -1, s
	}
	n, _ := strconv.Atoi(s[:i])
	return n, s[i:]
}

// formatOne is argument n as the verb wants it.
func (a args) formatOne(v verb, n int) string {
	switch v.conversion {
	case 'c':
		return v.pad(string([]byte{byte(a.int(n))}))
	case 'd', 'i':
		return v.signed(a.num(n))
	case 'u', 'o', 'x', 'X':
		return v.unsigned(a.num(n))
	case 'e', 'E', 'f', 'g', 'G':
		return v.float(a.num(n))
	case 'q':
		return a.quote(a.str(n))
	case 's':
		return v.text(a.shown(n))
	}
	a.raise(fmt.Sprintf("invalid option '%%%c' to 'format'", v.conversion))
	return ""
}

// shown is argument n for %s.
func (a args) shown(n int) string {
	if _, ok := concatText(a.Get(n)); !ok && a.GetMetaField(a.Get(n), "__tostring") != lua.LNil {
		if s, ok := toStringMeta(a.LState, a.Get(n)).(lua.LString); ok {
			return string(s)
		}
		a.raise("'__tostring' must return a string")
	}
	if big, ok := bigOf(a.Get(n)); ok {
		return string(big)
	}
	return a.str(n)
}

// pad brings s to the width.
func (v verb) pad(s string) string {
	missing := v.width - len(s)
	switch {
	case missing <= 0:
		return s
	case v.has('-'):
		return s + strings.Repeat(" ", missing)
	}
	return strings.Repeat(" ", missing) + s
}

func (v verb) text(s string) string {
	if v.precision >= 0 && v.precision < len(s) {
		s = s[:v.precision]
	}
	return v.pad(s)
}

// spec is the verb as Go's fmt writes it, whose numbers are C's but for the
// points that signed, unsigned and float see to.
func (v verb) spec(flags string, conversion byte) string {
	b := []byte{'%'}
	for _, f := range []byte(flags) {
		if v.has(f) {
			b = append(b, f)
		}
	}
	if v.width >= 0 {
		b = strconv.AppendInt(b, int64(v.width), 10)
	}
	if v.precision >= 0 {
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(v.precision), 10)
	}
	return string(append(b, conversion))
}

func (v verb) signed(f float64) string {
	return fmt.Sprintf(v.spec("-+ 0", 'd'), truncate(f))
}

// unsigned writes a negative number as its two's complement, as C does.
func (v verb) unsigned(f float64) string {
	u := uint64(0)
	switch {
	case f >= math.MaxUint64:
		u = math.MaxUint64
	case f >= math.MaxInt64:
		u = uint64(f)
	default:
		u = uint64(truncate(f)) //nolint:gosec // the two's complement is meant
	}
	c := v.conversion
	flags := "-0#"
	if c == 'u' {
		c, flags = 'd', "-0"
	}
	if u == 0 && (c == 'x' || c == 'X') {
		flags = "-0" // C writes no 0x before zero
	}
	if c == 'o' && u == 0 && v.precision < 0 {
		flags = "-0"
	}
	return fmt.Sprintf(v.spec(flags, c), u)
}

func (v verb) float(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		s := numberText(f)
		if !math.IsNaN(f) && f > 0 {
			switch {
			case v.has('+'):
				s = "+" + s
			case v.has(' '):
				s = " " + s
			}
		}
		if v.conversion == 'E' || v.conversion == 'G' {
			s = strings.ToUpper(s)
		}
		return v.pad(s)
	}
	if v.precision < 0 {
		v.precision = 6
	}
	return fmt.Sprintf(v.spec("-+ #0", v.conversion), f)
}

// quote writes a string as Lua source reads it back.
func (a args) quote(s string) string {
	out := builder{a: a}
	out.add(`"`)
	from := 0
	for i := range len(s) {
		escape := ""
		switch s[i] {
		case '"', '\\':
			escape = `\` + s[i:i+1]
		case '\n':
			escape = "\\\n"
		case '\r':
			escape = `\r`
		case 0:
			escape = `\000`
		default:
			continue
		}
		out.add(s[from:i])
		out.add(escape)
		from = i + 1
	}
	out.add(s[from:])
	out.add(`"`)
	return out.b.String()
}
