package web

import (
	"net"
	"sync"
	"time"
)

// A limiter bounds how often somebody may be wrong: mostWrong times in a window
// for each address, mostWrongAll for all of them together.
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

// wait is how long an address has to wait before it may try again; 0 is now.
func (l *limiter) wait(address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	if l.wrong[network(address)] < mostWrong && l.all < mostWrongAll {
		return 0
	}
	return l.since.Add(wrongWindow).Sub(l.now())
}

// failed counts an attempt that was wrong. A window has at most mostWrongAll of
// them, so the map is bounded too.
func (l *limiter) failed(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	l.wrong[network(address)]++
	l.all++
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
