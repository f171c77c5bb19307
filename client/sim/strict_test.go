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

// TestLogInStaysInItsBrowser: the address of a page is worth nothing elsewhere.
func TestLogInStaysInItsBrowser(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	ann := d.person().open(d.authorize()).sees("Log in to")
	other := d.person().open(ann.at.String()).sees("another browser")
	if other.status != 400 {
		t.Errorf("another browser sees the page: %d", other.status)
	}
	ann.send("username", "ann@example.com", "password", "right").exchange()
	// Two log-ins in one browser do not disturb each other.
	first := ann.open(d.authorize("prompt", "login")).at.String()
	ann.open(d.authorize("prompt", "login"))
	ann.open(first).send("username", "ann@example.com", "password", "right").exchange()
}

// TestCodesHaveAPurpose: what was sent for one thing opens no other.
func TestCodesHaveAPurpose(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	const address = "code@example.com"
	start := func(send string) (code, link string) {
		fields := d.runner("", map[string]string{"connection": "email", "email": address, "send": send})
		delete(fields, "grant_type")
		if a := d.form("/passwordless/start", fields); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.text)
		}
		mail := d.tenant.Mail()
		return mail[len(mail)-1].Code, mail[len(mail)-1].Link
	}
	redeem := func(code string) int {
		return d.form("/oauth/token", d.runner("http://auth0.com/oauth/grant-type/passwordless/otp", map[string]string{"realm": "email", "username": address, "otp": code})).status
	}
	page := d.person().open(d.authorize("connection", "email")).send("username", address)
	onPage := d.tenant.OneTimeCode("email", address)
	if got := redeem(onPage); got != 403 {
		t.Errorf("a page's code at the API: %d", got)
	}
	d.person().open(d.authorize("connection", "email", "state", "else")) // disturbs nothing
	page.send("code", onPage).exchange()
	code, _ := start("code")
	followed := d.person().open("/passwordless/verify_redirect?" + url.Values{
		"client_id": {d.tenant.Credentials().ClientID}, "connection": {"email"}, "email": {address}, "redirect_uri": {"https://app.example/callback"}, "verification_code": {code},
	}.Encode()).returned()
	if followed.Get("error") == "" {
		t.Errorf("a code in a link: %v", followed)
	}
	if got := redeem(code); got != 200 {
		t.Errorf("a code at the API: %d", got)
	}
	code, _ = start("link")
	if got := redeem(code); got != 403 {
		t.Errorf("a link's code at the API: %d", got)
	}
	if _, link := start("link"); d.person().open(link).returned().Get("code") == "" {
		t.Error("a link logs nobody in")
	}
}

