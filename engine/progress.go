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
	// Done of Total items have ended.
	Done, Total int
	// Since is when the parallel call began.
	Since time.Time
	// Calls are the calls that have ended since, by operation.
	Calls []LoadCount
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
	owner       *Task
	done, total int
	since       time.Time
	before      map[loadKey]int // calls that had ended when it began
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
	p := &progress{owner: t, since: r.cfg.Now(), before: map[loadKey]int{}}
	for key, n := range r.loads {
		p.before[key] = n.Calls
	}
	r.progress = p
}

// itemDone notes that an item of a task's parallel call has ended, leave that the
// call has.
func (r *Run) itemDone(owner *Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress != nil && r.progress.owner == owner {
		r.progress.done++
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
	out := Progress{Done: p.done, Total: p.total, Since: p.since}
	for key, n := range r.loads {
		if calls := n.Calls - p.before[key]; calls > 0 {
			out.Calls = append(out.Calls, LoadCount{Load: n.Load, Calls: calls})
		}
	}
	return out
}

// ValidWeight reports whether a number is a weight: from 0.01 to 1000.
func ValidWeight(w float64) bool { return w >= 0.01 && w <= 1000 }
