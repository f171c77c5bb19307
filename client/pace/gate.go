package pace

import (
	"math"
	"time"
)

// A gate is what is known of one bucket of the tenant. It is a value: decide
// takes one and gives the next, so that the whole art can be tested against a
// model of a tenant in a loop, by the million.
//
// How it works. The gate keeps a ledger of the tokens that the tenant's bucket
// holds: a grant takes one, time gives some back at the measured rate, and
// every answer corrects it by what the tenant itself says remains. A request
// goes out when the ledger holds a whole token. As long as the rate is unknown
// the ledger only falls; when it is used up one request is sent as a probe,
// a quarter of the way to the announced reset: if reset means "full again", a
// quarter of the bucket is there and the rate is known; if it means "one token
// again", the probe may be refused, once, and the next one goes at the reset
// itself. Waiting a quarter wastes nothing: what the bucket gains meanwhile is
// spent at once afterwards.
//
// A refusal closes the gate. Nobody passes before the tenant's own hint, unless
// a rate was measured that promises a token earlier; and then one passes, alone,
// and the others wait for the answer to it.
type gate struct {
	limit int  // the size of the bucket; 0 where the tenant names none
	known bool // an answer has come

	tokens float64   // the ledger …
	at     time.Time // … at this moment
	shift  float64   // all corrections of the ledger so far
	rate   float64   // tokens a second, measured; 0 before that
	slack  float64   // tokens kept back because the ledger was too hopeful

	granted  uint64 // grants so far: the number of the newest
	newest   uint64 // the newest grant that was answered
	served   uint64 // answers that were no refusals: tokens that the tenant took
	inFlight int
	last     time.Time // when the newest grant was made
	promise  time.Time // what decide said last
	prompt   bool      // the newest grant was made at that moment, after waiting for it

	told   int       // what remained by the newest answer …
	toldAt time.Time // … which came then
	reset  time.Time // the reset that it announced
	probe  time.Time // the ledger is used up and the rate unknown: ask then
	anchor anchor    // where the measurement of the rate began
	sure   bool      // the rate was measured over a whole window
	seen   bool      // the tenant has told the count since the last refusal

	refused  uint64    // grants up to this one belong to a wave of refusals
	refusals int       // waves in a row
	shut     time.Time // closed by a refusal until then
	alone    bool      // one at a time, until an answer says otherwise
}

// anchor is the beginning of a measurement.
type anchor struct {
	at        time.Time
	remaining float64
	served    uint64
	set       bool
}

// stamp is what a grant remembers of the gate, to compare the tenant's answer
// with.
type stamp struct {
	number uint64
	level  float64 // the ledger right after the grant
	shift  float64
	prompt bool // the request had waited for the gate to open
}

// eventKind tells what happened at a gate.
type eventKind int

const (
	granted   eventKind = iota + 1 // a request was let through
	accepted                       // an answer came, of this bucket or without any header
	refused                        // the tenant answered 429 because of this bucket
	unrelated                      // an answer came that spoke of another bucket
	abandoned                      // no answer came: never sent, or lost
)

// event is one input of decide.
type event struct {
	kind  eventKind
	stamp stamp
	says  notice
	// sent tells of an abandoned grant that the request may have been counted,
	// of an unrelated answer that it was.
	sent bool
	// random in [0,1) is the jitter of a back-off.
	random float64
}

// The numbers of the art, with their reasons.
const (
	firstAlone  = time.Second            // an unanswered first request holds the others back this long
	probeAlone  = 5 * time.Second        // likewise an unanswered probe
	minProbe    = 50 * time.Millisecond  // a probe closer than that tells nothing
	backoffBase = 250 * time.Millisecond // without any hint of the tenant
	backoffCap  = 30 * time.Second
	caution     = 0.98            // the ledger refills a little slower than measured; answers make up for it
	window      = 5 * time.Second // a measurement shorter than that is provisional: some buckets refill by the second
	grain       = time.Microsecond
)

// decide gives the state after an event and the moment from which the next
// request may pass. It is pure.
func decide(g gate, e event, now time.Time) (gate, time.Time) {
	switch e.kind {
	case granted:
		g = g.take(now)
	case accepted:
		g = g.accept(e, now)
	case refused:
		g = g.refuse(e, now)
	case unrelated:
		g = g.giveBack(e, now)
	case abandoned:
		if !e.sent {
			g = g.giveBack(e, now)
			break
		}
		g.inFlight--
		g.served++ // as far as is known
	}
	g.promise = g.opens(now)
	return g, g.promise
}

// mark is the stamp of the newest grant.
func (g gate) mark() stamp {
	return stamp{number: g.granted, level: g.tokens, shift: g.shift, prompt: g.prompt}
}

// level is the ledger at a moment.
func (g gate) level(now time.Time) float64 {
	if g.rate == 0 || !now.After(g.at) {
		return g.tokens
	}
	return min(g.tokens+g.rate*caution*now.Sub(g.at).Seconds(), float64(g.limit))
}

