package plan

import (
	"encoding/json"
	"net/http"
	"slices"
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
		return x.refused(c, x.inItsWords(w, err))
	}
	was := make([]bool, len(wanted))
	for i, e := range wanted {
		in, err := x.isIn(w, rel, e)
		if err != nil && err.StatusCode == http.StatusNotFound && !e.in && rel.name == "organizations.members" {
			in, err = false, nil // who does not exist is no member
		}
		if err != nil {
			return x.refused(c, x.inItsWords(w, err))
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

// inItsWords makes a 404 of what was looked at the call's own refusal.
func (x *call) inItsWords(w relWrite, err *engine.Error) *engine.Error {
	own := *err
	own.Operation = x.Name
	if own.StatusCode == http.StatusNotFound && w.op == "roles.add_users" && own.ErrorCode == "inexistent_user" {
		return refusal(http.StatusBadRequest, "", "One or more users do not exist", x.Name)
	}
	return &own
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
	ownerIsRead := !strings.HasSuffix(w.left, "[]") && rel.name != "organizations.members" &&
		slices.ContainsFunc(wanted, func(e edge) bool { return !IsPlaceholder(e.right) && !x.elsewhere(rel.lists[0].items, e.right) })
	if up, ok := x.p.atlas.above(at); ok && !ownerIsRead {
		if err := x.missing(up); err != nil {
			return err
		}
	}
	if rel.name == "organizations.members.roles" && !ownerIsRead && len(at.values) > 1 {
		member := edge{left: at.values[0], right: at.values[1], in: true}
		in, err := x.isMember(member)
		if err != nil || !in {
			return orNotMember(err, x.Name)
		}
	}
	checked := map[string]bool{}
	for _, e := range wanted {
		path, id := x.toCheck(w, rel, e)
		if path == "" || checked[id] {
			continue
		}
		checked[id] = true
		if err := x.missing(x.p.atlas.top(x.Tenant, path, id)); err != nil {
			return err
		}
	}
	return nil
}

// toCheck is the object of an element that has to be looked at; "" where there
// is none. Whether the tenant's own user exists shows when his side is read.
func (x *call) toCheck(w relWrite, rel *relation, e edge) (path, id string) {
	id, items, other, others := e.right, rel.lists[0].items, e.left, ""
	if len(rel.lists) > 1 {
		others = rel.lists[1].items
	}
	if strings.HasSuffix(w.left, "[]") && others != "" {
		id, items, other, others = e.left, others, e.right, items
	}
	shows := items == "/users" && !IsPlaceholder(id) && !x.known(items, id) && !IsPlaceholder(other) && !x.elsewhere(others, other)
	if !e.in || shows {
		return "", ""
	}
	return items, id
}

// isMember reports whether a user is a member of an organization.
func (x *call) isMember(e edge) (bool, *engine.Error) {
	rel := x.p.web.byName["organizations.members"]
	x.p.mu.Lock()
	known := x.p.over.edges.get(x.Tenant, rel, e.left, e.right)
	x.p.mu.Unlock()
	if known != nil {
		return known.in, nil
	}
	return x.isIn(relWrite{}, rel, e)
}

func orNotMember(err *engine.Error, operation string) *engine.Error {
	if err != nil {
		return err
	}
	return refusal(http.StatusNotFound, "", "The user is not a member of the organization.", operation)
}

// known reports whether the plan may have changed an object.
func (x *call) known(path, id string) bool {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	return x.p.over.entries[ref{x.Tenant, path, id}] != nil || x.p.over.hasDrops(x.Tenant, path)
}

// ownerMissing is the 404 of the objects above a place, as far as the plan
// knows; what only the tenant knows shows when the tenant is asked.
func (x *call) ownerMissing(at place) *engine.Error {
	var unsure []place
	x.p.mu.Lock()
	for up, ok := x.p.atlas.above(at); ok; up, ok = x.p.atlas.above(up) {
		switch e := x.p.over.entry(up); {
		case e != nil && e.gone:
			x.p.mu.Unlock()
			return absent(up.kind.path, x.Name)
		case (e == nil || e.made == nil) && x.p.over.hasDrops(x.Tenant, up.kind.path):
			unsure = append(unsure, up)
		}
	}
	err := x.notMember(at)
	x.p.mu.Unlock()
	for _, up := range unsure {
		if err := x.missing(up); err != nil {
			return err
		}
	}
	return err
}

// notMember is the refusal of what belongs to a member of an organization, for
// one who is none. The Planner's mutex is held.
func (x *call) notMember(at place) *engine.Error {
	if !strings.HasPrefix(at.kind.path, "/organizations/{}/members/{}") || len(at.values) < 2 {
		return nil
	}
	org, user := x.p.atlas.top(x.Tenant, "/organizations", at.values[0]), x.p.atlas.top(x.Tenant, "/users", at.values[1])
	if e := x.p.over.entry(org); e != nil && e.gone {
		return absent("/organizations", x.Name)
	}
	e := x.p.over.edges.get(x.Tenant, x.p.web.byName["organizations.members"], at.values[0], at.values[1])
	u := x.p.over.entry(user)
	if e != nil && !e.in || e == nil && (IsPlaceholder(at.values[0]) || IsPlaceholder(at.values[1]) || u != nil && u.apart) {
		return refusal(http.StatusNotFound, "", "The user is not a member of the organization.", x.Name)
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
