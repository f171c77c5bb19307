package sim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"a0run/client/sim/store"
)

// The sessions of browsers, and what the Management API does with them and with
// refresh tokens. A session's cookie holds its id and a word that the API never
// shows.

func sessionHandlers() map[string]handler {
	return map[string]handler{
		"GET /users/{}/refresh-tokens":    ofUser(refreshObjects()),
		"GET /users/{}/sessions":          ofUser(sessionObjects()),
		"DELETE /users/{}/refresh-tokens": dropOfUser(refreshObjects()),
		"DELETE /users/{}/sessions":       dropOfUser(sessionObjects()),
		"DELETE /refresh-tokens/{}":       dropRefreshObject,
		"POST /refresh-tokens/revoke":     revokeMany,
		"POST /users/{}/revoke-access":    revokeAccess,
		"POST /sessions/{}/revoke":        revokeSession,
		"DELETE /sessions/{}":             revokeSession,
	}
}

const sessionCookie = "auth0"

// session is the living one of the browser that calls.
func (c *call) session() object {
	cookie, err := c.req.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	id, word, _ := strings.Cut(cookie.Value, ".")
	s := c.tx.Get(sessionObjects(), id)
	if s == nil || str(s, "$word") != word {
		return nil
	}
	for _, f := range []string{"expires_at", "idle_expires_at"} {
		if at, err := time.Parse(time.RFC3339, str(s, f)); err == nil && !c.now.Before(at) {
			return nil
		}
	}
	return s
}

// keepSession writes the log-in into the browser's session, or begins one, and
// gives its cookie.
func (x *transaction) keepSession() *http.Cookie {
	c := x.c
	settings := c.settings()
	user := str(x.user, "user_id")
	s := store.Clone(c.tx.Get(sessionObjects(), str(x.o, "session")))
	if old := c.session(); str(s, "id") == "" && old != nil {
		if str(old, "user_id") == user {
			s = store.Clone(old) // who logs in once more stays in their session
		} else {
			endSession(c.tx, str(old, "id"))
		}
	}
	if str(s, "id") == "" {
		s["id"], s["user_id"], s["created_at"] = c.t.ids.word("/sessions", user, 32), user, stamp(c.now)
		s["$word"] = c.t.ids.base64("session-cookie", user, 24)
		s["expires_at"] = stamp(c.now.Add(hours(settings, "session_lifetime", 168)))
		s["device"] = object{"initial_user_agent": c.req.UserAgent(), "initial_ip": c.ip(), "initial_asn": ""}
		s["clients"] = []any{}
		s["cookie"] = object{"mode": "persistent"}
	}
	if !truth(x.o, "silent") {
		s["$at"], s["$connection"] = x.o["at"], x.o["connection"]
		s["authenticated_at"] = stamp(c.now)
		s["authentication"] = object{"methods": x.methods()}
	}
	if truth(x.o, "mfa") {
		s["$mfa"] = true
	}
	s["updated_at"], s["last_interacted_at"] = stamp(c.now), stamp(c.now)
	s["idle_expires_at"] = stamp(c.now.Add(hours(settings, "idle_session_lifetime", 72)))
	device := store.Clone(sub(s, "device"))
	device["last_user_agent"], device["last_ip"], device["last_asn"] = c.req.UserAgent(), c.ip(), ""
	s["device"] = device
	s["clients"] = withClient(items(s, "clients"), str(x.client, "client_id"))
	c.tx.Put(sessionObjects(), str(s, "id"), s)
	x.set("session", s["id"])
	cookie := c.cookie(sessionCookie, str(s, "id")+"."+str(s, "$word"))
	cookie.MaxAge = int(hours(settings, "session_lifetime", 168) / time.Second)
	return cookie
}

// methods are how the person showed who they are.
func (x *transaction) methods() []any {
	out := []any{object{"name": str(x.o, "method"), "timestamp": stamp(x.c.now)}}
	if truth(x.o, "mfa") {
		out = append(out, object{"name": "mfa", "timestamp": stamp(x.c.now)})
	}
	return out
}

