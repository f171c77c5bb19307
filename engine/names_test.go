package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ got, among, want string }{
		"a letter missing":          {"clientid", "client_id client_secret", "client_id"},
		"letters swapped":           {"desrciption", "description name", "description"},
		"another case":              {"ClientSecret", "client_id client_secret", "client_secret"},
		"a dash":                    {"on-error", "on_error one", "on_error"},
		"one letter wrong":          {"lisl", "list last", "list"},
		"a beginning":               {"desc", "name description", "description"},
		"an end":                    {"secret", "client_id client_secret", "client_secret"},
		"plural":                    {"tenant", "tenants token", "tenants"},
		"nothing near":              {"xyz", "client_id client_secret", ""},
		"a single letter":           {"b", "a c", ""},
		"two letters":               {"ip", "id at", "id"},
		"itself is no hint":         {"name", "name", ""},
		"nothing given":             {"", "name", ""},
		"the first of equally near": {"cat", "bat hat", "bat"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Nearest(tc.got, strings.Fields(tc.among)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// The distance is a metric so far as a hint needs: zero for the same, the same
// both ways, never more than the longer name.
func TestEditDistance(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[abc]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := editDistance(a, b)
		if d != editDistance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("%q to %q is %d", a, b, d)
		}
	})
	if d := editDistance("ab", "ba"); d != 1 {
		t.Errorf("a swap counts %d", d)
	}
	long := strings.Repeat("x", 10_000)
	if d := editDistance(long, "x"); d != 10_000 {
		t.Errorf("got %d", d)
	}
}

// world is a small table of functions, with a lazy part.
func world() *Namespace {
	space := func(name string, functions ...string) *Namespace {
		n := NewNamespace(name)
		for _, f := range functions {
			n.Set(f, &Function{Name: name + "." + f})
		}
		return n
	}
	auth0 := NewNamespace("auth0")
	auth0.Set("users", func() *Namespace {
		users := space("auth0.users", "list", "get", "update", "list_roles")
		users.Set("roles", space("auth0.users.roles", "list", "all", "each"))
		return users
	})
	auth0.Set("user_blocks", space("auth0.user_blocks", "list", "delete"))
	auth0.Set("connections", space("auth0.connections", "list", "update"))
	root := NewNamespace("")
	root.Set("auth0", auth0)
	root.Set("json", space("json", "encode", "decode"))
	root.Set("null", Null{})
	return root
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		found   bool
		nearest string
	}{
		"auth0.users.list":       {true, ""},
		"auth0.users.roles.each": {true, ""},
		"json.decode":            {true, ""},
		"auth0.users":            {false, ""}, // a namespace
		"null":                   {false, ""}, // a constant
		"auth0.users.lst":        {false, "auth0.users.list"},
		"auth0.user.list":        {false, "auth0.users.list"},
		"auth.users.update":      {false, "auth0.users.update"},
		"Auth0.Users.Update":     {false, "auth0.users.update"},
		"auth0.user.lst":         {false, "auth0.users.list"},
		"users.update":           {false, "auth0.users.update"},
		"jsn.decode":             {false, "json.decode"},
		"auth0.users.list.x":     {false, ""},
		"nothing.like.it":        {false, ""},
		"":                       {false, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := world().Lookup(name)
			if ok != tc.found || ok && f.Name != name {
				t.Errorf("found %v, %v", f, ok)
			}
			if got := world().Nearest(name); got != tc.nearest {
				t.Errorf("nearest is %q, want %q", got, tc.nearest)
			}
		})
	}
}

func TestItemKey(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		item any
		want string
	}{
		"a string":         {"abc", "abc"},
		"a whole float":    {12.0, "12"},
		"a fraction":       {1.5, "1.5"},
		"an integer":       {int64(7), "7"},
		"a large integer":  {json.Number("9007199254740993"), "9007199254740993"},
		"a user":           {object("id", "x", "user_id", "auth0|1"), "auth0|1"},
		"an application":   {object("name", "x", "client_id", "c1"), "c1"},
		"a role":           {object("id", "rol_1"), "rol_1"},
		"a row":            {object("email", "a@b"), ""},
		"an id of no text": {object("id", true), ""},
		"a list":           {[]any{1}, ""},
		"true":             {true, ""},
		"nothing":          {nil, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ItemKey(tc.item, FieldOf(tc.item)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
