package sim_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

const realmGrant = "http://auth0.com/oauth/grant-type/password-realm"

// logIn asks for a person's tokens by password.
func (d *desk) logIn(name, password string, more ...string) answer {
	fields := map[string]string{"username": name, "password": password, "realm": "Username-Password-Authentication", "scope": "openid offline_access"}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	return d.form("/oauth/token", d.runner(realmGrant, fields))
}

// TestOAuthFacts has a row for each recorded fact of the Authentication API:
// status, error and the words, where they are known.
func TestOAuthFacts(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	ciba := func(more map[string]string) answer { return d.form("/bc-authorize", d.runner("", more)) }
	hint := `{"format":"iss_sub","iss":"https://tenant.local/","sub":"auth0|ann"}`
	for name, c := range map[string]struct {
		got    answer
		status int
		code   string
		words  string
	}{
		"no grant":          {d.form("/oauth/token", d.runner("", nil)), 403, "invalid_request", "Missing required parameter: grant_type"},
		"unknown code":      {d.form("/oauth/token", d.runner("authorization_code", map[string]string{"code": "x"})), 403, "invalid_grant", "Invalid authorization code"},
		"unknown refresh":   {d.form("/oauth/token", d.runner("refresh_token", map[string]string{"refresh_token": "x"})), 403, "invalid_grant", ""},
		"wrong password":    {d.logIn("ann@example.com", "wrong"), 403, "invalid_grant", "Wrong email or password."},
		"nobody":            {d.logIn("nobody@example.com", "wrong"), 403, "invalid_grant", "Wrong email or password."},
		"blocked":           {d.logIn("bad@example.com", "right"), 401, "unauthorized", "user is blocked"},
		"unknown realm":     {d.logIn("ann@example.com", "right", "realm", "none"), 400, "invalid_request", ""},
		"CIBA, no openid":   {ciba(map[string]string{"scope": "profile", "login_hint": hint}), 400, "invalid_request", "openid scope must be requested"},
		"CIBA, nobody":      {ciba(map[string]string{"scope": "openid", "login_hint": `{"sub":"auth0|none"}`, "binding_message": "m"}), 400, "unknown_user_id", "User ID is malformed or unknown"},
		"CIBA, malformed":   {ciba(map[string]string{"scope": "openid", "login_hint": "ann", "binding_message": "m"}), 400, "unknown_user_id", "User ID is malformed or unknown"},
		"CIBA, no request":  {d.form("/oauth/token", d.runner("urn:openid:params:grant-type:ciba", map[string]string{"auth_req_id": "x"})), 403, "invalid_grant", ""},
		"wrong secret":      {d.form("/oauth/revoke", d.runner("", map[string]string{"client_secret": "x", "token": "x"})), 401, "access_denied", "Unauthorized"},
		"no token":          {d.form("/oauth/revoke", d.runner("", nil)), 400, "invalid_request", ""},
		"mfa, no token":     {d.form("/oauth/token", d.runner("http://auth0.com/oauth/grant-type/mfa-otp", map[string]string{"mfa_token": "x", "otp": "1"})), 403, "invalid_grant", ""},
		"device, no client": {d.form("/oauth/device/code", map[string]string{"client_id": "x"}), 401, "access_denied", ""},
	} {
		o := c.got.object(t)
		if c.got.status != c.status || o["error"] != c.code || c.words != "" && o["error_description"] != c.words || o["error_description"] == "" {
			t.Errorf("%s: got %d %s", name, c.got.status, c.got.text)
		}
	}
	if a := d.form("/oauth/revoke", d.runner("", map[string]string{"token": "unknown"})); a.status != 200 || a.text != "" {
		t.Errorf("revoke: %d %q", a.status, a.text)
	}
	par := d.form("/oauth/par", d.runner("", map[string]string{"response_type": "code", "redirect_uri": "https://app.example/callback", "scope": "openid"}))
	if par.status != 201 || par.object(t)["expires_in"] != 30.0 {
		t.Errorf("PAR: %d %s", par.status, par.text)
	}
	asked := ciba(map[string]string{"scope": "openid", "login_hint": hint, "binding_message": "5 EUR"}).object(t)
	if asked["expires_in"] != 300.0 || asked["interval"] != 5.0 {
		t.Errorf("CIBA: %v", asked)
	}
	seen := map[string]bool{}
	for _, kind := range d.logs() {
		seen[kind] = true
	}
	for _, kind := range []string{"feacft", "fertft", "fp", "fu", "f", "fepft", "ciba_start_failed", "ciba_start_succeeded"} {
		if !seen[kind] {
			t.Errorf("the log has no %s: %v", kind, seen)
		}
	}
}

