package client

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzScan compares the reader of answers with encoding/json: what is JSON, what
// stands in it, how a list is taken apart.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		``, ` `, `{}`, `[]`, `null`, ` true `, `"x"`, `-0`, `-0.0`, `1e5`, `1E400`, `01`, `{"a":1}x`, `[1,2,]`, `{"a":[{"b":null},"\u00fc\ud800"]}`,
		`[12345678901234567890,9007199254740993,0.1234567890123456789,1.0,123456789012345]`, `{"a":1,"a":2}`, "\"\xff\"", `"\q"`, `{"a" : "b" , "c":[ ] }`,
		`{1:2}`, `{"a":}`, `[[[[`, "\x00", `nul`, `"a`, `{"\u0061":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		valid := json.Valid(text)
		if got := validJSON(text); got != valid {
			t.Fatalf("%q: valid %v, encoding/json says %v", text, got, valid)
		}
		if !valid {
			var o Object
			if (&User{}).UnmarshalJSON(text) == nil || o.UnmarshalJSON(text) == nil {
				t.Fatalf("%q was read", text)
			}
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if got := tree(text); !reflect.DeepEqual(got, plainNumbers(want)) {
			t.Fatalf("%q: %#v, want %#v", text, got, want)
		}
		var list []json.RawMessage
		items, isList := cutList(text)
		if isList != (json.Unmarshal(text, &list) == nil && list != nil) || len(items) != len(list) {
			t.Fatalf("%q: %q, want %q", text, items, list)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) != nil || strings.Count(string(text), ":") != len(members) {
			return // no object, or names that stand twice
		}
		for name, raw := range members {
			if got := memberOf(text, name); !bytes.Equal(got, raw) {
				t.Errorf("%q: %q is %s, want %s", text, name, got, raw)
			}
		}
	})
}

// plainNumbers makes floats of the numbers of a tree that are exact as such.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(v)
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plainNumbers(v[name])
		}
	}
	return v
}

// FuzzTyped: what a tenant sends is read, comes out again, and is no change.
func FuzzTyped(f *testing.F) {
	f.Add([]byte(`{"user_id":"a","email":null,"blocked":"x","identities":[{"user_id":1}],"user_metadata":{"a":1e400},"created_at":"2026-01-01T00:00:00Z","x":[]}`))
	f.Add([]byte("{\"name\":\"\xff\",\"\xfe\":1}"))
	f.Add([]byte(`{"id":"con_1","options":{"a":{"b":12345678901234567890}},"realms":null,"enabled_clients":["a"],"name":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, p := range typedKinds() {
			if err := json.Unmarshal(text, p); err != nil {
				if json.Valid(text) && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && !strings.Contains(err.Error(), "twice") {
					t.Fatalf("%T %q: %v", p, text, err)
				}
				continue
			}
			if changed, err := changesOf(p); err != nil || len(changed) > 0 {
				t.Fatalf("%T %q: %s counts as changed, %v", p, text, changed.object(), err)
			}
			body, err := json.Marshal(p)
			if err != nil || !json.Valid(fieldsOfTyped(p, true).object()) {
				t.Fatalf("%T %q: %s, %v", p, text, body, err)
			}
		}
	})
}
