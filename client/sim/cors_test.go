package sim_test

import (
	"net/http"
	"testing"

	"a0run/client/sim"
)

// TestOtherOrigins: a browser lets the scripts of applications call, and no
// others; pages on which people log in are read by nobody.
func TestOtherOrigins(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
clients:
  - {client_id: spa, name: Spa, web_origins: ["https://spa.example"], allowed_origins: ["https://*.wild.example"], callbacks: ["http://localhost:3000/callback"]}
`)})
	ask := func(method, path, origin string) http.Header {
		r, _ := http.NewRequestWithContext(t.Context(), method, d.tenant.BaseURL()+path, nil)
		r.Header.Set("Origin", origin)
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "auth0-client,content-type")
		}
		return d.do(r).header
	}
	for origin, ok := range map[string]bool{
		"https://spa.example": true, "https://a.wild.example": true, "http://localhost:3000": true,
		"https://evil.example": false, "https://spa.example.evil.example": false, "https://wild.example": false, "null": false, "http://localhost:3001": false,
	} {
		want := ""
		if ok {
			want = origin
		}
		before := ask("OPTIONS", "/oauth/token", origin)
		if before.Get("Access-Control-Allow-Origin") != want || ok != (before.Get("Access-Control-Allow-Headers") == "auth0-client,content-type") {
			t.Errorf("%s, asked before: %v", origin, before)
		}
		for _, path := range []string{"/oauth/token", "/userinfo", "/api/v2/users", "/api/v2/nothing"} {
			if h := ask("POST", path, origin); h.Get("Access-Control-Allow-Origin") != want || h.Get("Vary") != "Origin" {
				t.Errorf("%s, %s: %v", origin, path, h)
			}
		}
		for _, path := range []string{"/authorize?client_id=spa&response_type=code", "/u/login?state=x", "/activate"} {
			if h := ask("GET", path, origin); h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s may read %s: %v", origin, path, h)
			}
		}
		if h := ask("GET", "/.well-known/jwks.json", origin); h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("keys for %s: %v", origin, h)
		}
	}
}
