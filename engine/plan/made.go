package plan

import (
	"crypto/md5" // Gravatar addresses pictures by MD5; nothing is protected by it
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// This file knows what the catalogue does not say: what a tenant makes of a
// body.

// madeOf looks at what a create refers to, and gives the tenant's refusal where
// it does not exist.
func (x *call) madeOf(at place, body *engine.Object) *engine.Error {
	switch at.kind.path {
	case "/users":
		name := field(body, "connection")
		if name == "" {
			return nil
		}
		strategy, err := x.strategyOf(name)
		if err != nil || strategy != "" {
			return err
		}
		return refusal(http.StatusBadRequest, "inexistent_connection", "The connection does not exist.", x.Name)
	case "/connections":
		v, _ := body.Get("enabled_clients")
		list, _ := v.([]any)
		for _, id := range list {
			err := x.missing(x.p.atlas.top(x.Tenant, "/clients", textOf(id)))
			if err != nil && err.StatusCode == http.StatusNotFound {
				return refusal(http.StatusBadRequest, "invalid_body", "One or more of the enabled clients do not exist: "+textOf(id), x.Name)
			}
			if err != nil {
				return err
			}
		}
	case "/client-grants":
		if id := field(body, "client_id"); id != "" {
			err := x.missing(x.p.atlas.top(x.Tenant, "/clients", id))
			if err != nil && err.StatusCode == http.StatusNotFound {
				return refusal(http.StatusNotFound, "inexistent_client", "Client does not exist", x.Name)
			}
			return err
		}
	case "/organizations/{}/connections":
		err := x.missing(x.p.atlas.top(x.Tenant, "/connections", field(body, "connection_id")))
		if err != nil && err.StatusCode == http.StatusNotFound {
			return absent(at.kind.path, x.Name)
		}
		return err
	}
	return nil
}

// strategyOf is the strategy of a connection, "" where there is none of that
// name; "auth0" where the application may not look.
func (x *call) strategyOf(name string) (string, *engine.Error) {
	p := x.p
	key := collKey{x.Tenant, strings.ToLower(name)}
	p.mu.Lock()
	strategy, known := p.strategy[key]
	if !known {
		strategy = p.madeStrategy(x.Tenant, name)
	}
	p.mu.Unlock()
	if known || strategy != "" {
		return strategy, nil
	}
	list := p.atlas.kinds["/connections"].list
	args := engine.NewObject(1)
	args.Set("name", name)
	err := x.walk(list, args, func(o *engine.Object, _ json.RawMessage) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		now := p.now(stand{place: p.atlas.top(x.Tenant, "/connections", field(o, "id")), base: o})
		if field(now, "name") == name {
			strategy = field(now, "strategy")
		}
		return strategy == ""
	})
	if err != nil {
		if err.StatusCode == http.StatusForbidden {
			return "auth0", nil
		}
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strategy != "" {
		p.strategy[key] = strategy
	}
	return strategy, nil
}

// madeStrategy is the strategy of a connection that the plan has made. The
// Planner's mutex is held.
func (p *Planner) madeStrategy(tenant, name string) string {
	if c := p.over.coll(tenant, "/connections"); c != nil {
		for _, e := range c.index[indexKey("name", name)] {
			if e.made != nil && field(e.made, "name") == name {
				return field(e.made, "strategy")
			}
		}
	}
	return ""
}

// made is the object that a tenant would make of a body, and its id: with a
// placeholder for what only the tenant can give.
func (x *call) made(at place, body *engine.Object) (*engine.Object, string) {
	o := engine.NewObject(body.Len() + 4)
	for name, v := range body.All() {
		if !neverShown(at.kind.path, name) {
			o.Set(name, v)
		}
	}
	id := x.newID(at, body)
	if f := at.kind.field; f != "" && !at.kind.single {
		o.Set(f, id)
	}
	now := stampOf(x.p.clock.at(x.Task))
	if stamped(at.kind.path) {
		o.Set("created_at", now)
		o.Set("updated_at", now)
	}
	x.fillIn(at, o, body)
	for _, path := range x.Operation.SecretAnswers {
		if strings.ContainsAny(path, ".[*") || path == "signing_keys" || path == "encryption_key" {
			continue
		}
		if _, has := o.Get(path); !has && hasSecret(at.kind.path, o) {
			o.Set(path, placeholder("secret_", x.Key, path))
		}
	}
	return o, id
}

// hasSecret reports whether the tenant gives a new object its secrets.
func hasSecret(path string, o *engine.Object) bool {
	_, methods := o.Get("client_authentication_methods")
	return path != "/clients" || field(o, "token_endpoint_auth_method") != "none" && !methods
}

// newID is the new object's id: what the body gives, else a placeholder.
func (x *call) newID(at place, body *engine.Object) string {
	given := field(body, at.kind.field)
	switch at.kind.path {
	case "/users":
		strategy, _ := x.strategyOf(field(body, "connection"))
		if strategy == "" {
			strategy = "auth0"
		}
		switch {
		case strings.Contains(given, "|"):
			return given
		case given != "":
			return strategy + "|" + given
		}
		return placeholder(strategy+"|", x.Key, "")
	case "/organizations/{}/connections":
		return field(body, "connection_id")
	}
	if given != "" {
		return given
	}
	if at.kind.single {
		if len(at.values) > 0 {
			return at.values[len(at.values)-1]
		}
		return ""
	}
	return placeholder(catalog.IDPrefix(at.kind.name), x.Key, "")
}

// stamped names the collections whose objects carry created_at and updated_at.
func stamped(path string) bool {
	switch path {
	case "/roles", "/organizations", "/clients", "/connections", "/client-grants", "/resource-servers", "/rules",
		"/rules-configs", "/log-streams", "/email-templates", "/device-credentials", "/custom-domains", "/emails/provider",
		"/guardian/factors", "/connections/{}/scim-configuration/tokens", "/organizations/{}/connections":
		return false
	}
	return true
}

// fillIn adds what the tenant adds by itself, as far as playbooks look at it.
func (x *call) fillIn(at place, o, body *engine.Object) {
	preset := func(pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			name, _ := pairs[i].(string)
			if _, has := o.Get(name); !has {
				o.Set(name, pairs[i+1])
			}
		}
	}
	switch at.kind.path {
	case "/users":
		x.fillUser(o, body, preset)
	case "/clients":
		preset("global", false, "is_first_party", true, "oidc_conformant", false, "sso_disabled", false,
			"cross_origin_authentication", false, "custom_login_page_on", true, "callbacks", []any{},
			"grant_types", []any{"authorization_code", "implicit", "refresh_token", "client_credentials"})
	case "/connections":
		preset("is_domain_connection", false, "realms", []any{field(o, "name")}, "options", engine.NewObject(0), "enabled_clients", []any{})
	case "/organizations":
		preset("display_name", field(o, "name"))
	case "/roles":
		preset("description", "")
	case "/resource-servers":
		preset("signing_alg", "RS256", "token_lifetime", int64(86400), "token_lifetime_for_web", int64(7200),
			"allow_offline_access", false, "skip_consent_for_verifiable_first_party_clients", false, "is_system", false)
	case "/client-grants":
		preset("scope", []any{}, "subject_type", "client")
	case "/rules":
		preset("enabled", true, "stage", "login_success")
	case "/actions/actions":
		preset("status", "built", "all_changes_deployed", false, "secrets", []any{}, "dependencies", []any{})
	case "/log-streams":
		preset("status", "active")
	case "/custom-domains":
		preset("status", "pending_verification")
	case "/organizations/{}/invitations":
		preset("organization_id", at.values[0], "invitation_url", placeholder("https://plan.invalid/", x.Key, "invitation_url"))
	case "/organizations/{}/connections":
		preset("assign_membership_on_login", false)
		if s, err := x.look(x.p.atlas.top(x.Tenant, "/connections", field(body, "connection_id"))); err == nil {
			x.p.mu.Lock()
			inner := engine.NewObject(2)
			if now := x.p.now(s); now != nil {
				inner.Set("name", field(now, "name"))
				inner.Set("strategy", field(now, "strategy"))
			}
			x.p.mu.Unlock()
			preset("connection", inner)
		}
	case "/jobs/users-imports", "/jobs/users-exports":
		preset("status", "pending", "type", strings.ReplaceAll(strings.TrimPrefix(at.kind.path, "/jobs/"), "-", "_"))
		x.cannotKnow(x.jobUnknown(at))
	case "/connections/{}/scim-configuration", "/connections/{}/directory-provisioning":
		preset("connection_id", at.values[0])
	}
}

