package durable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/client/sim/store"
	"a0run/engine/durable"
	"a0run/engine/seal"
)

// history is what touched an object, and as what.
func (d *desk) history(kind, id string) string {
	d.t.Helper()
	var all []string
	for touch, err := range d.db.Object(context.Background(), kind, id) {
		if err != nil {
			d.t.Fatal(err)
		}
		if touch.Call.Mutates {
			all = append(all, fmt.Sprintf("%s as %s", touch.Call.Operation, touch.As))
		}
	}
	return strings.Join(all, ", ")
}

// TestBothSidesOfARelation are found in the journal, and objects without an id.
func TestBothSidesOfARelation(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(3)})
	d.put(store.Key{Kind: "/organizations"}, "org_1", store.Object{"id": "org_1", "name": "one"})
	d.play(play{text: `
auth0.roles.add_users("rol_a", {"auth0|u0", "auth0|u1", "auth0|u0"})
auth0.users.add_roles("auth0|u2", {"rol_b"})
auth0.organizations.create_organization_members("org_1", {members = {"auth0|u1"}})
local c = auth0.clients.create({name = "app"})
local con = auth0.connections.create({name = "db", strategy = "auth0"})
auth0.connections.clients.update(con.id, {{client_id = c.client_id, status = true}})
auth0.users.list_roles("auth0|u1")
auth0.branding.update({colors = {primary = "#123456"}})
auth0.tenants.update({friendly_name = "x"})
`}).wants(t, "")
	for object, want := range map[[2]string]string{
		{"users", "auth0|u0"}:    "roles.add_users as users",
		{"users", "auth0|u1"}:    "roles.add_users as users, organizations.create_organization_members as users",
		{"", "auth0|u2"}:         "users.add_roles as users",
		{"roles", "rol_b"}:       "users.add_roles as roles",
		{"roles", "rol_a"}:       "roles.add_users as roles",
		{"branding", ""}:         "branding.update as branding",
		{"tenants.settings", ""}: "tenants.update as tenants.settings",
		{"users", ""}:            "",
	} {
		if got := d.history(object[0], object[1]); got != want {
			t.Errorf("%v: %s, want %s", object, got, want)
		}
	}
	for _, rec := range d.records(d.run) {
		if rec.Operation == "connections.clients.update" {
			if got, want := d.history("connections", rec.Object), "connections.create as connections, connections.clients.update as connections"; got != want {
				t.Errorf("the connection: %s, want %s", got, want)
			}
		}
		if rec.Operation == "clients.create" {
			if got, want := d.history("clients", rec.Object), "clients.create as clients, connections.clients.update as clients"; got != want {
				t.Errorf("the client: %s, want %s", got, want)
			}
		}
	}
}

// TestManyBeside: a body may name any number of objects.
func TestManyBeside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(1)})
	d.play(play{text: `
local ids = {}
for i = 1, 1005 do ids[i] = "auth0|" .. i end
pcall(auth0.roles.add_users, "rol_a", ids)
`}).wants(t, "")
	var out bytes.Buffer
	if err := d.db.Export(t.Context(), &out, d.run); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), `{"kind":"users","id":`); n != 1000 || !strings.Contains(out.String(), `"also_more":5`) {
		t.Errorf("%d objects are named, and %v", n, strings.Contains(out.String(), `"also_more":5`))
	}
}

// TestBesideIsRedacted: a secret that stands in the place of an id is none.
func TestBesideIsRedacted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(1)})
	d.secret["pin"] = "Canary-Beside-7f3"
	d.play(play{text: `pcall(auth0.roles.add_users, "rol_a", {secret("pin")})`}).wants(t, "")
	if got := d.history("users", "Canary-Beside-7f3"); got != "" {
		t.Errorf("found by the secret: %s", got)
	}
	d.shut()
	if n := d.holds("Canary-Beside"); n > 0 {
		t.Errorf("the secret stands %d times in the journal", n)
	}
}

// holds counts a text in the journal's files.
func (d *desk) holds(text string) int {
	d.t.Helper()
	n := 0
	for _, name := range []string{d.path, d.path + "-wal"} {
		whole, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			d.t.Fatal(err)
		}
		n += bytes.Count(whole, []byte(text))
	}
	return n
}

// TestSealAll: where everything is encrypted, so is what errors and steps say;
// whoever has the key reads it.
func TestSealAll(t *testing.T) {
	t.Parallel()
	seed := append(seedUsers(1), []byte(`
faults:
  - {operation: roles.list, status: 503, after: 0, body: '{"statusCode":503,"message":"Canary-Fault"}'}
`)...)
	book := `
auth0.roles.list()
log.info("Canary-Log")
step("one", function() pcall(auth0.users.update, "auth0|u0", {nickname = "Canary-Nick"}) end)
step("two", function() error("Canary-Step") end)
`
	for _, all := range []bool{false, true} {
		d := newDesk(t, sim.Options{Seed: seed})
		d.all = all
		d.play(play{text: book}).wants(t, "ScriptError")
		steps, err := d.db.Steps(t.Context(), d.run)
		if err != nil || len(steps) != 2 {
			t.Fatal(steps, err)
		}
		run, err := d.db.Run(t.Context(), d.run)
		if err != nil {
			t.Fatal(err)
		}
		attempts := 0
		for _, rec := range d.records(d.run) {
			for _, a := range rec.Attempts {
				attempts++
				if plain := d.opened(a.Error); !strings.Contains(plain, "Canary-Fault") {
					t.Errorf("an attempt says %s", plain)
				}
			}
		}
		if a, b := d.opened(steps[1].Error), d.opened(run.Error); attempts == 0 || !strings.Contains(a, "Canary-Step") || !strings.Contains(b, "Canary-Step") {
			t.Errorf("%d attempts; the step says %s, the run %s", attempts, a, b)
		}
		if err := d.db.Close(); err != nil {
			t.Fatal(err)
		}
		if n := d.holds("Canary"); (n == 0) != all {
			t.Errorf("everything sealed: %v, and canaries seen: %d", all, n)
		}
		d.shutAlready = true
	}
}

// opened is a text of a record, opened where it is sealed.
func (d *desk) opened(text string) string {
	d.t.Helper()
	if !strings.HasPrefix(text, seal.Prefix) {
		return text
	}
	plain, err := durable.Opener(d.box, nil)(json.RawMessage(`"` + text + `"`))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(plain)
}
