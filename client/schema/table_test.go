package schema

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"a0run/client/catalog"
)

// TestTableSum: the tables say what the generator wrote. Who needs another table
// changes the generator, which says why; see the head of the files.
func TestTableSum(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range shapes {
		s := &shapes[i]
		fmt.Fprintf(&b, "%d %q %q %v %d %d %s", s.kinds, s.enum, s.format, s.open, s.rest, s.items, s.by)
		for _, list := range [][]member{s.must, s.may, s.variants} {
			b.WriteString(" |")
			for _, m := range list {
				fmt.Fprintf(&b, " %s:%d", m.name, m.id)
			}
		}
		b.WriteByte('\n')
	}
	for _, r := range bodies {
		fmt.Fprintf(&b, "%s %d\n", r.id, r.root)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(b.String()))); got != tableSum {
		t.Errorf("the tables' sum is %s, the generator wrote %s: run it again instead of editing them", got, tableSum)
	}
}

// TestTableHoldsTogether: what the lookups rely on.
func TestTableHoldsTogether(t *testing.T) {
	t.Parallel()
	sorted := func(list []member) bool {
		return slices.IsSortedFunc(list, func(a, b member) int { return strings.Compare(a.name, b.name) })
	}
	for i := range shapes {
		s := &shapes[i]
		for _, list := range [][]member{s.must, s.may, s.variants} {
			if !sorted(list) {
				t.Errorf("shape %d: %v is not sorted", i, namesOf(list))
			}
			for _, m := range list {
				if int(m.id) >= len(shapes) {
					t.Errorf("shape %d: %s has no shape", i, m.name)
				}
			}
		}
		if (s.by != "") != (len(s.variants) > 0) {
			t.Errorf("shape %d: by %q with %d variants", i, s.by, len(s.variants))
		}
		if s.by != "" && len(s.must)+len(s.may) > 0 {
			t.Errorf("shape %d has variants and fields", i)
		}
		if s.kinds == 0 {
			t.Errorf("shape %d takes nothing", i)
		}
	}
	if !sort.SliceIsSorted(bodies[:], func(i, j int) bool { return bodies[i].id < bodies[j].id }) {
		t.Error("the bodies are not sorted")
	}
}

// TestTableKnowsEveryBody: each operation with a JSON body has its shape, and no
// shape belongs to an operation that is not there.
func TestTableKnowsEveryBody(t *testing.T) {
	t.Parallel()
	gone := []string{"blacklists.create", "guardian.update_factor_providers"} // only the Python SDK 4.13 has them
	for _, op := range catalog.Default().All() {
		if op.API != catalog.Management || op.Body != catalog.JSONBody {
			continue
		}
		if known := Of(op).Known(); known == slices.Contains(gone, op.ID) {
			t.Errorf("%s: known is %v", op.ID, known)
		}
	}
	for _, r := range bodies {
		if op, ok := catalog.Default().Lookup(r.id); !ok || op.ID != r.id {
			t.Errorf("%s is no operation", r.id)
		}
	}
}

// TestFieldsAgree: the fields that undo may write back are fields that the body
// takes. Two tables of one document must not contradict each other.
func TestFieldsAgree(t *testing.T) {
	t.Parallel()
	for _, r := range bodies {
		op, _ := catalog.Default().Lookup(r.id)
		s := &shapes[r.root]
		for _, f := range catalog.BodyFields(op) {
			found := s.open
			for _, v := range append([]member{{"", r.root}}, s.variants...) {
				_, known := shapes[v.id].field(f.Name)
				found = found || known || f.Name == s.by
			}
			if !found {
				t.Errorf("%s: undo writes %s, which the body is not known to take", r.id, f.Name)
			}
		}
	}
}
