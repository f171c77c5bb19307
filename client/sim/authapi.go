package sim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// extras are operations that the catalogue leaves out because no playbook
// calls them: what a verifier of tokens fetches.
func extras() []*catalog.Operation {
	return append(newer(), []*catalog.Operation{
		{ID: "jwks", API: catalog.Authentication, Verb: http.MethodGet, Path: "/.well-known/jwks.json", Effect: catalog.Read, Buckets: []string{"authentication", "jwks"}},
		{ID: "openid_configuration", API: catalog.Authentication, Verb: http.MethodGet, Path: "/.well-known/openid-configuration", Effect: catalog.Read, Buckets: []string{"authentication"}},
		{ID: "authentication.users.userinfo", API: catalog.Authentication, Verb: http.MethodPost, Path: "/userinfo", Effect: catalog.Read, Buckets: []string{"authentication", "userinfo"}},
		exportOperation(),
	}...)
}

func authHandlers() map[string]handler {
	return map[string]handler{
		"auth GET /.well-known/jwks.json":                                   jwks,
		"auth GET /.well-known/openid-configuration":                        discovery,
		"auth POST /oauth/token":                                            token,
		"auth GET /authorize":                                               authorize,
		"auth GET /userinfo":                                                userinfo,
		"auth POST /userinfo":                                               userinfo,
		"auth POST /tokeninfo":                                              tokeninfo,
		"auth POST /dbconnections/signup":                                   signup,
		"auth POST /dbconnections/change_password":                          changePassword,
		"auth POST /oauth/revoke":                                           revoke,
		"auth POST /oauth/par":                                              par,
		"auth POST /bc-authorize":                                           bcAuthorize,
		"auth POST /oauth/device/code":                                      deviceCode,
		"auth POST /passwordless/start":                                     passwordlessStart,
		"auth POST /passwordless/verify":                                    passwordlessVerify,
		"auth POST /oauth/ro":                                               legacyLogin,
		"auth POST /oauth/access_token":                                     socialLogin,
		"auth POST /delegation":                                             delegation,
		"auth POST /oidc/register":                                          register,
		"auth GET /samlp/metadata/{}":                                       samlMetadata,
		"auth GET /wsfed/FederationMetadata/2007-06/FederationMetadata.xml": wsfedMetadata,
		"auth GET /samlp/{}":                                                toLogin,
		"auth GET /wsfed/{}":                                                toLogin,
		"auth GET /v2/logout":                                               logout("returnTo"),
		"auth GET /oidc/logout":                                             logout("post_logout_redirect_uri"),
		"auth GET /mfa/authenticators":                                      mfaList,
		"auth DELETE /mfa/authenticators/{}":                                mfaDelete,
		"auth POST /mfa/challenge":                                          mfaChallenge,
		"auth POST /mfa/associate":                                          mfaAssociate,
		"auth POST /login/callback":                                         func(c *call) reply { return page(c, "<html><body>Logged in.</body></html>") },
		"auth POST /samlp/{}/logout":                                        func(c *call) reply { return page(c, "<html><body>Logged out.</body></html>") },
		"auth POST /users/{}/impersonate": func(c *call) reply {
			return page(c, c.t.BaseURL()+"/impersonate?token="+c.t.ids.word("impersonate", c.params[0], 24))
		},
		"auth POST /oauth/global-token-revocation/connection/{}": func(*call) reply { return empty() },
	}
}

func page(c *call, text string) reply {
	return reply{status: c.status(http.StatusOK), kind: "text/html; charset=utf-8", text: text}
}

func xml(text string) reply {
	return reply{status: http.StatusOK, kind: "application/xml; charset=utf-8", text: `<?xml version="1.0" encoding="UTF-8"?>` + text}
}

func redirect(to string) reply {
	return reply{status: http.StatusFound, kind: "text/html; charset=utf-8", text: "Found. Redirecting to " + to, header: map[string]string{"Location": to}}
}

func intText(n int64) string { return strconv.FormatInt(n, 10) }

