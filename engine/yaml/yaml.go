// Package yaml is the YAML front end: it parses a playbook with positions,
// checks it, and lowers its steps to the engine's tasks and actions.
package yaml

import (
	"errors"
	"io/fs"

	"a0run/engine"
	"a0run/engine/lua"
)

// A Playbook is a parsed YAML playbook.
type Playbook struct {
	head engine.Head
}

// Parse reads a playbook. Its error is engine.Problems with line and column.
// files is the playbook's folder, for include; nil means none.
func Parse(name string, source []byte, files fs.FS) (*Playbook, error) {
	return nil, errors.New("not built")
}

// Head is what the playbook says about itself.
func (p *Playbook) Head() engine.Head { return p.head }

// Check finds all mistakes that can be seen without running.
func (p *Playbook) Check(globals *engine.Namespace) engine.Problems { return nil }

// Run executes the playbook in a task, which holds the baton.
func (p *Playbook) Run(t *engine.Task, globals *engine.Namespace, vm *lua.VM) error {
	return errors.New("not built")
}
