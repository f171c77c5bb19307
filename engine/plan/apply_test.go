package plan_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client"
	"a0run/engine"
	"a0run/engine/plan"
)

const migrate = `
local role
for r in auth0.roles.each() do if r.name == "editor" then role = r end end
if not role then role = auth0.roles.create{name="editor", description=tostring(random.integer(1, 1000000))} end
local rows = {"ada@example.com", "dan@example.com", "eve@example.com"}
parallel.each(rows, function(mail)
  local found = auth0.users_by_email.search_users_by_email(mail)
  local u = found[1]
  if not u then
    u = auth0.users.create{connection="db", email=mail, password=random.hex(12) .. "Aa1!", user_metadata={at=time.now(), id=uuid()}}
  end
  if (u.app_metadata or {}).plan ~= "pro" then auth0.users.update(u.user_id, {app_metadata={plan="pro"}}) end
  local has = false
  for _, r in ipairs(auth0.users.list_roles(u.user_id)) do has = has or r.id == role.id end
  if not has then auth0.users.add_roles(u.user_id, {role.id}) end
end)
if pcall(auth0.users.get, "auth0|bob") then auth0.users.delete("auth0|bob") end
`

const migrateYAML = `
steps:
  - id: found
    auth0.roles.list: {name_filter: editor}
  - id: made
    when: "${{ #steps.found.result == 0 }}"
    auth0.roles.create: {body: {name: editor}}
  - id: role
    lua: |
      return (steps.found.result[1] or steps.made.result).id
  - for_each: [ada@example.com, dan@example.com]
    block:
      - id: users
        auth0.users_by_email.search_users_by_email: {email: "${{ item }}"}
      - id: user
        when: "${{ #steps.users.result == 0 }}"
        auth0.users.create: {body: {connection: db, email: "${{ item }}", password: "Pa55word!long"}}
      - auth0.users.update:
          id: ${{ (steps.users.result[1] or steps.user.result).user_id }}
          body: {app_metadata: {plan: pro}}
      - auth0.users.add_roles: {id: "${{ (steps.users.result[1] or steps.user.result).user_id }}", roles: ["${{ steps.role.result }}"]}
`

// TestPlanThenApplyIsRun: the tenant is as after a run without a plan, and a
// plan afterwards is empty.
func TestPlanThenApplyIsRun(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"p.lua": migrate, "p.yaml": migrateYAML} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran, applied := newDesk(t, seed), newDesk(t, seed)
			p := reloaded(t, mustPlan(t, applied, name, source), engine.NewRedactor())
			differences, a, err := applied.apply(name, source, p, nil)
			if err != nil {
				t.Fatalf("apply: %v %v", err, differences)
			}
			if missing := a.Missing(); len(missing) > 0 {
				t.Errorf("not made: %v", missing[0].Summary)
			}
			if err := ran.plain(name, source); err != nil {
				t.Fatal(err)
			}
			if name == "p.yaml" { // without randomness the very same
				if diff := cmp.Diff(ran.state(), applied.state()); diff != "" {
					t.Errorf("(-run +applied)\n%s", diff)
				}
			}
			again := mustPlan(t, applied, name, source)
			for _, c := range again.Pending() {
				t.Errorf("after apply the plan would still %s", c.Summary)
			}
		})
	}
}

// behind are ways of changing the tenant that the plan of touching did not see.
func behind() map[string]func(d *desk) {
	call := func(op string, args client.Args) func(d *desk) {
		return func(d *desk) {
			d.t.Helper()
			if _, err := d.client.Do(context.Background(), op, args); err != nil {
				d.t.Fatalf("%s: %v", op, err)
			}
		}
	}
	return map[string]func(d *desk){
		"the patched field has another value":     call("users.update", client.Args{"id": "auth0|ada", "body": map[string]any{"app_metadata": map[string]any{"plan": "other"}}}),
		"another field of the patched user":       call("users.update", client.Args{"id": "auth0|ada", "body": map[string]any{"name": "Ada L."}}),
		"the patched user is gone":                call("users.delete", client.Args{"id": "auth0|ada"}),
		"the name to be created is taken":         call("roles.create", client.Args{"body": map[string]any{"name": "editor"}}),
		"the e-mail to be created is taken":       call("users.create", client.Args{"body": map[string]any{"connection": "db", "email": "dan@example.com", "password": "Pa55word!long"}}),
		"the user to be deleted was changed":      call("users.update", client.Args{"id": "auth0|bob", "body": map[string]any{"nickname": "bobby"}}),
		"the role was given already":              call("users.add_roles", client.Args{"id": "auth0|cyd", "roles": []string{"rol_view"}}),
		"the patched role was renamed":            call("roles.update", client.Args{"id": "rol_admin", "body": map[string]any{"name": "boss"}}),
		"the organization was deleted":            call("organizations.delete_organization", client.Args{"id": "org_1"}),
		"the application has another description": call("clients.update", client.Args{"id": "cli_web", "body": map[string]any{"description": "mine"}}),
		"the connection's options were changed":   call("connections.update", client.Args{"id": "con_g", "body": map[string]any{"options": map[string]any{"scope": []any{"email"}}}}),
	}
}

const touching = `
auth0.users.update("auth0|ada", {app_metadata={plan="pro"}})
auth0.roles.create{name="editor"}
auth0.users.create{connection="db", email="dan@example.com", password="Pa55word!long"}
auth0.users.delete("auth0|bob")
auth0.users.add_roles("auth0|cyd", {"rol_view"})
auth0.roles.update("rol_admin", {description="everything"})
auth0.organizations.update("org_1", {display_name="ACME"})
auth0.clients.update("cli_web", {description="the web"})
auth0.connections.update("con_g", {display_name="Google"})
`

