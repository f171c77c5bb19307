package undo

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// A Result is what came of an undo.
type Result struct {
	// Run is the run that was undone.
	Run string `json:"run"`
	// Counts are how many writes there are of each verdict.
	Counts map[Verdict]int `json:"counts"`
	// Items are the writes that were not simply undone, and those whose objects
	// were made again, in the order in which they were looked at.
	Items []Item `json:"items"`
	// Bare is how many objects were made again without what their deletion had
	// taken with it (relations, credentials).
	Bare int `json:"bare,omitempty"`
}

// Run puts the run back, as the playbook of a run of its own. Writes that could
// not be undone count as failed items of that run (exit code 4); its error is
// what stopped it.
func (u *Undo) Run(t *engine.Task) error {
	u.result = Result{Run: u.o.Run, Counts: map[Verdict]int{}}
	p := u.newPass(false)
	return p.run(t, func(t *engine.Task, c *change) error {
		item, err := p.visit(t, c, p.perform)
		if item.Verdict == "" {
			return err // stopped before its turn
		}
		u.result.Counts[item.Verdict]++
		if item.Verdict == Undone && item.Recreated && c.op != nil && len(c.op.TakesWithIt.Kinds) > 0 {
			u.result.Bare++
		}
		if item.Verdict != Undone || item.Recreated {
			u.result.Items = append(u.result.Items, item)
		}
		return err
	})
}

// Result is what came of Run, once that has returned.
func (u *Undo) Result() *Result { return &u.result }

// perform makes the calls that undo a change.
func (p *pass) perform(w *work, d decision, l *look, item *Item) error {
	for _, call := range d.calls {
		action, err := p.u.o.API.Request(w.c.tenant, call.op, call.args)
		if err != nil {
			return err
		}
		action.Where = position(w.c.where)
		out := p.u.guarded(w.task, action, &gate{w: w, stale: l.stale, force: p.u.forced(w.c)})
		switch {
		case notFound(out.Err) && (call.op.Effect == catalog.Delete || call.op.Effect == catalog.Remove):
			continue // gone meanwhile is gone
		case out.Err != nil && out.Err.Name == engine.NameMovedError:
			item.Verdict, item.Reason, item.Notes = Left, out.Err.Message, nil
			return nil
		case out.Err != nil:
			return out.Err
		}
		if d.remade {
			p.cameBack(w, call.op, out, item)
		}
	}
	item.Verdict = Undone
	return nil
}

// cameBack learns under which id an object came back.
func (p *pass) cameBack(w *work, made *catalog.Operation, out engine.Outcome, item *Item) {
	raw, _ := out.Value.(json.RawMessage)
	answer, err := engine.ParseJSON(raw)
	if err != nil {
		return // an empty answer names nothing
	}
	id, ok := image.Text(image.Field(answer, made.Subject.Field))
	if !ok || id == w.c.object || w.c.object == "" {
		return
	}
	p.ids[w.c.object] = id
	item.NewID = p.u.o.Redactor.Redact(id)
}

// A gate is what a call that undoes must pass.
type gate struct {
	w            *work
	stale, force bool
}

// guarded does an action whose call must pass a gate.
func (u *Undo) guarded(t *engine.Task, a *engine.Action, g *gate) engine.Outcome {
	u.mu.Lock()
	u.gates[a] = g
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		delete(u.gates, a)
		u.mu.Unlock()
	}()
	return t.Do(a)
}

// Gate is the stage that looks once more before a call is sent whose look is
// from before the undo was killed. It stands below what answers calls from the
// journal and above dispatch; a run that is never resumed needs none.
func (u *Undo) Gate(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		u.mu.Lock()
		g := u.gates[c.Action]
		u.mu.Unlock()
		if g == nil || !g.stale {
			return next.Do(ctx, c)
		}
		return g.pass(ctx, c, next)
	})
}

func (g *gate) pass(ctx context.Context, c *engine.Call, next engine.Doer) engine.Outcome {
	w := *g.w
	w.random = nil // its call has been made, with the text that it got
	l, err := w.look(func(a *engine.Action) engine.Outcome { return c.Sub(ctx, a) }, nil)
	var d decision
	if err == nil {
		d, err = w.decide(l.image, g.force)
	}
	switch {
	case err != nil:
		return engine.Outcome{Err: engine.AsError(unreadable(err))}
	case d.verdict == Already:
		return engine.Outcome{Status: 200}
	case d.verdict != PutBack:
		return engine.Outcome{Err: &engine.Error{
			Name: engine.NameMovedError, ResetAt: -1, Message: "it has changed since the undo was interrupted: " + d.reason,
		}}
	}
	return next.Do(ctx, c)
}

// longText is a password that nobody knows: of every class of characters that a
// policy may ask for.
func longText() string { return "Aa1!" + rand.Text() + rand.Text() }
