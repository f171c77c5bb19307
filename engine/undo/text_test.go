package undo

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// However many writes there are and whatever they have in common: each is
// printed or counted, never both and never neither, in lines that do not grow
// with them.
func TestFoldedText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p Preview
		alike := map[string]int{}
		for range rapid.IntRange(0, 120).Draw(t, "writes") {
			item := Item{
				Object:    "users/x",
				Operation: rapid.SampledFrom([]string{"users.update", "roles.create"}).Draw(t, "operation"),
				Reason:    rapid.SampledFrom([]string{"", "because"}).Draw(t, "reason"),
				Verdict:   rapid.SampledFrom([]Verdict{PutBack, Left, Already}).Draw(t, "verdict"),
			}
			alike[string(item.Verdict)+item.Operation+item.Reason]++
			p.Items = append(p.Items, item)
		}
		want := 0
		for _, n := range alike {
			if n > foldAbove {
				n = foldTo
			}
			want += n
		}
		for full, want := range map[bool]int{false: want, true: len(p.Items)} {
			var b bytes.Buffer
			if err := p.WriteText(&b, TextOptions{Full: full}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(b.String(), "  users/x  "); got != want {
				t.Fatalf("full=%v: %d writes are printed, want %d\n%s", full, got, want, b.String())
			}
		}
	})
}
