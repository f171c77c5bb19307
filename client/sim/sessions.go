package sim

import (
	"net/http"

	"a0run/client/sim/store"
)

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
	}
}

// rememberRefresh gives a refresh token the object under which the Management
// API knows it.
func (c *call) rememberRefresh(text, client, user string) {
	id := c.t.ids.word("refresh-token-id", text, 18)
	c.tx.Put(refreshObjects(), id, object{
		"id": id, "user_id": user, "client_id": client, "created_at": stamp(c.now), "rotating": false,
		"idle_expires_at": nil, "expires_at": nil, "session_id": nil, "resource_servers": []any{}, "$token": text,
	})
}

func (c *call) dropRefresh(text string) {
	c.tx.Delete(refreshKey(), text)
	for _, o := range c.tx.All(refreshObjects()) {
		if str(o, "$token") == text {
			c.tx.Delete(refreshObjects(), str(o, "id"))
		}
	}
}

func ofUser(k store.Key) handler {
	return func(c *call) reply {
		if !c.tx.Has(usersKey(), c.params[0]) {
			return absent(usersKind)
		}
		return c.page(listing{key: k, view: func(o object) object {
			if str(o, "user_id") != c.params[0] {
				return nil
			}
			return shown("/refresh-tokens", o)
		}})
	}
}

func dropOfUser(k store.Key) handler {
	return func(c *call) reply {
		if !c.tx.Has(usersKey(), c.params[0]) {
			return absent(usersKind)
		}
		dropAll(c, k, c.params[0])
		return sent(http.StatusAccepted, object{})
	}
}

func dropAll(c *call, k store.Key, user string) {
	for _, o := range c.tx.All(k) {
		if str(o, "user_id") == user {
			c.tx.Delete(k, str(o, "id"))
			c.tx.Delete(refreshKey(), str(o, "$token"))
		}
	}
}

func dropRefreshObject(c *call) reply {
	if o := c.tx.Get(refreshObjects(), c.id()); o != nil {
		c.tx.Delete(refreshKey(), str(o, "$token"))
		c.tx.Delete(refreshObjects(), c.id())
	}
	return c.done()
}

func revokeMany(c *call) reply {
	ids := texts(c.body, "ids")
	for _, id := range ids {
		if o := c.tx.Get(refreshObjects(), id); o != nil {
			c.tx.Delete(refreshKey(), str(o, "$token"))
			c.tx.Delete(refreshObjects(), id)
		}
	}
	if user := str(c.body, "user_id"); user != "" {
		dropAll(c, refreshObjects(), user)
	}
	return c.done()
}

func revokeAccess(c *call) reply {
	if !c.tx.Has(usersKey(), c.params[0]) {
		return absent(usersKind)
	}
	dropAll(c, sessionObjects(), c.params[0])
	dropAll(c, refreshObjects(), c.params[0])
	return c.done()
}

func revokeSession(c *call) reply {
	c.tx.Delete(sessionObjects(), c.params[0])
	return sent(http.StatusAccepted, object{})
}
