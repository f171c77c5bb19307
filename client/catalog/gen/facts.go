package main

import (
	"regexp"
	"strings"

	"a0run/client/catalog"
)

// seenStatus are the statuses of success that tenants really send where the
// document says otherwise.
func seenStatus() map[string]int {
	return map[string]int{
		"POST /flows/vault/connections":           200,
		"POST /actions/actions/{}/deploy":         200,
		"PUT /branding/templates/universal-login": 201,
		"POST /roles/{}/permissions":              201,
		"POST /users/{}/permissions":              201,
		"POST /roles/{}/users":                    200,
		"DELETE /refresh-tokens/{}":               204,
		"DELETE /network-acls/{}":                 200,
		"DELETE /connections/{}":                  202,
		"POST /blacklists/tokens":                 204,
	}
}

// connectionSecrets are credentials that only some strategies have; the
// document leaves the options of a connection open.
func connectionSecrets(prefix string) []string {
	var out []string
	for _, name := range []string{
		"client_secret", "app_secret", "consumerSecret", "consumer_secret", "twilio_token", "admin_access_token", "admin_refresh_token",
		"gateway_authentication.secret", "signing_key.key", "signingKey.key", "decryptionKey", "decryptionKey.key",
		"configuration.*", "password", "api_key", "bind_password", "access_token",
	} {
		out = append(out, prefix+"options."+name)
	}
	return out
}

func extraSecrets() map[string][]string {
	hook := "destination.configuration.webhook_authorization."
	webhook := []string{hook + "password", hook + "token", hook + "header_value"}
	return map[string][]string{
		"connections.create":  connectionSecrets(""),
		"connections.update":  connectionSecrets(""),
		"eventStreams.create": webhook,
		"eventStreams.update": webhook,
		"clients.create":      {"client_secret"},
		// Their names do not say it: the key of Azure's mail service stands in its
		// connection string, a webhook's address is the right to post to it.
		"emails.provider.create":         {"credentials.connectionString"},
		"emails.provider.update":         {"credentials.connectionString"},
		"flows.vault.connections.create": {"setup.code", "setup.url", "setup.value"},
		"flows.vault.connections.update": {"setup.code", "setup.url", "setup.value"},
		"logStreams.create":              {"sink.httpCustomHeaders[].value"},
		"logStreams.update":              {"sink.httpCustomHeaders[].value"},
	}
}

func extraSecretAnswers() map[string][]string {
	return map[string][]string{
		"tickets.verifyEmail":                  {"ticket"},
		"tickets.changePassword":               {"ticket"},
		"selfServiceProfiles.ssoTicket.create": {"ticket"},
		"guardian.enrollments.createTicket":    {"ticket_id", "ticket_url"},
		"organizations.invitations.create":     {"invitation_url", "ticket_id"},
		"organizations.invitations.get":        {"invitation_url", "ticket_id"},
		"organizations.invitations.list":       {"[].invitation_url", "[].ticket_id", "invitations[].invitation_url", "invitations[].ticket_id"},
		"jobs.get":                             {"location"},
		"hooks.secrets.get":                    {"*"},
		"logStreams.create":                    {"sink.httpCustomHeaders[].value"},
		"logStreams.get":                       {"sink.httpCustomHeaders[].value"},
		"logStreams.list":                      {"[].sink.httpCustomHeaders[].value"},
		"logStreams.update":                    {"sink.httpCustomHeaders[].value"},
		"connections.create":                   connectionSecrets(""),
		"connections.get":                      connectionSecrets(""),
		"connections.update":                   connectionSecrets(""),
		"connections.list":                     append(connectionSecrets("[]."), connectionSecrets("connections[].")...),
		"clients.connections.get":              connectionSecrets("connections[]."),
	}
}

// noListing are reads whose name or array looks like a listing and is none.
func noListing() map[string]bool {
	return map[string]bool{
		"userBlocks.list": true, "userBlocks.listByIdentifier": true, "selfServiceProfiles.customText.list": true,
	}
}

