package sim

import (
	"net/http"

	"a0run/client/sim/store"
)

func clientHandlers() map[string]handler {
	return map[string]handler{
		"GET /clients":                   listClients,
		"GET /clients/{}":                getClient,
		"POST /clients":                  createClient,
		"PATCH /clients/{}":              patchClient,
		"DELETE /clients/{}":             deleteClient,
		"POST /clients/{}/rotate-secret": rotateSecret,
		"POST /clients/{}/credentials":   createCredential,
		"GET /clients/{}/connections":    clientConnections,
		"POST /client-grants":            createClientGrant,
		"POST /resource-servers":         createResourceServer,
		"GET /resource-servers/{}":       getResourceServer,
		"PATCH /resource-servers/{}":     patchResourceServer,
		"DELETE /resource-servers/{}":    deleteResourceServer,
		"POST /clients/cimd/preview": func(c *call) reply {
			return c.ok(object{"external_client_id": c.body["external_client_id"], "validation": object{"valid": true}})
		},
		"POST /clients/cimd/register": registerCIMD,
	}
}

// clientView hides the secrets from a token that may not read them.
func (c *call) clientView(o object) object {
	if c.token != nil && (c.token.scopes["read:client_keys"] || c.token.scopes["update:client_keys"]) {
		return o
	}
	out := store.Clone(o)
	for _, k := range []string{"client_secret", "encryption_key", "signing_keys"} {
		delete(out, k)
	}
	return out
}

func listClients(c *call) reply {
	return c.page(listing{key: clientsKey(), view: c.clientView})
}

func getClient(c *call) reply {
	o := c.tx.Get(clientsKey(), c.id())
	if o == nil {
		return absent("/clients")
	}
	return c.ok(c.fields(c.clientView(o)))
}

func createClient(c *call) reply {
	o := newClient(c.t, c.body)
	if rep := credentialsOf(c, o); rep != nil {
		return *rep
	}
	c.tx.Put(clientsKey(), str(o, "client_id"), o)
	return c.ok(o)
}

// newClient fills in what the tenant fills in.
func newClient(t *Tenant, b object) object {
	o := store.Clone(b)
	preset := func(k string, v any) {
		if _, has := o[k]; !has {
			o[k] = v
		}
	}
	from := string(encode(b))
	preset("client_id", t.ids.id("/clients", from))
	if str(o, "token_endpoint_auth_method") != "none" && sub(o, "client_authentication_methods") == nil {
		preset("client_secret", t.ids.base64("client_secret", from, 48))
	}
	preset("tenant", "local")
	preset("global", false)
	preset("is_first_party", true)
	preset("is_token_endpoint_ip_header_trusted", false)
	preset("oidc_conformant", false)
	preset("sso_disabled", false)
	preset("cross_origin_authentication", false)
	preset("cross_origin_auth", false)
	preset("custom_login_page_on", true)
	preset("callbacks", []any{})
	grants := []any{"authorization_code", "implicit", "refresh_token", "client_credentials"}
	switch str(o, "app_type") {
	case "resource_server":
		o["oidc_conformant"] = true
		grants = []any{}
	case "express_configuration":
		grants = []any{"authorization_code", "client_credentials"}
		preset("organization_usage", "require")
		preset("organization_require_behavior", "pre_login_prompt")
		preset("async_approval_notification_channels", []any{"guardian-push"})
	}
	preset("grant_types", grants)
	jwt := store.Clone(sub(o, "jwt_configuration"))
	if _, has := jwt["secret_encoded"]; !has {
		jwt["secret_encoded"] = false
	}
	if _, alg := jwt["alg"]; !alg {
		if _, has := jwt["lifetime_in_seconds"]; !has {
			jwt["lifetime_in_seconds"] = 36000
		}
	}
	o["jwt_configuration"] = jwt
	preset("refresh_token", object{
		"rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0,
		"token_lifetime": 2592000, "idle_token_lifetime": 1296000,
		"infinite_token_lifetime": true, "infinite_idle_token_lifetime": true,
	})
	return o
}

