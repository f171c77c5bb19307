package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What answers show: of a success's schema only which fields closed objects
// have. A place below which nothing is closed is 0, so that an answer of which
// nothing can be left out costs nothing to look at.

// answer is the place of the rule of an operation's success, 0 where nothing is
// closed in it.
func (b *rulebook) answer(op *apiOp) int {
	switch op.Path {
	case "/users", "/users/{id}", "/users-by-email":
		return 0 // a user carries what its connection says of it
	}
	for _, status := range []string{"200", "201", "202"} {
		if raw, ok := op.Responses[status]; ok {
			return b.shown(b.schemas.of(raw), 0)
		}
	}
	return 0
}

// shown is the place of the rule by which an answer is pruned.
func (b *rulebook) shown(v *schema, depth int) int {
	if v = b.schemas.deref(v); v == nil || depth > 12 {
		return 0
	}
	if id, ok := b.pruned[v]; ok {
		return id
	}
	b.pruned[v] = 0 // a schema that holds itself is pruned no deeper
	var parts []string
	var list []string
	isClosed := closed(v) && len(v.AllOf) == 0
	matters := isClosed
	for _, name := range keys(v.Properties) {
		id := b.shown(v.Properties[name], depth+1)
		matters = matters || id != 0
		list = append(list, fmt.Sprintf("{%q, %d, false}", name, id))
	}
	if matters && list != nil {
		parts = append(parts, "fields: []member{"+strings.Join(list, ", ")+"}")
	}
	if isClosed {
		parts = append(parts, "rest: 1")
	}
	if id := b.shown(v.Items, depth+1); id != 0 {
		parts = append(parts, "items: "+strconv.Itoa(id))
	}
	if one := b.shownOne(v, depth); one != "" {
		parts = append(parts, one)
	}
	id := 0
	if len(parts) > 0 {
		if k := statedKinds(orObject(v)); k != nil {
			parts = append([]string{"kinds: " + strings.Join(k, " | ")}, parts...)
		}
		id = b.place("{" + strings.Join(parts, ", ") + "}")
	}
	b.pruned[v] = id
	return id
}

// shownOne are the alternatives of an answer, "" where one of them may be
// anything.
func (b *rulebook) shownOne(v *schema, depth int) string {
	var ids []string
	for _, alt := range append(slices.Clone(v.OneOf), v.AnyOf...) {
		id := b.shown(alt, depth+1)
		if id == 0 {
			if k := statedKinds(orObject(b.schemas.deref(alt))); k != nil && !slices.Contains(k, "isObject") && !slices.Contains(k, "isArray") {
				continue // a text has nothing to leave out
			}
			return ""
		}
		ids = append(ids, strconv.Itoa(id))
	}
	if ids == nil {
		return ""
	}
	return "one: []ruleID{" + strings.Join(ids, ", ") + "}"
}

// orObject is a schema's type, of one with fields and no type an object.
func orObject(v *schema) any {
	if v != nil && v.Type == nil && len(v.Properties) > 0 {
		return "object"
	}
	if v == nil {
		return nil
	}
	return v.Type
}

// place is the place of a row, which equal rows share.
func (b *rulebook) place(text string) int {
	id, ok := b.ids[text]
	if !ok {
		id = len(b.rows)
		b.ids[text] = id
		b.rows = append(b.rows, text)
	}
	return id
}

// names are the newer fields, which no answer leaves out.
func newerNames() []string {
	var out []string
	for _, fields := range newer() {
		for _, f := range strings.Fields(fields) {
			if f != "type" && f != "name" && f != "email" && f != "password" && f != "token" && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	// Seen in recordings of tenants, and not in the document.
	out = append(out, "pre-custom-token-exchange", "tenant_id", "deleted_at", "profileData", "provisioning_ticket_url", "grant_id", "previous")
	slices.Sort(out)
	return out
}
