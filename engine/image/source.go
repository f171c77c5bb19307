package image

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// A Scope is what the sources of the catalogue's inverses read: the arguments
// of a call, its answer, what stood there before, and the element at hand.
type Scope struct {
	Args                 *engine.Object
	Answer, Before, Item any
	// Random makes a long text that nobody knows; nil means that there is none.
	Random func() string
}

// Value follows a source in its text form (see catalog.Source). ok is false
// where nothing stands there, or null.
func (s Scope) Value(text string) (v any, ok bool) {
	from, err := catalog.ParseSource(text)
	if err != nil {
		return nil, false
	}
	path := from.Path
	switch from.Root {
	case "args":
		v, path = s.arg(path)
	case "answer":
		v = s.Answer
	case "before":
		v = s.Before
	case "item":
		v = s.Item
	case "literal":
		v, err = engine.ParseJSON([]byte(from.Literal))
		ok = err == nil
	case "random":
		if s.Random != nil {
			v = engine.Secret(s.Random())
		}
	}
	if v = follow(v, path); from.Query != "" {
		v = query(v, from.Query)
	}
	if ok = ok || !empty(v); !ok {
		return nil, false
	}
	if from.List {
		v = []any{v}
	}
	return v, true
}

// arg is the argument that a path begins with, and what is left of the path. A
// field of the body may have come inside a whole body.
func (s Scope) arg(path []string) (any, []string) {
	if len(path) == 0 {
		return s.Args, nil
	}
	if v, ok := s.Args.Get(path[0]); ok {
		return v, path[1:]
	}
	if body, ok := s.Args.Get("body"); ok {
		return Field(body, path[0]), path[1:]
	}
	return nil, nil
}

// Holds reports whether a condition of an ArgFrom is true; "" always is.
func (s Scope) Holds(when string) bool {
	source, want, equal := strings.Cut(when, "=")
	if when == "" {
		return true
	}
	v, ok := s.Value(source)
	return ok && (!equal || Same(v, want))
}

// follow walks a path; nil where it leads nowhere.
func follow(v any, path []string) any {
	for i, step := range path {
		number, isIndex := strings.CutPrefix(step, "[")
		if !isIndex {
			v = Field(v, step)
			continue
		}
		list, _ := v.([]any)
		if number == "]" {
			var all []any
			for _, item := range list {
				if got := follow(item, path[i+1:]); !empty(got) {
					all = append(all, got)
				}
			}
			if all == nil {
				return nil
			}
			return all
		}
		n, err := strconv.Atoi(strings.TrimSuffix(number, "]"))
		if n < 0 {
			n += len(list)
		}
		if err != nil || n < 0 || n >= len(list) {
			return nil
		}
		v = list[n]
	}
	return v
}

// query is a parameter of a URL.
func query(v any, name string) any {
	text, _ := Text(v)
	link, err := url.Parse(text)
	if err != nil || !link.Query().Has(name) {
		return nil
	}
	return link.Query().Get(name)
}

// Items are the elements of what a call sent or a tenant answered: of a list
// its items, of an object its keys, else the value itself.
func Items(v any) []any {
	switch x := v.(type) {
	case nil, engine.Null:
		return nil
	case []any:
		return x
	case *engine.Object:
		keys := make([]any, 0, x.Len())
		for name := range x.All() {
			keys = append(keys, name)
		}
		return keys
	}
	return []any{v}
}

// Field is a field of an object, nil where there is none.
func Field(v any, name string) any {
	o, _ := v.(*engine.Object)
	x, _ := o.Get(name)
	return x
}

// Text is a text, also a secret one.
func Text(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case engine.Secret:
		return string(x), true
	}
	return "", false
}

func empty(v any) bool { return v == nil || v == engine.Null{} }

// Same reports whether two values are equal as a tenant sees them: null is as
// good as nothing, the order of an object's fields does not count.
func Same(a, b any) bool {
	if empty(a) || empty(b) {
		return empty(a) && empty(b)
	}
	if x, ok := Text(a); ok {
		y, also := Text(b)
		return also && x == y
	}
	switch x := a.(type) {
	case *engine.Object:
		y, ok := b.(*engine.Object)
		return ok && sameFields(x, y)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, Same)
	}
	x, err := engine.FormatJSON(a)
	y, other := engine.FormatJSON(b)
	return err == nil && other == nil && string(x) == string(y)
}

func sameFields(a, b *engine.Object) bool {
	for name, v := range a.All() {
		if other, _ := b.Get(name); !Same(v, other) {
			return false
		}
	}
	for name, v := range b.All() {
		if _, both := a.Get(name); !both && !empty(v) {
			return false
		}
	}
	return true
}

// Match finds the item of a before-image that is the element of the scope; nil
// where there is none. Where the before-image is an object and no list, it is
// the only item, or its keys are the items.
func (s Scope) Match(there any, fields []catalog.ArgFrom) (item any, ok bool) {
	candidates, isList := there.([]any)
	if o, isObject := there.(*engine.Object); isObject {
		candidates = []any{o}
		if len(fields) > 0 && fields[0].Name == "" {
			candidates = Items(o)
		}
	} else if !isList {
		return nil, false
	}
	for _, candidate := range candidates {
		if s.is(candidate, fields) {
			return candidate, true
		}
	}
	return nil, false
}
