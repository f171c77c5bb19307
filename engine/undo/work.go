package undo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// work is one change with its record open.
type work struct {
	u      *Undo
	c      *change
	task   *engine.Task       // that undoes it
	op     *catalog.Operation // nil for a file
	with   *catalog.Operation // what undoes it; nil where nothing does
	args   *engine.Object
	answer any
	before *image.Image // nil where none was kept
	stood  any          // the before-image's value; nil where nothing stood there
	// secrets are the texts that must not be shown.
	secrets map[string]bool
	random  func() string
}

// open reads what a record holds. ids are the objects that came back under
// other ids: whatever mentions the old one means the new one.
func (u *Undo) open(c *change, rec *engine.CallRecord, ids map[string]string) (*work, error) {
	w := &work{u: u, c: c, op: c.op, secrets: map[string]bool{}}
	args, err := u.tree(rec.Args)
	if err != nil {
		return nil, err
	}
	if w.args, _ = args.(*engine.Object); w.args == nil {
		w.args = engine.NewObject(0)
	}
	if w.answer, err = u.tree(rec.Value); err != nil {
		return nil, err
	}
	text, err := u.opened(rec.Before)
	if err != nil {
		return nil, err
	}
	if w.before, err = image.Parse(text); err != nil {
		return nil, err
	}
	if w.op != nil {
		w.with, _ = u.o.Catalogue.Lookup(w.op.Inverse.With)
		w.renamed(ids)
	}
	if w.before != nil {
		if w.stood, err = valueOf(w.before.Found, w.before.Value); err != nil {
			return nil, err
		}
	}
	w.findSecrets()
	if w.answer == nil && rec.Object != "" && w.op != nil && w.op.Subject.Field != "" {
		// A person has said what it made, and nobody has read it.
		made := engine.NewObject(1)
		made.Set(w.op.Subject.Field, rec.Object)
		w.answer = made
	}
	return w, nil
}

func (u *Undo) opened(text json.RawMessage) (json.RawMessage, error) {
	if len(text) == 0 || u.o.Open == nil {
		return text, nil
	}
	return u.o.Open(text)
}

func (u *Undo) tree(text json.RawMessage) (any, error) {
	text, err := u.opened(text)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	tree, err := engine.ParseJSON(text)
	if err != nil {
		return nil, nil //nolint:nilerr // an answer that is no JSON (a text) has no fields to look at
	}
	return tree, nil
}

func valueOf(found bool, text json.RawMessage) (any, error) {
	if !found || len(text) == 0 {
		return nil, nil
	}
	return engine.ParseJSON(text)
}

// renamed puts the new ids in the place of the old ones.
func (w *work) renamed(ids map[string]string) {
	if len(ids) == 0 {
		return
	}
	w.args, _ = replaced(w.args, ids).(*engine.Object)
	w.answer = replaced(w.answer, ids)
	if w.before == nil {
		return
	}
	b := *w.before
	b.Value = replacedText(b.Value, ids)
	b.Each = make([]image.Element, len(w.before.Each))
	for i, e := range w.before.Each {
		b.Each[i] = image.Element{Item: replacedText(e.Item, ids), Found: e.Found, Value: replacedText(e.Value, ids)}
	}
	w.before = &b
}

func replacedText(text json.RawMessage, ids map[string]string) json.RawMessage {
	tree, err := engine.ParseJSON(text)
	if err != nil {
		return text
	}
	if out, err := engine.FormatJSON(replaced(tree, ids)); err == nil {
		return out
	}
	return text
}

// replaced is a copy of a tree with other ids.
func replaced(v any, ids map[string]string) any {
	switch x := v.(type) {
	case string:
		if id, ok := ids[x]; ok {
			return id
		}
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = replaced(item, ids)
		}
		return out
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			out.Set(name, replaced(item, ids))
		}
		return out
	}
	return v
}

// findSecrets collects the texts that the catalogue marks.
func (w *work) findSecrets() {
	if w.op == nil {
		return
	}
	add := func(tree any, paths []string) {
		for _, path := range paths {
			engine.VisitTexts(tree, path, func(text string) { w.secrets[text] = true })
		}
	}
	add(w.sent(), w.op.Secrets)
	add(w.answer, w.op.SecretAnswers)
	for i := range w.op.Args {
		if a := &w.op.Args[i]; a.Secret {
			v, _ := w.args.Get(a.Name)
			eachText(v, func(text string) { w.secrets[text] = true })
		}
	}
	w.markRead(w.stood, w.op.Inverse.Before)
}

// markRead marks the secrets in what an operation read.
func (w *work) markRead(tree any, read string) {
	op, ok := w.u.o.Catalogue.Lookup(read)
	if !ok {
		return
	}
	for _, path := range slices.Concat(op.SecretAnswers, w.op.Secrets) {
		engine.VisitTexts(tree, strings.TrimPrefix(path, "[]."), func(text string) { w.secrets[text] = true })
		engine.VisitTexts(tree, path, func(text string) { w.secrets[text] = true })
	}
}

