package yaml

import (
	"slices"

	"a0run/engine"
)

// An OutlineStep is a step of the playbook's own list, for a picture of it.
type OutlineStep struct {
	ID, Name string
	// Action is what it does: the name of a function, or block, parallel, lua …
	Action string
	Where  engine.Position
	// After are the steps, by their place in the list, that it waits for and that
	// no other of them waits for.
	After []int
}

// Outline are the steps of the playbook's own list, in their order, and which
// waits for which. It is there after Parse, also where Check finds mistakes.
func (p *Playbook) Outline() []OutlineStep {
	if p.main == nil {
		return nil
	}
	all := make([]OutlineStep, len(p.main.steps))
	before := make([]map[int]bool, len(all)) // everything that a step waits for
	for i, s := range p.main.steps {
		all[i] = OutlineStep{ID: s.id, Name: s.name, Where: s.at}
		if len(s.entries) > 0 {
			all[i].Action = s.entries[0].name()
		}
		if len(s.eachEntries) > 0 || s.forEach != nil {
			all[i].Action += " for each"
		}
		direct := waitsFor(p.main.steps, i)
		before[i] = map[int]bool{}
		for _, j := range direct {
			before[i][j] = true
			if j < i {
				for k := range before[j] {
					before[i][k] = true
				}
			}
		}
		all[i].After = slices.DeleteFunc(direct, func(j int) bool {
			return slices.ContainsFunc(direct, func(k int) bool { return k < i && before[k][j] })
		})
	}
	return all
}

// waitsFor are the steps that one waits for: those that it needs, else all above
// it.
func waitsFor(steps []*step, i int) []int {
	var direct []int
	for j, other := range steps {
		needed := slices.ContainsFunc(steps[i].needs, func(n need) bool { return n.id != "" && n.id == other.id })
		if steps[i].hasNeeds && needed && j != i || !steps[i].hasNeeds && j < i {
			direct = append(direct, j)
		}
	}
	return direct
}
