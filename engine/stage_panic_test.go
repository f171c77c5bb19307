package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStagePanics sees that a fault of a stage ends the run, wherever in a call's way
// it happens: the call may have its place in the order of waking already, and whoever
// stands behind it must not wait for it.
func TestStagePanics(t *testing.T) {
	t.Parallel()
	stages := map[string]struct {
		resume int64
		do     func(c *Call)
	}{
		"before it has a place":       {0, func(*Call) {}},
		"in the write of its record":  {0, func(c *Call) { c.Arrive(func(int64) { panic("boom") }) }},
		"behind its place":            {0, func(c *Call) { c.Arrive(func(int64) {}) }},
		"of a recorded call":          {3, func(c *Call) { c.Answered(1) }},
		"of a recorded call, not due": {3, func(c *Call) { c.Answered(2) }},
		"of a new call of a resume":   {3, func(c *Call) { c.Live() }},
	}
	for name, s := range stages {
		for where, main := range map[string]func(t *Task) error{
			"main": func(t *Task) error { return errOf(t.Do(&Action{Name: "bad"})) },
			"an item": func(t *Task) error {
				_, err := t.Each(EachOptions{}, source(5), func(t *Task, i int, _ any) (any, error) {
					a := &Action{Name: "good", Perform: func(ctx context.Context, _ *Attempt) Outcome {
						return Outcome{Err: AsError(sleep(ctx, time.Second))}
					}}
					if i == 3 {
						a = &Action{Name: "bad"}
					}
					return nil, errOf(t.Do(a))
				})
				return err
			},
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { // where the run hangs this fails
					stage := func(next Doer) Doer {
						return DoerFunc(func(ctx context.Context, c *Call) Outcome {
							if c.Name == "bad" {
								s.do(c)
								panic("boom")
							}
							c.Live()
							return next.Do(ctx, c)
						})
					}
					e := asError(t, run(t, NewRun(Config{Stages: []Stage{stage}, Resume: s.resume}), main))
					if e.Name != NameInternalError || !strings.Contains(e.Message, "boom") {
						t.Errorf("got %v", e)
					}
				})
			})
		}
	}
}
