package plan

import (
	"net/url"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// A kind is what the catalogue says of a path: a collection with the
// operations on it and on its items, or a single thing (a setting).
type kind struct {
	path   string // nameless: "/users/{}/roles"
	name   string // the catalogue's kind
	field  string // the field of an object that holds its id
	single bool
	get    *catalog.Operation // reads an item, or the single thing
	list   *catalog.Operation
	create *catalog.Operation
	inner  bool // its items stand at a path below the collection's
	// written says that an operation changes it; what nothing changes is computed
	// by the tenant (effective roles).
	written bool
}

// A place is where a call's object stands.
type place struct {
	tenant string
	kind   *kind
	coll   string   // the collection's path with the parents' ids, escaped
	values []string // the ids in the path: parents', then the object's own
	id     string   // "" for a collection, a create, and a single thing
	item   bool     // the path names an item, or a single thing
}

// An atlas finds places; it is made once of the catalogue and then only read.
type atlas struct {
	table *catalog.Table
	kinds map[string]*kind
}

func newAtlas(table *catalog.Table) *atlas {
	a := &atlas{table: table, kinds: map[string]*kind{}}
	for _, op := range table.All() {
		if op.API == catalog.Management {
			a.add(op)
		}
	}
	for _, op := range table.All() {
		path := nameless(op.Path)
		coll, item := strings.CutSuffix(path, "/{}")
		if k := a.kinds[coll]; k != nil && op.API == catalog.Management {
			k.written = k.written || op.Effect.Mutates()
			if item {
				k.known(op) // where nothing is read or created
			}
		}
	}
	for _, k := range a.kinds {
		k.single = !k.inner && k.list == nil && (k.create == nil || k.get != nil)
	}
	return a
}

// add takes what one operation says of its path.
func (a *atlas) add(op *catalog.Operation) {
	path := nameless(op.Path)
	reads := op.Effect == catalog.Read && op.Verb == "GET"
	if coll, item := strings.CutSuffix(path, "/{}"); item {
		k := a.kind(coll)
		k.inner = true
		if reads && !op.IsListing() {
			k.get = op
			k.known(op)
		}
		return
	}
	k := a.kind(path)
	switch {
	case op.Effect == catalog.Create:
		k.create = op
		k.known(op)
	case reads && op.IsListing():
		k.list = op
		k.known(op)
	case reads && op.Answer == catalog.JSONAnswer:
		k.get = op
	}
}

func (a *atlas) kind(path string) *kind {
	k := a.kinds[path]
	if k == nil {
		k = &kind{path: path}
		a.kinds[path] = k
	}
	return k
}

// known takes the names from an operation.
func (k *kind) known(op *catalog.Operation) {
	if k.name == "" {
		k.name = op.Subject.Kind
	}
	if k.field == "" {
		k.field = op.Subject.Field
	}
}

// nameless is a path without the names of its parameters. Two paths lead to
// the connections of an organization.
func nameless(path string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(path, '{')
		if i < 0 {
			b.WriteString(path)
			break
		}
		b.WriteString(path[:i] + "{}")
		path = path[i+strings.IndexByte(path[i:], '}')+1:]
	}
	return strings.Replace(b.String(), "/organizations/{}/enabled_connections", "/organizations/{}/connections", 1)
}

// pathArgs are the arguments of the path's parameters, in its order.
func pathArgs(op *catalog.Operation) []*catalog.Arg {
	var out []*catalog.Arg
	for path := op.Path; ; {
		_, rest, ok := strings.Cut(path, "{")
		if !ok {
			return out
		}
		var wire string
		wire, path, _ = strings.Cut(rest, "}")
		for i := range op.Args {
			if a := &op.Args[i]; a.In == catalog.InPath && a.WireName() == wire {
				out = append(out, a)
			}
		}
	}
}

