package plan

import (
	"slices"
	"strings"
)

// used are the operations asked for, by tenant and name. The Planner's mutex is
// held.
func (p *Planner) used() []Use {
	out := make([]Use, 0, len(p.uses))
	for _, u := range p.uses {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b Use) int {
		if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
			return c
		}
		return strings.Compare(a.Operation, b.Operation)
	})
	return out
}
