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
