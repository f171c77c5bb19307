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
// The decisions are pure functions of (state, event, now), see gate.go; Pacer
// is the thin shell that waits. One retry policy, Policy.Decide, serves the
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
	"slices"
	"strings"
	"sync"
	"time"
)

// A Pacer is the budget of one tenant, safe for concurrent use. Callers of one
// bucket are served in the order of their arrival.
type Pacer struct {
	now  func() time.Time
	skew bool

	// mu is held for arithmetic only, never while anything waits.
	mu      sync.Mutex
	gates   map[gateKey]*gate
	members map[gateKey]map[string]bool // the specific buckets seen at a gate
	desks   map[deskKey]*desk
	waiting []*desk // those with a queue
	arrival uint64
	timer   *time.Timer
	rings   time.Time // when the timer will fire; zero: not set
}

// gateKey names a gate: the bucket and the size that the tenant gives it. Size
// 0 is the gate of answers without headers.
type gateKey struct {
	bucket string
	limit  int
}

// deskKey names a set of buckets: the first, the last, and any between.
type deskKey struct{ general, specific, between string }

func deskKeyOf(buckets []string) deskKey {
	switch n := len(buckets); n {
	case 0:
		return deskKey{}
	case 1, 2:
		return deskKey{general: buckets[0], specific: buckets[n-1]}
	default:
		return deskKey{general: buckets[0], specific: buckets[n-1], between: strings.Join(buckets[1:n-1], " ")}
	}
}

// desk is where the claims on one set of buckets queue.
type desk struct {
	general, specific string
	gates             []gateKey
	queue             []*waiter
}

// waiter is one claim in a queue.
type waiter struct {
	claim   Claim
	desk    *desk
	arrived uint64
	signal  chan struct{} // holds one: look at the fields below (under Pacer.mu)
	grant   *Grant
	late    *LateError
	parked  time.Time // the claim waits for a closed bucket until then
	told    bool
}

// New returns a Pacer that knows nothing about its tenant yet.
func New(cfg Config) *Pacer {
	p := &Pacer{
		now: cfg.Now, skew: cfg.Now == nil,
		gates:   map[gateKey]*gate{},
		members: map[gateKey]map[string]bool{},
		desks:   map[deskKey]*desk{},
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

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
type Grant struct {
	desk  *desk
	drawn []drawn
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

// Wait blocks until the request may be sent, ctx ends, or the claim is too
// late. Claims on the same buckets are granted in the order of their arrival.
func (p *Pacer) Wait(ctx context.Context, c Claim) (*Grant, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errEnded, context.Cause(ctx))
	}
	w := p.enqueue(c)
	if w.signal == nil { // granted at once and shared with nobody: the common case
		return w.grant, nil
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
			p.giveUp(w, true)
			late = nil
		case <-ctx.Done():
			if g := p.giveUp(w, false); g != nil {
				p.Abandon(g, false)
			}
			return nil, fmt.Errorf("%w: %w", errEnded, context.Cause(ctx))
		}
	}
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

// enqueue puts a claim at the end of its queue and grants what can be granted.
func (p *Pacer) enqueue(c Claim) *waiter {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.desk(c.Buckets)
	p.arrival++
	w := &waiter{claim: c, desk: d, arrived: p.arrival}
	if len(d.queue) == 0 {
		if at, _, _ := p.opens(d, now); !at.After(now) {
			w.grant = p.grant(d, now)
			return w
		}
		p.waiting = append(p.waiting, d)
	}
	w.signal = make(chan struct{}, 1)
	d.queue = append(d.queue, w)
	p.pump(now)
	return w
}

// giveUp takes a waiter out of its queue. A grant that came in the meantime is
// returned; late sets the error of a claim whose time is over.
func (p *Pacer) giveUp(w *waiter, late bool) *Grant {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.grant != nil || w.late != nil {
		return w.grant
	}
	if late {
		at, key, closed := p.opens(w.desk, now)
		w.late = &LateError{Bucket: key.bucket, ResetAt: at, Closed: closed}
	}
	p.leave(w)
	p.pump(now)
	return nil
}

// leave takes a waiter out of its queue.
func (p *Pacer) leave(w *waiter) {
	d := w.desk
	if i := slices.Index(d.queue, w); i >= 0 {
		d.queue = slices.Delete(d.queue, i, i+1)
	}
	if len(d.queue) == 0 {
		p.waiting = slices.DeleteFunc(p.waiting, func(o *desk) bool { return o == d })
	}
}

// Reserve is the non-blocking half of Wait: when may a request of these
// buckets be sent? The place is taken by the call, ahead of those who wait, so
// that several reservations in a row get moments one after the other.
func (p *Pacer) Reserve(c Claim) (at time.Time, g *Grant) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.desk(c.Buckets)
	at, _, _ = p.opens(d, now)
	return at, p.grant(d, now)
}

