package bindings

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
)

// bench is a run against a local tenant, with the table of host functions.
type bench struct {
	run     *engine.Run
	globals *engine.Namespace
	tenant  *sim.Tenant
	events  *eventLog
}

type eventLog struct{ events []engine.Event }

func (l *eventLog) Emit(e engine.Event) { l.events = append(l.events, e) }

func newBench(t *testing.T, head engine.Head) *bench {
	t.Helper()
	tenant, err := sim.New(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cred := tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(tenant.Transport()), client.WithoutRetry(), client.WithoutValidation())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{tenant: tenant, events: &eventLog{}}
	b.run = engine.NewRun(engine.Config{Sink: b.events})
	b.globals = Globals(Config{
		Run: b.run, Head: head, Dir: t.TempDir(), Tenants: map[string]*client.Client{DefaultRole: c},
		Getenv:  func(name string) (string, bool) { return "value of " + name, name != "UNSET" },
		Secrets: func(_ context.Context, name string) (string, error) { return "secret of " + name, nil },
	})
	return b
}

// call calls a function as a Lua playbook does: by position, options last.
func (b *bench) call(name string, args ...any) (v any, err error) {
	f, ok := b.globals.Lookup(name)
	if !ok {
		return nil, &engine.Error{Message: "no function " + name}
	}
	runErr := b.run.Main(context.Background(), func(t *engine.Task) error {
		v, err = f.Call(&engine.HostCall{Task: t, Func: f, Args: args, Where: engine.Position{File: "p.lua", Line: 3}})
		return nil
	})
	if err == nil {
		err = runErr
	}
	return v, err
}

func object(pairs ...any) *engine.Object {
	o := engine.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		o.Set(key, pairs[i+1])
	}
	return o
}

