package serve

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/plan"
	"a0run/engine/undo"
)

// A Control is what whoever stands outside sees and commands of the service:
// the control room's pages, its HTTP API, a test. Who may do what is decided
// before a Control is asked; every command takes the Actor, and what was done
// is in the audit when it returns.
//
// Its methods are safe for concurrent use and return at once: a run that was
// started, cancelled or resumed is followed by Watch or Feed. What cannot be
// done is a *Refusal. No text that it gives holds a secret: parameters,
// arguments and answers in the journal are sealed, and Shown hides them.
type Control interface {
	Views
	Commands
	Approver
	Ledger
}

// Views is what is to be seen.
type Views interface {
	// Health is whether the service lives and works.
	Health(ctx context.Context) Health
	// WriteMetrics writes the Prometheus text format.
	WriteMetrics(ctx context.Context, out io.Writer) error

	// History is the journal: runs (those that are queued among them), calls,
	// steps, and what touched an object.
	History() *journal.DB
	// Shown is a text of the journal as people may see it: what rests encrypted
	// only because everything does (encrypt: all) is opened, secrets become
	// "[secret]".
	Shown(sealed json.RawMessage) json.RawMessage
	// ShownText is Shown for what is no JSON: RunRecord.Error and the like.
	ShownText(said string) string

	// Schedules are all schedules by id, and those of the journal's past that no
	// file has any more, which are Gone.
	Schedules(ctx context.Context) ([]Schedule, error)
	// Schedule is one of them; a *Refusal of kind NotFound where there is none.
	Schedule(ctx context.Context, id string) (Schedule, error)
	// Fires are the due times of a schedule ("" for all schedules) before a time
	// (zero: all) and what became of them, the newest first.
	Fires(ctx context.Context, schedule string, before time.Time, limit int) ([]Fire, error)
	// Upcoming are the next due times of all schedules that are not paused, in
	// their order, at most limit of them.
	Upcoming(ctx context.Context, after, until time.Time, limit int) ([]Due, error)
	// Queue are the runs that wait, in the order in which they will start, and
	// why each waits.
	Queue(ctx context.Context) ([]Queued, error)
	// Active are the runs that are being executed now.
	Active(ctx context.Context) ([]Live, error)
	// Live is how a run stands while it is executed; false where it is not.
	Live(run string) (Live, bool)

	// Tenants are those of a0run.yaml.
	Tenants(ctx context.Context) ([]TenantView, error)
	// Playbooks are those that the service knows, by id; Playbook is one with
	// its source. A broken one is listed with what is wrong.
	Playbooks(ctx context.Context) ([]PlaybookView, error)
	Playbook(ctx context.Context, id string) (PlaybookView, error)
	// Problems are the files whose newest version is broken: the service works
	// with the version before.
	Problems() []FileProblem

	// Watch gives the events of a run that is executed here, from the first that
	// is still kept on. After its end, and for a run that is executed elsewhere,
	// the feed has ended (io.EOF): the journal tells the rest.
	Watch(run string) *Feed[engine.Event]
	// Changes tells that something is other than it was: a run was queued, has
	// started or ended, a schedule was paused, files were read again.
	Changes() *Feed[Change]
}

// Commands are what can be done.
type Commands interface {
	// Start queues a run of a playbook and gives its id.
	Start(ctx context.Context, by Actor, s Start) (run string, err error)
	// RunNow queues a run of a schedule with the schedule's params and tenant,
	// beside its due times.
	RunNow(ctx context.Context, by Actor, schedule string) (run string, err error)
	// Pause stops a schedule from firing, until a time or (zero) until Unpause.
	// Its runs go on.
	Pause(ctx context.Context, by Actor, schedule string, until time.Time, reason string) error
	Unpause(ctx context.Context, by Actor, schedule string) error
	// Cancel takes a queued run out of the queue, and asks a run that is executed
	// to stop: no new calls, those in flight end and are recorded, so that it can
	// be resumed.
	Cancel(ctx context.Context, by Actor, run string) error
	// Resume queues a run that did not end well to go on where it was.
	Resume(ctx context.Context, by Actor, run string, o ResumeOptions) error
	// PreviewUndo finds out what an undo would do; it asks the tenant and changes
	// nothing. Undo queues one and gives its own run's id.
	PreviewUndo(ctx context.Context, run string, o UndoOptions) (*undo.Preview, error)
	Undo(ctx context.Context, by Actor, run string, o UndoOptions) (undoing string, err error)
	// Reload reads a0run.yaml and the playbooks again at once, as a change of the
	// files does by itself.
	Reload(ctx context.Context, by Actor) ([]FileProblem, error)
}

