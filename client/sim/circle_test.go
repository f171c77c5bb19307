package sim_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"a0run/client/catalog"
	"a0run/client/sim"
)

// bodies are what a create needs beside a name.
func bodyFor(path string) map[string]any {
	b := map[string]any{"name": "one"}
	more := map[string]map[string]any{
		"/users":            {"connection": "Username-Password-Authentication", "email": "a@b.c", "password": "x"},
		"/connections":      {"strategy": "auth0"},
		"/client-grants":    {"client_id": "a0runLocalClientWithASecret00000", "audience": "https://api", "scope": []any{}},
		"/resource-servers": {"identifier": "https://circle"},
		"/email-templates":  {"template": "verify_email"},
		"/custom-domains":   {"domain": "login.example.com"},
		"/rules":            {"script": "function(){}"},
		"/hooks":            {"script": "x", "triggerId": "credentials-exchange"},
	}
	if path == "/users" || path == "/client-grants" {
		delete(b, "name")
	}
	for k, v := range more[path] {
		b[k] = v
	}
	return b
}

// TestFullCircle creates, reads, lists, changes and deletes one object of each
// resource that stands by itself, and expects the statuses of the table.
func TestFullCircle(t *testing.T) {
	table := catalog.Default()
	byRoute := map[string]*catalog.Operation{}
	for _, op := range table.All() {
		if op.API == catalog.Management {
			byRoute[op.Verb+" "+shape(op.Path)] = op
		}
	}
	circles := 0
	for _, create := range table.All() {
		if create.API != catalog.Management || create.Effect != catalog.Create || strings.Contains(create.Path, "{") {
			continue
		}
		item := create.Path + "/{}"
		get := byRoute["GET "+item]
		if get == nil || strings.HasPrefix(create.Path, "/jobs") {
			continue
		}
		circles++
		t.Run(create.ID, func(t *testing.T) {
			d := newDesk(t, sim.Options{Seed: []byte(`resource_servers: [{identifier: "https://api", name: x}]`)})
			body, err := json.Marshal(bodyFor(create.Path))
			if err != nil {
				t.Fatal(err)
			}
			root := "/api/v2" + create.Path
			made := d.want(create.Status, "POST", root, string(body)).object(t)
			id, ok := made[idField(create, get)].(string)
			if !ok {
				t.Fatalf("no %s in %v", idField(create, get), made)
			}
			one := root + "/" + url.PathEscape(id)
			got := d.want(get.Status, "GET", one, "").object(t)
			for k, v := range bodyFor(create.Path) {
				if k != "password" && k != "connection" && !same(got[k], v) {
					t.Errorf("%s is %v, want %v", k, got[k], v)
				}
			}
			if list := byRoute["GET "+create.Path]; list != nil {
				if a := d.want(list.Status, "GET", root, ""); !strings.Contains(a.text, `"`+id+`"`) {
					t.Errorf("the listing lacks it: %s", a.text)
				}
			}
			if patch := byRoute["PATCH "+item]; patch != nil {
				d.want(patch.Status, "PATCH", one, patchFor(create.Path))
			}
			if del := byRoute["DELETE "+item]; del != nil {
				d.want(del.Status, "DELETE", one, "")
				if create.Path == "/keys/encryption" {
					return // a destroyed key can still be read
				}
				d.want(404, "GET", one, "")
				if again := d.send("DELETE", one, "").status; again != 204 && again != 404 {
					t.Errorf("the second delete says %d", again)
				}
			}
		})
	}
	if circles < 25 {
		t.Fatalf("only %d resources went full circle", circles)
	}
}

func idField(create, get *catalog.Operation) string {
	if create.Path == "/email-templates" {
		return "template"
	}
	if get.Subject.Field != "" {
		return get.Subject.Field
	}
	return create.Subject.Field
}

func patchFor(path string) string {
	switch path {
	case "/users":
		return `{"blocked":true}`
	case "/client-grants":
		return `{"scope":["a"]}`
	case "/connections":
		return `{"display_name":"two"}`
	}
	return `{"name":"two"}`
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}
