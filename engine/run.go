package engine

import (
	"context"
	"sync"
	"time"

	"a0run/client/pace"
)

// DefaultConcurrency bounds the requests in flight of a run unless told
// otherwise.
const DefaultConcurrency = 16

// DefaultPatience bounds a call with its waits for the rate limit.
const DefaultPatience = 10 * time.Minute

// Config is what a run is made of; its zero value works.
type Config struct {
	// ID identifies the run; "" means a new one.
	ID string
	// Concurrency bounds the requests in flight; 0 means 16.
	Concurrency int
	// Patience bounds a call; 0 means 10 minutes.
	Patience time.Duration
	// Policy is how faults are retried; its Patience is the run's.
	Policy pace.Policy
	// Sink takes the events; nil means nowhere.
	Sink Sink
	// Redactor knows the secrets; nil means a new one.
	Redactor *Redactor
	// Now is the clock of what is written down, Random the source of jitter;
	// nil means time.Now and the runtime's.
	Now    func() time.Time
	Random func() float64
	// Stages are put around dispatch, the outermost first (replay, guard,
	// overlay, …).
	Stages []Stage
	// Key is the HMAC key of call keys; nil means a new random one.
	Key []byte
}

// A Run is one execution of a playbook.
type Run struct {
	cfg         Config
	concurrency int
	baton       baton
	parked      map[*Task]chan *turn // guarded by the baton
	tasks       sync.WaitGroup
	path        Doer
	slots       chan struct{}

	soft, hard       context.Context
	stop, cancelHard context.CancelCauseFunc

	onSuspend func() func() // guarded by the baton

	mu     sync.Mutex
	steps  []StepResult
	failed int // items that failed under Continue
	counts Counts
}

// Counts are the numbers of a run's status line and summary.
type Counts struct {
	Calls, Done, Failed, Parked, InFlight, Retried int
}

// OnSuspend sets what a front end must save when a task gives up the baton;
// the function it returns puts it back.
func (r *Run) OnSuspend(f func() func()) { r.onSuspend = f }

func (r *Run) suspend() func() {
	if r.onSuspend == nil {
		return func() {}
	}
	return r.onSuspend()
}

func (r *Run) itemsFailed(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed += n
}
