package engine

import (
	"encoding/json"
	"time"
)

// EventVersion is the version of the event schema; it grows when a field
// changes its meaning or goes away, not when one is added.
const EventVersion = 1

// The kinds of events.
const (
	EventRunStarted   = "run_started"
	EventRunFinished  = "run_finished"
	EventStepStarted  = "step_started"
	EventStepFinished = "step_finished"
	EventCallStarted  = "call_started"
	EventCallFinished = "call_finished"
	EventCallParked   = "call_parked"
	EventCallRetried  = "call_retried"
	EventLog          = "log"
	EventPrint        = "print"
	EventBudget       = "budget"
)

// An Event is one thing that happened in a run; with --json it is one line of
// output. Secrets are taken out before a sink sees it.
type Event struct {
	Version int       `json:"v"`
	Time    time.Time `json:"time"`
	Kind    string    `json:"event"`
	Run     string    `json:"run"`
	Task    string    `json:"task,omitempty"`
	Key     string    `json:"key,omitempty"`
	N       int       `json:"n,omitempty"`
	Where   string    `json:"where,omitempty"`

	Operation string     `json:"operation,omitempty"`
	Tenant    string     `json:"tenant,omitempty"`
	Attempt   int        `json:"attempt,omitempty"`
	Status    int        `json:"status,omitempty"`
	Until     *time.Time `json:"until,omitempty"`
	WaitMS    int64      `json:"wait_ms,omitempty"`
	TookMS    float64    `json:"took_ms,omitempty"`

	// Replayed says that the journal had the call's outcome: nothing was sent.
	Replayed bool `json:"replayed,omitempty"`

	Step  string `json:"step,omitempty"`
	State string `json:"state,omitempty"` // ok, failed, skipped
	// Inner marks the step of an item of a loop, Inside counts such steps in the
	// step around the loop.
	Inner  bool            `json:"inner,omitempty"`
	Inside *Inside         `json:"inside,omitempty"`
	Level  string          `json:"level,omitempty"`
	Text   string          `json:"text,omitempty"`
	Error  string          `json:"error,omitempty"`
	Name   string          `json:"name,omitempty"` // the error's name
	Exit   *int            `json:"exit,omitempty"`
	Fields json.RawMessage `json:"fields,omitempty"`

	// Budget is told about once a second while calls are made.
	Budget *Budget `json:"budget,omitempty"`
}

// A Budget is how a run stands with the rate limit of a tenant.
type Budget struct {
	// Rate is how many calls a second of the tenant the run had answered since
	// the event before.
	Rate float64 `json:"rate"`
	// Bucket is the tenant's bucket that holds the run up most, Limit its size,
	// Remaining what should be left in it, PerSecond how fast it fills, and Full
	// when it is whole again. They are absent where the tenant has told nothing.
	Bucket    string     `json:"bucket,omitempty"`
	Limit     int        `json:"limit,omitempty"`
	Remaining *int       `json:"remaining,omitempty"`
	PerSecond float64    `json:"per_second,omitempty"`
	Full      *time.Time `json:"full,omitempty"`
	// Waiting calls have not had their turn yet; of those, Parked stand at a bucket
	// that the tenant has closed.
	Waiting int `json:"waiting"`
	Parked  int `json:"parked"`
	// LeftMS is how long the run's outermost parallel call will still take, in
	// milliseconds; absent where nobody knows.
	LeftMS *int64 `json:"left_ms,omitempty"`
}

// A Sink takes events; it is called by many goroutines.
type Sink interface {
	Emit(e Event)
}

// A Picky is a Sink that leaves kinds of events out. The run asks once, and does not make
// events of calls, two for each, that nobody wants: a fiftieth of a replayed call's time.
type Picky interface {
	Wants(kind string) bool
}

// wants says whether a sink wants a kind of events.
func wants(s Sink, kind string) bool {
	picky, ok := s.(Picky)
	return s != nil && (!ok || picky.Wants(kind))
}
