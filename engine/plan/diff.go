package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// diff are the fields in which two objects differ, by path; objects are
// compared inside, lists as a whole. Volatile fields do not count. The
// Planner's mutex is held.
func (p *Planner) diff(x *call, at place, old, now *engine.Object) []Field {
	d := differ{p: p, secret: at.kind.secretPaths(x.Operation)}
	if at.kind.path == "/organizations/{}/connections" {
		d.secret = nil
	}
	skip := volatile(at.kind.path)
	if old == nil {
		skip = append(skip, "created_at", at.kind.field)
	}
	d.objects("", old, now, skip)
	return d.out
}

type differ struct {
	p      *Planner
	secret []string
	out    []Field
}

func (d *differ) objects(prefix string, old, now *engine.Object, skip []string) {
	for name, after := range now.All() {
		if slices.Contains(skip, name) {
			continue
		}
		before, had := old.Get(name)
		d.value(prefix+name, before, after, had)
	}
	for name, before := range old.All() {
		if _, still := now.Get(name); !still && !slices.Contains(skip, name) {
			d.value(prefix+name, before, nil, true)
		}
	}
}

func (d *differ) value(path string, before, after any, had bool) {
	inner, isObject := after.(*engine.Object)
	was, wasObject := before.(*engine.Object)
	if isObject && (wasObject || !had) && inner.Len()+was.Len() > 0 && !d.isSecret(path) {
		d.objects(path+".", was, inner, nil)
		return
	}
	if had && after != nil && same(before, after) {
		return
	}
	f := Field{Path: path, Hidden: d.isSecret(path)}
	if had {
		f.Old, f.Hidden = d.shown(before, f.Hidden)
	}
	if after != nil {
		f.New, f.Hidden = d.shown(after, f.Hidden)
	}
	d.out = append(d.out, f)
}

// shown is a value as a record holds it: a mark for a secret.
func (d *differ) shown(v any, hidden bool) (json.RawMessage, bool) {
	raw := text(v)
	if !hidden && holds(v, func(s string) bool { return d.p.o.Redactor.Redact(s) != s || d.p.plan.secrets[s] && s != "" }) {
		hidden = true
	}
	if hidden {
		return json.RawMessage(`"` + hiddenText + `"`), true
	}
	return raw, false
}

// hiddenText stands for a secret.
const hiddenText = "(hidden)"

// isSecret reports whether a path of an object is secret, or holds secrets.
func (d *differ) isSecret(path string) bool {
	return slices.ContainsFunc(d.secret, func(pattern string) bool { return covers(pattern, path) })
}

// covers matches a path against one of the catalogue's patterns. A path above
// the secret is not covered unless only a list stands between.
func covers(pattern, path string) bool {
	want, got := strings.Split(strings.TrimPrefix(pattern, "[]."), "."), strings.Split(path, ".")
	for i, step := range want {
		if i == len(got) {
			return strings.HasSuffix(want[i-1], "[]")
		}
		if step != "*" && strings.TrimSuffix(step, "[]") != got[i] {
			return false
		}
	}
	return true
}

// unreadable are the fields of a body that no answer shows: a password. The
// Planner's mutex is held.
func (p *Planner) unreadable(x *call, at place, body *engine.Object) []Field {
	var out []Field
	for name, v := range body.All() {
		if !neverShown(at.kind.path, name) {
			continue
		}
		f := Field{Path: name, New: text(v)}
		if slices.Contains(x.Operation.Secrets, name) || p.o.Redactor.Redact(textOf(v)) != textOf(v) {
			f.New, f.Hidden = json.RawMessage(`"`+hiddenText+`"`), true
		}
		// Of a create all is told: in which connection a user is made, whether a mail
		// goes out. In a patch most of these only say what the others are about.
		if name == "password" || name == "pem" || x.Operation.Effect == catalog.Create {
			out = append(out, f)
		}
	}
	return out
}

// neverShown are fields of a body that no answer shows.
func neverShown(path, name string) bool {
	switch path {
	case "/users":
		return slices.Contains([]string{
			"connection", "password", "client_id", "verify_email", "verify_phone_number", "verify_password",
		}, name)
	case "/clients/{}/credentials":
		return name == "pem" || name == "parse_expiry_from_cert"
	case "/organizations":
		return name == "enabled_connections"
	case "/actions/actions":
		return name == "deploy"
	}
	return false
}

// labelOf is what people call an object; "" where it has no name.
func labelOf(o *engine.Object) string {
	for _, name := range []string{"email", "name", "display_name", "identifier", "username", "phone_number", "domain", "template", "description", "audience"} {
		if s := field(o, name); s != "" {
			return s
		}
	}
	return ""
}

// summary is a change in one line.
func summary(c *Change) string {
	what := c.Kind
	switch {
	case IsPlaceholder(c.Object) && c.Name != "":
		what += " " + quoted(c.Name)
	case c.Name != "" && c.Object != "":
		what += " " + c.Object + " (" + c.Name + ")"
	case c.Object != "":
		what += " " + c.Object
	}
	verb := verbOf(c)
	if c.Refused != nil {
		return fmt.Sprintf("%s %s: refused, %d: %s", verb, what, c.Refused.Status, c.Refused.Message)
	}
	if c.NoChange {
		return verb + " " + what + ": nothing changes"
	}
	if c.Effect == catalog.Create || c.Effect == catalog.Delete || len(c.Fields) == 0 {
		return verb + " " + what
	}
	var names []string
	for _, f := range c.Fields {
		if len(names) == 4 {
			names = append(names, "…")
			break
		}
		names = append(names, f.Path)
	}
	return verb + " " + what + ": " + strings.Join(names, ", ")
}

func quoted(s string) string { return `"` + s + `"` }

func verbOf(c *Change) string {
	switch c.Effect {
	case catalog.Create:
		return "create"
	case catalog.Delete:
		return "delete"
	case catalog.Patch:
		return "change"
	case catalog.Replace:
		return "replace"
	case catalog.Add:
		return "add to"
	case catalog.Remove:
		return "remove from"
	default:
		return c.Operation + " on"
	}
}
