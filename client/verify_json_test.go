package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// members reads an object into a fresh set.
func members(text []byte) (*claimSet, error) {
	set := &claimSet{}
	if err := set.read(text); err != nil {
		return nil, err
	}
	return set, nil
}

// FuzzMembers compares the cutter of claims with encoding/json: the same objects
// are taken, with the same members and the same elements.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		`{}`, ` { "a" : 1 , "b":[1, "]", {"c":"}"}] ,"c":"\"\\" } `, `{"s\u0075b":"x"}`, `{"a":1,"a":2}`, `[1,2]`, `{"a":-1e5}`, `{"a":tru}`,
		`{"":{}}`, `{"a":null,"b":true,"c":false}`, "{\"\u00fc\":\"\\ud800\"}", `{"a":[]}`, `{"a":1}{}`, ``, `"x"`, `{"iss":"x","aud":["a","b"]}`,
		"{\"a\":\"\xff\"}", `{"alg":"RS256","typ":"JWT","kid":"k"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := members([]byte(text))
		var want map[string]json.RawMessage
		bad := json.Unmarshal([]byte(text), &want) != nil || want == nil || !utf8.ValidString(text)
		if bad {
			if err == nil {
				t.Fatalf("%q was taken", text)
			}
			return
		}
		if err != nil {
			if !strings.Contains(err.Error(), "twice") {
				t.Fatalf("%q was refused: %v", text, err)
			}
			return
		}
		if len(got.list) != len(want) {
			t.Fatalf("%q has %d members, encoding/json sees %d", text, len(got.list), len(want))
		}
		for name, raw := range want {
			mine, ok := got.find(name)
			if !ok || !bytes.Equal(bytes.TrimSpace(raw), mine) {
				t.Errorf("%q: %q is %s, want %s", text, name, mine, raw)
			}
			var list []json.RawMessage
			items, isList := elements(mine)
			if isList != (mine[0] == '[' && json.Unmarshal(mine, &list) == nil) || len(items) != len(list) {
				t.Errorf("%s: %d elements, want %d", mine, len(items), len(list))
			}
			for i := range min(len(items), len(list)) {
				if !bytes.Equal(items[i], bytes.TrimSpace(list[i])) {
					t.Errorf("element %d is %s, want %s", i, items[i], list[i])
				}
			}
			var s string
			mineText, isText := stringOf(mine)
			if isText != (mine[0] == '"') || isText && (json.Unmarshal(mine, &s) != nil || s != mineText) {
				t.Errorf("%s reads as %q, want %q", mine, mineText, s)
			}
		}
	})
}

// A header that anyone can write must not cost more than its length: many
// members have an index, deep nesting and a long name need no stack.
func TestMembersAreCheap(t *testing.T) {
	var many strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&many, `,"m%d":1`, i)
	}
	for name, text := range map[string]string{
		"many":       "{" + many.String()[1:] + "}",
		"many twice": "{" + many.String()[1:] + `,"m59999":1}`,
		"deep":       strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		"too deep":   strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"deepest":    strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		"long":       `{"` + strings.Repeat("n", 900_000) + `":1}`,
	} {
		got, err := members([]byte(text))
		if valid := json.Valid([]byte(text)); name != "many twice" && valid != (err == nil) {
			t.Errorf("%s: encoding/json says %v, this %v", name, valid, err)
		}
		if (name == "many twice" || name == "too deep") == (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "many" && (got.index == nil || len(got.list) != 60_000 || string(got.get("m59999")) != "1") {
			t.Errorf("%s: %d members", name, len(got.list))
		}
	}
}
