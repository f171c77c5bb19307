package durable_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
	"a0run/client/sim/store"
	"a0run/engine"
)

// TestParkedCallsAreNotInDoubt kills a run whose calls all wait for the rate
// limit: nothing of it is in doubt, and each write is done once.
func TestParkedCallsAreNotInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		now := time.Now()
		d.tenant.Inject(sim.Fault{Operation: "roles.create", Count: -1, Status: 429, Headers: map[string]string{
			"x-ratelimit-limit": "10", "x-ratelimit-remaining": "0", "x-ratelimit-reset": itoa(now.Add(5 * time.Minute).Unix()),
		}})
		book := `parallel.each({1, 2, 3, 4, 5, 6, 7, 8}, function(i) auth0.roles.create({name = "role" .. i}) end)`
		dies := make(chan struct{})
		timer := time.AfterFunc(time.Minute, func() { close(dies) })
		defer timer.Stop()
		first := d.play(play{text: book, fate: fate{at: dies}})
		if !first.died {
			t.Fatalf("it did not die: %v", first.err)
		}
		sent := d.count("POST", "/roles")
		if sent == 0 {
			t.Fatal("nothing was refused")
		}
		if got := d.states(d.run); got[engine.StateRefused] != sent || len(got) != 1 {
			t.Fatalf("after %d refusals the states are %v", sent, got)
		}
		if time.Since(now) != time.Minute {
			t.Fatalf("it died after %s", time.Since(now))
		}
		d.tenant = reborn(t, d.tenant)
		reads := d.count("GET", "/roles")
		d.resume(play{text: book}).wants(t, "")
		if n := d.count("POST", "/roles"); n != 8 {
			t.Errorf("%d creates, want 8", n)
		}
		if n := d.count("GET", "/roles"); n != reads {
			t.Errorf("%d searches: something was in doubt", n-reads)
		}
	})
}

// reborn is a tenant with the same state and without faults.
func reborn(t *testing.T, old *sim.Tenant) *sim.Tenant {
	t.Helper()
	fresh, err := sim.New(sim.Options{Domain: old.Domain()})
	if err != nil {
		t.Fatal(err)
	}
	fresh.State().Restore(old.State().Snapshot())
	return fresh
}

// lost plays a book whose process dies at its first write, at the tenant's
// hand: before the write is done, or after.
func lost(t *testing.T, d *desk, book, when string) {
	t.Helper()
	first := d.play(play{text: book, fate: fate{request: 1, when: when, mutating: true}})
	if !first.died {
		t.Fatalf("it did not die: %v", first.err)
	}
	if got := d.states(d.run); got[engine.StateBegun] != 1 {
		t.Fatalf("states %v", got)
	}
}

// TestALostCreate is looked for by its name, whether that is unique or not.
func TestALostCreate(t *testing.T) {
	t.Parallel()
	books := map[string]string{
		"/roles": `local r = auth0.roles.create({name = "made", description = "d"})
auth0.users.add_roles("auth0|u0", {r.id})`,
		"/clients": `local c = auth0.clients.create({name = "made", app_type = "spa"})
auth0.clients.update(c.client_id, {description = "x"})`,
		"/users": `local u = auth0.users.create({email = "New@Example.com", connection = "Username-Password-Authentication", password = "Str0ng-Secret!"})
auth0.users.update(u.user_id, {blocked = true})`,
		"/organizations": `local o = auth0.organizations.create({name = "made"})
auth0.organizations.update(o.id, {display_name = "x"})`,
		"/connections": `local c = auth0.connections.create({name = "made", strategy = "auth0"})
auth0.connections.update(c.id, {display_name = "x"})`,
	}
	for path, book := range books {
		for _, when := range []string{"before", "after"} {
			t.Run(path+" "+when, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, sim.Options{Seed: seedUsers(1)})
				other := newDesk(t, sim.Options{Seed: seedUsers(1)})
				lost(t, d, book, when)
				d.resume(play{text: book}).wants(t, "")
				other.play(play{text: book}).wants(t, "")
				if a, b := d.state(), other.state(); a != b {
					t.Errorf("the tenant is\n%s\nand undisturbed\n%s", a, b)
				}
				if n, done := d.count("POST", path), when == "after"; done && n != 1 || !done && n != 1 {
					t.Errorf("%d creates reached the tenant", n)
				}
				// It goes on once more from the record that the search made.
				if got := d.states(d.run); got[engine.StateDone] != 2 || len(got) != 1 {
					t.Errorf("states %v", got)
				}
			})
		}
	}
}

