package sim_test

import (
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

const seedText = `
clock: 2026-01-31T12:00:00Z
limits: {rate: 50/s, burst: 100, reset: full, groups: {users.write: {rate: 200/min, burst: 20}}}
faults:
  - {operation: roles.get, status: 503, delay: 1ms}
connections:
  - {id: con_1, name: main, strategy: auth0, options: {passwordPolicy: fair}}
  - {name: google, strategy: google-oauth2}
roles:
  - {id: rol_admin, name: admin, permissions: [{resource_server_identifier: "https://api", permission_name: "read:x"}]}
resource_servers:
  - {identifier: "https://api", name: API, scopes: [{value: "read:x", description: reads x}]}
users:
  - {user_id: auth0|1, email: Ann@example.com, connection: main, password: pw, roles: [admin], logins_count: 12345678901234567890,
     created_at: "2020-01-01T00:00:00.000Z", app_metadata: {since: 2020-01-02}}
  - {user_id: google-oauth2|7, email: ann@example.com, identities: [{connection: google, provider: google-oauth2, user_id: "7", isSocial: true}]}
organizations:
  - {id: org_1, name: acme, members: [auth0|1], enabled_connections: [{connection_id: con_1}]}
tenants: {friendly_name: Seeded}
`

func TestSeed(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(seedText), SeedName: "seed.yaml"})
	u := d.want(200, "GET", users+"/auth0%7C1", "").object(t)
	if u["email"] != "ann@example.com" || u["created_at"] != "2020-01-01T00:00:00.000Z" || u["password"] != nil || u["roles"] != nil {
		t.Fatalf("the user is %v", u)
	}
	if since := u["app_metadata"].(map[string]any)["since"]; since != "2020-01-02" {
		t.Fatalf("a date became %v", since)
	}
	if a := d.want(200, "GET", users+"/auth0%7C1?fields=logins_count", ""); a.text != `{"logins_count":12345678901234567890}` {
		t.Fatalf("a big number became %s", a.text)
	}
	if got := d.want(200, "GET", users+"/auth0%7C1/roles", "").list(t); len(got) != 1 || got[0].(map[string]any)["id"] != "rol_admin" {
		t.Fatalf("roles: %v", got)
	}
	perms := d.want(200, "GET", "/api/v2/roles/rol_admin/permissions", "").list(t)
	if len(perms) != 1 || perms[0].(map[string]any)["description"] != "reads x" {
		t.Fatalf("permissions: %v", perms)
	}
	if got := d.want(200, "GET", "/api/v2/users-by-email?email=ann%40example.com", "").list(t); len(got) != 2 {
		t.Fatalf("by e-mail: %v", got)
	}
	if got := d.want(200, "GET", "/api/v2/organizations/org_1/members", "").list(t); len(got) != 1 {
		t.Fatalf("members: %v", got)
	}
	if got := d.want(200, "GET", "/api/v2/tenants/settings", "").object(t); got["friendly_name"] != "Seeded" || got["default_directory"] == nil {
		t.Fatalf("settings: %v", got)
	}
	conn := d.want(200, "GET", "/api/v2/connections/con_1", "").object(t)
	if len(conn["options"].(map[string]any)) != 1 {
		t.Fatalf("options were filled in beside what the API returned: %v", conn["options"])
	}
	a := d.want(503, "GET", "/api/v2/roles/rol_admin", "")
	if a.status != 503 {
		t.Fatal("the fault did not act")
	}
	limited := d.want(200, "PATCH", users+"/auth0%7C1", `{"blocked":true}`)
	if limited.header.Get("X-Ratelimit-Limit") != "20" {
		t.Fatalf("limits of the seed: %v", limited.header)
	}
	made := d.want(200, "POST", "/api/v2/roles", `{"name":"x"}`)
	if made.header.Get("X-Ratelimit-Limit") != "100" {
		t.Fatalf("limits of the seed: %v", made.header)
	}
	if at := d.tenant.Requests()[0].At; at.Before(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)) || at.After(time.Date(2026, 1, 31, 12, 5, 0, 0, time.UTC)) {
		t.Fatalf("the clock of the seed shows %s", at)
	}
}

func TestSeedAsJSON(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`{"users":[{"email":"a@b.c"}],"limits":{"rate":5,"burst":9}}`)})
	a := d.want(200, "GET", users, "")
	if len(a.list(t)) != 1 || a.header.Get("X-Ratelimit-Limit") != "9" {
		t.Fatalf("got %s", a.text)
	}
}

