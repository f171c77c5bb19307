package plan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"a0run/bindings"
	"a0run/client"
	"a0run/engine"
	"a0run/engine/plan"
)

// A world runs single calls, one after the other, in one run.
type world struct {
	t       *rapid.T
	desk    *desk
	task    *engine.Task
	globals *engine.Namespace
	calls   chan func()
	end     chan error
	names   map[string]string // symbols by id
	ids     map[string]string // ids by symbol
}

func newWorld(tb testing.TB, rt *rapid.T, planned bool) *world {
	tb.Helper()
	d := newDesk(tb, seed)
	w := &world{t: rt, desk: d, calls: make(chan func()), end: make(chan error, 1), names: map[string]string{}, ids: map[string]string{}}
	cfg := bindings.Config{Tenants: map[string]*client.Client{bindings.DefaultRole: d.client}}
	red := engine.NewRedactor()
	api := bindings.API(cfg)
	ec := engine.Config{Key: key(), API: api, Redactor: red, Now: d.clock}
	if planned {
		p := plan.New(plan.Options{API: api, Now: d.clock, Key: key(), Redactor: red})
		ec.Stages = []engine.Stage{p.Stage}
	}
	run := engine.NewRun(ec)
	cfg.Run = run
	w.globals = bindings.Globals(cfg)
	go func() {
		w.end <- run.Main(context.Background(), func(task *engine.Task) error {
			w.task = task
			for f := range w.calls {
				f()
			}
			return nil
		})
	}()
	return w
}

func (w *world) close() {
	close(w.calls)
	if err := <-w.end; err != nil {
		w.t.Errorf("the run ended with %v", err)
	}
}

// call makes one call by its dotted name; ids of the arguments are symbols
// ("$u1") where the object was made by the run.
func (w *world) call(name string, args *engine.Object) (any, *engine.Error) {
	f, ok := w.globals.Lookup("auth0." + name)
	if !ok {
		w.t.Fatalf("no function %s", name)
	}
	args, _ = w.real(args).(*engine.Object)
	var v any
	var err error
	done := make(chan struct{})
	w.calls <- func() {
		defer close(done)
		v, err = f.Call(&engine.HostCall{Task: w.task, Func: f, Named: args, Where: engine.Position{File: "t", Line: 1}})
	}
	<-done
	if raw, ok := v.(json.RawMessage); ok {
		var tree any
		_ = json.Unmarshal(raw, &tree)
		v = tree
	}
	return v, engine.AsError(err)
}

// real puts ids in the place of symbols.
func (w *world) real(v any) any {
	switch x := v.(type) {
	case string:
		for symbol, id := range w.ids {
			x = strings.ReplaceAll(x, symbol, id)
		}
		return x
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for k, item := range x.All() {
			out.Set(k, w.real(item))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = w.real(item)
		}
		return out
	}
	return v
}

