package plan

import (
	"encoding/json"
	"net/http"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// read answers a read: by the tenant, corrected by what the plan has changed.
func (x *call) read() engine.Outcome {
	op := x.Operation
	at := x.p.atlas.of(x.Tenant, op, x.Args)
	if side, ok := x.p.web.byPath[at.kind.path]; ok && op.IsListing() {
		return x.readRelation(at, side)
	}
	switch {
	case op.ID == "users_by_email.search_users_by_email":
		return x.readUsersByEmail()
	case op.IsListing() && at.kind.list != nil && at.kind.written && !strings.HasSuffix(op.Path, "/logs") && op.Paging.Style != catalog.LogPaging:
		return x.readList(at)
	case strings.HasSuffix(at.kind.path, "/name") && at.id != "":
		return x.readByName(at)
	case at.item && at.kind.get != nil && at.kind.get.Verb == op.Verb && nameless(at.kind.get.Path) == nameless(op.Path):
		return x.readItem(at)
	}
	return x.readOther(at)
}

// notFound is the tenant's 404.
func (x *call) notFound(at place) engine.Outcome {
	err := absent(at.kind.path, x.Name)
	return engine.Outcome{Status: err.StatusCode, Err: err}
}

// given is the answer to a read that the overlay gives by itself.
func (x *call) given(v any) engine.Outcome {
	return engine.Outcome{Status: http.StatusOK, Value: text(v)}
}

// readItem answers a get.
func (x *call) readItem(at place) engine.Outcome {
	if err := x.ownerMissing(at); err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	at = x.resolve(at)
	p := x.p
	p.mu.Lock()
	e := p.over.entry(at)
	clean := e == nil && !p.over.hasDrops(at.tenant, at.kind.path) && !p.aloneLocked(at)
	if at.kind.path == "/connections" && (p.over.touched[at.tenant+" /clients"] || p.over.touched[at.tenant+" /connections"]) {
		clean = false // enabled_clients
	}
	p.mu.Unlock()
	if clean {
		out := x.pass()
		if _, chosen := x.Args.Get("fields"); out.Err == nil && !chosen && at.id != "" {
			if raw, ok := out.Value.(json.RawMessage); ok {
				p.learn(at, raw)
			}
		}
		return out
	}
	s, err := x.look(at)
	if err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now(s)
	if now == nil && s.unread != nil {
		return engine.Outcome{Status: s.unread.StatusCode, Err: s.unread}
	}
	if now == nil {
		return x.notFound(at)
	}
	now = readable(at.kind.path+"/{}", p.goesOn(x, s.place, now))
	return x.given(x.chosen(now))
}

// goesOn lets an object that changes by itself have done so: a playbook that
// waits for a job would wait for ever.
func (p *Planner) goesOn(x *call, at place, o *engine.Object) *engine.Object {
	if !strings.HasPrefix(at.kind.path, "/jobs") || field(o, "status") != "pending" {
		return o
	}
	p.cannotKnow(x, "how the job ends: the plan says that it is completed")
	out := shallow(o)
	out.Set("status", "completed")
	return out
}

// chosen keeps of an object what the call asks for.
func (x *call) chosen(o *engine.Object) *engine.Object {
	return picker(x.Args)(o)
}

// picker is the choice of fields of a call.
func picker(args *engine.Object) func(o *engine.Object) *engine.Object {
	v, _ := args.Get("fields")
	var names []string
	switch list := v.(type) {
	case string:
		names = strings.Split(list, ",")
	case []any:
		for _, item := range list {
			names = append(names, strings.Split(textOf(item), ",")...)
		}
	}
	if len(names) == 0 || len(names) == 1 && names[0] == "" {
		return func(o *engine.Object) *engine.Object { return o }
	}
	with := true
	switch v, _ := args.Get("include_fields"); flag := v.(type) {
	case bool:
		with = flag
	case string:
		with = flag != "false"
	}
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[strings.TrimSpace(n)] = true
	}
	return func(o *engine.Object) *engine.Object {
		out := engine.NewObject(len(wanted))
		for name, value := range o.All() {
			if wanted[name] == with {
				out.Set(name, value)
			}
		}
		return out
	}
}

// readByName answers a get by name: of what the plan made, else of what the
// tenant has, as the plan has left it.
func (x *call) readByName(at place) engine.Outcome {
	path := strings.TrimSuffix(at.kind.path, "/name")
	k := x.p.atlas.kinds[path]
	key := "name"
	if path == "/organizations/{}/discovery-domains" {
		key = "domain"
	}
	if k == nil {
		return x.pass()
	}
	in := place{tenant: at.tenant, kind: k, values: at.parents(), coll: strings.TrimSuffix(at.coll, "/name")}
	p := x.p
	p.mu.Lock()
	var made *engine.Object
	coll := p.over.coll(in.tenant, in.coll)
	if coll != nil {
		for _, e := range coll.made {
			if e.made != nil && field(e.made, key) == at.id {
				made = e.made
			}
		}
	}
	p.mu.Unlock()
	if made != nil {
		return x.given(x.chosen(made))
	}
	if IsPlaceholder(at.id) || x.p.alone(in) {
		return x.notFound(in)
	}
	out := x.pass()
	if coll == nil || out.Err != nil && out.Err.StatusCode != http.StatusNotFound {
		return out
	}
	if out.Err == nil {
		raw, _ := out.Value.(json.RawMessage)
		o := object(raw)
		p.mu.Lock()
		now := p.now(stand{place: in.child(field(o, k.field)), base: o})
		p.mu.Unlock()
		if now != nil && field(now, key) == at.id {
			return x.given(x.chosen(now))
		}
	}
	return x.renamedTo(in, key, at.id)
}

// renamedTo looks for an object to which the plan has given a name.
func (x *call) renamedTo(in place, key, name string) engine.Outcome {
	p := x.p
	p.mu.Lock()
	var id string
	if c := p.over.coll(in.tenant, in.coll); c != nil && c.fields[key] {
		for _, e := range c.changed {
			for _, f := range e.patch {
				if f.name == key && textOf(f.value) == name {
					id = e.place.id
				}
			}
		}
	}
	p.mu.Unlock()
	if id == "" {
		return x.notFound(in)
	}
	s, err := x.look(in.child(id))
	if err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(s); now != nil {
		return x.given(x.chosen(now))
	}
	return x.notFound(in)
}

// readOther answers what is computed by the tenant: by the tenant, with a mark
// where the plan has changed what it is computed from.
func (x *call) readOther(at place) engine.Outcome {
	if err := x.ownerMissing(at); err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	p := x.p
	p.mu.Lock()
	touched := p.over.touched[x.Tenant+" "+firstPart(at.kind.path)]
	alone := p.aloneLocked(at) || holds(x.Args, IsPlaceholder)
	p.mu.Unlock()
	if alone {
		x.cannotKnow("this read, since what it is about does not exist before the plan is applied")
		if x.Operation.IsListing() {
			return x.emptyList()
		}
		if x.Operation.Answer == catalog.EmptyAnswer {
			return engine.Outcome{Status: http.StatusNoContent}
		}
		return x.notFound(at)
	}
	if touched {
		x.cannotKnow("what of the planned changes this read would show")
	}
	return x.pass()
}

// emptyList is the answer of a listing that has nothing.
func (x *call) emptyList() engine.Outcome {
	return x.given(wrapped(x.Operation, x.Args, nil, listPage{}))
}
