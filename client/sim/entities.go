package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// How many objects of a kind a plan allows. Only creates and additions are
// refused: a seed may hold more, as a tenant does whose plan became a smaller
// one. What a price list grants beside these (organizations, custom domains) is
// not here: the policy says that such numbers are asked about, not refused.

// An entity is a kind of object that is counted: how many the call would add to
// how many, by the operations that add some.
type entity struct {
	name string
	adds map[string]func(*call) (have, more int)
}

// full refuses a call that adds more than the plan has room for.
//
// The answer was seen at a tenant whose applications were all used up, when one
// more was registered (status, message and errorCode alike in four reports of
// 2026, the message already in one of 2020). That other kinds are refused in the
// same words is an assumption.
func (c *call) full() *reply {
	limits := c.t.limits.set.Entities
	if len(limits) == 0 || c.op.Effect == catalog.Read {
		return nil
	}
	shape := c.rt.shape
	if c.rt.api == catalog.Authentication {
		shape = "auth " + shape
	}
	for _, e := range entities() {
		most, limited := limits[e.name]
		adds := e.adds[shape]
		if !limited || adds == nil {
			continue
		}
		if have, more := adds(c); more > 0 && have+more > most {
			rep := failure(http.StatusForbidden, "You reached the limit of entities of this type for this tenant.", "too_many_entities")
			return &rep
		}
	}
	return nil
}

// entities are the kinds that are counted.
func entities() []entity {
	type adds = map[string]func(*call) (int, int)
	one := func(key store.Key) func(*call) (int, int) {
		return func(c *call) (int, int) { return c.tx.Len(key), 1 }
	}
	application := func(c *call) (int, int) {
		return c.howMany(clientsKey(), func(o object) bool { return !truth(o, "global") && o["client_id"] != runnerKeyID }), 1
	}
	scopes := func(c *call) (int, int) { return 0, len(items(c.body, "scopes")) }
	secrets := func(c *call) (int, int) { return 0, len(items(c.body, "secrets")) }
	packages := func(c *call) (int, int) { return 0, len(items(c.body, "dependencies")) }
	return []entity{
		// The policy counts applications. Of the two that a local tenant has for
		// its callers one counts: at Auth0 too a caller needs one.
		{"clients", adds{"POST /clients": application, "POST /clients/cimd/register": application, "auth POST /oidc/register": application}},
		{"clients.credentials", adds{"POST /clients/{}/credentials": credentialRoom}},
		{"client_grants", adds{"POST /client-grants": func(c *call) (int, int) {
			return c.howMany(kind("/client-grants"), func(o object) bool { return o["client_id"] != runnerKeyID }), 1
		}}},
		{"connections", adds{"POST /connections": one(connectionsKey())}},
		{"connections.social", adds{"POST /connections": socialRoom}},
		{"resource_servers", adds{"POST /resource-servers": func(c *call) (int, int) {
			return c.howMany(kind("/resource-servers"), func(o object) bool { return !truth(o, "is_system") }), 1
		}}},
		{"resource_servers.scopes", adds{"POST /resource-servers": scopes, "PATCH /resource-servers/{}": scopes}},
		{"rules", adds{"POST /rules": one(kind("/rules"))}},
		{"roles", adds{"POST /roles": one(rolesKey())}},
		{"roles.permissions", adds{"POST /roles/{}/permissions": permissionRoom("/roles")}},
		{"users.roles", adds{"POST /users/{}/roles": userRoleRoom, "POST /roles/{}/users": roleUserRoom}},
		{"users.permissions", adds{"POST /users/{}/permissions": permissionRoom(usersKind)}},
		{"organizations", adds{"POST /organizations": one(orgsKey())}},
		{"organizations.members", adds{"POST /organizations/{}/members": func(c *call) (int, int) {
			return c.unrelated(store.LinkedBy(memberships, c.params[0]), texts(c.body, "members"))
		}}},
		{"organizations.member_roles", adds{"POST /organizations/{}/members/{}/roles": func(c *call) (int, int) {
			return c.unrelated(store.Links(memberRoles, joined(c.params[:2])), texts(c.body, "roles"))
		}}},
		{"organizations.connections", adds{
			"POST /organizations":                        func(c *call) (int, int) { return 0, len(items(c.body, "enabled_connections")) },
			"POST /organizations/{}/enabled_connections": orgConnectionRoom, "POST /organizations/{}/connections": orgConnectionRoom,
		}},
		{"organizations.client_grants", adds{"POST /organizations/{}/client-grants": func(c *call) (int, int) {
			return c.unrelated(store.Links(orgGrants, c.params[0]), []string{str(c.body, "grant_id")})
		}}},
		{"token_exchange_profiles", adds{"POST /token-exchange-profiles": one(kind("/token-exchange-profiles"))}},
		{"self_service_profiles", adds{"POST /self-service-profiles": one(kind("/self-service-profiles"))}},
		{"network_acls", adds{"POST /network-acls": one(kind("/network-acls"))}},
		{"forms", adds{"POST /forms": one(kind("/forms"))}},
		{"flows", adds{"POST /flows": one(kind("/flows"))}},
		{"actions.bound", adds{"PATCH /actions/triggers/{}/bindings": boundRoom}},
		{"actions.trigger", adds{"PATCH /actions/triggers/{}/bindings": func(c *call) (int, int) { return 0, len(items(c.body, "bindings")) }}},
		{"actions.secrets", adds{
			"POST /actions/actions": secrets, "PATCH /actions/actions/{}": secrets, "POST /actions/modules": secrets, "PATCH /actions/modules/{}": secrets,
		}},
		{"actions.dependencies", adds{
			"POST /actions/actions": packages, "PATCH /actions/actions/{}": packages, "POST /actions/modules": packages, "PATCH /actions/modules/{}": packages,
		}},
		{"actions.modules", adds{
			"POST /actions/actions":     func(c *call) (int, int) { return 0, len(items(c.body, "modules")) },
			"PATCH /actions/actions/{}": func(c *call) (int, int) { return 0, len(items(c.body, "modules")) },
		}},
		// What is beyond these makes the oldest go, and refuses nothing.
		{"actions.versions", nil},
		{"users.refresh_tokens", nil},
	}
}

