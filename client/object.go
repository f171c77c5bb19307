package client

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An Object is a JSON object whose members are the tenant's own: metadata, the
// options of a connection, fields that a type here does not know. Its values are
// those of encoding/json, with one difference: a number that a float64 cannot
// hold exactly is a [json.Number], so that nothing is changed by being read. nil
// is an object that nobody spoke of, an empty one is sent as {}; a member that is
// nil is JSON's null, with which a PATCH removes it.
type Object map[string]any

// Decode reads the object into v.
func (o Object) Decode(v any) error {
	text, err := encode(map[string]any(o))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// UnmarshalJSON reads an object; null is nil.
func (o *Object) UnmarshalJSON(text []byte) error {
	if !validJSON(text) {
		return errors.New("not JSON")
	}
	switch v := tree(text).(type) {
	case nil:
		*o = nil
	case map[string]any:
		*o = v
	default:
		return errors.New("want a JSON object")
	}
	return nil
}

// plainNumber is a float64 where that says the same as the text.
func plainNumber(n json.Number) any {
	f, err := n.Float64()
	if err != nil {
		return n
	}
	whole := !strings.ContainsAny(string(n), ".eE")
	if whole && math.Abs(f) >= 1<<53 || !whole && len(n) > 16 && strconv.FormatFloat(f, 'f', -1, 64) != string(n) {
		return n
	}
	return f
}

func (o *Object) read(raw json.RawMessage) bool {
	if raw[0] == 'n' {
		return true // as if it was not there
	}
	v, ok := tree(raw).(map[string]any)
	*o = v
	return ok
}

func (o *Object) write(b []byte, shown bool) ([]byte, bool) {
	if *o == nil {
		return b, false
	}
	return appendMap(b, *o, shown), true
}

// A place is where a field of a typed object is kept. read takes JSON that was
// checked, and says false where it is of another type; write appends the value,
// with secrets shown or hidden, and says false where there is none.
type place interface {
	read(raw json.RawMessage) bool
	write(b []byte, shown bool) ([]byte, bool)
}

// A member is a field of a typed object by its name in JSON.
type member struct {
	name string
	at   place
}

// text is a plain string, left out when empty.
type text string

func (t *text) read(raw json.RawMessage) bool {
	s, ok := stringOf(raw)
	if ok {
		*t = text(s)
	}
	return ok
}

func (t *text) write(b []byte, _ bool) ([]byte, bool) {
	if *t == "" {
		return b, false
	}
	return appendString(b, string(*t)), true
}

// moment is a time, left out when zero.
type moment time.Time

func (m *moment) read(raw json.RawMessage) bool {
	s, ok := stringOf(raw)
	if !ok {
		return false
	}
	t, err := time.Parse(time.RFC3339, s)
	if err == nil {
		*m = moment(t)
	}
	return err == nil
}

func (m *moment) write(b []byte, _ bool) ([]byte, bool) {
	t := time.Time(*m)
	if t.IsZero() {
		return b, false
	}
	b = append(b, '"')
	return append(t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00"), '"'), true
}

// list is a list of plain values, left out when nil.
type list[T any] []T

func (l *list[T]) read(raw json.RawMessage) bool {
	if raw[0] == 'n' {
		return true
	}
	var v []T
	if texts, ok := any(&v).(*[]string); ok {
		*texts, ok = stringsOf(raw)
		*l = v
		return ok
	}
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	*l = v
	return true
}

func (l *list[T]) write(b []byte, shown bool) ([]byte, bool) {
	if *l == nil {
		return b, false
	}
	return appendList(b, []T(*l), shown), true
}

// hush is a secret: requests hold its text, json.Marshal does not.
type hush Secret

func (h *hush) read(raw json.RawMessage) bool {
	s, ok := stringOf(raw)
	if ok {
		*h = hush(NewSecret(s))
	}
	return ok || raw[0] == 'n'
}

func (h *hush) write(b []byte, shown bool) ([]byte, bool) {
	s := Secret(*h)
	if s.IsZero() {
		return b, false
	}
	if shown {
		return appendString(b, s.Reveal()), true
	}
	return appendString(b, s.String()), true
}

// appendValue appends a value's JSON; what cannot be written is null, and the
// tenant, or the validation before it, says so. The values of an Object need no
// reflection. A Secret among them is shown to requests only.
func appendValue(b []byte, v any, shown bool) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case *string:
		return appendString(b, *v)
	case bool:
		return strconv.AppendBool(b, v)
	case *bool:
		return strconv.AppendBool(b, *v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case *int64:
		return strconv.AppendInt(b, *v, 10)
	case float64:
		if i := int64(v); float64(i) == v && -1<<53 < i && i < 1<<53 && (i != 0 || !math.Signbit(v)) {
			return strconv.AppendInt(b, i, 10)
		}
	case []string:
		return appendList(b, v, shown)
	case []any:
		return appendList(b, v, shown)
	case Object:
		return appendMap(b, v, shown)
	case map[string]any:
		return appendMap(b, v, shown)
	}
	write := encode
	if !shown {
		write = concealed
	}
	text, err := write(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, text...)
}

// concealed is the JSON of a value in which a Secret is not shown.
func concealed(v any) (json.RawMessage, error) { return json.Marshal(v) }

func appendList[T any](b []byte, list []T, shown bool) []byte {
	if list == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, any(list[i]), shown)
	}
	return append(b, ']')
}

// appendMap appends an object, its names in order.
func appendMap(b []byte, m map[string]any, shown bool) []byte {
	if m == nil {
		return append(b, "null"...)
	}
	var few [16]string
	names := few[:0]
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = appendValue(b, m[name], shown)
	}
	return append(b, '}')
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, err := encode(s)
			if err != nil { // a string can always be encoded
				return append(b, `""`...)
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// count is a whole number, left out when zero.
type count int64

func (n *count) read(raw json.RawMessage) bool {
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err == nil {
		*n = count(v)
	}
	return err == nil
}

func (n *count) write(b []byte, _ bool) ([]byte, bool) {
	if *n == 0 {
		return b, false
	}
	return strconv.AppendInt(b, int64(*n), 10), true
}
