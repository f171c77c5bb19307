package store

import (
	"cmp"
	"slices"
	"sort"
	"sync"
)

// An Order keeps the objects of a kind sorted by a text, beside the order of
// their creation.
type Order struct {
	Kind string
	Name string
	// Of is the member that Key reads.
	Of string
	// Key is the text that an object is sorted by; false says that it has none
	// that its bytes sort. As long as there is such an object, there is no
	// order.
	Key func(Object) (string, bool)
}

// sorted is one order of one collection. Nobody may ever ask for it, so it is
// made when somebody does, which may be one of several readers at once; from
// then on a write moves the one record in it.
type sorted struct {
	order Order
	mu    sync.Mutex
	made  bool
	list  []keyed
	odd   int // how many records have no key
}

// A keyed is a record and the text that it is sorted by.
type keyed struct {
	key string
	rec *record
}

func compareKeyed(a, b keyed) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.rec.seq, b.rec.seq))
}

// clone is for a copy of the collection, whose records it shares.
func (s *sorted) clone() *sorted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &sorted{order: s.order, made: s.made, list: slices.Clone(s.list), odd: s.odd}
}

func (s *sorted) make(c *collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made {
		return
	}
	s.made, s.odd, s.list = true, 0, make([]keyed, 0, len(c.order))
	into, of := Object{}, c.pick(s.order.Of)
	for _, p := range c.order {
		if p.rec == nil {
			continue
		}
		if key, ok := s.order.Key(c.ref(p.rec).Some(into, of)); ok {
			s.list = append(s.list, keyed{key, p.rec})
		} else {
			s.odd++
		}
	}
	slices.SortFunc(s.list, compareKeyed)
}

// add and drop are for writers, who are alone.
func (s *sorted) add(r *record, o Object) {
	if !s.made {
		return
	}
	key, ok := s.order.Key(o)
	if !ok {
		s.odd++
		return
	}
	one := keyed{key, r}
	i, _ := slices.BinarySearchFunc(s.list, one, compareKeyed)
	s.list = slices.Insert(s.list, i, one)
}

func (s *sorted) drop(r *record, was Object) {
	if !s.made {
		return
	}
	key, ok := s.order.Key(was)
	if !ok {
		s.odd--
		return
	}
	if i, ok := slices.BinarySearchFunc(s.list, keyed{key, r}, compareKeyed); ok {
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// change puts a record in the place of one that is sorted where it is.
func (s *sorted) change(old, by *record, o Object) {
	if !s.made {
		return
	}
	key, ok := s.order.Key(o)
	if !ok {
		return
	}
	if i, ok := slices.BinarySearchFunc(s.list, keyed{key, old}, compareKeyed); ok {
		s.list[i] = keyed{key, by} // the old key may be part of what the old one was packed in
	}
}

// stays reports whether an object that takes the place of another is sorted
// where that one was.
func (s *sorted) stays(old, by Object) bool {
	x, okx := s.order.Key(old)
	y, oky := s.order.Key(by)
	return !s.made || x == y && okx == oky
}

// A Sorted is the objects of a collection by the text of an Order, those of
// one text by their creation. It is good as long as its Tx.
type Sorted struct {
	s     *sorted
	names *names
}

// Sorted is the collection by one of the orders of its kind; false says that
// there are objects which the order cannot place.
func (tx *Tx) Sorted(k Key, order string) (Sorted, bool) {
	c := tx.coll(k)
	if c == nil {
		return Sorted{s: &sorted{made: true}}, true
	}
	for _, s := range c.sorted {
		if s.order.Name == order {
			s.make(c)
			return Sorted{s, c.names}, s.odd == 0
		}
	}
	panic("store: no order " + order + " of " + k.Kind)
}

// Len is the number of objects.
func (s Sorted) Len() int { return len(s.s.list) }

// Find is the first place whose text f holds for, where f holds for all texts
// behind it; Len where it holds for none.
func (s Sorted) Find(f func(key string) bool) int {
	return sort.Search(s.Len(), func(i int) bool { return f(s.key(i)) })
}

func (s Sorted) key(i int) string { return s.s.list[i].key }

// Page is n objects of the places from lo up to hi, from the start-th on.
func (s Sorted) Page(lo, hi, start, n int) []Ref {
	if start < 0 || start >= hi-lo {
		return nil
	}
	return s.refs(s.s.list[lo+start : min(lo+start+n, hi)])
}

// Backward is a page with the greatest text first; those of one text stay as
// they were created. No text may lie on both sides of lo or hi.
func (s Sorted) Backward(lo, hi, start, n int) []Ref {
	var out []keyed
	for start < hi-lo && len(out) < n {
		from, to := s.equals(lo, hi, hi-1-start)
		skip := start - (hi - to) // those of this text that came before
		group := s.s.list[from+skip : min(to, from+skip+n-len(out))]
		out = append(out, group...)
		start += len(group)
	}
	return s.refs(out)
}

// equals are the places of the text at i.
func (s Sorted) equals(lo, hi, i int) (from, to int) {
	key := s.key(i)
	from, to = i, i+1
	if from > lo && s.key(from-1) == key {
		from = lo + sort.Search(i-lo, func(j int) bool { return s.key(lo+j) >= key })
	}
	if to < hi && s.key(to) == key {
		to += sort.Search(hi-to, func(j int) bool { return s.key(to+j) > key })
	}
	return from, to
}

// Created is the objects of the places from lo up to hi in the order of their
// creation.
func (s Sorted) Created(lo, hi int) []Ref {
	list := slices.Clone(s.s.list[lo:hi])
	slices.SortFunc(list, func(a, b keyed) int { return cmp.Compare(a.rec.seq, b.rec.seq) })
	return s.refs(list)
}

func (s Sorted) refs(list []keyed) []Ref {
	out := make([]Ref, len(list))
	for i, k := range list {
		out[i] = Ref{k.rec, s.names}
	}
	return out
}
