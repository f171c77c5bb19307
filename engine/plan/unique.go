package plan

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// A roll is who bears which natural key in the tenant, as one search gave it.
type roll struct {
	ids map[string][]string // by natural key
}

// uniqueKey is the natural key by which a tenant refuses a second object; false
// where it does not, or where what was sent has none.
func uniqueKey(create *catalog.Operation, o *engine.Object) (string, bool) {
	if create == nil || !create.NaturalKey.Unique || len(create.NaturalKey.Fields) == 0 {
		return "", false
	}
	return keyAt(o, create.NaturalKey.Fields)
}

// keyAt is the natural key of an object at its fields.
func keyAt(o *engine.Object, fields []string) (string, bool) {
	parts := make([]string, len(fields))
	some := false
	for i, f := range fields {
		found := values(o, f)
		if len(found) == 0 || isNull(found[0]) {
			continue
		}
		some = true
		if s := textOf(found[0]); s != "" {
			parts[i] = strings.ToLower(s)
		} else {
			parts[i] = string(canonical(found[0]))
		}
	}
	return strings.Join(parts, unitSeparator), some
}

// keysOf are the natural keys that a tenant's object answers to: a user has an
// identity in several connections.
func keysOf(create *catalog.Operation, o *engine.Object) []string {
	key := create.NaturalKey
	out := []string{""}
	for i, f := range key.Fields {
		path := f
		if i < len(key.Paths) && key.Paths[i] != "" {
			path = key.Paths[i]
		}
		found := values(o, path)
		if len(found) == 0 {
			found = []any{nil}
		}
		var next []string
		for _, v := range found {
			part := ""
			if !isNull(v) {
				if part = strings.ToLower(textOf(v)); part == "" {
					part = string(canonical(v))
				}
			}
			for _, head := range out {
				if i > 0 {
					head += unitSeparator
				}
				next = append(next, head+part)
			}
		}
		out = next
	}
	return out
}

// bearers are the ids of the tenant's objects that bear the natural key which a
// create would take.
func (x *call) bearers(create *catalog.Operation, p place, body *engine.Object) ([]string, *engine.Error) {
	key, ok := uniqueKey(create, body)
	find, known := x.p.o.Catalogue.Lookup(create.NaturalKey.Find)
	within := p
	within.values, within.id, within.item = p.parents(), "", false
	if !ok || !known || x.p.alone(within) || IsPlaceholder(key) {
		return nil, nil
	}
	args := x.findArgs(create, find, p, body)
	name := x.Tenant + " " + find.ID + " " + string(canonical(args))
	x.p.mu.Lock()
	r := x.p.names[name]
	x.p.mu.Unlock()
	if r == nil {
		r = &roll{ids: map[string][]string{}}
		if err := x.fill(r, create, find, args); err != nil {
			return nil, err
		}
		x.p.mu.Lock()
		x.p.names[name] = r
		x.p.mu.Unlock()
	}
	return x.stillThere(within, r.ids[key])
}

// stillThere leaves out those who went together with another object.
func (x *call) stillThere(in place, ids []string) ([]string, *engine.Error) {
	x.p.mu.Lock()
	drops := x.p.over.hasDrops(x.Tenant, in.kind.path)
	x.p.mu.Unlock()
	if !drops {
		return ids, nil
	}
	var kept []string
	for _, id := range ids {
		switch err := x.missing(in.child(id)); {
		case err == nil:
			kept = append(kept, id)
		case err.StatusCode != http.StatusNotFound:
			return nil, err
		}
	}
	return kept, nil
}

