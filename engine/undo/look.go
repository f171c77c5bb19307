package undo

import (
	"encoding/json"
	"errors"
	"sync/atomic"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// questions are the reads that tell what stands in the place of the call that
// undoes: for a create, where the object is that it made; else, where the call
// itself has written. None where nothing reads it. about is the operation whose
// image the answers make.
func (w *work) questions() (about *catalog.Operation, args *engine.Object, questions []image.Question) {
	table := w.u.o.Catalogue
	about, args = w.op, w.args
	if w.op.Effect == catalog.Create && w.with != nil {
		about = w.with
		args, _ = w.arguments(w.with, nil, nil)
	}
	questions, err := image.Questions(table, about, args)
	if err == nil {
		return about, args, questions
	}
	if w.op.Effect != catalog.Create || w.with == nil {
		return about, args, nil
	}
	read := getOf(table, w.with)
	if read == nil {
		return about, args, nil
	}
	given := engine.NewObject(2)
	for i := range read.Args {
		if a := &read.Args[i]; a.In == catalog.InPath {
			v, _ := args.Get(a.Name)
			given.Set(a.Name, v)
		}
	}
	return nil, args, []image.Question{{Read: read, Args: given}}
}

// getOf is the operation that reads what another one deletes: the same path
// with GET.
func getOf(table *catalog.Table, remove *catalog.Operation) *catalog.Operation {
	for _, op := range table.Group(remove.Group()) {
		if op.Effect == catalog.Read && op.Path == remove.Path && op.API == remove.API && op.Answer == catalog.JSONAnswer && !op.IsListing() {
			return op
		}
	}
	return nil
}

// A look is what stands in the place of a change.
type look struct {
	about     *catalog.Operation // nil for a plain read
	args      *engine.Object
	questions []image.Question
	answers   []image.Answer
	image     *image.Image // nil where nothing reads it
	requests  int
	// stale says that a part of it was answered by the journal: the undo was
	// killed since, and the answer is as old.
	stale bool
}

// look reads what stands in the place of a change, by the actions that do
// performs. known, where it is not nil, has what a preview has put there.
func (w *work) look(do func(*engine.Action) engine.Outcome, known map[string]image.Answer) (*look, error) {
	l := &look{}
	l.about, l.args, l.questions = w.questions()
	var sent atomic.Int64
	counted := func(a *engine.Action) engine.Outcome {
		a.Where = position(w.c.where)
		live := false
		perform := a.Perform
		a.Perform = liveOnly(perform, &sent)
		before := sent.Load()
		out := do(a)
		live = sent.Load() > before
		l.stale = l.stale || !live
		l.requests++
		return out
	}
	for _, q := range l.questions {
		if a, ok := known[placeOf(w.c.tenant, q)]; ok {
			l.answers = append(l.answers, a)
			continue
		}
		a, err := image.Ask(w.u.o.API, w.c.tenant, q, counted)
		if err != nil {
			return nil, err
		}
		l.answers = append(l.answers, a)
	}
	l.make()
	return l, nil
}

func (l *look) make() {
	switch {
	case len(l.questions) == 0:
	case l.about == nil:
		l.image = &image.Image{Found: l.answers[0].Found, Value: l.answers[0].Value, Read: l.questions[0].Read.ID}
	default:
		l.image = image.Together(l.about, l.args, l.questions, l.answers)
	}
}

// placeOf names what a question reads.
func placeOf(tenant string, q image.Question) string {
	args, err := engine.FormatJSON(q.Args)
	if err != nil {
		return ""
	}
	return tenant + " " + q.Read.ID + " " + string(args)
}

// put writes what stands there after a change into what a preview knows.
func (l *look) put(tenant string, after *image.Image, known map[string]image.Answer) {
	if after == nil {
		return
	}
	for i, q := range l.questions {
		a := image.Answer{Found: after.Found, Value: after.Value}
		switch {
		case len(after.Each) > 0:
			a = image.Answer{}
			for _, e := range after.Each {
				if item, err := engine.ParseJSON(e.Item); err == nil && image.Same(item, q.Item) {
					a = image.Answer{Found: e.Found, Value: e.Value}
				}
			}
		case l.about != nil && len(l.about.Inverse.BeforeItem) > 0:
			a = exchanged(l.answers[i], l.image, after)
		}
		known[placeOf(tenant, q)] = a
	}
}

// exchanged is a listing in which one item is another one.
func exchanged(list image.Answer, old, after *image.Image) image.Answer {
	var items []json.RawMessage
	if json.Unmarshal(list.Value, &items) != nil {
		return list
	}
	kept := []json.RawMessage{}
	for _, item := range items {
		if !old.Found || string(item) != string(old.Value) {
			kept = append(kept, item)
		}
	}
	if after.Found {
		kept = append(kept, after.Value)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return list
	}
	return image.Answer{Found: true, Value: text}
}

// errNoFiles says that the run wrote files that nobody can reach now.
var errNoFiles = errors.New("the files of the playbook cannot be reached from here")

// answerOf is an image as the answer to its one question.
func answerOf(i *image.Image) image.Answer { return image.Answer{Found: i.Found, Value: i.Value} }
