package plan

import (
	"encoding/json"
	"time"

	"a0run/client/catalog"
)

// Version is the version of the document that this package writes and reads.
const Version = 1

// A Plan is what a playbook would change.
//
// As JSON it has these fields and no others; a field that is empty is left out.
// Secrets are sealed in a file and hidden in everything else.
type Plan struct {
	// ID names the plan: 16 hex digits.
	ID string `json:"id"`
	// A0run is the version of the program that made it.
	A0run   string    `json:"a0run,omitempty"`
	Created time.Time `json:"created"`
	// Playbook and Files (modules and includes) are what was run.
	Playbook File   `json:"playbook"`
	Files    []File `json:"files,omitempty"`
	// Params are the values of the playbook's parameters, an object.
	Params  json.RawMessage `json:"params,omitempty"`
	Tenants []Tenant        `json:"tenants,omitempty"`
	// Inputs are what the playbook asked of the outside beside the tenants.
	Inputs []Input `json:"inputs,omitempty"`
	// Changes are the mutating calls, also those that would change nothing
	// (NoChange) and those that the tenant would refuse (Refused), in the order in
	// which they were answered. What is shown is ordered by task and call.
	Changes []*Change `json:"changes,omitempty"`
	// Unknown are the places where the plan cannot know.
	Unknown []Unknown `json:"unknown,omitempty"`
	// Used are the operations that were asked for while planning.
	Used []Use `json:"used,omitempty"`
	// Shapes are the lists of field names to which Before.Shape refers.
	Shapes []string `json:"shapes,omitempty"`
	// Error is why the playbook did not reach its end; "" where it did.
	Error string `json:"error,omitempty"`

	secrets map[string]bool // texts that are sealed wherever they are the whole of a value
}

// A File is a source of the playbook, with the SHA-256 of its text in hex.
type File struct {
	Path string `json:"path"`
	Hash string `json:"sha256"`
}

// A Tenant is a tenant of the run.
type Tenant struct {
	Role   string `json:"role"`
	Name   string `json:"name,omitempty"`
	Domain string `json:"domain"`
}

// An Input is the result of a host function: the time, a random number, a
// variable, a secret, a file's digest.
type Input struct {
	// Key is the call's key, Name the function, Object its file or variable.
	Key    string `json:"key"`
	Name   string `json:"name"`
	Object string `json:"object,omitempty"`
	Where  string `json:"where,omitempty"`
	// Value is the result; Digest stands for it where the value itself is not
	// kept (files, and secrets that could not be sealed).
	Value  json.RawMessage `json:"value,omitempty"`
	Digest string          `json:"digest,omitempty"`
	// Failure is the error's message where the function failed.
	Failure string `json:"failure,omitempty"`
}

// A Change is one mutating call.
type Change struct {
	// Key is the call's key in the run, Task the path of its task, N the
	// how-many-th call of it, Where its place in the playbook, Step the step that
	// it belongs to.
	Key   string `json:"key"`
	Task  string `json:"task"`
	N     int    `json:"n,omitempty"`
	Where string `json:"where,omitempty"`
	Step  string `json:"step,omitempty"`
	// Operation is the catalogue's ID or the host function, Effect what it
	// does, Tenant the role.
	Operation string         `json:"operation"`
	Effect    catalog.Effect `json:"effect"`
	Tenant    string         `json:"tenant,omitempty"`
	// Kind and Object name what is touched: the catalogue's kind and the id, a
	// placeholder for what the plan creates. Name is what people call it.
	Kind   string `json:"kind,omitempty"`
	Object string `json:"object,omitempty"`
	Name   string `json:"name,omitempty"`
	// Args are the arguments with their secrets hidden.
	Args json.RawMessage `json:"args,omitempty"`
	// Fields are what changes, by path.
	Fields []Field `json:"fields,omitempty"`
	// With are the kinds of objects that go with a deleted one.
	With []string `json:"with,omitempty"`
	// Before is what stood there; nil where nothing was looked at.
	Before *Before `json:"before,omitempty"`
	// NoChange says that everything is already as the call wants it.
	NoChange bool `json:"no_change,omitempty"`
	// Refused is the error that the tenant would give; nothing changes then.
	Refused *Refusal `json:"refused,omitempty"`
	// Unknown says what of this change the plan cannot know.
	Unknown []string `json:"unknown,omitempty"`
	// Summary is one line: "change users auth0|1 (ada@example.com): blocked".
	Summary string `json:"summary,omitempty"`

	silent bool // the tenant would not even be changed by sending it
}

// A Field is one field that changes. Old is nil where it was not there, New
// where it goes. Hidden fields are secret: their values are not shown.
type Field struct {
	Path   string          `json:"path"`
	Old    json.RawMessage `json:"old,omitempty"`
	New    json.RawMessage `json:"new,omitempty"`
	Hidden bool            `json:"hidden,omitempty"`
}

// A Refusal is an error that the tenant would give.
type Refusal struct {
	Status  int    `json:"status"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// Before tells what stood in the place of a change, without its content.
type Before struct {
	Found bool `json:"found"`
	// Digest is an HMAC of the object without what changes by itself (the last
	// login, updated_at); "" for relations, whose Fields tell all.
	Digest string `json:"digest,omitempty"`
	// Shape and Sums are the names of the fields (an index into Plan.Shapes)
	// and four bytes of an HMAC of each, so that a difference can be named.
	Shape int    `json:"shape,omitempty"`
	Sums  []byte `json:"sums,omitempty"`
	// Planned says that the plan itself had changed the object before.
	Planned bool `json:"planned,omitempty"`
	// Unread is why it could not be read; "" where it was.
	Unread string `json:"unread,omitempty"`
}

// An Unknown is a place where the plan cannot know.
type Unknown struct {
	Where     string `json:"where,omitempty"`
	Task      string `json:"task,omitempty"`
	Key       string `json:"key,omitempty"`
	Operation string `json:"operation"`
	Tenant    string `json:"tenant,omitempty"`
	Reason    string `json:"reason"`
}

// A Use counts the requests that planning sent for an operation: those that
// the playbook made, and those that the plan made to know what stands there.
type Use struct {
	Tenant    string `json:"tenant"`
	Operation string `json:"operation"`
	Calls     int    `json:"calls,omitempty"`
	Looks     int    `json:"looks,omitempty"`
}

// Pending are the changes that would change something.
func (p *Plan) Pending() []*Change {
	var out []*Change
	for _, c := range p.Changes {
		if c.pending() {
			out = append(out, c)
		}
	}
	return out
}

func (c *Change) pending() bool { return !c.NoChange && c.Refused == nil }

// find is a change by its call's key.
func (p *Plan) byKey() map[string]*Change {
	out := make(map[string]*Change, len(p.Changes))
	for _, c := range p.Changes {
		out[c.Key] = c
	}
	return out
}
