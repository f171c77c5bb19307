package sim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"a0run/client/sim"
)

const houseSeed = `
connections:
  - {id: con_db, name: db, strategy: auth0, options: {a: 1, b: 2}, enabled_clients: [a0runLocalClientWithASecret00000]}
  - {id: con_goo, name: goo, strategy: google-oauth2}
roles: [{id: rol_a, name: A, description: first}, {id: rol_b, name: B}]
resource_servers: [{id: rs1, identifier: "https://api", name: API, scopes: [{value: "read:x", description: reads}]}]
users:
  - {user_id: auth0|1, email: one@example.com, connection: db}
  - {user_id: auth0|2, email: two@example.com, connection: db}
  - {user_id: google-oauth2|3, email: three@example.com, connection: goo}
organizations: [{id: org_1, name: acme}]
`

func house(t *testing.T) *desk {
	t.Helper()
	return newDesk(t, sim.Options{Seed: []byte(houseSeed)})
}

const api = "/api/v2"

// jsonOf writes a value as JSON text, for comparisons that read well.
func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRolesAndPermissions(t *testing.T) {
	d := house(t)
	one := api + "/users/auth0%7C1"
	d.want(204, "POST", one+"/roles", `{"roles":["rol_a","rol_b"]}`)
	d.want(404, "POST", one+"/roles", `{"roles":["rol_x"]}`)
	d.want(404, "POST", api+"/users/auth0%7C9/roles", `{"roles":["rol_a"]}`)
	if got := jsonOf(t, d.want(200, "GET", one+"/roles", "").body); got != `[{"description":"first","id":"rol_a","name":"A"},{"description":null,"id":"rol_b","name":"B"}]` {
		t.Errorf("roles %s", got)
	}
	d.want(200, "POST", api+"/roles/rol_a/users", `{"users":["auth0|2"]}`)
	page := d.want(200, "GET", api+"/roles/rol_a/users?take=1", "").object(t)
	if len(page["users"].([]any)) != 1 || page["next"] == nil {
		t.Errorf("users of the role %v", page)
	}
	d.want(204, "DELETE", one+"/roles", `{"roles":["rol_b"]}`)
	if got := d.want(200, "GET", api+"/roles/rol_b/users?include_totals=true", "").object(t); got["total"] != 0.0 {
		t.Errorf("the role still has %v", got)
	}
	perm := `{"permissions":[{"resource_server_identifier":"https://api","permission_name":"read:x"}]}`
	for _, path := range []string{one, api + "/roles/rol_a"} {
		if a := d.want(201, "POST", path+"/permissions", perm); a.text != "{}" {
			t.Errorf("answers %q", a.text)
		}
		p := d.want(200, "GET", path+"/permissions", "").list(t)[0].(map[string]any)
		if p["description"] != "reads" || p["resource_server_name"] != "API" {
			t.Errorf("permission %v", p)
		}
		if sources := p["sources"]; (path == one) != (sources != nil) {
			t.Errorf("%s: sources %v", path, sources)
		}
	}
	if got := d.want(200, "GET", one+"/effective-permissions?resource_server_identifier=https%3A%2F%2Fapi", "").object(t); len(got["permissions"].([]any)) != 1 {
		t.Errorf("effective %v", got)
	}
	d.want(404, "POST", one+"/permissions", strings.ReplaceAll(perm, "https://api", "https://nowhere"))
	d.want(204, "DELETE", one+"/permissions", perm)
	if a := d.want(200, "DELETE", api+"/roles/rol_a", ""); a.text != "{}" {
		t.Errorf("deleting a role says %q", a.text)
	}
	d.want(404, "DELETE", api+"/roles/rol_a", "")
	if got := d.want(200, "GET", one+"/roles", "").list(t); len(got) != 0 {
		t.Errorf("a deleted role is still assigned: %v", got)
	}
	d.want(409, "POST", api+"/roles", `{"name":"B"}`)
}