func jwks(c *call) reply {
	return reply{status: http.StatusOK, late: func() (any, error) { return c.t.keys.jwks() }}
}

func discovery(c *call) reply {
	base := c.t.BaseURL()
	return sent(http.StatusOK, object{
		"issuer": c.t.Issuer(), "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/oauth/token",
		"device_authorization_endpoint": base + "/oauth/device/code", "userinfo_endpoint": base + "/userinfo",
		"jwks_uri": base + "/.well-known/jwks.json", "registration_endpoint": base + "/oidc/register",
		"revocation_endpoint": base + "/oauth/revoke", "end_session_endpoint": base + "/oidc/logout",
		"pushed_authorization_request_endpoint": base + "/oauth/par", "backchannel_authentication_endpoint": base + "/bc-authorize",
		"scopes_supported":                      []string{"openid", "profile", "offline_access", "name", "email", "phone"},
		"response_types_supported":              []string{"code", "token", "id_token"},
		"code_challenge_methods_supported":      []string{"S256"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"HS256", "RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
	})
}

// authorize logs the person in at once whom login_hint names, and sends the
// code back: there is no page to fill in.
func authorize(c *call) reply {
	q := c.query
	if uri := q.Get("request_uri"); uri != "" {
		pushed := c.tx.Get(parKey(), uri)
		if ends, _ := number(pushed["ends"]); pushed == nil || c.now.Unix() > ends {
			return denied(http.StatusBadRequest, "invalid_request", "The request_uri is unknown or expired.")
		}
		c.tx.Delete(parKey(), uri)
		q = url.Values{}
		for k, v := range sub(pushed, "params") {
			if s, ok := v.(string); ok {
				q.Set(k, s)
			}
		}
	}
	client := c.tx.Get(clientsKey(), q.Get("client_id"))
	if client == nil {
		return denied(http.StatusForbidden, "invalid_request", "Unknown client: "+q.Get("client_id"))
	}
	back := q.Get("redirect_uri")
	callbacks := texts(client, "callbacks")
	if back == "" && len(callbacks) > 0 {
		back = callbacks[0]
	}
	if !slices.Contains(callbacks, back) {
		return denied(http.StatusForbidden, "unauthorized_client", "Callback URL mismatch. "+back+" is not in the list of allowed callback URLs")
	}
	answer := url.Values{}
	if s := q.Get("state"); s != "" {
		answer.Set("state", s)
	}
	u := c.hinted(q)
	if u == nil {
		if q.Get("prompt") == "none" {
			answer.Set("error", "login_required")
			answer.Set("error_description", "Login required")
			return redirect(withQuery(back, answer))
		}
		return redirect(c.t.BaseURL() + "/u/login?state=" + c.t.ids.word("state", q.Encode(), 24))
	}
	code := c.newCode(client, u, q, back)
	answer.Set("code", code)
	return redirect(withQuery(back, answer))
}

func withQuery(to string, add url.Values) string {
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	return to + sep + add.Encode()
}

// hinted is the user whom login_hint names.
func (c *call) hinted(q url.Values) object {
	hint := q.Get("login_hint")
	if hint == "" {
		return nil
	}
	if conn := q.Get("connection"); conn != "" {
		return c.findLogin(conn, hint)
	}
	if found := c.tx.Lookup(usersKey(), "email", strings.ToLower(hint)); len(found) > 0 {
		return found[0]
	}
	return c.findLogin(databaseName, hint)
}

func (c *call) newCode(client, u object, q url.Values, back string) string {
	text := c.t.ids.base64("code", str(client, "client_id")+str(u, "user_id"), 32)
	code := object{
		"client_id": client["client_id"], "user_id": u["user_id"], "redirect_uri": back,
		"ends": json.Number(intText(c.now.Unix() + 600)), "at": json.Number(intText(c.now.Unix())),
	}
	for _, k := range []string{"scope", "audience", "nonce", "code_challenge"} {
		code[k] = q.Get(k)
	}
	if o := c.organization(q.Get("organization")); o != nil {
		code["org"] = o
	}
	c.tx.Put(codesKey(), text, code)
	return text
}

// bearer is the access token of a call of the Authentication API.
func (c *call) bearer() (object, *reply) {
	refuse := reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
	kind, text, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return nil, &refuse
	}
	access, err := c.t.keys.access(strings.TrimSpace(text), c.now)
	if err != nil || !c.t.isIssuer(str(access.claims, "iss")) {
		return nil, &refuse
	}
	return access.claims, nil
}

