package schema

import (
	"strconv"

	"a0run/client/catalog"
)

// CheckQuery holds the text of a query parameter against its type and its enum.
func CheckQuery(arg *catalog.Arg, text string) (Mistake, bool) {
	c := checker{path: []step{{name: arg.Name}}}
	switch arg.Type {
	case catalog.Integer:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			c.say(WrongType, "got "+quoted(text)+", want a whole number", "")
		}
	case catalog.Number:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			c.say(WrongType, "got "+quoted(text)+", want a number", "")
		}
	case catalog.Boolean:
		if text != "true" && text != "false" {
			c.say(WrongType, "got "+quoted(text)+", want true or false", "")
		}
	case catalog.String:
		if arg.Enum != nil {
			c.text(&shape{kinds: isText, enum: arg.Enum}, text)
		}
	default:
	}
	if len(c.found) == 0 {
		return Mistake{}, false
	}
	return c.found[0], true
}
