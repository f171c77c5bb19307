package project

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"a0run/engine"
)

// A Room is what room: says of the control room: where it listens and who may
// come in.
type Room struct {
	// Listen is the address, HOST:PORT; "" is 127.0.0.1:8417.
	Listen string
	// URL is how others reach it, for links, for what Auth0 sends people back to,
	// and as a name under which it answers; "" where nobody else does.
	URL string
	// Certificate and Key are the TLS server's, PEM or the paths of such files.
	Certificate, Key Source
	Tokens           []RoomToken
	OIDC             *RoomOIDC
	Where            engine.Position
}

// The roles of the control room, each with the powers of those before it.
const (
	RoleViewer   = "viewer"   // sees
	RoleOperator = "operator" // starts, stops, resumes, undoes, pauses
	RoleAdmin    = "admin"    // approves plans, reads the audit, reloads files
)

// Roles are the roles, the weakest first.
func Roles() []string { return []string{RoleViewer, RoleOperator, RoleAdmin} }

// A RoomToken lets in who has it.
type RoomToken struct {
	Name, Role string
	Token      Source
	Where      engine.Position
}

// A RoomOIDC lets in whom an Auth0 tenant logs in.
type RoomOIDC struct {
	Domain, ClientID, ClientSecret Source
	CAFile                         Source
	// Claim is the claim of the ID token by which people get their role: a text,
	// or a list of texts. "" is the verified e-mail address.
	Claim string
	// Roles are the claim's values by role; "*" stands for every value.
	Roles map[string][]string
	Where engine.Position
}

// A ResolvedRoom is a Room with its values.
type ResolvedRoom struct {
	CertificatePEM []byte
	KeyPEM         engine.Secret
	Tokens         map[string]engine.Secret // by name
	Domain         string
	ClientID       string
	ClientSecret   engine.Secret
	CAPEM          []byte
}

// ResolveRoom reads the values of room:. Its error is engine.Problems, which
// say where a value should have come from and never what it is.
func (p *Project) ResolveRoom(ctx context.Context, out Outside) (*ResolvedRoom, error) {
	r := &resolver{project: p, out: out}
	room := &ResolvedRoom{
		CertificatePEM: r.certificates(ctx, "room.tls.certificate", p.Room.Certificate),
		KeyPEM:         engine.Secret(r.key(ctx, "room.tls.key", p.Room.Key)),
		Tokens:         map[string]engine.Secret{},
	}
	for _, t := range p.Room.Tokens {
		what := "room.tokens." + t.Name + ".token"
		v := r.value(ctx, what, t.Token)
		if v != "" && len(v) < shortestToken {
			r.wrong(field{what, t.Token}, "openssl rand -hex 32 makes one", "it has %d characters; a token that nobody guesses has %d or more", len(v), shortestToken)
		} else if n := different(v); v != "" && n < fewestDifferent {
			r.wrong(field{what, t.Token}, "openssl rand -hex 32 makes one", "it has %d different characters; a token that nobody guesses has %d or more", n, fewestDifferent)
		}
		room.Tokens[t.Name] = engine.Secret(v)
	}
	if o := p.Room.OIDC; o != nil {
		room.Domain, room.ClientID = r.value(ctx, "room.oidc.domain", o.Domain), r.value(ctx, "room.oidc.client_id", o.ClientID)
		room.ClientSecret = engine.Secret(r.value(ctx, "room.oidc.client_secret", o.ClientSecret))
		room.CAPEM = r.certificates(ctx, "room.oidc.ca_file", o.CAFile)
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return room, nil
}

// shortestToken is the shortest token that lets anybody in, and fewestDifferent how
// many different characters it has at least: who guesses is slowed down, but never
// locks out who has a token, so that it must not be one that is guessed.
const (
	shortestToken   = 20
	fewestDifferent = 8
)

func different(text string) int {
	seen := map[rune]bool{}
	for _, c := range text {
		seen[c] = true
	}
	return len(seen)
}

// room reads {listen, url, tls, tokens, oidc}.
func (d *document) room(n *yaml.Node) Room {
	room := Room{Where: d.at(n)}
	if !d.mapping(n, "room") {
		return room
	}
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "listen":
			room.Listen = d.text(value, "room.listen")
			if _, port, err := net.SplitHostPort(room.Listen); err != nil || port == "" {
				d.wrong(value, "listen: 127.0.0.1:8417", "room.listen: got %s, want HOST:PORT", room.Listen)
			}
		case "url":
			room.URL = d.origin(value, "room.url")
		case "tls":
			d.roomTLS(value, &room)
		case "tokens":
			if d.mapping(value, "room.tokens") {
				fields(value, func(key, value *yaml.Node) { room.Tokens = append(room.Tokens, d.roomToken(key, value)) })
			}
		case "oidc":
			room.OIDC = d.roomOIDC(value)
		default:
			d.unknown(key, "room", []string{"listen", "url", "tls", "tokens", "oidc"})
		}
	})
	if room.OIDC != nil && room.URL == "" {
		d.wrong(n, "url: https://a0run.example.com, and its /login/oidc among the application's allowed callback URLs", "room: oidc needs url, to which people are sent back")
	}
	return room
}