// Observe ends a grant with what the tenant answered: status and headers.
func (p *Pacer) Observe(g *Grant, status int, h http.Header) {
	now := p.now()
	says := read(h, now, p.skew)
	e := event{kind: accepted, says: says}
	if status == http.StatusTooManyRequests {
		e.kind, e.random = refused, rand.Float64()
	}
	p.end(g, func() {
		subject := p.subject(g, says, now)
		for _, t := range g.drawn {
			own := e
			own.stamp = t.stamp
			if t.key != subject {
				own = event{kind: unrelated, stamp: t.stamp, sent: e.kind == accepted}
			}
			p.apply(t.key, own, now)
		}
	}, now)
}

// Abandon ends a grant whose request was never sent or never answered.
func (p *Pacer) Abandon(g *Grant, sent bool) {
	now := p.now()
	p.end(g, func() {
		for _, t := range g.drawn {
			p.apply(t.key, event{kind: abandoned, stamp: t.stamp, sent: sent}, now)
		}
	}, now)
}

// end does what ends a grant, once.
func (p *Pacer) end(g *Grant, do func(), now time.Time) {
	if g == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.ended || g.desk == nil {
		return
	}
	g.ended = true
	do()
	p.pump(now)
}

// subject finds the gate that an answer speaks of; the grant is made to hold a
// token of it where the gate was not known before.
func (p *Pacer) subject(g *Grant, says notice, now time.Time) gateKey {
	d := g.desk
	if says.limit == 0 {
		return gateKey{bucket: d.specific}
	}
	key := p.attribute(d, says, now)
	if !slices.Contains(d.gates, key) {
		d.gates = append(d.gates, key)
	}
	if p.members[key] == nil {
		p.members[key] = map[string]bool{}
	}
	p.members[key][d.specific] = true
	if !slices.ContainsFunc(g.drawn, func(t drawn) bool { return t.key == key }) {
		s := p.gates[key]
		if s == nil {
			s = &gate{limit: says.limit, known: true, tokens: float64(max(says.remaining, 0)) + 1, at: now, reset: says.reset}
			p.gates[key] = s
		}
		*s, _ = decide(*s, event{kind: granted}, now)
		g.drawn = append(g.drawn, drawn{key: key, stamp: s.mark()})
	}
	return key
}

// attribute names the gate of an answer that tells a limit: the one shared by
// all of the general bucket, unless the first answer of a bucket leaves more
// than the shared counter can hold, which tells that two buckets have one size.
func (p *Pacer) attribute(d *desk, says notice, now time.Time) gateKey {
	own := gateKey{bucket: d.specific, limit: says.limit}
	if p.gates[own] != nil {
		return own
	}
	shared := gateKey{bucket: d.general, limit: says.limit}
	s := p.gates[shared]
	if s == nil || d.specific == d.general {
		return shared
	}
	if !p.members[shared][d.specific] && says.remaining > s.most(now) {
		return own
	}
	return shared
}

// most is the largest count that the bucket could tell now, by a wide margin.
func (g gate) most(now time.Time) int {
	since := now.Sub(g.toldAt).Seconds()
	gain := since * max(2*g.rate, float64(g.limit))
	return g.told + int(gain) + g.inFlight + max(2, g.limit/4)
}

// apply moves one gate on.
func (p *Pacer) apply(key gateKey, e event, now time.Time) {
	if s := p.gates[key]; s != nil {
		*s, _ = decide(*s, e, now)
	}
}

