package sim

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// A bucket is a Limit in whole numbers: time goes in ticks, each tick brings
// gain units back, and a token is so many units. Sums of fractions differ by
// the order in which requests come; these do not.
type bucket struct {
	burst       int64
	tick        time.Duration
	token, gain int64
	by          string
	verbs       []string // nil: all
}

// A level is what a bucket lacks of being full, in units, at a tick. The zero
// value is a full bucket.
type level struct{ missing, at int64 }

// A draw is what taking one token gave.
type draw struct {
	ok               bool
	name             string // of the bucket, "" for the global one
	limit, remaining int
	reset            int64     // UNIX seconds, by the limiter's meaning
	again            time.Time // when one token is there again
	notices          []notice  // what is to be written into the tenant's log
}

// whole makes a bucket of a limit.
func (l Limit) whole() (bucket, error) {
	b := bucket{burst: int64(l.Burst), tick: l.Every, by: l.By, verbs: l.verbs}
	per := l.Per
	if per == 0 {
		per = time.Second
	}
	if b.tick == 0 {
		b.tick = time.Microsecond
	}
	// Rates like 2.5 a second become 25 every ten.
	rate, scale := l.Rate, int64(1)
	for ; scale < 1_000_000 && rate != math.Trunc(rate); scale *= 10 {
		rate = l.Rate * float64(scale) * 10
	}
	b.gain, b.token = int64(math.Round(rate)), int64(per/b.tick)*scale
	if b.burst < 1 {
		b.burst = max(1, int64(math.Ceil(l.Rate)))
	}
	switch {
	case l.Rate <= 0 || b.gain < 1:
		return b, fmt.Errorf("rate is %v; a limit needs more than 0 tokens a second", l.Rate)
	case b.token < 1:
		return b, fmt.Errorf("tokens come back every %s, which is longer than %s", b.tick, per)
	case b.burst > math.MaxInt64/2/b.token:
		return b, fmt.Errorf("burst is %d, which is more than can be counted", b.burst)
	case !slices.Contains(keysOfLimits(), l.By):
		return b, fmt.Errorf("by is %q; it must be one of %s", l.By, strings.Join(keysOfLimits()[1:], ", "))
	}
	return b, nil
}

// take draws one token at an instant. It is a pure function, so that the
// limiter is tested against a model without waiting.
func (b bucket) take(s level, now time.Time, full bool) (level, draw) {
	s = b.refill(s, now)
	have := b.burst*b.token - s.missing
	d := draw{limit: int(b.burst)}
	if have >= b.token {
		d.ok = true
		s.missing += b.token
		have -= b.token
	}
	d.remaining = int(have / b.token)
	missing := b.token - have%b.token // until one token more is there
	if full {
		missing = s.missing
	}
	d.again = b.instant(s.at, max(0, b.token-have))
	d.reset = ceilSecond(b.instant(s.at, missing))
	return s, d
}

// long ago is a clock that was set back, and not two requests that overtook
// each other.
const longAgo = time.Minute

func (b bucket) refill(s level, now time.Time) level {
	at := floorDiv(now.UnixNano(), int64(b.tick))
	if at <= s.at {
		if s.at-at > int64(longAgo/b.tick) && s.missing > 0 {
			s.at = at
		}
		return s
	}
	gone := at - s.at
	if gone >= ceilDiv(s.missing, b.gain) {
		s.missing = 0
	} else {
		s.missing -= gone * b.gain
	}
	s.at = at
	return s
}