// TestNotOurs: what stands under the name of a lost create is not taken for
// its object when it is another, or was there before.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	t.Run("another content", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		book := `auth0.roles.create({name = "made", description = "ours"})`
		lost(t, d, book, "before")
		d.put(store.Key{Kind: "/roles"}, "rol_x", store.Object{"id": "rol_x", "name": "made", "description": "theirs"})
		again := d.resume(play{text: book})
		e := again.failure(t, engine.NameInDoubtError)
		if again.code != engine.ExitInDoubt || !strings.Contains(e.Message, "rol_x") || !strings.Contains(e.HintText, "a0run resolve "+d.run) {
			t.Errorf("exit %d: %s (%s)", again.code, e.Message, e.HintText)
		}
		if n := d.count("POST", "/roles"); n != 0 {
			t.Errorf("%d creates were sent", n)
		}
		// A person says that it was not done; then it is sent and refused.
		d.resolve(e.CallKey, false, "")
		d.resume(play{text: book}).wants(t, engine.NameAuth0Error)
	})
	t.Run("seen before", func(t *testing.T) {
		t.Parallel()
		// The run read the role before; so the lost create can only have been
		// refused, and is sent again for that answer.
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		book := `auth0.roles.list() print(pcall(auth0.roles.create, {name = "alpha", description = "a"}))`
		lost(t, d, book, "after")
		again := d.resume(play{text: book})
		again.wants(t, "")
		if n := d.count("POST", "/roles"); n != 2 || len(again.prints) != 1 || !strings.HasPrefix(again.prints[0], "false") {
			t.Errorf("%d creates, %q", n, again.prints)
		}
	})
	t.Run("namesakes", func(t *testing.T) {
		t.Parallel()
		// Applications may have the same name: those that bore it before the
		// create, and those that the run made itself, are not the lost one.
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		d.put(store.Key{Kind: "/clients"}, "old", store.Object{"client_id": "old", "name": "made", "app_type": "spa"})
		book := `for i = 1, 3 do auth0.clients.create({name = "made", app_type = "spa"}) end`
		first := d.play(play{text: book, fate: fate{request: 2, when: "after", mutating: true}})
		if !first.died {
			t.Fatal(first.err)
		}
		d.resume(play{text: book}).wants(t, "")
		if n := d.count("POST", "/clients"); n != 3 {
			t.Errorf("%d creates were sent", n)
		}
	})
	t.Run("two new ones", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		book := `auth0.clients.create({name = "made", app_type = "spa"})`
		lost(t, d, book, "after")
		d.put(store.Key{Kind: "/clients"}, "other", store.Object{"client_id": "other", "name": "made", "app_type": "spa"})
		d.resume(play{text: book}).wants(t, engine.NameInDoubtError)
		if n := d.count("POST", "/clients"); n != 1 {
			t.Errorf("%d creates were sent", n)
		}
	})
}

// TestALostAction stops the run, and what a person says of it is taken.
func TestALostAction(t *testing.T) {
	t.Parallel()
	book := `
auth0.users.update("auth0|u0", {blocked = true})
local job = auth0.jobs.send_verification_email({user_id = "auth0|u0"})
print(job and job.id or "unknown")
auth0.users.update("auth0|u0", {blocked = false})
`
	for _, done := range []bool{true, false} {
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		first := d.play(play{text: book, fate: fate{request: 2, when: "after", mutating: true}})
		if !first.died {
			t.Fatal(first.err)
		}
		again := d.resume(play{text: book})
		e := again.failure(t, engine.NameInDoubtError)
		if again.code != engine.ExitInDoubt || e.CallKey == "" {
			t.Errorf("exit %d, %+v", again.code, e)
		}
		d.resume(play{text: book}).wants(t, engine.NameInDoubtError) // and so it stays
		d.resolve(e.CallKey, done, "")
		d.resume(play{text: book}).wants(t, "")
		want := 2
		if done {
			want = 1
		}
		if n := d.count("POST", "/jobs"); n != want {
			t.Errorf("resolved as done=%v: sent %d times, want %d", done, n, want)
		}
	}
}

