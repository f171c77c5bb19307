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
	"sync"
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
	// headers are those of the latest good tokens: a tenant signs thousands of
	// tokens under the same one.
	headers headerCache
	// rooms hold *room.
	rooms sync.Pool
}

// A room is what checking one token needs and nobody keeps.
type room struct {
	claims    claimSet
	signature []byte
}

func (v *verifier) room() *room {
	if r, ok := v.rooms.Get().(*room); ok {
		return r
	}
	return &room{claims: claimSet{list: make([]claim, 0, shortList)}}
}

// leave gives a room back, with nothing of the token left in it.
func (v *verifier) leave(r *room) {
	if cap(r.claims.list) > 4*shortList {
		return // a strange token's
	}
	clear(r.claims.list[:cap(r.claims.list)])
	r.claims.list, r.claims.index = r.claims.list[:0], nil
	v.rooms.Put(r)
}

// A tokenKind is what differs between the kinds of tokens that are verified.
type tokenKind struct {
	// noun names it in messages, operation the function in mistakes of options.
	noun, operation string
	// names are further values of the header's typ that are accepted beside
	// JWT, without case. A token without a typ is accepted too (RFC 8725,
	// section 3.11: a token of one kind must not be taken for one of another).
	names [2]string
}

// takes reports whether a typ is the kind's.
func (k tokenKind) takes(typ string) bool {
	return strings.EqualFold(typ, "jwt") ||
		typ != "" && (strings.EqualFold(typ, k.names[0]) || strings.EqualFold(typ, k.names[1]))
}

func idTokens() tokenKind {
	return tokenKind{noun: "ID token", operation: "verify_id_token"}
}

func accessTokens() tokenKind {
	return tokenKind{
		noun: "access token", operation: "verify_access_token",
		names: [2]string{"at+jwt", "application/at+jwt"}, // RFC 9068, section 2.1
	}
}

// bad is a mistake of the caller; it says nothing about the token.
func (k tokenKind) bad(option, problem, next string) error {
	return &ArgumentError{Operation: k.operation, Argument: option, Problem: problem, Next: next}
}

// A trust is what makes a token believed: one algorithm, where its key comes
// from, and what the claims must be.
type trust struct {
	kind                       tokenKind
	algorithm, secret, jwksURL string
	rules                      claimRules
}

// verify fills the options of an ID token, then checks it.
func (v *verifier) verify(ctx context.Context, token string, o VerifyOptions) (*Claims, error) {
	if err := v.fill(&o); err != nil {
		return nil, err
	}
	return v.check(ctx, token, &trust{
		kind: idTokens(), algorithm: o.Algorithm, secret: o.Secret, jwksURL: o.JWKSURL,
		rules: claimRules{
			issuer: o.Issuer, audience: o.Audience, nonce: o.Nonce, maxAge: o.MaxAge,
			organization: o.Organization, leeway: o.Leeway, now: v.now(),
		},
	})
}

// check looks in this order: at the token's form, its algorithm, the key, the
// signature, the type, the claims.
func (v *verifier) check(ctx context.Context, token string, t *trust) (*Claims, error) {
	if token == "" {
		noun := strings.ToUpper(t.kind.noun[:1]) + t.kind.noun[1:]
		return nil, invalid("missing", "%s is required but missing.", noun)
	}
	r := v.room()
	defer v.leave(r)
	j, err := parseJWS(token, &v.headers, r)
	if err != nil {
		return nil, err
	}
	if err := j.checkAlgorithm(t.algorithm); err != nil {
		return nil, err
	}
	if err := j.checkExtensions(); err != nil {
		return nil, err
	}
	method := jwt.GetSigningMethod(t.algorithm)
	key, err := v.key(ctx, &j, method, t)
	if err != nil {
		return nil, err
	}
	if err := j.verify(method, key); err != nil {
		return nil, err
	}
	if err := j.checkType(t.kind); err != nil {
		return nil, err
	}
	v.headers.keep(j.header)
	if err := r.claims.read(j.payload); err != nil {
		return nil, malformed(fmt.Errorf("payload: %w", err))
	}
	if err := t.rules.check(&r.claims); err != nil {
		return nil, err
	}
	return &Claims{JSON: j.payload}, nil
}

