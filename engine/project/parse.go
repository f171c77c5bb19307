package project

import (
	"strings"

	"gopkg.in/yaml.v3"

	"a0run/engine"
)

// Parse reads the text of an a0run.yaml. Its error is engine.Problems: all
// mistakes at once, each with line and column.
func Parse(name string, text []byte) (*Project, error) {
	d := &document{name: name}
	p := &Project{File: name}
	root := d.root(text)
	switch {
	case root == nil:
		if len(d.problems) == 0 {
			return nil, usage(engine.Position{File: name, Line: 1, Column: 1}, "it needs tenants:", "the file is empty")
		}
	case d.mapping(root, FileName):
		d.project(root, p)
	}
	if err := d.errOf(); err != nil {
		return nil, err
	}
	p.Warnings = d.problems
	return p, nil
}

func (d *document) project(root *yaml.Node, p *Project) {
	var tenants bool
	fields(root, func(key, value *yaml.Node) {
		switch key.Value {
		case "default":
			p.Default, p.defaultAt = d.text(value, "default"), d.at(value)
		case "tenants":
			if tenants = true; d.mapping(value, "tenants") {
				fields(value, func(key, value *yaml.Node) { d.tenant(key, value, p) })
			}
		case "secrets":
			if d.mapping(value, "secrets") {
				fields(value, func(key, value *yaml.Node) { d.secret(key, value, p) })
			}
		case "guards":
			p.guards = d.guards(key, value)
		case "journal":
			p.Journal = d.journal(value)
		case "schedules":
			d.schedules(key, value, p)
		case "serve":
			d.serve(value, p)
		case "validate":
			p.Validate = d.validate(value)
		case "weight":
			p.Weight = d.weight(value)
		case "notify":
			p.Notify = d.notify(value)
		case "room":
			p.Room = d.room(value)
		default:
			d.unknown(key, FileName, []string{"default", "tenants", "secrets", "guards", "journal", "validate", "weight", "notify", "room", "schedules", "serve"})
		}
	})
	d.serveTenants(root, p)
	switch _, known := p.tenant(p.Default); {
	case len(p.Tenants) == 0 && !tenants:
		d.wrong(root, "tenants: {staging: {domain: …, client_id: …, client_secret: {env: …}}}", "tenants: is missing")
	case p.Default != "" && !known:
		hint := "there are " + strings.Join(p.names(), ", ")
		if near := engine.Nearest(p.Default, p.names()); near != "" {
			hint = "did you mean " + near + "?"
		}
		d.problems = append(d.problems, engine.Problem{Where: p.defaultAt, Message: "default: there is no tenant " + p.Default, Hint: hint})
	}
}

// tenantKeys are the keys of a tenant.
func tenantKeys() []string {
	return []string{
		"domain", "client_id", "client_secret", "private_key", "private_key_alg", "private_key_id", "token", "audience",
		"ca_file", "token_endpoint_auth_method", "client_certificate", "client_certificate_key", "production", "guards",
		"reserve", "plan", "rate_limits", "concurrency",
	}
}

func (d *document) tenant(key, value *yaml.Node, p *Project) {
	t := Tenant{Name: key.Value, Where: d.at(key)}
	what := "tenants." + t.Name
	if t.Name == "" || strings.ContainsAny(t.Name, "= \t") {
		d.wrong(key, "names are words like staging", "%q is no name of a tenant", t.Name)
	}
	if !d.mapping(value, what) {
		return
	}
	places := map[string]*Source{
		"domain": &t.Domain, "client_id": &t.ClientID, "client_secret": &t.ClientSecret, "private_key": &t.PrivateKey,
		"private_key_alg": &t.PrivateKeyAlg, "token": &t.Token, "audience": &t.Audience, "ca_file": &t.CAFile,
		"private_key_id": &t.PrivateKeyID, "token_endpoint_auth_method": &t.AuthMethod,
		"client_certificate": &t.Certificate, "client_certificate_key": &t.CertificateKey,
	}
	fields(value, func(key, value *yaml.Node) {
		switch key.Value {
		case "production":
			t.Production, t.productionAt = d.boolean(value, what+".production"), d.at(key)
			return
		case "guards":
			t.guards = d.guards(key, value)
			return
		}
		if d.pace(&t.Pace, key.Value, value, what+"."+key.Value) {
			return
		}
		place, known := places[key.Value]
		if !known {
			d.unknown(key, what, tenantKeys())
			return
		}
		*place = d.source(value, what+"."+key.Value)
		secret := key.Value == "client_secret" || key.Value == "token" || strings.Contains(place.Value, "PRIVATE KEY-----")
		if secret && place.Value != "" {
			d.warn(place.Where, "take it from {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}", "%s.%s stands in the file in the clear", what, key.Value)
		}
	})
	d.together(key, &t, what)
	if t.Production && !t.Pace.reserved {
		t.Pace.Reserve = productionReserve
	}
	p.Tenants = append(p.Tenants, t)
}

