package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The grants of /oauth/token.
const (
	grantRealm       = "http://auth0.com/oauth/grant-type/password-realm"
	grantOTP         = "http://auth0.com/oauth/grant-type/passwordless/otp"
	grantMFAOTP      = "http://auth0.com/oauth/grant-type/mfa-otp"
	grantMFAOOB      = "http://auth0.com/oauth/grant-type/mfa-oob"
	grantMFARecovery = "http://auth0.com/oauth/grant-type/mfa-recovery-code"
	grantCIBA        = "urn:openid:params:grant-type:ciba"
	grantDevice      = "urn:ietf:params:oauth:grant-type:device_code"
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantFederated   = "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token"
	assertionType    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

func token(c *call) reply {
	grant := str(c.body, "grant_type")
	if grant == "" {
		return denied(http.StatusForbidden, "invalid_request", "Missing required parameter: grant_type")
	}
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	// Who cannot keep a secret cannot speak for itself (RFC 6749, 4.4).
	public := str(client, "token_endpoint_auth_method") == "none"
	if !slices.Contains(items(client, "grant_types"), any(grant)) || public && grant == "client_credentials" {
		known := []string{"client_credentials", "authorization_code", "refresh_token", "password", grantRealm, grantOTP, grantCIBA, grantDevice, grantExchange, grantFederated, grantMFAOTP, grantMFAOOB, grantMFARecovery}
		if !slices.Contains(known, grant) {
			return denied(http.StatusForbidden, "unsupported_grant_type", "Unsupported grant type: "+grant)
		}
		return notAllowed(grant)
	}
	switch grant {
	case "client_credentials":
		return clientCredentials(c, client)
	case "authorization_code":
		return authorizationCode(c, client)
	case "refresh_token":
		return refreshGrant(c, client)
	case "password":
		return passwordGrant(c, client, str(c.settings(), "default_directory"))
	case grantRealm:
		return passwordGrant(c, client, str(c.body, "realm"))
	case grantOTP:
		return otpGrant(c, client)
	case grantCIBA:
		return pollGrant(c, client, cibaKey(), str(c.body, "auth_req_id"))
	case grantDevice:
		return pollGrant(c, client, deviceKey(), str(c.body, "device_code"))
	case grantExchange, grantFederated:
		return exchangeGrant(c, client, grant)
	}
	return mfaGrant(c, client, grant)
}

func notAllowed(grant string) reply {
	return denied(http.StatusForbidden, "unauthorized_client", "Grant type '"+grant+"' not allowed for the client.")
}

// scopesFor are what a client may have of an API, narrowed by what it asks for.
func (c *call) scopesFor(client object, audience, asked string) ([]string, *reply) {
	own := c.t.isManagement(audience)
	if !own && len(c.tx.Lookup(kind("/resource-servers"), "identifier", audience)) == 0 {
		rep := denied(http.StatusForbidden, "access_denied", "Service not found: "+audience)
		return nil, &rep
	}
	var grant object
	for _, g := range c.tx.All(kind("/client-grants")) {
		to := str(g, "audience")
		if str(g, "client_id") == str(client, "client_id") && (to == audience || own && c.t.isManagement(to)) {
			grant = g
		}
	}
	if grant == nil {
		rep := denied(http.StatusForbidden, "access_denied", "Client is not authorized to access \""+audience+"\". You need to create a \"client-grant\" associated to this API.")
		return nil, &rep
	}
	granted := texts(grant, "scope")
	if asked == "" {
		return granted, nil
	}
	return slices.DeleteFunc(splitSpace(asked), func(s string) bool { return !slices.Contains(granted, s) }), nil
}

func clientCredentials(c *call, client object) reply {
	refuse := func(rep reply) reply {
		body, _ := rep.body.(object)
		c.event(event{kind: "feccft", client: client, audience: str(c.body, "audience"), text: str(body, "error_description")})
		return rep
	}
	audience := firstOf(str(c.body, "audience"), str(c.settings(), "default_audience"))
	if audience == "" {
		return refuse(denied(http.StatusForbidden, "access_denied", "No audience parameter was provided, and no default audience has been configured"))
	}
	scopes, rep := c.scopesFor(client, audience, str(c.body, "scope"))
	if rep != nil {
		return refuse(*rep)
	}
	id, life := str(client, "client_id"), int64(86400)
	if rs := c.tx.Lookup(kind("/resource-servers"), "identifier", audience); len(rs) > 0 {
		if n, ok := number(rs[0]["token_lifetime"]); ok && n > 0 {
			life = n
		}
	}
	claims := object{
		"iss": c.issuer(), "sub": id + "@clients", "aud": audience, "iat": c.now.Unix(), "exp": c.now.Unix() + life,
		"gty": "client-credentials", "azp": id,
	}
	out := object{"token_type": "Bearer", "expires_in": life}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
		out["scope"] = claims["scope"]
	}
	var o object
	if org := str(c.body, "organization"); org != "" {
		if o = c.anyOrganization(org); o == nil {
			return refuse(denied(http.StatusBadRequest, "invalid_request", "Organization not found"))
		}
		claims["org_id"] = o["id"]
	}
	told, rep := c.quotas(client, o)
	if rep != nil {
		return refuse(*rep)
	}
	c.event(event{kind: "seccft", client: client, audience: audience, scope: str(claims, "scope"), text: "Client Credentials for Access Token"})
	answer := c.signed(out, map[string]object{"access_token": claims}, nil)
	for name, value := range told {
		answer.header[name] = value
	}
	return answer
}

