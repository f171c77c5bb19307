package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/catalog"
)

func TestMainRecoversPanics(t *testing.T) {
	t.Parallel()
	boom := func(*Task, int, any) (any, error) { panic("boom") }
	tests := map[string]func(t *Task) error{
		"in the main task": func(*Task) error { panic("boom") },
		"in an item": func(t *Task) error {
			_, err := t.Each(EachOptions{OnError: Continue}, source(2), boom)
			return err
		},
		"in a source": func(t *Task) error {
			_, err := t.Each(EachOptions{}, func(*Task) (any, bool, error) { panic("boom") }, boom)
			return err
		},
		"in a future": func(t *Task) error {
			_, err := t.Start("", Position{}, func(*Task) (any, error) { panic("boom") }).Wait(t)
			return err
		},
		"in a future that nobody waits for": func(t *Task) error {
			t.Start("", Position{}, func(*Task) (any, error) { panic("boom") })
			return nil
		},
		"in a strand": func(t *Task) error {
			s := t.Strands()
			s.Go("a", Position{}, func(*Task) { panic("boom") })
			return s.Wait()
		},
		"without the baton": func(t *Task) error {
			t.Block(func() { panic("boom") })
			return nil
		},
		"in a Perform": func(t *Task) error {
			return errOf(t.Do(&Action{Name: "x", Perform: func(context.Context, *Attempt) Outcome { panic("boom") }}))
		},
	}
	for name, fn := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewRun(Config{})
			e := asError(t, run(t, r, fn))
			if e.Name != NameInternalError || !e.Uncatchable() || !strings.Contains(e.Message, "boom") {
				t.Errorf("got %v", e)
			}
			if !strings.Contains(strings.Join(e.Trace, "\n"), "run_test.go") || !strings.Contains(e.Hint(), "report it") {
				t.Errorf("no report: %q, %v", e.Hint(), e.Trace)
			}
			if got := r.ExitCode(e); got != ExitFailed {
				t.Errorf("exit code %d", got)
			}
		})
	}
}

// A body may return Outcome.Err as it is.
func TestTypedNilIsNoError(t *testing.T) {
	t.Parallel()
	var none *Error
	r := NewRun(Config{})
	err := run(t, r, func(task *Task) error {
		res, err := task.Each(EachOptions{Retry: Retry{Times: 3}}, source(2), func(*Task, int, any) (any, error) { return nil, none })
		if err != nil || res.Done != 2 {
			t.Errorf("%+v, %v", res, err)
		}
		step, err := task.Step(StepOptions{ID: "a"}, func() error { return none })
		if err != nil || step.State != StepOK || step.Err != nil {
			t.Errorf("%+v, %v", step, err)
		}
		if _, err := task.Start("", Position{}, func(*Task) (any, error) { return nil, none }).Wait(task); err != nil {
			t.Errorf("a future failed: %v", err)
		}
		return none
	})
	if err != nil || AsError(none) != nil {
		t.Errorf("the run failed: %v", err)
	}
}

func TestMainWaitsForTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		err := run(t, NewRun(Config{}), func(task *Task) error {
			task.Start("", Position{}, func(t *Task) (any, error) {
				err := t.Sleep(time.Hour, Position{})
				ended = true
				return nil, err
			})
			return errors.New("the main task failed")
		})
		if !ended || err == nil || err.Error() != "the main task failed" {
			t.Errorf("ended %v, %v", ended, err)
		}
	})
}

