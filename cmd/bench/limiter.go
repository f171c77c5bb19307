package main

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A gateway stands before a local tenant. It counts what passes, and limits it,
// where it is told to, by an arithmetic of its own: a virtual schedule (GCRA) rather
// than a bucket that is filled, so that a mistake in the local tenant's limiter is
// not made twice.
type gateway struct {
	proxy http.Handler
	full  bool // what reset means

	mu      sync.Mutex
	limits  map[string]*schedule
	first   time.Time
	last    time.Time
	sent    int
	refused int
	patched map[string]int // by path: the answers 200
	seconds map[int64]int  // requests by second
}

// schedule is one limit: the moment by which all that was taken is paid back.
type schedule struct {
	every time.Duration // between two at the sustained rate
	burst int
	debt  time.Time
}

// take draws one, and says how many are left and when one more, and all, are there.
func (s *schedule) take(now time.Time) (ok bool, left int, one, all time.Time) {
	debt := s.debt
	if debt.Before(now) {
		debt = now
	}
	latest := now.Add(time.Duration(s.burst-1) * s.every)
	if ok = !debt.After(latest); ok {
		debt = debt.Add(s.every)
		s.debt = debt
	}
	free := float64(now.Add(time.Duration(s.burst)*s.every).Sub(debt)) / float64(s.every)
	left = int(math.Floor(free + 1e-9))
	missing := float64(left) + 1 - free
	return ok, max(left, 0), now.Add(time.Duration(missing * float64(s.every))), debt
}

func newGateway(target string, limits map[string]limitSpec, full bool) (*gateway, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		// SetURL sets the host, too: the tenant's tokens name its own address.
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
	}
	g := &gateway{proxy: proxy, full: full, limits: map[string]*schedule{}, patched: map[string]int{}, seconds: map[int64]int{}}
	for name, l := range limits {
		g.limits[name] = &schedule{every: time.Duration(float64(time.Second) / l.rate), burst: l.burst}
	}
	return g, nil
}

// groupOf names the endpoint group of a request of the Management API.
func groupOf(r *http.Request) string {
	switch {
	case !strings.HasPrefix(r.URL.Path, "/api/v2/"):
		return ""
	case r.Method == http.MethodGet:
		return "users.read"
	}
	return "users.write"
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	group := groupOf(r)
	if group == "" {
		g.proxy.ServeHTTP(w, r)
		return
	}
	header, refused := g.admit(group)
	for name, value := range header {
		w.Header()[name] = value
	}
	if refused {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}`)
		return
	}
	seen := &statusWriter{ResponseWriter: w}
	g.proxy.ServeHTTP(seen, r)
	g.answered(r, seen.status)
}

// admit draws on the limits; the header tells of the one that refused, else of the
// one with the least left.
func (g *gateway) admit(group string) (header http.Header, refused bool) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.first.IsZero() {
		g.first = now
	}
	g.sent++
	g.seconds[int64(now.Sub(g.first)/time.Second)]++
	least := math.MaxInt
	for _, name := range []string{"", group} {
		l := g.limits[name]
		if l == nil {
			continue
		}
		ok, left, one, all := l.take(now)
		if ok && left > least {
			continue
		}
		least = left
		reset := one
		if g.full {
			reset = all
		}
		header = http.Header{
			"X-Ratelimit-Limit":     {strconv.Itoa(l.burst)},
			"X-Ratelimit-Remaining": {strconv.Itoa(left)},
			"X-Ratelimit-Reset":     {strconv.FormatInt(int64(math.Ceil(float64(reset.UnixNano())/1e9)), 10)},
		}
		if !ok {
			g.refused++
			return header, true
		}
	}
	return header, false
}

func (g *gateway) answered(r *http.Request, status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = time.Now()
	switch {
	case status == http.StatusTooManyRequests:
		g.refused++ // the tenant's own limiter
	case r.Method == http.MethodPatch && status == http.StatusOK:
		g.patched[r.URL.Path]++
	}
}

// busiest is the most requests in a second.
func (g *gateway) busiest() int {
	most := 0
	for _, n := range g.seconds {
		most = max(most, n)
	}
	return most
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
