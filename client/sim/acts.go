package sim

import (
	"net/http"

	"a0run/client/sim/store"
)

// actHandlers answer what is done in the world: a local tenant does nothing
// there, and says what the API would say of it.
func actHandlers() map[string]handler {
	return map[string]handler{
		"POST /actions/actions/{}/test":    func(c *call) reply { return c.orElse(object{"payload": object{}}) },
		"POST /event-streams/{}/redeliver": func(c *call) reply { return c.orElse(object{}) },
		"POST /event-streams/{}/test":      testStream,
		"POST /self-service-profiles/{}/sso-ticket": func(c *call) reply {
			word := c.t.ids.word("sso-ticket", string(encode(c.body)), 32)
			return c.orElse(object{"ticket": c.t.BaseURL() + "/self-service/connections-flow?ticket=" + word})
		},
		"POST /connections/{}/directory-provisioning":                  createDirectory,
		"POST /connections/{}/directory-provisioning/synchronizations": synchronize,
		"POST /experimentation/experiments/{}/validate":                func(c *call) reply { return c.orElse(object{"is_valid": true, "errors": []any{}}) },
		"POST /experimentation/experiments/{}/status":                  changeStatus,
		"POST /experimentation/feature-flags/{}/status":                changeStatus,
	}
}

// testStream sends nothing and says that it will be tried.
func testStream(c *call) reply {
	return c.orElse(object{
		"id": c.t.ids.id("/event-streams/{}/deliveries", string(encode(c.body))), "event_stream_id": c.params[0],
		"event_type": c.body["event_type"], "status": "pending", "attempts": []any{},
	})
}

func createDirectory(c *call) reply {
	conn := c.tx.Get(connectionsKey(), c.params[0])
	if conn == nil {
		return absent("/connections")
	}
	k, id := c.single()
	if c.tx.Has(k, id) {
		return conflict("The directory provisioning already exists.", "")
	}
	o := store.Clone(c.body)
	o["connection_id"], o["connection_name"], o["strategy"] = conn["id"], conn["name"], conn["strategy"]
	if o["mapping"] == nil {
		o["mapping"] = preset("/connections/{}/directory-provisioning/default-mapping", c.t)["mapping"]
	}
	if o["synchronize_automatically"] == nil {
		o["synchronize_automatically"] = false
	}
	o["created_at"], o["updated_at"] = stamp(c.now), stamp(c.now)
	c.tx.Put(k, id, o)
	return c.ok(o)
}

func synchronize(c *call) reply {
	if !c.tx.Has(connectionsKey(), c.params[0]) {
		return absent("/connections")
	}
	return c.ok(object{
		"connection_id": c.params[0], "status": "pending",
		"synchronization_id": c.t.ids.id("/synchronizations", c.params[0]),
	})
}

// changeStatus moves an experiment or a flag to another status.
func changeStatus(c *call) reply {
	k := kind(c.rt.model.parent)
	old := c.tx.Get(k, c.params[0])
	if old == nil {
		return absent(k.Kind)
	}
	o := store.Clone(old)
	o["status"], o["updated_at"] = c.body["status"], stamp(c.now)
	c.tx.Put(k, c.params[0], o)
	return reply{status: c.status(http.StatusOK), body: o}
}

// patchPhoneTemplate changes what a message says; in which language it is
// written was said when it was made, and no change repeats it.
func patchPhoneTemplate(c *call) reply {
	if old := c.tx.Get(c.key(), c.id()); old != nil && c.body["content"] != nil {
		content := store.Clone(sub(old, "content"))
		merge(content, sub(c.body, "content"), nil)
		c.body["content"] = content
	}
	return patchItem(c)
}
