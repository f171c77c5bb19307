package client

import "time"

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
	cfg authConfig
}

// newClientAuth checks the key where there is one; an error never shows it.
func newClientAuth(cfg authConfig) (*clientAuth, error) { return &clientAuth{cfg: cfg}, nil }

// fields gives the fields that authenticate one attempt: client_assertion and
// its type, or client_secret, or none. Assertions are fresh each time, so that
// a retried request must ask again. client_id is not among them.
func (a *clientAuth) fields(now time.Time) ([]authField, error) { return nil, errStub }
