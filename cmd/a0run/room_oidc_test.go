package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"a0run/client"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/project"
)

const loginCallback = "https://room.example.com/login/oidc"

// loginDesk is a local tenant with people, and a log-in at it.
func loginDesk(t *testing.T, claim string, roles map[string][]string) *auth0Login {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	tenant, err := sim.New(sim.Options{BaseURL: base, Domain: server.Listener.Addr().String(), SeedName: "seed.yaml", Seed: []byte(`
users:
  - {user_id: auth0|ada, email: ada@example.com, email_verified: true, password: "Passw0rd!"}
  - {user_id: auth0|bob, email: bob@example.com, email_verified: false, password: "Passw0rd!"}
  - {user_id: auth0|eve, email: eve@example.com, email_verified: true, password: "Passw0rd!"}
`)})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = tenant
	server.Start()
	t.Cleanup(server.Close)
	cred := tenant.Credentials()
	api, err := client.New(base, client.WithClientSecret(cred.ClientID, cred.ClientSecret))
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"callbacks": []any{loginCallback}}
	if _, err := api.Do(context.Background(), "clients.update", client.Args{"id": cred.ClientID, "body": body}); err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Now, getenv: func(string) (string, bool) { return "", false }}
	l, err := newAuth0Login(w, &project.RoomOIDC{Claim: claim, Roles: roles}, &project.ResolvedRoom{
		Domain: base, ClientID: cred.ClientID, ClientSecret: engine.Secret(cred.ClientSecret),
	}, engine.NewRedactor())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// visit logs somebody in at the tenant and gives what the browser comes back
// with, and what was remembered.
func visit(t *testing.T, l *auth0Login, who string) (query string, pending json.RawMessage) {
	t.Helper()
	address, pending, err := l.Begin(context.Background(), loginCallback)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 40 {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if q.Get("code_challenge_method") != "S256" || strings.Contains(address, "verifier") {
		t.Errorf("the address is %s", address)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), loginCallback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	res, err = browser.PostForm(res.Request.URL.String(), url.Values{"username": {who}, "password": {"Passw0rd!"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("the tenant answers %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	return back.RawQuery, pending
}

func TestRoomLogInAtAuth0(t *testing.T) {
	t.Parallel()
	l := loginDesk(t, "", map[string][]string{"admin": {"ada@example.com"}, "viewer": {"bob@example.com", "ada@example.com"}})
	finish := func(query string, pending json.RawMessage) (string, string, error) {
		return l.Finish(context.Background(), loginCallback, query, pending)
	}
	query, pending := visit(t, l, "ada@example.com")
	name, role, err := finish(query, pending)
	if name != "ada@example.com" || role != "admin" || err != nil {
		t.Fatalf("ada is %q, %q, %v", name, role, err)
	}
	for what, c := range map[string]struct{ who, wrong string }{
		"an address that nobody verified": {"bob@example.com", "not verified"},
		"nobody's role":                   {"eve@example.com", "no role"},
	} {
		query, pending := visit(t, l, c.who)
		if _, role, err := finish(query, pending); role != "" || err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %q %v", what, role, err)
		}
	}
	// The same code again, another's state, another's verifier and nonce, a
	// forged code, an error.
	if _, _, err := finish(query, pending); err == nil {
		t.Error("a code was good twice")
	}
	one, pendingOne := visit(t, l, "ada@example.com")
	two, pendingTwo := visit(t, l, "ada@example.com")
	if _, _, err := finish(one, pendingTwo); err == nil || !strings.Contains(err.Error(), "another log-in") {
		t.Errorf("another's state: %v", err)
	}
	q, _ := url.ParseQuery(two)
	q.Set("code", mustQuery(t, one).Get("code"))
	if _, _, err := finish(q.Encode(), pendingTwo); err == nil {
		t.Error("another's code was taken: the proof key is not looked at")
	}
	q.Set("code", "forged")
	if _, _, err := finish(q.Encode(), pendingTwo); err == nil {
		t.Error("a forged code was taken")
	}
	var p pendingLogin
	if err := json.Unmarshal(pendingOne, &p); err != nil {
		t.Fatal(err)
	}
	p.Nonce = "another"
	wrong, _ := json.Marshal(p)
	if _, _, err := finish(one, wrong); err == nil {
		t.Error("an ID token with another nonce was taken")
	}
	if _, _, err := finish("error=access_denied&error_description=no&state="+p.State, pendingOne); err == nil || !strings.Contains(err.Error(), "access_denied") {
		t.Errorf("an error: %v", err)
	}
	if _, _, err := finish("code=x", json.RawMessage(`{}`)); err == nil {
		t.Error("an empty state was taken for an empty one")
	}
}

func mustQuery(t *testing.T, text string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestRolesByClaim(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ claims, name, role string }{
		{`{"sub":"auth0|1","groups":["x","ops"]}`, "auth0|1", "operator"},
		{`{"sub":"auth0|1","groups":["ops","boss"]}`, "auth0|1", "admin"},
		{`{"sub":"auth0|1","groups":"boss","email":"a@b.example","email_verified":true}`, "a@b.example", "admin"},
		{`{"sub":"auth0|1","groups":"boss","email":"a@b.example","email_verified":false}`, "auth0|1", "admin"},
		{`{"sub":"auth0|1","groups":["nobody"]}`, "auth0|1", "viewer"},
		{`{"sub":"auth0|1","groups":{"boss":true}}`, "auth0|1", "viewer"},
	} {
		l := &auth0Login{claim: "groups", roles: map[string][]string{"admin": {"boss"}, "operator": {"ops"}, "viewer": {"*"}}}
		name, role, err := l.person(&client.Claims{JSON: json.RawMessage(c.claims)})
		if name != c.name || role != c.role || err != nil {
			t.Errorf("%s: %q %q %v", c.claims, name, role, err)
		}
	}
}
