package undo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"a0run/client/catalog"
	"a0run/engine"
)

// writesOf makes changes of calls in the order in which a run made them; the
// answer is taken for a create's.
func writesOf(t *testing.T, calls ...string) []*change {
	t.Helper()
	u := &Undo{o: Options{Catalogue: catalog.Default(), Redactor: engine.NewRedactor()}}
	var all []*change
	for i, text := range calls {
		part := strings.SplitN(text, " ", 3)
		rec := &engine.CallRecord{Seq: int64(i + 1), Operation: part[0], Args: []byte(part[1]), State: engine.StateDone, Mutates: true}
		if len(part) > 2 {
			rec.Value = []byte(part[2])
		}
		op, ok := catalog.Default().Lookup(part[0])
		if !ok {
			t.Fatal(part[0])
		}
		rec.Kind = op.Subject.Kind
		c, err := u.read(rec)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	slices.Reverse(all)
	return all
}

// TestOrder: writes that have to do with each other are undone one after the
// other, the newest first, and the rest side by side.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		calls []string
		want  string // the levels, each the numbers of its calls
	}{
		"one object": {[]string{
			`users.update {"id":"auth0|1","body":{"nickname":"a"}}`,
			`users.update {"id":"auth0|1","body":{"nickname":"b"}}`,
			`users.update {"id":"auth0|2","body":{"nickname":"b"}}`,
		}, "[3 2] [1]"},
		"a created role that is given": {[]string{
			`roles.create {"body":{"name":"r"}} {"id":"rol_1"}`,
			`users.add_roles {"id":"auth0|1","roles":["rol_1"]}`,
			`users.add_roles {"id":"auth0|2","roles":["rol_1"]}`,
			`users.update {"id":"auth0|2","body":{"blocked":true}}`,
		}, "[4 2] [3] [1]"},
		"the other side of a relation": {[]string{
			`roles.add_users {"id":"rol_1","users":["auth0|1","auth0|2"]}`,
			`users.remove_roles {"id":"auth0|1","roles":["rol_1"]}`,
			`users.remove_roles {"id":"auth0|3","roles":["rol_1"]}`,
		}, "[3 2] [1]"},
		"a connection, by its name and its id": {[]string{
			`connections.create {"body":{"name":"db","strategy":"auth0"}} {"id":"con_1","name":"db"}`,
			`users.create {"body":{"connection":"db","email":"a@b.c"}} {"user_id":"auth0|1","email":"a@b.c"}`,
			`users.create {"body":{"connection":"db","email":"d@b.c"}} {"user_id":"auth0|2","email":"d@b.c"}`,
			`organizations.create_organization_connection {"id":"org_1","body":{"connection_id":"con_1"}}`,
		}, "[4 3 2] [1]"},
		"a name that was given on": {[]string{
			`roles.update {"id":"rol_1","body":{"name":"new"}} {"id":"rol_1","name":"new"}`,
			`roles.create {"body":{"name":"new"}} {"id":"rol_2","name":"new"}`,
		}, "[2] [1]"},
		"singletons": {[]string{
			`tenants.update {"body":{"friendly_name":"a"}} {}`,
			`branding.update {"body":{"logo_url":"a"}} {}`,
			`tenants.update {"body":{"friendly_name":"b"}} {}`,
		}, "[3 2] [1]"},
	} {
		newestFirst := writesOf(t, tt.calls...)
		var got []string
		for _, level := range order(newestFirst) {
			var numbers []int64
			for _, c := range level {
				numbers = append(numbers, c.seq)
			}
			got = append(got, fmt.Sprint(numbers))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}

// TestVoid: what the run made and deleted needs no undo, and only that.
func TestVoid(t *testing.T) {
	t.Parallel()
	all := writesOf(t,
		`users.delete {"id":"auth0|1"}`,
		`users.create {"body":{}} {"user_id":"auth0|1"}`,
		`users.update {"id":"auth0|1","body":{}}`,
		`users.update {"id":"auth0|2","body":{}}`,
		`users.delete {"id":"auth0|1"}`,
		`users.create {"body":{}} {"user_id":"auth0|1"}`,
	)
	markVoid(all)
	var got []int64
	for _, c := range all {
		if c.void {
			got = append(got, c.seq)
		}
	}
	if fmt.Sprint(got) != "[5 3 2]" {
		t.Errorf("void are %v", got)
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"users.update": true, "users.list": true, "users": false, "xusers.update": false, "users.": true,
	} {
		if glob("users.*", text) != want {
			t.Errorf("users.* and %s: %v", text, !want)
		}
	}
	if !glob("*a*b*", "xaxbx") || glob("*a*b*", "xbxax") || glob("a*a", "a") || !glob("*", "") {
		t.Error("several stars")
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "p.lua", "p.lua:3", "p.yaml:3:7", "C:/x/p.lua:3", "a:b/p.lua"} {
		if got := position(text).String(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestTaskKey reads the object out of the path that the engine makes of it.
func TestTaskKey(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"users/auth0|1", "tenants.settings", "a/b%2F/c.d"} {
		var path string
		err := engine.NewRun(engine.Config{}).Main(context.Background(), func(t *engine.Task) error {
			done := false
			_, err := t.Each(engine.EachOptions{Key: func(int, any) (string, error) { return ref, nil }}, func(*engine.Task) (any, bool, error) {
				done = !done
				return nil, done, nil
			}, func(t *engine.Task, _ int, _ any) (any, error) {
				path = t.Path()
				return nil, nil
			})
			return err
		})
		if err != nil || taskKey(path) != ref {
			t.Errorf("%s: %q, %v", path, taskKey(path), err)
		}
	}
}