func userinfo(c *call) reply {
	claims, rep := c.bearer()
	if rep != nil {
		return *rep
	}
	u := c.tx.Get(usersKey(), str(claims, "sub"))
	if u == nil {
		return reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
	}
	out := profileClaims(u, splitSpace(str(claims, "scope")))
	out["sub"] = u["user_id"]
	return sent(http.StatusOK, out)
}

func tokeninfo(c *call) reply {
	claims, err := c.t.keys.verify(str(c.body, "id_token"), c.now)
	if err != nil {
		return reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
	}
	if u := c.tx.Get(usersKey(), str(claims, "sub")); u != nil {
		return sent(http.StatusOK, u)
	}
	return reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
}

// signupError is shaped unlike all other errors.
func signupError(code, description string) reply {
	return sent(http.StatusBadRequest, object{"name": "BadRequestError", "code": code, "description": description, "statusCode": http.StatusBadRequest})
}

func signup(c *call) reply {
	conn := str(c.body, "connection")
	if c.tx.Get(clientsKey(), str(c.body, "client_id")) == nil {
		return signupError("invalid_request", "client_id is unknown")
	}
	found := c.tx.Lookup(connectionsKey(), "name", conn)
	if len(found) == 0 || str(found[0], "strategy") != "auth0" {
		return signupError("connection_not_found", "connection not found")
	}
	mail := str(c.body, "email")
	if !emailLike(mail) || str(c.body, "password") == "" {
		return signupError("invalid_signup", "Invalid sign up")
	}
	if c.findLogin(conn, mail) != nil || str(c.body, "username") != "" && c.findLogin(conn, str(c.body, "username")) != nil {
		return signupError("invalid_signup", "Invalid sign up")
	}
	b := object{}
	for _, k := range []string{"email", "connection", "username", "given_name", "family_name", "name", "nickname", "picture", "user_metadata"} {
		if v, ok := c.body[k]; ok && v != nil {
			b[k] = v
		}
	}
	u := newUser(c.t, b, "auth0", stamp(c.now))
	id := str(u, "user_id")
	c.tx.Put(usersKey(), id, u)
	c.tx.Put(passwordsKey(), id, object{"password": str(c.body, "password")})
	out := object{"_id": strings.TrimPrefix(id, "auth0|"), "email": u["email"], "email_verified": false}
	for _, k := range []string{"username", "given_name", "family_name", "name", "nickname", "picture", "user_metadata"} {
		if v, ok := b[k]; ok {
			out[k] = v
		}
	}
	return sent(http.StatusOK, out)
}

func changePassword(c *call) reply {
	switch {
	case str(c.body, "email") == "" && str(c.body, "username") == "":
		return denied(http.StatusBadRequest, "invalid_request", "email is required")
	case str(c.body, "connection") == "":
		return denied(http.StatusBadRequest, "invalid_request", "connection is required")
	case len(c.tx.Lookup(connectionsKey(), "name", str(c.body, "connection"))) == 0:
		return denied(http.StatusBadRequest, "invalid_request", "connection does not exist")
	}
	return page(c, "We've just sent you an email to reset your password.")
}

func revoke(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	text := str(c.body, "token")
	if text == "" {
		return denied(http.StatusBadRequest, "invalid_request", "Missing required parameter: token")
	}
	if r := c.tx.Get(refreshKey(), text); r != nil && str(r, "client_id") == str(client, "client_id") {
		c.dropRefresh(text)
	}
	return reply{status: http.StatusOK}
}

