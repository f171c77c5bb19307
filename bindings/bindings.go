// Package bindings is the one table of what a playbook can call: auth0.* and
// authentication.* from the catalogue, get_token.*, verify_id_token, json,
// csv, file, env, time, log and the rest, in words that no language owns.
//
// Everything that asks something of the outside becomes an engine.Action and
// takes the run's one path; what only computes (json, hash, base64, …) is
// marked pure and may stand in a YAML expression.
package bindings

import (
	"context"
	"crypto/rand"
	"io"
	"sort"
	"strings"
	"sync"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// DefaultRole is the role of a playbook that declares none.
const DefaultRole = "default"

// Config is the world of one run.
type Config struct {
	// Run is nil for a table that only describes (check, ops, docs).
	Run *engine.Run
	// Redactor learns the secrets; nil means the run's.
	Redactor *engine.Redactor
	// Head is the playbook's.
	Head engine.Head
	// Params are the values of the declared parameters.
	Params *engine.Object
	// Tenants are the clients by role; Default is the role of auth0.*.
	Tenants map[string]*client.Client
	Default string
	// Secrets are what secret(name) gives; nil means none.
	Secrets func(ctx context.Context, name string) (string, error)
	// Getenv reads the variables that the head declares.
	Getenv func(name string) (string, bool)
	// HTTP asks the hosts that the head declares; nil for a table that only
	// describes.
	HTTP HTTP
	// Dir is the playbook's folder; files outside it must be declared.
	Dir string
	// Validate is the project's policy; the head's own goes first.
	Validate engine.ValidatePolicy
	// Rand is the source of random and uuid; nil means crypto/rand.
	Rand io.Reader
}

// table makes the functions of one run.
type table struct {
	cfg Config
	ops *catalog.Table

	mu   sync.Mutex
	said map[string]bool // what the log has been told once
}

func newTable(cfg Config) *table {
	if cfg.Redactor == nil && cfg.Run != nil {
		cfg.Redactor = cfg.Run.Redactor()
	}
	return &table{cfg: cfg, ops: catalog.Default()}
}

// Globals makes the table for a run. The clients must be set up with NoRetry:
// under the engine it alone retries.
func Globals(cfg Config) *engine.Namespace {
	if cfg.Default == "" {
		cfg.Default = DefaultRole
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	t := newTable(cfg)
	root := engine.NewNamespace("")
	t.tenantEntries(root, cfg.Default)
	root.Set("tenant", t.tenantFunction())
	root.Set("params", t.params())
	root.Set("json", func() *engine.Namespace { return jsonNamespace() })
	root.Set("csv", func() *engine.Namespace { return t.csvNamespace() })
	root.Set("file", func() *engine.Namespace { return t.fileNamespace() })
	root.Set("time", func() *engine.Namespace { return t.timeNamespace() })
	root.Set("http", func() *engine.Namespace { return t.httpNamespace() })
	root.Set("log", func() *engine.Namespace { return t.logNamespace() })
	root.Set("random", func() *engine.Namespace { return t.randomNamespace() })
	root.Set("hash", func() *engine.Namespace { return hashNamespace() })
	root.Set("base64", func() *engine.Namespace { return base64Namespace() })
	root.Set("uuid", t.uuidFunction())
	root.Set("pkce", t.pkceFunction())
	root.Set("env", t.envFunction())
	root.Set("secret", t.secretFunction())
	return root
}

// Offline is the same table without a run, for check, ops, stubs and docs: its
// functions cannot be called.
func Offline(head engine.Head) *engine.Namespace {
	return Globals(Config{Head: head})
}

// params are the parameters' values; offline, their names with nothing known.
func (t *table) params() any {
	if t.cfg.Params != nil {
		return t.cfg.Params
	}
	o := engine.NewObject(len(t.cfg.Head.Params))
	for _, p := range t.cfg.Head.Params {
		o.Set(p.Name, nil)
	}
	return o
}

// tenantEntries sets what belongs to a tenant: the resources under auth0, and
// authentication, get_token, verify_id_token, verify_access_token.
func (t *table) tenantEntries(ns *engine.Namespace, role string) {
	ns.Set("auth0", func() *engine.Namespace { return t.apiNamespace(role) })
	t.authEntries(ns, role)
}

// authEntries are the Authentication API's functions.
func (t *table) authEntries(ns *engine.Namespace, role string) {
	for _, top := range []string{"authentication", "get_token"} {
		ns.Set(top, func() *engine.Namespace {
			n := engine.NewNamespace(top)
			for _, op := range t.ops.All() {
				for _, name := range names(op) {
					if rest, ok := strings.CutPrefix(name, top+"."); ok {
						setDeep(n, rest, t.authFunction(op, role, name))
					}
				}
			}
			return n
		})
	}
	ns.Set("verify_id_token", t.verifyIDToken(role))
	ns.Set("verify_access_token", t.verifyAccessToken(role))
}

// tenantFunction is tenant(name): a handle with the tenant's resources,
// get_token, authentication, verify_id_token and verify_access_token.
func (t *table) tenantFunction() *engine.Function {
	f := &engine.Function{
		Name: "tenant", Summary: "Give the handle of a tenant by its role.",
		Params:  []engine.Param{{Name: "role", Type: "string", Positional: true, Required: true, Enum: t.roles()}},
		Returns: "a table with the resources of auth0 and get_token, authentication, verify_id_token, verify_access_token of that tenant",
		Pure:    true,
	}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.handle(args.text("role")), nil
	}
	return f
}

// handle is what tenant(role) gives.
func (t *table) handle(role string) *engine.Namespace {
	ns := t.apiNamespace(role)
	t.authEntries(ns, role)
	return ns
}

// roles are the roles that tenant() knows.
func (t *table) roles() []string {
	var roles []string
	for _, d := range t.cfg.Head.Tenants {
		roles = append(roles, d.Role)
	}
	for role := range t.cfg.Tenants {
		if !contains(roles, role) {
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		roles = []string{t.cfg.Default}
	}
	sort.Strings(roles)
	return roles
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// names are an operation's ID and aliases.
func names(op *catalog.Operation) []string {
	return append([]string{op.ID}, op.Aliases...)
}

// setDeep sets a dotted name, making the namespaces on the way.
func setDeep(ns *engine.Namespace, dotted string, f *engine.Function) {
	for {
		head, rest, deeper := strings.Cut(dotted, ".")
		if !deeper {
			if _, taken := ns.Get(head); !taken {
				ns.Set(head, f)
			}
			return
		}
		v, _ := ns.Get(head)
		next, ok := v.(*engine.Namespace)
		if !ok {
			next = engine.NewNamespace(ns.Name + "." + head)
			ns.Set(head, next)
		}
		ns, dotted = next, rest
	}
}
