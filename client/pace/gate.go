package pace

import (
	"math"
	"time"
)

// A gate is what is known of one bucket of the tenant. It is a value: advance
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
	hoped  float64   // what the newest answer said is left beyond the ledger, unconfirmed
	rate   float64   // tokens a second, measured; 0 before that
	slack  float64   // tokens kept back because the ledger was too hopeful

	// keep is the share of the bucket that stays in it for others, share the part
	// of the rate that is this process's own (0: all of it), lease what it may
	// take at once of what is in the bucket: a bucket within the bucket.
	keep    float64
	share   float64
	lease   float64
	leaseAt time.Time

	// unproven gates were learned in another run or hinted at, and no answer has
	// confirmed them yet; hinted ones are given up where the tenant speaks of
	// others only.
	unproven, hinted bool
	// told200 says that the tenant speaks of the gate in answers that are no
	// refusals; silent counts the answers that left more than the gate could.
	told200 bool
	silent  int

	granted  uint64 // grants so far: the number of the newest
	newest   uint64 // the newest grant that was answered
	served   uint64 // answers that were no refusals: tokens that the tenant took
	inFlight int
	last     time.Time // when the newest grant was made
	promise  time.Time // what advance said last
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
	since    uint64    // grants up to this one were made before that
	newer    int       // of the later ones, those that are not answered yet

	// firm is what the tenant has told to be left, without what time may have added
	// since. Where a refusal has shown that the bucket fills at the announced resets
	// and not before (byReset), that alone is spent until then. Of a gate that was
	// burned, by a probe that was refused, no more are sent before the reset.
	firm    float64
	byReset bool
	burned  bool
	// trial is the newest grant that was made before the announced reset to see whether
	// the bucket fills in between after all; gaps are those that found a token. stepped
	// says that one was refused: there are no more trials.
	trial   uint64
	gaps    int
	stepped bool

	// blind gates are not told of, or told lies: their ledger is a model, whose rate
	// is tried upwards until a refusal measures it. Those that were lied to listen
	// again after deaf more answers.
	blind    bool
	measured bool // a refusal has measured it once
	deaf     int
	lies     int

	high   float64 // what the rate is at most, as long as it is not sure …
	guess  float64 // … and what it is most likely, for estimates
	byRate bool    // the promise was one of the ledger
	rtt    float64 // seconds: the latency of late …
	dev    float64 // … and its deviation
}

// anchor is the beginning of a measurement.
type anchor struct {
	at        time.Time
	remaining float64
	served    uint64
	flying    int
	set       bool
}

// stamp is what a grant remembers of the gate, to compare the tenant's answer
// with.
type stamp struct {
	number uint64
	at     time.Time
	level  float64 // the ledger right after the grant
	shift  float64
	prompt bool // the request had waited for the gate to open
	flying int  // how many others were on their way
}

// readingKind tells what happened at a gate.
type readingKind int

const (
	granted   readingKind = iota + 1 // a request was let through
	accepted                         // an answer came, of this bucket or without any header
	refused                          // the tenant answered 429 because of this bucket
	unrelated                        // an answer came that spoke of another bucket
	abandoned                        // no answer came: never sent, or lost
)

// reading is one input of advance.
type reading struct {
	kind  readingKind
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
	jitterRoom  = 0.4             // tokens: the network does not keep the distance between two requests
	byMinute    = 10              // tokens a second: limits by the minute are slower
	blindSize   = 4               // of a bucket that is not told of
	caution     = 0.98            // the ledger refills a little slower than measured; answers make up for it
	window      = 5 * time.Second // a measurement shorter than that is provisional: some buckets refill by the second
	grain       = time.Microsecond
	slowest     = 1e-6 // tokens a second: what is below was not measured (Auth0's slowest limit is 5 a day)
	smallBucket = 12   // those that hold more can spare a part of a token
)

// advance gives the state after an event and the moment from which the next
// request may pass. It is pure.
func advance(g gate, e reading, now time.Time) (gate, time.Time) {
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
		g = g.back(e, now)
		g.served++ // as far as is known
	}
	g.promise, g.byRate = g.due(now)
	return g, g.promise
}

// mark is the stamp of the newest grant.
func (g gate) mark() stamp {
	return stamp{number: g.granted, at: g.last, level: g.tokens, shift: g.shift, prompt: g.prompt, flying: g.inFlight - 1}
}

