package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// Options are what Guards are made of.
type Options struct {
	// Tenants are the tenants of the run by role.
	Tenants map[string]Tenant
	// API asks the tenants; Image, where it is set, gives what stands in the
	// place of a call (its before-image, an object as JSON; nil where there is
	// none), so that an object is not read once for the guards and once for
	// undo. A plan has none: what stands there may be its own.
	API   engine.API
	Image func(ctx context.Context, c *engine.Call) (json.RawMessage, error)
	// Planning says that nothing is written: the run is a plan. Hours,
	// production and confirm_above are then left to the run that writes.
	Planning bool
	// Confirmed says that a person has said yes: the run applies a plan, or
	// the command was given --yes.
	Confirmed bool
	// OnlyReads says that the playbook is known to write nothing, so that
	// Before has nothing to refuse. A write is refused nevertheless.
	OnlyReads bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Catalogue is the table of operations; nil means the default one.
	Catalogue *catalog.Table
}

// A Tenant is one tenant with its guards.
type Tenant struct {
	// Name is what people call it. Domain tells tenants apart: roles of one
	// domain share their counters.
	Name, Domain string
	// Own is the client_id of the application as which a0run logs in; "" where
	// it is not known.
	Own string
	// Rules are those of a0run.yaml, of its entry for the tenant, and of the
	// playbook's head; all of them hold.
	Rules []Rules
}

// Guards are the guards of one run; their methods are safe for concurrent use.
type Guards struct {
	tenants   map[string]*tenant // by role
	roles     []string           // one of each tenant, sorted
	api       engine.API
	image     func(ctx context.Context, c *engine.Call) (json.RawMessage, error)
	planning  bool
	confirmed bool
	onlyReads bool
	now       func() time.Time
	table     *catalog.Table
	names     nameBook
}

// tenant is a tenant with what was counted.
type tenant struct {
	Tenant
	tally   *tally
	protect map[string][]protected
	grants  *once[map[string]bool]
}