// TestWrongArguments: function, parameter, got, want, nearest right name; and
// nothing is sent.
func TestWrongArguments(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{Env: []string{"HOME"}, Hosts: []string{"idp.example.com"}})
	for name, c := range map[string]struct {
		call string
		args []any
		want string
	}{
		"a number for an id":         {"auth0.users.get", []any{5.0}, "auth0.users.get: parameter id: got number, want a string"},
		"nothing for an id":          {"auth0.users.get", nil, "auth0.users.get: argument id is missing (usage: auth0.users.get(id, {"},
		"nil for an id":              {"auth0.users.get", []any{nil, object("fields", "email")}, "argument id is missing"},
		"an unknown option":          {"auth0.users.list", []any{object("per_pge", 5.0)}, "unknown argument per_pge (did you mean per_page?)"},
		"a fraction for an integer":  {"auth0.users.list", []any{object("per_page", 1.5)}, "parameter per_page: got number, want an integer"},
		"too many by position":       {"auth0.users.get", []any{"a", "b", "c"}, "got 3 arguments, want 1 by position"},
		"a body that is a text":      {"auth0.users.update", []any{"auth0|1", "blocked"}, "parameter body: got string, want an object"},
		"a body that is a list":      {"auth0.users.update", []any{"auth0|1", []any{1.0}}, "parameter body: got array, want an object"},
		"a list for all fields":      {"auth0.call", []any{"users.add_roles", object("id", "auth0|1", "body", []any{"rol_1"})}, "parameter body: got array, want an object"},
		"given twice":                {"auth0.users.get", []any{"auth0|1", object("id", "auth0|2")}, "argument id is given twice"},
		"a list wanted":              {"auth0.users.add_roles", []any{"auth0|1", true}, "parameter roles: got boolean"},
		"field and body":             {"auth0.users.add_roles", []any{"auth0|1", []any{"rol_1"}, object("body", object())}, "body is given beside its fields"},
		"an unknown operation":       {"auth0.call", []any{"users.updaet", object()}, "unknown operation users.updaet (did you mean users.update?)"},
		"an undeclared variable":     {"env", []any{"HOEM"}, "the variable HOEM does not exist for this playbook (did you mean HOME?)"},
		"an unknown algorithm":       {"verify_id_token", []any{"x.y.z", object("algorithm", "RS265")}, `got "RS265", want one of RS256`},
		"an undeclared host":         {"get_token.client_credentials", []any{"aud", object("domain", "evil.example.com")}, "the host evil.example.com does not exist for this playbook"},
		"keys of an undeclared host": {"verify_id_token", []any{"x.y.z", object("jwks_url", "https://evil.example.com/jwks")}, "the host evil.example.com does not exist"},
		"access keys from elsewhere": {"verify_access_token", []any{"x.y.z", object("audience", "a", "jwks_url", "https://evil.example.com/jwks")}, "the host evil.example.com does not exist"},
		"an address elsewhere":       {"authentication.authorize.url", []any{"code", object("domain", "evil.example.com")}, "the host evil.example.com does not exist"},
		"polls elsewhere":            {"get_token.device_code", []any{"dc", object("domain", "evil.example.com")}, "the host evil.example.com does not exist"},
		"no audience":                {"verify_access_token", []any{"x.y.z"}, "argument audience is missing"},
		"a way that is not known":    {"get_token.client_credentials", []any{"aud", object("token_endpoint_auth_method", "client_secret_basik")}, "did you mean client_secret_basic?"},
		"no code in the answer":      {"get_token.device_code", []any{object("user_code", "x")}, "the object holds no device_code"},
		"a file outside":             {"file.read", []any{"../secret"}, `the file ../secret lies outside the playbook's folder`},
		"a duration":                 {"time.add", []any{"2026-01-01", "soon"}, `"soon" is not a duration (write "90d"`},
		"a time":                     {"time.parse", []any{"yesterday"}, `"yesterday" is not a time`},
		"not JSON":                   {"json.decode", []any{"{"}, "the text is not JSON"},
		"a role":                     {"tenant", []any{"target"}, `got "target", want one of default`},
	} {
		_, err := b.call(c.call, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if e := engine.AsError(err); err != nil && e.Where.String() != "p.lua:3" {
			t.Errorf("%s: at %q, want p.lua:3", name, e.Where)
		}
	}
	for _, r := range b.tenant.Requests() {
		t.Errorf("%s %s was sent", r.Method, r.Path)
	}
}

// TestNames: every operation is there under its ID and aliases, and every
// listing has list, all and each in the group of its current name.
func TestNames(t *testing.T) {
	t.Parallel()
	globals := Offline(engine.Head{})
	listings := 0
	for _, op := range catalog.Default().All() {
		prefix := ""
		if op.API == catalog.Management {
			prefix = "auth0."
		}
		for _, name := range names(op) {
			if f, ok := globals.Lookup(prefix + name); !ok || f.Summary != op.Summary {
				t.Errorf("%s is not %s", prefix+name, op.ID)
			}
		}
		if !op.IsListing() || op.API != catalog.Management {
			continue
		}
		listings++
		current := op.ID
		if len(op.Aliases) > 0 {
			current = op.Aliases[0]
		}
		group, method := cutLast(current)
		suffix := ""
		if rest, ok := strings.CutPrefix(method, "list_"); ok {
			suffix = "_" + rest
		}
		for _, verb := range []string{"list", "all", "each"} {
			if _, ok := globals.Lookup(prefix + group + verb + suffix); !ok {
				t.Errorf("%s has no %s%s%s", op.ID, group, verb, suffix)
			}
		}
	}
	if listings < 60 {
		t.Errorf("only %d listings were seen", listings)
	}
}

