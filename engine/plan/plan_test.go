package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/engine/plan"
)

// summaries are the plan's changes, a line each.
func summaries(p *plan.Plan) []string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, c.Summary)
	}
	return out
}

func TestPlaybookSeesItsWrites(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	p := mustPlan(t, d, "p.lua", `
local u = auth0.users.create{connection="db", email="New@Example.com", password="canary-Pa55word!", app_metadata={a=1}}
assert(u.email == "new@example.com" and u.user_id:find("^auth0|plan_"))
assert(auth0.users.get(u.user_id).email == "new@example.com")
assert(#auth0.users.list() == 4)
local found = auth0.users.list{q='email:"new@example.com"'}
assert(#found == 1 and found[1].user_id == u.user_id)
assert(#auth0.users_by_email.search_users_by_email("new@example.com") == 1)
auth0.users.update(u.user_id, {app_metadata={b=2}, blocked=true})
local again = auth0.users.get(u.user_id)
assert(again.app_metadata.a == 1 and again.app_metadata.b == 2 and again.blocked == true)

auth0.users.update("auth0|ada", {app_metadata={plan="pro", seats=json.null}})
local ada = auth0.users.get("auth0|ada")
assert(ada.app_metadata.plan == "pro" and ada.app_metadata.seats == nil, "merge")
assert(#auth0.users.list{q='app_metadata.plan:"pro"'} == 1, "enters the search")
assert(#auth0.users.list{q='app_metadata.plan:"free"'} == 0, "leaves the search")

auth0.users.delete("auth0|bob")
local ok, err = pcall(auth0.users.get, "auth0|bob")
assert(not ok and err.status_code == 404 and err.error_code == "inexistent_user")
assert(#auth0.users.list{q="blocked:true"} == 1)
assert(#auth0.users.list() == 3)

local r = auth0.roles.create{name="editor"}
auth0.users.add_roles(u.user_id, {r.id, "rol_admin"})
local roles = auth0.users.list_roles(u.user_id)
assert(#roles == 2 and roles[1].name == "editor" and roles[2].name == "admin")
assert(auth0.roles.list_users(r.id)[1].user_id == u.user_id)
auth0.roles.delete(r.id)
assert(#auth0.users.list_roles(u.user_id) == 1)
local ok, err = pcall(auth0.roles.create, {name="admin"})
assert(not ok and err.status_code == 409)
local c = auth0.clients.create{name="new app"}
assert(c.client_secret and #auth0.clients.list() == #auth0.clients.list{} )
`)
	want := []string{
		`create users "new@example.com"`,
		`change users "new@example.com": app_metadata.b, blocked`,
		`change users auth0|ada (ada@example.com): app_metadata.plan, app_metadata.seats`,
		`delete users auth0|bob (bob@example.com)`,
		`create roles "editor"`,
	}
	if diff := cmp.Diff(want, summaries(p)[:len(want)]); diff != "" {
		t.Error(diff)
	}
	b, _ := json.Marshal(p)
	if strings.Contains(string(b), "canary-Pa55word!") {
		t.Error("the plan holds the password")
	}
}
