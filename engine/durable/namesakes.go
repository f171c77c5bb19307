package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// names is what stands beside the intent of a create whose name is not unique:
// the ids that bear it already.
type names struct {
	Bearers []string `json:"bearers"`
}

// noteNames writes down who bears the name of a create, where names are not
// unique (applications): exactly one new bearer afterwards is ours.
func (s *Session) noteNames(ctx context.Context, c *engine.Call) *engine.Error {
	if namesake(c) == "" || len(c.Note) > 0 {
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
	kept map[string]*roll         // by tenant and kind
	ids  map[string]bool          // what the run has made
	busy map[string]chan struct{} // names under which something is being made
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
	return slices.Clone(k.ids[keyOf(c.Operation.NaturalKey, func(field string) (any, bool) { return argAt(c.Args, field) })]), nil
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
	if namesake(c) == "" {
		return
	}
	raw, _ := out.Value.(json.RawMessage)
	id := madeObject(c.Operation, raw)
	r.own(c, id)
	r.mu.Lock()
	k := r.kept[c.Tenant+" "+c.Operation.NaturalKey.Find]
	r.mu.Unlock()
	if k == nil {
		return
	}
	k.once.Lock()
	defer k.once.Unlock()
	if name := argsKey(c.Operation, c.Args); k.ids != nil && !slices.Contains(k.ids[name], id) {
		k.ids[name] = append(k.ids[name], id)
	}
}

// replayed remembers what a create of an earlier execution has made.
func (r *roster) replayed(c *engine.Call, rec *engine.CallRecord) {
	if rec.Object != "" && namesake(c) != "" {
		r.own(c, rec.Object)
	}
}

// own remembers an object as made by a call of this run.
func (r *roster) own(c *engine.Call, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = map[string]bool{}
	}
	r.ids[c.Tenant+" "+id] = true
}

// ours reports whether another create of this run has made an object.
func (r *roster) ours(tenant, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[tenant+" "+id]
}

// namesake is the name that a create gives where others may bear it too; "" for
// all other calls.
func namesake(c *engine.Call) string {
	op := c.Operation
	if op == nil || op.Effect != catalog.Create || op.NaturalKey.Find == "" || op.NaturalKey.Unique {
		return ""
	}
	return c.Tenant + " " + op.NaturalKey.Find + " " + argsKey(op, c.Args)
}

func argsKey(op *catalog.Operation, args *engine.Object) string {
	return keyOf(op.NaturalKey, func(field string) (any, bool) { return argAt(args, field) })
}

// alone waits until no other create of the run makes something of the same
// name: two at a time could not be told apart when their answers are lost.
func (s *Session) alone(ctx context.Context, c *engine.Call) (done func(), stopped *engine.Error) {
	name := namesake(c)
	if name == "" {
		return func() {}, nil
	}
	r := &s.clients
	for {
		r.mu.Lock()
		busy, taken := r.busy[name]
		if !taken {
			if r.busy == nil {
				r.busy = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			r.busy[name] = mine
			r.mu.Unlock()
			return func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				delete(r.busy, name)
				close(mine)
			}, nil
		}
		r.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, engine.AsError(c.Task.Stopped())
		}
	}
}

// siblings are the arguments of the run's other creates of the same name whose
// answers were lost; what those with an answer have made is remembered, also of
// creates that have not come up again yet.
func (s *Session) siblings(ctx context.Context, c *engine.Call) ([]*engine.Object, *engine.Error) {
	var lost []*engine.Object
	for rec, err := range s.o.Journal.Load(ctx, s.run.ID, 0) {
		if err != nil {
			return nil, s.failed(err)
		}
		if rec.Operation != c.Name || rec.Tenant != c.Tenant || rec.Key == c.Key {
			continue
		}
		s.clients.replayed(c, rec)
		if rec.State != engine.StateBegun && rec.State != engine.StateDoubt {
			continue
		}
		text, err := s.opened(rec.Args)
		if err != nil {
			return nil, s.failed(err)
		}
		tree, err := engine.ParseJSON(text)
		args, ok := tree.(*engine.Object)
		if err == nil && ok && argsKey(c.Operation, args) == argsKey(c.Operation, c.Args) {
			lost = append(lost, args)
		}
	}
	return lost, nil
}

// pick finds the object that a create has made among those that answer to its
// name; nil where none did. Other lost creates of the run (their arguments) may
// have made some of them. What nobody can tell is said in unsure.
func pick(c *engine.Call, found []bearer, lost []*engine.Object) (ours *bearer, unsure string) {
	var mine []bearer
	for _, o := range found {
		field := differs(c.Args, o.tree)
		if field == "" {
			mine = append(mine, o)
			continue
		}
		i := slices.IndexFunc(lost, func(args *engine.Object) bool { return differs(args, o.tree) == "" })
		if i < 0 {
			return nil, fmt.Sprintf("%s %s has another %s than what was sent", c.Operation.Subject.Kind, o.id, field)
		}
		lost = slices.Delete(lost, i, i+1)
	}
	if len(mine) == 0 {
		return nil, ""
	}
	twins := 0
	for _, args := range lost {
		switch {
		case same(args, c.Args):
			twins++ // whichever of the two made it: the other is sent, or finds its own
		case differs(args, mine[0].tree) == "":
			return nil, fmt.Sprintf("%s %s may have been made by another call of this run whose answer was lost", c.Operation.Subject.Kind, mine[0].id)
		}
	}
	if len(mine) > 1+twins {
		return nil, fmt.Sprintf("%d objects answer to what was sent", len(mine))
	}
	return &mine[0], ""
}
