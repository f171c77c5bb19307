package engine

import (
	"context"
	"encoding/json"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// An Action is one thing that a playbook asks of the outside: an API call, the
// time, a random number, a file. All of them take the one path, Run.Do.
type Action struct {
	// Name is the operation's catalogue ID, or the host function's name
	// ("time.now", "file.read").
	Name string
	// Tenant is the role whose tenant is asked; "" for what is no API call.
	Tenant string
	// Operation is the catalogue's entry; nil for host functions.
	Operation *catalog.Operation
	Effect    catalog.Effect
	// Args are the arguments by name, secrets marked as Secret.
	Args *Object
	// Where is the place in the playbook.
	Where Position
	// Instant actions (time.now, random) are done without giving up the baton.
	Instant bool
	// Quiet actions (a printed line, a yield) show no events of their own.
	Quiet bool
	// Object is the id of what is touched where Operation.Subject does not
	// tell it, Kind what it is: the path of a file (KindFiles), a host
	// (KindHosts).
	Kind, Object string
	// Repeatable says that the playbook allows an action to be sent again
	// after an unknown outcome, whatever its effect is.
	Repeatable bool
	// Payload is what Args only name by its digest: the text of a file, or a
	// long body. PayloadArg is the argument that holds the digest; the key is
	// made of the text where that mentions what other calls of the run made.
	Payload    any
	PayloadArg string
	// Image reads what stands in the place of a host function's write before
	// it is done; nil where there is nothing to keep.
	Image func() (any, error)
	// Secret says that what the action gives is a secret, whatever it is.
	Secret bool
	// Digest, where it is set, is what the journal keeps instead of the value:
	// a file's hash and size. A call that comes up again is then performed
	// again, and another digest is a divergence.
	Digest func(value any) any
	// Patience, when not zero, replaces the run's for this action.
	Patience time.Duration
	// Bulk are further objects that the action writes; nil for most.
	Bulk *Bulk
	// Perform does it once. It must not touch values of a front end.
	Perform func(ctx context.Context, a *Attempt) Outcome
}

// The kinds of what host functions touch.
const (
	KindFiles = "files"
	KindHosts = "hosts"
)

// An Attempt is what Perform is given.
type Attempt struct {
	// Key is the call's: the same in every attempt, and in every execution of
	// the run.
	Key string
	// Number is 1 for the first.
	Number int
	// BeforeSend must be called after the budget's grant and before the first
	// byte leaves; it waits for a slot of the run. An error from it ends the
	// attempt, with nothing sent.
	BeforeSend func(ctx context.Context) error
	// Parked is to be told when the call waits for a bucket that answered 429.
	Parked func(until time.Time)
	// GrantBy is when the patience of the call is over.
	GrantBy time.Time
	// Flow is for whom the rate budget is asked.
	Flow pace.Flow
}

// An Outcome is what came of an action.
type Outcome struct {
	// Value is what the playbook gets: a value of the tree, mostly
	// json.RawMessage.
	Value any
	// Status is the HTTP status where there was one.
	Status int
	// Err is nil when it went well.
	Err *Error
	// Fault classes a failed attempt for the retry policy; ResetAt is when a
	// closed bucket opens again, zero when the tenant did not say.
	Fault   pace.FaultKind
	ResetAt time.Time
}

// A Call is an action with its identity in the run.
type Call struct {
	*Action
	Task *Task
	// N is the how-many-th call of the task this is, from 1.
	N int
	// Key identifies the call over all executions of the run: an HMAC over
	// task path, tenant, operation, canonical arguments and the how-many-th
	// equal call of the task this is.
	Key string
	// Attempts counts what was tried, Faults tells what went wrong with those
	// that failed; Waited is the time spent waiting for the rate limit.
	Attempts int
	Faults   []AttemptRecord
	Waited   time.Duration
	// Before is what stood there before a mutating call (an Image as JSON),
	// Note what stages want to keep beside its intent; both unsealed.
	Before, Note json.RawMessage

	attempt  Attempt // the one under way; dispatch makes it
	step     string
	undo     UndoPolicy
	share    share
	sending  []func(ctx context.Context, attempt int) error
	refused  []func(attempt int)
	look     bool  // made on behalf of another call
	asked    bool  // the journal may have an answer
	replayed bool  // the journal had it
	place    *turn // in the queue for the baton, once it is taken
}

// Step is the step of the playbook that makes the call; may be "".
func (c *Call) Step() string { return c.step }

// Undo is the step's policy of before-images, "" for the run's own.
func (c *Call) Undo() UndoPolicy { return c.undo }

// Mutates reports whether the call changes the tenant, or a file.
func (c *Call) Mutates() bool { return c.Effect != "" && c.Effect.Mutates() }

// requests reports whether the call is a request: of a tenant, or of another
// host.
func (c *Call) requests() bool { return c.Operation != nil || c.Kind == KindHosts }

// Resendable reports whether the call may be sent again after an unknown
// outcome.
func (c *Call) Resendable() bool { return !c.Mutates() || c.Effect.Repeatable() || c.Repeatable }

// Regardless is a context that no time limit of the call's task ends, only the
// run's stop: what was sent is settled within it.
func (c *Call) Regardless() context.Context { return c.Task.run.soft }

// OnSend adds a hook that is called once an attempt, after the budget's grant
// and before the first byte leaves. An error of it ends the attempt with
// nothing sent.
func (c *Call) OnSend(f func(ctx context.Context, attempt int) error) {
	c.sending = append(c.sending, f)
}

// OnRefused adds a hook that is called when an attempt whose OnSend hooks ran
// did not come to pass after all: it was answered 429, refused at the door, or
// stopped.
func (c *Call) OnRefused(f func(attempt int)) { c.refused = append(c.refused, f) }

// Live says that no journal has an outcome of the call. A stage that looks for
// one must call Live or Answered.
func (c *Call) Live() {
	if c.asked {
		c.asked = false
		c.Task.run.baton.live()
	}
}

// Answered says that a journal has an outcome of the call, and with which wake
// (CallRecord.Wake): the task goes on when its recorded turn comes.
func (c *Call) Answered(wake int64) {
	c.replayed = true
	if !c.asked {
		return
	}
	if wake == 0 {
		c.Live()
		return
	}
	c.asked = false
	c.place = c.Task.run.baton.answer(wake)
}

// Replayed reports whether Answered was called.
func (c *Call) Replayed() bool { return c.replayed }

// Arrive takes the call's place in the order in which blocked tasks are woken,
// and calls write with its number before another call can take one: what write
// appends to a journal stands there in that order. The number is 0 for calls
// that block nobody or that have a place already.
func (c *Call) Arrive(write func(wake int64)) {
	if c.Instant || c.place != nil {
		write(0)
		return
	}
	c.Live()
	c.place = c.Task.run.baton.reserve(write)
}

// landed ends the call's way through the stages.
func (c *Call) landed() {
	c.Live()
	if c.place != nil {
		c.Task.run.baton.settle(c.place)
	}
}

// Sub performs another action on behalf of the call, below all stages but
// dispatch: a look at what stands there, a search for what a create has made.
// It has no record and no key of its own.
func (c *Call) Sub(ctx context.Context, a *Action) Outcome {
	r := c.Task.run
	sub := &Call{Action: a, Task: c.Task, N: c.N, Key: c.Key, step: c.step, look: true}
	out := r.observe(r.dispatch(DoerFunc(perform))).Do(ctx, sub)
	c.Waited += sub.Waited
	return out
}

// A Doer does calls; the stages of a run are decorators of it.
type Doer interface {
	Do(ctx context.Context, c *Call) Outcome
}

// DoerFunc is a function as a Doer.
type DoerFunc func(ctx context.Context, c *Call) Outcome

// Do calls f.
func (f DoerFunc) Do(ctx context.Context, c *Call) Outcome { return f(ctx, c) }

// A Stage wraps the stages below it and knows none of them.
type Stage func(next Doer) Doer
