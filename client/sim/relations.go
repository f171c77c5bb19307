package sim

import (
	"net/http"
	"strings"

	"a0run/client/sim/store"
)

// The relations, each kept in both directions.
const (
	userRoles   = "user-roles"        // user → role
	memberships = "memberships"       // user → organization
	memberRoles = "membership-roles"  // organization␟user → role
	orgConns    = "org-connections"   // organization → connection
	orgGrants   = "org-client-grants" // organization → client grant
	connClients = "enabled-clients"   // connection → client
)

func userRelationHandlers() map[string]handler {
	return map[string]handler{
		"GET /users/{}/roles":                 userRoleList,
		"POST /users/{}/roles":                userRoleChange(true),
		"DELETE /users/{}/roles":              userRoleChange(false),
		"GET /users/{}/permissions":           permissionList(usersKind),
		"POST /users/{}/permissions":          permissionAdd(usersKind),
		"DELETE /users/{}/permissions":        permissionRemove(usersKind),
		"GET /users/{}/organizations":         userOrganizations,
		"GET /users/{}/effective-roles":       userRoleList,
		"GET /users/{}/effective-permissions": effectivePermissions,
	}
}

func userRoleList(c *call) reply {
	if !c.tx.Has(usersKey(), c.params[0]) {
		return absent(usersKind)
	}
	return c.page(c.related(store.Links(userRoles, c.params[0]), rolesKey(), roleShort))
}

// related lists the objects of a kind that a relation leads to.
func (c *call) related(links, target store.Key, view func(object) object) listing {
	return listing{key: links, view: func(link object) object {
		o := c.tx.Get(target, store.ID(link))
		if o == nil || view == nil {
			return o
		}
		return view(o)
	}}
}

func roleShort(o object) object {
	return object{"id": o["id"], "name": o["name"], "description": o["description"]}
}

func userRoleChange(add bool) handler {
	return func(c *call) reply {
		if !c.tx.Has(usersKey(), c.params[0]) {
			return absent(usersKind)
		}
		roles := texts(c.body, "roles")
		for _, id := range roles {
			if add && !c.tx.Has(rolesKey(), id) {
				return absent("/roles")
			}
		}
		for _, id := range roles {
			if add {
				c.tx.Link(userRoles, c.params[0], id, nil)
			} else {
				c.tx.Unlink(userRoles, c.params[0], id)
			}
		}
		return c.done()
	}
}

// Permissions of a user or a role: objects of a resource server and a name,
// with what the tenant knows of the two when they are read.

func permissionKey(owner, id string) store.Key {
	return store.Key{Kind: owner + "/{}/permissions", Scope: id}
}

func permissionID(p object) string {
	return str(p, "resource_server_identifier") + "\x1f" + str(p, "permission_name")
}

func permissionList(owner string) handler {
	return func(c *call) reply {
		if !c.tx.Has(kind(owner), c.params[0]) {
			return absent(owner)
		}
		return c.page(listing{key: permissionKey(owner, c.params[0]), view: func(p object) object {
			return permissionView(c, p, owner == usersKind)
		}})
	}
}

func permissionView(c *call, p object, direct bool) object {
	out := store.Clone(p)
	if rs := c.tx.Lookup(kind("/resource-servers"), "identifier", str(p, "resource_server_identifier")); len(rs) > 0 {
		out["resource_server_name"] = rs[0]["name"]
		for _, s := range items(rs[0], "scopes") {
			if s, _ := s.(object); str(s, "value") == str(p, "permission_name") {
				out["description"] = s["description"]
			}
		}
	}
	if direct {
		out["sources"] = []any{object{"source_id": "", "source_name": "", "source_type": "DIRECT"}}
	}
	return out
}

func permissionAdd(owner string) handler {
	return func(c *call) reply {
		if !c.tx.Has(kind(owner), c.params[0]) {
			return absent(owner)
		}
		wanted := permissionsOf(c)
		for _, p := range wanted {
			known := c.tx.Lookup(kind("/resource-servers"), "identifier", str(p, "resource_server_identifier"))
			if len(known) == 0 {
				return missing("The resource server does not exist: '"+str(p, "resource_server_identifier")+"'", "") // auth0/auth0-cli#348
			}
		}
		for _, p := range wanted {
			c.tx.Put(permissionKey(owner, c.params[0]), permissionID(p), p)
		}
		return c.done()
	}
}