func TestPushedOnceAndShortly(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: func() time.Time { return now }})
	push := func() string {
		a := d.form("/oauth/par", d.runner("", map[string]string{"response_type": "code", "redirect_uri": "https://app.example/callback", "scope": "openid", "state": "pushed"}))
		return "/authorize?client_id=" + d.tenant.Credentials().ClientID + "&request_uri=" + url.QueryEscape(a.object(t)["request_uri"].(string))
	}
	at := push()
	p := d.person().open(at).send("username", "ann@example.com", "password", "right")
	if p.returned().Get("state") != "pushed" {
		t.Fatalf("back to %s", p.back)
	}
	d.person().open(at).sees("invalid, expired or was used")
	at = push()
	now = now.Add(31 * time.Second)
	d.person().open(at).sees("invalid, expired or was used")
}

// TestRefreshRotation: each token is good once, one that comes again takes the
// whole family with it, and not another one.
func TestRefreshRotation(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: func() time.Time { return now }})
	id := d.tenant.Credentials().ClientID
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"refresh_token":{"rotation_type":"rotating","expiration_type":"expiring","leeway":10,"token_lifetime":3600,"idle_token_lifetime":600}}`)
	refresh := func(token any) answer {
		return d.form("/oauth/token", d.runner("refresh_token", map[string]string{"refresh_token": token.(string)}))
	}
	first := d.logIn("ann@example.com", "right").object(t)["refresh_token"]
	other := d.logIn("ann@example.com", "right").object(t)["refresh_token"]
	second := refresh(first).object(t)["refresh_token"]
	now = now.Add(9 * time.Second)
	third := refresh(first) // within the leeway
	if third.status != 200 || second == first || third.object(t)["refresh_token"] == second {
		t.Fatalf("within the leeway: %d %s", third.status, third.text)
	}
	if list := d.want(200, "GET", users+"/auth0%7Cann/refresh-tokens", "").object(t)["tokens"].([]any); len(list) != 2 {
		t.Fatalf("two families are %v", list)
	}
	now = now.Add(time.Second)
	for i, token := range []any{first, second, third.object(t)["refresh_token"]} { // the first again, and then its successors
		if a := refresh(token); a.status != 403 || a.object(t)["error"] != "invalid_grant" {
			t.Errorf("token %d: %d %s", i, a.status, a.text)
		}
	}
	if got := d.logs(); !slices.Contains(got, "ferrt") || !slices.Contains(got, "sertft") {
		t.Errorf("the log says %v", got)
	}
	a := refresh(other)
	if a.status != 200 {
		t.Fatalf("another family: %d %s", a.status, a.text)
	}
	now = now.Add(601 * time.Second)
	if a := refresh(a.object(t)["refresh_token"]); a.status != 403 {
		t.Errorf("after being idle: %d %s", a.status, a.text)
	}
}

// TestRevokedByAPI: what the Management API takes away is refused.
func TestRevokedByAPI(t *testing.T) {
	for name, c := range map[string]struct {
		verb, path, body string
		status           int
	}{
		"one":         {"DELETE", "/api/v2/refresh-tokens/{id}", "", 204},
		"many":        {"POST", "/api/v2/refresh-tokens/revoke", `{"ids":["{id}"]}`, 202},
		"of the user": {"DELETE", users + "/auth0%7Cann/refresh-tokens", "", 202},
		"all access":  {"POST", users + "/auth0%7Cann/revoke-access", `{}`, 202},
		"the user":    {"DELETE", users + "/auth0%7Cann", "", 204},
		"blocked":     {"PATCH", users + "/auth0%7Cann", `{"blocked":true}`, 200},
	} {
		d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
		token := d.logIn("ann@example.com", "right").object(t)["refresh_token"].(string)
		list := d.want(200, "GET", users+"/auth0%7Cann/refresh-tokens", "").object(t)["tokens"].([]any)
		id := list[0].(map[string]any)["id"].(string)
		d.want(200, "GET", "/api/v2/refresh-tokens/"+id, "")
		in := func(s string) string { return strings.ReplaceAll(s, "{id}", id) }
		d.want(c.status, c.verb, in(c.path), in(c.body))
		if a := d.form("/oauth/token", d.runner("refresh_token", map[string]string{"refresh_token": token})); a.status != 403 && a.status != 401 {
			t.Errorf("%s: the token is still good: %d", name, a.status)
		}
	}
}

func totpOf(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, uint64(at.Unix()/30))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1000000)
}

// TestAuthenticatorApp enrols an app by the API, logs in with its codes by both
// ways, and takes it away.
func TestAuthenticatorApp(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: func() time.Time { return now }})
	d.want(200, "PUT", "/api/v2/guardian/policies", `["all-applications"]`)
	no := d.logIn("ann@example.com", "right")
	if no.status != 403 || no.object(t)["error"] != "mfa_required" {
		t.Fatalf("got %d %s", no.status, no.text)
	}
	token := no.object(t)["mfa_token"].(string)
	associate := func(body string) map[string]any {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", d.tenant.BaseURL()+"/mfa/associate", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		return d.do(r).object(t)
	}
	made := associate(`{"authenticator_types":["otp"]}`)
	secret := made["secret"].(string)
	otp := func(code string) answer {
		return d.form("/oauth/token", d.runner("http://auth0.com/oauth/grant-type/mfa-otp", map[string]string{"mfa_token": token, "otp": code}))
	}
	if a := otp(totpOf(t, secret, now.Add(-5*time.Minute))); a.status != 403 {
		t.Fatalf("an old code: %d %s", a.status, a.text)
	}
	if a := otp(totpOf(t, secret, now)); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	methods := d.want(200, "GET", users+"/auth0%7Cann/authentication-methods", "").list(t)
	enrolled := d.want(200, "GET", users+"/auth0%7Cann/enrollments", "").list(t)
	if len(methods) != 1 || methods[0].(map[string]any)["type"] != "totp" || len(enrolled) != 1 {
		t.Fatalf("methods %v, enrollments %v", methods, enrolled)
	}
	now = now.Add(time.Minute)
	p := d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").sees("Verify Your Identity")
	p.send("code", "000000").sees("wrong or too old")
	p.send("code", totpOf(t, secret, now)).exchange()
	p.open(d.authorize()).exchange() // the session has the second step
	recovery := made["recovery_codes"].([]any)[0].(string)
	q := d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right")
	q.send("code", recovery).sees("Your new recovery code")
	q.open("/authorize/resume" + "?" + q.at.RawQuery).exchange()
	// Who has no app yet enrols on the page.
	d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","email":"new@example.com","password":"Secret-123"}`)
	n := d.person().open(d.authorize()).send("username", "new@example.com", "password", "Secret-123").sees("Secure Your Account")
	_, rest, _ := strings.Cut(n.page, "Secret: <code>")
	own, _, _ := strings.Cut(rest, "<")
	n.send("code", totpOf(t, own, now)).sees("Recovery code")
	n.open("/authorize/resume" + "?" + n.at.RawQuery).exchange()
	for _, kind := range []string{"mfar", "gd_auth_failed", "gd_auth_succeed", "gd_recovery_succeed", "gd_enrollment_complete", "seotpft"} {
		if !slices.Contains(d.logs(), kind) {
			t.Errorf("the log has no %s: %v", kind, d.logs())
		}
	}
	// Taken away by the Management API it is asked for no more.
	d.want(200, "PUT", "/api/v2/guardian/policies", `[]`)
	d.want(204, "DELETE", users+"/auth0%7Cann/authentication-methods/"+url.PathEscape(methods[0].(map[string]any)["id"].(string)), "")
	if a := d.logIn("ann@example.com", "right"); a.status != 200 {
		t.Errorf("after the app is gone: %d %s", a.status, a.text)
	}
}