func TestFutures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := run(t, NewRun(Config{}), func(task *Task) error {
			slow := task.Start("slow", Position{}, func(t *Task) (any, error) {
				return "done", t.Sleep(time.Hour, Position{})
			})
			if slow.Task().Path() != "main/1.slow" || slow.Done() {
				t.Errorf("%s, done %v", slow.Task().Path(), slow.Done())
			}
			failing := task.Start("", Position{}, func(*Task) (any, error) { return nil, errors.New("failed") })
			if _, err := failing.Wait(task); err == nil || err.Error() != "failed" {
				t.Errorf("got %v", err)
			}
			began := time.Now()
			err := task.WithTimeout(time.Minute, "step wait", func() error {
				_, err := slow.Wait(task)
				return err
			})
			if e := asError(t, err); e.Name != NameTimeoutError || time.Since(began) != time.Minute {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			for range 2 {
				if v, err := slow.Wait(task); v != "done" || err != nil || time.Since(began) != time.Hour {
					t.Errorf("after %v: %v, %v", time.Since(began), v, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A task that gave up waiting is not woken later by what it waited for.
func TestFutureTimeoutLeavesNoWaiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var woke time.Duration
		err := run(t, NewRun(Config{}), func(task *Task) error {
			began := time.Now()
			short := task.Start("short", Position{}, func(t *Task) (any, error) { return nil, t.Sleep(2*time.Second, Position{}) })
			long := task.Start("long", Position{}, func(t *Task) (any, error) { return nil, t.Sleep(time.Hour, Position{}) })
			_ = task.WithTimeout(time.Second, "x", func() error {
				_, err := short.Wait(task)
				return err
			})
			_, err := long.Wait(task)
			woke = time.Since(began)
			return err
		})
		if err != nil || woke != time.Hour {
			t.Errorf("woke after %v, %v", woke, err)
		}
	})
}

func TestFutureDeadlocks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fn       func(t *Task) error
		deadlock bool
	}{
		"waiting for oneself": {func(t *Task) error {
			var f *Future
			f = t.Start("", Position{}, func(t *Task) (any, error) { return f.Wait(t) })
			_, err := f.Wait(t)
			return err
		}, true},
		"waiting for each other": {func(t *Task) error {
			var a, b *Future
			a = t.Start("a", Position{}, func(t *Task) (any, error) { return b.Wait(t) })
			b = t.Start("b", Position{}, func(t *Task) (any, error) { return a.Wait(t) })
			_, err := a.Wait(t)
			return err
		}, true},
		"an item waits for the task that waits for it": {func(t *Task) error {
			var f *Future
			f = t.Start("", Position{}, func(t *Task) (any, error) {
				return t.Each(EachOptions{}, source(1), func(t *Task, _ int, _ any) (any, error) { return f.Wait(t) })
			})
			_, err := f.Wait(t)
			return err
		}, true},
		"a task that outlives its parent may wait for it": {func(t *Task) error {
			var outer, inner *Future
			outer = t.Start("", Position{}, func(t *Task) (any, error) {
				inner = t.Start("", Position{}, func(t *Task) (any, error) { return outer.Wait(t) })
				return "v", nil
			})
			if _, err := outer.Wait(t); err != nil {
				return err
			}
			v, err := inner.Wait(t)
			if v != "v" {
				return fmt.Errorf("got %v, %w", v, err)
			}
			return err
		}, false},
		"many wait for one": {func(t *Task) error {
			f := t.Start("", Position{}, func(t *Task) (any, error) {
				t.Yield()
				return "v", nil
			})
			_, err := t.Each(EachOptions{}, source(10), func(t *Task, _ int, _ any) (any, error) { return f.Wait(t) })
			return err
		}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t, NewRun(Config{}), tc.fn)
			if got := err != nil && strings.Contains(err.Error(), "would wait for each other"); got != tc.deadlock || (err != nil) != tc.deadlock {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnclaimedFailure(t *testing.T) {
	t.Parallel()
	err := run(t, NewRun(Config{}), func(task *Task) error {
		task.Start("sync", Position{File: "p.lua", Line: 3}, func(*Task) (any, error) { return nil, errors.New("lost") })
		return nil
	})
	if e := asError(t, err); e.Message != "lost" || len(e.Trace) != 1 || e.Trace[0] != "in the task main/1.sync, for which nobody waited" {
		t.Errorf("got %+v", e)
	}
}

type exitError int

func (e exitError) Error() string { return "exit" }
func (e exitError) ExitCode() int { return int(e) }

func TestExitCode(t *testing.T) {
	t.Parallel()
	doubt := &Error{Name: NameNetworkError, InDoubt: true}
	tests := map[string]struct {
		err  error
		want int
	}{
		"a good end":            {nil, ExitOK},
		"an error":              {errors.New("x"), ExitFailed},
		"a script's error":      {&Error{Name: NameScriptError}, ExitFailed},
		"a limit":               {&Error{Name: NameLimitError}, ExitFailed},
		"mistakes":              {Problems{{Message: "x"}}, ExitUsage},
		"mistakes, wrapped":     {fmt.Errorf("a: %w", Problems{{Message: "x"}}), ExitUsage},
		"mistakes, as an error": {AsError(Problems{{Message: "x"}}), ExitUsage},
		"an error's own":        {exitError(ExitMoved), ExitMoved},
		"interrupted":           {interrupted(nil), ExitInterrupted},
		"terminated":            {interrupted(exitError(ExitTerminated)), ExitTerminated},
		"in doubt":              {doubt, ExitInDoubt},
		"an item in doubt":      {&Error{Name: NameParallelError, Items: []ItemError{{Err: &Error{}}, {Err: doubt}}}, ExitInDoubt},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := NewRun(Config{}).ExitCode(tc.err); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestAsError(t *testing.T) {
	t.Parallel()
	inner := &Error{Name: NameAuth0Error, StatusCode: 404, Message: "no such user", Operation: "users.get"}
	tests := map[string]struct {
		err           error
		name, message string
	}{
		"an Error":    {inner, NameAuth0Error, "no such user"},
		"wrapped":     {fmt.Errorf("row 3: %w", inner), NameAuth0Error, "row 3: no such user"},
		"any":         {errors.New("x"), NameScriptError, "x"},
		"a deadline":  {fmt.Errorf("read: %w", context.DeadlineExceeded), NameTimeoutError, "read: context deadline exceeded"},
		"an end":      {context.Canceled, NameInterrupted, "context canceled"},
		"a file":      {&fs.PathError{Op: "open", Path: "a.csv", Err: fs.ErrNotExist}, NameFileError, "open a.csv: file does not exist"},
		"its problem": {Problems{{Message: "x", Where: Position{File: "a", Line: 1}}}, NameScriptError, "a:1: x"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := AsError(tc.err)
			if e.Name != tc.name || e.Message != tc.message || e != inner && e.Cause.Error() != tc.err.Error() {
				t.Errorf("got %s %q", e.Name, e.Message)
			}
		})
	}
	if AsError(nil) != nil {
		t.Error("nil became an error")
	}
	if e := AsError(fmt.Errorf("row 3: %w", inner)); e.StatusCode != 404 || inner.Message != "no such user" {
		t.Errorf("the fields are lost, or the original is changed: %+v", e)
	}
}

// Equal runs give equal keys; everything that makes a call another one gives
// another key.
func TestCallIdentity(t *testing.T) {
	t.Parallel()
	record := func(fn func(t *Task, do func(t *Task, name, tenant string, args *Object))) []string {
		sink := &events{}
		err := run(t, NewRun(Config{Sink: sink, Key: []byte("journal's key")}), func(task *Task) error {
			fn(task, func(t *Task, name, tenant string, args *Object) {
				t.Do(&Action{Name: name, Tenant: tenant, Args: args, Perform: func(context.Context, *Attempt) Outcome { return Outcome{} }})
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, e := range sink.of(EventCallFinished) {
			keys = append(keys, fmt.Sprintf("%s %d %s", e.Task, e.N, e.Key))
		}
		return keys
	}
	all := func(t *Task, do func(*Task, string, string, *Object)) {
		do(t, "a", "x", object("id", "1"))
		do(t, "a", "x", object("id", "1")) // the second equal call
		do(t, "a", "x", object("id", "2"))
		do(t, "a", "x", object("id", Secret("2"))) // the third equal one: a secret is its value
		do(t, "a", "y", object("id", "1"))
		do(t, "b", "x", object("id", "1"))
		do(t, "a", "x", object("id", "1", "n", nil))
		do(t, "a", "x", nil)
		_, _ = t.Each(EachOptions{Concurrency: 1}, source(2), func(t *Task, _ int, _ any) (any, error) {
			do(t, "a", "x", object("id", "1"))
			return nil, nil
		})
	}
	first, second := record(all), record(all)
	seen := map[string]bool{}
	for i, k := range first {
		if k != second[i] {
			t.Errorf("call %d has the key %s, then %s", i, k, second[i])
		}
		key := k[strings.LastIndexByte(k, ' '):]
		if seen[key] {
			t.Errorf("call %d, %s, has the key of another", i, k)
		}
		seen[key] = true
	}
	if len(first) != 10 || !strings.HasPrefix(first[9], "main/1.2 1 ") {
		t.Errorf("got %v", first)
	}
	twice := record(func(t *Task, do func(*Task, string, string, *Object)) {
		do(t, "a", "x", object("a", 1.0, "b", "2"))
		do(t, "a", "x", object("b", Secret("2"), "a", int64(1)))
	})
	if again := record(func(t *Task, do func(*Task, string, string, *Object)) {
		do(t, "a", "x", object("b", "2", "a", int64(1)))
		do(t, "a", "x", object("a", 1.0, "b", "2"))
	}); strings.Join(twice, ",") != strings.Join(again, ",") {
		t.Errorf("the order of arguments, or how a number was written, changes keys:\n%v\n%v", twice, again)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &events{}
		r := NewRun(Config{ID: "run-1", Sink: sink})
		r.Redactor().Add("hush-hush")
		srv := newTenant(script(answer{status: 503}, answer{status: 400}))
		_ = run(t, r, func(task *Task) error {
			a := srv.action("users.update", catalog.Patch, "hush-hush")
			a.Where = Position{File: "p.lua", Line: 7}
			if out := task.Do(a); out.Err == nil || out.Err.Where.Line != 7 || out.Err.Operation != "users.update" {
				t.Errorf("the error does not say where: %+v", out.Err)
			}
			_, err := task.Now(Position{})
			return err
		})
		r.Emit(Event{Kind: EventLog, Text: "token hush-hush", Fields: json.RawMessage(`{"a":"hush-hush"}`)})
		var kinds []string
		for _, e := range sink.all {
			kinds = append(kinds, e.Kind+":"+e.Operation)
			if e.Version != EventVersion || e.Run != "run-1" || e.Time.IsZero() {
				t.Errorf("incomplete: %+v", e)
			}
			if strings.HasPrefix(e.Kind, "call_") && (e.Task != "main" || e.Key == "" || e.N == 0) {
				t.Errorf("whose event? %+v", e)
			}
			if text, _ := json.Marshal(e); strings.Contains(string(text), "hush") {
				t.Errorf("a secret: %s", text)
			}
		}
		want := "call_started:users.update call_retried:users.update call_finished:users.update call_finished:time.now log:"
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		end := sink.of(EventCallFinished)[0]
		if end.State != StepFailed || end.Status != 400 || end.Attempt != 2 || end.Name != NameAuth0Error || end.Where != "p.lua:7" || end.TookMS <= 0 {
			t.Errorf("the end of the call: %+v", end)
		}
		if retried := sink.of(EventCallRetried)[0]; retried.Until == nil || retried.Status != 503 || retried.Attempt != 1 {
			t.Errorf("the retry: %+v", retried)
		}
	})
}

func TestDurableSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var names, untils []string
		watch := func(next Doer) Doer {
			return DoerFunc(func(ctx context.Context, c *Call) Outcome {
				until, _ := c.Args.Get("until")
				names, untils = append(names, c.Name), append(untils, fmt.Sprint(until))
				return next.Do(ctx, c)
			})
		}
		began := time.Now()
		err := run(t, NewRun(Config{Stages: []Stage{watch}}), func(task *Task) error {
			if err := task.Sleep(90*time.Second, Position{}); err != nil {
				return err
			}
			if err := task.SleepUntil(began.Add(-time.Hour), Position{}); err != nil { // over already
				return err
			}
			return task.SleepUntil(began.Add(time.Hour), Position{})
		})
		if err != nil || time.Since(began) != time.Hour {
			t.Errorf("took %v, %v", time.Since(began), err)
		}
		if got := strings.Join(names, " "); got != "time.now time.sleep time.wait_until time.wait_until" {
			t.Errorf("got %s", got)
		}
		if want := began.Add(90 * time.Second).UTC().Format(time.RFC3339Nano); untils[1] != want {
			t.Errorf("the deadline is recorded as %s, want %s", untils[1], want)
		}
	})
}