func (x *call) fillUser(o, body *engine.Object, preset func(pairs ...any)) {
	id := field(o, "user_id")
	provider, own, _ := strings.Cut(id, "|")
	identity := engine.NewObject(4)
	identity.Set("connection", field(body, "connection"))
	identity.Set("user_id", own)
	identity.Set("provider", provider)
	identity.Set("isSocial", social(provider))
	o.Set("identities", []any{identity})
	name := fieldOr(o, "username", "phone_number")
	if mail := strings.ToLower(field(o, "email")); mail != "" {
		o.Set("email", mail)
		local, _, _ := strings.Cut(mail, "@")
		preset("email_verified", false, "nickname", local, "name", mail, "picture", picture(mail, local))
		return
	}
	preset("nickname", name, "name", name, "picture", picture(name, name))
	if field(o, "phone_number") != "" {
		preset("phone_verified", false)
	}
}

func social(strategy string) bool {
	return !slices.Contains([]string{
		"auth0", "email", "sms", "ad", "adfs", "waad", "samlp", "oidc", "okta", "google-apps", "pingfederate",
	}, strategy)
}

func picture(mail, name string) string {
	sum := md5.Sum([]byte(mail)) // see the import
	return "https://s.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) +
		"?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F" + strings.ToLower(name + "xx")[:2] + ".png"
}

