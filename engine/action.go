package engine

import (
	"context"
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
	// Patience, when not zero, replaces the run's for this action.
	Patience time.Duration
	// Perform does it once. It must not touch values of a front end.
	Perform func(ctx context.Context, a *Attempt) Outcome
}

// An Attempt is what Perform is given.
type Attempt struct {
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
	// Attempts counts what was tried.
	Attempts int

	attempt Attempt // the one under way; dispatch makes it
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