// Approver is where a person decides what a schedule marked approve: true
// may change.
type Approver interface {
	// Approvals are the plans that wait, or with decided those that were
	// decided, the newest first.
	Approvals(ctx context.Context, decided bool) ([]Approval, error)
	// Approval is one of them, with its plan. id is the run's.
	Approval(ctx context.Context, id string) (Approval, error)
	// Approve queues exactly the plan with this digest to be applied. Another
	// digest, a decided plan and one that has lapsed are refused (Conflict).
	Approve(ctx context.Context, by Actor, id, digest string) (run string, err error)
	Reject(ctx context.Context, by Actor, id, reason string) error
}

// Ledger is who did what.
type Ledger interface {
	// Audit writes what somebody did, or tried; the commands of Control write
	// theirs by themselves.
	Audit(ctx context.Context, e AuditEntry) error
	// Audits reads it, the newest first, from before an entry's No (0: all).
	Audits(ctx context.Context, before int64, limit int) ([]AuditEntry, error)
}

// An Actor is who commands.
type Actor struct {
	// Name is a person's or token's name, as "ada@example.com" or "token ci";
	// the service itself is "serve".
	Name string
	// Role is viewer, operator or admin.
	Role string
	// From is the address; may be "".
	From string
}

// An AuditEntry is one thing that somebody did.
type AuditEntry struct {
	No      int64
	At      time.Time
	By      Actor
	Action  string // "run.start", "schedule.pause", "login", …
	Subject string // the run, schedule or plan
	Detail  string // for people; no secrets
	// Refused says why it was not done; "" where it was.
	Refused string
}

// RefusalKind says which kind of mistake a Refusal is.
type RefusalKind string

// The kinds.
const (
	NotFound RefusalKind = "not found"
	Conflict RefusalKind = "conflict" // not in the state that it is in
	Invalid  RefusalKind = "invalid"  // params, tenant, …
	Stopping RefusalKind = "stopping" // the service drains and takes nothing new
)

// A Refusal says why a command was not carried out, and what to do.
type Refusal struct {
	Kind     RefusalKind
	Message  string
	HintText string
	// Fields are mistakes by the name of a parameter.
	Fields map[string]string
}

func (e *Refusal) Error() string { return e.Message }

// Hint is what to do instead.
func (e *Refusal) Hint() string { return e.HintText }

// A Start is a run that somebody asks for.
type Start struct {
	// Playbook is a PlaybookView.ID.
	Playbook string
	// Params are values by name. Texts are read by the parameter's type, so that
	// a form's fields can be given as they are.
	Params map[string]any
	// Tenants are the tenants by role; what is left out is the head's or the
	// default. The one role of a playbook that declares none is "default".
	Tenants map[string]string
	// Plan makes a plan for a person to approve instead of running.
	Plan bool
	// Yes goes ahead where a guard asks for a person (production tenants).
	Yes bool
	// Why is for people; may be "".
	Why string
}

// ResumeOptions are those of `a0run resume`.
type ResumeOptions struct{ RetryFailed, AcceptChanges bool }

// UndoOptions are those of `a0run undo`.
type UndoOptions struct{ Only, Force []string }

// A Health is how the service stands.
type Health struct {
	// Live is false where the process should be restarted; Ready where it starts
	// nothing: it drains, stands by, or cannot write its journal.
	Live, Ready bool
	// Why says what is wrong; "" where nothing is.
	Why     string
	Version string
	Started time.Time
	// Standby says that another process serves this journal.
	Standby, Draining bool
	Running, Queued   int
	// Journal is its file.
	Journal string
	// Problems are Problems().
	Problems []FileProblem
}

