package main

import (
	"strings"

	"a0run/client/catalog"
)

// authentication are the operations of the Authentication API. They are few and
// irregular, so they are written down here rather than derived.
func authentication() []catalog.Operation {
	ops := append(grants(), authClient()...)
	ops = append(ops, authUser()...)
	ops = append(ops, authBrowser()...)
	return append(ops, authLegacy()...)
}

func authFile(id string) string {
	if strings.HasPrefix(id, "get_token.") {
		return "get_token"
	}
	module := strings.Split(id, ".")[1]
	switch module {
	case "mfa", "device", "passwordless", "pushed_authorization_requests", "back_channel_login", "revoke_token", "oidc", "global_token_revocation":
		return "authentication_tokens"
	}
	return "authentication"
}

func field(name string) catalog.Arg {
	return catalog.Arg{Name: name, In: catalog.InField, Type: catalog.String}
}

// must marks arguments as required.
func must(args ...catalog.Arg) []catalog.Arg {
	for i := range args {
		args[i].Required = true
	}
	return args
}

func secret(a catalog.Arg) catalog.Arg { a.Secret = true; return a }

func typed(a catalog.Arg, t catalog.Type) catalog.Arg { a.Type = t; return a }

func wire(a catalog.Arg, name string) catalog.Arg { a.Wire = name; return a }

func oneOf(a catalog.Arg, values ...string) catalog.Arg { a.Enum = values; return a }

func query(name string) catalog.Arg {
	return catalog.Arg{Name: name, In: catalog.InQuery, Type: catalog.String}
}

func said(a catalog.Arg, summary string) catalog.Arg { a.Summary = summary; return a }

// fields are string fields of a body; a name with * in front is secret.
func fields(names ...string) []catalog.Arg {
	var out []catalog.Arg
	for _, n := range names {
		a := field(strings.TrimPrefix(n, "*"))
		a.Secret = strings.HasPrefix(n, "*")
		out = append(out, a)
	}
	return out
}

func clientArgs(auth catalog.Auth) []catalog.Arg {
	arg := func(name, summary string, secret bool) catalog.Arg {
		return catalog.Arg{Name: name, In: catalog.InClient, Type: catalog.String, Secret: secret, Summary: summary}
	}
	var args []catalog.Arg
	if auth == catalog.ClientAuth || auth == catalog.ClientID {
		args = append(args, arg("client_id", "the application, if not the tenant's", false))
	}
	if auth == catalog.ClientAuth {
		args = append(args,
			arg("client_secret", "its secret", true),
			arg("client_assertion_signing_key", "its private key in PEM, for private_key_jwt", true),
			arg("client_assertion_signing_alg", "the key's algorithm, RS256 unless told", false))
	}
	return append(args, arg("domain", "the tenant's domain, if not the current one", false))
}

// An authSpec is what one Authentication API operation says of itself.
type authSpec struct {
	id, verb, path, summary string
	required, optional      []catalog.Arg
	auth                    catalog.Auth
	body                    catalog.BodyKind
	answer                  catalog.Answer
	status                  int
	effect                  catalog.Effect
	fixed                   []catalog.Field
	aliases, bucket         []string
	secretAnswers           []string
	none, doc, deprecated   string
	whole                   bool
}

func (s authSpec) operation() catalog.Operation {
	op := catalog.Operation{
		ID: s.id, Aliases: s.aliases, API: catalog.Authentication, Verb: s.verb, Path: s.path, Summary: s.summary,
		Body: s.body, Fixed: s.fixed, Auth: s.auth, Answer: s.answer, Status: s.status, Effect: s.effect,
		Buckets: append([]string{"authentication"}, s.bucket...), SecretAnswers: s.secretAnswers,
		Deprecated: s.deprecated, Doc: "authentication/" + s.doc,
	}
	op.Args = append(append(append([]catalog.Arg(nil), s.required...), s.optional...), clientArgs(s.auth)...)
	module := strings.Split(s.id, ".")
	op.Subject = catalog.Subject{Kind: strings.Join(module[:len(module)-1], ".")}
	if s.whole {
		op.Paging.Style = catalog.Whole
	}
	if op.Answer == "" {
		op.Answer = catalog.JSONAnswer
	}
	if op.Status == 0 {
		op.Status = 200
	}
	if op.Doc == "authentication/" {
		op.Doc = "authentication"
	}
	for _, a := range op.Args {
		inBody := a.In == catalog.InField || a.In == catalog.InBody
		op.BodyRequired = op.BodyRequired || (inBody && a.Required)
		if a.In == catalog.InField && a.Secret {
			op.Secrets = append(op.Secrets, a.WireName())
		}
	}
	if len(s.fixed) > 0 {
		op.BodyRequired = true
	}
	if op.Effect.Mutates() {
		op.Inverse.None = s.none
		if s.none == "" {
			op.Inverse.None = "a token once given out cannot be taken back by this operation"
		}
	}
	return op
}

