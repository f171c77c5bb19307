package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// transportFunc is a tenant without sockets.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond makes an answer of a text.
func respond(r *http.Request, status int, text string, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// mintConfig is the tenant of the tests over a transport.
func mintConfig(transport http.RoundTripper) config {
	return config{
		Domain: "acme.example", ClientID: mintClient, ClientSecret: mintSecret, Transport: transport,
		Now: func() time.Time { return time.Unix(mintNow, 0) },
	}
}

func TestVerifyIDTokenOverHTTP(t *testing.T) {
	var mu sync.Mutex
	var seen []line
	hooked := false
	c := tenant(t, config{
		ClientID: mintClient, ClientSecret: mintSecret,
		Now:        func() time.Time { return time.Unix(mintNow, 0) },
		BeforeSend: func(context.Context, SendInfo) error { hooked = true; return errors.New("no") },
	}, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		record(&seen, 200, string(keySetText(jwkOf(&ecKey().PublicKey, "ec1", nil), jwkOf(&rsaKey().PublicKey, "k1", nil))))(w, r)
	})
	claims := with(map[string]any{"iss": c.Issuer()})
	token := rs256(t, claims)
	forged := mint(t, `{"alg":"RS256","kid":"forged"}`, claims, by{"RS256", otherRSA()})
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 250 {
				if _, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{Nonce: ptr("n-1")}); err == nil {
					accepted.Add(1)
				}
				_, err := c.VerifyIDToken(t.Context(), forged, VerifyOptions{})
				if e, ok := errors.AsType[*TokenValidationError](err); ok && e.Code == "key" {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if accepted.Load() != 1000 || refused.Load() != 1000 {
		t.Errorf("%d accepted, %d refused", accepted.Load(), refused.Load())
	}
	if len(seen) == 0 || len(seen) > 2 {
		t.Fatalf("%d fetches for 1,000 forged key ids, want 1 or 2", len(seen))
	}
	if got := seen[0]; got.Method != "GET" || got.URI != "/.well-known/jwks.json" || got.Header.Get("Authorization") != "" || got.Body != "" {
		t.Errorf("the fetch was %+v", got)
	}
	if hooked {
		t.Error("the hook heard of a fetch that is no call")
	}
	if _, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{Audience: "another"}); err == nil {
		t.Error("another audience was accepted")
	}
}

func TestVerifyIDTokenWithSecretAsksNobody(t *testing.T) {
	c := must(open(mintConfig(transportFunc(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("a request was sent")
	}))))
	token := mint(t, `{"alg":"HS256","typ":"JWT"}`, fullClaims(), by{"HS256", []byte(mintSecret)})
	if _, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{Algorithm: "HS256", MaxAge: ptr(int64(60)), Organization: "ACME"}); err != nil {
		t.Error(err)
	}
}

