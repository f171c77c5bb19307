package plan

import (
	"strings"

	"a0run/engine"
)

// A relation is one that can be read from both sides, or from one: the roles
// of users.
type relation struct {
	name  string
	lists []relList
	// own are the fields that identify an element which is no object of its own
	// (a permission).
	own []string
}

// A relList is one way to read a relation.
type relList struct {
	path  string // nameless
	left  bool   // the path names the left side, the items are the right ones
	items string // the collection of the items, nameless; "" for elements of their own
	view  []string
}

// A relWrite is an operation that changes a relation. left and right are the
// places of the ids: path arguments ("id", several joined by commas), a list
// of the body ("roles[]"), or the body itself ("[]").
type relWrite struct {
	op, relation string
	add          bool
	flag         string // the field of an element that says whether it is in
	left, right  string
}

func relations() []relation {
	roleView := []string{"id", "name", "description"}
	userView := []string{"user_id", "email", "name", "picture"}
	permission := []string{"resource_server_identifier", "permission_name"}
	return []relation{
		{name: "users.roles", lists: []relList{
			{"/users/{}/roles", true, "/roles", roleView}, {"/roles/{}/users", false, "/users", userView},
		}},
		{name: "organizations.members", lists: []relList{
			{"/organizations/{}/members", true, "/users", userView}, {"/users/{}/organizations", false, "/organizations", nil},
		}},
		{name: "organizations.members.roles", lists: []relList{
			{"/organizations/{}/members/{}/roles", true, "/roles", roleView},
		}},
		{name: "connections.clients", lists: []relList{
			{"/connections/{}/clients", true, "/clients", []string{"client_id"}}, {"/clients/{}/connections", false, "/connections", nil},
		}},
		{name: "organizations.client_grants", lists: []relList{
			{"/organizations/{}/client-grants", true, "/client-grants", nil}, {"/client-grants/{}/organizations", false, "/organizations", nil},
		}},
		{name: "groups.roles", lists: []relList{
			{"/groups/{}/roles", true, "/roles", roleView}, {"/roles/{}/groups", false, "/groups", nil},
		}},
		{name: "organizations.groups.roles", lists: []relList{
			{"/organizations/{}/groups/{}/roles", true, "/roles", roleView},
		}},
		{name: "users.permissions", own: permission, lists: []relList{{"/users/{}/permissions", true, "", nil}}},
		{name: "roles.permissions", own: permission, lists: []relList{{"/roles/{}/permissions", true, "", nil}}},
	}
}

func relWrites() []relWrite {
	return []relWrite{
		{"users.add_roles", "users.roles", true, "", "id", "roles[]"},
		{"users.remove_roles", "users.roles", false, "", "id", "roles[]"},
		{"roles.add_users", "users.roles", true, "", "users[]", "id"},
		{"organizations.create_organization_members", "organizations.members", true, "", "id", "members[]"},
		{"organizations.delete_organization_members", "organizations.members", false, "", "id", "members[]"},
		{"organizations.create_organization_member_roles", "organizations.members.roles", true, "", "id,user_id", "roles[]"},
		{"organizations.delete_organization_member_roles", "organizations.members.roles", false, "", "id,user_id", "roles[]"},
		{"connections.clients.update", "connections.clients", true, "status", "id", "[]"},
		{"organizations.add_client_grant", "organizations.client_grants", true, "", "id", "grant_id"},
		{"organizations.delete_client_grant", "organizations.client_grants", false, "", "id", "grant_id"},
		{"groups.roles.create", "groups.roles", true, "", "id", "roles[]"},
		{"groups.roles.delete", "groups.roles", false, "", "id", "roles[]"},
		{"roles.groups.create", "groups.roles", true, "", "groups[]", "id"},
		{"roles.groups.delete", "groups.roles", false, "", "groups[]", "id"},
		{"organizations.groups.roles.create", "organizations.groups.roles", true, "", "organization_id,group_id", "roles[]"},
		{"organizations.groups.roles.delete", "organizations.groups.roles", false, "", "organization_id,group_id", "roles[]"},
		{"users.add_permissions", "users.permissions", true, "", "id", "permissions[]"},
		{"users.remove_permissions", "users.permissions", false, "", "id", "permissions[]"},
		{"roles.add_permissions", "roles.permissions", true, "", "id", "permissions[]"},
		{"roles.remove_permissions", "roles.permissions", false, "", "id", "permissions[]"},
	}
}

