package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// keyEndpoint is a tenant that publishes keys over a socket and counts who asks.
type keyEndpoint struct {
	*httptest.Server
	asked atomic.Int64
	text  atomic.Pointer[[]byte]
}

func newKeyEndpoint(t *testing.T, text []byte) *keyEndpoint {
	t.Helper()
	e := &keyEndpoint{}
	e.text.Store(&text)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(*e.text.Load())
	}))
	t.Cleanup(e.Close)
	return e
}

// Ten thousand forged kids, many at a time, through the client and a socket: the
// endpoint is asked twice in a cool-down (once because there were no keys, once
// for the first kid that they lack) and once in each one after it. Honest tokens
// pass all the while.
func TestForgedKeyIDStorm(t *testing.T) {
	e := newKeyEndpoint(t, keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil)))
	var now atomic.Int64
	now.Store(mintNow)
	cfg := mintConfig(nil)
	cfg.Domain, cfg.Transport = e.URL, nil
	cfg.Now = func() time.Time { return time.Unix(now.Load(), 0) }
	c := must(open(cfg))
	defer c.CloseIdleConnections()
	o := VerifyOptions{Issuer: mintIssuer}
	honest := rs256(t, fullClaims())
	var refused, other atomic.Int64
	storm := func() {
		var wg sync.WaitGroup
		for part := range 50 {
			wg.Go(func() {
				for i := range 200 {
					_, err := c.VerifyIDToken(context.Background(), unsigned(t, fmt.Sprintf("forged-%d-%d", part, i)), o)
					if e, ok := errors.AsType[*TokenValidationError](err); ok && e.Code == "key" {
						refused.Add(1)
					} else {
						other.Add(1)
					}
				}
				if _, err := c.VerifyIDToken(context.Background(), honest, o); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for round, most := range []int64{2, 3, 4} {
		storm()
		if n := e.asked.Load(); n > most {
			t.Errorf("round %d: %d fetches, at most %d are allowed", round, n, most)
		}
		now.Add(int64(jwksCoolDown / time.Second))
	}
	if refused.Load() != 30_000 || other.Load() != 0 {
		t.Errorf("%d refused for their key, %d otherwise", refused.Load(), other.Load())
	}
}

// A tenant rotates its keys as Auth0 does: the next key is published before it
// signs, the old one stays for a while. No good token is refused at any moment,
// forged kids or not, also when the endpoint fails meanwhile.
func TestRotationRefusesNoGoodToken(t *testing.T) {
	keys := []string{"k0", "k1", "k2", "k3"}
	publish := func(kids ...string) []byte {
		list := make([]map[string]any, len(kids))
		for i, kid := range kids {
			list[i] = jwkOf(&rsaKey().PublicKey, kid, nil)
		}
		return keySetText(list...)
	}
	for _, attacked := range []bool{false, true} {
		v, h, clock := newHosted()
		h.text = publish(keys[0], keys[1])
		good, at := 0, 0
		for step := range 400 {
			if step > 0 && step%100 == 0 { // rotate: next becomes current, another one is next
				at++
				h.text = publish(keys[at-1 : min(at+2, len(keys))]...)
			}
			if h.err = nil; step%37 == 5 {
				h.err = errors.New("the endpoint is down")
			}
			if attacked {
				for i := range 20 {
					lacks(t, v, fmt.Sprint("forged-", step, "-", i))
				}
			}
			// tokens of the current key, and those that the one before signed
			for _, kid := range []string{keys[at], keys[max(at-1, 0)]} {
				accepts(t, v, withKid(t, kid))
				good++
			}
			clock.add(17)
		}
		if good != 800 {
			t.Errorf("%d good tokens were tried", good)
		}
	}
}
