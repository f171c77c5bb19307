package lua

import (
	"math"
	"strconv"
	"strings"
)

// exactInteger is where float64 stops telling integers apart: 2^53.
const exactInteger = 1 << 53

// numberText writes a number as Lua does, with 14 digits, but an integer
// up to 2^53 in full: Lua 5.1 writes the id 1234567890123456 as
// 1.2345678901235e+15, and an id that lost its digits names somebody else.
func numberText(f float64) string {
	switch {
	case f == math.Trunc(f) && math.Abs(f) <= exactInteger:
		if f == 0 && math.Signbit(f) {
			return "-0"
		}
		return strconv.FormatInt(int64(f), 10)
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

// parseNumber reads a number as Lua's own text of a number: decimal with
// fraction and exponent, or 0x…, with white space around. "inf" and "nan",
// which C's strtod takes on some systems, are no numbers here.
func parseNumber(s string) (float64, bool) {
	s = strings.Trim(s, spaceBytes)
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || strings.ContainsAny(digits, "_iInN") {
		return 0, false
	}
	if len(digits) > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') {
		if !strings.ContainsAny(digits, "pP") {
			s += "p0"
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// spaceBytes are what C's isspace takes for white space.
const spaceBytes = " \t\n\v\f\r"

// parseInteger reads digits of a base, as tonumber(s, base) does. A negative
// number is negative, where C's strtoul wraps it round.
func parseInteger(s string, base int) (float64, bool) {
	s = strings.Trim(s, spaceBytes)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s = s[2:]
	}
	if s == "" {
		return 0, false
	}
	n := 0.0
	for i := range len(s) {
		d := digitValue(s[i])
		if d >= base {
			return 0, false
		}
		n = n*float64(base) + float64(d)
	}
	if negative {
		n = -n
	}
	return n, true
}

func digitValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return math.MaxInt
}
