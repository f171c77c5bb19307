package client

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// ForEach does something with every item of a listing, so many at a time; the
// client keeps to the tenant's rate limit by itself. An item that fails does not
// stop the others: what comes back are all errors, joined ([errors.Join]). A
// listing that fails, and a context that ends, let what has begun end, and
// nothing new begin.
func ForEach[T any](ctx context.Context, items iter.Seq2[T, error], workers int, do func(context.Context, T) error) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []error
	)
	fail := func(err error) {
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		}
	}
	slots := make(chan struct{}, max(workers, 1))
	for item, err := range items {
		if err != nil {
			fail(err)
			break
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			fail(context.Cause(ctx))
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			fail(do(ctx, item))
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
