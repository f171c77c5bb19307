package sim

import (
	"cmp"
	"net/http"
	"strings"

	"a0run/client/catalog"
)

// newer are operations that Auth0's own SDK for Node (7.1) calls and the API's
// document of June 2026 does not have: no playbook can call them, and a program
// that is tried against the tenant may. What they take and give is what that
// SDK's types say; a scope stands where they name one for the resource, and
// where they do not, any token for the API will do.
func newer() []*catalog.Operation {
	var out []*catalog.Operation
	for _, row := range newerRows() {
		out = append(out, row.operation())
	}
	return out
}

// A newerRow is one operation: the verb and path, the name that the SDK gives
// it, and what differs from what the verb says.
type newerRow struct {
	at, name string
	effect   catalog.Effect
	scope    string
	id       string        // the field that holds the object's id
	args     []catalog.Arg // of the body or the query
	items    string        // a listing: the key of its array
	style    catalog.PagingStyle
	silent   bool   // a success says nothing
	bucket   string // of the rate limits; "" is that of everything without its own
}

func newerRows() []newerRow {
	need := func(in catalog.Place, t catalog.Type, names ...string) []catalog.Arg {
		var out []catalog.Arg
		for _, n := range names {
			required := !strings.HasSuffix(n, "?")
			out = append(out, catalog.Arg{Name: strings.TrimSuffix(n, "?"), In: in, Type: t, Required: required})
		}
		return out
	}
	field := func(t catalog.Type, names ...string) []catalog.Arg { return need(catalog.InField, t, names...) }
	join := func(lists ...[]catalog.Arg) []catalog.Arg {
		var out []catalog.Arg
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	enum := func(in catalog.Place, name string, required bool, values ...string) []catalog.Arg {
		return []catalog.Arg{{Name: name, In: in, Type: catalog.String, Required: required, Enum: values}}
	}
	pages := join(need(catalog.InQuery, catalog.String, "from?"), need(catalog.InQuery, catalog.Integer, "take?"))
	picks := join(pages, need(catalog.InQuery, catalog.String, "fields?"), need(catalog.InQuery, catalog.Boolean, "include_fields?"))
	searched := func(sort ...string) []catalog.Arg {
		return join(pages, need(catalog.InQuery, catalog.String, "q?"), enum(catalog.InQuery, "parser", false, "scim", "lucene"), enum(catalog.InQuery, "sort", false, sort...))
	}
	otp := field(catalog.Integer, "otp_length", "otp_expiration_time")
	groups := field(catalog.Array, "groups")
	agent := join(field(catalog.Object, "metadata?"))
	return []newerRow{
		{at: "GET /agents", name: "agents.list", effect: catalog.Read, scope: "read:agents", args: pages, items: "agents"},
		{at: "POST /agents", name: "agents.create", effect: catalog.Create, scope: "create:agents", id: "agent_id", args: join(field(catalog.String, "name", "client_id?", "external_agent_id?"), agent)},
		{at: "GET /agents/{id}", name: "agents.read", effect: catalog.Read, scope: "read:agents", id: "agent_id"},
		{at: "PATCH /agents/{id}", name: "agents.update", effect: catalog.Patch, scope: "update:agents", id: "agent_id", args: join(field(catalog.String, "name?"), agent)},
		{at: "DELETE /agents/{id}", name: "agents.delete", effect: catalog.Delete, scope: "delete:agents", id: "agent_id"},

		{at: "GET /organizations/{id}/clients", name: "organizations.clients.list", effect: catalog.Read, scope: "read:organization_clients", args: pages, items: "clients"},
		{at: "POST /organizations/{id}/clients", name: "organizations.clients.create", effect: catalog.Create, scope: "create:organization_clients", id: "client_id", args: field(catalog.Array, "clients")},
		{at: "DELETE /organizations/{id}/clients", name: "organizations.clients.delete", effect: catalog.Remove, scope: "delete:organization_clients", args: field(catalog.Strings, "clients"), silent: true},
		{at: "GET /organizations/{id}/clients/{client_id}", name: "organizations.clients.get", effect: catalog.Read, scope: "read:organization_clients", id: "client_id"},
		{at: "PATCH /organizations/{id}/clients/{client_id}", name: "organizations.clients.update", effect: catalog.Patch, scope: "update:organization_clients", id: "client_id", args: field(catalog.Boolean, "use_for_member_access?")},

		{at: "GET /organizations/{id}/organization-templates", name: "organizations.organizationTemplate.get", effect: catalog.Read, bucket: "organizations.read"},
		{at: "PUT /organizations/{id}/organization-templates/{template_id}", name: "organizations.organizationTemplate.assign", effect: catalog.Add, silent: true},
		{at: "DELETE /organizations/{id}/organization-templates/{template_id}", name: "organizations.organizationTemplate.unassign", effect: catalog.Remove, bucket: "organizations.write", silent: true},

		{at: "GET /organizations/{id}/roles/{role_id}/members", name: "organizations.roles.members.list", effect: catalog.Read, bucket: "organizations.read", args: picks, items: "members"},
		{at: "GET /organizations/{organization_id}/roles/{role_id}/groups", name: "organizations.roles.groups.list", effect: catalog.Read, bucket: "organizations.read", args: pages, items: "groups"},

		{at: "GET /organizations/search", name: "organizations.search", effect: catalog.Read, bucket: "organizations.read", scope: "read:organizations", args: searched("name", "display_name", "created_at"), items: "organizations"},
		{at: "GET /resource-servers/search", name: "resource_servers.search", effect: catalog.Read, scope: "read:resource_servers", args: join(searched("identifier", "name", "updated_at"), picks[2:]), items: "resource_servers"},

		{at: "GET /keys/network-acls", name: "keys.networkAcls.list", effect: catalog.Read, scope: "read:network_acl_keys", items: "keys", style: catalog.Whole},
		{at: "POST /keys/network-acls", name: "keys.networkAcls.create", effect: catalog.Create, scope: "create:network_acl_keys", id: "id", args: join(field(catalog.String, "name", "value"), enum(catalog.InField, "alg", true, "hmac-sha256"))},
		{at: "GET /keys/network-acls/{id}", name: "keys.networkAcls.get", effect: catalog.Read, scope: "read:network_acl_keys", id: "id"},
		{at: "DELETE /keys/network-acls/{id}", name: "keys.networkAcls.delete", effect: catalog.Delete, scope: "delete:network_acl_keys", id: "id"},

		{at: "POST /connections/{id}/directory-provisioning/synchronized-groups", name: "connections.directoryProvisioning.addSynchronizedGroupSelections", effect: catalog.Add, args: groups, silent: true},
		{at: "DELETE /connections/{id}/directory-provisioning/synchronized-groups", name: "connections.directoryProvisioning.deleteSynchronizedGroupSelections", effect: catalog.Remove, args: groups, silent: true},

		{at: "POST /experimentation/experiments/{id}/advance-ramp", name: "experimentation.experiments.advanceRamp", effect: catalog.Patch, scope: "update:experimentation", args: field(catalog.Number, "target_level")},

		{at: "GET /guardian/settings", name: "guardian.get", effect: catalog.Read},
		{at: "PUT /guardian/settings", name: "guardian.set", effect: catalog.Replace, args: join(field(catalog.Boolean, "display_remember_me_checkbox", "remember_me_default_value"), field(catalog.Integer, "mfa_session_inactivity_timeout", "mfa_session_overall_timeout"))},
		{at: "GET /guardian/factors/email/settings", name: "guardian.factors.email.get", effect: catalog.Read},
		{at: "PUT /guardian/factors/email/settings", name: "guardian.factors.email.set", effect: catalog.Replace, args: otp},
		{at: "GET /guardian/factors/phone/settings", name: "guardian.factors.phone.get", effect: catalog.Read},
		{at: "PUT /guardian/factors/phone/settings", name: "guardian.factors.phone.set", effect: catalog.Replace, args: otp},
	}
}

func (r newerRow) operation() *catalog.Operation {
	verb, path, _ := strings.Cut(r.at, " ")
	op := &catalog.Operation{
		ID: r.name, API: catalog.Management, Verb: verb, Path: path, Effect: r.effect, Args: r.args,
		Buckets: []string{"management", cmp.Or(r.bucket, "management.other")}, Answer: catalog.JSONAnswer, Status: http.StatusOK,
		Subject: catalog.Subject{Kind: "newer" + path, Field: r.id},
	}
	if r.scope != "" {
		op.Scopes = []string{r.scope}
	}
	if r.items != "" {
		op.Paging = catalog.Paging{Style: r.style, Items: r.items, MaxPerPage: 100}
		if r.style == catalog.NoPaging {
			op.Paging.Style = catalog.Checkpoint
		}
	}
	for i := range r.args {
		if r.args[i].In == catalog.InField {
			op.Body = catalog.JSONBody
			op.BodyRequired = op.BodyRequired || r.args[i].Required
		}
	}
	switch {
	case r.silent || r.effect == catalog.Delete:
		op.Answer, op.Status = catalog.EmptyAnswer, http.StatusNoContent
	case r.effect == catalog.Create:
		op.Status = http.StatusCreated
	}
	return op
}

func newerHandlers() map[string]handler {
	return map[string]handler{
		"POST /agents":     createAgent,
		"PATCH /agents/{}": patchAgent,

		"GET /organizations":                                 listOrganizations,
		"GET /organizations/search":                          searchOrganizations,
		"GET /organizations/{}/clients":                      listOrgClients,
		"POST /organizations/{}/clients":                     addOrgClients,
		"DELETE /organizations/{}/clients":                   dropOrgClients,
		"GET /organizations/{}/clients/{}":                   getOrgClient,
		"PATCH /organizations/{}/clients/{}":                 patchOrgClient,
		"GET /organizations/{}/organization-templates":       orgTemplate,
		"PUT /organizations/{}/organization-templates/{}":    assignOrgTemplate,
		"DELETE /organizations/{}/organization-templates/{}": dropOrgTemplate,
		"GET /organizations/{}/roles/{}/members":             orgRoleMembers,
		"GET /organizations/{}/roles/{}/groups":              orgRoleGroups,

		"GET /resource-servers/search": searchResourceServers,
		"GET /keys/network-acls":       listACLKeys,
		"POST /keys/network-acls":      createACLKey,

		"POST /connections/{}/directory-provisioning/synchronized-groups":   selectGroups(true),
		"DELETE /connections/{}/directory-provisioning/synchronized-groups": selectGroups(false),
		"POST /experimentation/experiments/{}/advance-ramp":                 advanceRamp,

		"PUT /guardian/settings": setGuardian,
	}
}
