package yaml

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"a0run/engine"
)

// A store holds what steps have left: variables and results. Each item of a
// for_each has a store of its own above the one in which the step stands, so
// that items that run at the same time do not overwrite each other's names.
type store struct {
	parent *store
	vars   *engine.Object
	// steps has for each id an object {result, status, error}.
	steps *engine.Object
}

func newStore(parent *store) *store {
	return &store{parent: parent, vars: engine.NewObject(4), steps: engine.NewObject(4)}
}

func (s *store) getVar(name string) (any, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars.Get(name); ok {
			return v, true
		}
	}
	return nil, false
}

func (s *store) getStep(id string) (*engine.Object, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.steps.Get(id); ok {
			o, isObject := v.(*engine.Object)
			return o, isObject
		}
	}
	return nil, false
}

// all gathers the entries of every store, the nearest winning.
func (s *store) all(of func(*store) *engine.Object) *engine.Object {
	out := engine.NewObject(8)
	var gather func(*store)
	gather = func(s *store) {
		if s == nil {
			return
		}
		gather(s.parent)
		for k, v := range of(s).All() {
			out.Set(k, v)
		}
	}
	gather(s)
	return out
}

// A scope is what expressions see at one place.
type scope struct {
	store *store
	// item and index (from 1, as Lua counts) of the nearest for_each.
	item  any
	index int
	// tree is item decoded, once something asked for a field of it.
	tree any
	// err is the error inside rescue and always; in the always of a step that
	// went well it is nil, and caught says that it hides Lua's function error.
	err    any
	caught bool
	// role is what tenant: says; "" is the default tenant.
	role string
}

func (sc *scope) withItem(item any, index int) *scope {
	inner := *sc
	inner.store, inner.item, inner.index, inner.tree = newStore(sc.store), item, index, nil
	return &inner
}

func (sc *scope) withError(e *engine.Error) *scope {
	inner := *sc
	inner.caught, inner.err = true, nil
	if e != nil {
		inner.err = shownError(e)
	}
	return &inner
}

func (sc *scope) withRole(role string) *scope {
	inner := *sc
	inner.role = role
	return &inner
}

// env is what an expression needs of the scope, as globals for the VM. Only
// the names that it reads are handed over: an answer of 10,000 users that it
// does not look at is not turned into tables.
func (sc *scope) env(e *expr) *engine.Object {
	env, r := engine.NewObject(4), &e.reads
	if r.allVars {
		env.Set("vars", sc.store.all(func(s *store) *engine.Object { return s.vars }))
	} else if len(r.vars) > 0 {
		vars := engine.NewObject(len(r.vars))
		for name := range r.vars {
			if v, ok := sc.store.getVar(name); ok {
				vars.Set(name, v)
			}
		}
		env.Set("vars", vars)
	}
	if r.allSteps {
		env.Set("steps", sc.store.all(func(s *store) *engine.Object { return s.steps }))
	} else if len(r.steps) > 0 {
		steps := engine.NewObject(len(r.steps))
		for id := range r.steps {
			if o, ok := sc.store.getStep(id); ok {
				steps.Set(id, o)
			}
		}
		env.Set("steps", steps)
	}
	if r.item && sc.index > 0 {
		env.Set("item", sc.item)
	}
	if r.index && sc.index > 0 {
		env.Set("index", int64(sc.index))
	}
	if sc.caught && e.usesError {
		env.Set("error", sc.err) // else a lua step in rescue could not raise
	}
	return env
}

// path follows item.user_id and its like without Lua; ok is false where Lua
// must decide: fields of nil, null, and answers not decoded yet. Objects and
// arrays are Lua's business too, since a null inside of them is absent there.
func (sc *scope) path(p []string) (v any, ok bool) {
	v, p, ok = sc.root(p)
	if !ok {
		return nil, false
	}
	for _, name := range p {
		o, isObject := v.(*engine.Object)
		if !isObject {
			return nil, false
		}
		v, _ = o.Get(name)
	}
	switch v.(type) {
	case bool, string, float64, int64, json.Number:
		return v, true
	}
	return nil, false
}

// root finds where a path begins.
func (sc *scope) root(p []string) (v any, rest []string, ok bool) {
	switch {
	case p[0] == "item" && sc.index > 0:
		if len(p) > 1 {
			return sc.itemTree(), p[1:], true
		}
		return sc.item, nil, true
	case p[0] == "index" && sc.index > 0:
		return int64(sc.index), p[1:], true
	case p[0] == "vars" && len(p) > 1:
		v, ok = sc.store.getVar(p[1])
		return v, p[2:], ok
	case p[0] == "steps" && len(p) > 2:
		o, found := sc.store.getStep(p[1])
		if !found {
			return nil, nil, false
		}
		v, ok = o.Get(p[2])
		return v, p[3:], ok
	}
	return nil, nil, false
}

func (sc *scope) itemTree() any {
	raw, ok := sc.item.(json.RawMessage)
	if !ok {
		return sc.item
	}
	if sc.tree == nil {
		if tree, err := engine.ParseJSON(raw); err == nil {
			sc.tree = tree
		}
	}
	return sc.tree
}

// whole gives what a path names as it is, for who can take an answer
// undecoded.
func (sc *scope) whole(p []string) (any, bool) {
	v, rest, ok := sc.root(p)
	if !ok || len(rest) > 0 {
		return nil, false
	}
	return v, true
}

// shownError is an error for the VM, which makes the table of it that a Lua
// playbook catches, with its method is. What a lua step raised itself counts by
// its message, so that error.message is there whatever it was.
func shownError(e *engine.Error) *engine.Error {
	shown := *e
	shown.Value = nil
	return &shown
}

// errorObject is an error in the result of a parallel call, with the same
// fields.
func errorObject(e *engine.Error) *engine.Object {
	o := engine.NewObject(16)
	set := func(key string, v any, there bool) {
		if there {
			o.Set(key, v)
		}
	}
	set("name", e.Name, true)
	set("message", e.Message, true)
	set("status_code", int64(e.StatusCode), e.StatusCode != 0)
	set("error_code", e.ErrorCode, e.ErrorCode != "")
	set("reset_at", e.ResetAt, e.Name == engine.NameRateLimitError)
	set("request_id", e.RequestID, e.RequestID != "")
	set("operation", e.Operation, e.Operation != "")
	set("where", e.Where.String(), e.Where.File != "")
	set("item", e.Item, e.Item != "")
	set("in_doubt", e.InDoubt, true)
	set("hint", e.HintText, e.HintText != "")
	set("body", e.Body, e.Body != "")
	if content, err := engine.ParseJSON(e.Content); len(e.Content) > 0 && err == nil {
		o.Set("content", content)
	}
	if len(e.Headers) > 0 {
		headers := engine.NewObject(len(e.Headers))
		for _, k := range slices.Sorted(maps.Keys(e.Headers)) { // everybody must see one order
			headers.Set(strings.ToLower(k), strings.Join(e.Headers[k], ", "))
		}
		o.Set("headers", headers)
	}
	if len(e.Items) > 0 {
		o.Set("items", failures(e.Items))
	}
	return o
}

// failures are the failed items of a parallel call, as in its result.
func failures(failed []engine.ItemError) []any {
	out := make([]any, len(failed))
	for i, f := range failed {
		o := engine.NewObject(3)
		o.Set("key", f.Key)
		if f.Item != nil {
			o.Set("item", f.Item)
		}
		o.Set("error", errorObject(f.Err))
		out[i] = o
	}
	return out
}