// TestWhatMayBeSentTwice is sent again without a question.
func TestWhatMayBeSentTwice(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{
		"patch":   `auth0.users.update("auth0|u0", {blocked = true})`,
		"delete":  `auth0.users.delete("auth0|u1")`,
		"add":     `auth0.users.add_roles("auth0|u0", {"rol_a"})`,
		"remove":  `auth0.users.remove_roles("auth0|u2", {"rol_a"})`,
		"replace": `auth0.branding.update({colors = {primary = "#112233"}})`,
		"action":  `auth0.jobs.send_verification_email({user_id = "auth0|u0", repeatable = true})`,
		"file":    `file.write("out.txt", "text")`,
	} {
		for _, when := range []string{"before", "after"} {
			if name == "file" {
				continue // no request
			}
			d := newDesk(t, sim.Options{Seed: seedUsers(3)})
			book := call + "\nprint('done')"
			if name == "action" {
				book = `auth0.jobs.send_verification_email({user_id = "auth0|u0"}, {repeatable = true})` + "\nprint('done')"
			}
			lost(t, d, book, when)
			again := d.resume(play{text: book})
			again.wants(t, "")
			if len(again.prints) != 1 {
				t.Errorf("%s %s: printed %q", name, when, again.prints)
			}
		}
	}
}

// TestALostAnswerInTheRun is settled at once, in the same execution.
func TestALostAnswerInTheRun(t *testing.T) {
	t.Parallel()
	for _, fault := range []sim.Fault{{Reset: "after"}, {Reset: "before"}, {CutOff: true}} {
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		fault.Operation = "roles.create"
		d.tenant.Inject(fault)
		e := d.play(play{text: `local r = auth0.roles.create({name = "made", description = "d"}) print(r.name)`})
		e.wants(t, "")
		if len(e.prints) != 1 || e.prints[0] != "made" {
			t.Errorf("%+v: printed %q", fault, e.prints)
		}
		if n := len(rolesNamed(d, "made")); n != 1 {
			t.Errorf("%+v: %d roles are there", fault, n)
		}
	}
}

func rolesNamed(d *desk, name string) []store.Object {
	var found []store.Object
	d.tenant.State().View(func(tx *store.Tx) {
		for _, o := range tx.All(store.Key{Kind: "/roles"}) {
			if o["name"] == name {
				found = append(found, o)
			}
		}
	})
	return found
}

// TestTokens: a token that is over is fetched again, and what was done with it
// keeps its keys.
func TestTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, sim.Options{Seed: seedUsers(2)})
		book := `
local token = get_token.client_credentials("` + d.tenant.Issuer() + `api/v2/")
auth0.users.update("auth0|u0", {user_metadata = {token = token.access_token}})
auth0.users.update("auth0|u1", {user_metadata = {token = "Bearer " .. token.access_token}})
auth0.users.update("auth0|u1", {blocked = true})
`
		d.play(play{text: book, fate: fate{request: 3, when: "before", mutating: true}})
		tokens := func() (n int) {
			for _, r := range d.tenant.Requests() {
				if r.Path == "/oauth/token" && r.Method == http.MethodPost {
					n++
				}
			}
			return n
		}
		if n := tokens(); n != 2 { // the client's own, and the playbook's
			t.Fatalf("%d tokens were fetched", n)
		}
		d.play(play{text: book, resume: d.run, fate: fate{request: 1, when: "before", mutating: true}})
		if n := tokens(); n != 3 { // the client's own of the new process
			t.Fatalf("a token that is good was fetched again: %d", n)
		}
		d.db.Close() //nolint:errcheck // opened again
		<-time.After(25 * time.Hour)
		d.open()
		d.resume(play{text: book}).wants(t, "")
		if n := tokens(); n != 5 {
			t.Errorf("%d tokens were fetched", n)
		}
		if n := d.count("PATCH", "/users"); n != 3 {
			t.Errorf("%d patches: %v", n, d.writes())
		}
	})
}
