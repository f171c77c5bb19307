package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// A Journal keeps the whole truth of runs: what was asked of the outside, what
// was about to be sent, and what came of it. One machine keeps it in SQLite
// (engine/journal); nothing outside that room assumes the same process or the
// same disk, and every implementation passes engine/journal/journaltest.
//
// A run belongs to one owner at a time. Begin and Claim give a Lease, whose
// epoch grows with every claim; a write of an old epoch changes nothing and
// fails with ErrFenced, which ends that execution.
//
// What a record holds is sealed before it comes here: a journal stores texts
// and never sees a secret. It is safe for concurrent use.
type Journal interface {
	// Begin writes a new run, whose ID is set, and claims it. A run that was
	// queued under this ID is begun: its Who, Schedule, Due and Why stay.
	Begin(ctx context.Context, run *RunRecord, owner Owner) (Lease, error)
	// Claim takes a run over. It is refused while the owner's heartbeat lives
	// (*HeldError), when the run is unknown (ErrNoRun), and when it has ended
	// well (ErrEnded). It raises the epoch.
	Claim(ctx context.Context, run string, owner Owner) (Lease, error)
	// Renew extends all leases of an owner, one write for all of them, and
	// gives the runs that somebody asked to cancel. The leases' new end is
	// returned; it is measured from before the write.
	Renew(ctx context.Context, owner Owner) (until time.Time, cancel []string, err error)
	// Release gives a run up without ending it: it can be claimed at once.
	Release(ctx context.Context, l Lease) error
	// Run reads a run's head; ErrNoRun where there is none. id may be the
	// beginning of an ID when that names one run only.
	Run(ctx context.Context, id string) (*RunRecord, error)
	// Load hands out a run's calls in the order of their Seq, from the first
	// after the given one on. Logs and prints are among them.
	Load(ctx context.Context, run string, after int64) iter.Seq2[*CallRecord, error]
	// Find reads one call by its key; nil, nil where there is none.
	Find(ctx context.Context, run, key string) (*CallRecord, error)
	// Writes counts the mutating calls (Mutates) of a run that have a record
	// of State other than StateRefused and StateEnded, whose task is the given
	// one or, with below, lies below it ("main/2." takes main/2.x and
	// main/2.x/1.y).
	Writes(ctx context.Context, run, task string, below bool) (int, error)
	// Intent writes that a mutating call is about to be sent. It has returned
	// only when the record survives a kill of the process and, where
	// rec.Durable is set, a loss of power; concurrent intents share the sync.
	// A second intent of the same key (another attempt) replaces the first.
	Intent(ctx context.Context, l Lease, rec *CallRecord) error
	// Record writes what came of a call, replacing its intent where there is
	// one. Records are written in the order of the calls of Record, Intent and
	// Step; Record itself does not wait: the Ack does, until the record
	// survives a kill of the process. Record gives rec its Seq.
	Record(l Lease, rec *CallRecord) Ack
	// Step writes that a step has ended, without waiting.
	Step(l Lease, s *StepRecord)
	// Finish flushes everything, ends the run and releases it.
	Finish(ctx context.Context, l Lease, end RunEnd) error
}

// An Owner is who executes runs: one process. Two processes never share an ID.
type Owner struct {
	ID   string // unique for the process
	Name string // for people: "pid 4711 on host"
	// TTL is how long a lease lives without Renew.
	TTL time.Duration
}

// A Lease is the right to write a run.
type Lease struct {
	Run   string
	Epoch int64
	Owner string
	Until time.Time
}

// An Ack tells when a record is safe. Done is closed then, or when it failed;
// Err is for after that.
type Ack interface {
	Done() <-chan struct{}
	Err() error
}

// The errors of a journal that are told apart.
var (
	// ErrNoRun says that a run is not in the journal.
	ErrNoRun = errors.New("there is no such run")
	// ErrEnded says that a run has ended and cannot be claimed.
	ErrEnded = errors.New("the run has ended")
	// ErrFenced says that somebody else has claimed the run meanwhile.
	ErrFenced = errors.New("the run was taken over by another process")
)

// A HeldError says who executes a run.
type HeldError struct {
	Run, Owner string
	Since      time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("run %s is being executed by %s since %s", e.Run, e.Owner, e.Since.UTC().Format(time.RFC3339))
}

// Hint is what to do.
func (e *HeldError) Hint() string {
	return "wait for it to end (a0run runs follow " + e.Run + "), or stop that process"
}

// The kinds of runs.
const (
	KindRun   = "run"
	KindApply = "apply"
	KindUndo  = "undo"
	// KindPlan makes a plan that a person has to approve; it changes nothing.
	KindPlan = "plan"
)

// The states of a run.
const (
	RunRunning     = "running" // being executed, or its process was killed
	RunDone        = "done"
	RunItems       = "items" // the end was reached, items failed
	RunFailed      = "failed"
	RunInterrupted = "interrupted"
	RunInDoubt     = "in doubt"
	RunRefused     = "refused" // by a guard
	RunMoved       = "moved"   // the tenant moved since the plan
	RunQueued      = "queued"  // the service will begin it
	// RunSetAside was being executed in two crashes of the service, which does
	// not resume it a third time.
	RunSetAside = "set aside"
)