// TestPasswordlessStart holds the requests against the table of Auth0's page
// "Errors" for /passwordless/start.
func TestPasswordlessStart(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
connections:
  - {name: db, strategy: auth0}
  - {name: email, strategy: email}
  - {name: closed, strategy: email, options: {disable_signup: true}}
  - {name: theirs, strategy: email, enabled_clients: [other]}
  - {name: sms, strategy: sms}
clients: [{client_id: other, name: Other}]
`)})
	for _, c := range []struct{ fields, code, text string }{
		{"email=a@b.c", "bad.connection", "Missing required property: connection"},
		{"connection=none&email=a@b.c", "bad.connection", "Connection does not exist"},
		{"connection=db&email=a@b.c", "bad.connection", "Invalid connection strategy. It must either be a passwordless connection"},
		{"connection=theirs&email=a@b.c", "bad.connection", "Connection is disabled"},
		{"connection=closed&email=a@b.c", "bad.connection", "Public signup is disabled"},
		{"connection=sms", "bad.phone_number", "Missing required property: phone_number"},
		{"connection=sms&phone_number=0123", "bad.phone_number", `String does not match pattern: ^\+[0-9]{1,15}$`},
	} {
		q, _ := url.ParseQuery(c.fields)
		fields := d.runner("", map[string]string{})
		delete(fields, "grant_type")
		for k := range q {
			fields[k] = q.Get(k)
		}
		if a := d.form("/passwordless/start", fields); a.status != 400 || a.object(t)["error"] != c.code || a.object(t)["error_description"] != c.text {
			t.Errorf("%s: %d %s", c.fields, a.status, a.text)
		}
	}
	for _, realm := range []string{"db", "none", ""} {
		a := d.form("/oauth/token", d.runner("http://auth0.com/oauth/grant-type/passwordless/otp", map[string]string{"realm": realm, "username": "a@b.c", "otp": "1"}))
		if a.status != 400 || a.object(t)["error"] != "invalid_request" {
			t.Errorf("realm %q: %d %s", realm, a.status, a.text)
		}
	}
}

// TestSecondStepByPush: a challenge's oob_code belongs to one log-in, a push has
// no code and waits for its person, and a sent code is not that of an app.
func TestSecondStepByPush(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }, Seed: []byte(`users: [{user_id: auth0|mfa, email: m@b.c, password: right, multifactor: [guardian]}]`)})
	refused := func() string {
		return d.form("/oauth/token", d.runner("password", map[string]string{"username": "m@b.c", "password": "right", "scope": "openid"})).object(t)["mfa_token"].(string)
	}
	token := refused()
	step := func(how string, fields map[string]string) (int, any) {
		fields["mfa_token"] = token
		a := d.form("/oauth/token", d.runner("http://auth0.com/oauth/grant-type/mfa-"+how, fields))
		return a.status, a.object(t)["error_description"]
	}
	challenge := func(fields map[string]string) map[string]any {
		fields = d.runner("", fields)
		fields["mfa_token"], fields["challenge_type"] = token, "oob"
		a := d.form("/mfa/challenge", fields)
		if a.status != 200 {
			t.Fatalf("%d %s", a.status, a.text)
		}
		return a.object(t)
	}
	// A code that is sent goes with the oob_code of this log-in's challenge.
	sent := d.tenant.OneTimeCode("mfa", "auth0|mfa")
	oob := challenge(map[string]string{"oob_channel": "sms"})
	if oob["binding_method"] != "prompt" {
		t.Errorf("a challenge by SMS: %v", oob)
	}
	if status, text := step("oob", map[string]string{"oob_code": "none", "binding_code": sent}); status != 403 || text != "Invalid oob_code." {
		t.Errorf("another oob_code: %d %v", status, text)
	}
	if status, text := step("recovery-code", map[string]string{"recovery_code": sent}); status != 403 || text != "Invalid recovery_code." {
		t.Errorf("a sent code as recovery code: %d %v", status, text)
	}
	token = refused()
	sent = d.tenant.OneTimeCode("mfa", "auth0|mfa")
	if status, text := step("oob", map[string]string{"oob_code": oob["oob_code"].(string), "binding_code": sent}); status != 403 || text != "Invalid oob_code." {
		t.Errorf("another log-in's oob_code: %d %v", status, text)
	}
	oob = challenge(map[string]string{"oob_channel": "sms"})
	if status, text := step("oob", map[string]string{"oob_code": oob["oob_code"].(string), "binding_code": sent}); status != 200 {
		t.Errorf("the right one: %d %v", status, text)
	}
	// A push is answered elsewhere.
	token = refused()
	push := challenge(map[string]string{"oob_channel": "auth0"})
	id := push["oob_code"].(string)
	if _, has := push["binding_method"]; has {
		t.Errorf("a push: %v", push)
	}
	if status, text := step("oob", map[string]string{"oob_code": id, "binding_code": d.tenant.OneTimeCode("mfa", "auth0|mfa")}); status != 400 || !strings.Contains(text.(string), "pending") {
		t.Errorf("before the answer: %d %v", status, text)
	}
	now = now.Add(6 * time.Second)
	if d.tenant.Approve(id, "auth0|else") {
		t.Error("somebody else approves it")
	}
	mail := d.tenant.Mail()
	d.person().open(mail[len(mail)-1].Link).sees("auth0|mfa logs in to").send("action", "approve").sees("Approved")
	if status, text := step("oob", map[string]string{"oob_code": id}); status != 200 {
		t.Errorf("approved: %d %v", status, text)
	}
	token = refused()
	id = challenge(map[string]string{"oob_channel": "auth0"})["oob_code"].(string)
	if !d.tenant.Approve(id, "") || d.tenant.Approve(id, "auth0|mfa") {
		t.Error("what was rejected is approved afterwards")
	}
	if status, text := step("oob", map[string]string{"oob_code": id}); status != 403 || text != "MFA Authorization rejected." {
		t.Errorf("rejected: %d %v", status, text)
	}
}

// TestBackChannelRequest: what must be there, and who may ask.
func TestBackChannelRequest(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
clients: [{client_id: web, name: Web, client_secret: s}]
users: [{user_id: auth0|1, email: a@b.c}]
`)})
	hint := `{"format":"iss_sub","iss":"` + d.tenant.Issuer() + `","sub":"auth0|1"}`
	for name, c := range map[string]struct {
		change map[string]string
		status int
		code   string
	}{
		"a good one":        {nil, 200, ""},
		"no message":        {map[string]string{"binding_message": ""}, 400, "invalid_request"},
		"a long message":    {map[string]string{"binding_message": strings.Repeat("m", 65)}, 400, "invalid_request"},
		"no format":         {map[string]string{"login_hint": `{"sub":"auth0|1"}`}, 400, "unknown_user_id"},
		"without the grant": {map[string]string{"client_id": "web", "client_secret": "s"}, 403, "unauthorized_client"},
	} {
		fields := d.runner("", map[string]string{"scope": "openid", "binding_message": "hello", "login_hint": hint})
		delete(fields, "grant_type")
		for k, v := range c.change {
			fields[k] = v
		}
		if a := d.form("/bc-authorize", fields); a.status != c.status || c.code != "" && a.object(t)["error"] != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

// TestPushedRequest: what /authorize would refuse is refused when it is pushed.
func TestPushedRequest(t *testing.T) {
	d := newDesk(t, sim.Options{})
	for name, c := range map[string]struct {
		change map[string]string
		status int
	}{
		"a good one":         {nil, 201},
		"another callback":   {map[string]string{"redirect_uri": "https://evil.example/"}, 400},
		"no response type":   {map[string]string{"response_type": ""}, 400},
		"a pushed address":   {map[string]string{"request_uri": "urn:x"}, 400},
		"an unknown API":     {map[string]string{"audience": "https://nowhere"}, 400},
		"an unknown channel": {map[string]string{"connection": "none"}, 400},
	} {
		fields := d.runner("", map[string]string{"response_type": "code", "redirect_uri": "https://app.example/callback", "scope": "openid"})
		delete(fields, "grant_type")
		for k, v := range c.change {
			fields[k] = v
		}
		if a := d.form("/oauth/par", fields); a.status != c.status || c.status == 400 && a.object(t)["error"] == nil {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

// TestSignupTellsOfUsers only where the tenant's flag says so.
func TestSignupTellsOfUsers(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(peopleSeed)})
	ask := func() any {
		return d.form("/dbconnections/signup", map[string]string{
			"client_id": d.tenant.Credentials().ClientID, "connection": "Username-Password-Authentication", "email": "ann@example.com", "password": "Secret-123",
		}).object(t)["code"]
	}
	if code := ask(); code != "invalid_signup" {
		t.Errorf("got %v", code)
	}
	d.want(200, "PATCH", "/api/v2/tenants/settings", `{"flags":{"enable_public_signup_user_exists_error":true}}`)
	if code := ask(); code != "user_exists" {
		t.Errorf("got %v", code)
	}
}

// TestInvitationNeedsARoute holds the refusals against the table of Auth0's page
// "Invite Members".
func TestInvitationNeedsARoute(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
organizations: [{id: org_1, name: acme}]
connections: [{id: con_0123456789012345, name: email, strategy: email}]
clients: [{client_id: web, name: Web}, {client_id: open, name: Open, organization_usage: allow}]
`)})
	ask := func(status int, fields string) any {
		return d.want(status, "POST", "/api/v2/organizations/org_1/invitations", `{"inviter":{"name":"x"},"invitee":{"email":"a@b.c"},`+fields+`}`).object(t)["message"]
	}
	for fields, text := range map[string]string{
		`"client_id":"none"`: "The specified client_id does not exist.",
		`"client_id":"web"`:  "The specified client_id (web) does not allow organizations.",
		`"client_id":"open","connection_id":"con_0123456789012345"`: "Passwordless connections are not supported.",
		`"client_id":"open","roles":["rol_0123456789012345"]`:       "One or more of the specified roles do not exist: rol_0123456789012345",
	} {
		if got := ask(400, fields); got != text {
			t.Errorf("%s: %v", fields, got)
		}
	}
	if got := ask(400, `"client_id":"open"`).(string); !strings.HasPrefix(got, "A default login route is required") {
		t.Errorf("without a route: %s", got)
	}
	d.want(200, "PATCH", "/api/v2/tenants/settings", `{"default_redirection_uri":"https://app.example/begin"}`)
	ask(200, `"client_id":"open","ttl_sec":60`)
}

// TestAnAPIGoesWithItsGrants, by its identifier too; the tenant's own stays.
func TestAnAPIGoesWithItsGrants(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
resource_servers: [{id: api1, identifier: "https://api", name: API, scopes: [{value: "read:x"}]}, {id: api2, identifier: "https://other", name: Other, scopes: [{value: "read:x"}]}]
clients: [{client_id: web, name: Web}]
client_grants: [{id: cgr_1, client_id: web, audience: "https://api", scope: ["read:x"]}]
roles: [{id: rol_1, name: r, permissions: [{resource_server_identifier: "https://api", permission_name: "read:x"}, {resource_server_identifier: "https://other", permission_name: "read:x"}]}]
`)})
	at := "/api/v2/resource-servers/"
	d.want(204, "DELETE", at+url.PathEscape("https://api"), "")
	d.want(404, "GET", at+"api1", "")
	if got := d.want(200, "GET", "/api/v2/client-grants?audience=https%3A%2F%2Fapi", "").list(t); len(got) != 0 {
		t.Errorf("grants: %v", got)
	}
	if got := d.want(200, "GET", "/api/v2/roles/rol_1/permissions", "").list(t); len(got) != 1 {
		t.Errorf("permissions: %v", got)
	}
	d.want(400, "DELETE", at+url.PathEscape(d.tenant.Issuer()+"api/v2/"), "")
	d.want(204, "DELETE", at+"none", "")
}

