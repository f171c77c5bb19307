package yaml

import (
	"errors"
	"fmt"
	"strconv"

	"a0run/engine"
	"a0run/engine/lua"
)

// A runner is one execution of a playbook. Everything in it is guarded by the
// run's baton.
type runner struct {
	globals *engine.Namespace
	vm      *lua.VM
	funcs   map[funcKey]*engine.Function
	roles   map[string]*engine.Namespace
	printer *lua.Chunk
}

type funcKey struct{ role, name string }

// A site is a task and what is in scope there.
type site struct {
	t  *engine.Task
	sc *scope
}

// scriptError is a fault of the playbook at a place.
func scriptError(at engine.Position, format string, args ...any) *engine.Error {
	return &engine.Error{Name: engine.NameScriptError, Message: fmt.Sprintf(format, args...), Where: at, ResetAt: -1}
}

// placed gives an error the place of the step where it has none.
func placed(err error, at engine.Position) error {
	e := engine.AsError(err)
	if e == nil || e.Where.Line != 0 {
		return err
	}
	e.Where = at
	return e
}

// topVars evaluates the playbook's vars, each once, in order.
func (r *runner) topVars(t *engine.Task, n *node, sc *scope) error {
	if n == nil {
		return nil
	}
	_, err := r.assign(site{t, sc}, n)
	return err
}

// assign evaluates a mapping of variables in order, so that each sees those
// above it.
func (r *runner) assign(s site, n *node) (any, error) {
	out := engine.NewObject(len(n.keys))
	for i, k := range n.keys {
		v, err := r.eval(s.t, n.values[i], s.sc)
		if err != nil {
			return nil, placed(err, n.values[i].at)
		}
		name, _ := k.text()
		s.sc.store.vars.Set(name, v)
		out.Set(name, v)
	}
	return out, nil
}

// An ending is what became of a step of a list.
type ending struct {
	value any
	err   error
	// bad steps failed, or were skipped because one that they need is bad.
	bad bool
	// why is the reason that steps behind a bad one give for their skipping.
	why string
}

// list runs a list's steps and gives the result of the last one.
func (r *runner) list(s site, l *list) (any, error) {
	if l.graph {
		return r.graph(s, l)
	}
	var last ending
	for i, st := range l.steps {
		last = r.step(s, st)
		if last.bad {
			for _, rest := range l.steps[i+1:] {
				r.skip(s, rest, last.why)
			}
			return nil, last.err
		}
	}
	return last.value, nil
}

// graph runs a list in which steps say what they need. Those that do are items
// of one parallel call; the others run in the task of the list, in order, each
// after everything above it.
func (r *runner) graph(s site, l *list) (any, error) {
	strands := s.t.Strands()
	latches := make([]engine.Latch, len(l.steps))
	ends := make([]ending, len(l.steps))
	run := func(at site, i int) {
		ends[i].bad = true // what panics is bad
		defer latches[i].Open()
		for _, p := range l.preds[i] {
			latches[p].Wait(at.t)
		}
		for _, p := range l.preds[i] {
			if ends[p].bad {
				r.skip(at, l.steps[i], ends[p].why)
				ends[i].why = ends[p].why
				return
			}
		}
		ends[i] = r.step(at, l.steps[i])
	}
	for i, st := range l.steps {
		if st.hasNeeds {
			strands.Go(st.taskKey(), st.at, func(t *engine.Task) {
				run(site{t, s.sc}, i)
			})
		}
	}
	for i, st := range l.steps {
		if !st.hasNeeds {
			run(s, i)
		}
	}
	if err := strands.Wait(); err != nil {
		return nil, err
	}
	return outcome(l, ends)
}

// taskKey is the last part of the path of a step that has a task of its own.
func (s *step) taskKey() string {
	if s.id != "" {
		return s.id
	}
	return strconv.Itoa(s.index)
}

// outcome is the result of a graph: that of its last step, or its error. Of
// several failed steps the first in the text speaks, the others are named.
func outcome(l *list, ends []ending) (any, error) {
	var failed []engine.ItemError
	for i, e := range ends {
		if e.err == nil {
			continue
		}
		asError := engine.AsError(e.err)
		if asError.Uncatchable() {
			return nil, e.err
		}
		failed = append(failed, engine.ItemError{Key: l.steps[i].label(), Err: asError})
	}
	switch len(failed) {
	case 0:
		return ends[len(ends)-1].value, nil
	case 1:
		return nil, failed[0].Err
	}
	first := failed[0]
	return nil, &engine.Error{
		Name: engine.NameParallelError, ResetAt: -1, Where: first.Err.Where, Items: failed, Cause: first.Err,
		Message: fmt.Sprintf("%d steps failed; the first is %s: %s", len(failed), first.Key, first.Err.Message),
	}
}

// skip records a step that does not run; the steps inside it are not listed.
func (r *runner) skip(s site, st *step, why string) {
	s.t.SkipStep(st.options(), why)
	r.record(s.sc, st, engine.StepSkipped, ending{})
}

func (s *step) options() engine.StepOptions {
	name := s.name
	if name == "" && s.id == "" && s.act != nil {
		name = s.act.name
	}
	return engine.StepOptions{ID: s.id, Name: name, Where: s.at}
}