// With no keys at all the fault of the fetch comes back as what it is.
func TestKeySetFaults(t *testing.T) {
	token := rs256(t, fullClaims())
	big := strings.Repeat(" ", jwksLimit) + string(keySetText())
	for name, tc := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   func(error) bool
	}{
		"refused": {
			func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
			func(err error) bool { _, ok := errors.AsType[*NetworkError](err); return ok },
		},
		"silence": {
			func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
			func(err error) bool { e, ok := errors.AsType[*TimeoutError](err); return ok && e.Phase == "silence" },
		},
		"not found": {
			func(r *http.Request) (*http.Response, error) { return respond(r, 404, `{"error":"Not Found"}`), nil },
			func(err error) bool { e, ok := errors.AsType[*Auth0Error](err); return ok && e.StatusCode == 404 },
		},
		"limited": {
			func(r *http.Request) (*http.Response, error) {
				return respond(r, 429, `{}`, "X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()+60)), nil
			},
			func(err error) bool { e, ok := errors.AsType[*RateLimitError](err); return ok && e.ResetAt > 0 },
		},
		"HTML": {
			func(r *http.Request) (*http.Response, error) { return respond(r, 200, "<html>login</html>"), nil },
			func(err error) bool { e, ok := errors.AsType[*Auth0Error](err); return ok && e.StatusCode == 200 },
		},
		"other JSON": {
			func(r *http.Request) (*http.Response, error) { return respond(r, 200, `{"hello":1}`), nil },
			func(err error) bool {
				e, ok := errors.AsType[*Auth0Error](err)
				return ok && strings.Contains(e.Message, `"keys"`)
			},
		},
		"empty": {
			func(r *http.Request) (*http.Response, error) { return respond(r, 204, ""), nil },
			func(err error) bool { _, ok := errors.AsType[*Auth0Error](err); return ok },
		},
		"longer than 1 MiB": {
			func(r *http.Request) (*http.Response, error) { return respond(r, 200, big), nil },
			func(err error) bool { return strings.Contains(fmt.Sprint(err), "more than 1048576 bytes") },
		},
		"redirect to plain http": {
			func(r *http.Request) (*http.Response, error) {
				return respond(r, 302, "", "Location", "http://"+r.URL.Host+"/keys"), nil
			},
			func(err error) bool { return err != nil && !strings.Contains(err.Error(), "RSA") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
					requests++
					if r.URL.Scheme != "https" {
						t.Error("plain http was asked")
					}
					return tc.answer(r)
				}))
				cfg.NoRetry = true
				c := must(open(cfg))
				begin := time.Now()
				_, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{})
				if !tc.want(err) {
					t.Errorf("got %T: %v", err, err)
				}
				if _, ok := errors.AsType[*TokenValidationError](err); ok {
					t.Errorf("the token is blamed: %v", err)
				}
				if requests != 1 || time.Since(begin) > jwksTotal {
					t.Errorf("%d requests in %v", requests, time.Since(begin))
				}
			})
		})
	}
}

// A client that retries does so here too, within the fetch's time.
func TestKeySetIsFetchedAgain(t *testing.T) {
	token := rs256(t, fullClaims())
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		c := must(open(mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
			if requests++; requests < 3 {
				return respond(r, 503, "no"), nil
			}
			return respond(r, 200, string(keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil)))), nil
		}))))
		if _, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{}); err != nil || requests != 3 {
			t.Errorf("%v after %d requests", err, requests)
		}
	})
}

// A bucket that stays closed for longer than the fetch may take is no reason to
// wait that long.
func TestKeySetBehindAClosedBucket(t *testing.T) {
	token := rs256(t, fullClaims())
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		c := must(open(mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
			requests++
			return respond(r, 429, `{}`, "X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()+300)), nil
		}))))
		begin := time.Now()
		_, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{})
		if e, ok := errors.AsType[*RateLimitError](err); !ok || e.ResetAt != begin.Unix()+300 {
			t.Errorf("got %v", err)
		}
		if requests != 1 || time.Since(begin) > time.Second {
			t.Errorf("%d requests in %v", requests, time.Since(begin))
		}
	})
}

// Keys of another address are fetched there, and its faults do not close the
// tenant's own budget.
func TestKeySetOfAnotherHost(t *testing.T) {
	token := rs256(t, fullClaims())
	synctest.Test(t, func(t *testing.T) {
		cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "acme.example" {
				return respond(r, 429, `{}`, "X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()+300)), nil
			}
			return respond(r, 200, string(keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil)))), nil
		}))
		cfg.NoRetry = true
		c := must(open(cfg))
		_, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{JWKSURL: "https://keys.example/jwks"})
		if _, ok := errors.AsType[*RateLimitError](err); !ok {
			t.Errorf("the other host: %v", err)
		}
		begin := time.Now()
		if _, err := c.VerifyIDToken(t.Context(), token, VerifyOptions{}); err != nil || time.Since(begin) > time.Second {
			t.Errorf("the tenant: %v after %v", err, time.Since(begin))
		}
	})
}

func TestBoundedBody(t *testing.T) {
	for _, size := range []int{0, 1, jwksLimit - 1, jwksLimit, jwksLimit + 1, 3 * jwksLimit} {
		b := &boundedBody{ReadCloser: io.NopCloser(bytes.NewReader(make([]byte, size))), left: jwksLimit}
		text, err := io.ReadAll(b)
		if len(text) != min(size, jwksLimit) || (err != nil) != (size > jwksLimit) {
			t.Errorf("of %d bytes %d were read: %v", size, len(text), err)
		}
	}
}
