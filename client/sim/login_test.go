package sim_test

import (
	"crypto/sha256"
	"encoding/base64"
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

const loginSeed = `
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
  - {id: con_mail, name: email, strategy: email}
  - {id: con_g, name: google-oauth2, strategy: google-oauth2}
resource_servers:
  - {id: api1, identifier: "https://api.example/", name: api, token_lifetime: 600, token_lifetime_for_web: 300, allow_offline_access: true, skip_consent_for_verifiable_first_party_clients: true, scopes: [{value: "read:things"}, {value: "write:things"}]}
users:
  - {user_id: auth0|ann, email: ann@example.com, password: right, name: Ann, connection: Username-Password-Authentication}
  - {user_id: auth0|bad, email: bad@example.com, password: right, blocked: true, connection: Username-Password-Authentication}
  - {user_id: google-oauth2|1, email: gus@example.com, connection: google-oauth2}
organizations:
  - {id: org_acme, name: acme, display_name: Acme, members: [auth0|ann], enabled_connections: [{connection_id: con_db}]}
  - {id: org_other, name: other, members: [auth0|ann]}
`

func TestLogInPage(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: func() time.Time { return now }})
	p := d.person()
	p.open(d.authorize("nonce", "n", "login_hint", "ann@example.com")).sees("Log in to").sees(`value="ann@example.com"`)
	p.send("username", "ann@example.com", "password", "wrong").sees("Wrong email or password.")
	p.send("username", "ann@example.com", "password", "right")
	if v := p.returned(); v.Get("state") != "s" || v.Get("code") == "" || !strings.HasPrefix(p.back.String(), "https://app.example/callback?") {
		t.Fatalf("back to %s", p.back)
	}
	first := claims(t, p.exchange()["id_token"])
	if first["sub"] != "auth0|ann" || first["nonce"] != "n" || first["auth_time"] != float64(now.Unix()) || first["sid"] == nil {
		t.Fatalf("claims %v", first)
	}
	// The session spares the second log-in, and is the same.
	now = now.Add(time.Hour)
	second := claims(t, p.open(d.authorize("prompt", "none")).exchange()["id_token"])
	if second["sid"] != first["sid"] || second["auth_time"] != first["auth_time"] {
		t.Fatalf("claims %v after %v", second, first)
	}
	p.open(d.authorize("max_age", "60")).sees("Log in to")
	p.open(d.authorize("prompt", "login")).sees("Log in to")
	if e := p.open(d.authorize("prompt", "none", "max_age", "60")).returned(); e.Get("error") != "login_required" {
		t.Fatalf("got %v", e)
	}
	if e := d.person().open(d.authorize("prompt", "none")).returned(); e.Get("error") != "login_required" || e.Get("state") != "s" {
		t.Fatalf("got %v", e)
	}
	user := d.want(200, "GET", users+"/auth0%7Cann", "").object(t)
	if user["logins_count"] != 1.0 || user["last_ip"] != "127.0.0.1" || user["last_login"] != "2026-03-01T00:00:00.000Z" {
		t.Fatalf("the user after a log-in: %v", user)
	}
	if got := strings.Join(d.logs(), " "); got != "fp s seacft ssa seacft fsa fsa" {
		t.Fatalf("the log says %s", got)
	}
	sessions := d.want(200, "GET", users+"/auth0%7Cann/sessions", "").object(t)["sessions"].([]any)
	if len(sessions) != 1 || sessions[0].(map[string]any)["id"] != first["sid"] || sessions[0].(map[string]any)["$word"] != nil {
		t.Fatalf("sessions %v", sessions)
	}
	// A session that was deleted is none.
	d.want(202, "DELETE", "/api/v2/sessions/"+first["sid"].(string), "")
	p.open(d.authorize()).sees("Log in to")
	p.send("username", "bad@example.com", "password", "right").sees("user is blocked")
	p.open(d.authorize()).send("username", "ann@example.com", "password", "right").returned()
	now = now.Add(73 * time.Hour) // longer than a session may be idle
	p.open(d.authorize()).sees("Log in to")
}

