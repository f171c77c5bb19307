package plan

import (
	"a0run/client/search"
	"a0run/engine"
)

// maxLooks bounds the objects that are read to find out whether a change moves
// them into a listing.
const maxLooks = 100

// maxKnown bounds those that are looked at without reading.
const maxKnown = 2000

// enter looks which of the tenant's changed objects have come into the listing:
// it did not show them, and now it would.
func (l *listing) enter() {
	if l.alone || l.side != nil || l.coll == nil {
		return
	}
	for _, e := range l.few(l.candidates()) {
		s, err := l.look(e.place)
		if err != nil || s.base == nil {
			continue
		}
		l.p.mu.Lock()
		now := l.p.now(s)
		if now != nil && !l.filter.matches(s.base, true) && l.filter.matches(now, false) {
			l.entered = append(l.entered, now)
		}
		l.p.mu.Unlock()
	}
}

// candidates are the changed objects that may have come in.
func (l *listing) candidates() []*entry {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	f := l.filter
	if !f.dependsOn(l.coll.fields) || len(f.keep) == 0 && !f.searches() {
		return nil
	}
	bounds, bounded := search.Range{}, false
	if f.query != nil {
		bounds, bounded = f.query.Range("created_at")
	}
	var out []*entry
	for _, e := range l.coll.changed {
		if !bounded || e.created == "" || !bounds.Before(e.created) && !bounds.Behind(e.created) {
			out = append(out, e)
		}
	}
	return out
}

// few are those of many candidates that can be looked at without asking the
// tenant.
func (l *listing) few(candidates []*entry) []*entry {
	if len(candidates) <= maxLooks || len(l.filter.strange) > 0 {
		return candidates
	}
	var known []*entry
	for _, e := range candidates[:min(len(candidates), maxKnown)] {
		if l.p.recall(e.place) != nil {
			known = append(known, e)
		}
	}
	if len(known) < len(candidates) {
		l.cannotKnow("whether other changed objects would be found by this search: there are too many to look at")
	}
	return known
}

// entering are the objects that the plan has put into the listing, in the order
// in which it made them. The Planner's mutex is held.
func (l *listing) entering() []*engine.Object {
	if l.side != nil {
		return l.added()
	}
	var out []*engine.Object
	if l.coll != nil {
		for _, e := range l.coll.made {
			if e.made == nil || !e.apart || !l.filter.matches(e.made, true) {
				continue
			}
			out = append(out, e.made)
		}
	}
	return append(out, l.entered...)
}
