package pace

import (
	"math"
	"time"
)

// What a gate learns from refusals.

// refuse closes the gate.
func (g gate) refuse(e reading, now time.Time) gate {
	g = g.back(e, now)
	g.known = true
	if e.stamp.number <= g.refused {
		return g // of a wave that was already met
	}
	if g.refusals == 0 {
		g = g.blinded(e, now)
	}
	g = g.tried(e, false)
	early := g.announced(e)
	hopeful := g.rate > 0 && e.stamp.level+g.shift-e.stamp.shift >= g.reserve()
	g.refused, g.newest = g.granted, g.granted
	g.refusals++
	g.alone = false
	g = g.single()
	if g.limit > 0 {
		g.tokens, g.at = min(g.level(now), 0), now
		g.probe = time.Time{}
		g.burned = !g.sure
		switch {
		case early && !g.byReset && g.gaps < enoughGaps:
			g.byReset = true
		case hopeful && g.seen:
			g.slack = min(max(g.slack+1.5, g.lump()), float64(g.limit-1)/3)
		}
		g = g.doubt(now)
		g.seen = false
	}
	g.firm = 0
	if !e.says.reset.IsZero() {
		g.reset = e.says.reset
	}
	g.shut = now.Add(g.closed(e, now))
	return g
}

// blinded judges whether a refusal shows that the gate is not told the truth: that
// it has no headers, or that they left half of the bucket when it was empty.
func (g gate) blinded(e reading, now time.Time) gate {
	if g.limit > 0 && g.seen && !g.blind && e.stamp.level+g.shift-e.stamp.shift >= max(float64(g.limit)/2, g.reserve()+4) {
		if g.lies++; g.lies >= 2 {
			g.deaf = 500
		}
	}
	if g.limit > 0 && g.deaf == 0 || g.blind {
		return g
	}
	g.blind = true
	if g.limit == 0 {
		g.limit = blindSize
	}
	if g.rate == 0 {
		g.rate, g.sure = 1/backoffBase.Seconds(), false
	}
	g.anchor = anchor{at: now, served: g.served, set: true}
	return g
}

// announced reports whether a request was refused that came before a reset which
// names the next token: limits by the minute fill by the second, and say so.
func (g gate) announced(e reading) bool {
	ahead := g.reset.Sub(e.stamp.at)
	return g.seen && ahead > 0 && ahead < 1200*time.Millisecond && g.bySteps()
}

// bySteps reports whether the bucket may be one that fills by the second: of those
// that Auth0 publishes each holds what comes in six seconds, and more.
func (g gate) bySteps() bool { return g.rate == 0 || float64(g.limit) > 2.5*g.rate }

// enoughGaps are so many tokens found between two resets as show that a bucket does not
// fill by the second: the refusal that said so was another's doing.
const enoughGaps = 2

// waitsForStep reports whether the bucket is held to be empty until the announced reset.
func (g gate) waitsForStep(now time.Time) bool {
	return g.byReset && g.firm < 1 && g.reset.After(now) && g.bySteps()
}

// trialOpens is when a request may be sent before the reset, alone, as a trial: when the
// rate promises a token.
func (g gate) trialOpens(now time.Time) time.Time {
	if g.stepped || g.inFlight > 0 || g.rate == 0 {
		return g.reset
	}
	missing := 1.2 - g.level(now)
	if missing <= 0 {
		return now
	}
	return now.Add(seconds(missing/g.rate) + grain)
}

// tried learns from the answer to a trial.
func (g gate) tried(e reading, found bool) gate {
	if g.trial == 0 || e.stamp.number != g.trial {
		return g
	}
	g.trial = 0
	if g.stepped = !found; found {
		g.gaps++
	}
	g.byReset = g.gaps < enoughGaps
	return g
}

// lump is what a bucket may lack of what its rate promises: limits by the minute
// fill by the second, in steps, and others take several at once. Most of it is kept
// back at the first sign, and no refusal spent on finding out.
func (g gate) lump() float64 {
	if g.rate <= byMinute {
		return 0.7 * g.rate
	}
	return g.rate / 4
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
	case g.blind:
		g.sure = g.measured && gained >= 10 && math.Abs(rate/g.rate-1) < 0.3
		g.rate, g.measured, g.anchor = rate, true, here
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
func (g gate) closed(e reading, now time.Time) time.Duration {
	hint, ok := e.says.hint(now)
	if g.rate > 0 && (!g.blind || !ok) {
		// A measured rate promises a token sooner than a reset that may mean
		// the full bucket; each refusal in a row doubts it by a factor of two.
		promise := seconds(math.Ldexp((1+g.slack)/g.rate, min(g.refusals-1, 30))) + grain
		if !ok || promise < hint {
			return min(promise, backoffCap)
		}
	}
	if ok && g.limit > 0 && g.told200 && g.refusals == 1 && !g.byReset && e.says.after.IsZero() {
		// A reset of an empty bucket whose rate is not known may mean that it is full
		// again: then a quarter is there after a quarter of the time.
		return max(hint/4, minProbe)
	}
	if ok {
		return hint
	}
	wait := min(backoffCap, backoffBase<<min(g.refusals-1, 20))
	return wait/2 + time.Duration(e.random*float64(wait/2))
}
