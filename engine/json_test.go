package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func object(pairs ...any) *Object {
	o := NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func TestFormatJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value any
		want  string
	}{
		"nothing":                      {nil, `null`},
		"null":                         {Null{}, `null`},
		"a nil object":                 {(*Object)(nil), `null`},
		"an empty object":              {NewObject(0), `{}`},
		"an empty list":                {[]any{}, `[]`},
		"keys in their order":          {object("b", true, "a", false), `{"b":true,"a":false}`},
		"no escapes for HTML":          {"<a href='x'>&</a>", `"<a href='x'>&</a>"`},
		"escapes":                      {"a\"\\\n\r\t\b\f\x01\x7f/é\u2028😀", "\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\x7f/é\u2028😀\""},
		"a whole float":                {3.0, `3`},
		"a negative whole float":       {-3.0, `-3`},
		"a fraction":                   {0.1, `0.1`},
		"a small float":                {1e-9, `1e-9`},
		"a large float":                {1e21, `1e+21`},
		"2^53":                         {float64(1 << 53), `9007199254740992`},
		"int64":                        {int64(math.MaxInt64), `9223372036854775807`},
		"a large number by its digits": {json.Number("123456789012345678901234567890"), `123456789012345678901234567890`},
		"a secret by its value":        {Secret("s3cret"), `"s3cret"`},
		"an answer as it came":         {object("a", json.RawMessage(`{"z": 1, "a":2}`)), `{"a":{"z": 1, "a":2}}`},
		"strings":                      {[]string{"a", "b"}, `["a","b"]`},
		"a Go map, sorted":             {map[string]any{"b": 1, "a": 2}, `{"a":2,"b":1}`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := FormatJSON(tc.value)
			if err != nil || string(got) != tc.want {
				t.Errorf("got %s, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func TestFormatJSONErrors(t *testing.T) {
	t.Parallel()
	cycle := NewObject(1)
	cycle.Set("self", cycle)
	tests := map[string]struct {
		value any
		want  string
	}{
		"bytes that are no UTF-8": {object("user", object("names", []any{"ok", "a\xff"})), "user.names[2]: the text is not valid UTF-8 at byte 2"},
		"a key that is no UTF-8":  {object("\xff", 1), "the text is not valid UTF-8 at byte 1"},
		"NaN":                     {object("n", math.NaN()), "n: JSON has no number NaN"},
		"infinity":                {math.Inf(-1), "the value: JSON has no number -Inf"},
		"no number":               {json.Number("0x1"), `"0x1" is not a number`},
		"a listing":               {[]any{&Iterator{}}, "[1]: a listing cannot be written as JSON"},
		"a cycle":                 {cycle, "self.self.self.self.self.self.self.self.…: nested deeper than 200 levels"},
		"a foreign type":          {object("c", make(chan int)), "c: a chan int cannot be written as JSON"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := FormatJSON(tc.value)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if e := asError(t, err); e.Name != NameArgumentError {
				t.Errorf("an %s", e.Name)
			}
		})
	}
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want any
	}{
		"null":                  {" null ", Null{}},
		"a whole number":        {"12", int64(12)},
		"minus zero":            {"-0", int64(0)},
		"2^53":                  {"9007199254740992", int64(1 << 53)},
		"beyond 2^53":           {"9007199254740993", json.Number("9007199254740993")},
		"beyond -2^53":          {"-9007199254740993", json.Number("-9007199254740993")},
		"a fraction":            {"1.50", 1.5},
		"an exponent":           {"1E2", 100.0},
		"a pair":                {`"\ud83d\ude00"`, "😀"},
		"half a pair":           {`"\ud83dx"`, "\ufffdx"},
		"half a pair, then one": {`"\ud83d\ud83d\ude00"`, "\ufffd😀"},
		"bytes that are none":   {"\"a\xffb\"", "a\ufffdb"},
		"all escapes":           {`"\"\\\/\b\f\n\r\t\u0041"`, "\"\\/\b\f\n\r\tA"},
		"the last of two keys":  {`{"a":1,"b":2,"a":3}`, object("a", int64(3), "b", int64(2))},
		"nested":                {"{\"a\":[1,{\"b\":[]}],\n\t\"c\":{}}", object("a", []any{int64(1), object("b", []any{})}, "c", NewObject(0))},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseJSON([]byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Transformer("pairs", pairs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// pairs makes an object comparable.
func pairs(o *Object) [][2]any {
	var all [][2]any
	for k, v := range o.All() {
		all = append(all, [2]any{k, v})
	}
	return all
}

func TestParseJSONErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"nothing":            {"", "line 1, column 1: the text ends where a value should be"},
		"HTML":               {"<html>", "line 1, column 1: unexpected '<' where a value should be"},
		"cut off":            {`{"a":[1,`, "column 9: the text ends where a value should be"},
		"cut off in a text":  {`{"a":"b`, "the text ends inside a string"},
		"a second value":     {"{}\n{}", "line 2, column 1: unexpected '{' after the end of the value"},
		"a comma too many":   {"[1,]", "column 4: unexpected ']' where a value should be"},
		"no colon":           {`{"a" 1}`, "unexpected '1' where a colon should be"},
		"single quotes":      {`{'a':1}`, "where a key should be"},
		"a leading zero":     {"01", "after the end"},
		"a lone minus":       {"-", "not a number"},
		"no digits after it": {"1.", "not a number"},
		"too large":          {"1e999", "too large"},
		"a line end inside":  {"\"a\nb\"", "a control character (0x0a) in a string"},
		"a bad escape":       {`"\x"`, `\x is no escape`},
		"a short escape":     {`"\u12"`, "four hexadecimal digits"},
		"a wrong word":       {"nul", "where a value should be"},
		"too deep":           {strings.Repeat("[", 201) + strings.Repeat("]", 201), "nested deeper than 200"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseJSON([]byte(tc.text))
			var at *JSONError
			if !errors.As(err, &at) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := ParseJSON([]byte(strings.Repeat("[", 200) + strings.Repeat("]", 200))); err != nil {
		t.Errorf("200 levels: %v", err)
	}
}

// tree draws a value of the tree that JSON can carry.
func tree(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](Null{}), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.Map(rapid.Int64Range(-exactInt, exactInt), func(i int64) any { return i }),
		rapid.Map(rapid.Float64Range(-1e6, 1e6), func(f float64) any { return f }),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	below := rapid.Deferred(func() *rapid.Generator[any] { return tree(depth - 1) })
	return rapid.OneOf(append(leaves,
		rapid.Map(rapid.SliceOfN(below, 0, 5), func(a []any) any { return a }),
		rapid.Custom(func(t *rapid.T) any {
			o := NewObject(0)
			for range rapid.IntRange(0, 30).Draw(t, "keys") {
				o.Set(rapid.StringN(0, 4, -1).Draw(t, "key"), below.Draw(t, "value"))
			}
			return o
		}),
	)...)
}

// What is written is JSON, and what is read from it is written the same again.
func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := tree(3).Draw(t, "value")
		text, err := FormatJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := ParseJSON(text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		again, err := FormatJSON(back)
		if err != nil || !bytes.Equal(text, again) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
		indented, err := FormatJSONIndent(v, "  ")
		var flat bytes.Buffer
		if err != nil || json.Compact(&flat, indented) != nil || flat.String() != string(text) {
			t.Fatalf("indented: %s, %v; want %s", indented, err, text)
		}
	})
}

// The canonical form does not depend on the order of keys, nor on how a number
// came.
func TestCanonical(t *testing.T) {
	t.Parallel()
	a := object("b", 3.0, "a", object("y", Secret("s"), "x", []any{int64(1)}))
	b := object("a", json.RawMessage(`{"x": [1], "y": "s"}`), "b", int64(3))
	if got, want := string(appendCanonical(nil, a, nil)), string(appendCanonical(nil, b, nil)); got != want {
		t.Errorf("%s and %s differ", got, want)
	}
	c := object("a", object("y", Secret("t"), "x", []any{int64(1)}), "b", int64(3))
	if got, other := string(appendCanonical(nil, a, nil)), string(appendCanonical(nil, c, nil)); got == other {
		t.Errorf("another secret gives the same form: %s", got)
	}
	for _, v := range []any{math.NaN(), "\xff", make(chan int), json.Number("x"), json.RawMessage("{")} {
		if len(appendCanonical(nil, v, nil)) == 0 {
			t.Errorf("%v has no canonical form", v)
		}
	}
}

func TestRedactedTree(t *testing.T) {
	t.Parallel()
	v := object("id", "u", "password", Secret("pa55word"), "more", []any{Secret("pa55word"), int64(1)})
	got, err := FormatJSON(Redacted(v))
	if want := `{"id":"u","password":"[secret]","more":["[secret]",1]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if secret, _ := v.Get("password"); secret != Secret("pa55word") {
		t.Error("the tree itself was changed")
	}
}

// An object behaves like a list of pairs, whatever its size.
func TestObjectModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := &Object{}
		var keys []string
		values := map[string]int{}
		key := rapid.SampledFrom(strings.Split("a b c d e f g h i j k l m n o p q r s t", " "))
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), rapid.Int().Draw(t, "value")
				if _, ok := values[k]; !ok {
					keys = append(keys, k)
				}
				values[k] = v
				o.Set(k, v)
			},
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				o.Delete(k)
				delete(values, k)
				kept := keys[:0]
				for _, x := range keys {
					if x != k {
						kept = append(kept, x)
					}
				}
				keys = kept
			},
			"": func(t *rapid.T) {
				if o.Len() != len(keys) || strings.Join(o.Keys(), "") != strings.Join(keys, "") {
					t.Fatalf("keys %v, want %v", o.Keys(), keys)
				}
				for k, v := range values {
					if got, ok := o.Get(k); !ok || got != v {
						t.Fatalf("%s is %v, %v; want %d", k, got, ok, v)
					}
				}
			},
		})
	})
}

// FuzzParseJSON holds the decoder against encoding/json: both take the same
// texts.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `[[]`, `"\ud800"`, `-0.0e+1`, "{\"a\":1}x", ` `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseJSON(text)
		var theirs any
		theirErr := json.Unmarshal(text, &theirs)
		if err != nil {
			if theirErr == nil && !strings.Contains(err.Error(), "nested deeper") {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if theirErr != nil {
			t.Fatalf("taken, but: %v", theirErr)
		}
		ours, err := FormatJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(ours, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(theirs, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkParseJSON(b *testing.B) {
	user := `{"user_id":"auth0|5f7c8ec7c33c6c004bbafe82","email":"john.doe@example.com","email_verified":true,"username":"johndoe","created_at":"2026-01-01T00:00:00.000Z","identities":[{"connection":"Username-Password-Authentication","user_id":"5f7c8ec7c33c6c004bbafe82","provider":"auth0","isSocial":false}],"app_metadata":{"plan":"gold","n":12},"user_metadata":{"color":"blué"},"logins_count":5,"blocked":false}`
	text := []byte("[" + strings.Repeat(user+",", 99) + user + "]")
	b.Run("tree", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseJSON(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
