package rules

import (
	"encoding/json"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Request is what an operation takes; its zero value takes everything.
type Request struct{ r *request }

// Of finds what an operation takes, by its verb and its path below the API's
// root with nameless parameters ("GET /users/{}/roles").
func Of(at string) Request {
	i := sort.Search(len(requests), func(i int) bool { return requests[i].at >= at })
	if i < len(requests) && requests[i].at == at {
		return Request{&requests[i]}
	}
	return Request{}
}

// Known reports whether Auth0's document has the operation.
func (r Request) Known() bool { return r.r != nil }

// HasQuery reports whether the operation has a query parameter.
func (r Request) HasQuery(name string) bool { return r.r != nil && find(r.r.query, name) != nil }

// TakesBody reports whether anything is known of a body.
func (r Request) TakesBody() bool { return r.r != nil && r.r.body != anything }

// A Mistake is what is wrong with a request, in the words of Auth0's validator.
type Mistake struct {
	Text string
	// Property is the path of the place ("options.attributes[0].name"), "" for
	// the whole.
	Property string
}

// Body holds decoded JSON (numbers as json.Number) against the schema. nil
// means that nothing is wrong.
func (r Request) Body(v any) *Mistake {
	if r.r == nil {
		return nil
	}
	var c checker
	return c.value(r.r.body, v)
}

// Path holds the i-th parameter of the path against its schema.
func (r Request) Path(i int, text string) *Mistake {
	if r.r == nil || i >= len(r.r.path) {
		return nil
	}
	var c checker
	return c.written(r.r.path[i], []string{text})
}

// UserID holds a text against the format of users' ids. The paths' parameters
// have none in the API's document, and it was seen to be checked.
func UserID(text string) *Mistake {
	if formed("user-id", text) {
		return nil
	}
	return &Mistake{Text: "Object didn't pass validation for format user-id: " + text}
}

// Query holds a query parameter against its schema; a repeated one, or one with
// commas where a list is wanted, is a list.
func (r Request) Query(name string, values []string) *Mistake {
	if r.r == nil {
		return nil
	}
	return parameter(r.r.query, name, values)
}

// Header holds a header that is a parameter against its schema.
func (r Request) Header(name, value string) *Mistake {
	if r.r == nil {
		return nil
	}
	return parameter(r.r.header, name, []string{value})
}

// Headers are the headers that are parameters.
func (r Request) Headers() []string {
	var out []string
	if r.r != nil {
		for _, m := range r.r.header {
			out = append(out, m.name)
		}
	}
	return out
}

// Missing is the first query parameter that is required and not there.
func (r Request) Missing(has func(name string) bool) string {
	if r.r != nil {
		for _, m := range r.r.query {
			if m.must && !has(m.name) {
				return m.name
			}
		}
	}
	return ""
}

func parameter(list []member, name string, values []string) *Mistake {
	m := find(list, name)
	if m == nil {
		return nil
	}
	c := checker{path: []step{{name: name}}}
	return c.written(m.rule, values)
}

// written checks a value that a request has as text.
func (c *checker) written(id ruleID, values []string) *Mistake {
	text := values[len(values)-1]
	switch k := c.kindsOf(id); {
	case k&isArray != 0:
		var list []any
		for _, v := range values {
			for one := range strings.SplitSeq(v, ",") {
				list = append(list, one)
			}
		}
		return c.value(id, list)
	case k == 0 || k&isText != 0:
		return c.value(id, text)
	case k&(isWhole|isNumber) != 0 && numberLike(text):
		return c.value(id, json.Number(text))
	case k&isBool != 0 && (text == "true" || text == "false"):
		return c.value(id, text == "true")
	}
	return c.value(id, text)
}

// numberLike reports whether a text is a JSON number.
func numberLike(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.Trim(s, "0123456789+-.eE") == ""
}

// kindsOf are those that a place may hold by itself or by its alternatives.
func (c *checker) kindsOf(id ruleID) kinds {
	r := &rows[id]
	k := r.kinds
	for _, alt := range r.one {
		k |= c.kindsOf(alt)
	}
	return k
}

// maxDepth bounds how deep a body is looked into.
const maxDepth = 100

type checker struct{ path []step }

// A step is a field, or a place in a list from 1 on.
type step struct {
	name  string
	index int
}

func (c *checker) wrong(text string) *Mistake { return &Mistake{Text: text, Property: c.where()} }

func (c *checker) where() string {
	var b strings.Builder
	for _, s := range c.path {
		if s.index > 0 {
			b.WriteString("[" + strconv.Itoa(s.index-1) + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
	}
	return b.String()
}

func kindOf(v any) kinds {
	switch v := v.(type) {
	case nil:
		return isNull
	case bool:
		return isBool
	case string:
		return isText
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			return isWhole
		}
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) {
			return isWhole
		}
		return isNumber
	case []any:
		return isArray
	}
	return isObject
}

// value checks what stands in one place and gives the first mistake.
func (c *checker) value(id ruleID, v any) *Mistake {
	if id == anything || len(c.path) > maxDepth {
		return nil
	}
	r := &rows[id]
	k := kindOf(v)
	if r.kinds != 0 && r.kinds&k == 0 {
		return c.wrong("Expected type " + nameOf(r.kinds) + " but found type " + nameOf(k))
	}
	if m := c.plain(r, k, v); m != nil {
		return m
	}
	for _, part := range r.all {
		if m := c.value(part, v); m != nil {
			return m
		}
	}
	return c.oneOf(r, v)
}

func (c *checker) plain(r *rule, k kinds, v any) *Mistake {
	switch k {
	case isText:
		return c.text(r, v.(string))
	case isBool:
		if r.enum != nil && !contains(r.enum, strconv.FormatBool(v.(bool))) {
			return c.wrong("No enum match for: " + strconv.FormatBool(v.(bool)))
		}
	case isWhole, isNumber:
		return c.number(r, v.(json.Number))
	case isObject:
		if o, ok := v.(map[string]any); ok {
			return c.object(r, o)
		}
	case isArray:
		return c.array(r, v.([]any))
	case isNull:
	}
	return nil
}

// oneOf wants one of the alternatives to hold; the mistake of the only one that
// takes such a kind of value says more than that none of them does.
func (c *checker) oneOf(r *rule, v any) *Mistake {
	if r.one == nil {
		return nil
	}
	var first *Mistake
	near := 0
	for _, alt := range r.one {
		m := c.value(alt, v)
		if m == nil {
			return nil
		}
		if k := rows[alt].kinds; k == 0 || k&kindOf(v) != 0 {
			first = m
			near++
		}
	}
	if near == 1 {
		return first
	}
	return c.wrong("Data does not match any schemas from 'oneOf'")
}

func (c *checker) number(r *rule, n json.Number) *Mistake {
	f, err := n.Float64()
	if err != nil {
		return c.wrong("Expected type number but found type string")
	}
	if r.hasLow && f < r.low {
		return c.wrong("Value " + string(n) + " is less than minimum " + trim(r.low))
	}
	if r.hasHigh && f > r.high {
		return c.wrong("Value " + string(n) + " is greater than maximum " + trim(r.high))
	}
	return nil
}

func trim(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (c *checker) text(r *rule, s string) *Mistake {
	if r.enum != nil && !contains(r.enum, s) {
		return c.wrong("No enum match for: " + s)
	}
	if r.minLen > 0 || r.maxLen > 0 {
		n := utf8.RuneCountInString(s)
		if n < r.minLen {
			return c.wrong("String is too short (" + strconv.Itoa(n) + " chars), minimum " + strconv.Itoa(r.minLen))
		}
		if r.maxLen > 0 && n > r.maxLen {
			return c.wrong("String is too long (" + strconv.Itoa(n) + " chars), maximum " + strconv.Itoa(r.maxLen))
		}
	}
	if r.pattern != "" && !matches(r.pattern, s) {
		return c.wrong("String does not match pattern " + r.pattern + ": " + s)
	}
	if r.format != "" && !formed(r.format, s) {
		return c.wrong("Object didn't pass validation for format " + r.format + ": " + s)
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func (c *checker) array(r *rule, list []any) *Mistake {
	if r.minItems > 0 && len(list) < r.minItems {
		return c.wrong("Array is too short (" + strconv.Itoa(len(list)) + "), minimum " + strconv.Itoa(r.minItems))
	}
	if r.maxItems > 0 && len(list) > r.maxItems {
		return c.wrong("Array is too long (" + strconv.Itoa(len(list)) + "), maximum " + strconv.Itoa(r.maxItems))
	}
	if r.items == anything {
		return nil
	}
	at := len(c.path)
	c.path = append(c.path, step{})
	defer func() { c.path = c.path[:at] }()
	for i, v := range list {
		c.path[at] = step{index: i + 1}
		if m := c.value(r.items, v); m != nil {
			return m
		}
	}
	return nil
}

func (c *checker) object(r *rule, o map[string]any) *Mistake {
	if r.minProps > 0 && len(o) < r.minProps {
		return c.wrong("Too few properties defined (" + strconv.Itoa(len(o)) + "), minimum " + strconv.Itoa(r.minProps))
	}
	if r.maxProps > 0 && len(o) > r.maxProps-1 {
		return c.wrong("Too many properties defined (" + strconv.Itoa(len(o)) + "), maximum " + strconv.Itoa(r.maxProps-1))
	}
	if r.rest == nothing {
		if m := c.closed(r, o); m != nil {
			return m
		}
	}
	for i := range r.fields {
		if f := &r.fields[i]; f.must {
			if _, has := o[f.name]; !has {
				return c.wrong("Missing required property: " + f.name)
			}
		}
	}
	return c.fields(r, o)
}

func (c *checker) closed(r *rule, o map[string]any) *Mistake {
	var extra []string
	for name := range o {
		if find(r.fields, name) == nil {
			extra = append(extra, name)
		}
	}
	if extra == nil {
		return nil
	}
	sort.Strings(extra)
	return c.wrong("Additional properties not allowed: " + strings.Join(extra, ","))
}

func (c *checker) fields(r *rule, o map[string]any) *Mistake {
	at := len(c.path)
	c.path = append(c.path, step{})
	defer func() { c.path = c.path[:at] }()
	for i := range r.fields {
		f := &r.fields[i]
		v, has := o[f.name]
		if !has || f.rule == anything {
			continue
		}
		c.path[at] = step{name: f.name}
		if m := c.value(f.rule, v); m != nil {
			return m
		}
	}
	if r.rest <= nothing {
		return nil
	}
	var names []string
	for name := range o {
		if find(r.fields, name) == nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		c.path[at] = step{name: name}
		if m := c.value(r.rest, o[name]); m != nil {
			return m
		}
	}
	return nil
}

// nameOf is a set of kinds in the validator's words.
func nameOf(k kinds) string {
	switch {
	case k&isText != 0:
		return "string"
	case k&isNumber != 0:
		return "number"
	case k&isWhole != 0:
		return "integer"
	case k&isBool != 0:
		return "boolean"
	case k&isObject != 0:
		return "object"
	case k&isArray != 0:
		return "array"
	}
	return "null"
}
