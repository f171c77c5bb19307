package engine

import "iter"

// indexFrom is the size from which an object keeps an index: below it a scan
// of the keys is faster than a map and takes a third of the memory.
const indexFrom = 12

// An Object is a JSON object whose keys keep the order in which they came.
// Its zero value is an empty object.
type Object struct {
	keys   []string
	values []any
	index  map[string]int // from indexFrom keys on
}

// NewObject returns an empty object with room for n keys. Most hold the few
// arguments of a call: these take one piece of memory.
func NewObject(n int) *Object {
	if n > 0 && n <= fewKeys {
		few := &struct {
			Object
			names [fewKeys]string
			given [fewKeys]any
		}{}
		few.keys, few.values = few.names[:0:n], few.given[:0:n]
		return &few.Object
	}
	return &Object{keys: make([]string, 0, n), values: make([]any, 0, n)}
}

const fewKeys = 4

// Set gives key a value; a key that is there already keeps its place.
func (o *Object) Set(key string, v any) {
	if i := o.find(key); i >= 0 {
		o.values[i] = v
		return
	}
	o.keys = append(o.keys, key)
	o.values = append(o.values, v)
	switch {
	case o.index != nil:
		o.index[key] = len(o.keys) - 1
	case len(o.keys) >= indexFrom:
		o.reindex()
	}
}

// Get returns the value of key; a nil object has no keys.
func (o *Object) Get(key string) (any, bool) {
	if o == nil {
		return nil, false
	}
	if i := o.find(key); i >= 0 {
		return o.values[i], true
	}
	return nil, false
}

// Delete removes key.
func (o *Object) Delete(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.keys = append(o.keys[:i], o.keys[i+1:]...)
	o.values = append(o.values[:i], o.values[i+1:]...)
	if o.index != nil {
		o.reindex()
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
		for i, k := range o.keys {
			if !yield(k, o.values[i]) {
				return
			}
		}
	}
}

// Keys are the keys in their order, a copy.
func (o *Object) Keys() []string {
	if o == nil {
		return nil
	}
	return append([]string(nil), o.keys...)
}

// MarshalJSON writes the object in its order.
func (o *Object) MarshalJSON() ([]byte, error) { return appendJSON(nil, o) }

func (o *Object) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.keys {
		if k == key {
			return i
		}
	}
	return -1
}

func (o *Object) reindex() {
	o.index = make(map[string]int, len(o.keys))
	for i, k := range o.keys {
		o.index[k] = i
	}
}
