package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Operations are those of the table, by verb and path.
func Operations() []string {
	var out []string
	for i := range requests {
		out = append(out, requests[i].at)
	}
	return out
}

// Patterns and Formats are those that the table uses.
func Patterns() []string {
	return used(func(r *rule) string { return r.pattern })
}

func Formats() []string {
	return used(func(r *rule) string { return r.format })
}

func used(of func(*rule) string) []string {
	set := map[string]bool{}
	for i := range rows {
		if s := of(&rows[i]); s != "" {
			set[s] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// Matches and Formed are the checks of texts.
func Matches(pattern, s string) bool { return matches(pattern, s) }

func Formed(format, s string) bool { return formed(format, s) }

// A Maker makes requests that the table takes, and spoils them.
type Maker struct {
	R *rand.Rand
	// Text gives a text of a pattern or a format, "" where it knows none.
	Text func(pattern, format string) string
	// Full makes optional fields too.
	Full bool
}

// Body is a body that the operation takes, nil where it takes none.
func (m *Maker) Body(r Request) any {
	if !r.TakesBody() {
		return nil
	}
	return m.value(r.r.body, 0)
}

// Query are query parameters that the operation takes, those that must be
// there and, where m is full, some others.
func (m *Maker) Query(r Request) map[string]string {
	out := map[string]string{}
	for _, p := range r.r.query {
		if p.must {
			out[p.name] = fmt.Sprint(first(m.value(p.rule, 0)))
		}
	}
	return out
}

func first(v any) any {
	if l, ok := v.([]any); ok && len(l) > 0 {
		return l[0]
	}
	return v
}

func (m *Maker) value(id ruleID, depth int) any {
	r := &rows[id]
	if r.one != nil && depth < 12 {
		return m.alternative(r, depth)
	}
	if r.all != nil {
		return m.both(r, depth)
	}
	var can []kinds
	for _, k := range []kinds{isText, isWhole, isBool, isObject, isArray} {
		if r.kinds&k != 0 {
			can = append(can, k)
		}
	}
	if can == nil {
		if r.kinds != 0 {
			return nil // only null
		}
		if r.fields == nil {
			can = []kinds{isText}
		} else {
			can = []kinds{isObject}
		}
	}
	switch can[m.R.IntN(len(can))] {
	case isText:
		return m.text(r)
	case isBool:
		return r.enum == nil && m.R.IntN(2) == 0 || r.enum != nil && r.enum[0] == "true"
	case isObject:
		return m.object(r, depth)
	case isArray:
		return m.array(r, depth)
	default: // isWhole, isNumber; null is a type of its own nowhere
		return m.number(r)
	}
}

// alternative is a value of one of a rule's alternatives with what the rule
// says by itself.
func (m *Maker) alternative(r *rule, depth int) any {
	v := m.value(r.one[m.R.IntN(len(r.one))], depth)
	if o, ok := v.(map[string]any); ok && r.fields != nil {
		own := *r
		own.one = nil
		for k, f := range m.object(&own, depth) {
			if _, has := o[k]; !has {
				o[k] = f
			}
		}
	}
	return v
}

func (m *Maker) both(r *rule, depth int) any {
	own := *r
	own.all = nil
	if r.fields == nil {
		return m.value(r.all[len(r.all)-1], depth)
	}
	out := m.object(&own, depth)
	for _, part := range r.all {
		if o, ok := m.value(part, depth).(map[string]any); ok {
			for k, f := range o {
				if _, has := out[k]; !has {
					out[k] = f
				}
			}
		}
	}
	return out
}

func (m *Maker) number(r *rule) any {
	low := int64(0)
	if r.hasLow {
		low = int64(math.Ceil(r.low))
	}
	high := low + 3
	if r.hasHigh {
		high = min(high, int64(r.high))
	}
	return json.Number(strconv.FormatInt(low+m.R.Int64N(max(1, high-low+1)), 10))
}

func (m *Maker) text(r *rule) string {
	if r.enum != nil {
		return r.enum[m.R.IntN(len(r.enum))]
	}
	if r.pattern != "" || r.format != "" {
		if s := m.Text(r.pattern, r.format); s != "" {
			if r.maxLen > 0 && len(s) > r.maxLen {
				s = s[:r.maxLen]
			}
			return s
		}
	}
	n := max(r.minLen, min(6, max(1, r.maxLen)))
	if r.maxLen == 0 {
		n = max(r.minLen, 6)
	}
	return strings.Repeat("a", n-min(n, 3)) + fmt.Sprintf("%03d", m.R.IntN(1000))[:min(n, 3)]
}

func (m *Maker) array(r *rule, depth int) []any {
	n := r.minItems
	if n == 0 && m.Full && depth < 6 {
		n = 1
	}
	out := []any{}
	for range n {
		out = append(out, m.value(r.items, depth+1))
	}
	return out
}

func (m *Maker) object(r *rule, depth int) map[string]any {
	out := map[string]any{}
	limit := r.maxProps - 1
	for _, f := range r.fields {
		if f.must {
			out[f.name] = m.value(f.rule, depth+1)
		}
	}
	for _, i := range m.R.Perm(len(r.fields)) {
		f := r.fields[i]
		if f.must || limit >= 0 && len(out) >= limit {
			continue
		}
		if len(out) < r.minProps || m.Full && depth < 6 && m.R.IntN(3) > 0 {
			out[f.name] = m.value(f.rule, depth+1)
		}
	}
	for i := 0; len(out) < r.minProps; i++ {
		out["key"+strconv.Itoa(i)] = m.value(r.rest, depth+1)
	}
	return out
}

// A Spoiled is a body made wrong.
type Spoiled struct {
	How  string
	Body any
}

// Spoil gives bodies that the operation must refuse, each wrong in one place,
// made of one that it takes. Only places that no alternative has are spoiled:
// there wrong is wrong.
func (m *Maker) Spoil(r Request, body any) []Spoiled {
	var out []Spoiled
	add := func(how string, v any) { out = append(out, Spoiled{how, v}) }
	m.spoil(r.r.body, body, "", func(how string, v any) { add(how, v) })
	return out
}

func (m *Maker) spoil(id ruleID, v any, at string, put func(string, any)) {
	r := &rows[id]
	if wrong := wrongKind(m.allKinds(id)); wrong != nil {
		put(at+": wrong type", wrong)
	}
	if r.one != nil || r.all != nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		m.spoilObject(r, v, at, put)
	case []any:
		if r.maxItems > 0 && len(v) > 0 {
			put(at+": too many items", slices.Repeat(v[:1], r.maxItems+1))
		}
		if r.minItems > 0 {
			put(at+": too few items", v[:r.minItems-1])
		}
		for i, one := range v {
			m.spoil(r.items, one, at+"["+strconv.Itoa(i)+"]", func(how string, wrong any) {
				l := slices.Clone(v)
				l[i] = wrong
				put(how, l)
			})
		}
	case string:
		m.spoilText(r, at, put)
	case json.Number:
		if r.hasLow {
			put(at+": too small", json.Number(strconv.FormatFloat(r.low-1, 'f', -1, 64)))
		}
		if r.hasHigh {
			put(at+": too great", json.Number(strconv.FormatFloat(r.high+1, 'f', -1, 64)))
		}
		if r.kinds&isWhole != 0 && r.kinds&isNumber == 0 {
			put(at+": not whole", json.Number("1.5"))
		}
	}
}

func (m *Maker) spoilText(r *rule, at string, put func(string, any)) {
	if r.enum != nil {
		put(at+": outside the enum", "no-such-value-!")
	}
	if r.maxLen > 0 {
		put(at+": too long", strings.Repeat("a", r.maxLen+1))
	}
	if r.minLen > 0 {
		put(at+": too short", strings.Repeat("a", r.minLen-1))
	}
	if r.pattern != "" && !matches(r.pattern, " <\x00> ") {
		put(at+": not of the pattern", " <\x00> ")
	}
	if r.format != "" && !formed(r.format, " <\x00> ") {
		put(at+": not of the format", " <\x00> ")
	}
}

func (m *Maker) spoilObject(r *rule, o map[string]any, at string, put func(string, any)) {
	with := func(how string, change func(map[string]any)) {
		n := maps.Clone(o)
		change(n)
		put(how, n)
	}
	if r.rest == nothing {
		with(at+": a field too many", func(n map[string]any) { n["no_such_field"] = "x" })
	}
	for _, f := range r.fields {
		if f.must {
			with(at+"."+f.name+": missing", func(n map[string]any) { delete(n, f.name) })
		}
		v, has := o[f.name]
		if !has {
			continue
		}
		m.spoil(f.rule, v, at+"."+f.name, func(how string, wrong any) {
			with(how, func(n map[string]any) { n[f.name] = wrong })
		})
	}
}

// allKinds are those that a place may hold, 0 for all.
func (m *Maker) allKinds(id ruleID) kinds {
	r := &rows[id]
	k := r.kinds
	if r.one == nil {
		return k
	}
	for _, alt := range r.one {
		one := m.allKinds(alt)
		if one == 0 && k == 0 {
			return 0
		}
		k |= one
	}
	return k
}

// wrongKind is a value of a kind that a place does not take, nil where there is
// none.
func wrongKind(k kinds) any {
	switch {
	case k == 0:
		return nil
	case k&isObject == 0:
		return map[string]any{"wrong": true}
	case k&isArray == 0:
		return []any{[]any{}}
	case k&isText == 0:
		return "wrong"
	}
	return nil
}

// WrongQueries are query parameters that an operation must refuse.
func WrongQueries(r Request) []string {
	var out []string
	for _, p := range r.r.query {
		var c checker
		k := c.kindsOf(p.rule)
		row := &rows[p.rule]
		switch {
		case k&(isText|isArray) == 0 && k != 0:
			out = append(out, p.name+"=wrong")
		case row.enum != nil:
			out = append(out, p.name+"=no-such-value")
		}
		if row.hasHigh {
			out = append(out, p.name+"="+strconv.FormatFloat(row.high+1, 'f', -1, 64))
		}
		if row.hasLow {
			out = append(out, p.name+"="+strconv.FormatFloat(row.low-1, 'f', -1, 64))
		}
		if row.maxLen > 0 {
			out = append(out, p.name+"="+strings.Repeat("a", row.maxLen+1))
		}
	}
	return out
}

// PathText is a text that the i-th parameter of a path takes.
func (m *Maker) PathText(r Request, i int) string {
	if r.r == nil || i >= len(r.r.path) {
		return "made-up"
	}
	s, _ := m.value(r.r.path[i], 0).(string)
	return s
}
