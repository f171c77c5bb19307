package yaml

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"a0run/engine"
)

// modifier reads one modifier of a step; false says that name is none.
func (b *builder) modifier(s *step, name string, e entry) bool {
	v := e.value
	switch name {
	case "id":
		s.id, s.idAt = b.identifier(v, "id"), v.at
	case "name":
		s.name = b.constantText(v, "name")
	case "tenant":
		s.tenant = v
		b.compile(v)
		if _, ok := v.text(); !ok {
			b.problem(v.at, "", "tenant takes the name of a role, got %s", v.what())
		}
	case "when":
		s.when = b.condition(v)
	case "for_each":
		b.forEach(s, v)
	case "key":
		s.key = v
		b.compile(v)
		if key, ok := v.text(); !ok || key == "" {
			b.problem(v.at, "write key: ${{ item.name }}, or key: name", "key takes an expression or the name of a field, got %s", v.what())
			s.key = nil
		}
	case "collect":
		on, ok := v.value.(bool)
		if !ok {
			b.problem(v.at, "", "collect must be true or false, got %s", v.what())
		}
		s.collect = on
	case "register":
		s.register = b.identifier(v, "register")
	default:
		return b.bound(s, name, v)
	}
	return true
}

// bound reads the modifiers that say how and when a step runs.
func (b *builder) bound(s *step, name string, v *node) bool {
	switch name {
	case "concurrency":
		s.concurrency = b.number(v, "concurrency", func(x any) error { _, err := count(x, 1); return err })
	case "timeout":
		s.timeout = b.number(v, "timeout", func(x any) error { _, err := duration(x); return err })
	case "retry":
		s.retry = b.retry(v)
	case "needs":
		b.needs(s, v)
	case "on_error":
		s.onError = b.onError(v)
	case "undo":
		s.undo = b.undo(v)
	case "weight":
		s.weight = b.weight(v)
	case "rescue":
		s.rescue = b.list(v, "rescue")
	case "always":
		s.always = b.list(v, "always")
	default:
		return false
	}
	return true
}

// weight reads a step's share of the rate budget.
func (b *builder) weight(v *node) float64 {
	var n float64
	switch x := v.value.(type) {
	case int64:
		n = float64(x)
	case float64:
		n = x
	}
	if v.kind != scalar || !engine.ValidWeight(n) {
		b.problem(v.at, "1 is an equal share, 3 three times as much", "weight takes a number from 0.01 to 1000, the step's share of the rate budget, got %s", v.what())
		return 0
	}
	return n
}

// undo reads the policy of before-images.
func (b *builder) undo(v *node) engine.UndoPolicy {
	text, _ := v.text()
	if policy, ok := engine.ParseUndo(text); ok && v.kind == scalar {
		return policy
	}
	b.problem(v.at, "auto keeps what stood there where it can be read, full insists on it, off keeps nothing",
		"undo must be auto, full or off, got %s", v.what())
	return ""
}

func (b *builder) constantText(v *node, what string) string {
	s, ok := v.text()
	b.compile(v)
	if !ok || v.tmpl != nil {
		b.problem(v.at, "", "%s must be a text without expressions", what)
		return ""
	}
	return s
}

// condition reads when: true, false, or one expression.
func (b *builder) condition(v *node) *node {
	b.compile(v)
	if _, ok := v.value.(bool); ok || v.tmpl != nil && (v.tmpl.whole || v.tmpl.broken) {
		return v
	}
	hint := "write when: ${{ … }}"
	if s, ok := v.text(); ok && v.tmpl == nil {
		hint = "write when: ${{ " + s + " }}"
	} else if v.tmpl != nil {
		hint = "put the whole condition into one ${{ }}; a text is always true"
	}
	b.problem(v.at, hint, "when must be true, false or one expression, got %s", v.what())
	return nil
}

// number reads a modifier that is a constant or one expression; check says
// what is wrong with a constant.
func (b *builder) number(v *node, what string, check func(any) error) *node {
	b.compile(v)
	if v.tmpl != nil && (v.tmpl.whole || v.tmpl.broken) {
		return v
	}
	err := errors.New("got " + v.what())
	if v.kind == scalar && v.tmpl == nil && v.value != nil {
		err = check(v.value)
	}
	if err != nil {
		b.problem(v.at, "", "%s: %s", what, err.Error())
		return nil
	}
	return v
}

// forEach reads for_each: a list, an expression, or one action.
func (b *builder) forEach(s *step, v *node) {
	s.forEach = v
	b.compile(v)
	switch {
	case v.kind == sequence, v.tmpl != nil && (v.tmpl.whole || v.tmpl.broken):
	case v.kind == mapping && len(v.keys) == 1:
		s.eachEntries = []entry{{v.keys[0], v.values[0]}}
	case v.kind == mapping:
		b.problem(v.at, "", "for_each takes one action, got a mapping of %d keys", len(v.keys))
	default:
		b.problem(v.at, "", "for_each takes a list, an expression or one action ({auth0.users.each: {…}}), got %s", v.what())
	}
}

