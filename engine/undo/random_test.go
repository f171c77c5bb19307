package undo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"a0run/client"
	"a0run/engine"
	"a0run/engine/undo"
)

// A writer draws random writes, as Lua.
type writer struct {
	t     *rapid.T
	made  int
	lines []string
}

func (w *writer) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(w.t, label)
}

func (w *writer) user() string {
	return w.pick("user", `"auth0|ada"`, `"auth0|bob"`, `"auth0|cleo"`)
}

func (w *writer) role() string { return w.pick("role", `"rol_editor"`, `"rol_reader"`, `last`) }

// write draws one write. What the tenant refuses changes nothing and is caught.
func (w *writer) write() {
	w.made++
	text := fmt.Sprintf(`"t%d"`, rapid.IntRange(0, 3).Draw(w.t, "text"))
	line := ""
	switch rapid.IntRange(0, 14).Draw(w.t, "write") {
	case 0:
		line = fmt.Sprintf(`auth0.users.update(%s, {nickname = %s})`, w.user(), text)
	case 1:
		line = fmt.Sprintf(`auth0.users.update(%s, {user_metadata = {%s = %s}, blocked = %s})`, w.user(),
			w.pick("key", "plan", "seen", "other"), w.pick("value", text, "null", "7"), w.pick("flag", "true", "false"))
	case 2:
		line = fmt.Sprintf(`auth0.users.add_roles(%s, {%s, %s})`, w.user(), w.role(), w.role())
	case 3:
		line = fmt.Sprintf(`auth0.users.remove_roles(%s, {%s})`, w.user(), w.role())
	case 4:
		line = fmt.Sprintf(`last = auth0.roles.create({name = "role %d"}).id`, rapid.IntRange(0, 4).Draw(w.t, "name"))
	case 5:
		line = fmt.Sprintf(`auth0.roles.update(%s, {description = %s})`, w.role(), text)
	case 6:
		line = `auth0.roles.delete(last)`
	case 7:
		line = fmt.Sprintf(`auth0.organizations.create_organization_members("org_acme", {members = {%s, %s}})`, w.user(), w.user())
	case 8:
		line = fmt.Sprintf(`auth0.organizations.update_organization("org_acme", {display_name = %s, metadata = {a = %s}})`, text, text)
	case 9:
		line = fmt.Sprintf(`auth0.users.create({connection = "staff", email = "n%d@example.com", user_id = "n%d", password = "Secret-9-and-long"})`, w.made%3, w.made%3)
	case 10:
		line = fmt.Sprintf(`auth0.users.%s`, w.pick("on the new one", `update("auth0|n1", {given_name = "g"})`, `add_roles("auth0|n2", {"rol_editor"})`, `delete("auth0|n1")`))
	case 11:
		line = fmt.Sprintf(`auth0.roles.add_users(%s, {%s, %s})`, w.role(), w.user(), w.user())
	case 12:
		line = fmt.Sprintf(`auth0.clients.update("app1", {client_metadata = {team = %s}, callbacks = {%s}})`, w.pick("team", text, "null"), text)
	case 13:
		line = fmt.Sprintf(`auth0.connections.clients.update("con_staff", {{client_id = "app1", status = %s}})`, w.pick("status", "true", "false"))
	case 14:
		line = fmt.Sprintf(`file.write("f.txt", %s)`, text)
	}
	w.lines = append(w.lines, "pcall(function() "+line+" end)")
}

// program draws a playbook of some writes.
func program(rt *rapid.T) string {
	w := &writer{t: rt, lines: []string{"local last", `last = "rol_editor"`}}
	for range rapid.IntRange(1, 12).Draw(rt, "writes") {
		w.write()
	}
	return strings.Join(w.lines, "\n")
}

// TestRandomHands: what others change behind a run's back is as they left it,
// whatever the run has written.
func TestRandomHands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t, world)
		text := program(rt)
		run := d.play("p.lua", text)
		hands := map[string]client.Args{}
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"auth0|ada", "auth0|bob", "auth0|n0", "auth0|n1", "auth0|n2"}), rapid.ID).Draw(rt, "users") {
			field := rapid.SampledFrom([]string{"nickname", "given_name", "email"}).Draw(rt, "field")
			body := map[string]any{field: "by.hand." + id[6:] + "@example.com", "connection": "staff"}
			if _, err := d.client.Do(t.Context(), "users.update", client.Args{"id": id, "body": body}); err == nil {
				hands[id] = body
			}
		}
		u := d.undo(run)
		for id, body := range hands {
			res, err := d.client.Do(t.Context(), "users.get", client.Args{"id": id})
			if err != nil {
				// A created user goes where the run set nothing that was changed.
				if strings.HasPrefix(id, "auth0|n") && body["email"] == nil {
					continue
				}
				rt.Fatalf("%s: %v\n%s\n%s", id, err, tell(u.result), text)
			}
			var now map[string]any
			if err := json.Unmarshal(res.Body, &now); err != nil {
				rt.Fatal(err)
			}
			for field, v := range body {
				if field != "connection" && now[field] != v {
					rt.Fatalf("%s: %s is %v, by hand %v\n%s\n%s", id, field, now[field], v, tell(u.result), text)
				}
			}
		}
	})
}

// TestRandom: whatever a run writes, its undo leaves the tenant as it was, and
// the undo of that as the run left it.
func TestRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t, world)
		before := d.snapshot()
		text := program(rt)
		run := d.play("p.lua", text)
		changed := d.snapshot()
		p := d.preview(run)
		u := d.undo(run)
		if u.code != engine.ExitOK || u.result.Counts[undo.Left]+u.result.Counts[undo.Failed]+u.result.Counts[undo.Impossible] > 0 {
			rt.Fatalf("exit %d, %v\n%s\n%s", u.code, u.err, tell(u.result), text)
		}
		if p.Counts[undo.PutBack] != u.result.Counts[undo.Undone] {
			rt.Fatalf("the preview says %v, and it was %v\n%s", p.Counts, u.result.Counts, text)
		}
		ids := renamed(u)
		if diff := compare(before, d.snapshot(), ids); diff != "" {
			rt.Fatalf("something remains:\n%s\n%s\n%s", diff, tell(u.result), text)
		}
		back := d.undo(u.run)
		for old, id := range renamed(back) {
			ids[old] = id
		}
		if diff := compare(changed, d.snapshot(), ids); diff != "" {
			rt.Fatalf("undone back, it is not what the run left:\n%s\n%s\n%s", diff, tell(back.result), text)
		}
	})
}
