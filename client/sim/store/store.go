// Package store is the state of a local tenant: ordered collections of
// objects, keyed by resource kind and the scope (parent ids) they stand in.
//
// An object that is in the store is never changed: a write puts another one in
// its place. So what a read hands out may be encoded, compared and kept after
// the lock is gone, and a snapshot copies indexes, not objects.
package store

import (
	"maps"
	"sync"
)

// An Object is one stored thing, as JSON decodes it. Whoever got it from the
// store must not change it; Clone first.
type Object = map[string]any

// A Key names a collection: a kind ("users", "/clients/{}/credentials") and
// the ids of its parents, joined, or "".
type Key struct{ Kind, Scope string }

// An Index finds objects by something other than their id.
type Index struct {
	Name string
	// Unique refuses nothing by itself: it says that Lookup finds at most one,
	// and whoever writes asks first (the text of a refusal differs by kind).
	Unique bool
	// Keys are the values under which an object is found.
	Keys func(Object) []string
}

// A Store holds all collections behind one lock. One lock and not one a
// collection, because deleting a user touches its roles, permissions,
// organizations and sessions at once.
type Store struct {
	mu      sync.RWMutex
	colls   map[Key]*collection
	indexes map[string][]Index
	orders  map[string][]Order
	watches map[string]func(id string, old Object)
	changes uint64
	disk    *disk // nil when the state is only in memory
}

// New makes a store; indexes and orders are declared by kind and hold for every
// scope of it.
func New(indexes map[string][]Index, orders ...Order) *Store {
	s := &Store{colls: map[Key]*collection{}, indexes: maps.Clone(indexes), orders: map[string][]Order{}}
	for _, o := range orders {
		s.orders[o.Kind] = append(s.orders[o.Kind], o)
	}
	return s
}

// Watch has f told of each write to a kind, before the lock is free: what the
// object was (nil: it was not there); id "" says that all is another. It is
// called before the store is used.
func (s *Store) Watch(kind string, f func(id string, old Object)) {
	if s.watches == nil {
		s.watches = map[string]func(string, Object){}
	}
	s.watches[kind] = f
}

func (s *Store) tell(kind, id string, old Object) {
	if f := s.watches[kind]; f != nil {
		f(id, old)
	}
}

// View runs f with a Tx that reads. Views run beside each other; f must not
// wait for anything.
func (s *Store) View(f func(*Tx)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(&Tx{s: s})
}

// Update runs f alone, with a Tx that reads and writes. There is no rollback:
// f checks before it writes.
func (s *Store) Update(f func(*Tx)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &Tx{s: s, writable: true}
	f(tx)
	if s.disk != nil {
		s.disk.write(s, tx.touched)
	}
}

// Snapshot is an independent copy of the whole state.
func (s *Store) Snapshot() *Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := &Store{colls: make(map[Key]*collection, len(s.colls)), indexes: s.indexes, orders: s.orders}
	for k, coll := range s.colls {
		c.colls[k] = coll.clone()
	}
	return c
}

// Restore makes the state that of a snapshot, which stays independent.
func (s *Store) Restore(from *Store) {
	c := from.Snapshot()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.colls
	s.colls = c.colls
	s.changes++
	if s.disk != nil {
		s.disk.write(s, s.everything(before))
	}
	for _, f := range s.watches {
		f("", nil)
	}
	for _, coll := range s.colls {
		coll.version = s.changes
		coll.forget()
	}
}

// Clone copies an object one level deep: enough to replace its fields without
// touching the stored one.
func Clone(o Object) Object {
	if o == nil {
		return Object{}
	}
	return maps.Clone(o)
}
