package client

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"a0run/client/catalog"
)

// clientAssertionType is the type of an RFC 7523 assertion.
const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// An AuthMethod is the way in which an application proves at the token endpoint
// who it is, by the names of the field token_endpoint_auth_method (OpenID Connect
// Dynamic Client Registration 1.0, RFC 8705).
type AuthMethod string

// The ways in which an application authenticates. Without one (AuthAuto) a
// signing key means AuthPrivateKeyJWT, a secret AuthSecretPost, a client
// certificate AuthTLS, nothing AuthNone.
const (
	AuthAuto          AuthMethod = ""
	AuthSecretPost    AuthMethod = "client_secret_post"
	AuthSecretBasic   AuthMethod = "client_secret_basic"
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
	// AuthTLS and AuthSelfSignedTLS send nothing but the client id: the proof is
	// the certificate of Config.TLS. Auth0 takes it at the mtls. host of a custom
	// domain.
	AuthTLS           AuthMethod = "tls_client_auth"
	AuthSelfSignedTLS AuthMethod = "self_signed_tls_client_auth"
	// AuthNone is a public application.
	AuthNone AuthMethod = "none"
)

// authMethods are all that can be asked for.
func authMethods() []AuthMethod {
	return []AuthMethod{AuthSecretPost, AuthSecretBasic, AuthPrivateKeyJWT, AuthTLS, AuthSelfSignedTLS, AuthNone}
}

// An authField is one field that client authentication adds to a request body;
// the fields come in the order in which they are to be written.
type authField struct{ Name, Value string }

// An authConfig says who the client is and how it proves that.
type authConfig struct {
	// ClientID is the application.
	ClientID string
	// Method is how it proves that; AuthAuto takes what there is.
	Method AuthMethod
	// Secret is its secret; unless Method says otherwise a signing key wins
	// over it.
	Secret string
	// SigningKey is a PEM private key, SigningAlg its algorithm ("" means
	// RS256), SigningKeyID the kid header (optional).
	SigningKey, SigningAlg, SigningKeyID string
	// Certificate says that the transport has a client certificate.
	Certificate bool
	// Issuer is "https://DOMAIN/", the audience of assertions.
	Issuer string
}

// A clientAuth authenticates one application; it is made once, by newClientAuth
// (in New for the configured application, in the call for a per-call one), and
// is safe for concurrent use.
type clientAuth struct {
	clientID, secret, issuer string
	method                   AuthMethod
	signer                   *assertionSigner // nil unless the method needs it
}

// newClientAuth settles the method and checks the key where it is needed; an
// error never shows it.
func newClientAuth(cfg authConfig) (*clientAuth, error) {
	a := &clientAuth{clientID: cfg.ClientID, secret: cfg.Secret, issuer: cfg.Issuer, method: cfg.method()}
	if err := cfg.check(a.method); err != nil {
		return nil, err
	}
	if a.method != AuthPrivateKeyJWT {
		return a, nil
	}
	if cfg.ClientID == "" {
		return nil, &KeyError{
			Algorithm: cfg.SigningAlg,
			Reason:    "no client id is given for it",
			Next:      "an assertion names its application: set the client id too",
		}
	}
	signer, err := newAssertionSigner(cfg.SigningKey, cfg.SigningAlg, cfg.SigningKeyID)
	if err != nil {
		return nil, err
	}
	a.signer = signer
	return a, nil
}

// method is the one asked for, or the one that what there is makes.
func (cfg authConfig) method() AuthMethod {
	switch {
	case cfg.Method != AuthAuto:
		return cfg.Method
	case cfg.SigningKey != "":
		return AuthPrivateKeyJWT
	case cfg.Secret != "":
		return AuthSecretPost
	case cfg.Certificate:
		return AuthTLS
	}
	return AuthNone
}

