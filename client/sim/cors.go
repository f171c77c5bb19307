package sim

import (
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// Scripts of single-page applications call from another origin, which a browser
// allows where the answer names it (the Fetch standard, CORS protocol). Origins
// are those of the applications: their web_origins, their allowed_origins, and
// by default those of their callbacks (Auth0's page "Application Settings").
// Which application calls is not known when a browser asks beforehand, so any
// one's origin will do.

// scriptable are the paths that scripts call; pages that a person logs in on are
// none of them.
func scriptable(path string) bool {
	return slices.ContainsFunc([]string{managementRoot + "/", "/oauth/", "/userinfo", "/tokeninfo", "/dbconnections/", "/passwordless/", "/mfa/"}, func(p string) bool {
		return strings.HasPrefix(path, p)
	})
}

// exposed are the headers of an answer that a script may read.
const exposed = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Auth0-RequestId, Auth0-Client-Quota-Limit, Auth0-Organization-Quota-Limit"

// crossOrigin says in an answer which scripts may read it.
func (t *Tenant) crossOrigin(r *http.Request, h http.Header) bool {
	origin := r.Header.Get("Origin")
	switch {
	case origin == "":
		return false
	case strings.HasPrefix(r.URL.Path, "/.well-known/"):
		h.Set("Access-Control-Allow-Origin", "*")
		return true
	case !scriptable(r.URL.Path):
		return false
	}
	h.Add("Vary", "Origin")
	if !t.allowsOrigin(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", exposed)
	return true
}

// preflight answers a browser that asks whether a script may call; nil for all
// other requests.
func (t *Tenant) preflight(r *http.Request) *exchange {
	method := r.Header.Get("Access-Control-Request-Method")
	if r.Method != http.MethodOptions || method == "" {
		return nil
	}
	x := &exchange{status: http.StatusNoContent, header: http.Header{}}
	if t.crossOrigin(r, x.header) {
		x.header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
		x.header.Set("Access-Control-Max-Age", "300")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			x.header.Set("Access-Control-Allow-Headers", asked)
		}
	}
	return x
}

// allowsOrigin reports whether an origin is one of an application.
func (t *Tenant) allowsOrigin(origin string) bool {
	found := false
	t.state.View(func(tx *store.Tx) {
		for _, client := range tx.All(clientsKey()) {
			var list []string
			for _, one := range append(texts(client, "web_origins"), texts(client, "allowed_origins")...) {
				list = append(list, strings.TrimSuffix(one, "/"))
			}
			for _, one := range texts(client, "callbacks") {
				if o, ok := originOf(one); ok {
					list = append(list, o)
				}
			}
			if found = allowedURL(list, origin, ""); found {
				return
			}
		}
	})
	return found
}