// credentialsOf turns the keys that a body brings inline into credentials of
// their own, as the API does.
func credentialsOf(c *call, o object) *reply {
	methods := sub(o, "client_authentication_methods")
	pkj := sub(methods, "private_key_jwt")
	if pkj == nil {
		return nil
	}
	var refs []any
	for _, v := range items(pkj, "credentials") {
		cred, _ := v.(object)
		if id := str(cred, "id"); id != "" {
			refs = append(refs, object{"id": id})
			continue
		}
		made, rep := newCredential(c, cred)
		if rep != nil {
			return rep
		}
		c.tx.Put(credentialsKey(str(o, "client_id")), str(made, "id"), made)
		refs = append(refs, object{"id": made["id"]})
	}
	methods, pkj = store.Clone(methods), store.Clone(pkj)
	pkj["credentials"] = refs
	methods["private_key_jwt"] = pkj
	o["client_authentication_methods"] = methods
	return nil
}

func credentialsKey(client string) store.Key {
	return store.Key{Kind: "/clients/{}/credentials", Scope: client}
}

func newCredential(c *call, b object) (object, *reply) {
	o := store.Clone(b)
	if pem := str(b, "pem"); pem != "" {
		if _, err := publicKey([]byte(pem)); err != nil {
			rep := failure(400, "Payload validation error: 'Invalid PEM' on property pem.", "invalid_body")
			return nil, &rep
		}
	}
	from := string(encode(b))
	o["id"] = c.t.ids.id("/clients/{}/credentials", from)
	o["kid"] = c.t.ids.base64("kid", from, 32)
	if str(o, "alg") == "" {
		o["alg"] = "RS256"
	}
	o["created_at"], o["updated_at"] = stamp(c.now), stamp(c.now)
	return o, nil
}

func createCredential(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	o, rep := newCredential(c, c.body)
	if rep != nil {
		return *rep
	}
	kept := store.Clone(o)
	if _, has := kept["expires_at"]; !has {
		kept["expires_at"] = nil
	}
	c.tx.Put(c.key(), str(o, "id"), kept)
	return c.ok(shown(c.key().Kind, o))
}

func patchClient(c *call) reply {
	old := c.tx.Get(clientsKey(), c.id())
	if old == nil {
		return absent("/clients")
	}
	o := store.Clone(old)
	for k, v := range c.body {
		switch {
		case v == nil:
			delete(o, k)
		case k == "client_metadata":
			meta := store.Clone(sub(o, k))
			patch, _ := v.(object)
			for name, value := range patch {
				if value == nil || value == "" {
					delete(meta, name)
				} else {
					meta[name] = value
				}
			}
			o[k] = meta
		case k == "jwt_configuration":
			o[k] = jwtConfiguration(sub(o, k), v)
		default:
			o[k] = v
		}
	}
	if rep := credentialsOf(c, o); rep != nil {
		return *rep
	}
	c.tx.Put(clientsKey(), c.id(), o)
	return c.ok(o)
}

// jwtConfiguration replaces one by another. How the secret is written down was
// decided when it was made: deploy-cli never sends it with a change, and a
// tenant still shows it afterwards.
func jwtConfiguration(old object, patch any) any {
	jwt, ok := patch.(object)
	if encoded, had := old["secret_encoded"]; ok && had && jwt["secret_encoded"] == nil {
		jwt = store.Clone(jwt)
		jwt["secret_encoded"] = encoded
		return jwt
	}
	return patch
}

func deleteClient(c *call) reply {
	id := c.id()
	if c.tx.Delete(clientsKey(), id) {
		c.tx.Clear(credentialsKey(id))
		c.tx.UnlinkAll(connClients, id)
		c.tx.UnlinkAll(orgClients, id)
		grants := kind("/client-grants")
		for _, g := range c.tx.All(grants) {
			if str(g, "client_id") == id {
				c.tx.Delete(grants, str(g, "id"))
			}
		}
	}
	return c.done()
}

func rotateSecret(c *call) reply {
	old := c.tx.Get(clientsKey(), c.params[0])
	if old == nil {
		return absent("/clients")
	}
	o := store.Clone(old)
	o["client_secret"] = c.t.ids.base64("client_secret", c.params[0], 48)
	c.tx.Put(clientsKey(), c.params[0], o)
	return c.ok(o)
}

