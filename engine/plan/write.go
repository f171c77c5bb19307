package plan

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// write plans a mutating call: what stands there is looked at, then the change
// is decided, recorded and answered in one step under the Planner's mutex.
func (x *call) write() engine.Outcome {
	x.p.remember(x.Args)
	if w, ok := x.p.web.byOp[x.Operation.ID]; ok {
		return x.relate(w)
	}
	at := x.p.atlas.of(x.Tenant, x.Operation, x.Args)
	switch x.Effect {
	case catalog.Create:
		return x.create(at)
	case catalog.Patch:
		if at.item {
			return x.patch(at)
		}
	case catalog.Replace:
		if at.item {
			return x.replace(at)
		}
		return x.replaceList(at)
	case catalog.Delete:
		if at.item && x.Operation.Verb == http.MethodDelete {
			return x.remove(at)
		}
	case catalog.Add:
		if at.kind.path == "/organizations/{}/connections" {
			return x.create(at)
		}
	case catalog.Remove:
		if at.item && at.kind.path == "/organizations/{}/connections" {
			return x.remove(at)
		}
	case catalog.Read:
	default:
	}
	return x.act(at)
}

// change begins the record of the call.
func (x *call) change(at place) *Change {
	shown := engine.Redacted(x.Args)
	c := &Change{
		Key: x.Key, Task: x.Task.Path(), N: x.N, Where: x.Where.String(), Step: x.Step(),
		Operation: x.Name, Effect: x.Effect, Tenant: x.Tenant, Kind: at.kind.name, Object: at.id,
		Args: x.p.hide(shown),
	}
	if c.Kind == "" {
		c.Kind = x.Operation.Subject.Kind
	}
	if c.Object == "" && at.kind.single && len(at.values) > 0 {
		c.Object = at.values[len(at.values)-1]
	}
	return c
}

// hide writes a tree for a record: texts that the redactor knows are hidden.
func (p *Planner) hide(v any) []byte {
	b := text(replaceTexts(v, p.o.Redactor.Redact))
	if string(b) == "{}" || string(b) == "null" {
		return nil
	}
	return b
}

// record keeps a change. The Planner's mutex is held.
func (p *Planner) record(x *call, c *Change) {
	c.Unknown = append(c.Unknown, x.doubts...)
	c.Name = strings.Clone(p.o.Redactor.Redact(c.Name)) // not a part of an answer's text
	c.Summary = summary(c)
	p.plan.Changes = append(p.plan.Changes, c)
}

// refuse records that the tenant would refuse the call. The Planner's mutex is
// held.
func (p *Planner) refuse(x *call, c *Change, err *engine.Error) engine.Outcome {
	c.Refused = &Refusal{Status: err.StatusCode, Code: err.ErrorCode, Message: err.Message}
	p.record(x, c)
	return engine.Outcome{Status: err.StatusCode, Err: err}
}

// refused is refuse without the mutex. An error that is no answer of the tenant
// is no part of the plan.
func (x *call) refused(c *Change, err *engine.Error) engine.Outcome {
	if err.StatusCode != 0 && !err.Uncatchable() {
		x.p.mu.Lock()
		defer x.p.mu.Unlock()
		return x.p.refuse(x, c, err)
	}
	return engine.Outcome{Err: err}
}

// answer is the operation's success with an object.
func (x *call) answer(o *engine.Object) engine.Outcome {
	out := engine.Outcome{Status: x.Operation.Status}
	if out.Status == 0 {
		out.Status = http.StatusOK
	}
	switch {
	case x.Operation.Answer == catalog.EmptyAnswer && out.Status != http.StatusNoContent && x.Operation.API == catalog.Management:
		out.Value = json.RawMessage("{}")
	case o != nil && x.Operation.Answer != catalog.EmptyAnswer:
		out.Value = text(o)
	}
	return out
}

