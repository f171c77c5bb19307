package project

import (
	"context"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"

	"a0run/engine"
)

// Resolve reads a tenant's values. Its error is engine.Problems, which say
// where a value should have come from and never what it is.
func (p *Project) Resolve(ctx context.Context, name string, out Outside) (*Resolved, error) {
	t, ok := p.tenant(name)
	if !ok {
		return nil, p.known(name, engine.Position{}, "the run")
	}
	r := &resolver{project: p, out: out, tenant: t.Name}
	res := &Resolved{
		Name: t.Name, Domain: r.value(ctx, "domain", t.Domain), ClientID: r.value(ctx, "client_id", t.ClientID),
		Audience: r.value(ctx, "audience", t.Audience), PrivateKeyAlg: r.value(ctx, "private_key_alg", t.PrivateKeyAlg),
		ClientSecret: engine.Secret(r.value(ctx, "client_secret", t.ClientSecret)),
		Token:        engine.Secret(r.value(ctx, "token", t.Token)),
		PrivateKey:   engine.Secret(r.key(ctx, "private_key", t.PrivateKey)),
		PrivateKeyID: r.value(ctx, "private_key_id", t.PrivateKeyID),
		AuthMethod:   r.value(ctx, "token_endpoint_auth_method", t.AuthMethod),
		CAPEM:        r.certificates(ctx, "ca_file", t.CAFile),

		CertificatePEM: r.certificates(ctx, "client_certificate", t.Certificate),
		CertificateKey: engine.Secret(r.key(ctx, "client_certificate_key", t.CertificateKey)),
		Pace:           t.Pace,
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	if env, set := out.Getenv("AUTH0_DOMAIN"); p.compare[name] && set && env != "" && !sameDomain(env, res.Domain) {
		return nil, p.contradicts(t, res.Domain, env)
	}
	return res, nil
}

// Secret is the value of an entry of secrets:.
func (p *Project) Secret(ctx context.Context, name string, out Outside) (string, error) {
	names := make([]string, len(p.Secrets))
	for i, s := range p.Secrets {
		if s.Name == name {
			r := &resolver{project: p, out: out}
			v := r.value(ctx, "secrets."+name, s.Source)
			if len(r.problems) > 0 {
				return "", r.problems
			}
			return v, nil
		}
		names[i] = s.Name
	}
	switch near := engine.Nearest(name, names); {
	case p.File == "":
		return "", usage(engine.Position{}, "write one with secrets: {"+name+": {env: …}}", "there is no secret %s: there is no %s", name, FileName)
	case near != "":
		return "", usage(engine.Position{File: p.File}, "did you mean "+near+"?", "there is no secret %s", name)
	}
	return "", usage(engine.Position{File: p.File}, "secrets: {"+name+": {env: …}}", "there is no secret %s", name)
}

// A resolver reads sources and collects what goes wrong.
type resolver struct {
	project  *Project
	out      Outside
	tenant   string
	problems engine.Problems
}

// A field is a source by its name.
type field struct {
	name string
	Source
}

// wrong reports what is wrong with a field and gives the value of it, "".
func (r *resolver) wrong(f field, hint, format string, args ...any) string {
	who := f.name
	if r.tenant != "" {
		who = "tenant " + r.tenant + ": " + f.name
	}
	r.problems = append(r.problems, usage(f.Where, hint, "%s: %s", who, fmt.Sprintf(format, args...))...)
	return ""
}

// path is a path of the project file, which counts from its folder.
func (r *resolver) path(name string) string { return r.project.Path(name) }

// value reads a source; without the line end that files and commands put
// behind a value.
func (r *resolver) value(ctx context.Context, name string, s Source) string {
	f := field{name, s}
	var v string
	switch {
	case s.IsZero():
		return ""
	case s.Env != "":
		v, _ = r.out.Getenv(s.Env)
		if v == "" {
			return r.wrong(f, "export "+s.Env+"=…", "the environment variable %s is not set", s.Env)
		}
	case s.File != "":
		text, err := r.out.Files(r.path(s.File))
		if err != nil {
			return r.wrong(f, "", "cannot read %s: %v", r.path(s.File), reason(err))
		}
		v = string(text)
	case len(s.Command) > 0:
		text, err := r.out.Run(ctx, s.Command, filepath.Dir(r.project.File))
		if err != nil {
			return r.wrong(f, "", "the command failed: %v", err)
		}
		v = text
	default:
		return s.Value
	}
	v = strings.TrimRight(v, "\r\n")
	if strings.TrimSpace(v) == "" {
		return r.wrong(f, "", "%s is empty", s)
	}
	return v
}

// key reads a private key: PEM, also with its line ends written as \n, as
// environment variables have it, or the path of a PEM file.
func (r *resolver) key(ctx context.Context, name string, s Source) string {
	f := field{name, s}
	v := r.value(ctx, f.name, s)
	if v == "" {
		return ""
	}
	if !strings.Contains(v, "-----BEGIN") {
		if s.File != "" || len(s.Command) > 0 {
			return r.wrong(f, `it must begin with "-----BEGIN PRIVATE KEY-----"`, "%s holds no PEM key", s)
		}
		text, err := r.out.Files(r.path(strings.TrimSpace(v)))
		if err != nil {
			return r.wrong(f, "give the PEM text, or the path of a file with it", "%s is neither a PEM key nor a file that can be read", s)
		}
		v = string(text)
	}
	if !strings.Contains(v, "\n") {
		v = strings.ReplaceAll(v, `\n`, "\n")
	}
	if block, _ := pem.Decode([]byte(v)); block == nil {
		return r.wrong(f, `it must begin with "-----BEGIN PRIVATE KEY-----"`, "%s holds no PEM key", s)
	}
	return v
}

func (r *resolver) certificates(ctx context.Context, name string, s Source) []byte {
	f := field{name, s}
	v := r.value(ctx, f.name, s)
	if v == "" {
		return nil
	}
	if s.Value != "" || s.Env != "" {
		text, err := r.out.Files(r.path(v))
		if err != nil {
			r.wrong(f, "", "cannot read %s: %v", r.path(v), reason(err))
			return nil
		}
		v = string(text)
	}
	if block, _ := pem.Decode([]byte(v)); block == nil {
		r.wrong(f, `it must begin with "-----BEGIN CERTIFICATE-----"`, "it holds no PEM certificate")
		return nil
	}
	return []byte(v)
}
