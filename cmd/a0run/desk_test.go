package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/lua"
	"a0run/engine/yaml"
)

// A desk runs playbooks against a local tenant in the process, over its
// in-memory transport: the real front ends, bindings, engine, client and
// tenant, without a socket and so also in a synctest bubble.
type desk struct {
	tenant *sim.Tenant
	client *client.Client
	run    *engine.Run
	sink   *memorySink
	prints []string
}

// memorySink keeps the events of a run.
type memorySink struct {
	mu     sync.Mutex
	events []engine.Event
}

func (s *memorySink) Emit(e engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func newDesk(t *testing.T, o sim.Options, cfg engine.Config) *desk {
	t.Helper()
	tenant, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	cred := tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(tenant.Transport()), client.WithoutRetry(), client.WithoutValidation())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{tenant: tenant, client: c, sink: &memorySink{}}
	cfg.Sink = d.sink
	d.run = engine.NewRun(cfg)
	return d
}

// play runs a playbook of either language; the name's ending tells which.
func (d *desk) play(ctx context.Context, name, text string) error {
	p := &playbook{name: name}
	var err error
	if strings.HasSuffix(name, ".lua") {
		p.lua, err = lua.Parse(name, []byte(text))
	} else {
		p.yaml, err = yaml.Parse(name, []byte(text), nil)
	}
	if err != nil {
		return err
	}
	if problems := p.check(bindings.Offline(p.head())); len(problems) > 0 {
		return problems
	}
	params, problems := p.head().ParseParams(nil, nil)
	if len(problems) > 0 {
		return problems
	}
	globals := bindings.Globals(bindings.Config{
		Run: d.run, Head: p.head(), Params: params,
		Tenants: map[string]*client.Client{bindings.DefaultRole: d.client},
	})
	vm, err := lua.NewVM(lua.Options{Run: d.run, Globals: globals, Print: func(line string) { d.prints = append(d.prints, line) }})
	if err != nil {
		return err
	}
	defer vm.Close()
	return d.run.Main(ctx, func(t *engine.Task) error { return p.run(t, globals, vm) })
}

// requests are what reached the API, one line each, sorted: the order between
// tasks is nobody's promise.
func (d *desk) requests() []string {
	var lines []string
	for _, r := range d.tenant.Requests() {
		if r.Path == "/oauth/token" {
			continue // the client's own business, with a fresh assertion each
		}
		lines = append(lines, fmt.Sprintf("%s %s?%s %s", r.Method, r.Path, r.Query, r.Body))
	}
	slices.Sort(lines)
	return lines
}

// calls are the tasks and operations of a run's calls, sorted.
func (d *desk) calls() []string {
	var lines []string
	for _, e := range d.sink.events {
		if e.Kind == engine.EventCallFinished {
			lines = append(lines, e.Task+" "+e.Operation)
		}
	}
	slices.Sort(lines)
	return lines
}

// seedUsers is a seed of n users with ids that a test can name.
func seedUsers(n int) []byte {
	var b strings.Builder
	b.WriteString("users:\n")
	base := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at := base.Add(time.Duration(i) * time.Minute).Format("2006-01-02T15:04:05.000Z")
		fmt.Fprintf(&b, "  - {user_id: 'auth0|u%d', email: 'u%d@example.com', connection: Username-Password-Authentication, created_at: '%s', updated_at: '%s'}\n", i, i, at, at)
	}
	b.WriteString("roles:\n  - {id: rol_a, name: alpha, description: a}\n  - {id: rol_b, name: beta, description: b}\n")
	return []byte(b.String())
}
