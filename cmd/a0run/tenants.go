package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/pace"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/guard"
	"a0run/engine/project"
)

// tenants are the clients of a run by role.
type tenants struct {
	clients     map[string]*client.Client
	names       map[string]string // role → name, as shown
	defaultRole string
	secret      func(ctx context.Context, name string) (string, error)
	guarded     map[string]guard.Tenant // by role
	validate    engine.ValidatePolicy   // of the project
	weight      float64                 // likewise
	pacers      map[string]*pace.Pacer  // by role; none for local tenants
}

// openTenants makes a client for every role of the playbook.
func openTenants(ctx context.Context, s *session) (*tenants, error) {
	t := &tenants{clients: map[string]*client.Client{}, names: map[string]string{}, defaultRole: bindings.DefaultRole, guarded: map[string]guard.Tenant{}, pacers: map[string]*pace.Pacer{}}
	roles := rolesOf(s.playbook.head())
	t.defaultRole = roles[0]
	head, problems := guard.OfHead(s.playbook.head())
	if len(problems) > 0 {
		return nil, problems
	}
	if s.flags.local {
		if err := t.openLocal(s, roles); err != nil {
			return nil, err
		}
		for role := range t.clients {
			t.guard(role, "", []guard.Rules{head})
		}
		return t, nil
	}
	for flag, set := range map[string]bool{
		"--seed": len(s.flags.seeds) > 0, "--rate": s.flags.rate != "" && !s.flags.assumed, "--burst": s.flags.burst != 0 && !s.flags.assumed,
	} {
		if set {
			return nil, &usageError{flag + " needs --local", "a0run run FILE --local " + flag + " …"}
		}
	}
	return t, t.openProject(ctx, s, head)
}

// guard sets the rules of a role; own is the application that logs in.
func (t *tenants) guard(role, own string, rules []guard.Rules) {
	t.guarded[role] = guard.Tenant{Name: t.names[role], Domain: t.clients[role].Domain(), Own: own, Rules: rules}
}

// rolesOf are the roles of a head, the default one first.
func rolesOf(h engine.Head) []string {
	if len(h.Tenants) == 0 {
		return []string{bindings.DefaultRole}
	}
	roles := make([]string, len(h.Tenants))
	for i, d := range h.Tenants {
		roles[i] = d.Role
	}
	return roles
}

// openProject takes the tenants of a0run.yaml or the environment.
func (t *tenants) openProject(ctx context.Context, s *session, head guard.Rules) error {
	out := s.world.outside()
	p, err := project.Find(s.projectDir(), out)
	if err != nil {
		return err
	}
	for _, warning := range p.Warnings {
		fmt.Fprintln(s.world.stderr, "warning: "+warning.String())
	}
	chosen, err := p.Choose(project.Choice{Flags: s.flags.tenants, Head: s.playbook.head(), Getenv: s.world.getenv})
	if err != nil {
		return err
	}
	t.secret = func(ctx context.Context, name string) (string, error) { return p.Secret(ctx, name, out) }
	t.validate, t.weight = p.Validate, p.Weight
	shared := map[string]*client.Client{} // roles of one tenant share its budget
	own, pacers := map[string]string{}, map[string]*pace.Pacer{}
	for role, name := range chosen {
		t.names[role] = name
		rules := append(p.Guards(name), head)
		if c, ok := shared[name]; ok {
			t.clients[role], t.pacers[role] = c, pacers[name]
			t.guard(role, own[name], rules)
			continue
		}
		r, err := p.Resolve(ctx, name, out)
		if err != nil {
			return err
		}
		pacers[name] = s.pacer(r)
		c, err := newClient(s, r, pacers[name])
		if err != nil {
			return &usageError{fmt.Sprintf("tenant %s: %v", name, s.redactor.Redact(err.Error())), hintOf(err)}
		}
		t.clients[role], shared[name], own[name], t.pacers[role] = c, c, r.ClientID, pacers[name]
		t.guard(role, r.ClientID, rules)
	}
	return nil
}

// projectDir is where the search for a0run.yaml begins.
func (s *session) projectDir() string {
	if s.playbook == nil || s.playbook.dir == "" {
		return s.world.dir
	}
	return s.playbook.dir
}

func hintOf(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return ""
}

