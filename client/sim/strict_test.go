package sim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"

	"github.com/golang-jwt/jwt/v5"
)

// What a local tenant must not let pass because Auth0 does not.

// TestOnlySecretsOpen: no application that has a secret or a key gets tokens
// without it, and none that has neither speaks for itself.
func TestOnlySecretsOpen(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
clients:
  - {client_id: spa, name: Spa, token_endpoint_auth_method: none, grant_types: [authorization_code, client_credentials]}
  - {client_id: keyed, name: Keyed, client_secret: left-over, client_authentication_methods: {private_key_jwt: {credentials: []}}}
resource_servers: [{id: api1, identifier: "https://api", name: API, scopes: [{value: "read:x"}]}]
client_grants:
  - {id: cgr_1, client_id: spa, audience: "https://api", scope: ["read:x"]}
  - {id: cgr_2, client_id: keyed, audience: "https://api", scope: ["read:x"]}
`)})
	for name, c := range map[string]struct {
		fields map[string]string
		status int
		code   string
	}{
		"a verifier for a secret":  {map[string]string{"client_id": d.tenant.Credentials().ClientID, "code_verifier": "v", "audience": d.tenant.Issuer() + "api/v2/"}, 401, "access_denied"},
		"a public application":     {map[string]string{"client_id": "spa", "audience": "https://api"}, 403, "unauthorized_client"},
		"a secret beside its keys": {map[string]string{"client_id": "keyed", "client_secret": "left-over", "audience": "https://api"}, 401, "access_denied"},
	} {
		c.fields["grant_type"] = "client_credentials"
		if a := d.form("/oauth/token", c.fields); a.status != c.status || a.object(t)["error"] != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

// TestCredentialsOfAnAssertion: a key that the application does not list signs
// nothing, nor does one that has expired or an assertion from the future.
func TestCredentialsOfAnAssertion(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }})
	c := d.tenant.Credentials()
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(c.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ask := func(more jwt.MapClaims) int {
		n++
		claims := jwt.MapClaims{
			"iss": c.PrivateKeyClientID, "sub": c.PrivateKeyClientID, "aud": d.tenant.Issuer(), "jti": strings.Repeat("j", n),
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		}
		for k, v := range more {
			claims[k] = v
		}
		text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return d.form("/oauth/token", map[string]string{
			"grant_type": "client_credentials", "audience": d.tenant.Issuer() + "api/v2/",
			"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": text,
		}).status
	}
	if got := ask(nil); got != 200 {
		t.Fatalf("a good one: %d", got)
	}
	if got := ask(jwt.MapClaims{"iat": now.Add(11 * time.Second).Unix()}); got != 401 {
		t.Errorf("from 11 seconds ahead: %d", got)
	}
	if got := ask(jwt.MapClaims{"iat": now.Add(9 * time.Second).Unix()}); got != 200 {
		t.Errorf("within the skew: %d", got)
	}
	at := "/api/v2/clients/" + c.PrivateKeyClientID
	cred := d.want(200, "GET", at+"/credentials", "").list(t)[0].(map[string]any)["id"].(string)
	d.want(201, "PATCH", at+"/credentials/"+cred, `{"expires_at":"2026-03-01T01:00:00.000Z"}`)
	now = now.Add(2 * time.Hour)
	if got := ask(nil); got != 401 {
		t.Errorf("with an expired key: %d", got)
	}
	d.want(201, "PATCH", at+"/credentials/"+cred, `{"expires_at":"2027-03-01T01:00:00.000Z"}`)
	d.want(200, "PATCH", at, `{"client_authentication_methods":{"private_key_jwt":{"credentials":[]}}}`)
	if got := ask(nil); got != 401 {
		t.Errorf("with a key that is not listed: %d", got)
	}
}

// TestUserinfoWantsOpenID: the endpoint works only with that scope.
func TestUserinfoWantsOpenID(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(peopleSeed)})
	for scope, status := range map[string]int{"openid": 200, "profile": 401} {
		tok := d.form("/oauth/token", d.runner("password", map[string]string{"username": "ann@example.com", "password": "right", "scope": scope})).object(t)
		r, _ := http.NewRequestWithContext(t.Context(), "GET", d.tenant.BaseURL()+"/userinfo", nil)
		r.Header.Set("Authorization", "Bearer "+tok["access_token"].(string))
		if a := d.do(r); a.status != status {
			t.Errorf("%s: %d %s", scope, a.status, a.text)
		}
	}
}

// TestIdentityOfAUser: a user's own identity is not unlinked from them, their
// address is found as it is written, and an id names its provider.
func TestIdentityOfAUser(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`users: [{user_id: auth0|1, email: One@example.com}, {user_id: auth0|2, email: two@example.com}]`)})
	d.want(201, "POST", users+"/auth0%7C1/identities", `{"provider":"auth0","user_id":"2"}`)
	d.want(400, "DELETE", users+"/auth0%7C1/identities/auth0/1", "")
	d.want(200, "DELETE", users+"/auth0%7C1/identities/auth0/2", "")
	d.want(200, "GET", users+"/auth0%7C2", "")
	for mail, n := range map[string]int{"one@example.com": 1, "One@example.com": 0} {
		if got := d.want(200, "GET", "/api/v2/users-by-email?email="+url.QueryEscape(mail), "").list(t); len(got) != n {
			t.Errorf("%s: %v", mail, got)
		}
	}
	for _, id := range []string{"6560cd0f6caaac5b4692f454", "%7Bid%7D", "auth0%7C"} {
		if a := d.want(400, "GET", users+"/"+id+"/enrollments", "").object(t); a["errorCode"] != "invalid_uri" || !strings.Contains(a["message"].(string), "format user-id") {
			t.Errorf("%s: %v", id, a)
		}
	}
	d.want(404, "GET", users+"/auth0%7Cnobody", "")
}
