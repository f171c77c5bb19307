package durable_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/engine"
)

// everyType prints what every kind of recorded value looks like to a playbook.
const everyType = `
playbook { env = {"THERE", "NOT_THERE"} }
local ok, e
print(json.encode({now = time.now(), id = uuid(), n = random.integer(1, 1000000), f = random.number(), hex = random.hex(4)}))
print(env("THERE"), env("NOT_THERE"))
local u = auth0.users.get("auth0|u1")
print(u.email, u.app_metadata.big, u.app_metadata.none == null, json.encode(u.app_metadata.list))
print(auth0.users.delete("auth0|u2"))
ok, e = pcall(auth0.users.get, "auth0|nobody")
print(ok, e.name, e.status_code, e.error_code, e.message, e.reset_at, e.body, json.encode(e.content), e.operation, e.headers["content-type"])
ok, e = pcall(auth0.users.create, {email = "u1@example.com", connection = "Username-Password-Authentication", password = "Str0ng-Secret!"})
print(ok, e.name, e.status_code, e:is("Auth0Error"))
print(#auth0.users.list(), auth0.users.list{per_page = 2, include_totals = true}.total)
print(file.read("a.txt"), file.exists("a.txt"), file.exists("b.txt"))
file.write("out.txt", "text " .. uuid())
print(file.exists("out.txt"))
local made = auth0.roles.create({name = "made", description = uuid()})
print(made.id, made.description)
ok, e = pcall(error, {code = 7})
print(ok, e.code)
`

// TestValuesComeBack replays a recorded value of every type: the second
// execution sees what the first saw, to the byte, and asks nobody.
func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	seed := strings.Replace(string(seedUsers(3)), "email: 'u1@example.com'",
		"email: 'u1@example.com', app_metadata: {big: 9007199254740993123, none: null, list: [], deep: {empty: {}}}", 1)
	d := newDesk(t, sim.Options{Seed: []byte(seed)})
	d.env["THERE"] = "yes"
	d.write("a.txt", "content")
	book := everyType + "\nprint('end')\nerror('stop here')\n"
	first := d.play(play{text: book})
	if first.code != engine.ExitFailed {
		t.Fatalf("exit %d: %v", first.code, first.err)
	}
	sent := len(d.tenant.Requests())
	d.env["THERE"] = "changed"
	// Printing again is what shows the values: the text is another, so that it
	// is not the recorded line.
	again := d.resume(play{text: strings.NewReplacer("print(", "print('again', ").Replace(book)})
	if again.code != engine.ExitFailed {
		t.Fatalf("exit %d: %v", again.code, again.err)
	}
	for i, line := range first.prints {
		if i >= len(again.prints) || again.prints[i] != "again\t"+line {
			t.Errorf("first  %s\nsecond %v", line, again.prints)
			break
		}
	}
	if n := countAPI(d.tenant.Requests()[sent:]); n != 0 {
		t.Errorf("the second execution sent %d requests: %v", n, d.tenant.Requests()[sent:])
	}
}

func countAPI(requests []sim.Request) int {
	n := 0
	for _, r := range requests {
		if strings.HasPrefix(r.Path, "/api/v2/") {
			n++
		}
	}
	return n
}

// TestLinesAreNotSaidAgain resumes a run that printed and logged.
func TestLinesAreNotSaidAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(1)})
	book := `
print("one")
log.info("two", {n = 1})
print("one")
auth0.users.update("auth0|u0", {blocked = true})
print("three")
file.write("out.txt", "written")
auth0.users.update("auth0|u0", {blocked = false})
print("four")
`
	first := d.play(play{text: book, fate: fate{request: 2, when: "after", mutating: true}})
	if !slices.Equal(first.prints, []string{"one", "one", "three"}) || !first.died {
		t.Fatalf("%q, died %v: %v", first.prints, first.died, first.err)
	}
	d.write("out.txt", "mine now")
	second := d.resume(play{text: book})
	second.wants(t, "")
	if !slices.Equal(second.prints, []string{"four"}) {
		t.Errorf("the second execution printed %q", second.prints)
	}
	for _, e := range second.events {
		if e.Kind == engine.EventLog {
			t.Errorf("logged again: %+v", e)
		}
	}
	if n := len(d.writes()); n != 3 { // the second patch had no answer, and is sent again
		t.Errorf("%d writes: %v", n, d.writes())
	}
}

