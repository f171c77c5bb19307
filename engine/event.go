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
}

// A Sink takes events; it is called by many goroutines.
type Sink interface {
	Emit(e Event)
}
