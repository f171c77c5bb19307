package sim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/rules"
)

// validate holds a call of the Management API against the API's schemas: its
// path, its query, its headers, its body, in this order. nil means well.
func validate(c *call) *reply {
	if c.op.API != catalog.Management {
		return nil
	}
	for i, text := range c.params {
		m := c.rt.takes.Path(i, text)
		if m == nil && i == 0 && strings.HasPrefix(c.rt.path, usersKind+"/{}") {
			m = rules.UserID(text)
		}
		if m != nil {
			rep := failure(http.StatusBadRequest, "Path validation error: "+worded(m, c.rt.names[i]), "invalid_uri")
			return &rep
		}
	}
	if rep := validateQuery(c); rep != nil {
		return rep
	}
	for _, name := range c.rt.takes.Headers() {
		if value := c.req.Header.Get(name); value != "" {
			if m := c.rt.takes.Header(name, value); m != nil {
				rep := failure(http.StatusBadRequest, "Headers validation error: "+worded(m, ""), "invalid_headers")
				return &rep
			}
		}
	}
	return validateBody(c)
}

// worded is a mistake in the API's words.
func worded(m *rules.Mistake, property string) string {
	if property == "" {
		property = m.Property
	}
	if property == "" {
		return "'" + m.Text + "'."
	}
	return "'" + m.Text + "' on property " + property + "."
}

func validateQuery(c *call) *reply {
	refuse := func(text string) *reply {
		rep := failure(http.StatusBadRequest, "Query validation error: "+text, "invalid_query_string")
		return &rep
	}
	if len(c.query) > 0 {
		for _, name := range slices.Sorted(maps.Keys(c.query)) {
			if c.rt.takes.HasQuery(name) {
				if m := c.rt.takes.Query(name, c.query[name]); m != nil {
					return refuse(worded(m, ""))
				}
				continue
			}
			if name == "include_totals" && bareList(c.rt.path) {
				continue
			}
			arg, known := c.queryArg(name)
			if !known {
				return refuse("'Additional properties not allowed: " + name + "'.")
			}
			if bad := mistypedText(arg, c.query.Get(name)); bad != "" {
				return refuse("'" + bad + "' on property " + name + ".")
			}
			if value := c.query.Get(name); len(arg.Enum) > 0 && !slices.Contains(arg.Enum, value) {
				return refuse("'No enum match for: " + value + "' on property " + name + ".")
			}
		}
	}
	if name := c.rt.takes.Missing(c.query.Has); name != "" {
		return refuse("'Missing required property: " + name + "'.")
	}
	return nil
}

// bareList names the listings that take include_totals, say nothing of it in
// the API's document, and stay bare.
func bareList(path string) bool { return path == "/rules-configs" || path == "/blacklists/tokens" }

// queryArg is an argument of the catalogue that goes into the query: what the
// Python SDK 4.13 sends and the API's document no longer has.
func (c *call) queryArg(name string) (*catalog.Arg, bool) {
	for _, op := range c.rt.ops {
		for i := range op.Args {
			if a := &op.Args[i]; a.In == catalog.InQuery && a.WireName() == name {
				return a, true
			}
		}
	}
	return nil, false
}

// mistypedText is what is wrong with a query argument of which only the type is
// known.
func mistypedText(a *catalog.Arg, value string) string {
	var bad bool
	switch a.Type {
	case catalog.Integer:
		_, err := strconv.ParseInt(value, 10, 64)
		bad = err != nil
	case catalog.Number:
		_, err := strconv.ParseFloat(value, 64)
		bad = err != nil
	case catalog.Boolean:
		bad = value != "true" && value != "false"
	default:
	}
	if !bad {
		return ""
	}
	return "Expected type " + string(a.Type) + " but found type string"
}

func validateBody(c *call) *reply {
	if c.op.Body != catalog.JSONBody {
		return nil
	}
	if !c.hasBody {
		if !c.op.BodyRequired {
			return nil
		}
		rep := invalidBody("Expected type object but found type null")
		return &rep
	}
	var v any = c.body
	switch {
	case c.isPlain && !c.rt.takes.TakesBody():
		rep := invalidBody("Expected type object but found type %s", typeName(c.scalar))
		return &rep
	case !c.rt.takes.TakesBody():
		return validateArgs(c)
	case c.isPlain:
		v = c.scalar
	case c.list != nil:
		v = c.list
	}
	m := c.rt.takes.Body(v)
	if m == nil {
		return nil
	}
	rep := failure(http.StatusBadRequest, "Payload validation error: "+worded(m, ""), "invalid_body")
	return &rep
}

// validateArgs holds the body of an operation that the API's document does not
// have against the catalogue.
func validateArgs(c *call) *reply {
	if c.list != nil {
		return nil
	}
	if c.rt.closed {
		if more := beyond(c.op, c.body); more != "" {
			rep := invalidBody("Additional properties not allowed: %s", more)
			return &rep
		}
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

// beyond is the first field of a body that is no argument of the operation.
func beyond(op *catalog.Operation, body object) string {
	for _, name := range sortedKeys(body) {
		if !slices.ContainsFunc(op.Args, func(a catalog.Arg) bool { return a.In == catalog.InField && a.WireName() == name }) {
			return name
		}
	}
	return ""
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
