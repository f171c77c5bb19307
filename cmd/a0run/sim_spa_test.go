package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/engine/serve/servetest/browse"
)

// singlePage logs in as the SDKs for single-page applications do: the script
// exchanges the code, refreshes the tokens and reads the profile by itself.
const singlePage = `<!doctype html><html lang=en><title>Single page</title><link rel=icon href='data:,'><main><h1>Single page</h1><p id=out>waiting</p></main>
<script type=module>
const tenant = "TENANT", out = document.getElementById("out"), redirect_uri = location.origin + "/", client_id = "spa";
const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const ask = async (fields) => {
  const answer = await fetch(tenant + "/oauth/token", { method: "POST", headers: { "Auth0-Client": "e30", "Content-Type": "application/json" }, body: JSON.stringify({ client_id, ...fields }) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
};
const code = new URLSearchParams(location.search).get("code");
if (!code) {
  sessionStorage.verifier = base64(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = base64(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sessionStorage.verifier)));
  location = tenant + "/authorize?" + new URLSearchParams({ client_id, redirect_uri, response_type: "code", scope: "openid email offline_access", code_challenge: challenge, code_challenge_method: "S256" });
} else {
  try {
    const first = await ask({ grant_type: "authorization_code", code, redirect_uri, code_verifier: sessionStorage.verifier });
    const next = await ask({ grant_type: "refresh_token", refresh_token: first.refresh_token });
    const me = await fetch(tenant + "/userinfo", { headers: { Authorization: "Bearer " + next.access_token } });
    out.textContent = "hello " + (await me.json()).email;
  } catch (err) { out.textContent = "refused: " + err; }
}
</script></html>`

// TestSinglePageApplication: a script of another origin logs in against a local
// tenant in a real browser.
func TestSinglePageApplication(t *testing.T) {
	t.Parallel()
	b := browse.Open(t)
	base := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(strings.Replace(singlePage, "TENANT", base, 1)))
	}))
	t.Cleanup(server.Close)
	tenant := serveTenant(t, sim.Options{SeedName: "seed.yaml", Seed: []byte(`
connections: [{id: con_db, name: Username-Password-Authentication, strategy: auth0}]
clients: [{client_id: spa, name: Spa, app_type: spa, token_endpoint_auth_method: none, grant_types: [authorization_code, refresh_token], callbacks: ["` + server.URL + `/"], refresh_token: {rotation_type: rotating, expiration_type: expiring, token_lifetime: 3600, idle_token_lifetime: 600}}]
users: [{user_id: auth0|ada, email: ada@example.com, password: "Passw0rd!", connection: Username-Password-Authentication}]
`)})
	base = tenant.BaseURL()
	b.Go(server.URL + "/")
	b.AwaitText("Email address, user name")
	b.Fill("#username", "ada@example.com")
	b.Fill("#password", "Passw0rd!")
	b.Press("Continue")
	b.AwaitText("Single page")
	b.AwaitText("hello ada@example.com")
	for _, complaint := range b.Complaints() {
		t.Error(complaint)
	}
}