func clientConnections(c *call) reply {
	if !c.tx.Has(clientsKey(), c.params[0]) {
		return absent("/clients")
	}
	return c.page(c.related(store.LinkedBy(connClients, c.params[0]), connectionsKey(), func(o object) object {
		return connectionView(c.tx, o)
	}))
}

func createClientGrant(c *call) reply {
	client, audience := str(c.body, "client_id"), str(c.body, "audience")
	switch {
	case client == "" && str(c.body, "default_for") == "":
		return invalidBody("Missing required property: client_id")
	case client != "" && !c.tx.Has(clientsKey(), client):
		return missing("Client does not exist", "inexistent_client")
	}
	if str(c.tx.Get(clientsKey(), client), "app_type") == "express_configuration" {
		return failure(http.StatusBadRequest, "Client of type express_configuration cannot be used", "validation_error")
	}
	for _, g := range c.tx.All(c.key()) {
		if str(g, "client_id") == client && str(g, "audience") == audience && str(g, "subject_type") == subjectType(c.body) {
			return conflict("A resource server with that client and audience already exists.", "")
		}
	}
	return createItem(c)
}

func subjectType(b object) string {
	if s := str(b, "subject_type"); s != "" {
		return s
	}
	return "client"
}

func createResourceServer(c *call) reply {
	id := str(c.body, "identifier")
	if len(c.tx.Lookup(c.key(), "identifier", id)) > 0 || c.t.isManagement(id) {
		return conflict("A resource server with the same identifier already exists", "")
	}
	return createItem(c)
}

// resourceServer finds one by id or, as the API also takes it, by identifier.
func resourceServer(c *call) object {
	if o := c.tx.Get(c.key(), c.id()); o != nil {
		return o
	}
	if found := c.tx.Lookup(c.key(), "identifier", c.id()); len(found) > 0 {
		return found[0]
	}
	return nil
}

func getResourceServer(c *call) reply {
	if o := resourceServer(c); o != nil {
		return c.ok(c.fields(o))
	}
	return absent("/resource-servers")
}

func patchResourceServer(c *call) reply {
	old := resourceServer(c)
	if old == nil {
		return absent("/resource-servers")
	}
	if truth(old, "is_system") {
		return failure(400, "A system API cannot be modified.", "invalid_body")
	}
	o := store.Clone(old)
	merge(o, c.body, nil)
	o["identifier"], o["id"] = old["identifier"], old["id"]
	c.tx.Put(c.key(), str(o, "id"), o)
	return c.ok(o)
}

// deleteResourceServer takes what was granted at the API with it.
func deleteResourceServer(c *call) reply {
	o := resourceServer(c)
	switch {
	case o == nil:
		return c.done()
	case truth(o, "is_system"):
		return failure(http.StatusBadRequest, "A system API cannot be deleted.", "invalid_body")
	}
	c.tx.Delete(c.key(), str(o, "id"))
	identifier := str(o, "identifier")
	for _, g := range c.tx.All(kind("/client-grants")) {
		if str(g, "audience") == identifier {
			c.tx.Delete(kind("/client-grants"), str(g, "id"))
			c.tx.UnlinkAll(orgGrants, str(g, "id"))
		}
	}
	for owner, field := range map[string]string{usersKind: "user_id", "/roles": "id"} {
		for _, holder := range c.tx.All(kind(owner)) {
			k := permissionKey(owner, str(holder, field))
			for _, p := range c.tx.All(k) {
				if str(p, "resource_server_identifier") == identifier {
					c.tx.Delete(k, permissionID(p))
				}
			}
		}
	}
	return c.done()
}

func registerCIMD(c *call) reply {
	o := newClient(c.t, object{"name": str(c.body, "external_client_id"), "external_client_id": c.body["external_client_id"], "token_endpoint_auth_method": "none"})
	c.tx.Put(clientsKey(), str(o, "client_id"), o)
	return c.ok(object{"client_id": o["client_id"]})
}
