package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"a0run/client/hosts"
)

// headKeys are the keys of a head, the same in both languages.
func headKeys() []string {
	return []string{
		"name", "description", "params", "tenants", "env", "files", "hosts", "guards", "undo", "validate", "patience", "schedule",
	}
}

// paramTypes are the types of parameters.
func paramTypes() []string {
	return []string{"string", "integer", "number", "boolean", "list", "object", "secret"}
}

// ParseHead reads a head from a constant tree; at gives the place of a dotted
// path in it ("params.users.type"; the items of a list by their number from 1:
// "env.2"), "" being the head itself. All mistakes come at once.
func ParseHead(tree *Object, at func(path string) Position) (Head, Problems) {
	p := &headParser{at: at}
	if at == nil {
		p.at = func(string) Position { return Position{} }
	}
	p.head.Where, p.head.At = p.at(""), p.at
	for key, v := range tree.All() {
		p.key(key, v)
	}
	return p.head, p.problems
}

// A headParser collects the head and its mistakes.
type headParser struct {
	at       func(string) Position
	head     Head
	problems Problems
}

func (p *headParser) wrong(path, hint, format string, args ...any) {
	p.problems = append(p.problems, Problem{Where: p.at(path), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *headParser) key(key string, v any) {
	h := &p.head
	if v == (Null{}) {
		v = nil // YAML's empty value: as if the key were not there
	}
	if v == nil && slices.Contains(headKeys(), key) {
		return
	}
	switch key {
	case "name":
		h.Name = p.text(key, v)
	case "description":
		h.Description = p.text(key, v)
	case "params":
		p.params(v)
	case "tenants":
		p.tenants(v)
	case "env":
		h.Env = p.texts(key, v)
	case "files":
		h.Files = p.texts(key, v)
	case "hosts":
		p.hosts(key, v)
	case "guards":
		h.Guards = p.object(key, v)
	case "undo":
		h.Undo = p.undo(key, v)
	case "validate":
		h.Validate = p.validate(key, v)
	case "patience":
		h.Patience = p.duration(key, v)
	case "schedule":
		h.Schedule = v
	default:
		p.unknown(key, "key of a playbook's head", key, headKeys())
	}
}

// unknown reports a name that does not exist, with the nearest that does.
func (p *headParser) unknown(path, what, name string, known []string) {
	hint := "known: " + strings.Join(known, ", ")
	if near := Nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	p.wrong(path, hint, "unknown %s: %s", what, name)
}

func (p *headParser) mismatch(path, want string, v any) {
	p.wrong(path, "", "%s: got %s, want %s", path, TypeName(v), want)
}

func (p *headParser) text(path string, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil, Null: // YAML's empty value
	default:
		p.mismatch(path, "a string", v)
	}
	return ""
}

// texts takes a list of strings, or one string for a list of one.
func (p *headParser) texts(path string, v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	list, ok := asList(v)
	if !ok {
		p.mismatch(path, "a list of strings", v)
	}
	var all []string
	for i, x := range list {
		if s, ok := x.(string); ok {
			all = append(all, s)
		} else {
			p.mismatch(path+"."+strconv.Itoa(i+1), "a string", x)
		}
	}
	return all
}

// hosts reads the hosts that the playbook may speak with.
func (p *headParser) hosts(path string, v any) {
	p.head.Hosts = p.texts(path, v)
	_, wrong := hosts.Parse(p.head.Hosts)
	for _, w := range wrong {
		at := path
		if _, one := v.(string); !one {
			at += "." + strconv.Itoa(w.Index+1)
		}
		p.wrong(at, w.Hint, "hosts: %s", w.Message)
	}
}

func (p *headParser) object(path string, v any) *Object {
	o, ok := v.(*Object)
	if !ok && v != nil && v != (Null{}) {
		p.mismatch(path, "an object", v)
	}
	return o
}

func (p *headParser) undo(path string, v any) UndoPolicy {
	u, ok := ParseUndo(v)
	if text, isText := v.(string); !ok && isText {
		p.unknown(path, "policy of undo", text, undoPolicies())
	} else if !ok {
		p.wrong(path, `write "auto", "full" or "off"`, "%s: got %s, want a policy", path, shown(v))
	}
	return u
}

func (p *headParser) validate(path string, v any) ValidatePolicy {
	policy, ok := ParseValidate(v)
	if text, isText := v.(string); !ok && isText {
		p.unknown(path, "policy of validate", text, ValidatePolicies())
	} else if !ok {
		p.wrong(path, `write "error", "warn" or "off"`, "%s: got %s, want a policy", path, shown(v))
	}
	return policy
}

func (p *headParser) duration(path string, v any) time.Duration {
	d, ok := ParseDuration(v)
	switch {
	case !ok:
		p.wrong(path, `write "10m", "30s", or a number of seconds`, "%s: got %s, want a duration", path, shown(v))
	case d <= 0:
		p.wrong(path, "", "%s must be longer than nothing", path)
	}
	return d
}

// ParseDuration reads a duration as playbooks write it: "10m", "1h30m", "2d",
// or a number of seconds.
func ParseDuration(v any) (time.Duration, bool) {
	switch v := v.(type) {
	case int64:
		return secondsOf(float64(v))
	case float64:
		return secondsOf(v)
	case string:
		text := strings.TrimSpace(v)
		if days, rest, ok := strings.Cut(text, "d"); ok {
			n, err := strconv.Atoi(days)
			more, good := time.Duration(0), rest == ""
			if !good {
				more, good = ParseDuration(rest)
			}
			if err != nil || !good || n < 0 || n > 10_000 {
				return 0, false
			}
			return time.Duration(n)*24*time.Hour + more, true
		}
		if d, err := time.ParseDuration(text); err == nil {
			return d, true
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return secondsOf(f)
		}
	}
	return 0, false
}

func secondsOf(f float64) (time.Duration, bool) {
	if math.IsNaN(f) || math.Abs(f) > float64(math.MaxInt64/time.Second) {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// tenants takes a list of roles, or a map from role to the tenant's name, or
// to {tenant, description}.
func (p *headParser) tenants(v any) {
	if list, ok := asList(v); ok {
		for i, role := range p.texts("tenants", list) {
			p.tenant(TenantDecl{Role: role, Where: p.at("tenants." + strconv.Itoa(i+1))})
		}
		return
	}
	roles, ok := v.(*Object)
	if !ok {
		if role, one := v.(string); one {
			p.tenant(TenantDecl{Role: role, Where: p.at("tenants")})
			return
		}
		p.mismatch("tenants", "a list of roles, or an object from role to tenant", v)
	}
	for role, x := range roles.All() {
		path := "tenants." + role
		d := TenantDecl{Role: role, Where: p.at(path)}
		if o, isObject := x.(*Object); isObject {
			for key, y := range o.All() {
				switch key {
				case "tenant":
					d.Tenant = p.text(path+".tenant", y)
				case "description":
					d.Description = p.text(path+".description", y)
				default:
					p.unknown(path+"."+key, "key of a tenant", key, []string{"tenant", "description"})
				}
			}
		} else {
			d.Tenant = p.text(path, x)
		}
		p.tenant(d)
	}
}

func (p *headParser) tenant(d TenantDecl) {
	if d.Role == "" || strings.ContainsAny(d.Role, "= \t") {
		p.problems = append(p.problems, Problem{
			Where: d.Where, Message: fmt.Sprintf("%q is no name of a role", d.Role), Hint: `roles are words like "source"`,
		})
		return
	}
	for _, other := range p.head.Tenants {
		if other.Role == d.Role {
			p.problems = append(p.problems, Problem{Where: d.Where, Message: "the role " + d.Role + " is declared twice"})
			return
		}
	}
	p.head.Tenants = append(p.head.Tenants, d)
}

// params takes a list of names, or a map from name to the type, or to {type,
// default, required, description, enum}.
func (p *headParser) params(v any) {
	if list, ok := asList(v); ok {
		for i, x := range list {
			path := "params." + strconv.Itoa(i+1)
			if name := p.text(path, x); name != "" {
				p.param(path, ParamDecl{Name: name, Type: "string", Required: true, Where: p.at(path)})
			}
		}
		return
	}
	o, ok := v.(*Object)
	if !ok {
		p.mismatch("params", "a list of names, or an object from name to type", v)
	}
	for name, x := range o.All() {
		path := "params." + name
		d := ParamDecl{Name: name, Type: "string", Required: true, Where: p.at(path)}
		switch x := x.(type) {
		case string:
			d.Type = x
		case *Object:
			p.declaration(path, x, &d)
		case nil, Null:
		default:
			p.mismatch(path, "a type or {type, default, required, description, enum}", x)
		}
		p.param(path, d)
	}
}

// declaration reads the long form. A parameter with a default, or with
// required = false, may be left out.
func (p *headParser) declaration(path string, o *Object, d *ParamDecl) {
	if _, ok := o.Get("default"); ok {
		d.Required = false
	}
	for key, v := range o.All() {
		switch key {
		case "type":
			d.Type = p.text(path+".type", v)
		case "description":
			d.Description = p.text(path+".description", v)
		case "default":
			d.Default = v
		case "required":
			required, ok := v.(bool)
			if !ok {
				p.mismatch(path+".required", "true or false", v)
			}
			d.Required = required
		case "enum":
			list, ok := asList(v)
			if !ok || len(list) == 0 {
				p.mismatch(path+".enum", "a list of values", v)
			}
			d.Enum = list
		default:
			p.unknown(path+"."+key, "key of a parameter", key, []string{"type", "default", "required", "description", "enum"})
		}
	}
}

// param checks a declaration as a whole and keeps it.
func (p *headParser) param(path string, d ParamDecl) {
	if !slices.Contains(paramTypes(), d.Type) {
		p.unknown(path+".type", "type of a parameter", d.Type, paramTypes())
		d.Type = "string"
		p.head.Params = append(p.head.Params, d)
		return
	}
	if d.Default != nil {
		v, err := d.accept(d.Default)
		if err != "" {
			p.wrong(path+".default", "", "the default of %s: %s", d.Name, err)
		}
		d.Default = v
	}
	for _, other := range p.head.Params {
		if other.Name == d.Name {
			p.wrong(path, "", "the parameter %s is declared twice", d.Name)
			return
		}
	}
	p.head.Params = append(p.head.Params, d)
}

// asList takes a list; Lua's empty table comes as an empty object.
func asList(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case *Object:
		return nil, v.Len() == 0
	}
	return nil, false
}

// TypeName is what a value of the tree is called in messages.
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case Null:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case Secret:
		return "a secret"
	case float64, int64, int:
		return "a number"
	case *Object:
		return "an object"
	case []any:
		return "a list"
	case *Function:
		return "a function"
	case *Iterator:
		return "a listing"
	default:
		if isNumberType(v) {
			return "a number"
		}
		return fmt.Sprintf("%T", v)
	}
}

// shown is a value as messages show it: a short one by itself, else its type.
func shown(v any) string {
	switch v.(type) {
	case string, bool, float64, int64, int:
		if b, err := FormatJSON(v); err == nil && len(b) <= 60 {
			return string(b)
		}
	}
	return TypeName(v)
}
