package engine

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Do is the one path: it gives the call its identity and sends it through the
// stages. It is called by the task, under the baton, and gives up the baton
// meanwhile unless the action is instant.
func (t *Task) Do(a *Action) Outcome {
	if t.ctx.Err() != nil {
		return Outcome{Err: t.located(AsError(t.Stopped()), a)}
	}
	c := t.identify(a)
	c.step, c.undo, c.share = t.step, t.undo, t.share
	out := t.send(c)
	t.run.learn(c, out)
	if out.Err != nil {
		out.Err = t.located(out.Err, a)
		if out.Err.CallKey == "" {
			e := *out.Err
			e.CallKey = c.Key
			out.Err = &e
		}
	}
	return out
}

// send takes the call through the stages.
func (t *Task) send(c *Call) (out Outcome) {
	if c.Instant {
		return t.run.path.Do(t.ctx, c)
	}
	t.ask(c)
	t.block(func() {
		defer c.landed()
		out = t.run.path.Do(t.ctx, c)
	}, &c.place)
	return out
}

// ask tells the baton, which repeats recorded wakes, that this may be one.
func (t *Task) ask(c *Call) {
	if t.run.baton.repeating() {
		c.asked = true
		t.run.baton.ask()
	}
}

// located fills in where the call stands. It copies: errors that end a context
// are shared by all its tasks.
func (t *Task) located(e *Error, a *Action) *Error {
	if (e.Where != Position{} || a.Where == Position{}) && (e.Operation != "" || a.Operation == nil) {
		return e
	}
	at := *e
	if (at.Where == Position{}) {
		at.Where = a.Where
	}
	if at.Operation == "" && a.Operation != nil && !at.Uncatchable() {
		at.Operation = a.Name
	}
	return &at
}

// equalKey is the digest of what makes two calls of a task equal.
type equalKey [16]byte

// identify numbers the call and makes its key. Everything that goes in is the
// same in every execution of the run; the line in the playbook is not in it,
// because editing a comment must not redo a deletion.
func (t *Task) identify(a *Action) *Call {
	t.calls++
	same, b := t.run.mac, t.run.scratch[:0] // guarded by the baton, like all of this
	same.Reset()
	for _, s := range [...]string{t.canon, a.Tenant, a.Name} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = appendCanonical(b, t.run.refs.args(a), &t.run.refs)
	_, _ = same.Write(b) // a hash's Write never fails
	sum := same.Sum(b[:0])
	t.run.scratch = sum
	base := equalKey(sum[:len(equalKey{})])
	sum = binary.AppendUvarint(sum, uint64(t.count(base))) //nolint:gosec // a count
	same.Reset()
	_, _ = same.Write(sum)
	return &Call{Action: a, Task: t, N: t.calls, Key: hex.EncodeToString(same.Sum(nil)[:16])}
}

// count is the how-many-th equal call this is. Most tasks make one or two calls,
// and need no map.
func (t *Task) count(base equalKey) int {
	if t.firstCount == 0 || t.first == base {
		t.first = base
		t.firstCount++
		return t.firstCount
	}
	if t.equal == nil {
		t.equal = map[equalKey]int{}
	}
	t.equal[base]++
	return t.equal[base]
}

// perform is the end of the path for what is no request of a tenant: stages
// above it have made the attempt. It stands here so that the stack is whole
// also where a test replaces dispatch.
func perform(ctx context.Context, c *Call) Outcome {
	c.Attempts++
	return c.Perform(ctx, &c.attempt)
}

// observe is the outermost stage: events and the numbers of the status line,
// for every call, whoever answers it below.
func (r *Run) observe(next Doer) Doer {
	return DoerFunc(func(ctx context.Context, c *Call) Outcome {
		if c.Quiet {
			return next.Do(ctx, c)
		}
		r.count(c.begins)
		if !r.tellsCalls {
			out := next.Do(ctx, c)
			r.ended(c)
			r.count(func(n *Counts) { c.ends(n, out.Err) })
			return out
		}
		began := r.cfg.Now()
		if !c.Instant {
			r.emitCall(c, Event{Kind: EventCallStarted, Time: began})
		}
		out := next.Do(ctx, c)
		done := Event{Kind: EventCallFinished, Status: out.Status, Attempt: c.Attempts, State: StepOK, Replayed: c.replayed, Time: r.cfg.Now()}
		done.TookMS = float64(done.Time.Sub(began)) / float64(time.Millisecond)
		if out.Err != nil {
			done.State, done.Error, done.Name = StepFailed, out.Err.Error(), out.Err.Name
		}
		r.ended(c)
		r.count(func(n *Counts) { c.ends(n, out.Err) })
		r.emitCall(c, done)
		return out
	})
}

// begins and ends count a request.
func (c *Call) begins(n *Counts) {
	switch {
	case !c.requests():
	case c.look:
		n.Looks++
	default:
		n.Calls++
	}
}

func (c *Call) ends(n *Counts, err *Error) {
	if !c.requests() || c.look {
		return
	}
	n.Done++
	if c.replayed {
		n.Replayed++
	}
	switch {
	case err == nil:
	case err.Name == NameInterrupted && !err.InDoubt:
		n.Dropped++
	default:
		n.Failed++
	}
}

// emitCall fills in whose event it is.
func (r *Run) emitCall(c *Call, e Event) {
	if r.cfg.Sink == nil {
		return
	}
	e.Task, e.Key, e.N, e.Where = c.Task.path, c.Key, c.N, c.Where.String()
	e.Operation, e.Tenant = c.Name, c.Tenant
	r.Emit(e)
}
