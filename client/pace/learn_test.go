package pace

import (
	"testing"
	"time"
)

// The tenant counts three requests in another order than they were granted, and
// their answers are read in a third: the last one was counted first, and says that
// more is left than there is. Only a second such answer is believed.
func TestMoreIsLeftOnlyIfTwoAnswersSaySo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := gate{limit: 40, known: true, tokens: 40, at: now, rate: 20, sure: true}
	answer := func(s stamp, remaining int) {
		g, _ = advance(g, reading{kind: accepted, stamp: s, says: notice{remaining: remaining}}, now)
	}
	var grants []stamp
	grant := func(n int) {
		for range n {
			g, _ = advance(g, reading{kind: granted}, now)
			grants = append(grants, g.mark())
		}
	}
	grant(3)
	answer(grants[0], 38) // counted second
	answer(grants[1], 37) // counted third
	answer(grants[2], 39) // counted first
	if left := g.level(now); left > 37 {
		t.Errorf("%.1f of 40 are left after three requests", left)
	}
	grant(3) // others have given back what they had taken
	answer(grants[3], 39)
	answer(grants[4], 38)
	if left := g.level(now); left != 37 {
		t.Errorf("%.1f are left where two answers say 37", left)
	}
	answer(grants[5], 37)
	grant(1) // alone on its way: what its answer says needs no second
	answer(grants[6], 39)
	if left := g.level(now); left != 39 {
		t.Errorf("%.1f are left where the answer to a lone request says 39", left)
	}
}

// A rate that was not measured is none: shared between two, the first answers of a
// fresh tenant said that the bucket opens in a year, and every call came too late.
func TestUnmeasuredRateIsNone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	g := gate{limit: 30, known: true, told200: true, rate: 1.2e-9, tokens: 1, at: now, share: 0.67, lease: 0.33, leaseAt: now, last: now, inFlight: 8}
	if at := g.opens(now); at.After(now.Add(backoffCap)) {
		t.Errorf("it opens after %s", at.Sub(now))
	}
	d := &document{}
	d.learn(reportGate{key: gateKey{"management", 30}, gate: gate{limit: 30, rate: 1.2e-9, toldAt: now}}, now, now)
	if got := d.Gates[0].Rate; got != 0 {
		t.Errorf("the others are told of %g a second", got)
	}
}
