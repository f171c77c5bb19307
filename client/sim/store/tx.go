package store

// A Tx reads, and inside Update writes, a store.
type Tx struct {
	s        *Store
	writable bool
	touched  []touched // what is to be kept, where the store is
}

func (tx *Tx) touch(k Key, id *string) {
	if tx.s.disk != nil {
		tx.touched = append(tx.touched, touched{k, id})
	}
}

func (tx *Tx) coll(k Key) *collection { return tx.s.colls[k] }

// own is a collection that this store may write to, nil where there is none.
func (tx *Tx) own(k Key) *collection {
	if !tx.writable {
		panic("store: write inside View")
	}
	c := tx.s.colls[k]
	if c != nil && c.owner != tx.s.gen {
		c = c.clone(tx.s.gen)
		tx.s.colls[k] = c
	}
	return c
}

func (tx *Tx) make(k Key) *collection {
	c := tx.own(k)
	if c == nil {
		c = newCollection(tx.s.gen, tx.s.indexes[k.Kind], tx.s.orders[k.Kind], tx.s.packed[k.Kind])
		tx.s.colls[k] = c
		tx.changed(c)
		c.forget()
	}
	tx.changed(c)
	return c
}

func (tx *Tx) changed(c *collection) { c.version = tx.s.changes.Add(1) }

// Version is a number that no other state of the collection ever has, 0 when
// nothing was ever put into it. A restored state has the number that it had.
func (tx *Tx) Version(k Key) uint64 {
	if c := tx.coll(k); c != nil {
		return c.version
	}
	return 0
}

// Since are the changes of a collection after a version of it, oldest first;
// false says that they are not known: there were too many, or the kind has no
// orders. They are good as long as the Tx.
func (tx *Tx) Since(k Key, version uint64) ([]Change, bool) {
	c := tx.coll(k)
	if c == nil || version <= tx.s.floor && version != c.version {
		return nil, false
	}
	return c.since(version)
}

// Get is the object of that id, or nil.
func (tx *Tx) Get(k Key, id string) Object {
	c := tx.coll(k)
	if c == nil {
		return nil
	}
	if r := c.byID.get(id); r != nil {
		return c.object(r)
	}
	return nil
}

// Has reports whether there is an object of that id.
func (tx *Tx) Has(k Key, id string) bool {
	c := tx.coll(k)
	return c != nil && c.byID.get(id) != nil
}

// Put adds an object at the end, or puts it in the place of the one that has
// the id. The object belongs to the store from then on.
func (tx *Tx) Put(k Key, id string, o Object) {
	c, old := tx.make(k), tx.Get(k, id)
	c.put(id, o, old)
	c.note(id, old, o)
	tx.s.tell(k.Kind, id, old)
	tx.touch(k, &id)
}

// Delete removes an object and reports whether it was there.
func (tx *Tx) Delete(k Key, id string) bool {
	if !tx.writable {
		panic("store: write inside View")
	}
	old := tx.Get(k, id)
	if old == nil {
		return false // what is only looked for is not copied
	}
	c := tx.own(k)
	c.remove(id, old)
	tx.changed(c)
	c.note(id, old, nil)
	tx.s.tell(k.Kind, id, old)
	tx.touch(k, &id)
	return true
}

// Clear removes a whole collection and says how many objects it had.
func (tx *Tx) Clear(k Key) int {
	if !tx.writable {
		panic("store: write inside View")
	}
	n := tx.Len(k)
	if c := tx.own(k); c != nil {
		tx.changed(c)
		for _, id := range c.ids() {
			c.remove(id, tx.Get(k, id))
		}
		c.forget()
		tx.s.tell(k.Kind, "", nil)
		tx.touch(k, nil)
	}
	return n
}

// Len is the number of objects.
func (tx *Tx) Len(k Key) int {
	if c := tx.coll(k); c != nil {
		return c.byID.len()
	}
	return 0
}

// All are the objects in the order of their creation.
func (tx *Tx) All(k Key) []Object { return tx.Page(k, 0, tx.Len(k)) }

// Refs are all of them without being unpacked: who looks at a hundred thousand
// unpacks one after the other.
func (tx *Tx) Refs(k Key) []Ref {
	if c := tx.coll(k); c != nil {
		return c.page(0, c.byID.len())
	}
	return nil
}

// Pick is members of objects to be looked at; it is good for the Refs of this Tx.
func (tx *Tx) Pick(members ...string) Pick { return tx.s.names.pick(members) }

// Packed is how many objects of a collection lie packed.
func (tx *Tx) Packed(k Key) int {
	n := 0
	for _, r := range tx.Refs(k) {
		if r.rec.packed != "" {
			n++
		}
	}
	return n
}

// Page is n objects from the start-th on.
func (tx *Tx) Page(k Key, start, n int) []Object {
	if c := tx.coll(k); c != nil {
		return Objects(c.page(start, n))
	}
	return nil
}

// After is n objects behind a place in the order of creation (0: from the
// first), and the place of the last one, to go on from. Places stay when
// objects are deleted.
func (tx *Tx) After(k Key, place uint64, n int) ([]Object, uint64) {
	if c := tx.coll(k); c != nil {
		return c.after(place, n)
	}
	return nil, place
}

// Place is an object's place in the order of creation, 0 when it is not there.
func (tx *Tx) Place(k Key, id string) uint64 {
	if c := tx.coll(k); c != nil {
		if r := c.byID.get(id); r != nil {
			return r.seq
		}
	}
	return 0
}

// Lookup are the objects that an index finds under a key, oldest first as long
// as nobody changed them.
func (tx *Tx) Lookup(k Key, index, key string) []Object {
	c := tx.coll(k)
	if c == nil {
		return nil
	}
	for i, ix := range c.indexes {
		if ix.Name != index {
			continue
		}
		found := c.found[i][key]
		out := make([]Object, len(found))
		for j, r := range found {
			out[j] = c.object(r)
		}
		return out
	}
	panic("store: no index " + index + " of " + k.Kind)
}

// Link relates two objects in both directions: (kind, from) then holds to, and
// (kind+"~", to) holds from. Linking twice changes the value.
func (tx *Tx) Link(kind, from, to string, value Object) {
	if value == nil {
		value = Object{}
	}
	forth := Clone(value)
	forth["$id"] = to
	back := Clone(value)
	back["$id"] = from
	tx.Put(Key{kind, from}, to, forth)
	tx.Put(Key{kind + "~", to}, from, back)
}

// Unlink takes a relation away and reports whether it was there.
func (tx *Tx) Unlink(kind, from, to string) bool {
	tx.Delete(Key{kind + "~", to}, from)
	return tx.Delete(Key{kind, from}, to)
}

// Linked reports whether two objects are related.
func (tx *Tx) Linked(kind, from, to string) bool { return tx.Has(Key{kind, from}, to) }

// UnlinkAll takes every relation of an object away, in both directions.
func (tx *Tx) UnlinkAll(kind, id string) {
	for _, o := range tx.All(Key{kind, id}) {
		tx.Delete(Key{kind + "~", ID(o)}, id)
	}
	tx.Clear(Key{kind, id})
	for _, o := range tx.All(Key{kind + "~", id}) {
		tx.Delete(Key{kind, ID(o)}, id)
	}
	tx.Clear(Key{kind + "~", id})
}

// Links are the collection of what an object is related to.
func Links(kind, from string) Key { return Key{kind, from} }

// LinkedBy are the collection of what is related to an object.
func LinkedBy(kind, to string) Key { return Key{kind + "~", to} }

// ID is the id of the other side of a relation's object.
func ID(o Object) string {
	id, _ := o["$id"].(string)
	return id
}
