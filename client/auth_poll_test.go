package client

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPollingNext: the pace of the questions, by what the tenant says.
func TestPollingNext(t *testing.T) {
	now := time.Unix(mintNow, 0)
	p := Polling{}
	for i, step := range []struct {
		code, retry string
		wait        time.Duration
		again       bool
	}{
		{"authorization_pending", "", 5 * time.Second, true},
		{"slow_down", "", 10 * time.Second, true},
		{"authorization_pending", "", 10 * time.Second, true},
		{"slow_down", "40", 40 * time.Second, true},
		{"authorization_pending", "", 15 * time.Second, true},
		{"slow_down", "1", 20 * time.Second, true},
		{"authorization_pending", "7", 20 * time.Second, true},
		{"access_denied", "", 0, false},
		{"expired_token", "", 0, false},
		{"too_many_requests", "3", 0, false},
		{"", "", 0, false},
	} {
		h := http.Header{}
		if step.retry != "" {
			h.Set("Retry-After", step.retry)
		}
		if wait, again := p.Next(step.code, h, now); wait != step.wait || again != step.again {
			t.Errorf("step %d: %v %v, want %v %v", i, wait, again, step.wait, step.again)
		}
	}
}

// answers is a transport that gives one answer after the other, and notes when
// each was asked for.
type answers struct {
	began time.Time
	at    []time.Duration
	say   []scripted
}

// scripted is one of them.
type scripted struct {
	status  int
	body    string
	headers []string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.at = append(a.at, time.Since(a.began))
	one := a.say[0]
	if len(a.say) > 1 {
		a.say = a.say[1:]
	}
	return respond(r, one.status, one.body, one.headers...), nil
}

func saying(status int, body string, headers ...string) scripted {
	return scripted{status, body, headers}
}

const (
	pending = `{"error":"authorization_pending","error_description":"User has yet to authorize device code."}`
	slower  = `{"error":"slow_down","error_description":"You are polling faster than the specified interval of 5 seconds."}`
	started = `{"device_code":"dc","user_code":"ABCD-EFGH","verification_uri":"https://acme.example/activate","verification_uri_complete":"https://acme.example/activate?user_code=ABCD-EFGH","expires_in":900,"interval":5}`
)

func TestDeviceLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{began: time.Now(), say: []scripted{
			saying(200, started), saying(403, pending), saying(403, pending),
			saying(429, slower, "Retry-After", "12"), saying(403, pending), saying(200, tokenAnswer),
		}}
		cfg := mintConfig(a)
		cfg.Now = time.Now
		c := must(open(cfg))
		p, err := c.StartDeviceLogin(t.Context(), Args{"scope": "openid"})
		if err != nil || p.UserCode != "ABCD-EFGH" || p.Interval != 5*time.Second || !p.ExpiresAt.Equal(a.began.Add(900*time.Second)) {
			t.Fatalf("%+v, %v", p, err)
		}
		token, err := p.Token(t.Context())
		if err != nil || token.AccessToken.Reveal() != canary {
			t.Fatal(token, err)
		}
		s := time.Second
		if d := cmp.Diff([]time.Duration{0, 0, 5 * s, 10 * s, 22 * s, 32 * s}, a.at); d != "" {
			t.Error(d)
		}
	})
}

// A slow_down is no rate limit: other calls of the same bucket go on. A 429
// that is one parks the question like every other call.
func TestSlowDownClosesNoBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{began: time.Now(), say: []scripted{
			saying(429, slower, "Retry-After", "60"), saying(200, tokenAnswer),
			saying(429, `{"error":"too_many_requests"}`, "Retry-After", "30"), saying(200, tokenAnswer),
		}}
		cfg := mintConfig(a)
		cfg.Now = time.Now
		c := must(open(cfg))
		_, err := c.GetToken(t.Context(), "device_code", Args{"device_code": "dc"})
		if e, ok := errors.AsType[*RateLimitError](err); !ok || e.ErrorCode != "slow_down" || e.StatusCode != 429 {
			t.Errorf("4.13 gives a RateLimitError, this is %v", err)
		}
		if _, err := c.GetToken(t.Context(), "client_credentials", Args{"audience": "a"}); err != nil {
			t.Error(err)
		}
		if _, err := c.GetToken(t.Context(), "backchannel_login", Args{"auth_req_id": "id"}); err != nil {
			t.Error(err)
		}
		if a.at[1] != 0 || a.at[3] < 30*time.Second || len(a.at) != 4 {
			t.Errorf("asked at %v", a.at)
		}
	})
}

func TestPendingLoginEnds(t *testing.T) {
	const ciba = `{"auth_req_id":"id","expires_in":12,"interval":5}`
	for name, tc := range map[string]struct {
		say  []scripted
		code string
		asks int
	}{
		"refused":   {[]scripted{saying(400, pending), saying(400, `{"error":"access_denied"}`)}, "access_denied", 2},
		"ran out":   {[]scripted{saying(400, pending), saying(403, `{"error":"expired_token"}`)}, "expired_token", 2},
		"forgotten": {[]scripted{saying(400, pending)}, "authorization_pending", 4}, // at 0, 5, 10 and once after 12
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{began: time.Now(), say: append([]scripted{saying(200, ciba)}, tc.say...)}
				cfg := mintConfig(a)
				cfg.Now = time.Now
				p, err := must(open(cfg)).StartBackchannelLogin(t.Context(), Args{"binding_message": "m", "login_hint": "h", "scope": "openid"})
				if err != nil {
					t.Fatal(err)
				}
				_, err = p.Token(t.Context())
				if e, ok := errors.AsType[*Auth0Error](err); !ok || e.ErrorCode != tc.code || len(a.at) != tc.asks+1 {
					t.Errorf("%v after %d questions", err, len(a.at)-1)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := &answers{began: time.Now(), say: []scripted{saying(200, started), saying(403, pending)}}
		p := must(must(open(mintConfig(a))).StartDeviceLogin(t.Context(), nil))
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if _, err := p.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its context ended: %v", err)
		}
	})
}
