package sim

import (
	"net/http"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// generic is the handler of an operation that has no quirk: what its effect
// and its path say.
func generic(rt *route) handler {
	op, m := rt.ops[0], rt.model
	if op.API != catalog.Management {
		return act
	}
	switch op.Effect {
	case catalog.Read:
		switch {
		case m.item:
			return getItem
		case op.IsListing():
			return listItems
		}
		return getSingle
	case catalog.Create:
		if m.many {
			return createItem
		}
		return createSingle
	case catalog.Patch:
		if m.item {
			return patchItem
		}
		return patchSingle
	case catalog.Replace:
		switch {
		case m.item:
			return putItem
		case op.Paging.Style == "" && m.many:
			return putMany
		}
		return putSingle
	case catalog.Delete:
		switch {
		case op.Verb != http.MethodDelete:
			return act
		case m.item:
			return deleteItem
		case m.many:
			return deleteMany
		}
		return deleteSingle
	case catalog.Add, catalog.Remove:
		return relate
	case catalog.Act:
	}
	return act
}

// orphan is the refusal of a call whose parent object does not exist.
func (c *call) orphan() *reply {
	m := c.rt.model
	if m.parent == "" {
		return nil
	}
	scope := c.params[:m.nested-1]
	if c.tx.Has(store.Key{Kind: m.parent, Scope: joined(scope)}, c.params[m.nested-1]) {
		return nil
	}
	rep := absent(m.parent)
	return &rep
}

func listItems(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	return c.page(listing{key: c.key()})
}

func getItem(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	o := c.tx.Get(c.key(), c.id())
	switch {
	case o != nil:
		return c.ok(c.fields(shown(c.key().Kind, o)))
	case c.rt.model.made || c.rt.model.kind == "/jobs":
		return absent(c.rt.model.kind)
	case unsetIsEmpty(c.rt.model.kind):
		return c.ok(object{})
	}
	return absent(c.rt.model.kind)
}

// unsetIsEmpty names the kinds whose items exist by themselves and hold
// nothing until somebody sets them.
func unsetIsEmpty(kind string) bool {
	switch kind {
	case "/prompts/{}/custom-text", "/self-service-profiles/{}/custom-text/{}":
		return true
	}
	return false
}

func createItem(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	if c.list != nil {
		for _, v := range c.list {
			if o, ok := v.(object); ok {
				c.insert(o)
			}
		}
		return c.ok(c.tx.All(c.key()))
	}
	if rep := c.taken(c.body); rep != nil {
		return *rep
	}
	return c.ok(shown(c.key().Kind, c.insert(c.body)))
}

// insert makes an object of a body and stores it.
func (c *call) insert(body object) object {
	k, idName := c.key(), c.rt.model.idName
	o := filled(k.Kind, c, store.Clone(body))
	if str(o, idName) == "" {
		o[idName] = c.t.ids.id(k.Kind, k.Scope+string(encode(body)))
	}
	if stamped(k.Kind) {
		o["created_at"], o["updated_at"] = stamp(c.now), stamp(c.now)
	}
	c.tx.Put(k, str(o, idName), o)
	return o
}

// taken refuses a body whose name or id stands already.
func (c *call) taken(body object) *reply {
	k := c.key()
	if id := str(body, c.rt.model.idName); id != "" && c.tx.Has(k, id) {
		rep := conflict(existsText(k.Kind, id), "")
		return &rep
	}
	if index := uniqueBy(k.Kind); index != "" {
		if v := str(body, index); v != "" && len(c.tx.Lookup(k, index, v)) > 0 {
			rep := conflict(existsText(k.Kind, v), "")
			return &rep
		}
	}
	return nil
}

func uniqueBy(kind string) string {
	switch kind {
	case "/roles", "/connections", "/organizations":
		return "name"
	case "/resource-servers":
		return "identifier"
	}
	return ""
}

func existsText(kind, id string) string {
	if kind == "/email-templates" {
		return "Template " + id + " already exists."
	}
	return "The " + noun(kind) + " " + id + " already exists."
}

func patchItem(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k := c.key()
	old := c.tx.Get(k, c.id())
	if old == nil {
		return absent(k.Kind)
	}
	o := store.Clone(old)
	merge(o, c.body, c.op.Merge)
	if stamped(k.Kind) {
		o["updated_at"] = stamp(c.now)
	}
	o[c.rt.model.idName] = c.id()
	c.tx.Put(k, c.id(), o)
	return c.ok(c.maybe(shown(k.Kind, o)))
}

// maybe is the body of a success, nothing where the table says so.
func (c *call) maybe(o any) any {
	if c.op.Answer != catalog.EmptyAnswer {
		return o
	}
	if c.op.Status == http.StatusNoContent {
		return nil
	}
	return object{}
}

// merge puts the fields of a patch in the place of the old ones; those named
// in deep merge one level further, where null removes.
func merge(into, patch object, deep []string) {
	for k, v := range patch {
		fields, ok := v.(object)
		if !ok || !slices.Contains(deep, k) {
			into[k] = v
			continue
		}
		merged := store.Clone(sub(into, k))
		for name, value := range fields {
			if value == nil {
				delete(merged, name)
			} else {
				merged[name] = value
			}
		}
		into[k] = merged
	}
}

func putItem(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k := c.key()
	old := c.tx.Get(k, c.id())
	if old == nil && c.rt.model.made && k.Kind != "/email-templates" {
		return absent(k.Kind)
	}
	o := store.Clone(c.body)
	if c.rt.model.made || k.Kind == "/rules-configs" || k.Kind == "/guardian/factors" {
		o[c.rt.model.idName] = c.id()
	}
	if stamped(k.Kind) {
		o["created_at"], o["updated_at"] = stamp(c.now), stamp(c.now)
		if at := old["created_at"]; at != nil {
			o["created_at"] = at
		}
	}
	c.tx.Put(k, c.id(), o)
	return c.ok(c.maybe(o))
}

// putMany replaces a whole collection.
func putMany(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	c.tx.Clear(c.key())
	list := c.list
	if list == nil {
		list = firstArray(c.body)
	}
	for _, v := range list {
		switch v := v.(type) {
		case object:
			c.insert(v)
		case string:
			c.insert(object{c.rt.model.idName: v})
		}
	}
	all := c.tx.All(c.key())
	if c.op.Paging.Items != "" {
		return c.ok(object{c.op.Paging.Items: all})
	}
	return c.ok(c.maybe(all))
}

func deleteItem(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k := c.key()
	if !c.tx.Delete(k, c.id()) && !silentDelete(k.Kind) {
		return absent(k.Kind)
	}
	return c.done()
}

// done is a success that has nothing to say.
func (c *call) done() reply {
	status := c.status(http.StatusNoContent)
	if status == http.StatusNoContent {
		return empty()
	}
	return sent(status, object{})
}

// deleteMany empties a collection; query arguments narrow it.
func deleteMany(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	l := listing{key: c.key()}
	l.filters(c)
	for _, o := range c.tx.All(l.key) {
		if l.matches(o) {
			c.tx.Delete(l.key, str(o, c.rt.model.idName))
		}
	}
	return c.done()
}

// relate adds or removes relations of which a body names the other sides:
// {"roles": ["rol_1"]}, {"KEY": "VALUE"} or a bare array.
func relate(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	list := c.list
	if list == nil {
		list = firstArray(c.body)
	}
	ids := map[string]object{}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			ids[v] = object{"id": v}
		case object:
			ids[str(v, c.rt.model.idName)] = store.Clone(v)
		}
	}
	if len(list) == 0 && c.body != nil {
		id := str(c.body, c.rt.model.idName)
		for _, name := range []string{"id", "jti", "grant_id", "name"} {
			if id == "" {
				id = str(c.body, name)
			}
		}
		ids[id] = store.Clone(c.body)
	}
	if c.rt.model.item {
		ids = map[string]object{c.id(): nil}
	}
	for _, id := range sortedKeys(ids) {
		if c.op.Effect == catalog.Remove {
			c.tx.Delete(c.key(), id)
		} else {
			c.tx.Put(c.key(), id, ids[id])
		}
	}
	if c.op.Answer == catalog.JSONAnswer {
		return c.ok(c.body)
	}
	return c.done()
}

