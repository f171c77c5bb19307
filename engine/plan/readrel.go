package plan

import (
	"encoding/json"
	"strings"

	"a0run/engine"
)

// readRelation answers a listing of a relation: the tenant's elements without
// those taken out, as their objects stand now, and then those put in.
func (x *call) readRelation(at place, side relSide) engine.Outcome {
	if err := x.ownerMissing(at); err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	p := x.p
	l := &listing{call: x, at: at, op: x.Operation, filter: newFilter(x, at), side: &side, owner: joined(at.values)}
	key := edgeKey{x.Tenant, side.rel.name, l.owner}
	p.mu.Lock()
	clean := len(p.over.edges.seen(x.Tenant, side, l.owner)) == 0 && !p.over.edges.cleared[key] &&
		!p.over.hasDrops(x.Tenant, at.kind.path)
	if side.list.items != "" && p.over.touched[x.Tenant+" "+side.list.items] {
		clean = false // a name may have changed, a role may be gone
	}
	l.alone = p.aloneLocked(at) || p.over.edges.cleared[key] && side.list.left
	p.mu.Unlock()
	if clean && !l.alone {
		return x.pass()
	}
	if l.alone {
		if err := x.parentError(at); err != nil {
			return engine.Outcome{Status: err.StatusCode, Err: err}
		}
	}
	l.prepare()
	return l.answer()
}

// prepare reads the objects of the elements put in, which the list shows.
func (l *listing) prepare() {
	if l.side.list.items == "" {
		return
	}
	for _, id := range l.addedIDs() {
		at := l.p.atlas.top(l.Tenant, l.side.list.items, id)
		if s, err := l.look(at); err == nil {
			l.p.mu.Lock()
			if now := l.p.now(s); now != nil {
				l.entered = append(l.entered, now)
			}
			l.p.mu.Unlock()
		}
	}
}

func (l *listing) addedIDs() []string {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	var out []string
	for _, e := range l.p.over.edges.seen(l.Tenant, *l.side, l.owner) {
		if e.in {
			out = append(out, e.other(l.side.list))
		}
	}
	return out
}

// added are the elements put in, as the list shows them. The Planner's mutex is
// held.
func (l *listing) added() []*engine.Object {
	var out []*engine.Object
	if l.side.list.items == "" {
		for _, e := range l.p.over.edges.seen(l.Tenant, *l.side, l.owner) {
			if e.in && e.item != nil && !l.p.over.dropped(l.Tenant, l.at.kind.path, e.item) {
				out = append(out, e.item)
			}
		}
		return out
	}
	for _, o := range l.entered {
		if l.filter.matches(o, true) {
			out = append(out, l.view(o))
		}
	}
	return out
}

// view is an object as the relation's list shows it.
func (l *listing) view(o *engine.Object) *engine.Object {
	if l.side.list.view == nil {
		return o
	}
	out := engine.NewObject(len(l.side.list.view))
	for _, name := range l.side.list.view {
		if v, ok := o.Get(name); ok {
			out.Set(name, v)
		}
	}
	return out
}

// element is an element of the tenant as the plan has left it; nil where it is
// out. The Planner's mutex is held.
func (l *listing) element(it item) any {
	raw, o := it.raw, it.tree
	id := l.side.elementID(o, l.op.Subject.Field)
	p := l.p
	left, right := l.owner, id
	if !l.side.list.left {
		left, right = id, l.owner
	}
	e := p.over.edges.get(l.Tenant, l.side.rel, left, right)
	if e != nil || p.over.edges.cleared[edgeKey{l.Tenant, l.side.rel.name, left}] {
		return nil // what is put in comes behind
	}
	if l.lost[id] || p.over.dropped(l.Tenant, l.at.kind.path, o) {
		return nil
	}
	if l.side.list.items == "" {
		return l.pick(o)
	}
	at := p.atlas.top(l.Tenant, l.side.list.items, id)
	entry := p.over.entry(at)
	switch {
	case entry != nil && entry.gone, p.over.dropped(l.Tenant, l.side.list.items, o):
		return nil
	case entry != nil && entry.made != nil:
		return l.pick(l.view(entry.made))
	case entry != nil:
		now := entry.patch.apply(o)
		if l.side.list.view != nil {
			now = onlyHeld(now, o, l.side.list.view)
		}
		return l.pick(now)
	}
	if l.late || !l.picks() {
		return raw
	}
	return l.pick(o)
}

// findLost looks which elements are of objects that went together with another
// one, which the short form in a relation's list does not tell.
func (l *listing) findLost(items []json.RawMessage) {
	path := l.side.list.items
	l.p.mu.Lock()
	drops := path != "" && l.p.over.hasDrops(l.Tenant, path)
	l.p.mu.Unlock()
	if !drops {
		return
	}
	if l.lost == nil {
		l.lost = map[string]bool{}
	}
	for i, raw := range items {
		if i == maxLooks {
			l.cannotKnow("which of these went together with what the plan deletes: there are too many to look at")
			return
		}
		id := l.side.elementID(object(raw), l.op.Subject.Field)
		if err := l.missing(l.p.atlas.top(l.Tenant, path, id)); err != nil && err.StatusCode == 404 {
			l.lost[id] = true
		}
	}
}

// onlyHeld keeps of a patched element the fields that the list shows.
func onlyHeld(now, shown *engine.Object, view []string) *engine.Object {
	out := engine.NewObject(now.Len())
	for name, v := range now.All() {
		if _, had := shown.Get(name); had || strings.Contains(strings.Join(view, " ")+" ", name+" ") {
			out.Set(name, v)
		}
	}
	return out
}

// readUsersByEmail answers the search by e-mail address, which sees every user
// as he stands at this moment. It minds the case: databases keep addresses in lower
// case, whoever asks for another finds nobody (its API page).
func (x *call) readUsersByEmail() engine.Outcome {
	k := x.p.atlas.kinds["/users"]
	at := place{tenant: x.Tenant, kind: k, coll: "/users"}
	p := x.p
	mail := field(x.Args, "email")
	p.mu.Lock()
	coll := p.over.coll(x.Tenant, "/users")
	drops := p.over.hasDrops(x.Tenant, "/users")
	p.mu.Unlock()
	if coll == nil && !drops {
		out := x.pass()
		if raw, ok := out.Value.(json.RawMessage); ok && out.Err == nil && !hasAny(x.Args, "fields") {
			p.learnList(at, x.Operation, itemsOf(raw, ""))
		}
		return out
	}
	f := &filter{call: x}
	f.keep = append(f.keep, condition{"email", func(o *engine.Object) bool { return field(o, "email") == mail }})
	l := &listing{call: x, at: at, op: x.Operation, filter: f, coll: coll}
	l.alone = IsPlaceholder(mail)
	l.enter()
	var items []json.RawMessage
	out := engine.Outcome{Status: 200}
	if !l.alone {
		if out, items = l.request(l.tenantArgs()); out.Err != nil {
			return out
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	list := l.kept(parsed(items))
	if coll != nil {
		for _, e := range coll.index[indexKey("email", mail)] {
			if e.made != nil && e.apart && field(e.made, "email") == mail {
				list = append(list, l.shown(e.made))
			}
		}
	}
	for _, o := range l.entered {
		list = append(list, l.shown(o))
	}
	return engine.Outcome{Status: out.Status, Value: text(list)}
}