// stampOf writes a time as the tenant does.
func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// create plans a new object.
func (x *call) create(at place) engine.Outcome {
	c := x.change(at)
	c.Effect = catalog.Create
	c.Object = ""
	body, _ := bodyOf(x.Operation, x.Args).(*engine.Object)
	if body == nil {
		body = engine.NewObject(0)
	}
	if err := x.parentError(at); err != nil {
		return x.refused(c, err)
	}
	if err := x.madeOf(at, body); err != nil {
		return x.refused(c, err)
	}
	made, id := x.made(at, body)
	in := at
	if !at.kind.single {
		in = at.child(id)
	}
	there, err := x.standsThere(at, in, body)
	if err != nil {
		return x.refused(c, err)
	}
	bearers, err := x.bearers(x.creating(at), at, keyed(body, made))
	if err != nil {
		return x.refused(c, err)
	}
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	c.Object, c.Name = id, labelOf(made)
	if there != nil && p.now(*there) != nil {
		return p.refuse(x, c, taken(at.kind.path, id, x.Name))
	}
	if p.isTaken(x.creating(at), at, keyed(body, made), bearers) {
		return p.refuse(x, c, taken(at.kind.path, labelOf(body), x.Name))
	}
	p.over.make(in, made)
	if home, ok := p.atlas.home(at, x.Operation.Subject.Kind, id); ok {
		p.over.make(home, made)
	}
	x.settle(in, body)
	c.Fields = append(p.diff(x, at, nil, sentOf(made, body)), p.unreadable(x, at, body)...)
	x.bulk(c)
	c.Before = &Before{}
	p.record(x, c)
	return x.answer(p.connected(in, made))
}

// sentOf is an object without what the tenant fills in: a diff shows what was
// asked for.
func sentOf(made, body *engine.Object) *engine.Object {
	out := engine.NewObject(body.Len())
	for name, v := range made.All() {
		if _, sent := body.Get(name); sent {
			out.Set(name, v)
		}
	}
	return out
}

// creating is the operation whose natural key counts.
func (x *call) creating(at place) *catalog.Operation {
	if x.Effect == catalog.Create {
		return x.Operation
	}
	if at.kind.create != nil {
		return at.kind.create
	}
	return &catalog.Operation{}
}

// keyed is the body with what the tenant fills in.
func keyed(body, made *engine.Object) *engine.Object {
	out := shallow(made)
	for name, v := range body.All() {
		out.Set(name, v)
	}
	return out
}

// standsThere looks whether the place that a create names is free: a single
// thing, or an id that the body gives.
func (x *call) standsThere(at, in place, body *engine.Object) (*stand, *engine.Error) {
	given := field(body, at.kind.field)
	if at.kind.path == "/organizations/{}/connections" {
		given = field(body, "connection_id")
	}
	if !at.kind.single && given == "" {
		return nil, nil
	}
	s, err := x.look(in)
	return &s, err
}

// patch plans a change of fields.
func (x *call) patch(at place) engine.Outcome {
	c := x.change(at)
	s, err := x.look(at)
	if err != nil {
		return x.refused(c, err)
	}
	at = s.place
	body, _ := bodyOf(x.Operation, x.Args).(*engine.Object)
	bearers, err := x.renamed(at, body)
	if err != nil {
		return x.refused(c, err)
	}
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.now(s)
	switch {
	case s.unread != nil && old == nil && p.over.entry(at) == nil:
		return x.blind(c, s, body)
	case old == nil:
		return p.refuse(x, c, absent(at.kind.path, x.Name))
	}
	c.Name = labelOf(old)
	if create := at.kind.create; create != nil && touchesKey(create, body) &&
		p.isTaken(create, at, keyed(body, old), bearers) {
		if at.kind.path == "/users" {
			return p.refuse(x, c, refusal(http.StatusBadRequest, "invalid_body", "The specified new email already exists", x.Name))
		}
		return p.refuse(x, c, taken(at.kind.path, labelOf(body), x.Name))
	}
	if err := refusedUserPatch(at, body, old, x.Name); err != nil {
		return p.refuse(x, c, err)
	}
	by := x.patchOf(at, body, old)
	now := by.apply(old)
	c.Before = p.before(at, old)
	x.settle(at, body)
	now = p.connected(at, now)
	c.Fields = append(p.diff(x, at, old, now), p.unreadable(x, at, body)...)
	c.NoChange = len(c.Fields) == 0
	if at.kind.single && s.base == nil && p.over.entry(at) == nil {
		p.over.make(at, now)
	} else {
		p.over.change(at, by, field(old, "created_at"))
	}
	p.record(x, c)
	return x.answer(now)
}

