package sim

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/client/sim/store"

	"github.com/golang-jwt/jwt/v5"
)

func splitSpace(s string) []string { return strings.Fields(s) }

func splitComma(s string) []string { return strings.Split(s, ",") }

// authorise checks the bearer token of a Management API call: that it is this
// tenant's, alive, for this API, and has one of the operation's scopes.
func (t *Tenant) authorise(c *call) *reply {
	if c.op.API != catalog.Management {
		return nil
	}
	refuse := func(rep reply) *reply { return &rep }
	header := c.req.Header.Get("Authorization")
	if header == "" {
		return refuse(failure(http.StatusUnauthorized, "Missing authentication", ""))
	}
	kind, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return refuse(failure(http.StatusBadRequest, "Bad HTTP authentication header format", "Bearer"))
	}
	access, err := t.keys.access(t.ring(), strings.TrimSpace(token), c.now)
	if err != nil {
		return refuse(failure(http.StatusUnauthorized, tokenTrouble(err), "invalid_token"))
	}
	if iss := str(access.claims, "iss"); !t.isIssuer(iss) {
		return refuse(failure(http.StatusUnauthorized, "Bad issuer: "+iss, "invalid_token"))
	}
	audiences := audiencesOf(access.claims)
	if !slices.ContainsFunc(audiences, t.isManagement) {
		return refuse(failure(http.StatusUnauthorized, "Bad audience: "+strings.Join(audiences, " "), "invalid_token"))
	}
	if len(c.op.Scopes) > 0 && !slices.ContainsFunc(c.op.Scopes, func(s string) bool { return access.scopes[s] }) {
		return refuse(failure(http.StatusForbidden,
			"Insufficient scope, expected any of: "+strings.Join(c.op.Scopes, ","), "insufficient_scope"))
	}
	c.token = access
	return c.beyondOneself(str(access.claims, "sub"))
}

// selfScopes are what a person's own token for the Management API can have, and
// all of it: Auth0's page "Get Management API Access Tokens for Single-Page
// Applications".
func selfScopes() []string {
	return []string{
		"read:current_user", "update:current_user_identities", "create:current_user_metadata", "update:current_user_metadata",
		"delete:current_user_metadata", "create:current_user_device_credentials", "delete:current_user_device_credentials",
	}
}

// beyondOneself refuses what a person's token asks for about somebody else, or
// changes but in their user_metadata. A token that is an application's own may
// all that its scopes say.
func (c *call) beyondOneself(sub string) *reply {
	if strings.HasSuffix(sub, "@clients") || !strings.HasPrefix(c.rt.path, usersKind+"/{}") {
		return nil
	}
	refuse := func(text, code string) *reply {
		rep := failure(http.StatusForbidden, text, code)
		return &rep
	}
	if c.params[0] != sub {
		return refuse("User to be acted on does not match subject in bearer token.", "unowned_resource")
	}
	if c.rt.path != usersKind+"/{}" || c.req.Method != http.MethodPatch {
		return nil
	}
	for field := range c.body {
		if field != "user_metadata" {
			return refuse("Insufficient scope, expected any of: update:users", "insufficient_scope")
		}
	}
	return nil
}

func tokenTrouble(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "Expired token received for JSON Web Token validation"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return "Invalid signature received for JSON Web Token validation"
	}
	return "Invalid token"
}

func audiencesOf(claims object) []string {
	if s := str(claims, "aud"); s != "" {
		return []string{s}
	}
	return texts(claims, "aud")
}

// origins are the ways in which a caller may write where the tenant is: by its
// domain or its address, with or without TLS.
func (t *Tenant) origins() []string {
	base := t.BaseURL()
	_, host, _ := strings.Cut(base, "://")
	host = strings.TrimSuffix(host, "/")
	return []string{"https://" + t.Domain(), "https://" + host, "http://" + host}
}

func (t *Tenant) isManagement(audience string) bool {
	rest, ok := strings.CutSuffix(strings.TrimSuffix(audience, "/"), managementRoot)
	return ok && slices.Contains(t.origins(), rest)
}

func (t *Tenant) isIssuer(iss string) bool {
	return slices.Contains(t.origins(), strings.TrimSuffix(iss, "/"))
}

// Token makes a Management API token with these scopes, for tests that do not
// want to ask for one; no scopes means all.
func (t *Tenant) Token(scopes ...string) (string, error) {
	if len(scopes) == 0 {
		scopes = t.allScopes()
	}
	now := t.now()
	return t.ring().sign(object{
		"iss": t.Issuer(), "sub": runnerID + "@clients", "aud": t.Issuer() + "api/v2/",
		"iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(),
		"scope": strings.Join(scopes, " "), "gty": "client-credentials", "azp": runnerID,
	})
}

