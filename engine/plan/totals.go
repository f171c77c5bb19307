package plan

import (
	"maps"
	"slices"
	"time"

	"a0run/client/catalog"
)

// A Total counts the changes of one operation that would change something.
type Total struct {
	Tenant    string         `json:"tenant"`
	Operation string         `json:"operation"`
	Effect    catalog.Effect `json:"effect"`
	Calls     int            `json:"calls"`
}

// Totals are the pending changes by tenant and operation, in the order in which
// changes are shown.
func (p *Plan) Totals() []Total {
	type key struct{ tenant, operation string }
	at := map[key]int{}
	type totalled struct {
		Total
		first *Change
	}
	var all []totalled
	for _, c := range p.Changes {
		if !c.pending() {
			continue
		}
		k := key{c.Tenant, c.Operation}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, totalled{Total{Tenant: c.Tenant, Operation: c.Operation, Effect: c.Effect}, c})
		}
		all[i].Calls++
		if compareCalls(c, all[i].first) < 0 {
			all[i].first = c
		}
	}
	slices.SortStableFunc(all, func(a, b totalled) int { return compareCalls(a.first, b.first) })
	var out []Total
	for _, t := range all {
		out = append(out, t.Total)
	}
	return out
}

// Scopes are the fewest scopes, for each tenant, with which a plan can be made
// and applied: at least one of those of each operation. Operations that need
// none, or that are not in the catalogue, ask for nothing.
func (p *Plan) Scopes(table *catalog.Table) map[string][]string {
	needs := map[string][][]string{}
	add := func(tenant, operation string) {
		op, ok := table.Lookup(operation)
		if !ok || len(op.Scopes) == 0 {
			return
		}
		if !slices.ContainsFunc(needs[tenant], func(s []string) bool { return slices.Equal(s, op.Scopes) }) {
			needs[tenant] = append(needs[tenant], op.Scopes)
		}
	}
	for _, u := range p.Used {
		add(u.Tenant, u.Operation)
	}
	for _, t := range p.Totals() {
		add(t.Tenant, t.Operation)
	}
	out := map[string][]string{}
	for tenant, sets := range needs {
		out[tenant] = cover(sets)
	}
	return out
}

// cover chooses few scopes that meet every set: what stands alone first, then
// always the one that meets most of the rest.
func cover(sets [][]string) []string {
	chosen := map[string]bool{}
	open := func() [][]string {
		return slices.DeleteFunc(slices.Clone(sets), func(s []string) bool {
			return slices.ContainsFunc(s, func(scope string) bool { return chosen[scope] })
		})
	}
	for _, s := range sets {
		if len(s) == 1 {
			chosen[s[0]] = true
		}
	}
	for rest := open(); len(rest) > 0; rest = open() {
		meets := map[string]int{}
		for _, s := range rest {
			for i, scope := range s {
				meets[scope] += 1000 - i // of equals the one that the API names first
			}
		}
		best := ""
		for _, scope := range slices.Sorted(maps.Keys(meets)) {
			if best == "" || meets[scope] > meets[best] {
				best = scope
			}
		}
		chosen[best] = true
	}
	return slices.Sorted(maps.Keys(chosen))
}

// A Rate is how fast a tenant takes the requests of one bucket: so many at
// once, and then so many a second. Zero means without a limit.
type Rate struct {
	Burst     int
	PerSecond float64
}

// An Estimate is what applying a plan asks of the tenants.
type Estimate struct {
	// Writes are the changes; Reads those that the playbook makes by itself;
	// Checks the looks at what stands there, one before most writes, and for
	// relations some for each element.
	Writes int `json:"writes"`
	Reads  int `json:"reads"`
	Checks int `json:"checks"`
	// Calls are all of them, twice the reads and looks: the plan is made again
	// before it is applied.
	Calls int `json:"calls"`
	// Takes is the least time at the rates given; 0 where there is no limit.
	Takes time.Duration `json:"takes_ns"`
}

// looks is how often it is looked at what stands there before a change is made. Of
// a relation each element is looked at, one that is added also by itself, and the
// whole is kept for undo.
func (c *Change) looks() int {
	if c.Before.Digest != "" || !c.Before.Found {
		return 1
	}
	n := len(c.Fields)
	if c.Effect == catalog.Add {
		return 2*n + 1
	}
	if c.Effect == catalog.Remove {
		return n + 1
	}
	return 1
}

// Estimate counts the requests that applying the plan sends, and how long they
// take at a tenant's rates. rate gives the rate of a bucket of the catalogue
// ("management", "users.write") of the tenant of a role; nil means no limits.
func (p *Plan) Estimate(table *catalog.Table, rate func(tenant, bucket string) Rate) Estimate {
	var e Estimate
	type bucket struct{ tenant, name string }
	load := map[bucket]int{}
	count := func(tenant, operation string, n int) {
		op, ok := table.Lookup(operation)
		if !ok {
			return
		}
		for _, b := range op.Buckets {
			load[bucket{tenant, b}] += n
		}
		e.Calls += n
	}
	for _, u := range p.Used {
		e.Reads += u.Calls
		count(u.Tenant, u.Operation, 2*u.Calls+u.Looks)
	}
	for _, c := range p.Changes {
		op, ok := table.Lookup(c.Operation)
		if !ok || c.Refused != nil || c.silent {
			continue
		}
		e.Writes++
		count(c.Tenant, c.Operation, 1)
		if c.Before != nil && c.Effect != catalog.Create && op.Inverse.Before != "" {
			n := c.looks()
			e.Checks += n
			count(c.Tenant, op.Inverse.Before, n)
		}
	}
	if rate == nil {
		return e
	}
	for b, n := range load {
		r := rate(b.tenant, b.name)
		if r.PerSecond > 0 && n > r.Burst {
			e.Takes = max(e.Takes, time.Duration(float64(n-r.Burst)/r.PerSecond*float64(time.Second)))
		}
	}
	return e
}
