package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

func TestDispatchRetries(t *testing.T) {
	t.Parallel()
	reset := answer{fault: pace.Uncertain}
	refused := answer{fault: pace.NotSent}
	tests := map[string]struct {
		effect   catalog.Effect
		answers  []answer
		requests int
		status   int    // of a good end
		name     string // of the error
		doubt    bool
	}{
		"a good answer":                               {catalog.Patch, nil, 1, 200, "", false},
		"an error that is final":                      {catalog.Patch, []answer{{status: 400}}, 1, 0, NameAuth0Error, false},
		"a reset read is repeated":                    {catalog.Read, []answer{reset}, 2, 200, "", false},
		"a reset patch is repeated":                   {catalog.Patch, []answer{reset, {status: 503}}, 3, 200, "", false},
		"a patch is repeated four times in all":       {catalog.Patch, []answer{reset, reset, reset, reset}, 4, 0, NameNetworkError, false},
		"a read that failed is not in doubt":          {catalog.Read, []answer{reset, reset, reset, reset}, 4, 0, NameNetworkError, false},
		"a reset create is never repeated":            {catalog.Create, []answer{reset}, 1, 0, NameNetworkError, true},
		"a create answered 502 is in doubt":           {catalog.Create, []answer{{status: 502}}, 1, 0, NameAuth0Error, true},
		"an action of unknown outcome is in doubt":    {catalog.Act, []answer{reset}, 1, 0, NameNetworkError, true},
		"a create that was not sent is repeated":      {catalog.Create, []answer{refused}, 2, 200, "", false},
		"a create refused by the limit is repeated":   {catalog.Create, []answer{{status: 429}}, 2, 200, "", false},
		"a limit without reset backs off":             {catalog.Patch, []answer{{status: 429}, {status: 429}}, 3, 200, "", false},
		"limits do not use up the tries of faults":    {catalog.Patch, []answer{{status: 429}, {status: 429}, {status: 429}, {status: 429}, reset}, 6, 200, "", false},
		"a repeated delete that finds nothing":        {catalog.Delete, []answer{reset, {status: 404}}, 2, 204, "", false},
		"a first delete that finds nothing":           {catalog.Delete, []answer{{status: 404}}, 1, 0, NameAuth0Error, false},
		"a delete after a limit that finds nothing":   {catalog.Delete, []answer{{status: 429}, {status: 404}}, 2, 0, NameAuth0Error, false},
		"a repeated patch that finds nothing":         {catalog.Patch, []answer{reset, {status: 404}}, 2, 0, NameAuth0Error, false},
		"an uncertain patch, then no connection":      {catalog.Patch, []answer{reset, refused, refused, refused}, 4, 0, NameNetworkError, false},
		"a create with no connection is not in doubt": {catalog.Create, []answer{refused, refused, refused, refused}, 4, 0, NameNetworkError, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newTenant(script(tc.answers...))
				var out Outcome
				err := run(t, NewRun(Config{}), func(task *Task) error {
					out = task.Do(srv.action("users.update", tc.effect, "u1"))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if srv.count() != tc.requests {
					t.Errorf("%d requests, want %d", srv.count(), tc.requests)
				}
				if tc.name == "" {
					if out.Err != nil || out.Status != tc.status {
						t.Errorf("got %d, %v; want %d", out.Status, out.Err, tc.status)
					}
					return
				}
				if out.Err == nil || out.Err.Name != tc.name || out.Err.InDoubt != tc.doubt {
					t.Errorf("got %+v; want %s, in doubt %v", out.Err, tc.name, tc.doubt)
				}
			})
		})
	}
}

