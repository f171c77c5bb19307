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
	return append([]*catalog.Operation{
		{ID: "jwks", API: catalog.Authentication, Verb: http.MethodGet, Path: "/.well-known/jwks.json", Effect: catalog.Read, Buckets: []string{"authentication", "jwks"}},
		{ID: "openid_configuration", API: catalog.Authentication, Verb: http.MethodGet, Path: "/.well-known/openid-configuration", Effect: catalog.Read, Buckets: []string{"authentication"}},
		{ID: "authentication.users.userinfo", API: catalog.Authentication, Verb: http.MethodPost, Path: "/userinfo", Effect: catalog.Read, Buckets: []string{"authentication", "userinfo"}},
		{ID: "oidc.logout.post", API: catalog.Authentication, Verb: http.MethodPost, Path: "/oidc/logout", Effect: catalog.Act, Buckets: []string{"authentication"}},
		exportOperation(),
	}, pageOperations()...)
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
		"auth GET /samlp/{}":                                                protocolPage,
		"auth GET /wsfed/{}":                                                protocolPage,
		"auth GET /v2/logout":                                               logout,
		"auth GET /oidc/logout":                                             oidcLogout,
		"auth POST /oidc/logout":                                            oidcLogout,
		"auth GET /mfa/authenticators":                                      mfaList,
		"auth DELETE /mfa/authenticators/{}":                                mfaDelete,
		"auth POST /mfa/challenge":                                          mfaChallenge,
		"auth POST /mfa/associate":                                          mfaAssociate,
		"auth POST /login/callback":                                         func(c *call) reply { return page(c, "<html><body>Logged in.</body></html>") },
		"auth POST /samlp/{}/logout":                                        func(c *call) reply { return page(c, "<html><body>Logged out.</body></html>") },
		"auth POST /users/{}/impersonate": func(c *call) reply {
			return page(c, c.base()+"/impersonate?token="+c.t.ids.word("impersonate", c.params[0], 24))
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
	ring := c.ring()
	return reply{status: http.StatusOK, late: func() (any, error) { return ring.jwks() }}
}

// discovery says what there is: OpenID Connect Discovery 1.0, RFC 8414, and the
// fields that RFC 8628, RFC 9126 and OpenID Connect CIBA add.
func discovery(c *call) reply {
	base := c.base()
	return sent(http.StatusOK, object{
		"issuer": c.issuer(), "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/oauth/token",
		"device_authorization_endpoint": base + "/oauth/device/code", "userinfo_endpoint": base + "/userinfo",
		"mfa_challenge_endpoint": base + "/mfa/challenge",
		"jwks_uri":               base + "/.well-known/jwks.json", "registration_endpoint": base + "/oidc/register",
		"revocation_endpoint": base + "/oauth/revoke", "end_session_endpoint": base + "/oidc/logout",
		"pushed_authorization_request_endpoint": base + "/oauth/par", "backchannel_authentication_endpoint": base + "/bc-authorize",
		"backchannel_token_delivery_modes_supported": []string{"poll"},
		"scopes_supported":                           []string{"openid", "profile", "offline_access", "email", "phone"},
		"response_types_supported":                   []string{"code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token"},
		"code_challenge_methods_supported":           []string{"S256", "plain"},
		"response_modes_supported":                   []string{"query", "fragment", "form_post"},
		"grant_types_supported": []string{
			"client_credentials", "authorization_code", "implicit", "refresh_token", "password", grantRealm, grantOTP, grantCIBA, grantDevice,
			grantExchange, grantFederated, grantMFAOTP, grantMFAOOB, grantMFARecovery,
		},
		"claims_supported": []string{
			"aud", "auth_time", "created_at", "email", "email_verified", "exp", "family_name", "given_name", "iat", "identities", "iss", "name",
			"nickname", "phone_number", "picture", "sub",
		},
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            []string{"HS256", "RS256"},
		"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"RS256", "RS384", "PS256"},
		"request_uri_parameter_supported":                  false, "request_parameter_supported": false,
	})
}

