package sim_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"

	"github.com/golang-jwt/jwt/v5"
)

const peopleSeed = `
users:
  - {user_id: auth0|ann, email: ann@example.com, password: right, name: Ann}
  - {user_id: auth0|bad, email: bad@example.com, password: right, blocked: true}
connections:
  - {name: Username-Password-Authentication, strategy: auth0}
  - {name: email, strategy: email}
`

// form posts a form.
func (d *desk) form(path string, fields map[string]string) answer {
	d.t.Helper()
	v := url.Values{}
	for k, s := range fields {
		v.Set(k, s)
	}
	r, err := http.NewRequestWithContext(d.t.Context(), "POST", d.tenant.BaseURL()+path, strings.NewReader(v.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.do(r)
}

func (d *desk) runner(grant string, more map[string]string) map[string]string {
	c := d.tenant.Credentials()
	out := map[string]string{"grant_type": grant, "client_id": c.ClientID, "client_secret": c.ClientSecret}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func claims(t *testing.T, token any) jwt.MapClaims {
	t.Helper()
	text, ok := token.(string)
	if !ok {
		t.Fatalf("no token: %v", token)
	}
	out := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestClientCredentials(t *testing.T) {
	d := newDesk(t, sim.Options{})
	aud := "https://tenant.local/api/v2/"
	a := d.form("/oauth/token", d.runner("client_credentials", map[string]string{"audience": aud, "scope": "read:users nonsense"}))
	tok := a.object(t)
	if tok["scope"] != "read:users" || tok["token_type"] != "Bearer" || tok["expires_in"] != 86400.0 {
		t.Fatalf("got %v", tok)
	}
	c := claims(t, tok["access_token"])
	if c["aud"] != aud || c["gty"] != "client-credentials" || c["iss"] != "https://tenant.local/" {
		t.Fatalf("claims %v", c)
	}
	d.token = tok["access_token"].(string)
	d.want(200, "GET", users, "")
	no := d.want(403, "POST", users, `{"connection":"x"}`).object(t)
	if no["errorCode"] != "insufficient_scope" || no["message"] != "Insufficient scope, expected any of: create:users" {
		t.Fatalf("got %v", no)
	}
	for _, c := range []struct {
		name   string
		fields map[string]string
		status int
		code   string
	}{
		{"wrong secret", map[string]string{"client_secret": "wrong", "audience": aud}, 401, "access_denied"},
		{"unknown client", map[string]string{"client_id": "nobody", "audience": aud}, 401, "access_denied"},
		{"no audience", nil, 403, "access_denied"},
		{"unknown API", map[string]string{"audience": "https://nowhere"}, 403, "access_denied"},
		{"unknown grant", map[string]string{"grant_type": "magic"}, 403, "unsupported_grant_type"},
	} {
		a := d.form("/oauth/token", d.runner("client_credentials", c.fields))
		if a.status != c.status || a.object(t)["error"] != c.code || a.object(t)["error_description"] == "" {
			t.Errorf("%s: got %d %s", c.name, a.status, a.text)
		}
	}
}

func TestBasicAuthentication(t *testing.T) {
	d := newDesk(t, sim.Options{})
	c := d.tenant.Credentials()
	r, _ := http.NewRequestWithContext(t.Context(), "POST", d.tenant.BaseURL()+"/oauth/token",
		strings.NewReader("grant_type=client_credentials&audience=https://tenant.local/api/v2/"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.ClientID, url.QueryEscape(c.ClientSecret))
	if a := d.do(r); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.text)
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }})
	creds := d.tenant.Credentials()
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(creds.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	id := creds.PrivateKeyClientID
	ask := func(alg jwt.SigningMethod, change func(jwt.MapClaims)) answer {
		c := jwt.MapClaims{
			"iss": id, "sub": id, "aud": "https://tenant.local/", "iat": now.Unix(), "exp": now.Unix() + 180, "jti": t.Name() + alg.Alg(),
		}
		change(c)
		text, err := jwt.NewWithClaims(alg, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return d.form("/oauth/token", map[string]string{
			"grant_type": "client_credentials", "client_id": id, "audience": "https://tenant.local/api/v2/",
			"client_assertion": text, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		})
	}
	for _, alg := range []jwt.SigningMethod{jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodPS256} {
		if a := ask(alg, func(jwt.MapClaims) {}); a.status != 200 {
			t.Fatalf("%s: %d %s", alg.Alg(), a.status, a.text)
		}
	}
	for name, change := range map[string]func(jwt.MapClaims){
		"used twice":  func(c jwt.MapClaims) { c["jti"] = t.Name() + "RS256" },
		"expired":     func(c jwt.MapClaims) { c["exp"] = now.Unix() - 60; c["jti"] = "jti of " + "expired" },
		"lives long":  func(c jwt.MapClaims) { c["exp"] = now.Unix() + 3600; c["jti"] = "jti of " + "long" },
		"other aud":   func(c jwt.MapClaims) { c["aud"] = "https://evil/"; c["jti"] = "jti of " + "aud" },
		"other sub":   func(c jwt.MapClaims) { c["sub"] = "x"; c["jti"] = "jti of " + "sub" },
		"no jti":      func(c jwt.MapClaims) { delete(c, "jti") },
		"from future": func(c jwt.MapClaims) { c["nbf"] = now.Unix() + 60; c["jti"] = "jti of " + "nbf" },
	} {
		if a := ask(jwt.SigningMethodRS256, change); a.status != 401 || a.object(t)["error"] != "invalid_client" {
			t.Errorf("%s: got %d %s", name, a.status, a.text)
		}
	}
	if a := ask(jwt.SigningMethodRS512, func(jwt.MapClaims) {}); a.status != 401 {
		t.Errorf("RS512: got %d %s", a.status, a.text)
	}
}

func TestPasswordAndRefresh(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(peopleSeed)})
	realm := "http://auth0.com/oauth/grant-type/password-realm"
	log := func(user, password string) answer {
		return d.form("/oauth/token", d.runner(realm, map[string]string{
			"username": user, "password": password, "realm": "Username-Password-Authentication", "scope": "openid profile email offline_access",
		}))
	}
	tok := log("ann@example.com", "right").object(t)
	c := claims(t, tok["id_token"])
	if c["sub"] != "auth0|ann" || c["aud"] != d.tenant.Credentials().ClientID || c["email"] != "ann@example.com" || c["name"] != "Ann" {
		t.Fatalf("id token %v", c)
	}
	if a := log("ann@example.com", "wrong"); a.status != 403 || a.object(t)["error"] != "invalid_grant" {
		t.Fatalf("wrong password: %d %s", a.status, a.text)
	}
	if a := log("bad@example.com", "right"); a.status != 401 || a.object(t)["error_description"] != "user is blocked" {
		t.Fatalf("blocked: %d %s", a.status, a.text)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", d.tenant.BaseURL()+"/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+tok["access_token"].(string))
	if a := d.do(r); a.status != 200 || a.object(t)["sub"] != "auth0|ann" {
		t.Fatalf("userinfo: %d %s", a.status, a.text)
	}
	// A user's token opens no management API.
	d2 := *d
	d2.token = tok["access_token"].(string)
	d2.want(401, "GET", users, "")

	refresh := d.runner("refresh_token", map[string]string{"refresh_token": tok["refresh_token"].(string)})
	if a := d.form("/oauth/token", refresh); a.status != 200 || a.object(t)["id_token"] == nil {
		t.Fatalf("refresh: %d %s", a.status, a.text)
	}
	if got := d.want(200, "GET", users+"/auth0%7Cann/refresh-tokens", "").object(t)["tokens"].([]any); len(got) != 1 {
		t.Fatalf("refresh tokens of the user: %v", got)
	}
	if a := d.form("/oauth/revoke", d.runner("", map[string]string{"token": tok["refresh_token"].(string)})); a.status != 200 || a.text != "" {
		t.Fatalf("revoke: %d %q", a.status, a.text)
	}
	if a := d.form("/oauth/token", refresh); a.status != 403 {
		t.Fatalf("a revoked token still works: %d", a.status)
	}
}

func TestAuthorizationCodeWithPKCE(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(peopleSeed)})
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {d.tenant.Credentials().ClientID}, "redirect_uri": {"http://localhost/callback"},
		"scope": {"openid"}, "state": {"s1"}, "nonce": {"n1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	back, err := d.tenant.LogIn(d.tenant.BaseURL()+"/authorize?"+q.Encode(), "ann@example.com", "right")
	if err != nil || back.Query().Get("state") != "s1" || back.Query().Get("code") == "" {
		t.Fatalf("sent back to %s: %v", back, err)
	}
	fields := map[string]string{
		"grant_type": "authorization_code", "client_id": d.tenant.Credentials().ClientID, "code": back.Query().Get("code"),
		"redirect_uri": "http://localhost/callback", "code_verifier": verifier,
	}
	// PKCE does not stand in for the secret of an application that has one.
	if a := d.form("/oauth/token", fields); a.status != 401 || a.object(t)["error"] != "access_denied" {
		t.Fatalf("without its secret: %d %s", a.status, a.text)
	}
	fields["client_secret"] = d.tenant.Credentials().ClientSecret
	tok := d.form("/oauth/token", fields).object(t)
	if c := claims(t, tok["id_token"]); c["nonce"] != "n1" || c["sub"] != "auth0|ann" {
		t.Fatalf("claims %v", c)
	}
	again := d.form("/oauth/token", fields)
	if again.status != 403 || again.object(t)["error_description"] != "Invalid authorization code" {
		t.Fatalf("a code works twice: %d %s", again.status, again.text)
	}
	q.Set("prompt", "none")
	if a := d.want(302, "GET", "/authorize?"+q.Encode(), ""); !strings.Contains(a.header.Get("Location"), "error=login_required") {
		t.Fatalf("sent back to %s", a.header.Get("Location"))
	}
}