func withClient(list []any, id string) []any {
	for _, v := range list {
		if o, _ := v.(object); str(o, "client_id") == id {
			return list
		}
	}
	return append(append([]any{}, list...), object{"client_id": id})
}

// hours reads a lifetime of the tenant's settings, which may be a fraction.
func hours(settings object, field string, otherwise float64) time.Duration {
	n := otherwise
	switch v := settings[field].(type) {
	case json.Number:
		if f, err := strconv.ParseFloat(v.String(), 64); err == nil {
			n = f
		}
	case int:
		n = float64(v)
	case float64:
		n = v
	}
	return time.Duration(n * float64(time.Hour))
}

// cookie is one of the tenant's: over TLS also for the silent log-ins of other
// origins' frames.
func (c *call) cookie(name, value string) *http.Cookie {
	k := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(c.base(), "https:") {
		k.Secure, k.SameSite = true, http.SameSiteNoneMode
	}
	return k
}

// endSession ends a session, and with it the refresh tokens that are bound to
// it where their application is one that says so.
func endSession(tx *store.Tx, id string) {
	tx.Delete(sessionObjects(), id)
	for _, o := range tx.Lookup(refreshObjects(), "session", id) {
		client := tx.Get(clientsKey(), str(o, "client_id"))
		if truth(sub(client, "session_transfer"), "enforce_cascade_revocation") {
			dropFamily(tx, str(o, "id"))
		}
	}
}

func ofUser(k store.Key) handler {
	return func(c *call) reply {
		user := c.params[0]
		if !c.tx.Has(usersKey(), user) {
			return absent(usersKind)
		}
		l := listing{fixed: true, view: func(o object) object { return shown(k.Kind, o) }}
		l.chosen = c.tx.Lookup(k, "user", user)
		return c.page(l)
	}
}

func dropOfUser(k store.Key) handler {
	return func(c *call) reply {
		if !c.tx.Has(usersKey(), c.params[0]) {
			return absent(usersKind)
		}
		dropAll(c.tx, k, c.params[0])
		return sent(http.StatusAccepted, object{})
	}
}

// dropAll ends all sessions, or all refresh tokens, of a user.
func dropAll(tx *store.Tx, k store.Key, user string) {
	for _, o := range tx.Lookup(k, "user", user) {
		if k == sessionObjects() {
			endSession(tx, str(o, "id"))
		} else {
			dropFamily(tx, str(o, "id"))
		}
	}
}

func dropRefreshObject(c *call) reply {
	dropFamily(c.tx, c.id())
	return c.done()
}

func revokeMany(c *call) reply {
	for _, id := range texts(c.body, "ids") {
		dropFamily(c.tx, id)
	}
	user, client := str(c.body, "user_id"), str(c.body, "client_id")
	if user == "" && client == "" {
		return c.done()
	}
	for _, o := range c.tx.All(refreshObjects()) {
		if (user == "" || str(o, "user_id") == user) && (client == "" || str(o, "client_id") == client) {
			dropFamily(c.tx, str(o, "id"))
		}
	}
	return c.done()
}

// revokeAccess ends the sessions of a user, or the one named, and their refresh
// tokens unless they are to be preserved.
func revokeAccess(c *call) reply {
	user := c.params[0]
	if !c.tx.Has(usersKey(), user) {
		return absent(usersKind)
	}
	keep := truth(c.body, "preserve_refresh_tokens")
	if id := str(c.body, "session_id"); id != "" {
		if !keep {
			for _, o := range c.tx.Lookup(refreshObjects(), "session", id) {
				dropFamily(c.tx, str(o, "id"))
			}
		}
		endSession(c.tx, id)
		return c.done()
	}
	dropAll(c.tx, sessionObjects(), user)
	if !keep {
		dropAll(c.tx, refreshObjects(), user)
	}
	return c.done()
}

// revokeSession ends one, with its refresh tokens when it is revoked and not
// only deleted.
func revokeSession(c *call) reply {
	id := c.params[0]
	if c.req.Method == http.MethodPost {
		for _, o := range c.tx.Lookup(refreshObjects(), "session", id) {
			dropFamily(c.tx, str(o, "id"))
		}
	}
	endSession(c.tx, id)
	return sent(http.StatusAccepted, object{})
}
