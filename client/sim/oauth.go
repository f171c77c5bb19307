package sim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"a0run/client/sim/store"

	"github.com/golang-jwt/jwt/v5"
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
	if !slices.Contains(items(client, "grant_types"), any(grant)) {
		known := []string{"client_credentials", "authorization_code", "refresh_token", "password", grantRealm, grantOTP, grantCIBA, grantDevice, grantExchange, grantFederated, grantMFAOTP, grantMFAOOB, grantMFARecovery}
		if !slices.Contains(known, grant) {
			return denied(http.StatusForbidden, "unsupported_grant_type", "Unsupported grant type: "+grant)
		}
		return denied(http.StatusForbidden, "unauthorized_client", "Grant type '"+grant+"' not allowed for the client.")
	}
	switch grant {
	case "client_credentials":
		return clientCredentials(c, client)
	case "authorization_code":
		return authorizationCode(c, client)
	case "refresh_token":
		return refreshGrant(c, client)
	case "password":
		settings := c.tx.Get(store.Key{Kind: "=/tenants/settings"}, "")
		if settings == nil {
			settings = preset("/tenants/settings", c.t)
		}
		return passwordGrant(c, client, str(settings, "default_directory"))
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

func unauthorized() *reply {
	rep := denied(http.StatusUnauthorized, "access_denied", "Unauthorized")
	return &rep
}

// client finds and authenticates the application that calls: by a secret in
// the body or in the header, by an assertion, or, if it is public, by nothing.
func (c *call) client() (object, *reply) {
	id, secret := str(c.body, "client_id"), str(c.body, "client_secret")
	if user, pass, ok := c.req.BasicAuth(); ok {
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(pass)
	}
	assertion := str(c.body, "client_assertion")
	if assertion != "" && id == "" {
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(assertion, claims); err == nil {
			id, _ = claims["sub"].(string)
		}
	}
	client := c.tx.Get(clientsKey(), id)
	if client == nil {
		return nil, unauthorized()
	}
	switch {
	case assertion != "":
		if str(c.body, "client_assertion_type") != assertionType {
			rep := denied(http.StatusUnauthorized, "invalid_client", "Unsupported client_assertion_type")
			return nil, &rep
		}
		if err := c.assertion(client, assertion); err != nil {
			rep := denied(http.StatusUnauthorized, "invalid_client", err.Error())
			return nil, &rep
		}
		return client, nil
	case str(client, "token_endpoint_auth_method") == "none":
		return client, nil
	case secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(str(client, "client_secret"))) == 1:
		return client, nil
	}
	// A code with its PKCE verifier needs no secret.
	if secret == "" && str(c.body, "code_verifier") != "" {
		return client, nil
	}
	return nil, unauthorized()
}

// assertion checks a private_key_jwt.
func (c *call) assertion(client object, text string) error {
	algs := []string{"RS256", "RS384", "PS256"}
	claims := jwt.MapClaims{}
	id := str(client, "client_id")
	find := func(t *jwt.Token) (any, error) {
		set := jwt.VerificationKeySet{}
		for _, cred := range c.tx.All(credentialsKey(id)) {
			if kid, has := t.Header["kid"]; has && kid != cred["kid"] && kid != "" {
				continue
			}
			if key, err := publicKey([]byte(str(cred, "pem"))); err == nil {
				set.Keys = append(set.Keys, key)
			}
		}
		if len(set.Keys) == 0 {
			return nil, errors.New("no key")
		}
		return set, nil
	}
	_, err := jwt.ParseWithClaims(text, claims, find, jwt.WithValidMethods(algs), jwt.WithLeeway(10*time.Second),
		jwt.WithTimeFunc(func() time.Time { return c.now }), jwt.WithExpirationRequired(), jwt.WithIssuer(id), jwt.WithSubject(id))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return errors.New("client_assertion is expired")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return errors.New("Invalid signature of client_assertion") //nolint:staticcheck // the API's text
	case err != nil:
		return errors.New("Invalid client_assertion") //nolint:staticcheck // the API's text
	}
	aud := audiencesOf(object(claims))
	if !slices.ContainsFunc(aud, func(a string) bool { return c.t.isIssuer(strings.TrimSuffix(a, "oauth/token")) }) {
		return errors.New("Invalid audience of client_assertion") //nolint:staticcheck // the API's text
	}
	exp, _ := claims.GetExpirationTime()
	if exp.After(c.now.Add(5*time.Minute + 10*time.Second)) {
		return errors.New("client_assertion lives longer than 5 minutes")
	}
	jti, _ := claims["jti"].(string)
	if jti == "" {
		return errors.New("client_assertion has no jti")
	}
	if c.tx.Has(jtiKey(), id+"\x1f"+jti) {
		return errors.New("client_assertion was used before")
	}
	c.tx.Put(jtiKey(), id+"\x1f"+jti, object{})
	return nil
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
	audience := str(c.body, "audience")
	if audience == "" {
		return denied(http.StatusForbidden, "access_denied", "No audience parameter was provided, and no default audience has been configured")
	}
	scopes, rep := c.scopesFor(client, audience, str(c.body, "scope"))
	if rep != nil {
		return *rep
	}
	id := str(client, "client_id")
	claims := object{
		"iss": c.t.Issuer(), "sub": id + "@clients", "aud": audience, "iat": c.now.Unix(), "exp": c.now.Unix() + 86400,
		"gty": "client-credentials", "azp": id,
	}
	out := object{"token_type": "Bearer", "expires_in": 86400}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
		out["scope"] = claims["scope"]
	}
	var o object
	if org := str(c.body, "organization"); org != "" {
		if o = c.organization(org); o == nil {
			return denied(http.StatusBadRequest, "invalid_request", "Organization not found")
		}
		claims["org_id"] = o["id"]
	}
	told, rep := c.quotas(client, o)
	if rep != nil {
		return *rep
	}
	answer := c.signed(http.StatusOK, out, map[string]object{"access_token": claims}, nil)
	answer.header = told
	return answer
}