func TestPasswordlessAndBackchannel(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(peopleSeed)})
	c := d.tenant.Credentials()
	start, _ := json.Marshal(map[string]string{"client_id": c.ClientID, "client_secret": c.ClientSecret, "connection": "email", "email": "new@example.com", "send": "code"})
	d.want(200, "POST", "/passwordless/start", string(start))
	otp := map[string]string{"username": "new@example.com", "realm": "email", "otp": "wrong", "scope": "openid"}
	grant := "http://auth0.com/oauth/grant-type/passwordless/otp"
	if a := d.form("/oauth/token", d.runner(grant, otp)); a.status != 403 {
		t.Fatalf("a wrong code works: %d", a.status)
	}
	otp["otp"] = d.tenant.OneTimeCode("email", "new@example.com")
	if a := d.form("/oauth/token", d.runner(grant, otp)); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.text)
	}

	ask := d.form("/bc-authorize", d.runner("", map[string]string{
		"scope": "openid", "binding_message": "hi", "login_hint": `{"format":"iss_sub","iss":"https://tenant.local/","sub":"auth0|ann"}`,
	})).object(t)
	if ask["interval"] != 5.0 || ask["expires_in"] != 300.0 {
		t.Fatalf("got %v", ask)
	}
	poll := d.runner("urn:openid:params:grant-type:ciba", map[string]string{"auth_req_id": ask["auth_req_id"].(string)})
	if a := d.form("/oauth/token", poll); a.status != 400 || a.object(t)["error"] != "authorization_pending" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if !d.tenant.Approve(ask["auth_req_id"].(string), "auth0|ann") {
		t.Fatal("nothing waits for consent")
	}
	if a := d.form("/oauth/token", poll); a.status != 200 || a.object(t)["id_token"] == nil {
		t.Fatalf("%d %s", a.status, a.text)
	}
}