func TestBruteForce(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	for range 9 {
		d.logIn("ann@example.com", "wrong")
	}
	if a := d.logIn("ann@example.com", "right"); a.status != 200 {
		t.Fatalf("after nine: %d %s", a.status, a.text)
	}
	for range 10 {
		d.logIn("ann@example.com", "wrong")
	}
	a := d.logIn("ann@example.com", "right")
	if a.status != 429 || a.object(t)["error"] != "too_many_attempts" {
		t.Fatalf("after ten: %d %s", a.status, a.text)
	}
	d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").sees("Your account has been blocked")
	got := d.want(200, "GET", "/api/v2/user-blocks/auth0%7Cann", "").object(t)["blocked_for"].([]any)
	if len(got) != 1 || got[0].(map[string]any)["identifier"] != "ann@example.com" || got[0].(map[string]any)["ip"] != "127.0.0.1" {
		t.Fatalf("blocked for %v", got)
	}
	if got := d.want(200, "GET", "/api/v2/user-blocks?identifier=ann@example.com", "").object(t)["blocked_for"].([]any); len(got) != 1 {
		t.Fatalf("blocked for %v", got)
	}
	if got := d.logs(); !slices.Contains(got, "limit_wc") {
		t.Errorf("the log says %v", got)
	}
	d.want(204, "DELETE", "/api/v2/user-blocks/auth0%7Cann", "")
	if a := d.logIn("ann@example.com", "right"); a.status != 200 {
		t.Fatalf("unblocked: %d %s", a.status, a.text)
	}
	// A hundred of an address in a day close it to all.
	d.want(200, "PATCH", "/api/v2/attack-protection/brute-force-protection", `{"enabled":false}`)
	d.want(404, "GET", "/api/v2/anomaly/blocks/ips/127.0.0.1", "")
	for range 100 {
		d.logIn("nobody@example.com", "wrong")
	}
	if a := d.logIn("ann@example.com", "right"); a.status != 429 {
		t.Fatalf("after a hundred: %d %s", a.status, a.text)
	}
	d.want(200, "GET", "/api/v2/anomaly/blocks/ips/127.0.0.1", "")
	d.want(204, "DELETE", "/api/v2/anomaly/blocks/ips/127.0.0.1", "")
	if a := d.logIn("ann@example.com", "right"); a.status != 200 {
		t.Fatalf("unblocked: %d %s", a.status, a.text)
	}
}

