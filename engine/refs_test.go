package engine

import (
	"encoding/json"
	"testing"

	"a0run/client/catalog"
)

func TestRefs(t *testing.T) {
	t.Parallel()
	var r refs
	if got := r.in("rol_ABCDEFGH"); got != "rol_ABCDEFGH" {
		t.Fatalf("without values: %q", got)
	}
	r.add("rol_ABCDEFGH", "K1")
	r.add("rol_ABCDEFGHIJ", "K2") // a longer one that begins alike
	r.add("short", "K3")
	r.add("rol_ABCDEFGH", "K9") // the first call that returned it names it
	r.add("", "K4")
	for in, want := range map[string]string{
		"rol_ABCDEFGH":               "ref(K1)",
		"rol_ABCDEFGHIJ":             "ref(K2)",
		"rol_ABCDEFGHI":              "ref(K1)I",
		"x rol_ABCDEFGH y":           "x ref(K1) y",
		"rol_ABCDEFGHrol_ABCDEFGHIJ": "ref(K1)ref(K2)",
		"short":                      "ref(K3)",
		"in short":                   "in short", // too short to be looked for inside
		"":                           "",
		"rol_ABCDEFG":                "rol_ABCDEFG",
		"ärol_ABCDEFGHö":             "äref(K1)ö",
	} {
		if got := r.in(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// TestLearn: what the answer of a create holds is a reference, but not what the
// playbook chose, and not what a read gave.
func TestLearn(t *testing.T) {
	t.Parallel()
	table := catalog.Default()
	op := func(name string) *catalog.Operation {
		o, ok := table.Lookup(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		return o
	}
	for name, tc := range map[string]struct {
		op     string
		args   string
		answer string
		value  string
		want   string
	}{
		"made":      {"roles.create", `{"name":"a"}`, `{"id":"rol_0123456789"}`, "rol_0123456789", "ref(K)"},
		"chosen":    {"users.create", `{"user_id":"ada","email":"a@b.c"}`, `{"user_id":"auth0|ada"}`, "auth0|ada", "auth0|ada"},
		"made user": {"users.create", `{"email":"a@b.c"}`, `{"user_id":"auth0|0123456789"}`, "auth0|0123456789", "ref(K)"},
		"read":      {"roles.get", `{"id":"rol_0123456789"}`, `{"id":"rol_0123456789"}`, "rol_0123456789", "rol_0123456789"},
		"patched":   {"roles.update", `{"id":"rol_0123456789"}`, `{"id":"rol_0123456789"}`, "rol_0123456789", "rol_0123456789"},
		"a secret":  {"clients.create", `{"name":"a"}`, `{"client_id":"c0123456789","client_secret":"s0123456789"}`, "s0123456789", "ref(K.client_secret)"},
	} {
		run := NewRun(Config{})
		args, err := ParseJSON([]byte(tc.args))
		if err != nil {
			t.Fatal(err)
		}
		call := &Call{Action: &Action{Name: tc.op, Operation: op(tc.op), Args: args.(*Object)}, Key: "K"}
		run.learn(call, Outcome{Value: json.RawMessage(tc.answer)})
		if got := run.refs.in(tc.value); got != tc.want {
			t.Errorf("%s: %q is written %q, want %q", name, tc.value, got, tc.want)
		}
	}
}
