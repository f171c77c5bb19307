package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// No test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// events is a sink that keeps what it gets.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (s *events) Emit(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, e)
}

func (s *events) of(kind string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Event
	for _, e := range s.all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// A tenant answers actions in memory; its answers are given by a function of
// the how-many-th request this is.
type tenant struct {
	pacer  *pace.Pacer // nil: no budget
	answer func(n int, name string) answer

	mu       sync.Mutex
	requests []string
	inFlight int
	most     int
}

type answer struct {
	status int
	header http.Header
	took   time.Duration
	fault  pace.FaultKind // of an answer that does not come
}

func newTenant(f func(n int, name string) answer) *tenant {
	return &tenant{answer: f}
}

// newLimitedTenant has a budget.
func newLimitedTenant(f func(n int, name string) answer) *tenant {
	return &tenant{answer: f, pacer: pace.New(pace.Config{})}
}

func always(a answer) func(int, string) answer {
	return func(int, string) answer { return a }
}

// script answers with these in turn, then with 200.
func script(answers ...answer) func(int, string) answer {
	return func(n int, _ string) answer {
		if n <= len(answers) {
			return answers[n-1]
		}
		return answer{status: 200}
	}
}

func limited(reset time.Duration) answer {
	h := http.Header{}
	if reset > 0 {
		h.Set("X-Ratelimit-Reset", fmt.Sprint(time.Now().Add(reset).Unix()))
		h.Set("X-Ratelimit-Remaining", "0")
		h.Set("X-Ratelimit-Limit", "10")
	}
	return answer{status: 429, header: h}
}

func (s *tenant) begin(name string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, name)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	return s.answer(len(s.requests), name)
}

func (s *tenant) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// action is a call of the tenant with one argument.
func (s *tenant) action(name string, effect catalog.Effect, arg any) *Action {
	args := NewObject(1)
	args.Set("id", arg)
	return &Action{
		Name: name, Tenant: "default", Effect: effect, Args: args,
		Operation: &catalog.Operation{ID: name, Effect: effect},
		Perform:   func(ctx context.Context, a *Attempt) Outcome { return s.perform(ctx, a, name) },
	}
}

func (s *tenant) perform(ctx context.Context, a *Attempt, name string) Outcome {
	observe := func(int, http.Header) {}
	abandon := func(bool) {}
	if s.pacer != nil {
		grant, err := s.pacer.Wait(ctx, pace.Claim{Buckets: []string{"management"}, Before: a.GrantBy, Parked: a.Parked})
		var late *pace.LateError
		switch {
		case errors.As(err, &late):
			return Outcome{Fault: pace.RateLimited, ResetAt: late.ResetAt, Err: &Error{
				Name: NameRateLimitError, StatusCode: 429, Message: "too late", ResetAt: late.ResetAt.Unix(),
			}}
		case err != nil:
			return Outcome{Fault: pace.NotSent, Err: &Error{Name: NameNetworkError, Message: err.Error(), ResetAt: -1}}
		}
		observe = func(status int, h http.Header) { s.pacer.Observe(grant, status, h) }
		abandon = func(sent bool) { s.pacer.Abandon(grant, sent) }
	}
	if err := a.BeforeSend(ctx); err != nil {
		abandon(false)
		return Outcome{Fault: pace.NotSent, Err: AsError(err)}
	}
	ans := s.begin(name)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inFlight--
	}()
	if err := sleep(ctx, ans.took); err != nil {
		abandon(true)
		return Outcome{Fault: pace.Uncertain, Err: &Error{Name: NameNetworkError, Message: "canceled", ResetAt: -1}}
	}
	if ans.fault != 0 {
		abandon(true)
		return Outcome{Fault: ans.fault, Err: &Error{Name: NameNetworkError, Message: "connection reset", ResetAt: -1}}
	}
	observe(ans.status, ans.header)
	return outcomeOf(ans)
}

func outcomeOf(ans answer) Outcome {
	out := Outcome{Status: ans.status}
	switch {
	case ans.status == 429:
		out.Fault = pace.RateLimited
		out.Err = &Error{Name: NameRateLimitError, StatusCode: 429, Message: "too many requests", ResetAt: -1}
		var reset int64
		if _, err := fmt.Sscan(ans.header.Get("X-Ratelimit-Reset"), &reset); err == nil {
			out.ResetAt, out.Err.ResetAt = time.Unix(reset, 0), reset
		}
	case ans.status >= 502:
		out.Fault = pace.Uncertain
		out.Err = &Error{Name: NameAuth0Error, StatusCode: ans.status, Message: "bad gateway", ResetAt: -1}
	case ans.status >= 400:
		out.Fault = pace.Final
		out.Err = &Error{Name: NameAuth0Error, StatusCode: ans.status, Message: "refused", ResetAt: -1}
	}
	return out
}

// run is Main with a time limit of its own, so that a deadlock is a failure
// with all stacks rather than a silent test.
func run(t *testing.T, r *Run, fn func(t *Task) error) error {
	t.Helper()
	return r.Main(t.Context(), fn)
}

// source hands out the numbers 1 to n.
func source(n int) Source {
	next := 0
	return func(*Task) (any, bool, error) {
		if next >= n {
			return nil, false, nil
		}
		next++
		return next, true, nil
	}
}

// asError is the error as the playbook sees it; the test ends without one.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

// taking is a Perform that answers after a while.
func (s *tenant) taking(d time.Duration) func(context.Context, *Attempt) Outcome {
	return func(ctx context.Context, a *Attempt) Outcome {
		if err := a.BeforeSend(ctx); err != nil {
			return Outcome{Fault: pace.NotSent, Err: AsError(err)}
		}
		s.begin("x")
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.inFlight--
		}()
		if err := sleep(ctx, d); err != nil {
			return Outcome{Fault: pace.Uncertain, Err: AsError(err)}
		}
		return Outcome{Status: 200}
	}
}
