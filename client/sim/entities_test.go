package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// entitiesOf are a plan's limits on objects without those on rates.
func entitiesOf(t *testing.T, plan string) sim.Limits {
	t.Helper()
	if plan == "" {
		return sim.Limits{}
	}
	l, err := sim.PlanLimits(plan)
	if err != nil {
		t.Fatal(err)
	}
	return sim.Limits{Entities: l.Entities}
}

const fullBody = `{"error":"Forbidden","errorCode":"too_many_entities","message":"You reached the limit of entities of this type for this tenant.","statusCode":403}`

// times joins n texts made of a form with one number.
func times(n int, form string) string {
	var all []string
	for i := range n {
		all = append(all, strings.ReplaceAll(form, "#", fmt.Sprint(i)))
	}
	return strings.Join(all, ", ")
}

// An entityRow is a tenant on a plan which has room for some more.
type entityRow struct {
	plan, what, seed string
	room             int // -1: for any number
	verb, path       string
	// body is what adds one; # is how many were added before. over is that of
	// the one too many, "" if it is like the others.
	body, over string
}

func entityRows() []entityRow {
	const (
		clients, conns, rules, apis = "/api/v2/clients", "/api/v2/connections", "/api/v2/rules", "/api/v2/resource-servers"
		org                         = "/api/v2/organizations/org_a"
		actions                     = "/api/v2/actions/actions"
		act                         = `{"name":"n","supported_triggers":[{"id":"post-login","version":"v3"}],`
		api                         = "resource_servers: [{identifier: \"urn:x\", name: x}]\n"
		held                        = `{permission_name: "p#", resource_server_identifier: "urn:x"}`
		more                        = `{"permissions":[{"permission_name":"q#","resource_server_identifier":"urn:x"}]}`
		role                        = "{id: rol_#, name: n#}"
	)
	list := func(key string, n int, form string) string { return key + ": [" + times(n, form) + "]\n" }
	user := func(more string) string { return "users: [{user_id: auth0|u, email: u@x.example" + more + "}]\n" }
	array := func(key string, n int, form string) string { return `"` + key + `":[` + times(n, form) + "]" }
	secret, dep := `{"name":"s#","value":"x"}`, `{"name":"d#","version":"1"}`
	binding := `{"ref":{"type":"action_name","value":"a#"}}`
	bound := list("actions", 21, `{id: "#", name: "a#"}`)
	return []entityRow{
		// A caller's own application counts, and the default database.
		{"free", "applications", "", 9, "POST", clients, `{"name":"a#"}`, ""},
		{"free", "applications that register themselves", "", 9, "POST", "/oidc/register", `{"client_name":"a#","redirect_uris":["https://x.example/"]}`, ""},
		{"free", "connections", list("connections", 99, "{name: c#, strategy: auth0}"), 1, "POST", conns, `{"name":"d#","strategy":"auth0"}`, ""},
		{"free", "social connections", "", 2, "POST", conns, `{"name":"s#","strategy":"github"}`, ""},
		{"free", "rules", "", 3, "POST", rules, `{"name":"r#","script":"x"}`, ""},
		{"free", "APIs", "", 10, "POST", apis, `{"identifier":"urn:#"}`, ""},
		{
			"free", "client grants", "clients: [{client_id: x, name: x}]\n" + list("resource_servers", 102, `{identifier: "urn:#", name: x}`) +
				list("client_grants", 98, `{client_id: x, audience: "urn:#", scope: []}`), 1, "POST", "/api/v2/client-grants",
			`{"client_id":"x","audience":"urn:100","scope":[]}`, `{"client_id":"x","audience":"urn:101","scope":[]}`,
		},
		{"essentials-professional", "applications", list("clients", 98, "{client_id: c#, name: x}"), 1, "POST", clients, `{"name":"a#"}`, ""},
		{"essentials-professional", "rules", "", 10, "POST", rules, `{"name":"r#","script":"x"}`, ""},
		{"essentials-professional", "APIs", list("resource_servers", 99, `{identifier: "urn:s#", name: x}`), 1, "POST", apis, `{"identifier":"urn:#"}`, ""},
		{"essentials-professional", "social connections", "", -1, "POST", conns, `{"name":"s#","strategy":"github"}`, ""},
		{"enterprise", "rules", "", -1, "POST", rules, `{"name":"r#","script":"x"}`, ""},
		{"enterprise", "applications", list("clients", 120, "{client_id: c#, name: x}"), -1, "POST", clients, `{"name":"a#"}`, ""},
		{"enterprise", "self-service profiles", "", 20, "POST", "/api/v2/self-service-profiles", `{"name":"p#"}`, ""},
		{"", "applications without a plan", "", -1, "POST", clients, `{"name":"a#"}`, ""},
		{"free", "roles", list("roles", 999, role), 1, "POST", "/api/v2/roles", `{"name":"r#"}`, ""},
		{"free", "scopes of an API", "", 0, "POST", apis, "", `{"identifier":"urn:x",` + array("scopes", 1001, `{"value":"s#"}`) + "}"},
		{"free", "scopes of an API, the last", "", 1, "POST", apis, `{"identifier":"urn:x",` + array("scopes", 1000, `{"value":"s#"}`) + "}", `{"identifier":"urn:y",` + array("scopes", 1001, `{"value":"s#"}`) + "}"},
		{"free", "roles of a user", list("roles", 51, role) + user(", roles: ["+times(49, "rol_#")+"]"), 1, "POST", users + "/auth0%7Cu/roles", `{"roles":["rol_49","rol_1"]}`, `{"roles":["rol_50"]}`},
		{
			"free", "a user more of a role", list("roles", 51, role) + "users: [{user_id: auth0|u, email: u@x.example, roles: [" + times(50, "rol_#") + "]}, {user_id: auth0|v, email: v@x.example}]",
			1, "POST", "/api/v2/roles/rol_50/users", `{"users":["auth0|v"]}`, `{"users":["auth0|v","auth0|u"]}`,
		},
		{"free", "permissions of a user", api + user(", permissions: ["+times(999, held)+"]"), 1, "POST", users + "/auth0%7Cu/permissions", more, ""},
		{"free", "permissions of a role", api + "roles: [{id: rol_a, name: a, permissions: [" + times(999, held) + "]}]", 1, "POST", "/api/v2/roles/rol_a/permissions", more, ""},
		{
			"free", "connections of an organization", list("connections", 11, "{id: con_#, name: c#, strategy: auth0}") +
				"organizations: [{id: org_a, name: a, enabled_connections: [" + times(9, "{connection_id: con_#}") + "]}]",
			1, "POST", org + "/enabled_connections", `{"connection_id":"con_9"}`, `{"connection_id":"con_10"}`,
		},
		{
			"free", "connections of a new organization", list("connections", 11, "{id: con_#, name: c#, strategy: auth0}"), 1, "POST", "/api/v2/organizations",
			`{"name":"a",` + array("enabled_connections", 10, `{"connection_id":"con_#"}`) + "}", `{"name":"b",` + array("enabled_connections", 11, `{"connection_id":"con_#"}`) + "}",
		},
		{"free", "roles of a member", list("roles", 51, role) + user("") + `organizations: [{id: org_a, name: a, members: ["auth0|u"]}]`, 50, "POST", org + "/members/auth0%7Cu/roles", `{"roles":["rol_#"]}`, ""},
		{"free", "secrets of an action", "", 1, "POST", actions, act + array("secrets", 30, secret) + "}", act + array("secrets", 31, secret) + "}"},
		{"free", "dependencies of an action", "", 1, "POST", actions, act + array("dependencies", 10, dep) + "}", act + array("dependencies", 11, dep) + "}"},
		{"free", "actions of a trigger", bound, 1, "PATCH", "/api/v2/actions/triggers/post-login/bindings", "{" + array("bindings", 20, binding) + "}", "{" + array("bindings", 21, binding) + "}"},
	}
}

