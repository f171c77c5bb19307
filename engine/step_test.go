package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTry(t *testing.T) {
	t.Parallel()
	limit := &Error{Name: NameRateLimitError, Message: "limit"}
	other := &Error{Name: NameNetworkError, Message: "net"}
	tests := map[string]struct {
		retry Retry
		errs  []error // of the tries; then success
		tries int
		took  time.Duration
		err   string
	}{
		"a good try":                     {Retry{Times: 3}, nil, 1, 0, ""},
		"no retry":                       {Retry{}, []error{other}, 1, 0, "NetworkError: net"},
		"the second is good":             {Retry{Times: 3, Delay: time.Second}, []error{other}, 2, time.Second, ""},
		"the delay doubles":              {Retry{Times: 3, Delay: time.Second}, []error{other, other, other}, 4, 7 * time.Second, ""},
		"none is good":                   {Retry{Times: 2, Delay: time.Second}, []error{other, other, limit, other}, 3, 3 * time.Second, "RateLimitError: limit"},
		"only the named":                 {Retry{Times: 2, On: []string{NameRateLimitError}}, []error{limit, other, limit}, 2, 0, "NetworkError: net"},
		"a kind":                         {Retry{Times: 2, On: []string{NameAuth0Error}}, []error{limit}, 2, 0, ""},
		"what cannot be caught":          {Retry{Times: 2}, []error{&Error{Name: NameLimitError, Message: "memory"}}, 1, 0, "LimitError: memory"},
		"what is in doubt":               {Retry{Times: 2}, []error{&Error{Name: NameNetworkError, Message: "reset", InDoubt: true}}, 1, 0, "NetworkError: reset"},
		"an item of it that is in doubt": {Retry{Times: 2}, []error{&Error{Name: NameParallelError, Message: "2 failed", Items: []ItemError{{Err: &Error{InDoubt: true}}}}}, 1, 0, "ParallelError: 2 failed"},
		"a plain error":                  {Retry{Times: 1}, []error{errors.New("x")}, 2, 0, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				began := time.Now()
				err := run(t, NewRun(Config{}), func(task *Task) error {
					return task.Try(TryOptions{Retry: tc.retry}, func() error {
						if tries++; tries <= len(tc.errs) {
							return tc.errs[tries-1]
						}
						return nil
					})
				})
				if got := fmt.Sprint(err); tc.err == "" && err != nil || tc.err != "" && got != tc.err {
					t.Errorf("got %v, want %q", err, tc.err)
				}
				if tries != tc.tries || time.Since(began) != tc.took {
					t.Errorf("%d tries in %v, want %d in %v", tries, time.Since(began), tc.tries, tc.took)
				}
			})
		})
	}
}

// The end of an outer timeout ends the retries of what is inside, also while
// they wait.
func TestTryInsideATimeout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outer time.Duration
		tries int
	}{
		"in the second try":   {4500 * time.Millisecond, 2},
		"while it waits":      {2500 * time.Millisecond, 1},
		"in the first try":    {500 * time.Millisecond, 1},
		"in the second delay": {6500 * time.Millisecond, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				began := time.Now()
				err := run(t, NewRun(Config{}), func(task *Task) error {
					return task.WithTimeout(tc.outer, "step outer", func() error {
						return task.Try(TryOptions{What: "step inner", Timeout: time.Second, Retry: Retry{Times: 100, Delay: 3 * time.Second}}, func() error {
							tries++
							return task.Sleep(time.Hour, Position{})
						})
					})
				})
				if e := asError(t, err); !strings.HasPrefix(e.Message, "step outer took longer") || tries != tc.tries || time.Since(began) != tc.outer {
					t.Errorf("%v, %d tries in %v", err, tries, time.Since(began))
				}
			})
		})
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &events{}
		r := NewRun(Config{Sink: sink})
		err := run(t, r, func(task *Task) error {
			_, err := task.Step(StepOptions{ID: "users", Name: "List users"}, func() error { return task.Sleep(time.Second, Position{}) })
			if err != nil {
				return err
			}
			res, err := task.Step(StepOptions{ID: "soft", OnError: Continue}, func() error { return errors.New("tolerated") })
			if err != nil || res.State != StepFailed || res.Err.Message != "tolerated" {
				t.Errorf("%+v, %v", res, err)
			}
			task.SkipStep(StepOptions{ID: "later"}, "when is false")
			_, err = task.Step(StepOptions{Where: Position{File: "p.yaml", Line: 9}}, func() error { return errors.New("fatal") })
			if err == nil {
				t.Error("the error of a step is lost")
			}
			return nil
		})
		if r.ExitCode(err) != ExitItems {
			t.Errorf("exit code %d", r.ExitCode(err))
		}
		var lines []string
		for _, s := range r.Steps() {
			lines = append(lines, fmt.Sprintf("%s %s %s %v %v", s.ID, s.State, s.Reason, s.Took, s.Err))
		}
		want := "users ok  1s <nil>|soft failed  0s tolerated|later skipped when is false 0s <nil>| failed  0s fatal"
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		var told []string
		for _, e := range sink.all {
			if strings.HasPrefix(e.Kind, "step_") {
				told = append(told, e.Kind+":"+e.Step+":"+e.State)
			}
		}
		want = "step_started:List users: step_finished:List users:ok step_started:soft: step_finished:soft:failed step_finished:later:skipped step_started:p.yaml:9: step_finished:p.yaml:9:failed"
		if got := strings.Join(told, " "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

// Continue tolerates no end of the run.
func TestStepContinueAndStop(t *testing.T) {
	t.Parallel()
	r := NewRun(Config{})
	err := run(t, r, func(task *Task) error {
		_, err := task.Step(StepOptions{ID: "a", OnError: Continue}, func() error {
			r.Stop(errors.New("SIGINT"))
			return task.Sleep(time.Hour, Position{})
		})
		return err
	})
	if e := asError(t, err); e.Name != NameInterrupted {
		t.Errorf("got %v", err)
	}
}

func TestStepsAreBounded(t *testing.T) {
	t.Parallel()
	r := NewRun(Config{})
	err := run(t, r, func(task *Task) error {
		for range keptSteps + 5 {
			if _, err := task.Step(StepOptions{ID: "x"}, func() error { return nil }); err != nil {
				return err
			}
		}
		task.SkipStep(StepOptions{ID: "y"}, "needs x")
		return nil
	})
	steps := r.Steps()
	if err != nil || len(steps) != keptSteps+1 || steps[keptSteps].ID != "y" || r.StepCount(StepOK) != keptSteps+5 {
		t.Errorf("%d steps kept, %d counted, %v", len(steps), r.StepCount(StepOK), err)
	}
}
