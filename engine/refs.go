package engine

import (
	"encoding/json"
	"strings"

	"a0run/client/catalog"
)

// refHead is how much of a value is looked for first; shorter values are found
// only where they are the whole of a text.
const refHead = 8

// refs are the values that a run's own calls returned and that are others in
// every execution of the same work: ids that the tenant made, tokens, secrets.
// In canonical arguments and paths each is written as a reference to the call
// that returned it, so that the placeholder id of a plan and the real one, an
// expired token and its successor, give the same key. Guarded by the baton.
type refs struct {
	whole  map[string]string
	byHead map[string][]string // values by their first refHead bytes
}

// add makes a value known; the first call that returned it names it.
func (r *refs) add(value, name string) {
	if value == "" {
		return
	}
	if r.whole == nil {
		r.whole, r.byHead = map[string]string{}, map[string][]string{}
	}
	if _, known := r.whole[value]; known {
		return
	}
	r.whole[value] = name
	if len(value) >= refHead {
		head := value[:refHead]
		r.byHead[head] = append(r.byHead[head], value)
	}
}

// in is s with every known value written as ref(KEY).
func (r *refs) in(s string) string {
	if len(r.whole) == 0 {
		return s
	}
	if name, ok := r.whole[s]; ok {
		return "ref(" + name + ")"
	}
	var b strings.Builder
	from := 0
	for i := 0; i+refHead <= len(s); i++ {
		value := longestPrefix(s[i:], r.byHead[s[i:i+refHead]])
		if value == "" {
			continue
		}
		b.WriteString(s[from:i])
		b.WriteString("ref(" + r.whole[value] + ")")
		from = i + len(value)
		i = from - 1
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// args are the arguments of which an action's key is made. A digest hides the
// values in its text: where there are some, the text itself stands in its place.
// The others keep the digest, and with it the key that older versions gave them.
func (r *refs) args(a *Action) *Object {
	text, ok := a.Payload.(string)
	if !ok || a.PayloadArg == "" || len(r.whole) == 0 {
		return a.Args
	}
	canon := r.in(text)
	if canon == text {
		return a.Args
	}
	args := NewObject(a.Args.Len())
	for name, v := range a.Args.All() {
		args.Set(name, v)
	}
	args.Set(a.PayloadArg, canon)
	return args
}

func longestPrefix(s string, values []string) string {
	best := ""
	for _, v := range values {
		if len(v) > len(best) && strings.HasPrefix(s, v) {
			best = v
		}
	}
	return best
}

// learn takes the values out of the answer of a call that makes or fetches
// something. What the playbook itself has chosen (a user_id that it gave) is
// the same in every execution and no reference.
func (r *Run) learn(c *Call, out Outcome) {
	op := c.Operation
	if op == nil || out.Err != nil {
		return
	}
	raw, ok := out.Value.(json.RawMessage)
	if !ok || op.Effect != catalog.Create && op.Effect != catalog.Act && !Mentions(raw, op.SecretAnswers) {
		return // nothing in it differs between executions: the usual case
	}
	tree, err := ParseJSON(raw)
	if err != nil {
		return
	}
	if id := textAt(tree, op.Subject.Field); id != "" && !chosen(c.Args, id) {
		r.refs.add(id, c.Key)
	}
	for _, path := range op.SecretAnswers {
		VisitTexts(tree, path, func(text string) {
			if !chosen(c.Args, text) {
				r.refs.add(text, c.Key+"."+path)
			}
		})
	}
}

// Mentions reports whether a JSON text can hold something at one of the paths:
// whether the name of its field stands in it. Every answer is looked through
// several times, so it goes over the bytes once for all names. bytes.Contains for
// each, which compares everywhere, took a twentieth of a journaled call;
// bytes.IndexByte from quote to quote, of which there is one in six bytes, half of that.
func Mentions(text []byte, paths []string) bool {
	var few [8]string
	var begins [256]bool // with which bytes names begin
	names := few[:0]
	for _, path := range paths {
		name := strings.TrimRight(path[strings.LastIndexByte(path, '.')+1:], "[]")
		if name == "" || name == "*" {
			return true
		}
		names = append(names, name)
		begins[name[0]] = true
	}
	if len(names) == 0 {
		return false
	}
	for i := 1; i < len(text); i++ {
		if text[i-1] != '"' || !begins[text[i]] {
			continue
		}
		rest := text[i:]
		for _, name := range names {
			if n := len(name); len(rest) > n && rest[n] == '"' && string(rest[:n]) == name {
				return true
			}
		}
	}
	return false
}

// textAt is the text of a field of an object, "" where there is none.
func textAt(tree any, field string) string {
	o, ok := tree.(*Object)
	if !ok || field == "" {
		return ""
	}
	v, _ := o.Get(field)
	s, _ := v.(string)
	return s
}

// chosen reports whether the playbook gave a value, or the part of it behind
// the provider of a user's id.
func chosen(args any, value string) bool {
	switch v := args.(type) {
	case string:
		return v == value || v != "" && strings.HasSuffix(value, "|"+v)
	case Secret:
		return string(v) == value
	case *Object:
		for _, x := range v.All() {
			if chosen(x, value) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if chosen(x, value) {
				return true
			}
		}
	}
	return false
}

// VisitTexts gives fn every text at a path of the catalogue's form ("password",
// "secrets[].value", "options.*") of a tree, or of each item of a list.
func VisitTexts(tree any, path string, fn func(text string)) {
	switch v := tree.(type) {
	case []any:
		for _, item := range v {
			VisitTexts(item, path, fn)
		}
	case string:
		if path == "" {
			fn(v)
		}
	case *Object:
		if path == "" {
			for _, x := range v.All() {
				VisitTexts(x, "", fn)
			}
			return
		}
		step, rest, _ := strings.Cut(path, ".")
		step = strings.TrimSuffix(step, "[]")
		for name, x := range v.All() {
			if step == "*" || step == name {
				VisitTexts(x, rest, fn)
			}
		}
	}
}
