package plan

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// Options are what a Planner, or an Apply, is made of.
type Options struct {
	// API makes the requests by which the plan looks at the tenant; required.
	API engine.API
	// Now is the run's clock; nil means time.Now.
	Now func() time.Time
	// Key is the key of the run's call keys (engine.Config.Key): digests are
	// made with it, so that a plan does not tell what it does not show.
	Key []byte
	// Redactor is the run's: what it knows is hidden in what the plan shows.
	Redactor *engine.Redactor
	// Catalogue is the table of operations; nil means the default one.
	Catalogue *catalog.Table
	// Inputs are those of a saved plan that is planned again; nil for a new
	// plan.
	Inputs *Inputs

	// What the document says of itself.
	A0run    string
	Playbook File
	Files    []File
	Params   *engine.Object
	Tenants  []Tenant
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Catalogue == nil {
		o.Catalogue = catalog.Default()
	}
	if o.Redactor == nil {
		o.Redactor = engine.NewRedactor()
	}
	return o
}

// A Planner is the overlay of one planning run, and records the plan. It is
// safe for concurrent use.
type Planner struct {
	o     Options
	atlas *atlas
	web   *web
	// fresh says that nothing that was read before counts: the Planner of a gate.
	fresh bool

	mu       sync.Mutex
	over     *overlay
	plan     *Plan
	recent   recent
	sessions sessions
	names    map[string]*roll
	alias    map[ref]string
	uses     map[useKey]*Use
	shapes   map[string]int
	clock    clock
	files    map[string]string
	seen     map[unknownKey]bool
	strategy map[collKey]string
}

type useKey struct{ tenant, operation string }

// New makes the overlay of a planning run.
func New(o Options) *Planner {
	o = o.filled()
	p := newPlanner(o, newAtlas(o.Catalogue), newWeb())
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails: it ends the process instead
	p.plan.ID, p.plan.A0run, p.plan.Created = hex.EncodeToString(id), o.A0run, o.Now().UTC()
	p.plan.Playbook, p.plan.Files, p.plan.Tenants = o.Playbook, o.Files, o.Tenants
	if o.Params.Len() > 0 {
		p.remember(o.Params)
		p.plan.Params = text(plain(o.Params))
	}
	return p
}

func newPlanner(o Options, a *atlas, w *web) *Planner {
	return &Planner{
		o: o, atlas: a, web: w, over: newOverlay(), plan: &Plan{secrets: map[string]bool{}},
		names: map[string]*roll{}, alias: map[ref]string{}, uses: map[useKey]*Use{}, shapes: map[string]int{},
		clock: newClock(o.Now, o.Inputs.began()), files: map[string]string{}, seen: map[unknownKey]bool{}, strategy: map[collKey]string{},
	}
}

// remember notes the secrets of a tree, so that they are sealed.
func (p *Planner) remember(v any) {
	switch x := v.(type) {
	case engine.Secret:
		p.mu.Lock()
		p.plan.secrets[string(x)] = true
		p.mu.Unlock()
	case *engine.Object:
		for _, item := range x.All() {
			p.remember(item)
		}
	case []any:
		for _, item := range x {
			p.remember(item)
		}
	}
}

// Result is the plan: complete once the run has ended. failed is the error with
// which it ended, nil where the playbook reached its end.
func (p *Planner) Result(failed error) *Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := *p.plan
	if failed != nil {
		out.Error = p.o.Redactor.Redact(failed.Error())
	}
	out.Used = p.used()
	return &out
}

// A call is one call on its way through the Planner.
type call struct {
	*engine.Call
	p      *Planner
	ctx    context.Context
	next   engine.Doer
	doubts []string // what cannot be known of it
}

// Stage is the overlay: it stands above every stage that sends or keeps.
func (p *Planner) Stage(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		return p.do(&call{Call: c, p: p, ctx: ctx, next: next})
	})
}

func (p *Planner) do(x *call) engine.Outcome {
	switch {
	case x.Operation == nil:
		return x.host()
	case x.Operation.API == catalog.Authentication:
		return x.authentication()
	case x.isExport():
		return x.exports()
	case x.Mutates():
		return x.write()
	}
	return x.read()
}

// pass sends the call on as it is.
func (x *call) pass() engine.Outcome {
	x.p.count(x.Tenant, x.Operation, false)
	return x.next.Do(x.ctx, x.Call)
}

// ask sends one request of the plan's own.
func (x *call) ask(op *catalog.Operation, args *engine.Object) engine.Outcome {
	a, err := x.p.o.API.Request(x.Tenant, op, args)
	if err != nil {
		return engine.Outcome{Err: engine.AsError(err)}
	}
	a.Where = x.Where
	x.p.count(x.Tenant, op, true)
	return x.Sub(x.ctx, a)
}

// walk reads a listing to its end, and hands out its objects until f says
// enough.
func (x *call) walk(op *catalog.Operation, args *engine.Object, f func(o *engine.Object, raw json.RawMessage) bool) *engine.Error {
	do := func(a *engine.Action) engine.Outcome {
		a.Where = x.Where
		x.p.count(x.Tenant, op, true)
		return x.Sub(x.ctx, a)
	}
	for item, err := range x.p.o.API.Walk(x.Tenant, op, args, do) {
		if err != nil {
			return engine.AsError(err)
		}
		if o := object(item); o != nil && !f(o, item) {
			return nil
		}
	}
	return nil
}

// count notes a request.
func (p *Planner) count(tenant string, op *catalog.Operation, look bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := useKey{tenant, op.ID}
	u := p.uses[k]
	if u == nil {
		u = &Use{Tenant: tenant, Operation: op.ID}
		p.uses[k] = u
	}
	if look {
		u.Looks++
	} else {
		u.Calls++
	}
}

// mac is an HMAC under the run's key.
func (p *Planner) mac(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, p.o.Key)
	for _, b := range parts {
		_, _ = h.Write(b) // a hash's Write never fails
	}
	return h.Sum(nil)
}

type unknownKey struct{ where, operation, reason string }

// cannotKnow marks the call's place; the same reason at the same place once.
func (x *call) cannotKnow(reason string) {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cannotKnow(x, reason)
}

func (p *Planner) cannotKnow(x *call, reason string) {
	x.doubts = append(x.doubts, reason)
	k := unknownKey{x.Where.String(), x.Name, reason}
	if p.seen[k] {
		return
	}
	p.seen[k] = true
	p.plan.Unknown = append(p.plan.Unknown, Unknown{
		Where: x.Where.String(), Task: x.Task.Path(), Key: x.Key, Operation: x.Name, Tenant: x.Tenant, Reason: reason,
	})
}
