package serve

import (
	"slices"
	"sync"
	"time"

	"a0run/engine"
)

// The bounds of what is kept of a run that is executed.
const (
	keptEvents  = 20_000
	keptSeconds = 300
	keptParked  = 100
)

// A live is a run that is being executed, as its events tell.
type live struct {
	events *stream[engine.Event]

	mu     sync.Mutex
	began  time.Time
	counts engine.Counts
	rate   []Second
	parked map[string]ParkedCall // by the call's key and number
	// budgets is what was told last of each tenant's rate limit, by role.
	budgets map[string]told
}

// told is a budget with when it was told.
type told struct {
	engine.Budget
	at time.Time
}

// A budget that was told longer ago than this says nothing of now.
const budgetAge = 5 * time.Second

func newLive(now time.Time) *live {
	return &live{events: newStream[engine.Event](keptEvents), began: now, parked: map[string]ParkedCall{}, budgets: map[string]told{}}
}

func (l *live) end() { l.events.end() }

// take takes one event.
func (l *live) take(e engine.Event) {
	l.mu.Lock()
	l.count(e)
	l.mu.Unlock()
	l.events.add(e)
}

func callName(e engine.Event) string { return e.Key + " " + e.Task }

func (l *live) count(e engine.Event) {
	switch e.Kind {
	case engine.EventCallStarted:
		l.counts.Calls++
		l.counts.InFlight++
	case engine.EventCallFinished:
		l.counts.InFlight = max(l.counts.InFlight-1, 0)
		l.counts.Done++
		second := l.second(e.Time)
		second.Calls++
		if e.Error != "" {
			l.counts.Failed++
			second.Failed++
		}
		second.InFlight = l.counts.InFlight
		delete(l.parked, callName(e))
		l.counts.Parked = len(l.parked)
	case engine.EventCallParked:
		l.second(e.Time).Parked++
		if e.Until != nil {
			l.parked[callName(e)] = ParkedCall{Task: e.Task, Operation: e.Operation, Tenant: e.Tenant, N: e.N, Until: *e.Until}
		}
		l.counts.Parked = len(l.parked)
	case engine.EventCallRetried:
		l.counts.Retried++
		delete(l.parked, callName(e))
		l.counts.Parked = len(l.parked)
	case engine.EventBudget:
		l.budget(e)
	}
}

// budget takes what a run tells of a tenant's rate limit. A second has that of the
// tenant of which the least share is left.
func (l *live) budget(e engine.Event) {
	b := e.Budget
	if b == nil {
		return
	}
	l.budgets[e.Tenant] = told{*b, e.Time}
	if b.Limit <= 0 || b.Remaining == nil {
		return
	}
	s := l.second(e.Time)
	if s.Limit <= 0 || *b.Remaining*s.Limit < s.Remaining*b.Limit {
		s.Remaining, s.Limit = *b.Remaining, b.Limit
	}
}

// budgetOf is what was told of a tenant's rate limit, by its role, not long before
// now.
func (l *live) budgetOf(role string, now time.Time) (engine.Budget, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.budgets[role]
	return b.Budget, ok && now.Sub(b.at) < budgetAge && b.Limit > 0 && b.Remaining != nil
}

// left is how long the run will still take, by what it told of that last. The
// longest counts: a run ends with its slowest tenant.
func (l *live) left(now time.Time) (left time.Duration, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.budgets {
		if b.LeftMS != nil && now.Sub(b.at) < budgetAge {
			left = max(left, time.Duration(*b.LeftMS)*time.Millisecond-max(now.Sub(b.at), 0))
			known = true
		}
	}
	return left, known
}

// second is the second of a time; the newest is the last. Those in which nothing
// happened are there too: a line from one busy second to the next would say that
// calls were made between them.
func (l *live) second(at time.Time) *Second {
	at = at.Truncate(time.Second)
	if n := len(l.rate); n > 0 && !at.After(l.rate[n-1].At) {
		return &l.rate[n-1]
	}
	next := at
	if n := len(l.rate); n > 0 {
		next = l.rate[n-1].At.Add(time.Second)
		if oldest := at.Add(-(keptSeconds - 1) * time.Second); next.Before(oldest) {
			next, l.rate = oldest, l.rate[:0]
		}
	}
	for ; !next.After(at); next = next.Add(time.Second) {
		l.rate = append(l.rate, Second{At: next, Remaining: -1, Limit: -1, InFlight: l.counts.InFlight})
	}
	if over := len(l.rate) - keptSeconds; over > 0 {
		l.rate = l.rate[:copy(l.rate, l.rate[over:])]
	}
	return &l.rate[len(l.rate)-1]
}

// view is how the run stands.
func (l *live) view(now time.Time) Live {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rate) > 0 { // the second that goes on is told when it is over
		l.second(now.Add(-time.Second))
	}
	v := Live{Started: l.began, Counts: l.counts, Rate: slices.Clone(l.rate)}
	for _, p := range l.parked {
		if len(v.Parked) == keptParked {
			break
		}
		v.Parked = append(v.Parked, p)
	}
	slices.SortFunc(v.Parked, func(a, b ParkedCall) int { return a.Until.Compare(b.Until) })
	return v
}

// recent is how many calls ended in the last minute.
func (l *live) recent(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.rate {
		if now.Sub(s.At) < time.Minute {
			n += s.Calls
		}
	}
	return n
}

// calls is how many calls ended, and how many of them failed.
func (l *live) calls() (done, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts.Done, l.counts.Failed
}
