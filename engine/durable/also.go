package durable

import (
	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// also names what a mutating call touches beside its own object, as the
// catalogue says: each object once, redacted as the object itself, and with a
// bound, since a body may name any number.
func (s *Session) also(c *engine.Call, rec *engine.CallRecord) {
	if c.Operation == nil || !rec.Mutates || len(c.Operation.Subject.Also) == 0 {
		return
	}
	own := engine.ObjectRef{Kind: rec.Kind, ID: rec.Object}
	seen := map[engine.ObjectRef]bool{own: true}
	for _, o := range touched(c.Operation, c.Args) {
		if o.ID = s.o.Redactor.Redact(o.ID); o.ID == "" || seen[o] {
			continue
		}
		seen[o] = true
		if len(rec.Also) == engine.MostAlso {
			rec.AlsoMore++
			continue
		}
		rec.Also = append(rec.Also, o)
	}
}

// touched are the objects that stand in the places of Subject.Also.
func touched(op *catalog.Operation, args *engine.Object) []engine.ObjectRef {
	var all []engine.ObjectRef
	for _, t := range op.Subject.Also {
		v, _ := image.Scope{Args: args}.Value(t.From)
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, item := range list {
			if id, ok := image.Text(item); ok {
				all = append(all, engine.ObjectRef{Kind: t.Kind, ID: id})
			}
		}
	}
	return all
}
