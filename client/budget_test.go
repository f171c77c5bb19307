package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
)

// everyUser lists the users and patches each through so many callers; it
// reports the tenant's log.
func everyUser(t *testing.T, c *Client, callers int) {
	t.Helper()
	queue := make(chan string)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for id := range queue {
				if _, err := c.Do(t.Context(), "users.update", Args{"id": id, "body": map[string]any{"blocked": true}}); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
	for item, err := range c.Each(t.Context(), "users.list", nil) {
		if err != nil {
			t.Error(err)
			break
		}
		queue <- idOf(item, "user_id")
	}
	close(queue)
	wg.Wait()
}

// The bulk job of the mission, in virtual time: as fast as the tenant allows,
// and with few refusals, whatever its reset means.
func TestBulkJobKeepsTheTenantsPace(t *testing.T) {
	perMinute := func(n float64, burst int) sim.Limit { return sim.Limit{Rate: n / 60, Burst: burst} }
	tests := []struct {
		name   string
		users  int
		limits sim.Limits
		ideal  func(requests int) float64 // seconds
		// refused is the share of refusals allowed; 0 means a twentieth.
		refused float64
	}{
		{"one limit", 2000, sim.Limits{Rate: 50, Burst: 100}, func(n int) float64 { return float64(n-100) / 50 }, 0},
		{
			"groups", 300,
			sim.Limits{Groups: map[string]sim.Limit{"users.read": perMinute(500, 40), "users.write": perMinute(200, 20)}},
			func(int) float64 { return (300 - 20) / (200.0 / 60) }, 0,
		},
		{
			"groups below a limit", 300,
			sim.Limits{Rate: 50, Burst: 100, Groups: map[string]sim.Limit{"users.read": perMinute(500, 40), "users.write": perMinute(200, 20)}},
			func(int) float64 { return (300 - 20) / (200.0 / 60) }, 0,
		},
		{
			// The tenant tells of the wide group only: the limit that binds shows
			// itself by refusals alone, and each of them is a measurement.
			"a limit below groups", 300,
			sim.Limits{Rate: 2, Burst: 10, Groups: map[string]sim.Limit{"users.write": {Rate: 100, Burst: 200}}},
			func(n int) float64 { return float64(n-10) / 2 }, 0.15,
		},
	}
	for _, tt := range tests {
		for _, reset := range []string{"token", "full"} {
			t.Run(tt.name+"/"+reset, func(t *testing.T) {
				start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
				seed := seedUsers(t, tt.users, func(i int) (string, time.Time) {
					return fmt.Sprintf("auth0|%06d", i), start.Add(time.Duration(i) * time.Second)
				})
				synctest.Test(t, func(t *testing.T) {
					limits := tt.limits
					limits.Reset = reset
					tn, c := local(t, sim.Options{Seed: seed, Limits: limits}, config{})
					began := time.Now()
					everyUser(t, c, 16)
					took := time.Since(began).Seconds()
					patched, refused, all := map[string]int{}, 0, 0
					for _, r := range tn.Requests() {
						if r.Path == "/oauth/token" {
							continue
						}
						all++
						switch {
						case r.Status == http.StatusTooManyRequests:
							refused++
						case r.Method == http.MethodPatch:
							patched[r.Path]++
						}
					}
					for path, n := range patched {
						if n != 1 {
							t.Errorf("%s was patched %d times", path, n)
						}
					}
					if len(patched) != tt.users {
						t.Errorf("%d users were patched, want %d", len(patched), tt.users)
					}
					ideal := tt.ideal(all - refused)
					t.Logf("%.1f s, %.3f of the ideal; %d of %d requests refused", took, took/ideal, refused, all)
					if took > 1.10*ideal {
						t.Errorf("took %.1f s, ideal are %.1f s", took, ideal)
					}
					most := tt.refused
					if most == 0 {
						most = 0.05
					}
					if float64(refused) > most*float64(all) {
						t.Errorf("%d of %d requests were refused", refused, all)
					}
				})
			})
		}
	}
}

func TestResetBeyondThePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn, c := local(t, sim.Options{}, config{})
		reset := time.Now().Add(time.Hour).Unix()
		tn.Inject(sim.Fault{
			Operation: "users.list", Status: 429, Body: `{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}`,
			Headers: map[string]string{"x-ratelimit-limit": "10", "x-ratelimit-remaining": "0", "x-ratelimit-reset": fmt.Sprint(reset)},
		})
		began := time.Now()
		_, err := c.Do(t.Context(), "users.list", nil)
		limited, ok := errors.AsType[*RateLimitError](err)
		if !ok || limited.ResetAt != reset || time.Since(began) != 0 {
			t.Fatalf("after %s: %v", time.Since(began), err)
		}
		// The bucket is known to be closed: nothing more is sent.
		sent := len(tn.Requests())
		_, err = c.Do(t.Context(), "users.list", nil)
		if limited, ok = errors.AsType[*RateLimitError](err); !ok || limited.ResetAt != reset || !limited.Unsent {
			t.Fatalf("second call: %v", err)
		}
		if _, ok := errors.AsType[*Auth0Error](err); !ok {
			t.Error("a RateLimitError holds no Auth0Error")
		}
		if n := len(tn.Requests()); n != sent {
			t.Errorf("%d requests were sent to a closed bucket", n-sent)
		}
	})
}

func TestRefusedCallsWaitForTheReset(t *testing.T) {
	headers := func(after time.Duration) map[string]string {
		return map[string]string{"x-ratelimit-reset": fmt.Sprint(time.Now().Add(after).Unix())}
	}
	tests := []struct {
		name        string
		headers     func() map[string]string
		least, most time.Duration
	}{
		{"reset", func() map[string]string { return headers(20 * time.Second) }, 20 * time.Second, 20*time.Second + 100*time.Millisecond},
		{"retry-after", func() map[string]string { return map[string]string{"retry-after": "7"} }, 7 * time.Second, 8 * time.Second},
		{"nothing", func() map[string]string { return nil }, 100 * time.Millisecond, time.Second},
		{"not a number", func() map[string]string { return map[string]string{"x-ratelimit-reset": "soon"} }, 100 * time.Millisecond, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tn, c := local(t, sim.Options{}, config{})
				tn.Inject(sim.Fault{Operation: "users.create", Status: 429, Headers: tt.headers()})
				began, parked := time.Now(), time.Time{}
				_, err := c.Do(t.Context(), "users.create", Args{"body": map[string]any{"connection": "Username-Password-Authentication", "email": "a@example.com", "password": "correct horse battery"}},
					WithParked(func(until time.Time) { parked = until }))
				if e, ok := errors.AsType[*Auth0Error](err); err != nil && (!ok || e.StatusCode == 429) {
					t.Fatal(err)
				}
				if took := time.Since(began); took < tt.least || took > tt.most {
					t.Errorf("took %s", took)
				}
				if tt.name == "reset" && parked.Sub(began) != 20*time.Second {
					t.Errorf("parked until %s", parked.Sub(began))
				}
			})
		})
	}
}

func TestGrantBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := local(t, sim.Options{Limits: sim.Limits{Rate: 0.1, Burst: 1}}, config{NoRetry: true})
		if _, err := c.Do(t.Context(), "users.list", nil); err != nil {
			t.Fatal(err)
		}
		_, err := c.Do(t.Context(), "users.list", nil, WithGrantBy(time.Now().Add(time.Second)))
		if e, ok := errors.AsType[*RateLimitError](err); !ok || !e.Unsent {
			t.Fatalf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Do(ctx, "users.list", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	})
}
