// Package pace is the rate budget of one tenant. It learns from the headers of
// the answers how much the tenant allows, spaces requests so that they come
// neither too fast nor slower than allowed, and parks a bucket (not each
// caller by itself) when the tenant refuses a request of it.
//
// A caller names the buckets that a request draws on, waits for the grant,
// sends, and tells what came:
//
//	grant, err := pacer.Wait(ctx, pace.Claim{Buckets: []string{"management", "users.write"}})
//	if err != nil {
//		return err
//	}
//	resp, err := transport.RoundTrip(req)
//	if err != nil {
//		pacer.Abandon(grant, true)
//		return err
//	}
//	pacer.Observe(grant, resp.StatusCode, resp.Header)
//
// # Which bucket an answer speaks of
//
// A tenant has a general limit and limits of endpoint groups, and an answer's
// headers describe one of them without saying which. They do name its size:
// x-ratelimit-limit. So a gate is known by the general bucket and that size:
// reads that say 40 and writes that say 20 are two gates, and everything that
// says 100 is one. Two groups of one size are told apart by their counters: a
// group whose first answer leaves more than the shared counter could have
// regained has a bucket of its own. A 429 closes the gate that its headers name, so that
// a full write group does not stop reads; without headers it closes the most
// specific bucket of the claim, with an exponential back-off.
//
// # Decisions and waiting
//
// The decisions are pure functions of (state, event, now), see state.go and
// gate.go; Pacer is the thin shell that waits. One retry policy, Policy.Decide, serves the
// client's own users and the engine alike.
//
// The package imports nothing of the project.
package pace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// A Pacer is the budget of one tenant, safe for concurrent use. Callers of one
// bucket, run and step are served in the order of their arrival; runs and steps
// share by weight.
type Pacer struct {
	now    func() time.Time
	cfg    Config
	member string // its name at the shared budget

	// mu is held for arithmetic only, never while anything waits.
	mu     sync.Mutex
	state  *state
	timer  *time.Timer
	rings  time.Time // when the timer will fire; zero: not set
	closed bool
	broken error // the last meeting's, told once
	meets  sync.WaitGroup
}

// Config sets a Pacer; its zero value is ready for use.
type Config struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Reserve is the share of each bucket, and of the rate at which it fills, that
	// is left to others: 0.2 leaves a fifth. 0 means none, beyond a twentieth of
	// the bucket that is never touched.
	Reserve float64
	// Reserves are the shares that are left of general buckets where it is another:
	// bulk work must not use up what users log in with.
	Reserves map[string]float64
	// Concurrency bounds the requests in flight; 0 means as many as are found to
	// reach the tenant's rate.
	Concurrency int
	// Hints are what is known of the tenant's limits beforehand. Answers that say
	// otherwise are believed.
	Hints []Hint
	// Budget is shared with other processes; nil means that this one is alone.
	Budget Budget
	// Tenant names the tenant at the Budget, as all processes do: its domain.
	Tenant string
	// Warn is told once when the Budget cannot be used; nil means nobody is.
	Warn func(err error)
}

// A Claim is what a caller asks of the budget for one request.
type Claim struct {
	// Buckets are the buckets the request draws on, the general one first.
	Buckets []string
	// Flow says for whom the request is, where runs and steps share the budget.
	Flow Flow
	// Before is the latest time at which the grant is of use; zero means any.
	// A claim that cannot be granted before it fails at once with *LateError.
	Before time.Time
	// Parked, when set, is told once that the caller waits for a bucket that
	// the tenant has closed (a 429), and until when.
	Parked func(until time.Time)
}

// A Flow is whose requests they are. Runs share the budget by weight, and so do
// the steps of a run; a weight of 0 is 1.
type Flow struct {
	Run        string
	Weight     float64
	Step       string
	StepWeight float64
	// Urgent requests go before the rest of their run: reads that a plan waits
	// for. They outweigh it eight times, so that it is not starved.
	Urgent bool
}

// A Grant is the permission to send one request; it must be ended by Observe
// or Abandon.
type Grant struct {
	desk  *desk
	drawn []drawn
	at    time.Time
	ended bool
}

// drawn is one token taken from one gate.
type drawn struct {
	key   gateKey
	stamp stamp
}

// LateError says that a claim could not be granted in time.
type LateError struct {
	Bucket  string
	ResetAt time.Time // when the bucket opens, as far as is known
	// Closed says that the tenant has refused a request of the bucket; without
	// it the queue is too long for the time left.
	Closed bool
}

