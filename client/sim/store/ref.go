package store

// A Ref is an object that the store holds, not yet looked at. It stays what it
// was when the store's is another.
type Ref struct {
	rec   *record
	names *names
}

// RefTo is a Ref to an object that no store holds.
func RefTo(o Object) Ref { return Ref{rec: &record{obj: o}} }

// ID is the id under which it was put.
func (r Ref) ID() string { return r.rec.id }

// Object is the object itself; nil for a Ref to nothing.
func (r Ref) Object() Object {
	if r.rec == nil || r.rec.packed == "" {
		if r.rec == nil {
			return nil
		}
		return r.rec.obj
	}
	in := reader{in: r.rec.packed, names: *r.names.list.Load()}
	return in.whole()
}

// Some is the object as far as it has the members that are picked: of a packed one
// only they are unpacked, into a map that is good until it is used again. It may
// have more.
func (r Ref) Some(into Object, p Pick) Object {
	if r.rec.packed == "" {
		return r.rec.obj
	}
	clear(into)
	in := reader{in: r.rec.packed, names: *r.names.list.Load()}
	in.some(into, p)
	return into
}

// Objects are what Refs lead to.
func Objects(refs []Ref) []Object {
	if refs == nil {
		return nil
	}
	out := make([]Object, len(refs))
	for i, r := range refs {
		out[i] = r.Object()
	}
	return out
}
