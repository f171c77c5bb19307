package yaml

import (
	"bytes"
	"encoding/json"

	"a0run/engine"
)

// forEach runs a step's action for every item, as parallel.each does, or
// parallel.map with collect.
func (r *runner) forEach(s site, st *step, o engine.TryOptions) (any, error) {
	concurrency, err := quantity(r, s, st.concurrency, func(v any) (int, error) { return count(v, 1) })
	if err != nil {
		return nil, err
	}
	src, done, err := r.source(s, st)
	if err != nil {
		return nil, placed(err, st.forEach.at)
	}
	defer done()
	opts := engine.EachOptions{
		Concurrency: concurrency, OnError: st.onError, Timeout: o.Timeout, Retry: o.Retry,
		Collect: st.collect, Where: st.at,
		Key: func(index int, item any) (string, error) { return r.itemKey(s, st, s.sc.withItem(item, index+1)) },
	}
	res, err := s.t.Each(opts, src, func(t *engine.Task, index int, item any) (any, error) {
		in := site{t, s.sc.withItem(item, index+1)}
		if st.when != nil && st.perItem(st.when) {
			if yes, err := r.condition(in, st.when); !yes || err != nil {
				return nil, err
			}
		}
		if st.tenant != nil && st.perItem(st.tenant) {
			var err error
			if in.sc, err = r.withTenant(in, st.tenant); err != nil {
				return nil, err
			}
		}
		return r.item(in, st)
	})
	if err != nil {
		return nil, err
	}
	return eachResult(res, st.collect), nil
}

// item does the action for one item. Its parallel call, if it is one, has no
// options of its own: those of the step are for_each's.
func (r *runner) item(s site, st *step) (any, error) {
	var v any
	var err error
	if st.act.kind == parallelAction {
		v, err = r.branches(s, st, engine.EachOptions{Where: st.act.at})
	} else {
		v, err = r.act(s, st.act)
	}
	if err != nil {
		return nil, placed(err, st.act.at)
	}
	return v, nil
}

func eachResult(res *engine.EachResult, collect bool) any {
	if collect {
		out := make([]any, len(res.Values))
		for i, v := range res.Values {
			if v == nil {
				v = engine.Null{}
			}
			out[i] = v
		}
		return out
	}
	o := engine.NewObject(2)
	o.Set("done", int64(res.Done))
	o.Set("failed", failures(res.Failed))
	return o
}

// itemKey is key: evaluated, or the field that it names; or the item's own id.
func (r *runner) itemKey(s site, st *step, sc *scope) (string, error) {
	switch n := st.key; {
	case n == nil:
		return ownKey(sc.itemTree()), nil
	case n.tmpl == nil:
		name, _ := n.text()
		o, _ := sc.itemTree().(*engine.Object)
		v, _ := o.Get(name)
		key, ok := keyText(v)
		if !ok {
			return "", scriptError(n.at, "item %d has no field %s to be its key", sc.index, name)
		}
		return key, nil
	}
	v, err := r.eval(s.t, st.key, sc)
	if err != nil {
		return "", err
	}
	key, ok := keyText(v)
	if !ok {
		return "", scriptError(st.key.at, "key must give a string or a number, got %s for item %d", typeName(v), sc.index)
	}
	return key, nil
}

// ownKey is the key of an item that nobody named; numbers are written as Lua
// writes them, so that both languages give the same paths.
func ownKey(item any) string {
	if key, ok := keyText(item); ok {
		return key
	}
	o, _ := item.(*engine.Object)
	return engine.ItemKey(nil, func(name string) (string, bool) {
		v, _ := o.Get(name)
		return keyText(v)
	})
}

// keyText is a string or number as a key.
func keyText(v any) (string, bool) {
	if _, isBool := v.(bool); isBool {
		return "", false
	}
	return text(v)
}

// source gives the items of for_each; done ends a listing early.
func (r *runner) source(s site, st *step) (src engine.Source, done func(), err error) {
	var v any
	n := st.forEach
	switch {
	case st.eachAct != nil:
		v, err = r.call(s, st.eachAct)
	case n.tmpl != nil:
		e := n.tmpl.parts[0].expr
		if r.skipped(s.sc, e.path) {
			return items(nil), func() {}, nil
		}
		var whole bool
		if e.path != nil {
			v, whole = s.sc.whole(e.path)
		}
		if !whole {
			v, err = r.expr(s.t, e, s.sc)
		}
	default:
		v, err = r.eval(s.t, n, s.sc)
	}
	if err != nil {
		return nil, nil, err
	}
	return sourceOf(n, v)
}