func TestConnections(t *testing.T) {
	d := house(t)
	one := api + "/connections/con_db"
	d.want(200, "PATCH", one, `{"options":{"b":3}}`)
	got := d.want(200, "GET", one, "").object(t)
	if s := jsonOf(t, got["options"]); s != `{"b":3}` {
		t.Errorf("options are %s: they are replaced as a whole", s)
	}
	if s := jsonOf(t, got["enabled_clients"]); s != `["a0runLocalClientWithASecret00000"]` {
		t.Errorf("enabled_clients %s", s)
	}
	renamed := d.want(200, "PATCH", one, `{"name":"fresh"}`).object(t)
	if renamed["name"] != "fresh" || jsonOf(t, renamed["realms"]) != `["fresh"]` {
		t.Errorf("renamed to %v", renamed)
	}
	u := d.want(200, "GET", api+"/users/auth0%7C1", "").object(t)
	if !strings.Contains(jsonOf(t, u["identities"]), `"fresh"`) {
		t.Errorf("the users did not follow: %v", u["identities"])
	}
	d.want(400, "PATCH", one, `{"strategy":"email"}`)
	d.want(409, "PATCH", one, `{"name":"goo"}`)
	d.want(409, "POST", api+"/connections", `{"name":"goo","strategy":"email"}`)
	d.want(400, "POST", api+"/connections", `{"name":"not allowed","strategy":"email"}`)
	d.want(204, "PATCH", one+"/clients", `[{"client_id":"a0runLocalClientWithAPrivateKey0","status":true},{"client_id":"a0runLocalClientWithASecret00000","status":false}]`)
	clients := d.want(200, "GET", one+"/clients", "").object(t)
	if s := jsonOf(t, clients["clients"]); s != `[{"client_id":"a0runLocalClientWithAPrivateKey0"}]` {
		t.Errorf("clients %s", s)
	}
	if del := d.want(202, "DELETE", one, "").object(t); del["deleted_at"] == nil {
		t.Errorf("deleting says %v", del)
	}
	d.want(204, "DELETE", one, "")
	if left := d.want(200, "GET", api+"/users", "").list(t); len(left) != 1 {
		t.Errorf("%d users are left: a connection takes its own with it", len(left))
	}
	strict := newDesk(t, sim.Options{Seed: []byte(houseSeed), NoConnectionRename: true})
	if a := strict.want(400, "PATCH", one, `{"name":"fresh"}`).object(t); a["errorCode"] != "invalid_body" {
		t.Errorf("got %v", a)
	}
}

func TestClients(t *testing.T) {
	d := house(t)
	first := d.want(201, "POST", api+"/clients", `{"name":"same"}`).object(t)
	second := d.want(201, "POST", api+"/clients", `{"name":"same"}`).object(t)
	if first["client_id"] == second["client_id"] {
		t.Fatal("two clients of one name are one")
	}
	if s := jsonOf(t, first["grant_types"]); s != `["authorization_code","implicit","refresh_token","client_credentials"]` {
		t.Errorf("grant_types %s", s)
	}
	path := fmt.Sprintf("%s/clients/%s", api, first["client_id"])
	d.want(200, "PATCH", path, `{"client_metadata":{"a":"1","b":"2"}}`)
	got := d.want(200, "PATCH", path, `{"client_metadata":{"a":null,"c":"3"},"description":"d"}`).object(t)
	if s := jsonOf(t, got["client_metadata"]); s != `{"b":"2","c":"3"}` {
		t.Errorf("client_metadata %s", s)
	}
	rotated := d.want(200, "POST", path+"/rotate-secret", "").object(t)
	if rotated["client_secret"] == first["client_secret"] {
		t.Error("the secret did not change")
	}
	d.want(400, "POST", api+"/clients", `{"name":"x","client_id":"mine"}`)
	token, err := d.tenant.Token("read:clients")
	if err != nil {
		t.Fatal(err)
	}
	d.token = token
	if c := d.want(200, "GET", path, "").object(t); c["client_secret"] != nil {
		t.Error("the secret is shown to a token without read:client_keys")
	}
	if got := d.want(200, "GET", api+"/clients?fields=client_id", "").list(t)[0].(map[string]any); got["tenant"] == nil || len(got) != 2 {
		t.Errorf("fields=client_id gives %v", got)
	}
}

func TestOrganizations(t *testing.T) {
	d := house(t)
	org := api + "/organizations/org_1"
	d.want(204, "POST", org+"/members", `{"members":["auth0|1","auth0|2"]}`)
	d.want(404, "POST", org+"/members", `{"members":["auth0|9"]}`)
	d.want(204, "POST", org+"/members/auth0%7C1/roles", `{"roles":["rol_a"]}`)
	d.want(404, "GET", org+"/members/google-oauth2%7C3/roles", "")
	m := d.want(200, "GET", org+"/members", "").list(t)[0].(map[string]any)
	if m["roles"] != nil || m["email"] != "one@example.com" {
		t.Errorf("member %v", m)
	}
	m = d.want(200, "GET", org+"/members?fields=user_id,roles", "").list(t)[0].(map[string]any)
	if s := jsonOf(t, m); s != `{"roles":[{"id":"rol_a","name":"A"}],"user_id":"auth0|1"}` {
		t.Errorf("member %s", s)
	}
	d.want(400, "POST", org+"/enabled_connections", `{"connection_id":"con_goo","is_signup_enabled":true}`)
	e := d.want(201, "POST", org+"/enabled_connections", `{"connection_id":"con_db","assign_membership_on_login":true}`).object(t)
	if s := jsonOf(t, e["connection"]); s != `{"name":"db","strategy":"auth0"}` || e["show_as_button"] != true {
		t.Errorf("enabled connection %v", e)
	}
	d.want(409, "POST", org+"/enabled_connections", `{"connection_id":"con_db"}`)
	d.want(200, "PATCH", org+"/enabled_connections/con_db", `{"show_as_button":false}`)
	if got := d.want(200, "GET", org+"/enabled_connections", "").list(t); got[0].(map[string]any)["show_as_button"] != false {
		t.Errorf("%v", got)
	}
	d.want(200, "GET", api+"/organizations/name/acme", "")
	d.want(400, "POST", org+"/invitations", `{"inviter":{"name":"x"},"invitee":{"email":"a@b.c"},"client_id":"a0runLocalClientWithASecret00000"}`)
	d.want(200, "PATCH", api+"/clients/a0runLocalClientWithASecret00000", `{"organization_usage":"allow","initiate_login_uri":"https://app.example/login"}`)
	inv := d.want(200, "POST", org+"/invitations", `{"inviter":{"name":"x"},"invitee":{"email":"a@b.c"},"client_id":"a0runLocalClientWithASecret00000"}`).object(t)
	if !strings.HasPrefix(inv["id"].(string), "uinv_") || !strings.Contains(inv["invitation_url"].(string), "organization_name=acme") {
		t.Errorf("invitation %v", inv)
	}
	d.want(204, "DELETE", org, "")
	d.want(404, "GET", org+"/members", "")
	if got := d.want(200, "GET", api+"/users/auth0%7C1/organizations", "").list(t); len(got) != 0 {
		t.Errorf("the user is still a member: %v", got)
	}
}

