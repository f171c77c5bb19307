package schema

// A Place is a place in a body, for those who must know what it wants before
// they can write a value: an empty Lua table is a list or an object.
type Place struct{ id shapeID }

// Place is the body itself; what stands in a body of which nothing is known may
// be anything.
func (b Body) Place() Place { return Place{b.root} }

// IsAny reports whether nothing is known of the place and what is below it.
func (p Place) IsAny() bool { return p.id == sAny }

// WantsList reports whether the place takes a list and no object.
func (p Place) WantsList() bool { return shapes[p.id].kinds&(isArray|isObject) == isArray }

// Field is the place of a field of an object that stands here.
func (p Place) Field(o Object, name string) Place {
	s := &shapes[p.id]
	for s.by != "" {
		v, _ := o.Get(s.by)
		text, _ := v.(string)
		id, ok := find(s.variants, text)
		if !ok {
			return Place{sAny}
		}
		s = &shapes[id]
	}
	id, _ := s.field(name)
	return Place{id}
}

// Item is the place of the items of a list that stands here.
func (p Place) Item() Place { return Place{shapes[p.id].items} }
