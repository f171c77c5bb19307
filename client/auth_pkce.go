package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"a0run/client/catalog"
)

// A PKCE is the proof key of one authorization code (RFC 7636): the challenge
// goes into the authorization request, the verifier into the request for the
// token, so that a stolen code is worth nothing.
type PKCE struct {
	// Verifier is the code_verifier; keep it until the code has come back.
	Verifier Secret
	// Challenge is the code_challenge, Method its code_challenge_method: always
	// "S256".
	Challenge, Method string
}

// NewPKCE makes a fresh one from the system's random source.
func NewPKCE() PKCE {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process rather than give bad numbers
	return PKCEFrom(b)
}

// PKCEFrom makes one of 32 random bytes, the size that RFC 7636 recommends: 43
// characters of verifier.
func PKCEFrom(random [32]byte) PKCE {
	verifier := base64.RawURLEncoding.EncodeToString(random[:])
	p, err := PKCEOf(verifier)
	if err != nil { // 43 characters of base64url are always a verifier
		return PKCE{}
	}
	return p
}

// PKCEOf makes one of a verifier that was kept: 43 to 128 letters, digits, "-",
// ".", "_" and "~" (RFC 7636, section 4.1).
func PKCEOf(verifier string) (PKCE, error) {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	strange := strings.ContainsFunc(verifier, func(r rune) bool { return !strings.ContainsRune(allowed, r) })
	if len(verifier) < 43 || len(verifier) > 128 || strange {
		return PKCE{}, &ArgumentError{
			Argument: "code_verifier", Problem: "is no PKCE verifier",
			Next: "want 43 to 128 of the characters A-Z a-z 0-9 - . _ ~; NewPKCE makes one",
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return PKCE{
		Verifier: NewSecret(verifier), Challenge: base64.RawURLEncoding.EncodeToString(sum[:]), Method: "S256",
	}, nil
}

// Args adds the challenge to the arguments of an authorization request
// (authentication.authorize.url, a pushed one); the given ones stay as they are.
func (p PKCE) Args(args Args) Args {
	out := Args{"code_challenge": p.Challenge, "code_challenge_method": p.Method}
	for name, value := range args {
		out[name] = value
	}
	return out
}

// URL builds the address that a browser is sent to: authentication.authorize.url,
// authentication.logout.url, authentication.oidc.logout,
// authentication.saml.accept_request or authentication.wsfed.accept_request.
// Nothing is sent.
func (c *Client) URL(operation string, args Args) (string, error) {
	op, err := lookup(operation)
	if err != nil {
		return "", err
	}
	if op.Answer != catalog.RedirectAnswer {
		return "", &ArgumentError{Operation: op.ID, Problem: "is a request and no address for a browser", Next: "call it with Do"}
	}
	resp, err := c.perform(context.Background(), op, revealed(args), callOptions{})
	if err != nil {
		return "", err
	}
	var text string
	if err := json.Unmarshal(resp.Body, &text); err != nil {
		return "", fmt.Errorf("%s: %w", op.ID, err)
	}
	return text, nil
}
