package guard

import (
	"slices"

	"a0run/engine"
)

// requests is what a request to a host that is no tenant's is called in allow
// and deny.
const requests = "http.request"

// elsewhere is the reason why a request to a host that is no tenant's is not
// made. It belongs to no tenant, so the rules of all tenants of the run hold: a
// run that is to write nothing sends nothing anywhere but reads.
func (g *Guards) elsewhere(c *engine.Call) *reason {
	covers := func(o operations) bool { return o.match(requests) }
	for _, role := range g.roles {
		t := g.tenants[role]
		for _, r := range t.Rules {
			if i := slices.IndexFunc(r.deny, covers); i >= 0 {
				return &reason{
					guard: "deny", where: r.deny[i].where, text: "requests to other hosts are denied by " + r.deny[i].text,
					hint: "leave the call out, or take http.request off the list there",
				}
			}
			switch {
			case !c.Mutates():
			case r.readOnly != nil:
				return &reason{
					guard: "read_only", where: *r.readOnly, text: "nothing is written" + t.of() + ", and other hosts are only read",
					hint: "send a GET or a HEAD, or take read_only away there",
				}
			case r.allow != nil && !slices.ContainsFunc(r.allow.patterns, covers):
				return t.unlisted(r, requests)
			}
		}
	}
	return nil
}
