package undo_test

import (
	"testing"

	"a0run/engine"
	"a0run/engine/undo"
)

const seed = `
users:
  - {user_id: "auth0|ada", email: ada@example.com, nickname: ada, user_metadata: {plan: free, seen: 1}}
  - {user_id: "auth0|bob", email: bob@example.com, nickname: bob}
roles:
  - {id: rol_editor, name: editor, description: edits}
  - {id: rol_reader, name: reader}
`

func TestFirst(t *testing.T) {
	d := newDesk(t, seed)
	before := d.snapshot()
	t.Log(len(before))
	run := d.play("p.lua", `
		auth0.users.update("auth0|ada", {nickname = "x", user_metadata = {plan = "pro", new = 1}})
		auth0.users.update("auth0|ada", {nickname = "y", blocked = true})
		local r = auth0.roles.create({name = "fresh"})
		auth0.users.add_roles("auth0|ada", {r.id, "rol_editor"})
		auth0.users.delete("auth0|bob")
		auth0.roles.delete("rol_reader")
	`)
	p := d.preview(run)
	t.Log(d.shown.String())
	u := d.undo(run)
	t.Log(tell(u.result), p.Counts)
	if u.code != engine.ExitOK || u.result.Counts[undo.Undone] != 6 {
		t.Errorf("exit %d", u.code)
	}
	if diff := compare(before, d.snapshot(), renamed(u)); diff != "" {
		t.Error(diff)
	}
}
