// Package lua is the Lua front end: it loads a playbook, checks it, and runs
// it on one VM whose tasks pass the engine's baton.
package lua

import (
	"io/fs"
	"time"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// A Playbook is a parsed Lua playbook.
type Playbook struct {
	head   engine.Head
	source *source
	proto  *lua.FunctionProto
	facts  *facts
}

// Parse reads a playbook: syntax, nesting, the head. Its error is
// engine.Problems. name is the file's name as positions show it.
func Parse(name string, text []byte) (*Playbook, error) {
	s := fileSource(name, text)
	if p := s.read(); p != nil {
		return nil, engine.Problems{*p}
	}
	head, problems := takeHead(s)
	if len(problems) > 0 {
		return nil, problems
	}
	// The pass of compile changes the tree, so what check needs is read before.
	pb := &Playbook{head: head, source: s, facts: s.survey()}
	proto, p := s.compile()
	if p != nil {
		return nil, engine.Problems{*p}
	}
	pb.proto = proto
	return pb, nil
}

// Head is what the playbook says about itself.
func (p *Playbook) Head() engine.Head { return p.head }

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

// RunPlaybook executes a playbook in a task, which holds the baton.
func (vm *VM) RunPlaybook(t *engine.Task, p *Playbook) error {
	vm.remember(p.source)
	r := vm.newRunner(t, nil, "")
	defer r.finish()
	_, err := r.call(vm.function(p.proto))
	return vm.final(err)
}