func permissionRemove(owner string) handler {
	return func(c *call) reply {
		if !c.tx.Has(kind(owner), c.params[0]) {
			return absent(owner)
		}
		wanted := permissionsOf(c)
		for _, p := range wanted {
			c.tx.Delete(permissionKey(owner, c.params[0]), permissionID(p))
		}
		return c.done()
	}
}

func permissionsOf(c *call) []object {
	var out []object
	for _, v := range items(c.body, "permissions") {
		p, _ := v.(object)
		short := object{"permission_name": p["permission_name"], "resource_server_identifier": p["resource_server_identifier"]}
		out = append(out, short)
	}
	return out
}

func effectivePermissions(c *call) reply {
	id := c.params[0]
	if !c.tx.Has(usersKey(), id) {
		return absent(usersKind)
	}
	seen := map[string]object{}
	var order []string
	add := func(p object) {
		if key := permissionID(p); seen[key] == nil {
			seen[key] = p
			order = append(order, key)
		}
	}
	for _, p := range c.tx.All(permissionKey(usersKind, id)) {
		add(p)
	}
	for _, link := range c.tx.All(store.Links(userRoles, id)) {
		for _, p := range c.tx.All(permissionKey("/roles", store.ID(link))) {
			add(p)
		}
	}
	l := listing{fixed: true}
	for _, key := range order {
		l.chosen = append(l.chosen, seen[key])
	}
	return c.page(l)
}

func userOrganizations(c *call) reply {
	if !c.tx.Has(usersKey(), c.params[0]) {
		return absent(usersKind)
	}
	return c.page(c.related(store.Links(memberships, c.params[0]), orgsKey(), nil))
}

// Roles.

func roleHandlers() map[string]handler {
	return map[string]handler{
		"GET /roles":                   listRoles,
		"POST /roles":                  createRole,
		"PATCH /roles/{}":              patchRole,
		"DELETE /roles/{}":             deleteRole,
		"GET /roles/{}/permissions":    permissionList("/roles"),
		"POST /roles/{}/permissions":   permissionAdd("/roles"),
		"DELETE /roles/{}/permissions": permissionRemove("/roles"),
		"GET /roles/{}/users":          roleUsers,
		"POST /roles/{}/users":         addRoleUsers,
	}
}

func listRoles(c *call) reply {
	l := listing{key: rolesKey()}
	if f := strings.ToLower(c.query.Get("name_filter")); f != "" {
		l.keep = append(l.keep, func(o object) bool { return strings.Contains(strings.ToLower(str(o, "name")), f) })
	}
	return c.page(l)
}

func createRole(c *call) reply {
	name := str(c.body, "name")
	if len(c.tx.Lookup(rolesKey(), "name", name)) > 0 {
		return conflict("The role name "+name+" is already taken", "")
	}
	o := object{"id": c.t.ids.id("/roles", string(encode(c.body))), "name": name, "description": str(c.body, "description")}
	c.tx.Put(rolesKey(), str(o, "id"), o)
	return c.ok(o)
}

func patchRole(c *call) reply {
	for _, other := range c.tx.Lookup(rolesKey(), "name", str(c.body, "name")) {
		if str(other, "id") != c.id() {
			return conflict("The role name "+str(c.body, "name")+" is already taken", "")
		}
	}
	return patchItem(c)
}

func deleteRole(c *call) reply {
	if !c.tx.Delete(rolesKey(), c.id()) {
		return absent("/roles")
	}
	c.tx.UnlinkAll(userRoles, c.id())
	c.tx.UnlinkAll(memberRoles, c.id())
	c.tx.Clear(permissionKey("/roles", c.id()))
	return c.done()
}

func roleUsers(c *call) reply {
	if !c.tx.Has(rolesKey(), c.params[0]) {
		return absent("/roles")
	}
	return c.page(c.related(store.LinkedBy(userRoles, c.params[0]), usersKey(), func(u object) object {
		return object{"user_id": u["user_id"], "email": u["email"], "name": u["name"], "picture": u["picture"]}
	}))
}

func addRoleUsers(c *call) reply {
	if !c.tx.Has(rolesKey(), c.params[0]) {
		return absent("/roles")
	}
	users := texts(c.body, "users")
	for _, id := range users {
		if !c.tx.Has(usersKey(), id) {
			return failure(http.StatusBadRequest, "One or more users do not exist: "+id, "")
		}
	}
	for _, id := range users {
		c.tx.Link(userRoles, id, c.params[0], nil)
	}
	return c.done()
}
