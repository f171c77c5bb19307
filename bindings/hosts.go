package bindings

import (
	"net/url"
	"strings"

	"a0run/client"
	"a0run/engine"
)

// reachable refuses an argument that names a host which the playbook has not
// declared: with `domain` the tenant's own secret would go there, with
// `jwks_url` the keys that a token is believed by would come from there. The
// domains of the run's tenants need no declaration.
func (t *table) reachable(args *bound, name string, c *client.Client) *engine.Error {
	given := args.text(name)
	if given == "" {
		return nil
	}
	host := hostOf(given)
	if host == hostOf(c.Domain()) {
		return nil
	}
	for _, other := range t.cfg.Tenants {
		if host == hostOf(other.Domain()) {
			return nil
		}
	}
	for _, declared := range t.cfg.Head.Hosts {
		if host == hostOf(declared) {
			return nil
		}
	}
	hint := `declare it in the head: hosts = {"` + host + `"}`
	if n := engine.Nearest(host, t.cfg.Head.Hosts); n != "" {
		hint = "did you mean " + n + "?"
	}
	return args.wrong("parameter "+name+": the host "+host+" does not exist for this playbook", hint)
}

// hostOf is the host, with its port, of a domain or a URL.
func hostOf(text string) string {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	return strings.ToLower(u.Host)
}
