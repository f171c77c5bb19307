package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"a0run/client"
	"a0run/client/sim"
	"a0run/engine"
)

const loginSeed = `
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
  - {id: con_mail, name: email, strategy: email}
clients:
  - {client_id: phone, name: Phone, app_type: native, token_endpoint_auth_method: none, callbacks: ["https://app.example/callback"]}
resource_servers:
  - {id: api1, identifier: "https://api.example/", name: api, enforce_policies: true, token_dialect: access_token_authz, scopes: [{value: "read:things"}, {value: "write:things"}]}
roles:
  - {id: rol_r, name: reader, permissions: [{permission_name: "read:things", resource_server_identifier: "https://api.example/"}]}
users:
  - {user_id: auth0|ada, email: ada@example.com, password: Passw0rd-ada, connection: Username-Password-Authentication, roles: [reader]}
  - {user_id: auth0|mfa, email: mfa@example.com, password: Passw0rd-mfa, connection: Username-Password-Authentication, multifactor: [guardian]}
`

// asked is when a request of a path came, from the first of them on, in
// seconds.
func (d *desk) asked(path, holding string) []int {
	var at []int
	var first time.Time
	for _, r := range d.tenant.Requests() {
		if r.Path != path || !strings.Contains(string(r.Body), holding) {
			continue
		}
		if first.IsZero() {
			first = r.At
		}
		at = append(at, int(r.At.Sub(first)/time.Second))
	}
	return at
}

// waiting is the id of the login that the tenant was last asked about.
func (d *desk) waiting(field string) string {
	id := ""
	for _, r := range d.tenant.Requests() {
		var body map[string]any
		if json.Unmarshal(r.Body, &body) == nil && body[field] != nil {
			id, _ = body[field].(string)
		}
	}
	return id
}

// TestWaitingLogins: a login that a person approves elsewhere is asked about at
// the tenant's pace, from both languages, and ends when there is an answer.
func TestWaitingLogins(t *testing.T) {
	const luaDevice = `
local d = authentication.device.code { scope = "openid" }
print(d.verification_uri_complete:match("user_code=") ~= nil, d.interval)
local tokens = get_token.device_code(d)
print(verify_id_token(tokens.id_token).sub)`
	const yamlDevice = `
steps:
  - id: d
    authentication.device.code: {scope: openid}
  - id: tokens
    get_token.device_code: {device_code: "${{ steps.d.result }}"}
  - id: claims
    verify_id_token: ${{ steps.tokens.result.id_token }}
  - print: ${{ steps.claims.result.sub }}
`
	const ciba = `
local hint = json.encode { format = "iss_sub", iss = "https://x/", sub = "auth0|ada" }
local asked = authentication.back_channel_login.back_channel_login("approve 5 EUR", hint, "openid")
local ok, e = pcall(get_token.backchannel_login, asked.auth_req_id, { wait = false })
print(ok, e.status_code, e.error_code)
local ok, e = pcall(get_token.backchannel_login, asked.auth_req_id, { wait = false })
print(ok, e.name, e.error_code, e.headers["retry-after"])
local tokens = get_token.backchannel_login(asked, { interval = 7 })
print(verify_id_token(tokens.id_token).sub)`
	for _, tc := range []struct {
		name, file, text, field string
		want                    []string
		at                      []int
	}{
		{"device, Lua", "p.lua", luaDevice, "device_code", []string{"true\t5", "auth0|ada"}, []int{0, 5, 10, 15, 20}},
		{"device, YAML", "p.yaml", yamlDevice, "device_code", []string{"auth0|ada"}, []int{0, 5, 10, 15, 20}},
		{
			"back channel, Lua", "p.lua", ciba, "auth_req_id",
			[]string{"false\t400\tauthorization_pending", "false\tRateLimitError\tslow_down\t10", "auth0|ada"},
			[]int{0, 0, 0, 12, 24}, // too soon once more: 7 and 5 seconds from then on
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: time.Now}, engine.Config{})
				done := make(chan error, 1)
				go func() { done <- d.play(t.Context(), tc.file, tc.text) }()
				<-time.After(17 * time.Second)
				if !d.tenant.Approve(d.waiting(tc.field), "auth0|ada") {
					t.Error("nothing waits to be approved")
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, d.prints); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(tc.at, d.asked("/oauth/token", tc.field)); diff != "" {
					t.Error("asked at other times\n", diff)
				}
			})
		})
	}
}

