package engine

import (
	"context"
	"errors"
	"io"
)

// This file holds the engine's contracts whose bodies are being written; it
// goes away when they stand.

var errStub = errors.New("not built")

func appendJSON(b []byte, v any) ([]byte, error) { return nil, errStub }

// ParseJSON reads JSON text into the tree (*Object, []any, …; null is Null).
func ParseJSON(text []byte) (any, error) { return nil, errStub }

// NewRun makes a run; nothing happens yet.
func NewRun(cfg Config) *Run { return nil }

// ID is the run's identity.
func (r *Run) ID() string { return r.cfg.ID }

// Redactor knows the run's secrets.
func (r *Run) Redactor() *Redactor { return r.cfg.Redactor }

// Concurrency is the bound of requests in flight.
func (r *Run) Concurrency() int { return r.concurrency }

// Counts are the numbers so far; callable from anywhere.
func (r *Run) Counts() Counts { return r.counts }

// Steps are the steps that ended so far, in their order; callable from
// anywhere.
func (r *Run) Steps() []StepResult { return nil }

// Emit gives an event to the sink, with time, run and redaction filled in.
func (r *Run) Emit(e Event) {}

// Main runs fn as the main task, holding the baton, waits for every task, and
// returns its error.
func (r *Run) Main(ctx context.Context, fn func(t *Task) error) error { return errStub }

// Stop is the first Ctrl-C: no new calls, parked ones are dropped, those in
// flight finish. Cancel is the second. Both are callable from anywhere.
func (r *Run) Stop(cause error) {}

// Cancel cuts everything.
func (r *Run) Cancel(cause error) {}

// ItemsFailed is how many items failed under on_error = "continue".
func (r *Run) ItemsFailed() int { return r.failed }

// Do is the one path: it gives the call its identity and sends it through the
// stages. It is called by the task, under the baton, and gives up the baton
// meanwhile unless the action is instant.
func (t *Task) Do(a *Action) Outcome { return Outcome{} }

// Try runs fn within a timeout and tries it again as told.
func (t *Task) Try(o TryOptions, fn func() error) error { return fn() }

// Step runs fn as a step of this task: events, timeout, retry, the line of the
// summary. With OnError Continue its error is kept in the result only.
func (t *Task) Step(o StepOptions, fn func() error) (StepResult, error) { return StepResult{}, errStub }

// SkipStep writes a step that did not run into the summary.
func (t *Task) SkipStep(o StepOptions, reason string) {}

// Sleep waits durably: the deadline is an action of the run.
// (time.sleep and time.wait_until of the bindings use it.)

// AsError makes an *Error of any error; nil stays nil.
func AsError(err error) *Error { return nil }

// ItemKey is the default key of an item: a string or number is itself, an
// object its subject's id (user_id, client_id, id, …), else "".
func ItemKey(item any, field func(name string) (string, bool)) string { return "" }

// A Redactor knows secrets and takes them out of texts.
type Redactor struct{}

// NewRedactor returns a redactor that knows nothing.
func NewRedactor() *Redactor { return &Redactor{} }

// Add makes a secret known, with its URL-, JSON- and base64-encoded forms and
// line by line.
func (r *Redactor) Add(secret string) {}

// Redact replaces every known secret by [secret].
func (r *Redactor) Redact(s string) string { return s }

// Writer redacts what is written to w, also across writes.
func (r *Redactor) Writer(w io.Writer) io.Writer { return w }

// Lookup a name in a namespace.
func (n *Namespace) find(dotted string) (any, bool) { return nil, false }

// Nearest is the nearest right name in the namespace for a wrong dotted one,
// or "".
func (n *Namespace) Nearest(dotted string) string { return "" }

// Nearest is the candidate nearest to name, or "".
func Nearest(name string, candidates []string) string { return "" }

// ParseHead reads a head from a constant tree; at gives the place of a dotted
// path in it.
func ParseHead(tree *Object, at func(path string) Position) (Head, Problems) { return Head{}, nil }

// ParseParams gives every declared parameter its value: from texts (-p k=v, parsed by the
// declared type), from a params file's tree, from defaults.
func (h Head) ParseParams(texts map[string]string, file *Object) (*Object, Problems) { return nil, nil }