// skipped says that a path is the result of a step that was skipped: there is
// nothing to do for each of nothing, and a skipped step stops nobody.
func (r *runner) skipped(sc *scope, path []string) bool {
	if len(path) != 3 || path[0] != "steps" || path[2] != "result" {
		return false
	}
	o, ok := sc.store.getStep(path[1])
	status, _ := o.Get("status")
	return ok && status == engine.StepSkipped
}

func sourceOf(n *node, v any) (engine.Source, func(), error) {
	switch v := v.(type) {
	case *engine.Iterator:
		next := func(t *engine.Task) (any, bool, error) {
			raw, ok, err := v.Next(t)
			if err != nil || !ok {
				return nil, false, placed(err, n.at)
			}
			return plainItem(raw), true, nil
		}
		return next, func() { closeIterator(v) }, nil
	case []any:
		return items(v), func() {}, nil
	case json.RawMessage:
		dec := json.NewDecoder(bytes.NewReader(v))
		if open, err := dec.Token(); err != nil || open != json.Delim('[') {
			break
		}
		return func(*engine.Task) (any, bool, error) {
			if !dec.More() {
				return nil, false, nil
			}
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				return nil, false, scriptError(n.at, "the list is broken JSON: %s", err.Error())
			}
			return plainItem(raw), true, nil
		}, func() {}, nil
	case *engine.Object:
		if v.Len() == 0 { // an empty table of Lua
			return items(nil), func() {}, nil
		}
	}
	return nil, nil, scriptError(n.at, "for_each needs a list, got %s", typeName(v))
}

func closeIterator(it *engine.Iterator) {
	if it.Close != nil {
		it.Close()
	}
}

func items(list []any) engine.Source {
	n := len(list)
	return func(t *engine.Task) (any, bool, error) {
		if len(list) == n {
			t.Expect(n)
		}
		if len(list) == 0 {
			return nil, false, nil
		}
		item := list[0]
		list = list[1:]
		if raw, ok := item.(json.RawMessage); ok {
			item = plainItem(raw)
		}
		return item, true, nil
	}
}

// plainItem decodes scalars; an object stays as it is until something asks for
// a field.
func plainItem(raw json.RawMessage) any {
	switch rawTypeName(raw) {
	case "an object", "an array":
		return raw
	}
	if v, err := engine.ParseJSON(raw); err == nil {
		return v
	}
	return raw
}

// parallel runs the branches of a parallel step.
func (r *runner) parallel(s site, st *step, o engine.TryOptions) (any, error) {
	concurrency, err := quantity(r, s, st.concurrency, func(v any) (int, error) { return count(v, 1) })
	if err != nil {
		return nil, err
	}
	return r.branches(s, st, engine.EachOptions{
		Concurrency: concurrency, OnError: st.onError, Timeout: o.Timeout, Retry: o.Retry, Where: st.act.at,
	})
}

// branches runs each branch in a task of its own; the result has what came of
// each under its key.
func (r *runner) branches(s site, st *step, o engine.EachOptions) (any, error) {
	all := st.act.branches
	o.Collect = true
	o.Key = func(index int, _ any) (string, error) { return all[index].key, nil }
	next := 0
	src := func(*engine.Task) (any, bool, error) {
		next++
		if next > len(all) {
			return nil, false, nil
		}
		return nil, true, nil
	}
	if o.Concurrency == 0 {
		o.Concurrency = max(len(all), 1)
	}
	o.Branches = true
	res, err := s.t.Each(o, src, func(t *engine.Task, index int, _ any) (any, error) {
		return r.list(site{t, s.sc}, all[index].body)
	})
	if err != nil {
		return nil, err
	}
	out := engine.NewObject(len(all))
	for i, b := range all {
		if b.key != "" && res.Values[i] != nil {
			out.Set(b.key, res.Values[i])
		}
	}
	return out, nil
}
