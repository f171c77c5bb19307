package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// Before keeps what stands in the place of a mutating call, and for a create
// whose name is not unique, the ids that bear it already.
func (s *Session) Before(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		if !c.Mutates() || len(c.Before) > 0 {
			return next.Do(ctx, c)
		}
		if s.undo(c) != engine.UndoOff {
			_, err := s.o.Images.Of(ctx, c)
			if stop := s.unreadable(c, err); stop != nil {
				return engine.Outcome{Err: stop, Fault: 0}
			}
		}
		if err := s.noteNames(ctx, c); err != nil {
			return engine.Outcome{Err: err}
		}
		return next.Do(ctx, c)
	})
}

// undo is the policy of before-images that holds for a call.
func (s *Session) undo(c *engine.Call) engine.UndoPolicy {
	if own := c.Undo(); own != "" {
		return own
	}
	return s.o.Undo
}

// unreadable decides about a before-image that could not be read: the end of
// the run goes on, and so does what the policy of undo asks.
func (s *Session) unreadable(c *engine.Call, err error) *engine.Error {
	if err == nil || errors.Is(err, image.ErrNone) {
		return nil
	}
	e := engine.AsError(err)
	if e.Uncatchable() || e.Name == engine.NameTimeoutError && c.Task.Context().Err() != nil {
		return e
	}
	if s.undo(c) != engine.UndoFull {
		return nil
	}
	return &engine.Error{
		Name: e.Name, StatusCode: e.StatusCode, ResetAt: e.ResetAt, Cause: err,
		Message:  "what stands there could not be read, and undo is full; nothing was sent: " + e.Message,
		HintText: "give the application the scope that reads it, or set undo to auto",
	}
}

// Settle finds out what became of a create whose answer was lost: what it made
// is its outcome, and where it made nothing it is sent once more. It stands
// right above dispatch.
func (s *Session) Settle(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		began := s.o.Now()
		out := next.Do(ctx, c)
		if c.Effect != catalog.Create {
			return out
		}
		for range settleTries {
			if out.Err == nil || !out.Err.InDoubt || out.Err.Uncatchable() {
				break
			}
			f := s.lookUp(c.Regardless(), c, began)
			if f.verdict == isOurs {
				out = engine.Outcome{Value: f.object, Status: http.StatusCreated}
				break
			}
			if f.err != nil && f.err.Uncatchable() {
				return engine.Outcome{Err: f.err} // the next execution looks
			}
			if f.verdict != isAbsent {
				e := *out.Err
				e.HintText = "looking for what it made did not tell (" + f.reason + "); look at the tenant"
				out.Err = &e
				break
			}
			out = next.Do(ctx, c)
		}
		if out.Err == nil {
			s.clients.made(c, out)
		}
		return out
	})
}

// settleTries is how often a create is looked for and sent again.
const settleTries = 3

// What looking for a create's object found.
type verdict int

const (
	isUnclear verdict = iota
	isOurs
	isAbsent
)

type finding struct {
	verdict verdict
	object  json.RawMessage
	reason  string
	err     *engine.Error
}

func unclear(format string, args ...any) finding {
	return finding{reason: fmt.Sprintf(format, args...)}
}

// lookUp looks a create up by its natural key and compares what is found with
// what was sent and with what the run had seen before it began.
func (s *Session) lookUp(ctx context.Context, c *engine.Call, began time.Time) finding {
	key := c.Operation.NaturalKey
	if key.Find == "" {
		return unclear("%s", orText(key.None, "it has no natural key"))
	}
	found, err := s.bearers(ctx, c)
	if err != nil {
		return finding{reason: "the search for it failed: " + err.Message, err: err}
	}
	var known names
	if len(c.Note) == 0 && !key.Unique {
		return unclear("who bore the name before it is not known")
	}
	if len(c.Note) > 0 {
		_ = json.Unmarshal(c.Note, &known) // a note of another form knows no names
	}
	found = slices.DeleteFunc(found, func(o bearer) bool { return slices.Contains(known.Bearers, o.id) })
	var lost []*engine.Object
	if !key.Unique {
		if lost, err = s.siblings(ctx, c); err != nil {
			return finding{reason: err.Message, err: err}
		}
		found = slices.DeleteFunc(found, func(o bearer) bool { return s.clients.ours(c.Tenant, o.id) })
	}
	o, unsure := pick(c, found, lost)
	switch {
	case unsure != "":
		return unclear("%s", unsure)
	case o == nil:
		return finding{verdict: isAbsent}
	}
	if seen, err := s.seenBefore(ctx, c, o.id, began); err != nil {
		return finding{reason: err.Message, err: err}
	} else if seen {
		// It stood there before the create, which can only have been refused.
		return finding{verdict: isAbsent}
	}
	s.clients.own(c, o.id)
	return finding{verdict: isOurs, object: o.raw}
}

