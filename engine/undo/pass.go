package undo

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// A pass goes once through the changes: a preview, or the undo itself. It is
// guarded by the baton of its run.
type pass struct {
	u *Undo
	// known is what a preview has put in its places; nil in an undo.
	known map[string]image.Answer
	ids   map[string]string // of objects that came back under others
	// leftWrites and leftRefers tell of what is left alone, by what it writes
	// and refers to: the earlier writes of the same object are left too, and the objects that it
	// refers to are not deleted.
	leftWrites, leftRefers map[uint64]string
	// removed are the objects that the run had made and that are gone again.
	removed map[uint64]bool
}

func (u *Undo) newPass(preview bool) *pass {
	p := &pass{
		u: u, ids: map[string]string{}, removed: map[uint64]bool{},
		leftWrites: map[uint64]string{}, leftRefers: map[uint64]string{},
	}
	if preview {
		p.known = map[string]image.Answer{}
	}
	return p
}

// run visits every change, level by level, those of one level side by side. An
// error that a playbook could catch stops nothing.
func (p *pass) run(t *engine.Task, visit func(t *engine.Task, c *change) error) error {
	for _, level := range p.u.levels {
		i := 0
		source := func(*engine.Task) (any, bool, error) {
			if i >= len(level) {
				return nil, false, nil
			}
			i++
			return level[i-1], true, nil
		}
		options := engine.EachOptions{
			OnError: engine.Continue,
			Key:     func(index int, _ any) (string, error) { return level[index].ref(), nil },
		}
		_, err := t.Each(options, source, func(t *engine.Task, _ int, item any) (any, error) {
			c, _ := item.(*change)
			return nil, visit(t, c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// An actor carries a decision out, and completes the item.
type actor func(w *work, d decision, l *look, item *Item) error

// visit decides about one change and has the decision carried out. The error is
// the item's, or what stops everything.
func (p *pass) visit(t *engine.Task, c *change, act actor) (Item, error) {
	item := p.u.item(c)
	err := p.judge(t, c, &item, act)
	if e := engine.AsError(err); e != nil {
		if e.Uncatchable() {
			return item, e
		}
		item.Verdict, item.Reason = Failed, p.u.o.Redactor.Redact(e.Error())
	}
	p.remember(c, &item)
	return item, err
}

func (p *pass) judge(t *engine.Task, c *change, item *Item, act actor) error {
	if c.unknown() {
		item.Verdict = Unknown
		item.Reason = "it was sent and no answer came: look at the tenant, then say what happened with a0run resolve"
		return nil
	}
	w, err := p.open(t, c)
	if err != nil {
		return err
	}
	if w.op == nil {
		return p.judgeFile(t, w, item, act)
	}
	d, done := w.beforehand()
	if !done {
		if reason := p.blocked(c, w); reason != "" && !p.u.forced(c) {
			d, done = left(reason), true
		}
	}
	if done {
		p.tell(w, d, item)
		return nil
	}
	l, err := w.look(t.Do, p.known)
	if err == nil {
		d, err = w.decide(l.image, p.u.forced(c))
	}
	if err != nil {
		return unreadable(err)
	}
	item.Requests = l.requests
	if d.verdict == PutBack {
		if d, err = p.reconsider(w, d, l, item); err != nil {
			return err
		}
	}
	p.tell(w, d, item)
	if d.verdict != PutBack {
		return nil
	}
	if err = act(w, d, l, item); err == nil && w.op.Effect == catalog.Create {
		p.removed[hashOf(c.object)] = true
	}
	return err
}

// reconsider asks what the place of a change itself does not tell.
func (p *pass) reconsider(w *work, d decision, l *look, item *Item) (decision, error) {
	switch {
	case l.image == nil && p.u.madeEarlier(d):
		return already("an earlier undo has done it"), nil
	case d.remade:
		return p.remade(w, d, item)
	case p.u.forced(w.c):
		return d, nil
	}
	reason, err := p.guests(w, item)
	if reason != "" {
		return left(reason), err
	}
	return d, err
}

// open reads the record of a change.
func (p *pass) open(t *engine.Task, c *change) (*work, error) {
	rec, err := p.u.o.Journal.Find(context.WithoutCancel(t.Context()), p.u.o.Run, c.key)
	if err != nil {
		return nil, err
	}
	if rec == nil {
		return nil, c.unreadable(errors.New("it is not in the journal any more"))
	}
	w, err := p.u.open(c, rec, p.ids)
	if err != nil {
		return nil, c.unreadable(err)
	}
	w.task = t
	w.random = sync.OnceValue(func() string { return p.random(t, c) })
	return w, nil
}

func unreadable(err error) error {
	e := *engine.AsError(err)
	if !e.Uncatchable() {
		e.Message = "what stands there now could not be read, and nothing was sent: " + e.Message
	}
	return &e
}

// tell writes a decision into an item.
func (p *pass) tell(w *work, d decision, item *Item) {
	item.Verdict, item.Reason, item.Changes = d.verdict, d.reason, d.diffs
	item.Notes = w.notes(d)
	item.Recreated = d.remade && d.verdict == PutBack
	if d.verdict == PutBack {
		item.Requests += len(d.calls)
		item.With = d.calls[0].op.ID
	}
}

// blocked says why a change must be left although nothing speaks against it by
// itself: a later write of the same object was left, or something that was left
// would go with the object.
func (p *pass) blocked(c *change, w *work) string {
	deletes := w.op.Effect == catalog.Create
	for _, h := range c.writes {
		if by := p.leftWrites[h]; by != "" {
			return "a later write of the same object is left: " + by
		}
		if by := p.leftRefers[h]; by != "" && deletes {
			return "what is left refers to it: " + by
		}
	}
	return ""
}

// remember keeps in mind what was left or failed.
func (p *pass) remember(c *change, item *Item) {
	if item.Verdict != Left && item.Verdict != Failed {
		return
	}
	by := item.Operation + " " + item.Object
	for _, h := range c.writes {
		p.leftWrites[h] = by
	}
	for _, h := range c.refers {
		p.leftRefers[h] = by
	}
}

// remade looks whether an earlier undo has brought the object back already,
// under another id.
func (p *pass) remade(w *work, d decision, item *Item) (decision, error) {
	again := p.u.again[w.c.ref()]
	for i := len(again) - 1; i >= 0; i-- {
		id := again[i]
		if id == w.c.object {
			continue
		}
		c := *w.c
		moved := *w
		moved.c = &c
		moved.renamed(map[string]string{w.c.object: id})
		l, err := moved.look(w.task.Do, nil)
		if err != nil {
			return d, unreadable(err)
		}
		item.Requests += l.requests
		if l.image != nil && l.image.Found {
			p.ids[w.c.object] = id
			item.NewID = id
			return already("an earlier undo brought it back as " + id), nil
		}
	}
	return d, nil
}

// random is a text that nobody knows, the same when the undo is resumed: a
// recorded answer of the one path.
func (p *pass) random(t *engine.Task, c *change) string {
	if p.known != nil {
		return hidden
	}
	out := t.Do(&engine.Action{
		Name: "undo.random", Effect: catalog.Read, Instant: true, Quiet: true, Where: position(c.where),
		Perform: func(context.Context, *engine.Attempt) engine.Outcome {
			text := longText()
			p.u.o.Redactor.Add(text)
			return engine.Outcome{Value: text}
		},
	})
	text, _ := image.Text(out.Value)
	p.u.o.Redactor.Add(text)
	return text
}

// liveOnly counts what is really performed.
func liveOnly(perform func(context.Context, *engine.Attempt) engine.Outcome, sent *atomic.Int64) func(context.Context, *engine.Attempt) engine.Outcome {
	return func(ctx context.Context, a *engine.Attempt) engine.Outcome {
		sent.Add(1)
		return perform(ctx, a)
	}
}

func notFound(e *engine.Error) bool { return e != nil && e.StatusCode == http.StatusNotFound }
