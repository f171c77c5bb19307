package undo_test

import (
	"testing"

	"a0run/engine"
	"a0run/engine/undo"
)

const toResume = `
	auth0.users.update("auth0|ada", {nickname = "x"})
	parallel.each({"auth0|ada", "auth0|bob"}, function(id) auth0.users.add_roles(id, {"rol_editor"}) end)
	local r = auth0.roles.create({name = "fresh"})
	auth0.users.add_roles("auth0|bob", {r.id})
	auth0.users.remove_roles("auth0|ada", {"rol_reader"})
	auth0.organizations.delete_organization_member_roles("org_acme", "auth0|ada", {roles = {"rol_reader"}})
	auth0.roles.delete("rol_reader")
	auth0.users.delete("auth0|cleo")
	file.write("out.txt", "text")
`

// stopped undoes a run, stopped behind its n-th request; behind is called then,
// and the undo resumed to its end. done reports that it was over before.
func (d *desk) stopped(run string, n int, behind func()) (u *undoing, done bool) {
	d.t.Helper()
	u = d.undo(run, func(u *undoing) { u.stopAt = n })
	if u.err == nil {
		return u, true
	}
	if u.code != engine.ExitInterrupted {
		d.t.Fatalf("stopped behind request %d: %v", n, u.err)
	}
	behind()
	u.resume, u.stopAt = true, 0
	d.again(u)
	return u, false
}

// TestResume: an undo that is stopped behind any of its requests goes on to the
// same end, and makes every write once.
func TestResume(t *testing.T) {
	t.Parallel()
	step := 1
	if underRace {
		step = 5
	}
	for n := 1; ; n += step {
		d := newDesk(t, world)
		d.play("further.lua", further)
		before := d.snapshot()
		run := d.play("p.lua", toResume)
		writes := d.writes()
		u, done := d.stopped(run, n, func() {})
		if u.code != engine.ExitOK || u.result.Counts[undo.Undone] != 10 {
			t.Fatalf("behind request %d: exit %d, %v\n%s", n, u.code, u.err, tell(u.result))
		}
		if sent := d.writes() - writes; sent != 9 {
			t.Errorf("behind request %d: %d writes, want 9", n, sent)
		}
		if diff := compare(before, d.snapshot(), renamed(u)); diff != "" {
			t.Errorf("behind request %d:\n%s", n, diff)
		}
		if done {
			if n < 15 {
				t.Errorf("over after %d requests", n)
			}
			return
		}
	}
}

// TestMovedWhileStopped: what somebody changes while an undo is stopped is not
// touched when it is resumed, whatever it had read before.
func TestMovedWhileStopped(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		d := newDesk(t, world)
		run := d.play("p.lua", `
			for _, id in ipairs({"auth0|ada", "auth0|bob"}) do auth0.users.update(id, {nickname = "x"}) end
			auth0.users.update("auth0|cleo", {given_name = "x"})`)
		u, done := d.stopped(run, n, func() {
			d.patch("auth0|ada", map[string]any{"nickname": "by hand"})
			d.patch("auth0|bob", map[string]any{"nickname": "by hand"})
		})
		if done {
			return
		}
		for _, id := range []string{"auth0|ada", "auth0|bob"} {
			if got := d.user(id)["nickname"]; got != "by hand" {
				t.Errorf("behind request %d: %s is %v again\n%s", n, id, got, tell(u.result))
			}
		}
		if got := d.user("auth0|cleo")["given_name"]; got != nil {
			t.Errorf("behind request %d: the other is %v\n%s", n, got, tell(u.result))
		}
	}
}