func TestKeyRotation(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	old := d.token
	kids := func() []string {
		var out []string
		for _, k := range d.want(200, "GET", "/.well-known/jwks.json", "").object(t)["keys"].([]any) {
			out = append(out, k.(map[string]any)["kid"].(string))
		}
		return out
	}
	before := kids()
	snap := d.tenant.State().Snapshot()
	rotated := d.want(201, "POST", "/api/v2/keys/signing/rotate", "").object(t)
	after := kids()
	if rotated["kid"] != before[1] || after[0] != before[1] || after[2] != before[0] || len(after) != 3 {
		t.Fatalf("rotated to %v: %v after %v", rotated["kid"], after, before)
	}
	d.want(200, "GET", users, "") // the old key's token is good until the key is revoked
	fresh, err := d.tenant.Token()
	if err != nil {
		t.Fatal(err)
	}
	d.token = fresh
	d.want(400, "PUT", "/api/v2/keys/signing/"+after[0]+"/revoke", "")
	d.want(200, "PUT", "/api/v2/keys/signing/"+before[0]+"/revoke", "")
	if got := kids(); slices.Contains(got, before[0]) {
		t.Fatalf("a revoked key is shown: %v", got)
	}
	d.token = old
	d.want(401, "GET", users, "")
	d.token = fresh
	d.want(200, "GET", users, "")
	if key := d.want(200, "GET", "/api/v2/keys/signing/"+before[0], "").object(t); key["revoked"] != true || !strings.Contains(key["cert"].(string), "BEGIN CERTIFICATE") {
		t.Fatalf("got %v", key)
	}
	d.tenant.State().Restore(snap)
	d.token = old
	d.want(200, "GET", users, "")
	if got := kids(); !slices.Equal(got, before) {
		t.Fatalf("after a snapshot is restored: %v", got)
	}
}