// A FileProblem is a file whose newest version cannot be used.
type FileProblem struct {
	File string
	// Text is what is wrong, line by line, with places.
	Text  string
	Since time.Time
	// Kept says that the version before is in use; else there is none.
	Kept bool
}

// A Schedule is a schedule with what it did and will do.
type Schedule struct {
	ID string
	// Playbook is a PlaybookView.ID, Where the place of the schedule's text.
	Playbook, Where string
	Description     string
	// Spec is what is written, as "cron 0 3 * * *"; Words says it in words; Zone
	// is the IANA name of the zone.
	Spec, Words, Zone string
	Tenants           map[string]string
	// Params are as they are written; those of type secret are "[secret]".
	Params json.RawMessage
	// The policies, as they are written or by default.
	Missed, Overlap string
	MissedLimit     int
	Timeout, Jitter time.Duration
	Retries         int
	Approve         bool
	// Paused says that it does not fire; PausedBy "a0run.yaml" where the file
	// says so, which Unpause cannot change.
	Paused       bool
	PausedBy     string
	PausedReason string
	PausedUntil  time.Time // zero: until somebody unpauses it
	// Next are the next due times, three at most; none of a paused schedule.
	Next []time.Time
	// Last is its newest due time; nil before the first. Recent are the newest
	// 30, the oldest first, for bars.
	Last   *Fire
	Recent []Fire
	// Running and Waiting are the ids of its runs.
	Running, Waiting []string
	// Gone says that no file has the schedule any more.
	Gone bool
}

// The outcomes of a due time.
const (
	FireRun      = "run"      // a run was made of it: Run, Status
	FireSkipped  = "skipped"  // overlap: skip, and the run before it still ran
	FireMissed   = "missed"   // the service did not run, or its limit was reached
	FireCovered  = "covered"  // missed: once, and a later due time stands for it
	FireBlackout = "blackout" // inside a blackout window
	FirePaused   = "paused"
)

// A Fire is one due time of a schedule and what became of it.
type Fire struct {
	Schedule string
	Due      time.Time
	// At is when it was decided, Outcome what (FireRun, …), Why for people.
	At           time.Time
	Outcome, Why string
	// Run is the run; its Status is that of engine.RunRecord, Took its length so
	// far.
	Run, Status string
	Took        time.Duration
}

// A Due is a due time that is to come.
type Due struct {
	Schedule, Playbook string
	At                 time.Time
	// Note says what is special about it: "the clocks go forward at 02:00".
	Note string
	// Blackout says that it falls into a blackout window and will not run.
	Blackout bool
}

// A Queued is a run that waits.
type Queued struct {
	Run      string
	Playbook string // a PlaybookView.ID, or the path
	Kind     string // engine.KindRun, KindApply, KindUndo, KindPlan
	Since    time.Time
	Schedule string
	Due      time.Time // zero where no schedule asked for it
	Who, Why string
	Tenants  map[string]string
	// Waits says for what: "the tenant production runs 2 of 2", "until 03:05".
	Waits     string
	NotBefore time.Time
	// Resume says that the run has begun before.
	Resume bool
}

// A Live is a run that is being executed.
type Live struct {
	Run, Playbook, Kind, Schedule, Who string
	Due, Started                       time.Time
	Tenants                            map[string]string
	Cancelling                         bool
	Counts                             engine.Counts
	// Rate are the calls that ended in each of the last seconds since the first
	// call, without a gap, the newest last, at most 300.
	Rate []Second
	// Parked are the calls that wait for the rate limit, at most 100.
	Parked []ParkedCall
	// Usual is how long the playbook's runs took lately (median); 0 where there
	// is none. Left is how long the run will still take: as it estimates itself
	// (Estimated), else what is left of the usual time or of the schedule's
	// timeout. Part is the part of its time that is over, from 0 to 1; -1 where
	// nobody knows.
	Usual, Left time.Duration
	Estimated   bool
	Part        float64
	Deadline    time.Time
}

