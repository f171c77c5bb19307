package undo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/undo"
)

// user reads a user behind everybody's back.
func (d *desk) user(id string) map[string]any {
	d.t.Helper()
	u, _ := d.do("users.get", client.Args{"id": id}).(map[string]any)
	return u
}

func (d *desk) patch(id string, body map[string]any) {
	d.t.Helper()
	d.do("users.update", client.Args{"id": id, "body": body})
}

// verdicts are those of the writes of an operation.
func verdicts(items []undo.Item, operation string) []undo.Verdict {
	var out []undo.Verdict
	for _, item := range items {
		if item.Operation == operation {
			out = append(out, item.Verdict)
		}
	}
	return out
}

func (d *desk) mustSay(texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.shown.String(), text) {
			d.t.Errorf("nothing says %q:\n%s", text, d.shown.String())
		}
	}
}

func force(objects ...string) func(u *undoing) { return func(u *undoing) { u.force = objects } }
func only(names ...string) func(u *undoing)    { return func(u *undoing) { u.only = names } }

// TestChangedSince: what somebody else has changed since is shown and left, and
// put back only where it is forced.
func TestChangedSince(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	run := d.play("p.lua", `
		auth0.users.update("auth0|ada", {nickname = "x", given_name = "Ada"})
		auth0.users.update("auth0|bob", {nickname = "x"})`)
	d.patch("auth0|ada", map[string]any{"nickname": "by hand"})
	d.patch("auth0|bob", map[string]any{"family_name": "by hand"})
	if p := d.preview(run); p.Counts[undo.Left] != 1 || p.Counts[undo.PutBack] != 1 {
		t.Errorf("the preview: %v", p.Counts)
	}
	u := d.undo(run)
	if u.result.Counts[undo.Left] != 1 || u.result.Counts[undo.Undone] != 1 {
		t.Errorf("the result: %v", u.result.Counts)
	}
	d.mustSay(`nickname: now "by hand", the run had left "x"`, "it has changed since")
	if ada := d.user("auth0|ada"); ada["nickname"] != "by hand" || ada["given_name"] != "Ada" {
		t.Errorf("what was changed by hand is now %v", ada)
	}
	if bob := d.user("auth0|bob"); bob["nickname"] != "bob" || bob["family_name"] != "by hand" {
		t.Errorf("what was changed beside the run's field is now %v", bob)
	}
	forced := d.undo(run, force("users/auth0|ada"))
	if forced.result.Counts[undo.Undone] != 1 || forced.result.Counts[undo.Already] != 1 {
		t.Errorf("forced: %s", tell(forced.result))
	}
	if ada := d.user("auth0|ada"); ada["nickname"] != "ada" || ada["given_name"] != nil {
		t.Errorf("what was forced is now %v", ada)
	}
}

// TestLeftHoldsWhatItNeeds: where a write is left, the earlier writes of its
// object are left too, and what it refers to is not deleted.
func TestLeftHoldsWhatItNeeds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	run := d.play("p.lua", `
		local c = auth0.connections.create({name = "fresh", strategy = "auth0"})
		local one = auth0.users.create({connection = "fresh", email = "one@example.com", password = "Secret-9-and-long", user_id = "one"})
		local two = auth0.users.create({connection = "fresh", email = "two@example.com", password = "Secret-9-and-long", user_id = "two"})
		auth0.users.update(one.user_id, {nickname = "x"})`)
	d.patch("auth0|one", map[string]any{"nickname": "by hand"})
	p := d.preview(run)
	u := d.undo(run)
	for what, want := range map[string]undo.Verdict{"connections.create": undo.Left, "users.update": undo.Left} {
		if got := verdicts(u.result.Items, what); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v\n%s", what, got, tell(u.result))
		}
	}
	if u.result.Counts[undo.Undone] != 1 || p.Counts[undo.PutBack] != 1 {
		t.Errorf("the other user: %v, %v", u.result.Counts, p.Counts)
	}
	if d.user("auth0|one")["nickname"] != "by hand" {
		t.Error("the changed user is not as it was")
	}
	d.mustSay("a later write of the same object is left: users.update users/auth0|one", "what is left refers to it")
	forced := d.undo(run, force("users/auth0|one"))
	if forced.result.Counts[undo.Undone] != 3 {
		t.Errorf("forced: %s", tell(forced.result))
	}
}

