// Package project reads a0run.yaml: which tenants there are, and where their
// credentials come from.
package project

import (
	"context"
	"errors"
	"io/fs"

	"a0run/engine"
)

// A Project is a parsed a0run.yaml, or what the environment says where there
// is none.
type Project struct {
	// File is the path of a0run.yaml; "" where the environment was read.
	File string
	// Default is the name of the default tenant.
	Default string
	Tenants []Tenant
}

// A Tenant is one entry of tenants:, not yet resolved.
type Tenant struct {
	Name     string
	Domain   Source
	ClientID Source
	// ClientSecret, PrivateKey (PEM) or Token authenticate.
	ClientSecret, PrivateKey, Token Source
	PrivateKeyAlg                   string
	Audience                        Source
	CAFile                          string
	Where                           engine.Position
}

// A Source is where a value comes from: given in the clear, an environment
// variable, a file, or the output of a command.
type Source struct {
	Value, Env, File string
	Command          []string
	Where            engine.Position
}

// Outside is the world that a project may read; cmd/a0run hands it in.
type Outside struct {
	Getenv func(string) (string, bool)
	Files  func(path string) ([]byte, error)
	Run    func(ctx context.Context, command []string, dir string) (string, error)
}

// Resolved is a tenant with its values; secrets are known to nobody yet.
type Resolved struct {
	Name, Domain, ClientID, Audience        string
	ClientSecret, PrivateKey, PrivateKeyAlg engine.Secret
	Token                                   engine.Secret
	CAPEM                                   []byte
}

// Find looks for a0run.yaml from dir upwards; where there is none it reads the
// environment (AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET,
// AUTH0_CLIENT_ASSERTION_PRIVATE_KEY, AUTH0_API_TOKEN, AUTH0_AUDIENCE).
func Find(dir string, out Outside) (*Project, error) { return nil, errors.New("not built") }

// Parse reads the text of an a0run.yaml. Its error is engine.Problems.
func Parse(name string, text []byte) (*Project, error) { return nil, errors.New("not built") }

// Choice is what the command line and the head say about tenants.
type Choice struct {
	// Flags are the --tenant values, "NAME" or "ROLE=NAME".
	Flags []string
	Head  engine.Head
}

// Choose gives each role of the head its tenant's name: --tenant beats the
// head, the head beats default:. Its error has exit code 2.
func (p *Project) Choose(c Choice) (map[string]string, error) { return nil, errors.New("not built") }

// Resolve reads a tenant's values.
func (p *Project) Resolve(ctx context.Context, name string, out Outside) (*Resolved, error) {
	return nil, errors.New("not built")
}

var _ fs.FS
