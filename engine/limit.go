package engine

import (
	"context"
	"slices"
	"strconv"
	"time"

	"a0run/client/catalog"
)

// A time limit is something of the outside, like every clock: when it is over
// is recorded, with a place in the order in which tasks were woken, and it ends
// its context only when that turn comes. So a resumed run, which is faster,
// cuts its tasks where they were cut, and whoever holds the baton sees a
// context end only at a call.

// WithTimeout runs fn with a context that ends after d; 0 means no limit. What
// ends then is the script and its waits; a mutating request that was sent
// already ends by its own timeout and is recorded.
func (t *Task) WithTimeout(d time.Duration, what string, fn func() error) error {
	if d <= 0 {
		return fn()
	}
	cause := &Error{Name: NameTimeoutError, ResetAt: -1, Message: what + " took longer than its timeout of " + d.String()}
	outer := t.ctx
	ctx, cut := context.WithCancelCause(outer)
	t.ctx = ctx
	lift := t.limit(d, func() { cut(cause) })
	defer func() {
		lift()
		t.ctx = outer
		cut(nil)
	}()
	return fn()
}

// limit calls over when d has passed, holding the baton; lift takes the limit
// away. The caller holds the baton.
func (t *Task) limit(d time.Duration, over func()) (lift func()) {
	r := t.run
	t.limits++
	name := "#" + strconv.Itoa(t.limits)
	clock := &Task{run: r, parent: t, path: t.path + name, canon: t.canon + name, ctx: r.soft, where: t.where, step: t.step, share: t.share}
	args := NewObject(1)
	args.Set("after", d.String())
	c := clock.identify(&Action{
		Name: "time.limit", Effect: catalog.Read, Args: args, Where: t.where, Quiet: true,
		Perform: func(ctx context.Context, _ *Attempt) Outcome {
			if sleep(ctx, d) != nil {
				return Outcome{Err: AsError(stopReason(ctx))}
			}
			return Outcome{}
		},
	})
	clock.ask(c)
	// Lifting it is no outcome, and nothing is recorded.
	ctx, lifted := context.WithCancelCause(r.soft)
	r.tasks.Add(1)
	go func() {
		defer r.tasks.Done()
		out := Outcome{Err: errLifted}
		_ = guard(func() error { // a fault of a stage leaves the limit out
			out = r.path.Do(ctx, c)
			return nil
		})
		c.landed()
		place := c.place
		switch {
		case place == nil && out.Err != nil:
			return
		case place == nil:
			place = r.baton.arrive()
		}
		if out.Err == nil && !c.replayed {
			defer r.baton.unlessHogged(over)()
		}
		<-place.come
		defer r.baton.release()
		if out.Err == nil {
			over()
			r.wakeStopped()
		}
	}()
	return func() { lifted(errLifted) }
}

var errLifted = &Error{Name: NameInterrupted, Message: "the time limit was lifted", ResetAt: -1}

// hogged is how long a task may compute past a time limit before it is cut in
// the midst of it, wherever that is.
const hogged = time.Second

// unlessHogged calls over when the baton stays in one hand for a second; done
// ends that.
func (b *baton) unlessHogged(over func()) (done func()) {
	b.mu.Lock()
	turns := b.turns
	b.mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(hogged, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case !b.held:
		case b.turns == turns:
			over()
			return
		}
		turns = b.turns
		timer.Reset(hogged)
	})
	return func() { timer.Stop() }
}

// A parking is a task that waits for something that its context may end.
type parking struct {
	task  *Task
	ready func() bool
}

// parkWithin parks until another task calls unpark or the task is to stop,
// whichever comes first; ready says that there is no need to wait any more.
func (t *Task) parkWithin(ready func() bool) {
	if t.ctx.Err() != nil {
		return
	}
	run := t.run
	p := &parking{task: t, ready: ready}
	run.within = append(run.within, p)
	unwatch := context.AfterFunc(run.soft, func() {
		// Waking needs the baton, like every change of who is parked.
		<-run.baton.arrive().come
		defer run.baton.release()
		if slices.Contains(run.within, p) && !ready() {
			t.unpark()
		}
	})
	defer unwatch()
	t.park()
	run.within = slices.DeleteFunc(run.within, func(other *parking) bool { return other == p })
}

// wakeStopped wakes the parked tasks whose contexts have ended, in the order in
// which they were parked; the caller holds the baton.
func (r *Run) wakeStopped() {
	for _, p := range r.within {
		if p.task.ctx.Err() != nil && !p.ready() {
			p.task.unpark()
		}
	}
}