// before is the digest of what stands in a place. The Planner's mutex is held.
func (p *Planner) before(at place, old *engine.Object) *Before {
	b := p.digest(at.kind.path, old)
	b.Planned = p.over.entry(at) != nil
	return b
}

// blind plans a patch of what could not be read. The Planner's mutex is held.
func (x *call) blind(c *Change, s stand, body *engine.Object) engine.Outcome {
	p := x.p
	x.p.cannotKnow(x, "what stands there: the application may not read it ("+s.unread.Message+")")
	now := engine.NewObject(body.Len() + 1)
	if s.place.id != "" {
		now.Set(s.place.kind.field, s.place.id)
	}
	for name, v := range body.All() {
		now.Set(name, v)
	}
	c.Before = &Before{Unread: s.unread.Message}
	c.Fields = p.diff(x, s.place, nil, body)
	p.record(x, c)
	return x.answer(now)
}

// renamed looks who bears the natural key that a patch would take.
func (x *call) renamed(at place, body *engine.Object) ([]string, *engine.Error) {
	if at.kind.create == nil || !touchesKey(at.kind.create, body) || x.fresh() {
		return nil, nil
	}
	return x.bearers(at.kind.create, at, body)
}

func (x *call) fresh() bool { return x.p.fresh }

func touchesKey(create *catalog.Operation, body *engine.Object) bool {
	return create.NaturalKey.Unique && slices.ContainsFunc(create.NaturalKey.Fields, func(f string) bool {
		return textOf(firstOf(values(body, f))) != "" && f != "connection"
	})
}

