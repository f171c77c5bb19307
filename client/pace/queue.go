package pace

import (
	"slices"
	"strings"
	"time"
)

// deskKey names a set of buckets: the first, the last, and any between.
type deskKey struct{ general, specific, between string }

func deskKeyOf(buckets []string) deskKey {
	switch n := len(buckets); n {
	case 0:
		return deskKey{}
	case 1, 2:
		return deskKey{general: buckets[0], specific: buckets[n-1]}
	default:
		return deskKey{general: buckets[0], specific: buckets[n-1], between: strings.Join(buckets[1:n-1], " ")}
	}
}

// desk is where the claims on one set of buckets queue: a queue for every run,
// and within it a line for every step that has a weight of its own.
type desk struct {
	general, specific string
	gates             []gateKey
	queues            []*queue
	waiting           int

	// untold says that claims came, or the desk was closed, since the claims were
	// last told; soonest is the earliest time that one of them is good for.
	untold  bool
	soonest time.Time
}

// queue holds the claims of one run at one desk.
type queue struct {
	run   *runner
	lines []*line
	// turn is the virtual time of the line that was served last.
	turn float64
}

// line holds the claims of one step of a run, in the order of their arrival.
type line struct {
	step   string
	weight float64
	spent  float64 // virtual time: grants by weight
	claims []*waiter
}

// runner is one run that draws on the budget.
type runner struct {
	name   string
	weight float64
	// spent is the run's virtual time at each gate: grants by weight.
	spent map[gateKey]float64
	seen  time.Time
}

// waiter is one claim in a queue.
type waiter struct {
	claim   Claim
	desk    *desk
	arrived uint64
	signal  chan struct{} // the shell's: holds one, look at the fields below
	grant   *Grant
	late    *LateError
	parked  time.Time // the claim waits for a closed bucket until then
	told    bool
}

// The numbers of fairness.
const (
	// newcomer is how many grants a run is ahead of the others when it comes
	// anew: a small run ends before a bulk job notices it.
	newcomer = 16
	// urgency is by how much a read that a plan waits for outweighs the rest.
	urgency = 8
	// forgotten is how long a run that asks for nothing keeps its place.
	forgotten = time.Minute
)

// weightOf is a weight as it is given, 1 where none is.
func weightOf(w float64) float64 {
	if w <= 0 {
		return 1
	}
	return w
}

// join finds or makes the line of a claim.
func (s *state) join(d *desk, f Flow, now time.Time) *line {
	r := s.runs[f.Run]
	if r == nil {
		r = &runner{name: f.Run, spent: map[gateKey]float64{}}
		s.runs[f.Run] = r
	}
	r.weight, r.seen = weightOf(f.Weight), now
	i := slices.IndexFunc(d.queues, func(q *queue) bool { return q.run == r })
	if i < 0 {
		i = len(d.queues)
		d.queues = append(d.queues, &queue{run: r})
	}
	q := d.queues[i]
	if q.waits() == 0 {
		for _, key := range d.gates {
			s.enter(r, key)
		}
	}
	step, weight := f.Step, weightOf(f.StepWeight)
	if f.Urgent {
		step, weight = step+"!", weight*urgency
	}
	i = slices.IndexFunc(q.lines, func(l *line) bool { return l.step == step })
	if i < 0 {
		i = len(q.lines)
		q.lines = append(q.lines, &line{step: step})
	}
	l := q.lines[i]
	l.weight = weight
	if len(l.claims) == 0 {
		l.spent = max(l.spent, q.turn)
	}
	return l
}

// enter gives a run its place in the virtual time of a gate: where the others
// are if it was away, a little before them if it is new.
func (s *state) enter(r *runner, key gateKey) {
	at, known := r.spent[key]
	if !known {
		r.spent[key] = s.turns[key] - newcomer/r.weight
		return
	}
	r.spent[key] = max(at, s.turns[key])
}

// waits is how many claims of the run wait here.
func (q *queue) waits() int {
	n := 0
	for _, l := range q.lines {
		n += len(l.claims)
	}
	return n
}

// front is the line of the queue whose turn it is; nil where nobody waits.
func (q *queue) front() *line {
	var best *line
	for _, l := range q.lines {
		if len(l.claims) == 0 {
			continue
		}
		if best == nil || l.spent < best.spent || l.spent == best.spent && l.claims[0].arrived < best.claims[0].arrived {
			best = l
		}
	}
	return best
}

// candidate is the claim of a run whose turn it could be.
type candidate struct {
	desk  *desk
	queue *queue
	line  *line
	tight gateKey // the gate that the desk's claims compete for
}

// before reports whether a's turn comes before b's: at one gate the run that
// had less of it, by weight; elsewhere they do not compete, and who came first
// goes first.
func (s *state) before(a, b candidate) bool {
	if a.tight == b.tight {
		if x, y := a.queue.run.spent[a.tight], b.queue.run.spent[b.tight]; x != y {
			return x < y
		}
	}
	return a.line.claims[0].arrived < b.line.claims[0].arrived
}

// pop takes the candidate's claim out of its line and charges run and step.
func (s *state) pop(c candidate) *waiter {
	w := c.line.claims[0]
	c.line.claims = slices.Delete(c.line.claims, 0, 1)
	c.desk.waiting--
	c.queue.turn = c.line.spent
	c.line.spent += 1 / c.line.weight
	return w
}

// charge notes that a run was granted one request at each gate of a desk.
func (s *state) charge(r *runner, d *desk) {
	for _, key := range d.gates {
		if _, known := r.spent[key]; !known {
			r.spent[key] = s.turns[key]
		}
		s.turns[key] = max(s.turns[key], r.spent[key])
		r.spent[key] += 1 / r.weight
	}
}

// remove takes a waiter out of its line, for good.
func (s *state) remove(w *waiter) {
	for _, q := range w.desk.queues {
		for _, l := range q.lines {
			if i := slices.Index(l.claims, w); i >= 0 {
				l.claims = slices.Delete(l.claims, i, i+1)
				w.desk.waiting--
			}
		}
	}
	s.settle()
}

// settle forgets the desks at which nobody waits.
func (s *state) settle() {
	s.waiting = slices.DeleteFunc(s.waiting, func(d *desk) bool { return d.waiting == 0 })
}

// forget drops runs that have not asked for a while, and their queues.
func (s *state) forget(now time.Time) {
	for name, r := range s.runs {
		if now.Sub(r.seen) < forgotten {
			continue
		}
		idle := true
		for _, d := range s.desks {
			for _, q := range d.queues {
				idle = idle && (q.run != r || q.waits() == 0)
			}
		}
		if !idle {
			continue
		}
		delete(s.runs, name)
		for _, d := range s.desks {
			d.queues = slices.DeleteFunc(d.queues, func(q *queue) bool { return q.run == r })
		}
	}
}
