package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// issuer is a tenant that gives out numbered tokens and takes only the ones it
// holds valid.
type issuer struct {
	mu      sync.Mutex
	tokens  int
	calls   int
	valid   func(token string) bool
	slow    time.Duration
	refuse  []int // statuses of the first answers of the token endpoint
	bodies  []string
	expires int
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	if r.URL.Path == "/oauth/token" {
		text, _ := io.ReadAll(r.Body)
		select {
		case <-time.After(i.slow):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		i.bodies = append(i.bodies, string(text))
		if len(i.refuse) > 0 {
			status := i.refuse[0]
			i.refuse = i.refuse[1:]
			return answer(status, `{"error":"access_denied","error_description":"Unauthorized"}`)
		}
		i.tokens++
		return answer(200, fmt.Sprintf(`{"access_token":"token-%d","expires_in":%d,"token_type":"Bearer"}`, i.tokens, i.expires))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	if i.valid != nil && !i.valid(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
		return answer(401, `{"statusCode":401,"error":"Unauthorized","message":"Invalid token","errorCode":"invalid_token"}`)
	}
	return answer(200, `{}`)
}

func withIssuer(t *testing.T, i *issuer, cfg config) *Client {
	t.Helper()
	if i.expires == 0 {
		i.expires = 86400
	}
	cfg.Domain, cfg.Transport = "acme.eu.auth0.com", i
	if cfg.Token == "" {
		cfg.ClientID, cfg.ClientSecret = "app", "hush-hush"
	}
	c, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(ctx context.Context, c *Client) error {
	_, err := c.Do(ctx, "users.get", Args{"id": "x"})
	return err
}

func TestOneTokenForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{slow: time.Second}
		c := withIssuer(t, i, config{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if err := get(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if i.tokens != 1 || i.calls != 50 {
			t.Errorf("%d tokens for %d calls", i.tokens, i.calls)
		}
		var body map[string]string
		if err := json.Unmarshal([]byte(i.bodies[0]), &body); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"client_id": "app", "client_secret": "hush-hush", "grant_type": "client_credentials", "audience": "https://acme.eu.auth0.com/api/v2/"}
		for k, v := range want {
			if body[k] != v {
				t.Errorf("%s is %q, want %q", k, body[k], v)
			}
		}
	})
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	for _, tt := range []struct {
		expires int
		after   time.Duration
		tokens  int
	}{
		{86400, 86400*time.Second - 61*time.Second, 1},
		{86400, 86400*time.Second - 59*time.Second, 2},
		{100, 89 * time.Second, 1},
		{100, 91 * time.Second, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{expires: tt.expires}
			c := withIssuer(t, i, config{})
			for range 2 {
				if err := get(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				<-time.After(tt.after)
			}
			i.mu.Lock()
			defer i.mu.Unlock()
			if i.tokens != tt.tokens {
				t.Errorf("%d of %d s: %d tokens, want %d", int(tt.after.Seconds()), tt.expires, i.tokens, tt.tokens)
			}
		})
	}
}

func TestUnauthorizedOnceMore(t *testing.T) {
	tests := []struct {
		name   string
		token  string
		valid  func(string) bool
		fails  bool
		tokens int
		calls  int
	}{
		{"revoked", "", func(s string) bool { return s == "token-2" }, false, 2, 2},
		{"never good", "", func(string) bool { return false }, true, 2, 2},
		{"fixed", "mine", func(string) bool { return false }, true, 0, 1},
	}
	for _, tt := range tests {
		for _, noRetry := range []bool{false, true} {
			i := &issuer{valid: tt.valid}
			c := withIssuer(t, i, config{Token: tt.token, NoRetry: noRetry})
			err := get(t.Context(), c)
			if (err != nil) != tt.fails || i.tokens != tt.tokens || i.calls != tt.calls {
				t.Errorf("%s: %d tokens, %d calls, %v", tt.name, i.tokens, i.calls, err)
			}
		}
	}
}

func TestTokenFaults(t *testing.T) {
	t.Run("tried again also where calls are not", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{refuse: []int{503, 429, 503}}
			c := withIssuer(t, i, config{NoRetry: true})
			if err := get(t.Context(), c); err != nil || len(i.bodies) != 4 {
				t.Fatalf("%d tries, %v", len(i.bodies), err)
			}
		})
	})
	t.Run("refused", func(t *testing.T) {
		i := &issuer{refuse: []int{401}}
		hooks := 0
		c := withIssuer(t, i, config{BeforeSend: func(context.Context, SendInfo) error { hooks++; return nil }})
		err := get(t.Context(), c)
		if _, ok := errors.AsType[*TokenError](err); !ok || i.calls != 0 || len(i.bodies) != 1 || InDoubt(err) || hooks != 0 {
			t.Fatalf("got %v", err)
		}
		if e, ok := errors.AsType[*Auth0Error](err); !ok || e.ErrorCode != "access_denied" {
			t.Errorf("the reason is lost: %v", err)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%q holds the secret", err)
		}
	})
	t.Run("nothing to get one with", func(t *testing.T) {
		c, err := open(config{Domain: "acme.eu.auth0.com"})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := errors.AsType[*ArgumentError](get(t.Context(), c)); !ok {
			t.Error("no ArgumentError")
		}
	})
}

// Who waits for a token goes when his own context ends; the others get it. When
// nobody waits any more the fetch ends.
func TestTokenWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{slow: 3 * time.Second}
		c := withIssuer(t, i, config{})
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { // the first: the fetch is his
			if err := get(hasty, c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the hasty one got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := get(t.Context(), c); err != nil {
				t.Errorf("the patient one got %v", err)
			}
		})
		wg.Wait()
		if i.tokens != 1 {
			t.Errorf("%d tokens", i.tokens)
		}

		c.token.drop("token-1")
		alone, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := get(alone, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait() // the bubble ends only when the fetch has
		if err := get(t.Context(), c); err != nil || i.tokens != 2 {
			t.Errorf("%d tokens, %v", i.tokens, err)
		}
	})
}