func firstOf(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// replace plans a whole new content of an object.
func (x *call) replace(at place) engine.Outcome {
	c := x.change(at)
	s, err := x.look(at)
	if err != nil {
		return x.refused(c, err)
	}
	at = s.place
	body, _ := bodyOf(x.Operation, x.Args).(*engine.Object)
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.now(s)
	if old == nil && s.unread == nil && at.kind.create != nil && !replaceMakes(at.kind.path) {
		return p.refuse(x, c, absent(at.kind.path, x.Name))
	}
	now := engine.NewObject(body.Len() + 2)
	if at.id != "" && at.kind.field != "" && (old != nil || at.kind.create != nil) {
		now.Set(at.kind.field, at.id)
	}
	for name, v := range body.All() {
		now.Set(name, v)
	}
	for _, kept := range []string{"created_at", "id"} {
		if v, ok := old.Get(kept); ok {
			now.Set(kept, v)
		}
	}
	if _, ok := old.Get("updated_at"); ok {
		now.Set("updated_at", stampOf(p.clock.at(x.Task)))
	}
	if strings.HasSuffix(x.Operation.Path, "/reset") {
		p.cannotKnow(x, "the content that the reset puts back")
		if now = old; old == nil {
			now = engine.NewObject(0)
		}
	}
	c.Name, c.Before = labelOf(old), p.before(at, old)
	if s.unread != nil {
		c.Before = &Before{Unread: s.unread.Message}
		p.cannotKnow(x, "what stands there: "+s.unread.Message)
	}
	c.Fields = p.diff(x, at, old, now)
	c.NoChange = len(c.Fields) == 0 && len(x.doubts) == 0
	p.over.make(at, now)
	p.over.entry(at).apart = old == nil || at.kind.single
	p.record(x, c)
	return x.answer(now)
}

// replaceMakes names the collections in which a PUT makes what is not there.
func replaceMakes(path string) bool { return path == "/email-templates" || path == "/rules-configs" }

// remove plans a deletion.
func (x *call) remove(at place) engine.Outcome {
	c := x.change(at)
	c.Effect = catalog.Delete
	s, err := x.look(at)
	if err != nil {
		return x.refused(c, err)
	}
	at = s.place
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.now(s)
	switch {
	case old == nil && s.unread == nil && p.orphan(at) && !silentDelete(at.kind.path):
		return p.refuse(x, c, absent(at.kind.path, x.Name))
	case old == nil && s.unread == nil && silentDelete(at.kind.path):
		c.NoChange, c.silent, c.Before = true, true, p.before(at, nil)
		p.record(x, c)
		return x.deleted(at, false)
	case old == nil && s.unread == nil:
		return p.refuse(x, c, absent(at.kind.path, x.Name))
	}
	c.Name, c.Before = labelOf(old), p.before(at, old)
	if s.unread != nil {
		c.Before = &Before{Unread: s.unread.Message}
		p.cannotKnow(x, "what stands there: "+s.unread.Message)
	}
	c.With = x.Operation.TakesWithIt.Kinds
	p.over.remove(at, s.base != nil)
	p.takeAlong(at, old)
	p.record(x, c)
	return x.deleted(at, true)
}

// deleted is the answer to a delete.
func (x *call) deleted(at place, there bool) engine.Outcome {
	if at.kind.path != "/connections" {
		return x.answer(nil)
	}
	var out engine.Outcome
	out.Status = http.StatusNoContent
	if there {
		o := engine.NewObject(1)
		o.Set("deleted_at", stampOf(x.p.clock.at(x.Task)))
		out.Status, out.Value = http.StatusAccepted, text(o)
	}
	return out
}

// replaceList plans a whole new list.
func (x *call) replaceList(at place) engine.Outcome {
	c := x.change(at)
	var old []any
	if at.kind.list != nil && !x.p.alone(at) {
		err := x.walk(at.kind.list, at.getArgs(at.kind.list), func(o *engine.Object, _ json.RawMessage) bool {
			old = append(old, o)
			return true
		})
		if err != nil && err.StatusCode != http.StatusForbidden {
			return x.refused(c, err)
		}
	}
	body := bodyOf(x.Operation, x.Args)
	list, isList := body.([]any)
	if o, ok := body.(*engine.Object); ok {
		for _, v := range o.All() {
			if l, ok := v.([]any); ok && !isList {
				list, isList = l, true
			}
		}
	}
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	coll := p.over.use(at)
	c.Before = &Before{Found: true, Digest: hexShort(p.mac(canonical(old))), Planned: coll.isSet}
	if coll.isSet {
		old = coll.replaced
	}
	name := at.kind.path[strings.LastIndexByte(at.kind.path, '/')+1:]
	c.Fields = []Field{{Path: name, Old: p.hide(old), New: p.hide(list)}}
	if c.NoChange = same(old, list); c.NoChange {
		c.Fields = nil
	}
	coll.replaced, coll.isSet = list, true
	p.cannotKnow(x, "how the tenant shows the new list: reads give what was sent")
	p.record(x, c)
	if m := x.Operation.Paging.Items; m != "" || x.Operation.Answer == catalog.JSONAnswer {
		out := engine.NewObject(1)
		if m == "" && at.kind.list != nil {
			m = at.kind.list.Paging.Items
		}
		if m == "" {
			return engine.Outcome{Status: x.Operation.Status, Value: text(list)}
		}
		out.Set(m, list)
		return x.answer(out)
	}
	return x.answer(nil)
}
