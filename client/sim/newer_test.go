package sim_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// TestNewerRows: what Auth0's newest SDK calls beyond the API's document is
// answered as the resources beside it are. The rows build on each other.
func TestNewerRows(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
clients: [{client_id: app1, name: One, app_type: spa}, {client_id: app2, name: Two}]
roles: [{id: rol_a, name: reader}]
users: [{user_id: auth0|1, email: a@example.com}, {user_id: auth0|2, email: b@example.com}]
organizations: [{id: org_a, name: acme, members: [auth0|1, auth0|2]}]
groups: [{id: grp_abcdefghijkmnp, name: staff}, {id: grp_abcdefghijkmnq, name: others}]
connections: [{id: con_g, name: g, strategy: google-apps}, {name: Username-Password-Authentication, strategy: auth0}]
organization_templates: [{id: otp_a, name: small}]
experimentation_experiments: [{id: exp_a, name: e, status: active, levels: [10, 50, 100]}, {id: exp_b, name: f, status: active}]
`)})
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, row := range []struct {
		status           int
		verb, path, body string
		want, not        string
	}{
		{201, "POST", "/agents", `{"name":"one","external_agent_id":"x"}`, `"metadata":{}`, ""},
		{409, "POST", "/agents", `{"name":"two","external_agent_id":"x"}`, "external_agent_id", ""},
		{400, "POST", "/agents", `{"name":"<b>"}`, "on property name", ""},
		{400, "POST", "/agents", `{}`, "Missing required property: name", ""},
		{400, "POST", "/agents", `{"name":"one","colour":"red"}`, "Additional properties not allowed: colour", ""},
		{404, "GET", "/agents/agt_none", "", "", ""},
		{204, "DELETE", "/agents/agt_none", "", "", ""},

		{201, "POST", "/organizations/org_a/clients", `{"clients":[{"client_id":"app1","use_for_member_access":true}]}`, `[{"client":{"app_type":"spa",`, ""},
		{409, "POST", "/organizations/org_a/clients", `{"clients":[{"client_id":"app2","use_for_member_access":true},{"client_id":"app1","use_for_member_access":true}]}`, "already", ""},
		{404, "GET", "/organizations/org_a/clients/app2", "", "", ""}, // nothing of a refused request is done
		{404, "POST", "/organizations/org_a/clients", `{"clients":[{"client_id":"nobody","use_for_member_access":true}]}`, "client", ""},
		{400, "POST", "/organizations/org_a/clients", `{"clients":[{"client_id":"app2"}]}`, "clients[0]", ""},
		{400, "POST", "/organizations/org_a/clients", `{"client_id":"app2"}`, "Additional properties", ""},
		{200, "PATCH", "/organizations/org_a/clients/app1", `{"use_for_member_access":false}`, `"use_for_member_access":false`, ""},
		{200, "GET", "/organizations/org_a/clients?take=1000", "", `"client_id":"app1"`, ""},
		{200, "GET", "/organizations?include_client_association_for=app1", "", `"client":{"use_for_member_access":false}`, ""},
		{200, "GET", "/organizations?include_client_association_for=app2", "", "acme", `"client":`},
		{404, "GET", "/organizations/org_b/clients/app1", "", "No organization", ""},
		{204, "DELETE", "/organizations/org_a/clients", `{"clients":["app1","app2"]}`, "", ""},
		{200, "GET", "/organizations/org_a/clients", "", `"clients":[]`, ""},

		{404, "GET", "/organizations/org_a/organization-templates", "", "", ""},
		{400, "PUT", "/organizations/org_a/organization-templates/otp_b", "", "does not exist", ""},
		{204, "PUT", "/organizations/org_a/organization-templates/otp_a", "", "", ""},
		{200, "GET", "/organizations/org_a/organization-templates", "", `"name":"small"`, ""},
		{204, "DELETE", "/organizations/org_a/organization-templates/otp_a", "", "", ""},
		{404, "GET", "/organizations/org_a/organization-templates", "", "", ""},

		{204, "POST", "/organizations/org_a/members/auth0%7C2/roles", `{"roles":["rol_a"]}`, "", ""},
		{200, "GET", "/organizations/org_a/roles/rol_a/members", "", "b@example.com", "a@example.com"},
		{200, "GET", "/organizations/org_a/roles/rol_a/members?fields=user_id", "", "auth0|2", "email"},
		{404, "GET", "/organizations/org_a/roles/rol_b/members", "", "role", ""},
		{204, "POST", "/organizations/org_a/groups/grp_abcdefghijkmnp/roles", `{"roles":["rol_a"]}`, "", ""},
		{200, "GET", "/organizations/org_a/roles/rol_a/groups", "", "staff", "others"},

		{201, "POST", "/keys/network-acls", `{"name":"k","alg":"hmac-sha256","value":"` + key + `"}`, "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925", key},
		{409, "POST", "/keys/network-acls", `{"name":"k","alg":"hmac-sha256","value":"` + key + `"}`, "already", ""},
		{400, "POST", "/keys/network-acls", `{"name":"l","alg":"hmac-sha256","value":"AAAA"}`, "on property value", ""},
		{400, "POST", "/keys/network-acls", `{"name":"l","alg":"md5","value":"` + key + `"}`, "No enum match", ""},
		{200, "GET", "/keys/network-acls", "", `{"keys":[{"alg"`, key},

		{404, "POST", "/connections/con_g/directory-provisioning/synchronized-groups", `{"groups":[{"id":"g1"}]}`, "", ""},
		{201, "POST", "/connections/con_g/directory-provisioning", `{}`, "", ""},
		{204, "POST", "/connections/con_g/directory-provisioning/synchronized-groups", `{"groups":[{"id":"g1","name":"one"},{"id":"g2"}]}`, "", ""},
		{204, "DELETE", "/connections/con_g/directory-provisioning/synchronized-groups", `{"groups":[{"id":"g2"}]}`, "", ""},
		{200, "GET", "/connections/con_g/directory-provisioning/synchronized-groups", "", `{"id":"g1","name":"one"}`, "g2"},

		{409, "POST", "/experimentation/experiments/exp_a/advance-ramp", `{"target_level":50}`, "next level", ""},
		{400, "POST", "/experimentation/experiments/exp_a/advance-ramp", `{"target_level":60}`, "schedule", ""},
		{200, "POST", "/experimentation/experiments/exp_a/advance-ramp", `{"target_level":10}`, `"from_level":0,"to_level":10`, ""},
		{200, "POST", "/experimentation/experiments/exp_a/advance-ramp", `{"target_level":10}`, `"from_level":10,"to_level":10`, ""},
		{200, "POST", "/experimentation/experiments/exp_a/advance-ramp", `{"target_level":50}`, `"current_level":50`, ""},
		{409, "POST", "/experimentation/experiments/exp_b/advance-ramp", `{"target_level":50}`, "does not ramp", ""},
		{404, "POST", "/experimentation/experiments/exp_c/advance-ramp", `{"target_level":50}`, "", ""},

		{200, "GET", "/guardian/settings", "", `"mfa_session_overall_timeout":2592000`, ""},
		{400, "PUT", "/guardian/settings", `{"display_remember_me_checkbox":true,"remember_me_default_value":true,"mfa_session_inactivity_timeout":60,"mfa_session_overall_timeout":7200}`, "less than minimum 3600", ""},
		{400, "PUT", "/guardian/settings", `{"display_remember_me_checkbox":true,"remember_me_default_value":true,"mfa_session_inactivity_timeout":7200,"mfa_session_overall_timeout":3600}`, "cannot exceed", ""},
		{200, "PUT", "/guardian/settings", `{"display_remember_me_checkbox":false,"remember_me_default_value":true,"mfa_session_inactivity_timeout":3600,"mfa_session_overall_timeout":7200}`, "", ""},
		{200, "GET", "/guardian/settings", "", `"display_remember_me_checkbox":false`, ""},
		{200, "GET", "/guardian/factors/email/settings", "", `"otp_length":6`, ""},
	} {
		a := d.send(row.verb, "/api/v2"+row.path, row.body)
		if a.status != row.status || !strings.Contains(a.text, row.want) || row.not != "" && strings.Contains(a.text, row.not) {
			t.Errorf("%s %s %s: %d %s, want %d %s", row.verb, row.path, row.body, a.status, a.text, row.status, row.want)
		}
	}
}

// TestNewerAgent: an agent has an agent_id, and what it is made of changes.
func TestNewerAgent(t *testing.T) {
	d := newDesk(t, sim.Options{})
	id := d.want(201, "POST", "/api/v2/agents", `{"name":"one","metadata":{"a":"b"}}`).object(t)["agent_id"].(string)
	if !strings.HasPrefix(id, "agt_") {
		t.Errorf("an agent is called %s", id)
	}
	if a := d.want(200, "PATCH", "/api/v2/agents/"+id, `{"name":"two","metadata":null}`).object(t); a["name"] != "two" || len(a["metadata"].(map[string]any)) != 0 {
		t.Errorf("%v", a)
	}
	if got := d.want(200, "GET", "/api/v2/agents?take=10", "").object(t)["agents"].([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	d.want(204, "DELETE", "/api/v2/agents/"+id, "")
	d.want(404, "GET", "/api/v2/agents/"+id, "")
}

// TestNewerKeys: the newest stands first, ten is the most, and another can be
// made when one is gone.
func TestNewerKeys(t *testing.T) {
	d := newDesk(t, sim.Options{})
	key := base64.StdEncoding.EncodeToString(make([]byte, 64))
	post := func(status, i int) answer {
		return d.want(status, "POST", "/api/v2/keys/network-acls", fmt.Sprintf(`{"name":"k%d","alg":"hmac-sha256","value":%q}`, i, key))
	}
	var id string
	for i := range 10 {
		id = post(201, i).object(t)["id"].(string)
	}
	post(403, 10)
	if first := d.want(200, "GET", "/api/v2/keys/network-acls", "").object(t)["keys"].([]any)[0].(map[string]any); first["id"] != id {
		t.Errorf("%v stands first", first)
	}
	d.want(204, "DELETE", "/api/v2/keys/network-acls/"+id, "")
	d.want(404, "GET", "/api/v2/keys/network-acls/"+id, "")
	post(201, 11)
}

// TestNewerScopes: a token needs the scope that the SDK's types name.
func TestNewerScopes(t *testing.T) {
	d := newDesk(t, sim.Options{})
	token, err := d.tenant.Token("read:agents")
	if err != nil {
		t.Fatal(err)
	}
	d.token = token
	d.want(200, "GET", "/api/v2/agents", "")
	if a := d.want(403, "POST", "/api/v2/agents", `{"name":"one"}`); !strings.Contains(a.text, "create:agents") {
		t.Error(a.text)
	}
}

// TestNewerSearches: SCIM and Lucene, sorted, by checkpoints.
func TestNewerSearches(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }})
	for _, o := range []string{`{"name":"zeta","display_name":"The Last"}`, `{"name":"acme","display_name":"ACME Company","metadata":{"plan":"gold"}}`, `{"name":"acorn","display_name":"Oak"}`} {
		d.want(201, "POST", "/api/v2/organizations", o)
		now = now.Add(24 * time.Hour)
		d.token = must(d.tenant.Token())
	}
	d.want(201, "POST", "/api/v2/resource-servers", `{"name":"Orders","identifier":"https://orders.example.com","signing_alg":"HS256"}`)
	names := func(query string) string {
		var out []string
		for from := ""; ; {
			a := d.want(200, "GET", "/api/v2/organizations/search?take=2&"+query+from, "").object(t)
			for _, v := range a["organizations"].([]any) {
				out = append(out, v.(map[string]any)["name"].(string))
			}
			next, more := a["next"].(string)
			if !more {
				return strings.Join(out, " ")
			}
			from = "&from=" + next
		}
	}
	for q, want := range map[string]string{
		"":                                       "zeta acme acorn",
		"sort=name":                              "acme acorn zeta",
		"q=name:ac*":                             "acme acorn",
		"q=company":                              "acme",
		"q=gold":                                 "", // a word is looked for in the two names
		"q=NAME:acme":                            "", // Lucene knows fields by their case
		`q=name:"acme" OR name:"zeta"&sort=name`: "acme zeta",
		`q=metadata.plan:gold`:                   "acme",
		`q=created_at:[2026-03-02 TO *]`:         "acme acorn",
		`parser=scim&q=name eq "ACME"`:           "acme",
		`parser=scim&q=displayname pr`:           "",
		`parser=scim&q=display_name co "COMP" or name sw "z"`:                     "zeta acme",
		`parser=scim&q=created_at gt "2026-03-01" and not (name eq "acorn")`:      "acme",
		`parser=scim&q=created_at le "2026-03-02T00:00:00Z"`:                      "zeta acme",
		`parser=scim&q=metadata.plan eq "gold"`:                                   "acme",
		`parser=scim&q=metadata.plan ne "gold"`:                                   "zeta acorn",
		`parser=scim&q=name ew "orn" and (name sw "ac" or name sw "z")&sort=name`: "acorn",
	} {
		if got := names(queryText(q)); got != want {
			t.Errorf("%s: got %q, want %q", q, got, want)
		}
	}
	for q, want := range map[string]string{
		`parser=scim&q=name is "acme"`:   "is is no operator",
		`parser=scim&q=name eq`:          "has no value",
		`parser=scim&q=name eq acme`:     "without quotation marks",
		`parser=scim&q=name eq "acme`:    "has no end",
		`parser=scim&q=(name eq "acme"`:  "not closed",
		`parser=scim&q=name eq "acme" x`: "x is not expected",
		`parser=scim&q=name co "a"`:      "at least 3 characters",
		`parser=scim&q=name pr or name pr or name pr or name pr or name pr or name pr`: "5 are allowed",
		`q=name:(`:  "Invalid search query",
		`sort=plan`: "No enum match for: plan",
		`parser=x`:  "No enum match for: x",
		`take=101`:  "take",
		`colour=1`:  "Additional properties not allowed",
	} {
		if a := d.want(400, "GET", "/api/v2/organizations/search?"+queryText(q), ""); !strings.Contains(a.text, want) {
			t.Errorf("%s: %s lacks %q", q, a.text, want)
		}
	}
	a := d.want(200, "GET", "/api/v2/resource-servers/search?"+queryText(`parser=scim&q=identifier sw "https://orders"&fields=name,identifier,signing_secret`), "").object(t)
	found := a["resource_servers"].([]any)
	if len(found) != 1 || !slices.Equal(sorted(found[0].(map[string]any)), []string{"identifier", "name"}) {
		t.Errorf("%v", a)
	}
}

// queryText encodes the value of each a=b in a query written plainly.
func queryText(plain string) string {
	v := url.Values{}
	for pair := range strings.SplitSeq(plain, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			v.Set(name, value)
		}
	}
	return v.Encode()
}

func sorted(o map[string]any) []string {
	var out []string
	for k := range o {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// TestNewerFault: a fault may name one of these operations.
func TestNewerFault(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte("faults: [{operation: agents.list, status: 503}]")})
	d.want(503, "GET", "/api/v2/agents", "")
	d.want(200, "GET", "/api/v2/agents", "")
	if got := d.tenant.Requests()[0].Operation; got != "agents.list" {
		t.Errorf("the log calls it %s", got)
	}
}