// TestForms: the forms in which the same arguments may be given make the same
// request.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, calls := range map[string][][]any{
		"a list in the place of a field, the object form, by name": {
			{"auth0.users.add_roles", "auth0|1", []any{"rol_1"}},
			{"auth0.users.add_roles", "auth0|1", object("roles", []any{"rol_1"})},
			{"auth0.call", "users.add_roles", object("id", "auth0|1", "roles", []any{"rol_1"})},
			{"auth0.call", "users.roles.assign", object("id", "auth0|1", "body", object("roles", []any{"rol_1"}))},
		},
		"an empty table is an empty list where the field is one": {
			{"auth0.users.add_roles", "auth0|1", object()},
			{"auth0.users.add_roles", "auth0|1", []any{}},
		},
		"nothing is escaped": {
			{"auth0.users.update", "auth0|1", object("name", "<a> & ü")},
			{"auth0.call", "auth0.users.update", object("id", "auth0|1", "body", object("name", "<a> & ü"))},
		},
		"Python's names": {
			{"auth0.actions.get_actions", object("trigger_id", "post-login", "per_page", 5.0)},
			{"auth0.actions.list", object("triggerId", "post-login", "per_page", 5.0)},
		},
	} {
		var first string
		for i, call := range calls {
			b := newBench(t, engine.Head{})
			fn, _ := call[0].(string)
			_, _ = b.call(fn, call[1:]...) // what the tenant thinks of it is not asked here
			var sent string
			for _, r := range b.tenant.Requests() {
				if r.Path != "/oauth/token" {
					sent += r.Method + " " + r.RawPath + "?" + r.Query + " " + string(r.Body) + "\n"
				}
			}
			if i == 0 {
				first = sent
			}
			if diff := cmp.Diff(first, sent); diff != "" || sent == "" {
				t.Errorf("%s, form %d sent %q\n%s", name, i, sent, diff)
			}
		}
		if name == "nothing is escaped" && !strings.Contains(first, `{"name":"<a> & ü"}`) {
			t.Errorf("sent %s", first)
		}
	}
}

// TestRepeated: lists that the API takes as repeated parameters go out so, the
// others joined by commas.
func TestRepeated(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	if _, err := b.call("auth0.connections.all", object("strategy", []any{"auth0", "samlp"}, "fields", []any{"id", "name"}, "per_page", 5.0)); err != nil {
		t.Fatal(err)
	}
	want := "fields=id%2Cname&per_page=5&strategy=auth0&strategy=samlp"
	if got := b.tenant.Requests()[1].Query; got != want {
		t.Errorf("the query is %s, want %s", got, want)
	}
}

// TestOutside: what asks something of the outside is an action of the run with
// a key; what only computes is not.
func TestOutside(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{Env: []string{"HOME", "UNSET"}})
	must := func(name string, args ...any) any {
		t.Helper()
		v, err := b.call(name, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		return v
	}
	if v := must("env", "HOME"); v != "value of HOME" {
		t.Error(v)
	}
	if v := must("env", "UNSET"); v != nil {
		t.Error(v)
	}
	if v := must("secret", "key"); v != "secret of key" {
		t.Error(v)
	}
	must("file.write", "deep/a.txt", "text")
	if v := must("file.read", "deep/a.txt"); v != "text" {
		t.Error(v)
	}
	if v := must("file.exists", "deep/b.txt"); v != false {
		t.Error(v)
	}
	must("uuid")
	must("random.integer", 1.0, 6.0)
	must("time.now")
	must("hash.sha256", "x")
	var names []string
	for _, e := range b.events.events {
		if e.Kind == engine.EventCallFinished {
			names = append(names, e.Operation)
			if e.Key == "" || e.Where != "p.lua:3" {
				t.Errorf("%s has key %q and place %q", e.Operation, e.Key, e.Where)
			}
		}
	}
	want := []string{
		"env", "env", "secret", "file.write", "file.read", "file.exists", "uuid", "random.integer", "time.now",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if red := b.run.Redactor().Redact("secret of key"); red != "[secret]" {
		t.Errorf("the redactor does not know the secret: %s", red)
	}
}

// TestFileLinks: a link does not lead out of the playbook's folder.
func TestFileLinks(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x"), []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, engine.Head{})
	f, _ := b.globals.Lookup("file.read")
	_ = f
	dir := t.TempDir()
	b.globals = Globals(Config{Run: b.run, Dir: dir, Head: engine.Head{Files: []string{filepath.Join(outside, "x")}}})
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if v, err := b.call("file.read", "link/x"); err == nil {
		t.Errorf("read %q through a link", v)
	}
	if v, err := b.call("file.read", filepath.Join(outside, "x")); err != nil || v != "outside" {
		t.Errorf("a declared file: %v, %v", v, err)
	}
}

// TestNoRegularFile: a folder or a pipe is refused at once; opening a pipe would
// wait for its other end, and nothing could end the run.
func TestNoRegularFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	dir := t.TempDir()
	b.globals = Globals(Config{Run: b.run, Dir: dir})
	if err := exec.Command("mkfifo", filepath.Join(dir, "pipe")).Run(); err != nil {
		t.Fatal(err)
	}
	for _, call := range [][]any{{"file.read", "pipe"}, {"file.read", "."}, {"csv.read", "pipe"}, {"file.write", ".", "x"}, {"file.write", "", "x"}, {"file.write", "pipe", "x"}} {
		name, _ := call[0].(string)
		if _, err := b.call(name, call[1:]...); err == nil || !strings.Contains(err.Error(), "is no regular file") {
			t.Errorf("%v: %v", call, err)
		}
	}
}