// reserve is what stays in the bucket: a twentieth as head-room for everybody
// else who draws on it, and what the ledger was found to be too hopeful by.
func (g gate) reserve() float64 { return math.Floor(float64(g.limit)/20) + g.slack }

// opens is the moment from which the next request may pass.
func (g gate) opens(now time.Time) time.Time {
	at := now
	switch {
	case !g.known && g.inFlight > 0:
		at = g.last.Add(firstAlone)
	case g.alone && g.inFlight > 0:
		at = g.last.Add(probeAlone)
	}
	if g.shut.After(at) {
		at = g.shut
	}
	if g.limit == 0 || !g.known || g.alone {
		return at
	}
	missing := 1 + g.reserve() - g.level(now)
	if missing <= 0 {
		return at
	}
	refill := g.probe
	if g.rate > 0 {
		refill = now.Add(seconds(missing/(g.rate*caution)) + grain)
		if g.reset.After(now) && g.reset.Before(refill) {
			refill = g.reset // by either meaning there is a token then
		}
	}
	if refill.After(at) {
		return refill
	}
	return at
}

// pending says that the gate waits for an answer rather than for a moment: it
// may open any time.
func (g gate) pending(now time.Time) bool {
	return g.inFlight > 0 && (g.alone || !g.known) && !g.shut.After(now)
}

// take lets one request through.
func (g gate) take(now time.Time) gate {
	level := g.level(now)
	if g.known && g.limit > 0 && g.rate == 0 && level < 1+g.reserve() {
		g.alone = true // this one is the probe
	}
	g.prompt = g.promise.After(g.last) && g.promise.After(g.at) && now.Sub(g.promise) < minProbe
	g.tokens, g.at = level-1, now
	g.granted++
	g.inFlight++
	g.last = now
	if g.limit > 0 && g.rate == 0 && g.tokens < 1+g.reserve() {
		g = g.planProbe(now)
	}
	return g
}

// planProbe says when to ask a bucket whose rate is unknown and whose tokens
// are spent.
func (g gate) planProbe(now time.Time) gate {
	if g.probe.After(now) {
		return g
	}
	wait := g.reset.Sub(now)
	if g.reset.IsZero() || wait <= 0 {
		wait = 4 * backoffBase
	}
	g.probe = now.Add(max(wait/4, minProbe))
	return g
}

// accept learns from an answer that was not a refusal.
func (g gate) accept(e event, now time.Time) gate {
	g.inFlight--
	g.served++
	g.known = true
	if e.stamp.number > g.refused {
		g.alone, g.refusals, g.shut = false, 0, time.Time{}
	}
	if e.says.remaining < 0 || g.limit == 0 {
		return g
	}
	if e.stamp.number <= g.newest {
		return g // an older request answered late knows less than what is known
	}
	g.newest, g.seen = e.stamp.number, true
	g.told, g.toldAt = e.says.remaining, now
	if !e.says.reset.IsZero() {
		g.reset = e.says.reset
	}
	g.slack *= 0.998
	full := g.level(now) >= float64(g.limit)
	before := g.shift
	g = g.correct(e, now)
	g = g.measure(e, now, full, g.shift-before)
	if g.rate == 0 && g.tokens < 1+g.reserve() {
		g = g.planProbe(now)
	}
	return g
}

// correct brings the ledger to what the tenant says. The level that the grant
// remembers is compared, not today's: what was granted since is known.
func (g gate) correct(e event, now time.Time) gate {
	remaining := float64(e.says.remaining)
	off := remaining - (e.stamp.level + g.shift - e.stamp.shift)
	if off > 0 {
		// Requests granted before this one and still unanswered may not have
		// been counted yet.
		older := float64(g.inFlight) - float64(g.granted-e.stamp.number)
		off = max(0, off-max(0, older))
	}
	g.tokens, g.at = g.level(now)+off, now
	g.shift += off
	return g
}

// gained is what the bucket must have gained since the anchor, and in which
// time.
func (g gate) gained(remaining float64, now time.Time) (tokens float64, took time.Duration) {
	return remaining - g.anchor.remaining + float64(g.served-g.anchor.served), now.Sub(g.anchor.at)
}

