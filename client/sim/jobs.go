package sim

import (
	"bytes"
	"encoding/json"
	"net/http"

	"a0run/client/sim/store"
)

// maxImport is the largest file that an import takes.
const maxImport = 500 << 10

func jobHandlers() map[string]handler {
	return map[string]handler{
		"POST /jobs/users-exports":      exportUsers,
		"POST /jobs/users-imports":      importUsers,
		"POST /jobs/verification-email": verificationEmail,
	}
}

// newJob makes a job that is done by the time anybody asks for it; its answer
// still says pending, as the API's does.
func (c *call) newJob(kind string, extra object) object {
	o := object{"id": c.t.ids.id("/jobs", kind), "type": kind, "status": "pending", "created_at": stamp(c.now)}
	merge(o, extra, nil)
	done := store.Clone(o)
	done["status"], done["percentage_done"], done["time_left_seconds"] = "completed", 100, 0
	c.tx.Put(jobsKey(), str(o, "id"), done)
	return o
}

func exportUsers(c *call) reply {
	extra := object{"format": "json"}
	for _, k := range []string{"connection_id", "format", "limit", "fields"} {
		if v, ok := c.body[k]; ok {
			extra[k] = v
		}
	}
	if id := str(extra, "connection_id"); id != "" && !c.tx.Has(connectionsKey(), id) {
		return absent("/connections")
	}
	return c.ok(c.newJob("users_export", extra))
}

func verificationEmail(c *call) reply {
	if !c.tx.Has(usersKey(), str(c.body, "user_id")) {
		return absent(usersKind)
	}
	return c.ok(c.newJob("verification_email", object{}))
}

func importUsers(c *call) reply {
	conn := c.tx.Get(connectionsKey(), str(c.body, "connection_id"))
	file := c.files["users"]
	switch {
	case conn == nil:
		return absent("/connections")
	case len(file) > maxImport:
		return failure(http.StatusRequestEntityTooLarge, "Payload content length greater than maximum allowed: 512000", "")
	}
	var users []object
	d := json.NewDecoder(bytes.NewReader(file))
	d.UseNumber()
	if err := d.Decode(&users); err != nil {
		return failure(http.StatusBadRequest, "Users file must be an array of users", "invalid_body")
	}
	job := c.newJob("users_import", object{
		"connection_id": conn["id"], "connection": conn["name"], "upsert": str(c.body, "upsert") == "true", "external_id": str(c.body, "external_id"),
	})
	summary := object{"total": len(users), "inserted": 0, "updated": 0, "failed": 0}
	count := func(k string) { summary[k] = summary[k].(int) + 1 }
	var errs []any
	for _, b := range users {
		b = store.Clone(b)
		b["connection"] = conn["name"]
		old := c.findLogin(str(conn, "name"), str(b, "email"))
		switch {
		case old != nil && str(c.body, "upsert") != "true":
			count("failed")
			errs = append(errs, object{"user": b, "errors": []any{object{
				"code": "DUPLICATED_USER", "message": "The user already exist and upsert parameter is false", "path": "",
			}}})
		case old != nil:
			u := store.Clone(old)
			delete(b, "connection")
			delete(b, "user_id")
			merge(u, b, nil)
			c.tx.Put(usersKey(), str(old, "user_id"), u)
			count("updated")
		default:
			u := newUser(c.t, b, str(conn, "strategy"), stamp(c.now))
			c.tx.Put(usersKey(), str(u, "user_id"), u)
			count("inserted")
		}
	}
	done := store.Clone(c.tx.Get(jobsKey(), str(job, "id")))
	done["summary"] = summary
	c.tx.Put(jobsKey(), str(job, "id"), done)
	if len(errs) > 0 {
		c.tx.Put(jobErrorsKey(), str(job, "id"), object{"errors": errs})
	}
	return c.ok(job)
}

func jobErrors(c *call) reply {
	if !c.tx.Has(jobsKey(), c.params[0]) {
		return absent("/jobs")
	}
	if o := c.tx.Get(jobErrorsKey(), c.params[0]); o != nil {
		return c.ok(o["errors"])
	}
	return empty()
}

func keyHandlers() map[string]handler {
	return map[string]handler{
		"GET /keys/signing":                     listSigningKeys,
		"GET /keys/signing/{}":                  getSigningKey,
		"POST /keys/signing/rotate":             func(c *call) reply { return c.ok(object{"kid": nextKid, "cert": ""}) },
		"PUT /keys/signing/{}/revoke":           func(c *call) reply { return c.ok(object{"kid": c.params[0], "cert": ""}) },
		"POST /keys/encryption":                 createEncryptionKey,
		"POST /keys/encryption/{}":              changeEncryptionKey("active"),
		"DELETE /keys/encryption/{}":            changeEncryptionKey("destroyed"),
		"POST /keys/encryption/rekey":           func(*call) reply { return empty() },
		"POST /keys/encryption/{}/wrapping-key": wrappingKey,
	}
}

func signingKeys() []object {
	return []object{
		{"kid": currentKid, "current": true, "next": false, "previous": false, "cert": "", "pkcs7": "", "fingerprint": "", "thumbprint": "", "revoked": false},
		{"kid": nextKid, "current": false, "next": true, "previous": false, "cert": "", "pkcs7": "", "fingerprint": "", "thumbprint": "", "revoked": false},
	}
}

func listSigningKeys(c *call) reply { return c.ok(signingKeys()) }

func getSigningKey(c *call) reply {
	for _, k := range signingKeys() {
		if k["kid"] == c.id() {
			return c.ok(k)
		}
	}
	return absent("/keys/signing")
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
