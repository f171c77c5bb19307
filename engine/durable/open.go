package durable

import (
	"encoding/json"
	"strings"

	"a0run/engine"
	"a0run/engine/seal"
)

// Opener opens the sealed texts of records; the secrets in them are known to
// the redactor from then on.
func Opener(box *seal.Box, r *engine.Redactor) func(text json.RawMessage) (json.RawMessage, error) {
	return func(text json.RawMessage) (json.RawMessage, error) { return open(text, box, r) }
}

func open(text json.RawMessage, box *seal.Box, r *engine.Redactor) (json.RawMessage, error) {
	if !seal.Sealed(text) {
		return text, nil
	}
	plain, err := box.Open(text)
	if err != nil {
		return nil, err
	}
	if text[0] == '"' && plain[0] == '[' { // sealed whole
		text = plain[1 : len(plain)-1]
		if plain, err = box.Open(text); err != nil {
			return nil, err
		}
	}
	return plain, learn(text, box, r)
}

// learn makes the secrets of a sealed text known before anybody sees them.
func learn(text json.RawMessage, box *seal.Box, r *engine.Redactor) error {
	if !seal.Sealed(text) {
		return nil
	}
	tree, err := engine.ParseJSON(text)
	if err != nil {
		return nil //nolint:nilerr // not JSON: nothing in it was sealed by itself
	}
	engine.VisitTexts(tree, "", func(value string) {
		if !strings.HasPrefix(value, seal.Prefix) || err != nil {
			return
		}
		var literal json.RawMessage
		if literal, err = box.Open(json.RawMessage(`"` + value + `"`)); err != nil {
			return
		}
		var secret string
		if json.Unmarshal(literal, &secret) == nil {
			r.Add(secret)
		}
	})
	return err
}