func mergeOf(id string) []string {
	switch id {
	case "users.update":
		return []string{"app_metadata", "user_metadata"}
	case "clients.update":
		return []string{"client_metadata"}
	}
	return nil
}

func effectOf(api *apiOp) catalog.Effect {
	if effect, ok := namedEffects()[api.ID]; ok {
		return effect
	}
	switch api.Verb {
	case "GET":
		return catalog.Read
	case "PUT":
		return catalog.Replace
	case "PATCH":
		return catalog.Patch
	case "DELETE":
		if relation(api.Path) {
			return catalog.Remove
		}
		return catalog.Delete
	}
	for _, end := range []string{
		"/deploy", "/test", "/try", "/rotate", "/rotate-secret", "/verify", "/rollback", "/ticket",
		"/verification-email", "/redeliver", "/redeliver/{event_id}", "/rekey", "/recovery-code-regeneration", "/sso-ticket",
		"/email-verification", "/password-change", "/synchronizations", "/wrapping-key",
	} {
		if strings.HasSuffix(api.Path, end) {
			return catalog.Act
		}
	}
	if relation(api.Path) {
		return catalog.Add
	}
	return catalog.Create
}

func namedEffects() map[string]catalog.Effect {
	return map[string]catalog.Effect{
		"customDomains.test":                          catalog.Read,
		"experimentation.experiments.validate":        catalog.Read,
		"experimentation.experiments.updateStatus":    catalog.Patch,
		"experimentation.featureFlags.updateStatus":   catalog.Patch,
		"clients.previewCimdMetadata":                 catalog.Read,
		"sessions.revoke":                             catalog.Delete,
		"refreshTokens.revoke":                        catalog.Delete,
		"users.revokeAccess":                          catalog.Delete,
		"users.riskAssessments.clear":                 catalog.Delete,
		"users.multifactor.invalidateRememberBrowser": catalog.Delete,
		"selfServiceProfiles.ssoTicket.revoke":        catalog.Delete,
		"users.identities.link":                       catalog.Act,
		"keys.encryption.import":                      catalog.Act,
		"keys.signing.revoke":                         catalog.Act,
		"actions.triggers.bindings.updateMany":        catalog.Replace,
		"branding.phone.templates.reset":              catalog.Replace,
		"blacklists.create":                           catalog.Add,
		"hooks.secrets.create":                        catalog.Add,
		"hooks.secrets.delete":                        catalog.Remove,
	}
}

// relation tells whether a path is one side of a relation between objects.
func relation(path string) bool {
	switch shape(path) {
	case "/users/{}/roles", "/users/{}/permissions", "/roles/{}/users", "/roles/{}/permissions", "/roles/{}/groups",
		"/groups/{}/roles", "/organizations/{}/members", "/organizations/{}/members/{}/roles", "/organizations/{}/groups/{}/roles",
		"/organizations/{}/client-grants", "/organizations/{}/client-grants/{}", "/organizations/{}/enabled_connections",
		"/organizations/{}/enabled_connections/{}", "/organizations/{}/connections", "/organizations/{}/connections/{}":
		return true
	}
	return false
}

func (b *builder) subject(effect catalog.Effect) catalog.Subject {
	parts := strings.Split(b.api.Path, "/")
	s := catalog.Subject{Kind: snakePath(b.api.ID[:strings.LastIndex(b.api.ID, ".")])}
	last := len(parts) - 1
	for last >= 0 && !strings.HasPrefix(parts[last], "{") {
		last--
	}
	whole := last == len(parts)-1
	switch {
	case effect == catalog.Add || effect == catalog.Remove:
		s.Kind, s.ID = relationOwner(shape(b.api.Path))
	case last < 0, strings.Contains(b.api.Path, "/name/"): // a collection, a singleton, or a search by name
	case whole, effect == catalog.Patch, effect == catalog.Delete, effect == catalog.Replace:
		s.ID = snake(strings.Trim(parts[last], "{}"))
	case effect == catalog.Act:
		s.ID = snake(strings.Trim(parts[last], "{}"))
		s.Kind = b.kindOf(strings.Join(parts[:last+1], "/"), s.Kind)
	}
	switch {
	case b.api.ID == "users.revokeAccess": // ends the user's sessions and not the user
		s.Kind = "users.sessions"
	case strings.HasPrefix(s.Kind, "jobs.users") || s.Kind == "jobs.verification_email": // what comes back is a job
		s.Kind = "jobs"
	}
	s.Field = idField(s.Kind)
	if !b.src.answers(s.Kind, s.Field) {
		s.Field = ""
	}
	return s
}

