package engine

import "time"

// A Load is one operation against one tenant.
type Load struct {
	// Tenant is the role.
	Tenant    string
	Operation string
	// Buckets are the rate-limit buckets that it draws on.
	Buckets []string
}

// Progress is how far the run's outermost parallel call is, for estimates of its
// end; its zero value says that none is under way, or that nobody knows how many
// items it has.
type Progress struct {
	// Done of Total items have ended, Begun were begun, the done ones among them.
	Done, Begun, Total int
	// Since is when the parallel call began.
	Since time.Time
	// Calls are the calls that have ended since, by operation, Left those that
	// are still to come where the other items need what those that are done did.
	Calls, Left []LoadCount
}

// A LoadCount is how many calls of one kind there were.
type LoadCount struct {
	Load
	Calls int
}

// loadKey is a Load that can be a key.
type loadKey struct{ tenant, operation string }

// progress is the outermost parallel call under way. It is guarded by Run.mu.
type progress struct {
	owner              *Task
	done, begun, total int
	since              time.Time
	before             map[loadKey]int // calls that had ended when it began
	// of are the calls of items that are done, under those of items that are
	// not: with 64 items under way of 300, those would else count for the done
	// ones, and the end was told half as far again as it was.
	of, under map[loadKey]int
}

// An itemLoad is what an item of the outermost parallel call has needed so far,
// in its task and those below. Most need one operation or two.
type itemLoad struct {
	of    *progress
	calls []itemCalls
}

type itemCalls struct {
	loadKey
	calls int
}

func (l *itemLoad) add(key loadKey) {
	l.of.under[key]++
	for i := range l.calls {
		if l.calls[i].loadKey == key {
			l.calls[i].calls++
			return
		}
	}
	l.calls = append(l.calls, itemCalls{key, 1})
}

// loads counts the calls that have ended, by operation.
type loads map[loadKey]*LoadCount

// ended counts a call of the tenant; a request to another host is none.
func (r *Run) ended(c *Call) {
	if c.Operation == nil {
		return
	}
	key := loadKey{c.Tenant, c.Name}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.loads[key]
	if n == nil {
		n = &LoadCount{Load: Load{Tenant: c.Tenant, Operation: c.Name, Buckets: c.Operation.Buckets}}
		r.loads[key] = n
	}
	n.Calls++
	if item := c.Task.item; item != nil && item.of == r.progress {
		item.add(key)
	}
}

// Ended is how many calls of each tenant have ended, by role.
func (r *Run) Ended() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	byRole := map[string]int{}
	for key, n := range r.loads {
		byRole[key.tenant] += n.Calls
	}
	return byRole
}

// enter notes that a parallel call begins; only the outermost counts.
func (r *Run) enter(t *Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress != nil {
		return
	}
	p := &progress{owner: t, since: r.cfg.Now(), before: map[loadKey]int{}, of: map[loadKey]int{}, under: map[loadKey]int{}}
	for key, n := range r.loads {
		p.before[key] = n.Calls
	}
	r.progress = p
}

// itemBegun notes that an item of a task's parallel call begins, itemDone that it
// has ended, leave that the call has.
func (r *Run) itemBegun(owner, item *Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.progress; p != nil && p.owner == owner {
		p.begun++
		item.item = &itemLoad{of: p}
	}
}

func (r *Run) itemDone(owner, item *Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.progress
	if p == nil || p.owner != owner {
		return
	}
	p.done++
	for _, n := range item.item.calls {
		p.of[n.loadKey] += n.calls
		p.under[n.loadKey] -= n.calls
	}
}

func (r *Run) leave(owner *Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress != nil && r.progress.owner == owner {
		r.progress = nil
	}
}

// Expect says how many items the list has, or the listing as the tenant counts it,
// that the task is reading: its parallel call learns its total so.
func (t *Task) Expect(total int) {
	r := t.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.progress; p != nil && p.owner == t {
		p.total = max(p.total, total)
	}
}

// Progress tells how far the outermost parallel call is.
func (r *Run) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.progress
	if p == nil || p.total == 0 {
		return Progress{}
	}
	out := Progress{Done: p.done, Begun: p.begun, Total: p.total, Since: p.since}
	for key, n := range r.loads {
		calls := n.Calls - p.before[key]
		if calls <= 0 {
			continue
		}
		out.Calls = append(out.Calls, LoadCount{Load: n.Load, Calls: calls})
		if left := p.left(key, calls); left > 0 {
			out.Left = append(out.Left, LoadCount{Load: n.Load, Calls: left})
		}
	}
	return out
}

// left are the calls of one kind that are still to come: of the items that are
// not done, and of who hands out items (a listing's pages) for those that are not
// begun. calls are all that have ended.
func (p *progress) left(key loadKey, calls int) int {
	if p.done == 0 {
		return 0
	}
	items := float64(p.of[key])/float64(p.done)*float64(p.total-p.done) - float64(p.under[key])
	pages := float64(calls-p.of[key]-p.under[key]) / float64(p.begun) * float64(p.total-p.begun)
	return int(max(items, 0) + max(pages, 0) + 0.5)
}

// ValidWeight reports whether a number is a weight: from 0.01 to 1000.
func ValidWeight(w float64) bool { return w >= 0.01 && w <= 1000 }