// Parked calls hold no slot: with one slot and a closed bucket the calls of
// another bucket go on.
func TestDispatchParkedCallsHoldNoSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := newLimitedTenant(func(n int, _ string) answer {
			if n == 1 {
				return limited(60 * time.Second)
			}
			return answer{status: 200}
		})
		open := newTenant(always(answer{status: 200, took: time.Second}))
		sink := &events{}
		r := NewRun(Config{Concurrency: 1, Sink: sink})
		began := time.Now()
		var openTook, allTook time.Duration
		var whileParked Counts
		err := run(t, r, func(task *Task) error {
			f := task.Start("parked", Position{}, func(task *Task) (any, error) {
				_, err := task.Each(EachOptions{Concurrency: 5}, source(5), func(t *Task, _ int, item any) (any, error) {
					return nil, errOf(t.Do(closed.action("users.update", catalog.Patch, item)))
				})
				return nil, err
			})
			task.Yield()
			for i := range 10 {
				if out := task.Do(open.action("users.get", catalog.Read, i)); out.Err != nil {
					return out.Err
				}
			}
			openTook = time.Since(began)
			whileParked = r.Counts()
			_, err := f.Wait(task)
			allTook = time.Since(began)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if openTook != 10*time.Second {
			t.Errorf("ten calls of a second beside parked ones took %v, want 10s", openTook)
		}
		if allTook < 55*time.Second || allTook > 75*time.Second {
			t.Errorf("the parked calls ended after %v, want about 60s", allTook)
		}
		if whileParked.Parked == 0 || whileParked.InFlight != 0 {
			t.Errorf("counts while parked: %+v", whileParked)
		}
		if got := r.Counts(); got.Parked != 0 || got.InFlight != 0 || got.Done != 15 || got.Calls != 15 {
			t.Errorf("counts at the end: %+v", got)
		}
		if closed.count() > 7 {
			t.Errorf("%d requests to the closed bucket: the calls did not wait together", closed.count())
		}
		if len(sink.of(EventCallParked)) == 0 {
			t.Error("no event tells of the parked calls")
		}
	})
}

func errOf(out Outcome) error {
	if out.Err != nil {
		return out.Err
	}
	return nil
}

func TestDispatchConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newTenant(always(answer{status: 200, took: time.Second}))
		began := time.Now()
		err := run(t, NewRun(Config{Concurrency: 4}), func(task *Task) error {
			_, err := task.Each(EachOptions{Concurrency: 12}, source(12), func(t *Task, _ int, item any) (any, error) {
				return nil, errOf(t.Do(srv.action("users.get", catalog.Read, item)))
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if srv.most != 4 {
			t.Errorf("%d requests at once, want 4", srv.most)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("12 calls of 1s, 4 at once: took %v, want 3s", took)
		}
	})
}

// Tasks in tasks, all waiting: nobody who waits holds a slot.
func TestNestedEachDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newTenant(always(answer{status: 200, took: time.Millisecond}))
		err := run(t, NewRun(Config{Concurrency: 2}), func(task *Task) error {
			_, err := task.Each(EachOptions{}, source(5), func(t *Task, _ int, outer any) (any, error) {
				_, err := t.Each(EachOptions{}, source(5), func(t *Task, _ int, item any) (any, error) {
					return nil, errOf(t.Do(srv.action("users.get", catalog.Read, fmt.Sprint(outer, item))))
				})
				return nil, err
			})
			return err
		})
		if err != nil || srv.count() != 25 {
			t.Errorf("%d requests, error %v", srv.count(), err)
		}
	})
}

func TestPatience(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		patience, own, reset time.Duration
		took                 time.Duration // 0: raised at once
	}{
		"a reset beyond the run's patience":    {patience: time.Minute, reset: 2 * time.Minute},
		"a reset beyond the action's patience": {own: time.Minute, reset: 2 * time.Minute},
		"a reset within":                       {patience: 3 * time.Minute, reset: 2 * time.Minute, took: 2 * time.Minute},
		"the action's beats the run's":         {patience: time.Second, own: 3 * time.Minute, reset: 2 * time.Minute, took: 2 * time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newLimitedTenant(func(n int, _ string) answer {
					if n == 1 {
						return limited(tc.reset)
					}
					return answer{status: 200}
				})
				began := time.Now()
				var out Outcome
				_ = run(t, NewRun(Config{Patience: tc.patience}), func(task *Task) error {
					a := srv.action("users.get", catalog.Read, "u")
					a.Patience = tc.own
					out = task.Do(a)
					return nil
				})
				took := time.Since(began).Round(5 * time.Second)
				if took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				if tc.took > 0 {
					if out.Err != nil {
						t.Errorf("failed: %v", out.Err)
					}
					return
				}
				want := began.Add(tc.reset).Unix()
				if out.Err == nil || !out.Err.IsKind(NameRateLimitError) || out.Err.ResetAt != want {
					t.Errorf("got %+v, want a RateLimitError with reset_at %d", out.Err, want)
				}
			})
		})
	}
}