// relationOwner is the object whose relations a path changes.
func relationOwner(path string) (kind, id string) {
	top := strings.Split(path, "/")[1]
	switch {
	case path == "/organizations/{}/members/{}/roles":
		return "organizations.members", "user_id"
	case path == "/organizations/{}/groups/{}/roles":
		return "organizations.groups", "group_id"
	case top == "blacklists":
		return "blacklists", ""
	}
	return top, "id"
}

// answers tells whether an object of this kind carries the field in an answer.
func (src *source) answers(kind, field string) bool {
	if kind == "blacklists" || kind == "rules_configs" || strings.HasSuffix(kind, "logs") {
		return true
	}
	for i := range src.ops {
		op := &src.ops[i]
		if snakePath(op.ID[:strings.LastIndex(op.ID, ".")]) != kind {
			continue
		}
		for status, raw := range op.Responses {
			if status[0] == '2' && src.schemas.carries(src.schemas.of(raw), field, 0) {
				return true
			}
		}
	}
	return false
}

// carries looks for a property in an object, in the elements of a list and in
// those of a wrapped list.
func (s schemas) carries(v *schema, field string, depth int) bool {
	for _, alt := range s.alternatives(v) {
		if _, ok := alt.Properties[field]; ok {
			return true
		}
		if alt.Items != nil && s.carries(alt.Items, field, depth) {
			return true
		}
		for _, prop := range alt.Properties {
			if d := s.deref(prop); depth == 0 && d != nil && d.Items != nil && s.carries(d.Items, field, 1) {
				return true
			}
		}
	}
	return false
}

// kindOf is the group of the object at path.
func (b *builder) kindOf(path, otherwise string) string {
	want := shape(path)
	for _, verb := range []string{"GET", "DELETE", "PATCH"} {
		for i := range b.src.ops {
			op := &b.src.ops[i]
			if op.Verb == verb && shape(op.Path) == want {
				return snakePath(op.ID[:strings.LastIndex(op.ID, ".")])
			}
		}
	}
	return otherwise
}

func idField(kind string) string {
	switch kind {
	case "users", "organizations.members", "roles.users", "users.identities":
		return "user_id"
	case "custom_domains":
		return "custom_domain_id"
	case "connections.scim_configuration", "connections.directory_provisioning":
		return "connection_id"
	case "connections.scim_configuration.tokens":
		return "token_id"
	case "clients", "connections.clients":
		return "client_id"
	case "keys.signing", "keys.encryption", "connections.keys":
		return "kid"
	case "rules_configs":
		return "key"
	case "branding.themes":
		return "themeId"
	case "email_templates":
		return "template"
	case "guardian.factors":
		return "name"
	case "organizations.enabled_connections", "organizations.connections":
		return "connection_id"
	case "blacklists":
		return "jti"
	case "logs", "users.logs":
		return "log_id"
	}
	return "id"
}

// buckets are the rate-limit groups that Auth0 publishes.
func buckets(verb, path string) []string {
	rw := "read"
	if verb != "GET" {
		rw = "write"
	}
	return []string{"management", bucketGroup(rw, shape(path))}
}

func bucketGroup(rw, path string) string {
	for _, g := range bucketGroups() {
		if (g.only == "" || g.only == rw) && g.path.MatchString(path) {
			return g.name + "." + rw
		}
	}
	return "management.other"
}

// A bucketRule names the group of the paths that match; the first one counts.
type bucketRule struct {
	path *regexp.Regexp
	name string
	only string // "read" or "write", where only these have a limit of their own
}