func orText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// A bearer is an object that answers to a natural key.
type bearer struct {
	id   string
	raw  json.RawMessage
	tree *engine.Object
}

// bearers are the objects that answer to the natural key of a create.
func (s *Session) bearers(ctx context.Context, c *engine.Call) ([]bearer, *engine.Error) {
	key := c.Operation.NaturalKey
	find, ok := catalog.Default().Lookup(key.Find)
	if !ok {
		return nil, &engine.Error{Name: engine.NameInternalError, Message: "the catalogue has no " + key.Find, ResetAt: -1}
	}
	args := findArgs(c, find)
	if args == nil {
		return nil, &engine.Error{Name: engine.NameArgumentError, ResetAt: -1, Message: "what was sent does not say what " + find.ID + " would have to look for"}
	}
	do := func(a *engine.Action) engine.Outcome { return c.Sub(ctx, a) }
	if find.Paging.Style != catalog.NoPaging {
		var all []bearer
		for item, err := range s.o.API.Walk(c.Tenant, find, args, do) {
			if err != nil {
				return nil, engine.AsError(err)
			}
			all = appendBearer(all, c, item)
		}
		return all, nil
	}
	a, err := s.o.API.Request(c.Tenant, find, args)
	if err != nil {
		return nil, engine.AsError(err)
	}
	out := do(a)
	switch {
	case out.Status == http.StatusNotFound:
		return nil, nil
	case out.Err != nil:
		return nil, out.Err
	}
	raw, _ := out.Value.(json.RawMessage)
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var all []bearer
	for _, item := range list {
		all = appendBearer(all, c, item)
	}
	return all, nil
}

// appendBearer keeps an item that has the values of the key.
func appendBearer(all []bearer, c *engine.Call, item json.RawMessage) []bearer {
	tree, err := engine.ParseJSON(item)
	o, ok := tree.(*engine.Object)
	if err != nil || !ok {
		return all
	}
	key := c.Operation.NaturalKey
	for i, field := range key.Fields {
		want, given := argAt(c.Args, field)
		if !given {
			continue
		}
		path := field
		if i < len(key.Paths) && key.Paths[i] != "" {
			path = key.Paths[i]
		}
		if !hasValue(o, path, want) {
			return all
		}
	}
	v, _ := o.Get(c.Operation.Subject.Field)
	id, _ := v.(string)
	return append(all, bearer{id: id, raw: bytes.Clone(item), tree: o})
}

// findArgs are the arguments of the search: the create's of the same name, then
// the key's fields; a required one that is still open takes the first field. nil
// where the create does not say what the search must know.
func findArgs(c *engine.Call, find *catalog.Operation) *engine.Object {
	args := engine.NewObject(2)
	for _, a := range find.Args {
		if v, ok := c.Args.Get(a.Name); ok && a.In == catalog.InPath {
			args.Set(a.Name, v)
		} else if slices.Contains(c.Operation.NaturalKey.Fields, a.Name) {
			if v, ok := argAt(c.Args, a.Name); ok {
				args.Set(a.Name, asKept(a.Name, v))
			}
		}
	}
	fields := c.Operation.NaturalKey.Fields
	for _, a := range find.Args {
		if _, set := args.Get(a.Name); set || !a.Required {
			continue
		}
		if len(fields) == 0 || slices.Contains(fields, a.Name) {
			return nil // the body has left out what the search asks for
		}
		if v, ok := argAt(c.Args, fields[0]); ok {
			args.Set(a.Name, v)
		}
	}
	return args
}

