package project

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"a0run/engine"
	"a0run/engine/guard"
)

// A Journal is where a0run writes down what runs did.
type Journal struct {
	// File is the path of the journal as it was written (see Project.Path); ""
	// means the default place.
	File string
	// Key is where the key comes from that encrypts; zero means the key file
	// beside the journal. Of a file, Key.File is the path (see Project.Path):
	// it is made where it does not exist. Of the rest JournalKey is the value.
	Key Source
	// Keep is how long the runs are kept; 0 means the default, less than 0 for
	// good.
	Keep time.Duration
	// Encrypt is EncryptSecrets, EncryptAll, or "" for the default.
	Encrypt string
	Where   engine.Position
}

// What a journal encrypts.
const (
	EncryptSecrets = "secrets"
	EncryptAll     = "all"
)

// KeepForever is the Keep of a journal whose runs are kept for good.
const KeepForever time.Duration = -1

// Path is a path that stands in a0run.yaml: it counts from the folder of the
// file.
func (p *Project) Path(name string) string {
	if name == "" || filepath.IsAbs(name) || p.File == "" {
		return name
	}
	return filepath.Join(filepath.Dir(p.File), name)
}

// JournalKey is the text of the journal's key, from a variable or a command;
// "" where there is none, or a file holds it. Its error is engine.Problems.
func (p *Project) JournalKey(ctx context.Context, out Outside) (engine.Secret, error) {
	if p.Journal.Key.IsZero() || p.Journal.Key.File != "" {
		return "", nil
	}
	r := &resolver{project: p, out: out}
	v := r.value(ctx, "journal.key", p.Journal.Key)
	if len(r.problems) > 0 {
		return "", r.problems
	}
	return engine.Secret(v), nil
}

// Guards are the guards of a tenant: those for all tenants, its own, and that
// of its mark production: true. A playbook's head has more (guard.OfHead).
func (p *Project) Guards(tenant string) []guard.Rules {
	t, _ := p.tenant(tenant)
	var rules []guard.Rules
	if t.Production {
		rules = append(rules, guard.Production(t.productionAt))
	}
	for _, r := range []guard.Rules{p.guards, t.guards} {
		if !r.IsZero() {
			rules = append(rules, r)
		}
	}
	return rules
}

// guards reads a guards: key.
func (d *document) guards(key, value *yaml.Node) guard.Rules {
	what := key.Value
	if !d.mapping(value, what) {
		return guard.Rules{}
	}
	before := len(d.problems)
	tree, _ := d.tree(value).(*engine.Object)
	if len(d.problems) > before {
		return guard.Rules{}
	}
	places := map[string]engine.Position{}
	d.places("", value, places)
	rules, problems := guard.Parse(tree, func(path string) engine.Position {
		if at, ok := places[path]; ok {
			return at
		}
		return d.at(key)
	})
	d.problems = append(d.problems, problems...)
	return rules
}

// places finds where each dotted path of a node begins: keys at their key, the
// items of a list by their number from 1.
func (d *document) places(path string, n *yaml.Node, into map[string]engine.Position) {
	join := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	if n.Kind == yaml.MappingNode {
		fields(n, func(key, value *yaml.Node) {
			into[join(key.Value)] = d.at(key)
			d.places(join(key.Value), value, into)
		})
		return
	}
	for i, item := range n.Content {
		inner := join(strconv.Itoa(i + 1))
		into[inner] = d.at(item)
		d.places(inner, item, into)
	}
}

// journal reads a path, or {file, key, keep, encrypt}.
func (d *document) journal(n *yaml.Node) Journal {
	j := Journal{Where: d.at(n)}
	if n.Kind == yaml.ScalarNode {
		j.File = d.path(n, "journal")
		return j
	}
	if !d.mapping(n, "journal") {
		return j
	}
	fields(n, func(key, value *yaml.Node) {
		what := "journal." + key.Value
		switch key.Value {
		case "file":
			j.File = d.path(value, what)
		case "key":
			j.Key = d.source(value, what)
			if j.Key.Value != "" {
				d.wrong(value, "key: {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}", "%s: a key does not stand in the file itself", what)
			}
		case "keep":
			j.Keep = d.keep(value, what)
		case "encrypt":
			j.Encrypt = d.encrypt(value, what)
		default:
			d.unknown(key, "journal", []string{"file", "key", "keep", "encrypt"})
		}
	})
	return j
}

// path takes a path; nothing here is read by a shell.
func (d *document) path(n *yaml.Node, what string) string {
	name := d.text(n, what)
	if strings.HasPrefix(name, "~") || strings.Contains(name, "$") {
		d.wrong(n, "write the path out; it counts from the folder of "+FileName, "%s: no shell reads the path %s", what, name)
	}
	return name
}

// keep takes a duration with a unit, as 90d, or forever. A bare number of
// seconds is a slip where days are meant.
func (d *document) keep(n *yaml.Node, what string) time.Duration {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		if n.Value == "forever" {
			return KeepForever
		}
		if keep, ok := engine.ParseDuration(n.Value); ok && keep > 0 && strings.ContainsAny(n.Value, "dhms") {
			return keep
		}
	}
	d.wrong(n, "keep: 90d, keep: 12h, or keep: forever", "%s: got %s, want how long runs are kept", what, shown(n))
	return 0
}

// validate takes one of the policies.
func (d *document) validate(n *yaml.Node) engine.ValidatePolicy {
	if n.Kind == yaml.ScalarNode {
		if policy, ok := engine.ParseValidate(n.Value); ok {
			return policy
		}
	}
	hint := "known: " + strings.Join(engine.ValidatePolicies(), ", ")
	if near := engine.Nearest(n.Value, engine.ValidatePolicies()); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.wrong(n, hint, "validate: got %s, want error, warn or off", shown(n))
	return ""
}

func (d *document) encrypt(n *yaml.Node, what string) string {
	known := []string{EncryptSecrets, EncryptAll}
	if n.Kind == yaml.ScalarNode && (n.Value == EncryptSecrets || n.Value == EncryptAll) {
		return n.Value
	}
	hint := "known: " + strings.Join(known, ", ")
	if near := engine.Nearest(n.Value, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.wrong(n, hint, "%s: got %s, want secrets or all", what, shown(n))
	return ""
}

// shown is a scalar by itself, anything else by its kind.
func shown(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		return n.Value
	}
	return kindOf(n)
}
