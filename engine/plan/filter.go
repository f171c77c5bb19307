package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/client/search"
	"a0run/engine"
)

// A filter is what a listing's arguments say of its items.
type filter struct {
	call    *call
	keep    []condition
	query   *search.Query
	text    string // of the query
	order   *order
	strange []string // arguments that cannot be evaluated
}

// A condition is one argument that compares a field.
type condition struct {
	field string // its first step
	test  func(o *engine.Object) bool
}

// An order is a sort=FIELD:1.
type order struct {
	path []string
	way  int
}

func newFilter(x *call, at place) *filter {
	f := &filter{call: x}
	for i := range x.Operation.Args {
		a := &x.Operation.Args[i]
		v, given := x.Args.Get(a.Name)
		if a.In != catalog.InQuery || !given || isNull(v) {
			continue
		}
		f.add(at, a.Name, v)
	}
	return f
}

// add reads one argument.
func (f *filter) add(at place, name string, v any) {
	switch name {
	case "page", "per_page", "include_totals", "from", "take", "fields", "include_fields", "search_engine", "primary_order", "hydrate":
	case "sort":
		field, way, _ := strings.Cut(textOf(v), ":")
		f.order = &order{path: strings.Split(field, "."), way: 1}
		if way == "-1" {
			f.order.way = -1
		}
	case "q":
		f.search(at, textOf(v))
	case "name_filter":
		want := strings.ToLower(textOf(v))
		f.keep = append(f.keep, condition{"name", func(o *engine.Object) bool {
			return strings.Contains(strings.ToLower(field(o, "name")), want)
		}})
	case "identifiers":
		f.equal("identifier", "identifier", v)
	case "connection":
		f.equal("identities", "identities.connection", v)
	case "action_name":
		f.equal("name", "name", v)
	default:
		f.equal(name, name, v)
		if !plainFilter(name) {
			f.strange = append(f.strange, name)
		}
	}
}

// plainFilter names the arguments that are known to compare the field of the
// same name.
func plainFilter(name string) bool {
	switch name {
	case "name", "strategy", "audience", "client_id", "user_id", "app_type", "is_first_party", "is_global", "subject_type",
		"allow_any_organization", "stage", "enabled", "type", "status", "email", "external_client_id", "disabled",
		"connection_id", "external_id", "resource", "consumer", "consumer_selector", "prompt", "screen":
		return true
	}
	return false
}

// equal adds a condition: the values at a path hold one of those wanted. A flag
// that was never set is off.
func (f *filter) equal(first, path string, v any) {
	var wanted []string
	if list, ok := v.([]any); ok {
		for _, item := range list {
			wanted = append(wanted, strings.Split(plainText(item), ",")...)
		}
	} else {
		wanted = strings.Split(plainText(v), ",")
	}
	f.keep = append(f.keep, condition{first, func(o *engine.Object) bool {
		found := values(o, path)
		if len(found) == 0 {
			return len(wanted) == 1 && wanted[0] == "false"
		}
		return slices.ContainsFunc(found, func(v any) bool {
			if list, ok := v.([]any); ok {
				return slices.ContainsFunc(list, func(item any) bool { return slices.Contains(wanted, plainText(item)) })
			}
			return slices.Contains(wanted, plainText(v))
		})
	}})
}

func plainText(v any) string {
	if s := textOf(v); s != "" {
		return s
	}
	return strings.Trim(string(text(v)), `"`)
}

func (f *filter) search(at place, q string) {
	f.text = q
	query, err := search.Parse(q)
	switch {
	case at.kind.path != "/users" && q != "":
		f.strange = append(f.strange, "q")
	case err != nil:
		f.strange = append(f.strange, "q ("+err.Error()+")")
	default:
		f.query = query
	}
}

func (f *filter) searches() bool { return f.text != "" }

// dependsOn reports whether a change of these fields can move an item. Where
// that is not sure it says yes.
func (f *filter) dependsOn(fields map[string]bool) bool {
	if len(fields) == 0 {
		return false
	}
	for _, c := range f.keep {
		if fields[c.field] {
			return true
		}
	}
	if f.order != nil && fields[f.order.path[0]] {
		return true
	}
	if f.text == "" {
		return len(f.strange) > 0
	}
	for name := range fields {
		if strings.Contains(f.text, name) {
			return true
		}
	}
	return bareWords(f.text)
}

// bareWords reports whether a search may hold a word without a field, which any
// field answers to.
func bareWords(q string) bool {
	var plain strings.Builder
	var until byte // the end of a quotation or a range
	for i := 0; i < len(q); i++ {
		c := q[i]
		switch {
		case c == '\\':
			plain.WriteByte('x')
			i++
		case until != 0:
			if c == until || until == ']' && c == '}' {
				until = 0
			}
		case c == '"':
			until = '"'
			plain.WriteByte('x')
		case c == '[' || c == '{':
			until = ']'
			plain.WriteByte('x')
		case c == '(' || c == ')':
			plain.WriteByte(' ')
		default:
			plain.WriteByte(c)
		}
	}
	for word := range strings.FieldsSeq(plain.String()) {
		switch strings.TrimLeft(word, "+-!") {
		case "AND", "OR", "NOT", "&&", "||", "":
		default:
			if !strings.Contains(word, ":") || strings.HasSuffix(word, ":") {
				return true
			}
		}
	}
	return false
}

// matches reports whether an object is in the listing; otherwise is the answer
// where that cannot be known. The Planner's mutex is held.
func (f *filter) matches(o *engine.Object, otherwise bool) bool {
	for _, c := range f.keep {
		if !c.test(o) && !slices.Contains(f.strange, c.field) {
			return false
		}
	}
	if f.query != nil && !f.query.Match(native(o)) {
		return false
	}
	for _, name := range f.strange {
		f.call.p.cannotKnow(f.call, fmt.Sprintf("whether what the plan has changed is found by %s", name))
	}
	return len(f.strange) == 0 || otherwise
}

// compare orders two objects; what has no value comes last.
func (o *order) compare(a, b *engine.Object) int {
	x, y := o.at(a), o.at(b)
	rank := func(v any) int {
		switch v.(type) {
		case string:
			return 0
		case int64, float64:
			return 1
		}
		return 2
	}
	c := cmp.Compare(rank(x), rank(y))
	if c == 0 {
		switch rank(x) {
		case 0:
			c = cmp.Compare(textOf(x), textOf(y))
		case 1:
			c = cmp.Compare(numberOf(x), numberOf(y))
		}
	}
	return c * o.way
}

func numberOf(v any) float64 {
	switch n := v.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

func (o *order) at(object *engine.Object) any {
	var v any = object
	for _, step := range o.path {
		inner, _ := v.(*engine.Object)
		v, _ = inner.Get(step)
	}
	return v
}
