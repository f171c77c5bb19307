// Package lua is the Lua front end: it loads a playbook, checks it, and runs
// it on one VM whose tasks pass the engine's baton.
package lua

import (
	"errors"
	"io/fs"
	"time"

	"a0run/engine"
)

// A Playbook is a parsed Lua playbook.
type Playbook struct {
	head engine.Head
}

// Parse reads a playbook: syntax, nesting, the head. Its error is
// engine.Problems. name is the file's name as positions show it.
func Parse(name string, source []byte) (*Playbook, error) { return nil, errors.New("not built") }

// Head is what the playbook says about itself.
func (p *Playbook) Head() engine.Head { return p.head }

// Check finds, offline and all at once: unknown operations, wrong argument
// names, undefined globals, escapes that Lua 5.1 does not know. modules is the
// folder from which require reads; nil means none.
func (p *Playbook) Check(globals *engine.Namespace, modules fs.FS) engine.Problems { return nil }

// Options make a VM.
type Options struct {
	// Run is the run that the VM belongs to.
	Run *engine.Run
	// Globals is what the playbook sees beside Lua's own functions.
	Globals *engine.Namespace
	// Modules is the playbook's folder, for require; nil means none.
	Modules fs.FS
	// Print takes what print(…) writes, a line at a time.
	Print func(line string)
	// Limits bound the playbook.
	Limits Limits
}

// Limits bound what a playbook may use; zero means the default.
type Limits struct {
	// Instructions of one task between two calls; default none.
	Instructions int64
	// Memory that strings and tables of a run may take; default 512 MB.
	Memory int64
	// Nesting of protected calls; default 200.
	Nesting int
	// Hold is how long one task may keep the baton without a call; default 60 s.
	Hold time.Duration
}

// A VM runs Lua for one run.
type VM struct{}

// NewVM makes a VM with the sandboxed libraries and the globals.
func NewVM(o Options) (*VM, error) { return nil, errors.New("not built") }

// Close frees the VM after all tasks have ended.
func (vm *VM) Close() {}

// RunPlaybook executes a playbook in a task, which holds the baton.
func (vm *VM) RunPlaybook(t *engine.Task, p *Playbook) error { return errors.New("not built") }

// A Chunk is compiled Lua for a YAML playbook: an expression of ${{ }} or the
// text of a lua step.
type Chunk struct{}

// CompileExpr compiles one expression that stands at a place; line numbers of
// errors count from it. Check its free names with Names.
func CompileExpr(source string, at engine.Position) (*Chunk, error) {
	return nil, errors.New("not built")
}

// CompileBlock compiles statements.
func CompileBlock(source string, at engine.Position) (*Chunk, error) {
	return nil, errors.New("not built")
}

// Names are the global paths that a chunk reads ("steps.list.result", "item"),
// with their places.
func (c *Chunk) Names() []Name { return nil }

// Check is Playbook.Check for a chunk: globals (nil entries of extra are names
// that exist besides).
func (c *Chunk) Check(globals *engine.Namespace, extra []string) engine.Problems { return nil }

// A Name is a global path that a chunk reads.
type Name struct {
	Path  string
	Where engine.Position
}

// Eval runs a chunk with env's entries as further globals and gives its first
// value as a tree (*Object, []any, string, …). Values of env are trees; a
// json.RawMessage is decoded once and shared where the same value is given
// again. pure says that only pure functions may be called.
func (vm *VM) Eval(t *engine.Task, c *Chunk, env *engine.Object, pure bool) (any, error) {
	return nil, errors.New("not built")
}
