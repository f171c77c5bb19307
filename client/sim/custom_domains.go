package sim

import (
	"a0run/client/sim/store"
)

// readyDomain reports whether a name is a custom domain that is verified.
func readyDomain(tx *store.Tx, name string) bool {
	for _, d := range tx.Lookup(kind("/custom-domains"), "domain", name) {
		if str(d, "status") == "ready" {
			return true
		}
	}
	return false
}

// hasCustomDomain reports whether the tenant answers to a name.
func (t *Tenant) hasCustomDomain(name string) bool {
	found := false
	t.state.View(func(tx *store.Tx) { found = readyDomain(tx, name) })
	return found
}

// customDomains are those that are verified.
func (t *Tenant) customDomains() []string {
	var out []string
	t.state.View(func(tx *store.Tx) {
		for _, d := range tx.All(kind("/custom-domains")) {
			if str(d, "status") == "ready" {
				out = append(out, hostName(str(d, "domain")))
			}
		}
	})
	return out
}

// verifyDomain finds every custom domain verified: whoever asks a local tenant
// by that name, from then on, gets tokens of that issuer.
func verifyDomain(c *call) reply {
	k := kind("/custom-domains")
	old := c.tx.Get(k, c.params[0])
	if old == nil {
		return absent(k.Kind)
	}
	o := store.Clone(old)
	o["status"] = "ready"
	o["origin_domain_name"] = "local.edge.tenants.auth0.test"
	c.tx.Put(k, c.params[0], o)
	return c.ok(o)
}
