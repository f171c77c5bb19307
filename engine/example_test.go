package engine_test

import (
	"context"
	"fmt"

	"a0run/client/catalog"
	"a0run/engine"
)

// A stage sees every call of a run and may answer it by itself: this one is
// what a read-only run would have.
func ExampleStage() {
	readOnly := func(next engine.Doer) engine.Doer {
		return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
			if c.Effect.Mutates() {
				return engine.Outcome{Err: &engine.Error{Name: engine.NameScriptError, Message: c.Name + " would change the tenant"}}
			}
			return next.Do(ctx, c)
		})
	}
	call := func(name string, effect catalog.Effect) *engine.Action {
		return &engine.Action{
			Name: name, Effect: effect,
			Perform: func(context.Context, *engine.Attempt) engine.Outcome { return engine.Outcome{Value: "done"} },
		}
	}
	run := engine.NewRun(engine.Config{Stages: []engine.Stage{readOnly}})
	err := run.Main(context.Background(), func(t *engine.Task) error {
		fmt.Println(t.Do(call("users.get", catalog.Read)).Value)
		fmt.Println(t.Do(call("users.delete", catalog.Delete)).Err)
		return nil
	})
	fmt.Println(err, run.ExitCode(err))
	// Output:
	// done
	// users.delete would change the tenant
	// <nil> 0
}

// Tasks share variables without locks: only the one that holds the baton runs.
func ExampleTask_Each() {
	items := []string{"a", "b", "a"}
	next, longest := 0, 0
	run := engine.NewRun(engine.Config{})
	err := run.Main(context.Background(), func(t *engine.Task) error {
		res, err := t.Each(engine.EachOptions{
			Key: func(_ int, item any) (string, error) { return engine.ItemKey(item, nil), nil },
		}, func(*engine.Task) (any, bool, error) {
			if next == len(items) {
				return nil, false, nil
			}
			next++
			return items[next-1], true, nil
		}, func(t *engine.Task, _ int, _ any) (any, error) {
			longest = max(longest, len(t.Path()))
			fmt.Println(t.Path())
			return nil, nil
		})
		fmt.Println(res.Done, longest)
		return err
	})
	fmt.Println(err)
	// Output:
	// main/1.a
	// main/1.b
	// main/1.a~2
	// 3 10
	// <nil>
}
