package sim

import (
	"a0run/client/sim/store"
)

func keyHandlers() map[string]handler {
	return map[string]handler{
		"GET /keys/signing":                     listSigningKeys,
		"GET /keys/signing/{}":                  getSigningKey,
		"POST /keys/signing/rotate":             rotateSigningKey,
		"PUT /keys/signing/{}/revoke":           revokeSigningKey,
		"POST /keys/encryption":                 createEncryptionKey,
		"POST /keys/encryption/{}":              changeEncryptionKey("active"),
		"DELETE /keys/encryption/{}":            changeEncryptionKey("destroyed"),
		"POST /keys/encryption/rekey":           func(*call) reply { return empty() },
		"POST /keys/encryption/{}/wrapping-key": wrappingKey,
	}
}

func createEncryptionKey(c *call) reply {
	o := store.Clone(c.body)
	o["kid"] = c.t.ids.uuid("/keys/encryption", string(encode(c.body)))
	o["state"], o["parent_kid"] = "pre-activation", nil
	o["created_at"], o["updated_at"] = stamp(c.now), stamp(c.now)
	c.tx.Put(kind("/keys/encryption"), str(o, "kid"), o)
	return c.ok(o)
}

func changeEncryptionKey(state string) handler {
	return func(c *call) reply {
		k := kind("/keys/encryption")
		old := c.tx.Get(k, c.id())
		if old == nil {
			if state == "destroyed" {
				return empty()
			}
			return absent(k.Kind)
		}
		o := store.Clone(old)
		o["state"], o["updated_at"] = state, stamp(c.now)
		c.tx.Put(k, c.id(), o)
		if state == "destroyed" {
			return empty()
		}
		return c.ok(o)
	}
}

func wrappingKey(c *call) reply {
	if !c.tx.Has(kind("/keys/encryption"), c.params[0]) {
		return absent("/keys/encryption")
	}
	return c.ok(object{"public_key": runnerPublicKey, "algorithm": "CKM_RSA_AES_KEY_WRAP"})
}