// of is the place that a call is about. A path that goes on behind the object
// it names (…/{id}/status) is about that object where the catalogue says so.
func (a *atlas) of(tenant string, op *catalog.Operation, args *engine.Object) place {
	path := nameless(op.Path)
	var ids []string
	for _, arg := range pathArgs(op) {
		v, _ := args.Get(arg.Name)
		ids = append(ids, textOf(v))
	}
	if !strings.HasSuffix(path, "/{}") && op.Subject.ID != "" {
		if upTo := strings.LastIndex(path, "/{}"); upTo >= 0 {
			if k := a.kinds[path[:upTo]]; k != nil && k.name == op.Subject.Kind && a.kinds[path].single && a.kinds[path].get == nil {
				path = path[:upTo+len("/{}")]
			}
		}
	}
	coll, item := strings.CutSuffix(path, "/{}")
	k := a.kinds[coll]
	if k == nil {
		k = &kind{path: coll, name: op.Subject.Kind, field: op.Subject.Field, single: !item}
	}
	p := place{tenant: tenant, kind: k, values: ids, item: item || k.single}
	if item && len(ids) > 0 {
		p.id = ids[len(ids)-1]
	}
	p.coll = instance(coll, ids)
	return p
}

// instance fills ids into a nameless path.
func instance(path string, ids []string) string {
	var b strings.Builder
	for _, id := range ids {
		i := strings.Index(path, "{}")
		if i < 0 {
			break
		}
		b.WriteString(path[:i] + url.PathEscape(id))
		path = path[i+len("{}"):]
	}
	b.WriteString(path)
	return b.String()
}

// parents are the ids above the object.
func (p place) parents() []string {
	return p.values[:min(len(p.values), strings.Count(p.kind.path, "{}"))]
}

// ref is the object's name in the overlay.
func (p place) ref() ref { return ref{p.tenant, p.coll, p.id} }

// child is an item of the place's collection.
func (p place) child(id string) place {
	c := p
	c.id, c.item = id, true
	c.values = append(slices.Clone(p.parents()), id)
	return c
}

// above is the object whose part this is: the user of its roles; false where
// there is none that could be read.
func (a *atlas) above(p place) (place, bool) {
	path := p.kind.path
	i := strings.LastIndex(path, "/{}")
	if i < 0 {
		return place{}, false
	}
	k := a.kinds[path[:i]]
	n := strings.Count(path[:i], "{}") + 1
	if k == nil || k.get == nil || len(p.values) < n {
		return place{}, false
	}
	up := place{tenant: p.tenant, kind: k, values: p.values[:n], id: p.values[n-1], item: true}
	up.coll = instance(k.path, up.values)
	return up, true
}

// top is the place of an object of a collection without parents.
func (a *atlas) top(tenant, path, id string) place {
	k := a.kinds[path]
	if k == nil {
		k = &kind{path: path, field: "id"}
	}
	return place{tenant: tenant, kind: k, coll: path, values: []string{id}, id: id, item: true}
}

// home is where an object that a call makes elsewhere can be read: a job, which
// several operations start; false where it is made at home.
func (a *atlas) home(at place, name, id string) (place, bool) {
	path := map[string]string{"jobs": "/jobs", "clients": "/clients"}[name]
	if path == "" || path == at.kind.path || id == "" {
		return place{}, false
	}
	return a.top(at.tenant, path, id), true
}

// getArgs are the arguments of the read of a place.
func (p place) getArgs(op *catalog.Operation) *engine.Object {
	args := engine.NewObject(len(p.values))
	for i, a := range pathArgs(op) {
		if i < len(p.values) {
			args.Set(a.Name, p.values[i])
		}
	}
	return args
}

// bodyOf is the body of a call: an object or a list, as it is or made of its
// fields; nil where there is none.
func bodyOf(op *catalog.Operation, args *engine.Object) any {
	if body, ok := args.Get("body"); ok {
		return plain(body)
	}
	out := engine.NewObject(args.Len())
	for i := range op.Args {
		a := &op.Args[i]
		v, ok := args.Get(a.Name)
		if !ok {
			continue
		}
		switch a.In {
		case catalog.InField:
			out.Set(a.WireName(), plain(v))
		case catalog.InBody:
			return plain(v)
		default:
		}
	}
	if out.Len() == 0 {
		return nil
	}
	return out
}
