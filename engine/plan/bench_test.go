package plan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/lua"
	"a0run/engine/plan"
	"a0run/engine/yaml"
)

// A desk is a tenant, and playbooks that run against it.
type desk struct {
	t      testing.TB
	tenant *sim.Tenant
	client *client.Client
	dir    string
	now    time.Time
	mu     sync.Mutex
	out    []string
	env    map[string]string
	rand   int64
}

const seed = `
connections:
  - {id: con_db, name: db, strategy: auth0}
  - {id: con_g, name: google, strategy: google-oauth2, options: {client_id: gid, client_secret: canary-google-secret}}
clients:
  - {client_id: cli_web, name: web, app_type: spa}
  - {client_id: cli_api, name: api, app_type: non_interactive}
roles:
  - {id: rol_admin, name: admin, description: all}
  - {id: rol_view, name: viewer, description: looks}
resource_servers:
  - {id: rs_1, identifier: https://api, name: API, scopes: [{value: "read:x"}, {value: "write:x"}]}
organizations:
  - {id: org_1, name: acme, display_name: Acme}
users:
  - {user_id: auth0|ada, email: ada@example.com, connection: db, app_metadata: {plan: free, seats: 3}, created_at: "2025-01-01T00:00:00.000Z"}
  - {user_id: auth0|bob, email: bob@example.com, connection: db, blocked: true, created_at: "2025-02-01T00:00:00.000Z"}
  - {user_id: auth0|cyd, email: cyd@example.com, connection: db, created_at: "2025-03-01T00:00:00.000Z"}
`

func newDesk(tb testing.TB, seedText string) *desk {
	tb.Helper()
	d := &desk{t: tb, dir: tb.TempDir(), now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), env: map[string]string{}}
	tenant, err := sim.New(sim.Options{Seed: []byte(seedText), Clock: d.clock})
	if err != nil {
		tb.Fatal(err)
	}
	cred := tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(tenant.Transport()), client.WithoutRetry(), client.WithoutValidation())
	if err != nil {
		tb.Fatal(err)
	}
	d.tenant, d.client = tenant, c
	return d
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func key() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// A setting is how one run is made.
type setting struct {
	stages  func(o plan.Options) []engine.Stage
	inputs  *plan.Inputs
	conc    int
	options plan.Options // as the run made them
	red     *engine.Redactor
}

