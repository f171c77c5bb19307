package pace

import "time"

// FaultKind classes what went wrong with an attempt.
type FaultKind int

const (
	// RateLimited says that the tenant answered 429; nothing was done.
	RateLimited FaultKind = iota + 1
	// NotSent says that it was refused before a byte of the request left (connection refused,
	// DNS); nothing was done.
	NotSent
	// Uncertain says that it was sent and no whole answer came (reset, timeout, cut off, 502,
	// 503, 504); the outcome is unknown.
	Uncertain
	// Final says that it was answered, and trying again would give the same.
	Final
)

// An Attempt is what the policy is asked about.
type Attempt struct {
	// Number is 1 for the first attempt that failed. Attempts that were
	// RateLimited need not be counted: patience alone bounds them.
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
	// Wait is how long to wait first. It is 0 for a RateLimited attempt with a
	// known reset: the Pacer's gate does that waiting, and knows better.
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

// Defaults of a Policy.
const (
	DefaultPatience  = 10 * time.Minute
	DefaultTransient = 4
)

// Until is the moment at which the patience of a call that began at started
// ends.
func (p Policy) Until(started time.Time) time.Time {
	if p.Patience == 0 {
		return started.Add(DefaultPatience)
	}
	return started.Add(p.Patience)
}

// Decide says whether and when to try again. It is pure.
func (p Policy) Decide(a Attempt) Verdict {
	until := p.Until(a.Started)
	switch {
	case a.Fault == Final:
		return Verdict{Reason: "the answer is final"}
	case a.Fault == Uncertain && !a.Repeatable:
		return Verdict{Reason: "the outcome is unknown and the operation is not repeatable"}
	case !a.Now.Before(until):
		return Verdict{Reason: "patience is over"}
	case a.ResetAt.After(until):
		return Verdict{Reason: "the reset lies beyond the patience"}
	case a.Fault == RateLimited:
		if a.ResetAt.After(a.Now) {
			return Verdict{Retry: true}
		}
	case a.Number >= p.transient():
		return Verdict{Reason: "tried often enough"}
	}
	wait := p.backoff(a)
	if a.Now.Add(wait).After(until) {
		return Verdict{Reason: "patience is over"}
	}
	return Verdict{Retry: true, Wait: wait}
}

func (p Policy) transient() int {
	if p.Transient == 0 {
		return DefaultTransient
	}
	return p.Transient
}

// backoff doubles from Base to Cap, of which the upper half is left to chance,
// and is no shorter than what the tenant asked for (a 503 with retry-after).
func (p Policy) backoff(a Attempt) time.Duration {
	base, most := p.Base, p.Cap
	if base == 0 {
		base = backoffBase
	}
	if most == 0 {
		most = backoffCap
	}
	wait := base
	for i := 1; i < a.Number && wait < most; i++ {
		wait *= 2
	}
	wait = min(wait, most)
	wait = wait/2 + time.Duration(a.Random*float64(wait/2))
	return max(wait, a.ResetAt.Sub(a.Now))
}