func operations(specs []authSpec) []catalog.Operation {
	var ops []catalog.Operation
	for _, s := range specs {
		ops = append(ops, s.operation())
	}
	return ops
}

// A grant is one way to get tokens from /oauth/token.
type grant struct {
	name, doc, grant, summary string
	required, optional        []catalog.Arg
	public, repeatable        bool
	aliases                   []string
}

func grantRows() []grant {
	const (
		auth0 = "http://auth0.com/oauth/grant-type/"
		ietf  = "urn:ietf:params:oauth:grant-type:"
	)
	return []grant{
		{
			name: "authorization_code", doc: "authorization-code-flow/get-token", grant: "authorization_code", summary: "Exchanges an authorization code for tokens.",
			required: fields("*code", "redirect_uri"), optional: fields("audience"),
		},
		{
			name: "authorization_code_pkce", doc: "authorization-code-flow-with-pkce/get-token-pkce", grant: "authorization_code", public: true,
			summary:  "Exchanges an authorization code for tokens, proved by the PKCE verifier instead of a client secret.",
			required: fields("*code_verifier", "*code", "redirect_uri"), optional: fields("audience"),
		},
		{
			name: "client_credentials", doc: "client-credential-flow/get-token", grant: "client_credentials", summary: "Gets an access token for the application itself.",
			required: fields("audience"), optional: fields("organization"), repeatable: true,
		},
		{
			name: "login", doc: "resource-owner-password-flow/get-token", grant: auth0 + "password-realm", summary: "Gets tokens for a user's name and password, in a realm or with another password grant.",
			required: fields("username", "*password"), repeatable: true,
			optional: append(fields("scope", "realm", "audience"), said(field("grant_type"), "password-realm unless told; \"password\" for the grant without a realm")),
		},
		{
			name: "password", doc: "resource-owner-password-flow/get-token", grant: "password", summary: "Gets tokens for a user's name and password in the tenant's default directory.",
			required: fields("username", "*password"), optional: fields("scope", "audience"), repeatable: true,
		},
		{
			name: "refresh_token", doc: "refresh-token/refresh-token", grant: "refresh_token", summary: "Exchanges a refresh token for a new access token.",
			required: fields("*refresh_token"), optional: fields("scope"),
		},
		{
			name: "passwordless_login", doc: "passwordless/authenticate-user", grant: auth0 + "passwordless/otp", summary: "Gets tokens for the one-time code that a passwordless user received.",
			aliases:  []string{"get_token.passwordless_otp"},
			required: append(append(fields("username", "*otp"), oneOf(field("realm"), "email", "sms")), fields("scope", "audience")...),
		},
		{
			name: "backchannel_login", doc: "login/check-back-channel-login-status", grant: "urn:openid:params:grant-type:ciba", summary: "Polls for the tokens of a back-channel login that the user has to approve.",
			required: fields("*auth_req_id"),
		},
		{
			name: "access_token_for_connection", doc: "token-vault-token-exchange/get-token", grant: "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
			summary:  "Exchanges a token for the access token that an identity provider gave for the user.",
			required: fields("subject_token_type", "*subject_token", "requested_token_type"), optional: fields("connection", "login_hint"),
		},
		{
			name: "device_code", doc: "device-authorization-flow/authorize-device", grant: ietf + "device_code", public: true, summary: "Polls for the tokens of a device that the user has to confirm.",
			required: fields("*device_code"),
		},
		{
			name: "mfa_otp", doc: "multi-factor-authentication/verify-mfa-with-otp", grant: auth0 + "mfa-otp", summary: "Completes a multi-factor login with the code of an authenticator app.",
			required: fields("*mfa_token", "*otp"),
		},
		{
			name: "mfa_oob", doc: "multi-factor-authentication/verify-with-out-of-band", grant: auth0 + "mfa-oob", summary: "Completes a multi-factor login with an out-of-band code.",
			required: fields("*mfa_token", "*oob_code"), optional: fields("*binding_code"),
		},
		{
			name: "mfa_recovery_code", doc: "multi-factor-authentication/verify-with-recovery-code", grant: auth0 + "mfa-recovery-code", summary: "Completes a multi-factor login with a recovery code and gives the next one.",
			required: fields("*mfa_token", "*recovery_code"),
		},
		{
			name: "token_exchange", doc: "custom-token-exchange/get-token", grant: ietf + "token-exchange", summary: "Exchanges a token of another issuer for tokens of the tenant.",
			required: fields("subject_token_type", "*subject_token"), optional: append(fields("scope", "audience", "organization"), secret(field("user_profile"))),
		},
	}
}

