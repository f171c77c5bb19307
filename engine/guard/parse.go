package guard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// Keys are the keys of guards.
func Keys() []string {
	return []string{"read_only", "allow", "deny", "limits", "protect", "hours", "confirm_above"}
}

// Parse reads guards from a constant tree; at gives the place of a dotted path
// in it ("limits.users.delete"; the items of a list by their number from 1:
// "allow.2"), "" being the whole. All mistakes come at once.
func Parse(tree *engine.Object, at func(path string) engine.Position) (Rules, engine.Problems) {
	p := &parser{at: at, table: catalog.Default()}
	if at == nil {
		p.at = func(string) engine.Position { return engine.Position{} }
	}
	for key, v := range tree.All() {
		p.key(key, v)
	}
	return p.rules, p.problems
}

// OfHead reads the guards of a playbook's head.
func OfHead(head engine.Head) (Rules, engine.Problems) {
	return Parse(head.Guards, func(path string) engine.Position {
		switch {
		case head.At == nil:
			return head.Where
		case path == "":
			return head.At("guards")
		}
		return head.At("guards." + path)
	})
}

// A parser collects the rules and their mistakes.
type parser struct {
	at       func(string) engine.Position
	table    *catalog.Table
	kinds    []string // read at the first use
	rules    Rules
	problems engine.Problems
}

func (p *parser) wrong(path, hint, format string, args ...any) {
	p.problems = append(p.problems, engine.Problem{Where: p.at(path), Message: "guards: " + fmt.Sprintf(format, args...), Hint: hint})
}

func (p *parser) mismatch(path, want string, v any) {
	p.wrong(path, "", "%s: got %s, want %s", path, engine.TypeName(v), want)
}

// unknown reports a name that does not exist, with the nearest that does.
func (p *parser) unknown(path, what, name string, known []string) {
	hint := ""
	if near := engine.Nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	} else if len(known) <= 10 {
		hint = "known: " + strings.Join(known, ", ")
	}
	p.wrong(path, hint, "unknown %s: %s", what, name)
}

func (p *parser) key(key string, v any) {
	r := &p.rules
	switch key {
	case "read_only":
		if on, ok := v.(bool); !ok {
			p.mismatch(key, "true or false", v)
		} else if on {
			r.readOnly = p.place(key)
		}
	case "allow":
		r.allow = &allowed{patterns: p.operations(key, v), where: p.at(key)}
	case "deny":
		r.deny = p.operations(key, v)
	case "limits":
		p.each(key, v, p.limits)
	case "protect":
		p.each(key, v, p.protected)
	case "hours":
		p.hours(v)
	case "confirm_above":
		if n, ok := v.(int64); ok && n >= 0 {
			r.confirm = &threshold{most: n, where: p.at(key)}
		} else {
			p.wrong(key, "", "%s: want a whole number from 0 on, got %s", key, shown(v))
		}
	default:
		p.unknown(key, "key", key, Keys())
	}
}

func (p *parser) place(path string) *engine.Position {
	where := p.at(path)
	return &where
}

// shown is a value as messages show it.
func shown(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case int64, float64, bool:
		return fmt.Sprint(v)
	}
	return engine.TypeName(v)
}

// list takes a list, or one text for a list of one. Lua's empty table comes as
// an empty object.
func (p *parser) list(path, want string, v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case string:
		return []any{v}
	case *engine.Object:
		if v.Len() == 0 {
			return nil
		}
	}
	p.mismatch(path, want, v)
	return nil
}

// itemPath is the path of an item of a list; a list of one may have been
// written without one.
func itemPath(path string, v any, i int) string {
	if _, ok := v.([]any); ok {
		return path + "." + strconv.Itoa(i+1)
	}
	return path
}

// operations reads patterns of operations; one that matches none is a mistake.
func (p *parser) operations(path string, v any) []operations {
	var all []operations
	for i, x := range p.list(path, "a list of operations", v) {
		at := itemPath(path, v, i)
		text, ok := x.(string)
		if !ok {
			p.mismatch(at, "the name of an operation, as users.update or users.*", x)
			continue
		}
		o := operations{glob: newGlob(strings.TrimPrefix(text, "auth0.")), where: p.at(at)}
		if !o.match(requests) && !slices.ContainsFunc(p.table.All(), o.covers) {
			p.wrong(at, p.nearestOperation(o.text), "%s: no operation is called %s", path, text)
		}
		all = append(all, o)
	}
	return all
}

// nearestOperation is the hint for a name or pattern that nothing has.
func (p *parser) nearestOperation(text string) string {
	near := ""
	if group, rest, wild := strings.Cut(text, "*"); wild {
		dotless := strings.TrimSuffix(group, ".")
		if near = engine.Nearest(dotless, p.table.Groups()); near != "" {
			near += strings.TrimPrefix(group, dotless) + "*" + rest
		}
	} else {
		near = p.table.Nearest(text)
	}
	if near == "" {
		return "`a0run ops` lists the operations"
	}
	return "did you mean " + near + "?"
}

