// Package client is a Go SDK for Auth0: every operation of the catalogue by
// its name, tokens of every grant, ID tokens verified, typed errors, pages.
//
// # A first call
//
// A client speaks with one tenant. It needs the tenant's domain and a way to a
// Management API token: an application's id with its secret or with a private
// key, or a token made elsewhere.
//
//	c, err := client.New(client.Config{
//		Domain:       "acme.eu.auth0.com",
//		ClientID:     id,
//		ClientSecret: secret,
//	})
//	if err != nil {
//		return err
//	}
//	user, err := c.Do(ctx, "users.get", client.Args{"id": "auth0|63d17c4a"})
//
// Operations have the names of the catalogue (package catalog; `a0run ops`
// prints them) and take their arguments by name. Ids are written as they are:
// the client encodes them. What comes back is JSON:
//
//	var u struct{ Email string }
//	err = user.Decode(&u)
//
// # Listings
//
// Each walks all pages of a listing, and more than the 1,000 users that a
// search can reach:
//
//	for item, err := range c.Each(ctx, "users.list", client.Args{"q": "blocked:true"}) {
//
// It is safe to change or delete items inside the loop.
//
// # Errors
//
// A refusal by the tenant is an [*Auth0Error], a 429 that outlasts the client's
// patience a [*RateLimitError]; a [*TimeoutError] or a [*NetworkError] says
// whether the request may have arrived. [errors.As] finds them. An error whose
// InDoubt is true leaves open whether something was created or done: look
// before you try again. [Classify] sorts an error for a retry policy of your
// own.
//
//	if e, ok := errors.AsType[*client.Auth0Error](err); ok && e.StatusCode == 404 {
//
// # Rates, faults and time
//
// Requests pass the tenant's rate budget (package pace), which learns the
// tenant's limits from its answers. Faults are tried again as the operation
// allows: a refused connection always, a lost answer only where sending the
// same request twice does no harm. Connecting and silence are bounded by 5
// seconds each unless [Timeouts] says otherwise; the time that a call takes as a
// whole is bounded only by its context and by the patience of [pace.Policy].
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// Version is what the client calls itself in the Auth0-Client header.
const Version = "0.1.0"

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
	// AuthMethod is how the application proves who it is; AuthAuto takes the key,
	// the secret or the certificate of TLS, whichever there is.
	AuthMethod AuthMethod
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
	// retries by itself). The management token is retried by Retry either way.
	Retry   pace.Policy
	NoRetry bool
	// BeforeSend is called once an attempt, after the budget's grant and before
	// the first byte. An error from it stops the call; nothing is sent.
	BeforeSend BeforeSendFunc
	// Validation says what is done about bodies that the API would not take.
	Validation Validation
	// Learn is told each secret that the client gets or makes by itself (its
	// management tokens, its assertions) before anybody else can see it, so
	// that logs can leave it out; nil means nobody wants to know.
	Learn func(secret string)
	// Now is the clock for what is written down (expiries, iat); nil means
	// time.Now.
	Now func() time.Time
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
// lists of strings; json.RawMessage and json.Marshaler go out as they are. A
// nil value is an argument not given; json.RawMessage("null") is JSON's null.
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
	cfg       Config
	base      *url.URL // scheme, host and port of the tenant
	pacer     *pace.Pacer
	transport http.RoundTripper
	auth      *clientAuth
	token     *tokenSource
	agent     agent
	now       func() time.Time
	// keys holds the tenants' public keys, one cache a JWKS address; its zero
	// value is ready for use (see jwks.go).
	keys keyrings
	told once // what Validation.Warn was told
}

// New checks cfg and returns a client; nothing is sent yet.
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cfg.Domain)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, base: base, pacer: cfg.Pacer, transport: cfg.Transport, now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	if c.pacer == nil {
		c.pacer = pace.New(pace.Config{})
	}
	if c.transport == nil {
		c.transport = newTransport(cfg)
	}
	c.auth, err = newClientAuth(c.ownAuth(c.Issuer()))
	if err != nil {
		return nil, err
	}
	c.agent = newAgent(cfg.NoTelemetry)
	c.token = &tokenSource{client: c}
	return c, nil
}

// Domain is the tenant's domain, with the port where there is one.
func (c *Client) Domain() string { return c.base.Host }

// Pace is what is known of a rate bucket of the tenant (see catalog): its size
// and the rate, in requests a second, at which it fills; 0 for what is not known.
func (c *Client) Pace(bucket string) (size int, perSecond float64) { return c.pacer.Known(bucket) }

// Issuer is the iss of the tenant's tokens: "https://DOMAIN/", also where the
// tenant is reached by plain http.
func (c *Client) Issuer() string { return issuerOf(c.base) }

// ClientID is the application that the client authenticates as.
func (c *Client) ClientID() string { return c.cfg.ClientID }

// CloseIdleConnections closes the connections that no call uses.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

func issuerOf(base *url.URL) string { return "https://" + base.Host + "/" }

// A Response is a successful answer.
type Response struct {
	Status int
	Header http.Header
	// Body is the JSON text of the answer; a text answer is encoded as a JSON
	// string, an empty one is nil.
	Body json.RawMessage
}

// Decode reads the answer into v.
func (r *Response) Decode(v any) error {
	if r.Body == nil {
		return errors.New("the answer is empty: there is nothing to decode")
	}
	return json.Unmarshal(r.Body, v)
}

// A FileArg is the value of a File argument. It is read from its beginning on
// every attempt.
type FileArg struct {
	Name string
	Data io.ReadSeeker
}

// learn tells the configured listener a secret.
func (c *Client) learn(secret string) {
	if c.cfg.Learn != nil && secret != "" {
		c.cfg.Learn(secret)
	}
}