// TestPure: the functions that only compute.
func TestPure(t *testing.T) {
	t.Parallel()
	b := newBench(t, engine.Head{})
	for _, c := range []struct {
		call string
		args []any
		want string // as JSON
	}{
		{"time.parse", []any{"2026-03-01"}, `"2026-03-01T00:00:00.000Z"`},
		{"time.parse", []any{"01.03.2026", "%d.%m.%Y"}, `"2026-03-01T00:00:00.000Z"`},
		{"time.parse", []any{1772323200.5}, `"2026-03-01T00:00:00.500Z"`},
		{"time.add", []any{"2026-03-01T00:00:00Z", "-1d12h"}, `"2026-02-27T12:00:00.000Z"`},
		{"time.add", []any{"2026-03-01", 90.0}, `"2026-03-01T00:01:30.000Z"`},
		{"time.format", []any{"2026-03-01T05:06:07Z", "%Y/%m/%d %H:%M:%S %%"}, `"2026/03/01 05:06:07 %"`},
		{"time.unix", []any{"1970-01-01T00:00:01.500Z"}, `1.5`},
		{"json.encode", []any{object("b", []any{}, "a", "<&>", "n", engine.Null{})}, `"{\"b\":[],\"a\":\"<&>\",\"n\":null}"`},
		{"json.encode", []any{object("a", 1.0), object("indent", true)}, `"{\n  \"a\": 1\n}"`},
		{"hash.sha256", []any{""}, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`},
		{"hash.hmac_sha256", []any{"key", "The quick brown fox jumps over the lazy dog"}, `"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"`},
		{"base64.encode", []any{"??>>"}, `"Pz8+Pg=="`},
		{"base64.encode", []any{"??>>", object("url", true)}, `"Pz8-Pg"`},
		{"base64.decode", []any{"Pz8-Pg"}, `"??>>"`},
		{"csv.decode", []any{"a;b\n1;\"x\n\"\n", object("delimiter", ";")}, `[{"a":"1","b":"x\n"}]`},
		{"csv.encode", []any{[]any{object("a", 1.0, "b", "x,y"), object("c", true)}}, `"a,b,c\n1,\"x,y\",\n,,true\n"`},
	} {
		v, err := b.call(c.call, c.args...)
		if err != nil {
			t.Errorf("%s%v: %v", c.call, c.args, err)
			continue
		}
		got, err := engine.FormatJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s%v = %s, want %s", c.call, c.args, got, c.want)
		}
	}
}
