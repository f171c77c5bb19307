package pace

import (
	"net/http"
	"slices"
	"time"
)

// state is everything that is known of a tenant's budget: its gates, who waits
// for them, and what the processes that share the budget were told.
//
// What happens goes through decide alone, which reads no clock, starts nothing
// and waits for nothing: the same events at the same times give the same
// decisions. The state is changed in place, because it holds queues.
type state struct {
	cfg     settings
	gates   map[gateKey]*gate
	members map[gateKey]map[string]bool // the specific buckets seen at a gate
	desks   map[deskKey]*desk
	waiting []*desk // those with a queue
	runs    map[string]*runner
	turns   map[gateKey]float64 // the virtual time at each gate
	widths  map[string]width    // by general bucket
	arrival uint64
	meeting meeting
}

// settings are what a Config says of the decisions.
type settings struct {
	reserve float64 // the share that is left to others
	// reserves are those of general buckets where they are others.
	reserves map[string]float64
	width    int // most requests in flight; 0: as found
	hints    []Hint
	shared   bool // there is a shared budget to meet at
}

// kept is the share of a general bucket that is left to others.
func (c settings) kept(general string) float64 {
	if own, said := c.reserves[general]; said {
		return own
	}
	return c.reserve
}

// gateKey names a gate: the bucket and the size that the tenant gives it. Size
// 0 is the gate of answers without headers.
type gateKey struct {
	bucket string
	limit  int
}

// eventKind tells what happened.
type eventKind int

const (
	asked    eventKind = iota + 1 // a claim came
	left                          // a claim is given up
	expired                       // a claim's time is over
	answered                      // the tenant answered a request
	dropped                       // a request was never sent, or never answered
	elapsed                       // nothing but time
	met                           // the shared budget was met
)

// event is one input of decide.
type event struct {
	kind   eventKind
	waiter *waiter // asked, left, expired
	grant  *Grant  // answered, dropped
	status int
	says   notice
	// sent tells of a dropped grant that the request may have been counted.
	sent bool
	// random in [0,1) is the jitter of a back-off.
	random float64
	view   *view // met; nil where it failed
}

// actions are what decide asks of the shell.
type actions struct {
	told []*waiter // their fields say something new
	wake time.Time // the next moment at which something may be due; zero: none
	meet bool      // meet at the shared budget, and report with an event
}

func newState(cfg settings) *state {
	return &state{
		cfg: cfg, gates: map[gateKey]*gate{}, members: map[gateKey]map[string]bool{}, desks: map[deskKey]*desk{},
		runs: map[string]*runner{}, turns: map[gateKey]float64{}, widths: map[string]width{},
		meeting: meeting{grants: map[gateKey]*tally{}},
	}
}

// decide moves the state on by one event and says what is to be done.
func (s *state) decide(e event, now time.Time) actions {
	var a actions
	switch e.kind {
	case asked:
		s.ask(e.waiter, now)
	case left, expired:
		s.leave(e, now)
	case answered:
		s.answer(e, now)
	case dropped:
		s.drop(e, now)
	case met:
		s.meet(e.view, now)
	case elapsed:
	}
	s.pump(&a, now)
	a.meet = s.wantsMeeting(now)
	if a.meet {
		s.meeting.running = true
	}
	return a
}

// ask puts a claim at the end of its line, or grants it at once.
func (s *state) ask(w *waiter, now time.Time) {
	d := s.desk(w.claim.Buckets, now)
	w.desk = d
	s.arrival++
	w.arrived = s.arrival
	if s.arrival%1024 == 0 {
		s.forget(now)
	}
	l := s.join(d, w.claim.Flow, now)
	if len(s.waiting) == 0 && s.ready(d) {
		if at, _, _ := s.opens(d, now); !at.After(now) {
			s.grant(w, now)
			return
		}
	}
	l.claims = append(l.claims, w)
	d.untold = true
	if b := w.claim.Before; !b.IsZero() && (d.soonest.IsZero() || b.Before(d.soonest)) {
		d.soonest = b
	}
	if d.waiting++; d.waiting == 1 {
		s.waiting = append(s.waiting, d)
	}
}

