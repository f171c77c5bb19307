package guard

import (
	"fmt"
	"strings"
	"testing"

	"a0run/engine"
)

// The users of an import that an earlier execution sent count in the next one,
// whatever of it is known by its record alone.
func TestSeenImport(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args string
		want int // objects that may still be created, of 10
	}{
		"inserted":      {`{"upsert": false, "users": {"part": 1, "rows": "1-4", "users": 4, "sha256": "x"}}`, 6},
		"upserted":      {`{"upsert": true, "users": {"part": 1, "rows": "1-4", "users": 4, "sha256": "x"}}`, 6},
		"a file as one": {`{"users": "sha256:x (10 bytes)"}`, 10},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(Tenant{Name: "x", Domain: "x", Rules: []Rules{mustRules(t, `{"limits": {"users": {"create": 10, "change": 4}}}`)}}, true)
			g := New(Options{Tenants: map[string]Tenant{"a": {Name: "x", Domain: "x"}}})
			g.tenants["a"] = tn
			rec := &engine.CallRecord{Operation: importUsers, Tenant: "a", Key: "k", State: engine.StateDone}
			g.Seen(rec, []byte(tc.args))
			g.Seen(rec, []byte(tc.args)) // twice is once
			left := bulkObjects(&engine.Bulk{Kind: "users", Count: tc.want}, "other")
			if r := tn.tally.add(left, false); r != nil {
				t.Errorf("%d more are refused: %s", tc.want, r.text)
			}
			r := tn.tally.add(bulkObjects(&engine.Bulk{Kind: "users", Count: 1}, "last"), false)
			if r == nil || !strings.Contains(r.text, fmt.Sprintf("at most %d users may be created", 10)) {
				t.Errorf("one more passes: %v", r)
			}
			changed := tn.tally.add(bulkObjects(&engine.Bulk{Kind: "users", Count: 0, Changes: true}, "none"), false)
			if changed != nil {
				t.Errorf("nothing is refused: %s", changed.text)
			}
		})
	}
}
