package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"a0run/engine"
)

// An apiQuery is a query parameter of the API. One that is not in the table, and
// a value that is none of it, is refused: a filter that is passed over silently
// gives an answer to another question.
type apiQuery struct {
	name, doc string
	// oneOf are the values that there are; nil for any text.
	oneOf []string
	// A number is from from to to; to is 0 for what is none.
	from, to int64
}

// checkQuery refuses what the route does not take.
func (a apiRoute) checkQuery(req *http.Request) error {
	given, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return badQuery("the query cannot be read: "+err.Error(), "a % is written %25")
	}
	names := make([]string, len(a.query))
	for i, q := range a.query {
		names[i] = q.name
	}
	for _, name := range sortedKeys(given) {
		i := slices.Index(names, name)
		if i < 0 {
			return badQuery("there is no query parameter "+name, hintOf(name, names))
		}
		if len(given[name]) > 1 {
			return badQuery(name+" is given twice", "")
		}
		if err := a.query[i].check(given[name][0]); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a value. An empty one is as none.
func (q apiQuery) check(value string) error {
	switch {
	case value == "":
	case q.oneOf != nil && !slices.Contains(q.oneOf, value):
		return badQuery(q.name+"="+value+": there is no such "+q.name, hintOf(value, q.oneOf))
	case q.to > 0:
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < q.from || n > q.to {
			want := "want a whole number from " + strconv.FormatInt(q.from, 10)
			if q.to < 1<<30 {
				want += " to " + strconv.FormatInt(q.to, 10)
			}
			return badQuery(q.name+"="+value+": "+want, "")
		}
	}
	return nil
}

func badQuery(message, hint string) error { return &refusal{http.StatusBadRequest, message, hint} }

// hintOf names the nearest of what there is, or all.
func hintOf(given string, known []string) string {
	switch near := engine.Nearest(given, known); {
	case near != "":
		return "did you mean " + near + "?"
	case len(known) == 0:
		return "it takes none"
	}
	return "there are " + strings.Join(known, ", ")
}

// schema is the parameter's in the document.
func (q apiQuery) schema() map[string]any {
	switch {
	case q.oneOf != nil:
		return map[string]any{"type": "string", "enum": q.oneOf}
	case q.to > 0 && q.to < 1<<30:
		return map[string]any{"type": "integer", "minimum": q.from, "maximum": q.to}
	case q.to > 0:
		return map[string]any{"type": "integer", "minimum": q.from}
	}
	return map[string]any{"type": "string"}
}