// entityNames are all that a seed may limit.
func entityNames() []string {
	var out []string
	for _, e := range entities() {
		out = append(out, e.name)
	}
	slices.Sort(out)
	return out
}

// howMany is how many objects of a collection count.
func (c *call) howMany(key store.Key, counts func(object) bool) int {
	n := 0
	for _, o := range c.tx.All(key) {
		if counts(o) {
			n++
		}
	}
	return n
}

// unrelated is how many are related to something, and how many of some ids are
// not yet.
func (c *call) unrelated(links store.Key, ids []string) (have, more int) {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if !c.tx.Has(links, id) {
			more++
		}
	}
	return c.tx.Len(links), more
}

func credentialRoom(c *call) (have, more int) {
	for _, client := range c.tx.All(clientsKey()) {
		if id := str(client, "client_id"); id != runnerKeyID {
			have += c.tx.Len(credentialsKey(id))
		}
	}
	return have, 1
}

func socialRoom(c *call) (have, more int) {
	if !social(str(c.body, "strategy")) {
		return 0, 0
	}
	return c.howMany(connectionsKey(), func(o object) bool { return social(str(o, "strategy")) }), 1
}

func userRoleRoom(c *call) (have, more int) {
	return c.unrelated(store.Links(userRoles, c.params[0]), texts(c.body, "roles"))
}

