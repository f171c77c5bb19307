package engine

import (
	"encoding/json"
	"iter"
)

// The values that travel between a front end and the host functions are a
// small tree:
//
//	nil              absent (Lua's nil; YAML's null where nothing is meant)
//	Null             JSON's null, sent as such
//	bool, string
//	float64, int64   numbers
//	json.Number      an integer beyond 2^53, kept by its literal
//	*Object          an object whose keys keep their order
//	[]any            an array
//	Secret           a string that is never shown
//	json.RawMessage  an answer as its JSON text; only ever the whole of a
//	                 value that goes to a front end, which decodes it once
//	*Iterator        what auth0.*.each gives
//	*Namespace       what tenant(name) gives
type (
	// Null is an explicit JSON null.
	Null struct{}

	// Secret is a string that the redactor knows; it prints as [secret].
	Secret string
)

// String keeps a secret out of everything that formats values.
func (Secret) String() string { return "[secret]" }

// GoString likewise.
func (Secret) GoString() string { return "[secret]" }

// MarshalJSON writes the real value: a request body needs it. Everything that
// is shown goes through Redacted first.
func (s Secret) MarshalJSON() ([]byte, error) { return appendJSON(nil, string(s)) }

// MarshalJSON writes null.
func (Null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// An Object is a JSON object whose keys keep the order in which they came.
type Object struct {
	keys   []string
	values map[string]any
}

// NewObject returns an empty object with room for n keys.
func NewObject(n int) *Object {
	return &Object{keys: make([]string, 0, n), values: make(map[string]any, n)}
}

// Set gives key a value; a key that is there already keeps its place.
func (o *Object) Set(key string, v any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

// Get returns the value of key; a nil object has no keys.
func (o *Object) Get(key string) (any, bool) {
	if o == nil {
		return nil, false
	}
	v, ok := o.values[key]
	return v, ok
}

// Delete removes key.
func (o *Object) Delete(key string) {
	if _, ok := o.values[key]; !ok {
		return
	}
	delete(o.values, key)
	for i, k := range o.keys {
		if k == key {
			o.keys = append(o.keys[:i], o.keys[i+1:]...)
			return
		}
	}
}

// Len is the number of keys.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.keys)
}

// All yields keys and values in order.
func (o *Object) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		if o == nil {
			return
		}
		for _, k := range o.keys {
			if !yield(k, o.values[k]) {
				return
			}
		}
	}
}

// MarshalJSON writes the object in its order.
func (o *Object) MarshalJSON() ([]byte, error) { return appendJSON(nil, o) }

// An Iterator hands out the items of a listing one by one. Next is called
// under the baton and may block the task.
type Iterator struct {
	// Next returns the next item; ok is false at the end.
	Next func(t *Task) (item json.RawMessage, ok bool, err error)
	// Close ends the listing early.
	Close func()
}
