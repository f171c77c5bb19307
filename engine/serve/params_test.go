package serve

import (
	"errors"
	"strings"
	"testing"

	"a0run/engine"
)

// What is wrong with a parameter is told to somebody who fills in a form or sends
// JSON: no word of the command line's flags.
func TestWrongParamsSpeakOfNoFlags(t *testing.T) {
	t.Parallel()
	declared := []engine.ParamDecl{{Name: "days", Type: "integer", Required: true}, {Name: "key", Type: "string", Required: true}}
	_, err := checkParams(declared, map[string]any{"days": "three", "dais": 3.0, "kay": "x"})
	var r *Refusal
	if !errors.As(err, &r) || len(r.Fields) != 4 {
		t.Fatalf("%v: %v", err, r)
	}
	for name, want := range map[string]string{
		"days": `got "three", want a whole number`,
		"key":  "the parameter key is missing",
		"dais": "the playbook has no such parameter; did you mean days?",
		"kay":  "the playbook has no such parameter; did you mean key?",
	} {
		got := r.Fields[name]
		if !strings.HasPrefix(got, want) || strings.Contains(got, "-p") || strings.Contains(got, "--") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
