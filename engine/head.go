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
	// Guards, Undo and Schedule are kept for the stages that read them.
	Guards   *Object
	Undo     any
	Schedule any
	// Where is the place of the head.
	Where Position
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
