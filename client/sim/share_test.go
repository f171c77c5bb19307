package sim

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// TestSharerChangesNothing: what is shared is equal to what came, and equal
// metadata are held once.
func TestSharerChangesNothing(t *testing.T) {
	s := newSharer()
	var first object
	for i := range 3000 {
		o := object{
			"id": fmt.Sprint(i), "plan": "free", "n": json.Number(fmt.Sprint(i)), "none": nil, "on": i%2 == 0,
			"meta": object{"city": "Oslo", "list": []any{"a", object{"b": json.Number("1")}}}, "own": object{"id": fmt.Sprint(i), "kind": "x"},
		}
		got := s.object("", o)
		if !reflect.DeepEqual(got, o) {
			t.Fatalf("%d: %v became %v", i, o, got)
		}
		if i == 0 {
			first = got
			continue
		}
		if reflect.ValueOf(got["meta"]).Pointer() != reflect.ValueOf(first["meta"]).Pointer() {
			t.Fatalf("%d: equal metadata are held twice", i)
		}
	}
	if s.fields[".id"].values != nil || s.fields[".own"].values != nil || s.fields[".plan"].values == nil {
		t.Error("what differs is remembered, or what does not is forgotten")
	}
}
