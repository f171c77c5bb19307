package plan

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// stand is what stands in a place: in the tenant, and as the plan has left it.
type stand struct {
	place place
	// base is the tenant's own object; nil where it has none, or none that
	// counts.
	base *engine.Object
	// unread is why it could not be read; nil where it was.
	unread *engine.Error
}

// look reads what the tenant has in a place, unless the plan knows that it has
// nothing to say there.
func (x *call) look(p place) (stand, *engine.Error) {
	p = x.resolve(p)
	if x.p.alone(p) {
		return stand{place: p}, nil
	}
	base, err := x.base(p)
	if err != nil {
		if err.Uncatchable() || err.StatusCode != http.StatusForbidden {
			return stand{place: p}, err
		}
		return stand{place: p, unread: err}, nil
	}
	if id := field(base, p.kind.field); base != nil && p.id != "" && id != "" && id != p.id && x.takesAlias(p) {
		x.p.mu.Lock()
		x.p.alias[p.ref()] = id
		x.p.mu.Unlock()
		p = p.child(id)
	}
	return stand{place: p, base: base}, nil
}

// takesAlias names the collections whose items have a second id.
func (x *call) takesAlias(p place) bool { return p.kind.path == "/resource-servers" }

// resolve gives a place the object's own id where the call names it otherwise.
func (x *call) resolve(p place) place {
	if !x.takesAlias(p) || p.id == "" {
		return p
	}
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	if id, ok := x.p.alias[p.ref()]; ok {
		return p.child(id)
	}
	if c := x.p.over.coll(p.tenant, p.coll); c != nil {
		for _, e := range c.index[indexKey("identifier", p.id)] {
			if e.made != nil && field(e.made, "identifier") == p.id {
				return p.child(e.place.id)
			}
		}
	}
	return p
}

// alone reports whether the tenant has nothing to say about a place: it, or
// something above it, exists in the plan only, or not any more.
func (p *Planner) alone(at place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.aloneLocked(at)
}

func (p *Planner) aloneLocked(at place) bool {
	for _, id := range at.values {
		if IsPlaceholder(id) {
			return true
		}
	}
	if at.item && p.over.alone(at) {
		return true
	}
	if e := p.membership(at); e != nil && e.in {
		return true // who becomes a member with the plan has no roles yet
	}
	for up, ok := p.atlas.above(at); ok; up, ok = p.atlas.above(up) {
		if p.over.alone(up) {
			return true
		}
	}
	return false
}

// membership is what the plan knows of the membership that a place belongs to;
// nil where it knows nothing. The Planner's mutex is held.
func (p *Planner) membership(at place) *edge {
	if !strings.HasPrefix(at.kind.path, "/organizations/{}/members/{}") || len(at.values) < 2 {
		return nil
	}
	return p.over.edges.get(at.tenant, p.web.byName["organizations.members"], at.values[0], at.values[1])
}

// base is the tenant's object, nil where there is none.
func (x *call) base(p place) (*engine.Object, *engine.Error) {
	if !x.p.fresh {
		if o := x.p.recall(p); o != nil {
			return o, nil
		}
	}
	k := p.kind
	switch {
	case k.get != nil:
		out := x.ask(k.get, p.getArgs(k.get))
		if out.Err != nil && out.Err.StatusCode == http.StatusNotFound {
			return nil, nil
		}
		if out.Err != nil {
			return nil, out.Err
		}
		raw, _ := out.Value.(json.RawMessage)
		x.p.learn(p, raw)
		return object(raw), nil
	case k.list != nil && p.id != "":
		var found *engine.Object
		err := x.walk(k.list, p.getArgs(k.list), func(o *engine.Object, _ json.RawMessage) bool {
			if field(o, k.field) == p.id {
				found = o
			}
			return found == nil
		})
		if err != nil && err.StatusCode == http.StatusNotFound {
			return nil, nil
		}
		return found, err
	}
	return nil, &engine.Error{Name: engine.NameAuth0Error, StatusCode: http.StatusForbidden, ResetAt: -1, Message: "no operation reads it"}
}

// now is the object as the plan has left it; nil where it is not. The Planner's
// mutex is held.
func (p *Planner) now(s stand) *engine.Object {
	e := p.over.entry(s.place)
	switch {
	case e != nil && e.gone, p.orphan(s.place):
		return nil
	case e != nil && e.made != nil:
		return p.connected(s.place, e.made)
	case s.base == nil:
		return nil
	case p.over.dropped(s.place.tenant, s.place.kind.path, s.base):
		return nil
	case e != nil:
		return p.connected(s.place, e.patch.apply(s.base))
	}
	return p.connected(s.place, s.base)
}