// asKept is a value as the tenant keeps it, for a search that minds the case: "the
// email address associated with a user is saved in lower case, regardless of how you
// initially provided it" (the API page of users-by-email).
func asKept(name string, v any) any {
	if mail, ok := v.(string); ok && name == "email" {
		return strings.ToLower(mail)
	}
	return v
}

// argAt is a field of what a create sends, dotted inside objects.
func argAt(args *engine.Object, field string) (any, bool) {
	if v, ok := at(args, field); ok {
		return v, true
	}
	body, _ := args.Get("body")
	o, _ := body.(*engine.Object)
	return at(o, field)
}

func at(o *engine.Object, field string) (any, bool) {
	first, rest, deeper := strings.Cut(field, ".")
	v, ok := o.Get(first)
	if !ok || !deeper {
		return v, ok
	}
	inner, _ := v.(*engine.Object)
	return at(inner, rest)
}

// hasValue reports whether a value stands at a path of the catalogue's form.
func hasValue(o *engine.Object, path string, want any) bool {
	text, isText := want.(string)
	if isText {
		found := false
		engine.VisitTexts(o, path, func(t string) { found = found || strings.EqualFold(t, text) })
		return found
	}
	v, _ := at(o, path)
	return same(v, want)
}

// differs names the first field that was sent as a plain value and that the
// object has otherwise; "" where there is none. Fields that the object does not
// show (a password) and those that a tenant completes (objects) tell nothing.
func differs(args, o *engine.Object) string {
	sent := args
	if body, ok := args.Get("body"); ok {
		sent, _ = body.(*engine.Object)
	}
	for field, v := range sent.All() {
		switch v.(type) {
		case string, bool, float64, int64:
			// An e-mail address is kept in lower case.
			if there, ok := o.Get(field); ok && !same(there, v) && !sameText(there, v) {
				return field
			}
		}
	}
	return ""
}

func sameText(a, b any) bool {
	x, ok := a.(string)
	y, also := b.(string)
	return ok && also && strings.EqualFold(x, y)
}

func same(a, b any) bool {
	x, err := engine.FormatJSON(a)
	y, other := engine.FormatJSON(b)
	return err == nil && other == nil && bytes.Equal(x, y)
}

// seenBefore reports whether the run had read the object when it began the
// create: then the create did not make it. What was read since tells nothing.
func (s *Session) seenBefore(ctx context.Context, c *engine.Call, id string, began time.Time) (bool, *engine.Error) {
	if id == "" {
		return false, nil
	}
	quoted, err := engine.FormatJSON(id)
	if err != nil {
		return false, s.failed(err)
	}
	for rec, err := range s.o.Journal.Load(ctx, s.run.ID, 0) {
		if err != nil {
			return false, s.failed(err)
		}
		if rec.Mutates || rec.Tenant != c.Tenant || len(rec.Value) == 0 || !rec.Ended.Before(began) {
			continue
		}
		value, err := s.opened(rec.Value)
		if err != nil {
			return false, s.failed(err)
		}
		if bytes.Contains(value, quoted) {
			return true, nil
		}
	}
	return false, nil
}

// readObject reads an object of a call's kind by its id.
func (s *Session) readObject(ctx context.Context, c *engine.Call, id string) (json.RawMessage, *engine.Error) {
	get, ok := catalog.Default().Lookup(c.Operation.Subject.Kind + ".get")
	args := engine.NewObject(1)
	if ok && get.Subject.ID != "" {
		args.Set(get.Subject.ID, id)
	}
	if !ok || args.Len() == 0 {
		answer := engine.NewObject(1)
		answer.Set(c.Operation.Subject.Field, id)
		text, err := engine.FormatJSON(answer)
		if err != nil {
			return nil, s.failed(err)
		}
		return text, nil
	}
	a, err := s.o.API.Request(c.Tenant, get, args)
	if err != nil {
		return nil, engine.AsError(err)
	}
	out := c.Sub(ctx, a)
	raw, _ := out.Value.(json.RawMessage)
	return raw, out.Err
}
