package engine

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"
)

// OnError says what a parallel call or a step does about a failure.
type OnError string

const (
	// Stop: no new items, running ones end, then the error.
	Stop OnError = "stop"
	// Continue: all run, the errors stand in the result, exit code 4.
	Continue OnError = "continue"
)

// EachOptions are the options of a parallel call, of the same names in both
// languages.
type EachOptions struct {
	// Concurrency bounds the tasks; 0 means the run's own.
	Concurrency int
	OnError     OnError
	// Timeout bounds each item, Retry tries it again.
	Timeout time.Duration
	Retry   Retry
	// Key gives an item's key; the front end applies key= or ItemKey.
	Key func(index int, item any) (string, error)
	// Collect keeps what body returned, in item order (parallel.map).
	Collect bool
	// Where is the place of the call.
	Where Position
}

// A Source hands out the items of a parallel call. It is called under the
// baton, by the task that made the call; it may block.
type Source func(t *Task) (item any, ok bool, err error)

// Body runs one item in its own task, under the baton.
type Body func(t *Task, index int, item any) (any, error)

// An EachResult is what came of a parallel call.
type EachResult struct {
	// Done counts the items that went well.
	Done int
	// Failed are those that did not, in the order of their items.
	Failed []ItemError
	// Values are what body returned, by item, where Collect was asked for; nil
	// for an item that failed or never ran.
	Values []any
}

// group is one parallel call under way. All fields are guarded by the baton.
type group struct {
	owner    *Task
	opts     EachOptions
	body     Body
	number   int
	running  int
	waiting  bool
	stopped  bool
	fatal    error
	started  int
	failedAt map[int]ItemError
	seen     map[uint64]int
	result   EachResult
}

// Each runs body for every item of src, at most Concurrency at a time, each in
// a task of its own. Items are pulled as tasks end, so that an endless source
// needs no memory. The error is a ParallelError (OnError Stop), the source's
// own, or what stopped the task.
func (t *Task) Each(o EachOptions, src Source, body Body) (*EachResult, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = t.run.concurrency
	}
	t.parallel++
	g := &group{owner: t, opts: o, body: body, number: t.parallel,
		failedAt: map[int]ItemError{}, seen: map[uint64]int{}}
	err := g.pull(src)
	for g.running > 0 {
		g.wait()
	}
	g.collect()
	switch {
	case g.fatal != nil:
		return &g.result, g.fatal
	case err != nil:
		return &g.result, err
	case t.ctx.Err() != nil:
		return &g.result, t.Stopped()
	case len(g.result.Failed) == 0:
		return &g.result, nil
	case o.OnError == Continue:
		t.run.itemsFailed(len(g.result.Failed))
		return &g.result, nil
	}
	return &g.result, parallelError(o.Where, g.result.Failed)
}

// pull starts items until the source ends or something says stop.
func (g *group) pull(src Source) error {
	t := g.owner
	for {
		for g.running >= g.opts.Concurrency {
			g.wait()
		}
		if g.stopped || t.ctx.Err() != nil {
			return nil
		}
		item, ok, err := src(t)
		if err != nil || !ok || g.stopped {
			return err
		}
		key, err := g.key(item)
		if err != nil {
			return err
		}
		g.start(key, item)
	}
}

