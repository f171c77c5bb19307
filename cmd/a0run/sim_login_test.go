package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"a0run/client"
	"a0run/client/sim"
	"a0run/engine/serve/servetest/browse"
)

// An application is one that logs people in at a local tenant: it sends the
// browser there, takes the code that comes back and shows who it was.
type application struct {
	t      *testing.T
	tenant *sim.Tenant
	api    *client.Client
	base   string
	extra  url.Values // of /authorize
}

const appVerifier = "a-verifier-of-forty-three-characters-at-least-0"

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/login":
		sum := sha256.Sum256([]byte(appVerifier))
		q := url.Values{
			"client_id": {a.tenant.Credentials().ClientID}, "response_type": {"code"}, "redirect_uri": {a.base + "/callback"},
			"scope": {"openid profile email"}, "state": {"state-1"}, "nonce": {"nonce-1"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		}
		for k, v := range a.extra {
			q[k] = v
		}
		http.Redirect(w, r, a.tenant.BaseURL()+"/authorize?"+q.Encode(), http.StatusFound)
	case "/callback":
		_, _ = w.Write([]byte("<!doctype html><html lang=en><title>Application</title><link rel=icon href='data:,'><main><h1>Application</h1><p>" + a.finish(r) + "</p></main>"))
	default:
		_, _ = w.Write([]byte("<!doctype html><html lang=en><title>Application</title><link rel=icon href='data:,'><main><h1>Logged out</h1></main>"))
	}
}

// finish exchanges the code and verifies the ID token as a playbook does.
func (a *application) finish(r *http.Request) string {
	if r.FormValue("error") != "" || r.FormValue("state") != "state-1" {
		return "refused: " + r.FormValue("error")
	}
	tokens, err := a.api.GetToken(r.Context(), "authorization_code", client.Args{
		"code_verifier": appVerifier, "code": r.FormValue("code"), "redirect_uri": a.base + "/callback",
	})
	if err != nil {
		return "no tokens: " + err.Error()
	}
	nonce := "nonce-1"
	claims, err := a.api.VerifyIDToken(r.Context(), tokens.IDToken.Reveal(), client.VerifyOptions{Nonce: &nonce})
	if err != nil {
		return "no good ID token: " + err.Error()
	}
	var who struct {
		Sub, Email string
	}
	if err := claims.Decode(&who); err != nil {
		return err.Error()
	}
	return "hello " + who.Sub + ", " + who.Email + ", by " + r.Method
}

// TestLogInInABrowser is a log-in through the page of a local tenant in a real
// browser: code flow with PKCE, the ID token verified by a0run; the session that
// spares the second log-in; a second factor; form_post; the log-out.
func TestLogInInABrowser(t *testing.T) {
	t.Parallel()
	b := browse.Open(t)
	tenant := serveTenant(t, sim.Options{SeedName: "seed.yaml", Seed: []byte(`
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
  - {id: con_g, name: google-oauth2, strategy: google-oauth2}
users:
  - {user_id: auth0|ada, email: ada@example.com, email_verified: true, password: "Passw0rd!", connection: Username-Password-Authentication}
  - {user_id: auth0|mia, email: mia@example.com, password: "Passw0rd!", connection: Username-Password-Authentication, multifactor: [guardian]}
`)})
	cred := tenant.Credentials()
	api, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret))
	if err != nil {
		t.Fatal(err)
	}
	app := &application{t: t, tenant: tenant, api: api, extra: url.Values{}}
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	app.base = server.URL
	if _, err := api.Do(context.Background(), "clients.update", client.Args{"id": cred.ClientID, "body": map[string]any{
		"callbacks": []any{server.URL + "/callback"}, "allowed_logout_urls": []any{server.URL + "/out"},
	}}); err != nil {
		t.Fatal(err)
	}
	b.Go(server.URL + "/login")
	b.AwaitText("Email address, user name")
	b.Check("the log-in page")
	b.Fill("#username", "ada@example.com")
	b.Fill("#password", "wrong")
	b.Press("Continue")
	b.AwaitText("Wrong email or password.")
	b.Complaints() // the console tells of the 400
	b.Fill("#password", "Passw0rd!")
	b.Press("Continue")
	b.AwaitText("hello auth0|ada, ada@example.com, by GET")
	b.Go(server.URL + "/login") // the session is enough
	b.AwaitText("hello auth0|ada, ada@example.com, by GET")
	app.extra = url.Values{"response_mode": {"form_post"}}
	b.Go(server.URL + "/login")
	b.AwaitText("hello auth0|ada, ada@example.com, by POST")
	b.Go(cred.BaseURL + "/v2/logout?client_id=" + cred.ClientID + "&returnTo=" + url.QueryEscape(server.URL+"/out"))
	b.AwaitText("Logged out")
	app.extra = url.Values{}
	b.Go(server.URL + "/login")
	b.Fill("#username", "mia@example.com")
	b.Fill("#password", "Passw0rd!")
	b.Press("Continue")
	b.AwaitText("Verify Your Identity")
	b.Check("the page of the second factor")
	b.Fill("#code", tenant.OneTimeCode("mfa", "auth0|mia"))
	b.Press("Continue")
	b.AwaitText("hello auth0|mia, mia@example.com, by GET")
	app.extra = url.Values{"prompt": {"login"}}
	b.Go(server.URL + "/login")
	b.Press("google-oauth2")
	b.AwaitText("stands for the identity provider")
	b.Check("the page of another identity provider")
	b.Fill("#email", "guest@example.com")
	b.Press("Come back as this person")
	b.AwaitText("hello google-oauth2|")
	for _, complaint := range b.Complaints() {
		t.Error(complaint)
	}
}
