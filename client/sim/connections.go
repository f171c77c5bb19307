package sim

import (
	"net/http"
	"slices"
	"sort"

	"a0run/client/sim/store"
)

func connectionHandlers() map[string]handler {
	return map[string]handler{
		"GET /connections":                               listConnections,
		"GET /connections/{}":                            getConnection,
		"POST /connections":                              createConnection,
		"PATCH /connections/{}":                          patchConnection,
		"DELETE /connections/{}":                         deleteConnection,
		"GET /connections/{}/clients":                    enabledClients,
		"PATCH /connections/{}/clients":                  changeEnabledClients,
		"DELETE /connections/{}/users":                   deleteConnectionUser,
		"GET /connections/{}/keys":                       connectionKeys,
		"POST /connections/{}/keys":                      connectionKeys,
		"POST /connections/{}/keys/rotate":               rotateConnectionKey,
		"POST /connections/{}/scim-configuration":        createSCIM,
		"POST /connections/{}/scim-configuration/tokens": createSCIMToken,
		"GET /connections-scim-configurations":           func(c *call) reply { return c.page(listing{fixed: true}) },
		"GET /connections-directory-provisionings":       func(c *call) reply { return c.page(listing{fixed: true}) },
	}
}

// connectionView adds enabled_clients, which stand as a relation.
func connectionView(tx *store.Tx, o object) object {
	out := store.Clone(o)
	ids := []string{}
	for _, l := range tx.All(store.Links(connClients, str(o, "id"))) {
		ids = append(ids, store.ID(l))
	}
	sort.Strings(ids)
	out["enabled_clients"] = ids
	return out
}

func listConnections(c *call) reply {
	return c.page(listing{key: connectionsKey(), view: func(o object) object { return connectionView(c.tx, o) }})
}

func getConnection(c *call) reply {
	o := c.tx.Get(connectionsKey(), c.id())
	if o == nil {
		return absent("/connections")
	}
	return c.ok(c.fields(connectionView(c.tx, o)))
}

func createConnection(c *call) reply {
	name, strategy := str(c.body, "name"), str(c.body, "strategy")
	if len(c.tx.Lookup(connectionsKey(), "name", name)) > 0 {
		return conflict("A connection with the same name already exists", "")
	}
	if strategy == "auth0" {
		if rep := checkDatabaseOptions(sub(c.body, "options")); rep != nil {
			return *rep
		}
	}
	clients := texts(c.body, "enabled_clients")
	for _, id := range clients {
		if !c.tx.Has(clientsKey(), id) {
			return failure(http.StatusBadRequest, "One or more of the enabled clients do not exist: "+id, "invalid_body")
		}
	}
	o := newConnection(c.t, c.body)
	c.tx.Put(connectionsKey(), str(o, "id"), o)
	for _, id := range clients {
		c.tx.Link(connClients, str(o, "id"), id, nil)
	}
	return c.ok(connectionView(c.tx, o))
}

// checkDatabaseOptions refuses what a database's options cannot say together.
func checkDatabaseOptions(o object) *reply {
	refuse := func(text string) *reply {
		rep := failure(http.StatusBadRequest, text, "invalid_body")
		return &rep
	}
	// Both are read, since one is the older name of the other; deploy-cli takes
	// the older out before it writes, because a tenant refuses the two.
	if o["password_options"] != nil {
		for _, k := range []string{"passwordPolicy", "password_complexity_options", "password_history", "password_no_personal_info", "password_dictionary"} {
			if o[k] != nil {
				return refuse("Cannot set both options.password_options and options." + k)
			}
		}
	}
	attributes := sub(o, "attributes")
	if attributes == nil {
		return nil
	}
	for _, k := range []string{"requires_username", "validation"} {
		if o[k] != nil {
			return refuse("Cannot set both options.attributes and options." + k)
		}
	}
	active := false
	for name := range attributes {
		a := sub(attributes, name)
		is := truth(sub(a, "identifier"), "active")
		active = active || is
		if signup := sub(a, "signup"); is && name == "phone_number" && signup != nil && str(signup, "status") != "required" {
			return refuse("attribute phone_number must also be required on signup")
		}
	}
	if !active {
		return refuse("attributes must contain one active identifier")
	}
	return nil
}

