package plan

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"a0run/engine"
)

// Helpers over the engine's tree of values.

// textOf is a value's text, "" where it is none.
func textOf(v any) string {
	switch s := v.(type) {
	case string:
		return s
	case engine.Secret:
		return string(s)
	}
	return ""
}

// field is the text of a field of an object.
func field(o *engine.Object, name string) string {
	v, _ := o.Get(name)
	return textOf(v)
}

// plain copies a tree with its secrets as texts and answers read.
func plain(v any) any {
	switch x := v.(type) {
	case engine.Secret:
		return string(x)
	case *engine.Object:
		return copyObject(x)
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = plain(item)
		}
		return out
	case []string:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = item
		}
		return out
	case json.RawMessage:
		if tree, err := engine.ParseJSON(x); err == nil {
			return tree
		}
	case int:
		return int64(x)
	case nil:
		return engine.Null{}
	}
	return v
}

// copyObject is a deep copy with secrets as texts; never nil.
func copyObject(o *engine.Object) *engine.Object {
	out := engine.NewObject(o.Len())
	for name, v := range o.All() {
		out.Set(name, plain(v))
	}
	return out
}

// shallow copies the first level only.
func shallow(o *engine.Object) *engine.Object {
	out := engine.NewObject(o.Len())
	for name, v := range o.All() {
		out.Set(name, v)
	}
	return out
}

// text writes a tree as JSON; what cannot be written cannot be sent either,
// and is null.
func text(v any) json.RawMessage {
	b, err := engine.FormatJSON(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

// canonical writes a tree so that equal values give equal bytes: the keys of
// objects sorted.
func canonical(v any) []byte { return appendCanonical(nil, v) }

func appendCanonical(b []byte, v any) []byte {
	switch x := v.(type) {
	case *engine.Object:
		keys := x.Keys()
		slices.Sort(keys)
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, text(k)...), ':')
			value, _ := x.Get(k)
			b = appendCanonical(b, value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, item := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, item)
		}
		return append(b, ']')
	case engine.Secret:
		return append(b, text(string(x))...)
	case nil:
		return append(b, "null"...)
	}
	return append(b, text(v)...)
}

// same reports whether two trees are the same JSON.
func same(a, b any) bool { return bytes.Equal(canonical(a), canonical(b)) }

// isNull reports whether a value is JSON's null, or nothing.
func isNull(v any) bool {
	_, null := v.(engine.Null)
	return null || v == nil
}

// object reads an answer as an object, nil where it is none.
func object(raw json.RawMessage) *engine.Object {
	tree, err := engine.ParseJSON(raw)
	if err != nil {
		return nil
	}
	o, _ := tree.(*engine.Object)
	return o
}

// values are the values at a path of the catalogue's form ("name",
// "identities[].connection").
func values(v any, path string) []any {
	if path == "" {
		return []any{v}
	}
	if list, ok := v.([]any); ok {
		var out []any
		for _, item := range list {
			out = append(out, values(item, path)...)
		}
		return out
	}
	o, ok := v.(*engine.Object)
	if !ok {
		return nil
	}
	step, rest, _ := strings.Cut(path, ".")
	step = strings.TrimSuffix(step, "[]")
	if inner, ok := o.Get(step); ok {
		return values(inner, rest)
	}
	return nil
}

// native is a tree as json.Unmarshal gives it, for the search.
func native(o *engine.Object) map[string]any {
	var m map[string]any
	if json.Unmarshal(text(o), &m) != nil {
		return nil
	}
	return m
}

// holds reports whether a text stands anywhere in a tree, as a value or in one.
func holds(v any, test func(s string) bool) bool {
	switch x := v.(type) {
	case string:
		return test(x)
	case engine.Secret:
		return test(string(x))
	case *engine.Object:
		for name, item := range x.All() {
			if test(name) || holds(item, test) {
				return true
			}
		}
	case []any:
		for _, item := range x {
			if holds(item, test) {
				return true
			}
		}
	case []string:
		return slices.ContainsFunc(x, test)
	case json.RawMessage:
		return test(string(x))
	}
	return false
}

// replaceTexts copies a tree with every text changed by f.
func replaceTexts(v any, f func(s string) string) any {
	switch x := v.(type) {
	case string:
		return f(x)
	case engine.Secret:
		return engine.Secret(f(string(x)))
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			out.Set(f(name), replaceTexts(item, f))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = replaceTexts(item, f)
		}
		return out
	}
	return v
}
