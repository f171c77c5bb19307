package engine

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// dispatch is the innermost stage: attempts, slots, parking, retries. What it
// decides about a fault is pace's policy; what it adds is who may cut what,
// and what is known about the outcome.
func (r *Run) dispatch(next Doer) Doer {
	return DoerFunc(func(ctx context.Context, c *Call) Outcome {
		if c.Instant {
			return next.Do(ctx, c)
		}
		d := &dispatching{run: r, call: c, next: next, started: r.cfg.Now(), policy: r.cfg.Policy}
		d.policy.Patience = r.cfg.Patience
		if c.Patience > 0 {
			d.policy.Patience = c.Patience
		}
		return d.loop(ctx)
	})
}

// dispatching is one call under way.
type dispatching struct {
	run       *Run
	call      *Call
	next      Doer
	policy    pace.Policy
	started   time.Time
	uncertain bool // an earlier attempt may have been done
	limited   int  // attempts that the tenant refused for its rate limit
	failed    int  // attempts that failed otherwise
}

func (d *dispatching) loop(ctx context.Context) Outcome {
	for n := 1; ; n++ {
		out := d.attempt(ctx, n)
		if out.Err == nil {
			return out
		}
		if d.uncertain && d.call.Effect == catalog.Delete && out.Err.StatusCode == http.StatusNotFound {
			// The attempt whose answer was lost has done it.
			return Outcome{Status: http.StatusNoContent}
		}
		again, wait := d.verdict(out)
		if out.Fault == pace.Uncertain {
			d.uncertain = true
		}
		if !again {
			return d.giveUp(out)
		}
		if ctx.Err() != nil {
			return d.giveUp(Outcome{Err: AsError(stopReason(ctx)), Fault: out.Fault})
		}
		if err := d.pause(ctx, out, n, wait); err != nil {
			return d.giveUp(Outcome{Err: err, Fault: out.Fault})
		}
	}
}

// verdict asks the policy. Only faults that it knows are worth asking about:
// an error of a host function is final.
//
// Attempts are counted by kind: a call that was parked for the rate limit ten
// times has not used up its tries of a broken connection.
func (d *dispatching) verdict(out Outcome) (again bool, wait time.Duration) {
	if out.Fault == 0 || out.Fault == pace.Final || out.Err.Uncatchable() {
		return false, 0
	}
	count := &d.failed
	if out.Fault == pace.RateLimited {
		count = &d.limited
	}
	*count++
	v := d.policy.Decide(pace.Attempt{
		Number: *count, Fault: out.Fault, Repeatable: d.repeatable(),
		ResetAt: out.ResetAt, Started: d.started, Now: d.run.cfg.Now(), Random: d.run.cfg.Random(),
	})
	return v.Retry, v.Wait
}

// giveUp is the outcome that the playbook sees. What may be sent again, by a
// retry or by the next run, is not in doubt.
func (d *dispatching) giveUp(out Outcome) Outcome {
	doubt := !d.repeatable() && (out.Fault == pace.Uncertain || out.Err.InDoubt)
	if doubt != out.Err.InDoubt {
		e := *out.Err
		e.InDoubt = doubt
		out.Err = &e
	}
	return out
}

func (d *dispatching) mutates() bool    { return d.call.Mutates() }
func (d *dispatching) repeatable() bool { return d.call.Resendable() }

// pause waits for the next attempt, outside the baton and without a slot.
func (d *dispatching) pause(ctx context.Context, out Outcome, n int, wait time.Duration) *Error {
	r := d.run
	until := r.cfg.Now().Add(wait)
	event := Event{Kind: EventCallRetried, Attempt: n, Status: out.Status, Error: out.Err.Error(), Name: out.Err.Name}
	event.WaitMS, event.Until = wait.Milliseconds(), &until
	r.emitCall(d.call, event)
	r.count(func(c *Counts) { c.Retried++ })
	if out.Fault == pace.RateLimited && wait > 0 {
		defer func() { d.call.Waited += d.run.cfg.Now().Sub(until.Add(-wait)) }()
		r.count(func(c *Counts) { c.Parked++ })
		defer r.count(func(c *Counts) { c.Parked-- })
	}
	if err := sleep(ctx, wait); err != nil {
		return AsError(stopReason(ctx))
	}
	return nil
}

// sleep waits for d or for the end of ctx, whichever comes first.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil || d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attempt performs the call once.
func (d *dispatching) attempt(ctx context.Context, n int) Outcome {
	attemptCtx, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	uncancel := context.AfterFunc(d.run.hard, func() { cut(context.Cause(d.run.hard)) }) //nolint:contextcheck // a request that was sent ends by Cancel, not with its task
	defer uncancel()
	f := &flight{dispatching: d, task: ctx, cut: cut}
	defer f.land()
	unwatch := context.AfterFunc(ctx, func() { f.interrupt(context.Cause(ctx)) })
	defer unwatch()
	d.call.attempt = Attempt{
		Key: d.call.Key, Number: n, BeforeSend: f.takeOff, Parked: f.park,
		GrantBy: d.started.Add(d.policy.Patience), Flow: d.flow(),
	}
	began := d.run.cfg.Now()
	out := d.next.Do(attemptCtx, d.call)
	if out.Err != nil {
		fault := out.Fault
		if attemptCtx.Err() != nil {
			out = f.wasCut(attemptCtx, out)
		}
		d.call.Faults = append(d.call.Faults, AttemptRecord{
			At: began, Fault: FaultName(fault), Status: out.Status, Error: out.Err.Error(),
		})
		f.wasRefused(n, fault)
	}
	return out
}