// A tenant that never opens: the error comes when the patience is over.
func TestPatienceWithoutReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newTenant(always(answer{status: 429}))
		began := time.Now()
		_ = run(t, NewRun(Config{Patience: 5 * time.Minute}), func(task *Task) error {
			out := task.Do(srv.action("users.get", catalog.Read, "u"))
			if out.Err == nil || out.Err.Name != NameRateLimitError || out.Err.ResetAt != -1 {
				t.Errorf("got %+v", out.Err)
			}
			return nil
		})
		if took := time.Since(began); took < 3*time.Minute || took > 5*time.Minute {
			t.Errorf("gave up after %v, with a patience of 5m", took)
		}
	})
}

// Stop: no new calls, parked ones are dropped, those in flight finish. Cancel
// cuts those too, and says which are in doubt.
func TestStopAndCancel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cancel bool
		doubt  bool // of the create in flight
		took   time.Duration
	}{
		"stop lets what is in flight finish": {took: 10 * time.Second},
		"cancel cuts":                        {cancel: true, doubt: true, took: 2 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := newTenant(always(answer{status: 200, took: 10 * time.Second}))
				closed := newLimitedTenant(always(limited(5 * time.Minute)))
				r := NewRun(Config{})
				time.AfterFunc(time.Second, func() { r.Stop(errors.New("SIGINT")) })
				if tc.cancel {
					time.AfterFunc(2*time.Second, func() { r.Cancel(errors.New("SIGINT again")) })
				}
				began := time.Now()
				got := map[string]Outcome{}
				start := func(task *Task, key string, a *Action) *Future {
					return task.Start(key, Position{}, func(task *Task) (any, error) {
						got[key] = task.Do(a)
						return nil, nil
					})
				}
				err := run(t, r, func(task *Task) error {
					start(task, "create", slow.action("users.create", catalog.Create, 1))
					start(task, "read", slow.action("users.get", catalog.Read, 1))
					start(task, "parked", closed.action("users.get", catalog.Read, 1))
					sleeping := task.Sleep(time.Hour, Position{})
					if took := time.Since(began); took != time.Second {
						t.Errorf("the sleeper woke after %v", took)
					}
					if e := asError(t, sleeping); e.Name != NameInterrupted {
						t.Errorf("the sleeper got %v", e)
					}
					got["late"] = task.Do(slow.action("users.get", catalog.Read, 2))
					return sleeping
				})
				if r.ExitCode(err) != ExitInterrupted {
					t.Errorf("exit code %d of %v", r.ExitCode(err), err)
				}
				for _, key := range []string{"parked", "late"} {
					if e := got[key].Err; e == nil || !e.Uncatchable() || e.Name != NameInterrupted {
						t.Errorf("%s: %+v", key, e)
					}
				}
				for _, key := range []string{"create", "read"} {
					e := got[key].Err
					if !tc.cancel && e != nil {
						t.Errorf("%s in flight was cut: %v", key, e)
					}
					if tc.cancel && (e == nil || e.Name != NameInterrupted || e.InDoubt != (key == "create")) {
						t.Errorf("%s: %+v", key, e)
					}
				}
				if slow.count() != 2 {
					t.Errorf("%d requests, want 2", slow.count())
				}
				if took := time.Since(began); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
			})
		})
	}
}

