package schema

import (
	"encoding/json"
	"testing"

	"a0run/client/catalog"
)

// FuzzCheck: no body makes the validator fail, all that it finds has a place and
// a text, and it says the same twice.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","strategy":"auth0","options":{"brute_force_protection":"yes"}}`,
		`{"email":"a","connexion":1,"blocked":null}`,
		`[{"client_id":"x","status":"on"}]`, `null`, `"text"`, `7.5`, `{"type":"http","sink":{}}`,
		`{"actions":[{"type":"BOOLEAN_CONDITION","action":"x","params":{"then":[{"then":[]}]}}]}`,
		`{"plan_":1e400,"":{"":[[[[]]]]}}`,
	} {
		for i := 0; i < len(bodies); i += 17 {
			f.Add(uint16(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, which uint16, text string) {
		var body any
		if json.Unmarshal([]byte(text), &body) != nil {
			return
		}
		op, _ := catalog.Default().Lookup(bodies[int(which)%len(bodies)].id)
		found := Of(op).Check(body, Words{})
		if len(found) > maxMistakes {
			t.Fatalf("%d mistakes", len(found))
		}
		again := Of(op).Check(body, Words{})
		for i, m := range found {
			if m.Problem == "" || m.Fault == 0 || m.String() != again[i].String() {
				t.Fatalf("%q, then %q", m, again[i])
			}
		}
	})
}
