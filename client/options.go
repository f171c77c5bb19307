package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
	"a0run/client/schema"
)

// An Option changes the client that [New] makes.
type Option interface{ client(*config) }

// A CallOption changes one call. [Args] are one, too: further arguments of a
// typed method, by the catalogue's names.
type CallOption interface{ call(*callOptions) }

// A SharedOption may be given to [New], for every call, and to one call.
type SharedOption interface {
	Option
	CallOption
}

type (
	clientOption func(*config)
	callOption   func(*callOptions)
	sharedOption struct {
		clientOption
		callOption
	}
)

func (f clientOption) client(c *config)  { f(c) }
func (f callOption) call(o *callOptions) { f(o) }

// config is what the options say. Its zero value is a client without
// credentials.
type config struct {
	Domain                               string
	ClientID, ClientSecret               string
	SigningKey, SigningAlg, SigningKeyID string
	AuthMethod                           AuthMethod
	Token                                string
	TokenSource                          TokenSource
	Audience                             string
	RootCAs                              *x509.CertPool
	TLS                                  *tls.Config
	Transport                            http.RoundTripper
	Wrap                                 []func(http.RoundTripper) http.RoundTripper
	Timeouts                             Timeouts
	NoTelemetry                          bool
	Pacer                                *pace.Pacer
	Retry                                pace.Policy
	NoRetry                              bool
	BeforeSend                           BeforeSendFunc
	Validation                           Validation
	Logger                               *slog.Logger
	Learn                                func(secret string)
	Now                                  func() time.Time
}

// callOptions is what the options of one call say.
type callOptions struct {
	timeouts   Timeouts
	beforeSend BeforeSendFunc
	grantBy    time.Time
	flow       pace.Flow
	parked     func(until time.Time)
	args       Args
}

// WithClientSecret makes the client authenticate as an application with a
// secret; it gets and renews its Management API tokens with it.
func WithClientSecret(clientID, secret string) Option {
	return clientOption(func(c *config) { c.ClientID, c.ClientSecret = clientID, secret })
}

// A PrivateKey is a key for private_key_jwt (RFC 7523).
type PrivateKey struct {
	// PEM is the key's text.
	PEM string
	// Algorithm signs: "RS256" ("" means that), "RS384", "PS256" and others.
	Algorithm string
	// ID is the kid header of the assertions, "" for none.
	ID string
}

// WithPrivateKey makes the client authenticate as an application with a key: a
// fresh signed assertion goes out for every token, no secret does.
func WithPrivateKey(clientID string, key PrivateKey) Option {
	return clientOption(func(c *config) {
		c.ClientID, c.SigningKey, c.SigningAlg, c.SigningKeyID = clientID, key.PEM, key.Algorithm, key.ID
	})
}

// WithClientID names an application that has neither secret nor key (a public
// one), or proves itself with a certificate of [WithTLS].
func WithClientID(clientID string) Option {
	return clientOption(func(c *config) { c.ClientID = clientID })
}

// WithAuthMethod says how the application proves itself; [AuthAuto] takes the
// key, the secret or the certificate, whichever there is.
func WithAuthMethod(m AuthMethod) Option { return clientOption(func(c *config) { c.AuthMethod = m }) }

// WithToken uses a Management API token as it is; it is never renewed.
func WithToken(token string) Option { return clientOption(func(c *config) { c.Token = token }) }

// A TokenSource gives a Management API token and when it ends.
type TokenSource func(ctx context.Context) (token string, until time.Time, err error)

// WithTokenSource gets the Management API tokens from elsewhere (a vault, a cache
// of several services). It is asked when there is no token, shortly before the
// last one ends, and after the tenant has refused one; by one goroutine at a
// time.
func WithTokenSource(get TokenSource) Option {
	return clientOption(func(c *config) { c.TokenSource = get })
}

// WithAudience is the audience of the management tokens;
// "https://DOMAIN/api/v2/" unless told. A tenant that is reached by a custom
// domain has the audience of its own one.
func WithAudience(audience string) Option {
	return clientOption(func(c *config) { c.Audience = audience })
}

// WithRootCAs replaces the system's root certificates.
func WithRootCAs(roots *x509.CertPool) Option {
	return clientOption(func(c *config) { c.RootCAs = roots })
}

// WithTLS configures TLS; the certificates in it are the application's proof
// where it has neither secret nor key (mTLS).
func WithTLS(conf *tls.Config) Option { return clientOption(func(c *config) { c.TLS = conf }) }

// WithTransport sends through another transport instead of the client's own (a
// local tenant's, a recorder's). [WithTLS] and [WithRootCAs] mean nothing then.
func WithTransport(t http.RoundTripper) Option {
	return clientOption(func(c *config) { c.Transport = t })
}