// instant is the first at which so many units came back after a tick.
func (b bucket) instant(tick, units int64) time.Time {
	at := tick + ceilDiv(units, b.gain)
	return time.Unix(0, 0).Add(time.Duration(at) * b.tick)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

func ceilSecond(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}

// A limiter is the tenant's limits and their levels.
type limiter struct {
	mu     sync.Mutex
	global *bucket // of the Management API; nil where there is none
	full   bool
	groups map[string]bucket
	// other is the group of operations whose own has no limit; "": none.
	other  string
	levels map[string]level
	told   map[string]time.Time // when a notice was last given
	set    Limits
}

func newLimiter(l Limits) (*limiter, error) {
	if err := checkEntities(l.Entities); err != nil {
		return nil, err
	}
	lim := &limiter{levels: map[string]level{}, told: map[string]time.Time{}, groups: map[string]bucket{}, other: l.other, set: l}
	switch l.Reset {
	case "full":
		lim.full = true
	case "", "token":
	default:
		return nil, fmt.Errorf("limits: reset is %q; it must be %q or %q", l.Reset, "token", "full")
	}
	if l.Rate != 0 || l.Burst != 0 {
		b, err := Limit{Rate: l.Rate, Burst: l.Burst, Per: l.Per, Every: l.Every}.whole()
		if err != nil {
			return nil, fmt.Errorf("limits: %w", err)
		}
		lim.global = &b
	}
	for name, g := range l.Groups {
		b, err := g.whole()
		if err != nil {
			return nil, fmt.Errorf("limits: group %q: %w", name, err)
		}
		lim.groups[name] = b
	}
	// A group of this name is the global limit, with a grain of its own.
	if b, own := lim.groups["management"]; own {
		lim.global = &b
		delete(lim.groups, "management")
	}
	return lim, nil
}

// draw takes a token of each limit that a call stands under: first the global
// one of its API, then its own. What the first gave is spent even when the
// second refuses. The answer describes the limit that refused, else the one
// that has fewest left.
func (l *limiter) draw(c *call) (draw, bool) {
	if l.global == nil && len(l.groups) == 0 {
		return draw{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var last draw
	var notices []notice
	limited := false
	take := func(name, key string, b bucket) bool {
		s, d := b.take(l.levels[key], c.now, l.full)
		l.levels[key] = s
		d.name = name
		notices = l.notice(notices, d, c.now)
		if !d.ok || !limited || d.remaining <= last.remaining {
			last = d
		}
		limited = true
		return d.ok
	}
	if l.global == nil || !c.managed() || take("", "", *l.global) {
		for _, name := range l.standsUnder(c) {
			b := l.groups[name]
			key, ok := b.key(c, name)
			if ok && !take(name, key, b) {
				break
			}
		}
		l.forget(c.now)
	}
	last.notices = notices
	return last, limited
}

// crowd is how many levels are kept before the full ones are forgotten: there
// is one for each user and address that a limit counts by itself.
const crowd = 10_000

func (l *limiter) forget(now time.Time) {
	if len(l.levels) < crowd {
		return
	}
	for key, s := range l.levels {
		name, _, _ := strings.Cut(key, "\x1f")
		b, ok := l.groups[name]
		if ok && b.refill(s, now).missing == 0 {
			delete(l.levels, key)
		}
	}
}

// keysOfLimits are by what a limit may count requests apart.
func keysOfLimits() []string {
	return []string{"", "ip", "user", "ip+email", "ip+state", "ip+prompt", "ip+state+prompt", "session"}
}

// key is the level that a call draws on; false says that it has nothing by
// which it is counted.
func (b bucket) key(c *call, name string) (string, bool) {
	var by []string
	for part := range strings.SplitSeq(b.by, "+") {
		switch part {
		case "":
			return name, true
		case "ip":
			host, _, err := net.SplitHostPort(c.req.RemoteAddr)
			if err != nil {
				host = c.req.RemoteAddr
			}
			by = append(by, host)
		case "email":
			by = append(by, strings.ToLower(str(c.body, "email")))
		case "state":
			by = append(by, c.query.Get("state"))
		case "prompt":
			by = append(by, c.op.Path)
		case "session":
			by = append(by, str(c.body, "mfa_token"))
		case "user":
			_, token, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
			access, err := c.t.keys.access(c.t.ring(), token, c.now)
			if err != nil {
				return "", false // nobody's: the answer will be a 401
			}
			by = append(by, str(access.claims, "sub"))
		}
	}
	return name + "\x1f" + strings.Join(by, "\x1f"), true
}
