package plan

import (
	"encoding/json"
	"net/http"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// relate plans a change of a relation: which of the elements are in already is
// looked at, then those that are not are put in, or those that are are taken
// out.
func (x *call) relate(w relWrite) engine.Outcome {
	at := x.p.atlas.of(x.Tenant, x.Operation, x.Args)
	rel := x.p.web.byName[w.relation]
	c := x.change(at)
	c.Kind = rel.name
	wanted := x.elements(w, rel)
	if err := x.relatable(w, rel, at, wanted); err != nil {
		return x.refused(c, err)
	}
	was := make([]bool, len(wanted))
	for i, e := range wanted {
		in, err := x.isIn(w, rel, e)
		if err != nil {
			return x.refused(c, err)
		}
		was[i] = in
	}
	names := make([]string, len(wanted))
	for i, e := range wanted {
		names[i] = x.elementName(rel, w, e)
	}
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	c.Object = relObject(w, wanted, at)
	c.Before = &Before{Found: true}
	for i, e := range wanted {
		if known := p.over.edges.get(x.Tenant, rel, e.left, e.right); known != nil {
			was[i] = known.in
			c.Before.Planned = true
		}
		if was[i] == e.in {
			continue
		}
		f := Field{Path: elementPath(rel, w, e)}
		if e.in {
			f.New = text(names[i])
		} else {
			f.Old = text(names[i])
		}
		c.Fields = append(c.Fields, f)
		p.over.edges.set(x.Tenant, rel, e)
		p.over.touched[x.Tenant+" "+firstPart(rel.lists[0].path)] = true
		if rel.name == "organizations.members" && !e.in {
			p.over.edges.clear(x.Tenant, p.web.byName["organizations.members.roles"], joined([]string{e.left, e.right}))
		}
	}
	c.NoChange = len(c.Fields) == 0
	p.record(x, c)
	var out *engine.Object
	if x.Operation.Answer == catalog.JSONAnswer {
		out, _ = bodyOf(x.Operation, x.Args).(*engine.Object)
	}
	return x.answer(out)
}

// elements are the elements that the call names, with in saying where they are
// to be.
func (x *call) elements(w relWrite, rel *relation) []edge {
	body := bodyOf(x.Operation, x.Args)
	lefts, rights := x.side(w.left, body), x.side(w.right, body)
	var out []edge
	for _, l := range lefts {
		for _, r := range rights {
			e := edge{left: textOf(l), right: textOf(r), in: w.add}
			o, isObject := r.(*engine.Object)
			switch {
			case isObject && w.flag != "":
				e.right = field(o, "client_id")
				in, _ := o.Get(w.flag)
				e.in, _ = in.(bool)
			case isObject:
				e.right = relSide{rel: rel}.elementID(o, "id")
				e.item = o
			}
			out = append(out, e)
		}
	}
	return out
}

// side reads the ids of one side (see relWrite).
func (x *call) side(from string, body any) []any {
	name, isList := strings.CutSuffix(from, "[]")
	if !isList {
		var ids []string
		for part := range strings.SplitSeq(from, ",") {
			v, ok := x.Args.Get(part)
			if !ok {
				o, _ := body.(*engine.Object)
				v, _ = o.Get(part)
			}
			ids = append(ids, textOf(v))
		}
		return []any{joined(ids)}
	}
	if name != "" {
		o, _ := body.(*engine.Object)
		body, _ = o.Get(name)
	}
	list, _ := body.([]any)
	return list
}

// relatable refuses what the tenant would: an owner, or a role, that does not
// exist.
func (x *call) relatable(w relWrite, rel *relation, at place, wanted []edge) *engine.Error {
	if err := x.ownerMissing(at); err != nil {
		return err
	}
	if rel.name == "organizations.members" && len(at.values) > 0 {
		if err := x.missing(x.p.atlas.top(x.Tenant, "/organizations", at.values[0])); err != nil {
			return err
		}
	}
	checked := map[string]bool{}
	for _, e := range wanted {
		id, items := e.right, rel.lists[0].items
		if strings.HasSuffix(w.left, "[]") && len(rel.lists) > 1 {
			id, items = e.left, rel.lists[1].items
		}
		if !e.in || items == "" || checked[id] || items == "/users" && !IsPlaceholder(id) && !x.known(items, id) {
			continue // whether the tenant's own user exists shows when his side is read
		}
		checked[id] = true
		if err := x.missing(x.p.atlas.top(x.Tenant, items, id)); err != nil {
			return err
		}
	}
	return nil
}

// known reports whether the plan has changed an object.
func (x *call) known(path, id string) bool {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	return x.p.over.entries[ref{x.Tenant, path, id}] != nil
}

// ownerMissing is the 404 of the object whose relation it is, as far as the
// plan knows; what only the tenant knows shows when the relation is read.
func (x *call) ownerMissing(at place) *engine.Error {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	for up, ok := x.p.atlas.above(at); ok; up, ok = x.p.atlas.above(up) {
		if e := x.p.over.entry(up); e != nil && e.gone {
			return absent(up.kind.path, x.Name)
		}
	}
	if strings.HasPrefix(at.kind.path, "/organizations/{}/members/{}") && len(at.values) > 1 {
		up := x.p.atlas.top(x.Tenant, "/organizations", at.values[0])
		if e := x.p.over.entry(up); e != nil && e.gone {
			return absent("/organizations", x.Name)
		}
		if e := x.p.over.edges.get(x.Tenant, x.p.web.byName["organizations.members"], at.values[0], at.values[1]); e != nil && !e.in {
			return refusal(http.StatusNotFound, "", "The user is not a member of the organization.", x.Name)
		}
	}
	return nil
}

// isIn reports whether an element is in a relation in the tenant. The side that
// is read is the smaller one: the roles of a user, not the users of a role.
func (x *call) isIn(_ relWrite, rel *relation, e edge) (bool, *engine.Error) {
	list := rel.lists[0]
	owner, want := e.left, e.right
	if rel.name == "organizations.members" {
		list, owner, want = rel.lists[1], e.right, e.left
	}
	p := x.p
	k := p.atlas.kinds[list.path]
	at := place{tenant: x.Tenant, kind: k, values: strings.Split(owner, unitSeparator)}
	at.coll = instance(list.path, at.values)
	p.mu.Lock()
	cleared := p.over.edges.cleared[edgeKey{x.Tenant, rel.name, e.left}]
	p.mu.Unlock()
	if cleared || p.alone(at) || IsPlaceholder(want) || x.elsewhere(list.items, want) {
		return false, nil
	}
	found := false
	side := relSide{rel, list}
	note := map[string]bool{}
	if !p.fresh {
		if set, ok := p.members(at); ok {
			return set[want], nil
		}
	}
	err := x.walk(k.list, at.getArgs(k.list), func(o *engine.Object, _ json.RawMessage) bool {
		id := side.elementID(o, k.list.Subject.Field)
		note[id] = true
		found = found || id == want
		return true
	})
	if err != nil {
		if err.StatusCode == http.StatusForbidden {
			x.cannotKnow("who is in " + rel.name + ": the application may not read it")
			return !e.in, nil
		}
		return false, err
	}
	p.keepMembers(at, note)
	return found, nil
}

// elsewhere reports whether an object exists in the plan only.
func (x *call) elsewhere(path, id string) bool {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	e := x.p.over.entries[ref{x.Tenant, path, id}]
	return e != nil && e.apart
}

// members are who was in a relation when it was read for an earlier change.
func (p *Planner) members(at place) (map[string]bool, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set, ok := p.recent.members[ref{at.tenant, at.coll, ""}]
	return set, ok
}

// keptMembers bounds the relations that are remembered.
const keptMembers = 2000

func (p *Planner) keepMembers(at place, set map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.recent.members == nil || len(p.recent.members) >= keptMembers {
		p.recent.members = map[ref]map[string]bool{}
	}
	p.recent.members[ref{at.tenant, at.coll, ""}] = set
}

// elementPath names an element in a diff by the id of its other side.
func elementPath(rel *relation, w relWrite, e edge) string {
	name := rel.name[strings.LastIndexByte(rel.name, '.')+1:]
	id := e.right
	if strings.HasSuffix(w.left, "[]") {
		name, id = rel.name[:strings.LastIndexByte(rel.name, '.')], e.left
	}
	return name + "[" + strings.ReplaceAll(id, unitSeparator, " ") + "]"
}

// relObject is whose relation the call changes.
func relObject(w relWrite, wanted []edge, at place) string {
	switch {
	case len(wanted) == 0 && len(at.values) > 0:
		return at.values[len(at.values)-1]
	case len(wanted) == 0:
		return ""
	case strings.HasSuffix(w.left, "[]"):
		return wanted[0].right
	}
	return strings.ReplaceAll(wanted[0].left, unitSeparator, "/")
}

// elementName is what people call an element: a role's name.
func (x *call) elementName(rel *relation, w relWrite, e edge) string {
	id, items := e.right, rel.lists[0].items
	if strings.HasSuffix(w.left, "[]") && len(rel.lists) > 1 {
		id, items = e.left, rel.lists[1].items
	}
	if len(rel.own) > 0 {
		return strings.ReplaceAll(id, unitSeparator, " ")
	}
	at := x.p.atlas.top(x.Tenant, items, id)
	x.p.mu.Lock()
	if made := x.p.over.entry(at); made != nil && made.made != nil {
		defer x.p.mu.Unlock()
		return labelOf(made.made)
	}
	x.p.mu.Unlock()
	if o := x.p.recall(at); o != nil {
		return labelOf(o)
	}
	return id
}
