package sim

import (
	"net/http"
	"strconv"

	"a0run/client/sim/store"
)

// What organizations have beyond members, connections and grants: applications
// of their own, a template, and who has a role within them.

// orgClients is the relation organization → client.
const orgClients = "org-clients"

// templatesKind are the organization templates of the tenant: a seed makes them
// (organization_templates), the SDK's 7.1 only assigns them.
const templatesKind = "/organization-templates"

// templateOf is where an organization's template is noted.
const templateOf = "=organization-template"

// listOrganizations adds how each organization stands to one application, where
// the caller asks for it.
func listOrganizations(c *call) reply {
	l := listing{key: orgsKey()}
	if client := c.query.Get("include_client_association_for"); client != "" {
		l.view = func(o object) object {
			link := c.tx.Get(store.Links(orgClients, str(o, "id")), client)
			if link == nil {
				return o
			}
			o = store.Clone(o)
			o["client"] = object{"use_for_member_access": link["use_for_member_access"]}
			return o
		}
	}
	return c.page(l)
}

func orgClientView(c *call, link object) object {
	app := c.tx.Get(clientsKey(), store.ID(link))
	if app == nil {
		return nil
	}
	about := object{}
	for _, field := range []string{"name", "app_type", "logo_uri", "is_first_party", "grant_types", "organization_usage"} {
		if v := app[field]; v != nil {
			about[field] = v
		}
	}
	return object{"client_id": app["client_id"], "use_for_member_access": link["use_for_member_access"], "client": about}
}

// capTake makes of a take beyond the largest the largest: these listings say
// that they do so, where others refuse.
func (c *call) capTake() {
	if n, err := strconv.Atoi(c.query.Get("take")); err == nil && n > c.op.Paging.MaxPerPage {
		c.query.Set("take", strconv.Itoa(c.op.Paging.MaxPerPage))
	}
}

func listOrgClients(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	c.capTake()
	return c.page(listing{key: store.Links(orgClients, c.params[0]), view: func(l object) object { return orgClientView(c, l) }})
}

func addOrgClients(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	list := items(c.body, "clients")
	if len(list) == 0 {
		return invalidBody("Array is too short (0), minimum 1' on property clients")
	}
	for i, v := range list {
		o, _ := v.(object)
		at := "clients[" + strconv.Itoa(i) + "]"
		id, isText := o["client_id"].(string)
		if _, isBool := o["use_for_member_access"].(bool); !isText || !isBool {
			return invalidBody("Data does not match any schemas from 'oneOf'' on property %s", at)
		}
		if !c.tx.Has(clientsKey(), id) {
			return absent("/clients")
		}
		if c.tx.Linked(orgClients, c.params[0], id) {
			return conflict("The client is already associated with the organization.", "")
		}
	}
	made := []object{}
	for _, v := range list {
		o := v.(object)
		id := str(o, "client_id")
		c.tx.Link(orgClients, c.params[0], id, object{"use_for_member_access": o["use_for_member_access"]})
		made = append(made, orgClientView(c, c.tx.Get(store.Links(orgClients, c.params[0]), id)))
	}
	return c.ok(made)
}

func dropOrgClients(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	for _, id := range texts(c.body, "clients") {
		c.tx.Unlink(orgClients, c.params[0], id)
	}
	return c.done()
}

// orgClient is the link that a path names, or the refusal.
func (c *call) orgClient() (object, *reply) {
	if rep := c.org(); rep != nil {
		return nil, rep
	}
	link := c.tx.Get(store.Links(orgClients, c.params[0]), c.id())
	if link == nil {
		rep := missing("The client is not associated with the organization.", "")
		return nil, &rep
	}
	return link, nil
}

func getOrgClient(c *call) reply {
	link, rep := c.orgClient()
	if rep != nil {
		return *rep
	}
	return c.ok(orgClientView(c, link))
}

func patchOrgClient(c *call) reply {
	link, rep := c.orgClient()
	if rep != nil {
		return *rep
	}
	if v, said := c.body["use_for_member_access"]; said {
		c.tx.Link(orgClients, c.params[0], c.id(), object{"use_for_member_access": v})
		link = c.tx.Get(store.Links(orgClients, c.params[0]), c.id())
	}
	return c.ok(orgClientView(c, link))
}

func orgTemplate(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	note := c.tx.Get(kind(templateOf), c.params[0])
	o := c.tx.Get(kind(templatesKind), str(note, "template"))
	if o == nil {
		return missing("The organization has no organization template.", "")
	}
	return c.ok(o)
}

func assignOrgTemplate(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	if !c.tx.Has(kind(templatesKind), c.id()) {
		return failure(http.StatusBadRequest, "The organization template does not exist.", "")
	}
	c.tx.Put(kind(templateOf), c.params[0], object{"template": c.id()})
	return c.done()
}

func dropOrgTemplate(c *call) reply {
	if rep := c.org(); rep != nil {
		return *rep
	}
	if str(c.tx.Get(kind(templateOf), c.params[0]), "template") == c.id() {
		c.tx.Delete(kind(templateOf), c.params[0])
	}
	return c.done()
}

// orgRole refuses a path whose organization or role is none.
func (c *call) orgRole() *reply {
	if rep := c.org(); rep != nil {
		return rep
	}
	if c.tx.Has(rolesKey(), c.params[1]) {
		return nil
	}
	rep := absent("/roles")
	return &rep
}

// orgRoleMembers are the members who have the role within the organization by
// themselves and not by a group.
func orgRoleMembers(c *call) reply {
	if rep := c.orgRole(); rep != nil {
		return *rep
	}
	c.capTake()
	return c.page(c.related(store.LinkedBy(memberships, c.params[0]), usersKey(), func(u object) object {
		if !c.tx.Linked(memberRoles, joined([]string{c.params[0], str(u, "user_id")}), c.params[1]) {
			return nil
		}
		return object{"user_id": u["user_id"], "email": u["email"], "picture": u["picture"], "name": u["name"]}
	}))
}

// orgRoleGroups are the groups that have the role within the organization.
func orgRoleGroups(c *call) reply {
	if rep := c.orgRole(); rep != nil {
		return *rep
	}
	return c.page(listing{key: kind("/groups"), view: func(g object) object {
		roles := store.Key{Kind: "/organizations/{}/groups/{}/roles", Scope: joined([]string{c.params[0], str(g, "id")})}
		if !c.tx.Has(roles, c.params[1]) {
			return nil
		}
		return g
	}})
}
