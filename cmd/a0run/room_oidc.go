package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"a0run/client"
	"a0run/engine"
	"a0run/engine/project"
)

// An auth0Login logs people into the control room at an Auth0 tenant: the
// authorization code flow with PKCE, state and nonce, and an ID token that our own
// client verifies.
type auth0Login struct {
	c *client.Client
	// claim is the claim that gives the role; "" is the verified e-mail address.
	claim string
	// roles are its values by role; "*" is every value.
	roles map[string][]string
}

// newAuth0Login makes it of room: oidc:; nil where there is none.
func newAuth0Login(w *world, o *project.RoomOIDC, r *project.ResolvedRoom, redactor *engine.Redactor) (*auth0Login, error) {
	if o == nil {
		return nil, nil
	}
	opts := []client.Option{client.WithClientSecret(r.ClientID, string(r.ClientSecret)), client.WithClock(w.now), client.WithSecretListener(redactor.Add)}
	redactor.Add(string(r.ClientSecret))
	if len(r.CAPEM) > 0 {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(r.CAPEM) {
			return nil, &usageError{"room.oidc: ca_file holds no PEM certificate", ""}
		}
		opts = append(opts, client.WithRootCAs(roots))
	}
	c, err := client.New(r.Domain, opts...)
	if err != nil {
		return nil, &usageError{"room.oidc: " + redactor.Redact(err.Error()), hintOf(err)}
	}
	return &auth0Login{c: c, claim: o.Claim, roles: o.Roles}, nil
}

// pendingLogin is a log-in that has begun.
type pendingLogin struct{ State, Nonce, Verifier string }

// Begin implements web.OIDC.
func (l *auth0Login) Begin(_ context.Context, callback string) (string, json.RawMessage, error) {
	proof := client.NewPKCE()
	p := pendingLogin{State: randomText(), Nonce: randomText(), Verifier: proof.Verifier.Reveal()}
	address, err := l.c.URL("authentication.authorize.url", proof.Args(client.Args{
		"response_type": "code", "redirect_uri": callback, "scope": "openid profile email", "state": p.State, "nonce": p.Nonce,
	}))
	if err != nil {
		return "", nil, err
	}
	pending, err := json.Marshal(p)
	return address, pending, err
}

func randomText() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Finish implements web.OIDC.
func (l *auth0Login) Finish(ctx context.Context, callback, query string, pending json.RawMessage) (name, role string, err error) {
	var p pendingLogin
	if err := json.Unmarshal(pending, &p); err != nil {
		return "", "", errors.New("the log-in that had begun cannot be read")
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", "", errors.New("Auth0's answer cannot be read")
	}
	// The state first: what comes with another is not an answer to us.
	if p.State == "" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(p.State)) != 1 {
		return "", "", errors.New("the answer belongs to another log-in")
	}
	if code := q.Get("error"); code != "" {
		return "", "", fmt.Errorf("Auth0 says %s: %s", code, q.Get("error_description"))
	}
	token, err := l.c.GetToken(ctx, "authorization_code", client.Args{"code": q.Get("code"), "code_verifier": p.Verifier, "redirect_uri": callback})
	if err != nil {
		return "", "", fmt.Errorf("the code was not taken: %w", err)
	}
	claims, err := l.c.VerifyIDToken(ctx, token.IDToken.Reveal(), client.VerifyOptions{Nonce: &p.Nonce, Leeway: 30})
	if err != nil {
		return "", "", fmt.Errorf("the ID token is not good: %w", err)
	}
	return l.person(claims)
}

// person is who the claims of a verified token say it is, and their role here.
func (l *auth0Login) person(claims *client.Claims) (name, role string, err error) {
	var c map[string]any
	if err := claims.Decode(&c); err != nil {
		return "", "", err
	}
	name, _ = c["sub"].(string)
	email, _ := c["email"].(string)
	verified, _ := c["email_verified"].(bool)
	if email != "" && verified {
		name = email
	}
	values := claimTexts(c[l.claim])
	if l.claim == "" || l.claim == "email" {
		if !verified || email == "" {
			return name, "", errors.New("their e-mail address is not verified")
		}
		values = []string{email}
	}
	for _, r := range slices.Backward(project.Roles()) { // the strongest that they have
		for _, wanted := range l.roles[r] {
			if wanted == "*" || slices.Contains(values, wanted) {
				return name, r, nil
			}
		}
	}
	return name, "", errors.New("they have no role here")
}

// claimTexts are the texts of a claim that is one or a list of them.
func claimTexts(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var all []string
		for _, item := range x {
			if text, ok := item.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}