// newConnection fills in what the tenant fills in.
func newConnection(t *Tenant, b object) object {
	o := store.Clone(b)
	delete(o, "enabled_clients")
	name, strategy := str(b, "name"), str(b, "strategy")
	preset := func(k string, v any) {
		if _, has := o[k]; !has {
			o[k] = v
		}
	}
	preset("id", t.ids.id("/connections", string(encode(b))))
	preset("is_domain_connection", false)
	preset("realms", []any{name})
	switch strategy {
	case "ad", "adfs", "waad", "google-apps", "samlp", "pingfederate", "oidc", "okta":
		preset("show_as_button", false)
	}
	switch strategy {
	case "ad", "adfs", "waad", "google-apps", "samlp", "pingfederate":
		preset("provisioning_ticket_url", t.BaseURL()+"/p/"+strategy+"/"+t.ids.word("ticket", name, 16))
	case "okta", "oidc":
	}
	switch strategy {
	case "okta", "oidc", "waad":
		preset("display_name", name)
	}
	switch strategy {
	case "auth0", "oidc", "okta", "line":
		preset("authentication", object{"active": true})
		preset("connected_accounts", object{"active": false})
	}
	options := connectionOptions(strategy)
	for k, v := range sub(b, "options") {
		options[k] = v
	}
	o["options"] = options
	return o
}

func connectionOptions(strategy string) object {
	switch strategy {
	case "auth0":
		return object{
			"mfa":            object{"active": true, "return_enroll_settings": true},
			"passwordPolicy": "good", "strategy_version": 2, "brute_force_protection": true,
			"authentication_methods": object{"password": object{"enabled": true}, "passkey": object{"enabled": false}},
			"passkey_options":        object{"challenge_ui": "both", "progressive_enrollment_enabled": true, "local_enrollment_enabled": true},
			"password_options": object{
				"complexity":   object{"character_type_rule": "all", "identical_characters": "allow", "sequential_characters": "allow"},
				"dictionary":   object{"active": false, "default": "en_100k", "custom": []any{}},
				"history":      object{"active": false, "size": 3},
				"profile_data": object{"active": false, "blocked_fields": []any{}},
			},
		}
	case "ad":
		return object{"ips": nil, "brute_force_protection": true}
	case "sms", "email":
		return object{"brute_force_protection": true}
	case "google-oauth2":
		return object{"email": true, "profile": true, "scope": []any{"email", "profile"}}
	case "github", "salesforce":
		return object{"scope": []any{}}
	case "facebook":
		return object{"scope": ""}
	case "linkedin":
		return object{"scope": []any{"r_basicprofile"}}
	case "windowslive":
		return object{"scope": []any{"wl.signin"}}
	case "wordpress":
		return object{"scope": []any{"profile"}}
	case "line":
		return object{"scope": []any{"openid", "profile"}}
	case "adfs":
		return object{"should_trust_email_verified_connection": "always_set_emails_as_verified"}
	case "waad":
		return object{"should_trust_email_verified_connection": "never_set_emails_as_verified", "identity_api": "microsoft-identity-platform-v2.0"}
	case "okta":
		return object{"schema_version": "oidc-V4", "connection_settings": object{"pkce": "auto"}, "attribute_map": object{"mapping_mode": "basic_profile"}, "type": "back_channel"}
	case "oidc":
		return object{"schema_version": "oidc-V4", "connection_settings": object{"pkce": "auto"}, "attribute_map": object{"mapping_mode": "bind_all"}, "type": "front_channel"}
	}
	return object{}
}