// record leaves what expressions can ask about a step that has ended.
func (r *runner) record(sc *scope, st *step, status string, e ending) {
	if st.register != "" {
		sc.store.vars.Set(st.register, e.value)
	}
	if st.id == "" {
		return
	}
	o := engine.NewObject(3)
	o.Set("result", e.value)
	o.Set("status", status)
	if e.err != nil {
		o.Set("error", shownError(engine.AsError(e.err)))
	}
	sc.store.steps.Set(st.id, o)
}

// step runs one step with all its modifiers.
func (r *runner) step(s site, st *step) ending {
	run, err := true, error(nil)
	if st.when != nil && !st.perItem(st.when) {
		run, err = r.condition(s, st.when)
	}
	if err == nil && !run {
		r.skip(s, st, "when is false")
		return ending{}
	}
	o := st.options()
	if !st.spreads() {
		o.OnError = st.onError
	}
	var value any
	res, stepErr := s.t.Step(o, func() error {
		if err != nil {
			return err // when itself failed
		}
		var e error
		value, e = r.guarded(s, st)
		return e
	})
	end := ending{value: value}
	if res.Err != nil {
		end.value, end.err = nil, res.Err
	}
	r.record(s.sc, st, res.State, end)
	if stepErr != nil {
		why := "needs " + st.label() + ", which failed"
		if engine.AsError(stepErr).Name == engine.NameInterrupted {
			why = "the run was stopped"
		}
		return ending{err: stepErr, bad: true, why: why}
	}
	end.err = nil // tolerated
	return end
}

// spreads says that on_error, timeout and retry belong to the items of a
// parallel call and not to the step.
func (s *step) spreads() bool {
	return s.forEach != nil || s.act.kind == parallelAction
}

// perItem says that a modifier of a step with for_each (when, tenant) looks at
// the item, and so is evaluated for each of them and not once for the step.
func (s *step) perItem(n *node) bool {
	if s.forEach == nil || n.tmpl == nil {
		return false
	}
	for _, p := range n.tmpl.parts {
		if p.expr != nil && (p.expr.reads.item || p.expr.reads.index) {
			return true
		}
	}
	return false
}

func (r *runner) condition(s site, n *node) (bool, error) {
	v, err := r.eval(s.t, n, s.sc)
	return truth(v), err
}

// guarded runs a step's action, rescue where that failed, and always. Neither
// runs where the error is none of the playbook's business (the run was
// stopped), nor after the time of the whole task is over.
func (r *runner) guarded(s site, st *step) (any, error) {
	var value any
	err := s.t.WithUndo(st.undo, func() (err error) {
		return s.t.WithWeight(st.label(), st.weight, func() (err error) {
			value, err = r.tried(s, st)
			return err
		})
	})
	if st.rescue == nil && st.always == nil {
		return value, err
	}
	e := engine.AsError(err)
	inner := s.sc.withError(e)
	if err != nil {
		if e.Uncatchable() || s.t.Context().Err() != nil {
			return nil, err
		}
		if st.rescue != nil {
			value, err = r.list(site{s.t, inner}, st.rescue)
		}
	}
	if st.always == nil || s.t.Context().Err() != nil || err != nil && engine.AsError(err).Uncatchable() {
		return value, err
	}
	_, last := r.list(site{s.t, inner}, st.always)
	if err == nil {
		return value, last
	}
	if last != nil {
		both := *engine.AsError(err)
		both.Trace = append(both.Trace[:len(both.Trace):len(both.Trace)], "its always steps failed too: "+last.Error())
		return nil, &both
	}
	return value, err
}

// tried runs the action within the step's timeout and as often as retry says.
func (r *runner) tried(s site, st *step) (any, error) {
	if st.tenant != nil && !st.perItem(st.tenant) {
		var err error
		if s.sc, err = r.withTenant(s, st.tenant); err != nil {
			return nil, err
		}
	}
	o, err := r.tryOptions(s, st)
	if err != nil {
		return nil, err
	}
	if st.forEach != nil {
		return r.forEach(s, st, o)
	}
	if st.act.kind == parallelAction {
		return r.parallel(s, st, o)
	}
	var value any
	err = s.t.Try(o, func() (e error) {
		value, e = r.act(s, st.act)
		return e
	})
	if err != nil {
		return nil, placed(err, st.act.at)
	}
	return value, nil
}

// withTenant is the scope in which functions are those of another tenant.
func (r *runner) withTenant(s site, n *node) (*scope, error) {
	role, err := r.eval(s.t, n, s.sc)
	if err != nil {
		return nil, err
	}
	name, ok := role.(string)
	if !ok {
		return nil, scriptError(n.at, "tenant takes the name of a role, got %s", typeName(role))
	}
	return s.sc.withRole(name), nil
}

// tryOptions evaluates timeout and retry.
func (r *runner) tryOptions(s site, st *step) (engine.TryOptions, error) {
	o := engine.TryOptions{What: "step " + st.label(), Where: st.at}
	var errs [3]error
	o.Timeout, errs[0] = quantity(r, s, st.timeout, duration)
	if st.retry != nil {
		o.Retry.On = st.retry.on
		o.Retry.Times, errs[1] = quantity(r, s, st.retry.times, func(v any) (int, error) { return count(v, 0) })
		o.Retry.Delay, errs[2] = quantity(r, s, st.retry.delay, duration)
	}
	for _, err := range errs {
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

var errNoAction = errors.New("the step has no action")
