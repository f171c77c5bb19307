package main

import (
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
	for _, end := range []string{"/deploy", "/test", "/try", "/rotate", "/rotate-secret", "/verify", "/rollback", "/ticket",
		"/verification-email", "/redeliver", "/redeliver/{event_id}", "/rekey", "/recovery-code-regeneration", "/sso-ticket",
		"/email-verification", "/password-change", "/synchronizations", "/wrapping-key"} {
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
	group := b.api.ID[:strings.LastIndex(b.api.ID, ".")]
	s := catalog.Subject{Kind: snakePath(group)}
	last := len(parts) - 1
	for last >= 0 && !strings.HasPrefix(parts[last], "{") {
		last--
	}
	whole := last == len(parts)-1
	switch {
	case last < 0: // a collection or a singleton
	case whole, effect == catalog.Add, effect == catalog.Remove, effect == catalog.Act, effect == catalog.Patch,
		effect == catalog.Delete, effect == catalog.Replace:
		s.ID = snake(strings.Trim(parts[last], "{}"))
		if !whole {
			s.Kind = b.kindOf(strings.Join(parts[:last+1], "/"), s.Kind)
		}
	}
	s.Field = idField(s.Kind)
	return s
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
	case "users", "organizations.members":
		return "user_id"
	case "clients":
		return "client_id"
	case "keys.signing", "keys.encryption":
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
	starts := func(prefix string) bool { return strings.HasPrefix(path, prefix) }
	switch {
	case path == "/organizations/name/{}":
		return "organizations.by_name." + rw
	case path == "/organizations/{}" && rw == "read":
		return "organizations.by_id.read"
	case path == "/users/{}/organizations":
		return "users.organizations." + rw
	case strings.HasSuffix(path, "/members/{}/roles"):
		return "organizations.member_roles." + rw
	case starts("/organizations/{}/members"):
		return "organizations.members." + rw
	case starts("/organizations/{}/enabled_connections"), starts("/organizations/{}/connections"):
		return "organizations.connections." + rw
	case starts("/organizations/{}/client-grants"):
		return "organizations.client_grants." + rw
	case starts("/organizations/{}/invitations"):
		return "organizations.invitations." + rw
	case starts("/organizations"):
		return "organizations." + rw
	case path == "/users", starts("/users/"), starts("/users-by-email"):
		return "users." + rw
	case path == "/connections/{}/status":
		return "connections.status.read"
	case starts("/custom-domains") && rw == "write":
		return "custom_domains.write"
	case starts("/keys/signing") && rw == "write":
		return "signing_keys.write"
	case strings.HasSuffix(path, "/partials"):
		return "prompts.partials." + rw
	case starts("/email-templates"):
		return "email_templates." + rw
	case starts("/emails/provider"):
		return "email_provider." + rw
	case starts("/token-exchange-profiles"):
		return "token_exchange_profiles." + rw
	case starts("/device-credentials") && rw == "write":
		return "device_credentials.write"
	case rw == "read" && (path == "/clients" || starts("/clients/")):
		return "clients.read"
	case rw == "read" && (path == "/connections" || starts("/connections/")):
		return "connections.read"
	case rw == "read" && (path == "/logs" || starts("/logs/")):
		return "logs.read"
	}
	return "management.other"
}

func docOf(api *apiOp) string {
	if api.removed != "" {
		return "management/v2"
	}
	return "management/v2/" + strings.Split(api.Path, "/")[1]
}

// undo fills natural key, what a delete takes with it, and the inverse.
func (b *builder) undo(op *catalog.Operation) {
	path := shape(b.api.Path)
	if op.Effect == catalog.Create {
		op.NaturalKey.None = catalog.Unknown
	}
	if op.Effect == catalog.Delete {
		op.TakesWithIt.None = catalog.Unknown
	}
	if !op.Effect.Mutates() {
		return
	}
	op.Inverse = b.inverse(op, path)
}

func (b *builder) inverse(op *catalog.Operation, path string) catalog.Inverse {
	parent := path[:strings.LastIndex(path, "/")]
	get := b.index["GET "+path]
	switch op.Effect {
	case catalog.Patch, catalog.Replace:
		if get != "" {
			return catalog.Inverse{With: op.ID, Before: get}
		}
	case catalog.Add:
		if with := b.index["DELETE "+path]; with != "" {
			return catalog.Inverse{With: with, Before: get}
		}
		if with := b.index["DELETE "+path+"/{}"]; with != "" {
			return catalog.Inverse{With: with, Before: get}
		}
	case catalog.Remove:
		if with := b.index["POST "+path]; with != "" {
			return catalog.Inverse{With: with, Before: get}
		}
		if with := b.index["POST "+parent]; with != "" {
			return catalog.Inverse{With: with, Before: get}
		}
	case catalog.Create:
		if with := b.index["DELETE "+path+"/{}"]; with != "" {
			return catalog.Inverse{With: with}
		}
		if with := b.index["DELETE "+path]; with != "" {
			return catalog.Inverse{With: with}
		}
	case catalog.Delete:
		if with := b.index["POST "+parent]; with != "" && get != "" && strings.HasSuffix(path, "{}") {
			return catalog.Inverse{With: with, Before: get, Note: "the object comes back under a new id"}
		}
		if with := b.index["POST "+path]; with != "" && get != "" {
			return catalog.Inverse{With: with, Before: get}
		}
		if with := b.index["PUT "+path]; with != "" && get != "" {
			return catalog.Inverse{With: with, Before: get}
		}
	}
	return catalog.Inverse{None: catalog.Unknown}
}
