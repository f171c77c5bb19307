// Package client is a Go SDK for Auth0: every operation of the catalogue by
// its name, tokens of every grant, ID tokens verified, typed errors, pages.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

var errStub = errors.New("not built")

// Config describes one tenant and how to speak with it. Only Domain and one
// way to get a Management API token are needed.
type Config struct {
	// Domain is the tenant's domain ("acme.eu.auth0.com") or a URL with scheme
	// and port; plain http is accepted to loopback addresses only.
	Domain string
	// ClientID, with ClientSecret or SigningKey, is the application that the
	// client authenticates as.
	ClientID, ClientSecret string
	// SigningKey is a PEM private key for private_key_jwt (RFC 7523), SigningAlg
	// its algorithm ("" means RS256), SigningKeyID the kid header (optional).
	SigningKey, SigningAlg, SigningKeyID string
	// Token is a Management API token to use as it is; it is never renewed.
	Token string
	// Audience of the management token; "" means https://DOMAIN/api/v2/.
	Audience string
	// RootCAs replaces the system's roots; Transport replaces the whole
	// transport (the local tenant's in-memory one).
	RootCAs   *x509.CertPool
	TLS       *tls.Config
	Transport http.RoundTripper
	// Timeouts are the defaults of every call.
	Timeouts Timeouts
	// NoTelemetry leaves the Auth0-Client header out.
	NoTelemetry bool
	// Pacer is the tenant's rate budget; nil means one of the client's own.
	Pacer *pace.Pacer
	// Retry is the policy for faults; NoRetry switches it off (the engine
	// retries by itself).
	Retry   pace.Policy
	NoRetry bool
	// BeforeSend is called once an attempt, after the budget's grant and before
	// the first byte. An error from it stops the call; nothing is sent.
	BeforeSend BeforeSendFunc
	// Now is the clock for what is written down (expiries, iat); nil means
	// time.Now.
	Now func() time.Time
}

// Timeouts bound the parts of a call. Zero means the default, negative means
// none.
type Timeouts struct {
	// Connect bounds dialling and the TLS handshake; default 5 s.
	Connect time.Duration
	// Silence bounds the time without a byte in either direction, counted from
	// the moment the request leaves pace; default 5 s, 60 s for uploads.
	Silence time.Duration
	// Total bounds the call from the moment the request leaves pace; default
	// none.
	Total time.Duration
}

// BeforeSendFunc is told of an attempt that is about to be sent.
type BeforeSendFunc func(ctx context.Context, a SendInfo) error

// SendInfo describes the attempt that is about to be sent; secrets are not in
// it.
type SendInfo struct {
	Operation *catalog.Operation
	Method    string
	URL       string // without query secrets
	Attempt   int
}

// Args are the arguments of one call by name. A value is anything that
// json.Marshal takes; path and query values are strings, integers, booleans or
// lists of strings; json.RawMessage and json.Marshaler go out as they are.
type Args map[string]any

// A CallOption changes one call.
type CallOption func(*callOptions)

type callOptions struct {
	timeouts   Timeouts
	beforeSend BeforeSendFunc
	grantBy    time.Time
	parked     func(until time.Time)
}

// WithTimeouts sets the timeouts of one call; zero fields keep the client's.
func WithTimeouts(t Timeouts) CallOption { return func(o *callOptions) { o.timeouts = t } }

// WithBeforeSend adds a hook for one call, run after the client's own.
func WithBeforeSend(f BeforeSendFunc) CallOption { return func(o *callOptions) { o.beforeSend = f } }

// WithGrantBy makes a call fail with RateLimitError when the budget cannot let
// it through before t.
func WithGrantBy(t time.Time) CallOption { return func(o *callOptions) { o.grantBy = t } }

// WithParked is told when the call waits for a bucket that answered 429.
func WithParked(f func(until time.Time)) CallOption { return func(o *callOptions) { o.parked = f } }

// A Client speaks with one tenant; it is safe for concurrent use.
type Client struct {
	// keys holds the tenants' public keys, one cache a JWKS address; its zero
	// value is ready for use (see jwks.go).
	keys keyrings
}

// New checks cfg and returns a client; nothing is sent yet.
func New(cfg Config) (*Client, error) { return nil, errStub }

// Domain is the tenant's domain as given, Issuer "https://DOMAIN/".
func (c *Client) Domain() string { return "" }

// Issuer is the iss of the tenant's tokens.
func (c *Client) Issuer() string { return "" }

// A Response is a successful answer.
type Response struct {
	Status int
	Header http.Header
	// Body is the JSON text of the answer; a text answer is encoded as a JSON
	// string, an empty one is nil.
	Body json.RawMessage
}

// Decode reads the answer into v.
func (r *Response) Decode(v any) error { return json.Unmarshal(r.Body, v) }

// Do calls an operation by its catalogue name (or alias).
func (c *Client) Do(ctx context.Context, operation string, args Args, opts ...CallOption) (*Response, error) {
	return nil, errStub
}

// DoFunc is one call of one page; Walk is given it so that the engine can make
// each page an action of its own.
type DoFunc func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error)

// Walk yields every item of a listing as JSON, page after page: checkpoint
// endpoints stream; offset endpoints read a slice (at most 1,000) wholly before
// handing out its first item, so that deleting inside the loop skips nobody;
// users beyond 1,000 are sliced by created_at, ties by user_id.
func Walk(ctx context.Context, op *catalog.Operation, args Args, do DoFunc) iter.Seq2[json.RawMessage, error] {
	return nil
}

// Each walks a listing of this client.
func (c *Client) Each(ctx context.Context, operation string, args Args, opts ...CallOption) iter.Seq2[json.RawMessage, error] {
	return nil
}

// All collects a listing.
func (c *Client) All(ctx context.Context, operation string, args Args, opts ...CallOption) ([]json.RawMessage, error) {
	return nil, errStub
}

// A FileArg is the value of a File argument.
type FileArg struct {
	Name string
	Data io.ReadSeeker
}
