package bindings

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/lua"
	"a0run/engine/yaml"
)

// TestWrongBodies: the path, got, want, the nearest right name and the place;
// all mistakes of a body at once, and nothing is sent.
func TestWrongBodies(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	for name, c := range map[string]struct {
		call       string
		args       []any
		want, hint string
	}{
		"a wrong type": {
			"auth0.users.update",
			[]any{"auth0|1", object("blocked", "yes")},
			"auth0.users.update: blocked: got a string, want a boolean (only true and false are booleans)", "",
		},
		"deep": {
			"auth0.connections.update",
			[]any{"con_1", object("options", object("brute_force_protection", 1.0))},
			"options.brute_force_protection: got the number 1, want a boolean", "",
		},
		"in a list": {
			"auth0.actions.update_trigger_bindings",
			[]any{"post-login", object("bindings", []any{object("ref", object("type", "name"))})},
			`bindings[1].ref.type: got "name", want one of binding_id, action_id, action_name (did you mean action_name?)`, "",
		},
		"a missing field under a wrong name, with what else is wrong": {
			"auth0.users.create",
			[]any{object("connexion", "c", "email", "nobody", "user_metdata", object())},
			`auth0.users.create: email: got "nobody", want an e-mail address`,
			"also wrong: connection: is required and not given (is it misspelt as connexion?); connexion: there is no such field " +
				"(did you mean connection?); user_metdata: there is no such field (did you mean user_metadata?)",
		},
		"fields by position": {"auth0.users.add_roles", []any{"auth0|1", []any{"rol_1", 2.0}}, "roles[2]: got the number 2, want a string", ""},
		"an object for a list": {
			"auth0.clients.create",
			[]any{object("name", "x", "callbacks", object("a", "b"))},
			"callbacks: got an object, want a list of strings", "",
		},
		"a variant": {
			"auth0.log_streams.create",
			[]any{object("name", "x", "type", "htp", "sink", object())},
			`type: got "htp", want one of datadog, eventbridge`, "did you mean http?",
		},
		"a password": {
			"auth0.users.create",
			[]any{object("connection", "c", "password", object("hunter2", "hunter2"))},
			"password: got an object, want a string", "",
		},
	} {
		_, err := b.call(c.call, c.args...)
		e := engine.AsError(err)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(e.HintText, c.hint) {
			t.Errorf("%s: got %v\n\tand %q,\n\twant %q", name, err, e.Hint(), c.want)
			continue
		}
		if e.Where.String() != "p.lua:3" || e.Name != engine.NameArgumentError {
			t.Errorf("%s: %s at %q, want ArgumentError at p.lua:3", name, e.Name, e.Where)
		}
		if strings.Contains(err.Error()+e.HintText, "hunter2") {
			t.Errorf("%s: the message has the secret: %v", name, err)
		}
	}
	for _, r := range b.tenant.Requests() {
		t.Errorf("%s %s was sent", r.Method, r.Path)
	}
}

// warnings are the lines of level warn.
func (b *bench) warnings() []string {
	var lines []string
	for _, e := range b.events.events {
		if e.Kind == engine.EventLog && e.Level == "warn" {
			lines = append(lines, e.Where+" "+e.Text)
		}
	}
	return lines
}

