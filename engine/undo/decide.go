package undo

import (
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// A decision is what is to be done about a change, given what stands there now.
type decision struct {
	verdict Verdict
	reason  string
	diffs   []Diff
	calls   []call
	// after is what stands there when the calls were made; a preview goes on
	// with it.
	after *image.Image
	// remade says that the object is made again.
	remade bool
	notes  []string
}

// A call is one call that undoes.
type call struct {
	op   *catalog.Operation
	args *engine.Object
}

// What is said of objects as a whole.
const (
	there = "there"
	gone  = "absent"
)

func already(reason string) decision    { return decision{verdict: Already, reason: reason} }
func impossible(reason string) decision { return decision{verdict: Impossible, reason: reason} }
func left(reason string, diffs ...Diff) decision {
	return decision{verdict: Left, reason: reason, diffs: diffs}
}

const (
	asBefore      = "it is as before already"
	changedSince  = "it has changed since"
	notKept       = "what stood there before was not kept: undo was off, or it could not be read"
	changeNothing = "the call changed nothing"
)

func nothingThere(v any) bool { return image.Same(v, nil) }

// beforehand decides what can be decided without looking.
func (w *work) beforehand() (d decision, done bool) {
	in := w.op.Inverse
	switch {
	case w.c.void:
		return already("the run itself made the object and deleted it again"), true
	case w.op.Effect != catalog.Create && in.Before != "" && w.before == nil && (w.with != nil || in.Absent != ""):
		return impossible(notKept), true
	case w.with == nil && (in.Absent == "" || w.before == nil || w.before.Found):
		return impossible(in.None), true
	case in.Body == catalog.SentFields && len(w.changed(w.sentUnits())) == 0:
		return w.nothingSent(), true
	case in.Body == catalog.SomeElements && in.Elements.In != "" && len(w.elements()) == 0:
		return already(changeNothing), true
	case w.op.Effect == catalog.Delete && in.Before != "" && !w.before.Found:
		return already("nothing stood there before"), true
	}
	return decision{}, false
}

// nothingSent is the decision about a patch of which no field has changed, or
// none that could be put back.
func (w *work) nothingSent() decision {
	if lost := w.lostFields(); len(lost) > 0 {
		return impossible("it wrote only what cannot be put back: " + strings.Join(lost, ", "))
	}
	return already(changeNothing)
}

// decide says what to do given what stands there now; nil where nothing can be
// read.
func (w *work) decide(now *image.Image, force bool) (decision, error) {
	in := w.op.Inverse
	var tree any
	if now != nil {
		var err error
		if tree, err = valueOf(now.Found, now.Value); err != nil {
			return decision{}, err
		}
		w.markRead(tree, now.Read)
	}
	switch {
	case w.op.Effect == catalog.Create:
		return w.decideCreate(now, tree, force), nil
	case in.Body == catalog.SomeElements && in.Elements.In == "":
		return w.decideList(now, tree, force), nil
	case in.Body == catalog.SomeElements:
		return w.decideElements(now, force)
	case w.op.Effect == catalog.Delete || w.op.Effect == catalog.Remove:
		return w.decideDelete(now), nil
	case in.Body == catalog.SentFields:
		return w.decidePatch(now, tree, force), nil
	}
	return w.decideReplace(now, tree, force), nil
}

// decideCreate deletes what was made, unless what the run set has changed since.
func (w *work) decideCreate(now *image.Image, tree any, force bool) decision {
	if now != nil && !now.Found {
		return already("it is gone already")
	}
	if now != nil && !force {
		if diffs := w.grown(nil, w.sent(), tree); len(diffs) > 0 {
			return left(changedSince, diffs...)
		}
	}
	args, missing := w.arguments(w.with, nil, nil)
	if missing != "" {
		return impossible("the record does not say its " + missing)
	}
	return decision{
		verdict: PutBack, calls: []call{{w.with, args}},
		diffs: []Diff{{Now: there, Then: gone}}, after: &image.Image{},
	}
}

// grown are the fields that a create has set and that are others now. What was
// never shown (a password) cannot be compared.
func (w *work) grown(path []string, sent *engine.Object, now any) []Diff {
	var out []Diff
	for name, v := range sent.All() {
		here := append(path[:len(path):len(path)], name)
		made, shown := at(w.answer, here)
		is, visible := at(now, here)
		if inner, ok := v.(*engine.Object); ok && inner.Len() > 0 {
			if visible || shown {
				out = append(out, w.grown(here, inner, now)...)
			}
			continue
		}
		switch text, isText := image.Text(v); {
		case !shown && !visible, isText && w.secrets[text]:
		case shown && !w.same(made, is), !shown && !w.same(v, is):
			if !shown {
				made = v
			}
			out = append(out, Diff{Field: strings.Join(here, "."), Now: w.shown(is), Then: w.shown(made)})
		}
	}
	return out
}

// same compares values as a tenant sees them.
func (*work) same(a, b any) bool { return image.Same(a, b) }

// decideDelete makes the object again, or the relation.
func (w *work) decideDelete(now *image.Image) decision {
	if now != nil && now.Found {
		return already("it stands there again")
	}
	var body any
	if w.op.Inverse.Body == catalog.WholeBefore {
		body = w.wholeBefore()
	}
	args, missing := w.arguments(w.with, body, nil)
	if missing != "" {
		return impossible("what stood there does not say its " + missing)
	}
	d := decision{
		verdict: PutBack, calls: []call{{w.with, args}}, diffs: []Diff{{Now: gone, Then: there}},
		remade: w.with.Effect == catalog.Create, after: w.before,
	}
	return d
}

// wholeBefore is the before-image as a body.
func (w *work) wholeBefore() any {
	o, ok := without(w.stood, w.leftOut()).(*engine.Object)
	if !ok {
		return w.stood
	}
	fields := catalog.BodyFields(w.with)
	if len(fields) == 0 {
		return without(o, [][]string{{"created_at"}, {"updated_at"}})
	}
	body := engine.NewObject(len(fields))
	for _, f := range fields {
		if v, _ := o.Get(f.Name); !nothingThere(v) {
			body.Set(f.Name, v)
		}
	}
	return body
}

// stamp reports whether a field is the tenant's own note of when something was
// written. It stands in the way only where nobody knows an object's fields.
func stamp(field string) bool { return field == "created_at" || field == "updated_at" }

// unwritable are the paths that cannot be put back.
func (w *work) unwritable() [][]string {
	paths := make([][]string, len(w.op.Inverse.Unwritable))
	for i, path := range w.op.Inverse.Unwritable {
		paths[i] = strings.Split(path, ".")
	}
	return paths
}

// leftOut are the fields that are not sent: those that cannot be put back, and
// those that say again what a newer field says, beside which they are refused.
func (w *work) leftOut() [][]string {
	paths := w.unwritable()
	for _, fields := range w.op.Inverse.Superseded {
		if newer, _ := at(w.stood, strings.Split(fields[0], ".")); nothingThere(newer) {
			continue
		}
		for _, older := range fields[1:] {
			paths = append(paths, strings.Split(older, "."))
		}
	}
	return paths
}

// notes say what does not come back.
func (w *work) notes(d decision) []string {
	var notes []string
	if d.verdict != PutBack && d.verdict != Undone {
		return nil
	}
	in, lost := w.op.Inverse, w.lostFields()
	// The note of a patch is about what cannot be put back; where nothing of it
	// was sent it would only be read sixty times.
	if in.Note != "" && (in.Body != catalog.SentFields || len(in.Unwritable) == 0 || len(lost) > 0) {
		notes = append(notes, in.Note)
	}
	notes = append(notes, d.notes...)
	if len(lost) > 0 {
		notes = append(notes, "not put back: "+strings.Join(lost, ", "))
	}
	if kinds := w.op.TakesWithIt.Kinds; w.op.Effect == catalog.Delete && len(kinds) > 0 {
		notes = append(notes, "what went with it does not come back: "+strings.Join(kinds, ", "))
	}
	if w.op.Effect == catalog.Create && w.with != nil && len(w.with.TakesWithIt.Kinds) > 0 {
		notes = append(notes, "deleting it takes with it: "+strings.Join(w.with.TakesWithIt.Kinds, ", "))
	}
	return notes
}
