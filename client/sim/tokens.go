package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"a0run/client/sim/store"

	"github.com/golang-jwt/jwt/v5"
)

// A login is what a person's tokens are made from.
type login struct {
	user                   object
	scope, audience, nonce string
	org                    object
	at                     time.Time // of the log-in itself, for auth_time
	session                string
	connection             string
	gty                    string // how the tokens were got, where it was without a page
	refresh                object // the refresh token that was exchanged
	recovery               string // the next recovery code, where one was used up
	counted                bool   // the user's logins_count has it
	web                    bool   // the tokens go through a browser
}

// allowedScope is what of a scope a person's tokens have: what the API knows,
// and, where it enforces policies, what the user may.
func (c *call) allowedScope(client object, l login, asked string) string {
	if asked == "" || l.audience == "" {
		return asked
	}
	if c.t.isManagement(l.audience) {
		return strings.Join(slices.DeleteFunc(splitSpace(asked), func(s string) bool {
			return !slices.Contains([]string{"openid", "profile", "email", "address", "phone"}, s) && !slices.Contains(selfScopes(), s)
		}), " ")
	}
	found := c.tx.Lookup(kind("/resource-servers"), "identifier", l.audience)
	if len(found) == 0 {
		return asked
	}
	rs := found[0]
	known := []string{"openid", "profile", "email", "address", "phone"}
	if truth(rs, "allow_offline_access") && slices.Contains(texts(client, "grant_types"), "refresh_token") {
		known = append(known, "offline_access")
	}
	if truth(rs, "enforce_policies") {
		known = append(known, c.permissionNames(str(l.user, "user_id"), l)...)
	} else {
		for _, s := range items(rs, "scopes") {
			o, _ := s.(object)
			known = append(known, str(o, "value"))
		}
	}
	return strings.Join(slices.DeleteFunc(splitSpace(asked), func(s string) bool { return !slices.Contains(known, s) }), " ")
}

// issued are the claims of an access token, and what is said beside it.
type issued struct {
	access object
	scope  string
	life   int64
}

func (c *call) claimsFor(client object, l login) issued {
	out := issued{scope: l.scope, life: 86400}
	aud := []any{}
	if l.audience != "" {
		aud = append(aud, l.audience)
		if rs := c.tx.Lookup(kind("/resource-servers"), "identifier", l.audience); len(rs) > 0 {
			name := "token_lifetime"
			if l.web {
				name = "token_lifetime_for_web"
			}
			if n, ok := number(rs[0][name]); ok && n > 0 {
				out.life = n
			}
		}
	} else if l.web {
		out.life = 7200
	}
	if slices.Contains(splitSpace(l.scope), "openid") || len(aud) == 0 {
		aud = append(aud, c.issuer()+"userinfo")
	}
	out.access = object{
		"iss": c.issuer(), "sub": l.user["user_id"], "aud": aud, "iat": c.now.Unix(), "exp": c.now.Unix() + out.life,
		"scope": l.scope, "azp": client["client_id"],
	}
	if l.gty != "" {
		out.access["gty"] = l.gty
	}
	if list, asked := c.permissionsFor(l); asked {
		out.access["permissions"] = list
	}
	if l.org != nil {
		out.access["org_id"] = l.org["id"]
		if truth(c.settings(), "allow_organization_name_in_authentication_api") {
			out.access["org_name"] = l.org["name"]
		}
	}
	return out
}

// tokensFor answers a successful log-in.
func (c *call) tokensFor(client object, l login) reply {
	if !l.counted {
		c.countLogin(l.user)
		l.user = c.tx.Get(usersKey(), str(l.user, "user_id"))
	}
	got := c.claimsFor(client, l)
	out := object{"token_type": "Bearer", "expires_in": got.life}
	if l.scope != "" {
		out["scope"] = l.scope
	}
	if l.recovery != "" {
		out["recovery_code"] = l.recovery
	}
	tokens := map[string]object{"access_token": got.access}
	scopes := splitSpace(l.scope)
	if slices.Contains(scopes, "openid") {
		tokens["id_token"] = c.idToken(client, l)
	}
	if text := c.refreshFor(client, l); text != "" {
		out["refresh_token"] = text
	}
	return c.signed(out, tokens, client)
}

