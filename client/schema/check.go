package schema

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"strings"

	"a0run/client/catalog"
)

// An Object is a JSON object in the caller's own form.
type Object interface {
	Len() int
	Get(key string) (any, bool)
	All() iter.Seq2[string, any]
}

// Hidden is a text that must not be shown.
type Hidden string

// Unknown is a value that is not known yet: it fits everywhere.
type Unknown struct{}

// Words explain the values of a caller's trees that are none of Go's own.
type Words struct {
	// Plain gives such a value as nil, a Hidden or Unknown; nil where there is
	// none. A value that nobody explains is Unknown.
	Plain func(v any) any
	// Passes says of a text that it stands for a value that is not there yet,
	// of any type; nil where there is none such.
	Passes func(text string) bool
}

// A Body is what is known of the body of one operation.
type Body struct {
	root  shapeID
	patch bool
	known bool
}

// Of finds the body of an operation; Known is false where nothing is known of
// it.
func Of(op *catalog.Operation) Body {
	low, high := 0, len(bodies)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if bodies[mid].id < op.ID {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(bodies) || bodies[low].id != op.ID {
		return Body{}
	}
	return Body{root: bodies[low].root, patch: op.Effect == catalog.Patch, known: true}
}

// Known reports whether anything is known of the body.
func (b Body) Known() bool { return b.known }

// maxMistakes bounds what is found in one body: a list of a thousand objects of
// the wrong kind has one mistake.
const maxMistakes = 50

// maxDepth bounds how deep a body is looked into; JSON that is deeper nobody
// sends.
const maxDepth = 100

// Check finds the mistakes of a body, in its order. A patch needs no required
// fields.
func (b Body) Check(v any, w Words) []Mistake {
	if !b.known {
		return nil
	}
	c := checker{words: w, patch: b.patch}
	c.path = c.room[:0]
	c.value(b.root, v)
	return c.found
}

// A checker walks one body.
type checker struct {
	words Words
	patch bool
	path  []step
	found []Mistake
	room  [8]step // for the path: few bodies are deeper
}

// A step is a field, or a place in a list from 1 on.
type step struct {
	name  string
	index int
}

// kind is what a value is: the bit that a shape must have. 0 is a value that is
// not known.
func (c *checker) kind(v any) (kinds, any) {
	switch x := v.(type) {
	case string:
		return isText, v
	case bool:
		return isBool, v
	case float64:
		return wholeOr(x), v
	case int, int64:
		return isWhole, v
	case json.Number:
		if f, err := x.Float64(); err == nil && strings.ContainsAny(string(x), ".eE") {
			return wholeOr(f), v
		}
		return isWhole, v
	case []any, []string:
		return isArray, v
	case map[string]any:
		return isObject, object(x)
	case Object:
		return isObject, v
	case nil:
		return isNull, v
	case Hidden:
		return isText, v
	case Unknown:
		return 0, v
	}
	if c.words.Plain == nil {
		return 0, v
	}
	switch plain := c.words.Plain(v).(type) {
	case nil:
		return isNull, nil
	case Hidden:
		return isText, plain
	}
	return 0, v
}

// wholeOr is the kind of a number: 3.0 is whole.
func wholeOr(f float64) kinds {
	if f == math.Trunc(f) {
		return isWhole
	}
	return isNumber
}

// value checks what stands in one place.
func (c *checker) value(id shapeID, v any) {
	if len(c.found) >= maxMistakes || len(c.path) >= maxDepth {
		return
	}
	s := &shapes[id]
	k, v := c.kind(v)
	switch {
	case k == 0:
		return
	case s.kinds&k == 0:
		c.mistyped(s, k, v)
		return
	}
	switch k {
	case isText:
		if s.enum != nil || s.format != "" {
			c.text(s, v)
		}
	case isObject:
		if o, ok := v.(Object); ok {
			c.object(s, o)
		}
	case isArray:
		c.array(s, v)
	default:
	}
}

func (c *checker) array(s *shape, v any) {
	if s.items == sAny || len(c.path) >= maxDepth {
		return
	}
	at := len(c.path)
	c.path = append(c.path, step{})
	switch list := v.(type) {
	case []any:
		for i, item := range list {
			c.path[at] = step{index: i + 1}
			c.value(s.items, item)
		}
	case []string:
		for i, item := range list {
			c.path[at] = step{index: i + 1}
			c.value(s.items, item)
		}
	}
	c.path = c.path[:at]
}

func (c *checker) object(s *shape, o Object) {
	for s.by != "" { // the variants of one field may have variants of another
		if s = c.variant(s, o); s == nil {
			return
		}
	}
	if len(s.must)+len(s.may) == 0 && s.rest == sAny && s.open || len(c.path) >= maxDepth {
		return
	}
	at := len(c.path)
	c.path = append(c.path, step{})
	for name, v := range o.All() {
		c.path[at] = step{name: name}
		if id, ok := s.field(name); ok {
			c.value(id, v)
		} else {
			c.unknown(s, o, name)
		}
	}
	for i := range s.must {
		if _, ok := o.Get(s.must[i].name); !ok && (!c.patch || at > 0) {
			c.path[at] = step{name: s.must[i].name}
			c.missing(s, o, s.must[i].name)
		}
	}
	c.path = c.path[:at]
}

// field is the shape of a field; false where there is none of its name.
func (s *shape) field(name string) (shapeID, bool) {
	if id, ok := find(s.may, name); ok {
		return id, true
	}
	if id, ok := find(s.must, name); ok {
		return id, true
	}
	return s.rest, s.rest != sAny
}

// variant is the shape that the telling field selects, nil where it does not
// say.
func (c *checker) variant(s *shape, o Object) *shape {
	v, ok := o.Get(s.by)
	if len(c.path) >= maxDepth {
		return nil
	}
	c.path = append(c.path, step{name: s.by})
	defer func() { c.path = c.path[:len(c.path)-1] }()
	if !ok {
		c.missing(s, o, s.by)
		return nil
	}
	k, v := c.kind(v)
	text, isPlain := v.(string)
	switch {
	case k == 0, k == isText && !isPlain:
		return nil
	case k != isText:
		c.mistyped(&shape{kinds: isText}, k, v)
		return nil
	}
	id, ok := find(s.variants, text)
	if !ok {
		c.outside(text, namesOf(s.variants))
		return nil
	}
	return &shapes[id]
}

func namesOf(list []member) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

// where is the path of the place that is looked at.
func (c *checker) where() string {
	var b strings.Builder
	for _, s := range c.path {
		if s.index > 0 {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
	}
	return b.String()
}
