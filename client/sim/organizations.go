package sim

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"a0run/client/sim/store"
)

func organizationHandlers() map[string]handler {
	out := map[string]handler{
		"POST /organizations":                              createOrganization,
		"GET /organizations/{}":                            getItem,
		"GET /organizations/name/{}":                       organizationByName,
		"DELETE /organizations/{}":                         deleteOrganization,
		"PATCH /organizations/{}":                          patchOrganization,
		"GET /organizations/{}/members":                    listMembers,
		"POST /organizations/{}/members":                   changeMembers(true),
		"DELETE /organizations/{}/members":                 changeMembers(false),
		"GET /organizations/{}/members/{}/roles":           listMemberRoles,
		"POST /organizations/{}/members/{}/roles":          changeMemberRoles(true),
		"DELETE /organizations/{}/members/{}/roles":        changeMemberRoles(false),
		"GET /organizations/{}/members/{}/effective-roles": listMemberRoles,
		"POST /organizations/{}/invitations":               createInvitation,
		"GET /organizations/{}/discovery-domains/name/{}":  discoveryDomainByName,
		"GET /organizations/{}/members/{}/effective-roles/sources/groups": func(c *call) reply {
			if rep := c.member(); rep != nil {
				return *rep
			}
			return c.page(listing{fixed: true}) // no group gives anybody a role here
		},
		"GET /organizations/{}/client-grants":       orgGrantList,
		"POST /organizations/{}/client-grants":      addOrgGrant,
		"DELETE /organizations/{}/client-grants/{}": dropOrgGrant,
		"GET /client-grants/{}/organizations":       grantOrganizations,
	}
	// Two paths lead to the same relation.
	for _, path := range []string{"connections", "enabled_connections"} {
		p := "/organizations/{}/" + path
		out["GET "+p] = orgConnectionList
		out["POST "+p] = addOrgConnection
		out["GET "+p+"/{}"] = getOrgConnection
		out["PATCH "+p+"/{}"] = patchOrgConnection
		out["DELETE "+p+"/{}"] = dropOrgConnection
	}
	return out
}

func createOrganization(c *call) reply {
	name := str(c.body, "name")
	if len(c.tx.Lookup(orgsKey(), "name", name)) > 0 {
		return conflict("An organization with this name already exists.", "")
	}
	o := store.Clone(c.body)
	delete(o, "enabled_connections")
	o["id"] = c.t.ids.id("/organizations", string(encode(c.body)))
	if _, has := o["display_name"]; !has {
		o["display_name"] = name
	}
	for _, v := range items(c.body, "enabled_connections") {
		e, _ := v.(object)
		if !c.tx.Has(connectionsKey(), str(e, "connection_id")) {
			return failure(http.StatusBadRequest, "The connection does not exist", "inexistent_connection")
		}
	}
	putOrganization(c, o)
	for _, v := range items(c.body, "enabled_connections") {
		linkOrgConnection(c, str(o, "id"), v.(object))
	}
	return c.ok(o)
}

// orgsMade is when each organization was made: its answers do not say so, and a
// search may ask.
const orgsMade = "=organizations-made"

func putOrganization(c *call, o object) {
	c.tx.Put(orgsKey(), str(o, "id"), o)
	c.tx.Put(kind(orgsMade), str(o, "id"), object{"at": stamp(c.now)})
}

func patchOrganization(c *call) reply {
	for _, other := range c.tx.Lookup(orgsKey(), "name", str(c.body, "name")) {
		if str(other, "id") != c.id() {
			return conflict("An organization with this name already exists.", "")
		}
	}
	return patchItem(c)
}

func organizationByName(c *call) reply {
	found := c.tx.Lookup(orgsKey(), "name", c.id())
	if len(found) == 0 {
		return absent("/organizations")
	}
	return c.ok(found[0])
}

func discoveryDomainByName(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	for _, o := range c.tx.All(store.Key{Kind: "/organizations/{}/discovery-domains", Scope: c.params[0]}) {
		if str(o, "domain") == c.params[1] {
			return c.ok(o)
		}
	}
	return absent("/organizations/{}/discovery-domains")
}

func deleteOrganization(c *call) reply {
	id := c.id()
	if !c.tx.Delete(orgsKey(), id) {
		return absent("/organizations")
	}
	for _, l := range c.tx.All(store.LinkedBy(memberships, id)) {
		c.tx.UnlinkAll(memberRoles, joined([]string{id, store.ID(l)}))
	}
	for _, about := range []string{orgsMade, templateOf} {
		c.tx.Delete(kind(about), id)
	}
	for _, relation := range []string{memberships, orgConns, orgGrants, orgClients} {
		c.tx.UnlinkAll(relation, id)
	}
	for _, below := range []string{"invitations", "discovery-domains"} {
		c.tx.Clear(store.Key{Kind: "/organizations/{}/" + below, Scope: id})
	}
	return c.done()
}