// TestUnknownFieldIsSaidOnce: by default it is a line of the log, once a run for
// each field, and the call is made.
func TestUnknownFieldIsSaidOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	for range 3 {
		for _, field := range []string{"descriptn", "zweck"} {
			if _, err := b.call("auth0.roles.create", object("name", "r", field, "x")); err == nil {
				t.Error("the local tenant took an unknown field") // so does the real one; it is the tenant that says so
			} else if e := engine.AsError(err); e.Name != engine.NameAuth0Error {
				t.Errorf("got %v, want the tenant's own error", err)
			}
		}
	}
	want := []string{
		"p.lua:3 auth0.roles.create: descriptn: there is no such field (did you mean description?); it is sent as it is",
		"p.lua:3 auth0.roles.create: zweck: there is no such field (known: description, name); it is sent as it is",
	}
	if got := b.warnings(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestModes: what each mode does with each kind of mistake; the head goes before
// the project.
func TestModes(t *testing.T) {
	t.Parallel()
	wrong := object("name", "r", "description", true)
	unknown := object("name", "r", "zweck", "x")
	const refused, told, silent = "refused", "told", "silent"
	for _, c := range []struct {
		head, project     engine.ValidatePolicy
		onWrong, onUnkown string
	}{
		{"", "", refused, told},
		{"", engine.ValidateError, refused, refused},
		{"", engine.ValidateWarn, told, told},
		{"", engine.ValidateOff, silent, silent},
		{engine.ValidateOff, engine.ValidateError, silent, silent},
		{engine.ValidateError, engine.ValidateOff, refused, refused},
	} {
		for body, want := range map[*engine.Object]string{wrong: c.onWrong, unknown: c.onUnkown} {
			b := newBench(t, engine.Head{})
			_, err := b.callWith(Config{Head: engine.Head{Validate: c.head}, Validate: c.project}, "auth0.roles.create", body)
			got := silent
			switch e := engine.AsError(err); {
			case err != nil && e.Name == engine.NameArgumentError:
				got = refused
			case len(b.warnings()) > 0:
				got = told
			}
			if got != want {
				t.Errorf("head %q, project %q, %v: %s, want %s (%v)", c.head, c.project, body.Keys(), got, want, err)
			}
		}
	}
}

// TestQueryEnums: a value outside the enum of a query parameter is an error, a
// warning or nobody's affair, as the mode says.
func TestQueryEnums(t *testing.T) {
	t.Parallel()
	for mode, want := range map[engine.ValidatePolicy]string{"": "refused", engine.ValidateWarn: "told", engine.ValidateOff: "silent"} {
		b := newBench(t, engine.Head{})
		_, err := b.callWith(Config{Validate: mode}, "auth0.actions.get_actions", object("trigger_id", "post-logn", "per_page", int64(5)))
		got := "silent"
		switch e := engine.AsError(err); {
		case err != nil && e.Name == engine.NameArgumentError && strings.Contains(err.Error(), "did you mean post-login?"):
			got = "refused"
		case len(b.warnings()) == 1 && strings.Contains(b.warnings()[0], `trigger_id: got "post-logn", want one of`):
			got = "told"
		}
		if got != want {
			t.Errorf("mode %q: %s, want %s (%v, %q)", mode, got, want, err, b.warnings())
		}
	}
}

// callWith is call with other settings.
func (b *bench) callWith(cfg Config, name string, args ...any) (any, error) {
	cred := b.tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(b.tenant.Transport()), client.WithoutRetry(), client.WithoutValidation())
	if err != nil {
		return nil, err
	}
	cfg.Run, cfg.Tenants = b.run, map[string]*client.Client{DefaultRole: c}
	b.globals = Globals(cfg)
	return b.call(name, args...)
}

// TestLifecycleIsSaidOnce: of operations that are gone, deprecated or not quite
// there.
func TestLifecycleIsSaidOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	for range 2 {
		for _, name := range []string{"auth0.rules.all", "auth0.rules.list", "auth0.actions.modules.list", "auth0.users.list"} {
			if _, err := b.call(name); err != nil {
				t.Error(err)
			}
		}
		_, _ = b.call("auth0.blacklists.get")
	}
	got := b.warnings()
	if len(got) != 3 || !strings.Contains(got[0], "rules.all: deprecated: ") || !strings.Contains(got[1], "auth0.actions.modules.list: it is in ") ||
		!strings.Contains(got[2], "no longer lists") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestEmptyTables: an empty Lua table is a list where the API has one, also deep
