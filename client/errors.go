package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"a0run/client/pace"
)

// An Auth0Error is an answer of status 400 or above (or one that could not be
// understood), named and filled as in the Python SDK.
type Auth0Error struct {
	StatusCode int
	// ErrorCode is the first of errorCode, error, code in the body, else
	// "a0.sdk.internal.unknown".
	ErrorCode string
	// Message is error_description, message, description or error.
	Message string
	Header  http.Header
	// Body is what came, whole, JSON or not; secrets that the request held are
	// blanked in it.
	Body []byte
	// Content is the decoded body where it was JSON (mfa_token is there).
	Content   json.RawMessage
	RequestID string
	Operation string
	// MissingScopes are those that a 403 asks for, from the catalogue; the
	// token needs one of them.
	MissingScopes []string
	// InDoubt says that the request was sent and its outcome is unknown.
	InDoubt bool

	looksEncoded string // what an id would be that was, perhaps, encoded by the caller
}

// Error is the status and the message, as in the Python SDK, and the scopes
// that are missing.
func (e *Auth0Error) Error() string {
	text := fmt.Sprintf("%d: %s", e.StatusCode, e.Message)
	for _, scope := range e.MissingScopes {
		if !strings.Contains(e.Message, scope) {
			return text + " (the token needs one of the scopes " + strings.Join(e.MissingScopes, ", ") + ")"
		}
	}
	return text
}

// ErrNotFound and ErrConflict are what errors.Is finds in the tenant's refusals
// with 404 and 409: the object is not there, or its name is taken.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
)

// Is reports whether the status is that of ErrNotFound or ErrConflict.
func (e *Auth0Error) Is(target error) bool {
	return target == ErrNotFound && e.StatusCode == http.StatusNotFound ||
		target == ErrConflict && e.StatusCode == http.StatusConflict
}

// Code is the tenant's error code.
func (e *Auth0Error) Code() string { return e.ErrorCode }

// Hint says what to do next, where that is known.
func (e *Auth0Error) Hint() string {
	switch {
	case e.InDoubt:
		return "whether the tenant did it is unknown: look before trying again"
	case len(e.MissingScopes) > 0:
		return "grant the application one of these scopes for the Management API: " + strings.Join(e.MissingScopes, ", ")
	case e.looksEncoded != "":
		return fmt.Sprintf("an id of the call has percent signs in it and was sent as it is; if it was encoded before, give %q", e.looksEncoded)
	case e.StatusCode == http.StatusUnauthorized:
		return "check the client id, its secret or key, and that the application may use this API"
	default:
		return ""
	}
}

// A RateLimitError is a 429 whose reset lies beyond what the caller would wait
// for. errors.As finds an *Auth0Error in it.
type RateLimitError struct {
	*Auth0Error
	// ResetAt is UNIX seconds, -1 when the tenant did not say.
	ResetAt int64
	// Unsent says that the client's own budget refused the call: the tenant
	// had closed the bucket before.
	Unsent bool
}

// Unwrap gives the Auth0Error.
func (e *RateLimitError) Unwrap() error { return e.Auth0Error }

// RetryAt is ResetAt as a time, zero when the tenant did not say.
func (e *RateLimitError) RetryAt() time.Time {
	if e.ResetAt < 0 {
		return time.Time{}
	}
	return time.Unix(e.ResetAt, 0)
}

// Hint says when to come again.
func (e *RateLimitError) Hint() string {
	if e.ResetAt < 0 {
		return "the tenant did not say when it will take requests again"
	}
	return "the tenant takes requests again at " + e.RetryAt().UTC().Format(time.RFC3339)
}

// A TimeoutError says which of the timeouts ran out.
type TimeoutError struct {
	Operation string
	// Phase is "connect", "silence" or "total".
	Phase string
	// Sent says that at least a part of the request may have left.
	Sent bool
	// InDoubt says that the request was sent and its outcome is unknown.
	InDoubt bool
	// After is the time that ran out.
	After time.Duration
	Err   error
}

// Error names the phase and the time.
func (e *TimeoutError) Error() string {
	what := map[string]string{
		"connect": "no connection to the tenant",
		"silence": "no byte came from the tenant or went to it",
		"total":   "the call was not done",
	}[e.Phase]
	text := fmt.Sprintf("timeout (%s): %s", e.Phase, what)
	if e.After > 0 {
		text += " within " + e.After.String()
	}
	return text
}

// Unwrap gives the cause.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Timeout is true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

// Code is "timeout".
func (e *TimeoutError) Code() string { return "timeout" }

// Hint says what to do next.
func (e *TimeoutError) Hint() string { return doubtHint(e.InDoubt) }

// A NetworkError is a fault below HTTP: refused, reset, DNS, certificate, an
// answer cut off.
type NetworkError struct {
	Operation string
	// Phase is "dns", "connect", "tls", "send" or "receive".
	Phase string
	Sent  bool
	// InDoubt says that the request was sent and its outcome is unknown.
	InDoubt bool
	// StatusCode, Header, Body and RequestID are what came of an answer that was
	// cut off; zero where nothing came. Body is blanked like that of an
	// Auth0Error.
	StatusCode int
	Header     http.Header
	Body       []byte
	RequestID  string
	Err        error
}

