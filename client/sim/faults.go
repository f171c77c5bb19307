package sim

import (
	"fmt"
	"sync"

	"a0run/client/catalog"
)

// faults are those injected and not used up.
type faults struct {
	mu   sync.Mutex
	list []*pending
}

type pending struct {
	Fault
	skip, left int
}

func newFaults() *faults { return &faults{} }

func (f *faults) add(one Fault) {
	left := one.Count
	if left == 0 {
		left = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, &pending{Fault: one, skip: one.After, left: left})
}

// next is the fault of a request, nil when all goes well. Every matching fault
// counts the request; the oldest that is due acts.
func (f *faults) next(operation string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due *pending
	for _, p := range f.list {
		if p.Operation != "" && p.Operation != operation || p.left == 0 {
			continue
		}
		if p.skip > 0 {
			p.skip--
			continue
		}
		if due == nil {
			due = p
		}
	}
	if due == nil {
		return nil
	}
	if due.left > 0 {
		due.left--
	}
	one := due.Fault
	return &one
}

// known is the error for the name of an operation that there is not; "" stands
// for all operations.
func known(table *catalog.Table, name string) error {
	if _, ok := table.Lookup(name); ok || name == "" {
		return nil
	}
	for _, op := range extras() {
		if op.ID == name {
			return nil
		}
	}
	near := table.Nearest(name)
	if near == "" {
		return fmt.Errorf("no operation is called %q", name)
	}
	return fmt.Errorf("no operation is called %q; did you mean %q?", name, near)
}