// inside, and else an object; what a playbook holds is not changed by it.
func TestEmptyTables(t *testing.T) {
	t.Parallel()
	for _, mode := range []engine.ValidatePolicy{"", engine.ValidateOff} {
		b := newBench(t, engine.Head{})
		empty := engine.NewObject(0)
		body := object(
			"name", "x", "callbacks", empty, "client_metadata", empty,
			"oidc_logout", object("backchannel_logout_initiators", object("mode", "all", "selected_initiators", empty)),
			"addons", object("wsfed", empty, "samlp", object("audience", "a")),
		)
		if _, err := b.callWith(Config{Validate: mode}, "auth0.clients.create", body); err != nil {
			t.Fatal(err)
		}
		if _, err := b.callWith(Config{Validate: mode}, "auth0.connections.update", "con_1", object("enabled_clients", empty, "options", empty)); err == nil {
			t.Error("the local tenant has a connection con_1")
		}
		if _, err := b.callWith(Config{Validate: mode}, "auth0.connections.clients.update", "con_1", empty); err == nil {
			t.Error("the local tenant has a connection con_1")
		}
		want := []string{
			`{"name":"x","callbacks":[],"client_metadata":{},"oidc_logout":{"backchannel_logout_initiators":{"mode":"all","selected_initiators":[]}},` +
				`"addons":{"wsfed":{},"samlp":{"audience":"a"}}}`,
			`{"enabled_clients":[],"options":{}}`,
			`[]`,
		}
		var got []string
		for _, r := range b.tenant.Requests() {
			if r.Path != "/oauth/token" {
				got = append(got, string(r.Body))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("mode %q: sent\n%s", mode, strings.Join(got, "\n"))
		}
		if v, _ := body.Get("callbacks"); v != any(empty) {
			t.Error("the playbook's own table was changed")
		}
	}
}

// TestPlaceholdersPass: what stands for a thing that a plan makes may stand
// anywhere.
func TestPlaceholdersPass(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	const placeholder = "plan_0123456789abcdef0123456789abcdef"
	_, err := b.call("auth0.log_streams.create", object("name", "x", "type", "http", "isPriority", placeholder,
		"sink", object("httpEndpoint", "https://x/"+placeholder, "httpContentFormat", placeholder)))
	if e := engine.AsError(err); err != nil && e.Name == engine.NameArgumentError {
		t.Error(err)
	}
	if _, err := b.call("auth0.users.update", "auth0|1", object("blocked", "plan_0123")); err == nil {
		t.Error("a text that is no placeholder passed")
	}
}

// TestWhatIsReadPasses: undo and the stages write back what a tenant gave them,
// which is nobody's mistake.
func TestWhatIsReadPasses(t *testing.T) {
	t.Parallel()
	tenant, err := sim.New(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(tenant.Credentials().BaseURL, client.WithToken("x"), client.WithTransport(tenant.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	api := API(Config{Tenants: map[string]*client.Client{DefaultRole: c}, Validate: engine.ValidateError})
	op, _ := catalog.Default().Lookup("users.update")
	if _, err := api.Request(DefaultRole, op, object("id", "auth0|1", "body", object("blocked", "yes", "new", 1.0))); err != nil {
		t.Error(err)
	}
}

// TestMistakesAreEqualInAllLanguages: Lua, YAML and Go say the same of the same
// bodies.
func TestMistakesAreEqualInAllLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ op, json string }{
		{"users.create", `{"connexion":"c","email":"nobody","blocked":1}`},
		{"clients.create", `{"name":"x","jwt_configuration":{"alg":"RS257"},"callbacks":["a",2]}`},
		{"connections.create", `{"strategy":"auth0","options":{"brute_force_protection":"x"}}`},
		{"log_streams.create", `{"type":"http","sink":{}}`},
		{"organizations.create_organization", `{"name":"acme","branding":{"colors":{"primary":7}}}`},
	} {
		want := goMistake(t, c.op, c.json)
		if want == "" {
			t.Errorf("%s: Go takes %s", c.op, c.json)
		}
		luaText := fmt.Sprintf("auth0.%s(json.decode(%q))", c.op, c.json)
		yamlText := fmt.Sprintf("steps:\n  - auth0.%s:\n      body: ${{ json.decode(%q) }}\n", c.op, c.json)
		if got := playMistake(t, "p.lua", luaText); got != want {
			t.Errorf("%s: Lua says\n\t%s\nGo says\n\t%s", c.op, got, want)
		}
		if got := playMistake(t, "p.yaml", yamlText); got != want {
			t.Errorf("%s: YAML says\n\t%s\nGo says\n\t%s", c.op, got, want)
		}
	}
}

// goMistake is what the client's option says of a body.
func goMistake(t *testing.T, op, body string) string {
	t.Helper()
	tenant, err := sim.New(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(tenant.Credentials().BaseURL, client.WithToken("x"),
		client.WithTransport(tenant.Transport()), client.WithoutRetry())
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), op, client.Args{"body": rawJSON(body)})
	var wrong *client.ArgumentError
	if !errors.As(err, &wrong) {
		t.Errorf("%s: got %v, want ArgumentError", op, err)
		return ""
	}
	return parts(wrong.Argument + ": " + wrong.Problem + " (" + wrong.Next + ")")
}

type rawJSON string

// MarshalJSON gives the text.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// parts sorts the mistakes of a message: all three languages find them in the
// body's order, but Lua's tables have none.
func parts(text string) string {
	for _, cut := range []string{"also wrong: ", "(", ")", ";"} {
		text = strings.ReplaceAll(text, cut, "\n")
	}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			seen[line] = true
		}
	}
	return strings.Join(sortedKeys(seen), "\n")
}