// retry reads a number of further tries, or {times, delay, on}.
func (b *builder) retry(v *node) *retry {
	times := func(n *node) *node {
		return b.number(n, "retry", func(x any) error { _, err := count(x, 0); return err })
	}
	if v.kind != mapping {
		return &retry{times: times(v)}
	}
	r := &retry{}
	for i, k := range v.keys {
		x := v.values[i]
		switch k.value {
		case "times":
			r.times = times(x)
		case "delay":
			r.delay = b.number(x, "delay", func(x any) error { _, err := duration(x); return err })
		case "on":
			r.on = b.errorNames(x)
		default:
			b.problem(k.at, didYouMean(engine.Nearest(k.value.(string), []string{"times", "delay", "on"})), "retry: unknown key %s", k.value)
		}
	}
	if r.times == nil {
		if _, ok := v.get("times"); !ok {
			b.problem(v.at, "write {times: 3}", "retry does not say how many times")
		}
	}
	return r
}

// errorNames reads the names of errors, one or a list.
func (b *builder) errorNames(v *node) []string {
	if s, ok := v.text(); ok {
		v = &node{kind: sequence, values: []*node{{at: v.at, value: s}}}
	}
	known := []string{
		engine.NameAuth0Error, engine.NameRateLimitError, engine.NameTokenValidationError, engine.NameTimeoutError,
		engine.NameNetworkError, engine.NameArgumentError, engine.NameParallelError, engine.NameScriptError, engine.NameFileError,
	}
	var out []string
	for _, x := range v.values {
		s, ok := x.text()
		if !ok {
			b.problem(x.at, "", "on takes names of errors, got %s", x.what())
			continue
		}
		found := false
		for _, k := range known {
			found = found || k == s
		}
		if !found {
			b.problem(x.at, didYouMean(engine.Nearest(s, known)), "there is no error %s", s)
		}
		out = append(out, s)
	}
	if v.kind != sequence {
		b.problem(v.at, "", "on takes a list of names of errors, got %s", v.what())
	}
	return out
}

func (b *builder) needs(s *step, v *node) {
	s.hasNeeds, s.needsAt = true, v.at
	if _, ok := v.text(); ok {
		v = &node{kind: sequence, at: v.at, values: []*node{v}}
	}
	if v.kind != sequence {
		b.problem(v.at, "write needs: [a, b]; needs: [] starts at once", "needs takes a list of step ids, got %s", v.what())
		return
	}
	for _, x := range v.values {
		id, ok := x.text()
		if !ok {
			b.problem(x.at, "", "needs takes ids of steps, got %s", x.what())
			continue
		}
		s.needs = append(s.needs, need{id, x.at})
	}
}

func (b *builder) onError(v *node) engine.OnError {
	s, _ := v.text()
	switch o := engine.OnError(s); o {
	case engine.Stop, engine.Continue:
		return o
	}
	b.problem(v.at, didYouMean(engine.Nearest(s, []string{"stop", "continue"})), "on_error is stop or continue, got %s", v.what())
	return engine.Stop
}

// count reads a whole number of at least least.
func count(v any, least int64) (int, error) {
	var n int64
	switch x := v.(type) {
	case int64:
		n = x
	case float64:
		if x != math.Trunc(x) || math.Abs(x) > 1<<31 {
			return 0, fmt.Errorf("got %v, want a whole number", x)
		}
		n = int64(x)
	case int:
		n = int64(x)
	default:
		return 0, fmt.Errorf("got %s, want a whole number", typeName(v))
	}
	if n < least || n > 1<<31-1 {
		return 0, fmt.Errorf("got %d, want a whole number from %d", n, least)
	}
	return int(n), nil
}

// duration reads "30s", or seconds.
func duration(v any) (time.Duration, error) {
	var d time.Duration
	switch x := v.(type) {
	case string:
		var ok bool
		if d, ok = engine.ParseDuration(x); !ok {
			return 0, fmt.Errorf("got %q, want seconds or a text as 500ms, 30s, 5m, 2h, 1d", x)
		}
	case int64:
		d = seconds(float64(x))
	case float64:
		d = seconds(x)
	default:
		return 0, fmt.Errorf("got %s, want seconds or a text as 500ms, 30s, 5m, 2h", typeName(v))
	}
	if d <= 0 || d == math.MaxInt64 {
		return 0, fmt.Errorf("got %v, want more than nothing and less than a century", v)
	}
	return d, nil
}

func seconds(s float64) time.Duration {
	if s > 3e9 {
		return math.MaxInt64
	}
	return time.Duration(s * float64(time.Second))
}

// typeName says in a message what kind of value v is.
func typeName(v any) string {
	switch x := v.(type) {
	case nil:
		return "nil"
	case engine.Null:
		return "null"
	case bool:
		return "a boolean"
	case string, engine.Secret:
		return "a string"
	case float64, int64, json.Number:
		return "a number"
	case *engine.Object:
		return "an object"
	case []any:
		return "an array"
	case *engine.Iterator:
		return "an iterator"
	case *engine.Namespace:
		return "a tenant"
	case json.RawMessage:
		return rawTypeName(x)
	}
	return "a value that YAML cannot use"
}

func rawTypeName(raw json.RawMessage) string {
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\n', '\r':
			continue
		case '{':
			return "an object"
		case '[':
			return "an array"
		case '"':
			return "a string"
		case 't', 'f':
			return "a boolean"
		case 'n':
			return "null"
		}
		return "a number"
	}
	return "nothing"
}
