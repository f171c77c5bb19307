package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"a0run/client/pace"
)

// A keyHost is a key set whose content and health a test changes; it counts
// the fetches.
type keyHost struct {
	text    []byte
	err     error
	fetches atomic.Int64
}

func (h *keyHost) fetch(context.Context, string) ([]byte, error) {
	h.fetches.Add(1)
	return h.text, h.err
}

// A testClock is set by hand.
type testClock struct{ now time.Time }

func (c *testClock) add(seconds int) { c.now = c.now.Add(time.Duration(seconds) * time.Second) }

// newHosted makes a verifier over a key host that holds k1.
func newHosted() (*verifier, *keyHost, *testClock) {
	h := &keyHost{text: keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil))}
	c := &testClock{time.Unix(mintNow, 0)}
	v := newVerifier()
	v.fetch = h.fetch
	v.now = func() time.Time { return c.now }
	return v, h, c
}

// withKid signs the full claims, good at every time of a test, under a kid.
func withKid(tb testing.TB, kid string) string {
	tb.Helper()
	claims := with(map[string]any{"exp": mintNow * 2, "iat": 1})
	return mint(tb, map[string]any{"alg": "RS256", "kid": kid}, claims, by{"RS256", rsaKey()})
}

// unsigned is a token whose key will not be found, so that nobody comes to look
// at its signature.
func unsigned(tb testing.TB, kid string) string {
	tb.Helper()
	return segment(tb, map[string]any{"alg": "RS256", "kid": kid}) + "." + segment(tb, fullClaims()) + ".AAAA"
}

func accepts(t *testing.T, v *verifier, token string) {
	t.Helper()
	if _, err := v.verify(t.Context(), token, VerifyOptions{}); err != nil {
		t.Errorf("refused: %v", err)
	}
}

func lacks(t *testing.T, v *verifier, kid string) {
	t.Helper()
	if missing(t, v, kid) == nil {
		t.Errorf("%s was found", kid)
	}
}

// missing is lacks for those who look into the error.
func missing(t *testing.T, v *verifier, kid string) error {
	t.Helper()
	_, err := v.verify(t.Context(), unsigned(t, kid), VerifyOptions{})
	wantInvalid(t, err, "key", `RSA Public Key with ID "`+kid+`" was not found.`)
	return err
}

func fetched(t *testing.T, h *keyHost, want int64) {
	t.Helper()
	if got := h.fetches.Load(); got != want {
		t.Errorf("%d fetches, want %d", got, want)
	}
}

func TestKeysAreCached(t *testing.T) {
	v, h, clock := newHosted()
	token := withKid(t, "k1")
	for range 50 {
		accepts(t, v, token)
	}
	fetched(t, h, 1)
	clock.add(600) // at exactly the end of its time a set is still fresh
	accepts(t, v, token)
	fetched(t, h, 1)
	clock.add(1)
	accepts(t, v, token)
	accepts(t, v, token)
	fetched(t, h, 2)
	clock.add(-3600) // a clock set back must not keep a set for an hour
	accepts(t, v, token)
	fetched(t, h, 3)
}

func TestKeysRotate(t *testing.T) {
	v, h, clock := newHosted()
	accepts(t, v, withKid(t, "k1"))
	h.text = keySetText(jwkOf(&rsaKey().PublicKey, "k2", nil))
	accepts(t, v, withKid(t, "k2"))
	fetched(t, h, 2)
	lacks(t, v, "k1") // the tenant took it back
	fetched(t, h, 2)

	h.text = keySetText(jwkOf(&rsaKey().PublicKey, "k3", nil))
	clock.add(59)
	lacks(t, v, "k3") // within the cool-down nobody looks
	fetched(t, h, 2)
	clock.add(1)
	accepts(t, v, withKid(t, "k3"))
	fetched(t, h, 3)

	clock.add(-30) // a clock set back makes the cool-down no longer
	h.text = keySetText(jwkOf(&rsaKey().PublicKey, "k4", nil))
	v.keys.ring(mintJWKS).fetched = clock.now
	accepts(t, v, withKid(t, "k4"))
	fetched(t, h, 4)
}

