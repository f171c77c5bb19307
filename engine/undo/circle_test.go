package undo_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine/undo"
)

// bodyFor is what a create needs beside a name.
func bodyFor(path string) map[string]any {
	more := map[string]map[string]any{
		"/users":                    {"name": nil, "connection": "staff", "email": "new@example.com", "password": "Secret-9-and-long"},
		"/connections":              {"strategy": "auth0"},
		"/client-grants":            {"name": nil, "client_id": "app2", "audience": "https://api.example.com", "scope": []any{}},
		"/resource-servers":         {"identifier": "https://circle.example.com"},
		"/custom-domains":           {"name": nil, "domain": "login.example.com", "type": "auth0_managed_certs"},
		"/rules":                    {"script": "function () {}"},
		"/hooks":                    {"script": "x", "triggerId": "credentials-exchange"},
		"/log-streams":              {"type": "http", "sink": map[string]any{"httpEndpoint": "https://l.example.com"}},
		"/network-acls":             {"name": nil, "description": "circle", "active": true, "priority": 1, "rule": map[string]any{"action": map[string]any{"block": true}}},
		"/rate-limit-policies":      {"name": nil, "consumer": "client", "resource": "oauth_authentication_api"},
		"/branding/phone/templates": {"name": nil, "type": "otp_verify"},
	}
	body := map[string]any{"name": "circle"}
	maps.Copy(body, more[path])
	for name, v := range body {
		if v == nil {
			delete(body, name)
		}
	}
	return body
}

// TestCircle makes one object of every resource that stands by itself and undoes
// that, and deletes one and undoes that, by what the catalogue says.
func TestCircle(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	byRoute := map[string]*catalog.Operation{}
	for _, op := range catalog.Default().All() {
		if op.API == catalog.Management {
			byRoute[op.Verb+" "+op.Path] = op
		}
	}
	circles := 0
	for _, create := range catalog.Default().All() {
		with, ok := catalog.Default().Lookup(create.Inverse.With)
		if !ok || create.API != catalog.Management || create.Effect != catalog.Create || strings.Contains(create.Path, "{") {
			continue
		}
		circles++
		before := d.snapshot()
		body, err := json.Marshal(bodyFor(create.Path))
		if err != nil {
			t.Fatal(err)
		}
		call := `auth0.call("` + create.ID + `", {body = json.decode([[` + string(body) + `]])})`
		e := d.try("p.lua", call)
		if e.err != nil {
			t.Errorf("%s: %v", create.ID, e.err)
			continue
		}
		u := d.undo(e.run)
		if u.result.Counts[undo.Undone] != 1 {
			t.Errorf("%s is not undone:\n%s", create.ID, tell(u.result))
		}
		if diff := compare(before, d.snapshot(), nil); diff != "" && create.ID != "keys.encryption.create" { // a destroyed key stays to be seen
			t.Errorf("%s: something remains:\n%s", create.ID, diff)
		}
		if with.Inverse.With != "" && with.Subject.ID != "" {
			d.deleteCircle(create, with, bodyFor(create.Path))
		}
	}
	if circles < 25 {
		t.Errorf("only %d circles were tried", circles)
	}
}

// deleteCircle deletes an object that stood there before, and undoes that.
func (d *desk) deleteCircle(create, remove *catalog.Operation, body map[string]any) {
	t := d.t
	t.Helper()
	made, _ := d.do(create.ID, client.Args{"body": body}).(map[string]any)
	id, _ := made[create.Subject.Field].(string)
	before := d.snapshot()
	run := d.play("p.lua", `auth0.call("`+remove.ID+`", {`+remove.Subject.ID+` = "`+id+`"})`)
	u := d.undo(run)
	if u.result.Counts[undo.Undone] != 1 {
		t.Errorf("%s is not undone:\n%s", remove.ID, tell(u.result))
		return
	}
	ids := renamed(u)
	if diff := compare(before, d.snapshot(), ids); diff != "" && remove.ID != "clients.delete" { // it has a new secret
		t.Errorf("%s: it is not as before:\n%s", remove.ID, diff)
	}
	if again, ok := ids[id]; ok {
		id = again
	}
	d.do(remove.ID, client.Args{remove.Subject.ID: id})
}