// Error names the phase and the cause.
func (e *NetworkError) Error() string {
	what := map[string]string{
		"dns":     "the domain cannot be resolved",
		"connect": "no connection to the tenant",
		"tls":     "no safe connection to the tenant",
		"send":    "the request could not be sent",
		"receive": "the answer did not come whole",
	}[e.Phase]
	return fmt.Sprintf("network (%s): %s: %v", e.Phase, what, e.Err)
}

// Unwrap gives the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// Code is "network".
func (e *NetworkError) Code() string { return "network" }

// Hint says what to do next.
func (e *NetworkError) Hint() string {
	switch e.Phase {
	case "dns":
		return "check the domain's spelling"
	case "tls":
		return "check the domain, and ca_file where the tenant has a certificate of its own"
	default:
		return doubtHint(e.InDoubt)
	}
}

func doubtHint(inDoubt bool) string {
	if inDoubt {
		return "whether the tenant did it is unknown: look before trying again"
	}
	return ""
}

// A TokenError says that no Management API token could be got; the call itself
// was not sent. errors.As finds the reason in it.
type TokenError struct{ Err error }

func (e *TokenError) Error() string { return "no Management API token: " + e.Err.Error() }

// Unwrap gives the reason.
func (e *TokenError) Unwrap() error { return e.Err }

// An ArgumentError says what is wrong with a call before anything is sent.
type ArgumentError struct {
	// Operation and Argument say where, Problem what.
	Operation, Argument, Problem string
	// Next says what to do: the nearest right name, another way to write it.
	Next string
}

func (e *ArgumentError) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Operation, e.Argument} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Problem)
	if e.Next != "" {
		b.WriteString("; " + e.Next)
	}
	return b.String()
}

// Code is "argument".
func (e *ArgumentError) Code() string { return "argument" }

// Hint says what to do next.
func (e *ArgumentError) Hint() string { return e.Next }

// A TokenValidationError says why a token was refused, in the words of 4.13.
type TokenValidationError struct {
	// Code is stable: "missing", "malformed", "algorithm", "key", "signature",
	// "type", "iss", "sub", "aud", "exp", "nbf", "iat", "nonce", "org", "azp", "auth_time",
	// "scope", "permissions", "cnf".
	Code    string
	Message string
	Err     error

	access bool // an access token was checked
}

func (e *TokenValidationError) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *TokenValidationError) Unwrap() error { return e.Err }

// Classify sorts the error of a call for a retry policy. What was wrong before
// anything was sent (arguments, hooks, no token) is Final, and so is a
// certificate that is not trusted: trying again would give the same.
func Classify(err error) pace.FaultKind {
	if _, ok := errors.AsType[*TokenError](err); ok {
		if _, limited := errors.AsType[*RateLimitError](err); limited {
			return pace.RateLimited
		}
		return pace.Final
	}
	if e, ok := errors.AsType[*RateLimitError](err); ok {
		if notLimited(e.Operation, e.Auth0Error) {
			return classOfBusy(e.Auth0Error)
		}
		return pace.RateLimited
	}
	if e, ok := errors.AsType[*Auth0Error](err); ok {
		switch e.StatusCode {
		case http.StatusTooManyRequests:
			return pace.RateLimited
		case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return pace.Uncertain
		}
		return pace.Final
	}
	if e, ok := errors.AsType[*TimeoutError](err); ok {
		return sentOr(e.Sent)
	}
	if e, ok := errors.AsType[*NetworkError](err); ok {
		if !e.Sent && untrusted(e.Err) {
			return pace.Final
		}
		return sentOr(e.Sent)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return pace.NotSent
	}
	return pace.Final
}

func sentOr(sent bool) pace.FaultKind {
	if sent {
		return pace.Uncertain
	}
	return pace.NotSent
}

// untrusted reports whether a fault is a certificate's: it will not heal.
func untrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// ResetTime is when the tenant says, in the error of a call, that it will take
// requests again (x-ratelimit-reset, retry-after); zero where it did not.
func ResetTime(err error) time.Time {
	if importsBusy(err) {
		return time.Time{} // its headers speak of a bucket that is open
	}
	if e, ok := errors.AsType[*RateLimitError](err); ok && e.ResetAt > 0 {
		return time.Unix(e.ResetAt, 0)
	}
	if e, ok := errors.AsType[*Auth0Error](err); ok {
		return pace.RetryAt(e.Header, time.Now())
	}
	return time.Time{}
}

// InDoubt reports whether an error leaves open what the tenant did: the request
// was sent, its answer was lost, and sending it again could do it twice.
func InDoubt(err error) bool {
	if e, ok := errors.AsType[*Auth0Error](err); ok {
		return e.InDoubt
	}
	if e, ok := errors.AsType[*TimeoutError](err); ok {
		return e.InDoubt
	}
	e, ok := errors.AsType[*NetworkError](err)
	return ok && e.InDoubt
}