func firstArray(o object) []any {
	for _, k := range sortedKeys(o) {
		if l, ok := o[k].([]any); ok {
			return l
		}
	}
	return nil
}

// Single things: settings of which there is one, at a path of their own.

func (c *call) single() (store.Key, string) {
	return singleKey(c.rt.path), joined(c.params)
}

// singleKey is where a thing of which there is one is kept. The settings of
// messages to phones have two paths: the older says sms.
func singleKey(path string) store.Key {
	if rest, older := strings.CutPrefix(path, "/guardian/factors/sms/"); older {
		path = "/guardian/factors/phone/" + rest
	}
	return store.Key{Kind: "=" + path}
}

func getSingle(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	o := c.tx.Get(k, id)
	if o == nil {
		if o = preset(c.rt.path, c.t); o == nil {
			return absent(c.rt.path)
		}
	}
	return c.ok(c.fields(shown(c.rt.path, o)))
}

func createSingle(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	if c.tx.Has(k, id) {
		return conflict("The "+noun(c.rt.path)+" already exists.", "")
	}
	o := filled(c.rt.path, c, store.Clone(c.body))
	c.tx.Put(k, id, o)
	return c.ok(c.maybe(shown(c.rt.path, o)))
}

func patchSingle(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	old := c.tx.Get(k, id)
	if old == nil {
		if old = preset(c.rt.path, c.t); old == nil {
			return absent(c.rt.path)
		}
	}
	o := store.Clone(old)
	merge(o, c.body, c.op.Merge)
	c.tx.Put(k, id, o)
	return c.ok(c.maybe(shown(c.rt.path, o)))
}

func putSingle(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	if c.list != nil {
		c.tx.Put(k, id, object{"$list": c.list})
		return c.ok(c.maybe(c.list))
	}
	o := store.Clone(c.body)
	c.tx.Put(k, id, o)
	return c.ok(c.maybe(shown(c.rt.path, o)))
}

func deleteSingle(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	if !c.tx.Delete(k, id) && preset(c.rt.path, c.t) == nil && !silentDelete(c.rt.path) {
		return absent(c.rt.path)
	}
	return c.done()
}

// act answers an operation that does something in the world: nothing happens,
// and the answer is a plausible one.
func act(c *call) reply {
	if c.op.API == catalog.Management {
		if rep := c.orphan(); rep != nil {
			return *rep
		}
	}
	if c.op.Answer == catalog.EmptyAnswer {
		return c.done()
	}
	if c.op.API == catalog.Management && c.rt.model.parent != "" {
		m := c.rt.model
		scope := store.Key{Kind: m.parent, Scope: joined(c.params[:m.nested-1])}
		if o := c.tx.Get(scope, c.params[m.nested-1]); o != nil {
			return c.ok(shown(m.parent, o))
		}
	}
	return c.ok(object{})
}