// signed is an answer whose tokens are signed after the state's lock is free:
// a signature takes a thousand times as long as a look-up.
func (c *call) signed(out object, tokens map[string]object, client object) reply {
	sign := c.signer(client)
	return reply{status: 200, header: map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache"}, late: func() (any, error) {
		texts, err := sign(tokens, "")
		for name, text := range texts {
			out[name] = text
		}
		return out, err
	}}
}

// signer signs tokens for a client: access tokens with the tenant's key, ID
// tokens as the client has it. An ID token that goes through a browser says
// which code and access token came with it (OpenID Connect Core 1.0, 3.3.2.11).
func (c *call) signer(client object) func(tokens map[string]object, code string) (map[string]string, error) {
	ring := c.ring()
	secret := ""
	if sub(client, "jwt_configuration")["alg"] == "HS256" {
		secret = str(client, "client_secret")
	}
	return func(tokens map[string]object, code string) (map[string]string, error) {
		out := map[string]string{}
		var err error
		if access := tokens["access_token"]; access != nil {
			if out["access_token"], err = ring.sign(access); err != nil {
				return nil, err
			}
		}
		id := tokens["id_token"]
		if id == nil {
			return out, nil
		}
		if code != "" {
			id["c_hash"] = half(code)
		}
		if access := out["access_token"]; access != "" && code != "" || access != "" && id["nonce"] != nil {
			id["at_hash"] = half(access)
		}
		if secret != "" {
			out["id_token"], err = jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(id)).SignedString([]byte(secret))
		} else {
			out["id_token"], err = ring.sign(id)
		}
		return out, err
	}
}

// half is the left half of a hash, as c_hash and at_hash have it.
func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// permissionsFor are what an API with RBAC gets in its tokens: those of the
// user, by roles and directly.
func (c *call) permissionsFor(l login) ([]any, bool) {
	found := c.tx.Lookup(kind("/resource-servers"), "identifier", l.audience)
	if len(found) == 0 || !truth(found[0], "enforce_policies") || !strings.HasSuffix(str(found[0], "token_dialect"), "_authz") {
		return nil, false
	}
	list := []any{}
	for _, name := range c.permissionNames(str(l.user, "user_id"), l) {
		list = append(list, name)
	}
	return list, true
}

// permissionNames are what a user may do at an API, by roles, also those in
// the organization, and directly.
func (c *call) permissionNames(user string, l login) []string {
	owners := []store.Key{permissionKey(usersKind, user)}
	for _, link := range c.tx.All(store.Links(userRoles, user)) {
		owners = append(owners, permissionKey("/roles", store.ID(link)))
	}
	if l.org != nil {
		for _, link := range c.tx.All(store.Links(memberRoles, joined([]string{str(l.org, "id"), user}))) {
			owners = append(owners, permissionKey("/roles", store.ID(link)))
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
	return sortedKeys(names)
}

func (c *call) idToken(client object, l login) object {
	life := int64(36000)
	if n, ok := number(sub(client, "jwt_configuration")["lifetime_in_seconds"]); ok {
		life = n
	}
	claims := object{
		"iss": c.issuer(), "sub": l.user["user_id"], "aud": str(client, "client_id"),
		"iat": c.now.Unix(), "exp": c.now.Unix() + life, "auth_time": l.at.Unix(),
	}
	if l.session != "" {
		claims["sid"] = l.session
	}
	if l.nonce != "" {
		claims["nonce"] = l.nonce
	}
	if l.org != nil {
		claims["org_id"] = l.org["id"]
		if truth(c.settings(), "allow_organization_name_in_authentication_api") {
			claims["org_name"] = l.org["name"]
		}
	}
	for k, v := range profileClaims(l.user, splitSpace(l.scope)) {
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
	old := c.tx.Get(usersKey(), id)
	if old == nil {
		return
	}
	n := store.Clone(old)
	count, _ := number(n["logins_count"])
	n["logins_count"] = numberOf(count + 1)
	n["last_login"], n["last_ip"] = stamp(c.now), c.ip()
	c.tx.Put(usersKey(), id, n)
}
