package durable_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
	"a0run/engine"
)

// half is a run of three writes that died before the third.
func half(t *testing.T, book string) *desk {
	t.Helper()
	d := newDesk(t, sim.Options{Seed: seedUsers(8)})
	first := d.play(play{text: book, fate: fate{request: 3, when: "before", mutating: true}})
	if !first.died {
		t.Fatalf("it did not die: %v", first.err)
	}
	return d
}

const threeWrites = `
auth0.users.update("auth0|u0", {blocked = true})
auth0.users.update("auth0|u1", {blocked = true})
auth0.users.get("auth0|u2")
auth0.users.update("auth0|u2", {blocked = true})
`

// TestDivergence edits the playbook of a run that died: where it no longer
// does what it did, nothing is sent.
func TestDivergence(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, old, by, says string }{
		{"an argument changed", `"auth0|u0", {blocked = true}`, `"auth0|u0", {blocked = false}`, "auth0|u0"},
		{"a call removed", `auth0.users.update("auth0|u0", {blocked = true})`, ``, "auth0|u0"},
		{"a call put before", `auth0.users.update("auth0|u0"`, `auth0.users.update("auth0|u5", {blocked = true}) auth0.users.update("auth0|u0"`, "auth0|u5"},
		{"another operation", `auth0.users.update("auth0|u1", {blocked = true})`, `auth0.users.delete("auth0|u1")`, "auth0|u1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := half(t, threeWrites)
			sent := len(d.writes())
			edited := strings.Replace(threeWrites, tc.old, tc.by, 1)
			second := d.resume(play{text: edited})
			e := second.failure(t, engine.NameDivergenceError)
			if !strings.Contains(e.Message, tc.says) || !strings.Contains(e.Message, "book.lua:") || !strings.Contains(e.Error(), "book.lua:") {
				t.Errorf("it does not show both places: %s", e.Error())
			}
			if n := len(d.writes()); n != sent {
				t.Errorf("%d more writes were sent", n-sent)
			}
			// Deliberately it goes on, and the old playbook would have, too.
			third := d.resume(play{text: edited, accept: true})
			third.wants(t, "")
		})
	}
}

// TestEditsThatAreFine goes on with a playbook that was edited, but does what it
// did.
func TestEditsThatAreFine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, old, by string }{
		{"a comment", `auth0.users.update("auth0|u1"`, "-- a comment\n\n--and more\nauth0.users.update(\"auth0|u1\""},
		{"after the point", `{blocked = true})` + "\n", `{blocked = true})` + "\n"},
		{"a new call at the end", threeWrites[len(threeWrites)-1:], "\nauth0.users.update(\"auth0|u5\", {blocked = true})\n"},
		{"a read gone", `auth0.users.get("auth0|u2")`, ``},
		{"a read more", `auth0.users.get("auth0|u2")`, `auth0.users.get("auth0|u3") auth0.roles.list() print(time.now())`},
		{"another order of the fields", `"auth0|u0", {blocked = true}`, `"auth0|u0", {blocked = not false}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := half(t, threeWrites)
			i := strings.LastIndex(threeWrites, tc.old)
			edited := threeWrites[:i] + tc.by + threeWrites[i+len(tc.old):]
			d.resume(play{text: edited}).wants(t, "")
			for _, u := range []string{"u0", "u1", "u2"} {
				if n := d.count("PATCH", "/users/auth0|"+u); n != 1 {
					t.Errorf("%s was patched %d times", u, n)
				}
			}
		})
	}
}

// TestAMendedCall: the call whose refusal ended the run need not come up again.
func TestAMendedCall(t *testing.T) {
	t.Parallel()
	book := `
auth0.users.update("auth0|u0", {blocked = true})
parallel.each({1, 2, 3}, function(i)
  auth0.users.update("auth0|u" .. i, {blocked = true})
  if i == 2 then auth0.users.update("auth0|nobody", {blocked = true}) end
  auth0.users.update("auth0|u" .. i, {nickname = "n"})
end)
auth0.users.update("auth0|u0", {nickname = "n"})
`
	for name, by := range map[string]string{
		"mended": `auth0.users.update("auth0|u4", {blocked = true})`, "removed": ``,
	} {
		d := newDesk(t, sim.Options{Seed: seedUsers(8)})
		d.play(play{text: book}).wants(t, engine.NameParallelError)
		d.resume(play{text: strings.Replace(book, `auth0.users.update("auth0|nobody", {blocked = true})`, by, 1)}).wants(t, "")
		for _, u := range []string{"u0", "u1", "u2", "u3"} {
			if n := d.count("PATCH", "/users/auth0|"+u); n != 2 {
				t.Errorf("%s: %s was patched %d times", name, u, n)
			}
		}
	}
}

const keyed = `
local users = auth0.users.list()
parallel.each(users, {concurrency = 1}, function(u)
  auth0.users.update(u.user_id, {blocked = true})
end)
auth0.users.update("auth0|u0", {nickname = "end"})
`

// TestItemsKeepTheirIdentity: the order of a list counts for nothing where its
// items have keys.
func TestItemsKeepTheirIdentity(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]string{
		"reversed":       `local users = auth0.users.list() local back = {} for i = #users, 1, -1 do back[#back + 1] = users[i] end users = back`,
		"fewer and more": `local users = auth0.users.list() table.remove(users) users[#users + 1] = auth0.users.get("auth0|u7")`,
	} {
		d := newDesk(t, sim.Options{Seed: seedUsers(8)})
		d.play(play{text: keyed, fate: fate{request: 5, when: "before", mutating: true}})
		d.resume(play{text: strings.Replace(keyed, "local users = auth0.users.list()", edit, 1)}).wants(t, "")
		if n := d.count("PATCH", "/users"); n != 9 {
			t.Errorf("%s: %d patches, want 9: %v", name, n, d.writes())
		}
	}
}

