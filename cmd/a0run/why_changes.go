package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// A change is a field that had one value and has another; missing stands for
// none.
type change struct {
	path     string
	old, new any
}

// changes compares two trees field by field, inside objects too; lists are
// compared as a whole.
func changes(before, after any) []change { return appendChanges(nil, "", before, after) }

func appendChanges(all []change, path string, before, after any) []change {
	x, isObject := before.(*engine.Object)
	y, both := after.(*engine.Object)
	if !isObject || !both {
		if compactOr(before) != compactOr(after) {
			all = append(all, change{path, before, after})
		}
		return all
	}
	for _, key := range unionKeys(x, y) {
		all = appendChanges(all, join(path, key), valueOr(x, key), valueOr(y, key))
	}
	return all
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func valueOr(o *engine.Object, key string) any {
	if v, ok := o.Get(key); ok {
		return v
	}
	return missing{}
}

// mostValue is how much of a value a line shows.
const mostValue = 120

// line is a change on one line.
func (c change) line(w *world) string {
	value := func(v any) string { return shortened(oneLine(compactOr(v)), mostValue, false) }
	text := ""
	if c.path != "" {
		text = oneLine(c.path) + ": "
	}
	return fmt.Sprintf("%s%s → %s", text, w.paint("31", value(c.old)), w.paint("32", value(c.new)))
}

// changeInfo is a change as --json prints it; what is absent was not there.
type changeInfo struct {
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old,omitempty"`
	New   json.RawMessage `json:"new,omitempty"`
}

func (c change) info() changeInfo {
	value := func(v any) json.RawMessage {
		switch v.(type) {
		case missing, unknown:
			return nil
		case nil:
			return json.RawMessage("null")
		}
		return raw(v)
	}
	return changeInfo{c.path, value(c.old), value(c.new)}
}

func changeInfos(all []change) []changeInfo {
	infos := make([]changeInfo, len(all))
	for i, c := range all {
		infos[i] = c.info()
	}
	return infos
}

// unknown stands for a value that nobody kept.
type unknown struct{}

// changed tells what a call did to the object, field by field, and what the
// fields do not tell.
func (h *history) changed(run *engine.RunRecord, c *engine.CallRecord) ([]change, string) {
	switch {
	case run != nil && doubtful(run, c):
		return nil, "in doubt: it was sent and no answer came"
	case c.State == engine.StateBegun:
		return nil, "sent, and not answered"
	case c.State == engine.StateFailed || c.State == engine.StateEnded:
		return nil, "failed: " + h.problem(c)
	}
	args, _ := h.tree(c.Args).(*engine.Object)
	before, nothing := h.stood(c), engine.NewObject(0)
	op, ok := catalog.Default().Lookup(c.Operation)
	if !ok { // a file
		text, _ := args.Get("text")
		return []change{{"text", before, text}}, ""
	}
	sent := sentFields(op, args)
	switch op.Effect {
	case catalog.Create:
		return h.became(c, sent, nothing), ""
	case catalog.Delete:
		if _, kept := before.(*engine.Object); !kept {
			return nil, "gone; what stood there was not kept"
		}
		return changes(before, nothing), ""
	case catalog.Remove:
		return changes(sent, nothing), ""
	case catalog.Add, catalog.Act:
		return changes(nothing, sent), ""
	default: // patches and replacements
		all := h.became(c, sent, before)
		if _, lost := before.(unknown); len(all) == 0 && !lost {
			return nil, "it stood so already"
		}
		return all, ""
	}
}

// changedObject is changed for one object of a call: its own, or one beside it.
func (h *history) changedObject(run *engine.RunRecord, c *engine.CallRecord, object engine.ObjectRef) ([]change, string) {
	all, note := h.changed(run, c)
	own := object.Kind == c.Kind && object.ID == c.Object
	if c.State != engine.StateDone && c.State != engine.StateResolved || own && (len(all) > 0 || note != "") {
		return all, note
	}
	if related, told, ok := h.related(c, object); ok {
		return related, told
	}
	return all, note
}

// stood is what the before-image of a call says.
func (h *history) stood(c *engine.CallRecord) any {
	i := h.image(c)
	switch {
	case i == nil:
		return unknown{}
	case !i.Found:
		return missing{}
	}
	tree, err := engine.ParseJSON(i.Value)
	if err != nil {
		return unknown{}
	}
	return tree
}

// sentFields are the fields that a call wrote: those of its body.
func sentFields(op *catalog.Operation, args *engine.Object) *engine.Object {
	sent := engine.NewObject(0)
	for name, v := range args.All() {
		arg, known := op.Arg(name)
		switch {
		case name == "body" && (!known || arg.In == catalog.InBody):
			if body, ok := v.(*engine.Object); ok {
				for field, value := range body.All() {
					sent.Set(field, value)
				}
				continue
			}
			sent.Set(name, v)
		case known && (arg.In == catalog.InField || arg.In == catalog.InFile || arg.In == catalog.InBody):
			sent.Set(name, v)
		}
	}
	return sent
}

// became compares the fields that were sent with what stood there; what the
// answer shows counts more than what was sent, since the tenant completes and
// merges.
func (h *history) became(c *engine.CallRecord, sent *engine.Object, before any) []change {
	answer, _ := h.tree(c.Value).(*engine.Object)
	var all []change
	for field, v := range sent.All() {
		var old any = missing{}
		switch was := before.(type) {
		case *engine.Object:
			old = valueOr(was, field)
		case unknown:
			old = unknown{}
		}
		became := v
		if shown, ok := answer.Get(field); ok {
			became = shown
		}
		all = appendChanges(all, field, old, became)
		all = appendHidden(all, field, old, v)
	}
	return all
}

// appendHidden adds what was sent and is hidden: whether it changed anything
// nobody can see.
func appendHidden(all []change, path string, old, sent any) []change {
	if o, ok := sent.(*engine.Object); ok {
		was, _ := old.(*engine.Object)
		for key, v := range o.All() {
			all = appendHidden(all, join(path, key), valueOr(was, key), v)
		}
		return all
	}
	listed := func(c change) bool { return c.path == path || strings.HasPrefix(path, c.path+".") }
	if sent == hiddenText && !slices.ContainsFunc(all, listed) {
		all = append(all, change{path, old, sent})
	}
	return all
}

// fieldAt is the value at a dotted path.
func fieldAt(o *engine.Object, path string) (any, bool) {
	if v, ok := o.Get(path); ok {
		return v, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if v, ok := o.Get(path[:i]); ok {
			inner, _ := v.(*engine.Object)
			return fieldAt(inner, path[i+1:])
		}
	}
	return nil, false
}
