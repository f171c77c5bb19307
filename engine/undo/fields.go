package undo

import (
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// A unit is one value that a call wrote and that is put back by itself: a
// field of the body, or a key of a field that is merged.
type unit struct {
	path         []string
	before, left any
	// known says that left is what the run has left there.
	known bool
	// then is what is sent to put it back, cannot why nothing can be.
	then   any
	cannot string
}

// sentUnits are the values that a patch wrote.
func (w *work) sentUnits() []unit {
	fields := catalog.BodyFields(w.with)
	deep := append(slices.Clone(w.with.Merge), w.op.Inverse.Deep...)
	lost := w.leftOut()
	var units []unit
	for name, v := range w.sent().All() {
		if w.given("body."+name) || slices.ContainsFunc(lost, func(p []string) bool { return len(p) == 1 && p[0] == name }) {
			continue // what Args gives goes with the rest, and is nothing by itself
		}
		keys, isObject := v.(*engine.Object)
		if isObject && slices.Contains(deep, name) && keys.Len() > 0 {
			for key, value := range keys.All() {
				units = append(units, w.deepUnit(name, key, value))
			}
			continue
		}
		units = append(units, w.fieldUnit(name, v, fieldOf(fields, name), inside(lost, name)))
	}
	return units
}

// inside are the rests of the paths that lie in a field.
func inside(paths [][]string, field string) [][]string {
	var out [][]string
	for _, p := range paths {
		if len(p) > 1 && p[0] == field {
			out = append(out, p[1:])
		}
	}
	return out
}

// fieldOf is what the catalogue knows of a field. One that it does not know is
// taken for one that may not be null.
func fieldOf(fields []catalog.BodyField, name string) catalog.BodyField {
	for _, f := range fields {
		if f.Name == name {
			return f
		}
	}
	return catalog.BodyField{Name: name, Type: catalog.Any}
}

// fieldUnit is a field that a patch replaces.
func (w *work) fieldUnit(name string, sent any, f catalog.BodyField, lost [][]string) unit {
	u := unit{path: []string{name}, known: true}
	u.before = without(image.Field(w.stood, name), lost)
	u.left = without(w.leftAt(u.path, sent), lost)
	switch {
	case !nothingThere(u.before):
		u.then = u.before
	case f.Null:
		u.then = engine.Null{}
	case f.Type == catalog.Boolean:
		u.then = false
	case f.Type == catalog.Array || f.Type == catalog.Strings:
		u.then = []any{}
	case f.Type == catalog.Object:
		u.then = engine.NewObject(0)
	default:
		u.cannot = "nothing stood there, and the tenant takes no null"
	}
	return u
}

// deepUnit is a key of a field that a patch merges: null takes it away.
func (w *work) deepUnit(field, key string, sent any) unit {
	u := unit{path: []string{field, key}, known: true}
	u.before, _ = at(w.stood, u.path)
	u.left = w.leftAt(u.path, sent)
	_, isFlag := sent.(bool)
	switch {
	case !nothingThere(u.before):
		u.then = u.before
	case isFlag && !slices.Contains(w.with.Merge, field):
		u.then = false // a flag that is not there is off
	default:
		u.then = engine.Null{}
	}
	return u
}

// leftAt is what the run left at a path of the object: what the answer shows
// there, else what was sent.
func (w *work) leftAt(path []string, sent any) any {
	if _, shown := at(w.answer, path[:1]); shown {
		v, _ := at(w.answer, path)
		return v
	}
	return sent
}

// changed are the units that the call really changed.
func (w *work) changed(units []unit) []unit {
	return slices.DeleteFunc(units, func(u unit) bool { return u.known && w.same(u.before, u.left) })
}

// lostFields are the fields that the call wrote and that cannot be put back.
func (w *work) lostFields() []string {
	var lost []string
	for _, path := range w.unwritable() {
		v, _ := at(w.sent(), path)
		if w.op.Effect == catalog.Delete {
			v, _ = at(w.stood, path)
		}
		if name := strings.Join(path, "."); !nothingThere(v) && !w.given("body."+name) {
			lost = append(lost, name)
		}
	}
	return lost
}

// given reports whether Args gives a field a value after all.
func (w *work) given(name string) bool {
	for _, a := range w.op.Inverse.Args {
		if a.Name == name && w.scope(nil).Holds(a.When) {
			return true
		}
	}
	return false
}

// looked is what comparing units with what stands there found.
type looked struct {
	todo    []unit
	diffs   []Diff
	changed []Diff
	cannot  []string
}

func (w *work) compare(units []unit, now any) looked {
	var l looked
	for _, u := range units {
		is, _ := at(now, u.path)
		if len(u.path) == 0 {
			is = now
		}
		field := strings.Join(u.path, ".")
		switch {
		case w.same(is, u.before), !nothingThere(u.then) && w.same(is, u.then):
			continue
		case u.cannot != "":
			l.cannot = append(l.cannot, field)
			continue
		case u.known && !w.same(is, u.left):
			l.changed = append(l.changed, Diff{Field: field, Now: w.shown(is), Then: w.shown(u.left)})
		}
		l.todo = append(l.todo, u)
		l.diffs = append(l.diffs, w.diff(field, is, u.then)...)
	}
	return l
}

// decidePatch gives the fields that were sent the values that they had.
func (w *work) decidePatch(now *image.Image, tree any, force bool) decision {
	if now != nil && !now.Found {
		return left("it does not exist any more")
	}
	l := w.compare(w.changed(w.sentUnits()), tree)
	switch {
	case len(l.changed) > 0 && !force:
		return left(changedSince, l.changed...)
	case len(l.todo) == 0 && len(l.cannot) > 0:
		return impossible("nothing stood there before, and the tenant takes no null: " + strings.Join(l.cannot, ", "))
	case len(l.todo) == 0:
		return already(asBefore)
	}
	body, after := engine.NewObject(len(l.todo)), engine.NewObject(8)
	if o, ok := tree.(*engine.Object); ok {
		for name, v := range o.All() {
			after.Set(name, v)
		}
	}
	for _, u := range l.todo {
		put(body, u.path, u.then)
		put(after, u.path, u.then)
	}
	args, missing := w.arguments(w.with, body, nil)
	if missing != "" {
		return impossible("the record does not say its " + missing)
	}
	d := decision{verdict: PutBack, calls: []call{{w.with, args}}, diffs: l.diffs}
	d.after = imageOf(after)
	if len(l.cannot) > 0 {
		d.notes = []string{"stays as it is: " + strings.Join(l.cannot, ", ") + " (nothing stood there before, and the tenant takes no null)"}
	}
	return d
}

// imageOf is the image of a value.
func imageOf(v any) *image.Image {
	text, err := engine.FormatJSON(v)
	if err != nil {
		return &image.Image{}
	}
	return &image.Image{Found: true, Value: text}
}

// decideReplace puts back what was replaced as a whole, or what Args names.
func (w *work) decideReplace(now *image.Image, tree any, force bool) decision {
	if w.before != nil && !w.before.Found {
		return w.decideAbsent(now)
	}
	if now != nil && !now.Found && w.op.Effect != catalog.Replace {
		return left("it does not exist any more")
	}
	var body any
	units := w.argUnits()
	if w.op.Inverse.Body == catalog.WholeBefore {
		body = w.wholeBefore()
		units = w.wholeUnits()
	}
	l := looked{diffs: []Diff{}}
	if now != nil {
		l = w.compare(w.changed(units), tree)
		switch {
		case len(l.changed) > 0 && !force:
			return left(changedSince, l.changed...)
		case len(l.todo) == 0 && len(units) > 0:
			return already(asBefore)
		}
	}
	args, missing := w.arguments(w.with, body, nil)
	if missing != "" {
		return impossible("what stood there before does not say its " + missing)
	}
	return decision{verdict: PutBack, calls: []call{{w.with, args}}, diffs: l.diffs, after: w.before}
}

// decideAbsent takes away what was set where nothing stood.
func (w *work) decideAbsent(now *image.Image) decision {
	absent, ok := w.u.o.Catalogue.Lookup(w.op.Inverse.Absent)
	switch {
	case !ok:
		return impossible("nothing stood there before, and no operation takes it away")
	case now != nil && !now.Found:
		return already("it is gone already")
	}
	args, missing := w.arguments(absent, nil, nil)
	if missing != "" {
		return impossible("the record does not say its " + missing)
	}
	return decision{
		verdict: PutBack, calls: []call{{absent, args}}, diffs: []Diff{{Now: there, Then: gone}}, after: &image.Image{},
	}
}

// wholeUnits are the values that a replacing call wrote.
func (w *work) wholeUnits() []unit {
	names := map[string]bool{}
	var order []string
	add := func(name string) {
		if !names[name] {
			names[name] = true
			order = append(order, name)
		}
	}
	for _, f := range catalog.BodyFields(w.with) {
		add(f.Name)
	}
	if len(order) == 0 {
		for _, tree := range []any{w.stood, w.sent()} {
			o, _ := tree.(*engine.Object)
			for name := range o.All() {
				if !stamp(name) {
					add(name)
				}
			}
		}
	}
	lost := w.leftOut()
	var units []unit
	for _, name := range order {
		if slices.ContainsFunc(lost, func(p []string) bool { return len(p) == 1 && p[0] == name }) {
			continue
		}
		u := unit{path: []string{name}, before: without(image.Field(w.stood, name), inside(lost, name))}
		u.then = u.before
		sent, wasSent := w.sent().Get(name)
		_, shown := at(w.answer, u.path)
		u.known = wasSent || shown
		u.left = without(w.leftAt(u.path, sent), inside(lost, name))
		units = append(units, u)
	}
	return units
}

// argUnits are the values of the before-image that Args names.
func (w *work) argUnits() []unit {
	var units []unit
	for _, a := range w.op.Inverse.Args {
		from, err := catalog.ParseSource(a.From)
		if err != nil || from.Root != "before" {
			continue
		}
		u := unit{path: from.Path}
		u.before, _ = w.scope(nil).Value(a.From)
		u.then = u.before
		as := image.Scope{Before: w.answer}
		if u.left, u.known = as.Value(a.From); !u.known && w.with == w.op {
			u.left, u.known = at(w.args, strings.Split(a.Name, "."))
		}
		units = append(units, u)
	}
	return units
}
