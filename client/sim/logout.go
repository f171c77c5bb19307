package sim

import (
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// logout ends the browser's session and sends it to an address that the
// application, or without one the tenant, allows (Auth0's page "Redirect Users
// after Logout").
func logout(c *call) reply {
	list, client := c.logoutURLs(c.query.Get("client_id"))
	to := c.query.Get("returnTo")
	if to == "" && len(list) > 0 {
		to = strings.TrimSpace(list[0])
	}
	if to != "" && !allowedURL(list, to, "") {
		return c.oops(http.StatusBadRequest, "invalid_request",
			`The "returnTo" querystring parameter "`+to+`" is not defined as a valid URL in "Allowed Logout URLs".`)
	}
	return c.loggedOut(client, to)
}

func (c *call) logoutURLs(clientID string) (list []string, client object) {
	if client = c.tx.Get(clientsKey(), clientID); client != nil {
		return texts(client, "allowed_logout_urls"), client
	}
	return texts(c.settings(), "allowed_logout_urls"), nil
}

// loggedOut ends the session, if there is one, and its cookie.
func (c *call) loggedOut(client object, to string) reply {
	if s := c.session(); s != nil {
		u := c.tx.Get(usersKey(), str(s, "user_id"))
		c.event(event{kind: "slo", client: client, user: u, connection: str(s, "$connection"), text: "User successfully logged out", details: object{"session_id": s["id"]}})
		endSession(c.tx, str(s, "id"))
	}
	gone := c.cookie(sessionCookie, "")
	gone.MaxAge = -1
	if to == "" {
		return c.show(formPage{Title: "You are logged out", Texts: []string{"You can close this window."}}).withCookie(gone)
	}
	return redirect(to).withCookie(gone)
}

// oidcLogout is OpenID Connect RP-Initiated Logout 1.0: the ID token, or the
// client_id, names the application whose addresses count.
func oidcLogout(c *call) reply {
	value := func(name string) string { return firstOf(c.query.Get(name), str(c.body, name)) }
	id := value("client_id")
	if hint := value("id_token_hint"); hint != "" {
		claims, ok := c.hint(hint)
		aud := audiencesOf(claims)
		if !ok || len(aud) == 0 || !c.issued(str(claims, "iss")) || id != "" && id != aud[0] {
			return c.oops(http.StatusBadRequest, "invalid_request", "id_token_hint is no ID token of this tenant and this application.")
		}
		id = aud[0]
	} else if sid := value("logout_hint"); sid != "" {
		if s := c.session(); s != nil && str(s, "id") != sid {
			return c.oops(http.StatusBadRequest, "invalid_request", "logout_hint names another session.")
		}
	}
	list, client := c.logoutURLs(id)
	to := value("post_logout_redirect_uri")
	if to == "" {
		return c.loggedOut(client, "")
	}
	if !allowedURL(list, to, "") {
		return c.oops(http.StatusBadRequest, "invalid_request",
			`The "post_logout_redirect_uri" parameter "`+to+`" is not defined as a valid URL in "Allowed Logout URLs".`)
	}
	if state := value("state"); state != "" {
		to = withQuery(to, map[string][]string{"state": {state}})
	}
	return c.loggedOut(client, to)
}

// hint are the claims of an ID token of this tenant. One that is over still says
// whose it was.
func (c *call) hint(text string) (object, bool) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		if t.Method.Alg() == "HS256" {
			aud, _ := claims.GetAudience()
			if len(aud) != 1 {
				return nil, jwt.ErrTokenInvalidAudience
			}
			secret := str(c.tx.Get(clientsKey(), aud[0]), "client_secret")
			if secret == "" {
				return nil, jwt.ErrTokenUnverifiable
			}
			return []byte(secret), nil
		}
		return c.ring().key(t)
	}, jwt.WithValidMethods([]string{"RS256", "HS256"}), jwt.WithoutClaimsValidation())
	return object(claims), err == nil
}
