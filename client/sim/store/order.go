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
	list  []*record
	odd   int // how many records have no key
}

func (s *sorted) compare(a, b *record) int {
	x, _ := s.order.Key(a.obj)
	y, _ := s.order.Key(b.obj)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.seq, b.seq))
}

// clone is for a copy of the collection, whose records it shares.
func (s *sorted) clone() *sorted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &sorted{order: s.order, made: s.made, list: slices.Clone(s.list), odd: s.odd}
}

func (s *sorted) make(from []place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made {
		return
	}
	s.made, s.odd, s.list = true, 0, make([]*record, 0, len(from))
	for _, p := range from {
		if p.rec == nil {
			continue
		}
		if _, ok := s.order.Key(p.rec.obj); ok {
			s.list = append(s.list, p.rec)
		} else {
			s.odd++
		}
	}
	slices.SortFunc(s.list, s.compare)
}

// add and drop are for writers, who are alone.
func (s *sorted) add(r *record) {
	if !s.made {
		return
	}
	if _, ok := s.order.Key(r.obj); !ok {
		s.odd++
		return
	}
	i, _ := slices.BinarySearchFunc(s.list, r, s.compare)
	s.list = slices.Insert(s.list, i, r)
}

func (s *sorted) drop(r *record) {
	if !s.made {
		return
	}
	if _, ok := s.order.Key(r.obj); !ok {
		s.odd--
		return
	}
	if i, ok := slices.BinarySearchFunc(s.list, r, s.compare); ok {
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// change puts a record in the place of one that is sorted where it is.
func (s *sorted) change(old, by *record) {
	if !s.made {
		return
	}
	if _, ok := s.order.Key(old.obj); !ok {
		return
	}
	if i, ok := slices.BinarySearchFunc(s.list, old, s.compare); ok {
		s.list[i] = by
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
type Sorted struct{ s *sorted }

// Sorted is the collection by one of the orders of its kind; false says that
// there are objects which the order cannot place.
func (tx *Tx) Sorted(k Key, order string) (Sorted, bool) {
	c := tx.coll(k)
	if c == nil {
		return Sorted{&sorted{made: true}}, true
	}
	for _, s := range c.sorted {
		if s.order.Name == order {
			s.make(c.order)
			return Sorted{s}, s.odd == 0
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

func (s Sorted) key(i int) string {
	key, _ := s.s.order.Key(s.s.list[i].obj)
	return key
}

// Page is n objects of the places from lo up to hi, from the start-th on.
func (s Sorted) Page(lo, hi, start, n int) []Object {
	if start < 0 || start >= hi-lo {
		return nil
	}
	return objects(s.s.list[lo+start : min(lo+start+n, hi)])
}

// Backward is a page with the greatest text first; those of one text stay as
// they were created. No text may lie on both sides of lo or hi.
func (s Sorted) Backward(lo, hi, start, n int) []Object {
	var out []*record
	for start < hi-lo && len(out) < n {
		from, to := s.equals(lo, hi, hi-1-start)
		skip := start - (hi - to) // those of this text that came before
		group := s.s.list[from+skip : min(to, from+skip+n-len(out))]
		out = append(out, group...)
		start += len(group)
	}
	return objects(out)
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
func (s Sorted) Created(lo, hi int) []Object {
	list := slices.Clone(s.s.list[lo:hi])
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.seq, b.seq) })
	return objects(list)
}

func objects(list []*record) []Object {
	out := make([]Object, len(list))
	for i, r := range list {
		out[i] = r.obj
	}
	return out
}
