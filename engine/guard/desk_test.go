package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
)

// noon is a Wednesday.
var noon = time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)

// rulesOf reads guards written as JSON; the place of a rule is its path.
func rulesOf(t *testing.T, text string) (Rules, engine.Problems) {
	t.Helper()
	v, err := engine.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o, _ := v.(*engine.Object)
	return Parse(o, func(path string) engine.Position { return engine.Position{File: "<" + path + ">"} })
}

func mustRules(t *testing.T, text string) Rules {
	t.Helper()
	r, problems := rulesOf(t, text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

// A desk is a guarded run against a local tenant.
type desk struct {
	tenant *sim.Tenant
	client *client.Client
	guards *Guards
	run    *engine.Run
	api    engine.API
}

// A setting is what differs between desks.
type setting struct {
	seed    string
	rules   []string
	own     bool // the client's application is known
	scopes  []string
	options Options
	stages  []engine.Stage
	tenant  *sim.Tenant // of another desk
}

func newDesk(t *testing.T, s setting) *desk {
	t.Helper()
	d := &desk{tenant: s.tenant}
	var err error
	if d.tenant == nil {
		if d.tenant, err = sim.New(sim.Options{Domain: "acme.local", Seed: []byte(s.seed), SeedName: "seed"}); err != nil {
			t.Fatal(err)
		}
	}
	cred := d.tenant.Credentials()
	login := client.WithClientSecret(cred.ClientID, cred.ClientSecret)
	if s.scopes != nil {
		token, err := d.tenant.Token(s.scopes...)
		if err != nil {
			t.Fatal(err)
		}
		login = client.WithToken(token)
	}
	if d.client, err = client.New(cred.BaseURL, login, client.WithTransport(d.tenant.Transport()), client.WithoutRetry(), client.WithoutValidation()); err != nil {
		t.Fatal(err)
	}
	of := Tenant{Name: "production", Domain: "acme.local"}
	if s.own {
		of.Own = cred.ClientID
	}
	for _, text := range s.rules {
		of.Rules = append(of.Rules, mustRules(t, text))
	}
	d.api = bindings.API(bindings.Config{Tenants: map[string]*client.Client{"default": d.client}, Redactor: engine.NewRedactor()})
	o := s.options
	o.Tenants, o.API = map[string]Tenant{"default": of}, d.api
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	d.guards = New(o)
	d.run = engine.NewRun(engine.Config{Concurrency: 64, Stages: append(s.stages, d.guards.Stage())})
	d.tenant.ForgetRequests()
	return d
}

// do makes a call as a playbook would, its arguments as JSON.
func (d *desk) do(task *engine.Task, operation, args string) engine.Outcome {
	op, ok := catalog.Default().Lookup(operation)
	if !ok {
		return engine.Outcome{Err: engine.AsError(errors.New("no operation " + operation))}
	}
	v, err := engine.ParseJSON([]byte(args))
	if err != nil {
		return engine.Outcome{Err: engine.AsError(err)}
	}
	o, _ := v.(*engine.Object)
	a, err := d.api.Request("default", op, o)
	if err != nil {
		return engine.Outcome{Err: engine.AsError(err)}
	}
	a.Where = engine.Position{File: "playbook.lua", Line: 7}
	return task.Do(a)
}

// main runs fn with the guards begun.
func (d *desk) main(t *testing.T, fn func(task *engine.Task) error) error {
	t.Helper()
	return d.run.Main(t.Context(), func(task *engine.Task) error {
		if err := d.guards.Begin(task); err != nil {
			return err
		}
		return fn(task)
	})
}

// calls makes calls one after the other, "operation {args}", and ends at the
// first error.
func (d *desk) calls(t *testing.T, lines ...string) error {
	t.Helper()
	return d.main(t, func(task *engine.Task) error {
		for _, line := range lines {
			operation, args, _ := strings.Cut(line, " ")
			if args == "" {
				args = "{}"
			}
			if out := d.do(task, operation, args); out.Err != nil {
				return out.Err
			}
		}
		return nil
	})
}

// requests are what reached the Management API, "METHOD path".
func (d *desk) requests() []string {
	var lines []string
	for _, r := range d.tenant.Requests() {
		if r.Path != "/oauth/token" {
			lines = append(lines, r.Method+" "+r.Path)
		}
	}
	return lines
}

// refusedBy checks that an error is a guard's, with exit code 5 and these texts.
func refusedBy(t *testing.T, d *desk, err error, want ...string) {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) || e.Name != engine.NameGuardError || !e.Uncatchable() || d.run.ExitCode(err) != engine.ExitGuard {
		t.Fatalf("not refused by a guard: %v", err)
	}
	if e.Hint() == "" {
		t.Errorf("no hint: %v", err)
	}
	for _, text := range want {
		if !strings.Contains(err.Error()+" / "+e.Hint(), text) {
			t.Errorf("got  %v\nhint %s\nwant %s", err, e.Hint(), text)
		}
	}
}

func seedUsers(n int) string {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {user_id: 'auth0|u%d', email: 'u%d@example.com', connection: Username-Password-Authentication}\n", i, i)
	}
	b.WriteString("roles:\n  - {id: rol_a, name: alpha, description: a}\n  - {id: rol_b, name: beta, description: b}\n")
	b.WriteString("clients:\n  - {client_id: aaaa, name: Production Web}\n  - {client_id: bbbb, name: Test}\n")
	return b.String()
}

// recorder is the outermost stage of a journal's place: it keeps the records of
// what was written.
type recorder struct{ records []*engine.CallRecord }

func (r *recorder) seen(g *Guards) {
	for _, rec := range r.records {
		g.Seen(rec, rec.Args)
	}
}

func recordOf(c *engine.Call, out engine.Outcome) *engine.CallRecord {
	args, err := engine.FormatJSON(c.Args)
	if err != nil {
		args = nil
	}
	rec := &engine.CallRecord{Key: c.Key, Operation: c.Name, Tenant: c.Tenant, Mutates: true, State: engine.StateDone, Args: args}
	if v, ok := c.Args.Get(c.Operation.Subject.ID); ok {
		rec.Object, _ = v.(string)
	}
	if raw, ok := out.Value.(json.RawMessage); ok && rec.Object == "" {
		rec.Object = madeID(c.Operation, raw)
	}
	return rec
}