// flow is for whom the call asks the rate budget.
func (d *dispatching) flow() pace.Flow {
	r := d.run
	return pace.Flow{
		Run: r.cfg.ID, Weight: r.cfg.Weight, Step: d.call.share.step, StepWeight: d.call.share.weight, Urgent: r.cfg.Urgent,
	}
}

// wasRefused tells the stages that announced the attempt that nothing came of
// it, before the call waits for its next one.
func (f *flight) wasRefused(n int, fault pace.FaultKind) {
	f.mu.Lock()
	announced, sent := f.announced, f.sent
	f.mu.Unlock()
	if !announced || sent && fault != pace.RateLimited && fault != pace.NotSent {
		return
	}
	for _, tell := range f.call.refused {
		tell(n)
	}
}

// A flight is one attempt on its way: who may cut it changes at the moment in
// which the first byte leaves.
type flight struct {
	*dispatching
	task context.Context // the task's: its timeout, its step's, Stop
	cut  context.CancelCauseFunc

	mu        sync.Mutex
	announced bool // the stages were told that it is about to be sent
	sent      bool
	slot      bool
	parked    bool
	since     time.Time // when it was parked
}

// interrupt is called when the task is to stop. A mutating request that was
// sent goes on to its end, and so does every request when the run is merely
// stopped: what was begun is finished and recorded. Only Cancel cuts those.
func (f *flight) interrupt(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent && (f.mutates() || f.run.soft.Err() != nil) {
		return
	}
	f.cut(cause)
}

// takeOff is the attempt's BeforeSend: it waits for a slot of the run, once an
// attempt, and is the last moment in which the call can be stopped.
func (f *flight) takeOff(ctx context.Context) error {
	f.unpark()
	if !f.slot {
		select {
		case f.run.slots <- struct{}{}:
		case <-f.task.Done():
			return f.taskStopped()
		case <-ctx.Done():
			return stopReason(ctx)
		}
		f.slot = true
		f.run.count(func(c *Counts) { c.InFlight++ })
	}
	if f.task.Err() != nil {
		return f.taskStopped()
	}
	if err := f.announce(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.task.Err() != nil {
		return f.taskStopped()
	}
	f.sent = true
	return nil
}

// announce calls the hooks of the stages, once an attempt.
func (f *flight) announce(ctx context.Context) error {
	if f.announced || len(f.call.sending) == 0 {
		return nil
	}
	for _, hook := range f.call.sending {
		if err := hook(ctx, f.call.attempt.Number); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.announced = true
	return nil
}

// taskStopped is why the task is to stop.
func (f *flight) taskStopped() error { return stopReason(f.task) }

// land gives the slot back.
func (f *flight) land() {
	f.unpark()
	if f.slot {
		f.slot = false
		<-f.run.slots
		f.run.count(func(c *Counts) { c.InFlight-- })
	}
}

// park is the attempt's Parked.
func (f *flight) park(until time.Time) {
	f.mu.Lock()
	parked := f.parked
	f.parked = true
	if !parked {
		f.since = f.run.cfg.Now()
	}
	f.mu.Unlock()
	if parked {
		return
	}
	f.run.count(func(c *Counts) { c.Parked++ })
	e := Event{Kind: EventCallParked, Attempt: f.call.Attempts}
	if !until.IsZero() {
		e.Until, e.WaitMS = &until, until.Sub(f.run.cfg.Now()).Milliseconds()
	}
	f.run.emitCall(f.call, e)
}

func (f *flight) unpark() {
	f.mu.Lock()
	parked := f.parked
	f.parked = false
	f.mu.Unlock()
	if parked {
		f.call.Waited += f.run.cfg.Now().Sub(f.since)
		f.run.count(func(c *Counts) { c.Parked-- })
	}
}

// wasCut replaces the "context canceled" of an attempt that was cut by the
// reason, and keeps what is known about its outcome.
func (f *flight) wasCut(ctx context.Context, out Outcome) Outcome {
	var why *Error
	if !errors.As(stopReason(ctx), &why) || out.Fault == pace.Final {
		return out // it was answered before the cut
	}
	e := *why
	e.StatusCode, e.Headers, e.RequestID = out.Err.StatusCode, out.Err.Headers, out.Err.RequestID
	f.mu.Lock()
	defer f.mu.Unlock()
	unknown := f.sent && f.mutates() && out.Fault != pace.RateLimited && out.Fault != pace.NotSent
	switch e.InDoubt = unknown && !f.repeatable(); {
	case e.InDoubt:
		e.HintText = "the request was sent and its outcome is unknown; look at the tenant before running again"
	case unknown:
		e.HintText = "the request was sent and its outcome is unknown; running again repeats it harmlessly"
	}
	return Outcome{Err: &e, Status: out.Status}
}