func (c *call) org() *reply {
	if c.tx.Has(orgsKey(), c.params[0]) {
		return nil
	}
	rep := absent("/organizations")
	return &rep
}

func listMembers(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	return c.page(c.related(store.LinkedBy(memberships, c.params[0]), usersKey(), func(u object) object {
		m := object{"user_id": u["user_id"], "email": u["email"], "picture": u["picture"], "name": u["name"]}
		if wantsField(c, "roles") {
			m["roles"] = c.memberRoles(str(u, "user_id"))
		}
		return m
	}))
}

func wantsField(c *call, name string) bool {
	for _, f := range c.query["fields"] {
		for _, one := range splitComma(f) {
			if one == name {
				return true
			}
		}
	}
	return false
}

func (c *call) memberRoles(user string) []object {
	out := []object{}
	for _, l := range c.tx.All(store.Links(memberRoles, joined([]string{c.params[0], user}))) {
		if r := c.tx.Get(rolesKey(), store.ID(l)); r != nil {
			out = append(out, object{"id": r["id"], "name": r["name"]})
		}
	}
	return out
}

func changeMembers(add bool) handler {
	return func(c *call) reply {
		if rep := c.org(); rep != nil {
			return *rep
		}
		ids := texts(c.body, "members")
		for _, id := range ids {
			if add && !c.tx.Has(usersKey(), id) {
				return absent(usersKind)
			}
		}
		for _, id := range ids {
			if add {
				c.tx.Link(memberships, id, c.params[0], nil)
				continue
			}
			c.tx.Unlink(memberships, id, c.params[0])
			c.tx.UnlinkAll(memberRoles, joined([]string{c.params[0], id}))
		}
		return c.done()
	}
}

func (c *call) member() *reply {
	if rep := c.org(); rep != nil {
		return rep
	}
	if c.tx.Linked(memberships, c.params[1], c.params[0]) {
		return nil
	}
	rep := missing("The user is not a member of the organization.", "")
	return &rep
}

func listMemberRoles(c *call) reply {
	if rep := c.member(); rep != nil {
		return *rep
	}
	return c.page(c.related(store.Links(memberRoles, joined(c.params[:2])), rolesKey(), roleShort))
}

func changeMemberRoles(add bool) handler {
	return func(c *call) reply {
		if rep := c.member(); rep != nil {
			return *rep
		}
		roles := texts(c.body, "roles")
		for _, id := range roles {
			if add && !c.tx.Has(rolesKey(), id) {
				return absent("/roles")
			}
		}
		for _, id := range roles {
			if add {
				c.tx.Link(memberRoles, joined(c.params[:2]), id, nil)
			} else {
				c.tx.Unlink(memberRoles, joined(c.params[:2]), id)
			}
		}
		return c.done()
	}
}

func linkOrgConnection(c *call, org string, b object) object {
	v := store.Clone(b)
	for k, d := range map[string]bool{"assign_membership_on_login": false, "show_as_button": true, "is_signup_enabled": false} {
		if _, has := v[k]; !has {
			v[k] = d
		}
	}
	c.tx.Link(orgConns, org, str(b, "connection_id"), v)
	return v
}

func orgConnectionView(c *call, link object) object {
	conn := c.tx.Get(connectionsKey(), store.ID(link))
	if conn == nil {
		return nil
	}
	out := store.Clone(link)
	delete(out, "$id")
	out["connection"] = object{"name": conn["name"], "strategy": conn["strategy"]}
	return out
}

func orgConnectionList(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	return c.page(listing{
		key:  store.Links(orgConns, c.params[0]),
		view: func(l object) object { return orgConnectionView(c, l) },
	})
}

func checkOrgConnection(c *call, b object, conn object) *reply {
	if truth(b, "is_signup_enabled") && (str(conn, "strategy") != "auth0" || !truth(b, "assign_membership_on_login")) {
		rep := failure(http.StatusBadRequest, "Only database connections with assign_membership_on_login = true support is_signup_enabled = true.", "invalid_body")
		return &rep
	}
	return nil
}

func addOrgConnection(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	conn := c.tx.Get(connectionsKey(), str(c.body, "connection_id"))
	if conn == nil {
		return absent("/organizations/{}/connections")
	}
	if rep := checkOrgConnection(c, c.body, conn); rep != nil {
		return *rep
	}
	if c.tx.Linked(orgConns, c.params[0], str(conn, "id")) {
		return conflict("The connection is already enabled for the organization.", "")
	}
	linkOrgConnection(c, c.params[0], c.body)
	return c.ok(orgConnectionView(c, c.tx.Get(store.Links(orgConns, c.params[0]), str(conn, "id"))))
}

