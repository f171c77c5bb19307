package durable

import (
	"encoding/json"

	"a0run/client/catalog"
	"a0run/engine"
)

// Most secrets are known to the redactor, wherever they stand. One that is too
// short to be looked for in texts is known by its place alone: as an argument
// that is marked, where the catalogue says so of an answer, and as the value of
// a function that gives secrets.

// inAnswer are the secrets of what a call gave.
func inAnswer(c *engine.Call, value any, text json.RawMessage) map[string]bool {
	marked := secretsIn(c.Args, nil)
	if said, ok := value.(string); ok && c.Secret {
		marked = add(marked, said)
	}
	return secretsAt(c.Operation, text, marked, "")
}

// inBefore are the secrets of a call's before-image.
func inBefore(c *engine.Call) map[string]bool {
	marked := secretsIn(c.Args, nil)
	if c.Operation == nil || len(c.Before) == 0 {
		return marked
	}
	read, _ := catalog.Default().Lookup(c.Operation.Inverse.Before)
	return secretsAt(read, c.Before, marked, "value.", "each[].value.")
}

// secretsAt adds the secrets of answers of an operation, which stand below paths of
// the text.
func secretsAt(op *catalog.Operation, text json.RawMessage, marked map[string]bool, below ...string) map[string]bool {
	if op == nil || !engine.Mentions(text, op.SecretAnswers) {
		return marked
	}
	tree, err := engine.ParseJSON(text)
	if err != nil {
		return marked // no JSON: it is sealed as a whole where the redactor knows something of it
	}
	visit := func(text string) { marked = add(marked, text) }
	for _, path := range op.SecretAnswers {
		for _, at := range below {
			engine.VisitTexts(tree, at+path, visit)
			if op.Paging.Items != "" {
				engine.VisitTexts(tree, at+op.Paging.Items+"."+path, visit)
			}
		}
	}
	return marked
}

func add(marked map[string]bool, secret string) map[string]bool {
	if marked == nil {
		marked = map[string]bool{}
	}
	if secret != "" {
		marked[secret] = true
	}
	return marked
}

// secretsIn are the marked secrets of a tree.
func secretsIn(v any, into map[string]bool) map[string]bool {
	switch x := v.(type) {
	case engine.Secret:
		into = add(into, string(x))
	case *engine.Object:
		for _, item := range x.All() {
			into = secretsIn(item, into)
		}
	case []any:
		for _, item := range x {
			into = secretsIn(item, into)
		}
	}
	return into
}
