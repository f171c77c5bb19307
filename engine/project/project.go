// Package project reads a0run.yaml: which tenants there are, and where their
// credentials come from. None needs to stand in the file in the clear:
//
//	default: staging
//	tenants:
//	  staging:
//	    domain: acme-staging.eu.auth0.com
//	    client_id: abc123
//	    client_secret: {env: STAGING_SECRET}
//	  production:
//	    domain: acme.eu.auth0.com
//	    client_id: {command: [pass, auth0/client-id]}
//	    private_key: {file: keys/production.pem}
//	    private_key_alg: RS256
//	    production: true
//	    reserve: 20%
//	    plan: enterprise
//	    concurrency: 32
//	    guards:
//	      limits: {users: {delete: 10%}}
//	secrets:
//	  webhook: {env: WEBHOOK_SECRET}
//	guards:
//	  deny: [tenants.*]
//	validate: warn
//	weight: 2
//	journal:
//	  file: state/journal.db
//	  key: {env: A0RUN_KEY}
//	  keep: 90d
//	  encrypt: secrets
//
// A tenant that is marked production: true is written only by a plan, or with
// --yes. reserve: is the share of its rate limits that is left to others (10 % for
// production); plan:, or rate_limits: {users.write: {rate: 200/min, burst: 20}}, say
// what it allows, so that a first run need not find it out; concurrency: bounds the
// requests in flight to it. weight: is the share of a run beside other runs. guards: (package guard has their keys) hold for all tenants, or for
// one. validate: (error, warn, off) says what is done about request bodies that
// the API would not take; without it, what is certainly wrong is an error and the
// rest a warning. journal: is the path of the journal's file alone, or says also where the
// key of what is encrypted comes from, how long runs are kept ("forever" is for
// good) and whether all is encrypted or the secrets. schedules: (package cron has
// their keys) are what a0run serve starts, and serve: says how it works:
//
//	schedules:
//	  nightly:
//	    playbook: jobs/cleanup.lua
//	    cron: "30 3 * * mon-fri"
//	    zone: Europe/Berlin
//	    tenant: production
//	    approve: true
//	serve:
//	  runs: 8
//	  runs_per_tenant: 2
//
// Everything but tenants: may
// be left out.
//
// Paths and commands count from the folder of the file. Where no a0run.yaml is
// found from the playbook's folder upwards, and only there, the environment
// describes one tenant.
package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/guard"
)

// FileName is the name of the project file.
const FileName = "a0run.yaml"

// EnvTenant is the name of the tenant that the environment describes.
const EnvTenant = "environment"

// A Project is a parsed a0run.yaml, or what the environment says where there
// is none.
type Project struct {
	// File is the path of a0run.yaml; "" where the environment was read.
	File string
	// Default is the name of the default tenant.
	Default string
	Tenants []Tenant
	// Secrets are what secret(name) gives a playbook.
	Secrets []NamedSource
	// Journal is what journal: says; its zero value says nothing.
	Journal Journal
	// Schedules are those of schedules:, in the order of the file.
	Schedules []*cron.Schedule
	// Serve is what serve: says; what it leaves out is zero.
	Serve Serve
	// Weight is a run's share of the rate budget beside other runs; 0 says nothing.
	Weight float64
	// Validate is what validate: says; "" says nothing.
	Validate engine.ValidatePolicy
	// Notify and Room are what notify: and room: say; their zero values say
	// nothing.
	Notify Notify
	Room   Room
	// Warnings are mistakes that stop nobody (a secret in the clear).
	Warnings engine.Problems

	guards    guard.Rules
	defaultAt engine.Position
	// compare names the tenants whose domain Choose could not hold against
	// AUTH0_DOMAIN, because a file or a command has it; Resolve does.
	compare map[string]bool
}

// A Tenant is one entry of tenants:, not yet resolved.
type Tenant struct {
	Name     string
	Domain   Source
	ClientID Source
	// ClientSecret, PrivateKey (PEM, or the path of such a file) or Token
	// authenticate.
	ClientSecret, PrivateKey, Token Source
	PrivateKeyAlg, PrivateKeyID     Source
	// AuthMethod is how the application proves who it is, where what is given
	// leaves a choice (client_secret_basic, …).
	AuthMethod Source
	// Certificate and CertificateKey (PEM, or the paths of such files) are shown
	// to a tenant that authenticates by TLS.
	Certificate, CertificateKey Source
	Audience                    Source
	// CAFile is the path of a PEM file, or with {file: …} or {command: …} the
	// certificates themselves.
	CAFile Source
	// Production tenants are written only by a plan, or with --yes.
	Production bool
	// Pace is what is said of its rate limits.
	Pace  Pace
	Where engine.Position

	productionAt engine.Position
	guards       guard.Rules
}