func (e *LateError) Error() string {
	why := "at the rate that it allows, the turn of this request comes too late"
	if e.Closed {
		why = "the tenant has closed it"
	}
	return fmt.Sprintf("the rate budget %q opens only at %s (%s)", e.Bucket, e.ResetAt.UTC().Format(time.RFC3339), why)
}

// errEnded is the state of a waiter whose context ended.
var errEnded = errors.New("waiting for the rate budget")

// New returns a Pacer that knows nothing about its tenant yet but the hints.
func New(cfg Config) *Pacer {
	p := &Pacer{now: cfg.Now, cfg: cfg, member: fmt.Sprintf("%016x", rand.Uint64())}
	if p.now == nil {
		p.now = time.Now
	}
	p.state = newState(settings{
		reserve: min(max(cfg.Reserve, 0), 0.95), reserves: cfg.Reserves, width: cfg.Concurrency, hints: cfg.Hints, shared: cfg.Budget != nil,
	})
	return p
}

// Wait blocks until the request may be sent, ctx ends, or the claim is too
// late. Claims of one run and step on the same buckets are granted in the order
// of their arrival.
func (p *Pacer) Wait(ctx context.Context, c Claim) (*Grant, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errEnded, context.Cause(ctx))
	}
	w := &waiter{claim: c}
	if g := p.ask(w); g != nil { // at once, and shared with nobody: the common case
		return g, nil
	}
	var late <-chan time.Time
	if !c.Before.IsZero() {
		t := time.NewTimer(c.Before.Sub(p.now()))
		defer t.Stop()
		late = t.C
	}
	for {
		if g, done, err := p.look(w); done {
			return g, err
		}
		select {
		case <-w.signal:
		case <-late:
			p.happened(event{kind: expired, waiter: w})
			late = nil
		case <-ctx.Done():
			p.happened(event{kind: left, waiter: w})
			if w.grant != nil {
				p.Abandon(w.grant, false)
			}
			return nil, fmt.Errorf("%w: %w", errEnded, context.Cause(ctx))
		}
	}
}

// ask brings a claim before the state; nil means that it waits.
func (p *Pacer) ask(w *waiter) *Grant {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.state.decide(event{kind: asked, waiter: w}, now)
	if w.grant == nil {
		w.signal = make(chan struct{}, 1)
	}
	p.act(a, now)
	return w.grant
}

// look reads what became of a waiter, and tells its caller when it is parked.
func (p *Pacer) look(w *waiter) (g *Grant, done bool, err error) {
	p.mu.Lock()
	g, late, until := w.grant, w.late, w.parked
	tell := !until.IsZero() && !w.told && w.claim.Parked != nil
	w.told = w.told || tell
	p.mu.Unlock()
	switch {
	case g != nil:
		return g, true, nil
	case late != nil:
		return nil, true, late
	case tell:
		w.claim.Parked(until)
	}
	return nil, false, nil
}

// Observe ends a grant with what the tenant answered: status and headers.
func (p *Pacer) Observe(g *Grant, status int, h http.Header) {
	e := event{kind: answered, grant: g, status: status, says: read(h, p.now())}
	if status == http.StatusTooManyRequests {
		e.random = rand.Float64()
	}
	p.happened(e)
}

// Abandon ends a grant whose request was never sent or never answered.
func (p *Pacer) Abandon(g *Grant, sent bool) {
	p.happened(event{kind: dropped, grant: g, sent: sent})
}

// happened brings an event before the state.
func (p *Pacer) happened(e event) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.act(p.state.decide(e, now), now)
}

// act does what the state asks for.
func (p *Pacer) act(a actions, now time.Time) {
	for _, w := range a.told {
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
	p.ring(a.wake, now)
	if a.meet && !p.closed {
		p.meets.Go(p.meet)
	}
}

// ring sets the timer; an earlier ring than needed does no harm.
func (p *Pacer) ring(at, now time.Time) {
	if at.IsZero() || p.closed || !p.rings.IsZero() && !at.Before(p.rings) {
		return
	}
	p.rings = at
	wait := max(at.Sub(now), grain)
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, p.rung)
		return
	}
	p.timer.Reset(wait)
}

// rung is the timer's call.
func (p *Pacer) rung() {
	p.mu.Lock()
	p.rings = time.Time{}
	p.mu.Unlock()
	p.happened(event{kind: elapsed})
}
