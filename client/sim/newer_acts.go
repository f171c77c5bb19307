package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// createAgent takes an identifier of the caller's own, which is one agent's
// and stays.
func createAgent(c *call) reply {
	if strings.ContainsAny(str(c.body, "name"), "<>\x00") || str(c.body, "name") == "" {
		return invalidBody("String does not match pattern ^[^<>\\x00]+$: %s' on property name", str(c.body, "name"))
	}
	if other := str(c.body, "external_agent_id"); other != "" {
		for _, a := range c.tx.All(c.key()) {
			if str(a, "external_agent_id") == other {
				return conflict("An agent with this external_agent_id already exists.", "")
			}
		}
	}
	if c.body["metadata"] == nil {
		c.body["metadata"] = object{}
	}
	return createItem(c)
}

// patchAgent empties metadata that is null.
func patchAgent(c *call) reply {
	if v, said := c.body["metadata"]; said && v == nil {
		c.body["metadata"] = object{}
	}
	return patchItem(c)
}

// maxACLKeys is how many keys a tenant may have for its network ACLs, by the
// page of Terraform's resource auth0_network_acl_key.
const maxACLKeys = 10

// createACLKey keeps of a key what the API shows: never its value.
func createACLKey(c *call) reply {
	value, err := base64.StdEncoding.DecodeString(str(c.body, "value"))
	if err != nil || len(value) < 32 || len(value) > 512 {
		return invalidBody("Object didn't pass validation for format hmac_sha256_key_value: the decoded value must have between 32 and 512 bytes' on property value")
	}
	for _, k := range c.tx.All(c.key()) {
		if str(k, "name") == str(c.body, "name") {
			return conflict("A Network ACL key with this name already exists.", "")
		}
	}
	if c.tx.Len(c.key()) >= maxACLKeys {
		return failure(http.StatusForbidden, "You reached the limit of entities of this type for this tenant.", "too_many_entities")
	}
	sum := sha256.Sum256(value)
	c.body = object{"name": c.body["name"], "alg": c.body["alg"], "fingerprint": hex.EncodeToString(sum[:])}
	return createItem(c)
}

// listACLKeys shows the newest first.
func listACLKeys(c *call) reply {
	all := slices.Clone(c.tx.All(c.key()))
	slices.Reverse(all)
	return c.page(listing{fixed: true, chosen: all})
}

// selectGroups changes which groups of a directory are synchronized.
func selectGroups(add bool) handler {
	return func(c *call) reply {
		if rep := c.orphan(); rep != nil {
			return *rep
		}
		if !c.tx.Has(singleKey("/connections/{}/directory-provisioning"), c.params[0]) {
			return absent("/connections/{}/directory-provisioning")
		}
		for _, v := range items(c.body, "groups") {
			if o, _ := v.(object); str(o, "id") == "" {
				return invalidBody("Missing required property: id' on property groups")
			}
		}
		for _, v := range items(c.body, "groups") {
			o, _ := v.(object)
			if add {
				c.tx.Put(c.key(), str(o, "id"), o)
			} else {
				c.tx.Delete(c.key(), str(o, "id"))
			}
		}
		return c.done()
	}
}

// advanceRamp moves an experiment to the next of its levels. Later SDKs (7.6)
// send the levels with the experiment; here a seed may have them.
func advanceRamp(c *call) reply {
	k := kind("/experimentation/experiments")
	old := c.tx.Get(k, c.params[0])
	if old == nil {
		return absent(k.Kind)
	}
	var levels []int64
	for _, v := range items(old, "levels") {
		if n, ok := number(v); ok {
			levels = append(levels, n)
		}
	}
	target, _ := number(c.body["target_level"])
	current, begun := number(old["current_level"])
	at := slices.Index(levels, target)
	switch {
	case len(levels) == 0:
		return conflict("The experiment does not ramp.", "")
	case str(old, "status") != "active":
		return conflict("The experiment is not active.", "")
	case at < 0:
		return failure(http.StatusBadRequest, "target_level is not a level of the experiment's schedule.", "")
	case begun && target == current:
	case at != slices.Index(levels, current)+1: // -1 before the first
		return conflict("target_level must be the next level of the experiment's schedule.", "")
	default:
		o := store.Clone(old)
		o["current_level"], o["updated_at"] = c.body["target_level"], stamp(c.now)
		c.tx.Put(k, c.params[0], o)
	}
	return c.ok(object{"experiment_id": c.params[0], "from_level": current, "to_level": target, "current_level": target})
}

// setGuardian holds the two times against their bounds: an hour, 30 days of
// inactivity, 90 days in all, and the first within the second.
func setGuardian(c *call) reply {
	const hour, day = 3600, 24 * 3600
	idle, _ := number(c.body["mfa_session_inactivity_timeout"])
	overall, _ := number(c.body["mfa_session_overall_timeout"])
	for _, b := range []struct {
		name      string
		value     int64
		low, high int64
	}{{"mfa_session_inactivity_timeout", idle, hour, 30 * day}, {"mfa_session_overall_timeout", overall, hour, 90 * day}} {
		switch {
		case b.value < b.low:
			return invalidBody("Value %d is less than minimum %d' on property %s", b.value, b.low, b.name)
		case b.value > b.high:
			return invalidBody("Value %d is greater than maximum %d' on property %s", b.value, b.high, b.name)
		}
	}
	if overall < idle {
		return failure(http.StatusBadRequest, "mfa_session_inactivity_timeout cannot exceed mfa_session_overall_timeout.", "invalid_body")
	}
	return putSingle(c)
}
