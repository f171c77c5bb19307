package engine

import "sync"

// A baton is held by the one task that runs playbook code. Tasks that are
// ready queue for it; it passes in the order in which they became ready, which
// is what makes a run repeatable: nothing else decides who runs next.
//
// Preemption was tried and refused: handing over between instructions loses
// increments of a captured counter.
type baton struct {
	mu    sync.Mutex
	held  bool
	ready []*turn
}

// A turn is a place in the queue; its channel is closed when the turn comes.
type turn struct{ come chan struct{} }

// enqueue takes a place in the queue, or the free baton itself.
func (b *baton) enqueue() *turn {
	t := &turn{come: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.held {
		b.held = true
		close(t.come)
		return t
	}
	b.ready = append(b.ready, t)
	return t
}

// release hands the baton to the first in the queue.
func (b *baton) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		b.held = false
		return
	}
	t := b.ready[0]
	b.ready[0] = nil
	b.ready = b.ready[1:]
	close(t.come)
}
