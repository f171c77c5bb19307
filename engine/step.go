package engine

import "time"

// Retry tries a step or an item again.
type Retry struct {
	// Times is how often it is tried again; 0 means never.
	Times int
	// Delay is the wait before the first further try; each one doubles it.
	Delay time.Duration
	// On names the errors that are worth another try; empty means all that can
	// be caught.
	On []string
}

// TryOptions bound a piece of work.
type TryOptions struct {
	// What names it in a timeout's message.
	What    string
	Timeout time.Duration
	Retry   Retry
}

// StepOptions are the options of a step, of the same names in both languages.
type StepOptions struct {
	ID, Name string
	Timeout  time.Duration
	Retry    Retry
	OnError  OnError
	Where    Position
}

// The states of a step in the summary.
const (
	StepOK      = "ok"
	StepFailed  = "failed"
	StepSkipped = "skipped"
)

// A StepResult is one line of a run's summary.
type StepResult struct {
	ID, Name string
	Task     string
	State    string
	// Reason says why a step was skipped ("when is false", "needs users, which
	// failed").
	Reason string
	Err    *Error
	Took   time.Duration
	Where  Position
}