// A Second is one second of a run.
type Second struct {
	At time.Time
	// Calls ended, Failed of them in an error; Parked began to wait for the rate
	// limit, InFlight is at its end.
	Calls, Failed, Parked, InFlight int
	// Remaining and Limit are what is left of the tenant's rate limit, as the run
	// told in that second; -1 where it told nothing.
	Remaining, Limit int
}

// A ParkedCall is a call that waits for the rate limit.
type ParkedCall struct {
	Task, Operation, Tenant string
	N                       int
	Until                   time.Time
}

// A TenantView is a tenant of a0run.yaml.
type TenantView struct {
	Name, Domain string
	Production   bool
	// Limit is how many runs at a time it may have; 0 is no limit.
	Limit           int
	Running, Queued int
	// Rate are the requests a second that the service's runs had answered in the
	// last minute. Remaining of Budget requests are left of its rate limit, as
	// its runs tell: of the bucket that holds them up most; -1 where no run has
	// told anything in the last seconds. PerSecond is how fast it fills (0: not
	// known yet), Reset when it is whole again.
	Rate              float64
	Remaining, Budget int
	PerSecond         float64
	Reset             time.Time
	// Today are the calls, writes and runs of the last 24 hours.
	Calls, Writes, Runs int
}

// A PlaybookView is a playbook that can be started.
type PlaybookView struct {
	// ID is its path from the folder of a0run.yaml, with slashes.
	ID, Name, Description string
	Path                  string
	Language              string // lua, yaml
	Roles                 []RoleView
	Params                []engine.ParamDecl
	// Schema is a JSON Schema (2020-12) of the params.
	Schema json.RawMessage
	// Source is its text; only Playbook fills it in.
	Source    string
	Schedules []string
	// Broken is what is wrong with the newest version; "" where nothing is.
	Broken string
}

// A RoleView is a role of a playbook, and the tenant that it has by default; ""
// where one must be said.
type RoleView struct{ Role, Description, Tenant string }

// The kinds of changes.
const (
	ChangeRun      = "run"
	ChangeSchedule = "schedule"
	ChangeApproval = "approval"
	ChangeFiles    = "files"
	ChangeService  = "service"
)

// ReloadAsked is the State of files that were read again because somebody asked.
const ReloadAsked = "asked"

// A Change says what is other than it was; whoever shows it asks again.
type Change struct {
	Kind string
	ID   string // of the run, the schedule, the approval's run
	At   time.Time
	// State is a run's: queued, running, or its status at its end. Of files it is
	// ReloadAsked where somebody asked for them to be read.
	State string
	// Error is that of a run that ended with one.
	Error string
	// Schedule, Playbook and Tenants are the run's, and Exit its exit code.
	Schedule, Playbook string
	Tenants            map[string]string
	Exit               int
	// Recovered says that the schedule's run before this one failed.
	Recovered bool
	// Missed are the due times that did not run, for a schedule.
	Missed []time.Time
}

// The states of an approval.
const (
	ApprovalWaiting  = "waiting"
	ApprovalApproved = "approved"
	ApprovalRejected = "rejected"
	ApprovalLapsed   = "lapsed"
	ApprovalEmpty    = "nothing to do" // the plan changes nothing
)

// An Approval is a plan that waits for a person, or did.
type Approval struct {
	// ID is the id of the run that made the plan, which is the due time's run.
	ID       string
	Schedule string
	Playbook string
	Due      time.Time
	Tenants  map[string]string
	State    string
	// Made is when the plan was made, Lapses when nobody may approve it any more.
	Made, Lapses time.Time
	// Digest names exactly this plan.
	Digest string
	// Summary is one line: "3 users changed, 1 deleted".
	Summary string
	// Plan is the plan, with its secrets hidden; only Approval fills it in.
	Plan *plan.Plan
	// By, At and Reason are the decision's; Run is the run that applies it.
	By     string
	At     time.Time
	Reason string
	Run    string
}