// origin takes a URL of scheme and host.
func (d *document) origin(n *yaml.Node, what string) string {
	text := strings.TrimSuffix(d.text(n, what), "/")
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		d.wrong(n, "url: https://a0run.example.com", "%s: got %s, want a scheme and a host and nothing else", what, shown(n))
	}
	return text
}

func (d *document) roomTLS(n *yaml.Node, room *Room) {
	if !d.mapping(n, "room.tls") {
		return
	}
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "certificate":
			room.Certificate = d.source(value, "room.tls.certificate")
		case "key":
			room.Key = d.source(value, "room.tls.key")
		default:
			d.unknown(key, "room.tls", []string{"certificate", "key"})
		}
	})
	if room.Certificate.IsZero() || room.Key.IsZero() {
		d.wrong(n, "tls: {certificate: cert.pem, key: key.pem}", "room.tls: certificate and key belong together")
	}
}

func (d *document) roomToken(key, n *yaml.Node) RoomToken {
	t := RoomToken{Name: key.Value, Where: d.at(key)}
	what := "room.tokens." + t.Name
	if !d.mapping(n, what) {
		return t
	}
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "role":
			if roles := d.words(value, what+".role", Roles()); len(roles) == 1 {
				t.Role = roles[0]
			}
		case "token":
			t.Token = d.source(value, what+".token")
			if t.Token.Value != "" {
				d.wrong(value, "token: {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}", "%s.token: a token does not stand in the file itself", what)
			}
		default:
			d.unknown(key, what, []string{"role", "token"})
		}
	})
	if t.Role == "" || t.Token.IsZero() {
		d.wrong(key, "{role: operator, token: {env: NAME}}", "%s needs role and token", what)
	}
	return t
}

func (d *document) roomOIDC(n *yaml.Node) *RoomOIDC {
	o := &RoomOIDC{Where: d.at(n), Roles: map[string][]string{}}
	if !d.mapping(n, "room.oidc") {
		return o
	}
	places := map[string]*Source{"domain": &o.Domain, "client_id": &o.ClientID, "client_secret": &o.ClientSecret, "ca_file": &o.CAFile}
	fields(n, func(key, value *yaml.Node) {
		what := "room.oidc." + key.Value
		switch key.Value {
		case "claim":
			o.Claim = d.text(value, what)
		case "roles":
			if d.mapping(value, what) {
				fields(value, func(key, value *yaml.Node) { d.roomRole(key, value, o) })
			}
		default:
			place, known := places[key.Value]
			if !known {
				d.unknown(key, "room.oidc", []string{"domain", "client_id", "client_secret", "ca_file", "claim", "roles"})
				return
			}
			*place = d.source(value, what)
			if key.Value == "client_secret" && place.Value != "" {
				d.warn(place.Where, "take it from {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}", "%s stands in the file in the clear", what)
			}
		}
	})
	if o.Domain.IsZero() || o.ClientID.IsZero() || o.ClientSecret.IsZero() || len(o.Roles) == 0 {
		d.wrong(n, "{domain: acme.eu.auth0.com, client_id: …, client_secret: {env: …}, roles: {admin: [ada@example.com]}}", "room.oidc needs domain, client_id, client_secret and roles")
	}
	return o
}

func (d *document) roomRole(key, n *yaml.Node, o *RoomOIDC) {
	what := "room.oidc.roles." + key.Value
	if !slices.Contains(Roles(), key.Value) {
		d.unknown(key, "room.oidc.roles", Roles())
		return
	}
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	for _, item := range nodes {
		o.Roles[key.Value] = append(o.Roles[key.Value], d.text(item, what))
	}
}