// TestTheErrorThatEndedTheRun is sent again; one that was caught is not.
func TestTheErrorThatEndedTheRun(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(2)})
	d.tenant.Inject(sim.Fault{Operation: "users.update", Status: 403, Body: `{"statusCode":403,"error":"Forbidden","message":"no","errorCode":"x"}`, Count: 2})
	book := `
local ok, e = pcall(auth0.users.update, "auth0|u0", {blocked = true})
print(ok, e.status_code)
auth0.users.update("auth0|u1", {blocked = true})
print("done")
`
	first := d.play(play{text: book})
	first.wants(t, engine.NameAuth0Error)
	if got := d.states(first.run); got[engine.StateFailed] != 1 || got[engine.StateEnded] != 1 {
		t.Fatalf("states %v", got)
	}
	second := d.resume(play{text: book})
	second.wants(t, "")
	if n := d.count("PATCH", "/users/auth0|u0"); n != 1 {
		t.Errorf("what was caught was sent %d times", n)
	}
	if n := d.count("PATCH", "/users/auth0|u1"); n != 2 {
		t.Errorf("what ended the run was sent %d times", n)
	}
	if _, err := d.try(play{name: "book.lua", text: book, resume: d.run}); err == nil {
		t.Error("a run that ended well was resumed")
	}
}

// TestItemsThatEndedTheRun: every failed item of the parallel call that ended
// the run is sent again.
func TestItemsThatEndedTheRun(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"book.lua", "book.yaml"} {
		d := newDesk(t, sim.Options{Seed: seedUsers(6)})
		d.tenant.Inject(sim.Fault{Operation: "users.update", After: 1, Status: 403, Body: `{"statusCode":403,"message":"no"}`, Count: 3})
		book := `parallel.each({0,1,2,3,4,5}, function(i) auth0.users.update("auth0|u" .. i, {blocked = true}) end)`
		if name == "book.yaml" {
			book = "steps:\n  - for_each: [0, 1, 2, 3, 4, 5]\n    auth0.users.update: {id: 'auth0|u${{ item }}', body: {blocked: true}}\n"
		}
		first := d.play(play{name: name, text: book})
		if first.code != engine.ExitFailed {
			t.Fatalf("%s: exit %d: %v", name, first.code, first.err)
		}
		second := d.resume(play{name: name, text: book})
		second.wants(t, "")
		done := map[string]int{}
		for _, r := range d.tenant.Requests() {
			if r.Method == "PATCH" && r.Status == 200 {
				done[r.Path]++
			}
		}
		for i := range 6 {
			if n := done[fmt.Sprintf("/api/v2/users/auth0|u%d", i)]; n != 1 {
				t.Errorf("%s: user %d was patched %d times", name, i, n)
			}
		}
	}
}

// TestRetryFailed sends again what failed under on_error = "continue", and
// only where it is asked to.
func TestRetryFailed(t *testing.T) {
	t.Parallel()
	for _, retry := range []bool{false, true} {
		d := newDesk(t, sim.Options{Seed: seedUsers(4)})
		d.tenant.Inject(sim.Fault{Operation: "users.update", After: 1, Status: 403, Body: `{"statusCode":403,"message":"no"}`, Count: 2})
		book := `
local r = parallel.each({0,1,2,3}, {on_error = "continue", concurrency = 1}, function(i) auth0.users.update("auth0|u" .. i, {blocked = true}) end)
auth0.users.update("auth0|u0", {nickname = "failed " .. #r.failed})
`
		first := d.play(play{text: book})
		if first.code != engine.ExitItems {
			t.Fatalf("exit %d: %v", first.code, first.err)
		}
		second := d.resume(play{text: book, retry: retry})
		switch n := d.count("PATCH", "/users"); {
		case retry && second.code != engine.ExitOK && engine.AsError(second.err) == nil:
			t.Errorf("exit %d: %v", second.code, second.err)
		case !retry && (n != 5 || second.code != engine.ExitItems):
			t.Errorf("without being asked: %d patches, exit %d: %v", n, second.code, second.err)
		}
		if n := d.count("PATCH", "/users/auth0|u1") + d.count("PATCH", "/users/auth0|u2"); retry && n != 4 {
			t.Errorf("the failed ones were sent %d times", n)
		}
	}
}
