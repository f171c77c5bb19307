package sim

import (
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// createAction says that the action is still to be built. Building takes no
// time here: whoever asks again hears that it is done.
func createAction(c *call) reply {
	if rep := c.taken(c.body); rep != nil {
		return *rep
	}
	o := store.Clone(c.insert(c.body))
	o["status"] = "pending"
	return c.ok(o)
}

// builtAction is an action as it is read once it is built: where its
// dependencies came from is not shown any more.
func builtAction(o object) object {
	list := slices.Clone(items(o, "dependencies"))
	for i, v := range list {
		if d, is := v.(object); is && d["registry_url"] != nil {
			d = store.Clone(d)
			delete(d, "registry_url")
			list[i] = d
		}
	}
	if list == nil {
		return o
	}
	o = store.Clone(o)
	o["dependencies"] = list
	return o
}

// boundAction is an action inside a binding, where its status is in capitals.
func boundAction(o object) object {
	o = store.Clone(o)
	o["status"] = strings.ToUpper(str(o, "status"))
	return o
}

// versionNumber is that of an action's next version: old ones may be gone.
func versionNumber(tx *store.Tx, versions store.Key) int {
	n := tx.Len(versions)
	if n == 0 {
		return 1
	}
	last, _ := number(tx.Page(versions, n-1, 1)[0]["number"])
	return int(last) + 1
}

// deployAction makes a version of what the action is now.
func deployAction(c *call) reply {
	actions := kind("/actions/actions")
	old := c.tx.Get(actions, c.params[0])
	if old == nil {
		return absent(actions.Kind)
	}
	versions := store.Key{Kind: "/actions/actions/{}/versions", Scope: c.params[0]}
	v := object{
		"id": c.t.ids.uuid(versions.Kind, c.params[0]), "action_id": c.params[0], "number": versionNumber(c.tx, versions),
		"deployed": false, "status": "built", "created_at": stamp(c.now), "updated_at": stamp(c.now), "built_at": stamp(c.now),
	}
	for _, k := range []string{"code", "dependencies", "runtime", "secrets", "supported_triggers"} {
		if x, ok := old[k]; ok {
			v[k] = x
		}
	}
	for _, o := range c.tx.All(versions) {
		o = store.Clone(o)
		o["deployed"] = false
		c.tx.Put(versions, str(o, "id"), o)
	}
	// The oldest that is not used gives way; the one used is the newest.
	if most, limited := c.t.limits.set.Entities["actions.versions"]; limited && c.tx.Len(versions) >= max(1, most) {
		for _, o := range c.tx.Page(versions, 0, c.tx.Len(versions)-max(1, most)+1) {
			c.tx.Delete(versions, str(o, "id"))
		}
	}
	// The answer still says that it is not deployed: building takes a moment.
	kept := store.Clone(v)
	kept["deployed"] = true
	c.tx.Put(versions, str(v, "id"), kept)
	a := store.Clone(old)
	a["deployed_version"], a["all_changes_deployed"] = kept, true
	c.tx.Put(actions, c.params[0], a)
	v["action"] = old
	return c.ok(v)
}