// grants are the operations of /oauth/token, one a grant.
func grants() []catalog.Operation {
	tokens := []string{"access_token", "id_token", "refresh_token"}
	var specs []authSpec
	for _, r := range grantRows() {
		s := authSpec{
			id: "get_token." + r.name, verb: "POST", path: "/oauth/token", summary: r.summary, required: must(r.required...), optional: r.optional,
			auth: catalog.ClientAuth, body: catalog.JSONBody, effect: catalog.Act, fixed: []catalog.Field{{Name: "grant_type", Value: r.grant}},
			aliases: r.aliases, bucket: []string{"oauth.token"}, secretAnswers: tokens, doc: r.doc,
		}
		if r.public {
			s.auth = catalog.ClientID
		}
		if r.repeatable {
			s.effect = catalog.Read
		}
		if r.name == "login" {
			s.optional = append(s.optional, wire(catalog.Arg{
				Name: "forwarded_for", In: catalog.InHeader, Type: catalog.String,
				Summary: "the end user's address, for anomaly detection",
			}, "auth0-forwarded-for"))
		}
		switch r.name { // these have a limit of their own beside the endpoint's
		case "mfa_oob":
			s.bucket = append(s.bucket, "oauth.token.mfa_oob")
		case "token_exchange":
			s.bucket = append(s.bucket, "oauth.token.exchange")
		}
		if r.name == "mfa_recovery_code" {
			s.secretAnswers = append(append([]string(nil), tokens...), "recovery_code")
		}
		s.optional = append(s.optional, catalog.Arg{Name: "dpop", Wire: "DPoP", In: catalog.InHeader, Type: catalog.String, Summary: "a DPoP proof for sender-constrained tokens"})
		specs = append(specs, s)
	}
	return operations(specs)
}

