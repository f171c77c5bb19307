// Package image reads what stands in a place before a call changes it: the
// before-images of undo, of a plan's diffs and of its gate.
//
// A job that lists objects and patches each must not send twice the requests,
// so a Reader remembers what the run itself has read whole within the last five
// minutes and has not written since (Reader.Watch), and asks the tenant only
// for the rest.
package image

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// An Image is what stood in the place of a mutating call.
type Image struct {
	// Found is false where nothing stood there (404).
	Found bool `json:"found"`
	// Value is the object, or the list of a relation's items, as the operation
	// Read gave it; for a file its text.
	Value json.RawMessage `json:"value,omitempty"`
	// Read is the operation that was asked, At when.
	Read string    `json:"read,omitempty"`
	At   time.Time `json:"at"`
	// Reused says that the run had read it already: no request was sent.
	Reused bool `json:"reused,omitempty"`
}

// Parse reads an image as it stands in a record; nil where there is none.
func Parse(text json.RawMessage) (*Image, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var i Image
	if err := json.Unmarshal(text, &i); err != nil {
		return nil, err
	}
	return &i, nil
}

// Options are what a Reader is made of.
type Options struct {
	API engine.API
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Catalogue is the table of operations; nil means the default one.
	Catalogue *catalog.Table
}

// A Reader reads before-images; it is safe for concurrent use.
type Reader struct {
	api   engine.API
	now   func() time.Time
	table *catalog.Table
	seen  memory
}

// NewReader makes a reader that remembers nothing.
func NewReader(o Options) *Reader {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Catalogue == nil {
		o.Catalogue = catalog.Default()
	}
	return &Reader{api: o.API, now: o.Now, table: o.Catalogue}
}

// ErrNone says that an operation has no before-image: what undoes it needs
// none, or nothing can.
var ErrNone = errors.New("the operation has no before-image")

// Of reads what stands in the place of a mutating call, once a call: c.Before
// keeps it. Where an object cannot be read (no scope for it) the error is the
// tenant's.
func (r *Reader) Of(ctx context.Context, c *engine.Call) (*Image, error) {
	if len(c.Before) > 0 {
		return Parse(c.Before)
	}
	i, err := r.read(ctx, c)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	c.Before = text
	return i, nil
}

func (r *Reader) read(ctx context.Context, c *engine.Call) (*Image, error) {
	op := c.Operation
	if op == nil {
		return r.readHost(c)
	}
	before, ok := r.table.Lookup(op.Inverse.Before)
	if op.Inverse.Before == "" || !ok {
		return nil, ErrNone
	}
	args := Args(op, before, c.Args)
	if object, at, ok := r.seen.whole(key{c.Tenant, before.Path, idOf(op, c.Args)}, r.now()); ok {
		return &Image{Found: true, Value: object, Read: before.ID, At: at, Reused: true}, nil
	}
	at := r.now()
	value, status, err := r.ask(ctx, c, before, args)
	switch {
	case err == nil:
		return &Image{Found: true, Value: value, Read: before.ID, At: at}, nil
	case status == http.StatusNotFound:
		return &Image{Read: before.ID, At: at}, nil
	}
	return nil, err
}

// readHost reads what stands in the place of a host function's write.
func (r *Reader) readHost(c *engine.Call) (*Image, error) {
	if c.Image == nil {
		return nil, ErrNone
	}
	at := r.now()
	v, err := c.Image()
	if err != nil || v == nil {
		return &Image{At: at}, err
	}
	text, err := engine.FormatJSON(v)
	return &Image{Found: true, Value: text, At: at}, err
}

// ask performs a read on behalf of a call; a listing is read to its end.
func (r *Reader) ask(ctx context.Context, c *engine.Call, before *catalog.Operation, args *engine.Object) (json.RawMessage, int, error) {
	if before.Paging.Style != catalog.NoPaging {
		list := []byte("[")
		status := 0
		do := func(a *engine.Action) engine.Outcome {
			out := c.Sub(ctx, a)
			status = out.Status
			return out
		}
		for item, err := range r.api.Walk(c.Tenant, before, args, do) {
			if err != nil {
				return nil, status, err
			}
			if len(list) > 1 {
				list = append(list, ',')
			}
			list = append(list, item...)
		}
		return append(list, ']'), status, nil
	}
	a, err := r.api.Request(c.Tenant, before, args)
	if err != nil {
		return nil, 0, err
	}
	out := c.Sub(ctx, a)
	if out.Err != nil {
		return nil, out.Status, out.Err
	}
	value, _ := out.Value.(json.RawMessage)
	return value, out.Status, nil
}

// Args are the arguments of the read that shows what a call changes: those of
// the call that the read has too, its object's id under the name that the read
// gives it.
func Args(op, before *catalog.Operation, given *engine.Object) *engine.Object {
	args := engine.NewObject(2)
	for _, a := range before.Args {
		if a.In != catalog.InPath && !a.Required {
			continue
		}
		if v, ok := given.Get(a.Name); ok {
			args.Set(a.Name, v)
			continue
		}
		if a.Name == before.Subject.ID && op.Subject.ID != "" {
			if v, ok := given.Get(op.Subject.ID); ok {
				args.Set(a.Name, v)
			}
		}
	}
	return args
}

func idOf(op *catalog.Operation, args *engine.Object) string {
	if op.Subject.ID == "" {
		return ""
	}
	v, _ := args.Get(op.Subject.ID)
	id, _ := v.(string)
	return id
}

// Watch is the stage that sees what the run reads and writes; it stands below
// all that answer calls by themselves.
func (r *Reader) Watch(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		op := c.Operation
		if op == nil || op.API != catalog.Management {
			return next.Do(ctx, c)
		}
		began := r.now()
		if c.Mutates() {
			collection := collectionOf(op.Path)
			id := idOf(op, c.Args)
			r.seen.written(key{c.Tenant, collection, id}, began)
			defer func() { r.seen.written(key{c.Tenant, collection, id}, r.now()) }()
			return next.Do(ctx, c)
		}
		out := next.Do(ctx, c)
		if raw, ok := out.Value.(json.RawMessage); ok && out.Err == nil && wholeRead(op, c.Args) {
			r.seen.read(page{tenant: c.Tenant, collection: collectionOf(op.Path), field: op.Subject.Field, items: op.Paging.Items, at: began, raw: raw})
		}
		return out
	})
}

// wholeRead reports whether a read gives whole objects: a get by id, or a
// listing of a collection, without a choice of fields.
func wholeRead(op *catalog.Operation, args *engine.Object) bool {
	if _, chosen := args.Get("fields"); chosen {
		return false
	}
	return op.Effect == catalog.Read && op.Subject.Field != "" && strings.Count(op.Path, "/") == depth(op)
}

// depth is how many parts the path of a collection's own read has: "/users" and
// "/users/{id}", but not "/users/{id}/roles".
func depth(op *catalog.Operation) int {
	if strings.HasSuffix(op.Path, "}") {
		return 2
	}
	return 1
}

// collectionOf is the first part of a path: "/users" of "/users/{id}/roles".
func collectionOf(path string) string {
	rest := strings.TrimPrefix(path, "/")
	first, _, _ := strings.Cut(rest, "/")
	return "/" + first
}