// level is the ledger at a moment.
func (g gate) level(now time.Time) float64 {
	if g.rate == 0 || !now.After(g.at) {
		return g.tokens
	}
	return min(g.tokens+g.rate*caution*now.Sub(g.at).Seconds(), float64(g.limit))
}

// reserve is what stays in the bucket: the share that is left to others, at
// least a twentieth as head-room against what is not known, and what the ledger
// was found to be too hopeful by. Waiting for it costs nothing but once: what the
// bucket gains meanwhile is there afterwards.
func (g gate) reserve() float64 {
	size := float64(g.limit)
	kept := max(math.Ceil(g.keep*size-1e-9), math.Floor(size/20), jitterRoom)
	return min(kept+g.slack, max(0, size-1))
}

// shared reports whether only a part of the bucket is this process's own.
func (g gate) shared() bool { return g.share > 0 && g.share < 1 && g.limit > 0 }

// leased is what is left of the lease at a moment.
func (g gate) leased(now time.Time) float64 {
	if g.rate == 0 || !now.After(g.leaseAt) {
		return g.lease
	}
	return min(g.lease+g.rate*g.share*now.Sub(g.leaseAt).Seconds(), max(1, float64(g.limit)*g.share))
}

// ledgerRoom is how many tokens the ledger holds beyond what stays in the bucket,
// room how many of those may be taken.
func (g gate) ledgerRoom(now time.Time) float64 { return g.level(now) - g.reserve() }

func (g gate) room(now time.Time) float64 {
	if g.shared() {
		return min(g.ledgerRoom(now), g.leased(now))
	}
	return g.ledgerRoom(now)
}

// opens is the moment from which the next request may pass.
func (g gate) opens(now time.Time) time.Time {
	at, _ := g.due(now)
	return at
}

// due also says whether it is the ledger that the request waits for.
func (g gate) due(now time.Time) (at time.Time, byRate bool) {
	at = now
	switch {
	case !g.known && g.inFlight > 0:
		at = g.last.Add(firstAlone)
	case g.alone && g.newer > 0:
		at = g.last.Add(g.hold())
	}
	at = later(at, g.shut)
	if g.limit == 0 || !g.known || g.alone {
		return at, false
	}
	if g.unproven && g.inFlight >= min(max(1, g.limit/4), newcomer) {
		return g.last.Add(firstAlone), false
	}
	if g.waitsForStep(now) {
		return later(at, earlier(g.reset, g.trialOpens(now))), true
	}
	if g.shared() {
		if leased := g.leaseOpens(now); leased.After(at) {
			at, byRate = leased, true
		}
	}
	missing := 1 + g.reserve() - g.level(now)
	if missing <= 0 {
		return at, byRate
	}
	refill := g.refill(missing, now)
	return later(at, refill), byRate || refill.After(at)
}

// refill is when so many tokens more are there, or should be asked for.
func (g gate) refill(missing float64, now time.Time) time.Time {
	switch {
	case g.rate == 0 && g.inFlight > 0:
		return later(g.probe, g.last.Add(g.hold())) // what is on its way tells more
	case g.rate == 0:
		return g.probe
	}
	at := now.Add(seconds(missing/(g.rate*caution)) + grain)
	if g.rate < slowest {
		at = now.Add(backoffCap)
	}
	if !g.sure && !g.burned && g.inFlight == 0 {
		at = earlier(at, g.nextProbe(now))
	}
	if g.reset.After(now) {
		at = earlier(at, g.reset) // by either meaning there is a token then
	}
	return at
}

