package sim

import (
	"strings"

	"a0run/client/sim/store"
)

// methodHandlers are those of what users authenticate with, as an
// administrator sees and changes them.
func methodHandlers() map[string]handler {
	const all = "/users/{}/authentication-methods"
	return map[string]handler{
		"POST " + all:          createMethod,
		"GET " + all + "/{}":   getMethod,
		"GET " + all:           func(c *call) reply { return c.ofUser(listing{key: c.key(), view: maskedMethod}) },
		"PATCH " + all + "/{}": patchMethod,
	}
}

// ofUser is a listing below a user, who must be there.
func (c *call) ofUser(l listing) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	return c.page(l)
}

func createMethod(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	o := store.Clone(c.body)
	o["id"] = str(o, "type") + "|dev_" + c.t.ids.word(c.key().Kind, c.key().Scope+string(encode(c.body)), 16)
	o["created_at"], o["confirmed"] = stamp(c.now), true
	c.tx.Put(c.key(), str(o, "id"), o)
	c.grantFactor(o)
	said := store.Clone(maskedMethod(o))
	delete(said, "confirmed")
	return c.ok(said)
}

// grantFactor lets a person use what an administrator gave them. It is asked for
// where a policy asks for a second step.
func (c *call) grantFactor(method object) {
	a := object{"id": method["id"], "active": true, "granted": true, "created_at": method["created_at"], "authenticator_type": "oob"}
	switch str(method, "type") {
	case "phone":
		a["oob_channel"], a["name"] = firstOf(str(method, "preferred_authentication_method"), "sms"), str(method, "phone_number")
	case "email":
		a["oob_channel"], a["name"] = "email", str(method, "email")
	case "totp":
		a["authenticator_type"], a["secret"] = "otp", method["totp_secret"]
	default:
		return
	}
	c.tx.Put(authenticatorsKey(c.params[0]), str(a, "id"), a)
}

func getMethod(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	o := c.tx.Get(c.key(), c.id())
	if o == nil {
		return absent(c.key().Kind)
	}
	return c.ok(c.fields(maskedMethod(o)))
}

func patchMethod(c *call) reply {
	rep := patchItem(c)
	if o, ok := rep.body.(object); ok && rep.status < 300 {
		said := store.Clone(maskedMethod(o))
		delete(said, "confirmed")
		rep.body = said
	}
	return rep
}

// maskedMethod hides most of an address: chuck@example.com is
// chuc****@exam*******.
func maskedMethod(o object) object {
	email := str(o, "email")
	name, host, ok := strings.Cut(email, "@")
	if !ok {
		return o
	}
	mask := func(s string, stars int) string { return s[:min(4, len(s))] + strings.Repeat("*", stars) }
	o = store.Clone(o)
	o["email"] = mask(name, 4) + "@" + mask(host, 7)
	return o
}
