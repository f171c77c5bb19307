package serve

import (
	"context"
	"encoding/json"
	"time"

	"a0run/engine"
	"a0run/engine/plan"
	"a0run/engine/undo"
)

// A Spec is what a job starts. It rests sealed in the journal, since parameters
// may be secret.
type Spec struct {
	Kind     string            `json:"kind"`     // engine.KindRun, KindApply, KindUndo, KindPlan
	Playbook string            `json:"playbook"` // the absolute path
	Params   json.RawMessage   `json:"params,omitempty"`
	Tenants  map[string]string `json:"tenants,omitempty"` // by role
	Yes      bool              `json:"yes,omitempty"`
	// Of is the run that is undone, with what of it; Plan the file of the plan
	// that is made or applied.
	Of    string   `json:"of,omitempty"`
	Only  []string `json:"only,omitempty"`
	Force []string `json:"force,omitempty"`
	Plan  string   `json:"plan,omitempty"`
	// Digest is the SHA-256 of exactly the plan that was approved, in hex.
	Digest string `json:"digest,omitempty"`
	// For a run that is resumed.
	RetryFailed   bool `json:"retry_failed,omitempty"`
	AcceptChanges bool `json:"accept_changes,omitempty"`
	// Of the schedule, when it was due.
	Parallel   bool          `json:"parallel,omitempty"`
	Timeout    time.Duration `json:"timeout,omitempty"`
	Retries    int           `json:"retries,omitempty"`
	RetryDelay time.Duration `json:"retry_delay,omitempty"`
	Lapse      time.Duration `json:"lapse,omitempty"`
}

// A Task is one execution of a run.
type Task struct {
	Spec
	Run string `json:"run"`
	// Resume says that the run has begun before.
	Resume bool   `json:"resume,omitempty"`
	Who    string `json:"who,omitempty"`
	// Files are texts that stand for those on the disk, by path: the versions
	// before those that are broken.
	Files map[string]string `json:"files,omitempty"`
}

// A Runner executes runs. Its methods are safe for concurrent use.
type Runner interface {
	// Start executes a run: it begins it in the journal under the task's ID, or
	// resumes it, and ends it there. sink takes its events, redacted, one after
	// the other, and no more once Done is closed. An error says that nothing was
	// started.
	Start(task Task, sink func(engine.Event)) (Execution, error)
	// PreviewUndo says what an undo would do, and changes nothing.
	PreviewUndo(ctx context.Context, run string, o UndoOptions) (*undo.Preview, error)
	// ReadPlan reads a plan's file, its secrets hidden.
	ReadPlan(file string) (*plan.Plan, error)
}

// An Execution is a run that is being executed.
type Execution interface {
	// Stop asks it to end so that it can be resumed: no new calls, those in
	// flight end and are recorded. Kill ends it at once, and the run can be
	// resumed all the same. Both may be called at any time and return at once.
	Stop()
	Kill()
	// Done is closed at its end; Result is for after that.
	Done() <-chan struct{}
	Result() Result
}

// A Result is how an execution ended. What became of the run is in the journal.
type Result struct {
	Exit int
	// Error is what was said last, for a run that the journal knows nothing of.
	Error string
	// Crashed says that it did not end by itself.
	Crashed bool
}