// roleUserRoom is that of the one of a role's new users who has most roles.
func roleUserRoom(c *call) (have, more int) {
	for _, user := range texts(c.body, "users") {
		if !c.tx.Linked(userRoles, user, c.params[0]) {
			have, more = max(have, c.tx.Len(store.Links(userRoles, user))), 1
		}
	}
	return have, more
}

func permissionRoom(owner string) func(*call) (int, int) {
	return func(c *call) (int, int) {
		var ids []string
		for _, p := range permissionsOf(c) {
			ids = append(ids, permissionID(p))
		}
		return c.unrelated(permissionKey(owner, c.params[0]), ids)
	}
}

func orgConnectionRoom(c *call) (have, more int) {
	return c.unrelated(store.Links(orgConns, c.params[0]), []string{str(c.body, "connection_id")})
}

// boundRoom counts the actions that stand in the flow of some trigger.
func boundRoom(c *call) (have, more int) {
	for _, trigger := range triggers() {
		if trigger != c.params[0] {
			have += c.tx.Len(store.Key{Kind: c.rt.model.kind, Scope: trigger})
		}
	}
	return have, len(items(c.body, "bindings"))
}

// entityLimits are those of a plan, by name.
func entityLimits(plan string) map[string]int {
	text := everyEntityLimit + map[string]string{
		"free": freeEntityLimits, "essentials-professional": essentialEntityLimits,
		"enterprise": enterpriseEntityLimits + publicEntityLimits, "non-production": enterpriseEntityLimits + publicEntityLimits,
		"private-100": enterpriseEntityLimits + privateEntityLimits,
	}[plan]
	if plan == "free" || plan == "essentials-professional" {
		text += publicEntityLimits
	}
	out := map[string]int{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) != 2 {
			continue
		}
		if n, err := strconv.Atoi(words[1]); err == nil {
			out[words[0]] = n
		}
	}
	return out
}

// checkEntities refuses limits that cannot be.
func checkEntities(limits map[string]int) error {
	names := entityNames()
	for _, name := range sortedKeys(limits) {
		switch {
		case !slices.Contains(names, name):
			return fmt.Errorf("limits: no kind of object is called %q%s", name, didYouMean(name, names))
		case limits[name] < 0:
			return fmt.Errorf("limits: entities: %s is %d; it must be 0 or more", name, limits[name])
		}
	}
	return nil
}

// The tables. Each line: the kind of object, and how many there may be. Source,
// but where a line says another: Auth0's page "Entity Limit Policy", as of
// November 2026. What a plan has no line for is not limited on it.

// everyEntityLimit holds on every plan: the page's sections "Organizations",
// "Authorization Core", "Actions" and "Forms".
const everyEntityLimit = `
organizations.connections 10
organizations.member_roles 50
token_exchange_profiles 100
roles 1000
resource_servers.scopes 1000
users.roles 50
users.permissions 1000
roles.permissions 1000
users.refresh_tokens 200
actions.bound 100
actions.trigger 20
actions.modules 3
actions.versions 50
actions.secrets 30
actions.dependencies 10
forms 500
flows 500
`

// publicEntityLimits hold in the public cloud; private ones have no limit on
// organizations and their members ("On private cloud instances, these entities
// are unlimited").
const publicEntityLimits = `
organizations 100000
organizations.members 100000
organizations.client_grants 100
`

const privateEntityLimits = `
organizations.client_grants 1000
`

// Section "Enterprise". network_acls: page "Tenant Access Control List Limits",
// without the add-on for Attack Protection, which makes it 10.
const enterpriseEntityLimits = `
resource_servers 100000
clients 100000
client_grants 100000
clients.credentials 2000
self_service_profiles 20
network_acls 1
`

// Section "Self-service".
const essentialEntityLimits = `
clients 100
client_grants 10000
connections 100
rules 10
resource_servers 100
`

// Section "Free"; the two social connections stand in a note above its table.
const freeEntityLimits = `
clients 10
client_grants 100
connections 100
connections.social 2
rules 3
resource_servers 10
`
