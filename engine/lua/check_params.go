package lua

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"a0run/engine"
)

// typed holds constant arguments against the types and enums of a function's
// parameters. What is in doubt is left to the call itself: a table in the last
// place may be the options, and values that are not constants are not known. It reports whether something was wrong.
func (c *checker) typed(f *engine.Function, named *engine.Object, k constants) (wrong bool) {
	for name, v := range named.All() {
		i := slices.IndexFunc(f.Params, func(p engine.Param) bool { return p.Name == name || slices.Contains(p.Aliases, name) })
		if i < 0 || v == nil {
			continue // an unknown name is said elsewhere, nil is as good as nothing
		}
		p := &f.Params[i]
		text, isText := v.(string)
		problem := engine.Problem{Where: engine.NearestPlace(k.places, name)}
		switch {
		case !constantFits(p.Type, v):
			got := constantName(v)
			if p.Secret && isText {
				got = "a string"
			}
			problem.Message = fmt.Sprintf("%s: argument %s: got %s, want %s", f.Name, p.Name, got, wantedType(p.Type))
		case isText && !p.Secret && len(p.Enum) > 0 && !slices.Contains(p.Enum, text):
			problem.Message = fmt.Sprintf("%s: argument %s cannot be %q", f.Name, p.Name, text)
			if problem.Hint = "one of " + strings.Join(p.Enum, ", "); engine.Nearest(text, p.Enum) != "" {
				problem.Hint = "did you mean " + engine.Nearest(text, p.Enum) + "?"
			}
		default:
			continue
		}
		wrong = true
		c.say(problem)
	}
	return wrong
}

// constantFits reports whether a constant can be of a parameter's type; what
// nobody knows can.
func constantFits(typ string, v any) bool {
	among := func(types ...string) bool { return slices.Contains(types, typ) }
	switch x := v.(type) {
	case string:
		return !among("integer", "number", "boolean", "object", "array", "function")
	case bool:
		return among("boolean", "any")
	case int64:
		return among("integer", "number", "any")
	case float64:
		return among("number", "any") || among("integer") && x == math.Trunc(x)
	case *engine.Object:
		return among("object", "array", "any") || among("string[]") && x.Len() == 0
	case []any:
		return among("array", "string[]", "any")
	}
	return true
}

// constantName is a constant as a message shows it.
func constantName(v any) string {
	switch x := v.(type) {
	case string:
		return fmt.Sprintf("%q", x)
	case bool:
		return fmt.Sprintf("the boolean %t", x)
	case int64, float64:
		return fmt.Sprintf("the number %v", x)
	case []any:
		return "a list"
	}
	return "a table"
}

func wantedType(typ string) string {
	switch typ {
	case "string[]":
		return "a list of strings"
	case "integer":
		return "a whole number"
	case "array":
		return "a list"
	case "object":
		return "a table"
	}
	return "a " + typ
}
