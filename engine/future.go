package engine

import (
	"context"
	"errors"
	"slices"
)

// A Future is a task that was started by itself (Lua's task(fn)). Its fields
// are guarded by the baton.
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
	f.task.future = f
	t.spawn(f.task, func() error {
		return f.task.unlessStopped(func() (err error) {
			f.value, err = body(f.task)
			return err
		})
	}, f.finish)
	return f
}

func (f *Future) finish(err error) {
	f.err, f.done = err, true
	for _, w := range f.waiters {
		w.unpark()
	}
	f.waiters = nil
	if err != nil {
		f.task.run.futures = append(f.task.run.futures, f)
	}
}

// Wait parks t until the future is done, or until t is to stop. Waiting for a
// task that itself waits for this one would never end and is refused.
func (f *Future) Wait(t *Task) (any, error) {
	if !f.done && f.waitsFor(t) {
		return nil, &Error{
			Name: NameScriptError, Where: t.where, ResetAt: -1,
			Message: "the tasks " + t.path + " and " + f.task.path + " would wait for each other for ever",
		}
	}
	if !f.done {
		f.waiters = append(f.waiters, t)
		t.parkWithin(func() bool { return f.done })
	}
	if !f.done {
		f.waiters = slices.DeleteFunc(f.waiters, func(w *Task) bool { return w == t })
		return nil, t.Stopped()
	}
	f.task.run.claim(f)
	return f.value, f.err
}

// waitsFor reports whether the future's task cannot go on before t does. It
// follows who waits for whom, beginning at t.
func (f *Future) waitsFor(t *Task) bool {
	seen := map[*Task]bool{}
	todo := []*Task{t}
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[x] {
			continue
		}
		if x == f.task {
			return true
		}
		seen[x] = true
		if x.joined {
			todo = append(todo, x.parent)
		}
		if x.future != nil {
			todo = append(todo, x.future.waiters...)
		}
	}
	return false
}

// Done reports whether the future has ended.
func (f *Future) Done() bool { return f.done }

// Task is the future's task.
func (f *Future) Task() *Task { return f.task }

// Stopped is the error of a task whose context has ended: the timeout that
// ended it, or Interrupted, which nothing catches.
func (t *Task) Stopped() error { return stopReason(t.ctx) }

func stopReason(ctx context.Context) error {
	cause := context.Cause(ctx)
	var e *Error
	if errors.As(cause, &e) {
		// A copy: whoever gets it writes down where it happened, and the cause
		// is shared by all tasks under it.
		mine := *e
		return &mine
	}
	return interrupted(cause)
}