// WithRoundTripper puts a layer around the transport, for traces, metrics or
// headers of one's own. It sees every attempt, those for tokens and keys too,
// with the credentials in its headers. Of several the last given sees a request
// first.
func WithRoundTripper(wrap func(next http.RoundTripper) http.RoundTripper) Option {
	return clientOption(func(c *config) { c.Wrap = append(c.Wrap, wrap) })
}

// WithLogger makes the client tell what it does: every attempt at debug level,
// one that failed and is tried again at info, a call that failed at warn, what
// validation found and did not refuse at warn. No record holds a secret.
func WithLogger(l *slog.Logger) Option { return clientOption(func(c *config) { c.Logger = l }) }

// WithoutTelemetry leaves the Auth0-Client header out.
func WithoutTelemetry() Option { return clientOption(func(c *config) { c.NoTelemetry = true }) }

// WithPacer shares a tenant's rate budget between clients; each has one of its
// own otherwise.
func WithPacer(p *pace.Pacer) Option { return clientOption(func(c *config) { c.Pacer = p }) }

// WithRetry is the policy for faults.
func WithRetry(p pace.Policy) Option { return clientOption(func(c *config) { c.Retry = p }) }

// WithoutRetry sends each call once. The management token is still fetched again
// where that may help.
func WithoutRetry() Option { return clientOption(func(c *config) { c.NoRetry = true }) }

// WithValidation says what is done about bodies that the API would not take.
// Unless told, wrong types and missing required fields are errors and unknown
// fields are said to the logger, if there is one.
func WithValidation(v Validation) Option { return clientOption(func(c *config) { c.Validation = v }) }

// WithoutValidation sends bodies as they are.
func WithoutValidation() Option {
	return clientOption(func(c *config) { c.Validation = Validation{Mode: schema.Off} })
}

// WithSecretListener is told each secret that the client gets or makes by itself
// (its management tokens, its assertions) before anybody else can see it, so
// that logs can leave it out.
func WithSecretListener(learn func(secret string)) Option {
	return clientOption(func(c *config) { c.Learn = learn })
}

// WithClock is the clock for what is written down and compared (expiries, iat);
// time.Now unless told.
func WithClock(now func() time.Time) Option { return clientOption(func(c *config) { c.Now = now }) }

// WithTimeouts bounds calls; zero fields keep what holds otherwise.
func WithTimeouts(t Timeouts) SharedOption {
	return sharedOption{
		func(c *config) { c.Timeouts = t.or(c.Timeouts) },
		func(o *callOptions) { o.timeouts = t.or(o.timeouts) },
	}
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

// WithBeforeSend is called once an attempt, after the budget's grant and before
// the first byte. An error from it stops the call; nothing is sent. The client's
// hook is asked before the call's.
func WithBeforeSend(f BeforeSendFunc) SharedOption {
	return sharedOption{
		func(c *config) { c.BeforeSend = f },
		func(o *callOptions) { o.beforeSend = f },
	}
}

// WithFlow says for whom the rate budget is asked, where runs and steps share it by
// weight: runs, and within them steps, of equal weight have equal shares.
func WithFlow(f pace.Flow) CallOption { return callOption(func(o *callOptions) { o.flow = f }) }

// WithGrantBy makes a call fail with RateLimitError when the budget cannot let
// it through before t.
func WithGrantBy(t time.Time) CallOption { return callOption(func(o *callOptions) { o.grantBy = t }) }

// WithParked is told when the call waits for a bucket that answered 429.
func WithParked(f func(until time.Time)) CallOption {
	return callOption(func(o *callOptions) { o.parked = f })
}

// call makes arguments an option; what is given later counts.
func (a Args) call(o *callOptions) {
	if o.args == nil {
		o.args = make(Args, len(a))
	}
	for name, value := range a {
		o.args[name] = value
	}
}

// readOptions reads the options of a call.
func readOptions(opts []CallOption) callOptions {
	var o callOptions
	for _, opt := range opts {
		if opt != nil {
			opt.call(&o)
		}
	}
	return o
}

// join adds the arguments among the options to those of the call.
func (o *callOptions) join(op *catalog.Operation, args Args) (Args, error) {
	if len(o.args) == 0 {
		return args, nil
	}
	all := maps.Clone(args)
	if all == nil {
		all = make(Args, len(o.args))
	}
	for name, value := range o.args {
		if _, twice := all[name]; twice {
			return nil, &ArgumentError{Operation: op.ID, Argument: name, Problem: "is given twice"}
		}
		all[name] = value
	}
	return all, nil
}