// fill sets the defaults and refuses options with which any token, or none,
// would pass.
func (v *verifier) fill(o *VerifyOptions) error {
	kind := idTokens()
	setDefault(&o.Algorithm, defaultAlgorithm)
	setDefault(&o.Issuer, v.issuer)
	setDefault(&o.Audience, v.clientID)
	setDefault(&o.JWKSURL, v.jwksURL)
	if familyOf(o.Algorithm) == familyHMAC {
		setDefault(&o.Secret, v.secret)
	}
	if o.Audience == "" {
		return kind.bad("audience", "is not given, and the client has no client id to take for it",
			"give the client id of the application that the token is for")
	}
	return v.checkKey(kind, keyOptions{o.Algorithm, o.Secret, o.JWKSURL})
}

// checkKey is the kind's; the client's own address was checked when the client
// was made.
func (v *verifier) checkKey(kind tokenKind, o keyOptions) error {
	if familyOf(o.algorithm) != familyNone && familyOf(o.algorithm) != familyHMAC && o.jwksURL == v.jwksURL {
		return nil
	}
	return kind.checkKey(o)
}

// defaultAlgorithm is what Auth0 recommends, and signs with unless told.
const defaultAlgorithm = "RS256"

// keyOptions say how a signature is checked.
type keyOptions struct{ algorithm, secret, jwksURL string }

// checkKey refuses what could let a token choose its own key: an unknown
// algorithm, no secret, a public key as a secret, keys from an address that
// anyone can answer for.
func (k tokenKind) checkKey(o keyOptions) error {
	owner := map[string]string{"verify_id_token": "the application's client secret"}[k.operation]
	if owner == "" {
		owner = "the API's signing secret"
	}
	switch {
	case familyOf(o.algorithm) == familyNone:
		return k.bad("algorithm", fmt.Sprintf("%q is not known", o.algorithm), algorithmHint(o.algorithm))
	case familyOf(o.algorithm) != familyHMAC:
		return k.checkKeySetURL(o.jwksURL)
	case o.secret == "":
		return k.bad("secret", "is not given, and the client has none",
			"give "+owner+": "+o.algorithm+" is checked with it")
	case looksAsymmetric(o.secret):
		return k.bad("secret", "is a public or private key, which cannot be the shared secret of "+o.algorithm,
			"give "+owner+", or verify with RS256")
	}
	return nil
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// checkKeySetURL wants https, or http to this machine.
func (k tokenKind) checkKeySetURL(text string) error {
	fail := func(problem, next string) error { return k.bad("jwks_url", problem, next) }
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
func (v *verifier) key(ctx context.Context, j *jws, method jwt.SigningMethod, t *trust) (any, error) {
	kid, err := j.kid()
	if err != nil {
		return nil, err
	}
	kind := familyOf(t.algorithm)
	if kind == familyHMAC {
		return []byte(t.secret), nil
	}
	key, err := v.keys.ring(t.jwksURL).key(ctx, keyQuery{
		method: method,
		kid:    kid,
		kind:   kind,
		now:    v.now,
		url:    t.jwksURL,
		fetch:  v.fetch,
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
	return c.verifier.verify(ctx, token, o)
}

// newVerifier checks tokens of the client's tenant.
func (c *Client) newVerifier() *verifier {
	return &verifier{
		issuer: c.Issuer(), clientID: c.cfg.ClientID, secret: c.cfg.ClientSecret, jwksURL: c.jwksURL(),
		now: c.now, keys: &keyrings{}, fetch: c.fetchKeys,
	}
}