// TestBehindTheBack: what others did since is met with grace.
func TestBehindTheBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lua    string
		behind func(d *desk)
		want   undo.Verdict
		op     string
	}{
		"the created object is gone": {
			`auth0.users.create({connection = "staff", email = "n@example.com", password = "Secret-9-and-long", user_id = "n"})`,
			func(d *desk) { d.do("users.delete", client.Args{"id": "auth0|n"}) }, undo.Already, "users.create",
		},
		"the created object is another": {
			`auth0.users.create({connection = "staff", email = "n@example.com", password = "Secret-9-and-long", user_id = "n"})`,
			func(d *desk) {
				d.patch("auth0|n", map[string]any{"email": "other@example.com", "connection": "staff"})
			}, undo.Left, "users.create",
		},
		"the created object has more": {
			`auth0.users.create({connection = "staff", email = "n@example.com", password = "Secret-9-and-long", user_id = "n"})`,
			func(d *desk) { d.patch("auth0|n", map[string]any{"given_name": "N"}) }, undo.Undone, "users.create",
		},
		"the deleted object is there": {
			`auth0.users.delete("auth0|bob")`,
			func(d *desk) {
				d.do("users.create", client.Args{"body": map[string]any{"connection": "staff", "email": "bob@example.com", "user_id": "bob", "password": "Secret-9-and-long"}})
			}, undo.Already, "users.delete",
		},
		"the deleted object's name is taken": {
			`auth0.roles.delete("rol_reader")`,
			func(d *desk) { d.do("roles.create", client.Args{"body": map[string]any{"name": "reader"}}) }, undo.Failed, "roles.delete",
		},
		"the patched object is gone": {
			`auth0.users.update("auth0|bob", {nickname = "x"})`,
			func(d *desk) { d.do("users.delete", client.Args{"id": "auth0|bob"}) }, undo.Left, "users.update",
		},
		"the added role is taken away": {
			`auth0.users.add_roles("auth0|bob", {"rol_reader"})`,
			func(d *desk) {
				d.do("users.remove_roles", client.Args{"id": "auth0|bob", "roles": []string{"rol_reader"}})
			}, undo.Already, "users.add_roles",
		},
		"the added member is gone": {
			`auth0.organizations.create_organization_members("org_acme", {members = {"auth0|bob"}})`,
			func(d *desk) { d.do("users.delete", client.Args{"id": "auth0|bob"}) }, undo.Already, "organizations.create_organization_members",
		},
		"the role has one user more": {
			`auth0.roles.add_users("rol_reader", {"auth0|bob"})`,
			func(d *desk) {
				d.do("roles.add_users", client.Args{"id": "rol_reader", "users": []string{"auth0|ada"}})
			}, undo.Undone, "roles.add_users",
		},
		"another key of the metadata": {
			`auth0.users.update("auth0|ada", {user_metadata = {plan = "pro"}})`,
			func(d *desk) {
				d.patch("auth0|ada", map[string]any{"user_metadata": map[string]any{"seen": 2}})
			}, undo.Undone, "users.update",
		},
		"the same key of the metadata": {
			`auth0.users.update("auth0|ada", {user_metadata = {plan = "pro"}})`,
			func(d *desk) {
				d.patch("auth0|ada", map[string]any{"user_metadata": map[string]any{"plan": "mine"}})
			}, undo.Left, "users.update",
		},
		"put back by hand": {
			`auth0.users.update("auth0|ada", {nickname = "x"})`,
			func(d *desk) { d.patch("auth0|ada", map[string]any{"nickname": "ada"}) }, undo.Already, "users.update",
		},
		"the custom text is another": {
			`auth0.prompts.update_custom_text("login", "en", {login = {title = "Hi"}})`,
			func(d *desk) {
				d.do("prompts.update_custom_text", client.Args{"prompt": "login", "language": "en", "body": map[string]any{"login": map[string]any{"title": "Ho"}}})
			}, undo.Left, "prompts.update_custom_text",
		},
		"the list is another": {
			`auth0.guardian.policies.set({"all-applications"})`,
			func(d *desk) { d.do("guardian.policies.set", client.Args{"body": []string{"confidence-score"}}) }, undo.Left, "guardian.policies.set",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, world)
			run := d.play("p.lua", tt.lua)
			tt.behind(d)
			now := d.snapshot()
			p := d.preview(run)
			u := d.undo(run)
			if u.result.Counts[tt.want] != 1 {
				t.Errorf("got %v, want %s\n%s", u.result.Counts, tt.want, tell(u.result))
			}
			if want := tt.want; want == undo.Left || want == undo.Already {
				if p.Counts[want] != 1 {
					t.Errorf("the preview says %v", p.Counts)
				}
				if diff := compare(now, d.snapshot(), nil); diff != "" {
					t.Errorf("something was touched:\n%s", diff)
				}
			}
			if (u.code == engine.ExitItems) != (tt.want == undo.Failed) {
				t.Errorf("exit %d", u.code)
			}
		})
	}
}