// fill asks the tenant.
func (x *call) fill(r *roll, create, find *catalog.Operation, args *engine.Object) *engine.Error {
	note := func(o *engine.Object) {
		id := field(o, create.Subject.Field)
		for _, key := range keysOf(create, o) {
			if !slices.Contains(r.ids[key], id) {
				r.ids[key] = append(r.ids[key], id)
			}
		}
	}
	var err *engine.Error
	if find.IsListing() {
		err = x.walk(find, args, func(o *engine.Object, _ json.RawMessage) bool {
			note(o)
			return true
		})
	} else {
		out := x.ask(find, args)
		err = out.Err
		if raw, ok := out.Value.(json.RawMessage); ok && err == nil {
			if o := object(raw); o != nil {
				note(o)
			}
		}
	}
	switch {
	case err == nil, err.StatusCode == http.StatusNotFound:
		return nil
	case err.StatusCode == http.StatusForbidden:
		x.cannotKnow("whether the name is taken: the application may not read " + find.ID)
		return nil
	}
	return err
}

// findArgs are the arguments of the search (see catalog.NaturalKey.Find).
func (x *call) findArgs(create, find *catalog.Operation, p place, body *engine.Object) *engine.Object {
	args := engine.NewObject(2)
	for i, a := range pathArgs(find) {
		if parents := p.parents(); i < len(parents) {
			args.Set(a.Name, parents[i])
		}
	}
	for _, a := range find.Args {
		if slices.Contains(create.NaturalKey.Fields, a.Name) {
			if v, ok := body.Get(a.Name); ok {
				args.Set(a.Name, v)
			}
		}
	}
	for _, a := range find.Args {
		if _, set := args.Get(a.Name); !set && a.Required {
			if v, ok := body.Get(create.NaturalKey.Fields[0]); ok {
				args.Set(a.Name, v)
			}
		}
	}
	if path := pathArgs(find); len(path) > len(p.parents()) && len(create.NaturalKey.Fields) > 0 {
		if v, ok := body.Get(create.NaturalKey.Fields[0]); ok {
			args.Set(path[len(path)-1].Name, v)
		}
	}
	return args
}

// isTaken reports whether another object of the collection bears the natural
// key: one of the tenant's that the plan has left so, or one that the plan
// made or changed. The Planner's mutex is held.
func (p *Planner) isTaken(create *catalog.Operation, at place, body *engine.Object, bearers []string) bool {
	key, ok := uniqueKey(create, body)
	if !ok {
		return false
	}
	bears := func(o *engine.Object) bool { return slices.Contains(keysOf(create, o), key) }
	for _, id := range bearers {
		if id == at.id && id != "" {
			continue
		}
		e := p.over.entries[ref{at.tenant, at.coll, id}]
		switch {
		case e == nil:
			return true
		case e.gone, e.made != nil:
		case !p.keyChanged(create, e):
			return true
		}
	}
	c := p.over.coll(at.tenant, at.coll)
	if c == nil {
		return false
	}
	for _, f := range create.NaturalKey.Fields {
		value := field(body, f)
		if list, ok := c.index[indexKey(f, value)]; ok || value != "" && slices.Contains(indexed(at.kind), f) && f != "connection" {
			for _, e := range list {
				if e.made != nil && e.place.id != at.id && bears(e.made) {
					return true
				}
			}
			return p.renamed(create, c, at, key)
		}
	}
	return slices.ContainsFunc(c.made, func(e *entry) bool { return e.made != nil && e.place.id != at.id && bears(e.made) })
}

// keyChanged reports whether a patch has given an object another natural key.
func (p *Planner) keyChanged(create *catalog.Operation, e *entry) bool {
	return slices.ContainsFunc(create.NaturalKey.Fields, e.patch.touches)
}

// renamed reports whether a patch has given an object of the tenant this key.
func (p *Planner) renamed(create *catalog.Operation, c *collection, at place, key string) bool {
	if !slices.ContainsFunc(create.NaturalKey.Fields, func(f string) bool { return c.fields[f] }) {
		return false
	}
	for id, e := range c.changed {
		if id == at.id || !p.keyChanged(create, e) {
			continue
		}
		last := create.NaturalKey.Fields[len(create.NaturalKey.Fields)-1]
		for _, f := range e.patch {
			if f.name == last && strings.HasSuffix(key, strings.ToLower(textOf(f.value))) && textOf(f.value) != "" {
				return true
			}
		}
	}
	return false
}
