package project

import (
	"net/url"
	"strings"

	"a0run/engine"
)

// DefaultRole is the one role of a playbook that declares none.
const DefaultRole = "default"

// Choice is what the command line and the head say about tenants.
type Choice struct {
	// Flags are the --tenant values, "NAME" or "ROLE=NAME".
	Flags []string
	Head  engine.Head
	// Getenv is asked for AUTH0_DOMAIN, which must not contradict a0run.yaml
	// unnoticed; nil means that nobody set it.
	Getenv func(string) (string, bool)
}

// Choose gives each role of the head its tenant's name: --tenant beats the
// head, the head beats default:. A playbook of one role takes the only tenant
// there is also without a default; one of several roles needs each said, or
// source and target would silently be the same. Its error is engine.Problems.
func (p *Project) Choose(c Choice) (map[string]string, error) {
	roles := c.Head.Tenants
	if len(roles) == 0 {
		roles = []engine.TenantDecl{{Role: DefaultRole}}
	}
	flags, problems := p.flags(c.Flags, roles)
	chosen := map[string]string{}
	for _, r := range roles {
		name := flags[r.Role]
		if name == "" {
			name = r.Tenant
			if name != "" {
				problems = append(problems, p.known(name, r.Where, "the role "+r.Role)...)
			}
		}
		if name == "" && (len(roles) == 1 || r.Role == DefaultRole) {
			name = p.fallback()
		}
		if name == "" {
			problems = append(problems, p.missing(r, len(roles) > 1)...)
		}
		chosen[r.Role] = name
	}
	if len(problems) == 0 && c.Getenv != nil {
		problems = p.contradiction(c.Getenv, roles, chosen, flags)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return chosen, nil
}

// flags reads the --tenant values.
func (p *Project) flags(values []string, roles []engine.TenantDecl) (map[string]string, engine.Problems) {
	var problems engine.Problems
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Role
	}
	given := map[string]string{}
	for _, v := range values {
		role, name, named := strings.Cut(v, "=")
		switch {
		case !named && len(roles) > 1:
			problems = append(problems, usage(engine.Position{}, "--tenant "+names[0]+"="+v,
				"--tenant %s: the playbook has the roles %s; say which one is meant", v, strings.Join(names, ", "))...)
			continue
		case !named:
			role, name = names[0], v
		case !contains(names, role):
			hint := "its roles: " + strings.Join(names, ", ")
			if near := engine.Nearest(role, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			problems = append(problems, usage(engine.Position{}, hint, "--tenant %s: the playbook has no role %s", v, role)...)
			continue
		}
		if other, twice := given[role]; twice && other != name {
			problems = append(problems, usage(engine.Position{}, "", "--tenant names two tenants for the role %s: %s and %s", role, other, name)...)
		}
		given[role] = name
		problems = append(problems, p.known(name, engine.Position{}, "--tenant "+v)...)
	}
	return given, problems
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

// known reports a name that no tenant has.
func (p *Project) known(name string, where engine.Position, who string) engine.Problems {
	if _, ok := p.tenant(name); ok {
		return nil
	}
	if p.File == "" {
		return usage(where, "write an a0run.yaml beside the playbook or above it",
			"%s names the tenant %s, but there is no %s; the environment describes one tenant without a name", who, name, FileName)
	}
	hint := "it has " + strings.Join(p.names(), ", ")
	if near := engine.Nearest(name, p.names()); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return usage(where, hint, "%s: %s has no tenant %s", who, p.File, name)
}

// fallback is the tenant that is meant where nobody says one.
func (p *Project) fallback() string {
	if p.Default == "" && len(p.Tenants) == 1 {
		return p.Tenants[0].Name
	}
	return p.Default
}

func (p *Project) missing(r engine.TenantDecl, several bool) engine.Problems {
	if p.File == "" {
		return usage(r.Where, "write an a0run.yaml with a tenant for each role",
			"the role %s has no tenant; the environment describes only one, and the playbook works with several", r.Role)
	}
	flag := "--tenant NAME"
	if several {
		flag = "--tenant " + r.Role + "=NAME"
	}
	hint := flag + ", where NAME is one of " + strings.Join(p.names(), ", ")
	if !several {
		return usage(r.Where, hint, "no tenant is chosen: %s has no default:", p.File)
	}
	return usage(r.Where, hint, "the role %s has no tenant", r.Role)
}

// contradiction holds the chosen tenants against AUTH0_DOMAIN: somebody who
// has set it believes to work on that tenant. --tenant decides.
func (p *Project) contradiction(getenv func(string) (string, bool), roles []engine.TenantDecl, chosen, flags map[string]string) engine.Problems {
	env, ok := getenv("AUTH0_DOMAIN")
	if !ok || env == "" || p.File == "" {
		return nil
	}
	var wrong engine.Problems
	p.compare = map[string]bool{}
	for _, r := range roles {
		t, _ := p.tenant(chosen[r.Role])
		domain := t.Domain.Value
		if t.Domain.Env != "" {
			domain, _ = getenv(t.Domain.Env)
		}
		switch {
		case sameDomain(domain, env):
			return nil // it is one of those that the playbook works on
		case flags[r.Role] != "":
		case domain == "":
			p.compare[t.Name] = len(roles) == 1
		default:
			wrong = append(wrong, p.contradicts(t, domain, env)...)
		}
	}
	return wrong
}

func (p *Project) contradicts(t Tenant, domain, env string) engine.Problems {
	return usage(t.Domain.Where, "say --tenant "+t.Name+", or unset AUTH0_DOMAIN",
		"the tenant %s has the domain %s, but AUTH0_DOMAIN is %s", t.Name, domain, env)
}

func sameDomain(a, b string) bool { return bareDomain(a) == bareDomain(b) }

// bareDomain is a domain without scheme, path and case.
func bareDomain(s string) string {
	s = strings.TrimSpace(s)
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		s = u.Host
	}
	return strings.ToLower(strings.TrimRight(s, "/."))
}
