package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON in both directions: deeper is a cycle,
// or somebody's attack.
const maxDepth = 200

// exactInt is the largest number below which every integer is a float64.
const exactInt = 1 << 53

// FormatJSON writes a value of the tree as JSON, with the keys in their order,
// nothing escaped for HTML, and secrets by their value: it is what is sent.
// What is shown goes through Redacted first. An error names the path of the
// value that JSON does not know.
func FormatJSON(v any) ([]byte, error) { return appendJSON(nil, v) }

// FormatJSONIndent is FormatJSON over several lines, for people.
func FormatJSONIndent(v any, indent string) ([]byte, error) {
	e := encoder{indent: indent}
	b, err := e.value(nil, v)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// appendJSON appends v to b as JSON.
func appendJSON(b []byte, v any) ([]byte, error) {
	var e encoder
	return e.value(b, v)
}

// appendCanonical appends the form of which call keys are made: keys sorted,
// numbers by their value, bytes as they are. It takes everything, since a call
// must have a key whatever its arguments are. What known refers to is written as
// a reference.
func appendCanonical(b []byte, v any, known *refs) []byte {
	e := encoder{canonical: true, known: known}
	b, _ = e.value(b, v) // the canonical form has no errors
	return b
}

// An encoder writes one value. In its canonical form it never fails.
type encoder struct {
	canonical bool
	indent    string
	path      []part
	known     *refs // of the canonical form; may be nil
}

// A part of a path is a key, or an index where the key is "".
type part struct {
	key   string
	index int
}

func (e *encoder) fail(format string, args ...any) error {
	at := ""
	for _, p := range e.path {
		if p.index > 0 {
			at += "[" + strconv.Itoa(p.index) + "]"
		} else {
			at += "." + p.key
		}
	}
	if at = strings.TrimPrefix(at, "."); at == "" {
		at = "the value"
	}
	return &Error{Name: NameArgumentError, Message: at + ": " + fmt.Sprintf(format, args...), ResetAt: -1}
}

func (e *encoder) value(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil, Null:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return e.text(b, v)
	case Secret:
		return e.text(b, string(v))
	case float64:
		return e.float(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case json.Number:
		return e.number(b, v)
	case json.RawMessage:
		return e.raw(b, v)
	case *Object:
		return e.object(b, v)
	case []any:
		return e.array(b, len(v), func(i int) any { return v[i] })
	case []string:
		return e.array(b, len(v), func(i int) any { return v[i] })
	case map[string]any:
		o := NewObject(len(v))
		for _, k := range sortedKeys(v) {
			o.Set(k, v[k])
		}
		return e.object(b, o)
	}
	return e.foreign(b, v)
}

// foreign values are not of the tree; only the canonical form takes them.
func (e *encoder) foreign(b []byte, v any) ([]byte, error) {
	switch {
	case e.canonical:
		return fmt.Appendf(b, "%T(%v)", v, v), nil
	case isKind[*Iterator](v):
		return b, e.fail("a listing cannot be written as JSON; collect its items first")
	case isKind[*Namespace](v), isKind[*Function](v):
		return b, e.fail("a function cannot be written as JSON")
	}
	return b, e.fail("a %T cannot be written as JSON", v)
}

func isKind[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

func (e *encoder) object(b []byte, o *Object) ([]byte, error) {
	if o == nil {
		return append(b, "null"...), nil
	}
	if len(e.path) >= maxDepth {
		return e.tooDeep(b)
	}
	order := o.keys
	if e.canonical {
		order = slices.Clone(order)
		slices.Sort(order)
	}
	b = append(b, '{')
	for i, k := range order {
		v, _ := o.Get(k)
		if i > 0 {
			b = append(b, ',')
		}
		e.path = append(e.path, part{key: k})
		b = e.newline(b, len(e.path))
		var err error
		if b, err = e.text(b, k); err != nil {
			return b, err
		}
		b = append(b, ':')
		if e.indent != "" {
			b = append(b, ' ')
		}
		if b, err = e.value(b, v); err != nil {
			return b, err
		}
		e.path = e.path[:len(e.path)-1]
	}
	if len(order) > 0 {
		b = e.newline(b, len(e.path))
	}
	return append(b, '}'), nil
}

func (e *encoder) array(b []byte, n int, at func(int) any) ([]byte, error) {
	if len(e.path) >= maxDepth {
		return e.tooDeep(b)
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		e.path = append(e.path, part{index: i + 1})
		b = e.newline(b, len(e.path))
		var err error
		if b, err = e.value(b, at(i)); err != nil {
			return b, err
		}
		e.path = e.path[:len(e.path)-1]
	}
	if n > 0 {
		b = e.newline(b, len(e.path))
	}
	return append(b, ']'), nil
}

func (e *encoder) newline(b []byte, depth int) []byte {
	if e.indent == "" {
		return b
	}
	b = append(b, '\n')
	for range depth {
		b = append(b, e.indent...)
	}
	return b
}

func (e *encoder) tooDeep(b []byte) ([]byte, error) {
	if e.canonical {
		return append(b, "..."...), nil
	}
	e.path = append(e.path[:8], part{key: "…"})
	return b, e.fail("nested deeper than %d levels (a value that holds itself?)", maxDepth)
}

// raw is text that came as JSON. The canonical form must not depend on its
// spaces and order, so it is read there.
func (e *encoder) raw(b []byte, raw json.RawMessage) ([]byte, error) {
	switch {
	case len(raw) == 0:
		return append(b, "null"...), nil
	case e.canonical || e.indent != "":
		if v, err := ParseJSON(raw); err == nil {
			return e.value(b, v)
		}
	}
	return append(b, raw...), nil
}

func (e *encoder) number(b []byte, n json.Number) ([]byte, error) {
	if !e.canonical && !isNumber(string(n)) {
		return b, e.fail("%q is not a number", string(n))
	}
	return append(b, n...), nil
}

// float writes a float64 the way JavaScript does; whole numbers have no
// fraction, so that 3 and 3.0 are one number in both languages.
func (e *encoder) float(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		if e.canonical {
			return fmt.Appendf(b, "%v", f), nil
		}
		return b, e.fail("JSON has no number %v", f)
	}
	if f == math.Trunc(f) && math.Abs(f) < exactInt {
		return strconv.AppendInt(b, int64(f), 10), nil
	}
	format := byte('f')
	if abs := math.Abs(f); abs < 1e-6 || abs >= 1e21 {
		format = 'e'
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if n := len(b); format == 'e' && n-start >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // 1e-09 is written 1e-9
		b = b[:n-1]
	}
	return b, nil
}

// text writes a string. Lua's strings are bytes: what is not UTF-8 cannot
// travel as JSON, and replacing it silently would change what is stored.
func (e *encoder) text(b []byte, s string) ([]byte, error) {
	const hex = "0123456789abcdef"
	if e.known != nil {
		s = e.known.in(s)
	}
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 && !e.canonical {
				return b, e.fail("the text is not valid UTF-8 at byte %d; encode binary data with base64 first", i+1)
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"'), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Redacted is a copy of a tree that may be shown: secrets are "[secret]", and
// what cannot be written as JSON is its type's name.
func Redacted(v any) any {
	switch v := v.(type) {
	case Secret:
		return v.String()
	case *Object:
		if v == nil {
			return nil
		}
		o := NewObject(v.Len())
		for k, x := range v.All() {
			o.Set(k, Redacted(x))
		}
		return o
	case []any:
		a := make([]any, len(v))
		for i, x := range v {
			a[i] = Redacted(x)
		}
		return a
	case *Iterator, *Namespace, *Function:
		return fmt.Sprintf("%T", v)
	}
	return v
}
