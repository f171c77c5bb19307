package serve

import (
	"context"
	"io"
	"sync"
)

// A stream keeps the newest items of something that goes on, for any number of
// readers. A writer never waits for a reader: who is slow loses the oldest, and
// is told how many.
type stream[T any] struct {
	mu    sync.Mutex
	keep  int
	items []T   // a ring, once it has grown to keep
	first int64 // the number of the oldest that is kept
	next  int64 // the number of the next
	ended bool
	more  chan struct{} // closed when there is more
}

func newStream[T any](keep int) *stream[T] {
	return &stream[T]{keep: keep, more: make(chan struct{})}
}

// add adds items.
func (s *stream[T]) add(items ...T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	for _, item := range items {
		if len(s.items) < s.keep {
			s.items = append(s.items, item)
		} else {
			s.items[s.next%int64(s.keep)] = item
			s.first++
		}
		s.next++
	}
	s.wake()
}

// end says that nothing comes any more.
func (s *stream[T]) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.wake()
	}
}

// wake wakes the readers that wait; the caller holds mu.
func (s *stream[T]) wake() {
	close(s.more)
	s.more = make(chan struct{})
}

// feed reads from the oldest item on, or from what comes next.
func (s *stream[T]) feed(oldest bool) *Feed[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &Feed[T]{from: s, at: s.next}
	if oldest {
		f.at = s.first
	}
	return f
}

// A Feed reads a stream of the service. It belongs to one reader; there is
// nothing to close.
type Feed[T any] struct {
	from *stream[T]
	at   int64
}

// Next waits until there is more, and gives all of it, and how many were lost
// because the reader was slow. It fails with io.EOF at the end of the stream,
// and with the context's error.
func (f *Feed[T]) Next(ctx context.Context) (items []T, lost int, err error) {
	for {
		s := f.from
		s.mu.Lock()
		if f.at < s.first {
			lost = int(s.first - f.at)
			f.at = s.first
		}
		for ; f.at < s.next; f.at++ {
			items = append(items, s.items[f.at%int64(s.keep)])
		}
		ended, more := s.ended, s.more
		s.mu.Unlock()
		switch {
		case len(items) > 0:
			return items, lost, nil
		case ended:
			return nil, 0, io.EOF
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
}
