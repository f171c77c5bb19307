package engine

import (
	"strings"
	"sync"
)

// A Function is one host function: what a playbook can call, in words that no
// front end owns. bindings makes the table of them.
type Function struct {
	// Name is the whole dotted name ("auth0.users.update", "json.decode").
	Name string
	// Params are all parameters. By position come the Positional ones in
	// order; everything else by name in one last table. YAML gives all by name.
	Params []Param
	// Summary is one sentence, Returns a few words about the result.
	Summary, Returns string
	// Scopes the token needs, for the reference.
	Scopes []string
	// Pure functions leave the process alone; only they may stand in a YAML
	// expression.
	Pure bool
	// Listing marks auth0.*.each: its result is an *Iterator.
	Listing bool
	// ListingUnless is the argument with which a Listing gives another result
	// (users.export into a file); "" where there is none.
	ListingUnless string
	// Check finds what is wrong with arguments, by name, before anything runs;
	// nil where Params say all that is known. A value that is not known yet is
	// Unknown.
	Check func(named *Object) []Finding
	// Call does it. It is called under the baton.
	Call func(c *HostCall) (any, error)
}

// Unknown stands for a value of which a check knows nothing.
type Unknown struct{}

// A Finding is what is wrong with constant arguments.
type Finding struct {
	// Path is the place in the arguments, dotted, the items of a list by their
	// number from 1 ("body.sinks.2.name").
	Path          string
	Message, Hint string
	Warning       bool
}

// NearestPlace is the place of a path, or of the nearest thing around it that has
// one; "" is the call itself.
func NearestPlace(places map[string]Position, path string) Position {
	for {
		if at, ok := places[path]; ok || path == "" {
			return at
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
}

// A Param is one parameter of a Function.
type Param struct {
	Name string
	// Aliases are accepted too (the Python SDK's name).
	Aliases []string
	// Type is "string", "integer", "number", "boolean", "object", "array",
	// "string[]", "any", "function".
	Type string
	Enum []string
	// Positional parameters can be given by position, in order; Required ones
	// must be given.
	Positional, Required bool
	Secret               bool
	Summary              string
}

// A HostCall is one call of a Function.
type HostCall struct {
	Task *Task
	Func *Function
	// Args are the values by position as Lua gives them, the options table
	// last; Named are the values by name as YAML gives them. One of the two is
	// nil. An empty Lua table comes as an empty *Object.
	Args  []any
	Named *Object
	// Where is the place of the call.
	Where Position
}

// A Namespace is a tree of names: functions, constants and further
// namespaces. The root holds what a playbook sees as its globals.
type Namespace struct {
	Name    string
	keys    []string
	entries map[string]any
}

// NewNamespace returns an empty namespace.
func NewNamespace(name string) *Namespace {
	return &Namespace{Name: name, entries: map[string]any{}}
}

// Set adds an entry: *Function, *Namespace, or a constant value of the tree.
// A *Namespace may be set lazily as func() *Namespace; it is made on first
// use, so that a start-up does not pay for 480 operations. A namespace that is
// filled may be read by many goroutines.
func (n *Namespace) Set(key string, v any) {
	if f, lazy := v.(func() *Namespace); lazy {
		v = sync.OnceValue(f)
	}
	if _, ok := n.entries[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.entries[key] = v
}

// Get returns an entry, resolving a lazy namespace.
func (n *Namespace) Get(key string) (any, bool) {
	v, ok := n.entries[key]
	if f, lazy := v.(func() *Namespace); lazy {
		v = f()
	}
	return v, ok
}

// Keys are the names in the order in which they were set.
func (n *Namespace) Keys() []string { return n.keys }

// Lookup finds a function by its dotted name.
func (n *Namespace) Lookup(dotted string) (*Function, bool) {
	v, ok := n.find(dotted)
	f, isFunc := v.(*Function)
	return f, ok && isFunc
}