// allScopes are those that the table knows, sorted.
func (t *Tenant) allScopes() []string {
	set := map[string]bool{}
	for _, op := range append(newer(), t.table.All()...) {
		for _, s := range op.Scopes {
			set[s] = true
		}
	}
	return sortedKeys(set)
}

// The tenant's own applications.
const (
	runnerName    = "a0run local"
	runnerKeyName = "a0run local, private key"

	runnerID    = "a0runLocalClientWithASecret00000"
	runnerKeyID = "a0runLocalClientWithAPrivateKey0"
	// globalID is the client that stands for the tenant's settings of all: every
	// tenant has one, and lists it unless is_global is asked for.
	globalID = "a0runLocalGlobalClient0000000000"
	// managementID is the id of the resource server that every tenant has.
	managementID = "a0a0a0a0a0a0a0a0a0a0a0a0"
)

// plantRunners puts in the two applications that every tenant has.
func (t *Tenant) plantRunners(tx *store.Tx) {
	grants := []any{
		"authorization_code", "implicit", "refresh_token", "client_credentials", "password", grantRealm, grantOTP,
		grantCIBA, grantDevice, grantExchange, grantFederated, grantMFAOTP, grantMFAOOB, grantMFARecovery,
	}
	callbacks := []any{"http://localhost/callback", "https://app.example/callback"}
	secret := newClient(t, object{
		"client_id": runnerID, "name": runnerName, "app_type": "non_interactive", "grant_types": grants,
		"callbacks": callbacks, "token_endpoint_auth_method": "client_secret_post",
	})
	signed := newClient(t, object{
		"client_id": runnerKeyID, "name": runnerKeyName, "app_type": "non_interactive", "grant_types": grants,
		"callbacks": callbacks, "client_authentication_methods": object{"private_key_jwt": object{
			"credentials": []any{object{"id": "cred_a0runLocalRunnerKey0000"}},
		}},
	})
	tx.Put(credentialsKey(runnerKeyID), "cred_a0runLocalRunnerKey0000", object{
		"id": "cred_a0runLocalRunnerKey0000", "name": "a0run", "credential_type": "public_key", "alg": "RS256",
		"kid": "a0run-local-runner", "pem": runnerPublicKey, "created_at": stamp(t.now()), "updated_at": stamp(t.now()),
	})
	var scopes, described []any
	for _, s := range t.allScopes() {
		scopes = append(scopes, s)
		described = append(described, object{"value": s, "description": s})
	}
	tx.Put(kind("/resource-servers"), managementID, object{
		"id": managementID, "name": "Auth0 Management API", "identifier": t.Issuer() + "api/v2/", "is_system": true,
		"scopes": described, "signing_alg": "RS256", "token_lifetime": 86400, "token_lifetime_for_web": 7200,
		"allow_offline_access": false, "skip_consent_for_verifiable_first_party_clients": false,
	})
	global := newClient(t, object{
		"client_id": globalID, "name": "All Applications", "global": true, "cross_origin_authentication": true,
		"custom_login_page": "", "custom_login_page_on": false,
	})
	tx.Put(clientsKey(), globalID, global)
	for _, o := range []object{secret, signed} {
		id := str(o, "client_id")
		tx.Put(clientsKey(), id, o)
		grant := object{
			"id": t.ids.id("/client-grants", id), "client_id": id, "subject_type": "client",
			"audience": t.Issuer() + "api/v2/", "scope": scopes,
		}
		tx.Put(kind("/client-grants"), str(grant, "id"), grant)
	}
}

// moved carries the tenant's own API and the grants for it along when the
// address under which the tenant stands is learned.
func (t *Tenant) moved(from, to string) {
	if from == to {
		return
	}
	t.state.Update(func(tx *store.Tx) {
		for _, k := range []store.Key{kind("/resource-servers"), kind("/client-grants")} {
			for _, old := range tx.All(k) {
				o := store.Clone(old)
				for _, field := range []string{"identifier", "audience"} {
					if o[field] == from {
						o[field] = to
					}
				}
				tx.Put(k, str(o, "id"), o)
			}
		}
		if meta := tx.Get(metaKey(), "self"); meta != nil {
			meta = store.Clone(meta)
			meta["issuer"] = strings.TrimSuffix(to, "api/v2/")
			tx.Put(metaKey(), "self", meta)
		}
	})
}
