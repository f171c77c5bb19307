// Package bindings is the one table of what a playbook can call: auth0.* and
// authentication.* from the catalogue, get_token.*, verify_id_token, json,
// csv, file, env, time, log and the rest, in words that no language owns.
package bindings

import (
	"context"
	"errors"
	"io"

	"a0run/client"
	"a0run/engine"
)

// Config is the world of one run.
type Config struct {
	Run *engine.Run
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
	// Dir is the playbook's folder; files outside it must be declared.
	Dir string
	// Rand is the source of random and uuid; nil means crypto/rand.
	Rand io.Reader
}

// Globals makes the table for a run. Options of the client (NoRetry) must be
// set so that the engine alone retries.
func Globals(cfg Config) (*engine.Namespace, error) { return nil, errors.New("not built") }

// Offline is the same table without a run, for check, ops, stubs and docs:
// its functions cannot be called.
func Offline(head engine.Head) *engine.Namespace { return nil }
