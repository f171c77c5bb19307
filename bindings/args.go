package bindings

import (
	"fmt"
	"math"
	"strings"

	"a0run/engine"
)

// bound are the arguments of one call by name, checked.
type bound struct {
	call   *engine.HostCall
	values *engine.Object
}

// bind sorts a call's arguments to the function's parameters: by position the
// Positional ones in order, everything else by name in one last table. A wrong
// argument is an ArgumentError that says function, parameter, got, want and
// the nearest right name; nothing is sent then.
func bind(c *engine.HostCall) (*bound, error) {
	b := &bound{call: c, values: engine.NewObject(len(c.Func.Params))}
	named, err := b.positional(c)
	if err != nil {
		return nil, err
	}
	for name, v := range named.All() {
		p := findParam(c.Func, name)
		if p == nil {
			return nil, b.wrong("unknown argument "+name, nearestParam(c.Func, name))
		}
		if _, twice := b.values.Get(p.Name); twice {
			return nil, b.wrong("argument "+p.Name+" is given twice", "")
		}
		if err := b.set(p, v); err != nil {
			return nil, err
		}
	}
	for i := range c.Func.Params {
		p := &c.Func.Params[i]
		if _, ok := b.values.Get(p.Name); p.Required && !ok {
			return nil, b.missing(p)
		}
	}
	return b, nil
}

// positional sets what came by position and returns what came by name.
func (b *bound) positional(c *engine.HostCall) (*engine.Object, error) {
	if c.Args == nil {
		return c.Named, nil
	}
	var places []*engine.Param
	for i := range c.Func.Params {
		if c.Func.Params[i].Positional {
			places = append(places, &c.Func.Params[i])
		}
	}
	args := c.Args
	for len(args) > 0 && args[len(args)-1] == nil {
		args = args[:len(args)-1]
	}
	var named *engine.Object
	if n := len(args); n > len(places) {
		last, isTable := args[n-1].(*engine.Object)
		if n > len(places)+1 || !isTable {
			return nil, b.tooMany(len(args), places)
		}
		named, args = last, args[:n-1]
	} else if n > 0 && n < len(places) {
		named, args = b.trailing(args, places)
	}
	for i, v := range args {
		if v == nil {
			continue
		}
		if err := b.set(places[i], v); err != nil {
			return nil, err
		}
	}
	return named, nil
}

// trailing splits an options table off a call that left out positional
// parameters which are not required: f(id, {leeway=5}).
func (b *bound) trailing(args []any, places []*engine.Param) (*engine.Object, []any) {
	last := len(args) - 1
	o, isTable := args[last].(*engine.Object)
	if !isTable || places[last].Required || takesTable(places[last]) {
		return nil, args
	}
	return o, args[:last]
}

func takesTable(p *engine.Param) bool {
	switch p.Type {
	case "object", "any", "array", "string[]":
		return true
	}
	return false
}

// set checks a value against its parameter and keeps it; nil is as good as not
// given.
func (b *bound) set(p *engine.Param, v any) error {
	if v == nil {
		return nil
	}
	v, ok := fit(p.Type, v)
	if !ok {
		return b.wrong(fmt.Sprintf("parameter %s: got %s, want %s", p.Name, kind(v), article(p.Type)), b.byName(v))
	}
	if s, isText := v.(string); isText && len(p.Enum) > 0 && !contains(p.Enum, s) {
		hint := ""
		if n := engine.Nearest(s, p.Enum); n != "" {
			hint = "did you mean " + n + "?"
		}
		return b.wrong(fmt.Sprintf("parameter %s: got %q, want one of %s", p.Name, s, strings.Join(p.Enum, ", ")), hint)
	}
	b.values.Set(p.Name, v)
	return nil
}

// fit gives a value the form of a type, or says that it has none. An empty Lua
// table is an empty array where an array is wanted.
func fit(typ string, v any) (any, bool) {
	if s, ok := v.(engine.Secret); ok {
		v = string(s)
	}
	switch typ {
	case "string":
		_, ok := v.(string)
		return v, ok
	case "integer":
		f, ok := v.(float64)
		if ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f), true
		}
		_, ok = v.(int64)
		return v, ok
	case "number":
		switch v.(type) {
		case float64, int64:
			return v, true
		}
		return v, false
	case "boolean":
		_, ok := v.(bool)
		return v, ok
	case "object":
		_, ok := v.(*engine.Object)
		return v, ok
	case "array", "string[]":
		return fitArray(typ, v)
	}
	return v, true
}