// orphan reports whether something above a place is gone.
func (p *Planner) orphan(at place) bool {
	for up, ok := p.atlas.above(at); ok; up, ok = p.atlas.above(up) {
		if e := p.over.entry(up); e != nil && e.gone {
			return true
		}
	}
	return false
}

// connected gives a connection the applications that the plan has enabled.
func (p *Planner) connected(at place, o *engine.Object) *engine.Object {
	if at.kind.path != "/connections" {
		return o
	}
	list, ok := o.Get("enabled_clients")
	ids, isList := list.([]any)
	rel, id := p.web.byName["connections.clients"], field(o, "id")
	known := p.over.edges.byLeft[edgeKey{at.tenant, rel.name, id}]
	cleared := p.over.edges.cleared[edgeKey{at.tenant, rel.name, id}]
	if !ok || !isList || len(known) == 0 && !cleared && !p.over.touched[at.tenant+" /clients"] {
		return o
	}
	kept := slices.DeleteFunc(slices.Clone(ids), func(v any) bool {
		e := p.over.edges.get(at.tenant, rel, id, textOf(v))
		client := p.over.entries[ref{at.tenant, "/clients", textOf(v)}]
		return cleared && e == nil || e != nil && !e.in || client != nil && client.gone
	})
	for _, e := range known {
		if e.in && !slices.ContainsFunc(kept, func(v any) bool { return textOf(v) == e.right }) {
			kept = append(kept, e.right)
		}
	}
	slices.SortFunc(kept, func(a, b any) int { return strings.Compare(textOf(a), textOf(b)) })
	out := shallow(o)
	out.Set("enabled_clients", kept)
	return out
}

// parentError is the tenant's refusal of something below an object that does
// not exist; nil where it exists. What only exists in the tenant is looked at
// once.
func (x *call) parentError(at place) *engine.Error {
	up, ok := x.p.atlas.above(at)
	if !ok {
		return nil
	}
	return x.missing(up)
}

// missing is the 404 of a place where nothing stands, nil where something does.
func (x *call) missing(at place) *engine.Error {
	s, err := x.look(at)
	if err != nil {
		return err
	}
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	if s.unread != nil && x.p.over.entry(s.place) == nil {
		return nil
	}
	if x.p.now(s) == nil {
		return absent(at.kind.path, x.Name)
	}
	return nil
}

// volatile are the fields that change without anybody changing the object.
func volatile(path string) []string {
	if path == "/users" {
		return []string{
			"updated_at", "last_login", "last_ip", "logins_count", "last_password_reset", "multifactor_last_modified",
			"identities[].access_token", "identities[].access_token_secret", "identities[].refresh_token", "identities[].expires_in",
		}
	}
	return []string{"updated_at", "deployed_at", "built_at", "last_used_at"}
}

// steady is an object without its volatile fields.
func steady(path string, o *engine.Object) *engine.Object {
	out := shallow(o)
	for _, name := range volatile(path) {
		first, rest, deep := strings.Cut(name, "[].")
		if !deep {
			out.Delete(name)
			continue
		}
		v, _ := out.Get(first)
		list, _ := v.([]any)
		kept := make([]any, len(list))
		for i, item := range list {
			if inner, ok := item.(*engine.Object); ok {
				inner = shallow(inner)
				inner.Delete(rest)
				item = inner
			}
			kept[i] = item
		}
		if list != nil {
			out.Set(first, kept)
		}
	}
	return out
}

// digest tells an object from others of its kind and id. The Planner's mutex is
// held.
func (p *Planner) digest(path string, o *engine.Object) *Before {
	if o == nil {
		return &Before{}
	}
	o = steady(path, o)
	names := o.Keys()
	slices.Sort(names)
	b := &Before{Found: true, Sums: make([]byte, 0, 4*len(names))}
	for _, name := range names {
		v, _ := o.Get(name)
		b.Sums = append(b.Sums, p.mac([]byte(name), []byte{0}, canonical(v))[:4]...)
	}
	shape := strings.Join(names, " ")
	b.Digest = p.digestOf(b.Sums, shape)
	i, ok := p.shapes[shape]
	if !ok {
		i = len(p.plan.Shapes)
		p.plan.Shapes = append(p.plan.Shapes, shape)
		p.shapes[shape] = i
	}
	b.Shape = i
	return b
}

func (p *Planner) digestOf(sums []byte, shape string) string {
	return hexShort(p.mac(sums, []byte(shape)))
}

// secretPaths are the paths of an object's secrets.
func (k *kind) secretPaths(op *catalog.Operation) []string {
	var out []string
	if op != nil {
		out = append(append(out, op.Secrets...), op.SecretAnswers...)
	}
	if k.get != nil {
		out = append(out, k.get.SecretAnswers...)
	}
	if k.create != nil {
		out = append(append(out, k.create.Secrets...), k.create.SecretAnswers...)
	}
	return out
}