// TestOnesOwnToken: what a person's token for the Management API can do is about
// themselves.
func TestOnesOwnToken(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	tok := d.person().open(d.authorize("audience", d.tenant.Issuer()+"api/v2/", "scope", "openid read:users update:users read:current_user update:current_user_metadata")).
		send("username", "ann@example.com", "password", "right").exchange()
	if tok["scope"] != "openid read:current_user update:current_user_metadata" {
		t.Errorf("the scope is %v", tok["scope"])
	}
	d.token = tok["access_token"].(string)
	d.want(200, "GET", users+"/auth0%7Cann", "")
	d.want(200, "PATCH", users+"/auth0%7Cann", `{"user_metadata":{"a":"b"}}`)
	for _, c := range []struct{ verb, path, body, code string }{
		{"GET", users, "", "insufficient_scope"},
		{"GET", users + "/auth0%7Cbad", "", "unowned_resource"},
		{"PATCH", users + "/auth0%7Cbad", `{"user_metadata":{"a":"b"}}`, "unowned_resource"},
		{"PATCH", users + "/auth0%7Cann", `{"blocked":false}`, "insufficient_scope"},
		{"DELETE", users + "/auth0%7Cann", "", "insufficient_scope"},
	} {
		if a := d.want(403, c.verb, c.path, c.body).object(t); a["errorCode"] != c.code {
			t.Errorf("%s %s %s: %v", c.verb, c.path, c.body, a)
		}
	}
}
