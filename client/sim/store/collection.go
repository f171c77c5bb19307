package store

import (
	"maps"
	"slices"
	"sort"
)

// A record is one object at its place in the order of creation. It is never
// changed: snapshots share it. The object lies in obj, or in packed where that is
// not empty.
type record struct {
	id     string
	seq    uint64
	obj    Object
	packed string
}

// A place is one in the order of creation; rec is nil where the object is gone.
type place struct {
	seq uint64
	rec *record
}

// A collection is ordered by creation. A deletion leaves a tombstone in the
// order and the order is packed when half of it is tombstones, so that every
// operation is constant on average and a page costs its own length.
//
// A snapshot shares the collections of its store. Only the state that made or
// copied one writes to it (owner); another copies it first, which takes
// milliseconds for a hundred thousand objects: maps and slices are copied as
// they lie, and nothing is indexed anew.
type collection struct {
	owner   uint64
	names   *names // nil: nothing here is packed
	byID    records
	order   []place
	dead    int
	next    uint64
	indexes []Index
	found   []map[string][]*record // one per index
	sorted  []*sorted
	version uint64 // of the store's last change here
	log     []Change
	logFrom uint64 // the version that the log goes on from
}

// A Change is one write to a collection: Old is nil where nothing was, New
// where nothing is any more.
type Change struct {
	Old, New Object
	// Ref is the new one.
	Ref     Ref
	version uint64
}

// logged is how many changes a collection with orders remembers, and again as
// many until it forgets them at once.
const logged = 256

func (c *collection) note(id string, old, by Object) {
	if len(c.sorted) == 0 {
		return
	}
	if len(c.log) == 2*logged {
		c.logFrom = c.log[logged-1].version
		c.log = append(make([]Change, 0, 2*logged), c.log[logged:]...)
	}
	c.log = append(c.log, Change{old, by, c.ref(c.byID.get(id)), c.version})
}

func (c *collection) forget() { c.log, c.logFrom = nil, c.version }

// since are the changes after a version, oldest first.
func (c *collection) since(version uint64) ([]Change, bool) {
	if len(c.sorted) == 0 || version < c.logFrom {
		return nil, false
	}
	i := sort.Search(len(c.log), func(i int) bool { return c.log[i].version > version })
	return c.log[i:], true
}

func newCollection(owner uint64, indexes []Index, orders []Order, packed *names) *collection {
	c := &collection{owner: owner, names: packed, next: 1, indexes: indexes}
	for _, o := range orders {
		c.sorted = append(c.sorted, &sorted{order: o})
	}
	for range indexes {
		c.found = append(c.found, map[string][]*record{})
	}
	return c
}

func (c *collection) clone(owner uint64) *collection {
	n := &collection{
		owner: owner, names: c.names, byID: c.byID.clone(), order: slices.Clone(c.order), dead: c.dead, next: c.next, indexes: c.indexes,
		version: c.version, log: slices.Clip(c.log), logFrom: c.logFrom,
	}
	for _, found := range c.found {
		n.found = append(n.found, shared(found))
	}
	for _, s := range c.sorted {
		n.sorted = append(n.sorted, s.clone())
	}
	return n
}

// at is where a record lies in the order.
func (c *collection) at(seq uint64) int {
	return sort.Search(len(c.order), func(i int) bool { return c.order[i].seq >= seq })
}

// The lists of an index are shared by snapshots: nothing that stands in one is
// ever changed. A long list grows in place nevertheless, behind what others see of
// it, as only one state has the room there: a copy of the collection gives it up.
// And it loses its first without being copied, as a log does that forgets.
const longList = 16

func (c *collection) index(r *record, o Object) {
	for i, ix := range c.indexes {
		for _, k := range ix.Keys(o) {
			list := c.found[i][k]
			if len(list) < longList {
				list = slices.Clip(list)
			}
			c.found[i][k] = append(list, r)
		}
	}
}