// check says what a method lacks.
func (cfg authConfig) check(m AuthMethod) error {
	fail := func(problem, next string) error {
		return &ArgumentError{Argument: "token_endpoint_auth_method", Problem: problem, Next: next}
	}
	switch {
	case !slices.Contains(authMethods(), m):
		names := make([]string, 0, len(authMethods()))
		for _, known := range authMethods() {
			names = append(names, string(known))
		}
		return fail("is not known", "use one of "+strings.Join(names, ", "))
	case (m == AuthSecretPost || m == AuthSecretBasic) && cfg.Secret == "":
		return fail(string(m)+" needs a client secret, and there is none", "give client_secret, or another method")
	case m == AuthPrivateKeyJWT && cfg.SigningKey == "":
		return fail(string(m)+" needs a signing key, and there is none", "give client_assertion_signing_key, or another method")
	}
	return nil
}

// proves reports whether the application can prove who it is.
func (a *clientAuth) proves() bool { return a.method != AuthNone }

// basic is the Authorization header of AuthSecretBasic, "" for other methods.
// Both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
func (a *clientAuth) basic() string {
	if a.method != AuthSecretBasic {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(a.clientID)+":"+url.QueryEscape(a.secret)))
}

// fields gives the fields that authenticate one attempt: client_assertion and
// its type, or client_secret, or none. Assertions are fresh each time (a tenant
// takes each jti once), so that a retried request must ask again. client_id is
// not among them.
func (a *clientAuth) fields(now time.Time) ([]authField, error) {
	switch a.method {
	case AuthPrivateKeyJWT:
		assertion, err := a.signer.sign(a.clientID, a.issuer, now)
		if err != nil {
			return nil, err
		}
		return []authField{{"client_assertion", assertion}, {"client_assertion_type", clientAssertionType}}, nil
	case AuthSecretPost:
		return []authField{{"client_secret", a.secret}}, nil
	default:
		return nil, nil
	}
}

// authArgument makes of a key or method that was given with a call a mistake in
// that call's arguments; other errors stay as they are.
func authArgument(operation string, err error) error {
	if e, ok := errors.AsType[*ArgumentError](err); ok {
		e.Operation = operation
		return e
	}
	e, ok := errors.AsType[*KeyError](err)
	if !ok {
		return err
	}
	argument := "client_assertion_signing_key"
	if familyOf(e.Algorithm) == familyNone && e.Algorithm != "" {
		argument = "client_assertion_signing_alg"
	}
	return &ArgumentError{Operation: operation, Argument: argument, Problem: e.Reason, Next: e.Next}
}

// ownAuth is the configured application's.
func (c *Client) ownAuth(issuer string) authConfig {
	return authConfig{
		ClientID: c.cfg.ClientID, Method: c.cfg.AuthMethod, Secret: c.cfg.ClientSecret,
		SigningKey: c.cfg.SigningKey, SigningAlg: c.cfg.SigningAlg, SigningKeyID: c.cfg.SigningKeyID,
		Certificate: c.cfg.TLS != nil && (len(c.cfg.TLS.Certificates) > 0 || c.cfg.TLS.GetClientCertificate != nil),
		Issuer:      issuer,
	}
}

// callAuth is ownAuth with what a call gives in its place: what is given decides
// the method, unless the call names one.
func (c *Client) callAuth(set map[string]string, issuer string) authConfig {
	own := c.ownAuth(issuer)
	if id := set["client_id"]; id != "" && id != own.ClientID {
		// Another application does not have this one's secret, key or certificate.
		own = authConfig{ClientID: id, Issuer: issuer}
	}
	if secret := set["client_secret"]; secret != "" {
		own.Secret, own.SigningKey, own.Method = secret, "", AuthAuto
	}
	if key := set["client_assertion_signing_key"]; key != "" {
		own.SigningKey, own.SigningKeyID, own.SigningAlg, own.Method = key, "", "", AuthAuto
	}
	if alg := set["client_assertion_signing_alg"]; alg != "" {
		own.SigningAlg = alg
	}
	if kid := set["client_assertion_signing_kid"]; kid != "" {
		own.SigningKeyID = kid
	}
	if method := set["token_endpoint_auth_method"]; method != "" {
		own.Method = AuthMethod(method)
	}
	return own
}

// basic is the Authorization header with which the request's application
// authenticates, "" where it does so otherwise.
func (r *request) basic() string {
	if r.auth == nil || !r.authenticated() || r.op.Auth != catalog.ClientAuth {
		return ""
	}
	if r.parts.has("client_secret") || r.parts.has("client_assertion") {
		return ""
	}
	return r.auth.basic()
}
