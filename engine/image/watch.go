package image

import (
	"context"
	"encoding/json"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// Watch is the stage that sees what the run reads and writes; it stands below
// all that answer calls by themselves.
func (r *Reader) Watch(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		switch {
		case c.Operation == nil:
			return next.Do(ctx, c)
		case c.Mutates():
			return r.watchWrite(ctx, c, next)
		}
		at, whole := wholeRead(c.Operation, c.Args)
		if !whole {
			return next.Do(ctx, c)
		}
		began, now := r.seen.begin(), r.now()
		out := next.Do(ctx, c)
		if raw, ok := out.Value.(json.RawMessage); ok && out.Err == nil {
			op := c.Operation
			r.seen.read(page{
				tenant: c.Tenant, collection: at, field: op.Subject.Field, items: op.Paging.Items,
				search: op.Paging.Sliced, began: began, at: now, raw: raw,
			})
		}
		return out
	})
}

// watchWrite marks what a write touches from before it is sent until it is
// answered, and remembers the answer where that is the whole object.
func (r *Reader) watchWrite(ctx context.Context, c *engine.Call, next engine.Doer) engine.Outcome {
	op := c.Operation
	keys := r.touched(op, c.Args)
	r.seen.writing(keys)
	var behind uint64
	out := func() engine.Outcome {
		defer func() { behind = r.seen.written(keys, r.now()) }()
		return next.Do(ctx, c)
	}()
	raw, ok := out.Value.(json.RawMessage)
	if at, whole := wholeAnswer(op); ok && whole && out.Err == nil {
		answer := page{tenant: c.Tenant, collection: at, field: op.Subject.Field, began: behind, at: r.now(), raw: raw}
		if op.Effect != catalog.Create && len(keys) > 0 && keys[0].path == at {
			answer.id = keys[0].id // it need not be looked for in the answer
		}
		r.seen.read(answer)
	}
	return out
}

// place is where the objects of a collection stand.
type place struct {
	collection string // "/users"
	arg        string // the argument that holds the id
}

// itemOf is the place of the object that an operation names by its id, where
// nothing stands above it: "/users/{id}", but not "/users/{id}/roles".
func itemOf(op *catalog.Operation) (place, bool) { return itemAt(op, op.Path) }

// itemAt is itemOf for a beginning of the operation's path.
func itemAt(op *catalog.Operation, path string) (place, bool) {
	collection, last, ok := cutLast(path)
	if !ok || strings.Contains(collection, "{") || op.API != catalog.Management {
		return place{}, false
	}
	wire, isArg := strings.CutPrefix(last, "{")
	wire = strings.TrimSuffix(wire, "}")
	if !isArg {
		return place{}, false
	}
	for i := range op.Args {
		if a := &op.Args[i]; a.In == catalog.InPath && a.WireName() == wire {
			return place{collection, a.Name}, true
		}
	}
	return place{}, false
}

func cutLast(path string) (before, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return path, "", false
	}
	return path[:i], path[i+1:], true
}

// wholeRead reports whether a read gives whole objects, and of which
// collection: a get by id, or a listing of objects that stand in it as a get
// gives them, without a choice of fields.
func wholeRead(op *catalog.Operation, args *engine.Object) (string, bool) {
	if _, chosen := args.Get("fields"); chosen || op.Subject.Field == "" || op.API != catalog.Management {
		return "", false
	}
	if at, ok := itemOf(op); ok {
		return at.collection, op.Answer == catalog.JSONAnswer && !op.IsListing()
	}
	return op.Path, op.IsListing() && listedWhole(op.Path)
}

// listedWhole names the collections whose listings hold what a get gives.
// Others leave fields out (the nodes of forms, the actions of flows), so that a
// before-image of them would lack what has to be put back.
func listedWhole(collection string) bool {
	switch collection {
	case "/users", "/clients", "/connections", "/roles", "/organizations", "/resource-servers", "/client-grants", "/rules", "/log-streams":
		return true
	}
	return false
}

// wholeAnswer reports whether a write is answered by the whole object.
func wholeAnswer(op *catalog.Operation) (string, bool) {
	if op.API != catalog.Management || op.Answer != catalog.JSONAnswer || op.Subject.Field == "" {
		return "", false
	}
	switch op.Effect { //nolint:exhaustive // the others are not answered by an object
	case catalog.Create:
		return op.Path, listedWhole(op.Path)
	case catalog.Patch, catalog.Replace:
		at, ok := itemOf(op)
		return at.collection, ok && listedWhole(at.collection)
	}
	return "", false
}

// touched are the objects that a write may change, as far as they are
// remembered.
func (r *Reader) touched(op *catalog.Operation, args *engine.Object) []key {
	if op.API != catalog.Management {
		return []key{{"/users", ""}} // signing up, unlinking
	}
	if op.Subject.Kind == "jobs" {
		return []key{{}} // an import changes users behind everybody's back
	}
	var keys []key
	add := func(collection string, ids any) {
		for _, v := range Items(ids) {
			if id, ok := Text(v); ok && collection != "" {
				keys = append(keys, key{collection, id})
			}
		}
	}
	if at, ok := r.above(op); ok {
		id, _ := args.Get(at.arg)
		add(at.collection, id)
	} else if op.Effect != catalog.Create {
		keys = append(keys, key{op.Path, ""})
	}
	scope := Scope{Args: args}
	for _, also := range op.Subject.Also {
		ids, _ := scope.Value(also.From)
		add(r.collection(also.Kind), ids)
	}
	for _, kind := range op.TakesWithIt.Kinds {
		if collection := r.collection(kind); collection != "" {
			keys = append(keys, key{collection, ""})
		}
	}
	return keys
}

// above is the first object of a path: the user of "/users/{id}/roles".
func (r *Reader) above(op *catalog.Operation) (place, bool) {
	open := strings.IndexByte(op.Path, '{')
	if open < 2 {
		return place{}, false
	}
	return itemAt(op, op.Path[:open+strings.IndexByte(op.Path[open:], '}')+1])
}

// collection is the path of the collection of a kind; "" where its objects
// stand in none, or below others.
func (r *Reader) collection(kind string) string {
	for _, op := range r.table.Group(kind) {
		if op.Subject.Kind != kind || op.Effect != catalog.Read {
			continue
		}
		if at, ok := itemOf(op); ok {
			return at.collection
		}
	}
	return ""
}
