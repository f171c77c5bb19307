package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	chance     *rand.Rand // nil where there is none
}

func newFaults() *faults { return &faults{} }

func (f *faults) add(one Fault) {
	left := one.Count
	if left == 0 {
		left = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &pending{Fault: one, skip: one.After, left: left}
	if one.Share > 0 && one.Share < 1 {
		p.chance = rand.New(rand.NewPCG(one.Seed, 0)) //nolint:gosec // G404: chance that can be repeated
	}
	f.list = append(f.list, p)
}

// all are the faults that are not used up.
func (f *faults) all() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []Fault{}
	for _, p := range f.list {
		if p.left != 0 {
			one := p.Fault
			one.After, one.Count = p.skip, p.left
			out = append(out, one)
		}
	}
	return out
}

// clear takes all faults back.
func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
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
		if p.chance != nil && p.chance.Float64() >= p.Share {
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

// pointless is what makes a fault one that nobody would ever see, or that no
// server can send.
func (f Fault) pointless() error {
	var err error
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		err = fmt.Errorf("status is %d; it must be between 200 and 599", f.Status)
	}
	if f.After < 0 {
		err = errors.Join(err, fmt.Errorf("after is %d; it is how many requests go well before", f.After))
	}
	if f.Count < -1 {
		err = errors.Join(err, fmt.Errorf("count is %d; it is how many requests go wrong, or -1 for all", f.Count))
	}
	if f.Status == 0 && f.Delay == 0 && f.Slow == 0 && f.Stale == 0 && f.Reset+f.ContentType == "" && !f.CutOff && len(f.Headers) == 0 {
		err = errors.Join(err, errors.New("nothing goes wrong: say status, headers, delay, reset, cut_off, slow, content_type or stale"))
	}
	return err
}

// known is the error for the name of an operation that there is not; "" stands
// for all operations.
func known(table *catalog.Table, name string) error {
	if _, ok := table.Lookup(name); ok || name == "" {
		return nil
	}
	for _, op := range append(extras(), newer()...) {
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