func (c *collection) unindex(r *record, o Object) {
	for i, ix := range c.indexes {
		for _, k := range ix.Keys(o) {
			if left := without(c.found[i][k], r); len(left) == 0 {
				delete(c.found[i], k)
			} else {
				c.found[i][k] = left
			}
		}
	}
}

// without is a list without a record.
func without(list []*record, r *record) []*record {
	if len(list) > 0 && list[0] == r {
		return list[1:]
	}
	var left []*record
	for _, o := range list {
		if o != r {
			left = append(left, o)
		}
	}
	return left
}

// shared is a map of an index for another state.
func shared(found map[string][]*record) map[string][]*record {
	n := maps.Clone(found)
	for k, list := range n {
		if len(list) >= longList {
			n[k] = slices.Clip(list)
		}
	}
	return n
}

// record makes one of an object, packed where the collection packs.
func (c *collection) record(id string, seq uint64, o Object) *record {
	if c.names != nil {
		if packed, ok := c.names.pack(o); ok {
			return &record{id: id, seq: seq, packed: packed}
		}
	}
	return &record{id: id, seq: seq, obj: o}
}

func (c *collection) ref(r *record) Ref { return Ref{r, c.names} }

func (c *collection) pick(members ...string) Pick {
	if c.names == nil {
		return Pick{}
	}
	return c.names.pick(members)
}

func (c *collection) object(r *record) Object { return c.ref(r).Object() }

// put puts an object in the place of what was there under its id, or at the end
// where nothing was.
func (c *collection) put(id string, o, was Object) {
	if r := c.byID.get(id); r != nil {
		c.replace(r, o, was)
		return
	}
	r := c.record(id, c.next, o)
	c.next++
	c.byID.set(r)
	c.order = append(c.order, place{r.seq, r})
	c.index(r, o)
	for _, s := range c.sorted {
		s.add(r, o)
	}
}

func (c *collection) replace(old *record, o, was Object) {
	c.unindex(old, was)
	r := c.record(old.id, old.seq, o)
	for _, s := range c.sorted {
		if s.stays(was, o) {
			s.change(old, r, o)
		} else {
			s.drop(old, was)
			s.add(r, o)
		}
	}
	c.byID.set(r)
	c.order[c.at(r.seq)].rec = r
	c.index(r, o)
}

// remove takes away what was there under an id.
func (c *collection) remove(id string, was Object) {
	r := c.byID.get(id)
	c.unindex(r, was)
	for _, s := range c.sorted {
		s.drop(r, was)
	}
	c.byID.remove(id)
	c.order[c.at(r.seq)].rec = nil
	c.dead++
	if c.dead > 32 && c.dead > len(c.order)/2 {
		c.order = slices.DeleteFunc(c.order, func(p place) bool { return p.rec == nil })
		c.dead = 0
	}
}

// page is n objects from the start-th on.
func (c *collection) page(start, n int) []Ref {
	if start >= c.byID.len() || n <= 0 {
		return nil
	}
	out := make([]Ref, 0, min(n, c.byID.len()-start))
	if c.dead == 0 {
		for _, p := range c.order[start:min(start+n, len(c.order))] {
			out = append(out, c.ref(p.rec))
		}
		return out
	}
	for _, p := range c.order {
		if p.rec == nil {
			continue
		}
		if start > 0 {
			start--
			continue
		}
		if len(out) == n {
			break
		}
		out = append(out, c.ref(p.rec))
	}
	return out
}

// after is n objects whose place is behind seq, and the place of the last.
func (c *collection) after(seq uint64, n int) ([]Object, uint64) {
	i := c.at(seq + 1)
	var out []Object
	last := seq
	for ; i < len(c.order) && len(out) < n; i++ {
		if p := c.order[i]; p.rec != nil {
			out = append(out, c.object(p.rec))
			last = p.seq
		}
	}
	return out, last
}

func (c *collection) ids() []string { return c.byID.ids() }