func TestDevicePage(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	ask := func() map[string]any {
		return d.form("/oauth/device/code", map[string]string{"client_id": d.tenant.Credentials().ClientID, "scope": "openid offline_access"}).object(t)
	}
	poll := func(asked map[string]any) answer {
		return d.form("/oauth/token", d.runner("urn:ietf:params:oauth:grant-type:device_code", map[string]string{"device_code": asked["device_code"].(string)}))
	}
	asked := ask()
	p := d.person().open("/activate").send("user_code", "WRNG-CODE").sees("The code is wrong")
	p.send("user_code", strings.ToLower(asked["user_code"].(string))).sees("Is this the code")
	p.send("action", "confirm").sees("Log in to")
	p.send("username", "ann@example.com", "password", "right").sees("you're all set")
	if a := poll(asked); a.status != 200 || claims(t, a.object(t)["id_token"])["sub"] != "auth0|ann" || a.object(t)["refresh_token"] == nil {
		t.Fatalf("%d %s", a.status, a.text)
	}
	asked = ask() // the same browser needs no second log-in
	p.open(asked["verification_uri_complete"].(string)).send("action", "confirm").sees("you're all set")
	asked = ask()
	p.open(asked["verification_uri_complete"].(string)).send("action", "deny").sees("Device Denied")
	if a := poll(asked); a.status != 400 && a.status != 403 || a.object(t)["error"] != "access_denied" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	// A back-channel request is approved from the mailbox, or by the control API.
	ciba := func() string {
		hint, _ := json.Marshal(map[string]string{"format": "iss_sub", "iss": "https://tenant.local/", "sub": "auth0|ann"})
		return d.form("/bc-authorize", d.runner("", map[string]string{"scope": "openid", "login_hint": string(hint), "binding_message": "5 EUR"})).object(t)["auth_req_id"].(string)
	}
	id := ciba()
	mail := d.tenant.Mail()
	d.person().open(mail[len(mail)-1].Link).sees("5 EUR").send("action", "approve").sees("Approved")
	if a := d.form("/oauth/token", d.runner("urn:openid:params:grant-type:ciba", map[string]string{"auth_req_id": id})); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.text)
	}
}

func TestMagicLink(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	body, _ := json.Marshal(map[string]any{
		"client_id": d.tenant.Credentials().ClientID, "client_secret": d.tenant.Credentials().ClientSecret, "connection": "email",
		"email": "new@example.com", "send": "link", "authParams": map[string]string{"redirect_uri": "https://app.example/callback", "state": "s", "scope": "openid"},
	})
	d.want(200, "POST", "/passwordless/start", string(body))
	mail := d.tenant.Mail()
	p := d.person().open(mail[len(mail)-1].Link)
	if c := claims(t, p.exchange()["id_token"]); !strings.HasPrefix(c["sub"].(string), "email|") {
		t.Fatalf("claims %v", c)
	}
	if e := d.person().open(mail[len(mail)-1].Link).returned(); e.Get("error") != "unauthorized" {
		t.Fatalf("twice: %v", e)
	}
}
