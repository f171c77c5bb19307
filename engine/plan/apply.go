package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// An Apply lets a run change what a plan holds and nothing else. It is safe for
// concurrent use.
type Apply struct {
	o       Options
	plan    *Plan
	inputs  *Inputs
	held    map[string]*Change
	atlas   *atlas
	web     *web
	touched map[string]*touch // what the plan changes, by place

	mu   sync.Mutex
	made map[string]bool
	// turns lets the changes of one object come one after the other, where there
	// are several; begun are those of which one was made.
	turns map[string]chan struct{}
	begun map[string]bool
	ids   map[string][2]string   // placeholder and real id, by the placeholder's core
	own   map[ref]*engine.Object // what the run itself has left, as the tenant answered
}

// coreOf is the first placeholder of a text without what stands before its mark.
func coreOf(s string) string {
	i := findPlaceholder(s)
	if i < 0 {
		return ""
	}
	return s[i : i+len(placeholderMark)+placeholderDigits]
}

// NewApply holds a plan against a run. Options.Key must be that of the plan's
// run.
func NewApply(p *Plan, o Options) *Apply {
	o = o.filled()
	return &Apply{
		touched: p.touches(), turns: map[string]chan struct{}{}, begun: map[string]bool{}, o: o, plan: p, inputs: NewInputs(p, o.Key), held: p.byKey(), atlas: newAtlas(o.Catalogue), web: newWeb(),
		made: map[string]bool{}, ids: map[string][2]string{}, own: map[ref]*engine.Object{},
	}
}

// Inputs are the plan's: their Stage answers the host functions of the run.
func (a *Apply) Inputs() *Inputs { return a.inputs }

// Watch is a stage that notes which of the plan's changes were made, also by an
// earlier execution of the run; it stands outermost.
func (a *Apply) Watch(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		out := next.Do(ctx, c)
		if c.Mutates() && (out.Err == nil || !out.Err.Uncatchable()) {
			a.note(c, out)
		}
		return out
	})
}

// note remembers that a change was made, and under which id.
func (a *Apply) note(c *engine.Call, out engine.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made[c.Key] = true
	held := a.held[c.Key]
	raw, ok := out.Value.(json.RawMessage)
	if held == nil || !ok || out.Err != nil || c.Operation == nil {
		return
	}
	if id := field(object(raw), c.Operation.Subject.Field); id != "" && IsPlaceholder(held.Object) {
		a.ids[coreOf(held.Object)] = [2]string{held.Object, id}
	}
}

// Missing are the changes that the plan holds and that the run did not make.
func (a *Apply) Missing() []*Change {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*Change
	for _, c := range a.plan.Changes {
		if !a.made[c.Key] && c.pending() {
			out = append(out, c)
		}
	}
	return out
}

// Gate lets a mutating call through only if the plan holds it, and if what
// stands there is what the plan saw: it is read anew right before the write.
// Anything else is a MovedError, which no playbook can catch. What the plan
// knew that the tenant would refuse, and what would change nothing because
// nothing is there, is answered as planned, and nothing is sent.
//
// It stands above the stage that keeps before-images, to which it hands what it
// has read.
func (a *Apply) Gate(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		if !c.Mutates() {
			return next.Do(ctx, c)
		}
		held := a.held[c.Key]
		switch {
		case held == nil:
			return stop(c, "the plan does not hold this change", unplannedHint(c))
		case held.Refused != nil:
			return a.refusedAsPlanned(c, held)
		case held.NoChange && held.Effect == catalog.Delete:
			return engine.Outcome{Status: http.StatusNoContent}
		}
		done, stopped := a.turn(ctx, held)
		if stopped != nil {
			return engine.Outcome{Err: stopped}
		}
		defer done()
		if out := a.check(ctx, c, held, next); out.Err != nil {
			return out
		}
		out := next.Do(ctx, c)
		switch {
		case out.Err == nil:
			a.note(c, out)
			a.keep(c, held, out)
		case out.Err.StatusCode == http.StatusConflict && held.Effect == catalog.Create:
			return stop(c, held.title()+": when the plan was made nothing of that name was there ("+out.Err.Message+")", "")
		case out.Err.StatusCode == http.StatusNotFound && held.Before != nil && held.Before.Found:
			return stop(c, held.title()+": it is not there any more ("+out.Err.Message+")", "")
		}
		return out
	})
}

