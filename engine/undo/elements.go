package undo

import (
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// An element is one element of a relation or list that a call changed.
type element struct {
	item any // as it was sent
	was  any // the before-image's item; nil where it had none
	had  bool
}

// elements are those that the call really changed: added ones that were not
// there, removed ones that were.
func (w *work) elements() []element {
	el := w.op.Inverse.Elements
	sent, _ := w.scope(nil).Value(el.In)
	var out []element
	for _, item := range image.Items(sent) {
		e := element{item: item}
		e.was, e.had = w.scope(item).Match(partOf(w.before, item), el.Match)
		switch {
		case el.Flag != "":
			if on, _ := image.Field(item, el.Flag).(bool); on == e.had {
				continue
			}
		case el.Patch:
			if !e.had || w.same(restrict(e.was, item), item) {
				continue
			}
		case e.had != (w.op.Effect == catalog.Remove):
			continue
		}
		out = append(out, e)
	}
	return out
}

// partOf is the part of an image that an element is looked for in.
func partOf(i *image.Image, item any) any {
	if i == nil {
		return nil
	}
	found, value := i.Found, i.Value
	for _, e := range i.Each {
		if tree, err := engine.ParseJSON(e.Item); err == nil && image.Same(tree, item) {
			found, value = e.Found, e.Value
		}
	}
	tree, err := valueOf(found, value)
	if err != nil {
		return nil
	}
	return tree
}

// restrict is what an item has at the keys of another.
func restrict(item, keys any) any {
	o, ok := keys.(*engine.Object)
	if !ok {
		return item
	}
	out := engine.NewObject(o.Len())
	for name := range o.All() {
		if v := image.Field(item, name); v != nil {
			out.Set(name, v)
		}
	}
	return out
}

// decideElements turns the elements round that the call changed.
func (w *work) decideElements(now *image.Image, force bool) (decision, error) {
	el := w.op.Inverse.Elements
	var todo []element
	var diffs, changed []Diff
	for _, e := range w.elements() {
		is, has := w.scope(e.item).Match(partOf(now, e.item), el.Match)
		if el.Patch {
			then := restrict(e.was, e.item)
			switch {
			case !has || w.same(restrict(is, e.item), then):
				continue
			case !w.same(restrict(is, e.item), e.item):
				changed = append(changed, w.diff(w.label(e.item), restrict(is, e.item), e.item)...)
			}
			diffs = append(diffs, w.diff(w.label(e.item), restrict(is, e.item), then)...)
		} else {
			if has == e.had {
				continue
			}
			d := Diff{Field: w.label(e.item), Now: there, Then: gone}
			if e.had {
				d.Now, d.Then = gone, there
			}
			diffs = append(diffs, d)
		}
		todo = append(todo, e)
	}
	switch {
	case len(changed) > 0 && !force:
		return left(changedSince, changed...), nil
	case len(todo) == 0:
		return already(asBefore), nil
	}
	calls, missing := w.elementCalls(todo)
	if missing != "" {
		return impossible("the record does not say its " + missing), nil
	}
	d := decision{verdict: PutBack, calls: calls, diffs: diffs}
	var err error
	d.after, err = w.turned(now, todo)
	return d, err
}

// label is an element in few words: its id, or what identifies it.
func (w *work) label(item any) string {
	if text, ok := image.Text(item); ok {
		return w.u.o.Redactor.Redact(text)
	}
	var parts []string
	for _, m := range w.op.Inverse.Elements.Match {
		if v, ok := w.scope(item).Value(m.From); ok {
			parts = append(parts, strings.Trim(w.shown(v), `"`))
		}
	}
	return strings.Join(parts, " ")
}

// elementCalls are the calls for some elements: one with a list, or one each.
func (w *work) elementCalls(todo []element) ([]call, string) {
	el := w.op.Inverse.Elements
	if el.Each {
		var calls []call
		for _, e := range todo {
			args, missing := w.arguments(w.with, nil, e.item)
			if missing != "" {
				return nil, missing
			}
			calls = append(calls, call{w.with, args})
		}
		return calls, ""
	}
	list := make([]any, len(todo))
	for i, e := range todo {
		switch {
		case el.Patch:
			list[i] = restrict(e.was, e.item)
		case el.Flag != "":
			turned := engine.NewObject(2)
			put(turned, []string{el.Flag}, e.had)
			if o, ok := e.item.(*engine.Object); ok {
				for name, v := range o.All() {
					if name != el.Flag {
						turned.Set(name, v)
					}
				}
			}
			list[i] = turned
		default:
			list[i] = w.made(e.item)
		}
	}
	return w.listCall(list)
}

// made is an element as With takes it.
func (w *work) made(item any) any {
	makes := w.op.Inverse.Elements.Make
	if len(makes) == 0 {
		return item
	}
	out := engine.NewObject(len(makes))
	for _, m := range makes {
		if v, ok := w.scope(item).Value(m.From); ok && w.scope(item).Holds(m.When) {
			put(out, strings.Split(m.Name, "."), v)
		}
	}
	return out
}

// listCall is the call of With with a list of elements.
func (w *work) listCall(list []any) ([]call, string) {
	to := strings.Split(w.op.Inverse.Elements.To, ".")
	args, missing := w.arguments(w.with, nil, nil)
	put(args, to, list)
	if missing == to[0] {
		missing = "" // it was the list that was missing
	}
	return []call{{w.with, args}}, missing
}

// turned is what stands there when the elements were turned round.
func (w *work) turned(now *image.Image, todo []element) (*image.Image, error) {
	after := *now
	after.Each = append([]image.Element(nil), now.Each...)
	for _, e := range todo {
		tree := w.without(partOf(&after, e.item), e)
		if e.had {
			tree = with(tree, e.was, w.listed())
		}
		text, err := engine.FormatJSON(tree)
		if err != nil {
			return nil, err
		}
		found := !nothingThere(tree)
		if len(after.Each) == 0 {
			after.Found, after.Value = found, text
		}
		for i := range after.Each {
			item, err := engine.ParseJSON(after.Each[i].Item)
			if err == nil && image.Same(item, e.item) {
				after.Each[i].Found, after.Each[i].Value = found, text
			}
		}
	}
	return &after, nil
}

// without is a relation without an element.
func (w *work) without(there any, e element) any {
	is, has := w.scope(e.item).Match(there, w.op.Inverse.Elements.Match)
	if !has {
		return there
	}
	switch x := there.(type) {
	case []any:
		kept := []any{}
		for _, item := range x {
			if !image.Same(item, is) {
				kept = append(kept, item)
			}
		}
		return kept
	case *engine.Object:
		if name, ok := image.Text(is); ok {
			return without(x, [][]string{{name}})
		}
	}
	return nil
}

// with is a relation with an element more.
func with(there, item any, listed bool) any {
	switch x := there.(type) {
	case []any:
		return append(x[:len(x):len(x)], item)
	case *engine.Object:
		return x // keys, whose values nobody shows
	}
	if listed {
		return []any{item}
	}
	return item
}

// listed reports whether the before-image is a list.
func (w *work) listed() bool {
	read, ok := w.u.o.Catalogue.Lookup(w.op.Inverse.Before)
	return ok && read.IsListing()
}

// decideList puts back a list that was replaced as a whole.
func (w *work) decideList(now *image.Image, tree any, force bool) decision {
	project := func(v any) []any {
		list := []any{}
		for _, item := range image.Items(v) {
			list = append(list, w.made(item))
		}
		return list
	}
	before, is := project(w.stood), project(tree)
	to := strings.Split(w.op.Inverse.Elements.To, ".")
	was, known := listIn(w.answer, to[len(to)-1])
	if known {
		was = project(was)
	} else if w.with == w.op {
		was, known = at(w.args, to)
	}
	switch {
	case known && w.same(was, before):
		return already(changeNothing)
	case now != nil && w.same(is, before):
		return already(asBefore)
	case now != nil && known && !force && !w.same(is, was):
		return left(changedSince, w.diff(w.op.Inverse.Elements.To, is, was)...)
	}
	calls, missing := w.listCall(before)
	if missing != "" {
		return impossible("the record does not say its " + missing)
	}
	return decision{verdict: PutBack, calls: calls, diffs: w.diff(w.op.Inverse.Elements.To, is, before), after: w.before}
}

// listIn is the list that an answer is, or holds under a name.
func listIn(answer any, name string) (any, bool) {
	if list, ok := answer.([]any); ok {
		return list, true
	}
	list, ok := image.Field(answer, name).([]any)
	return list, ok
}