// authClient are the operations by which an application starts or ends something.
func authClient() []catalog.Operation {
	email := append(fields("email"), nil...)
	return operations([]authSpec{
		{
			id: "authentication.back_channel_login.back_channel_login", verb: "POST", path: "/bc-authorize", doc: "login/start-back-channel-login",
			summary:  "Asks a user on another device to approve a login or a transaction.",
			required: must(fields("binding_message", "login_hint", "scope")...),
			optional: append([]catalog.Arg{said(typed(field("authorization_details"), catalog.Any), "a list, sent as JSON text"), typed(field("requested_expiry"), catalog.Integer)}, fields("audience", "resource")...),
			auth:     catalog.ClientAuth, body: catalog.FormBody, effect: catalog.Act, bucket: []string{"bc_authorize"},
			secretAnswers: []string{"auth_req_id"}, none: "the user has been asked; the request runs out by itself",
		},
		{
			id: "authentication.pushed_authorization_requests.pushed_authorization_request", verb: "POST", path: "/oauth/par", status: 201, doc: "authorization-code-flow-with-enhanced-privacy-protection/push-authorization-requests",
			aliases:  []string{"authentication.pushed_authorization_requests.par"},
			summary:  "Deposits the parameters of an authorization request and gives a short-lived URI for them.",
			required: must(fields("response_type", "redirect_uri")...),
			optional: append(append(fields("scope", "state", "audience", "code_challenge"), oneOf(field("code_challenge_method"), "S256")),
				append(fields("nonce", "connection", "organization", "invitation", "login_hint", "prompt", "response_mode", "acr_values"),
					typed(field("max_age"), catalog.Integer), said(typed(field("authorization_details"), catalog.Any), "a list, sent as JSON text"))...),
			auth: catalog.ClientAuth, body: catalog.FormBody, effect: catalog.Act, bucket: []string{"par"}, none: "the deposited request runs out by itself",
		},
		{
			id: "authentication.revoke_token.revoke_refresh_token", verb: "POST", path: "/oauth/revoke", doc: "revoke-refresh-token/revoke-refresh-token",
			summary: "Revokes a refresh token and with it the grant it came from.", required: must(secret(field("token"))),
			auth: catalog.ClientAuth, body: catalog.JSONBody, answer: catalog.EmptyAnswer, effect: catalog.Delete, none: "a revoked token cannot be revived",
		},
		{
			id: "authentication.passwordless.email", verb: "POST", path: "/passwordless/start", doc: "passwordless/get-code-or-link",
			summary: "Sends a login link or code by e-mail.", required: must(email...),
			optional: []catalog.Arg{said(oneOf(field("send"), "link", "code"), "link unless told"), {Name: "auth_params", Wire: "authParams", In: catalog.InField, Type: catalog.Object}},
			auth:     catalog.ClientAuth, body: catalog.JSONBody, effect: catalog.Act, fixed: []catalog.Field{{Name: "connection", Value: "email"}, {Name: "send", Value: "link"}},
			bucket: []string{"passwordless.start"}, none: "the message has been sent",
		},
		{
			id: "authentication.passwordless.sms", verb: "POST", path: "/passwordless/start", doc: "passwordless/get-code-or-link",
			summary: "Sends a login code by text message.", required: must(field("phone_number")),
			auth: catalog.ClientAuth, body: catalog.JSONBody, effect: catalog.Act, fixed: []catalog.Field{{Name: "connection", Value: "sms"}},
			bucket: []string{"passwordless.start"}, none: "the message has been sent",
		},
		{
			id: "authentication.device.code", verb: "POST", path: "/oauth/device/code", doc: "device-authorization-flow/authorize-device",
			summary: "Starts a login on a device without a keyboard and gives the code that the user has to type elsewhere.", optional: fields("scope", "audience"),
			auth: catalog.ClientID, body: catalog.FormBody, effect: catalog.Act, bucket: []string{"device.code"},
			secretAnswers: []string{"device_code"}, none: "the code runs out by itself",
		},
		{
			id: "authentication.oidc.register", verb: "POST", path: "/oidc/register", doc: "dynamic-application-client-registration/dynamic-application-registration",
			summary:  "Registers an application by OpenID Connect dynamic registration.",
			required: must(typed(field("redirect_uris"), catalog.Strings)), optional: fields("client_name", "token_endpoint_auth_method"),
			auth: catalog.NoAuth, body: catalog.JSONBody, effect: catalog.Create, bucket: []string{"oidc.register"},
			secretAnswers: []string{"client_secret"}, none: "dynamic registration has no counterpart; clients.delete removes what it made",
		},
		{
			id: "authentication.global_token_revocation.revoke", verb: "POST", path: "/oauth/global-token-revocation/connection/{connection_name}", status: 204, doc: "logout/global-token-revocation",
			summary: "Revokes all sessions and refresh tokens of one user of an enterprise connection.",
			required: must(catalog.Arg{Name: "connection_name", In: catalog.InPath, Type: catalog.String}, catalog.Arg{
				Name: "subject", In: catalog.InField, Type: catalog.Object,
				Summary: "format, iss and sub of the user",
			}, secret(said(catalog.Arg{Name: "access_token", Wire: "Authorization", In: catalog.InHeader, Type: catalog.String}, "the identity provider's signed JWT"))),
			auth: catalog.AccessToken, body: catalog.JSONBody, answer: catalog.EmptyAnswer, effect: catalog.Delete, bucket: []string{"universal_logout"}, none: "revoked sessions and tokens cannot be revived",
		},
	})
}