// organization finds one by id, or by name where the tenant's settings let log-ins
// name it so.
func (c *call) organization(name string) object {
	if name == "" {
		return nil
	}
	o := c.anyOrganization(name)
	if str(o, "id") != name && !truth(c.settings(), "allow_organization_name_in_authentication_api") {
		return nil
	}
	return o
}

// anyOrganization finds one by id or name.
func (c *call) anyOrganization(name string) object {
	if o := c.tx.Get(orgsKey(), name); o != nil {
		return o
	}
	if found := c.tx.Lookup(orgsKey(), "name", strings.ToLower(name)); len(found) > 0 {
		return found[0]
	}
	return nil
}

func passwordGrant(c *call, client object, realm string) reply {
	name := str(c.body, "username")
	if name == "" || str(c.body, "password") == "" {
		return denied(http.StatusForbidden, "invalid_request", "Missing required parameter: username or password")
	}
	found := c.tx.Lookup(connectionsKey(), "name", realm)
	switch {
	case realm == "":
		return denied(http.StatusForbidden, "server_error", "Authorization server not configured with default connection.")
	case len(found) == 0:
		return denied(http.StatusBadRequest, "invalid_request", "the connection was not found")
	case !c.usable(found[0], client):
		return denied(http.StatusBadRequest, "invalid_request", "the connection is not enabled")
	}
	audience := str(c.body, "audience")
	u, rep := c.checkPassword(client, found[0], name)
	if rep != nil {
		body, _ := rep.body.(object)
		c.event(event{kind: "fepft", client: client, name: name, connection: realm, audience: audience, text: str(body, "error_description")})
		return *rep
	}
	l := login{user: u, audience: firstOf(audience, str(c.settings(), "default_audience")), at: c.now, connection: realm, gty: "password"}
	l.scope = c.allowedScope(client, l, str(c.body, "scope"))
	if c.wantsMFA(u) {
		return c.mfaRequired(client, l)
	}
	c.event(event{kind: "s", client: client, user: u, connection: realm, audience: l.audience, scope: l.scope, text: "Successful login"})
	c.event(event{kind: "sepft", client: client, user: u, connection: realm, audience: l.audience, scope: l.scope, text: "Password for Access Token"})
	return c.tokensFor(client, l)
}

// usable reports whether an application may use a connection.
func (c *call) usable(conn, client object) bool {
	id := str(conn, "id")
	return truth(conn, "is_domain_connection") || c.tx.Has(openConnections(), id) || c.tx.Linked(connClients, id, str(client, "client_id"))
}

