package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// VerifyOptions says what an ID token must be.
type VerifyOptions struct {
	// Algorithm is the only one accepted: "RS256" (default) or "HS256" among
	// others; the token never chooses.
	Algorithm string
	// Issuer and Audience default to the client's issuer and ClientID.
	Issuer, Audience string
	// Secret is the key of HS256; "" means the client's secret.
	Secret string
	// JWKSURL is where keys come from; "" means the tenant's own.
	JWKSURL string
	// Nonce is checked when not nil, also when empty.
	Nonce *string
	// MaxAge in seconds is checked when not nil, also when 0.
	MaxAge *int64
	// Organization is an org_id ("org_…") or a name, checked when not "".
	Organization string
	// Leeway in seconds; 0 as in the Python SDK's code.
	Leeway int64
}

// Claims are the claims of a verified token, as JSON in the token's order.
type Claims struct{ JSON json.RawMessage }

// Decode reads the claims into v.
func (c *Claims) Decode(v any) error { return json.Unmarshal(c.JSON, v) }

// A verifier checks tokens for one client.
type verifier struct {
	issuer, clientID, secret string
	jwksURL                  string
	now                      func() time.Time
	keys                     *keyrings
	// fetch gets the text of a key set by its address.
	fetch func(ctx context.Context, url string) ([]byte, error)
}

// verify fills the options, then checks in this order: the token's form, its
// algorithm, the key, the signature, the claims.
func (v *verifier) verify(ctx context.Context, token string, o VerifyOptions) (*Claims, error) {
	if err := v.fill(&o); err != nil {
		return nil, err
	}
	if token == "" {
		return nil, invalid("missing", "ID token is required but missing.")
	}
	j, err := parseJWS(token)
	if err != nil {
		return nil, err
	}
	if err := j.checkAlgorithm(o.Algorithm); err != nil {
		return nil, err
	}
	if err := j.checkExtensions(); err != nil {
		return nil, err
	}
	method := jwt.GetSigningMethod(o.Algorithm)
	key, err := v.key(ctx, j, method, o)
	if err != nil {
		return nil, err
	}
	if err := j.verify(method, key); err != nil {
		return nil, err
	}
	claims, err := members(j.payload)
	if err != nil {
		return nil, malformed(fmt.Errorf("payload: %w", err))
	}
	rules := claimRules{
		issuer: o.Issuer, audience: o.Audience, nonce: o.Nonce, maxAge: o.MaxAge,
		organization: o.Organization, leeway: o.Leeway, now: v.now(),
	}
	if err := rules.check(claims); err != nil {
		return nil, err
	}
	return &Claims{JSON: j.payload}, nil
}

// fill sets the defaults and refuses options with which any token, or none,
// would pass.
func (v *verifier) fill(o *VerifyOptions) error {
	setDefault(&o.Algorithm, "RS256")
	setDefault(&o.Issuer, v.issuer)
	setDefault(&o.Audience, v.clientID)
	setDefault(&o.JWKSURL, v.jwksURL)
	if familyOf(o.Algorithm) == familyNone {
		return badOption("algorithm", fmt.Sprintf("%q is not known", o.Algorithm), algorithmHint(o.Algorithm))
	}
	if o.Audience == "" {
		return badOption("audience", "is not given, and the client has no client id to take for it",
			"give the client id of the application that the token is for")
	}
	if familyOf(o.Algorithm) != familyHMAC {
		return checkKeySetURL(o.JWKSURL)
	}
	setDefault(&o.Secret, v.secret)
	switch {
	case o.Secret == "":
		return badOption("secret", "is not given, and the client has none",
			"give the application's client secret: "+o.Algorithm+" is checked with it")
	case looksAsymmetric(o.Secret):
		return badOption("secret", "is a public or private key, which cannot be the shared secret of "+o.Algorithm,
			"give the application's client secret, or verify with RS256")
	}
	return nil
}

// badOption is a mistake of the caller; it says nothing about the token.
func badOption(option, problem, next string) error {
	return &ArgumentError{Operation: "verify_id_token", Argument: option, Problem: problem, Next: next}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// checkKeySetURL wants https, or http to this machine.
func checkKeySetURL(text string) error {
	fail := func(problem, next string) error { return badOption("jwks_url", problem, next) }
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return fail("is not a URL", `write it like "https://DOMAIN/.well-known/jwks.json"`)
	case u.User != nil:
		return fail("holds a user name or password", "key sets are public: leave it out")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fail("is plain http, so that anyone on the way could put keys in", "use https")
	case u.Scheme != "http" && u.Scheme != "https":
		return fail(fmt.Sprintf("has the scheme %q", u.Scheme), "use https")
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// key finds the key that the signature must be checked with: the secret, or the
// public key of the token's kid, fetched where it must be.
func (v *verifier) key(ctx context.Context, j *jws, method jwt.SigningMethod, o VerifyOptions) (any, error) {
	kid, err := j.kid()
	if err != nil {
		return nil, err
	}
	kind := familyOf(o.Algorithm)
	if kind == familyHMAC {
		return []byte(o.Secret), nil
	}
	key, err := v.keys.ring(o.JWKSURL).key(ctx, keyQuery{
		token: &jwt.Token{Method: method, Header: map[string]any{"alg": o.Algorithm, "kid": kid}},
		kid:   kid,
		kind:  kind,
		now:   v.now,
		fetch: func(ctx context.Context) ([]byte, error) { return v.fetch(ctx, o.JWKSURL) },
	})
	missing, notFound := errors.AsType[*keyNotFoundError](err)
	if notFound || err == nil && !curveFits(method, key) {
		e := &TokenValidationError{
			Code:    "key",
			Message: fmt.Sprintf(`%s Public Key with ID "%s" was not found.`, keyName(kind), display(kid)),
		}
		if notFound {
			e.Err = missing
		}
		return nil, e
	}
	return key, err
}

// keyName is the type of a public key in messages.
func keyName(kind family) string {
	i := slices.Index([]family{familyRSA, familyEC, familyEd25519}, kind)
	return []string{"RSA", "EC", "Ed25519"}[i]
}

// VerifyIDToken checks a token and returns its claims, or a
// *TokenValidationError that says what is wrong with it, in the order and words
// of the Python SDK. Other errors say nothing about the token: an
// *ArgumentError is a mistake in o, and when no keys could be fetched at all the
// fault of that request comes back (NetworkError, TimeoutError, Auth0Error,
// RateLimitError).
//
// Beyond the Python SDK, an empty nonce and a max_age of 0 are checked when
// given, nbf and an iat in the future are refused (within the leeway), times
// may be fractions, and organization names are compared without case.
func (c *Client) VerifyIDToken(ctx context.Context, token string, o VerifyOptions) (*Claims, error) {
	v := &verifier{
		issuer: c.Issuer(), clientID: c.cfg.ClientID, secret: c.cfg.ClientSecret, jwksURL: c.jwksURL(),
		now: c.now, keys: &c.keys, fetch: c.fetchKeys,
	}
	return v.verify(ctx, token, o)
}
