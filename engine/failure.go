package engine

import (
	"encoding/json"
	"net/http"

	"a0run/client/pace"
)

// failure is an *Error as it is written down: what a playbook can see of it.
type failure struct {
	Name      string          `json:"name"`
	Status    int             `json:"status_code,omitempty"`
	Code      string          `json:"error_code,omitempty"`
	Message   string          `json:"message"`
	ResetAt   int64           `json:"reset_at"`
	Headers   http.Header     `json:"headers,omitempty"`
	Body      string          `json:"body,omitempty"`
	Content   json.RawMessage `json:"content,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Operation string          `json:"operation,omitempty"`
	InDoubt   bool            `json:"in_doubt,omitempty"`
	Hint      string          `json:"hint,omitempty"`
}

// MarshalFailure writes an error of a call as JSON. Where it stands in the
// playbook is not part of it: the call that comes up again has a place of its
// own.
func MarshalFailure(e *Error) (json.RawMessage, error) {
	f := failure{
		Name: e.Name, Status: e.StatusCode, Code: e.ErrorCode, Message: e.Message, ResetAt: e.ResetAt,
		Headers: e.Headers, Body: e.Body, Content: e.Content, RequestID: e.RequestID,
		Operation: e.Operation, InDoubt: e.InDoubt, Hint: e.HintText,
	}
	if !json.Valid(f.Content) {
		f.Content = nil
	}
	return json.Marshal(f)
}

// UnmarshalFailure is the error that MarshalFailure wrote.
func UnmarshalFailure(text json.RawMessage) (*Error, error) {
	var f failure
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	return &Error{
		Name: f.Name, StatusCode: f.Status, ErrorCode: f.Code, Message: f.Message, ResetAt: f.ResetAt,
		Headers: f.Headers, Body: f.Body, Content: f.Content, RequestID: f.RequestID,
		Operation: f.Operation, InDoubt: f.InDoubt, HintText: f.Hint,
	}, nil
}

// FaultName is how a fault is called in records.
func FaultName(f pace.FaultKind) string {
	switch f {
	case pace.RateLimited:
		return "rate_limited"
	case pace.NotSent:
		return "not_sent"
	case pace.Uncertain:
		return "uncertain"
	case pace.Final:
	}
	return "final"
}