func par(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	uri := "urn:ietf:params:oauth:request_uri:" + c.t.ids.base64("par", str(client, "client_id"), 24)
	params := store.Clone(c.body)
	for _, k := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		delete(params, k)
	}
	params["client_id"] = client["client_id"]
	c.tx.Put(parKey(), uri, object{"params": params, "ends": json.Number(intText(c.now.Unix() + 30))})
	return sent(http.StatusCreated, object{"request_uri": uri, "expires_in": 30})
}

func bcAuthorize(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	if !slices.Contains(splitSpace(str(c.body, "scope")), "openid") {
		return denied(http.StatusBadRequest, "invalid_request", "openid scope must be requested")
	}
	var hint object
	_ = json.Unmarshal([]byte(str(c.body, "login_hint")), &hint)
	u := c.tx.Get(usersKey(), str(hint, "sub"))
	if u == nil {
		return denied(http.StatusBadRequest, "unknown_user_id", "User ID is malformed or unknown")
	}
	life := int64(300)
	if n, err := strconv.ParseInt(str(c.body, "requested_expiry"), 10, 64); err == nil && n > 0 {
		life = n
	}
	id := c.t.ids.uuid("ciba", str(u, "user_id"))
	c.tx.Put(cibaKey(), id, object{
		"client_id": client["client_id"], "user_id": u["user_id"], "scope": str(c.body, "scope"), "audience": str(c.body, "audience"),
		"state": "pending", "ends": json.Number(intText(c.now.Unix() + life)),
	})
	return sent(http.StatusOK, object{"auth_req_id": id, "expires_in": life, "interval": 5})
}

func deviceCode(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	if client == nil {
		return *unauthorized()
	}
	id := c.t.ids.base64("device", str(client, "client_id"), 24)
	user := strings.ToUpper(c.t.ids.word("user_code", id, 8))
	user = user[:4] + "-" + user[4:]
	c.tx.Put(deviceKey(), id, object{
		"client_id": client["client_id"], "scope": str(c.body, "scope"), "audience": str(c.body, "audience"), "user_code": user,
		"state": "pending", "ends": json.Number(intText(c.now.Unix() + 900)),
	})
	base := c.t.BaseURL() + "/activate"
	return sent(http.StatusOK, object{
		"device_code": id, "user_code": user, "verification_uri": base, "verification_uri_complete": base + "?user_code=" + user,
		"expires_in": 900, "interval": 5,
	})
}

// Approve lets a person consent to a waiting back-channel request or device
// code; with no user the request is rejected.
func (t *Tenant) Approve(id, userID string) bool {
	done := false
	t.state.Update(func(tx *store.Tx) {
		for _, k := range []store.Key{cibaKey(), deviceKey()} {
			old := tx.Get(k, id)
			if old == nil {
				continue
			}
			o := store.Clone(old)
			o["state"] = "rejected"
			if userID != "" {
				o["state"], o["user_id"] = "approved", userID
			}
			tx.Put(k, id, o)
			done = true
		}
	})
	return done
}

// OneTimeCode is the code that a passwordless start sent to somebody, "" when
// none did.
func (t *Tenant) OneTimeCode(connection, name string) string {
	code := ""
	t.state.View(func(tx *store.Tx) {
		code = str(tx.Get(otpKey(), connection+"\x1f"+strings.ToLower(name)), "code")
	})
	return code
}

func passwordlessStart(c *call) reply {
	if _, rep := c.client(); rep != nil {
		return *rep
	}
	conn := str(c.body, "connection")
	field := "email"
	if conn == "sms" {
		field = "phone_number"
	}
	name := str(c.body, field)
	if name == "" {
		return denied(http.StatusBadRequest, "bad.request", "missing "+field+" parameter")
	}
	if len(c.tx.Lookup(connectionsKey(), "name", conn)) == 0 {
		return denied(http.StatusBadRequest, "bad.connection", "Connection does not exist")
	}
	c.tx.Put(otpKey(), conn+"\x1f"+strings.ToLower(name), object{"code": c.t.ids.digits("otp", conn+name, 6)})
	return sent(http.StatusOK, object{"_id": c.t.ids.hex("passwordless", conn+name, 24), field: name, field + "_verified": false})
}

