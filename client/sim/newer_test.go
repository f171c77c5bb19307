package sim_test

import (
	"strings"
	"testing"

	"a0run/client/sim"
)

// TestNewerOperations: what Auth0's newest SDK calls beyond the API's document
// is answered as the resources beside it are.
func TestNewerOperations(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte("organizations: [{id: org_a, name: acme}]")})
	id := d.want(201, "POST", "/api/v2/agents", `{"name":"one"}`).object(t)["id"].(string)
	d.want(200, "PATCH", "/api/v2/agents/"+id, `{"name":"two"}`)
	if got := d.want(200, "GET", "/api/v2/agents?take=10", "").object(t)["agents"].([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	d.want(204, "DELETE", "/api/v2/agents/"+id, "")
	d.want(404, "GET", "/api/v2/agents/"+id, "")
	d.want(201, "POST", "/api/v2/organizations/org_a/clients", `{"client_id":"app1"}`)
	d.want(200, "GET", "/api/v2/organizations/org_a/clients/app1", "")
	d.want(404, "GET", "/api/v2/organizations/org_b/clients/app1", "")
	d.want(200, "PUT", "/api/v2/guardian/settings", `{"x":true}`)
	if a := d.want(200, "GET", "/api/v2/guardian/settings", ""); !strings.Contains(a.text, `"x":true`) {
		t.Error(a.text)
	}
}
