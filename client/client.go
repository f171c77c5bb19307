// Package client is a Go SDK for Auth0: every operation of the catalogue by
// its name, tokens of every grant, ID tokens verified, typed errors, pages.
//
// # A first call
//
// A client speaks with one tenant. It needs the tenant's domain and a way to a
// Management API token: an application's id with its secret or with a private
// key, or a token made elsewhere.
//
//	c, err := client.New("acme.eu.auth0.com", client.WithClientSecret(id, secret))
//	if err != nil {
//		return err
//	}
//	user, err := c.Users().Get(ctx, "auth0|63d17c4a8869daf88ed7db97")
//
// [Client.Users], Roles, Connections, Clients, Organizations, Jobs and Tokens have
// the operations that most programs use, with types; everything is safe for
// concurrent use. What they do not name, Do calls by the names of the catalogue
// (package catalog; `a0run ops` prints them), with arguments by name:
//
//	answer, err := c.Do(ctx, "log_streams.get", client.Args{"id": "lst_1"})
//	var stream struct{ Name, Status string }
//	err = answer.Decode(&stream)
//
// Ids are written as they are: the client encodes them. A wrong name or a body
// that the API would not take is an [*ArgumentError], and nothing is sent.
//
// # Objects
//
// A field that is left out, one that is null and one that is false differ, see
// [Opt]. An object that was read, changed and given to Update goes out as its
// changes, see [Origin]:
//
//	user.Blocked = client.Set(false)
//	delete(user.UserMetadata, "trial")
//	user, err = c.Users().Update(ctx, user.UserID, user)
//
// Fields that a type does not know are in its Extra, and go back with it.
//
// # Listings
//
// A listing walks all pages, and more than the 1,000 users that a
// search can reach; arguments are given as [Args]:
//
//	for user, err := range c.Users().List(ctx, client.Args{"q": "blocked:true"}) {
//
// It is safe to change or delete items inside the loop. [ForEach] works on so
// many items at a time; Each and All walk the listings that have no type.
//
// # Errors
//
// A refusal by the tenant is an [*Auth0Error], a 429 that outlasts the client's
// patience a [*RateLimitError]; a [*TimeoutError] or a [*NetworkError] says
// whether the request may have arrived. [errors.As] finds them, and [errors.Is]
// finds [ErrNotFound] and [ErrConflict]. An error whose InDoubt is true leaves
// open whether something was created or done: look before you try again.
// [Classify] sorts an error for a retry policy of your own.
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
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"a0run/client/pace"
	"a0run/client/schema"
)

// Version is what the client calls itself in the Auth0-Client header.
const Version = "0.1.0"

// Args are the arguments of one call by name. A value is anything that
// json.Marshal takes; path and query values are strings, integers, booleans or
// lists of strings; json.RawMessage and json.Marshaler go out as they are. A
// nil value is an argument not given; json.RawMessage("null") is JSON's null.
type Args map[string]any

// A Client speaks with one tenant; it is safe for concurrent use.
type Client struct {
	cfg       config
	base      *url.URL // scheme, host and port of the tenant
	pacer     *pace.Pacer
	transport http.RoundTripper
	own       http.RoundTripper // below the layers of WithRoundTripper
	auth      *clientAuth
	token     *tokenSource
	agent     agent
	now       func() time.Time
	verifier  *verifier
	told      once // what Validation.Warn was told
}

// New returns a client for a tenant: its domain ("acme.eu.auth0.com"), or a URL
// with scheme and port; plain http is accepted to loopback addresses only.
// Nothing is sent yet.
func New(domain string, opts ...Option) (*Client, error) {
	cfg := config{Domain: domain, Validation: Validation{Mode: schema.Usual}}
	for _, opt := range opts {
		if opt != nil {
			opt.client(&cfg)
		}
	}
	return open(cfg)
}

// open is New of a configuration.
func open(cfg config) (*Client, error) {
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
	c.own = c.transport
	for _, wrap := range cfg.Wrap {
		c.transport = wrap(c.transport)
	}
	c.auth, err = newClientAuth(c.ownAuth(c.Issuer()))
	if err != nil {
		return nil, err
	}
	c.agent = newAgent(cfg.NoTelemetry)
	c.token = &tokenSource{client: c}
	c.verifier = c.newVerifier()
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
	if t, ok := c.own.(interface{ CloseIdleConnections() }); ok {
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