// TestFailuresStopNobody: a refusal of one write is that write's; the rest goes
// on, and a second undo does what is left.
func TestFailuresStopNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	before := d.snapshot()
	run := d.play("p.lua", `
		for _, id in ipairs({"auth0|ada", "auth0|bob", "auth0|cleo"}) do auth0.users.update(id, {nickname = "x"}) end
		auth0.roles.update("rol_reader", {description = "x"})`)
	refusal := `{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: update:users","errorCode":"insufficient_scope"}`
	d.tenant.Inject(sim.Fault{Operation: "users.update", Count: 1, Status: 403, Body: refusal})
	d.tenant.Inject(sim.Fault{Operation: "roles.get", Count: 1, Status: 403, Body: refusal})
	u := d.undo(run)
	if c := u.result.Counts; c[undo.Failed] != 2 || c[undo.Undone] != 2 || u.code != engine.ExitItems {
		t.Errorf("exit %d: %s", u.code, tell(u.result))
	}
	d.mustSay("Insufficient scope", "what stands there now could not be read, and nothing was sent")
	again := d.undo(run)
	if c := again.result.Counts; c[undo.Already] != 2 || c[undo.Undone] != 2 || again.code != engine.ExitOK {
		t.Errorf("exit %d: %s", again.code, tell(again.result))
	}
	if diff := compare(before, d.snapshot(), nil); diff != "" {
		t.Error(diff)
	}
}

// TestOnly restricts an undo to operations and steps, and says what means
// nothing.
func TestOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	run := d.play("p.yaml", `
steps:
  - name: rename them
    auth0.users.update: {id: "auth0|ada", body: {nickname: x}}
  - name: describe it
    auth0.roles.update: {id: rol_reader, body: {description: x}}
  - name: another one
    auth0.users.update: {id: "auth0|bob", body: {nickname: x}}
`)
	for pattern, want := range map[string]int{"users.*": 2, "rename them": 1, "*e*it": 1, "roles.update": 1, "*": 3} {
		if p := d.preview(run, only(pattern)); p.Counts[undo.PutBack] != want {
			t.Errorf("--only %s: %v", pattern, p.Counts)
		}
	}
	d.undo(run, only("describe it"))
	if p := d.preview(run); p.Counts[undo.PutBack] != 2 || p.Counts[undo.Already] != 1 {
		t.Errorf("the rest: %v", p.Counts)
	}
	for _, tt := range []struct {
		only, force []string
		want, hint  string
	}{
		{[]string{"user.update"}, nil, "--only user.update: no write of the run is of this operation, step or object", "did you mean users.update?"},
		{nil, []string{"users/auth0|adda"}, "--force users/auth0|adda: the run has written no such object", "did you mean users/auth0|ada?"},
		{[]string{"xxxxxxxxxxxxxxxx"}, nil, "no write of the run", "a0run undo RUN --plan lists"},
	} {
		o := d.options(run, bindings.Config{}, nil)
		o.Only, o.Force = tt.only, tt.force
		_, err := undo.Load(t.Context(), o)
		var hinter engine.Hinter
		var coder engine.ExitCoder
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), tt.hint) ||
			!errors.As(err, &coder) || coder.ExitCode() != engine.ExitUsage {
			t.Errorf("got %v, want %q (%s)", err, tt.want, tt.hint)
		}
	}
}

// TestNotKept: without before-images only what needs none is undone.
func TestNotKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	d.policy = engine.UndoOff
	run := d.play("p.lua", `auth0.users.update("auth0|ada", {nickname = "x"}) auth0.roles.create({name = "fresh"}) auth0.users.delete("auth0|bob")`)
	u := d.undo(run)
	if c := u.result.Counts; c[undo.Impossible] != 2 || c[undo.Undone] != 1 {
		t.Errorf("%s", tell(u.result))
	}
	d.mustSay("was not kept: undo was off")
}

// TestUnknown: a write whose outcome nobody knows is named and not undone.
func TestUnknown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	d.tenant.Inject(sim.Fault{Operation: "jobs.send_verification_email", Count: -1, Reset: "after"})
	e := d.try("p.lua", `auth0.users.update("auth0|ada", {nickname = "x"}) auth0.jobs.send_verification_email({user_id = "auth0|ada"})`)
	if e.code != engine.ExitInDoubt {
		t.Fatalf("exit %d: %v", e.code, e.err)
	}
	p := d.preview(e.run)
	u := d.undo(e.run)
	if u.result.Counts[undo.Unknown] != 1 || p.Counts[undo.Unknown] != 1 || u.result.Counts[undo.Undone] != 1 {
		t.Errorf("%v, %v", u.result.Counts, p.Counts)
	}
	d.mustSay("Unknown, look first")
}

