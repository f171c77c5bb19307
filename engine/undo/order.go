package undo

import (
	"hash/fnv"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// Writes are undone in reverse order wherever they have to do with each other:
// when they change the same object, or when one changes what the other refers
// to. Who refers to whom is read from their texts, without knowing what a text
// means: an id or a name that stands anywhere in a call's arguments is
// referred to. A text that means something else by chance costs a bit of
// concurrency and nothing else.

// markVoid marks what the run itself has made and deleted again, and what it did
// to it meanwhile: there is nothing to put back.
func markVoid(newestFirst []*change) {
	type object struct{ tenant, kind, id string }
	born := map[object]int{}
	for i := len(newestFirst) - 1; i >= 0; i-- {
		c := newestFirst[i]
		if c.op == nil || c.unknown() {
			continue
		}
		o := object{c.tenant, c.kind, c.object}
		switch first, made := born[o]; {
		case c.op.Effect == catalog.Create:
			born[o] = i
		case c.op.Effect == catalog.Delete && made:
			for _, x := range newestFirst[i : first+1] {
				x.void = x.void || x.op != nil && object{x.tenant, x.kind, x.object} == o
			}
			delete(born, o)
		}
	}
}

// order puts changes, the newest first, into levels: those of one level have
// nothing to do with each other, and each stands behind every later write that
// it has to do with.
func order(newestFirst []*change) [][]*change {
	written, referred := map[uint64]int{}, map[uint64]int{}
	var levels [][]*change
	for _, c := range newestFirst {
		behind := 0
		for _, w := range c.writes {
			behind = max(behind, written[w], referred[w])
		}
		for _, r := range c.refers {
			behind = max(behind, written[r])
		}
		c.level = behind + 1
		for _, w := range c.writes {
			written[w] = max(written[w], c.level)
		}
		for _, r := range c.refers {
			referred[r] = max(referred[r], c.level)
		}
		if len(levels) < c.level {
			levels = append(levels, nil)
		}
		levels[c.level-1] = append(levels[c.level-1], c)
	}
	return levels
}

// touch fills in what a change writes and what it refers to.
func (u *Undo) touch(c *change, w *work) {
	seen := map[uint64]bool{}
	write := func(text string) {
		if h := hashOf(text); !seen[h] {
			seen[h] = true
			c.writes = append(c.writes, h)
		}
	}
	switch {
	case c.op == nil:
		write("file:" + c.object)
		return
	case c.object == "":
		write("kind:" + c.kind)
	default:
		write(c.object)
	}
	// A name that only one object may bear is as good as an id: who renames or
	// deletes its bearer changes what the name means.
	if field := u.uniqueName(c.kind); field != "" {
		for _, tree := range []any{w.sent(), w.answer, w.stood} {
			if name, ok := image.Text(image.Field(tree, field)); ok {
				write(name)
			}
		}
	}
	refer := func(text string) {
		if h := hashOf(text); text != "" && !seen[h] {
			seen[h] = true
			c.refers = append(c.refers, h)
		}
	}
	eachText(w.args, refer)
	switch c.op.Inverse.Body {
	case catalog.SomeElements:
	case catalog.SentFields:
		for field := range w.sent().All() {
			eachText(image.Field(w.stood, field), refer)
		}
	default:
		eachText(w.stood, refer)
	}
}

// uniqueName is the one field that names the objects of a kind; "" where there
// is none.
func (u *Undo) uniqueName(kind string) string {
	for _, op := range u.o.Catalogue.Group(kind) {
		if op.Effect == catalog.Create && op.Subject.Kind == kind && len(op.NaturalKey.Fields) == 1 {
			return op.NaturalKey.Fields[0]
		}
	}
	return ""
}

// eachText gives fn every text of a tree.
func eachText(v any, fn func(text string)) {
	switch x := v.(type) {
	case string:
		fn(x)
	case engine.Secret:
		fn(string(x))
	case []any:
		for _, item := range x {
			eachText(item, fn)
		}
	case *engine.Object:
		for _, item := range x.All() {
			eachText(item, fn)
		}
	}
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash's Write never fails
	return h.Sum64()
}
