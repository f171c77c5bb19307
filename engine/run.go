package engine

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"iter"
	randv2 "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// DefaultConcurrency bounds the requests in flight of a run unless told
// otherwise. It is no aim: package pace finds how many of them a tenant is worth,
// and 16 was refused since it held up a tenant of 100 requests a second that takes
// 200 ms an answer.
const DefaultConcurrency = 64

// DefaultPatience bounds a call with its waits for the rate limit.
const DefaultPatience = 10 * time.Minute

// Config is what a run is made of; its zero value works.
type Config struct {
	// ID identifies the run; "" means a new one.
	ID string
	// Concurrency bounds the requests in flight; 0 means DefaultConcurrency.
	Concurrency int
	// Patience bounds a call; 0 means 10 minutes.
	Patience time.Duration
	// Policy is how faults are retried; its Patience is the run's.
	Policy pace.Policy
	// Weight is the run's share of the rate budget beside other runs; 0 means 1.
	// Urgent runs go before bulk work: their reads are waited for by a person.
	Weight float64
	Urgent bool
	// Sink takes the events; nil means nowhere.
	Sink Sink
	// Redactor knows the secrets; nil means a new one.
	Redactor *Redactor
	// Now is the clock of what is written down, Random the source of jitter;
	// nil means time.Now and the runtime's.
	Now    func() time.Time
	Random func() float64
	// API makes requests for stages that ask by themselves; may be nil.
	API API
	// Stages are put around dispatch, the outermost first (replay, guard,
	// overlay, …).
	Stages []Stage
	// Key is the HMAC key of call keys; nil means a new random one.
	Key []byte
	// Resume is the number of the last recorded wake (CallRecord.Wake) of a run
	// that is resumed; the order up to there is repeated. 0 means a new run.
	Resume int64
	// StepEnded is called with every step that has ended; nil means nobody asks.
	StepEnded func(s StepResult)
	// TaskEnded is called when an item of a parallel call has ended well, under
	// the baton; nil means nobody asks.
	TaskEnded func(t *Task)
	// Joined is called when a parallel call of a task has ended, under the
	// baton, with a test of which items it had, by what their tasks' paths add
	// to the task's own ("/2.auth0|ada"); its error ends the run. nil means
	// nobody asks.
	Joined func(t *Task, number int, had func(part string) bool) error
}

// An API makes actions of the operations of the catalogue, for stages and undo,
// which ask the tenant by themselves.
type API interface {
	// Request is one request of an operation, with its arguments by name, of
	// the tenant that stands for a role.
	Request(role string, op *catalog.Operation, args *Object) (*Action, error)
	// Walk gives every item of a listing; each page is a request that do
	// performs.
	Walk(role string, op *catalog.Operation, args *Object, do func(*Action) Outcome) iter.Seq2[json.RawMessage, error]
}

// A Run is one execution of a playbook.
type Run struct {
	cfg         Config
	concurrency int
	tellsCalls  bool // the sink wants to know of calls that begin and end
	baton       baton
	parked      map[*Task]*turn // guarded by the baton
	tasks       sync.WaitGroup
	idle        []chan work // workers without a task; guarded by the baton
	path        Doer
	slots       chan struct{}

	soft, hard       context.Context
	stop, cancelHard context.CancelCauseFunc

	onSuspend func() func() // guarded by the baton
	mac       hash.Hash     // of call keys; guarded by the baton, as is scratch
	scratch   []byte
	refs      refs       // guarded by the baton
	within    []*parking // tasks that a time limit may wake; guarded by the baton
	futures   []*Future  // ended with an error that nobody asked for yet; guarded by the baton

	mu        sync.Mutex
	steps     []StepResult
	states    map[string]int // how many steps ended in each state
	failures  []ItemError
	failed    int  // items that failed under Continue
	tolerated int  // steps that failed under Continue
	doubt     bool // the outcome of one of those is unknown
	counts    Counts
	loads     loads
	progress  *progress // nil where no parallel call is under way
	// toleratedKeys are the calls whose errors stand in results.
	toleratedKeys []string
}

// Counts are the numbers of a run's status line and summary.
type Counts struct {
	Calls, Done, Failed, Parked, InFlight, Retried int
	// Dropped calls were given up before they were sent, when the run was
	// stopped.
	Dropped int
	// Looks are requests that the playbook did not ask for: before-images,
	// guards, the search for a lost create. They are no Calls.
	Looks int
	// Replayed are the Calls that the journal answered.
	Replayed int
}

