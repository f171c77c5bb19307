package engine

import (
	"slices"
	"sync"
)

// A baton is held by the one task that runs playbook code. It passes first to
// tasks that a holder of the baton made ready (started, unparked), in the order
// in which that happened, and only when there is none to a task whose call has
// ended, in the order in which those ended. So the one thing that decides who
// runs next and that comes from outside is the order of arrivals. A journal
// records it (Call.Arrive), and a resumed run repeats it: then even counters
// that tasks share have the values that they had.
//
// One queue for both was tried and refused: where a started task stands beside
// an arrival then depends on the microsecond, and cannot be repeated.
// Preemption was refused too: handing over between instructions loses
// increments of a captured counter.
type baton struct {
	mu    sync.Mutex
	held  bool
	turns int64 // how often it was given away
	ready turns // made ready by whoever held the baton
	// arrivals came from outside: in the order in which their places were
	// taken, which is the order of the journal's records.
	arrivals turns

	// recorded are arrivals of calls that the journal answered; they pass in
	// the order of their wakes, and before all others.
	recorded map[int64]*turn
	// next is the recorded wake that is due, last the last one given.
	next, last int64
	// open counts the calls of which it is not known yet whether the journal
	// has an answer: while there is one, a wake that is missing may yet come.
	open int
}

// A turn is a place in the queue; its channel is closed when the turn comes.
type turn struct {
	come chan struct{}
	// start is called instead, where nobody waits yet: whoever it has run holds the
	// baton.
	start func()
	// settled turns may pass; a place can be taken before that.
	settled bool
}

func newTurn() *turn { return &turn{come: make(chan struct{})} }

// enqueue takes a place among the ready, or the free baton itself. The caller
// holds the baton, or nothing runs yet.
func (b *baton) enqueue() *turn {
	t := newTurn()
	b.put(t)
	return t
}

// put puts a turn into the queue of those that are ready.
func (b *baton) put(t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready.push(t)
	b.pass()
}

// arrive takes a place for a task that comes from outside.
func (b *baton) arrive() *turn {
	t := newTurn()
	t.settled = true
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arrivals.push(t)
	b.pass()
	return t
}

// reserve takes a place for an arrival that may pass only when it is settled;
// with is called with the number of the wake, before anybody else can take a
// place.
func (b *baton) reserve(with func(wake int64)) *turn {
	t := newTurn()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	with(b.last)
	b.arrivals.push(t)
	return t
}

// settle lets a reserved place pass.
func (b *baton) settle(t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.settled = true
	b.pass()
}

// repeat makes the baton repeat the wakes up to last.
func (b *baton) repeat(last int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next, b.last = 1, last
	b.recorded = map[int64]*turn{}
}

// repeating reports whether recorded wakes may still come.
func (b *baton) repeating() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recorded != nil
}

// ask says that a call is under way whose answer the journal may have; the
// holder calls it. answer and live end that.
func (b *baton) ask() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
}

// live says that the journal has no answer for a call.
func (b *baton) live() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	b.pass()
}

// answer takes the place of a recorded arrival, which may pass when it is
// settled. A wake that has passed already (two records of an edited playbook)
// is an arrival like any other.
func (b *baton) answer(wake int64) *turn {
	t := newTurn()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	if _, taken := b.recorded[wake]; taken || wake < b.next || b.recorded == nil {
		b.arrivals.push(t)
	} else {
		b.recorded[wake] = t
	}
	return t
}

// release hands the baton to whoever is next.
func (b *baton) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = false
	b.pass()
}

// pass gives the free baton away, if somebody may have it. The caller holds mu.
func (b *baton) pass() {
	if b.held {
		return
	}
	t := b.pick()
	if t == nil {
		return
	}
	b.held = true
	b.turns++
	if t.start != nil {
		t.start()
		return
	}
	close(t.come)
}

func (b *baton) pick() *turn {
	if b.ready.len() > 0 {
		return b.ready.shift()
	}
	if len(b.recorded) > 0 {
		return b.pickRecorded()
	}
	if b.open > 0 || b.arrivals.len() == 0 || !b.arrivals.first().settled {
		return nil
	}
	return b.arrivals.shift()
}

// pickRecorded gives the recorded wake that is due. When no call is on its way
// that could be that one, nobody who makes it will run before somebody passes:
// an edited playbook does not make it any more, and the next one is due.
func (b *baton) pickRecorded() *turn {
	due := b.next
	if _, here := b.recorded[due]; !here {
		if b.open > 0 {
			return nil
		}
		due = -1
		for w := range b.recorded {
			if due < 0 || w < due {
				due = w
			}
		}
	}
	t := b.recorded[due]
	if !t.settled {
		return nil
	}
	delete(b.recorded, due)
	b.next = due + 1
	return t
}

// turns is a queue that uses its memory again.
type turns struct {
	all  []*turn
	head int
}

func (q *turns) len() int { return len(q.all) - q.head }

func (q *turns) first() *turn { return q.all[q.head] }

func (q *turns) push(t *turn) {
	if len(q.all) == cap(q.all) && q.head > len(q.all)/2 {
		q.all = slices.Delete(q.all, 0, q.head)
		q.head = 0
	}
	q.all = append(q.all, t)
}

func (q *turns) shift() *turn {
	t := q.all[q.head]
	q.all[q.head] = nil
	if q.head++; q.head == len(q.all) {
		q.all, q.head = q.all[:0], 0
	}
	return t
}
