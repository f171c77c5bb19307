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
	l.p.mu.Lock()
	var candidates []*entry
	if l.filter.dependsOn(l.coll.fields) && (len(l.filter.keep) > 0 || l.filter.searches()) {
		bounds, bounded := search.Range{}, false
		if l.filter.query != nil {
			bounds, bounded = l.filter.query.Range("created_at")
		}
		for _, e := range l.coll.changed {
			if bounded && e.created != "" && (bounds.Before(e.created) || bounds.Behind(e.created)) {
				continue
			}
			candidates = append(candidates, e)
		}
	}
	l.p.mu.Unlock()
	if len(candidates) > maxLooks && len(l.filter.strange) == 0 {
		known := candidates[:0:0]
		for _, e := range candidates[:min(len(candidates), maxKnown)] {
			if l.p.recall(e.place) != nil {
				known = append(known, e)
			}
		}
		if len(known) < len(candidates) {
			l.cannotKnow("whether other changed objects would be found by this search: there are too many to look at")
		}
		candidates = known
	}
	for _, e := range candidates {
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
