package bindings

import (
	"net/url"
	"strings"

	"a0run/client"
	"a0run/client/hosts"
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
	u, err := url.Parse(asURL(given))
	if err != nil {
		return args.wrong("parameter "+name+": is no address: "+urlFault(err), "")
	}
	r := hosts.Of(t.cfg.Head.Hosts).Allows(u)
	if r == nil {
		return nil
	}
	return args.wrong("parameter "+name+": "+r.Reason, t.hostHint(r))
}

// hostOf is the host, with its port, of a domain or a URL.
func hostOf(text string) string {
	u, err := url.Parse(asURL(text))
	if err != nil {
		return text
	}
	return strings.ToLower(u.Host)
}

func asURL(text string) string {
	if strings.Contains(text, "://") {
		return text
	}
	return "https://" + text
}