// id is the object that the call is about; "" for what is the only one.
func (w *work) id() string {
	if w.op == nil {
		return ""
	}
	v, _ := w.args.Get(w.op.Subject.ID)
	if w.op.Subject.ID == "" && w.op.Effect == catalog.Create {
		v = image.Field(w.answer, w.op.Subject.Field)
	}
	id, _ := image.Text(v)
	return id
}

// sent is the body of the call as one object: its whole body, or its fields.
func (w *work) sent() *engine.Object {
	if body, ok := w.args.Get("body"); ok {
		o, _ := body.(*engine.Object)
		return o
	}
	fields := engine.NewObject(4)
	if w.op == nil {
		return fields
	}
	for i := range w.op.Args {
		a := &w.op.Args[i]
		if v, ok := w.args.Get(a.Name); ok && a.In == catalog.InField {
			fields.Set(a.WireName(), v)
		}
	}
	return fields
}

func (w *work) scope(item any) image.Scope {
	return image.Scope{Args: w.args, Answer: w.answer, Before: w.stood, Item: item, Random: w.random}
}

// arguments are those of With, with a body that is made already; missing names
// a required one that nothing gives.
func (w *work) arguments(with *catalog.Operation, body, item any) (args *engine.Object, missing string) {
	args = engine.NewObject(4)
	for i := range with.Args {
		a := &with.Args[i]
		own, has := w.args.Get(a.Name)
		switch {
		case a.In == catalog.InBody:
			if body != nil {
				args.Set(a.Name, body)
			}
		case a.In == catalog.InField:
			if v := image.Field(body, a.WireName()); v != nil {
				args.Set(a.Name, v)
			}
		case with.ID == w.op.Inverse.With && w.named(a.Name):
			// Args says it, or nothing does: an id is not always the same id.
		case has && (a.In == catalog.InPath || a.In == catalog.InQuery || a.In == catalog.InHeader):
			args.Set(a.Name, own)
		case w.op.Effect == catalog.Create && a.Name == with.Subject.ID && a.Name != "":
			if v := image.Field(w.answer, w.op.Subject.Field); v != nil {
				args.Set(a.Name, v)
			}
		}
	}
	if with.ID == w.op.Inverse.With {
		w.addArgs(args, item)
	}
	for i := range with.Args {
		if a := &with.Args[i]; a.Required {
			if _, ok := args.Get(a.Name); !ok {
				return args, a.Name
			}
		}
	}
	return args, ""
}

// named reports whether Inverse.Args says what an argument is.
func (w *work) named(arg string) bool {
	return slices.ContainsFunc(w.op.Inverse.Args, func(a catalog.ArgFrom) bool { return a.Name == arg })
}

// addArgs sets what Inverse.Args says.
func (w *work) addArgs(args *engine.Object, item any) {
	scope := w.scope(item)
	for _, a := range w.op.Inverse.Args {
		if !scope.Holds(a.When) {
			continue
		}
		if v, ok := scope.Value(a.From); ok {
			put(args, strings.Split(a.Name, "."), v)
		}
	}
}

// put sets a value at a path, making the objects on the way anew so that none
// that somebody else holds is changed.
func put(into *engine.Object, path []string, v any) {
	if len(path) == 1 {
		into.Set(path[0], v)
		return
	}
	inner := engine.NewObject(4)
	if o, ok := image.Field(into, path[0]).(*engine.Object); ok {
		for name, item := range o.All() {
			inner.Set(name, item)
		}
	}
	put(inner, path[1:], v)
	into.Set(path[0], inner)
}

// at is the value at a path, and whether its last field is there.
func at(v any, path []string) (any, bool) {
	for i, step := range path {
		o, _ := v.(*engine.Object)
		x, ok := o.Get(step)
		if !ok {
			return nil, false
		}
		if v = x; i == len(path)-1 {
			return v, true
		}
	}
	return v, v != nil
}

// without is a copy of a value without the fields of some dotted paths.
func without(v any, paths [][]string) any {
	o, ok := v.(*engine.Object)
	if !ok || len(paths) == 0 {
		return v
	}
	out := engine.NewObject(o.Len())
	for name, item := range o.All() {
		var deeper [][]string
		drop := false
		for _, path := range paths {
			switch {
			case path[0] != name:
			case len(path) == 1:
				drop = true
			default:
				deeper = append(deeper, path[1:])
			}
		}
		if !drop {
			out.Set(name, without(item, deeper))
		}
	}
	return out
}

// position reads "file:line:col".
func position(text string) engine.Position {
	p := engine.Position{File: text}
	var numbers []int
	for len(numbers) < 2 {
		i := strings.LastIndexByte(p.File, ':')
		if i < 0 {
			break
		}
		n, err := strconv.Atoi(p.File[i+1:])
		if err != nil {
			break
		}
		p.File = p.File[:i]
		numbers = append([]int{n}, numbers...)
	}
	switch len(numbers) {
	case 1:
		p.Line = numbers[0]
	case 2:
		p.Line, p.Column = numbers[0], numbers[1]
	}
	return p
}

// unreadable is the error of a record that is not what it should be.
func (c *change) unreadable(err error) error {
	return fmt.Errorf("the record of %s at %s cannot be read: %w", c.name, c.where, err)
}
