package engine_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"a0run/engine"
)

// anyJSON draws a value of encoding/json.
func anyJSON(t *rapid.T, depth int) any {
	texts := rapid.SampledFrom([]string{"", "id", "a,b", `"`, `\`, "{[", "]}", "ü\n", "user_id", ":"})
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind %= 5
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Float64Range(-1e6, 1e6).Draw(t, "number")
	case 3, 4:
		return texts.Draw(t, "text")
	case 5:
		list := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			list = append(list, anyJSON(t, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		object[texts.Draw(t, "name")] = anyJSON(t, depth-1)
	}
	return object
}

// TestScan compares with encoding/json.
func TestScan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		write := json.NewEncoder(&out)
		write.SetEscapeHTML(false)
		if rapid.Bool().Draw(t, "indented") {
			write.SetIndent(" ", "\t")
		}
		if err := write.Encode(anyJSON(t, 3)); err != nil {
			t.Fatal(err)
		}
		text := out.Bytes()
		var list []json.RawMessage
		isList := json.Unmarshal(text, &list) == nil && bytes.HasPrefix(bytes.TrimSpace(text), []byte("["))
		items, ok := engine.ListItems(text)
		if ok != isList || len(items) != len(list) {
			t.Fatalf("%s: %d items, %v, want %d, %v", text, len(items), ok, len(list), isList)
		}
		for i := range items {
			if !bytes.Equal(items[i], list[i]) {
				t.Fatalf("%s: the item %d is %s, want %s", text, i, items[i], list[i])
			}
		}
		var object map[string]json.RawMessage
		_ = json.Unmarshal(text, &object) // what is no object has no fields
		for _, name := range []string{"id", "user_id", "", "a,b", "ü"} {
			got, ok := engine.FieldText(text, name)
			if want, there := object[name]; ok != there || !bytes.Equal(got, want) {
				t.Fatalf("%s: %q is %s, %v, want %s, %v", text, name, got, ok, want, there)
			}
		}
	})
}

// TestScanBroken sees that what is no JSON is no list and has no field, and that
// every beginning of a text is looked at without a panic.
func TestScanBroken(t *testing.T) {
	t.Parallel()
	list, object := `[{"id": "a\"]"}, [1, {"b": []}], "x"]`, `{"a": {"id": "]"}, "id": "x\\"}`
	for i := range list {
		if items, ok := engine.ListItems(json.RawMessage(list[:i])); ok {
			t.Errorf("%s has the items %s", list[:i], items)
		}
	}
	for i := range object {
		engine.FieldText(json.RawMessage(object[:i]), "id")
	}
	if literal, ok := engine.FieldText(json.RawMessage(object), "id"); !ok || string(literal) != `"x\\"` {
		t.Errorf("%s, %v", literal, ok)
	}
	if text, ok := engine.PlainText(json.RawMessage(`"x\\"`)); ok {
		t.Errorf("%q has an escape", text)
	}
	if text, ok := engine.PlainText(json.RawMessage(`"auth0|1"`)); !ok || text != "auth0|1" {
		t.Errorf("%q, %v", text, ok)
	}
}