// A step's timeout cuts reads and waits, but no mutating request that was sent.
func TestTimeoutSparesMutatingRequests(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		effect catalog.Effect
		took   time.Duration
		fails  bool
	}{
		"a read is cut":       {catalog.Read, time.Second, true},
		"a patch is finished": {catalog.Patch, 10 * time.Second, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newTenant(always(answer{status: 200, took: 10 * time.Second}))
				began := time.Now()
				var first, second Outcome
				_ = run(t, NewRun(Config{}), func(task *Task) error {
					return task.WithTimeout(time.Second, "step block", func() error {
						first = task.Do(srv.action("users.update", tc.effect, 1))
						second = task.Do(srv.action("users.update", tc.effect, 2))
						return nil
					})
				})
				if took := time.Since(began); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				if (first.Err != nil) != tc.fails {
					t.Errorf("the call in flight: %v", first.Err)
				}
				if tc.fails && (first.Err.Name != NameTimeoutError || first.Err.InDoubt) {
					t.Errorf("got %+v", first.Err)
				}
				if second.Err == nil || second.Err.Name != NameTimeoutError || !strings.Contains(second.Err.Message, "step block took longer than its timeout of 1s") {
					t.Errorf("a call after the timeout: %v", second.Err)
				}
				if srv.count() != 1 {
					t.Errorf("%d requests, want 1", srv.count())
				}
			})
		})
	}
}

// A call that waits for a slot when the run is stopped is dropped, unsent.
func TestStopWhileWaitingForASlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newTenant(always(answer{status: 200, took: 10 * time.Second}))
		r := NewRun(Config{Concurrency: 1})
		time.AfterFunc(time.Second, func() { r.Stop(nil) })
		err := run(t, r, func(task *Task) error {
			_, err := task.Each(EachOptions{Concurrency: 3}, source(3), func(t *Task, _ int, item any) (any, error) {
				return nil, errOf(t.Do(srv.action("users.update", catalog.Patch, item)))
			})
			return err
		})
		if e := asError(t, err); e.Name != NameInterrupted || e.InDoubt {
			t.Errorf("got %+v", e)
		}
		if srv.count() != 1 {
			t.Errorf("%d requests were sent, want 1", srv.count())
		}
	})
}

// BeforeSend is the last moment in which a call can be stopped, also where a
// slot is free.
func TestStopBeforeSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newTenant(always(answer{status: 200}))
		r := NewRun(Config{})
		time.AfterFunc(time.Second, func() { r.Stop(nil) })
		err := run(t, r, func(task *Task) error {
			_, err := task.Each(EachOptions{Concurrency: 30}, source(30), func(t *Task, _ int, item any) (any, error) {
				a := srv.action("users.update", catalog.Patch, item)
				send := a.Perform
				a.Perform = func(_ context.Context, at *Attempt) Outcome {
					_ = sleep(context.Background(), 2*time.Second) // a token is fetched, say
					return send(context.Background(), at)
				}
				return nil, errOf(t.Do(a))
			})
			return err
		})
		if e := asError(t, err); e.Name != NameInterrupted || srv.count() != 0 {
			t.Errorf("%d requests were sent after the stop; %v", srv.count(), err)
		}
	})
}

// The end of Main's context cuts everything.
func TestMainContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		r := NewRun(Config{})
		err := r.Main(ctx, func(task *Task) error { return task.Sleep(time.Hour, Position{}) })
		if e := asError(t, err); e.Name != NameInterrupted {
			t.Errorf("got %v", e)
		}
	})
}

func TestStagesAreStackedInOrder(t *testing.T) {
	t.Parallel()
	var order []string
	stage := func(name string) Stage {
		return func(next Doer) Doer {
			return DoerFunc(func(ctx context.Context, c *Call) Outcome {
				order = append(order, name)
				return next.Do(ctx, c)
			})
		}
	}
	stop := func(Doer) Doer {
		return DoerFunc(func(context.Context, *Call) Outcome { return Outcome{Value: "from the stage"} })
	}
	r := NewRun(Config{Stages: []Stage{stage("replay"), stage("guard"), stop}})
	srv := newTenant(always(answer{status: 200}))
	err := run(t, r, func(task *Task) error {
		if out := task.Do(srv.action("users.get", catalog.Read, 1)); out.Value != "from the stage" {
			t.Errorf("got %+v", out)
		}
		return nil
	})
	if err != nil || strings.Join(order, " ") != "replay guard" || srv.count() != 0 {
		t.Errorf("%v, %v, %d requests", err, order, srv.count())
	}
}