func bucketGroups() []bucketRule {
	rule := func(path, name, only string) bucketRule {
		return bucketRule{path: regexp.MustCompile("^" + path + "(/|$)"), name: name, only: only}
	}
	return []bucketRule{
		rule(`/organizations/name/{}`, "organizations.by_name", ""),
		{path: regexp.MustCompile(`^/organizations/{}$`), name: "organizations.by_id", only: "read"},
		rule(`/users/{}/organizations`, "users.organizations", ""),
		rule(`/organizations/{}/members/{}/roles`, "organizations.member_roles", ""),
		rule(`/organizations/{}/members`, "organizations.members", ""),
		rule(`/organizations/{}/(enabled_)?connections`, "organizations.connections", ""),
		rule(`/organizations/{}/client-grants`, "organizations.client_grants", ""),
		rule(`/organizations/{}/invitations`, "organizations.invitations", ""),
		rule(`/organizations`, "organizations", ""),
		rule(`/users(-by-email)?`, "users", ""),
		rule(`/connections/{}/status`, "connections.status", ""),
		rule(`/custom-domains`, "custom_domains", "write"),
		rule(`/keys/signing`, "signing_keys", "write"),
		rule(`/prompts/{}/partials`, "prompts.partials", ""),
		rule(`/email-templates`, "email_templates", ""),
		rule(`/emails/provider`, "email_provider", ""),
		rule(`/token-exchange-profiles`, "token_exchange_profiles", ""),
		rule(`/device-credentials`, "device_credentials", "write"),
		rule(`/clients`, "clients", "read"),
		rule(`/connections`, "connections", "read"),
		rule(`/logs`, "logs", "read"),
	}
}

// docOf is the page of an operation. Auth0 names the pages of a resource's own
// operations after verb and path; where it does not, the front page must do.
func docOf(api *apiOp) string {
	const root = "management/v2"
	parts := strings.Split(strings.TrimPrefix(shape(api.Path), "/"), "/")
	slug := strings.ToLower(api.Verb) + "-" + parts[0]
	switch {
	case api.removed != "":
		return root
	case len(parts) == 1:
		return root + "/" + parts[0] + "/" + slug
	case len(parts) == 2 && parts[1] == "{}" && strings.HasSuffix(api.Path, "/{id}"):
		return root + "/" + parts[0] + "/" + slug + "-by-id"
	}
	return root
}

// undo fills the inverse as far as paths and verbs tell it. What a create is
// found by and what a delete takes with it nobody can guess: these stay empty,
// and the catalogue's tests ask for them.
func (b *builder) undo(op *catalog.Operation) {
	if op.Effect.Mutates() {
		op.Inverse = b.inverse(op, shape(b.api.Path))
	}
}

func (b *builder) inverse(op *catalog.Operation, path string) catalog.Inverse {
	parent := path[:strings.LastIndex(path, "/")]
	get := b.index["GET "+path]
	switch op.Effect {
	case catalog.Patch:
		return catalog.Inverse{With: op.ID, Before: get, Body: catalog.SentFields}
	case catalog.Replace:
		return catalog.Inverse{With: op.ID, Before: get, Body: catalog.WholeBefore}
	case catalog.Add:
		return catalog.Inverse{With: b.first("DELETE "+path, "DELETE "+path+"/{}"), Before: get, Body: catalog.SomeElements}
	case catalog.Remove:
		return catalog.Inverse{With: b.first("POST "+path, "POST "+parent), Before: get, Body: catalog.SomeElements}
	case catalog.Create:
		return catalog.Inverse{With: b.first("DELETE "+path+"/{}", "DELETE "+path)}
	case catalog.Delete:
		if with := b.first("POST "+parent, "POST "+path, "PUT "+path); with != "" && get != "" {
			return catalog.Inverse{With: with, Before: get, Body: catalog.WholeBefore, Note: "the object comes back under a new id"}
		}
	case catalog.Read, catalog.Act: // nothing to undo; nothing known
	}
	return catalog.Inverse{}
}

// first is the first operation that exists.
func (b *builder) first(keys ...string) string {
	for _, key := range keys {
		if id := b.index[key]; id != "" {
			return id
		}
	}
	return ""
}
