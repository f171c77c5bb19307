package engine

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// ParseParams gives every declared parameter its value: from texts (-p k=v, parsed by the
// declared type), from a params file's tree, from defaults; the texts win.
// Values of type secret are Secret. Unknown names, missing and wrong values
// are all reported at once. A parameter that may be left out and was is absent.
func (h Head) ParseParams(texts map[string]string, file *Object) (*Object, Problems) {
	var problems Problems
	wrong := func(where Position, message, hint string) {
		problems = append(problems, Problem{Where: where, Message: message, Hint: hint})
	}
	for _, name := range sortedKeys(texts) {
		if !h.declares(name) {
			wrong(Position{}, "-p "+name+": the playbook has no such parameter", h.paramHint(name))
		}
	}
	for name := range file.All() {
		if !h.declares(name) {
			wrong(Position{}, "--params: "+name+": the playbook has no such parameter", h.paramHint(name))
		}
	}
	values := NewObject(len(h.Params))
	for _, d := range h.Params {
		text, given := texts[d.Name]
		fromFile, inFile := file.Get(d.Name)
		var v any
		var err, source string
		switch {
		case given:
			source = "-p " + d.Name
			v, err = d.parse(text)
		case inFile:
			source = "--params: " + d.Name
			v, err = d.accept(fromFile)
		case d.Default != nil:
			v = d.Default
		case d.Required:
			wrong(d.Where, "the parameter "+d.Name+" is missing", "give it with -p "+d.Name+"=…"+d.about())
		}
		if err != "" {
			wrong(Position{}, source+": "+err, "")
			continue
		}
		if v != nil {
			values.Set(d.Name, v)
		}
	}
	return values, problems
}

func (h Head) declares(name string) bool {
	for _, d := range h.Params {
		if d.Name == name {
			return true
		}
	}
	return false
}

func (h Head) paramHint(name string) string {
	names := make([]string, len(h.Params))
	for i, d := range h.Params {
		names[i] = d.Name
	}
	switch near := Nearest(name, names); {
	case near != "":
		return "did you mean " + near + "?"
	case len(names) == 0:
		return "it declares none"
	}
	return "it has " + strings.Join(names, ", ")
}

func (d ParamDecl) about() string {
	if d.Description == "" {
		return ""
	}
	return " (" + d.Description + ")"
}

// parse reads the text of -p by the declared type.
func (d ParamDecl) parse(text string) (any, string) {
	switch d.Type {
	case "string", "secret":
		return d.accept(text)
	case "boolean":
		switch text {
		case "true":
			return d.accept(true)
		case "false":
			return d.accept(false)
		}
		return nil, "got " + d.quote(text) + ", want true or false"
	}
	v, err := ParseJSON([]byte(text))
	if err != nil {
		return nil, "got " + d.quote(text) + ", want " + d.want()
	}
	return d.accept(v)
}

func (d ParamDecl) quote(text string) string {
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return strconv.Quote(text)
}

// accept checks a value of the tree against the declaration; err is "" when it
// fits. A secret is never part of the message.
func (d ParamDecl) accept(v any) (value any, err string) {
	fits := false
	switch d.Type {
	case "string":
		_, fits = v.(string)
	case "secret":
		var s string
		if s, fits = v.(string); fits {
			v = Secret(s)
		} else if _, fits = v.(Secret); !fits {
			return nil, "got " + TypeName(v) + ", want a string (a secret)"
		}
	case "integer":
		v, fits = wholeNumber(v)
	case "number":
		fits = isNumberType(v)
	case "boolean":
		_, fits = v.(bool)
	case "list":
		var list []any
		if list, fits = asList(v); fits && list == nil {
			list = []any{}
		}
		if fits {
			v = list
		}
	case "object":
		_, fits = v.(*Object)
	}
	if !fits {
		return nil, "got " + shown(v) + ", want " + d.want()
	}
	if len(d.Enum) > 0 && !d.inEnum(v) {
		return nil, "got " + d.shownValue(v) + ", want one of " + d.enumText()
	}
	return v, ""
}

func (d ParamDecl) want() string {
	switch d.Type {
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "list":
		return `a list as JSON (["a", "b"])`
	case "object":
		return `an object as JSON ({"a": 1})`
	}
	return "a string"
}

func isNumberType(v any) bool {
	switch v.(type) {
	case float64, int64, int, json.Number:
		return true
	}
	return false
}

func wholeNumber(v any) (any, bool) {
	switch n := v.(type) {
	case int64, int:
		return v, true
	case float64:
		if n == math.Trunc(n) && math.Abs(n) <= exactInt {
			return int64(n), true
		}
	case json.Number:
		return v, !strings.ContainsAny(string(n), ".eE")
	}
	return v, false
}

func (d ParamDecl) shownValue(v any) string {
	if d.Type == "secret" {
		return mask
	}
	return shown(v)
}

// inEnum compares by the canonical form, so that 3 and 3.0 are one.
func (d ParamDecl) inEnum(v any) bool {
	got := string(appendCanonical(nil, v, nil))
	for _, e := range d.Enum {
		if string(appendCanonical(nil, e, nil)) == got {
			return true
		}
	}
	return false
}

func (d ParamDecl) enumText() string {
	texts := make([]string, len(d.Enum))
	for i, e := range d.Enum {
		texts[i] = shown(e)
	}
	return strings.Join(texts, ", ")
}