// hold is how long one that is sent alone keeps the others waiting for its
// answer: some answers take ten times as long as the rest.
func (g gate) hold() time.Duration {
	if g.rtt == 0 {
		return probeAlone
	}
	return min(max(seconds(g.rtt+4*g.dev), minProbe), probeAlone)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// leaseOpens is when the lease holds a token.
func (g gate) leaseOpens(now time.Time) time.Time {
	missing := 1 - g.leased(now)
	switch {
	case missing <= 0:
		return now
	case g.rate < slowest:
		return g.last.Add(5 * minProbe) // a probe
	}
	opens := now.Add(seconds(missing/(g.rate*g.share)) + grain)
	if !g.sure && g.inFlight == 0 {
		opens = earlier(opens, later(now, g.nextProbe(now)))
	}
	return opens
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// pending says that the gate waits for an answer rather than for a moment: it
// may open any time.
func (g gate) pending(now time.Time) bool {
	return g.inFlight > 0 && (g.alone || !g.known || g.unproven) && !g.shut.After(now)
}

// take lets one request through.
func (g gate) take(now time.Time) gate {
	level := g.level(now)
	if g.known && g.limit > 0 && !g.sure && level < 1+g.reserve() {
		g = g.single() // this one is a probe
	}
	g.prompt = g.byRate && g.promise.After(g.last) && g.promise.After(g.at) && now.Sub(g.promise) < minProbe
	if g.shared() {
		g.lease, g.leaseAt = g.leased(now)-1, now
	}
	g.tokens, g.at = level-1, now
	if g.waitsForStep(now) {
		g.trial = g.granted + 1
	}
	g.firm--
	g.granted++
	g.inFlight++
	if g.alone {
		g.newer++
	}
	g.last = now
	if g.limit > 0 && g.rate == 0 && g.tokens < 1+g.reserve() {
		g = g.planProbe(now)
	}
	return g
}

// nextProbe is when a rate that is not sure is measured again, although the
// ledger is used up. Where what stays in the bucket pays for it, each probe waits
// twice as long as the measurement has lasted; otherwise until the bucket holds a
// token by a rate in the middle of what is possible.
func (g gate) nextProbe(now time.Time) time.Time {
	level := g.level(now)
	if level < 1+jitterRoom {
		likely := g.rate
		if g.high > g.rate {
			likely = math.Sqrt(g.rate * g.high)
		}
		return g.last.Add(max(seconds((1+jitterRoom-g.tokens)/likely), minProbe))
	}
	wait := 5 * minProbe
	if g.anchor.set {
		wait = max(wait, g.last.Sub(g.anchor.at))
	}
	return g.last.Add(wait)
}

// single lets requests pass one by one from now on.
func (g gate) single() gate {
	if !g.alone {
		g.alone, g.since, g.newer = true, g.granted, 0
	}
	return g
}

// back notes that a request is not under way any more.
func (g gate) back(e reading, now time.Time) gate {
	g.inFlight--
	if e.stamp.number > g.since && g.newer > 0 {
		g.newer--
	}
	if e.kind == abandoned || e.stamp.at.IsZero() {
		return g
	}
	took := now.Sub(e.stamp.at).Seconds()
	if g.rtt == 0 {
		g.rtt, g.dev = took, took/2
		return g
	}
	g.dev += (math.Abs(took-g.rtt) - g.dev) / 8
	g.rtt += (took - g.rtt) / 8
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
	if g.inFlight <= 0 && g.level(now) >= 1+jitterRoom {
		g.probe = earlier(g.probe, g.nextProbe(now))
	}
	return g
}

// accept learns from an answer that was not a refusal.
func (g gate) accept(e reading, now time.Time) gate {
	g = g.back(e, now)
	g.served++
	g.known = true
	g = g.tried(e, true)
	if e.stamp.number > g.refused {
		g.alone, g.refusals, g.shut = false, 0, time.Time{}
	}
	if g.deaf > 0 {
		g.deaf--
	}
	if g.limit == 0 {
		return g
	}
	if e.says.remaining < 0 || e.says.remaining >= g.limit || g.deaf > 0 {
		// Nothing is told, or nonsense: of a bucket that was drawn on, all can not
		// remain.
		return g.tryHigher(e)
	}
	g.blind = false
	if e.stamp.number <= g.newest {
		return g // an older request answered late knows less than what is known
	}
	g.newest, g.seen, g.told200 = e.stamp.number, true, true
	g.unproven, g.hinted, g.silent = false, false, 0
	g.told, g.toldAt = e.says.remaining, now
	if !e.says.reset.IsZero() {
		g.reset = e.says.reset
	}
	g.slack *= 0.9995
	full := g.level(now) >= float64(g.limit)
	before := g.shift
	g = g.correct(e, now)
	g = g.measure(e, now, full, g.shift-before)
	g.firm = float64(e.says.remaining) - float64(g.granted-e.stamp.number)
	if g.rate == 0 && g.tokens < 1+g.reserve() {
		g.probe = time.Time{} // the newest reset counts
		g = g.planProbe(now)
	}
	return g
}

// tryHigher raises the rate of a gate that is not told of, after a request that
// the rate held back and the tenant took: fast until a refusal has measured it,
// slowly afterwards.
func (g gate) tryHigher(e reading) gate {
	switch {
	case !g.blind || !e.stamp.prompt || g.rate == 0:
	case g.sure:
		g.rate *= 1.0005
	case g.measured:
		g.rate *= 1.01
	default:
		g.rate *= 1.1
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