func TestSeedMistakes(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"user: []", `s.yaml:1: no resource is called "user"; did you mean "users"?`},
		{"roles: []\nlimit: {}", `s.yaml:2: no resource is called "limit"; did you mean "limits"?`},
		{"limits: {rte: 5}", `s.yaml:1: limits has no key "rte"; did you mean "rate"?`},
		{"limits: {rate: fast}", `"fast" is no rate`},
		{"limits: {rate: 5/s, reset: soon}", `reset is "soon"`},
		{"limits: {groups: {user.write: {rate: 5/s}}}", `no rate-limit bucket is called "user.write"; did you mean "users.write"?`},
		{"faults:\n  - {operation: users.updte}", `did you mean "users.update"?`},
		{"faults:\n  - {staus: 5}", `s.yaml:2: fault has no key "staus"; did you mean "status"?`},
		{"faults:\n  - {reset: never}", `"never" is not "before" or "after"`},
		{"clock: noon", `clock is "noon"`},
		{"users: {}", "users is a list of objects"},
		{"users: [5]", "an object is expected"},
		{"tenants: []", "tenants is one object"},
		{"users:\n  - {email: a@b.c}\n  - {email: A@b.c}", `s.yaml:3: users: two users of connection "Username-Password-Authentication" have the same email`},
		{"users: [{email: a@b.c, roles: [admn]}]\nroles: [{name: admin}]", `there is no role "admn"; did you mean "admin"?`},
		{"users: [{email: a@b.c, connection: x}]", `there is no connection "x"`},
		{"connections: [{name: a, strategy: auth0}, {name: a, strategy: auth0}]", `two connections are called "a"`},
		{"roles: [{name: a}, {name: a}]", `two have the name "a"`},
		{"[]", "a seed is a map"},
		{"users: &x [{a: *x}]", "nested too deep"},
		{"users: [", "s.yaml: yaml:"},
	} {
		_, err := sim.New(sim.Options{Seed: []byte(c.text), SeedName: "s.yaml"})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.says)
		}
	}
}

// FuzzSeed asks that no text makes the reader of seeds fall over, and that an
// error names the file.
func FuzzSeed(f *testing.F) {
	f.Add(seedText)
	for _, s := range []string{
		`{"users":[{"email":"a@b.c","identities":5,"roles":[{}]}]}`, "users: [&a {email: 5}, *a]", "a: &x [*x]", "limits: 5", "faults: [5]",
		"clock: {}", "organizations: [{name: a, members: [x], enabled_connections: [5]}]", "\x00", "roles: [{permissions: [5]}]",
		"clients: [{client_authentication_methods: 5, jwt_configuration: []}]", "? [a]\n: b", "users: [{user_id: '|', connection: {}}]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := sim.New(sim.Options{Seed: []byte(text), SeedName: "the-seed"})
		if err != nil && !strings.Contains(err.Error(), "the-seed") && !strings.Contains(err.Error(), "limits:") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// TestSeedOfWhatNobodyMakes: what no request makes can be seeded.
func TestSeedOfWhatNobodyMakes(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(`
organization_templates: [{id: otp_a, name: small}]
connection_profile_templates: [{id: enterprise, display_name: E}]
user_attribute_profile_templates: [{id: auth0-generic, display_name: G}]
actions_executions: [{id: exe_1, trigger_id: post-login}]
flows: [{id: af_1, name: f, executions: [{id: exe_2, trace_id: t}]}]
event_streams: [{id: est_0000000000000000000001, name: s, deliveries: [{id: evt_0000000000000000000001, status: failed}]}]
blocked_ips: [{id: 203.0.113.7}]
`)})
	for path, want := range map[string]string{
		"/connection-profiles/templates": "enterprise", "/connection-profiles/templates/enterprise": `"display_name":"E"`,
		"/user-attribute-profiles/templates/auth0-generic": `"display_name":"G"`, "/actions/executions/exe_1": "post-login",
		"/flows/af_1/executions": "exe_2", "/flows/af_1/executions/exe_2": `"trace_id":"t"`,
		"/event-streams/est_0000000000000000000001/deliveries": "failed", "/anomaly/blocks/ips/203.0.113.7": "",
	} {
		if a := d.want(200, "GET", "/api/v2"+path, ""); !strings.Contains(a.text, want) {
			t.Errorf("%s: %s lacks %s", path, a.text, want)
		}
	}
	if a := d.want(200, "GET", "/api/v2/flows/af_1", ""); strings.Contains(a.text, "executions") {
		t.Errorf("a flow shows %s", a.text)
	}
}