func TestLinkingUsers(t *testing.T) {
	d := house(t)
	one := api + "/users/auth0%7C1"
	ids := d.want(201, "POST", one+"/identities", `{"provider":"google-oauth2","user_id":"3"}`).list(t)
	if len(ids) != 2 || ids[1].(map[string]any)["profileData"].(map[string]any)["email"] != "three@example.com" {
		t.Fatalf("identities %v", ids)
	}
	d.want(404, "GET", api+"/users/google-oauth2%7C3", "")
	left := d.want(200, "DELETE", one+"/identities/google-oauth2/3", "").list(t)
	if len(left) != 1 {
		t.Fatalf("identities %v", left)
	}
	if u := d.want(200, "GET", api+"/users/google-oauth2%7C3", "").object(t); u["email"] != "three@example.com" {
		t.Fatalf("the account did not come back: %v", u)
	}
}

func TestChangingAUsersLogin(t *testing.T) {
	d := house(t)
	one := api + "/users/auth0%7C1"
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{`{}`, 400, "Too few properties"},
		{`{"email":"new@example.com"}`, 400, "connection is required"},
		{`{"email":"new@example.com","connection":"goo"}`, 400, "does not have an identity"},
		{`{"email":"two@example.com","connection":"db"}`, 400, "already exists"},
		{`{"password":"p","email_verified":true,"connection":"db"}`, 400, "simultaneously"},
		{`{"blocked":"yes"}`, 400, "Payload validation error: 'Expected type boolean but found type string' on property blocked.\""},
		{`{"app_metadata":[1]}`, 400, "Expected type object but found type array"},
		{`{"created_at":"2020"}`, 400, "Additional properties not allowed: created_at"},
		{`{"email":"New@example.com","connection":"db"}`, 200, `"email":"new@example.com","email_verified":false`},
		{`{"password":"p","connection":"db"}`, 200, "last_password_reset"},
		{`{"app_metadata":{}}`, 200, `"app_metadata":{}`},
	} {
		if a := d.want(c.status, "PATCH", one, c.body); !strings.Contains(a.text, c.says) {
			t.Errorf("%s: got %s", c.body, a.text)
		}
	}
	// The old address is free again, the new one is taken.
	d.want(201, "POST", users, `{"connection":"db","email":"one@example.com","password":"p"}`)
	d.want(409, "POST", users, `{"connection":"db","email":"NEW@example.com","password":"p"}`)
	d.want(201, "POST", users, `{"connection":"goo","email":"new@example.com"}`)
}

// TestIDsFollowFromWhatIsDone: two programs that do the same get the same ids,
// in whatever order, and two tenants never share one.
func TestIDsFollowFromWhatIsDone(t *testing.T) {
	ids := func(domain string, names ...string) map[string]string {
		d := newDesk(t, sim.Options{Domain: domain})
		out := map[string]string{}
		for _, n := range names {
			out[n] = d.want(200, "POST", api+"/roles", `{"name":"`+n+`"}`).object(t)["id"].(string)
		}
		return out
	}
	a, b, other := ids("one.local", "x", "y"), ids("one.local", "y", "x"), ids("two.local", "x", "y")
	if a["x"] != b["x"] || a["y"] != b["y"] || a["x"] == a["y"] {
		t.Errorf("%v and %v differ", a, b)
	}
	if a["x"] == other["x"] {
		t.Errorf("two tenants share %s", a["x"])
	}
}