// TestWaitingLoginEnds: refused, or run out, is the tenant's own error.
func TestWaitingLoginEnds(t *testing.T) {
	const text = `
local d = authentication.device.code {}
local ok, e = pcall(get_token.device_code, d)
print(ok, e.name, e.error_code)`
	for want, reject := range map[string]bool{"false\tAuth0Error\taccess_denied": true, "false\tAuth0Error\texpired_token": false} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: time.Now}, engine.Config{})
			done := make(chan error, 1)
			go func() { done <- d.play(t.Context(), "p.lua", text) }()
			<-time.After(12 * time.Second)
			if reject {
				d.tenant.Approve(d.waiting("device_code"), "")
			}
			if err := <-done; err != nil || len(d.prints) != 1 || d.prints[0] != want {
				t.Errorf("%v, %q, want %q", err, d.prints, want)
			}
		})
	}
}

// refusedLogin is a login that needs a second factor: its mfa_token, and the code
// that the tenant sent.
func (d *desk) refusedLogin(t *testing.T) (token, code string) {
	t.Helper()
	_, err := d.client.GetToken(t.Context(), "login", client.Args{
		"username": "mfa@example.com", "password": "Passw0rd-mfa", "realm": "Username-Password-Authentication", "scope": "openid",
	})
	e, ok := errors.AsType[*client.Auth0Error](err)
	var content struct {
		Token string `json:"mfa_token"`
	}
	if !ok || e.ErrorCode != "mfa_required" || e.StatusCode != 403 || json.Unmarshal(e.Content, &content) != nil {
		t.Fatalf("the login was not refused for its second factor: %v", err)
	}
	return content.Token, d.tenant.OneTimeCode("mfa", "auth0|mfa")
}

// TestSecondFactor enrols authenticators with the mfa_token of a refused login,
// completes logins in each of the three ways, lists and deletes.
func TestSecondFactor(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)}, engine.Config{})
	for _, step := range []struct {
		text string // after: local token, code
		want []string
	}{
		{
			`
print(authentication.mfa.challenge(token, "otp").challenge_type)
local ok, e = pcall(get_token.mfa_otp, token, "000000")
print(ok, e.error_code)
print(verify_id_token(get_token.mfa_otp(token, code).id_token).sub)
print((pcall(get_token.mfa_otp, token, code)))`,
			[]string{"otp", "false\tinvalid_grant", "auth0|mfa", "false"},
		},
		{
			`
local a = authentication.mfa.associate(token, { "otp" })
print(a.authenticator_type, #a.secret, #a.recovery_codes, a.barcode_uri:sub(1, 15))
print(authentication.mfa.list_authenticators(token)[2].active)
local ok, e = pcall(get_token.mfa_otp, token, code) -- what was sent is no code of the app
print(ok, e.error_code)`,
			[]string{"otp\t32\t1\totpauth://totp/", "false", "false\tinvalid_grant"},
		},
		{
			`
local oob = authentication.mfa.associate(token, { "oob" }, { oob_channels = { "sms" }, phone_number = "+15550100" })
print(oob.oob_channel, oob.binding_method, oob.recovery_codes)
local asked = authentication.mfa.challenge(token, "oob", { oob_channel = "sms" })
print(verify_id_token(get_token.mfa_oob(token, asked.oob_code, { binding_code = code }).id_token).sub)`,
			[]string{"sms\tprompt\tnil", "auth0|mfa"},
		},
		{
			`
for _, a in ipairs(authentication.mfa.authenticators(token)) do
  print(a.authenticator_type, a.active)
  local ok, e = pcall(authentication.mfa.delete_authenticator, a.id, "no token")
  assert(not ok and e.error_code == "invalid_token")
  if a.authenticator_type == "oob" then print(authentication.mfa.delete_authenticator(a.id, token)) end
end
print(#authentication.mfa.authenticators(token))
local ok, e = pcall(get_token.mfa_recovery_code, token, "A WRONG ONE")
print(ok, e.error_code)`,
			[]string{"recovery-code\ttrue", "otp\tfalse", "oob\ttrue", "nil", "2", "false\tinvalid_grant"},
		},
	} {
		token, code := d.refusedLogin(t)
		d.prints = nil
		if err := d.play(t.Context(), "p.lua", fmt.Sprintf("local token, code = %q, %q\n%s", token, code, step.text)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, d.prints); diff != "" {
			t.Error(diff)
		}
	}
}

