package engine

import (
	"context"
	"testing"

	"a0run/client/catalog"
)

// What the path itself costs a call, beside its request.
func BenchmarkDo(b *testing.B) {
	op := &catalog.Operation{ID: "users.update", Effect: catalog.Patch}
	args := object("id", "auth0|5f7c8ec7c33c6c004bbafe82", "body", object("blocked", true, "user_metadata", object("plan", "gold")))
	perform := func(ctx context.Context, a *Attempt) Outcome {
		if err := a.BeforeSend(ctx); err != nil {
			return Outcome{Err: AsError(err)}
		}
		return Outcome{Status: 200}
	}
	b.ReportAllocs()
	n := 0
	src := func(*Task) (any, bool, error) {
		n++
		return n, n <= b.N, nil
	}
	err := NewRun(Config{}).Main(b.Context(), func(t *Task) error {
		_, err := t.Each(EachOptions{}, src, func(t *Task, _ int, _ any) (any, error) {
			return nil, errOf(t.Do(&Action{
				Name: "users.update", Tenant: "default", Operation: op, Effect: op.Effect, Args: args, Perform: perform,
			}))
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
