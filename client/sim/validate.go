package sim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"a0run/client/catalog"
)

// validate checks a call of the Management API against the table: unknown and
// mistyped query parameters, missing and mistyped body fields. nil means well.
func validate(c *call) *reply {
	if c.op.API != catalog.Management {
		return nil
	}
	if rep := validateQuery(c); rep != nil {
		return rep
	}
	return validateBody(c)
}

func validateQuery(c *call) *reply {
	known := map[string]*catalog.Arg{}
	for i := range c.op.Args {
		if a := &c.op.Args[i]; a.In == catalog.InQuery {
			known[a.WireName()] = a
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		a := known[name]
		if a == nil {
			rep := invalidQuery("Additional properties not allowed: %s", name)
			return &rep
		}
		value := c.query.Get(name)
		var bad bool
		switch a.Type {
		case catalog.Integer:
			_, err := strconv.ParseInt(value, 10, 64)
			bad = err != nil
		case catalog.Number:
			_, err := strconv.ParseFloat(value, 64)
			bad = err != nil
		case catalog.Boolean:
			_, err := strconv.ParseBool(value)
			bad = err != nil
		default:
		}
		if bad {
			rep := invalidQuery("Expected type %s but found type string' on property %s", a.Type, name)
			return &rep
		}
	}
	return nil
}

func validateBody(c *call) *reply {
	if c.op.Body != catalog.JSONBody || c.list != nil {
		return nil
	}
	if !c.hasBody && c.op.BodyRequired {
		rep := invalidBody("Missing body: an object is expected")
		return &rep
	}
	for i := range c.op.Args {
		a := &c.op.Args[i]
		if a.In != catalog.InField {
			continue
		}
		v, has := c.body[a.WireName()]
		if !has {
			if a.Required {
				rep := invalidBody("Missing required property: %s", a.WireName())
				return &rep
			}
			continue
		}
		if want := mistyped(a.Type, v); want != "" {
			rep := invalidBody("Expected type %s but found type %s' on property %s", want, typeName(v), a.WireName())
			return &rep
		}
		if len(a.Enum) > 0 {
			if s, ok := v.(string); ok && !slices.Contains(a.Enum, s) {
				rep := invalidBody("No enum match for: %s' on property %s", s, a.WireName())
				return &rep
			}
		}
	}
	return nil
}

// mistyped is the type that a value should have, "" when it has it. null is
// left to the handlers: much of the API takes it for "remove".
func mistyped(want catalog.Type, v any) string {
	if v == nil {
		return ""
	}
	ok := true
	switch want {
	case catalog.String:
		_, ok = v.(string)
	case catalog.Boolean:
		_, ok = v.(bool)
	case catalog.Integer:
		n, is := v.(json.Number)
		_, err := n.Int64()
		ok = is && err == nil
	case catalog.Number:
		_, ok = v.(json.Number)
	case catalog.Object:
		_, ok = v.(map[string]any)
	case catalog.Array, catalog.Strings:
		_, ok = v.([]any)
	default:
	}
	if ok {
		return ""
	}
	if want == catalog.Strings {
		return "array"
	}
	return string(want)
}