// newClient makes the client of a resolved tenant; the engine retries, the
// client does not.
func newClient(s *session, r *project.Resolved, pacer *pace.Pacer) (*client.Client, error) {
	for _, secret := range []engine.Secret{r.ClientSecret, r.PrivateKey, r.CertificateKey, r.Token} {
		s.redactor.Add(string(secret))
	}
	opts := append(engineDriven(s),
		client.WithClientSecret(r.ClientID, string(r.ClientSecret)),
		client.WithAuthMethod(client.AuthMethod(r.AuthMethod)), client.WithToken(string(r.Token)),
		client.WithAudience(r.Audience), client.WithPacer(pacer))
	if r.PrivateKey != "" {
		key := client.PrivateKey{PEM: string(r.PrivateKey), Algorithm: r.PrivateKeyAlg, ID: r.PrivateKeyID}
		opts = append(opts, client.WithPrivateKey(r.ClientID, key))
	}
	if len(r.CAPEM) > 0 {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(r.CAPEM) {
			return nil, fmt.Errorf("ca_file holds no PEM certificate")
		}
		opts = append(opts, client.WithRootCAs(roots))
	}
	if len(r.CertificatePEM) > 0 {
		// The error could show the key.
		cert, err := tls.X509KeyPair(r.CertificatePEM, []byte(r.CertificateKey))
		if err != nil {
			return nil, fmt.Errorf("tenant %s: client_certificate and client_certificate_key do not belong to each other, or are damaged", r.Name)
		}
		opts = append(opts, client.WithTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	}
	return client.New(r.Domain, opts...)
}

// engineDriven are the options of a client under the engine, which retries and
// validates by itself.
func engineDriven(s *session) []client.Option {
	return []client.Option{
		client.WithoutRetry(), client.WithoutValidation(),
		client.WithClock(s.world.now), client.WithSecretListener(s.redactor.Add),
	}
}

// openLocal makes a fresh local tenant for every role.
func (t *tenants) openLocal(s *session, roles []string) error {
	if len(s.flags.tenants) > 0 {
		return &usageError{"--tenant and --local exclude each other", "give one of the two"}
	}
	limits, err := limitsOf(s.flags.rate, s.flags.burst, s.flags.reset)
	if err != nil {
		return err
	}
	seeds, err := seedFiles(s, roles)
	if err != nil {
		return err
	}
	// Secrets come from a0run.yaml also at the desk; nothing else of it does.
	t.secret = func(ctx context.Context, name string) (string, error) {
		p, err := project.Find(s.projectDir(), s.world.outside())
		if err != nil {
			return "", err
		}
		return p.Secret(ctx, name, s.world.outside())
	}
	for _, role := range roles {
		o := sim.Options{Domain: localDomain(role), Clock: s.world.now, Limits: limits}
		if file, ok := seeds[role]; ok {
			if o.Seed, err = os.ReadFile(s.world.path(file)); err != nil {
				return &usageError{fmt.Sprintf("cannot read %s: %v", file, reason(err)), ""}
			}
			o.SeedName = file
		}
		tenant, err := sim.New(o)
		if err != nil {
			return &usageError{err.Error(), hintOf(err)}
		}
		cred := tenant.Credentials()
		s.redactor.Add(cred.ClientSecret)
		c, err := client.New(cred.BaseURL, append(engineDriven(s),
			client.WithClientSecret(cred.ClientID, cred.ClientSecret), client.WithTransport(tenant.Transport()))...)
		if err != nil {
			return err
		}
		t.clients[role], t.names[role] = c, "local"
	}
	return nil
}

// localDomain is the domain of a role's local tenant.
func localDomain(role string) string {
	if role == bindings.DefaultRole {
		return "tenant.local"
	}
	return strings.ToLower(strings.ReplaceAll(role, "_", "-")) + ".local"
}

// seedFiles gives each role its --seed.
func seedFiles(s *session, roles []string) (map[string]string, error) {
	files := map[string]string{}
	for _, seed := range s.flags.seeds {
		role, file, named := strings.Cut(seed, "=")
		if !named {
			for _, r := range roles {
				if _, ok := files[r]; !ok {
					files[r] = seed
				}
			}
			continue
		}
		known := false
		for _, r := range roles {
			known = known || r == role
		}
		if !known {
			return nil, &usageError{"--seed " + seed + ": the playbook has no role " + role, "its roles are " + strings.Join(roles, ", ")}
		}
		files[role] = file
	}
	return files, nil
}

// describe is one line a role: "default = staging (acme.eu.auth0.com)".
func (t *tenants) describe() []string {
	roles := make([]string, 0, len(t.clients))
	for role := range t.clients {
		roles = append(roles, role)
	}
	sort.Strings(roles)
	lines := make([]string, len(roles))
	for i, role := range roles {
		lines[i] = fmt.Sprintf("tenant %s (%s)", t.names[role], t.clients[role].Domain())
		if len(roles) > 1 {
			lines[i] = role + " = " + lines[i]
		}
	}
	return lines
}

// records are the tenants as the journal keeps them, by role.
func (t *tenants) records(local bool) []engine.TenantRecord {
	var all []engine.TenantRecord
	for role, c := range t.clients {
		all = append(all, engine.TenantRecord{Role: role, Name: t.names[role], Domain: c.Domain(), Local: local})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Role < all[j].Role })
	return all
}

// fields are the roles with their tenants, for the first event of a run.
func (t *tenants) fields() json.RawMessage {
	type tenant struct {
		Tenant string `json:"tenant"`
		Domain string `json:"domain"`
	}
	roles := map[string]tenant{}
	for role, c := range t.clients {
		roles[role] = tenant{t.names[role], c.Domain()}
	}
	text, err := json.Marshal(map[string]any{"tenants": roles})
	if err != nil {
		return nil // texts always marshal
	}
	return text
}