func passwordlessVerify(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	if client == nil {
		return *unauthorized()
	}
	c.body["otp"], c.body["realm"] = c.body["password"], c.body["connection"]
	return otpGrant(c, client)
}

func legacyLogin(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	if client == nil {
		return *unauthorized()
	}
	return passwordGrant(c, client, str(c.body, "connection"))
}

func socialLogin(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	conn := str(c.body, "connection")
	if client == nil || str(c.body, "access_token") == "" {
		return *unauthorized()
	}
	if len(c.tx.Lookup(connectionsKey(), "name", conn)) == 0 {
		return denied(http.StatusBadRequest, "invalid_connection", "the connection does not exist")
	}
	id := conn + "|" + c.t.ids.digits("social", "", 18)
	u := newUser(c.t, object{"connection": conn, "user_id": id, "name": "Social user"}, conn, stamp(c.now))
	c.tx.Put(usersKey(), str(u, "user_id"), u)
	return c.tokensFor(client, login{user: u, scope: str(c.body, "scope"), at: c.now})
}

func delegation(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	if client == nil {
		return *unauthorized()
	}
	var u object
	if r := c.tx.Get(refreshKey(), str(c.body, "refresh_token")); r != nil {
		u = c.tx.Get(usersKey(), str(r, "user_id"))
	} else if claims, err := c.t.keys.verify(str(c.body, "id_token"), c.now); err == nil {
		u = c.tx.Get(usersKey(), str(claims, "sub"))
	}
	if u == nil {
		return denied(http.StatusUnauthorized, "invalid_token", "The token is invalid.")
	}
	return c.tokensFor(client, login{user: u, scope: "openid", at: c.now})
}

func register(c *call) reply {
	if len(items(c.body, "redirect_uris")) == 0 {
		return denied(http.StatusBadRequest, "invalid_redirect_uri", "redirect_uris is required")
	}
	name := str(c.body, "client_name")
	if name == "" {
		name = "Dynamic client"
	}
	b := object{"name": name, "callbacks": c.body["redirect_uris"], "is_first_party": false}
	if m := str(c.body, "token_endpoint_auth_method"); m != "" {
		b["token_endpoint_auth_method"] = m
	}
	o := newClient(c.t, b)
	c.tx.Put(clientsKey(), str(o, "client_id"), o)
	out := object{"client_name": name, "client_id": o["client_id"], "redirect_uris": c.body["redirect_uris"], "client_secret_expires_at": 0}
	if s := str(o, "client_secret"); s != "" {
		out["client_secret"] = s
	}
	return sent(http.StatusOK, out)
}

func samlMetadata(c *call) reply {
	if !c.tx.Has(clientsKey(), c.params[0]) {
		return reply{status: http.StatusNotFound, kind: "text/html; charset=utf-8", text: "Not found."}
	}
	return xml(`<EntityDescriptor entityID="urn:` + c.t.Domain() + `" xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` +
		c.t.BaseURL() + `/samlp/` + url.PathEscape(c.params[0]) + `"/></IDPSSODescriptor></EntityDescriptor>`)
}

func wsfedMetadata(c *call) reply {
	return xml(`<EntityDescriptor entityID="urn:` + c.t.Domain() + `" xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><RoleDescriptor/></EntityDescriptor>`)
}

func toLogin(c *call) reply {
	return redirect(c.t.BaseURL() + "/u/login?state=" + c.t.ids.word("state", c.params[0], 24))
}

func logout(param string) handler {
	return func(c *call) reply {
		if to := c.query.Get(param); to != "" {
			return redirect(to)
		}
		return redirect(c.t.BaseURL() + "/")
	}
}
