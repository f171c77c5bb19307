package guard

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// nameFields are the fields by which an object is known to people; a pattern
// that matches one of them protects it.
func nameFields() []string {
	return []string{"name", "display_name", "email", "username", "phone_number", "identifier", "domain", "audience", "client_id"}
}

// keptNames bounds how many objects' names are remembered, rememberedFor how
// long: many calls may name one role.
const (
	keptNames     = 10_000
	rememberedFor = 5 * time.Minute
)

// A nameBook remembers what objects are called.
type nameBook struct {
	mu    sync.Mutex
	names map[string]names
}

type names struct {
	all  []string
	read time.Time
}

func (b *nameBook) find(key string, now time.Time) ([]string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.names[key]
	return n.all, ok && now.Sub(n.read) < rememberedFor
}

func (b *nameBook) keep(key string, n names) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.names == nil || len(b.names) >= keptNames {
		b.names = map[string]names{}
	}
	b.names[key] = n
}

func (b *nameBook) forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.names, key)
}

// protects refuses a call that writes a protected object.
func (g *Guards) protects(ctx context.Context, t *tenant, c *engine.Call, o object) *engine.Error {
	rules := t.protect[o.kind]
	if len(rules) == 0 || o.what == create {
		return nil
	}
	byName := false
	for _, p := range rules {
		if p.byID && (p.pattern.match(o.id) || p.pattern.match(o.path)) {
			return isProtected(c, o, p, "")
		}
		byName = byName || p.byName
	}
	byEmail := c.Name == deleteByEmail && o.kind == "users"
	if !byName && !byEmail || o.id == "" || t.tally.own(o) {
		return nil
	}
	called, err := g.namesOf(ctx, t, c, o)
	if err != nil {
		return unread(c, reason{
			guard: rules[0].path, where: rules[0].where, text: "whether " + o.shown() + " is protected cannot be told",
			hint: "protect by {id: …}, which needs no look at the object",
		}, err)
	}
	for _, p := range rules {
		for _, name := range called {
			if (p.byName || byEmail) && p.pattern.match(name) {
				return isProtected(c, o, p, name)
			}
		}
	}
	return nil
}

func isProtected(c *engine.Call, o object, p protected, name string) *engine.Error {
	text := o.shown() + " is protected"
	if name != "" && name != o.id {
		text = o.shown() + ", called " + name + ", is protected"
	}
	if p.pattern.wild() {
		text += " by " + p.pattern.text
	}
	return refused(c, reason{
		guard: p.path, where: p.where, text: text,
		hint: "leave it out of the playbook's work, or take it off the list there",
	})
}

// namesOf are the names of an object, read from the tenant if the call's
// before-image does not have them; none where there is no such object.
func (g *Guards) namesOf(ctx context.Context, t *tenant, c *engine.Call, o object) ([]string, error) {
	key := t.Domain + "\x00" + o.kind + "\x00" + o.path
	now := g.now()
	if all, ok := g.names.find(key, now); ok {
		return all, nil
	}
	read := func() ([]json.RawMessage, error) { return g.readObject(ctx, c, o) }
	if c.Name == deleteByEmail && o.kind == "users" {
		read = func() ([]json.RawMessage, error) { return g.usersByEmail(ctx, c, o.id) }
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, text := range found {
		all = append(all, namesIn(text)...)
	}
	g.names.keep(key, names{all, now})
	return all, nil
}

// namesIn are the names that an object has.
func namesIn(text json.RawMessage) []string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return nil // no object: it has no name
	}
	var all []string
	for _, field := range append(nameFields(), "user_id") {
		var name string
		if json.Unmarshal(fields[field], &name) == nil && name != "" {
			all = append(all, name)
		}
	}
	return all
}

// readObject reads one object by its id.
func (g *Guards) readObject(ctx context.Context, c *engine.Call, o object) ([]json.RawMessage, error) {
	get := getter(g.table, o.kind)
	if g.image != nil && o.subject && c.Operation.Inverse.Before == get.ID {
		text, err := g.image(ctx, c)
		return []json.RawMessage{text}, err
	}
	args := engine.NewObject(1)
	args.Set(get.Subject.ID, o.id)
	return g.ask(ctx, c, get, args)
}

// usersByEmail reads the users that bear an address, in lower case as well: databases
// keep it so, and the search minds the case where the deletion may not.
func (g *Guards) usersByEmail(ctx context.Context, c *engine.Call, email string) (all []json.RawMessage, err error) {
	asked := []string{email}
	if lower := strings.ToLower(email); lower != email {
		asked = append(asked, lower)
	}
	for _, mail := range asked {
		users, err := g.usersOf(ctx, c, mail)
		if err != nil {
			return nil, err
		}
		all = append(all, users...)
	}
	return all, nil
}

// usersOf reads the users that bear an address in this case.
func (g *Guards) usersOf(ctx context.Context, c *engine.Call, email string) ([]json.RawMessage, error) {
	op, ok := g.table.Lookup("users_by_email.search_users_by_email")
	if !ok {
		return nil, &engine.Error{Name: engine.NameInternalError, ResetAt: -1, Message: "the catalogue has no search for users by e-mail address"}
	}
	args := engine.NewObject(1)
	args.Set("email", email)
	found, err := g.ask(ctx, c, op, args)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var users []json.RawMessage
	return users, json.Unmarshal(found[0], &users)
}

// ask makes one request on behalf of a call; nothing for an object that is not
// there.
func (g *Guards) ask(ctx context.Context, c *engine.Call, op *catalog.Operation, args *engine.Object) ([]json.RawMessage, error) {
	if g.api == nil {
		return nil, &engine.Error{Name: engine.NameInternalError, ResetAt: -1, Message: "the guards were given no API"}
	}
	a, err := g.api.Request(c.Tenant, op, args)
	if err != nil {
		return nil, err
	}
	a.Where = c.Where
	out := c.Sub(ctx, a)
	switch {
	case out.Status == 404, out.Err != nil && out.Err.StatusCode == 404:
		return nil, nil
	case out.Err != nil:
		return nil, out.Err
	}
	raw, _ := out.Value.(json.RawMessage)
	return []json.RawMessage{raw}, nil
}
