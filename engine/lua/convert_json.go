package lua

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// maxJSONDepth bounds the nesting of JSON text that is read.
const maxJSONDepth = 200

// fromJSON reads JSON text straight into Lua values; null fields of objects
// are absent.
func fromJSON(l *lua.LState, raw []byte) (lua.LValue, error) {
	return converterOf(l).decode(l, raw, false)
}

// decode reads JSON text. keepNulls gives null fields the value null.
func (c *converter) decode(l *lua.LState, raw []byte, keepNulls bool) (lua.LValue, error) {
	d := decoder{c: c, l: l, text: raw, keepNulls: keepNulls}
	d.space()
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	d.space()
	if d.pos < len(d.text) {
		return nil, d.fault("the text goes on after the value")
	}
	return v, nil
}

// A decoder makes each table in its final size: members wait in pending until
// their object or array ends. Tables that grow cost twice the time.
type decoder struct {
	c         *converter
	l         *lua.LState // for CreateTable only, which touches nothing of it
	text      []byte
	pos       int
	depth     int
	keepNulls bool
	keys      []string
	pending   []lua.LValue
}

// A jsonError is a fault in JSON text. It quotes nothing of the text, which
// may hold secrets.
type jsonError struct {
	line, column int
	what         string
}

func (e *jsonError) Error() string {
	return fmt.Sprintf("invalid JSON at line %d, column %d: %s", e.line, e.column, e.what)
}