// bearer is the access token of a call of the Authentication API.
func (c *call) bearer() (object, *reply) {
	refuse := reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
	kind, text, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return nil, &refuse
	}
	access, err := c.t.keys.access(c.ring(), strings.TrimSpace(text), c.now)
	if err != nil || !c.issued(str(access.claims, "iss")) {
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
	// "This endpoint will work only if openid was granted as a scope for the
	// Access Token" (page "Get User Info").
	if u == nil || !slices.Contains(splitSpace(str(claims, "scope")), "openid") {
		return reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
	}
	out := profileClaims(u, splitSpace(str(claims, "scope")))
	out["sub"] = u["user_id"]
	return sent(http.StatusOK, out)
}

func tokeninfo(c *call) reply {
	claims, err := c.ring().verify(str(c.body, "id_token"), c.now)
	if err != nil {
		return reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
	}
	if u := c.tx.Get(usersKey(), str(claims, "sub")); u != nil {
		return sent(http.StatusOK, u)
	}
	return reply{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", text: "Unauthorized"}
}

func par(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	if rep := c.wrongPush(client); rep != nil {
		return *rep
	}
	uri := "urn:ietf:params:oauth:request_uri:" + c.t.ids.base64("par", str(client, "client_id"), 24)
	params := store.Clone(c.body)
	for _, k := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		delete(params, k)
	}
	params["client_id"] = client["client_id"]
	c.tx.Put(parKey(), uri, object{"params": params, "ends": numberOf(c.now.Unix() + 30)})
	return sent(http.StatusCreated, object{"request_uri": uri, "expires_in": 30})
}

// wrongPush is why a request is not taken: what /authorize would send back, and
// what may not be pushed (RFC 9126, 2.1). "Request parameters are validated at the
// beginning of the authorization request": Auth0's page "Authorization Code Flow
// with PAR".
func (c *call) wrongPush(client object) *reply {
	refuse := func(code, text string) *reply {
		rep := denied(http.StatusBadRequest, code, text)
		return &rep
	}
	if _, again := c.body["request_uri"]; again {
		return refuse("invalid_request", "request_uri is not allowed in a pushed authorization request")
	}
	q := url.Values{}
	for k, v := range c.body {
		if s, ok := v.(string); ok {
			q.Set(k, s)
		}
	}
	org := c.organization(q.Get("organization"))
	back, known := callbackOf(client, org, q.Get("redirect_uri"))
	if !known {
		return refuse("invalid_request", "Callback URL mismatch. "+back+" is not in the list of allowed callback URLs")
	}
	x := c.begin(client, q)
	defer x.drop()
	x.set("mode", modeOf(q))
	if code, text := x.wrong(org); code != "" {
		return refuse(code, text)
	}
	return nil
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
	} else if claims, err := c.ring().verify(str(c.body, "id_token"), c.now); err == nil {
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
	return xml(`<EntityDescriptor entityID="urn:` + c.domain() + `" xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` +
		c.base() + `/samlp/` + url.PathEscape(c.params[0]) + `"/></IDPSSODescriptor></EntityDescriptor>`)
}

func wsfedMetadata(c *call) reply {
	return xml(`<EntityDescriptor entityID="urn:` + c.domain() + `" xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><RoleDescriptor/></EntityDescriptor>`)
}

// protocolPage stands where log-ins by SAML and WS-Federation begin: their
// assertions are not made here.
func protocolPage(c *call) reply {
	if !c.tx.Has(clientsKey(), c.params[0]) {
		return reply{status: http.StatusNotFound, kind: "text/html; charset=utf-8", text: "Not found."}
	}
	return c.oops(http.StatusNotImplemented, "unsupported", "A local tenant logs nobody in by SAML or WS-Federation; use /authorize.")
}

// numberOf is a number as the state keeps it.
func numberOf(n int64) json.Number { return json.Number(intText(n)) }