// authUser are the operations of a user: profile, sign-up, password, factors.
func authUser() []catalog.Operation {
	bearer := func(summary string) catalog.Arg {
		return catalog.Arg{Name: "access_token", Wire: "Authorization", In: catalog.InHeader, Type: catalog.String, Secret: true, Required: true, Summary: summary}
	}
	channels := []string{"sms", "voice", "auth0"}
	return operations([]authSpec{
		{
			id: "authentication.users.userinfo", verb: "GET", path: "/userinfo", summary: "Reads the profile of the user an access token belongs to.", doc: "user-profile/get-user-info",
			required: []catalog.Arg{bearer("the user's access token")}, auth: catalog.AccessToken, effect: catalog.Read, bucket: []string{"userinfo"},
		},
		{
			id: "authentication.database.signup", verb: "POST", path: "/dbconnections/signup", summary: "Signs a user up in a database connection.", doc: "signup/create-a-new-user",
			required: must(fields("email", "*password", "connection")...),
			optional: append([]catalog.Arg{field("username"), typed(field("user_metadata"), catalog.Object)}, fields("given_name", "family_name", "name", "nickname", "picture", "phone_number")...),
			auth:     catalog.ClientID, body: catalog.JSONBody, effect: catalog.Create, bucket: []string{"dbconnections"}, none: "the Authentication API cannot delete a user; users.delete of the Management API can",
		},
		{
			id: "authentication.database.change_password", verb: "POST", path: "/dbconnections/change_password", summary: "Sends a user of a database connection the mail to change the password.", doc: "change-password/change-password",
			required: must(fields("email", "connection")...), optional: append([]catalog.Arg{secret(said(field("password"), "accepted for the sake of older scripts and never sent"))}, field("organization")),
			auth: catalog.ClientID, body: catalog.JSONBody, answer: catalog.TextAnswer, effect: catalog.Act, bucket: []string{"change_password"}, none: "the mail has been sent",
		},
		{
			id: "authentication.mfa.challenge", verb: "POST", path: "/mfa/challenge", summary: "Asks for a multi-factor challenge during a login.", doc: "multi-factor-authentication/request-mfa-challenge",
			required: must(secret(field("mfa_token")), said(field("challenge_type"), "otp, oob, or both with a space between")),
			optional: append(fields("authenticator_id"), oneOf(field("oob_channel"), channels...)), auth: catalog.ClientAuth, body: catalog.JSONBody, effect: catalog.Act,
			secretAnswers: []string{"oob_code"}, none: "the challenge has been sent",
		},
		{
			id: "authentication.mfa.associate", verb: "POST", path: "/mfa/associate", summary: "Begins the enrolment of a new authenticator for the user.", doc: "multi-factor-authentication/add-an-authenticator",
			required: []catalog.Arg{bearer("the mfa_token, or an access token with scope enroll"), {Name: "authenticator_types", In: catalog.InField, Type: catalog.Strings, Required: true}},
			optional: []catalog.Arg{typed(field("oob_channels"), catalog.Strings), field("phone_number"), field("email")}, auth: catalog.AccessToken, body: catalog.JSONBody, effect: catalog.Create,
			secretAnswers: []string{"barcode_uri", "oob_code", "recovery_codes[]", "secret"}, none: "the new authenticator's id is only known once it is confirmed; authentication.mfa.delete_authenticator removes it then",
		},
		{
			id: "authentication.mfa.authenticators", verb: "GET", path: "/mfa/authenticators", summary: "Lists the authenticators of the user.", doc: "multi-factor-authentication/list-authenticators",
			aliases:  []string{"authentication.mfa.list_authenticators"},
			required: []catalog.Arg{bearer("an access token with scope read:authenticators")}, auth: catalog.AccessToken, effect: catalog.Read, whole: true,
		},
		{
			id: "authentication.mfa.delete_authenticator", verb: "DELETE", path: "/mfa/authenticators/{id}", status: 204, summary: "Deletes one authenticator of the user.", doc: "multi-factor-authentication/delete-authenticator",
			required: []catalog.Arg{{Name: "id", In: catalog.InPath, Type: catalog.String, Required: true}, bearer("an access token with scope remove:authenticators")},
			auth:     catalog.AccessToken, answer: catalog.EmptyAnswer, effect: catalog.Delete, none: "the authenticator's seed is gone; the user has to enrol again",
		},
	})
}