// A web holds the relations; it is only read.
type web struct {
	byName map[string]*relation
	byPath map[string]relSide
	byOp   map[string]relWrite
}

// A relSide is a relation as one of its lists shows it.
type relSide struct {
	rel  *relation
	list relList
}

func newWeb() *web {
	w := &web{byName: map[string]*relation{}, byPath: map[string]relSide{}, byOp: map[string]relWrite{}}
	for _, r := range relations() {
		rel := &r
		w.byName[r.name] = rel
		for _, l := range r.lists {
			w.byPath[l.path] = relSide{rel, l}
		}
	}
	for _, x := range relWrites() {
		w.byOp[x.op] = x
	}
	return w
}

// An edge is one element of a relation that the plan added or took away.
type edge struct {
	left, right string // ids; several joined by a unit separator
	in          bool
	item        *engine.Object // of relations with elements of their own
}

// edges are the relations as the plan has changed them.
type edges struct {
	all             map[edgeID]*edge
	byLeft, byRight map[edgeKey][]*edge
	// cleared are the left sides whose elements in the tenant do not count any
	// more.
	cleared map[edgeKey]bool
}

type edgeKey struct{ tenant, relation, side string }

type edgeID struct{ tenant, relation, left, right string }

func newEdges() edges {
	return edges{all: map[edgeID]*edge{}, byLeft: map[edgeKey][]*edge{}, byRight: map[edgeKey][]*edge{}, cleared: map[edgeKey]bool{}}
}

const unitSeparator = "\x1f"

func joined(ids []string) string { return strings.Join(ids, unitSeparator) }

// set puts an element in or out of a relation.
func (s *edges) set(tenant string, rel *relation, e edge) {
	id := edgeID{tenant, rel.name, e.left, e.right}
	if old := s.all[id]; old != nil {
		old.in = e.in
		if e.item != nil {
			old.item = e.item
		}
		return
	}
	kept := &e
	s.all[id] = kept
	k, r := edgeKey{tenant, rel.name, e.left}, edgeKey{tenant, rel.name, e.right}
	s.byLeft[k] = append(s.byLeft[k], kept)
	s.byRight[r] = append(s.byRight[r], kept)
}

// get is what the plan knows of an element; nil where it knows nothing.
func (s *edges) get(tenant string, rel *relation, left, right string) *edge {
	return s.all[edgeID{tenant, rel.name, left, right}]
}

// clear takes all elements of a left side out.
func (s *edges) clear(tenant string, rel *relation, left string) {
	k := edgeKey{tenant, rel.name, left}
	s.cleared[k] = true
	for _, e := range s.byLeft[k] {
		e.in = false
	}
}

// seen are the elements that the plan knows of a list, those added and those
// taken away.
func (s *edges) seen(tenant string, side relSide, owner string) []*edge {
	k := edgeKey{tenant, side.rel.name, owner}
	if side.list.left {
		return s.byLeft[k]
	}
	return s.byRight[k]
}

// other is an element's id as a list shows it.
func (e *edge) other(l relList) string {
	if l.left {
		return e.right
	}
	return e.left
}

// elementID is an item's id in a list of a relation.
func (s relSide) elementID(item *engine.Object, field string) string {
	if len(s.rel.own) == 0 {
		return fieldOr(item, field, "id")
	}
	parts := make([]string, len(s.rel.own))
	for i, name := range s.rel.own {
		parts[i] = textAt(item, name)
	}
	return joined(parts)
}

func textAt(o *engine.Object, name string) string { return field(o, name) }

// fieldOr is the text of the first of two fields that has one.
func fieldOr(o *engine.Object, first, second string) string {
	if s := field(o, first); s != "" {
		return s
	}
	return field(o, second)
}
