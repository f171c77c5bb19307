package client

import (
	"errors"
	"time"
)

// clientAssertionType is the type of an RFC 7523 assertion.
const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// An authField is one field that client authentication adds to a request body;
// the fields come in the order in which they are to be written.
type authField struct{ Name, Value string }

// An authConfig says who the client is and how it proves that.
type authConfig struct {
	// ClientID is the application.
	ClientID string
	// Secret is its secret; a signing key wins over it.
	Secret string
	// SigningKey is a PEM private key, SigningAlg its algorithm ("" means
	// RS256), SigningKeyID the kid header (optional).
	SigningKey, SigningAlg, SigningKeyID string
	// Issuer is "https://DOMAIN/", the audience of assertions.
	Issuer string
}

// A clientAuth authenticates one application; it is made once, by newClientAuth
// (in New for the configured application, in the call for a per-call one), and
// is safe for concurrent use.
type clientAuth struct {
	clientID, secret, issuer string
	signer                   *assertionSigner // nil without a signing key
}

// newClientAuth checks the key where there is one; an error never shows it.
func newClientAuth(cfg authConfig) (*clientAuth, error) {
	a := &clientAuth{clientID: cfg.ClientID, secret: cfg.Secret, issuer: cfg.Issuer}
	if cfg.SigningKey == "" {
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

// fields gives the fields that authenticate one attempt: client_assertion and
// its type, or client_secret, or none. Assertions are fresh each time (a tenant
// takes each jti once), so that a retried request must ask again. client_id is
// not among them.
func (a *clientAuth) fields(now time.Time) ([]authField, error) {
	switch {
	case a.signer != nil:
		assertion, err := a.signer.sign(a.clientID, a.issuer, now)
		if err != nil {
			return nil, err
		}
		return []authField{{"client_assertion", assertion}, {"client_assertion_type", clientAssertionType}}, nil
	case a.secret != "":
		return []authField{{"client_secret", a.secret}}, nil
	default:
		return nil, nil
	}
}

// keyArgument makes of a key that was given with a call a mistake in that
// call's arguments; other errors stay as they are.
func keyArgument(operation string, err error) error {
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