func patchConnection(c *call) reply {
	old := c.tx.Get(connectionsKey(), c.id())
	if old == nil {
		return absent("/connections")
	}
	name, renamed := c.body["name"]
	if rep := checkConnectionPatch(c, old); rep != nil {
		return *rep
	}
	o := store.Clone(old)
	for k, v := range c.body {
		switch k {
		case "id", "strategy", "enabled_clients":
		case "options":
			o[k] = databaseOptions(old, v)
		default:
			o[k] = v
		}
	}
	if renamed && name != old["name"] {
		o["realms"] = renameRealm(old, str(c.body, "name"))
		renameIdentities(c.tx, str(old, "name"), str(o, "name"))
	}
	c.tx.Put(connectionsKey(), c.id(), o)
	if _, given := c.body["enabled_clients"]; given {
		c.tx.Delete(openConnections(), c.id())
		for _, l := range c.tx.All(store.Links(connClients, c.id())) {
			c.tx.Unlink(connClients, c.id(), store.ID(l))
		}
		for _, id := range texts(c.body, "enabled_clients") {
			c.tx.Link(connClients, c.id(), id, nil)
		}
	}
	return c.ok(connectionView(c.tx, o))
}

// databaseOptions replaces options as a whole, but that the older name of a
// password policy is still read where only the newer one was written.
func databaseOptions(old object, v any) any {
	o, ok := v.(object)
	policy, had := sub(old, "options")["passwordPolicy"]
	if !ok || !had || o["password_options"] == nil {
		return v
	}
	o = store.Clone(o)
	o["passwordPolicy"] = policy
	return o
}

func checkConnectionPatch(c *call, old object) *reply {
	refuse := func(rep reply) *reply { return &rep }
	name := str(c.body, "name")
	if str(old, "strategy") == "auth0" {
		if rep := checkDatabaseOptions(sub(c.body, "options")); rep != nil {
			return rep
		}
	}
	if _, has := c.body["name"]; !has || name == str(old, "name") && !c.t.o.NoConnectionRename {
		return nil // the same name changes nothing
	}
	switch {
	case c.t.o.NoConnectionRename:
		return refuse(invalidBody("Additional properties not allowed: name"))
	case len(c.tx.Lookup(connectionsKey(), "name", name)) > 0:
		return refuse(conflict("A connection with the same name already exists", ""))
	}
	return nil
}

func renameRealm(old object, name string) []any {
	realms := slices.Clone(items(old, "realms"))
	for i, r := range realms {
		if r == old["name"] {
			realms[i] = name
		}
	}
	return realms
}

// renameIdentities follows a renamed connection in its users.
func renameIdentities(tx *store.Tx, from, to string) {
	for _, r := range tx.Refs(usersKey()) {
		u := r.Object()
		if !hasConnection(u, from) {
			continue
		}
		n := store.Clone(u)
		identities := slices.Clone(items(u, "identities"))
		for i, v := range identities {
			if id, _ := v.(object); str(id, "connection") == from {
				id = store.Clone(id)
				id["connection"] = to
				identities[i] = id
			}
		}
		n["identities"] = identities
		tx.Put(usersKey(), str(u, "user_id"), n)
	}
}

// deleteConnection takes the connection's users with it.
func deleteConnection(c *call) reply {
	o := c.tx.Get(connectionsKey(), c.id())
	if o == nil {
		return empty()
	}
	into, of := object{}, c.tx.Pick("identities")
	for _, r := range c.tx.Refs(usersKey()) {
		first, _ := append(items(r.Some(into, of), "identities"), nil)[0].(object)
		if str(first, "connection") == str(o, "name") {
			removeUser(c.tx, r.ID())
		}
	}
	c.tx.Delete(connectionsKey(), c.id())
	c.tx.UnlinkAll(connClients, c.id())
	c.tx.UnlinkAll(orgConns, c.id())
	return sent(http.StatusAccepted, object{"deleted_at": stamp(c.now)})
}

func enabledClients(c *call) reply {
	if !c.tx.Has(connectionsKey(), c.params[0]) {
		return absent("/connections")
	}
	return c.page(c.related(store.Links(connClients, c.params[0]), clientsKey(), func(o object) object {
		return object{"client_id": o["client_id"]}
	}))
}

