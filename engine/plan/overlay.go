package plan

import (
	"slices"
	"strings"

	"a0run/engine"
)

// A ref names an object of the overlay: the role of its tenant, the path of
// its collection with the parents' ids in it, its id ("" for a single thing).
type ref struct{ tenant, coll, id string }

// An entry is what the plan knows of one object: that it made it, changed it,
// or took it away.
type entry struct {
	place place
	made  *engine.Object // the whole of it, where the plan made or replaced it
	gone  bool
	// apart says that the tenant's own object of this id, with all that hangs on
	// it, does not count any more: the plan took it away, or there was none.
	apart   bool
	patch   patch
	created string // created_at of a changed object, to find it by
}

// A collection is what the plan knows of one list of objects.
type collection struct {
	made    []*entry          // in the order of their creation, gone ones too
	changed map[string]*entry // by id
	gone    int               // of the tenant's own
	fields  map[string]bool   // that any change touched
	index   map[string][]*entry
	// replaced is the whole list, where the plan has set it as one.
	replaced []any
	isSet    bool
}

type collKey struct{ tenant, coll string }

// A dropKey is a field of the objects of a list.
type dropKey struct{ tenant, path, field string }

// A drop takes objects away together with another one: the grants of a deleted
// client.
type drop struct {
	tenant string
	kinds  []string // paths of collections, nameless
	field  string   // a path of the catalogue's form
	value  string
}

// An overlay is what the plan has changed so far. It is guarded by the
// Planner's mutex.
type overlay struct {
	entries map[ref]*entry
	colls   map[collKey]*collection
	drops   map[dropKey]map[string]bool // values that went
	edges   edges
	touched map[string]bool // nameless first parts of paths with changes, by tenant
}

func newOverlay() *overlay {
	return &overlay{entries: map[ref]*entry{}, colls: map[collKey]*collection{}, edges: newEdges(), touched: map[string]bool{}, drops: map[dropKey]map[string]bool{}}
}

func (o *overlay) entry(p place) *entry { return o.entries[p.ref()] }

func (o *overlay) coll(tenant, coll string) *collection { return o.colls[collKey{tenant, coll}] }

// use gives the collection of a place, made if need be.
func (o *overlay) use(p place) *collection {
	k := collKey{p.tenant, p.coll}
	c := o.colls[k]
	if c == nil {
		c = &collection{changed: map[string]*entry{}, fields: map[string]bool{}, index: map[string][]*entry{}}
		o.colls[k] = c
	}
	o.touched[p.tenant+" "+firstPart(p.kind.path)] = true
	return c
}

// firstPart is "/users" of "/users/{}/roles".
func firstPart(path string) string {
	rest := strings.TrimPrefix(path, "/")
	first, _, _ := strings.Cut(rest, "/")
	return "/" + first
}

// make puts a new object in its place.
func (o *overlay) make(p place, object *engine.Object) {
	c := o.use(p)
	old := o.entries[p.ref()]
	e := &entry{place: p, made: object, apart: true}
	o.entries[p.ref()] = e
	if old != nil && old.made != nil {
		c.made = slices.DeleteFunc(c.made, func(x *entry) bool { return x == old })
	}
	delete(c.changed, p.id)
	c.made = append(c.made, e)
	for _, name := range indexed(p.kind) {
		c.reindex(e, name)
	}
}

// indexed are the fields by which made objects are looked up.
func indexed(k *kind) []string {
	names := []string{"email", "name"}
	if k.create != nil {
		for _, f := range k.create.NaturalKey.Fields {
			if !strings.Contains(f, ".") && !slices.Contains(names, f) {
				names = append(names, f)
			}
		}
	}
	return names
}

func indexKey(name, value string) string { return name + "\x00" + strings.ToLower(value) }

func (c *collection) reindex(e *entry, name string) {
	if value := field(e.made, name); value != "" {
		if k := indexKey(name, value); !slices.Contains(c.index[k], e) {
			c.index[k] = append(c.index[k], e)
		}
	}
}

