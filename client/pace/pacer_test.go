package pace

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tell is an answer's headers.
func tell(limit, remaining int, reset time.Time) http.Header {
	return http.Header{
		"X-Ratelimit-Limit":     {strconv.Itoa(limit)},
		"X-Ratelimit-Remaining": {strconv.Itoa(remaining)},
		"X-Ratelimit-Reset":     {strconv.FormatInt(reset.Unix(), 10)},
	}
}

// sender is a caller of a pacer.
type sender struct {
	t *testing.T
	p *Pacer
}

// send passes the pacer and answers; it gives the moment of the grant.
func (s sender) send(status int, h http.Header, buckets ...string) time.Time {
	s.t.Helper()
	g, err := s.p.Wait(s.t.Context(), Claim{Buckets: buckets})
	if err != nil {
		s.t.Error(err)
		return time.Time{}
	}
	at := time.Now()
	s.p.Observe(g, status, h)
	return at
}

func TestQueueIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		sender{t, p}.send(429, tell(10, 0, time.Now().Add(5*time.Second)), "management", "users.write")
		var mu sync.Mutex
		served := 0
		at := make([]time.Time, 20)
		var wg sync.WaitGroup
		for i := range at {
			wg.Go(func() {
				g, err := p.Wait(t.Context(), Claim{Buckets: []string{"management", "users.write"}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				at[i] = time.Now()
				served++
				left := max(0, 5-served)
				mu.Unlock()
				p.Observe(g, 200, tell(10, left, time.Now().Add(time.Second)))
			})
			synctest.Wait() // the i-th is in the queue before the next comes
		}
		wg.Wait()
		for i := range at[1:] {
			if at[i+1].Before(at[i]) {
				t.Fatalf("the %dth was served before the %dth", i+2, i+1)
			}
		}
		if at[0].Equal(at[19]) {
			t.Error("all were served at once: the test shows nothing")
		}
	})
}

// One 429 parks the bucket: nobody else asks the tenant before the reset, then
// one does, and only its answer lets the others pass.
func TestOneRefusalParksTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		began := time.Now()
		reset := began.Add(30 * time.Second)
		sender{t, p}.send(429, tell(10, 0, reset), "management", "users.write")
		var mu sync.Mutex
		granted, parked := []time.Duration{}, 0
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				g, err := p.Wait(t.Context(), Claim{Buckets: []string{"management", "users.write"}, Parked: func(until time.Time) {
					mu.Lock()
					defer mu.Unlock()
					parked++
					if !until.Equal(reset) {
						t.Errorf("parked until %s", until.Sub(began))
					}
				}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				granted = append(granted, time.Since(began))
				mu.Unlock()
				<-time.After(100 * time.Millisecond) // the exchange
				p.Observe(g, 200, tell(10, 9, time.Now().Add(time.Second)))
			})
		}
		// Another bucket goes on meanwhile.
		if at := (sender{t, p}).send(200, tell(40, 39, began), "management", "users.read"); !at.Equal(began) {
			t.Errorf("reads waited %s for writes", at.Sub(began))
		}
		wg.Wait()
		if parked != 8 {
			t.Errorf("%d of 8 were told that they are parked", parked)
		}
		if granted[0] != 30*time.Second || granted[1] < 30100*time.Millisecond {
			t.Errorf("granted at %v", granted)
		}
	})
}

func TestFirstContactIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		began := time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		at := map[time.Duration]int{}
		for range 5 {
			wg.Go(func() {
				g, err := p.Wait(t.Context(), Claim{Buckets: []string{"management"}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				at[time.Since(began)]++
				mu.Unlock()
				<-time.After(200 * time.Millisecond)
				p.Observe(g, 200, http.Header{}) // a tenant without limits
			})
		}
		wg.Wait()
		if at[0] != 1 || at[200*time.Millisecond] != 4 {
			t.Errorf("granted %v", at)
		}
	})
}

func TestLateClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		buckets := []string{"management", "users.write"}
		reset := time.Now().Add(time.Minute)
		sender{t, p}.send(429, tell(10, 0, reset), buckets...)
		began := time.Now()
		_, err := p.Wait(t.Context(), Claim{Buckets: buckets, Before: began.Add(10 * time.Second)})
		late, ok := errors.AsType[*LateError](err)
		if !ok || !late.ResetAt.Equal(reset) || !late.Closed || time.Since(began) != 0 {
			t.Fatalf("after %s: %v", time.Since(began), err)
		}
		// One who waits already hears of a refusal that comes later.
		other := []string{"management", "users.read"}
		first, err := p.Wait(t.Context(), Claim{Buckets: other})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := p.Wait(t.Context(), Claim{Buckets: other, Before: began.Add(500 * time.Millisecond)})
			done <- err
		}()
		synctest.Wait()
		p.Observe(first, 429, tell(40, 0, reset))
		if _, ok := errors.AsType[*LateError](<-done); !ok || time.Since(began) != 0 {
			t.Errorf("the waiting one was not told at once")
		}
	})
}

// A claim that waits for an answer under way is not late: it may come any time.
func TestPendingIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		first, err := p.Wait(t.Context(), Claim{Buckets: []string{"management"}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := p.Wait(t.Context(), Claim{Buckets: []string{"management"}, Before: time.Now().Add(100 * time.Millisecond)})
			done <- err
		}()
		<-time.After(50 * time.Millisecond)
		p.Observe(first, 200, http.Header{})
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		sender{t, p}.send(429, tell(10, 0, time.Now().Add(time.Hour)), "management")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Wait(ctx, Claim{Buckets: []string{"management"}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if len(p.state.waiting) != 0 {
			t.Error("it is still in the queue")
		}
	})
}

// Without any header the bucket backs off exponentially, as one.
func TestBackOffWithoutHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		last := time.Now()
		for n := range 12 {
			at := sender{t, p}.send(429, http.Header{"X-Ratelimit-Reset": {"soon"}}, "management", "users.write")
			wait := at.Sub(last)
			last = at
			if n == 0 {
				continue
			}
			most := min(backoffCap, backoffBase<<(n-1))
			if wait < most/2 || wait > most+time.Millisecond {
				t.Errorf("wait %d was %s, want between %s and %s", n, wait, most/2, most)
			}
		}
	})
}

// Two groups may have one size: the counters tell them apart.
func TestGroupsOfOneSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		reset := time.Now().Add(time.Minute)
		for n := range 5 {
			sender{t, p}.send(200, tell(5, 4-n, reset), "management", "connections.read")
		}
		if at := (sender{t, p}).send(200, tell(5, 4, reset), "management", "device_credentials.read"); !at.Equal(time.Now()) {
			t.Error("the first request waited")
		}
		began := time.Now()
		for n := range 3 {
			sender{t, p}.send(200, tell(5, 3-n, reset), "management", "device_credentials.read")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a bucket of its own waited %s for another of the same size", took)
		}
	})
}

func TestAbandonedGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		buckets := []string{"management"}
		sender{t, p}.send(200, tell(3, 2, time.Now().Add(time.Hour)), buckets...)
		for range 50 { // never sent: the tokens are still there
			g, err := p.Wait(t.Context(), Claim{Buckets: buckets})
			if err != nil {
				t.Fatal(err)
			}
			p.Abandon(g, false)
			p.Abandon(g, true)       // ended already
			p.Observe(g, 429, nil)   // likewise
			p.Observe(nil, 200, nil) // no grant at all
		}
		began := time.Now()
		sender{t, p}.send(200, tell(3, 1, time.Now().Add(time.Hour)), buckets...)
		if time.Since(began) != 0 {
			t.Error("tokens were lost")
		}
	})
}
