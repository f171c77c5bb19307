package pace

import (
	"time"
)

// What a gate learns from answers that are no refusals.

// correct brings the ledger to what the tenant says. The level that the grant
// remembers is compared, not today's: what was granted since is known.
func (g gate) correct(e reading, now time.Time) gate {
	remaining := float64(e.says.remaining)
	off := remaining - (e.stamp.level + g.shift - e.stamp.shift)
	if g.limit < smallBucket && off < 0 {
		// What remains is told in whole tokens. Of a bucket of two, the part of one
		// that was forgotten at each answer ran over: a tenth of the rate was lost.
		off = min(0, off+0.9)
	}
	if off > 0 {
		// Requests granted before this one and still unanswered may not have
		// been counted yet.
		older := float64(g.inFlight) - float64(g.granted-e.stamp.number)
		off = max(0, off-max(0, older))
	}
	g, off = g.confirmed(e, off)
	g.tokens, g.at = g.level(now)+off, now
	g.shift += off
	return g
}

// confirmed is the part of a correction that is believed. More than the ledger
// holds may only seem to be left: requests granted before this one, counted by the
// tenant after it, and answered before its answer was read. In a burst over a fast
// network that is usual, and what was added then was refused, five to eight
// requests at the beginning of every run. So while others were on their way a
// second answer has to say the same.
func (g gate) confirmed(e reading, off float64) (gate, float64) {
	if off <= 0 || e.stamp.flying == 0 || !g.sure {
		g.hoped = 0
		return g, off
	}
	sure := min(off, g.hoped)
	g.hoped = off - sure
	return g, sure
}

// gained is what the bucket must have gained since the anchor, and in which
// time.
func (g gate) gained(remaining float64, now time.Time) (tokens float64, took time.Duration) {
	return remaining - g.anchor.remaining + float64(g.served-g.anchor.served), now.Sub(g.anchor.at)
}

// measure finds the rate from what the bucket gained between two answers. What
// others take from the bucket lowers it, rightly: it is the rate left for us.
//
// A first measurement is shy: some buckets fill by the second, in steps, and of
// the requests on their way nobody knows which were counted. So it is taken as
// if it had lasted a second longer, and only where what is on its way is little
// beside what was gained. The ledger is corrected by every answer anyway; a rate
// that is too low costs next to nothing, and one that is too high is refused.
func (g gate) measure(e reading, now time.Time, full bool, off float64) gate {
	calm := g.inFlight <= 0 && e.stamp.number == g.granted
	here := anchor{at: now, remaining: float64(e.says.remaining), served: g.served, flying: g.inFlight, set: true}
	gained, took := g.gained(here.remaining, now)
	if !g.anchor.set || full || e.says.remaining >= g.limit-1 {
		g.anchor = here
		return g.overflown(e, gained, took, off)
	}
	if took < minProbe || gained < 1 {
		return g
	}
	unclear := 1 + float64(max(0, g.inFlight)+max(0, g.anchor.flying))
	g.guess = gained / took.Seconds()
	whole := took >= window && gained >= 10 || took >= 4*window
	shy := (gained - unclear/2) / (took + time.Second).Seconds()
	switch {
	case whole:
		g.high, g.burned = 0, false
		rate := gained / took.Seconds()
		if g.sure {
			rate = (g.rate + rate) / 2
		}
		g.rate, g.anchor, g.sure = rate, here, true
	case g.sure:
		return g.turned(gained, unclear, took, here)
	case g.rate == 0 && 3*unclear > gained && (!calm || g.anchor.flying > 0):
		if calm {
			g.anchor = here
		}
	case g.rate == 0:
		g.rate = max(shy, 0.5/(took+time.Second).Seconds())
		g.high = (gained + unclear) / took.Seconds()
	default:
		g.high = (gained + unclear) / took.Seconds()
		g.rate = min(max(g.rate, shy), g.high)
	}
	return g
}

// overflown learns from a bucket that is full: it loses what it gains, so that
// this says no more than that the rate is higher than what was waited for.
func (g gate) overflown(e reading, gained float64, took time.Duration, off float64) gate {
	if !g.anchor.set || took < minProbe || gained < 1 {
		return g
	}
	unclear := float64(max(0, g.inFlight) + max(0, g.anchor.flying))
	least := (gained - unclear) / (took + time.Second).Seconds()
	switch {
	case !g.sure && e.stamp.prompt:
		g.rate = max(1.3*g.rate, least)
		g.high = max(g.high, g.rate)
	case !g.sure:
		g.rate = max(g.rate, least)
	case e.stamp.prompt && off >= 0.9:
		g.rate *= 1.1
	case e.stamp.prompt && off >= 0.5:
		g.rate *= 1.03
	}
	return g
}

// turned notices within a second or two that a sure rate does not hold any more:
// the tenant's limits were changed, or others have come or gone.
func (g gate) turned(gained, unclear float64, took time.Duration, here anchor) gate {
	s := took.Seconds()
	if expected := g.rate * s; took < time.Second || expected < 10 {
		return g
	}
	if (gained+unclear)/s < 0.6*g.rate || (gained-unclear)/s > 1.6*g.rate {
		g.rate, g.sure = gained/(s+0.2), false
		g.anchor = here
	}
	return g
}

// giveBack ends a grant that the bucket did not speak of. As far as is known it
// has the token still: a bucket that is not the narrowest is not told of, and
// its ledger must not run dry unseen. Where its rate is known it is the narrow
// one after all, hidden behind the others' counts: then the ledger is a model,
// and the rate is tried upwards until a refusal measures it again.
func (g gate) giveBack(e reading, now time.Time) gate {
	g = g.back(e, now)
	if e.kind == unrelated {
		g.known = true
		if e.stamp.number > g.refused {
			g.alone = false
		}
		if e.sent {
			g.served++
			g.unproven = false
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
		g.lease++
		g.firm++
		g.shift++
		if !e.sent {
			g.anchor.set = g.anchor.set && e.kind == unrelated
		}
	}
	return g
}