func TestAuthorizeRefuses(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	for name, c := range map[string]struct {
		fields []string
		status int
		text   string
	}{
		"unknown client":  {[]string{"client_id", "nobody"}, 403, "Unknown client: nobody"},
		"no client":       {[]string{"client_id", ""}, 400, "Missing required parameter: client_id"},
		"other callback":  {[]string{"redirect_uri", "https://evil.example/"}, 403, "Callback URL mismatch"},
		"longer callback": {[]string{"redirect_uri", "https://app.example/callback/more"}, 403, "Callback URL mismatch"},
		"user in address": {[]string{"redirect_uri", "https://app.example@evil.example/callback"}, 403, "Callback URL mismatch"},
		"used request":    {[]string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, 400, "request_uri"},
	} {
		if p := d.person().open(d.authorize(c.fields...)).sees(c.text); p.status != c.status {
			t.Errorf("%s: got %d", name, p.status)
		}
	}
	for name, c := range map[string]struct {
		fields []string
		code   string
	}{
		"no response type":      {[]string{"response_type", ""}, "invalid_request"},
		"unknown response type": {[]string{"response_type", "magic"}, "unsupported_response_type"},
		"no nonce":              {[]string{"response_type", "id_token"}, "invalid_request"},
		"tokens in the query":   {[]string{"response_type", "token", "response_mode", "query"}, "invalid_request"},
		"unknown API":           {[]string{"audience", "https://nowhere"}, "access_denied"},
		"unknown organization":  {[]string{"organization", "org_none"}, "invalid_request"},
		"organization here":     {[]string{"organization", "org_acme"}, "invalid_request"},
		"unknown connection":    {[]string{"connection", "none"}, "invalid_request"},
		"unknown proof":         {[]string{"code_challenge", "x", "code_challenge_method", "S512"}, "invalid_request"},
		"prompts that clash":    {[]string{"prompt", "none login"}, "invalid_request"},
	} {
		if e := d.person().open(d.authorize(c.fields...)).returned(); e.Get("error") != c.code || e.Get("error_description") == "" || e.Get("state") != "s" {
			t.Errorf("%s: got %v", name, e)
		}
	}
	json := d.send("GET", d.authorize("client_id", "nobody"), "")
	if json.status != 403 || json.object(t)["error"] != "invalid_request" {
		t.Errorf("a program gets %d %s", json.status, json.text)
	}
}