// NewRun makes a run; nothing happens yet.
func NewRun(cfg Config) *Run {
	if cfg.ID == "" {
		cfg.ID = NewID()
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Patience <= 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Redactor == nil {
		cfg.Redactor = NewRedactor()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = randv2.Float64
	}
	if cfg.Key == nil {
		cfg.Key = randomBytes(32)
	}
	r := &Run{
		cfg:         cfg,
		concurrency: cfg.Concurrency,
		parked:      map[*Task]*turn{},
		slots:       make(chan struct{}, cfg.Concurrency),
		states:      map[string]int{},
		loads:       loads{},
		mac:         hmac.New(sha256.New, cfg.Key),
		scratch:     make([]byte, 0, 512),
	}
	r.tellsCalls = wants(cfg.Sink, EventCallStarted) || wants(cfg.Sink, EventCallFinished)
	r.hard, r.cancelHard = context.WithCancelCause(context.Background())
	r.soft, r.stop = context.WithCancelCause(r.hard)
	if cfg.Resume > 0 {
		r.baton.repeat(cfg.Resume)
	}
	r.path = r.stack()
	return r
}

// stack is the one path on which every call travels, the outermost first. A
// stage knows no other; this is the only place that knows them all.
func (r *Run) stack() Doer {
	stages := slices.Concat(
		[]Stage{r.observe},
		r.cfg.Stages,
		[]Stage{r.dispatch},
	)
	path := Doer(DoerFunc(perform))
	for _, stage := range slices.Backward(stages) {
		path = stage(path)
	}
	return path
}

// NewID makes an identity for a run or a process.
func NewID() string { return hex.EncodeToString(randomBytes(8)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the process instead
	return b
}

// ID is the run's identity.
func (r *Run) ID() string { return r.cfg.ID }

// Redactor knows the run's secrets.
func (r *Run) Redactor() *Redactor { return r.cfg.Redactor }

// Concurrency is the bound of requests in flight.
func (r *Run) Concurrency() int { return r.concurrency }

// Patience bounds a call with its waits unless the action says otherwise.
func (r *Run) Patience() time.Duration { return r.cfg.Patience }

// Main runs fn as the main task, holding the baton, waits for every task, and
// returns its error. When ctx ends, everything is cut (Cancel); the first
// Ctrl-C is Stop. A task that failed without anybody waiting for it fails the
// run.
func (r *Run) Main(ctx context.Context, fn func(t *Task) error) error {
	unwatch := context.AfterFunc(ctx, func() { r.Cancel(context.Cause(ctx)) })
	defer unwatch()
	<-r.baton.enqueue().come
	defer r.baton.release()
	main := &Task{run: r, path: "main", canon: "main", ctx: r.soft}
	err := guard(func() error { return fn(main) })
	// Without the suspend hook: the front end of the main task has ended.
	r.baton.release()
	r.tasks.Wait()
	<-r.baton.enqueue().come
	r.dismiss()
	if err == nil {
		err = r.unclaimed()
	}
	return err
}

// unclaimed is the error of the first task that failed unseen.
func (r *Run) unclaimed() error {
	if len(r.futures) == 0 {
		return nil
	}
	f := r.futures[0]
	e := *AsError(f.err)
	e.Trace = append(slices.Clone(e.Trace), "in the task "+f.task.path+", for which nobody waited")
	return &e
}

// claim takes a future off those that failed unseen.
func (r *Run) claim(f *Future) {
	if f.err != nil {
		r.futures = slices.DeleteFunc(r.futures, func(other *Future) bool { return other == f })
	}
}

// Stop is the first Ctrl-C: no new calls, parked ones are dropped, those in
// flight finish. Cancel is the second. Both are callable from anywhere.
func (r *Run) Stop(cause error) { r.stop(interrupted(cause)) }

// Cancel cuts everything, also requests in flight.
func (r *Run) Cancel(cause error) { r.cancelHard(interrupted(cause)) }

// Fail is Stop for a reason that ends the run as it is: every task gets that
// error, which must be uncatchable. It is callable from anywhere.
func (r *Run) Fail(e *Error) { r.stop(e) }

// Stopping reports whether Stop, Cancel or Fail was called; callable from
// anywhere.
func (r *Run) Stopping() bool { return r.soft.Err() != nil }

// interrupted is the error that every call gives from now on.
func interrupted(cause error) *Error {
	var e *Error
	if errors.As(cause, &e) && e.Name == NameInterrupted {
		return e
	}
	msg := "the run was interrupted"
	if cause != nil && !errors.Is(cause, context.Canceled) && !strings.HasSuffix(msg, cause.Error()) {
		msg += ": " + cause.Error()
	}
	return &Error{Name: NameInterrupted, Message: msg, ResetAt: -1, Cause: cause}
}

// Counts are the numbers so far; callable from anywhere.
func (r *Run) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

func (r *Run) count(change func(c *Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

// ItemsFailed is how many items failed under on_error = "continue".
func (r *Run) ItemsFailed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Emit gives an event to the sink, with time, run and redaction filled in;
// callable from anywhere.
func (r *Run) Emit(e Event) {
	if r.cfg.Sink == nil {
		return
	}
	e.Version = EventVersion
	e.Run = r.cfg.ID
	if e.Time.IsZero() {
		e.Time = r.cfg.Now()
	}
	red := r.cfg.Redactor
	for _, s := range []*string{&e.Task, &e.Step, &e.Text, &e.Error, &e.Where} {
		*s = red.Redact(*s)
	}
	if len(e.Fields) > 0 {
		e.Fields = []byte(red.Redact(string(e.Fields)))
	}
	r.cfg.Sink.Emit(e)
}

// ExitCode is what the command exits with after Main gave err.
func (r *Run) ExitCode(err error) int {
	var coder ExitCoder
	switch {
	case err == nil:
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case r.doubt:
			return ExitInDoubt
		case r.failed+r.tolerated > 0:
			return ExitItems
		}
		return ExitOK
	case errors.As(err, &coder):
		return coder.ExitCode()
	}
	return ExitFailed
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

func (r *Run) itemsFailed(failed []ItemError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed += len(failed)
	for _, f := range failed {
		r.doubt = r.doubt || f.Err.doubtful()
		r.toleratedKeys = append(r.toleratedKeys, CallKeys(f.Err)...)
		if len(r.failures) < keptFailures || f.Err.doubtful() && len(r.failures) < 2*keptFailures {
			r.failures = append(r.failures, ItemError{Key: f.Key, Err: f.Err})
		}
	}
}

// Tolerated are the keys of the calls whose errors stand in results under
// on_error = "continue"; callable from anywhere.
func (r *Run) Tolerated() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.toleratedKeys)
}

// keptFailures bounds what Failures tells; doubtful ones get as much room
// again.
const keptFailures = 10

// Failures are the first items that failed under on_error = "continue", without
// their values; ItemsFailed counts all.
func (r *Run) Failures() []ItemError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.failures)
}
