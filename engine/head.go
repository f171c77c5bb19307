package engine

import "time"

// A Head is what a playbook says about itself: the constant table
// playbook{…} at the beginning of a Lua playbook, the top-level keys of a YAML
// one; the same keys in both.
type Head struct {
	Name, Description string
	Params            []ParamDecl
	// Tenants are the roles the playbook works with; a playbook that declares
	// none has the one role "default".
	Tenants []TenantDecl
	// Env, Files and Hosts are what exists outside for the playbook.
	Env, Files, Hosts []string
	// Patience bounds a call with its waits for the rate limit; 0 means the
	// default of 10 minutes.
	Patience time.Duration
	// Guards are what package guard reads; At gives their places.
	Guards *Object
	// Undo is what is kept for undoing the run; "" means UndoAuto.
	Undo UndoPolicy
	// Validate says what is done about bodies that the API would not take; ""
	// means what a0run.yaml says.
	Validate ValidatePolicy
	// Schedule is kept for the stage that reads it.
	Schedule any
	// Where is the place of the head, At that of a dotted path in it
	// ("guards.limits.users"; the items of a list by their number from 1); nil
	// where there is no head.
	Where Position
	At    func(path string) Position
}

// An UndoPolicy says which before-images a run keeps.
type UndoPolicy string

// The policies.
const (
	UndoAuto UndoPolicy = "auto" // what can be read is kept
	UndoFull UndoPolicy = "full" // what cannot be kept is not written
	UndoOff  UndoPolicy = "off"  // nothing is kept
)

// ParseUndo reads a policy as playbooks write it.
func ParseUndo(v any) (UndoPolicy, bool) {
	text, _ := v.(string)
	switch u := UndoPolicy(text); u {
	case UndoAuto, UndoFull, UndoOff:
		return u, true
	}
	return "", false
}

// undoPolicies are the policies as they are written.
func undoPolicies() []string { return []string{string(UndoAuto), string(UndoFull), string(UndoOff)} }

// A ValidatePolicy says what is done about the mistakes of a request body that
// are seen before it is sent. Where nothing says it, what is certainly wrong is
// an error and the rest a warning.
type ValidatePolicy string

// The policies.
const (
	ValidateError ValidatePolicy = "error" // all are errors
	ValidateWarn  ValidatePolicy = "warn"  // all are warnings
	ValidateOff   ValidatePolicy = "off"   // nobody looks
)

// ParseValidate reads a policy as playbooks and a0run.yaml write it.
func ParseValidate(v any) (ValidatePolicy, bool) {
	text, _ := v.(string)
	switch p := ValidatePolicy(text); p {
	case ValidateError, ValidateWarn, ValidateOff:
		return p, true
	}
	return "", false
}

// ValidatePolicies are the policies as they are written.
func ValidatePolicies() []string {
	return []string{string(ValidateError), string(ValidateWarn), string(ValidateOff)}
}

// A ParamDecl declares one parameter.
type ParamDecl struct {
	Name, Description string
	// Type is "string", "integer", "number", "boolean", "list", "object" or
	// "secret".
	Type     string
	Default  any
	Required bool
	Enum     []any
	Where    Position
}

// A TenantDecl declares one role.
type TenantDecl struct {
	Role, Description string
	// Tenant is the name in a0run.yaml that the head itself gives; may be "".
	Tenant string
	Where  Position
}