// measure finds the rate from what the bucket gained between two answers. What
// others take from the bucket lowers it, rightly: it is the rate left for us.
func (g gate) measure(e event, now time.Time, full bool, off float64) gate {
	here := anchor{at: now, remaining: float64(e.says.remaining), served: g.served, set: true}
	gained, took := g.gained(here.remaining, now)
	if !g.anchor.set || full || e.says.remaining >= g.limit-1 {
		// A full bucket loses what it gains. That it ran full while a request
		// was held back for it tells that the rate is higher.
		switch {
		case !e.stamp.prompt:
		case g.rate > 0 && off >= 0.9:
			g.rate *= 1.1
		case g.rate == 0 && g.anchor.set && took >= minProbe && gained >= 1:
			g.rate = gained / took.Seconds()
		}
		g.anchor = here
		return g
	}
	if took < minProbe || gained < 1 {
		return g
	}
	// Rounding hides up to one token at either end, and of the requests still
	// on their way some may have been counted.
	rate, flying := gained/took.Seconds(), float64(max(0, g.inFlight))
	whole := took >= window && gained >= 10 || took >= 4*window
	switch {
	case g.rate == 0:
		g.rate = rate * gained / (gained + 1 + flying)
	case whole && !g.sure:
		g.rate, g.anchor, g.sure = rate, here, true
	case whole:
		g.rate, g.anchor = (g.rate+rate)/2, here
	case !g.sure:
		g.rate = min(max(g.rate, (gained-1-flying)/took.Seconds()), (gained+1+flying)/took.Seconds())
	}
	return g
}

// refuse closes the gate.
func (g gate) refuse(e event, now time.Time) gate {
	g.inFlight--
	g.known = true
	if e.stamp.number <= g.refused {
		return g // of a wave that was already met
	}
	hopeful := g.rate > 0 && e.stamp.level+g.shift-e.stamp.shift >= g.reserve()
	g.refused, g.newest = g.granted, g.granted
	g.refusals++
	g.alone = true
	if g.limit > 0 {
		g.tokens, g.at = min(g.level(now), 0), now
		g.probe = time.Time{}
		if hopeful && g.seen {
			g.slack = min(g.slack+1.5, float64(g.limit-1)/3)
		}
		g = g.doubt(now)
		g.seen = false
	}
	if !e.says.reset.IsZero() {
		g.reset = e.says.reset
	}
	g.shut = now.Add(g.closed(e, now))
	return g
}

// doubt lowers a rate that promised a token which was not there, and begins a
// measurement where there is none: a bucket that refuses is empty. Between two
// refusals of a bucket that is never told of, what it gained is what it served.
func (g gate) doubt(now time.Time) gate {
	here := anchor{at: now, served: g.served, set: true}
	if !g.anchor.set || g.seen && g.rate == 0 {
		here.set = g.inFlight == 0
		g.anchor = here
		return g
	}
	gained, took := g.gained(0, now)
	switch rate := (gained + 0.5) / took.Seconds(); {
	case took < minProbe || gained < 1:
	case !g.seen && g.rate == 0:
		g.rate = rate
		g.anchor = here
	case !g.seen && gained >= 3:
		g.rate, g.sure = (g.rate+rate)/2, true
		g.anchor = here
	case g.rate > 0 && !g.sure:
		g.rate = min(g.rate, max(g.rate/2, (gained+1+float64(g.inFlight))/took.Seconds()))
	}
	return g
}

// closed is how long a refusal closes the gate.
func (g gate) closed(e event, now time.Time) time.Duration {
	hint, ok := e.says.hint(now)
	if g.rate > 0 {
		// A measured rate promises a token sooner than a reset that may mean
		// the full bucket; each refusal in a row doubts it by a factor of two.
		promise := seconds(math.Ldexp((1+g.slack)/g.rate, min(g.refusals-1, 30))) + grain
		if !ok || promise < hint {
			return min(promise, backoffCap)
		}
	}
	if ok {
		return hint
	}
	wait := min(backoffCap, backoffBase<<min(g.refusals-1, 20))
	return wait/2 + time.Duration(e.random*float64(wait/2))
}

// giveBack ends a grant that the bucket did not speak of. As far as is known it
// has the token still: a bucket that is not the narrowest is not told of, and
// its ledger must not run dry unseen. Where its rate is known it is the narrow
// one after all, hidden behind the others' counts: then the ledger is a model,
// and the rate is tried upwards until a refusal measures it again.
func (g gate) giveBack(e event, now time.Time) gate {
	g.inFlight--
	if e.kind == unrelated {
		g.known = true
		if e.stamp.number > g.refused {
			g.alone = false
		}
		if e.sent {
			g.served++
			if g.rate > 0 {
				switch {
				case e.stamp.prompt && !g.sure:
					g.rate *= 1.1
				case e.stamp.prompt:
					g.rate *= 1.001
				}
				return g
			}
		}
	}
	if g.limit > 0 {
		g.tokens, g.at = min(g.level(now)+1, float64(g.limit)), now
		g.shift++
		if !e.sent {
			g.anchor.set = g.anchor.set && e.kind == unrelated
		}
	}
	return g
}

// seconds is a duration of so many seconds, without overflow.
func seconds(s float64) time.Duration {
	const most = 366 * 24 * time.Hour
	if s > most.Seconds() {
		return most
	}
	return time.Duration(s * float64(time.Second))
}