// together checks what keys of a tenant have to do with each other.
func (d *document) together(key *yaml.Node, t *Tenant, what string) {
	if t.Domain.IsZero() {
		d.wrong(key, "domain: acme.eu.auth0.com", "%s: domain is missing", what)
	}
	if !t.ClientSecret.IsZero() && !t.PrivateKey.IsZero() {
		d.wrong(key, "leave one of them out", "%s: client_secret and private_key are both given; an application authenticates with one", what)
	}
	if t.Certificate.IsZero() != t.CertificateKey.IsZero() {
		d.wrong(key, "", "%s: client_certificate and client_certificate_key belong together", what)
	}
	if t.ClientID.IsZero() && t.Token.IsZero() && (!t.ClientSecret.IsZero() || !t.PrivateKey.IsZero()) {
		d.wrong(key, "", "%s: client_id is missing", what)
	}
}

func (d *document) secret(key, value *yaml.Node, p *Project) {
	what := "secrets." + key.Value
	s := d.source(value, what)
	if s.Value != "" {
		d.warn(s.Where, "take it from {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}", "%s stands in the file in the clear", what)
	}
	p.Secrets = append(p.Secrets, NamedSource{Name: key.Value, Source: s})
}

// boolean takes true or false, and nothing that YAML 1.1 took for it.
func (d *document) boolean(n *yaml.Node, what string) bool {
	if n.Kind == yaml.ScalarNode {
		if on, ok := d.tree(n).(bool); ok {
			return on
		}
	}
	d.wrong(n, "", "%s: got %s, want true or false", what, kindOf(n))
	return false
}

// text takes a scalar that is text; a number needs quotes, for 0123 and 123
// are one number and two client ids.
func (d *document) text(n *yaml.Node, what string) string {
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp") {
		if n.Value == "" {
			d.wrong(n, "", "%s is empty", what)
		}
		return n.Value
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		hint = "put it in quotes"
	}
	d.wrong(n, hint, "%s: got %s, want text", what, kindOf(n))
	return ""
}

// source reads a plain value, or one of {env: X}, {file: path}, {command: …}.
func (d *document) source(n *yaml.Node, what string) Source {
	s := Source{Where: d.at(n)}
	if n.Kind != yaml.MappingNode {
		if n.Kind == yaml.SequenceNode {
			d.wrong(n, "", "%s: got a list, want text, {env: NAME}, {file: PATH} or {command: …}", what)
			return s
		}
		s.Value = d.text(n, what)
		return s
	}
	given := 0
	fields(n, func(key, value *yaml.Node) {
		given++
		switch key.Value {
		case "env":
			s.Env = d.text(value, what+".env")
		case "file":
			s.File = d.text(value, what+".file")
		case "command":
			s.Command = d.command(value, what+".command")
		default:
			d.unknown(key, what, []string{"env", "file", "command"})
		}
	})
	if given != 1 {
		d.wrong(n, "", "%s: give exactly one of env, file, command", what)
	}
	return s
}

// command takes a list, or a line that is split into words. There is no shell:
// what a shell makes of a line is another thing on every machine.
func (d *document) command(n *yaml.Node, what string) []string {
	var words []string
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			words = append(words, d.text(c, what))
		}
	} else {
		line := d.text(n, what)
		var ok bool
		if words, ok = splitWords(line); !ok {
			d.wrong(n, "", "%s: a quote is not closed", what)
		}
		if strings.ContainsAny(line, "|<>$`;&") {
			d.warn(d.at(n), "write [sh, -c, \"…\"] if a shell is meant", "%s: no shell reads this line", what)
		}
	}
	if len(words) == 0 {
		d.wrong(n, "[PROGRAM, ARGUMENT]", "%s is empty", what)
	}
	return words
}

// splitWords splits a line at spaces; quotes of both kinds keep words together.
func splitWords(line string) ([]string, bool) {
	var words []string
	var word strings.Builder
	var quote rune
	begun := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, quote == 0
}