func TestSignup(t *testing.T) {
	d := newDesk(t, sim.Options{})
	body := `{"client_id":"` + d.tenant.Credentials().ClientID + `","connection":"Username-Password-Authentication","email":"a@b.c","password":"Secret-123"}`
	got := d.want(200, "POST", "/dbconnections/signup", body).object(t)
	if got["_id"] == nil || got["email"] != "a@b.c" || got["email_verified"] != false {
		t.Fatalf("got %v", got)
	}
	again := d.want(400, "POST", "/dbconnections/signup", body).object(t)
	if again["code"] != "invalid_signup" || again["description"] == "" || again["error"] != nil {
		t.Fatalf("got %v", again)
	}
	text := d.want(200, "POST", "/dbconnections/change_password", body)
	if !strings.HasPrefix(text.header.Get("Content-Type"), "text/html") || !strings.Contains(text.text, "email") {
		t.Fatalf("got %v %s", text.header, text.text)
	}
}

func TestBadTokens(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }})
	good := d.token
	for name, c := range map[string]struct {
		token  string
		status int
		code   any
	}{
		"garbage":   {"x.y.z", 401, "invalid_token"},
		"tampered":  {good[:len(good)-8] + "AAAAAAAA", 401, "invalid_token"},
		"unsigned":  {"eyJhbGciOiJub25lIn0.e30.", 401, "invalid_token"},
		"well made": {good, 200, nil},
	} {
		d.token = c.token
		a := d.send("GET", users, "")
		if a.status != c.status || c.code != nil && a.object(t)["errorCode"] != c.code {
			t.Errorf("%s: got %d %s", name, a.status, a.text)
		}
	}
	d.token = good
	now = now.Add(25 * time.Hour)
	a := d.want(401, "GET", users, "").object(t)
	if a["message"] != "Expired token received for JSON Web Token validation" {
		t.Fatalf("got %v", a)
	}
	other := newDesk(t, sim.Options{Domain: "other.local", Clock: func() time.Time { return now }})
	mine := newDesk(t, sim.Options{Clock: func() time.Time { return now }})
	mine.token = other.token
	mine.want(401, "GET", users, "")
}