// A NamedSource is one entry of secrets:.
type NamedSource struct {
	Name string
	Source
}

// A Source is where a value comes from: given in the clear, an environment
// variable, a file, or the output of a command.
type Source struct {
	Value, Env, File string
	Command          []string
	Where            engine.Position
}

// IsZero reports whether nothing is given.
func (s Source) IsZero() bool {
	return s.Value == "" && s.Env == "" && s.File == "" && len(s.Command) == 0
}

// String says where the value comes from, never the value.
func (s Source) String() string {
	switch {
	case s.Env != "":
		return "the environment variable " + s.Env
	case s.File != "":
		return "the file " + s.File
	case len(s.Command) > 0:
		return "the command " + s.Command[0]
	}
	return "the value given"
}

// Outside is the world that a project may read; cmd/a0run hands it in.
type Outside struct {
	Getenv func(string) (string, bool)
	Files  func(path string) ([]byte, error)
	// Run runs a command in a folder and gives what it prints.
	Run func(ctx context.Context, command []string, dir string) (string, error)
}

// Resolved is a tenant with its values; secrets are known to nobody yet.
type Resolved struct {
	Name, Domain, ClientID, Audience string
	ClientSecret, PrivateKey, Token  engine.Secret
	PrivateKeyAlg, PrivateKeyID      string
	AuthMethod                       string
	Pace                             Pace
	CAPEM, CertificatePEM            []byte
	CertificateKey                   engine.Secret
}

// Find looks for a0run.yaml from dir upwards; where there is none it reads the
// environment (AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET,
// AUTH0_CLIENT_ASSERTION_PRIVATE_KEY, AUTH0_API_TOKEN, AUTH0_AUDIENCE). Its
// errors have exit code 2.
func Find(dir string, out Outside) (*Project, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return nil, usage(engine.Position{File: dir}, "", "%v", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		name := filepath.Join(at, FileName)
		text, err := out.Files(name)
		switch {
		case err == nil:
			return Parse(name, text)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, usage(engine.Position{File: name}, "", "cannot be read: %v", reason(err))
		case at == filepath.Dir(at):
			return fromEnv(start, out)
		}
	}
}

// fromEnv is the one tenant that the environment describes.
func fromEnv(dir string, out Outside) (*Project, error) {
	source := func(name string) Source {
		if v, ok := out.Getenv(name); ok && v != "" {
			return Source{Env: name}
		}
		return Source{}
	}
	t := Tenant{
		Name: EnvTenant, Domain: source("AUTH0_DOMAIN"), ClientID: source("AUTH0_CLIENT_ID"),
		ClientSecret: source("AUTH0_CLIENT_SECRET"), PrivateKey: source("AUTH0_CLIENT_ASSERTION_PRIVATE_KEY"),
		Token: source("AUTH0_API_TOKEN"), Audience: source("AUTH0_AUDIENCE"),
	}
	switch {
	case t.Domain.IsZero():
		return nil, usage(engine.Position{}, "write an a0run.yaml with tenants:, set AUTH0_DOMAIN, or try the playbook with --local",
			"no tenant: there is no %s in %s or above it, and AUTH0_DOMAIN is not set", FileName, dir)
	case !t.ClientSecret.IsZero() && !t.PrivateKey.IsZero():
		return nil, usage(engine.Position{}, "unset one of them",
			"AUTH0_CLIENT_SECRET and AUTH0_CLIENT_ASSERTION_PRIVATE_KEY are both set; an application authenticates with one")
	}
	return &Project{Default: EnvTenant, Tenants: []Tenant{t}}, nil
}

// usage is one Problem as an error.
func usage(where engine.Position, hint, format string, args ...any) engine.Problems {
	return engine.Problems{{Where: where, Message: fmt.Sprintf(format, args...), Hint: hint}}
}

// reason is an error of the file system without its path, which the message
// has already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// tenant finds a tenant by name.
func (p *Project) tenant(name string) (Tenant, bool) {
	for _, t := range p.Tenants {
		if t.Name == name {
			return t, true
		}
	}
	return Tenant{}, false
}

func (p *Project) names() []string {
	names := make([]string, len(p.Tenants))
	for i, t := range p.Tenants {
		names[i] = t.Name
	}
	return names
}
