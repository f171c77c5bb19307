package client

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// The rules of the key cache. A key set is fetched when it is first needed and
// when it is older than jwksFresh. A kid that a fresh set does not hold fetches
// it once more, because tenants rotate their keys, but at most once in
// jwksCoolDown however many such kids come: anyone can send a forged one. When
// a fetch fails, the keys fetched before go on being used. There is no
// background refresh: whoever needs the keys fetches them, one at a time, and
// the others wait for that answer.
const (
	jwksFresh    = 600 * time.Second
	jwksCoolDown = 60 * time.Second
	// jwksTries are the failures in a row, with no keys at all, after which
	// further tries wait: 1 s, 2 s, 4 s … up to jwksCoolDown.
	jwksTries = 3
	// jwksTotal bounds one fetch, jwksLimit its answer.
	jwksTotal = 10 * time.Second
	jwksLimit = 1 << 20
	// jwksOperation is the name of the fetch in errors.
	jwksOperation = "jwks"
)

// fetchFunc gets the text of a key set by its address.
type fetchFunc func(ctx context.Context, url string) ([]byte, error)

// keyrings are the key caches of one client, one for each JWKS address. The
// zero value is ready for use.
type keyrings struct {
	mu    sync.Mutex
	rings map[string]*keyring
}

// ring finds or makes the cache of an address.
func (k *keyrings) ring(url string) *keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rings == nil {
		k.rings = map[string]*keyring{}
	}
	r := k.rings[url]
	if r == nil {
		r = &keyring{}
		k.rings[url] = r
	}
	return r
}

// A keyring holds the keys of one address.
type keyring struct {
	mu sync.Mutex
	// set is the last one that could be fetched, nil before; it is replaced
	// whole.
	set *keySet
	// fetched is when set came, tried when the last fetch ended.
	fetched, tried time.Time
	// missed is when an unknown kid last caused a fetch.
	missed time.Time
	// failures counts the failed fetches since the last good one, failure is
	// the latest of them.
	failures int
	failure  error
	// flight is the fetch under way, nil when there is none.
	flight *flight
}

// A flight is one fetch that several callers wait for.
type flight struct {
	done chan struct{}
	// abandoned says that it ended with its leader's context: those who
	// waited ask again.
	abandoned bool
}

// A keyQuery asks for one key.
type keyQuery struct {
	method jwt.SigningMethod
	kid    string
	kind   family
	now    func() time.Time
	url    string
	fetch  fetchFunc
}

// A keyNotFoundError says that the set holds no such key, and how the latest
// fetch failed when that could be why. It does not wrap that fault: whoever
// asks what kind of error this is must hear of a token, not of a network.
type keyNotFoundError struct {
	kid   string
	fault string // "" when the set is the newest
}

func (e *keyNotFoundError) Error() string {
	if e.fault != "" {
		return fmt.Sprintf("no key with ID %q among those fetched before; the latest fetch failed: %s", display(e.kid), e.fault)
	}
	return fmt.Sprintf("no key with ID %q in the key set", display(e.kid))
}

// key finds a key, fetching the set where the rules above say so. It returns a
// *keyNotFoundError, or, when there are no keys at all, the fault of the fetch.
func (r *keyring) key(ctx context.Context, q keyQuery) (any, error) {
	joined := false // a fetch ended while this call waited: its set is as new as can be
	for {
		r.mu.Lock()
		now := q.now()
		if r.set != nil && (joined || !r.expired(now)) {
			if key, ok := r.set.key(ctx, q); ok {
				r.mu.Unlock()
				return key, nil
			}
		}
		f := r.flight
		if f == nil {
			why := r.due(now, joined)
			if why == fetchNo {
				key, err := r.settle(ctx, q)
				r.mu.Unlock()
				return key, err
			}
			if why == fetchMiss {
				r.missed = now
			}
			f = &flight{done: make(chan struct{})}
			r.flight = f
			r.mu.Unlock()
			if err := r.lead(ctx, f, q); err != nil {
				return nil, err
			}
			joined = true
			continue
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-f.done:
			joined = joined || !f.abandoned
		}
	}
}

// settle answers without a fetch, from what there is. Called with the lock.
func (r *keyring) settle(ctx context.Context, q keyQuery) (any, error) {
	if r.set == nil {
		return nil, r.failure
	}
	if key, ok := r.set.key(ctx, q); ok { // an old one, whose refresh failed
		return key, nil
	}
	e := &keyNotFoundError{kid: q.kid}
	if r.failure != nil {
		e.fault = r.failure.Error()
	}
	return nil, e
}

// fetchReason says why a fetch is due.
type fetchReason int

const (
	fetchNo    fetchReason = iota
	fetchStale             // no keys, or old ones
	fetchMiss              // fresh keys, but not this one
)

// due decides whether a fetch is due for a key that was not found. Called with
// the lock.
func (r *keyring) due(now time.Time, joined bool) fetchReason {
	switch {
	case joined:
		return fetchNo
	case r.set == nil:
		if r.failures < jwksTries || passed(now, r.tried, backOff(r.failures)) {
			return fetchStale
		}
	case r.expired(now):
		if r.failures == 0 || passed(now, r.tried, jwksCoolDown) {
			return fetchStale
		}
	case r.missed.IsZero() || passed(now, r.missed, jwksCoolDown):
		return fetchMiss
	}
	return fetchNo
}

// expired reports whether the keys are old; at exactly jwksFresh they are not.
func (r *keyring) expired(now time.Time) bool {
	age := now.Sub(r.fetched)
	return age > jwksFresh || age < 0
}