// authBrowser are the addresses a browser is sent to.
func authBrowser() []catalog.Operation {
	clientPath := catalog.Arg{Name: "client_id", In: catalog.InPath, Type: catalog.String, Required: true}
	camel := wire(clientPath, "clientId")
	prompts := oneOf(query("prompt"), "none", "login", "consent", "select_account")
	return operations([]authSpec{
		{
			id: "authentication.authorize.url", verb: "GET", path: "/authorize", status: 302, answer: catalog.RedirectAnswer, auth: catalog.ClientID, effect: catalog.Read, doc: "authorization-code-flow/authorize-application",
			aliases: []string{"authentication.authorize.authorize"},
			summary: "Gives the address a browser is sent to for a login.", required: must(oneOf(query("response_type"), "code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token")),
			optional: []catalog.Arg{
				query("redirect_uri"), query("scope"), query("state"), query("audience"), query("code_challenge"), oneOf(query("code_challenge_method"), "S256"), query("nonce"), query("connection"), prompts,
				query("organization"), query("invitation"), query("login_hint"), query("acr_values"), typed(query("max_age"), catalog.Integer), query("ui_locales"),
				oneOf(query("response_mode"), "query", "fragment", "form_post", "web_message"), query("dpop_jkt"), said(query("request_uri"), "of a pushed authorization request"),
			},
		},
		{
			id: "authentication.logout.url", verb: "GET", path: "/v2/logout", status: 302, answer: catalog.RedirectAnswer, auth: catalog.ClientID, effect: catalog.Read, doc: "logout/auth-0-logout",
			aliases: []string{"authentication.logout.logout"},
			summary: "Gives the address that ends the browser's session.", optional: []catalog.Arg{{Name: "return_to", Wire: "returnTo", In: catalog.InQuery, Type: catalog.String}, query("federated")},
		},
		{
			id: "authentication.oidc.logout", verb: "GET", path: "/oidc/logout", status: 302, answer: catalog.RedirectAnswer, auth: catalog.ClientID, effect: catalog.Read, doc: "logout/oidc-logout",
			summary: "Gives the address of an OpenID Connect logout.", optional: []catalog.Arg{secret(query("id_token_hint")), query("post_logout_redirect_uri"), query("state"), query("federated")},
		},
		{
			id: "authentication.saml.accept_request", verb: "GET", path: "/samlp/{clientId}", answer: catalog.RedirectAnswer, auth: catalog.NoAuth, effect: catalog.Read, doc: "saml/accept-saml-request",
			summary: "Gives the address at which an application's SAML login starts.", required: []catalog.Arg{camel}, optional: []catalog.Arg{query("connection"), query("organization")},
		},
		{
			id: "authentication.wsfed.accept_request", verb: "GET", path: "/wsfed/{client-id}", answer: catalog.RedirectAnswer, auth: catalog.NoAuth, effect: catalog.Read, doc: "ws-federation/accept-ws-federation-request",
			summary: "Gives the address at which an application's WS-Federation login starts.", required: []catalog.Arg{wire(clientPath, "client-id")}, optional: []catalog.Arg{query("wtrealm"), query("whr"), query("wctx"), query("wreply")},
		},
		{
			id: "authentication.enterprise.saml_metadata", verb: "GET", path: "/samlp/metadata/{client_id}", answer: catalog.TextAnswer, auth: catalog.ClientID, effect: catalog.Read, doc: "saml/get-saml-metadata",
			summary: "Reads the SAML metadata of an application as XML.",
		},
		{
			id: "authentication.enterprise.wsfed_metadata", verb: "GET", path: "/wsfed/FederationMetadata/2007-06/FederationMetadata.xml", answer: catalog.TextAnswer, auth: catalog.NoAuth, effect: catalog.Read, doc: "ws-federation/get-ws-federation-metadata",
			summary: "Reads the tenant's WS-Federation metadata as XML.",
		},
		{
			id: "authentication.saml.logout", verb: "POST", path: "/samlp/{client_id}/logout", answer: catalog.TextAnswer, auth: catalog.NoAuth, body: catalog.FormBody, effect: catalog.Act, doc: "logout/saml-logout",
			summary: "Sends a SAML logout request for an application.", required: []catalog.Arg{clientPath, must(wire(field("saml_request"), "SAMLRequest"))[0]}, optional: []catalog.Arg{wire(field("relay_state"), "RelayState")},
			none: "an ended session cannot be revived",
		},
		{
			id: "authentication.saml.idp_initiated", verb: "POST", path: "/login/callback", answer: catalog.TextAnswer, auth: catalog.NoAuth, body: catalog.FormBody, effect: catalog.Act, doc: "saml/idp-initiated-sso",
			summary: "Hands an identity provider's SAML response to the tenant.", required: must(field("connection"), secret(wire(field("saml_response"), "SAMLResponse"))), none: "the login has happened",
		},
	})
}

