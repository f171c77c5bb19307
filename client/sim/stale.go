package sim

import (
	"slices"
	"strings"
	"sync"
	"time"

	"a0run/client/sim/store"
)

// A past is what users were like before their latest writes, as far back as a
// fault asks for: a search whose index lags shows them so. Nothing is kept as
// long as there is no such fault.
type past struct {
	mu     sync.Mutex
	window time.Duration
	list   []wrote // oldest first
}

// A wrote is one write: old is nil where the user was made by it.
type wrote struct {
	at  time.Time
	id  string
	old object
}

// keep makes it remember at least so long.
func (p *past) keep(window time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.window = max(p.window, window)
}

// note takes a write down; id "" says that everything is another now.
func (p *past) note(at time.Time, id string, old object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.window == 0 {
		return
	}
	if id == "" {
		p.list = nil
		return
	}
	since := at.Add(-p.window)
	behind := 0
	for behind < len(p.list) && p.list[behind].at.Before(since) {
		behind++
	}
	p.list = append(slices.Delete(p.list, 0, behind), wrote{at, id, old})
}

// since are the users that were written after an instant, as they were then;
// nil are those that were not there.
func (p *past) since(at time.Time) map[string]object {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]object{}
	for _, w := range p.list {
		if _, earlier := out[w.id]; !earlier && w.at.After(at) {
			out[w.id] = w.old
		}
	}
	return out
}

// lagging are the users as a search sees them whose index lags behind.
func (c *call) lagging() []store.Ref {
	at := c.now.Add(-c.stale)
	were := c.t.past.since(at)
	since := stamp(at)
	var out []object
	for _, r := range c.tx.Refs(usersKey()) {
		u, id := r.Object(), r.ID()
		old, written := were[id]
		delete(were, id)
		switch {
		case !written && str(u, "created_at") < since: // of before the fault, too
			out = append(out, u)
		case old != nil:
			out = append(out, old)
		}
	}
	gone := len(out)
	for _, id := range sortedKeys(were) {
		if were[id] != nil {
			out = append(out, were[id])
		}
	}
	if gone < len(out) { // those deleted since stand where they stood
		slices.SortStableFunc(out, func(a, b store.Object) int { return strings.Compare(str(a, "created_at"), str(b, "created_at")) })
	}
	refs := make([]store.Ref, len(out))
	for i, u := range out {
		refs[i] = store.RefTo(u)
	}
	return refs
}