// passed reports whether d has passed since t. A clock that was set back would
// make a pause endless, so that then it counts as over.
func passed(now, t time.Time, d time.Duration) bool {
	return now.Sub(t) >= d || now.Before(t)
}

func backOff(failures int) time.Duration {
	return min(time.Second<<min(failures-jwksTries, 16), jwksCoolDown)
}

// lead fetches for all who wait. Its own context ending is no failure of the
// key set: the others go on with one of theirs.
func (r *keyring) lead(ctx context.Context, f *flight, q keyQuery) error {
	set, err := fetchKeySet(ctx, q.url, q.fetch)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flight = nil
	defer close(f.done)
	if err != nil && ctx.Err() != nil {
		f.abandoned = true
		return err
	}
	r.tried = q.now()
	if err != nil {
		r.failures++
		r.failure = err
		return nil
	}
	r.set, r.fetched = set, r.tried
	r.failures, r.failure = 0, nil
	return nil
}

// fetchKeySet gets and reads a key set. An answer that is none is an
// Auth0Error, like every other answer that cannot be understood.
func fetchKeySet(ctx context.Context, url string, fetch fetchFunc) (*keySet, error) {
	limited, cancel := context.WithTimeout(ctx, jwksTotal)
	defer cancel()
	text, err := fetch(limited, url)
	if err != nil {
		if _, known := errors.AsType[*TimeoutError](err); !known && limited.Err() != nil && ctx.Err() == nil {
			err = &TimeoutError{Operation: jwksOperation, Phase: "total", After: jwksTotal, Sent: true, Err: err}
		}
		return nil, err
	}
	set, err := parseKeySet(ctx, text)
	if err != nil {
		return nil, &Auth0Error{
			StatusCode: http.StatusOK, ErrorCode: "a0.sdk.internal.unknown", Message: err.Error(),
			Body: text, Operation: jwksOperation,
		}
	}
	return set, nil
}

// A keySet is one answer of a JWKS endpoint: the keys that can verify, by
// family, because a kid may stand for keys of two types.
type keySet struct {
	families map[family]keyfunc.Keyfunc
	// found are the keys that keyfunc gave, by kid and algorithm: it goes through
	// the whole set for each token. The keyring's lock guards it.
	found map[keyRef]any
}

// keyRef is a kid together with the algorithm that it was asked for.
type keyRef struct{ kid, alg string }

// key finds the key for a token's kid among those of a family. Called with the
// keyring's lock.
func (s *keySet) key(ctx context.Context, q keyQuery) (any, bool) {
	ref := keyRef{q.kid, q.method.Alg()}
	if key, ok := s.found[ref]; ok {
		return key, true
	}
	kf := s.families[q.kind]
	if kf == nil {
		return nil, false
	}
	key, err := kf.KeyfuncCtx(ctx)(&jwt.Token{Method: q.method, Header: map[string]any{"alg": ref.alg, "kid": ref.kid}})
	if err != nil {
		return nil, false // not remembered: anyone can ask for any kid
	}
	s.found[ref] = key
	return key, true
}

// parseKeySet reads a key set. A key that cannot be used (without kid, of a
// foreign type, for encryption, damaged) is left out and does not break the
// others; of two with the same kid and type the last counts.
func parseKeySet(ctx context.Context, text []byte) (*keySet, error) {
	var doc struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("the answer is not a JSON object with a list of keys")
	}
	if doc.Keys == nil {
		return nil, errors.New(`the answer has no "keys"`)
	}
	found := map[family]map[string]jwkset.JWK{}
	for _, raw := range *doc.Keys {
		jwk, kind := parseKey(raw)
		if kind == familyNone {
			continue
		}
		if found[kind] == nil {
			found[kind] = map[string]jwkset.JWK{}
		}
		found[kind][jwk.Marshal().KID] = jwk
	}
	set := &keySet{families: map[family]keyfunc.Keyfunc{}, found: map[keyRef]any{}}
	for kind, keys := range found {
		storage := jwkset.NewMemoryStorage()
		for _, jwk := range keys {
			if err := storage.KeyWrite(ctx, jwk); err != nil {
				return nil, err
			}
		}
		kf, err := keyfunc.New(keyfunc.Options{Storage: storage})
		if err != nil {
			return nil, err
		}
		set.families[kind] = kf
	}
	return set, nil
}

// parseKey reads one key; familyNone means that it cannot verify signatures
// here. Certificates are not looked at: the key itself counts. The key's alg
// only decides whether it is one for signatures: tenants publish "RS256" for a
// key with which they sign PS256 too, and the verifier pins the algorithm.
func parseKey(raw json.RawMessage) (jwkset.JWK, family) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil || m.KID == "" || m.USE == jwkset.UseEnc {
		return jwkset.JWK{}, familyNone
	}
	alg := m.ALG.String()
	m = jwkset.JWKMarshal{KTY: m.KTY, KID: m.KID, N: m.N, E: m.E, CRV: m.CRV, X: m.X, Y: m.Y}
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
	if err != nil {
		return jwkset.JWK{}, familyNone
	}
	kind := keyFamily(jwk.Key())
	if kind == familyNone || alg != "" && familyOf(alg) != kind || oversized(jwk.Key()) {
		return jwkset.JWK{}, familyNone
	}
	return jwk, kind
}

// oversized reports whether checking one signature with the key would take
// seconds or minutes. crypto/tls draws the same line.
func oversized(key any) bool {
	pub, ok := key.(*rsa.PublicKey)
	return ok && pub.N.BitLen() > 8192
}