func TestCallbackPatterns(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	id := d.tenant.Credentials().ClientID
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"callbacks":["https://*.wild.example/cb","https://app-*.wild.example/cb","https://app.example/callback"]}`)
	for uri, ok := range map[string]bool{
		"https://a.wild.example/cb": true, "https://a.wild.example/cb?x=1": true, "https://a.b.wild.example/cb": false,
		"https://.wild.example/cb": false, "https://wild.example/cb": false, "https://evil.example/?.wild.example/cb": false,
		"https://evil.example/.wild.example/cb": false, "https://evil.example#.wild.example/cb": false, "http://a.wild.example/cb": false,
		"https://app-1.wild.example/cb": true, "https://app.example/callback?a=b": true, "javascript:alert(1)": false,
	} {
		p := d.person().open(d.authorize("redirect_uri", uri))
		if got := p.status == 200; got != ok {
			t.Errorf("%s: %d", uri, p.status)
		}
	}
}

func TestResponseTypes(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	for types, want := range map[string]string{
		"code": "code", "token": "access_token", "id_token": "id_token", "id_token token": "access_token id_token", "code id_token": "code id_token",
		"code token": "access_token code", "code id_token token": "access_token code id_token",
	} {
		p := d.person()
		v := p.open(d.authorize("response_type", types, "nonce", "n", "audience", "https://api.example/", "scope", "openid read:things unknown:things")).
			send("username", "ann@example.com", "password", "right").returned()
		var got []string
		for _, k := range []string{"access_token", "code", "id_token"} {
			if v.Get(k) != "" {
				got = append(got, k)
			}
		}
		if strings.Join(got, " ") != want || (types == "code") == (p.back.Fragment != "") {
			t.Errorf("%s: got %v by %s", types, got, p.back)
		}
		if s := v.Get("access_token"); s != "" {
			if c := claims(t, s); c["scope"] != "openid read:things" || v.Get("expires_in") != "300" || c["exp"].(float64)-c["iat"].(float64) != 300 {
				t.Errorf("%s: access token %v, expires in %s", types, c, v.Get("expires_in"))
			}
		}
		if s := v.Get("id_token"); s != "" {
			c := claims(t, s)
			half := func(text string) string {
				sum := sha256.Sum256([]byte(text))
				return base64.RawURLEncoding.EncodeToString(sum[:16])
			}
			if v.Get("code") != "" && c["c_hash"] != half(v.Get("code")) || v.Get("access_token") != "" && c["at_hash"] != half(v.Get("access_token")) {
				t.Errorf("%s: ID token %v", types, c)
			}
		}
	}
	p := d.person().open(d.authorize("response_mode", "form_post")).send("username", "ann@example.com", "password", "right")
	p.sees(`action="https://app.example/callback"`).sees(`name="code"`).sees(`name="state" value="s"`)
	p.open(d.authorize("response_mode", "web_message", "prompt", "none")).sees("postMessage").sees(`"https://app.example"`)
}

func TestPKCEMethods(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	for method, challenge := range map[string]string{"S256": base64.RawURLEncoding.EncodeToString(sum[:]), "plain": verifier, "": verifier} {
		code := func() *person {
			return d.person().open(d.authorize("code_challenge", challenge, "code_challenge_method", method)).
				send("username", "ann@example.com", "password", "right")
		}
		code().exchange("code_verifier", verifier)
		for _, wrong := range []string{"", strings.Repeat("w", 43)} {
			a := d.form("/oauth/token", d.runner("authorization_code", map[string]string{
				"code": code().returned().Get("code"), "redirect_uri": "https://app.example/callback", "code_verifier": wrong,
			}))
			if a.status != 403 || a.object(t)["error_description"] != "Failed to verify code verifier" {
				t.Errorf("%q with verifier %q: %d %s", method, wrong, a.status, a.text)
			}
		}
	}
}

func TestSignUpAndVerify(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	p := d.person().open(d.authorize("screen_hint", "signup")).sees("Sign up")
	p.send("email", "new@example.com", "password", "short").sees("Password is too weak")
	p.send("email", "ann@example.com", "password", "Secret-123").sees("Invalid sign up")
	p.send("email", "new@example.com", "password", "Secret-123")
	if c := claims(t, p.exchange()["id_token"]); !strings.HasPrefix(c["sub"].(string), "auth0|") {
		t.Fatalf("claims %v", c)
	}
	link := ""
	for _, m := range d.tenant.Mail() {
		if m.Kind == "verify_email" && m.To == "new@example.com" {
			link = m.Link
		}
	}
	d.person().open(link).sees("Your email was verified")
	d.person().open(link).sees("This link is unknown, was used")
	got := d.want(200, "GET", "/api/v2/users-by-email?email=new@example.com", "").list(t)[0].(map[string]any)
	if got["email_verified"] != true {
		t.Fatalf("got %v", got)
	}
	d.want(201, "POST", "/api/v2/jobs/verification-email", `{"user_id":"auth0|ann"}`)
	if mail := d.tenant.Mail(); mail[len(mail)-1].Kind != "verify_email" || mail[len(mail)-1].To != "ann@example.com" {
		t.Errorf("the mailbox has %v", mail)
	}
	if got := strings.Join(d.logs(), " "); got != "fs fs ss s seacft sv" {
		t.Fatalf("the log says %s", got)
	}
}

func TestForgottenPassword(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	p := d.person().open(d.authorize())
	at := *p.at
	at.Path = "/u/reset-password/request"
	p.open(at.String()).send("email", "ann@example.com").sees("a link to reset its password was sent")
	mail := d.tenant.Mail()
	link := mail[len(mail)-1].Link
	q := d.person().open(link).sees("Enter a new password for ann@example.com")
	q.send("password", "Other-123", "again", "Else-123").sees("differ")
	q.send("password", "weak", "again", "weak").sees("too weak")
	q.send("password", "Other-123", "again", "Other-123").sees("changed successfully")
	d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").sees("Wrong email or password.")
	d.person().open(d.authorize()).send("username", "ann@example.com", "password", "Other-123").returned()
	// A ticket of the API leads back to its result_url.
	made := d.want(201, "POST", "/api/v2/tickets/password-change", `{"user_id":"auth0|ann","result_url":"https://app.example/done"}`).object(t)
	if !strings.HasSuffix(made["ticket"].(string), "#") {
		t.Errorf("the ticket is %v", made)
	}
	back := d.person().open(made["ticket"].(string)).send("password", "Third-123", "again", "Third-123").returned()
	if back.Get("success") != "true" || back.Get("email") != "ann@example.com" {
		t.Errorf("back with %v", back)
	}
	if got := d.logs(); !slices.Contains(got, "scpr") || !slices.Contains(got, "scp") {
		t.Errorf("the log says %v", got)
	}
}

func TestOtherProviders(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	p := d.person().open(d.authorize()).sees("google-oauth2")
	p.send("connection", "google-oauth2").sees("Choose who comes back").sees("gus@example.com")
	p.send("user_id", "google-oauth2|1")
	if c := claims(t, p.exchange()["id_token"]); c["sub"] != "google-oauth2|1" {
		t.Fatalf("claims %v", c)
	}
	// Straight there, somebody new, and the same again.
	ids := map[any]bool{}
	for range 2 {
		q := d.person().open(d.authorize("connection", "google-oauth2")).send("email", "Eve@example.com", "action", "default")
		ids[claims(t, q.exchange()["id_token"])["sub"]] = true
	}
	if len(ids) != 1 {
		t.Errorf("one person is %v", ids)
	}
	if e := d.person().open(d.authorize("connection", "google-oauth2")).send("action", "cancel").returned(); e.Get("error") != "access_denied" {
		t.Errorf("cancelled: %v", e)
	}
	q := d.person().open(d.authorize("connection", "email")).send("username", "code@example.com").sees("code that was sent to")
	q.send("code", "000000").sees("Wrong email or verification code.")
	q.send("code", d.tenant.OneTimeCode("email", "code@example.com"))
	if c := claims(t, q.exchange("scope", "openid email")["id_token"]); !strings.HasPrefix(c["sub"].(string), "email|") {
		t.Errorf("claims %v", c)
	}
}

func TestOrganizationsInLogIns(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	id := d.tenant.Credentials().ClientID
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"organization_usage":"allow"}`)
	in := func(fields ...string) *person {
		return d.person().open(d.authorize(fields...)).send("username", "ann@example.com", "password", "right")
	}
	tokens := in("organization", "org_acme").exchange()
	if c := claims(t, tokens["id_token"]); c["org_id"] != "org_acme" || c["org_name"] != nil || claims(t, tokens["access_token"])["org_id"] != "org_acme" {
		t.Fatalf("claims %v", c)
	}
	if e := d.person().open(d.authorize("organization", "acme")).returned(); e.Get("error_description") != "parameter organization is invalid" {
		t.Errorf("a name: %v", e)
	}
	d.want(200, "PATCH", "/api/v2/tenants/settings", `{"allow_organization_name_in_authentication_api":true}`)
	if c := claims(t, in("organization", "acme").exchange()["id_token"]); c["org_id"] != "org_acme" || c["org_name"] != "acme" {
		t.Errorf("claims %v", c)
	}
	// org_other has no connection; a stranger is no member.
	d.person().open(d.authorize("organization", "org_other")).sees("No connection is enabled")
	d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","email":"out@example.com","password":"Secret-123"}`)
	e := d.person().open(d.authorize("organization", "org_acme")).send("username", "out@example.com", "password", "Secret-123").returned()
	if e.Get("error") != "access_denied" || !strings.Contains(e.Get("error_description"), "is not part of the org_acme organization") {
		t.Errorf("a stranger: %v", e)
	}
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"organization_usage":"require"}`)
	if e := d.person().open(d.authorize()).returned(); e.Get("error_description") != "parameter organization is required for this client" {
		t.Errorf("none: %v", e)
	}
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"organization_require_behavior":"pre_login_prompt"}`)
	p := d.person().open(d.authorize()).sees("Enter the name of your organization").send("organization", "acme").sees("Log in to Acme")
	if c := claims(t, p.send("username", "ann@example.com", "password", "right").exchange()["id_token"]); c["org_id"] != "org_acme" {
		t.Errorf("claims %v", c)
	}
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"organization_require_behavior":"post_login_prompt"}`)
	p = d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").sees("Your organizations")
	if c := claims(t, p.send("organization", "org_other").exchange()["id_token"]); c["org_id"] != "org_other" {
		t.Errorf("claims %v", c)
	}
	// An invitation makes a member.
	inv, _ := json.Marshal(map[string]any{"inviter": map[string]string{"name": "a"}, "invitee": map[string]string{"email": "guest@example.com"}, "client_id": id})
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"initiate_login_uri":"https://app.example/begin?a=b"}`)
	made := d.want(200, "POST", "/api/v2/organizations/org_acme/invitations", string(inv)).object(t)
	if mail := d.tenant.Mail(); mail[len(mail)-1].Kind != "invitation" || mail[len(mail)-1].Link != made["invitation_url"] {
		t.Errorf("the mailbox has %v", mail)
	}
	// The application passes on what it was begun with.
	began, err := url.Parse(made["invitation_url"].(string))
	if q := began.Query(); err != nil || began.Host != "app.example" || q.Get("a") != "b" || q.Get("organization_name") != "acme" {
		t.Fatalf("the invitation leads to %s", began)
	}
	again := d.authorize("invitation", began.Query().Get("invitation"), "organization", began.Query().Get("organization"))
	guest := d.person().open(again).sees("Sign up").sees("guest@example.com")
	if v := guest.send("email", "guest@example.com", "password", "Secret-123").returned(); v.Get("code") == "" {
		t.Fatalf("back with %v", v)
	}
	if got := d.want(200, "GET", "/api/v2/organizations/org_acme/members", "").list(t); len(got) != 2 {
		t.Errorf("members %v", got)
	}
	if e := d.person().open(again).returned(); e.Get("error") != "access_denied" {
		t.Errorf("an invitation is taken twice: %v", e)
	}
	// So does the log-in by a connection that assigns membership.
	d.want(200, "PATCH", "/api/v2/organizations/org_acme/enabled_connections/con_db", `{"assign_membership_on_login":true}`)
	if v := d.person().open(d.authorize("organization", "org_acme")).send("username", "out@example.com", "password", "Secret-123").returned(); v.Get("code") == "" {
		t.Errorf("back with %v", v)
	}
	var joined []string
	for _, e := range d.told("organization_member_added") {
		joined = append(joined, fmt.Sprint(e["user_name"], " ", e["organization_id"], " ", e["organization_name"], " ", e["details"]))
	}
	if got := strings.Join(joined, "\n"); got != "guest@example.com org_acme acme map[reason:invitation]\nout@example.com org_acme acme map[reason:auto_membership]" {
		t.Errorf("who joined: %s", got)
	}
}

