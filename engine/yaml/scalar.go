package yaml

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// scalar gives a scalar its meaning by the core schema of YAML 1.2: yes, no,
// on, off, dates and 1_000 are texts, true and false are booleans.
func (r *reader) scalar(y *yaml.Node, n *node) {
	if y.Style&yaml.TaggedStyle != 0 {
		r.tagged(y, n)
		return
	}
	if y.Style != 0 && y.Style != yaml.FlowStyle {
		n.value = y.Value
		return
	}
	n.value, n.empty = plain(y.Value)
	switch v := n.value.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			r.problem(n.at, "put it in quotes if a text is meant", "%s is no number of JSON", y.Value)
		}
	case int64, json.Number:
		digits := strings.TrimLeft(y.Value, "+-")
		if len(digits) > 1 && digits[0] == '0' && isDigits(digits) {
			// The value itself may be a PIN and stays out of the message.
			r.problem(n.at, "put it in quotes if they count", "the zeros before a number are dropped, 010 is ten")
			r.problems[len(r.problems)-1].Warning = true
		}
	}
}

// tagged reads !!str 5 and its like; other tags have no meaning here.
func (r *reader) tagged(y *yaml.Node, n *node) {
	v, _ := plain(y.Value)
	fits := false
	switch y.Tag {
	case "!!str", "!":
		v, fits = y.Value, true
	case "!!int":
		switch v.(type) {
		case int64, json.Number:
			fits = true
		}
	case "!!float":
		switch x := v.(type) {
		case int64:
			v, fits = float64(x), true
		case float64:
			fits = true
		}
	case "!!bool":
		_, fits = v.(bool)
	case "!!null":
		fits = v == nil
	default:
		r.problem(n.at, "only !!str, !!int, !!float, !!bool and !!null are known", "unknown tag %s", y.Tag)
		n.value = y.Value
		return
	}
	if !fits {
		r.problem(n.at, "", "what stands here is no %s", strings.TrimPrefix(y.Tag, "!!"))
	}
	n.value = v
}

func (r *reader) checkTag(y *yaml.Node, n *node, want string) {
	if y.Style&yaml.TaggedStyle != 0 && y.Tag != want {
		r.problem(n.at, "", "unknown tag %s", y.Tag)
	}
}

// plain resolves an unquoted scalar; empty says that nothing was written.
func plain(s string) (v any, empty bool) {
	switch s {
	case "":
		return nil, true
	case "~", "null", "Null", "NULL":
		return nil, false
	case "true", "True", "TRUE":
		return true, false
	case "false", "False", "FALSE":
		return false, false
	}
	if n, ok := number(s); ok {
		return n, false
	}
	return s, false
}

// number reads a number of the core schema.
func number(s string) (any, bool) {
	if base, digits := radix(s); base != 0 {
		if n, err := strconv.ParseInt(digits, base, 64); err == nil && n >= 0 && digits[0] != '+' {
			return whole(n), true
		}
		return nil, false
	}
	body := strings.TrimLeft(s, "+-")
	if len(s)-len(body) > 1 || body == "" {
		return nil, false
	}
	if isDigits(body) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return json.Number(bigLiteral(s)), true
		}
		return whole(n), true
	}
	switch body {
	case ".inf", ".Inf", ".INF":
		return math.Inf(1), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), len(body) == len(s)
	}
	if strings.Trim(body, "0123456789.eE+-") != "" || !strings.ContainsAny(body, "0123456789") || strings.ContainsAny(body[:1], "eE") {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// radix knows 0o17 and 0x1F.
func radix(s string) (int, string) {
	if len(s) < 3 || s[0] != '0' {
		return 0, ""
	}
	switch s[1] {
	case 'o':
		return 8, s[2:]
	case 'x':
		return 16, s[2:]
	}
	return 0, ""
}

// whole keeps an integer that a float64 cannot hold by its literal.
func whole(n int64) any {
	const most = 1 << 53
	if n > most || n < -most {
		return json.Number(strconv.FormatInt(n, 10))
	}
	return n
}

// bigLiteral is s as JSON writes it.
func bigLiteral(s string) string {
	sign := ""
	if s[0] == '-' {
		sign = "-"
	}
	s = strings.TrimLeft(strings.TrimLeft(s, "+-"), "0")
	if s == "" {
		s = "0"
	}
	return sign + s
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