func playMistake(t *testing.T, name, text string) string {
	t.Helper()
	b := newBench(t, engine.Head{})
	vm, err := lua.NewVM(lua.Options{Run: b.run, Globals: b.globals})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	run := func(task *engine.Task) error {
		p, err := lua.Parse(name, []byte(text))
		if err != nil {
			return err
		}
		return vm.RunPlaybook(task, p)
	}
	if strings.HasSuffix(name, ".yaml") {
		p, err := yaml.Parse(name, []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if problems := p.Check(b.globals); len(problems) > 0 {
			t.Fatal(problems)
		}
		run = func(task *engine.Task) error { return p.Run(task, b.globals, vm) }
	}
	e := engine.AsError(b.run.Main(context.Background(), run))
	if e == nil || e.Name != engine.NameArgumentError || e.Where.File != name {
		t.Errorf("%s: got %v, want an ArgumentError with a place", name, e)
		return ""
	}
	_, message, _ := strings.Cut(e.Message, ": ")
	message, _, _ = strings.Cut(message, " (")
	return parts(message + " (" + e.HintText + ")")
}

// BenchmarkExamine is what a call of users.update pays for its body, beside all
// else that it does: BenchmarkUpdate is the whole call at the local tenant.
func BenchmarkExamine(b *testing.B) {
	op, _ := catalog.Default().Lookup("users.update")
	t := newTable(Config{})
	body := object("blocked", true, "email", "ada@example.com", "user_metadata", object("color", "red", "size", 3.0), "app_metadata", object("plan", "gold"))
	a := t.apiCall(op, DefaultRole, &bound{call: &engine.HostCall{Func: t.describe(op, "auth0.users.update")}})
	values := object("id", "auth0|1", "body", body)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.examine(values); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	tenant, err := sim.New(sim.Options{})
	if err != nil {
		b.Fatal(err)
	}
	cred := tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(tenant.Transport()), client.WithoutRetry(), client.WithoutValidation())
	if err != nil {
		b.Fatal(err)
	}
	for _, mode := range []engine.ValidatePolicy{engine.ValidateOff, engine.ValidateError} {
		b.Run(string(mode), func(b *testing.B) {
			run := engine.NewRun(engine.Config{})
			globals := Globals(Config{Run: run, Tenants: map[string]*client.Client{DefaultRole: c}, Validate: mode})
			f, _ := globals.Lookup("auth0.users.update")
			args := []any{"auth0|nobody", object("blocked", true, "user_metadata", object("color", "red"))}
			b.ReportAllocs()
			err := run.Main(context.Background(), func(t *engine.Task) error {
				for b.Loop() {
					if _, err := f.Call(&engine.HostCall{Task: t, Func: f, Args: args}); engine.AsError(err).StatusCode != 404 {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
