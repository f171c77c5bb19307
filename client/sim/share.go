package sim

// A sharer holds equal values once while a seed is planted. A stored object is
// never changed, so users may share their metadata, the names of their fields
// and whatever else many have in common: of 100,000 users that is a third of
// the memory. What differs from user to user is soon no longer looked for.
type sharer struct {
	names  map[string]string
	fields map[string]*shared
}

// A shared is the values of one field that came so far; nil values: there were
// too many.
type shared struct {
	values map[string]any
	hits   int
}

// variety is how many values of a field are kept before it is given up, unless
// most were seen before.
const variety = 500

func newSharer() *sharer {
	return &sharer{names: map[string]string{}, fields: map[string]*shared{}}
}

func (s *sharer) name(n string) string {
	if one, ok := s.names[n]; ok {
		return one
	}
	if len(s.names) < variety {
		s.names[n] = n
	}
	return n
}

// object is an equal object whose parts are shared.
func (s *sharer) object(at string, o object) object {
	out := make(object, len(o))
	for k, v := range o {
		k = s.name(k)
		out[k] = s.value(at+"."+k, v)
	}
	return out
}

func (s *sharer) value(at string, v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		if len(v) > 200 {
			return v
		}
		return s.one(at, func() string { return v }, func() any { return v })
	case object:
		return s.one(at, func() string { return string(encode(v)) }, func() any { return s.object(at, v) })
	case []any:
		return s.one(at, func() string { return string(encode(v)) }, func() any {
			out := make([]any, len(v))
			for i, e := range v {
				out[i] = s.value(at+"[]", e)
			}
			return out
		})
	}
	return v
}

// one is the value of a field that came before under a key, else the one that is
// made, remembered as long as the field is worth it.
func (s *sharer) one(at string, key func() string, made func() any) any {
	f := s.fields[at]
	if f == nil && len(s.fields) < variety {
		f = &shared{values: map[string]any{}}
		s.fields[at] = f
	}
	if f == nil || f.values == nil {
		return made()
	}
	k := key()
	if v, ok := f.values[k]; ok {
		f.hits++
		return v
	}
	v := made()
	switch {
	case len(f.values) < variety:
		f.values[k] = v
	case f.hits < 4*variety:
		f.values = nil
	}
	return v
}