func TestSecondFactor(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`users: [{user_id: auth0|mfa, email: m@b.c, password: right, multifactor: [guardian]}]`)})
	first := d.form("/oauth/token", d.runner("password", map[string]string{"username": "m@b.c", "password": "right", "scope": "openid"}))
	no := first.object(t)
	if first.status != 403 || no["error"] != "mfa_required" || no["mfa_token"] == nil {
		t.Fatalf("got %d %s", first.status, first.text)
	}
	step := map[string]string{"mfa_token": no["mfa_token"].(string), "otp": "not this"}
	grant := "http://auth0.com/oauth/grant-type/mfa-otp"
	if a := d.form("/oauth/token", d.runner(grant, step)); a.status != 403 || a.object(t)["error"] != "invalid_grant" {
		t.Fatalf("a wrong code: %d %s", a.status, a.text)
	}
	if a := d.form("/mfa/challenge", d.runner("", map[string]string{"mfa_token": step["mfa_token"], "challenge_type": "otp"})); a.status != 200 {
		t.Fatalf("challenge: %d %s", a.status, a.text)
	}
	step["otp"] = d.tenant.OneTimeCode("mfa", "auth0|mfa")
	if a := d.form("/oauth/token", d.runner(grant, step)); a.status != 200 || claims(t, a.object(t)["id_token"])["sub"] != "auth0|mfa" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if a := d.form("/oauth/token", d.runner(grant, step)); a.status != 403 {
		t.Fatalf("an mfa_token works twice: %d", a.status)
	}
}
