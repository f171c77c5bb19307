package client_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"a0run/client"
	"a0run/client/sim"
)

// roundTripper is a function as a transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// desk is a local tenant in the process and a client for it.
func desk(tb testing.TB, seed string, opts ...client.Option) *client.Client {
	tb.Helper()
	tenant, err := sim.New(sim.Options{Seed: []byte(seed), SeedName: "seed.yaml"})
	if err != nil {
		tb.Fatal(err)
	}
	own := tenant.Credentials()
	c, err := client.New(own.BaseURL, append([]client.Option{
		client.WithClientSecret(own.ClientID, own.ClientSecret), client.WithTransport(tenant.Transport()),
	}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestLayers: every attempt passes the layers, the last given first, and the
// layers of a client do not keep it from closing its connections.
func TestLayers(t *testing.T) {
	t.Parallel()
	var order []string
	layer := func(name string) client.Option {
		return client.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				order = append(order, name+" "+r.Method+" "+r.URL.Path)
				return next.RoundTrip(r)
			})
		})
	}
	c := desk(t, seed, layer("inner"), layer("outer"))
	if _, err := c.Do(t.Context(), "users.get", client.Args{"id": "auth0|1"}); err != nil {
		t.Fatal(err)
	}
	want := "outer POST /oauth/token,inner POST /oauth/token,outer GET /api/v2/users/auth0|1,inner GET /api/v2/users/auth0|1"
	if got := strings.Join(order, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestLogger: what is told at which level, and that no secret is in it.
func TestLogger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == "took" || a.Key == "wait" || a.Key == "request_id" {
					return slog.Attr{}
				}
				return a
			},
		}))
		var sent atomic.Int64
		var secrets []string
		c := desk(t, seed+"roles: [{id: rol_1, name: staff}]\n", client.WithLogger(logger), client.WithSecretListener(func(s string) { secrets = append(secrets, s) }),
			client.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodPatch && sent.Add(1) == 1 {
						return nil, errors.New("connection refused by a test")
					}
					return next.RoundTrip(r)
				})
			}))
		_, err := c.Do(t.Context(), "roles.update", client.Args{"id": "rol_1", "body": map[string]any{"name": "r", "colour": "red"}})
		if err == nil {
			t.Error("an unknown field was taken by the tenant")
		}
		_, _ = c.Do(t.Context(), "users.get", client.Args{"id": "auth0|none"})
		got := text.String()
		for _, want := range []string{
			`level=WARN msg="auth0 request may be wrong" operation=roles.update field=colour`,
			`level=DEBUG msg="auth0 request" operation="management token" method=POST`,
			`level=INFO msg="auth0 call is tried again" operation=roles.update attempt=1`,
			`operation=roles.update method=PATCH url=`, `attempt=2 status=400`,
			`level=WARN msg="auth0 call failed" operation=roles.update attempts=2 in_doubt=false`,
			`level=DEBUG msg="auth0 call failed" operation=users.get attempts=1`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the log lacks %s:\n%s", want, got)
			}
		}
		for _, secret := range secrets {
			if strings.Contains(got, secret) {
				t.Errorf("a secret is in the log:\n%s", got)
			}
		}
		if len(secrets) == 0 {
			t.Error("no secret was heard of: the test looks for nothing")
		}
	})
}

// TestArgsAreOptions: further arguments of a call, also of a walk; one that is
// given twice is a mistake.
func TestArgsAreOptions(t *testing.T) {
	t.Parallel()
	c := desk(t, seed)
	r, err := c.Do(t.Context(), "users.get", client.Args{"id": "auth0|1"}, client.Args{"fields": "email"})
	if err != nil || string(r.Body) != `{"email":"ada@example.com"}` {
		t.Errorf("got %s, %v", r.Body, err)
	}
	items, err := c.All(t.Context(), "users.list", nil, client.Args{"fields": "email"}, client.Args{"q": "blocked:true"})
	if err != nil || len(items) != 1 || string(items[0]) != `{"email":"grace@example.com"}` {
		t.Errorf("got %s, %v", items, err)
	}
	_, err = c.Do(context.Background(), "users.get", client.Args{"id": "auth0|1"}, client.Args{"id": "auth0|2"})
	if e, ok := errors.AsType[*client.ArgumentError](err); !ok || e.Argument != "id" {
		t.Errorf("got %v", err)
	}
}