// change records a patch of an object that stands in the tenant or that the
// plan made. created is the object's created_at.
func (o *overlay) change(p place, by patch, created string) {
	c := o.use(p)
	e := o.entries[p.ref()]
	if e == nil {
		e = &entry{place: p, created: strings.Clone(created)} // not a part of the answer's text
		o.entries[p.ref()] = e
		c.changed[p.id] = e
	}
	for _, f := range by {
		c.fields[f.name] = true
	}
	if e.made == nil {
		e.patch = e.patch.then(by)
		return
	}
	e.made = by.apply(e.made)
	for _, f := range by {
		if slices.Contains(indexed(p.kind), f.name) {
			c.reindex(e, f.name) // the old value's place is checked when it is looked up
		}
	}
}

// remove takes an object away; there says that the tenant has it.
func (o *overlay) remove(p place, there bool) {
	c := o.use(p)
	e := o.entries[p.ref()]
	if e == nil {
		e = &entry{place: p}
		o.entries[p.ref()] = e
	}
	if e.made == nil && !e.gone && there {
		c.gone++
	}
	delete(c.changed, p.id)
	e.made, e.gone, e.apart, e.patch = nil, true, true, nil
}

// alone reports whether the tenant has nothing to say about what lies below an
// object: the plan made it, or took the tenant's own away.
func (o *overlay) alone(p place) bool {
	if IsPlaceholder(p.id) {
		return true
	}
	e := o.entries[p.ref()]
	return e != nil && e.apart
}

// drop says what goes together with another object.
func (o *overlay) drop(d drop) {
	for _, path := range d.kinds {
		k := dropKey{d.tenant, path, d.field}
		if o.drops[k] == nil {
			o.drops[k] = map[string]bool{}
		}
		o.drops[k][d.value] = true
		o.touched[d.tenant+" "+firstPart(path)] = true
	}
}

// dropped reports whether an object went together with another one. path is
// the nameless path of the list in which it stands.
func (o *overlay) dropped(tenant, path string, object *engine.Object) bool {
	for k, gone := range o.drops {
		// Of the identities of a user the first one counts.
		if k.tenant == tenant && k.path == path && gone[textOf(firstOf(values(object, k.field)))] {
			return true
		}
	}
	return false
}

// hasDrops reports whether objects of a list may have gone with others.
func (o *overlay) hasDrops(tenant, path string) bool {
	for k := range o.drops {
		if k.tenant == tenant && k.path == path {
			return true
		}
	}
	return false
}

// A patch is what changes of an object, field by field; small, since a plan of
// a hundred thousand users keeps one of each.
type patch []patchField

type patchField struct {
	name string
	// value is the new one; nil takes the field away, unless merge is set.
	value any
	// merge are the keys that change of an object; nil takes one away.
	merge *engine.Object
}

// apply gives the changed copy of an object.
func (p patch) apply(to *engine.Object) *engine.Object {
	out := shallow(to)
	for _, f := range p {
		switch {
		case f.merge != nil:
			old, _ := out.Get(f.name)
			inner, _ := old.(*engine.Object)
			out.Set(f.name, merged(inner, f.merge))
		case f.value == nil:
			out.Delete(f.name)
		default:
			out.Set(f.name, f.value)
		}
	}
	return out
}

func merged(old, keys *engine.Object) *engine.Object {
	inner := shallow(old)
	for k, v := range keys.All() {
		if v == nil {
			inner.Delete(k)
		} else {
			inner.Set(k, v)
		}
	}
	return inner
}

// then is this patch and then another one.
func (p patch) then(next patch) patch {
	out := slices.Clone(p)
	for _, f := range next {
		i := slices.IndexFunc(out, func(x patchField) bool { return x.name == f.name })
		if i < 0 {
			out = append(out, f)
			continue
		}
		old := out[i]
		switch {
		case f.merge == nil:
			out[i] = f
		case old.merge != nil:
			both := shallow(old.merge)
			for k, v := range f.merge.All() {
				both.Set(k, v)
			}
			out[i].merge = both
		default:
			inner, _ := old.value.(*engine.Object)
			out[i].value = merged(inner, f.merge)
		}
	}
	return out
}

// touches reports whether the patch changes a field.
func (p patch) touches(name string) bool {
	return slices.ContainsFunc(p, func(f patchField) bool { return f.name == name })
}
