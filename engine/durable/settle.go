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
	"sync"
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
		out := next.Do(ctx, c)
		if c.Effect != catalog.Create {
			return out
		}
		for range settleTries {
			if out.Err == nil || !out.Err.InDoubt || out.Err.Uncatchable() {
				break
			}
			f := s.lookUp(ctx, c)
			if f.verdict == isOurs {
				return engine.Outcome{Value: f.object, Status: http.StatusCreated}
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
// what was sent and with what the run had seen before.
func (s *Session) lookUp(ctx context.Context, c *engine.Call) finding {
	key := c.Operation.NaturalKey
	if key.Find == "" {
		return unclear("%s", orText(key.None, "it has no natural key"))
	}
	found, err := s.bearers(ctx, c)
	if err != nil {
		return finding{reason: "the search for it failed: " + err.Message, err: err}
	}
	var known names
	if len(c.Note) > 0 {
		_ = json.Unmarshal(c.Note, &known) // a note of another form knows no names
	}
	found = slices.DeleteFunc(found, func(o bearer) bool { return slices.Contains(known.Bearers, o.id) })
	if !key.Unique {
		if err := s.learnCreated(ctx, c); err != nil {
			return finding{reason: err.Message, err: err}
		}
		found = slices.DeleteFunc(found, func(o bearer) bool { return s.clients.ours(c.Tenant, o.id) })
	}
	switch len(found) {
	case 0:
		return finding{verdict: isAbsent}
	case 1:
	default:
		return unclear("%d objects answer to what was sent", len(found))
	}
	o := found[0]
	if field := differs(c, o.tree); field != "" {
		return unclear("%s %s has another %s than what was sent", c.Operation.Subject.Kind, o.id, field)
	}
	if seen, err := s.seenBefore(ctx, c, o.id); err != nil {
		return finding{reason: err.Message, err: err}
	} else if seen {
		// It stood there before the create, which can only have been refused.
		return finding{verdict: isAbsent}
	}
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
		want, given := argAt(c, field)
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
			if v, ok := argAt(c, a.Name); ok {
				args.Set(a.Name, v)
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
		if v, ok := argAt(c, fields[0]); ok {
			args.Set(a.Name, v)
		}
	}
	return args
}

// argAt is a field of what a create sends, dotted inside objects.
func argAt(c *engine.Call, field string) (any, bool) {
	if v, ok := at(c.Args, field); ok {
		return v, true
	}
	body, _ := c.Args.Get("body")
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
func differs(c *engine.Call, o *engine.Object) string {
	sent := c.Args
	if body, ok := c.Args.Get("body"); ok {
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

// seenBefore reports whether the run has read the object before it made the
// create: then the create did not make it.
func (s *Session) seenBefore(ctx context.Context, c *engine.Call, id string) (bool, *engine.Error) {
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
		if rec.Mutates || rec.Tenant != c.Tenant || len(rec.Value) == 0 {
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

// learnCreated remembers what the run's other creates of the same kind have
// made, also those that have not come up again yet.
func (s *Session) learnCreated(ctx context.Context, c *engine.Call) *engine.Error {
	for rec, err := range s.o.Journal.Load(ctx, s.run.ID, 0) {
		if err != nil {
			return s.failed(err)
		}
		if rec.Operation == c.Name && rec.Tenant == c.Tenant && rec.Key != c.Key {
			s.clients.replayed(c, rec)
		}
	}
	return nil
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

// names is what stands beside the intent of a create whose name is not unique:
// the ids that bear it already.
type names struct {
	Bearers []string `json:"bearers"`
}

// noteNames writes down who bears the name of a create, where names are not
// unique (applications): exactly one new bearer afterwards is ours.
func (s *Session) noteNames(ctx context.Context, c *engine.Call) *engine.Error {
	op := c.Operation
	if op == nil || op.Effect != catalog.Create || op.NaturalKey.Find == "" || op.NaturalKey.Unique || len(c.Note) > 0 {
		return nil
	}
	known, err := s.clients.bearers(c, func() ([]bearer, *engine.Error) { return s.everyBearer(ctx, c) }, s.o.Now())
	if err != nil {
		if err.Uncatchable() {
			return err
		}
		return nil // a lost answer is then in doubt, and nothing else
	}
	text, failed := json.Marshal(names{Bearers: known})
	if failed != nil {
		return s.failed(failed)
	}
	c.Note = text
	return nil
}

// everyBearer are all objects that a create's search can see, whatever their
// name: the listing is read once for many creates.
func (s *Session) everyBearer(ctx context.Context, c *engine.Call) ([]bearer, *engine.Error) {
	anyName := *c.Operation
	anyName.NaturalKey.Fields = nil
	action := *c.Action
	action.Operation = &anyName
	every := *c
	every.Action = &action
	return s.bearers(ctx, &every)
}

// roster knows who bears which name, of kinds whose names are not unique. One
// listing serves the creates of five minutes.
type roster struct {
	mu   sync.Mutex
	kept map[string]*roll // by tenant and kind
	own  map[string]bool  // what this execution has made
}

type roll struct {
	at   time.Time
	ids  map[string][]string // by natural key
	once sync.Mutex
}

const rollFor = 5 * time.Minute

// bearers are the ids that bear the name of a create.
func (r *roster) bearers(c *engine.Call, list func() ([]bearer, *engine.Error), now time.Time) ([]string, *engine.Error) {
	r.mu.Lock()
	if r.kept == nil {
		r.kept = map[string]*roll{}
	}
	name := c.Tenant + " " + c.Operation.NaturalKey.Find
	k := r.kept[name]
	if k == nil {
		k = &roll{}
		r.kept[name] = k
	}
	r.mu.Unlock()
	k.once.Lock()
	defer k.once.Unlock()
	if k.ids == nil || now.Sub(k.at) > rollFor {
		all, err := list()
		if err != nil {
			return nil, err
		}
		k.ids, k.at = map[string][]string{}, now
		for _, b := range all {
			key := keyOf(c.Operation.NaturalKey, func(field string) (any, bool) { return at(b.tree, field) })
			k.ids[key] = append(k.ids[key], b.id)
		}
	}
	return slices.Clone(k.ids[keyOf(c.Operation.NaturalKey, func(field string) (any, bool) { return argAt(c, field) })]), nil
}

func keyOf(key catalog.NaturalKey, get func(field string) (any, bool)) string {
	var parts []string
	for _, field := range key.Fields {
		v, _ := get(field)
		text, _ := engine.FormatJSON(v) // what cannot be written is no name
		parts = append(parts, strings.ToLower(string(text)))
	}
	return strings.Join(parts, "\x00")
}

// made remembers what a create of this execution has made.
func (r *roster) made(c *engine.Call, out engine.Outcome) {
	raw, _ := out.Value.(json.RawMessage)
	if c.Operation.NaturalKey.Unique || c.Operation.NaturalKey.Find == "" {
		return
	}
	id := madeObject(c.Operation, raw)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == nil {
		r.own = map[string]bool{}
	}
	r.own[c.Tenant+" "+id] = true
	if k := r.kept[c.Tenant+" "+c.Operation.NaturalKey.Find]; k != nil {
		k.once.Lock()
		defer k.once.Unlock()
		if k.ids != nil {
			key := keyOf(c.Operation.NaturalKey, func(field string) (any, bool) { return argAt(c, field) })
			k.ids[key] = append(k.ids[key], id)
		}
	}
}

// replayed remembers what a create of an earlier execution has made.
func (r *roster) replayed(c *engine.Call, rec *engine.CallRecord) {
	if c.Effect == catalog.Create && c.Operation != nil && rec.Object != "" && !c.Operation.NaturalKey.Unique {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.own == nil {
			r.own = map[string]bool{}
		}
		r.own[c.Tenant+" "+rec.Object] = true
	}
}

// ours reports whether another create of this run has made an object.
func (r *roster) ours(tenant, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.own[tenant+" "+id]
}