// leave takes a claim out; one that has been granted keeps its grant.
func (s *state) leave(e event, now time.Time) {
	w := e.waiter
	if w.grant != nil || w.late != nil {
		return
	}
	if e.kind == expired {
		at, key, closed := s.opens(w.desk, now)
		w.late = &LateError{Bucket: key.bucket, ResetAt: at, Closed: closed}
	}
	s.remove(w)
}

// end ends a grant, once.
func (s *state) end(g *Grant, answered bool, now time.Time) bool {
	if g == nil || g.ended || g.desk == nil {
		return false
	}
	g.ended = true
	s.widths[g.desk.general] = s.widths[g.desk.general].ended(answered, now)
	return true
}

// answer ends a grant with what the tenant said.
func (s *state) answer(e event, now time.Time) {
	g := e.grant
	r := reading{kind: accepted, says: e.says}
	if e.status == http.StatusTooManyRequests {
		r.kind, r.random = refused, e.random
	}
	if !s.end(g, r.kind == accepted, now) {
		return
	}
	subject := s.subject(g, e.says, r.kind, now)
	for _, t := range g.drawn {
		own := r
		own.stamp = t.stamp
		if t.key != subject {
			own = reading{kind: unrelated, stamp: t.stamp, sent: r.kind == accepted}
		}
		s.apply(t.key, own, now)
	}
	if r.kind == refused {
		s.meeting.due = true
		for _, d := range s.waiting {
			d.untold = true
		}
	}
}

// drop ends a grant whose request was never sent or never answered.
func (s *state) drop(e event, now time.Time) {
	if !s.end(e.grant, false, now) {
		return
	}
	for _, t := range e.grant.drawn {
		s.apply(t.key, reading{kind: abandoned, stamp: t.stamp, sent: e.sent}, now)
		if !e.sent {
			s.meeting.of(t.key).granted--
		}
	}
}

// apply moves one gate on.
func (s *state) apply(key gateKey, e reading, now time.Time) {
	if g := s.gates[key]; g != nil {
		*g, _ = advance(*g, e, now)
	}
}

// desk finds or makes the desk of a set of buckets.
func (s *state) desk(buckets []string, now time.Time) *desk {
	name := deskKeyOf(buckets)
	if d := s.desks[name]; d != nil {
		return d
	}
	d := &desk{general: name.general, specific: name.specific}
	base := gateKey{bucket: d.specific}
	if s.gates[base] == nil {
		s.gates[base] = &gate{}
	}
	d.gates = append(d.gates, base)
	for key, seen := range s.members {
		// A size that several groups have shown is the general bucket's.
		if key.bucket == d.general && (len(seen) > 1 || seen[d.specific]) || key.bucket == d.specific && seen[d.specific] {
			d.gates = append(d.gates, key)
		}
	}
	slices.SortFunc(d.gates, compareKeys)
	s.desks[name] = d
	s.hint(d, now)
	s.greet(d)
	if w, known := s.widths[d.general]; !known {
		w.most = s.cfg.width
		s.widths[d.general] = w
	}
	return d
}

func compareKeys(a, b gateKey) int {
	if a.bucket != b.bucket {
		if a.bucket < b.bucket {
			return -1
		}
		return 1
	}
	return a.limit - b.limit
}

// opens is when the next claim of a desk may pass, the gate that holds it up,
// and whether that gate was closed by a refusal.
func (s *state) opens(d *desk, now time.Time) (time.Time, gateKey, bool) {
	at, by, closed := now, gateKey{bucket: d.specific}, false
	for _, key := range d.gates {
		g := s.gates[key]
		if t := g.opens(now); t.After(at) {
			at, by, closed = t, key, g.shut.After(now)
		}
	}
	return at, by, closed
}

// tight is the gate that the claims of a desk compete for: the one with the
// least left.
func (s *state) tight(d *desk, now time.Time) gateKey {
	best, least := gateKey{bucket: d.general, limit: -1}, 0.0
	for _, key := range d.gates {
		g := s.gates[key]
		if g.limit == 0 {
			continue
		}
		if room := g.room(now); best.limit < 0 || room < least {
			best, least = key, room
		}
	}
	return best
}

// ready reports whether a desk may send as far as its sockets and the shared
// budget are concerned.
func (s *state) ready(d *desk) bool {
	return s.widths[d.general].free() && s.meeting.allows(s.cfg.shared)
}

