package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// plant puts what every tenant has and what the seed says into the state.
func (t *Tenant) plant(s *seed) error {
	var err error
	t.state.Update(func(tx *store.Tx) {
		t.plantRunners(tx)
		g := &gardener{t: t, seed: s, c: &call{t: t, tx: tx, now: t.now(), req: &http.Request{}}}
		err = g.all()
	})
	return err
}

// A gardener plants a seed: resources in an order in which what they refer to
// is there already.
type gardener struct {
	t    *Tenant
	c    *call
	seed *seed
}

func (g *gardener) all() error {
	order := []string{
		"clients", "actions_modules", "actions", "connections", "resource_servers", "roles", "users", "client_grants",
		"user_attribute_profiles", "connection_profiles", "organizations",
	}
	resources := slices.Clone(g.seed.resources)
	rank := func(r seedResource) int {
		if i := slices.Index(order, r.name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(resources, func(a, b seedResource) int { return rank(a) - rank(b) })
	if !slices.ContainsFunc(resources, func(r seedResource) bool { return r.name == "connections" }) {
		if err := g.connection(object{"name": databaseName, "strategy": "auth0", "enabled_clients": []any{runnerID, runnerKeyID}}, false); err != nil {
			return err
		}
	}
	for _, r := range resources {
		for i, so := range r.objects {
			r.objects[i] = seedObject{} // what is planted is not held twice
			if err := g.one(r, so.o); err != nil {
				return fmt.Errorf("%s: %s: %w", so.where, r.name, err)
			}
		}
	}
	return nil
}

func (g *gardener) one(r seedResource, o object) error {
	tx := g.c.tx
	if r.place.verb != "" {
		return g.request(r.place.verb, r.place.path, o)
	}
	switch r.place.path {
	case "/connections":
		if str(o, "name") == "" || str(o, "strategy") == "" {
			return fmt.Errorf("a connection needs a name and a strategy")
		}
		if len(tx.Lookup(connectionsKey(), "name", str(o, "name"))) > 0 {
			return fmt.Errorf("two connections are called %q", str(o, "name"))
		}
		return g.connection(o, r.place.whole)
	case usersKind:
		return g.user(o)
	case "/clients":
		if str(o, "client_id") == "" && (str(o, "name") == runnerName || str(o, "name") == runnerKeyName) {
			return nil // the export of a local tenant has that tenant's own
		}
		n := newClient(g.t, o)
		tx.Put(clientsKey(), str(n, "client_id"), n)
		return nil
	case "/organizations":
		return g.organization(o)
	}
	if r.place.scope != "" {
		tx.Put(store.Key{Kind: r.place.path, Scope: r.place.scope}, r.place.id, o)
		return nil
	}
	if r.place.single {
		k := singleKey(r.place.path)
		v := tx.Get(k, "")
		if v == nil {
			v = preset(r.place.path, g.t)
		}
		v = store.Clone(v)
		merge(v, o, nil)
		tx.Put(k, "", v)
		return nil
	}
	o, plants, err := g.referring(r.place.path, o)
	if err != nil || !plants {
		return err
	}
	o, more := g.besides(r.place.path, o)
	id, err := g.generic(r.place, o)
	if err != nil {
		return err
	}
	return g.requests(r.place.path+"/"+url.PathEscape(id), more)
}

func (g *gardener) generic(p seedPlace, o object) (string, error) {
	tx, k := g.c.tx, kind(p.path)
	if by := uniqueBy(p.path); by != "" && len(tx.Lookup(k, by, str(o, by))) > 0 {
		return "", fmt.Errorf("two have the %s %q", by, str(o, by))
	}
	var permissions []any
	if p.path == "/roles" {
		permissions = items(o, "permissions")
	}
	n := store.Clone(o)
	below := object{}
	for _, name := range keptBelow(p.path) {
		if n[name] != nil {
			below[name] = n[name]
			delete(n, name)
		}
	}
	if str(n, p.idName) == "" {
		n[p.idName] = g.t.ids.id(p.path, string(encode(o)))
	}
	g.c.rt = &route{model: &model{kind: p.path, idName: p.idName}}
	n = filled(p.path, g.c, n)
	if stamped(p.path) {
		for _, f := range []string{"created_at", "updated_at"} {
			if n[f] == nil {
				n[f] = stamp(g.c.now)
			}
		}
	}
	id := str(n, p.idName)
	if tx.Has(k, id) {
		return "", fmt.Errorf("two have the %s %q", p.idName, id)
	}
	if permissions != nil {
		delete(n, "permissions")
		g.permissions("/roles", id, permissions)
	}
	tx.Put(k, id, n)
	for name := range below {
		for _, v := range items(below, name) {
			if e, ok := v.(object); ok {
				tx.Put(store.Key{Kind: p.path + "/{}/" + name, Scope: id}, str(e, "id"), e)
			}
		}
	}
	return id, nil
}

// keptBelow names the lists of an object of a seed that stand at paths of their
// own, below the object's.
func keptBelow(path string) []string {
	switch path {
	case "/flows":
		return []string{"executions"}
	case "/event-streams":
		return []string{"deliveries"}
	}
	return nil
}

func (g *gardener) permissions(owner, id string, list []any) {
	for _, v := range list {
		p, _ := v.(object)
		short := object{"permission_name": p["permission_name"], "resource_server_identifier": p["resource_server_identifier"]}
		g.c.tx.Put(permissionKey(owner, id), permissionID(short), short)
	}
}

func (g *gardener) connection(o object, whole bool) error {
	o, err := g.connectionRefers(store.Clone(o))
	if err != nil {
		return err
	}
	o, more := g.besides("/connections", o)
	n := newConnection(g.t, o)
	// What the API returned is whole: nothing is filled in beside it.
	if (whole || str(o, "id") != "") && o["options"] != nil {
		n["options"] = o["options"]
	}
	g.c.tx.Put(connectionsKey(), str(n, "id"), n)
	if _, said := o["enabled_clients"]; !said { // a seed that names none means all
		g.c.tx.Put(openConnections(), str(n, "id"), object{})
	}
	for _, id := range texts(o, "enabled_clients") {
		g.c.tx.Link(connClients, str(n, "id"), id, nil)
	}
	return g.requests("/connections/"+str(n, "id"), more)
}

// user plants one as the API returns it, or as a create would send it; beside
// that it may carry its password, its roles (by id or name) and permissions.
func (g *gardener) user(o object) error {
	tx := g.c.tx
	conn := str(o, "connection")
	if conn == "" {
		first, _ := append(items(o, "identities"), nil)[0].(object)
		conn = str(first, "connection")
	}
	if conn == "" {
		conn = g.connectionFor(str(o, "user_id"))
	}
	found := tx.Lookup(connectionsKey(), "name", conn)
	if len(found) == 0 {
		return fmt.Errorf("there is no connection %q; it belongs under connections", conn)
	}
	b := store.Clone(o)
	b["connection"] = conn
	for _, k := range []string{"password", "roles", "permissions"} {
		delete(b, k)
	}
	u := newUser(g.t, b, str(found[0], "strategy"), stamp(g.c.now))
	for _, k := range []string{"created_at", "updated_at", "identities"} {
		if v, has := o[k]; has {
			u[k] = v
		}
	}
	id := str(u, "user_id")
	if tx.Has(usersKey(), id) {
		return fmt.Errorf("two users have the user_id %q", id)
	}
	for _, l := range logins(u) {
		if len(tx.Lookup(usersKey(), "login", l)) > 0 {
			return fmt.Errorf("two users of connection %q have the same %s", conn, strings.Split(l, "\x1f")[1])
		}
	}
	tx.Put(usersKey(), id, u)
	if p := str(o, "password"); p != "" {
		setPassword(tx, id, p)
	}
	g.permissions(usersKind, id, items(o, "permissions"))
	for _, v := range items(o, "roles") {
		role, err := g.role(v)
		if err != nil {
			return err
		}
		tx.Link(userRoles, id, role, nil)
	}
	return nil
}

// connectionFor guesses the connection of a user whose seed names none: the
// only one of the strategy that the id begins with, else the database.
func (g *gardener) connectionFor(userID string) string {
	strategy, _, ok := strings.Cut(userID, "|")
	if !ok {
		strategy = "auth0"
	}
	for _, c := range g.c.tx.All(connectionsKey()) {
		if str(c, "strategy") == strategy {
			return str(c, "name")
		}
	}
	return databaseName
}

func (g *gardener) role(v any) (string, error) {
	name, _ := v.(string)
	if o, ok := v.(object); ok {
		if name = str(o, "id"); name == "" {
			name = str(o, "name")
		}
	}
	if g.c.tx.Has(rolesKey(), name) {
		return name, nil
	}
	if found := g.c.tx.Lookup(rolesKey(), "name", name); len(found) > 0 {
		return str(found[0], "id"), nil
	}
	var names []string
	for _, r := range g.c.tx.All(rolesKey()) {
		names = append(names, str(r, "name"))
	}
	return "", fmt.Errorf("there is no role %q%s", name, didYouMean(name, names))
}

// organization plants one; beside what the API returns it may carry members
// (user ids) and enabled_connections.
func (g *gardener) organization(o object) error {
	tx := g.c.tx
	if str(o, "name") == "" {
		return fmt.Errorf("an organization needs a name")
	}
	if len(tx.Lookup(orgsKey(), "name", str(o, "name"))) > 0 {
		return fmt.Errorf("two organizations are called %q", str(o, "name"))
	}
	n := store.Clone(o)
	for _, k := range []string{"members", "enabled_connections", "connections", "client_grants", "discovery_domains", "clients"} {
		delete(n, k)
	}
	if str(n, "id") == "" {
		n["id"] = g.t.ids.id("/organizations", string(encode(o)))
	}
	if n["display_name"] == nil {
		n["display_name"] = n["name"]
	}
	id := str(n, "id")
	putOrganization(g.c, n)
	for _, user := range texts(o, "members") {
		if !tx.Has(usersKey(), user) {
			return fmt.Errorf("member %q is no user of this tenant", user)
		}
		tx.Link(memberships, user, id, nil)
	}
	for _, v := range items(o, "enabled_connections") {
		if e, ok := v.(object); ok && tx.Has(connectionsKey(), str(e, "connection_id")) {
			linkOrgConnection(g.c, id, e)
		}
	}
	return g.orgRefers(id, o)
}