// fitArray takes a list; a single string for string[]; an object stays one and
// is the whole body of an operation that wraps its list in a field.
func fitArray(typ string, v any) (any, bool) {
	switch x := v.(type) {
	case []any:
		return v, true
	case *engine.Object:
		if x.Len() == 0 {
			return []any{}, true
		}
		return v, typ == "array"
	case string:
		if typ == "string[]" {
			return []any{x}, true
		}
	}
	return v, false
}

// kind names a value's type in the words of a playbook.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case engine.Null:
		return "null"
	case bool:
		return "boolean"
	case string, engine.Secret:
		return "string"
	case float64, int64:
		return "number"
	case *engine.Object:
		return "object"
	case []any:
		return "array"
	}
	return fmt.Sprintf("%T", v)
}

func article(typ string) string {
	switch typ {
	case "string[]":
		return "a list of strings"
	case "integer", "object", "array", "any":
		return "an " + typ
	}
	return "a " + typ
}

// wrong is an ArgumentError of this call.
func (b *bound) wrong(what, hint string) *engine.Error {
	return &engine.Error{
		Name: engine.NameArgumentError, Where: b.call.Where, HintText: hint, ResetAt: -1,
		Message: b.call.Func.Name + ": " + what + suffix(hint),
	}
}

// notHere refuses a call of a table that only describes.
func notHere(c *engine.HostCall) *engine.Error {
	b := &bound{call: c}
	return b.wrong("cannot be called here", "nothing runs during a check")
}

// byName is the hint for a call that gives everything in one table.
func (b *bound) byName(v any) string {
	o, ok := v.(*engine.Object)
	if !ok || b.call.Args == nil {
		return ""
	}
	for name := range o.All() {
		if findParam(b.call.Func, name) != nil {
			short := strings.TrimPrefix(b.call.Func.Name, "auth0.")
			return "usage: " + Signature(b.call.Func) + "; everything by name: auth0.call(\"" + short + "\", {…})"
		}
	}
	return ""
}

func suffix(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + hint + ")"
}

func (b *bound) missing(p *engine.Param) *engine.Error {
	return b.wrong("argument "+p.Name+" is missing", "usage: "+Signature(b.call.Func))
}

func (b *bound) tooMany(got int, places []*engine.Param) *engine.Error {
	return b.wrong(fmt.Sprintf("got %d arguments, want %d by position and the rest by name in one last table",
		got, len(places)), "usage: "+Signature(b.call.Func))
}

// findParam finds a parameter by its name or an alias.
func findParam(f *engine.Function, name string) *engine.Param {
	for i := range f.Params {
		if p := &f.Params[i]; p.Name == name || contains(p.Aliases, name) {
			return p
		}
	}
	return nil
}

func nearestParam(f *engine.Function, name string) string {
	known := make([]string, 0, len(f.Params))
	for _, p := range f.Params {
		known = append(append(known, p.Name), p.Aliases...)
	}
	if n := engine.Nearest(name, known); n != "" {
		return "did you mean " + n + "?"
	}
	if len(known) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(known, ", ")
}

// Signature is a function's form as a playbook writes it:
// auth0.users.update(id, body, {timeout?}).
func Signature(f *engine.Function) string {
	var places, options []string
	for _, p := range f.Params {
		switch {
		case p.Positional && p.Required:
			places = append(places, p.Name)
		case p.Positional:
			places = append(places, p.Name+"?")
		case p.Required:
			options = append(options, p.Name)
		default:
			options = append(options, p.Name+"?")
		}
	}
	if len(options) > 0 {
		places = append(places, "{"+strings.Join(options, ", ")+"}")
	}
	return f.Name + "(" + strings.Join(places, ", ") + ")"
}

// text is a string argument, "" when not given.
func (b *bound) text(name string) string {
	v, _ := b.values.Get(name)
	s, _ := v.(string)
	return s
}

// integer is an integer argument, def when not given.
func (b *bound) integer(name string, def int64) int64 {
	v, _ := b.values.Get(name)
	if n, ok := v.(int64); ok {
		return n
	}
	return def
}

// given reports whether an argument was given.
func (b *bound) given(name string) bool {
	_, ok := b.values.Get(name)
	return ok
}
