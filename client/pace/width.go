package pace

import "time"

// A width is how many requests may be in flight at once, found from the latency
// of the answers: twice as many at once that bring no more of them a second only
// wait at the tenant, and half as many that bring as many are enough. Without a
// rate limit it keeps a run from opening more sockets than the tenant can serve;
// below a rate limit few are in flight by themselves, and it does not matter.
//
// The latency is judged as answers a second over rounds in which nothing but the
// width holds requests back: that is the mean latency, and a fast minimum, which other
// algorithms hold it against, says little of a network with jitter and tails.
//
// It is a value, and its methods are pure.
type width struct {
	limit  int
	most   int // the configured cap; 0: none
	flying int // in flight now
	trying trial
	gained bool    // the search has gone up at least once
	before float64 // answers a second before the last step of the search
	quiet  int     // rounds since the search ended

	// The round under way.
	began   time.Time
	skip    int // answers to requests that were sent before the last step
	answers int
	held    int  // of those, how many came while the width held a request back
	holding bool // it does so now
}

// trial is what the search for a width does.
type trial int

const (
	first  trial = iota // nothing is known
	up                  // twice as many are tried
	down                // half as many are tried
	steady              // it is found
)

// The numbers of the width.
const (
	firstWidth = 32
	leastWidth = 4
	mostWidth  = 1024
	// worthUp is by how much a doubling must bring more, worthDown what a halving
	// must not cost.
	worthUp   = 1.3
	worthDown = 0.9
	// again is after how many rounds the search begins anew: tenants change.
	again = 100
)

// free reports whether one more request may be sent.
func (w width) free() bool { return w.flying < w.now() }

// now is the bound at present.
func (w width) now() int {
	n := w.limit
	if n == 0 {
		n = firstWidth
	}
	if w.most > 0 {
		n = min(n, w.most)
	}
	return max(n, 1)
}

// sent notes one request.
func (w width) sent(now time.Time) width {
	w.flying++
	if w.began.IsZero() {
		w.began = now
	}
	return w
}

// ended notes that one came back; answered is false where no answer came, or a
// refusal, which says nothing of the tenant's speed.
func (w width) ended(answered bool, now time.Time) width {
	w.flying = max(0, w.flying-1)
	if !answered {
		return w
	}
	if w.skip > 0 {
		w.skip--
		if w.skip == 0 {
			w.began = now
		}
		return w
	}
	w.answers++
	if w.holding {
		w.held++
	}
	w.holding = false // until the next look finds it so
	round := w.now()
	if w.trying == down || w.trying == steady {
		round *= 3 // a small loss needs a longer look than a doubling
	}
	if w.answers < round {
		return w
	}
	full := w.held*10 >= w.answers*9
	rate := float64(w.answers) / max(now.Sub(w.began).Seconds(), 1e-6)
	if full {
		w = w.judge(rate)
	}
	w.began, w.answers, w.held = now, 0, 0
	return w
}

// judge ends a round in which the width, and nothing else, held requests back.
func (w width) judge(rate float64) width {
	switch w.trying {
	case first:
		return w.step(up, rate)
	case up:
		switch {
		case rate >= worthUp*w.before:
			w.gained = true
			return w.step(up, rate)
		case !w.gained:
			w.limit /= 2
			return w.step(down, w.before)
		}
		return w.settle(w.now()/2, w.before)
	case down:
		if rate >= worthDown*w.before {
			return w.step(down, max(rate, w.before))
		}
		return w.settle(w.now()*2, w.before)
	case steady:
		if w.quiet++; w.quiet >= again {
			w.gained = false
			return w.step(up, rate)
		}
	}
	return w
}

// step goes on with the search, where there is room for it.
func (w width) step(to trial, rate float64) width {
	next := w.now() * 2
	if to == down {
		next = w.now() / 2
	}
	most := mostWidth
	if w.most > 0 {
		most = w.most
	}
	next = min(max(next, leastWidth), most)
	if next == w.now() {
		return w.settle(next, rate)
	}
	w.skip = w.flying
	w.limit, w.trying, w.before = next, to, rate
	return w
}

// settle ends the search.
func (w width) settle(at int, rate float64) width {
	w.limit, w.trying, w.before, w.quiet = at, steady, rate, 0
	return w
}
