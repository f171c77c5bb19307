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
	"sync/atomic"
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
	packed  map[string]*names // kinds whose objects lie packed
	names   *names
	watches map[string]func(id string, old Object)
	// changes counts, for a store and all its snapshots, so that no two states
	// of a collection have one version; gen is what this store owns of it.
	changes *atomic.Uint64
	gen     uint64
	floor   uint64 // versions up to it may be of a state that was given up
	disk    *disk  // nil when the state is only in memory
}

// New makes a store; indexes and orders are declared by kind and hold for every
// scope of it.
func New(indexes map[string][]Index, orders ...Order) *Store {
	s := &Store{changes: &atomic.Uint64{}, packed: map[string]*names{}, names: newNames(), colls: map[Key]*collection{}, indexes: maps.Clone(indexes), orders: map[string][]Order{}}
	for _, o := range orders {
		s.orders[o.Kind] = append(s.orders[o.Kind], o)
	}
	return s
}

// Pack has the objects of a kind lie packed: of that kind there may be many, and
// each read of one costs some microseconds instead. It is called before the store
// is used.
func (s *Store) Pack(kind string) { s.packed[kind] = s.names }

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

// Snapshot is an independent copy of the whole state. It shares with it what
// neither changes, so that it is made at once.
func (s *Store) Snapshot() *Store {
	return &Store{colls: s.share(), gen: s.changes.Add(1), changes: s.changes, indexes: s.indexes, orders: s.orders, packed: s.packed, names: s.names}
}

// share is the collections of a store, which it does not own from then on.
func (s *Store) share() map[Key]*collection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen = s.changes.Add(1)
	return maps.Clone(s.colls)
}

// Restore makes the state that of a snapshot, which stays independent.
func (s *Store) Restore(from *Store) {
	colls := from.share()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.colls
	s.colls, s.gen = colls, s.changes.Add(1)
	s.floor = s.gen
	for _, f := range s.watches {
		f("", nil)
	}
	if s.disk != nil {
		s.disk.write(s, s.everything(before))
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
