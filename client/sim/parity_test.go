package sim_test

import (
	"net/http"
	"strings"
	"testing"

	"a0run/client/catalog"
	"a0run/client/sim"
)

// TestEveryOperationIsAnswered calls each operation of the catalogue once with
// made-up arguments. What it may not get is the answer of a tenant that does
// not know the operation, or one that fell over.
func TestEveryOperationIsAnswered(t *testing.T) {
	d := newDesk(t, sim.Options{})
	for _, op := range catalog.Default().All() {
		t.Run(op.ID, func(t *testing.T) {
			d.t = t
			path := op.Path
			for _, a := range op.Args {
				if a.In == catalog.InPath || a.In == catalog.InClient {
					path = strings.ReplaceAll(path, "{"+a.WireName()+"}", "made-up")
				}
			}
			if strings.Contains(path, "{") {
				t.Fatalf("a parameter of %s is no argument", op.Path)
			}
			if op.API == catalog.Management {
				path = "/api/v2" + path
			}
			body := ""
			if op.TakesBody() {
				body = "{}"
			}
			a := d.send(op.Verb, path, body)
			switch {
			case a.status >= http.StatusInternalServerError:
				t.Fatalf("%d %s", a.status, a.text)
			case a.status == http.StatusNotFound && (strings.Contains(a.text, `"message":"Not Found"`) && !mayBeNotFound(op.Path)):
				t.Fatalf("no route: %s", a.text)
			}
			log := d.tenant.Requests()
			got, ok := catalog.Default().Lookup(log[len(log)-1].Operation)
			if !ok || got.Verb != op.Verb || shape(got.Path) != shape(op.Path) {
				t.Fatalf("the log says %q for %s", log[len(log)-1].Operation, op.ID)
			}
		})
	}
}

// mayBeNotFound are the paths whose missing object is called just that.
func mayBeNotFound(path string) bool {
	return strings.HasPrefix(path, "/anomaly/") || strings.HasSuffix(path, "/scim-configuration")
}

func shape(path string) string {
	var out []string
	for _, s := range strings.Split(path, "/") {
		if strings.HasPrefix(s, "{") {
			s = "{}"
		}
		out = append(out, s)
	}
	return strings.Join(out, "/")
}

// TestNoBodyBreaksTheTenant sends every operation bodies of the wrong shape,
// against objects that exist: whatever the answer, the tenant stands.
func TestNoBodyBreaksTheTenant(t *testing.T) {
	names := []string{
		"name", "roles", "users", "members", "permissions", "identities", "enabled_connections", "options", "user_metadata",
		"app_metadata", "connection", "email", "client_authentication_methods", "jwt_configuration", "credentials", "bindings",
		"grant_type", "client_id", "scope", "login_hint", "subject_token", "token", "ids", "enabled_clients", "audience", "identifier",
		"strategy", "template", "user_id", "pem", "redirect_uris", "organization", "client_metadata", "provider", "link_with",
	}
	var bodies []string
	for _, v := range []string{`null`, `5`, `"x"`, `[]`, `[5]`, `[null]`, `[{}]`, `{}`, `{"a":[1]}`, `true`, `"https://tenant.local/api/v2/"`} {
		fields := make([]string, len(names))
		for i, n := range names {
			fields[i] = `"` + n + `":` + v
		}
		bodies = append(bodies, v, "{"+strings.Join(fields, ",")+"}")
	}
	bodies = append(bodies, `{"connection":"db","email":"a@b.c","password":"p","user_metadata":[1],"app_metadata":"x","identities":5}`,
		`{"grant_type":"client_credentials","client_id":"a0runLocalClientWithASecret00000","client_assertion":"a.b.c","client_assertion_type":"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}`,
		`{"name":"n","strategy":"auth0","options":{"attributes":1,"validation":2}}`, `{`)
	var d *desk
	for i, op := range catalog.Default().All() {
		if i%10 == 0 { // what went is there again
			d = house(t)
		}
		path := op.Path
		for _, a := range op.Args {
			if a.In == catalog.InPath || a.In == catalog.InClient {
				path = strings.ReplaceAll(path, "{"+a.WireName()+"}", existing(op.Path))
			}
		}
		if op.API == catalog.Management {
			path = "/api/v2" + path
		}
		for _, body := range bodies {
			if a := d.send(op.Verb, path, body); a.status >= 500 {
				t.Errorf("%s with %s: %d %s", op.ID, body, a.status, a.text)
			}
		}
	}
}

// existing is the id of an object that the house has.
func existing(path string) string {
	for prefix, id := range map[string]string{
		"/users": "auth0%7C1", "/roles": "rol_a", "/connections": "con_db", "/organizations": "org_1",
		"/clients": "a0runLocalClientWithASecret00000", "/resource-servers": "rs1",
	} {
		if strings.HasPrefix(path, prefix+"/") {
			return id
		}
	}
	return "made-up"
}