// hold notes that nothing but the width, or the shared budget, keeps a desk
// waiting.
func (s *state) hold(d *desk, now time.Time) {
	if !s.meeting.allows(s.cfg.shared) {
		s.meeting.want(s.tight(d, now))
	}
	if w := s.widths[d.general]; !w.free() {
		w.holding = true
		s.widths[d.general] = w
	}
}

// grant takes a token of each gate of the waiter's desk.
func (s *state) grant(w *waiter, now time.Time) {
	d := w.desk
	g := &Grant{desk: d, drawn: make([]drawn, len(d.gates), len(d.gates)+1), at: now}
	for i, key := range d.gates {
		s.take(g, i, key, now)
	}
	if r := s.runs[w.claim.Flow.Run]; r != nil {
		s.charge(r, d)
	}
	s.widths[d.general] = s.widths[d.general].sent(now)
	w.grant = g
}

// take draws one token of one gate.
func (s *state) take(g *Grant, i int, key gateKey, now time.Time) {
	t := s.gates[key]
	*t, _ = advance(*t, reading{kind: granted}, now)
	g.drawn[i] = drawn{key: key, stamp: t.mark()}
	if key.limit > 0 {
		s.meeting.of(key).granted++
		s.meeting.spent++
	}
}

// pump grants what can be granted, whoever's turn it is, tells those who are
// parked or too late, and says when to look again.
func (s *state) pump(a *actions, now time.Time) {
	for len(s.waiting) > 0 {
		c, next := s.next(a, now)
		if c == nil {
			a.wake = next
			break
		}
		w := s.pop(*c)
		s.grant(w, now)
		a.told = append(a.told, w)
		if c.desk.waiting == 0 {
			s.settle()
		}
	}
	if at := s.meeting.next(s.cfg.shared, len(s.waiting) > 0); !at.IsZero() && (a.wake.IsZero() || at.Before(a.wake)) {
		a.wake = at
	}
}

// next is whose turn it is; nil where nobody can pass, with the moment at which
// that may change.
func (s *state) next(a *actions, now time.Time) (best *candidate, wake time.Time) {
	judged := false
	for _, d := range s.waiting {
		at, key, closed := s.opens(d, now)
		if at.After(now) {
			s.meeting.want(key)
			if !s.gates[key].pending(now) && d.concerned(at, closed) {
				judged = s.judge(a, d, &LateError{Bucket: key.bucket, ResetAt: at, Closed: closed}) || judged
			}
			if wake.IsZero() || at.Before(wake) {
				wake = at
			}
			continue
		}
		if !s.ready(d) {
			s.hold(d, now)
			continue // an answer, or the meeting, goes on from here
		}
		tight := s.tight(d, now)
		for _, q := range d.queues {
			if l := q.front(); l != nil {
				c := candidate{d, q, l, tight}
				if best == nil || s.before(c, *best) {
					best = &c
				}
			}
		}
	}
	if judged {
		s.settle()
	}
	return best, wake
}

// concerned reports whether that a desk opens only then is news to one of its
// claims: whoever waits by the thousand is not asked at every answer.
func (d *desk) concerned(at time.Time, closed bool) bool {
	return closed && d.untold || !d.soonest.IsZero() && at.After(d.soonest)
}

// judge tells the claims of a closed desk that they are parked, and those that
// cannot be granted in time that they are too late.
func (s *state) judge(a *actions, d *desk, why *LateError) (removed bool) {
	d.untold, d.soonest = false, time.Time{}
	for _, q := range d.queues {
		for _, l := range q.lines {
			l.claims = slices.DeleteFunc(l.claims, func(w *waiter) bool {
				if why.Closed && w.parked.IsZero() {
					w.parked = why.ResetAt
					a.told = append(a.told, w)
				}
				if b := w.claim.Before; b.IsZero() || !why.ResetAt.After(b) {
					if !b.IsZero() && (d.soonest.IsZero() || b.Before(d.soonest)) {
						d.soonest = b
					}
					return false
				}
				w.late = why
				a.told = append(a.told, w)
				d.waiting--
				removed = true
				return true
			})
		}
	}
	return removed
}
