package serve

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestFeed(t *testing.T) {
	t.Parallel()
	s := newStream[int](4)
	s.add(1, 2, 3)
	old, fresh := s.feed(true), s.feed(false)
	s.add(4, 5, 6)
	got, lost, err := old.Next(t.Context())
	if err != nil || lost != 2 || !slices.Equal(got, []int{3, 4, 5, 6}) {
		t.Errorf("from the oldest on: %v, %d lost, %v", got, lost, err)
	}
	if got, lost, err = fresh.Next(t.Context()); err != nil || lost != 0 || !slices.Equal(got, []int{4, 5, 6}) {
		t.Errorf("from the next on: %v, %d lost, %v", got, lost, err)
	}
	s.end()
	s.add(7)
	if got, _, err = fresh.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err = newStream[int](1).feed(true).Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A writer waits for nobody, and each reader sees every item or is told that it
// did not.
func TestFeedCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const items = 10_000
		s := newStream[int](64)
		var readers sync.WaitGroup
		for range 20 {
			f := s.feed(true)
			readers.Add(1)
			go func() {
				defer readers.Done()
				seen := 0
				for {
					got, lost, err := f.Next(t.Context())
					seen += len(got) + lost
					if err != nil {
						break
					}
					if last := got[len(got)-1]; last != seen-1 {
						t.Errorf("item %d after %d", last, seen)
						return
					}
				}
				if seen != items {
					t.Errorf("%d of %d", seen, items)
				}
			}()
		}
		for i := range items {
			s.add(i)
		}
		s.end()
		readers.Wait()
	})
}
