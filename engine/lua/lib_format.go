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

// integer puts sign, prefix and digits together as C does: the precision is
// the least number of digits, and where none is given 0 fills the width.
func (v verb) integer(sign, prefix, digits string) string {
	if v.precision == 0 && digits == "0" {
		digits = ""
	}
	least := v.precision
	if least < 0 && v.has('0') && !v.has('-') {
		least = v.width - len(sign) - len(prefix)
	}
	if missing := least - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if v.conversion == 'o' && v.has('#') && !strings.HasPrefix(digits, "0") {
		digits = "0" + digits
	}
	return v.pad(sign + prefix + digits)
}

// sign is what stands before a number: a minus, or what the flags ask for.
func (v verb) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case v.has('+'):
		return "+"
	case v.has(' '):
		return " "
	}
	return ""
}

func (v verb) signed(f float64) string {
	n := truncate(f)
	return v.integer(v.sign(n < 0), "", strings.TrimPrefix(strconv.Itoa(n), "-"))
}

// unsigned writes a negative number as its two's complement, as C does.
func (v verb) unsigned(f float64) string {
	u := uint64(math.MaxUint64)
	switch {
	case f < math.MaxInt64:
		u = uint64(truncate(f))
	case f < math.MaxUint64:
		u = uint64(f)
	}
	base, prefix := 10, ""
	switch v.conversion {
	case 'o':
		base = 8
	case 'x', 'X':
		base = 16
		if v.has('#') && u != 0 {
			prefix = "0x"
		}
	}
	text := v.integer("", prefix, strconv.FormatUint(u, base))
	if v.conversion == 'X' {
		return strings.ToUpper(text)
	}
	return text
}

func (v verb) float(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		text := v.pad(v.sign(f < 0) + strings.TrimPrefix(numberText(f), "-"))
		if v.conversion == 'E' || v.conversion == 'G' {
			return strings.ToUpper(text)
		}
		return text
	}
	spec := []byte{'%'}
	for _, flag := range []byte("-+ #0") {
		if v.has(flag) {
			spec = append(spec, flag)
		}
	}
	if v.width >= 0 {
		spec = strconv.AppendInt(spec, int64(v.width), 10)
	}
	if v.precision < 0 {
		v.precision = 6
	}
	spec = append(spec, '.')
	spec = strconv.AppendInt(spec, int64(v.precision), 10)
	return fmt.Sprintf(string(append(spec, v.conversion)), f) // Go's e, f and g are C's
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
