package engine

import (
	"strings"
	"testing"
)

func TestHeadValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		want  ValidatePolicy
		wrong string
	}{
		{"error", ValidateError, ""},
		{"warn", ValidateWarn, ""},
		{"off", ValidateOff, ""},
		{nil, "", ""},
		{"wran", "", "unknown policy of validate: wran (did you mean warn?)"},
		{false, "", `got false, want a policy (write "error", "warn" or "off")`},
	} {
		tree := NewObject(1)
		tree.Set("validate", c.value)
		head, problems := ParseHead(tree, nil)
		if head.Validate != c.want || (len(problems) > 0) != (c.wrong != "") || !strings.Contains(problems.Error(), c.wrong) {
			t.Errorf("%v: %q and %v, want %q and %q", c.value, head.Validate, problems, c.want, c.wrong)
		}
	}
}
