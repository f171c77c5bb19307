package pace

import (
	"slices"
	"time"
)

// newGate is a gate of which nothing is known but its name.
func (s *state) newGate(key gateKey, general string) *gate {
	g := &gate{limit: key.limit, keep: s.cfg.kept(general)}
	if g.keep > 0 {
		g.share = 1 - g.keep
		g.lease = max(1, g.share*float64(key.limit))
	}
	return g
}

// subject finds the gate that an answer speaks of; the grant is made to hold a
// token of it where the gate was not known before.
func (s *state) subject(g *Grant, says notice, kind readingKind, now time.Time) gateKey {
	d := g.desk
	if says.limit == 0 {
		return s.unnamed(d)
	}
	key := s.attribute(d, says, now)
	if s.members[key] == nil {
		s.members[key] = map[string]bool{}
	}
	s.members[key][d.specific] = true
	if !slices.ContainsFunc(g.drawn, func(t drawn) bool { return t.key == key }) {
		t := s.gates[key]
		if t == nil {
			t = s.newGate(key, d.general)
			t.known, t.reset = true, says.reset
			t.tokens, t.at = float64(max(says.remaining, 0))+1, now
			s.gates[key] = t
			s.meeting.due = true
		}
		g.drawn = append(g.drawn, drawn{})
		s.take(g, len(g.drawn)-1, key, now)
	}
	d.add(key)
	if kind == accepted && says.remaining >= 0 {
		s.disprove(d, key, says, now)
	}
	return key
}

// unnamed is the gate of an answer without headers: where one gate alone is
// known at a desk, the answer lost its headers on the way and speaks of that.
func (s *state) unnamed(d *desk) gateKey {
	only, n := gateKey{bucket: d.specific}, 0
	for _, key := range d.gates {
		if key.limit > 0 && !s.gates[key].hinted {
			only = key
			n++
		}
	}
	if n == 1 {
		return only
	}
	return gateKey{bucket: d.specific}
}

// greet lets a desk that has a gate known from elsewhere do without a first request
// that goes alone.
func (s *state) greet(d *desk) {
	for _, key := range d.gates {
		if key.limit > 0 && s.gates[key].known {
			s.gates[gateKey{bucket: d.specific}].known = true
		}
	}
}

// add notes that the claims of a desk draw on a gate.
func (d *desk) add(key gateKey) {
	if !slices.Contains(d.gates, key) {
		d.gates = append(d.gates, key)
		slices.SortFunc(d.gates, compareKeys)
	}
}

// attribute names the gate of an answer that tells a limit: the one shared by
// all of the general bucket, unless the first answer of a bucket leaves more
// than the shared counter can hold, which tells that two buckets have one size.
func (s *state) attribute(d *desk, says notice, now time.Time) gateKey {
	own := gateKey{bucket: d.specific, limit: says.limit}
	if s.gates[own] != nil {
		return own
	}
	shared := gateKey{bucket: d.general, limit: says.limit}
	g := s.gates[shared]
	if g == nil || d.specific == d.general {
		return shared
	}
	if !s.members[shared][d.specific] && says.remaining > g.most(now) {
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

// disproved is how many answers in a row must leave more than a gate could
// before it is taken to be gone.
const disproved = 3

// disprove looks at the other gates of a desk: an answer describes the one that
// has least left, as long as the tenant has a habit of doing so. Where more is
// left than another gate could have, that one is not there any more: the limits
// were changed, or the hint was wrong. A gate that only refusals speak of is
// kept; it may be hidden behind the others for good.
func (s *state) disprove(d *desk, told gateKey, says notice, now time.Time) {
	for _, key := range slices.Clone(d.gates) {
		g := s.gates[key]
		if key == told || key.limit == 0 || !g.told200 && !g.hinted {
			continue
		}
		if says.remaining <= g.ceiling(now) {
			g.silent = 0
			continue
		}
		if g.silent++; g.silent < disproved {
			continue
		}
		delete(s.gates, key)
		delete(s.members, key)
		for _, other := range s.desks {
			other.gates = slices.DeleteFunc(other.gates, func(k gateKey) bool { return k == key })
		}
	}
}

// ceiling is what the ledger could hold at most.
func (g gate) ceiling(now time.Time) int {
	return min(g.limit, int(g.level(now)+0.5*g.rate)+g.inFlight+max(2, g.limit/10))
}
