package main

import (
	"maps"
	"slices"
	"time"

	"a0run/client/pace"
	"a0run/engine"
)

// budgetEvery is how often a run tells how it stands with the rate limits.
const budgetEvery = time.Second

// A budgetTeller tells, while calls are made, how a run stands with the rate limit
// of each of its tenants.
type budgetTeller struct {
	s     *screen
	at    time.Time      // of the events before
	ended map[string]int // calls, by role, until then
}

// tellBudgets emits events until the run has ended.
func (s *screen) tellBudgets() {
	defer s.ticker.Done()
	b := &budgetTeller{s: s, at: s.w.now(), ended: map[string]int{}}
	t := time.NewTicker(budgetEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			for _, e := range b.events(s.w.now()) {
				s.run.Emit(e)
			}
		case <-s.ended:
			return
		}
	}
}

// events are those of this moment: one for each tenant that a call was made of
// since the last ones, or for which calls wait. Roles that are one tenant share
// its limit and are told as one.
func (b *budgetTeller) events(now time.Time) []engine.Event {
	ended, took := b.s.run.Ended(), now.Sub(b.at).Seconds()
	if took <= 0 { // the clock was set back
		b.at, b.ended = now, ended
		return nil
	}
	calls, names := map[string]int{}, map[string]string{}
	var roles []string
	for _, role := range slices.Sorted(maps.Keys(b.s.tenants.clients)) {
		name := b.s.tenants.names[role]
		first, told := names[name]
		if !told {
			names[name], first = role, role
			roles = append(roles, role)
		}
		calls[first] += ended[role] - b.ended[role]
	}
	b.at, b.ended = now, ended
	var events []engine.Event
	for _, role := range roles {
		budget := &engine.Budget{Rate: float64(calls[role]) / took}
		if p := b.s.tenants.pacers[role]; p != nil {
			fillBudget(budget, p)
		}
		if calls[role] == 0 && budget.Waiting == 0 {
			continue
		}
		if left, ok := b.s.left(); ok {
			ms := left.Milliseconds()
			budget.LeftMS = &ms
		}
		events = append(events, engine.Event{Kind: engine.EventBudget, Time: now, Tenant: role, Budget: budget})
	}
	return events
}

// fillBudget says what is known of the tenant's limit.
func fillBudget(b *engine.Budget, p *pace.Pacer) {
	state := p.Now()
	b.Waiting, b.Parked = state.Waiting, state.Parked
	level, known := p.Level()
	if !known {
		return
	}
	b.Bucket, b.Limit, b.Remaining, b.PerSecond = level.Bucket, level.Size, &level.Left, level.PerSecond
	if !level.Full.IsZero() {
		full := level.Full.UTC()
		b.Full = &full
	}
}
