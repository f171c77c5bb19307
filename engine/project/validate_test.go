package project

import (
	"strings"
	"testing"

	"a0run/engine"
)

func TestValidateKey(t *testing.T) {
	t.Parallel()
	const tenants = "tenants: {a: {domain: d}}\n"
	for text, want := range map[string]engine.ValidatePolicy{
		"": "", "validate: error\n": engine.ValidateError, "validate: warn\n": engine.ValidateWarn, "validate: off\n": engine.ValidateOff,
	} {
		if got := parse(t, tenants+text).Validate; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"validate: errors\n": "a0run.yaml:2:11: validate: got errors, want error, warn or off (did you mean error?)",
		"validate: [warn]\n": "validate: got a list, want error, warn or off (known: error, warn, off)",
		"validate:\n":        "validate: got nothing, want",
	} {
		if _, err := Parse("a0run.yaml", []byte(tenants+text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
