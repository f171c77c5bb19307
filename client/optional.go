package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// An Opt is a value of a field that may be left out. Three things differ: the
// zero Opt says nothing (a PATCH leaves the field alone), [Null] clears the
// field, [Set] gives it a value, also false, 0 or "".
//
//	client.User{Blocked: client.Set(false), Nickname: client.Null[string]()}
//
// Fields for which the API knows neither null nor an empty value (ids, names of
// roles) are plain strings; lists and objects are left out when nil and sent
// when empty.
type Opt[T any] struct {
	state optState
	value T
}

type optState uint8

const (
	unset optState = iota
	null
	set
)

// Set is an Opt with a value.
func Set[T any](v T) Opt[T] { return Opt[T]{state: set, value: v} }

// Null is an Opt that is sent as JSON's null.
func Null[T any]() Opt[T] { return Opt[T]{state: null} }

// Get gives the value, and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.value, o.state == set }

// Value gives the value, T's zero value where there is none.
func (o Opt[T]) Value() T { return o.value }

// Or gives the value, or another where there is none.
func (o Opt[T]) Or(other T) T {
	if o.state != set {
		return other
	}
	return o.value
}

// IsNull reports whether it is JSON's null.
func (o Opt[T]) IsNull() bool { return o.state == null }

// IsZero reports whether nothing is said at all; encoding/json's omitzero asks
// it.
func (o Opt[T]) IsZero() bool { return o.state == unset }

// Format prints the value; nothing said prints as "unset", null as "null".
func (o Opt[T]) Format(f fmt.State, verb rune) {
	switch o.state {
	case set:
		_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), o.value)
	case null:
		_, _ = f.Write([]byte("null"))
	default:
		_, _ = f.Write([]byte("unset"))
	}
}

// MarshalJSON writes the value, or null.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.state != set {
		return []byte("null"), nil
	}
	return json.Marshal(o.value)
}

// UnmarshalJSON reads a value, or null.
func (o *Opt[T]) UnmarshalJSON(text []byte) error {
	if string(bytes.TrimSpace(text)) == "null" {
		*o = Null[T]()
		return nil
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*o = Set(v)
	return nil
}

// read takes a value that is known to be JSON; false where it has another type.
func (o *Opt[T]) read(raw json.RawMessage) bool {
	if raw[0] == 'n' {
		*o = Null[T]()
		return true
	}
	var ok bool
	switch v := any(&o.value).(type) {
	case *string:
		*v, ok = stringOf(raw)
	case *bool:
		*v, ok = raw[0] == 't', raw[0] == 't' || raw[0] == 'f'
	case *int64:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		*v, ok = n, err == nil
	default:
		ok = json.Unmarshal(raw, v) == nil
	}
	if ok {
		o.state = set
	}
	return ok
}

// write appends the value; false where nothing is said.
func (o *Opt[T]) write(b []byte, shown bool) ([]byte, bool) {
	switch o.state {
	case null:
		return append(b, "null"...), true
	case set:
		return appendValue(b, any(&o.value), shown), true
	default:
		return b, false
	}
}
