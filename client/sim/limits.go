package sim

import (
	"fmt"
	"math"
	"sync"
	"time"

	"a0run/client/catalog"
)

// A bucket's level at an instant. The zero value is a full bucket.
type level struct {
	spent float64 // tokens taken that did not come back yet
	at    time.Time
}

// A draw is what taking one token gave.
type draw struct {
	ok               bool
	limit, remaining int
	reset            int64     // UNIX seconds, by the limiter's meaning
	again            time.Time // when one token is there again
}

// take draws one token at an instant. It is a pure function, so that the
// limiter is tested against a model without waiting.
func (l Limit) take(s level, now time.Time, full bool) (level, draw) {
	s = l.refill(s, now)
	have := float64(l.Burst) - s.spent
	d := draw{limit: l.Burst}
	// A hair of tolerance: a token that is there after exactly 1/rate must
	// not be refused for a rounding error.
	if have >= 1-1e-9 {
		d.ok = true
		s.spent++
		have--
	}
	whole := math.Floor(have + 1e-9)
	d.remaining = max(0, int(whole))
	missing := whole + 1 - have // until one token more is there
	if full {
		missing = s.spent
	}
	d.again = l.grain(s.at, l.lasts(1-have))
	d.reset = ceilSecond(l.grain(s.at, l.lasts(missing)))
	return s, d
}

// lasts is how long so many tokens take to come back.
func (l Limit) lasts(tokens float64) time.Duration {
	return time.Duration(math.Ceil(tokens / l.Rate * float64(time.Second)))
}

func (l Limit) refill(s level, now time.Time) level {
	if l.Every > 0 {
		now = now.Truncate(l.Every)
	}
	if now.After(s.at) {
		if s.spent > 0 {
			s.spent = max(0, s.spent-now.Sub(s.at).Seconds()*l.Rate)
		}
		s.at = now
	}
	return s
}

// grain is the first instant at least d after t at which tokens come back.
func (l Limit) grain(t time.Time, d time.Duration) time.Time {
	t = t.Add(max(0, d))
	if l.Every > 0 && t.Truncate(l.Every) != t {
		t = t.Truncate(l.Every).Add(l.Every)
	}
	return t
}

func ceilSecond(t time.Time) int64 {
	s := t.Unix()
	// A microsecond of rounding must not cost a second.
	if t.Nanosecond() > 1000 {
		s++
	}
	return s
}

// A limiter is the tenant's limits and their levels.
type limiter struct {
	mu     sync.Mutex
	global Limit
	full   bool
	groups map[string]Limit
	levels map[string]level
}

func newLimiter(l Limits) (*limiter, error) {
	lim := &limiter{global: Limit{Rate: l.Rate, Burst: l.Burst}, levels: map[string]level{}, groups: map[string]Limit{}}
	switch l.Reset {
	case "full":
		lim.full = true
	case "", "token":
	default:
		return nil, fmt.Errorf("limits: reset is %q; it must be %q or %q", l.Reset, "token", "full")
	}
	if l.Rate < 0 || l.Rate == 0 && l.Burst > 0 {
		return nil, fmt.Errorf("limits: rate is %v; a limit needs more than 0 tokens a second", l.Rate)
	}
	if l.Rate > 0 && l.Burst < 1 {
		lim.global.Burst = max(1, int(math.Ceil(l.Rate)))
	}
	for name, g := range l.Groups {
		if g.Rate <= 0 {
			return nil, fmt.Errorf("limits: rate of group %q is %v; a limit needs more than 0 tokens a second", name, g.Rate)
		}
		if g.Burst < 1 {
			g.Burst = max(1, int(math.Ceil(g.Rate)))
		}
		lim.groups[name] = g
	}
	return lim, nil
}

// draw takes a token of each limit that an operation stands under: first the
// global one of the Management API, then those of its groups. What the first
// gave is spent even when the second refuses. The answer describes the limit
// that refused, else the one that has fewest left.
func (l *limiter) draw(op *catalog.Operation, now time.Time) (draw, bool) {
	if l.global.Rate == 0 && len(l.groups) == 0 {
		return draw{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var last draw
	limited := false
	if l.global.Rate > 0 && op.API == catalog.Management {
		if _, own := l.groups["management"]; !own {
			last, limited = l.one("", l.global, now), true
			if !last.ok {
				return last, true
			}
		}
	}
	for _, name := range op.Buckets {
		g, has := l.groups[name]
		if !has {
			continue
		}
		d := l.one(name, g, now)
		if !d.ok {
			return d, true
		}
		if !limited || d.remaining <= last.remaining {
			last = d
		}
		limited = true
	}
	return last, limited
}

func (l *limiter) one(name string, limit Limit, now time.Time) draw {
	s, d := limit.take(l.levels[name], now, l.full)
	l.levels[name] = s
	return d
}

// words say what is limited.
func (l *limiter) words() string {
	switch {
	case l.global.Rate > 0:
		return fmt.Sprintf("Its Management API takes %.4g requests a second, %d at once; %d groups have limits of their own.", l.global.Rate, l.global.Burst, len(l.groups))
	case len(l.groups) > 0:
		return fmt.Sprintf("%d groups of operations have limits.", len(l.groups))
	}
	return "Nothing is limited."
}