func changeEnabledClients(c *call) reply {
	id := c.params[0]
	if !c.tx.Has(connectionsKey(), id) {
		return absent("/connections")
	}
	if c.list == nil {
		return invalidBody("Expected type array but found type %s", typeName(c.body))
	}
	c.tx.Delete(openConnections(), id)
	for _, v := range c.list {
		one, _ := v.(object)
		client := str(one, "client_id")
		if client == "" {
			return invalidBody("Missing required property: client_id")
		}
		if truth(one, "status") {
			if !c.tx.Has(clientsKey(), client) {
				return absent("/clients")
			}
			c.tx.Link(connClients, id, client, nil)
		} else {
			c.tx.Unlink(connClients, id, client)
		}
	}
	return c.done()
}

func deleteConnectionUser(c *call) reply {
	o := c.tx.Get(connectionsKey(), c.params[0])
	if o == nil {
		return absent("/connections")
	}
	for _, u := range c.tx.Lookup(usersKey(), "login", loginKey(str(o, "name"), "email", c.query.Get("email"))) {
		removeUser(c.tx, str(u, "user_id"))
	}
	return c.done()
}

// signers are the keys of a connection: one current and one next, and from the
// first rotation on the previous one before them.
func (c *call) signers() []any {
	k, id := store.Key{Kind: "=/connections/{}/keys"}, c.params[0]
	if o := c.tx.Get(k, id); o != nil {
		return items(o, "$list")
	}
	now := stamp(c.now)
	return []any{
		object{"kid": "current-" + id, "current": true, "next": false, "current_since": now, "algorithm": "RS256"},
		object{"kid": "next-" + id, "current": false, "next": true, "algorithm": "RS256"},
	}
}

func (c *call) keepSigners(list []any) {
	c.tx.Put(store.Key{Kind: "=/connections/{}/keys"}, c.params[0], object{"$list": list})
}

func connectionKeys(c *call) reply {
	if !c.tx.Has(connectionsKey(), c.params[0]) {
		return absent("/connections")
	}
	list := c.signers()
	if c.op.Effect.Mutates() {
		c.keepSigners(list)
	}
	return c.ok(list)
}

func rotateConnectionKey(c *call) reply {
	if !c.tx.Has(connectionsKey(), c.params[0]) {
		return absent("/connections")
	}
	var previous, current object
	for _, v := range c.signers() {
		k := store.Clone(v.(object))
		switch {
		case truth(k, "current"):
			k["current"], k["previous"] = false, true
			previous = k
		case truth(k, "next"):
			k["next"], k["current"], k["current_since"] = false, true, stamp(c.now)
			current = k
		}
	}
	next := object{"kid": c.t.ids.word("connection-key", c.params[0]+" rotated", 21), "current": false, "next": true, "algorithm": "RS256"}
	c.keepSigners([]any{previous, current, next})
	return c.ok(current)
}

func createSCIM(c *call) reply {
	o := c.tx.Get(connectionsKey(), c.params[0])
	if o == nil {
		return absent("/connections")
	}
	k, id := c.single()
	if c.tx.Has(k, id) {
		return conflict("The SCIM configuration already exists for this connection.", "")
	}
	s := store.Clone(c.body)
	s["tenant_name"], s["connection_id"], s["connection_name"], s["strategy"] = "local", o["id"], o["name"], o["strategy"]
	s["created_at"], s["updated_on"] = stamp(c.now), stamp(c.now)
	if str(s, "user_id_attribute") == "" {
		s["user_id_attribute"] = "externalId"
	}
	if s["mapping"] == nil {
		s["mapping"] = preset("/connections/{}/scim-configuration/default-mapping", c.t)["mapping"]
	}
	c.tx.Put(k, id, s)
	return c.ok(s)
}

// createSCIMToken shows the token this once.
func createSCIMToken(c *call) reply {
	if !c.tx.Has(connectionsKey(), c.params[0]) {
		return absent("/connections")
	}
	o := store.Clone(c.body)
	o["token_id"] = c.t.ids.id(c.key().Kind, string(encode(c.body)))
	o["token"] = str(o, "token_id") + "_" + c.t.ids.base64("scim", str(o, "token_id"), 32)
	o["created_at"] = stamp(c.now)
	c.tx.Put(c.key(), str(o, "token_id"), o)
	return c.ok(o)
}
