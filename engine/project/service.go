package project

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"a0run/engine"
	"a0run/engine/cron"
)

// A Serve is what serve: says of the service.
type Serve struct {
	// Runs is how many runs may go on at a time, RunsPerTenant how many against
	// one tenant that Tenants does not name. 0 is no limit.
	Runs, RunsPerTenant int
	Tenants             map[string]int
	// Drain is how long runs may go on after SIGTERM before they are stopped.
	Drain time.Duration
	// Playbooks are the folders and patterns in which playbooks are looked for;
	// nil means the folder of a0run.yaml and all below it.
	Playbooks []string
}

// What holds where serve: says nothing.
const (
	DefaultRuns  = 8
	DefaultDrain = 30 * time.Second
)

// serveKeys are the keys of serve: that are read here.
func serveKeys() []string {
	return []string{"runs", "runs_per_tenant", "tenants", "drain", "playbooks"}
}

// schedules reads schedules: by name.
func (d *document) schedules(key, value *yaml.Node, p *Project) {
	if !d.mapping(value, "schedules") {
		return
	}
	fields(value, func(key, value *yaml.Node) { d.schedule(key, value, p) })
}

func (d *document) schedule(key, value *yaml.Node, p *Project) {
	what := "schedules." + key.Value
	if key.Value == "" || strings.ContainsAny(key.Value, " \t#/") {
		d.wrong(key, "names are words like nightly-cleanup", "%q is no name of a schedule", key.Value)
		return
	}
	before := len(d.problems)
	tree := d.tree(value)
	if len(d.problems) > before {
		return
	}
	places := map[string]engine.Position{}
	d.places("", value, places)
	s, problems := cron.Parse(tree, func(path string) engine.Position {
		if at, ok := places[path]; ok {
			return at
		}
		return d.at(key)
	})
	d.problems = append(d.problems, problems...)
	if s == nil {
		return
	}
	if s.Name != "" {
		d.problems = append(d.problems, engine.Problem{Where: s.At("name"), Message: what + ": its name is " + key.Value + " already", Hint: "leave name: out"})
	}
	if s.Playbook == "" {
		d.wrong(key, "playbook: jobs/cleanup.lua", "%s: playbook is missing", what)
	}
	s.ID, s.Name = key.Value, key.Value
	p.Schedules = append(p.Schedules, s)
}

// serve reads serve:.
func (d *document) serve(n *yaml.Node, p *Project) {
	if !d.mapping(n, "serve") {
		return
	}
	s := &p.Serve
	fields(n, func(key, value *yaml.Node) {
		what := "serve." + key.Value
		switch key.Value {
		case "runs":
			s.Runs = d.count(value, what)
		case "runs_per_tenant":
			s.RunsPerTenant = d.count(value, what)
		case "tenants":
			if d.mapping(value, what) {
				s.Tenants = map[string]int{}
				fields(value, func(key, value *yaml.Node) { s.Tenants[key.Value] = d.count(value, what+"."+key.Value) })
			}
		case "drain":
			s.Drain = d.span(value, what)
		case "playbooks":
			s.Playbooks = d.patterns(value, what)
		default:
			d.unknown(key, "serve", serveKeys())
		}
	})
}

// serveTenants checks that limits name tenants that exist.
func (d *document) serveTenants(root *yaml.Node, p *Project) {
	for _, name := range slices.Sorted(maps.Keys(p.Serve.Tenants)) {
		if _, ok := p.tenant(name); !ok {
			hint := "there are " + strings.Join(p.names(), ", ")
			if near := engine.Nearest(name, p.names()); near != "" {
				hint = "did you mean " + near + "?"
			}
			places := map[string]engine.Position{}
			d.places("", root, places)
			d.problems = append(d.problems, engine.Problem{Where: places["serve.tenants."+name], Message: "serve.tenants: there is no tenant " + name, Hint: hint})
		}
	}
}

// count takes a number from 1 on.
func (d *document) count(n *yaml.Node, what string) int {
	if n.Kind == yaml.ScalarNode {
		if v, ok := d.tree(n).(int64); ok && v > 0 && v <= 10_000 {
			return int(v)
		}
	}
	d.wrong(n, "", "%s: got %s, want a number from 1 to 10000", what, shown(n))
	return 0
}

// span takes a duration.
func (d *document) span(n *yaml.Node, what string) time.Duration {
	if n.Kind == yaml.ScalarNode {
		if v, ok := engine.ParseDuration(d.tree(n)); ok && v > 0 {
			return v
		}
	}
	d.wrong(n, `write "10m", "30s", or a number of seconds`, "%s: got %s, want a duration", what, shown(n))
	return 0
}

// patterns takes a path or a list of paths.
func (d *document) patterns(n *yaml.Node, what string) []string {
	if n.Kind != yaml.SequenceNode {
		return []string{d.path(n, what)}
	}
	var all []string
	for _, c := range n.Content {
		all = append(all, d.path(c, what))
	}
	return all
}
