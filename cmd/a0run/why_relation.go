package main

import (
	"encoding/json"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// A party is an object of a call, or several of a kind, as the catalogue names
// them.
type party struct {
	kind string
	ids  []string
	// path says that it stands in the path: the object to which the elements of
	// the body are added, from which they are taken.
	path bool
}

func (p party) has(o engine.ObjectRef) bool { return p.kind == o.Kind && slices.Contains(p.ids, o.ID) }

// parties are the objects that a call names, its own first.
func parties(op *catalog.Operation, args *engine.Object, own engine.ObjectRef) []party {
	var all []party
	if own.ID != "" {
		all = append(all, party{own.Kind, []string{own.ID}, true})
	}
	for _, t := range op.Subject.Also {
		v, _ := image.Scope{Args: args}.Value(t.From)
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		p := party{kind: t.Kind}
		for _, item := range list {
			if id, ok := image.Text(item); ok {
				p.ids = append(p.ids, id)
			}
		}
		if arg, ok := op.Arg(strings.TrimPrefix(t.From, "args.")); ok {
			p.path = arg.In == catalog.InPath
		}
		if len(p.ids) > 0 {
			all = append(all, p)
		}
	}
	// Roles of a member are those of a user in an organization: where a part of
	// an object has the id of an object that is named too, it says nothing.
	said := slices.Clone(all)
	return slices.DeleteFunc(all, func(p party) bool {
		return strings.Contains(p.kind, ".") && slices.ContainsFunc(said, func(o party) bool {
			return !strings.Contains(o.kind, ".") && slices.Equal(o.ids, p.ids)
		})
	})
}

// related tells what a call did to an object that it touches beside its own:
// what was added to it or taken from it. ok is false where the call's own fields
// tell more.
func (h *history) related(c *engine.CallRecord, object engine.ObjectRef) (all []change, note string, ok bool) {
	op, known := catalog.Default().Lookup(c.Operation)
	if !known {
		return nil, "", false
	}
	args, _ := h.tree(c.Args).(*engine.Object)
	own := engine.ObjectRef{Kind: c.Kind, ID: c.Object}
	switch op.Effect {
	case catalog.Create, catalog.Delete:
		if own.ID == "" || own.ID == object.ID {
			return nil, "", false
		}
		return []change{moved(own.Kind, own.ID, op.Effect == catalog.Create)}, "", true
	case catalog.Add, catalog.Remove, catalog.Patch:
	default:
		return nil, "", false
	}
	added, already := op.Effect == catalog.Add, false
	if op.Effect == catalog.Patch {
		if added, ok = flagged(op, args, object); !ok {
			return nil, "", false
		}
	}
	others, inPath := opposite(parties(op, args, own), object)
	if sent := sentFields(op, args); inPath && sent.Len() > 0 {
		return h.sentTo(sent, others, added)
	}
	if stood, sure := h.stoodIn(op, c, args, object); sure {
		already = stood == added
	}
	if already {
		return nil, "it stood so already", true
	}
	for _, p := range others {
		for _, id := range p.ids {
			all = append(all, moved(p.kind, id, added))
		}
	}
	return all, "", len(all) > 0
}

// sentTo is what was added to an object of the path, or taken from it: what was
// sent, and with which other object.
func (h *history) sentTo(sent *engine.Object, others []party, added bool) (all []change, note string, ok bool) {
	var with []string
	for _, p := range others {
		for _, id := range p.ids {
			with = append(with, p.kind+"/"+id)
		}
	}
	if len(with) > 0 {
		note = "with " + strings.Join(with, ", ")
	}
	if added {
		return changes(engine.NewObject(0), sent), note, true
	}
	return changes(sent, engine.NewObject(0)), note, true
}

// opposite are the parties that an object is related to: for one of the body those
// of the path, for one of the path (where there is no body) the others of it.
func opposite(all []party, object engine.ObjectRef) (others []party, inPath bool) {
	for _, p := range all {
		inPath = inPath || p.path && p.has(object)
	}
	for _, p := range all {
		if p.path && !p.has(object) {
			others = append(others, p)
		}
	}
	return others, inPath
}

// moved is something that was added or taken away.
func moved(kind, id string, added bool) change {
	if added {
		return change{kind, missing{}, id}
	}
	return change{kind, id, missing{}}
}

// flagged is the flag of the element of a call that is an object.
func flagged(op *catalog.Operation, args *engine.Object, object engine.ObjectRef) (added, ok bool) {
	if op.Inverse.Elements.Flag == "" {
		return false, false
	}
	for _, item := range elements(op, args) {
		if names(op, item, object) {
			added, ok = image.Field(item, op.Inverse.Elements.Flag).(bool)
		}
	}
	return added, ok
}

func elements(op *catalog.Operation, args *engine.Object) []any {
	sent, _ := image.Scope{Args: args}.Value(op.Inverse.Elements.In)
	return image.Items(sent)
}

// names says whether an element of a call is an object: its id, or an object
// that holds it.
func names(op *catalog.Operation, item any, object engine.ObjectRef) bool {
	if id, ok := image.Text(item); ok {
		return id == object.ID
	}
	for _, m := range op.Inverse.Elements.Match {
		v, _ := image.Scope{Item: item}.Value(m.From)
		if id, ok := image.Text(v); ok && id == object.ID {
			return true
		}
	}
	return false
}

// stoodIn says whether an object was in the relation before the call; sure is
// false where nothing tells.
func (h *history) stoodIn(op *catalog.Operation, c *engine.CallRecord, args *engine.Object, object engine.ObjectRef) (stood, sure bool) {
	i := h.image(c)
	if i == nil || len(op.Inverse.Elements.Match) == 0 {
		return false, false
	}
	for _, item := range elements(op, args) {
		if !names(op, item, object) {
			continue
		}
		before, found := answerOf(i, item)
		if !found {
			return false, false
		}
		there, err := engine.ParseJSON(before)
		if err != nil {
			return false, false
		}
		_, stood = image.Scope{Args: args, Before: there, Item: item}.Match(there, op.Inverse.Elements.Match)
		return stood, true
	}
	return false, false
}

// answerOf is what a before-image says of an element.
func answerOf(i *image.Image, item any) (json.RawMessage, bool) {
	if len(i.Each) == 0 {
		return i.Value, i.Found
	}
	for _, e := range i.Each {
		if v, err := engine.ParseJSON(e.Item); err == nil && image.Same(v, item) {
			return e.Value, e.Found
		}
	}
	return nil, false
}