// turn waits until no other change of the same object is under way, and gives
// what ends the turn. Where the plan changes an object once there is nothing to
// wait for. (A channel and no mutex: a call that waits for the rate limit holds
// it.)
func (a *Apply) turn(ctx context.Context, held *Change) (func(), *engine.Error) {
	if !a.touched[held.place()].many() {
		return func() {}, nil
	}
	a.mu.Lock()
	ch := a.turns[held.place()]
	if ch == nil {
		ch = make(chan struct{}, 1)
		a.turns[held.place()] = ch
	}
	a.mu.Unlock()
	select {
	case ch <- struct{}{}:
		return func() { <-ch }, nil
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

const written = "; what was written before this call stands"

// unplannedHint is what to do about a change that the plan does not hold.
func unplannedHint(c *engine.Call) string {
	if beside(c.Task.Path()) {
		return planAgain + written + besideHint
	}
	return ""
}

// stop is the outcome of a call that is not let through.
func stop(c *engine.Call, text, hint string) engine.Outcome {
	if hint == "" {
		hint = planAgain + written
	}
	return engine.Outcome{Err: &engine.Error{
		Name: engine.NameMovedError, ResetAt: -1, Where: c.Where, Operation: c.Name, CallKey: c.Key,
		Message: text + "; nothing was written", HintText: hint,
	}}
}

// refusedAsPlanned gives the refusal that the plan foresaw.
func (a *Apply) refusedAsPlanned(c *engine.Call, held *Change) engine.Outcome {
	r := held.Refused
	code := r.Code
	if strings.HasPrefix(code, "a0.sdk.") {
		code = ""
	}
	err := refusal(r.Status, code, r.Message, c.Name)
	return engine.Outcome{Status: r.Status, Err: err}
}

// check plans the one call against the tenant as it stands now, and compares.
func (a *Apply) check(ctx context.Context, c *engine.Call, held *Change, next engine.Doer) engine.Outcome {
	if held.Before == nil || held.Effect == catalog.Create && c.Operation != nil || held.Before.Unread != "" ||
		c.Operation != nil && c.Operation.API != catalog.Management {
		return engine.Outcome{}
	}
	o := a.o
	o.Inputs = nil
	live := newPlanner(o, a.atlas, a.web)
	live.fresh = true
	x := &call{Call: c, p: live, ctx: ctx, next: next}
	out := live.do(x)
	if len(live.plan.Changes) == 0 {
		if out.Err == nil {
			out.Err = engine.AsError(fmt.Errorf("what stands there could not be read"))
		}
		return out // the tenant could not be asked
	}
	now := live.plan.Changes[0]
	c.Before = a.image(x)
	if now.Refused != nil {
		return stop(c, fmt.Sprintf("%s: the tenant would refuse it now (%d: %s)", held.title(), now.Refused.Status, now.Refused.Message), "")
	}
	if text := a.moved(c, held, now, live); text != "" {
		return stop(c, text, "")
	}
	return engine.Outcome{}
}

// moved compares what stands there now with what the plan saw, or, where the run
// itself has changed it since, with what the run has left.
func (a *Apply) moved(c *engine.Call, held, now *Change, live *Planner) string {
	was := a.realised(held)
	t := a.touched[held.place()]
	if !t.many() {
		return moved(a.plan, live.plan, was, now)
	}
	at := place{kind: &kind{}}
	if c.Operation != nil {
		at = a.atlas.of(c.Tenant, c.Operation, c.Args)
	}
	a.mu.Lock()
	left, begun := a.own[at.ref()], a.begun[held.place()]
	a.mu.Unlock()
	switch {
	case !begun && !IsPlaceholder(held.Object):
		first := *t.first
		first.Fields = nil
		now := *now
		now.Fields = nil
		if first.Before != nil && first.Before.Digest == "" {
			return a.elementsMoved(was, live.plan.Changes[0])
		}
		return moved(a.plan, live.plan, &first, &now)
	case left == nil || now.Before == nil:
		return "" // what the run has written there is not known so exactly
	}
	live.mu.Lock()
	expected := live.digest(at.kind.path, left)
	live.mu.Unlock()
	if now.Before.Digest == expected.Digest {
		return ""
	}
	return was.title() + ": " + otherFields(live.plan, live.plan, expected, now.Before) + " changed since this run wrote it"
}

// elementsMoved compares the elements of a relation that the plan changes in
// several calls: each as it was before the first of them.
func (a *Apply) elementsMoved(was, now *Change) string {
	for _, f := range now.Fields {
		planned := slices.ContainsFunc(was.Fields, func(x Field) bool { return x.Path == f.Path && (len(x.Old) > 0) == (len(f.Old) > 0) })
		if in, known := a.touched[was.place()].elements[f.Path]; !planned && (!known || in != (len(f.Old) > 0)) {
			return was.title() + ": " + f.Path + " is not as it was when the plan was made"
		}
	}
	return ""
}

// realised is a planned change with the real ids in the place of placeholders.
func (a *Apply) realised(held *Change) *Change {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ids) == 0 {
		return held
	}
	real := func(s string) string {
		for core := coreOf(s); core != ""; core = coreOf(s) {
			known, ok := a.ids[core]
			if !ok || !strings.Contains(s, known[0]) {
				return s
			}
			s = strings.ReplaceAll(s, known[0], known[1])
		}
		return s
	}
	out := *held
	out.Object = real(held.Object)
	out.Fields = make([]Field, len(held.Fields))
	for i, f := range held.Fields {
		f.Path, f.Old, f.New = real(f.Path), json.RawMessage(real(string(f.Old))), json.RawMessage(real(string(f.New)))
		out.Fields[i] = f
	}
	return &out
}

// keep remembers how the run itself has left an object, where the answer tells
// the whole of it.
func (a *Apply) keep(c *engine.Call, held *Change, out engine.Outcome) {
	if !a.touched[held.place()].many() {
		return
	}
	a.mu.Lock()
	a.begun[held.place()] = true
	a.mu.Unlock()
	if c.Operation == nil || c.Operation.API != catalog.Management {
		return
	}
	at := a.atlas.of(c.Tenant, c.Operation, c.Args)
	raw, _ := out.Value.(json.RawMessage)
	o := object(raw)
	if c.Effect == catalog.Create && o != nil && at.kind.field != "" && !at.kind.single {
		at = at.child(field(o, at.kind.field))
	}
	if !at.item {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	whole := o != nil && c.Operation.Answer == catalog.JSONAnswer && (at.kind.single || field(o, at.kind.field) == at.id)
	if !whole {
		delete(a.own, at.ref())
		return
	}
	a.own[at.ref()] = o
}

// image is what the check has read, in the form in which before-images are
// kept (engine/image).
func (a *Apply) image(x *call) json.RawMessage {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	if x.Operation == nil {
		return nil
	}
	at := a.atlas.of(x.Tenant, x.Operation, x.Args)
	seen, ok := x.p.recent.objects[at.ref()]
	if !ok || !at.item || at.kind.get == nil || at.kind.get.ID != x.Operation.Inverse.Before {
		return nil
	}
	b, err := json.Marshal(struct {
		Found bool            `json:"found"`
		Value json.RawMessage `json:"value"`
		Read  string          `json:"read"`
		At    time.Time       `json:"at"`
	}{true, seen.raw, at.kind.get.ID, seen.page.at})
	if err != nil {
		return nil
	}
	return b
}
