package pace

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Known is what the answers of the tenant have told of a bucket: its size and
// the rate, in requests a second, at which it fills; 0 for what is not known. A
// bucket that has no limit of its own stands under the general one's.
func (p *Pacer) Known(bucket string) (size int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, g := range p.state.gates {
		if key.bucket == bucket && g.known {
			size, perSecond = max(size, g.limit), max(perSecond, g.likely())
		}
	}
	if size == 0 {
		for _, h := range p.cfg.Hints {
			if h.Bucket == bucket {
				return h.Burst, h.Rate
			}
		}
	}
	return size, perSecond
}

// likely is the rate as well as it is known: one that is not sure yet is kept low on
// purpose, for sending by it.
func (g gate) likely() float64 {
	if g.sure || g.rate == 0 || g.guess == 0 {
		return g.rate
	}
	return max(g.rate, g.guess)
}

// A Load is a number of requests that draw on the same buckets.
type Load struct {
	// Buckets are named as in a Claim.
	Buckets  []string
	Requests int
}

// Estimate is how long so many requests will take from now on, as far as the
// tenant's limits are known: what is in the buckets is spent at once, the rest comes
// at this process's share of the rates. It is 0, false where no limit is known that
// they stand under.
func (p *Pacer) Estimate(loads []Load) (time.Duration, bool) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.estimate(loads, now)
}

func (s *state) estimate(loads []Load, now time.Time) (time.Duration, bool) {
	need := map[gateKey]int{}
	for _, l := range loads {
		d := s.desks[deskKeyOf(l.Buckets)]
		if d == nil {
			continue
		}
		for _, key := range d.gates {
			if key.limit > 0 {
				need[key] += l.Requests
			}
		}
	}
	longest, known := time.Duration(0), false
	for key, n := range need {
		g := s.gates[key]
		if g.rate == 0 {
			continue
		}
		known = true
		rate := g.likely()
		if g.shared() {
			rate *= g.share
		}
		takes := seconds(max(0, float64(n)-max(0, g.room(now))) / rate)
		longest = max(longest, takes+max(0, g.shut.Sub(now)))
	}
	return longest, known
}

// Now is what is known and happens at present, of the bucket among those of the
// claims so far that holds requests up most.
type Now struct {
	// Rate is what the tenant allows a second, 0 where nothing is known, and Left
	// what is left at once.
	Rate float64
	Left int
	// Waiting are the claims that wait, Parked those of them whose bucket the tenant
	// has closed, InFlight the requests under way.
	Waiting, Parked, InFlight int
}

// Now tells what happens.
func (p *Pacer) Now() Now {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var n Now
	for _, d := range p.state.desks {
		n.Waiting += d.waiting
		if _, _, closed := p.state.opens(d, now); closed {
			n.Parked += d.waiting
		}
		if tight := p.state.gates[p.state.tight(d, now)]; tight != nil && tight.rate > 0 && (n.Rate == 0 || tight.rate < n.Rate) && d.waiting > 0 {
			n.Rate, n.Left = tight.likely(), max(0, int(tight.level(now)))
		}
	}
	for _, w := range p.state.widths {
		n.InFlight += w.flying
	}
	return n
}

// A Level is what is left of one of the tenant's buckets.
type Level struct {
	// Bucket is the general bucket's name, Size how many requests it holds.
	Bucket string
	Size   int
	// Left is what should be left of it now, PerSecond how fast it fills (0: not
	// known yet) and Full when it is whole again; zero where that is not known.
	Left      int
	PerSecond float64
	Full      time.Time
}

// Level is how the bucket stands of which the least share is left, among those
// of the claims so far. It is false where the tenant has told of none.
func (p *Pacer) Level() (Level, bool) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var key gateKey
	least := math.Inf(1)
	for _, d := range p.state.desks {
		for _, k := range d.gates {
			if k.limit == 0 {
				continue
			}
			g := p.state.gates[k]
			share := g.level(now) / float64(k.limit)
			// The smaller one of two that are equal: a map has no order, and a chart
			// must not jump.
			if share < least || share == least && k.limit < key.limit {
				key, least = k, share
			}
		}
	}
	if key.limit == 0 {
		return Level{}, false
	}
	return p.state.gates[key].standing(key, now), true
}

func (g gate) standing(key gateKey, now time.Time) Level {
	l := Level{Bucket: key.bucket, Size: key.limit, Left: max(0, int(g.level(now))), PerSecond: g.likely()}
	switch {
	case l.PerSecond > 0:
		l.Full = now.Add(seconds((float64(key.limit) - float64(l.Left)) / l.PerSecond))
	case g.reset.After(now):
		l.Full = g.reset
	}
	return l
}

// A Sheet is what stands in a shared budget of a tenant.
type Sheet struct {
	Limits []Limit
	// Members are the processes that draw on it, in no order that says anything.
	Members []Member
}

// A Limit is one of the tenant's.
type Limit struct {
	// Bucket is the general bucket's name or an endpoint group's.
	Bucket string
	// Size is the bucket's, PerSecond the rate at which it fills (0: not known yet);
	// Sure says that the rate was measured long enough to be relied on.
	Size      int
	PerSecond float64
	Sure      bool
	// Left is what should be in the bucket now, if nobody else draws on it.
	Left int
	// Told is when the tenant last spoke of it, ClosedUntil when it opens again
	// after a refusal; zero where it is open.
	Told, ClosedUntil time.Time
	// Groups are the endpoint groups whose answers spoke of it.
	Groups []string
}

// A Member is one process.
type Member struct {
	Weight float64
	// PerSecond is what it was granted of late, over all limits; Wants says that it
	// would take more.
	PerSecond float64
	Wants     bool
}

// ReadSheet reads what a Budget gave. It asks nobody.
func ReadSheet(text []byte, now time.Time) Sheet {
	d := parseDocument(text)
	var s Sheet
	for _, g := range d.Gates {
		l := Limit{
			Bucket: g.Bucket, Size: g.Limit, PerSecond: g.Rate, Sure: g.Sure, Left: max(0, int(g.level(now))),
			Told: time.UnixMilli(g.Told), Groups: g.Specifics,
		}
		if shut := time.UnixMilli(g.Shut); shut.After(now) {
			l.ClosedUntil = shut
		}
		s.Limits = append(s.Limits, l)
	}
	slices.SortFunc(s.Limits, func(a, b Limit) int { return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), a.Size-b.Size) })
	for _, m := range d.Members {
		if m.Until < now.UnixMilli() {
			continue
		}
		x := Member{Weight: m.Weight}
		for _, u := range m.Uses {
			x.PerSecond = max(x.PerSecond, u.Rate)
			x.Wants = x.Wants || u.Hungry >= now.UnixMilli()
		}
		s.Members = append(s.Members, x)
	}
	slices.SortFunc(s.Members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(b.PerSecond, a.PerSecond))
	})
	return s
}
