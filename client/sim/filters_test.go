package sim_test

import (
	"testing"

	"a0run/client/sim"
	"a0run/client/sim/store"
)

// TestFiltersByOtherNames: query parameters whose field has another name, and
// those that are no field, leave in a listing what they mean.
func TestFiltersByOtherNames(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
actions: [{name: one, supported_triggers: [{id: post-login, version: v3}]}, {name: two, supported_triggers: [{id: credentials-exchange, version: v2}], deployed: true}]
hooks: [{name: h, script: x, triggerId: credentials-exchange}]
flows: [{name: f}]
forms: [{name: f}]
groups: [{id: grp_abcdefghijkmnp, name: Staff}, {id: grp_abcdefghijkmnq, name: Others}]
event_streams: [{id: est_0000000000000000000001, name: s, deliveries: [{id: evt_0000000000000000000001, status: failed, event_type: user.created}, {id: evt_0000000000000000000002, status: failed, event_type: user.deleted}]}]
`)})
	d.tenant.State().Update(func(tx *store.Tx) {
		for _, client := range []string{"a", "b"} {
			tx.Put(store.Key{Kind: "/grants"}, "grant-"+client, store.Object{"id": "grant-" + client, "clientID": client, "user_id": "auth0|1", "audience": "x", "scope": []any{}})
		}
	})
	for path, want := range map[string]int{
		"/actions/actions?actionName=one": 1, "/actions/actions?triggerId=credentials-exchange": 1, "/actions/actions?deployed=true": 1, "/actions/actions?deployed=false": 1,
		"/hooks?triggerId=credentials-exchange": 1, "/hooks?triggerId=pre-user-registration": 0, "/flows?hydrate=form_count": 1, "/forms?hydrate=flow_count": 1,
		"/groups?search=staf": 1, "/event-streams/est_0000000000000000000001/deliveries?statuses=failed&event_types=user.created": 1, "/grants?client_id=b": 1,
	} {
		a := d.want(200, "GET", "/api/v2"+path, "")
		if got := count(t, a); got != want {
			t.Errorf("%s: %d, want %d: %s", path, got, want, a.text)
		}
	}
}

// count is how many objects a listing shows, bare or wrapped.
func count(t *testing.T, a answer) int {
	t.Helper()
	if a.text[0] == '[' {
		return len(a.list(t))
	}
	for _, v := range a.object(t) {
		if list, ok := v.([]any); ok {
			return len(list)
		}
	}
	return -1
}