// each visits the kinds of an object from kinds to something.
func (p *parser) each(key string, v any, read func(path, kind string, v any)) {
	o, ok := v.(*engine.Object)
	if !ok {
		p.mismatch(key, "an object with kinds of objects as its keys, as users", v)
		return
	}
	for kind, x := range o.All() {
		if p.kinds == nil {
			p.kinds = kinds(p.table)
		}
		path := key + "." + kind
		if !slices.Contains(p.kinds, kind) {
			p.unknown(path, "kind of objects in "+key, kind, p.kinds)
			continue
		}
		read(path, kind, x)
	}
}

// limits reads the limits of one kind.
func (p *parser) limits(path, kind string, v any) {
	o, ok := v.(*engine.Object)
	if !ok {
		p.limit(path, limit{kind: kind, what: change}, v)
		return
	}
	for key, x := range o.All() {
		at := path + "." + key
		switch w := what(key); w {
		case create, change, del:
			p.limit(at, limit{kind: kind, what: w}, x)
		default:
			p.unknown(at, "key of "+path, key, []string{string(create), string(change), string(del)})
		}
	}
}

// limit reads a number or a percentage.
func (p *parser) limit(path string, l limit, v any) {
	l.path, l.where, l.text = path, p.at(path), fmt.Sprint(v)
	n, whole := v.(int64)
	text, isText := v.(string)
	percent, isPercent := strings.CutSuffix(strings.TrimSpace(text), "%")
	switch {
	case whole && n >= 0:
		l.most = n
	case isText && isPercent:
		var ok bool
		if l.parts, ok = parsePercent(percent); !ok {
			p.wrong(path, "", "%s: %q is no percentage from 0%% to 100%%", path, text)
			return
		}
		l.most = -1
		if listing(p.table, l.kind) == nil {
			p.wrong(path, "write a number", "%s: how many %s there are cannot be asked, so a percentage has no meaning", path, l.kind)
			return
		}
	default:
		p.wrong(path, `write 500 or "10%"`, "%s: want a whole number or a percentage, got %s", path, shown(v))
		return
	}
	p.rules.limits = append(p.rules.limits, l)
}

// parsePercent reads up to four decimals as parts of whole.
func parsePercent(text string) (int64, bool) {
	digits, decimals, _ := strings.Cut(strings.TrimSpace(text), ".")
	if len(digits) > 3 || len(decimals) > 4 || digits+decimals == "" || strings.Trim(digits+decimals, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits+decimals+strings.Repeat("0", 4-len(decimals)), 10, 64)
	return n, err == nil && n <= whole
}

// protected reads the protected objects of one kind.
func (p *parser) protected(path, kind string, v any) {
	for i, x := range p.list(path, "a list of ids, names or patterns", v) {
		at := itemPath(path, v, i)
		item := protected{kind: kind, byID: true, byName: true, path: path, where: p.at(at)}
		text, ok := x.(string)
		if o, long := x.(*engine.Object); long {
			text, ok = p.selector(at, o, &item)
			if !ok {
				continue
			}
		}
		switch {
		case !ok:
			p.mismatch(at, "an id, a name, a pattern, {id: …} or {name: …}", x)
			continue
		case text == "":
			p.wrong(at, `"*" stands for all`, "%s: an empty text names no object", path)
			continue
		}
		item.pattern = newGlob(text)
		named := getter(p.table, kind) != nil
		if !item.byID && !named {
			p.wrong(at, "name them by their ids", "%s: objects of this kind cannot be looked up by a name", path)
		}
		item.byName = item.byName && named && (!item.byID || !looksLikeID(kind, text))
		p.rules.protect = append(p.rules.protect, item)
	}
}

// selector reads {id: …} or {name: …}.
func (p *parser) selector(path string, o *engine.Object, item *protected) (string, bool) {
	text, ok := "", o.Len() == 1
	for key, v := range o.All() {
		at := path + "." + key
		switch key {
		case "id":
			item.byName = false
		case "name":
			item.byID = false
		default:
			p.unknown(at, "key of "+item.path, key, []string{"id", "name"})
			return "", false
		}
		t, isText := v.(string)
		if !isText {
			p.mismatch(at, "text", v)
			return "", false
		}
		text = t
	}
	if !ok {
		p.wrong(path, "", "%s: give one of id and name", item.path)
	}
	return text, ok
}

// looksLikeID reports whether a text can only be an id: no object needs to be
// read to find out what it is called.
func looksLikeID(kind, text string) bool {
	if newGlob(text).wild() {
		return false
	}
	switch prefix := catalog.IDPrefix(kind); {
	case kind == "users":
		return strings.Contains(text, "|")
	case kind == "clients":
		return len(text) == 32 && strings.IndexFunc(text, notAlphanumeric) < 0
	case prefix != "":
		rest, has := strings.CutPrefix(text, prefix)
		return has && len(rest) == 16 && strings.IndexFunc(rest, notAlphanumeric) < 0
	}
	return false
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