// desk finds or makes the desk of a set of buckets.
func (p *Pacer) desk(buckets []string) *desk {
	name := deskKeyOf(buckets)
	if d := p.desks[name]; d != nil {
		return d
	}
	d := &desk{general: name.general, specific: name.specific}
	base := gateKey{bucket: d.specific}
	if p.gates[base] == nil {
		p.gates[base] = &gate{}
	}
	d.gates = append(d.gates, base)
	for key, seen := range p.members {
		// A size that several groups have shown is the general bucket's.
		if key.bucket == d.general && (len(seen) > 1 || seen[d.specific]) {
			d.gates = append(d.gates, key)
		}
	}
	p.desks[name] = d
	return d
}

// opens is when the next claim of a desk may pass, the gate that holds it up,
// and whether that gate was closed by a refusal.
func (p *Pacer) opens(d *desk, now time.Time) (time.Time, gateKey, bool) {
	at, by, closed := now, gateKey{bucket: d.specific}, false
	for _, key := range d.gates {
		s := p.gates[key]
		if t := s.opens(now); t.After(at) {
			at, by, closed = t, key, s.shut.After(now)
		}
	}
	return at, by, closed
}

// grant takes a token of each gate of a desk.
func (p *Pacer) grant(d *desk, now time.Time) *Grant {
	g := &Grant{desk: d, drawn: make([]drawn, len(d.gates), len(d.gates)+1)}
	for i, key := range d.gates {
		s := p.gates[key]
		*s, _ = decide(*s, event{kind: granted}, now)
		g.drawn[i] = drawn{key: key, stamp: s.mark()}
	}
	return g
}

// pump grants what can be granted, the longest waiting first, tells those who
// are too late or parked, and sets the timer for the next.
func (p *Pacer) pump(now time.Time) {
	if len(p.waiting) == 0 {
		return
	}
	slices.SortFunc(p.waiting, func(a, b *desk) int {
		return int(int64(a.queue[0].arrived) - int64(b.queue[0].arrived)) //nolint:gosec // arrivals are far apart from overflow
	})
	var next time.Time
	for _, d := range p.waiting {
		if at := p.serve(d, now); len(d.queue) > 0 && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(d *desk) bool { return len(d.queue) == 0 })
	p.ring(next, now)
}

// serve grants from one queue as long as its gates are open, and says when to
// look again.
func (p *Pacer) serve(d *desk, now time.Time) time.Time {
	for len(d.queue) > 0 {
		at, key, closed := p.opens(d, now)
		if at.After(now) {
			if !p.gates[key].pending(now) {
				p.judge(d, &LateError{Bucket: key.bucket, ResetAt: at, Closed: closed})
			}
			return at
		}
		w := d.queue[0]
		d.queue = slices.Delete(d.queue, 0, 1)
		w.grant = p.grant(d, now)
		w.wake()
	}
	return time.Time{}
}

// judge tells the claims of a closed desk that they are parked, and those that
// cannot be granted in time that they are too late.
func (p *Pacer) judge(d *desk, why *LateError) {
	d.queue = slices.DeleteFunc(d.queue, func(w *waiter) bool {
		if why.Closed && w.parked.IsZero() {
			w.parked = why.ResetAt
			w.wake()
		}
		if w.claim.Before.IsZero() || !why.ResetAt.After(w.claim.Before) {
			return false
		}
		w.late = why
		w.wake()
		return true
	})
}

// wake makes a waiter look at its fields.
func (w *waiter) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// ring sets the timer; an earlier ring than needed does no harm.
func (p *Pacer) ring(at, now time.Time) {
	if at.IsZero() || !p.rings.IsZero() && !at.Before(p.rings) {
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
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rings = time.Time{}
	p.pump(now)
}

// Known is what the answers of the tenant have told of a bucket: its size and
// the rate, in requests a second, at which it fills; 0 for what is not known.
func (p *Pacer) Known(bucket string) (size int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, g := range p.gates {
		if key.bucket == bucket && g.known {
			size, perSecond = max(size, g.limit), max(perSecond, g.rate)
		}
	}
	return size, perSecond
}
