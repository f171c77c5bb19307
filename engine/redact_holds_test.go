package engine

import (
	"testing"

	"pgregory.net/rapid"
)

// TestHolds sees that a text is said to hold a secret where Redact would take one
// out of it, and nowhere else.
func TestHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r Redactor
		for _, secret := range rapid.SliceOf(rapid.StringMatching(`[ab"%]{3,7}`)).Draw(t, "secrets") {
			r.Add(secret)
		}
		text := rapid.StringMatching(`[ab"%]{0,30}`).Draw(t, "text")
		if got, want := r.Holds([]byte(text)), r.Redact(text) != text; got != want {
			t.Fatalf("Holds(%q) = %v, and Redact gives %q", text, got, r.Redact(text))
		}
	})
	if new(Redactor).Holds([]byte("anything")) || (*Redactor)(nil).Holds([]byte("anything")) {
		t.Error("who knows nothing found something")
	}
}
