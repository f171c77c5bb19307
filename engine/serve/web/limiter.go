package web

import (
	"net"
	"sync"
	"time"
)

// A limiter bounds how often somebody may be wrong: mostWrong times in a window
// for each address, mostWrongAll for all of them together. It is asked about what
// was wrong only. A right token has 20 characters or more of chance and is never
// refused: behind a proxy everybody has one address, and one who guesses would
// lock out all. What guesses beyond the limit get is no answer worth a request,
// and no line in the audit.
type limiter struct {
	now func() time.Time

	mu    sync.Mutex
	since time.Time
	wrong map[string]int
	all   int
}

const (
	wrongWindow  = time.Minute
	mostWrong    = 5
	mostWrongAll = 100
)

func newLimiter(now func() time.Time) *limiter { return &limiter{now: now, wrong: map[string]int{}} }

// failed counts an attempt that was wrong. Where it was one too many it gives how
// long the next is refused, too. A window counts at most mostWrongAll, so the map
// is bounded.
func (l *limiter) failed(address string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	if l.wrong[network(address)] >= mostWrong || l.all >= mostWrongAll {
		return l.since.Add(wrongWindow).Sub(l.now())
	}
	l.wrong[network(address)]++
	l.all++
	return 0
}

// turn begins a new window; the caller holds mu.
func (l *limiter) turn() {
	if now := l.now(); now.Sub(l.since) >= wrongWindow || now.Before(l.since) {
		l.since, l.all = now, 0
		clear(l.wrong)
	}
}

// network is an IPv4 address, or the /64 that somebody with one IPv6 address
// usually has whole.
func network(address string) string {
	ip := net.ParseIP(address)
	if ip == nil || ip.To4() != nil {
		return address
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