func getOrgConnection(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	l := c.tx.Get(store.Links(orgConns, c.params[0]), c.id())
	if l == nil {
		return absent("/organizations/{}/connections")
	}
	return c.ok(orgConnectionView(c, l))
}

func patchOrgConnection(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	k := store.Links(orgConns, c.params[0])
	old := c.tx.Get(k, c.id())
	if old == nil {
		return absent("/organizations/{}/connections")
	}
	v := store.Clone(old)
	merge(v, c.body, nil)
	if rep := checkOrgConnection(c, v, c.tx.Get(connectionsKey(), c.id())); rep != nil {
		return *rep
	}
	c.tx.Link(orgConns, c.params[0], c.id(), v)
	return c.ok(orgConnectionView(c, c.tx.Get(k, c.id())))
}

func dropOrgConnection(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	c.tx.Unlink(orgConns, c.params[0], c.id())
	return c.done()
}

// wrongInvitation is why none is made: the table of the answers to it on Auth0's
// page "Invite Members".
func (c *call) wrongInvitation(client object, route string) *reply {
	refuse := func(text string) *reply {
		rep := failure(http.StatusBadRequest, text, "invalid_body")
		return &rep
	}
	if client == nil {
		return refuse("The specified client_id does not exist.")
	}
	if usage := str(client, "organization_usage"); usage == "" || usage == "deny" {
		return refuse("The specified client_id (" + str(client, "client_id") + ") does not allow organizations.")
	}
	if id := str(c.body, "connection_id"); id != "" {
		conn := c.tx.Get(connectionsKey(), id)
		if conn == nil {
			return refuse("The specified connection does not exist.")
		}
		if passwordless(conn) {
			return refuse("Passwordless connections are not supported.")
		}
	}
	var unknown []string
	for _, id := range texts(c.body, "roles") {
		if !c.tx.Has(rolesKey(), id) {
			unknown = append(unknown, id)
		}
	}
	if unknown != nil {
		return refuse("One or more of the specified roles do not exist: " + strings.Join(unknown, ", "))
	}
	if route == "" {
		return refuse("A default login route is required to generate the invitation url. Consider adding `initiate_login_uri` to the client or `default_redirection_uri` to the tenant.")
	}
	return nil
}

// createInvitation makes one that lives a week, or as long as it says. It leads to
// the application, which begins the log-in.
func createInvitation(c *call) reply {
	org := c.tx.Get(orgsKey(), c.params[0])
	if org == nil {
		return absent("/organizations")
	}
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	route := firstOf(str(client, "initiate_login_uri"), str(c.settings(), "default_redirection_uri"))
	if rep := c.wrongInvitation(client, route); rep != nil {
		return *rep
	}
	o := store.Clone(c.body)
	o["id"] = c.t.ids.id(c.key().Kind, string(encode(c.body)))
	word := c.t.ids.word("invitation", str(o, "id"), 32)
	o["organization_id"] = org["id"]
	life := 7 * 24 * time.Hour
	if n, ok := number(o["ttl_sec"]); ok && n > 0 {
		life = time.Duration(n) * time.Second
	}
	o["created_at"], o["expires_at"] = stamp(c.now), stamp(c.now.Add(life))
	o["ticket_id"] = word
	o["invitation_url"] = withQuery(route, url.Values{"invitation": {word}, "organization": {str(org, "id")}, "organization_name": {str(org, "name")}})
	c.tx.Put(c.key(), str(o, "id"), o)
	if mails, said := o["send_invitation_email"].(bool); mails || !said {
		c.deliver(Mail{Channel: "email", To: str(sub(o, "invitee"), "email"), Kind: "invitation", Subject: "You were invited", Link: str(o, "invitation_url")})
	}
	return c.ok(o)
}

func orgGrantList(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	return c.page(c.related(store.Links(orgGrants, c.params[0]), kind("/client-grants"), nil))
}

func addOrgGrant(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	id := str(c.body, "grant_id")
	g := c.tx.Get(kind("/client-grants"), id)
	if g == nil {
		return absent("/client-grants")
	}
	c.tx.Link(orgGrants, c.params[0], id, nil)
	out := store.Clone(g)
	out["grant_id"] = id
	delete(out, "id")
	return c.ok(out)
}

func dropOrgGrant(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	c.tx.Unlink(orgGrants, c.params[0], c.id())
	return c.done()
}

func grantOrganizations(c *call) reply {
	if !c.tx.Has(kind("/client-grants"), c.params[0]) {
		return absent("/client-grants")
	}
	return c.page(c.related(store.LinkedBy(orgGrants, c.params[0]), orgsKey(), nil))
}
