package engine

import "encoding/json"

// The values that travel between a front end and the host functions are a
// small tree:
//
//	nil              absent (Lua's nil; YAML's null where nothing is meant)
//	Null             JSON's null, sent as such
//	bool, string
//	float64, int64   numbers
//	json.Number      an integer beyond 2^53, kept by its literal
//	*Object          an object whose keys keep their order
//	[]any            an array
//	Secret           a string that is never shown
//	json.RawMessage  an answer as its JSON text; only ever the whole of a
//	                 value that goes to a front end, which decodes it once
//	*Iterator        what auth0.*.each gives
//	*Namespace       what tenant(name) gives
type (
	// Null is an explicit JSON null.
	Null struct{}

	// Secret is a string that the redactor knows; it prints as [secret].
	Secret string
)

// String keeps a secret out of everything that formats values.
func (Secret) String() string { return "[secret]" }

// GoString likewise.
func (Secret) GoString() string { return "[secret]" }

// MarshalJSON writes the real value: a request body needs it. Everything that
// is shown goes through Redacted first.
func (s Secret) MarshalJSON() ([]byte, error) { return appendJSON(nil, string(s)) }

// MarshalJSON writes null.
func (Null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// An Iterator hands out the items of a listing one by one. Next is called
// under the baton and may block the task.
type Iterator struct {
	// Next returns the next item; ok is false at the end.
	Next func(t *Task) (item json.RawMessage, ok bool, err error)
	// Close ends the listing early.
	Close func()
}
