package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"a0run/client/catalog"
)

// A maker makes bodies that fit a shape, and remembers the places in it.
type maker struct {
	t      *rapid.T
	places []place
}

// A place is one value of a body that was made.
type place struct {
	path  string
	shape *shape
	// set puts another value into the place.
	set func(v any)
	// object and its own shape, without variants, where an object stands there.
	object map[string]any
	own    *shape
}

func (m *maker) value(id shapeID, path string, deep int, set func(any)) any {
	s := &shapes[id]
	var all []kinds
	for k := isText; k <= isArray; k <<= 1 {
		if s.kinds&k != 0 {
			all = append(all, k)
		}
	}
	if deep > 6 {
		all = slices.DeleteFunc(all, func(k kinds) bool {
			return k&(isObject|isArray) != 0 && len(all) > 1 && s.kinds&^(isObject|isArray) != 0
		})
	}
	p := place{path: path, shape: s, set: set}
	var v any
	switch rapid.SampledFrom(all).Draw(m.t, "kind of "+path) {
	case isText:
		v = m.text(s)
	case isWhole:
		v = rapid.Int64Range(-5, 5).Draw(m.t, "number")
	case isNumber:
		v = 0.5
	case isBool:
		v = rapid.Bool().Draw(m.t, "bool")
	case isNull:
		v = nil
	case isArray:
		n := rapid.IntRange(0, 2).Draw(m.t, "length")
		if deep > 6 {
			n = 0
		}
		list := make([]any, n)
		for i := range list {
			list[i] = m.value(s.items, fmt.Sprintf("%s[%d]", path, i+1), deep+1, func(v any) { list[i] = v })
		}
		v = list
	case isObject:
		if deep > 6 && s.by == "" && len(s.must) == 0 {
			v = map[string]any{}
			break
		}
		o, own := m.object(s, path, deep)
		p.object, p.own = o, own
		v = o
	default:
	}
	m.places = append(m.places, p)
	return v
}

func (m *maker) text(s *shape) string {
	switch {
	case s.enum != nil:
		return rapid.SampledFrom(s.enum).Draw(m.t, "enum")
	case s.format == "email":
		return "ada@example.com"
	case s.format == "https":
		return "https://example.com/"
	}
	return rapid.StringN(0, 8, -1).Draw(m.t, "text")
}

func (m *maker) object(s *shape, path string, deep int) (map[string]any, *shape) {
	o := map[string]any{}
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	if s.by != "" {
		chosen := rapid.SampledFrom(s.variants).Draw(m.t, "variant")
		made, own := m.object(&shapes[chosen.id], path, deep)
		made[s.by] = chosen.name
		return made, own
	}
	for _, f := range s.must {
		o[f.name] = m.value(f.id, join(f.name), deep+1, func(v any) { o[f.name] = v })
	}
	if deep > 4 {
		return o, s
	}
	for _, f := range s.may {
		if rapid.IntRange(0, 3).Draw(m.t, "has "+f.name) == 0 {
			o[f.name] = m.value(f.id, join(f.name), deep+1, func(v any) { o[f.name] = v })
		}
	}
	return o, s
}

// TestPropertyBodies: a body made of a shape is taken, and one mutation of it (a
// wrong type, an unknown field, a missing required one, a text outside an enum)
// is found at its path.
func TestPropertyBodies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SampledFrom(bodies[:]).Draw(t, "operation")
		op, _ := catalog.Default().Lookup(row.id)
		known := Of(op)
		m := &maker{t: t}
		var root any
		root = m.value(row.root, "", 0, func(v any) { root = v })
		if found := known.Check(root, Words{}); len(found) > 0 {
			t.Fatalf("%s: a body that fits has mistakes: %v\n%v", row.id, found, root)
		}
		p := rapid.SampledFrom(m.places).Draw(t, "place")
		path, fault := p.mutate(t, known)
		if fault == 0 {
			return
		}
		found := known.Check(root, Words{})
		if !slices.ContainsFunc(found, func(m Mistake) bool {
			return m.Path == path && (m.Fault == fault || fault == OutsideEnum && m.Fault == NotListed)
		}) {
			t.Fatalf("%s: no mistake %d at %q, found %v\n%v", row.id, fault, path, found, root)
		}
		for _, other := range found { // a changed telling field may hide others, never invent them elsewhere
			if !strings.HasPrefix(other.Path, path) && other.Fault != Missing {
				t.Fatalf("%s: a mistake at %q makes one at %q", row.id, path, other.Path)
			}
		}
	})
}

// mutate makes one mistake at a place and tells where and which; 0 where this
// place cannot have the drawn one.
func (p place) mutate(t *rapid.T, known Body) (path string, fault Fault) {
	inner := func(name string) string { return strings.TrimPrefix(p.path+"."+name, ".") }
	switch rapid.IntRange(0, 3).Draw(t, "mutation") {
	case 0: // a wrong type
		for _, wrong := range []struct {
			kind  kinds
			value any
		}{{isText, "text"}, {isBool, true}, {isObject, map[string]any{}}, {isArray, []any{}}, {isWhole, 3}} {
			if p.shape.kinds&wrong.kind == 0 {
				p.set(wrong.value)
				return p.path, WrongType
			}
		}
	case 1: // an unknown field
		const name = "zzqx_9_unheard"
		if p.object != nil && !p.own.open && p.own.rest == sAny {
			p.object[name] = 1
			return inner(name), UnknownField
		}
	case 2: // a missing field
		if p.object != nil && len(p.own.must) > 0 && (p.path != "" || !known.patch) {
			name := rapid.SampledFrom(p.own.must).Draw(t, "missing").name
			delete(p.object, name)
			return inner(name), Missing
		}
	case 3: // a text outside an enum
		if p.shape.enum != nil {
			p.set("zzqx")
			if len(p.shape.enum) > longEnum {
				return p.path, NotListed
			}
			return p.path, OutsideEnum
		}
	}
	return "", 0
}