// refusedUserPatch is the tenant's refusal of a change of a user that it does
// not take; nil for all others.
func refusedUserPatch(at place, body, old *engine.Object, operation string) *engine.Error {
	if at.kind.path != "/users" {
		return nil
	}
	refuse := func(message string) *engine.Error {
		return refusal(http.StatusBadRequest, "invalid_body", message, operation)
	}
	changes := ""
	for _, f := range []string{"phone_number", "username", "email", "password"} {
		if v, has := body.Get(f); has && !isNull(v) {
			changes = f
		}
	}
	_, verified := body.Get("email_verified")
	connection := field(body, "connection")
	switch {
	case body.Len() == 0:
		return refuse("Payload validation error: 'Too few properties defined (0), minimum 1'.")
	case verified && changes == "password":
		return refuse("Cannot update password and email_verified simultaneously")
	case changes != "" && connection == "":
		return refuse("The connection is required when the " + changes + " is updated")
	case connection != "" && !slices.ContainsFunc(values(old, "identities.connection"), func(v any) bool { return textOf(v) == connection }):
		return refuse("The user does not have an identity with connection " + connection)
	}
	return nil
}

// patchOf is what a body changes of an object.
func (x *call) patchOf(at place, body, old *engine.Object) patch {
	var out patch
	path := at.kind.path
	for name, v := range body.All() {
		switch {
		case neverShown(path, name), path == "/connections" && (name == "id" || name == "strategy" || name == "enabled_clients"):
		case slices.Contains(x.Operation.Merge, name):
			out = append(out, mergePatch(path, name, v, old))
		case isNull(v) && (path == "/users" || path == "/clients"):
			out = append(out, patchField{name: name})
		case path == "/users" && name == "email":
			out = append(out, patchField{name: name, value: strings.ToLower(textOf(v))})
			if _, given := body.Get("email_verified"); !given {
				out = append(out, patchField{name: "email_verified", value: false})
			}
		default:
			out = append(out, patchField{name: name, value: v})
		}
	}
	if name := field(body, "name"); path == "/connections" && name != "" && name != field(old, "name") {
		out = append(out, x.renameRealm(name, old))
	}
	if stamped(path) {
		if _, has := old.Get("updated_at"); has || path == "/users" {
			out = append(out, patchField{name: "updated_at", value: stampOf(x.p.clock.at(x.Task))})
		}
	}
	return out
}

// renameRealm is what a connection's new name changes beside it.
func (x *call) renameRealm(name string, old *engine.Object) patchField {
	realms, _ := old.Get("realms")
	list, _ := realms.([]any)
	list = slices.Clone(list)
	for i, r := range list {
		if textOf(r) == field(old, "name") {
			list[i] = name
		}
	}
	clear(x.p.strategy)
	x.p.cannotKnow(x, "the users of the renamed connection: reads of them still show its old name")
	return patchField{name: "realms", value: list}
}

