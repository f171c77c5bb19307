package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// A Position is a place in a playbook.
type Position struct {
	File string
	Line int
	// Column is 1-based and 0 where it is not known.
	Column int
}

// String is "file:line" or "file:line:col".
func (p Position) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return p.File + ":" + strconv.Itoa(p.Line)
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// A Problem is one mistake found in a playbook or a project file before
// anything ran.
type Problem struct {
	Where   Position
	Message string
	// Hint is the nearest right name or the next thing to try; may be empty.
	Hint string
	// Warning marks what does not stop a run.
	Warning bool
}

// Problems are all mistakes of one check; they are an error themselves, with
// exit code 2.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// String is "file:line:col: message (hint)".
func (p Problem) String() string {
	s := p.Message
	if w := p.Where.String(); w != "" {
		s = w + ": " + s
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// ExitCode is that of a usage error.
func (p Problems) ExitCode() int { return ExitUsage }

// The names of errors that a playbook sees; those of the Python SDK where it
// has one. Is knows that a RateLimitError is an Auth0Error.
const (
	NameAuth0Error           = "Auth0Error"
	NameRateLimitError       = "RateLimitError"
	NameTokenValidationError = "TokenValidationError"
	NameTimeoutError         = "TimeoutError"
	NameNetworkError         = "NetworkError"
	NameArgumentError        = "ArgumentError" // a wrong argument, found before anything was sent
	NameParallelError        = "ParallelError" // items of a parallel call failed
	NameScriptError          = "ScriptError"   // the playbook's own error(…), or a fault of its code
	NameLimitError           = "LimitError"    // instructions, memory, nesting, time; cannot be caught
	NameInterrupted          = "Interrupted"   // the run was stopped; cannot be caught
	NameFileError            = "FileError"
	NameHTTPError            = "HTTPError"     // an answer of a host that is no tenant's, or a refusal to ask it
	NameInternalError        = "InternalError" // a fault of a0run itself; cannot be caught

	// These end the run, whatever the playbook catches.
	NameGuardError      = "GuardError"      // a guard refused a call
	NameMovedError      = "MovedError"      // the tenant is not what the plan saw
	NameDivergenceError = "DivergenceError" // a resumed run does not do what it did
	NameJournalError    = "JournalError"    // the journal cannot be written, or the run was taken over
	NameInDoubtError    = "InDoubtError"    // what became of a call of the resumed run is unknown
)

// An Error is what a playbook sees when a call fails: the same fields in Lua
// and YAML.
type Error struct {
	Name       string
	StatusCode int
	ErrorCode  string
	Message    string
	// ResetAt is UNIX seconds, -1 when unset; only on RateLimitError.
	ResetAt   int64
	Headers   http.Header
	Body      string
	Content   json.RawMessage
	RequestID string
	Operation string
	// Where is the place in the playbook, Trace the further places that led
	// there, innermost first, one line each.
	Where Position
	Trace []string
	// Item is the key of the item of a parallel call.
	Item string
	// Items are the failures of a ParallelError.
	Items []ItemError
	// InDoubt says that the call was sent and its outcome is unknown.
	InDoubt bool
	// Value is what the playbook itself raised, in its front end's own form.
	Value any
	// CallKey is the key of the call that failed; "" where no call did.
	CallKey string
	// HintText is what to do next.
	HintText string
	Cause    error
}

// An ItemError is one failed item of a parallel call.
type ItemError struct {
	Key  string
	Item any
	Err  *Error
}

// Error is one line: what, and where.
func (e *Error) Error() string {
	s := e.Message
	if e.StatusCode != 0 {
		s = fmt.Sprintf("%d: %s", e.StatusCode, s)
	}
	if e.Operation != "" {
		s = e.Operation + ": " + s
	}
	if e.Name != "" && e.Name != NameScriptError {
		s = e.Name + ": " + s
	}
	if w := e.Where.String(); w != "" {
		s = w + ": " + s
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Hint is what to try next.
func (e *Error) Hint() string { return e.HintText }

// ExitCode is the command's when the error ends a run.
func (e *Error) ExitCode() int {
	var coder ExitCoder
	switch {
	case e.Name == NameInterrupted:
		if errors.As(e.Cause, &coder) { // by which signal
			return coder.ExitCode()
		}
		return ExitInterrupted
	case e.Name == NameGuardError:
		return ExitGuard
	case e.Name == NameMovedError:
		return ExitMoved
	case e.Name == NameInDoubtError, e.doubtful():
		return ExitInDoubt
	case errors.As(e.Cause, &coder):
		return coder.ExitCode()
	}
	return ExitFailed
}

// IsKind reports whether the error is of the kind that name names.
func (e *Error) IsKind(name string) bool {
	return e.Name == name || (name == NameAuth0Error && e.Name == NameRateLimitError)
}

// Uncatchable errors go through pcall, rescue and on_error to the end of the
// run.
func (e *Error) Uncatchable() bool {
	switch e.Name {
	case NameInterrupted, NameLimitError, NameInternalError,
		NameGuardError, NameMovedError, NameDivergenceError, NameJournalError, NameInDoubtError:
		return true
	}
	return false
}

// doubtful reports whether the outcome of a call behind the error is unknown.
func (e *Error) doubtful() bool {
	switch {
	case e == nil:
		return false
	case e.InDoubt:
		return true
	}
	for _, item := range e.Items {
		if item.Err.doubtful() {
			return true
		}
	}
	return false
}

// CallKeys are the keys of the calls that failed behind an error: its own, and
// those of the items of a parallel call.
func CallKeys(err error) []string {
	e := AsError(err)
	if e == nil {
		return nil
	}
	var keys []string
	if e.CallKey != "" {
		keys = append(keys, e.CallKey)
	}
	for _, item := range e.Items {
		for _, key := range CallKeys(item.Err) {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// AsError makes an *Error of any error; nil stays nil. An *Error that was
// wrapped keeps its fields and takes the whole text as its message.
func AsError(err error) *Error {
	if untyped(err) == nil {
		return nil
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // wrapped ones are handled below, with the text around them
		return e
	}
	var e *Error
	if errors.As(err, &e) {
		wrapped := *e
		wrapped.Message = strings.Replace(err.Error(), e.Error(), e.Message, 1)
		wrapped.Cause = err
		return &wrapped
	}
	made := &Error{Name: NameScriptError, Message: err.Error(), ResetAt: -1, Cause: err}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		made.Name = NameTimeoutError
	case errors.Is(err, context.Canceled):
		made.Name = NameInterrupted
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrExist):
		made.Name = NameFileError
	}
	var h Hinter
	if errors.As(err, &h) {
		made.HintText = h.Hint()
	}
	return made
}

// guard runs fn and makes an error of a panic: a fault of a0run in one task
// must not take the journal and the other tasks' calls with it.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{
				Name:     NameInternalError,
				Message:  fmt.Sprintf("a0run has failed: %v", p),
				ResetAt:  -1,
				Trace:    strings.Split(strings.TrimSpace(string(debug.Stack())), "\n"),
				HintText: "this is a fault of a0run, not of the playbook; please report it with this text",
			}
		}
	}()
	return untyped(fn())
}

// untyped takes the type off a nil *Error: Outcome.Err returned as an error is
// not nil, and nothing went wrong.
func untyped(err error) error {
	if e, ok := err.(*Error); ok && e == nil { //nolint:errorlint // a nil pointer wraps nothing
		return nil
	}
	return err
}

// The exit codes of a0run, one table.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitChanges     = 3
	ExitItems       = 4
	ExitGuard       = 5
	ExitMoved       = 6
	ExitInDoubt     = 7
	ExitInterrupted = 130
	ExitTerminated  = 143
)

// An ExitCoder is an error that knows the exit code of the command.
type ExitCoder interface {
	error
	ExitCode() int
}

// A Hinter is an error that tells the user what to try next.
type Hinter interface {
	error
	Hint() string
}