// TestMovedBeforeApply: whatever moved, nothing is written.
func TestMovedBeforeApply(t *testing.T) {
	t.Parallel()
	for name, change := range behind() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, seed)
			p := reloaded(t, mustPlan(t, d, "p.lua", touching), engine.NewRedactor())
			change(d)
			before := d.state()
			differences, _, err := d.apply("p.lua", touching, p, nil)
			if len(differences) == 0 || engine.AsError(err).Name != engine.NameMovedError {
				t.Fatalf("it went through: %v", err)
			}
			if diff := cmp.Diff(before, d.state()); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
			t.Log(differences[0].Text)
		})
	}
}

// TestMovedDuringApply: what moved after the comparison stops the write to it.
func TestMovedDuringApply(t *testing.T) {
	t.Parallel()
	for name, change := range behind() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, seed)
			p := reloaded(t, mustPlan(t, d, "p.lua", touching), engine.NewRedactor())
			untouched := newDesk(t, seed)
			change(untouched)
			_, a, err := d.apply("p.lua", touching, p, func() { change(d) })
			e := engine.AsError(err)
			if e == nil || e.Name != engine.NameMovedError {
				t.Fatalf("it went through: %v", err)
			}
			if len(a.Missing()) == 0 {
				t.Error("nothing is said to be missing")
			}
			t.Log(e.Message)
		})
	}
}

// TestGateHoldsWhatIsNotPlanned: a change that is not in the plan is not sent.
func TestGateHoldsWhatIsNotPlanned(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	p := mustPlan(t, d, "p.lua", `auth0.users.update("auth0|ada", {blocked=true})`)
	before := d.state()
	err := d.run("p.lua", `pcall(auth0.users.update, "auth0|ada", {blocked=false}) print("went on")`, &setting{
		stages: func(o plan.Options) []engine.Stage {
			a := plan.NewApply(p, o)
			return []engine.Stage{a.Watch, a.Inputs().Stage, a.Gate}
		},
	})
	if e := engine.AsError(err); e == nil || e.Name != engine.NameMovedError || !strings.Contains(e.Message, "does not hold this change") {
		t.Fatalf("got %v", err)
	}
	if e := engine.AsError(err); e.Where.String() != "p.lua:1" || len(d.out) > 0 {
		t.Errorf("it could be caught, or is not placed: %v %v", e.Where, d.out)
	}
	if before != d.state() {
		t.Error("something was written")
	}
}

// TestRefusalsAreAnsweredAsPlanned: what the tenant would refuse is not sent.
func TestRefusalsAreAnsweredAsPlanned(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	source := `
local ok, err = pcall(auth0.roles.create, {name="admin"})
assert(not ok and err.status_code == 409)
local ok, err = pcall(auth0.roles.delete, "rol_none")
assert(not ok and err.status_code == 404)
auth0.users.delete("auth0|nobody")
auth0.users.update("auth0|ada", {blocked=true})
`
	p := reloaded(t, mustPlan(t, d, "p.lua", source), engine.NewRedactor())
	if n := len(p.Pending()); n != 1 {
		t.Errorf("%d changes are pending, want 1", n)
	}
	if differences, _, err := d.apply("p.lua", source, p, nil); err != nil {
		t.Fatal(err, differences)
	}
}

// TestInputs: apply sees the plan's time, randomness, variables and secrets,
// and refuses another file.
func TestInputs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	d.env["COLOUR"] = "red"
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(d.dir, "rows.csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("email,plan\nada@example.com,pro\n")
	source := `
playbook{env={"COLOUR"}}
local rows = csv.read("rows.csv")
auth0.users.update("auth0|ada", {app_metadata={at=time.now(), r=random.hex(4), id=uuid(), c=env("COLOUR"), s=secret("x"), plan=rows[1].plan}})
assert(not file.exists("out.txt"))
file.write("out.txt", "done\n")
assert(file.exists("out.txt") and file.read("out.txt") == "done\n")
local before = time.now()
time.sleep("1h")
assert(time.now() >= time.add(before, "1h"), "the time has passed")
`
	p := reloaded(t, mustPlan(t, d, "p.lua", source), engine.NewRedactor())
	d.env["COLOUR"] = "blue"
	write("email,plan\nada@example.com,free\n")
	fresh, _ := d.planWith("p.lua", source, plan.NewInputs(p, key()))
	if len(fresh.Changes) == 0 {
		t.Fatal("nothing was planned")
	}
	differences, _, err := d.apply("p.lua", source, p, nil)
	if err == nil || !strings.Contains(differences[len(differences)-1].Text, "the file rows.csv is not what the plan saw") {
		t.Fatalf("got %v", differences)
	}
	write("email,plan\nada@example.com,pro\n")
	short := strings.Replace(source, "time.sleep(\"1h\")\nassert(time.now() >= time.add(before, \"1h\"), \"the time has passed\")\n", "", 1)
	p = reloaded(t, mustPlan(t, d, "p.lua", short), engine.NewRedactor())
	d.env["COLOUR"] = "green"
	if differences, _, err = d.apply("p.lua", short, p, nil); err != nil {
		t.Fatal(err, differences)
	}
	resp, err := d.client.Do(context.Background(), "users.get", client.Args{"id": "auth0|ada"})
	if err != nil || !strings.Contains(string(resp.Body), `"c":"blue"`) {
		t.Errorf("the variable is not the plan's: %s", resp.Body)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "out.txt")); err != nil {
		t.Error("the file was not written")
	}
}