// mergePatch merges one level deep: null takes a key away, an object that is
// empty, or null, empties the field.
func mergePatch(path, name string, v any, old *engine.Object) patchField {
	keys, ok := v.(*engine.Object)
	if !ok && isNull(v) && path == "/clients" {
		return patchField{name: name}
	}
	if path == "/users" && (!ok || keys.Len() == 0) {
		return patchField{name: name, value: engine.NewObject(0)}
	}
	if !ok {
		return patchField{name: name, value: v}
	}
	merge := engine.NewObject(keys.Len())
	for k, item := range keys.All() {
		if isNull(item) || path == "/clients" && textOf(item) == "" && isText(item) {
			item = nil
		}
		merge.Set(k, item)
	}
	return patchField{name: name, merge: merge}
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// settle does what a create or patch does beside its object. The Planner's
// mutex is held.
func (x *call) settle(at place, body *engine.Object) {
	p := x.p
	switch at.kind.path {
	case "/connections":
		v, given := body.Get("enabled_clients")
		if !given {
			return
		}
		list, _ := v.([]any)
		rel := p.web.byName["connections.clients"]
		p.over.edges.clear(x.Tenant, rel, at.id)
		for _, id := range list {
			p.over.edges.set(x.Tenant, rel, edge{left: at.id, right: textOf(id), in: true})
		}
	case "/organizations":
		v, _ := body.Get("enabled_connections")
		list, _ := v.([]any)
		k := p.atlas.kinds["/organizations/{}/connections"]
		for _, item := range list {
			o, ok := item.(*engine.Object)
			if !ok {
				continue
			}
			below := place{tenant: x.Tenant, kind: k, values: []string{at.id}, coll: instance(k.path, []string{at.id})}
			p.over.make(below.child(field(o, "connection_id")), shallow(o))
		}
	}
}

// takeAlong takes away what goes with a deleted object. The Planner's mutex is
// held.
func (p *Planner) takeAlong(at place, old *engine.Object) {
	if at.kind.path == "/connections" {
		clear(p.strategy)
	}
	for _, d := range alongWith(at, old) {
		d.tenant = at.tenant
		p.over.drop(d)
		p.sweep(d)
	}
	for _, name := range []string{"users.roles", "organizations.members", "connections.clients", "organizations.client_grants", "groups.roles"} {
		for _, e := range p.over.edges.byRight[edgeKey{at.tenant, name, at.id}] {
			e.in = false
		}
	}
}

// sweep takes away what the plan itself has made and that goes with a deleted
// object.
func (p *Planner) sweep(d drop) {
	for k, c := range p.over.colls {
		if k.tenant != d.tenant || len(c.made) == 0 || !slices.Contains(d.kinds, c.made[0].place.kind.path) {
			continue
		}
		for _, e := range c.made {
			if e.made == nil || !slices.Contains(d.kinds, e.place.kind.path) {
				continue
			}
			if textOf(firstOf(values(e.made, d.field))) == d.value {
				p.over.remove(e.place, false)
			}
		}
	}
}

// alongWith says what goes with an object, by the field that refers to it.
func alongWith(at place, old *engine.Object) []drop {
	switch at.kind.path {
	case "/connections":
		return []drop{
			{kinds: []string{"/users"}, field: "identities.connection", value: field(old, "name")},
			{kinds: []string{"/organizations/{}/connections"}, field: "connection_id", value: at.id},
		}
	case "/clients":
		return []drop{{kinds: []string{"/client-grants", "/grants", "/refresh-tokens", "/device-credentials", "/organizations/{}/client-grants"}, field: "client_id", value: at.id}}
	case "/resource-servers":
		id := field(old, "identifier")
		return []drop{
			{kinds: []string{"/client-grants", "/organizations/{}/client-grants"}, field: "audience", value: id},
			{kinds: []string{"/users/{}/permissions", "/roles/{}/permissions"}, field: "resource_server_identifier", value: id},
		}
	case "/users":
		return []drop{{kinds: []string{"/grants", "/device-credentials", "/refresh-tokens"}, field: "user_id", value: at.id}}
	}
	return nil
}