// symbolic puts symbols in the place of ids.
func (w *world) symbolic(v any) any {
	switch x := v.(type) {
	case string:
		if symbol, ok := w.names[x]; ok {
			return symbol
		}
		return x
	case map[string]any:
		out := map[string]any{}
		for k, item := range x {
			switch k {
			case "created_at", "updated_at", "picture", "last_password_reset", "client_secret", "next":
				continue
			}
			out[k] = w.symbolic(item)
			if list, ok := out[k].([]any); ok && k == "enabled_clients" { // a set
				sort.Slice(list, func(i, j int) bool { return fmt.Sprint(list[i]) < fmt.Sprint(list[j]) })
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = w.symbolic(item)
		}
		return out
	}
	return v
}

// agree reports the first way in which what the overlay shows is not what the
// tenant shows. Of objects the tenant may show more: what it fills in.
func agree(path string, overlay, truth any) string {
	switch x := overlay.(type) {
	case map[string]any:
		y, ok := truth.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v, truly %v", path, overlay, truth)
		}
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			if _, has := y[k]; !has {
				return fmt.Sprintf("%s.%s: %v, truly not there", path, k, x[k])
			}
			if d := agree(path+"."+k, x[k], y[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		y, ok := truth.([]any)
		if !ok || len(x) != len(y) {
			return fmt.Sprintf("%s: %v, truly %v", path, overlay, truth)
		}
		for i := range x {
			if d := agree(fmt.Sprintf("%s[%d]", path, i), x[i], y[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if fmt.Sprint(overlay) != fmt.Sprint(truth) {
		return fmt.Sprintf("%s: %v, truly %v", path, overlay, truth)
	}
	return ""
}

// obj makes an object of pairs.
func obj(pairs ...any) *engine.Object {
	o := engine.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// A drawing makes random calls.
type drawing struct {
	rt   *rapid.T
	objs map[string][]string // ids and symbols by kind
	n    int
}

func (g *drawing) pick(kind string) string { return rapid.SampledFrom(g.objs[kind]).Draw(g.rt, kind) }

func (g *drawing) of(label string, list ...string) string {
	return rapid.SampledFrom(list).Draw(g.rt, label)
}

func (g *drawing) email() string {
	return g.of("email", "ada@example.com", "Dan@example.com", "eve@example.com", "fay@example.com", "gus@example.com")
}

func (g *drawing) some(kind string) []any {
	out := []any{g.pick(kind)}
	if rapid.Bool().Draw(g.rt, "two") {
		if more := g.pick(kind); more != out[0] {
			out = append(out, more)
		}
	}
	return out
}

// write draws a mutating call; makes is the kind of what it creates.
func (g *drawing) write() (name string, args *engine.Object, makes string) {
	switch rapid.IntRange(0, 27).Draw(g.rt, "write") {
	case 0, 1:
		body := obj("connection", "db", "email", g.email(), "password", "Pa55word!long")
		if rapid.Bool().Draw(g.rt, "more") {
			body.Set("app_metadata", obj("plan", g.of("plan", "free", "pro")))
			body.Set("blocked", rapid.Bool().Draw(g.rt, "blocked"))
		}
		if rapid.IntRange(0, 5).Draw(g.rt, "own id") == 0 {
			body.Set("user_id", g.of("id", "bob", "own"))
		}
		return "users.create", obj("body", body), "users"
	case 2:
		return "roles.create", obj("body", obj("name", g.of("name", "admin", "editor", "auditor"))), "roles"
	case 3:
		return "organizations.create_organization", obj("body", obj("name", g.of("name", "acme", "globex", "initech"))), "organizations"
	case 4:
		return "clients.create", obj("body", obj("name", g.of("name", "web", "new"), "app_type", g.of("type", "spa", "native"))), "clients"
	case 5:
		return "connections.create", obj("body", obj("name", g.of("name", "db", "other", "third"), "strategy", "auth0", "enabled_clients", g.some("clients"))), "connections"
	case 6, 7, 8:
		return "users.update", obj("id", g.pick("users"), "body", g.userPatch()), ""
	case 9:
		return "roles.update", obj("id", g.pick("roles"), "body", obj(g.of("field", "name", "description"), g.of("value", "admin", "editor", "third"))), ""
	case 10:
		return "organizations.update_organization", obj("id", g.pick("organizations"), "body", obj(g.of("field", "name", "display_name"), g.of("value", "acme", "globex", "hooli"))), ""
	case 11:
		return "clients.update", obj("id", g.pick("clients"), "body", obj("description", g.of("text", "a", "b"), "client_metadata", obj(g.of("key", "k", "l"), g.of("value", "1", "")))), ""
	case 12:
		return "users.delete", obj("id", g.pick("users")), ""
	case 13:
		return "roles.delete", obj("id", g.pick("roles")), ""
	case 14:
		return "organizations.delete_organization", obj("id", g.pick("organizations")), ""
	case 15:
		return "clients.delete", obj("id", g.pick("clients")), ""
	case 16:
		return "users.add_roles", obj("id", g.pick("users"), "roles", g.some("roles")), ""
	case 17:
		return "users.remove_roles", obj("id", g.pick("users"), "roles", g.some("roles")), ""
	case 18:
		return "roles.add_users", obj("id", g.pick("roles"), "users", []any{g.pick("users")}), ""
	case 19:
		return "organizations.create_organization_members", obj("id", g.pick("organizations"), "body", obj("members", []any{g.pick("users")})), ""
	case 20:
		return "organizations.delete_organization_members", obj("id", g.pick("organizations"), "body", obj("members", []any{g.pick("users")})), ""
	case 21:
		return "organizations.create_organization_member_roles", obj("id", g.pick("organizations"), "user_id", g.pick("users"), "body", obj("roles", []any{g.pick("roles")})), ""
	case 22:
		return "connections.clients.update", obj("id", g.pick("connections"), "body", []any{obj("client_id", g.pick("clients"), "status", rapid.Bool().Draw(g.rt, "status"))}), ""
	case 23:
		permission := obj("resource_server_identifier", "https://api", "permission_name", g.of("scope", "read:x", "write:x"))
		return g.of("who", "users.add_permissions", "users.remove_permissions"), obj("id", g.pick("users"), "permissions", []any{permission}), ""
	case 24:
		permission := obj("resource_server_identifier", "https://api", "permission_name", g.of("scope", "read:x", "write:x"))
		return g.of("who", "roles.add_permissions", "roles.remove_permissions"), obj("id", g.pick("roles"), "permissions", []any{permission}), ""
	case 25:
		return "client_grants.create", obj("body", obj("client_id", g.pick("clients"), "audience", g.of("audience", "https://api", "https://other"), "scope", []any{})), "client_grants"
	case 26:
		return "organizations.create_organization_connection", obj("id", g.pick("organizations"), "body", obj("connection_id", g.pick("connections"), "assign_membership_on_login", false)), ""
	}
	return "connections.delete", obj("id", g.pick("connections")), ""
}

func (g *drawing) userPatch() *engine.Object {
	switch rapid.IntRange(0, 5).Draw(g.rt, "patch") {
	case 0:
		return obj("app_metadata", obj(g.of("key", "plan", "seats"), g.of("value", "free", "pro")))
	case 1:
		return obj("app_metadata", obj("plan", engine.Null{}), "name", g.of("name", "X", "Y"))
	case 2:
		return obj("user_metadata", obj("deep", obj("a", int64(1))), "blocked", true)
	case 3:
		return obj("email", g.email(), "connection", "db")
	case 4:
		return obj("app_metadata", obj())
	}
	return obj("blocked", rapid.Bool().Draw(g.rt, "blocked"))
}

// read draws a read.
func (g *drawing) read() (string, *engine.Object) {
	switch rapid.IntRange(0, 21).Draw(g.rt, "read") {
	case 0:
		return "users.get", obj("id", g.pick("users"))
	case 1:
		return "users.get", obj("id", g.pick("users"), "fields", "email,blocked")
	case 2, 3:
		return "users.list", obj("q", g.query())
	case 4:
		return "users.list", obj()
	case 5:
		return "users.list", obj("page", int64(rapid.IntRange(0, 2).Draw(g.rt, "page")), "per_page", int64(2), "include_totals", true)
	case 6:
		return "users.list", obj("sort", g.of("sort", "email:1", "email:-1", "created_at:-1"), "per_page", int64(3), "page", int64(0))
	case 7:
		return "users_by_email.search_users_by_email", obj("email", g.email())
	case 8:
		return "roles.get", obj("id", g.pick("roles"))
	case 9:
		return "roles.list", obj("name_filter", g.of("filter", "ad", "view", "x"))
	case 10:
		return "roles.list", obj()
	case 11:
		return "organizations.get_organization_by_name", obj("name", g.of("name", "acme", "globex", "hooli", "initech"))
	case 12:
		return "organizations.all_organizations", obj("take", int64(2))
	case 13:
		return "clients.all", obj("app_type", g.of("type", "spa", "native"))
	case 14:
		return "users.list_roles", obj("id", g.pick("users"))
	case 15:
		return "roles.list_users", obj("id", g.pick("roles"))
	case 16:
		return "organizations.all_organization_members", obj("id", g.pick("organizations"))
	case 17:
		return "users.list_organizations", obj("id", g.pick("users"))
	case 18:
		return "organizations.all_organization_member_roles", obj("id", g.pick("organizations"), "user_id", g.pick("users"))
	case 19:
		return g.of("list", "connections.clients.get", "connections.get"), obj("id", g.pick("connections"))
	case 20:
		return g.of("list", "users.list_permissions"), obj("id", g.pick("users"))
	}
	return g.of("list", "client_grants.all", "connections.all", "organizations.all_organizations"), obj()
}

func (g *drawing) query() string {
	return g.of("q", "blocked:true", `email:"ada@example.com"`, `app_metadata.plan:"pro"`, `NOT app_metadata.plan:"free"`,
		"email:*example*", `identities.connection:"db" AND blocked:true`, "_exists_:app_metadata.seats", "name:X")
}

// TestOverlayAgainstTruth makes the same random calls through the overlay and
// for real; whatever is read must agree.
func TestOverlayAgainstTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		overlay, truth := newWorld(t, rt, true), newWorld(t, rt, false)
		defer overlay.close()
		defer truth.close()
		g := &drawing{rt: rt, objs: map[string][]string{
			"users": {"auth0|ada", "auth0|bob", "auth0|cyd", "auth0|nobody"}, "roles": {"rol_admin", "rol_view", "rol_none"},
			"organizations": {"org_1", "org_none"}, "clients": {"cli_web", "cli_api"}, "connections": {"con_db", "con_g"},
			"client_grants": {},
		}}
		var log []string
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			name, args, makes := "", (*engine.Object)(nil), ""
			if rapid.Bool().Draw(rt, "writes") {
				name, args, makes = g.write()
			} else {
				name, args = g.read()
			}
			text, _ := engine.FormatJSON(args)
			log = append(log, name+" "+string(text))
			a, aErr := overlay.call(name, args)
			b, bErr := truth.call(name, args)
			g.meet(makes, [2]*world{overlay, truth}, [2]any{a, b}, aErr == nil && bErr == nil)
			if d := disagree(overlay.symbolic(a), truth.symbolic(b), aErr, bErr); d != "" {
				rt.Fatalf("%s\n%s", strings.Join(log, "\n"), d)
			}
		}
	})
}

func disagree(a, b any, aErr, bErr *engine.Error) string {
	switch {
	case aErr != nil && bErr != nil:
		// Of two reasons to refuse, who looks first gives his own.
		if aErr.StatusCode/100 != 4 || bErr.StatusCode/100 != 4 {
			return fmt.Sprintf("the overlay fails with %v, the tenant with %v", aErr, bErr)
		}
		return ""
	case aErr != nil:
		return fmt.Sprintf("the overlay fails with %v, the tenant gives %v", aErr, b)
	case bErr != nil:
		return fmt.Sprintf("the overlay gives %v, the tenant fails with %v", a, bErr)
	}
	return agree("", a, b)
}

// meet gives what both worlds have made one name.
func (g *drawing) meet(makes string, worlds [2]*world, made [2]any, well bool) {
	if makes == "" || !well {
		return
	}
	field := map[string]string{"users": "user_id", "clients": "client_id"}[makes]
	if field == "" {
		field = "id"
	}
	g.n++
	symbol := fmt.Sprintf("$%s%02d$", makes, g.n)
	for i, w := range worlds {
		o, _ := made[i].(map[string]any)
		id, _ := o[field].(string)
		if id == "" {
			g.rt.Fatalf("%s was made without an id: %v", makes, made[i])
		}
		if _, known := w.names[id]; known || !strings.Contains(id, "plan_") && i == 0 {
			return // an id of its own
		}
		w.names[id], w.ids[symbol] = symbol, id
		if makes == "users" { // identities have the part behind the provider
			w.names[strings.TrimPrefix(id, "auth0|")] = symbol + "!"
		}
	}
	g.objs[makes] = append(g.objs[makes], symbol)
}