// TestRecoveryCode completes a login with the code of an enrolment, once, and
// gives the next one.
func TestRecoveryCode(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)}, engine.Config{})
	token, _ := d.refusedLogin(t)
	if err := d.play(t.Context(), "p.lua", fmt.Sprintf("local token = %q\n", token)+`
local code = authentication.mfa.associate(token, { "otp" }).recovery_codes[1]
local tokens = get_token.mfa_recovery_code(token, code)
print(verify_id_token(tokens.id_token).sub, #tokens.recovery_code, tokens.recovery_code ~= code)
print((pcall(get_token.mfa_recovery_code, token, code)))`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"auth0|mfa\t24\ttrue", "false"}, d.prints); diff != "" {
		t.Error(diff)
	}
}

// TestCodeWithPKCE walks a login by browser: address, code, tokens; with the
// right verifier only; and pushed.
func TestCodeWithPKCE(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)}, engine.Config{})
	browse := func(address string) string {
		t.Helper()
		back, err := d.tenant.LogIn(address, "ada@example.com", "Passw0rd-ada")
		if err != nil || back.Query().Get("code") == "" {
			t.Fatalf("no code came back: %v %v", back, err)
		}
		return back.Query().Get("code")
	}
	play := func(text string) string {
		t.Helper()
		if err := d.play(t.Context(), "p.lua", text); err != nil {
			t.Fatal(err)
		}
		return d.prints[len(d.prints)-1]
	}
	const start = `
local verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
local function address(options)
  options.redirect_uri, options.scope, options.login_hint = "https://app.example/callback", "openid", "ada@example.com"
  options.code_challenge, options.code_challenge_method = base64.encode("x"), "S256"
  return authentication.authorize.url("code", options)
end
`
	// The challenge of RFC 7636, appendix B.
	address := strings.Replace(play(start+`print(address { state = "a b&c", nonce = "n-1" })`), "code_challenge=eA%3D%3D", "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", 1)
	if !strings.Contains(address, "state=a+b%26c") || !strings.Contains(address, "client_id=") {
		t.Errorf("the address is %s", address)
	}
	// The verifier alone does for an application without a secret, and for no other.
	phone := regexp.MustCompile(`client_id=[^&]*`).ReplaceAllString(address, "client_id=phone")
	code := browse(phone)
	play(`
local ok, e = pcall(get_token.authorization_code_pkce, ("x"):rep(43), "` + code + `", "https://app.example/callback", { client_id = "phone" })
print(ok, e.error_code)`)
	code = browse(phone)
	got := play(`
local tokens = get_token.authorization_code_pkce("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "` + code + `", "https://app.example/callback", { client_id = "phone" })
print(verify_id_token(tokens.id_token, { nonce = "n-1", audience = "phone" }).sub)`)
	if got != "auth0|ada" {
		t.Error(got)
	}
	code = browse(address)
	got = play(`
local ok, e = pcall(get_token.authorization_code_pkce, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "` + code + `", "https://app.example/callback")
print(ok, e.error_code)`)
	if got != "false\taccess_denied" {
		t.Error(got)
	}
	code = browse(address)
	got = play(`
local tokens = get_token.authorization_code("` + code + `", "https://app.example/callback", { code_verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" })
print(verify_id_token(tokens.id_token).nonce)`)
	if got != "n-1" {
		t.Error(got)
	}
	got = play(`
local p = pkce()
local pushed = authentication.pushed_authorization_requests.par("code", "https://app.example/callback", {
  scope = "openid", login_hint = "ada@example.com", code_challenge = p.code_challenge, code_challenge_method = p.code_challenge_method })
print(#p.code_verifier, #p.code_challenge, p.code_challenge ~= pkce().code_challenge)
print(authentication.authorize.url("code", { request_uri = pushed.request_uri }))`)
	if browse(got) == "" || d.prints[len(d.prints)-2] != "43\t43\ttrue" {
		t.Errorf("%q", d.prints)
	}
}

