// Package pace is the rate budget of one tenant. It learns from the headers of
// the answers how much the tenant allows, spaces requests so that they come
// neither too fast nor slower than allowed, and parks a bucket (not each
// caller by itself) when the tenant refuses a request of it.
//
// The decisions are pure functions of (state, event, now); Pacer is the thin
// shell that waits. One retry policy, Policy.Decide, serves the client's own
// users and the engine alike.
//
// The package imports nothing of the project.
package pace

import (
	"context"
	"net/http"
	"time"
)

// A Pacer is the budget of one tenant, safe for concurrent use. Callers of one
// bucket are served in the order of their arrival.
type Pacer struct {
	// unexported state: one gate per bucket
}

// New returns a Pacer that knows nothing about its tenant yet.
func New(cfg Config) *Pacer { return &Pacer{} }

// Config sets a Pacer; its zero value is ready for use.
type Config struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// A Claim is what a caller asks of the budget for one request.
type Claim struct {
	// Buckets are the buckets the request draws on, the general one first.
	Buckets []string
	// Before is the latest time at which the grant is of use; zero means any.
	// A claim that cannot be granted before it fails at once with *LateError.
	Before time.Time
	// Parked, when set, is told once that the caller waits for a bucket that
	// the tenant has closed (a 429), and until when.
	Parked func(until time.Time)
}

// A Grant is the permission to send one request; it must be ended by Observe
// or Abandon.
type Grant struct{}

// LateError says that a claim could not be granted in time.
type LateError struct {
	Bucket  string
	ResetAt time.Time // when the bucket opens, as far as is known
}

func (e *LateError) Error() string { return "pace: " + e.Bucket }

// Wait blocks until the request may be sent, ctx ends, or the claim is too
// late. It is Reserve with the waiting done.
func (p *Pacer) Wait(ctx context.Context, c Claim) (*Grant, error) { return &Grant{}, nil }

// Reserve is the non-blocking half of Wait: when may a request of these
// buckets be sent? The place in the queue is taken by the call.
func (p *Pacer) Reserve(c Claim) (at time.Time, g *Grant) { return time.Time{}, &Grant{} }

// Observe ends a grant with what the tenant answered: status and headers.
func (p *Pacer) Observe(g *Grant, status int, h http.Header) {}

// Abandon ends a grant whose request was never sent or never answered.
func (p *Pacer) Abandon(g *Grant, sent bool) {}

// FaultKind classes what went wrong with an attempt.
type FaultKind int

const (
	// RateLimited: the tenant answered 429; nothing was done.
	RateLimited FaultKind = iota + 1
	// NotSent: refused before a byte of the request left (connection refused,
	// DNS); nothing was done.
	NotSent
	// Uncertain: sent, and no whole answer came (reset, timeout, cut off, 502,
	// 503, 504); the outcome is unknown.
	Uncertain
	// Final: answered, and trying again would give the same.
	Final
)

// An Attempt is what the policy is asked about.
type Attempt struct {
	// Number is 1 for the first attempt that failed.
	Number int
	// Fault is what went wrong with it.
	Fault FaultKind
	// Repeatable says that the operation may be sent again after an uncertain
	// outcome.
	Repeatable bool
	// ResetAt is when the tenant says the bucket opens; zero where it did not.
	ResetAt time.Time
	// Started is when the call began (its first attempt), Now the present.
	Started, Now time.Time
	// Random is in [0,1), for the jitter.
	Random float64
}

// A Verdict is the policy's answer.
type Verdict struct {
	Retry bool
	// Wait is how long to wait first. For a RateLimited attempt with a known
	// reset it is only a courtesy: the Pacer's gate does the waiting.
	Wait time.Duration
	// Reason says in a few words why not ("patience is over", …).
	Reason string
}

// Policy is the one retry policy. Its zero value is the default.
type Policy struct {
	// Patience bounds the whole time of a call from its first attempt on,
	// waits included; 0 means 10 minutes.
	Patience time.Duration
	// Transient is how many attempts a call has in all when faults are
	// transient; 0 means 4.
	Transient int
	// Base and Cap bound the exponential back-off; 0 means 250 ms and 30 s.
	Base, Cap time.Duration
}

// Decide says whether and when to try again.
func (p Policy) Decide(a Attempt) Verdict { return Verdict{} }
