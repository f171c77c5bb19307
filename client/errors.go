package client

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// An Auth0Error is an answer of status 400 or above (or none at all that could
// be understood), named and filled as in the Python SDK.
type Auth0Error struct {
	StatusCode int
	// ErrorCode is the first of errorCode, error, code in the body, else
	// "a0.sdk.internal.unknown".
	ErrorCode string
	// Message is error_description, message, description or error.
	Message string
	Header  http.Header
	// Body is what came, whole, JSON or not.
	Body []byte
	// Content is the decoded body where it was JSON (mfa_token is there).
	Content   json.RawMessage
	RequestID string
	Operation string
	// MissingScopes are those that a 403 asks for, from the catalogue.
	MissingScopes []string
	// InDoubt says that the request was sent and its outcome is unknown.
	InDoubt bool
}

func (e *Auth0Error) Error() string { return fmt.Sprintf("%d: %s", e.StatusCode, e.Message) }

// A RateLimitError is a 429 whose reset lies beyond what the caller would wait
// for. errors.As finds an *Auth0Error in it.
type RateLimitError struct {
	*Auth0Error
	// ResetAt is UNIX seconds, -1 when the tenant did not say.
	ResetAt int64
}

// Unwrap gives the Auth0Error.
func (e *RateLimitError) Unwrap() error { return e.Auth0Error }

// A TimeoutError says which of the timeouts ran out.
type TimeoutError struct {
	Operation string
	// Phase is "connect", "silence" or "total".
	Phase string
	// Sent says that at least a part of the request may have left.
	Sent bool
	Err  error
}

func (e *TimeoutError) Error() string { return "timeout: " + e.Phase }

// Unwrap gives the cause.
func (e *TimeoutError) Unwrap() error { return e.Err }

// A NetworkError is a fault below HTTP: refused, reset, DNS, certificate, an
// answer cut off.
type NetworkError struct {
	Operation string
	// Phase is "dns", "connect", "tls", "send" or "receive".
	Phase string
	Sent  bool
	Err   error
}

func (e *NetworkError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// A TokenValidationError says why a token was refused, in the words of 4.13.
type TokenValidationError struct {
	// Code is stable: "missing", "malformed", "algorithm", "key", "signature",
	// "iss", "sub", "aud", "exp", "nbf", "iat", "nonce", "org", "azp", "auth_time".
	Code    string
	Message string
	Err     error
}

func (e *TokenValidationError) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *TokenValidationError) Unwrap() error { return e.Err }
