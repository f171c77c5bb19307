package sim

import (
	"net/http"

	"a0run/client/sim/store"
)

// What the Management API does with people's authenticators: an authentication
// method, an enrollment and the authenticator itself are one thing.

func factorHandlers() map[string]handler {
	return map[string]handler{
		"DELETE /users/{}/authentication-methods/{}": func(c *call) reply {
			if rep := c.orphan(); rep != nil {
				return *rep
			}
			c.dropFactor(c.params[0], c.params[1])
			return c.done()
		},
		"DELETE /users/{}/authentication-methods": dropFactors,
		"DELETE /users/{}/authenticators":         dropFactors,
		"DELETE /users/{}/multifactor/{}":         dropProvider,
		"GET /guardian/enrollments/{}":            getEnrollment,
		"DELETE /guardian/enrollments/{}":         deleteEnrollment,
		"POST /users/{}/recovery-code-regeneration": func(c *call) reply {
			if rep := c.orphan(); rep != nil {
				return *rep
			}
			return c.ok(object{"recovery_code": c.newRecovery(c.params[0])})
		},
	}
}

func dropFactors(c *call) reply {
	user := c.params[0]
	if !c.tx.Has(usersKey(), user) {
		return absent(usersKind)
	}
	c.dropAllFactors(user)
	return c.done()
}

func (c *call) dropAllFactors(user string) {
	c.tx.Clear(authenticatorsKey(user))
	c.tx.Delete(recoveryKey(), user)
	for _, below := range []string{"authentication-methods", "enrollments"} {
		c.tx.Clear(store.Key{Kind: usersKind + "/{}/" + below, Scope: user})
	}
}

// dropProvider takes a provider of second steps from a user, with what was
// enrolled there.
func dropProvider(c *call) reply {
	user := c.params[0]
	u := store.Clone(c.tx.Get(usersKey(), user))
	if len(u) == 0 {
		return absent(usersKind)
	}
	left := []any{}
	for _, v := range items(u, "multifactor") {
		if v != c.params[1] {
			left = append(left, v)
		}
	}
	if len(left) > 0 {
		u["multifactor"] = left
	} else {
		delete(u, "multifactor")
	}
	c.tx.Put(usersKey(), user, u)
	if c.params[1] == "guardian" {
		c.dropAllFactors(user)
	}
	return c.done()
}

// enrolled is the user who has an enrollment, and the enrollment.
func (c *call) enrolled(id string) (string, object) {
	for _, u := range c.tx.Refs(usersKey()) {
		user := u.ID()
		if e := c.tx.Get(store.Key{Kind: usersKind + "/{}/enrollments", Scope: user}, id); e != nil {
			return user, e
		}
	}
	return "", nil
}

func getEnrollment(c *call) reply {
	if _, e := c.enrolled(c.params[0]); e != nil {
		return c.ok(e)
	}
	return getItem(c)
}

func deleteEnrollment(c *call) reply {
	user, e := c.enrolled(c.params[0])
	if e == nil {
		return deleteItem(c)
	}
	c.dropFactor(user, c.params[0])
	return reply{status: c.status(http.StatusNoContent)}
}
