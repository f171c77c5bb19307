package client

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"

	"a0run/client/catalog"
	"a0run/client/schema"
)

// Validation says what [Client.Do] does about the mistakes of a request's query
// and body that are seen before it is sent: a field that the API is not known to have, a
// required one that is missing, a wrong type, a value outside an enum. A refused
// body is an [*ArgumentError] that names the first mistake by its path and has
// the others in its hint.
type Validation struct {
	// Mode is schema.Off (the zero value: nobody looks), schema.Usual (what is
	// certainly wrong is an error), schema.Warn or schema.Strict.
	Mode schema.Mode
	// Warn is told what is no error, once for each field of an operation; nil
	// means the logger of WithLogger. It is called by the goroutine of the call.
	Warn func(operation string, m schema.Mistake)
}

// validate looks at the query and the body of a request made ready.
func (c *Client) validate(r *request) error {
	if c.cfg.Validation.Mode == schema.Off {
		return nil
	}
	found := queryMistakes(r)
	body, err := bodyMistakes(r)
	if err != nil {
		return err
	}
	refused, told := c.cfg.Validation.Mode.Split(append(found, body...))
	if len(refused) > 0 {
		return refusedBody(r.op.ID, append(refused, told...))
	}
	warn := c.warner()
	if warn == nil {
		return nil
	}
	for _, m := range told {
		if c.told.first(r.op.ID + " " + m.Field()) {
			warn(r.op.ID, m)
		}
	}
	return nil
}

// queryMistakes are those of the query: what the catalogue says of its types and
// enums, held against the text that is sent.
func queryMistakes(r *request) []schema.Mistake {
	var found []schema.Mistake
	for _, g := range r.given {
		if g.arg.In != catalog.InQuery || isNull(g.value) {
			continue
		}
		text, err := plain(g.value)
		if err != nil {
			continue // address has said it
		}
		if m, wrong := schema.CheckQuery(g.arg, text); wrong {
			found = append(found, m)
		}
	}
	return found
}

// bodyMistakes are those of the body.
func bodyMistakes(r *request) ([]schema.Mistake, error) {
	known := schema.Of(r.op)
	text := []byte(r.whole)
	switch {
	case !known.Known():
		return nil, nil
	case text == nil && len(r.parts) == 0:
		return nil, nil // checkBody has said whether there must be one
	case text == nil:
		text = r.parts.object()
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var body any
	if err := d.Decode(&body); err != nil {
		return nil, &ArgumentError{Operation: r.op.ID, Argument: "body", Problem: "is not JSON: " + err.Error()}
	}
	return known.Check(body, schema.Words{}), nil
}

// refusedBody is the error of all mistakes of a request.
func refusedBody(operation string, all []schema.Mistake) *ArgumentError {
	first := all[0]
	e := &ArgumentError{Operation: operation, Argument: first.Path, Problem: first.Problem, Next: first.Hint}
	if e.Argument == "" {
		e.Argument = "body"
	}
	if more := schema.Also(all[1:]); more != "" {
		e.Next = strings.TrimPrefix(e.Next+"; "+more, "; ")
	}
	return e
}

// once is a set of what has been said; its zero value is ready for use.
type once struct {
	mu   sync.Mutex
	said map[string]bool
}

// first reports whether something is said for the first time.
func (o *once) first(what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.said[what] {
		return false
	}
	if o.said == nil {
		o.said = map[string]bool{}
	}
	o.said[what] = true
	return true
}
