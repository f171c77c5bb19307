package yaml

import (
	"cmp"
	"io/fs"
	"slices"

	"a0run/engine"
	"a0run/engine/lua"
)

// A Playbook is a parsed YAML playbook.
type Playbook struct {
	file string
	head engine.Head
	vars *node
	main *list
	// problems are what Parse has found; Check tells them together with its
	// own, so that one look shows all mistakes.
	problems engine.Problems
	// sound says that the last Check found nothing that is wrong.
	sound bool
}

// Parse reads a playbook. Its error is engine.Problems with line and column,
// and comes only where no playbook can be made of the text at all; every other
// mistake is told by Check, together with those that need the table of
// functions. files is the playbook's folder, for include; nil means none.
func Parse(name string, source []byte, files fs.FS) (*Playbook, error) {
	b := &builder{reader: &reader{file: name, source: source}, files: files, including: []string{name}}
	root := b.read()
	if root == nil {
		return nil, sorted(name, b.problems)
	}
	p := &Playbook{file: name, main: &list{}}
	if root.kind != mapping {
		b.problem(root.at, "begin with name: and steps:", "a playbook must be a mapping, got %s", root.what())
		return nil, sorted(name, b.problems)
	}
	b.top(p, root)
	p.problems = b.problems
	return p, nil
}

// Head is what the playbook says about itself.
func (p *Playbook) Head() engine.Head { return p.head }

// Check finds all mistakes that can be seen without running, in the order of
// their places.
func (p *Playbook) Check(globals *engine.Namespace) engine.Problems {
	c := &checker{p: p, globals: globals}
	c.playbook()
	problems := sorted(p.file, append(slices.Clone(p.problems), c.problems...))
	p.sound = !serious(problems)
	return problems
}

// Run executes the playbook in a task, which holds the baton. A playbook that
// was not checked before is checked now: nothing of a wrong one runs.
func (p *Playbook) Run(t *engine.Task, globals *engine.Namespace, vm *lua.VM) error {
	if !p.sound {
		if problems := p.Check(globals); !p.sound {
			return problems
		}
	}
	r := &runner{
		globals: globals, vm: vm,
		funcs: map[funcKey]*engine.Function{}, roles: map[string]*engine.Namespace{},
	}
	sc := &scope{store: newStore(nil)}
	if err := r.topVars(t, p.vars, sc); err != nil {
		return err
	}
	_, err := r.list(site{t, sc}, p.main)
	return err
}

// serious reports whether there is more than warnings.
func serious(ps engine.Problems) bool {
	return slices.ContainsFunc(ps, func(p engine.Problem) bool { return !p.Warning })
}

// sorted puts problems into the order of their places, the playbook's own file
// before what it includes, and drops repetitions (an alias shows its anchor's
// mistakes again).
func sorted(file string, ps engine.Problems) engine.Problems {
	slices.SortStableFunc(ps, func(a, b engine.Problem) int {
		x, y := a.Where, b.Where
		if x.File != y.File {
			if x.File == file {
				return -1
			}
			if y.File == file {
				return 1
			}
		}
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	return slices.CompactFunc(ps, func(a, b engine.Problem) bool { return a == b })
}