// organization finds one by id or name.
func (c *call) organization(name string) object {
	if o := c.tx.Get(orgsKey(), name); o != nil {
		return o
	}
	if found := c.tx.Lookup(orgsKey(), "name", name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// signed is an answer whose tokens are signed after the state's lock is free:
// a signature takes a thousand times as long as a look-up.
func (c *call) signed(status int, out object, tokens map[string]object, client object) reply {
	secret, hs := "", false
	if sub(client, "jwt_configuration")["alg"] == "HS256" {
		secret, hs = str(client, "client_secret"), true
	}
	sign := c.t.keys.sign
	return reply{status: status, late: func() (any, error) {
		for name, claims := range tokens {
			var text string
			var err error
			if name == "id_token" && hs {
				text, err = jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString([]byte(secret))
			} else {
				text, err = sign(claims)
			}
			if err != nil {
				return nil, err
			}
			out[name] = text
		}
		return out, nil
	}}
}

// A login is what a person's tokens are made from.
type login struct {
	user                   object
	scope, audience, nonce string
	org                    object
	at                     time.Time
	noRefresh              bool
	refresh                string // the refresh token to give back, where there is one
	recovery               string // the next recovery code, where one was used up
}

// tokensFor answers a successful log-in.
func (c *call) tokensFor(client object, l login) reply {
	id := str(client, "client_id")
	scopes := splitSpace(l.scope)
	aud := []any{}
	if l.audience != "" {
		aud = append(aud, l.audience)
	}
	if slices.Contains(scopes, "openid") || len(aud) == 0 {
		aud = append(aud, c.t.Issuer()+"userinfo")
	}
	access := object{
		"iss": c.t.Issuer(), "sub": l.user["user_id"], "aud": aud, "iat": c.now.Unix(), "exp": c.now.Unix() + 86400,
		"scope": l.scope, "azp": id,
	}
	out := object{"token_type": "Bearer", "expires_in": 86400}
	if l.scope != "" {
		out["scope"] = l.scope
	}
	if l.recovery != "" {
		out["recovery_code"] = l.recovery
	}
	if list, asked := c.permissionsFor(l); asked {
		access["permissions"] = list
	}
	tokens := map[string]object{"access_token": access}
	if l.org != nil {
		access["org_id"], access["org_name"] = l.org["id"], l.org["name"]
	}
	if slices.Contains(scopes, "openid") {
		tokens["id_token"] = c.idToken(client, l)
	}
	switch {
	case l.refresh != "":
	case slices.Contains(scopes, "offline_access") && !l.noRefresh:
		text := "v1." + c.t.ids.base64("refresh", id+str(l.user, "user_id"), 32)
		c.tx.Put(refreshKey(), text, object{
			"client_id": id, "user_id": l.user["user_id"], "scope": l.scope, "audience": l.audience, "org": l.org, "at": json.Number(intText(l.at.Unix())),
		})
		out["refresh_token"] = text
		c.rememberRefresh(text, id, str(l.user, "user_id"))
	}
	c.countLogin(l.user)
	return c.signed(http.StatusOK, out, tokens, client)
}

// permissionsFor are what an API with RBAC gets in its tokens: those of the
// user, by roles and directly.
func (c *call) permissionsFor(l login) ([]any, bool) {
	found := c.tx.Lookup(kind("/resource-servers"), "identifier", l.audience)
	if len(found) == 0 || !truth(found[0], "enforce_policies") || !strings.HasSuffix(str(found[0], "token_dialect"), "_authz") {
		return nil, false
	}
	user := str(l.user, "user_id")
	owners := []store.Key{permissionKey(usersKind, user)}
	for _, role := range c.tx.All(rolesKey()) {
		if id := str(role, "id"); c.tx.Linked(userRoles, user, id) {
			owners = append(owners, permissionKey("/roles", id))
		}
	}
	names := map[string]bool{}
	for _, owner := range owners {
		for _, p := range c.tx.All(owner) {
			if str(p, "resource_server_identifier") == l.audience {
				names[str(p, "permission_name")] = true
			}
		}
	}
	list := []any{}
	for _, name := range sortedKeys(names) {
		list = append(list, name)
	}
	return list, true
}

func (c *call) idToken(client object, l login) object {
	scopes := splitSpace(l.scope)
	life := int64(36000)
	if n, ok := number(sub(client, "jwt_configuration")["lifetime_in_seconds"]); ok {
		life = n
	}
	claims := object{
		"iss": c.t.Issuer(), "sub": l.user["user_id"], "aud": str(client, "client_id"),
		"iat": c.now.Unix(), "exp": c.now.Unix() + life, "auth_time": l.at.Unix(),
		"sid": c.t.ids.word("sid", str(l.user, "user_id"), 32),
	}
	if l.nonce != "" {
		claims["nonce"] = l.nonce
	}
	if l.org != nil {
		claims["org_id"], claims["org_name"] = l.org["id"], l.org["name"]
	}
	for k, v := range profileClaims(l.user, scopes) {
		claims[k] = v
	}
	return claims
}

func profileClaims(u object, scopes []string) object {
	out := object{}
	names := map[string][]string{
		"profile": {"name", "given_name", "family_name", "nickname", "picture", "updated_at"},
		"email":   {"email", "email_verified"},
		"phone":   {"phone_number", "phone_verified"},
	}
	for _, s := range scopes {
		for _, n := range names[s] {
			if v, ok := u[n]; ok {
				out[n] = v
			}
		}
	}
	return out
}

// countLogin writes a log-in into the user.
func (c *call) countLogin(u object) {
	id := str(u, "user_id")
	n := store.Clone(c.tx.Get(usersKey(), id))
	if len(n) == 0 {
		return
	}
	count, _ := number(n["logins_count"])
	n["logins_count"] = count + 1
	n["last_login"], n["last_ip"] = stamp(c.now), "127.0.0.1"
	c.tx.Put(usersKey(), id, n)
}

func invalidGrant(text string) reply { return denied(http.StatusForbidden, "invalid_grant", text) }

func blocked() reply { return denied(http.StatusUnauthorized, "unauthorized", "user is blocked") }

func passwordGrant(c *call, client object, realm string) reply {
	name := str(c.body, "username")
	if name == "" || str(c.body, "password") == "" {
		return denied(http.StatusForbidden, "invalid_request", "Missing required parameter: username or password")
	}
	u := c.findLogin(realm, name)
	if u == nil || str(c.tx.Get(passwordsKey(), str(u, "user_id")), "password") != str(c.body, "password") {
		return invalidGrant("Wrong email or password.")
	}
	if truth(u, "blocked") {
		return blocked()
	}
	l := login{user: u, scope: str(c.body, "scope"), audience: str(c.body, "audience"), at: c.now}
	if len(items(u, "multifactor")) > 0 {
		return c.mfaRequired(client, l)
	}
	return c.tokensFor(client, l)
}

// findLogin is the user of a connection by e-mail, user name or phone number.
func (c *call) findLogin(conn, name string) object {
	for _, f := range []string{"email", "username", "phone_number"} {
		if found := c.tx.Lookup(usersKey(), "login", loginKey(conn, f, name)); len(found) > 0 {
			return found[0]
		}
	}
	return nil
}

func refreshGrant(c *call, client object) reply {
	text := str(c.body, "refresh_token")
	r := c.tx.Get(refreshKey(), text)
	if r == nil || str(r, "client_id") != str(client, "client_id") {
		return invalidGrant("Unknown or invalid refresh token.")
	}
	u := c.tx.Get(usersKey(), str(r, "user_id"))
	if u == nil {
		return invalidGrant("The user does not exist.")
	}
	if truth(u, "blocked") {
		return blocked()
	}
	scope := str(r, "scope")
	if asked := str(c.body, "scope"); asked != "" {
		had := splitSpace(scope)
		scope = strings.Join(slices.DeleteFunc(splitSpace(asked), func(s string) bool { return !slices.Contains(had, s) }), " ")
	}
	l := login{user: u, scope: scope, audience: str(r, "audience"), org: sub(r, "org"), at: c.now, refresh: text}
	if str(sub(client, "refresh_token"), "rotation_type") == "rotating" {
		c.tx.Delete(refreshKey(), text)
		l.refresh = ""
	}
	return c.tokensFor(client, l)
}

func authorizationCode(c *call, client object) reply {
	text := str(c.body, "code")
	code := c.tx.Get(codesKey(), text)
	if code == nil || str(code, "client_id") != str(client, "client_id") {
		return invalidGrant("Invalid authorization code")
	}
	c.tx.Delete(codesKey(), text)
	if ends, _ := number(code["ends"]); c.now.Unix() > ends {
		return invalidGrant("Invalid authorization code")
	}
	if want := str(code, "redirect_uri"); want != "" && want != str(c.body, "redirect_uri") {
		return invalidGrant("The redirect URI is wrong. You sent " + str(c.body, "redirect_uri") + ", and we expected " + want)
	}
	challenge, verifier := str(code, "code_challenge"), str(c.body, "code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	if challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != challenge ||
		challenge == "" && verifier != "" {
		return invalidGrant("Failed to verify code verifier")
	}
	u := c.tx.Get(usersKey(), str(code, "user_id"))
	if u == nil {
		return invalidGrant("Invalid authorization code")
	}
	at, _ := number(code["at"])
	return c.tokensFor(client, login{
		user: u, scope: str(code, "scope"), audience: str(code, "audience"), nonce: str(code, "nonce"),
		org: sub(code, "org"), at: time.Unix(at, 0),
	})
}

func otpGrant(c *call, client object) reply {
	name, realm := str(c.body, "username"), str(c.body, "realm")
	k := realm + "\x1f" + strings.ToLower(name)
	sentOTP := c.tx.Get(otpKey(), k)
	if sentOTP == nil || str(sentOTP, "code") != str(c.body, "otp") {
		return invalidGrant("Wrong email or verification code.")
	}
	c.tx.Delete(otpKey(), k)
	u := c.findLogin(realm, name)
	if u == nil {
		field := "email"
		if realm == "sms" {
			field = "phone_number"
		}
		u = newUser(c.t, object{"connection": realm, field: name}, realm, stamp(c.now))
		c.tx.Put(usersKey(), str(u, "user_id"), u)
	}
	return c.tokensFor(client, login{user: u, scope: str(c.body, "scope"), audience: str(c.body, "audience"), at: c.now})
}

// pollGrant is a grant that waits for somebody else's consent.
func pollGrant(c *call, client object, k store.Key, id string) reply {
	p := c.tx.Get(k, id)
	if p == nil || str(p, "client_id") != str(client, "client_id") {
		return invalidGrant("Invalid or expired request")
	}
	if ends, _ := number(p["ends"]); c.now.Unix() > ends {
		c.tx.Delete(k, id)
		return denied(http.StatusForbidden, "expired_token", "The request has expired.")
	}
	switch str(p, "state") {
	case "approved":
	case "rejected":
		c.tx.Delete(k, id)
		return denied(http.StatusBadRequest, "access_denied", "MFA Authorization rejected.")
	default:
		return c.stillPending(k, id, p)
	}
	c.tx.Delete(k, id)
	u := c.tx.Get(usersKey(), str(p, "user_id"))
	if u == nil {
		return invalidGrant("The user does not exist.")
	}
	return c.tokensFor(client, login{user: u, scope: str(p, "scope"), audience: str(p, "audience"), at: c.now})
}

// pollInterval is how often a waiting login may be asked about.
const pollInterval = 5

// stillPending is the answer to a question that came before the person's. One
// that comes too soon is told so (pages "Authorize Device" and "Check
// Back-Channel Login Status").
func (c *call) stillPending(k store.Key, id string, old object) reply {
	p := store.Clone(old)
	before, asked := number(p["asked"])
	p["asked"] = json.Number(intText(c.now.Unix()))
	c.tx.Put(k, id, p)
	device := k == deviceKey()
	switch {
	case asked && c.now.Unix()-before < pollInterval && device:
		return denied(http.StatusTooManyRequests, "slow_down", "You are polling faster than the specified interval of 5 seconds.")
	case asked && c.now.Unix()-before < pollInterval:
		rep := denied(http.StatusTooManyRequests, "slow_down", "You are polling faster than allowed. Try again in 10 seconds.")
		rep.header = map[string]string{"Retry-After": "10"}
		return rep
	case device:
		return denied(http.StatusForbidden, "authorization_pending", "User has yet to authorize device code.")
	}
	return denied(http.StatusBadRequest, "authorization_pending", "The end-user authorization is pending")
}

// exchangeGrant takes a token of this tenant for another one.
func exchangeGrant(c *call, client object, grant string) reply {
	var u object
	if r := c.tx.Get(refreshKey(), str(c.body, "subject_token")); r != nil {
		u = c.tx.Get(usersKey(), str(r, "user_id"))
	} else if claims, err := c.t.keys.verify(str(c.body, "subject_token"), c.now); err == nil {
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
	return c.tokensFor(client, login{user: u, scope: str(c.body, "scope"), audience: str(c.body, "audience"), at: c.now})
}