func TestForgedKeyIDsAreBounded(t *testing.T) {
	v, h, clock := newHosted()
	accepts(t, v, withKid(t, "k1"))
	for i := range 1000 {
		lacks(t, v, fmt.Sprint("forged-", i))
	}
	fetched(t, h, 2)
	clock.add(60)
	for i := range 1000 {
		lacks(t, v, fmt.Sprint("forged-", i))
	}
	fetched(t, h, 3)
	accepts(t, v, withKid(t, "k1"))
	fetched(t, h, 3)
}

// gated makes every fetch wait for the gate (or its context), so that a test
// decides when the answer comes.
func gated(h *keyHost) (fetch func(context.Context, string) ([]byte, error), gate chan struct{}) {
	gate = make(chan struct{})
	return func(ctx context.Context, url string) ([]byte, error) {
		text, err := h.fetch(ctx, url)
		select {
		case <-gate:
			return text, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, gate
}

func TestConcurrentMissesShareOneFetch(t *testing.T) {
	token := withKid(t, "k1")
	forged := make([]string, 300)
	for i := range forged {
		forged[i] = unsigned(t, fmt.Sprint("forged-", i))
	}
	synctest.Test(t, func(t *testing.T) {
		v, h, _ := newHosted()
		var gate chan struct{}
		v.fetch, gate = gated(h)
		var refused, accepted atomic.Int64
		var wg sync.WaitGroup
		all := func() {
			for _, text := range append([]string{token}, forged...) {
				wg.Go(func() {
					_, err := v.verify(t.Context(), text, VerifyOptions{})
					if e, ok := errors.AsType[*TokenValidationError](err); ok && e.Code == "key" {
						refused.Add(1)
					} else if err == nil {
						accepted.Add(1)
					}
				})
			}
		}
		all()
		synctest.Wait() // everyone waits for the one fetch
		fetched(t, h, 1)
		close(gate)
		wg.Wait()
		fetched(t, h, 1)
		all() // now the set is there, and the first forged one fetches again
		wg.Wait()
		fetched(t, h, 2)
		if refused.Load() != 600 || accepted.Load() != 2 {
			t.Errorf("%d refused, %d accepted", refused.Load(), accepted.Load())
		}
	})
}

func TestLeaderGivesUp(t *testing.T) {
	token := withKid(t, "k1")
	synctest.Test(t, func(t *testing.T) {
		v, h, _ := newHosted()
		var gate chan struct{}
		v.fetch, gate = gated(h)
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 3)
		verify := func(ctx context.Context) {
			_, err := v.verify(ctx, token, VerifyOptions{})
			results <- err
		}
		go verify(ctx)
		synctest.Wait()
		impatient, stop := context.WithCancel(t.Context())
		go verify(t.Context())
		go verify(impatient)
		synctest.Wait()
		stop()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("the impatient follower: %v", err)
		}
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("the leader: %v", err)
		}
		synctest.Wait() // the follower leads a fetch of its own
		fetched(t, h, 2)
		close(gate)
		if err := <-results; err != nil {
			t.Errorf("the follower: %v", err)
		}
	})
}