// TestEntityLimits: at each limit of Auth0's page "Entity Limit Policy" the last
// one is taken, and one more is refused as Auth0 refuses it.
func TestEntityLimits(t *testing.T) {
	t.Parallel()
	for _, row := range entityRows() {
		t.Run(row.plan+" "+row.what, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, sim.Options{Seed: []byte(row.seed), Limits: entitiesOf(t, row.plan)})
			many := row.room
			if many < 0 {
				many = 15
			}
			for i := range many {
				if a := d.send(row.verb, row.path, strings.ReplaceAll(row.body, "#", fmt.Sprint(i))); a.status >= 300 {
					t.Fatalf("number %d: %d %s", i+1, a.status, a.text)
				}
			}
			if row.room < 0 {
				return
			}
			over := row.over
			if over == "" {
				over = strings.ReplaceAll(row.body, "#", fmt.Sprint(many))
			}
			if a := d.send(row.verb, row.path, over); a.status != 403 || a.text != fullBody {
				t.Fatalf("one too many: %d %s", a.status, a.text)
			}
		})
	}
}

// TestEntityFigures: what is too many for a test to make.
func TestEntityFigures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]int{ // free, essentials-professional, enterprise, private-100; 0: no limit
		"organizations": {100_000, 100_000, 100_000, 0}, "organizations.members": {100_000, 100_000, 100_000, 0},
		"organizations.client_grants": {100, 100, 100, 1000}, "clients": {10, 100, 100_000, 100_000}, "client_grants": {100, 10_000, 100_000, 100_000},
		"clients.credentials": {0, 0, 2000, 2000}, "resource_servers": {10, 100, 100_000, 100_000}, "connections": {100, 100, 0, 0},
		"rules": {3, 10, 0, 0}, "users.refresh_tokens": {200, 200, 200, 200}, "actions.versions": {50, 50, 50, 50}, "forms": {500, 500, 500, 500},
	} {
		for i, plan := range []string{"free", "essentials-professional", "enterprise", "private-100"} {
			if got := entitiesOf(t, plan).Entities[name]; got != want[i] {
				t.Errorf("%s: %s: %d, want %d", plan, name, got, want[i])
			}
		}
	}
}