// New makes the guards of a run.
func New(o Options) *Guards {
	g := &Guards{
		tenants: map[string]*tenant{}, api: o.API, image: o.Image,
		planning: o.Planning, confirmed: o.Confirmed, onlyReads: o.OnlyReads, now: o.Now, table: o.Catalogue,
	}
	if g.now == nil {
		g.now = time.Now
	}
	if g.table == nil {
		g.table = catalog.Default()
	}
	roles := make([]string, 0, len(o.Tenants))
	for role := range o.Tenants {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	known := map[string]*tenant{}
	for _, role := range roles {
		t := known[o.Tenants[role].Domain]
		if t == nil {
			t = newTenant(o.Tenants[role], o.Confirmed || o.Planning)
			known[t.Domain] = t
			g.roles = append(g.roles, role)
		}
		g.tenants[role] = t
	}
	return g
}

func newTenant(of Tenant, confirmed bool) *tenant {
	t := &tenant{Tenant: of, tally: newTally(of, confirmed), protect: map[string][]protected{}, grants: newOnce[map[string]bool]()}
	for _, r := range of.Rules {
		for _, p := range r.protect {
			t.protect[p.kind] = append(t.protect[p.kind], p)
		}
	}
	return t
}

// Before refuses a run that could not write at all, before anything is asked:
// outside the hours, or against a production tenant without a plan. Its error
// is an *engine.Error, with exit code 5 by Run.ExitCode.
func (g *Guards) Before() error {
	if g.onlyReads {
		return nil
	}
	for _, role := range g.roles {
		if r := g.closed(g.tenants[role]); r != nil {
			return refused(nil, *r)
		}
	}
	return nil
}

// Begin asks for the totals behind the percentages, each by one recorded call
// of the run's main task, which a resumed run does not make again. A total that
// the tenant refuses to tell (no scope) refuses the writes that need it, and
// nothing else. Begin is called before the playbook runs.
func (g *Guards) Begin(main *engine.Task) error {
	for _, role := range g.roles {
		t := g.tenants[role]
		for _, l := range t.tally.asked() {
			n, err := g.count(main, role, l)
			if e := engine.AsError(err); e != nil && passing(e) {
				return e
			}
			t.tally.total(l.kind, n, err)
		}
	}
	return nil
}

// count asks how many objects of a kind there are.
func (g *Guards) count(main *engine.Task, role string, l limit) (int64, error) {
	list := listing(g.table, l.kind)
	if g.api == nil || list == nil {
		return 0, &engine.Error{Name: engine.NameInternalError, ResetAt: -1, Message: "the guards cannot ask how many " + l.kind + " there are"}
	}
	do := func(a *engine.Action) engine.Outcome {
		a.Where = l.where
		return main.Do(a)
	}
	if !tellsTotal(list) {
		n := int64(0)
		for _, err := range g.api.Walk(role, list, engine.NewObject(0), do) {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	}
	args := engine.NewObject(3)
	args.Set("page", int64(0))
	args.Set("per_page", int64(1))
	args.Set("include_totals", true)
	a, err := g.api.Request(role, list, args)
	if err != nil {
		return 0, err
	}
	out := do(a)
	if out.Err != nil {
		return 0, out.Err
	}
	raw, _ := out.Value.(json.RawMessage)
	var answer struct {
		Total *int64 `json:"total"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Total == nil {
		return 0, fmt.Errorf("the tenant's answer to %s has no total", list.ID)
	}
	return *answer.Total, nil
}

// Counts reports whether Seen has to be told what earlier executions of the run
// wrote.
func (g *Guards) Counts() bool {
	for _, t := range g.tenants {
		if t.tally.counts() {
			return true
		}
	}
	return false
}

// Seen counts a recorded write of an earlier execution of the run, with its
// arguments opened (in whatever order they come, each call once or more
// often). Records that did not come to pass (engine.StateRefused) do not count.
func (g *Guards) Seen(rec *engine.CallRecord, args json.RawMessage) {
	t := g.tenants[rec.Tenant]
	op, ok := g.table.Lookup(rec.Operation)
	if t == nil || !ok || !writes(op) || rec.State == engine.StateRefused {
		return
	}
	tree := engine.NewObject(0)
	if v, err := engine.ParseJSON(args); err == nil { // without arguments the object is still known
		if o, isObject := v.(*engine.Object); isObject {
			tree = o
		}
	}
	all := objects(op, tree, rec.Key)
	if first := &all[0]; first.id == "" && first.subject && op.Subject.ID != "" && rec.Object != "" {
		first.id, first.path = rec.Object, rec.Object
	}
	t.tally.add(append(all, bulkObjects(recordedBulk(op, tree), rec.Key)...), true)
	if all[0].what == create {
		t.tally.make(all[0].kind, rec.Object)
	}
}

// Stage checks every call before anything below it is asked.
func (g *Guards) Stage() engine.Stage {
	return func(next engine.Doer) engine.Doer {
		return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
			t := g.tenants[c.Tenant]
			switch {
			case c.Kind == engine.KindHosts:
				if r := g.elsewhere(c); r != nil {
					return engine.Outcome{Err: refused(c, *r)}
				}
				return next.Do(ctx, c)
			case c.Operation == nil || t == nil:
				return next.Do(ctx, c)
			}
			all, err := g.check(ctx, t, c)
			if err != nil {
				return engine.Outcome{Err: err}
			}
			out := next.Do(ctx, c)
			g.wrote(t, c, all, out)
			return out
		})
	}
}

// wrote learns from what a call has done.
func (g *Guards) wrote(t *tenant, c *engine.Call, all []object, out engine.Outcome) {
	if len(all) == 0 {
		return
	}
	if all[0].what == create {
		if out.Err == nil && t.tally.makes(all[0].kind) {
			t.tally.make(all[0].kind, madeID(c.Operation, out.Value))
		}
		return
	}
	if o := all[0]; o.subject && len(t.protect[o.kind]) > 0 { // it may bear another name now
		g.names.forget(t.Domain + "\x00" + o.kind + "\x00" + o.path)
	}
}

// check refuses a call, or gives what it writes; nothing for a read. What needs
// no request is looked at first.
func (g *Guards) check(ctx context.Context, t *tenant, c *engine.Call) ([]object, *engine.Error) {
	if r := g.denied(t, c.Operation); r != nil {
		return nil, refused(c, *r)
	}
	if !writes(c.Operation) || c.Effect == catalog.Read { // an export that is only read from
		return nil, nil
	}
	for _, r := range []*reason{t.forbidden(c.Operation), g.closed(t), t.unmeasured(c)} {
		if r != nil {
			return nil, refused(c, *r)
		}
	}
	all := objects(c.Operation, c.Args, c.Key)
	if err := g.sparesItself(ctx, t, c, all); err != nil {
		return nil, err
	}
	for _, o := range all {
		if err := g.protects(ctx, t, c, o); err != nil {
			return nil, err
		}
	}
	all = append(all, bulkObjects(c.Bulk, c.Key)...)
	if l, err := t.tally.unknown(all); err != nil {
		return nil, unread(c, reason{
			guard: l.path, where: l.where, text: fmt.Sprintf("how many %s there are could not be asked", l.kind),
			hint: "resume the run when that works again, or write a number there",
		}, err)
	}
	if r := t.tally.add(all, false); r != nil {
		return nil, refused(c, *r)
	}
	return all, nil
}

// denied is the reason why an operation is not called at all.
func (g *Guards) denied(t *tenant, op *catalog.Operation) *reason {
	for _, r := range t.Rules {
		for _, d := range r.deny {
			if d.covers(op) {
				return &reason{
					guard: "deny", where: d.where, text: "the operation is denied by " + d.text + t.of(),
					hint: "leave the call out, or take the operation off the list there",
				}
			}
		}
	}
	return nil
}

// forbidden is the reason why an operation does not write here.
func (t *tenant) forbidden(op *catalog.Operation) *reason {
	for _, r := range t.Rules {
		if r.readOnly != nil {
			return &reason{
				guard: "read_only", where: *r.readOnly, text: "nothing is written" + t.of(),
				hint: "run it against another tenant, or take read_only away there",
			}
		}
		if r.allow != nil && !slices.ContainsFunc(r.allow.patterns, func(o operations) bool { return o.covers(op) }) {
			return t.unlisted(r, op.ID)
		}
	}
	return nil
}

func (t *tenant) unlisted(r Rules, name string) *reason {
	return &reason{
		guard: "allow", where: r.allow.where, text: "the operation is not among those that are allowed to write" + t.of(),
		hint: "add " + name + " to the list there, if it may",
	}
}

// closed is the reason why a tenant is not written now: the hours, or a
// production tenant without a plan. A plan writes nothing.
func (g *Guards) closed(t *tenant) *reason {
	if g.planning {
		return nil
	}
	for _, r := range t.Rules {
		if r.production != nil && !g.confirmed {
			return &reason{
				guard: "production", where: *r.production, text: "writing to a production tenant needs a plan, or --yes" + t.of(),
				hint: planHint,
			}
		}
		if now := g.now(); r.hours != nil && !r.hours.open(now) {
			next := r.hours.next(now)
			return &reason{
				guard: "hours", where: r.hours.where,
				text: fmt.Sprintf("it is %s, and nothing is written outside %s%s", now.In(r.hours.zone).Format("Mon 15:04"), r.hours, t.of()),
				hint: "the hours begin again on " + next.Format("Mon 2 Jan 15:04 MST") + "; a run that was begun goes on with a0run resume",
			}
		}
	}
	return nil
}

// unmeasured is the reason to refuse a call that writes objects it does not
// name, of a kind that is limited or protected.
func (t *tenant) unmeasured(c *engine.Call) *reason {
	for _, kind := range beyond(c.Operation, c.Args) {
		if b := c.Bulk; b != nil && b.Kind == kind && !b.Changes {
			continue // they are counted, and all of them are new
		}
		if l, ok := t.tally.limited(kind); ok && c.Bulk == nil {
			return &reason{
				guard: l.path, where: l.where, text: fmt.Sprintf("the call also takes or changes %s, and how many cannot be said beforehand%s", kind, t.of()),
				hint: "do it in a run without that limit, after a look at what would go",
			}
		}
		if p := t.protect[kind]; len(p) > 0 {
			return &reason{
				guard: p[0].path, where: p[0].where, text: fmt.Sprintf("the call also takes or changes %s, and protected ones may be among them%s", kind, t.of()),
				hint: "do it in a run without that protection, after a look at what would go",
			}
		}
	}
	return nil
}
