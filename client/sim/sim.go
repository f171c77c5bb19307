// Package sim is a local Auth0 tenant: an http.Handler that walks the
// catalogue, with state in one place and quirks in files of their own. It
// shares nothing with the client: a simulator that shares code with its client
// proves nothing.
package sim

import (
	"errors"
	"net/http"
	"time"
)

// Options make a tenant. The zero value is an empty tenant without limits.
type Options struct {
	// Domain under which the tenant issues tokens; "" means "tenant.local".
	Domain string
	// BaseURL is where the tenant is reached ("https://127.0.0.1:8443"); ""
	// means "https://" + Domain.
	BaseURL string
	// Clock is the tenant's time; nil means time.Now.
	Clock func() time.Time
	// Seed is the text of a seed file, YAML or JSON, and SeedName its name for
	// errors.
	Seed     []byte
	SeedName string
	// Limits switches rate limits on.
	Limits Limits
	// OldRename lets PATCH /connections/{id} change the name, as the examples
	// page of 4.13 does; on unless switched off.
	NoConnectionRename bool
}

// Limits are token buckets: a global one and one an endpoint group.
type Limits struct {
	Rate  float64 // tokens a second; 0 means no global limit
	Burst int
	// Reset is "token" (the header names the second by which one token is
	// there again) or "full" (by which the bucket is full).
	Reset string
	// Groups are limits by catalogue bucket ("users.write").
	Groups map[string]Limit
}

// A Limit is one token bucket.
type Limit struct {
	Rate  float64
	Burst int
}

// A Fault makes matching requests go wrong.
type Fault struct {
	// Operation is a catalogue ID, or "" for every request.
	Operation string
	// After skips that many matching requests first; Count is how many go
	// wrong then (0 means 1, -1 means all).
	After, Count int
	// Status answers with it, Body and Headers; Delay waits first; Reset closes
	// the connection "before" or "after" the write; CutOff sends half of the
	// body.
	Status  int
	Body    string
	Headers map[string]string
	Delay   time.Duration
	Reset   string
	CutOff  bool
}

// Credentials are a tenant's own applications, made with it.
type Credentials struct {
	BaseURL            string `json:"base_url"`
	Domain             string `json:"domain"`
	ClientID           string `json:"client_id"`
	ClientSecret       string `json:"client_secret"`
	PrivateKeyClientID string `json:"private_key_client_id"`
	PrivateKey         string `json:"private_key"`
	CAFile             string `json:"ca_file,omitempty"`
}

// A Request is one line of the tenant's log.
type Request struct {
	At        time.Time
	Operation string
	Method    string
	Path      string // decoded, without the query
	RawPath   string
	Query     string // sorted and encoded
	Header    http.Header
	Body      []byte
	Status    int
}

// A Tenant is one local tenant.
type Tenant struct{}

// New makes a tenant from its seed.
func New(o Options) (*Tenant, error) { return nil, errors.New("not built") }

// ServeHTTP answers one request.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Transport reaches the tenant in memory, without sockets or goroutines of its
// own that a synctest bubble could not see; faults act on it as on sockets.
func (t *Tenant) Transport() http.RoundTripper { return nil }

// Credentials are the tenant's own.
func (t *Tenant) Credentials() Credentials { return Credentials{} }

// Requests is a copy of the log so far.
func (t *Tenant) Requests() []Request { return nil }

// Inject adds a fault.
func (t *Tenant) Inject(f Fault) {}