// authLegacy are the operations that Auth0 keeps for old applications only.
func authLegacy() []catalog.Operation {
	const old = "Auth0 keeps it for tenants that used it before 2017."
	tokens := []string{"access_token", "id_token", "refresh_token"}
	return operations([]authSpec{
		{
			id: "authentication.social.login", verb: "POST", path: "/oauth/access_token", auth: catalog.ClientID, body: catalog.JSONBody, effect: catalog.Act, deprecated: old, doc: "login-legacy/social-with-providers-access-token",
			summary: "Logs a user in with the access token of a social provider.", required: must(fields("*access_token", "connection")...), optional: []catalog.Arg{said(field("scope"), "openid unless told")}, fixed: []catalog.Field{{Name: "scope", Value: "openid"}}, secretAnswers: tokens, bucket: []string{"social.login"},
		},
		{
			id: "authentication.delegated.get_token", verb: "POST", path: "/delegation", auth: catalog.ClientID, body: catalog.JSONBody, effect: catalog.Act, deprecated: old, doc: "delegation-legacy/delegation",
			summary: "Exchanges an ID token or a refresh token for a token of another application.", required: must(fields("target", "api_type", "grant_type")...),
			optional: append(fields("*id_token", "*refresh_token"), said(field("scope"), "openid unless told")), fixed: []catalog.Field{{Name: "scope", Value: "openid"}}, secretAnswers: tokens,
		},
		{
			id: "authentication.database.login_legacy", verb: "POST", path: "/oauth/ro", auth: catalog.ClientID, body: catalog.JSONBody, effect: catalog.Act, deprecated: old, doc: "resource-owner-legacy/resource-owner-password-grant",
			aliases: []string{"authentication.resource_owner.login"}, fixed: []catalog.Field{{Name: "grant_type", Value: "password"}},
			summary: "Logs a user in by name and password at the old resource-owner endpoint.", required: must(fields("username", "*password", "connection")...), optional: fields("scope", "*id_token", "device"), secretAnswers: tokens,
		},
		{
			id: "authentication.users.tokeninfo", verb: "POST", path: "/tokeninfo", auth: catalog.NoAuth, body: catalog.JSONBody, effect: catalog.Read, deprecated: old, doc: "user-profile-legacy/get-token-info",
			summary: "Reads the profile of the user an ID token belongs to.", required: must(secret(field("id_token"))),
		},
		{
			id: "authentication.users.impersonate", verb: "POST", path: "/users/{user_id}/impersonate", auth: catalog.AccessToken, body: catalog.JSONBody, answer: catalog.TextAnswer, effect: catalog.Act, deprecated: old, doc: "impersonation-legacy/impersonation",
			summary: "Gives a login link by which an administrator acts as another user.",
			required: []catalog.Arg{
				{Name: "user_id", In: catalog.InPath, Type: catalog.String, Required: true},
				{Name: "protocol", In: catalog.InField, Type: catalog.String, Required: true, Enum: []string{"oauth2", "samlp", "wsfed", "wstrust-usernamemixed"}},
				{Name: "impersonator_id", In: catalog.InField, Type: catalog.String, Required: true},
				{Name: "client_id", In: catalog.InField, Type: catalog.String, Required: true},
				{Name: "access_token", Wire: "Authorization", In: catalog.InHeader, Type: catalog.String, Secret: true, Required: true},
			},
			optional: []catalog.Arg{{Name: "additional_parameters", Wire: "additionalParameters", In: catalog.InField, Type: catalog.Object}, field("response_type"), field("state")}, secretAnswers: []string{""}, none: "the link has been given out",
		},
		{
			id: "authentication.users.unlink", verb: "POST", path: "/login/unlink", auth: catalog.NoAuth, body: catalog.JSONBody, answer: catalog.EmptyAnswer, effect: catalog.Delete, deprecated: old, doc: "account-linking-legacy/unlink",
			summary: "Unlinks an identity from a user at the old linking endpoint.", required: must(secret(field("access_token")), field("user_id")), none: "linking again needs the other account's consent",
		},
		{
			id: "authentication.passwordless.verify", verb: "POST", path: "/passwordless/verify", auth: catalog.ClientID, body: catalog.JSONBody, effect: catalog.Act, deprecated: old, doc: "passwordless/verify",
			summary: "Checks a passwordless code at the old endpoint.", fixed: []catalog.Field{{Name: "grant_type", Value: "password"}},
			required: append(must(oneOf(field("connection"), "email", "sms")), must(fields("username", "*password", "redirect_uri")...)...), optional: fields("scope"), secretAnswers: tokens, none: "the code is used up",
		},
	})
}