func TestConsent(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	id := d.tenant.Credentials().ClientID
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"is_first_party":false}`)
	ask := d.authorize("audience", "https://api.example/", "scope", "openid read:things")
	p := d.person().open(ask).send("username", "ann@example.com", "password", "right").sees("requesting access").sees("read:things")
	if e := p.send("action", "deny").returned(); e.Get("error") != "access_denied" {
		t.Fatalf("got %v", e)
	}
	p = d.person().open(ask).send("username", "ann@example.com", "password", "right").send("action", "accept")
	p.exchange()
	p.open(ask).exchange() // once is enough
	none := d.authorize("audience", "https://api.example/", "scope", "openid read:things write:things", "prompt", "none")
	if e := p.open(none).returned(); e.Get("error") != "consent_required" {
		t.Fatalf("got %v", e)
	}
	grants := d.want(200, "GET", "/api/v2/grants?user_id="+url.QueryEscape("auth0|ann"), "").list(t)
	if len(grants) != 1 || grants[0].(map[string]any)["clientID"] != id || grants[0].(map[string]any)["audience"] != "https://api.example/" {
		t.Fatalf("grants %v", grants)
	}
	d.want(204, "DELETE", "/api/v2/grants/"+grants[0].(map[string]any)["id"].(string), "")
	p.open(ask).sees("requesting access")
}

func TestLogOut(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	id := d.tenant.Credentials().ClientID
	d.want(200, "PATCH", "/api/v2/clients/"+id, `{"allowed_logout_urls":["https://app.example/out"]}`)
	p := d.person()
	in := func() map[string]any {
		return p.open(d.authorize("prompt", "login")).send("username", "ann@example.com", "password", "right").exchange()
	}
	in()
	p.open("/v2/logout?client_id=" + id + "&returnTo=https://evil.example/").sees("is not defined as a valid URL")
	p.open(d.authorize()).returned() // still logged in
	if p.open("/v2/logout?client_id=" + id + "&returnTo=" + url.QueryEscape("https://app.example/out?x=1")); p.back.String() != "https://app.example/out?x=1" {
		t.Fatalf("back to %s", p.back)
	}
	p.open(d.authorize()).sees("Log in to")
	tokens := in()
	p.open("/oidc/logout?id_token_hint=nonsense&post_logout_redirect_uri=https://app.example/out").sees("id_token_hint is no ID token")
	p.open("/oidc/logout?state=z&id_token_hint=" + tokens["id_token"].(string) + "&post_logout_redirect_uri=https://app.example/out")
	if p.returned().Get("state") != "z" {
		t.Fatalf("back to %s", p.back)
	}
	p.open(d.authorize()).sees("Log in to")
	p.open("/oidc/logout").sees("You are logged out")
	if got := d.logs(); !slices.Contains(got, "slo") {
		t.Errorf("the log says %v", got)
	}
}

// TestCustomDomain: a verified one serves pages and tokens under its own name.
func TestCustomDomain(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	made := d.want(201, "POST", "/api/v2/custom-domains", `{"domain":"login.acme.example","type":"auth0_managed_certs"}`).object(t)
	issuer := func() any {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://login.acme.example/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		return d.do(r).object(t)["issuer"]
	}
	if got := issuer(); got != "https://tenant.local/" {
		t.Fatalf("before it is verified: %v", got)
	}
	if got := d.want(200, "POST", "/api/v2/custom-domains/"+made["custom_domain_id"].(string)+"/verify", "").object(t); got["status"] != "ready" {
		t.Fatalf("got %v", got)
	}
	if got := issuer(); got != "https://login.acme.example/" {
		t.Fatalf("verified: %v", got)
	}
	c := d.tenant.Credentials()
	body := url.Values{
		"grant_type": {realmGrant}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "username": {"ann@example.com"}, "password": {"right"},
		"realm": {"Username-Password-Authentication"}, "scope": {"openid email"},
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", "https://login.acme.example/oauth/token", strings.NewReader(body.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	tokens := d.do(r).object(t)
	if got := claims(t, tokens["id_token"])["iss"]; got != "https://login.acme.example/" {
		t.Fatalf("iss is %v", got)
	}
	for _, host := range []string{"tenant.local", "login.acme.example"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+host+"/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
		if a := d.do(r); a.status != 200 || a.object(t)["email"] != "ann@example.com" {
			t.Errorf("%s: %d %s", host, a.status, a.text)
		}
	}
}
