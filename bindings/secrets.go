package bindings

import (
	"encoding/json"
	"sort"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// marked copies the arguments of a call with what the catalogue calls secret
// marked as such, and makes the values known to the redactor. The real values
// go to the client; the marked copy goes into events and the journal.
func (a *apiCall) marked(values *engine.Object) *engine.Object {
	out := engine.NewObject(values.Len())
	for name, v := range values.All() {
		arg, ok := a.op.Arg(name)
		if s, isText := v.(string); ok && arg.Secret && isText {
			a.table.know(s)
			v = engine.Secret(s)
		}
		if s, isText := v.(string); ok && arg.Type == catalog.File && isText {
			v = fileDigest(s) // a file is no part of a record, and may hold hashes of passwords
		}
		out.Set(name, v)
	}
	for _, path := range a.op.Secrets {
		if body, ok := out.Get("body"); ok {
			out.Set("body", a.table.mark(body, strings.Split(path, ".")))
			continue
		}
		field, rest, deeper := strings.Cut(strings.Replace(path, "[]", ".[]", 1), ".")
		if v, ok := out.Get(field); ok && deeper {
			out.Set(field, a.table.mark(v, strings.Split(rest, ".")))
		}
	}
	return out
}

// mark copies the branch of a tree that leads to a secret and marks it. A step
// "name[]" goes through every element of the array; "*" through every key.
func (t *table) mark(v any, path []string) any {
	if len(path) == 0 {
		return t.markLeaf(v)
	}
	step, elements := strings.CutSuffix(path[0], "[]")
	rest := path[1:]
	if elements {
		rest = append([]string{"[]"}, rest...)
		if step == "" {
			return t.markElements(v, path[1:])
		}
	}
	o, ok := v.(*engine.Object)
	if !ok {
		return v
	}
	out := engine.NewObject(o.Len())
	for name, x := range o.All() {
		if name == step || step == "*" {
			x = t.mark(x, rest)
		}
		out.Set(name, x)
	}
	return out
}

func (t *table) markElements(v any, rest []string) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = t.mark(x, rest)
	}
	return out
}

// markLeaf marks a text; of anything else that stands in a secret's place all
// texts are secret.
func (t *table) markLeaf(v any) any {
	switch x := v.(type) {
	case string:
		t.know(x)
		return engine.Secret(x)
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = t.markLeaf(item)
		}
		return out
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			out.Set(name, t.markLeaf(item))
		}
		return out
	}
	return v
}

// know makes a secret known to the run's redactor.
func (t *table) know(secret string) {
	if t.cfg.Redactor != nil && secret != "" {
		t.cfg.Redactor.Add(secret)
	}
}

// learnAnswer makes the secrets of an answer known before anybody sees it.
func (t *table) learnAnswer(body json.RawMessage, op *catalog.Operation) {
	if !engine.Mentions(body, op.SecretAnswers) {
		return // the usual case, and a tenth of a call's time
	}
	tree, err := engine.ParseJSON(body)
	if err != nil {
		return // not JSON: the front end will say so
	}
	items := []any{tree}
	if list, ok := tree.([]any); ok {
		items = list
	} else if o, ok := tree.(*engine.Object); ok && op.Paging.Items != "" {
		if wrapped, found := o.Get(op.Paging.Items); found {
			if list, ok := wrapped.([]any); ok {
				items = list
			}
		}
	}
	for _, item := range items {
		for _, path := range op.SecretAnswers {
			t.mark(item, strings.Split(path, "."))
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