// key is the item's key, made unique: duplicates get ~2, ~3. Only a hash is
// kept of the keys seen, so that 100,000 items do not hold their keys.
func (g *group) key(item any) (string, error) {
	key := strconv.Itoa(g.started + 1)
	if g.opts.Key != nil {
		k, err := g.opts.Key(g.started, item)
		if err != nil {
			return "", err
		}
		if k != "" {
			key = k
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // a hash's Write never fails
	g.seen[h.Sum64()]++
	if n := g.seen[h.Sum64()]; n > 1 {
		key += "~" + strconv.Itoa(n)
	}
	return key, nil
}

// start runs one item in a new task.
func (g *group) start(key string, item any) {
	index := g.started
	g.started++
	g.running++
	child := g.owner.child(g.owner.ctx, g.number, key, g.opts.Where)
	var value any
	var err error
	g.owner.spawn(child, func() {
		if child.ctx.Err() != nil {
			err = child.Stopped()
			return
		}
		err = child.Try(TryOptions{What: "item " + key, Timeout: g.opts.Timeout, Retry: g.opts.Retry}, func() (e error) {
			value, e = g.body(child, index, item)
			return e
		})
	}, func() { g.finish(index, ItemError{Key: key, Item: item}, value, err) })
}

// finish records what came of an item and wakes the owner.
func (g *group) finish(index int, item ItemError, value any, err error) {
	g.running--
	switch e := AsError(err); {
	case err == nil:
		g.result.Done++
		g.keep(index, value)
	case e.Uncatchable():
		g.stopped = true
		if g.fatal == nil {
			g.fatal = err
		}
	default:
		e.Item = item.Key
		item.Err = e
		g.failedAt[index] = item
		if g.opts.OnError != Continue {
			g.stopped = true
		}
	}
	if g.waiting {
		g.waiting = false
		g.owner.unpark()
	}
}

func (g *group) keep(index int, value any) {
	if !g.opts.Collect {
		return
	}
	for len(g.result.Values) <= index {
		g.result.Values = append(g.result.Values, nil)
	}
	g.result.Values[index] = value
}

// wait parks the owner until an item ends.
func (g *group) wait() {
	g.waiting = true
	g.owner.park()
}

// collect puts the failures into the order of their items.
func (g *group) collect() {
	for i := range g.started {
		if f, ok := g.failedAt[i]; ok {
			g.result.Failed = append(g.result.Failed, f)
		}
	}
	if g.opts.Collect {
		for len(g.result.Values) < g.started {
			g.result.Values = append(g.result.Values, nil)
		}
	}
}

// parallelError says which items failed; the first in item order speaks.
func parallelError(where Position, failed []ItemError) *Error {
	first := failed[0]
	msg := "item " + first.Key + " failed: " + first.Err.Error()
	if n := len(failed) - 1; n == 1 {
		msg += "; one more failed too"
	} else if n > 1 {
		msg += "; " + strconv.Itoa(n) + " more failed too"
	}
	return &Error{Name: NameParallelError, Message: msg, Where: where, Items: failed, Cause: first.Err}
}

// A Future is a task that was started by itself (Lua's task(fn)).
type Future struct {
	task    *Task
	done    bool
	value   any
	err     error
	waiters []*Task
}

// Start runs body in a task of its own; Wait gives what came of it. key is the
// task's key, "" means 1.
func (t *Task) Start(key string, where Position, body func(t *Task) (any, error)) *Future {
	t.parallel++
	if key == "" {
		key = "1"
	}
	f := &Future{task: t.child(t.ctx, t.parallel, key, where)}
	t.spawn(f.task, func() {
		if f.task.ctx.Err() != nil {
			f.err = f.task.Stopped()
			return
		}
		f.value, f.err = body(f.task)
	}, func() {
		f.done = true
		for _, w := range f.waiters {
			w.unpark()
		}
	})
	return f
}

// Wait parks t until the future is done. An error has crossed a task and says
// so in its trace. Waiting for oneself or for an ancestor would never end and
// is refused.
func (f *Future) Wait(t *Task) (any, error) {
	for a := t; a != nil; a = a.parent {
		if a == f.task {
			return nil, &Error{Name: NameScriptError, Message: "a task cannot wait for itself"}
		}
	}
	for !f.done {
		f.waiters = append(f.waiters, t)
		t.park()
	}
	return f.value, f.err
}

// Done reports whether the future has ended.
func (f *Future) Done() bool { return f.done }

// Stopped is the error of a task whose context has ended: the timeout that
// ended it, or Interrupted, which nothing catches.
func (t *Task) Stopped() error {
	cause := context.Cause(t.ctx)
	var e *Error
	if errors.As(cause, &e) {
		return e
	}
	return &Error{Name: NameInterrupted, Message: "the run was interrupted", Cause: cause}
}