// TestEntityRoom: what is deleted makes room, a seed may hold more than a create
// could, and a limit of the seed counts as one of a plan does.
func TestEntityRoom(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: []byte("limits: {entities: {roles: 2}}\nroles: [{id: rol_a, name: a}, {id: rol_b, name: b}, {id: rol_c, name: c}]")})
	d.want(403, "POST", "/api/v2/roles", `{"name":"d"}`)
	d.want(200, "DELETE", "/api/v2/roles/rol_a", "")
	d.want(403, "POST", "/api/v2/roles", `{"name":"d"}`)
	d.want(200, "DELETE", "/api/v2/roles/rol_b", "")
	d.want(200, "POST", "/api/v2/roles", `{"name":"d"}`)
	if got := d.want(200, "GET", "/api/v2/logs?q=type:fapi", "").list(t); len(got) != 2 {
		t.Errorf("refusals in the log: %v", got)
	}
	_, err := sim.New(sim.Options{Seed: []byte("limits: {entities: {role: 2}}")})
	if err == nil || !strings.Contains(err.Error(), "roles") {
		t.Errorf("a kind that does not exist: %v", err)
	}
}

// TestEntitiesGiveWay: a refresh token or a version of an action that is one too
// many makes the oldest go.
func TestEntitiesGiveWay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }, Limits: sim.Limits{Entities: map[string]int{"users.refresh_tokens": 2, "actions.versions": 3}}, Seed: []byte(`
users: [{user_id: auth0|ann, email: ann@example.com, password: Secret-1, email_verified: true}]
actions: [{id: act_a, name: a}]
`)})
	var tokens []string
	for range 3 {
		now = now.Add(time.Minute)
		got := d.logIn("ann@example.com", "Secret-1", "scope", "openid offline_access").object(t)
		tokens = append(tokens, got["refresh_token"].(string))
	}
	for i, text := range tokens {
		want := 200
		if i == 0 {
			want = 403
		}
		if a := d.form("/oauth/token", d.runner("refresh_token", map[string]string{"refresh_token": text})); a.status != want {
			t.Errorf("refresh token %d: %d %s", i, a.status, a.text)
		}
	}
	for i := range 5 {
		d.want(200, "POST", "/api/v2/actions/actions/act_a/deploy", "")
		var numbers []string
		for _, v := range d.want(200, "GET", "/api/v2/actions/actions/act_a/versions", "").object(t)["versions"].([]any) {
			numbers = append(numbers, fmt.Sprint(v.(map[string]any)["number"]))
		}
		slices.Sort(numbers)
		if want := []string{"1", "1 2", "1 2 3", "2 3 4", "3 4 5"}[i]; strings.Join(numbers, " ") != want {
			t.Errorf("after %d deployments there are versions %v, want %s", i+1, numbers, want)
		}
	}
}