// TestAddressesArePure: what only builds a URL is no call of the run, and may
// stand in an expression.
func TestAddressesArePure(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)}, engine.Config{})
	err := d.play(t.Context(), "p.yaml", `
steps:
  - print: ${{ authentication.logout.url{return_to = "https://app.example/?a=1"} }}
  - id: out
    authentication.oidc.logout: {post_logout_redirect_uri: "https://app.example/"}
  - print: ${{ steps.out.result }}
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"/v2/logout?client_id=", "/oidc/logout?client_id="} {
		if !strings.Contains(d.prints[i], want) {
			t.Errorf("%q", d.prints[i])
		}
	}
	if calls := d.calls(); len(calls) > 0 || len(d.tenant.Requests()) > 0 {
		t.Errorf("calls %q, requests %v", calls, d.tenant.Requests())
	}
}

// TestAccessTokens: scopes and permissions are checked against what the tenant
// gave, and a token of the other kind is refused.
func TestAccessTokens(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)}, engine.Config{})
	err := d.play(t.Context(), "p.lua", `
local tokens = get_token.login("ada@example.com", "Passw0rd-ada", {
  realm = "Username-Password-Authentication", scope = "openid read:things", audience = "https://api.example/" })
local claims = verify_access_token(tokens.access_token, {
  audience = "https://api.example/", scopes = { "read:things" }, permissions = { "read:things" } })
print(claims.sub, claims.permissions[1])
local function refused(token, options)
  local ok, e = pcall(verify_access_token, token, options)
  print(ok, e.name, e.error_code)
end
refused(tokens.access_token, { audience = "https://api.example/", scopes = "write:things" })
refused(tokens.access_token, { audience = "https://api.example/", permissions = { "write:things" } })
refused(tokens.access_token, { audience = "https://other.example/" })
refused(tokens.id_token, { audience = "https://api.example/" })
refused(tokens.access_token, {})
local ok, e = pcall(verify_id_token, tokens.access_token)
print(ok, e.name, e.error_code)
local again = get_token.token_exchange("urn:ietf:params:oauth:token-type:access_token", tokens.access_token, { audience = "https://api.example/", scope = "openid" })
print(verify_access_token(again.access_token, { audience = "https://api.example/" }).sub)`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"auth0|ada\tread:things",
		"false\tTokenValidationError\tscope", "false\tTokenValidationError\tpermissions",
		"false\tTokenValidationError\taud", "false\tTokenValidationError\taud", "false\tArgumentError\tnil",
		"false\tTokenValidationError\taud", "auth0|ada",
	}
	if diff := cmp.Diff(want, d.prints); diff != "" {
		t.Error(diff)
	}
}

// TestOtherGrants walks through the rest of the Authentication API as a script
// uses it: rotation, one-time codes, exchanges, registration, metadata.
func TestOtherGrants(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)}, engine.Config{})
	if err := d.play(t.Context(), "p.lua", `
local app = auth0.clients.create({
  name = "rotates", app_type = "regular_web", grant_types = { "password", "refresh_token", "http://auth0.com/oauth/grant-type/password-realm" },
  refresh_token = { rotation_type = "rotating", expiration_type = "expiring", token_lifetime = 2592000 } })
local as = { client_id = app.client_id, client_secret = app.client_secret }
local first = get_token.login("ada@example.com", "Passw0rd-ada", {
  realm = "Username-Password-Authentication", scope = "openid offline_access", client_id = as.client_id, client_secret = as.client_secret })
local second = get_token.refresh_token(first.refresh_token, as)
print("rotated", second.refresh_token ~= first.refresh_token)
print("Basic", get_token.refresh_token(second.refresh_token, {
  client_id = as.client_id, client_secret = as.client_secret, token_endpoint_auth_method = "client_secret_basic" }).access_token ~= nil)
local ok, e = pcall(get_token.refresh_token, first.refresh_token, as)
print("the old one", ok, e.error_code)

local tokens = get_token.login("ada@example.com", "Passw0rd-ada", { realm = "Username-Password-Authentication", scope = "openid offline_access" })
authentication.revoke_token.revoke_refresh_token(tokens.refresh_token)
print("revoked", (pcall(get_token.refresh_token, tokens.refresh_token)))
local ok, e = pcall(get_token.access_token_for_connection, "urn:ietf:params:oauth:token-type:access_token", tokens.access_token,
  "http://auth0.com/oauth/token-type/federated-connection-access-token", { connection = "google-oauth2" })
print("federated", ok, e.error_code)
print("federated", get_token.access_token_for_connection("urn:ietf:params:oauth:token-type:access_token", tokens.access_token,
  "http://auth0.com/oauth/token-type/federated-connection-access-token", { connection = "Username-Password-Authentication" }).issued_token_type)
print("registered", authentication.oidc.register({ "https://app.example/callback" }, { client_name = "dynamic" }).client_name)
print("SAML", authentication.enterprise.saml_metadata():match("<EntityDescriptor") ~= nil, authentication.enterprise.wsfed_metadata():match("<EntityDescriptor") ~= nil)
print("revoked all", authentication.global_token_revocation.revoke("sso", { format = "iss_sub", iss = "https://idp/", sub = "u" }, "a.signed.jwt"))
print("started", authentication.passwordless.email("grace@example.com", { send = "code" }).email)
print("sent", authentication.database.change_password("ada@example.com", "Username-Password-Authentication"))
print("signed up", authentication.database.signup("eve@example.com", "Passw0rd-eve", "Username-Password-Authentication").email)
`); err != nil {
		t.Fatal(err)
	}
	code := d.tenant.OneTimeCode("email", "grace@example.com")
	if err := d.play(t.Context(), "q.lua", `
local tokens = get_token.passwordless_login("grace@example.com", "`+code+`", "email", "openid email", "https://api.example/")
print("one-time code", verify_id_token(tokens.id_token).email)`); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rotated\ttrue", "Basic\ttrue", "the old one\tfalse\tinvalid_grant", "revoked\tfalse",
		"federated\tfalse\tfederated_connection_refresh_token_not_found",
		"federated\thttp://auth0.com/oauth/token-type/federated-connection-access-token",
		"registered\tdynamic", "SAML\ttrue\ttrue", "revoked all\tnil", "started\tgrace@example.com",
		"sent\tWe've just sent you an email to reset your password.", "signed up\teve@example.com",
		"one-time code\tgrace@example.com",
	}
	if diff := cmp.Diff(want, d.prints); diff != "" {
		t.Error(diff)
	}
}