// A RunRecord is the head of a run.
type RunRecord struct {
	ID   string
	Kind string
	// Of is the run that an undo puts back, or the id of the plan that an
	// apply applies.
	Of string
	// Playbook is the absolute path of the playbook's file, Name what its head
	// calls it, Hash the SHA-256 of its text in hex.
	Playbook, Name, Hash string
	// Params are the values of the parameters; secrets are sealed.
	Params json.RawMessage
	// Tenants are the tenants by role.
	Tenants []TenantRecord
	// Options are the command's own: what it needs to resume the run.
	Options json.RawMessage
	// Who, Host and Version tell by whom and by what it was started.
	Who, Host, Version string
	// Schedule is the schedule that the run was made by, Due its due time: zero
	// where a person asked for a run of the schedule. A journal keeps one run at
	// most of each schedule and due time. Why is for people.
	Schedule string
	Due      time.Time
	Why      string
	Started  time.Time
	// Ended is zero while the run is not finished.
	Ended  time.Time
	Status string
	Exit   int
	Error  string
	// Calls and Writes count the records of operations, and those that mutate.
	// They are kept by the journal.
	Calls, Writes int
	// UndoneBy is the undo that has put the run back, and that was not undone
	// itself; "" where there is none.
	UndoneBy string
	// UndonePart says that UndoneBy has put back a part of the run only: it was
	// told which (--only), or it has not reached its end.
	UndonePart bool
	// LastSeq and LastWake are the largest of the run's records.
	LastSeq, LastWake int64
	// Epoch is that of the last claim, Owner who made it.
	Epoch int64
	Owner string
	// Live says that the owner's heartbeat lives.
	Live bool
}

// A TenantRecord is a tenant of a run.
type TenantRecord struct {
	Role   string `json:"role"`
	Name   string `json:"name"`
	Domain string `json:"domain"`
	// Local tenants are gone with their process.
	Local bool `json:"local,omitempty"`
}

// A RunEnd is how a run ended.
type RunEnd struct {
	Status string
	Exit   int
	Error  string
	At     time.Time
	// Ended are the keys of the calls whose error ended the run: they become
	// StateEnded and are sent again when the run is resumed. Tolerated are
	// those whose error stands in a result under on_error = "continue".
	Ended, Tolerated []string
}

// The states of a call's record.
const (
	// StateBegun is an intent: the call was about to be sent, and nothing is
	// known of what came of it.
	StateBegun = "begun"
	// StateRefused is an intent that did not come to pass: the attempt was
	// answered 429 or refused at the door. It is sent again.
	StateRefused = "refused"
	StateDone    = "done"
	StateFailed  = "failed"
	// StateEnded failed, and the error ended the run; it is sent again.
	StateEnded = "ended"
	// StateDoubt was sent, no answer came, and looking did not help.
	StateDoubt = "in doubt"
	// StateResolved was in doubt and a person has said that it was done;
	// Object names what it made, where that person named it.
	StateResolved = "resolved"
)

// A CallRecord is one call of a run: an operation, a host function, a line
// that the playbook printed or logged.
type CallRecord struct {
	// Seq is the record's place in the order in which outcomes were written.
	Seq int64
	// Key identifies the call in its run.
	Key string
	// Wake is the call's place in the order in which blocked tasks were woken,
	// from 1; 0 for calls that block nobody.
	Wake int64
	// Task, N and Where are the task's path, the how-many-th call of it, and
	// the place in the playbook.
	Task  string
	N     int
	Where string
	// Step is the step of the playbook that the call belongs to; may be "".
	Step string
	// Operation, Tenant (the role) and Effect are the action's. Mutates says
	// that the call changes the tenant or a file.
	Operation, Tenant, Effect string
	Mutates                   bool
	// Kind and Object are the object that is touched, by the catalogue's kind
	// and its id.
	Kind, Object string
	// Also are the further objects that a mutating call touches: the other side
	// of a relation, the object above (see catalog.Subject.Also); MostAlso of
	// them at most, AlsoMore counts those that were left out. They are written
	// with the call's first record, for the history of those objects; Load and
	// Find do not read them.
	Also     []ObjectRef
	AlsoMore int
	// Args are the arguments as JSON, Value what the playbook got, Failure the
	// error that it got (see Failure), Before what stood there before the call
	// (see Image), Note what the call's stages wrote beside the intent. All are
	// sealed texts.
	Args, Value, Failure, Before, Note json.RawMessage
	// Status is the HTTP status where there was one.
	Status int
	State  string
	// Attempts are the attempts that failed, and with what.
	Attempts []AttemptRecord
	// Tolerated failures stand in a result under on_error = "continue".
	Tolerated bool
	// Waited is the time the call spent waiting for the rate limit.
	Waited       time.Duration
	Began, Ended time.Time
	// Durable asks that the intent survives a loss of power.
	Durable bool
}

// TakenUp reports whether a run has gone on with what a person said of a call:
// its outcome is then what the playbook was given, and no failure any more.
func (r *CallRecord) TakenUp() bool {
	return r.State == StateResolved && len(r.Failure) == 0 && r.Status != 0
}

// MostAlso is how many objects a record names beside its subject.
const MostAlso = 1000

// An ObjectRef names an object by the catalogue's kind and its id.
type ObjectRef struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// An AttemptRecord is one attempt that failed.
type AttemptRecord struct {
	At     time.Time `json:"at"`
	Fault  string    `json:"fault"` // rate_limited, not_sent, uncertain, final
	Status int       `json:"status,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// A StepRecord is one step of a run that ended.
type StepRecord struct {
	ID, Name, Task, Where string
	State, Reason, Error  string
	Began                 time.Time
	Took                  time.Duration
}