// TestAnItemIsGone: an item with recorded writes that does not come up again is
// told when the parallel call ends, before anything after it is sent.
func TestAnItemIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(8)})
	d.play(play{text: keyed, fate: fate{request: 9, when: "before", mutating: true}})
	edited := strings.Replace(keyed, "local users = auth0.users.list()",
		`local users = {} for _, u in ipairs(auth0.users.list()) do if u.user_id ~= "auth0|u3" then users[#users + 1] = u end end`, 1)
	sent := len(d.writes())
	e := d.resume(play{text: edited}).failure(t, engine.NameDivergenceError)
	if !strings.Contains(e.Message, "auth0|u3") {
		t.Errorf("it does not name the item: %s", e.Message)
	}
	if n := len(d.writes()); n != sent {
		t.Errorf("%d writes were sent after it", n-sent)
	}
	d.resume(play{text: edited, accept: true}).wants(t, "")
}

// TestTheLastWritesAreGone: nothing new is sent, but the end tells.
func TestTheLastWritesAreGone(t *testing.T) {
	t.Parallel()
	d := half(t, threeWrites)
	d.resume(play{text: `auth0.users.update("auth0|u0", {blocked = true})`}).wants(t, engine.NameDivergenceError)
	d.resume(play{text: threeWrites}).wants(t, "")
}

// TestAFileChanged between two executions is a divergence; put back, or
// accepted, the run goes on.
func TestAFileChanged(t *testing.T) {
	t.Parallel()
	book := `
local text = file.read("list.txt")
auth0.users.update("auth0|u0", {nickname = text})
auth0.users.update("auth0|u1", {nickname = text})
`
	d := newDesk(t, sim.Options{Seed: seedUsers(2)})
	d.write("list.txt", "alpha")
	d.play(play{text: book, fate: fate{request: 2, when: "before", mutating: true}})
	d.write("list.txt", "beta!")
	e := d.resume(play{text: book}).failure(t, engine.NameDivergenceError)
	if !strings.Contains(e.Message, "list.txt") || strings.Contains(e.Message, "beta") {
		t.Errorf("the message: %s", e.Message)
	}
	if n := len(d.writes()); n != 1 {
		t.Errorf("%d writes", n)
	}
	d.write("list.txt", "alpha")
	d.resume(play{text: book}).wants(t, "")
}

// TestSleepKeepsItsDeadline: the time that a killed process slept counts.
func TestSleepKeepsItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		book := `
parallel.each({1, 2}, function(i)
  if i == 1 then time.sleep("10m") end
  auth0.users.update("auth0|u0", {nickname = "n" .. i})
end)
`
		began := time.Now()
		first := d.play(play{text: book, fate: fate{request: 1, when: "after", mutating: true}})
		if !first.died {
			t.Fatalf("it did not die: %v", first.err)
		}
		d.db.Close() //nolint:errcheck // opened again
		<-time.After(4 * time.Minute)
		d.open()
		d.resume(play{text: book}).wants(t, "")
		if got := time.Since(began); got < 10*time.Minute || got > 10*time.Minute+time.Second {
			t.Errorf("the sleep of 10 m ended after %s", got)
		}
	})
}