// run executes a playbook of either language.
func (d *desk) run(name, source string, s *setting) error {
	d.t.Helper()
	if s.red == nil {
		s.red = engine.NewRedactor()
	}
	if s.conc == 0 {
		s.conc = 8
	}
	cfg := bindings.Config{
		Tenants: map[string]*client.Client{bindings.DefaultRole: d.client}, Dir: d.dir,
		Getenv:  func(name string) (string, bool) { v, ok := d.env[name]; return v, ok },
		Secrets: func(_ context.Context, name string) (string, error) { return "canary-secret-" + name, nil },
		Rand:    rand.New(rand.NewSource(d.rand)),
	}
	d.rand++
	var lp *lua.Playbook
	var yp *yaml.Playbook
	var err error
	if strings.HasSuffix(name, ".lua") {
		if lp, err = lua.Parse(name, []byte(source)); err == nil {
			cfg.Head = lp.Head()
		}
	} else if yp, err = yaml.Parse(name, []byte(source), os.DirFS(d.dir)); err == nil {
		cfg.Head = yp.Head()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	api := bindings.API(cfg)
	s.options = plan.Options{
		API: api, Now: time.Now, Key: key(), Redactor: s.red, Inputs: s.inputs,
		Playbook: plan.File{Path: name, Hash: fmt.Sprintf("%x", len(source))},
		Tenants:  []plan.Tenant{{Role: bindings.DefaultRole, Domain: "tenant.local"}},
	}
	run := engine.NewRun(engine.Config{
		Concurrency: s.conc, Key: key(), API: api, Redactor: s.red, Now: time.Now, Stages: s.stages(s.options),
	})
	cfg.Run = run
	globals := bindings.Globals(cfg)
	print := func(line string) {
		d.mu.Lock()
		d.out = append(d.out, line)
		d.mu.Unlock()
	}
	vm, err := lua.NewVM(lua.Options{Run: run, Globals: globals, Print: print})
	if err != nil {
		d.t.Fatal(err)
	}
	return run.Main(context.Background(), func(t *engine.Task) error {
		if lp != nil {
			return vm.RunPlaybook(t, lp)
		}
		return yp.Run(t, globals, vm)
	})
}

// plain runs for real.
func (d *desk) plain(name, source string) error {
	d.t.Helper()
	return d.run(name, source, &setting{stages: func(plan.Options) []engine.Stage { return nil }})
}

// plan plans, and fails where a request changes the tenant.
func (d *desk) plan(name, source string) (*plan.Plan, error) {
	d.t.Helper()
	return d.planWith(name, source, nil)
}

func (d *desk) planWith(name, source string, in *plan.Inputs) (*plan.Plan, error) {
	d.t.Helper()
	var p *plan.Planner
	d.tenant.ForgetRequests()
	err := d.run(name, source, &setting{inputs: in, stages: func(o plan.Options) []engine.Stage {
		p = plan.New(o)
		return []engine.Stage{p.Stage}
	}})
	d.untouched()
	return p.Result(err), err
}

// untouched fails where a request was sent that is no read, or that holds a
// placeholder.
func (d *desk) untouched() {
	d.t.Helper()
	for _, r := range d.tenant.Requests() {
		op, ok := catalog.Default().Lookup(r.Operation)
		if ok && op.API == catalog.Management && op.Effect.Mutates() {
			d.t.Errorf("the plan sent %s %s", r.Method, r.RawPath)
		}
		d.noPlaceholder(r.RawPath)
	}
}

func (d *desk) noPlaceholder(text string) {
	d.t.Helper()
	if plan.IsPlaceholder(strings.ReplaceAll(text, "%7C", "|")) {
		d.t.Errorf("a placeholder was sent: %s", text)
	}
}

// apply plans again with a saved plan's inputs, compares, and runs under the
// gate; between is called when the comparison has passed.
func (d *desk) apply(name, source string, p *plan.Plan, between func()) ([]plan.Difference, *plan.Apply, error) {
	d.t.Helper()
	in := plan.NewInputs(p, key())
	fresh, _ := d.planWith(name, source, in)
	differences := append(plan.Compare(p, fresh), in.Differences()...)
	if len(differences) > 0 {
		return differences, nil, plan.Moved(differences)
	}
	if between != nil {
		between()
	}
	var a *plan.Apply
	err := d.run(name, source, &setting{stages: func(o plan.Options) []engine.Stage {
		a = plan.NewApply(p, o)
		return []engine.Stage{a.Watch, a.Inputs().Stage, a.Gate}
	}})
	return nil, a, err
}

// reloaded is a plan as it comes back from its file.
func reloaded(tb testing.TB, p *plan.Plan, red *engine.Redactor) *plan.Plan {
	tb.Helper()
	k := plan.Keeper{Key: key(), Redactor: red, Seal: fakeSeal, Open: fakeOpen}
	path := filepath.Join(tb.TempDir(), "x.plan")
	if err := plan.Write(path, p, k); err != nil {
		tb.Fatal(err)
	}
	back, err := plan.Read(path, k)
	if err != nil {
		tb.Fatal(err)
	}
	return back
}

// fakeSeal turns a text's bytes round: unreadable, and undone by fakeOpen.
func fakeSeal(raw json.RawMessage) json.RawMessage {
	b := make([]byte, len(raw))
	for i, c := range raw {
		b[i] = c ^ 0x55
	}
	out, _ := json.Marshal(b)
	return out
}

func fakeOpen(raw json.RawMessage) (json.RawMessage, error) {
	var b []byte
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	for i := range b {
		b[i] ^= 0x55
	}
	return b, nil
}

// state is what a tenant holds, read over its API; ids that the tenant made are
// kept, since they depend on what was made only.
func (d *desk) state() string {
	d.t.Helper()
	var b bytes.Buffer
	ctx := context.Background()
	list := func(op string, args client.Args, id string) []string {
		items, err := d.client.All(ctx, op, args)
		if err != nil {
			d.t.Fatalf("%s: %v", op, err)
		}
		var ids, lines []string
		fmt.Fprintf(&b, "%s %v\n", op, args)
		for _, raw := range items {
			var o map[string]any
			_ = json.Unmarshal(raw, &o)
			delete(o, "updated_at")
			line, _ := json.Marshal(o)
			lines = append(lines, "  "+string(line)+"\n")
			s, _ := o[id].(string)
			ids = append(ids, s)
		}
		// Tasks make things in the order in which they come.
		slices.Sort(lines)
		slices.Sort(ids)
		b.WriteString(strings.Join(lines, ""))
		return ids
	}
	for _, id := range list("users.list", nil, "user_id") {
		list("users.list_roles", client.Args{"id": id}, "")
		list("users.list_permissions", client.Args{"id": id}, "")
		list("users.list_organizations", client.Args{"id": id}, "")
	}
	list("clients.all", nil, "")
	for _, id := range list("connections.all", nil, "id") {
		list("connections.clients.get", client.Args{"id": id}, "")
	}
	for _, id := range list("roles.list", nil, "id") {
		list("roles.list_permissions", client.Args{"id": id}, "")
	}
	for _, id := range list("organizations.all_organizations", nil, "id") {
		list("organizations.all_organization_members", client.Args{"id": id}, "")
		list("organizations.all_organization_connections", client.Args{"id": id}, "")
	}
	list("client_grants.all", nil, "")
	list("resource_servers.get_all", nil, "")
	return b.String()
}

func mustPlan(tb testing.TB, d *desk, name, source string) *plan.Plan {
	tb.Helper()
	p, err := d.plan(name, source)
	if err != nil {
		tb.Fatalf("the plan failed: %v", err)
	}
	return p
}