// TestSecrets: what is put back may be secret, and is never shown.
func TestSecrets(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	d.do("connections.create", client.Args{"body": map[string]any{
		"name": "social", "strategy": "google-oauth2", "options": map[string]any{"client_id": "g", "client_secret": "pw-1"},
	}})
	before := d.snapshot()
	run := d.play("p.lua", `
		for c in auth0.connections.each({strategy = "google-oauth2"}) do
			auth0.connections.update(c.id, {options = {client_id = "g", client_secret = "a second Secret"}})
		end
		auth0.users.create({connection = "staff", email = "n@example.com", password = secret("password")})`)
	p := d.preview(run)
	u := d.undo(run)
	if c := u.result.Counts; c[undo.Undone] != 2 || p.Counts[undo.PutBack] != 2 {
		t.Errorf("%s", tell(u.result))
	}
	if diff := compare(before, d.snapshot(), nil); diff != "" {
		t.Errorf("not as before:\n%s", diff)
	}
	for _, secret := range []string{"pw-1", "a second Secret", "The secret password"} {
		if strings.Contains(d.shown.String(), secret) {
			t.Errorf("%q is shown:\n%s", secret, d.shown.String())
		}
	}
	d.mustSay(`options.client_secret: "(hidden)" → "(hidden)"`)
}

// TestFiles: a file is as it was, unless somebody wrote it since.
func TestFiles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	path := filepath.Join(d.dir, "out.txt")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(d.dir, name))
		if err != nil {
			return ""
		}
		return string(text)
	}
	write("before")
	run := d.play("p.lua", `file.write("out.txt", "one") file.write("out.txt", "two") file.write("new.txt", "n")`)
	p := d.preview(run)
	u := d.undo(run)
	if p.Counts[undo.PutBack] != 3 || u.result.Counts[undo.Undone] != 3 || read("out.txt") != "before" || read("new.txt") != "" {
		t.Errorf("%q, %q: %s", read("out.txt"), read("new.txt"), tell(u.result))
	}
	back := d.undo(u.run)
	if read("out.txt") != "two" || read("new.txt") != "n" || back.result.Counts[undo.Undone] != 3 {
		t.Errorf("undone back: %q, %q: %s", read("out.txt"), read("new.txt"), tell(back.result))
	}
	write("by hand")
	u = d.undo(run)
	if c := u.result.Counts; c[undo.Left] != 2 || c[undo.Undone] != 1 || read("out.txt") != "by hand" {
		t.Errorf("%q: %s", read("out.txt"), tell(u.result))
	}
}

// TestRequests: the preview says how many requests an undo takes.
func TestRequests(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	run := d.play("p.lua", `
		parallel.each({"auth0|ada", "auth0|bob", "auth0|cleo"}, function(id)
			auth0.users.update(id, {nickname = "n"}) auth0.users.add_roles(id, {"rol_editor"})
		end)
		auth0.roles.add_users("rol_reader", {"auth0|bob", "auth0|cleo"})
		auth0.roles.create({name = "fresh"}) auth0.users.delete("auth0|cleo")`)
	p := d.preview(run)
	d.tenant.ForgetRequests()
	u := d.undo(run)
	sent := 0
	for _, r := range d.tenant.Requests() {
		if strings.HasPrefix(r.Path, "/api/v2/") {
			sent++
		}
	}
	if sent < p.Requests || sent > p.Requests*3/2 {
		t.Errorf("the preview says %d requests, and %d were sent: %s", p.Requests, sent, tell(u.result))
	}
}

// TestPasswordOfNobody: a user who comes back has a password that nobody knows:
// it is in no record, and the resumed undo uses the same.
func TestPasswordOfNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	run := d.play("p.lua", `auth0.users.delete("auth0|bob") auth0.users.delete("auth0|ada")`)
	u, done := d.stopped(run, 2, func() {})
	if done || u.code != engine.ExitOK || u.result.Counts[undo.Undone] != 2 {
		t.Fatalf("exit %d: %s", u.code, tell(u.result))
	}
	seen := map[string]bool{}
	for _, r := range d.tenant.Requests() {
		var body struct{ Password string }
		if r.Operation == "users.create" && json.Unmarshal(r.Body, &body) == nil {
			seen[body.Password] = true
		}
	}
	files := []string{d.db.Path(), d.db.Path() + "-wal"}
	for password := range seen {
		if len(password) < 40 {
			t.Errorf("the password %q is short", password)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(text, []byte(password)) {
				t.Errorf("the password stands in %s", filepath.Base(name))
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d passwords", len(seen))
	}
}
