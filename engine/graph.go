package engine

// This file holds what a graph of steps is made of. Each and Start do not
// suffice for it: all steps of one graph are items of one parallel call, and a
// step may wait for another that runs in the task of the list itself.

// Strands are the items of one parallel call that are started one by one, by
// hand: the steps of a list that say themselves what they need. The number in
// the tasks' paths is taken once, when the call begins.
type Strands struct {
	owner  *Task
	number int
	open   int
	fault  error
	// waiting is set while the owner is parked in Wait.
	waiting bool
}

// Strands begins a parallel call of the task.
func (t *Task) Strands() *Strands {
	t.parallel++
	return &Strands{owner: t, number: t.parallel}
}

// Go runs body in a task of its own, whose path ends in key; the caller keeps
// keys apart. body runs also when the run has been stopped meanwhile, so that
// it can tell those who wait for it.
func (s *Strands) Go(key string, where Position, body func(t *Task)) {
	child := s.owner.child(s.owner.ctx, s.number, key, where)
	s.open++
	child.joined = true
	s.owner.spawn(child, func() error {
		body(child)
		return nil
	}, func(err error) {
		s.open--
		if s.fault == nil {
			s.fault = err
		}
		if s.open == 0 && s.waiting {
			s.waiting = false
			s.owner.unpark()
		}
	})
}

// Wait parks the owner until every task that Go started has ended, and gives
// the first error of a body.
func (s *Strands) Wait() error {
	for s.open > 0 {
		s.waiting = true
		s.owner.park()
	}
	return s.fault
}

// A Latch is something that happens once and that tasks wait for. Its zero
// value is ready; it is guarded by the baton. Whoever is to open it must do so
// also when it fails: a latch knows nothing of timeouts.
type Latch struct {
	open    bool
	waiters []*Task
}

// Open lets everybody through, those who wait in the order of their coming.
func (l *Latch) Open() {
	l.open = true
	for _, t := range l.waiters {
		t.unpark()
	}
	l.waiters = nil
}

// IsOpen reports whether Open was called.
func (l *Latch) IsOpen() bool { return l.open }

// Wait parks t until the latch is open.
func (l *Latch) Wait(t *Task) {
	for !l.open {
		l.waiters = append(l.waiters, t)
		t.park()
	}
}