func authorizationCode(c *call, client object) reply {
	text := str(c.body, "code")
	refuse := func(words string) reply {
		c.event(event{kind: "feacft", client: client, text: words})
		return invalidGrant(words)
	}
	code := c.tx.Get(codesKey(), text)
	if code == nil || str(code, "client_id") != str(client, "client_id") {
		return refuse("Invalid authorization code")
	}
	c.tx.Delete(codesKey(), text)
	if ends, _ := number(code["ends"]); c.now.Unix() > ends {
		return refuse("Invalid authorization code")
	}
	if want, given := str(code, "redirect_uri"), str(c.body, "redirect_uri"); want != given && (given != "" || truth(code, "asked")) {
		return refuse("The redirect URI is wrong. You sent " + given + ", and we expected " + want)
	}
	challenge, verifier := str(code, "code_challenge"), str(c.body, "code_verifier")
	if !provesPossession(challenge, str(code, "code_challenge_method"), verifier) {
		return refuse("Failed to verify code verifier")
	}
	u := c.tx.Get(usersKey(), str(code, "user_id"))
	switch {
	case u == nil:
		return refuse("Invalid authorization code")
	case truth(u, "blocked"):
		c.event(event{kind: "feacft", client: client, user: u, text: "user is blocked"})
		return blocked()
	}
	at, _ := number(code["at"])
	c.event(event{
		kind: "seacft", client: client, user: u, connection: str(code, "connection"), audience: str(code, "audience"), scope: str(code, "scope"),
		text: "Authorization Code for Access Token",
	})
	return c.tokensFor(client, login{
		user: u, scope: str(code, "scope"), audience: str(code, "audience"), nonce: str(code, "nonce"), connection: str(code, "connection"),
		org: c.tx.Get(orgsKey(), str(code, "org_id")), at: time.Unix(at, 0), session: str(code, "session"), counted: true,
	})
}

// provesPossession holds a verifier against the challenge of its code (RFC 7636,
// 4.6).
func provesPossession(challenge, method, verifier string) bool {
	switch {
	case challenge == "":
		return verifier == ""
	case method == "S256":
		sum := sha256.Sum256([]byte(verifier))
		return base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
	}
	return verifier == challenge // plain
}

func invalidGrant(text string) reply { return denied(http.StatusForbidden, "invalid_grant", text) }

func blocked() reply { return denied(http.StatusUnauthorized, "unauthorized", "user is blocked") }

// findLogin is the user of a connection by e-mail, user name or phone number.
func (c *call) findLogin(conn, name string) object {
	for _, f := range []string{"email", "username", "phone_number"} {
		if found := c.tx.Lookup(usersKey(), "login", loginKey(conn, f, name)); len(found) > 0 {
			return found[0]
		}
	}
	return nil
}

// exchangeGrant takes a token of this tenant for another one.
func exchangeGrant(c *call, client object, grant string) reply {
	var u object
	if r := c.tx.Get(refreshKey(), str(c.body, "subject_token")); r != nil {
		u = c.tx.Get(usersKey(), str(r, "user_id"))
	} else if claims, err := c.ring().verify(str(c.body, "subject_token"), c.now); err == nil {
		u = c.tx.Get(usersKey(), str(claims, "sub"))
	}
	if u == nil {
		return invalidGrant("Invalid subject_token")
	}
	if grant == grantFederated {
		conn := str(c.body, "connection")
		if !hasConnection(u, conn) {
			return denied(http.StatusForbidden, "federated_connection_refresh_token_not_found", "No tokens of the connection are stored for the user.")
		}
		return sent(http.StatusOK, object{
			"access_token": c.t.ids.base64("federated", conn+str(u, "user_id"), 32), "token_type": "Bearer",
			"issued_token_type": "http://auth0.com/oauth/token-type/federated-connection-access-token", "expires_in": 3600,
		})
	}
	return c.tokensFor(client, login{user: u, scope: str(c.body, "scope"), audience: str(c.body, "audience"), at: c.now, counted: true})
}
