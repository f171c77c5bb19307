package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/plan"
)

var update = flag.Bool("update", false, "write the golden files")

const shown = `
local u = auth0.users.create{connection="db", email="new@example.com", password="canary-Pa55word!"}
auth0.users.add_roles(u.user_id, {"rol_admin"})
auth0.users.update("auth0|ada", {app_metadata={plan="pro", seats=json.null, note="a\27[31mred"}, name="<b>Ada</b>"})
auth0.users.update("auth0|bob", {blocked=true})
pcall(auth0.roles.create, {name="admin"})
auth0.connections.update("con_g", {options={client_id="gid", client_secret="canary-new-secret", scope={"email"}}})
auth0.clients.rotate_client_secret("cli_api")
auth0.jobs.send_verification_email{user_id="auth0|ada"}
auth0.connections.delete("con_db")
file.write("out.txt", "one\ntwo\n")
`

// golden compares a rendering with its file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it)\n%s", name, diff)
	}
}

func TestRenderings(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	source := strings.Replace(shown, "rotate_client_secret", "rotate_secret", 1)
	p := mustPlan(t, d, "p.lua", source)
	o := plan.RenderOptions{Rate: func(string, string) plan.Rate { return plan.Rate{Burst: 2, PerSecond: 2} }}
	var text, md, js bytes.Buffer
	for _, err := range []error{p.Text(&text, o), p.Markdown(&md, o), p.JSON(&js, o)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "plan.txt", text.String())
	golden(t, "plan.md", md.String())
	var v plan.View
	if err := json.Unmarshal(js.Bytes(), &v); err != nil || v.Version != plan.ViewVersion || len(v.Changes) != len(p.Changes) {
		t.Errorf("the JSON is not a view: %v", err)
	}
	for name, s := range map[string]string{"text": text.String(), "markdown": md.String(), "json": js.String()} {
		if strings.Contains(s, "canary") {
			t.Errorf("the %s tells a secret", name)
		}
		if strings.ContainsAny(s, "\x1b") {
			t.Errorf("the %s holds a control character", name)
		}
	}
}

// TestNoSecretInTheFile: what is secret is not readable in a plan's file, and
// what a random text may have become is not either.
func TestNoSecretInTheFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	d.env["TOKEN"] = "some value"
	source := `
playbook{env={"TOKEN"}}
local s = secret("api")
local u = auth0.users.create{connection="db", email="n@example.com", password="canary-Pa55!"..random.hex(8), app_metadata={s=s, t=env("TOKEN")}}
auth0.connections.update("con_g", {options={client_secret="canary-new"}})
auth0.users.update("auth0|ada", {user_metadata={note="it is "..s}})
file.write("x.txt", s)
`
	red := engine.NewRedactor()
	var p *plan.Planner
	err := d.run("p.lua", source, &setting{red: red, stages: func(o plan.Options) []engine.Stage {
		p = plan.New(o)
		return []engine.Stage{p.Stage}
	}})
	if err != nil {
		t.Fatal(err)
	}
	result := p.Result(nil)
	for name, k := range map[string]plan.Keeper{
		"sealed":   {Key: key(), Redactor: red, Seal: fakeSeal, Open: fakeOpen},
		"unsealed": {Key: key(), Redactor: red},
	} {
		b, err := plan.Marshal(result, k)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(b, []byte("canary")); i >= 0 {
			t.Errorf("%s: …%s…", name, b[max(0, i-80):min(len(b), i+40)])
		}
		back, err := plan.Unmarshal("x.plan", b, k)
		if err != nil {
			t.Fatal(err)
		}
		var random string
		for _, in := range back.Inputs {
			if in.Name == "random.hex" {
				_ = json.Unmarshal(in.Value, &random)
			}
		}
		if (len(random) == 16) != (name == "sealed") {
			t.Errorf("%s: the random text came back as %q", name, random)
		}
		if len(random) == 16 && bytes.Contains(b, []byte(random)) {
			t.Error("the random text is readable")
		}
	}
}

func TestFileErrors(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	p := mustPlan(t, d, "p.lua", `auth0.users.update("auth0|ada", {blocked=true})`)
	k := plan.Keeper{Key: key()}
	b, err := plan.Marshal(p, k)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		key  []byte
		want string
	}{
		"empty":     {"", key(), "x.plan: the file is empty"},
		"other":     {"local x = 1", key(), "x.plan: this is no plan"},
		"JSON":      {`{"a":1}`, key(), "x.plan: this is no plan"},
		"truncated": {string(b[:len(b)/2]), key(), "the plan is cut off or damaged"},
		"newer":     {strings.Replace(string(b), `"a0run_plan":1`, `"a0run_plan":9`, 1), key(), "of version 9, and this a0run reads up to version 1"},
		"other key": {string(b), []byte("another"), "the plan was made under another key"},
		"edited":    {strings.Replace(string(b), "auth0|ada", "auth0|bob", 1), key(), "the plan was changed after it was made"},
	} {
		_, err := plan.Unmarshal("x.plan", []byte(c.text), plan.Keeper{Key: c.key})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if h, ok := errors.AsType[engine.Hinter](err); !ok || h.Hint() == "" {
			t.Errorf("%s: no hint", name)
		}
	}
	path := filepath.Join(t.TempDir(), "x.plan")
	if err := plan.Write(path, p, k); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
}

// TestUnknown: actions, fetched tokens and computed reads are marked with their
// place.
func TestUnknown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, seed)
	p := mustPlan(t, d, "p.lua", `
local job = auth0.jobs.send_verification_email{user_id="auth0|ada"}
while auth0.jobs.get(job.id).status ~= "completed" do time.sleep("5s") end
local c = auth0.clients.create{name="x"}
local token = get_token.client_credentials("https://api", {client_id=c.client_id, client_secret=c.client_secret})
assert(token.access_token)
auth0.users.add_roles("auth0|ada", {"rol_admin"})
auth0.users.effective_roles.list("auth0|ada")
auth0.users.list{q="anything"}
`)
	var got []string
	for _, u := range p.Unknown {
		got = append(got, u.Where+" "+u.Operation)
	}
	want := []string{
		"p.lua:2 jobs.send_verification_email", "p.lua:3 jobs.get", "p.lua:5 get_token.client_credentials",
		"p.lua:8 users.effective_roles.list",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	scopes := p.Scopes(catalog.Default())["default"]
	if len(scopes) == 0 || len(scopes) > 10 {
		t.Errorf("scopes: %v", scopes)
	}
}