func (d *decoder) fault(what string) error {
	before := d.text[:min(d.pos, len(d.text))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	return &jsonError{line, len(before) - bytes.LastIndexByte(before, '\n'), what}
}

// unexpected says what stands where something else should.
func (d *decoder) unexpected(want string) error {
	if d.pos >= len(d.text) {
		return d.fault("the text ends where " + want + " should follow")
	}
	return d.fault(want + " expected")
}

func (d *decoder) space() {
	for d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// next gives the byte at the position, or 0 at the end.
func (d *decoder) next() byte {
	if d.pos < len(d.text) {
		return d.text[d.pos]
	}
	return 0
}

func (d *decoder) value() (lua.LValue, error) {
	switch c := d.next(); c {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		s, err := d.str()
		return lua.LString(s), err
	case 't':
		return lua.LTrue, d.word("true")
	case 'f':
		return lua.LFalse, d.word("false")
	case 'n':
		return d.c.null, d.word("null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return d.number()
		}
		return nil, d.unexpected("a value")
	}
}

func (d *decoder) word(w string) error {
	if len(d.text)-d.pos < len(w) || string(d.text[d.pos:d.pos+len(w)]) != w {
		return d.unexpected(w)
	}
	d.pos += len(w)
	return nil
}

func (d *decoder) enter() error {
	d.pos++
	d.depth++
	if d.depth > maxJSONDepth {
		return d.fault(fmt.Sprintf("nested deeper than %d levels", maxJSONDepth))
	}
	d.space()
	return nil
}

func (d *decoder) object() (lua.LValue, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	firstKey, first := len(d.keys), len(d.pending)
	for d.next() != '}' {
		if len(d.keys) > firstKey {
			if d.next() != ',' {
				return nil, d.unexpected("',' or '}'")
			}
			d.pos++
			d.space()
		}
		if err := d.member(); err != nil {
			return nil, err
		}
	}
	d.pos++
	d.depth--
	tb := d.l.CreateTable(0, len(d.keys)-firstKey)
	for i, v := range d.pending[first:] {
		if v != lua.LNil || tb.RawGetString(d.keys[firstKey+i]) != lua.LNil {
			tb.RawSetString(d.keys[firstKey+i], v)
		}
	}
	d.keys, d.pending = d.keys[:firstKey], d.pending[:first]
	return tb, nil
}

func (d *decoder) member() error {
	if d.next() != '"' {
		return d.unexpected("a key in quotes")
	}
	key, err := d.str()
	if err != nil {
		return err
	}
	d.space()
	if d.next() != ':' {
		return d.unexpected("':'")
	}
	d.pos++
	d.space()
	v, err := d.value()
	if err != nil {
		return err
	}
	d.space()
	if !d.keepNulls && v == lua.LValue(d.c.null) {
		v = lua.LNil
	}
	d.keys, d.pending = append(d.keys, key), append(d.pending, v)
	return nil
}

func (d *decoder) array() (lua.LValue, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	first := len(d.pending)
	for d.next() != ']' {
		if len(d.pending) > first {
			if d.next() != ',' {
				return nil, d.unexpected("',' or ']'")
			}
			d.pos++
			d.space()
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		d.pending = append(d.pending, v)
		d.space()
	}
	d.pos++
	d.depth--
	if len(d.pending)-first >= lua.MaxArrayIndex {
		return nil, d.fault("the array is too long for a Lua table")
	}
	tb := d.c.newArray(d.l, len(d.pending)-first)
	for _, v := range d.pending[first:] {
		tb.Append(v)
	}
	d.pending = d.pending[:first]
	return tb, nil
}

// newArray makes a marked table with room for n values.
func (c *converter) newArray(l *lua.LState, n int) *lua.LTable {
	tb := l.CreateTable(n, 0)
	tb.Metatable = c.array
	return tb
}

func (d *decoder) number() (lua.LValue, error) {
	start := d.pos
	if d.next() == '-' {
		d.pos++
	}
	if d.next() == '0' {
		d.pos++
	} else if !d.digits() {
		return nil, d.unexpected("a digit")
	}
	whole := true
	if d.next() == '.' {
		d.pos++
		whole = false
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	if c := d.next(); c == 'e' || c == 'E' {
		d.pos++
		whole = false
		if c := d.next(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	v, ok := d.c.numberValue(string(d.text[start:d.pos]), whole)
	if !ok {
		d.pos = start
		return nil, d.fault("the number is too large")
	}
	return v, nil
}

func (d *decoder) digits() bool {
	start := d.pos
	for d.pos < len(d.text) && d.text[d.pos] >= '0' && d.text[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > start
}

// numberValue gives a number's literal its value; whole says that it has
// neither fraction nor exponent.
func (c *converter) numberValue(literal string, whole bool) (lua.LValue, bool) {
	if whole && literal != "-0" {
		n, err := strconv.ParseInt(literal, 10, 64)
		if err != nil || n > exactInteger || n < -exactInteger {
			return c.bigValue(literal), true
		}
		return lua.LNumber(n), true
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, false
	}
	return lua.LNumber(f), true
}

// str reads a string; the position is at its opening quote.
func (d *decoder) str() (string, error) {
	d.pos++
	start := d.pos
	for d.pos < len(d.text) {
		switch c := d.text[d.pos]; {
		case c == '"':
			d.pos++
			return validText(d.text[start : d.pos-1]), nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", d.fault("a control character inside a string")
		}
		d.pos++
	}
	return "", d.fault("the text ends inside a string")
}

// validText gives U+FFFD for every byte that is not UTF-8, as the engine's own
// reader does.
func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}

// escaped goes on where str met its first backslash.
func (d *decoder) escaped(start int) (string, error) {
	b := append(make([]byte, 0, d.pos-start+32), d.text[start:d.pos]...)
	for d.pos < len(d.text) {
		c := d.text[d.pos]
		d.pos++
		switch {
		case c == '"':
			return validText(b), nil
		case c < ' ':
			d.pos--
			return "", d.fault("a control character inside a string")
		case c != '\\':
			b = append(b, c)
			continue
		}
		var err error
		if b, err = d.escape(b); err != nil {
			return "", err
		}
	}
	return "", d.fault("the text ends inside a string")
}

// escape reads what follows a backslash.
func (d *decoder) escape(b []byte) ([]byte, error) {
	c := d.next()
	d.pos++
	switch c {
	case '"', '\\', '/':
		return append(b, c), nil
	case 'b':
		return append(b, '\b'), nil
	case 'f':
		return append(b, '\f'), nil
	case 'n':
		return append(b, '\n'), nil
	case 'r':
		return append(b, '\r'), nil
	case 't':
		return append(b, '\t'), nil
	case 'u':
		r, ok := d.hex4()
		if !ok {
			return nil, d.unexpected("four hex digits")
		}
		return utf8.AppendRune(b, d.surrogate(r)), nil
	}
	d.pos--
	return nil, d.unexpected("an escape that JSON knows")
}

// surrogate joins r with the second half that follows it, if r is a first
// half. A half alone becomes U+FFFD.
func (d *decoder) surrogate(r rune) rune {
	if !utf16.IsSurrogate(r) {
		return r
	}
	after := d.pos
	if d.next() == '\\' {
		d.pos++
		if d.next() == 'u' {
			d.pos++
			if low, ok := d.hex4(); ok {
				if joined := utf16.DecodeRune(r, low); joined != utf8.RuneError {
					return joined
				}
			}
		}
	}
	d.pos = after
	return utf8.RuneError
}

func (d *decoder) hex4() (rune, bool) {
	if len(d.text)-d.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range d.text[d.pos : d.pos+4] {
		v := digitValue(c)
		if v > 15 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	d.pos += 4
	return r, true
}