func TestFetchIsBoundedInTime(t *testing.T) {
	token := withKid(t, "k1")
	synctest.Test(t, func(t *testing.T) {
		v, h, _ := newHosted()
		v.fetch, _ = gated(h)
		begin := time.Now()
		_, err := v.verify(t.Context(), token, VerifyOptions{})
		e, ok := errors.AsType[*TimeoutError](err)
		if !ok || e.Phase != "total" || time.Since(begin) != jwksTotal {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestOldKeysOutliveAFailure(t *testing.T) {
	v, h, clock := newHosted()
	token := withKid(t, "k1")
	accepts(t, v, token)
	h.err = &NetworkError{Operation: "jwks", Phase: "connect", Err: errors.New("refused")}
	clock.add(601)
	for range 100 {
		accepts(t, v, token)
	}
	fetched(t, h, 2) // one try, then the cool-down
	err := missing(t, v, "k2")
	if e, ok := errors.AsType[*NetworkError](err); ok || Classify(err) != pace.Final {
		t.Errorf("the refusal of a token passes for a fault of the network: %v", e)
	}
	if e, ok := errors.AsType[*keyNotFoundError](err); !ok || !strings.Contains(e.Error(), "refused") {
		t.Errorf("the refusal does not tell of the fetch: %v", e)
	}
	clock.add(60)
	accepts(t, v, token)
	fetched(t, h, 3)
	h.err = nil
	clock.add(60)
	accepts(t, v, token)
	accepts(t, v, token)
	fetched(t, h, 4)
	if err := errors.Unwrap(missing(t, v, "k3")); err == nil || strings.Contains(err.Error(), "refused") {
		t.Errorf("an old fault is still told: %v", err)
	}
}

func TestNoKeysAtAll(t *testing.T) {
	v, h, clock := newHosted()
	token := withKid(t, "k1")
	down := &NetworkError{Operation: "jwks", Phase: "connect", Err: errors.New("refused")}
	h.err = down
	fails := func(times int) {
		t.Helper()
		for range times {
			if _, err := v.verify(t.Context(), token, VerifyOptions{}); !errors.Is(err, down) {
				t.Fatalf("got %v, want the fault of the fetch", err)
			}
		}
	}
	fails(100)
	fetched(t, h, 3)
	for _, pause := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		before := h.fetches.Load()
		clock.add(pause - 1)
		fails(10)
		fetched(t, h, before)
		clock.add(1)
		fails(10)
		fetched(t, h, before+1)
	}
	h.err = nil
	clock.add(60)
	accepts(t, v, token)
}

func TestAnswersThatAreNoKeySet(t *testing.T) {
	for name, text := range map[string]string{
		"HTML": "<html>gateway</html>", "cut off": `{"keys":[{"kty"`, "empty": "",
		"list": "[]", "no keys": `{"error":"x"}`, "keys null": `{"keys":null}`, "keys a text": `{"keys":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			v, h, clock := newHosted()
			good := h.text
			h.text = []byte(text)
			_, err := v.verify(t.Context(), withKid(t, "k1"), VerifyOptions{})
			if e, ok := errors.AsType[*Auth0Error](err); !ok || e.Message == "" || e.ErrorCode != "a0.sdk.internal.unknown" {
				t.Errorf("got %v", err)
			}
			h.text = good
			accepts(t, v, withKid(t, "k1"))
			h.text = []byte(text)
			clock.add(601)
			accepts(t, v, withKid(t, "k1")) // the keys from before
		})
	}
	v, h, _ := newHosted()
	h.text = []byte(`{"keys":[]}`) // a key set that is empty: the tenant says so
	lacks(t, v, "k1")
}

func TestForeignKeysDoNotBreakTheSet(t *testing.T) {
	rsaPub, ecPub := &rsaKey().PublicKey, &ecKey().PublicKey
	for name, foreign := range map[string]any{
		"EC":                       jwkOf(ecPub, "ec", nil),
		"EC with the same kid":     jwkOf(ecPub, "k1", nil),
		"EC of an unknown curve":   jwkOf(ecPub, "k1", map[string]any{"crv": "secp256k1"}),
		"EC off its curve":         jwkOf(ecPub, "k1", map[string]any{"x": "AAAA", "y": "AAAA"}),
		"Ed25519":                  jwkOf(edKey().Public(), "k1", nil),
		"shared":                   map[string]any{"kty": "oct", "kid": "k1", "k": "c2VjcmV0"},
		"unknown type":             map[string]any{"kty": "LMS", "kid": "k1"},
		"post-quantum":             map[string]any{"kty": "AKP", "kid": "k1", "alg": "ML-DSA-44", "pub": "AAAA"},
		"without kid":              jwkOf(rsaPub, "", nil),
		"kid a number":             jwkOf(rsaPub, "", map[string]any{"kid": 1}),
		"for encryption":           jwkOf(&otherRSA().PublicKey, "k1", map[string]any{"use": "enc"}),
		"for encryption, by alg":   jwkOf(&otherRSA().PublicKey, "k1", map[string]any{"alg": "RSA-OAEP"}),
		"RSA with an EC algorithm": jwkOf(&otherRSA().PublicKey, "k1", map[string]any{"alg": "ES256"}),
		"damaged modulus":          jwkOf(rsaPub, "k1", map[string]any{"n": "!!"}),
		"no exponent":              jwkOf(rsaPub, "k1", map[string]any{"e": nil}),
		"null":                     nil,
		"number":                   7,
		"list":                     []any{},
	} {
		t.Run(name, func(t *testing.T) {
			v, h, _ := newHosted()
			good := jwkOf(rsaPub, "k1", map[string]any{"x5c": []string{"no certificate"}, "x5t": "wrong", "key_ops": []string{"dance"}})
			for _, keys := range [][]any{{foreign, good}, {good, foreign}} {
				h.text = must(json.Marshal(map[string]any{"keys": keys}))
				v.keys = &keyrings{}
				accepts(t, v, withKid(t, "k1"))
			}
		})
	}
	v, h, _ := newHosted()
	h.text = keySetText(jwkOf(&otherRSA().PublicKey, "k1", nil), jwkOf(rsaPub, "k1", nil))
	accepts(t, v, withKid(t, "k1")) // of two the last counts
}

// Some keys are left out even where a token asks for them.
func TestKeysThatAreNotUsed(t *testing.T) {
	rsaPub := &rsaKey().PublicKey
	megabit := make([]byte, 1<<17)
	for i := range megabit {
		megabit[i] = 0xff
	}
	for name, tc := range map[string]struct{ key, header map[string]any }{
		"no kid":    {jwkOf(rsaPub, "", nil), map[string]any{"alg": "RS256"}},
		"empty kid": {jwkOf(rsaPub, "", nil), map[string]any{"alg": "RS256", "kid": ""}},
		"enormous": {
			jwkOf(rsaPub, "big", map[string]any{"n": base64.RawURLEncoding.EncodeToString(megabit)}),
			map[string]any{"alg": "RS256", "kid": "big"},
		},
		"for encryption": {jwkOf(rsaPub, "k1", map[string]any{"use": "enc"}), map[string]any{"alg": "RS256", "kid": "k1"}},
		"of another alg": {jwkOf(rsaPub, "k1", map[string]any{"alg": "RSA-OAEP-256"}), map[string]any{"alg": "RS256", "kid": "k1"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, h, _ := newHosted()
			h.text = keySetText(tc.key)
			_, err := v.verify(t.Context(), mint(t, tc.header, fullClaims(), by{"RS256", rsaKey()}), VerifyOptions{})
			kid, _ := tc.header["kid"].(string)
			wantInvalid(t, err, "key", `RSA Public Key with ID "`+kid+`" was not found.`)
		})
	}
}

func TestEachAddressHasItsKeys(t *testing.T) {
	v, _, _ := newHosted()
	v.fetch = func(_ context.Context, url string) ([]byte, error) {
		if url == mintJWKS {
			return keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil)), nil
		}
		return keySetText(jwkOf(&otherRSA().PublicKey, "k1", nil)), nil
	}
	accepts(t, v, withKid(t, "k1"))
	_, err := v.verify(t.Context(), withKid(t, "k1"), VerifyOptions{JWKSURL: "https://other.example/keys"})
	wantInvalid(t, err, "signature", "Invalid token signature.")
	accepts(t, v, withKid(t, "k1"))
}

// Over a real socket: rotation, the host going away and coming back.
func TestKeysOverASocket(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var text atomic.Value
	var fetches atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		_, _ = w.Write(text.Load().([]byte))
	})
	text.Store(keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil)))
	server := httptest.NewServer(handler)
	defer func() { server.Close() }()
	v, _, clock := newHosted()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	v.jwksURL = server.URL
	v.fetch = func(ctx context.Context, url string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		return io.ReadAll(resp.Body)
	}
	accepts(t, v, withKid(t, "k1"))
	text.Store(keySetText(jwkOf(&rsaKey().PublicKey, "k2", nil)))
	accepts(t, v, withKid(t, "k2"))

	address := server.Listener.Addr().String()
	server.Close()
	clock.add(601)
	accepts(t, v, withKid(t, "k2"))
	lacks(t, v, "k3")

	text.Store(keySetText(jwkOf(&rsaKey().PublicKey, "k3", nil)))
	server = httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = must(net.Listen("tcp", address))
	server.Start()
	clock.add(60)
	accepts(t, v, withKid(t, "k3"))
	if n := fetches.Load(); n != 3 {
		t.Errorf("%d requests came, want 3", n)
	}
}
