package undo

import (
	"slices"
	"sort"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// Deleting a connection deletes its users, whose passwords nobody can bring
// back. So one that the run has made is only deleted when no user is in it but
// those that the run made too, and that are deleted before it. Of other kinds
// that go with an object only relations and settings are lost; the preview names
// them.

// usersKind are the objects whose loss is looked for.
const usersKind = "users"

// guests says who lives in an object that is about to be deleted, and was not
// made by the run; "" where nobody does.
func (p *pass) guests(w *work, item *Item) (string, error) {
	if w.op.Effect != catalog.Create || !slices.Contains(w.with.TakesWithIt.Kinds, usersKind) {
		return "", nil
	}
	list, ok := p.u.o.Catalogue.Lookup("users.list")
	name, named := image.Text(image.Field(w.answer, "name"))
	if !ok || !named {
		return "", nil
	}
	args := engine.NewObject(3)
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
	args.Set("q", `identities.connection:"`+quoted+`"`)
	args.Set("search_engine", "v3")
	args.Set("fields", []any{"user_id"})
	do := func(a *engine.Action) engine.Outcome {
		item.Requests++
		a.Where = position(w.c.where)
		return w.task.Do(a)
	}
	for raw, err := range p.u.o.API.Walk(w.c.tenant, list, args, do) {
		if err != nil {
			return "", unreadable(err)
		}
		user, err := engine.ParseJSON(raw)
		if err != nil {
			return "", unreadable(err)
		}
		id, _ := image.Text(image.Field(user, "user_id"))
		if !p.removed[hashOf(id)] {
			return "deleting it would delete users that the run has not made: " + p.u.o.Redactor.Redact(id), nil
		}
	}
	return "", nil
}

// callHash names a call by its operation and the texts in its arguments.
func callHash(operation string, args any) uint64 {
	var texts []string
	eachText(args, func(text string) { texts = append(texts, text) })
	sort.Strings(texts)
	return hashOf(operation + "\x00" + strings.Join(texts, "\x00"))
}

// madeEarlier reports whether an earlier undo has made the calls of a decision;
// asked only where nothing can be read that would tell.
func (u *Undo) madeEarlier(d decision) bool {
	for _, c := range d.calls {
		if !u.earlier[callHash(c.op.ID, c.args)] {
			return false
		}
	}
	return len(d.calls) > 0
}
