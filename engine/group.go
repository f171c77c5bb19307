package engine

import (
	"strconv"
	"time"
)

// OnError says what a parallel call or a step does about a failure.
type OnError string

const (
	// Stop means: no new items, running ones end, then the error.
	Stop OnError = "stop"
	// Continue means: all run, the errors stand in the result, exit code 4.
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
	// Branches says that the items are branches that a playbook has written one
	// by one, and not the items of a list: their steps are as good as others.
	Branches bool
	// Ready says that the source and Key run nothing of the playbook and do not block:
	// then whoever ends an item begins the next, and the task that made the call sleeps
	// until there is none.
	Ready bool
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
	src      Source
	body     Body
	number   int
	running  int
	waiting  bool
	stopped  bool
	fatal    error
	started  int
	failedAt map[int]ItemError
	seen     keySet         // the keys so far
	came     keySet         // the same as they stand in paths, if somebody asks
	again    map[string]int // how often a key came again
	result   EachResult
	// drained says that no further items come, because of err where it is not nil.
	drained bool
	err     error
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
	g := &group{
		owner: t, opts: o, src: src, body: body, number: t.parallel,
		failedAt: map[int]ItemError{}, again: map[string]int{},
	}
	t.run.enter(t)
	defer t.run.leave(t)
	err := g.pull()
	for g.running > 0 {
		g.wait()
	}
	g.collect()
	if g.fatal == nil && t.ctx.Err() == nil {
		g.fatal = t.checkJoin(g.number, g.came.has)
	}
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
		t.run.itemsFailed(g.result.Failed)
		return &g.result, nil
	}
	return &g.result, parallelError(o.Where, g.result.Failed)
}

// pull starts items until the source ends or something says stop.
func (g *group) pull() error {
	for !g.drained {
		if g.running >= g.opts.Concurrency {
			g.wait()
			continue
		}
		g.next()
	}
	return g.err
}

// next starts the next item, or finds that there is none.
func (g *group) next() {
	if g.over() {
		g.drained = true
		return
	}
	var item any
	var ok bool
	err := guard(func() (err error) {
		item, ok, err = g.src(g.owner)
		return err
	})
	var key string
	if err == nil && ok && !g.stopped {
		if err = guard(func() (err error) {
			key, err = g.key(item)
			return err
		}); err == nil {
			g.start(key, item)
			return
		}
	}
	g.drained, g.err = true, err
}

// over reports whether no further items are to be started.
func (g *group) over() bool { return g.stopped || g.owner.ctx.Err() != nil }

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
	if g.seen.add(key) {
		return key, nil
	}
	for {
		g.again[key]++
		unique := key + "~" + strconv.Itoa(g.again[key]+1)
		if g.seen.add(unique) { // an item may be called "a~2" by itself
			return unique, nil
		}
	}
}

// start runs one item in a new task.
func (g *group) start(key string, item any) {
	index := g.started
	g.started++
	g.running++
	child := g.owner.child(g.owner.ctx, g.number, key, g.opts.Where)
	child.joined = true
	g.owner.run.itemBegun(g.owner, child)
	if child.loop == nil && !g.opts.Branches {
		child.loop = g.owner
	}
	if g.owner.run.cfg.Joined != nil {
		g.came.add(child.path[len(g.owner.path):])
	}
	opts := TryOptions{What: "item " + key, Timeout: g.opts.Timeout, Retry: g.opts.Retry, Where: g.opts.Where}
	var value any
	g.owner.spawn(child, func() error {
		return child.unlessStopped(func() error {
			return child.Try(opts, func() (err error) {
				value, err = g.body(child, index, item)
				return err
			})
		})
	}, func(err error) {
		if ended := child.run.cfg.TaskEnded; ended != nil && err == nil {
			ended(child)
		}
		g.owner.run.itemDone(g.owner, child)
		g.finish(index, ItemError{Key: key, Item: item}, value, err)
	})
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
		failed := *e // the error of an ended context is shared by all its tasks
		failed.Item = item.Key
		item.Err = &failed
		g.failedAt[index] = item
		if g.opts.OnError != Continue {
			g.stopped = true
		}
	}
	if g.opts.Ready && !g.drained {
		g.next()
		if !g.drained {
			return
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
	return &Error{Name: NameParallelError, Message: msg, Where: where, Items: failed, ResetAt: -1, Cause: first.Err}
}
