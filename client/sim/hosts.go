package sim

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
)

// ServeAll serves many tenants on one address. A request goes to the tenant
// whose Options.Domain ("acme.localhost") is the host that it was sent to; a
// tenant's domain then has the port too. Each has state, limits, faults, time
// and a control API of its own. The ready file holds ca_file and tenants, a map
// from these names to Credentials.
func ServeAll(ctx context.Context, tenants []*Tenant, o ServeOptions) error {
	seen := map[string]bool{}
	for _, t := range tenants {
		name := t.name()
		switch {
		case t.o.Domain == "":
			return errors.New("one of many tenants has no Domain by which it is found")
		case seen[name]:
			return fmt.Errorf("two tenants are called %s", name)
		}
		seen[name] = true
	}
	if len(tenants) == 0 {
		return errors.New("there are no tenants to serve")
	}
	o.many = true
	return serve(ctx, tenants, o, func(base string) {
		scheme, address, _ := strings.Cut(base, "://")
		_, port, _ := net.SplitHostPort(address)
		for _, t := range tenants {
			domain := t.o.Domain
			if _, _, err := net.SplitHostPort(domain); err != nil {
				domain = net.JoinHostPort(domain, port)
			}
			t.mu.Lock()
			t.o.Domain = domain
			t.mu.Unlock()
			t.move(scheme + "://" + net.JoinHostPort(withoutPort(domain), port))
		}
	})
}

// name is the host by which a tenant is told from others.
func (t *Tenant) name() string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return hostName(t.o.Domain)
}

// hostName is a host as it is compared: without port and final dot, in lower
// case.
func hostName(host string) string {
	return strings.ToLower(strings.TrimSuffix(withoutPort(host), "."))
}

func withoutPort(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// hosts sends requests to the tenant that they name, by its domain or by a
// custom domain of it that is verified.
type hosts struct {
	byName  map[string]*Tenant
	names   []string
	tenants []*Tenant // in the order of their names
}

// byCustomDomain is the first of some tenants that has a verified custom domain
// of this name, nil where none has.
func byCustomDomain(tenants []*Tenant, name string) *Tenant {
	for _, t := range tenants {
		if t.hasCustomDomain(name) {
			return t
		}
	}
	return nil
}

// handlerOf answers for a tenant, or for each of many.
func handlerOf(tenants []*Tenant, many bool) http.Handler {
	if !many {
		return tenants[0]
	}
	h := &hosts{byName: map[string]*Tenant{}}
	for _, t := range tenants {
		h.byName[t.name()] = t
	}
	h.names = sortedKeys(h.byName)
	for _, name := range h.names {
		h.tenants = append(h.tenants, h.byName[name])
	}
	return h
}

func (h *hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := hostName(r.Host)
	t := h.byName[name]
	if t == nil {
		t = byCustomDomain(h.tenants, name)
	}
	if t != nil {
		t.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/" && r.Method == http.MethodGet {
		h.servePage(w)
		return
	}
	names := slices.Clone(h.names)
	for _, one := range h.tenants {
		names = append(names, one.customDomains()...)
	}
	answerControl(w, http.StatusMisdirectedRequest, object{
		"error": fmt.Sprintf("no local tenant is called %q; there are %s%s", name, strings.Join(names, ", "), didYouMean(name, names)),
	})
}

const hostsText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Local tenants</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>` + pageStyle + `</style></head><body><main>
<h1>Local tenants</h1>
<ul>{{range .}}<li><a href="{{.}}/">{{.}}</a></li>{{end}}</ul>
</main></body></html>
`

func (h *hosts) servePage(w http.ResponseWriter) {
	var at []string
	for _, t := range h.byName {
		at = append(at, t.BaseURL())
	}
	slices.Sort(at)
	writePage(w, template.Must(template.New("hosts").Parse(hostsText)), at)
}

// StartAll is [Start] for many tenants on one address, by host name
// ("acme.localhost"). The HTTP client finds them whether or not the system
// resolves such names.
func StartAll(t TB, o map[string]Options) (map[string]*Tenant, *http.Client) {
	t.Helper()
	var list []*Tenant
	all := map[string]*Tenant{}
	for _, name := range sortedKeys(o) {
		one := o[name]
		one.Domain = name
		tenant, err := New(one)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", name, err))
			return nil, nil
		}
		list = append(list, tenant)
		all[name] = tenant
	}
	client := started(t, list, func(ctx context.Context, so ServeOptions) error { return ServeAll(ctx, list, so) })
	return all, client
}
