package lua

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// sampleUser is a profile of the usual size, with what is delicate in it:
// order, null, empty arrays and objects, an integer of 18 digits, escapes.
const sampleUser = `{"created_at":"2024-03-01T09:12:44.120Z","email":"ada.lovelace@example.com","email_verified":true,` +
	`"identities":[{"connection":"Username-Password-Authentication","provider":"auth0","user_id":"65e1a2b3c4d5e6f708192a3b","isSocial":false},` +
	`{"connection":"facebook","provider":"facebook","user_id":123456789012345678,"isSocial":true,"access_token":"redacted"}],` +
	`"name":"Ada \"Countess\" Lovelace","nickname":"ada","picture":"https://s.gravatar.com/avatar/0123456789abcdef?s=480&r=pg&d=https%3A%2F%2Fcdn",` +
	`"updated_at":"2024-05-17T17:01:02.003Z","user_id":"auth0|65e1a2b3c4d5e6f708192a3b","username":"ada","phone_number":null,` +
	`"app_metadata":{"roles":[],"plan":"team","limits":{},"score":0.75,"seats":-12},` +
	`"user_metadata":{"lang":"en-GB","tags":["math","engines",null],"theme":"dark"},"multifactor":["guardian"],` +
	`"last_ip":"203.0.113.7","last_login":"2024-05-17T17:01:02.003Z","logins_count":241,"blocked":false,"blocked_for":[],` +
	`"guardian_authenticators":[],"nothing":{"a":{"b":{"c":[[1,2],[3,[]]]}}}}`

func decode(tb testing.TB, l *lua.LState, text string, nulls bool) lua.LValue {
	tb.Helper()
	v, err := converterOf(l).decode(l, []byte(text), nulls)
	if err != nil {
		tb.Fatalf("decode: %v", err)
	}
	return v
}

func encode(tb testing.TB, l *lua.LState, v lua.LValue) string {
	tb.Helper()
	tree, err := toTree(l, v)
	if err != nil {
		tb.Fatalf("toTree: %v", err)
	}
	text, err := engine.FormatJSON(tree)
	if err != nil {
		tb.Fatalf("FormatJSON: %v", err)
	}
	return string(text)
}

func TestJSONRoundTrip(t *testing.T) {
	l := newLibState(t, plenty())
	for _, text := range []string{
		sampleUser, `{}`, `[]`, `[[],{}]`, `null`, `[null,null]`, `"a"`, `0`, `-1`, `1.5`, `true`,
		`{"z":1,"a":2,"m":{"z":1,"a":2}}`, `{"a":null,"b":[null]}`,
		`[9007199254740992,9007199254740993,-9007199254740993,123456789012345678901234567890]`,
		`"\u0001 é 😀 \\ \" /"`,
	} {
		if got := encode(t, l, decode(t, l, text, true)); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
	}
}

func TestNullFieldsAreAbsent(t *testing.T) {
	l := newLibState(t, plenty())
	l.SetGlobal("u", decode(t, l, `{"a":null,"b":[1,null,3],"c":{},"d":1,"d":null,"s":"\ud83d\ude00\ud800x"}`, false))
	tests := []struct{ exprs, want string }{
		{`u.a, #u.b, u.b[2], u.b[3], u.d, next(u.c)`, "nil 3 null 3 nil nil"},
		{`u.b[2] == null, isnull(u.a), isnull(u.b[2])`, "true true true"},
		{`u.s`, "😀\uFFFDx"},
		{`getmetatable(u.b), getmetatable(u.c)`, "array nil"},
	}
	for _, tc := range tests {
		if got := eval(t, l, tc.exprs); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.exprs, got, tc.want)
		}
	}
}

func TestBigIntegers(t *testing.T) {
	l := newLibState(t, plenty())
	l.SetGlobal("a", decode(t, l, `123456789012345678`, false))
	l.SetGlobal("b", decode(t, l, `123456789012345679`, false))
	l.SetGlobal("c", decode(t, l, `123456789012345678`, false))
	l.SetGlobal("n", decode(t, l, `-123456789012345678`, false))
	l.SetGlobal("m", decode(t, l, `-1234567890123456789`, false))
	tests := []struct{ exprs, want string }{
		{
			`a, tostring(a), "id:" .. a, a .. "!", string.format("%s", a)`,
			"123456789012345678 123456789012345678 id:123456789012345678 123456789012345678! 123456789012345678",
		},
		{`a == c, a == b, a < b, b < a, a <= c, n < a, m < n, n <= m, a > m`, "true false true false true true true false true"},
		{`table.concat({a, 1}, ",")`, "123456789012345678,1"},
		{`("x"):gsub("x", function() return a end)`, "123456789012345678 1"},
		{`type(a), tonumber(a)`, "userdata 1.2345678901235e+17"},
		{`err(function() return a .. {} end)`, "attempt to concatenate a table value"},
	}
	for _, tc := range tests {
		if got := eval(t, l, tc.exprs); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.exprs, got, tc.want)
		}
	}
	tree, err := toTree(l, l.GetGlobal("a"))
	if err != nil || tree != json.Number("123456789012345678") {
		t.Errorf("got %v, %v", tree, err)
	}
}

func TestToTree(t *testing.T) {
	l := newLibState(t, plenty())
	tests := []struct {
		expr, want string // want is JSON
	}{
		{`{}`, `{}`},
		{`array{}`, `[]`},
		{`array()`, `[]`},
		{`{1, 2, "x", true}`, `[1,2,"x",true]`},
		{`{b = 1, a = {c = null}}`, `{"b":1,"a":{"c":null}}`},
		{`{a = nil, b = false}`, `{"b":false}`},
		{`1e15`, `1000000000000000`},
		{`{3.0, 0.5}`, `[3,0.5]`},
		{`null`, `null`},
		{`{null, 1}`, `[null,1]`},
	}
	for _, tc := range tests {
		if err := l.DoString("v = " + tc.expr); err != nil {
			t.Fatal(err)
		}
		if got := encode(t, l, l.GetGlobal("v")); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.expr, got, tc.want)
		}
	}
}

func TestToTreeNamesTheFault(t *testing.T) {
	l := newLibState(t, plenty())
	tests := []struct{ code, want string }{
		{`v = {roles = {"a", {id = print}}}`, `body.roles[2].id is a function, which JSON cannot say`},
		{`v = {roles = {1, nil, 3}}`, `body.roles[2] is nil, but the list goes on to [3]; write null for an empty place`},
		{`v = {roles = {1, x = 2}}`, `body.roles mixes list items with named fields (.x)`},
		{`v = {a = array{x = 1}}`, `body.a is an array and cannot have the key .x`},
		{`v = {}; v.me = {v}`, `body.me[1] contains itself`},
		{`v = {["a b"] = 0/0}`, `body["a b"] is nan, which JSON cannot say`},
		{`v = {x = 1/0}`, `body.x is inf, which JSON cannot say`},
		{`v = {[1.5] = 1}`, `body has a key that is neither text nor a list index ([1.5])`},
		{`v = {[true] = 1}`, `body has a key that is neither text nor a list index ([boolean])`},
		{`v = {[0] = 1}`, `body has a key that is neither text nor a list index ([0])`},
		{`v = {[200000000] = 1}`, `body[1] is nil, but the list goes on to [200000000]; write null for an empty place`},
		{`v = print`, `body is a function, which JSON cannot say`},
	}
	for _, tc := range tests {
		if err := l.DoString(tc.code); err != nil {
			t.Fatal(err)
		}
		_, err := toTree(l, l.GetGlobal("v"))
		fault, ok := err.(*treeError) //nolint:errorlint // toTree's contract is this very type
		if !ok || fault.in("body") != tc.want {
			t.Errorf("%s\n got  %v\n want %s", tc.code, err, tc.want)
		}
	}
	deep := `v = {} local t = v for i = 1, 101 do t.x = {} t = t.x end`
	if err := l.DoString(deep); err != nil {
		t.Fatal(err)
	}
	if _, err := toTree(l, l.GetGlobal("v")); err == nil || !strings.HasSuffix(err.Error(), "is nested deeper than 100 levels") {
		t.Errorf("depth 101: got %v", err)
	}
	// 2^60 values, were each counted as often as it is reached.
	wide := `v = 1 for i = 1, 60 do v = {v, v} end`
	if err := l.DoString(wide); err != nil {
		t.Fatal(err)
	}
	if _, err := toTree(l, l.GetGlobal("v")); err == nil || !strings.HasSuffix(err.Error(), "holds more than 5000000 values") {
		t.Errorf("shared tables: got %v", err)
	}
}

func TestFromTree(t *testing.T) {
	l := newLibState(t, plenty())
	o := engine.NewObject(8)
	o.Set("z", int64(1)<<60)
	o.Set("absent", nil)
	o.Set("null", engine.Null{})
	o.Set("secret", engine.Secret("hunter2"))
	o.Set("list", []any{nil, "x", float64(2), json.Number("12"), json.Number("12345678901234567890"), json.Number("1.5")})
	o.Set("raw", json.RawMessage(`{"a":[],"n":null}`))
	o.Set("names", []string{"b", "a"})
	o.Set("int", 7)
	v, err := fromTree(l, o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":1152921504606846976,"null":null,"secret":"hunter2","list":[null,"x",2,12,12345678901234567890,1.5],"raw":{"a":[]},"names":["b","a"],"int":7}`
	if diff := cmp.Diff(want, encode(t, l, v)); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []any{&engine.Iterator{}, engine.NewNamespace("x"), []any{&engine.Function{}}, struct{}{}, json.RawMessage(`{`), json.Number("1e999")} {
		if v, err := fromTree(l, bad); err == nil {
			t.Errorf("%T: got %v, want an error", bad, v)
		}
	}
}

func TestDecodeFaults(t *testing.T) {
	l := newLibState(t, plenty())
	tests := []struct{ text, want string }{
		{``, `invalid JSON at line 1, column 1: the text ends where a value should follow`},
		{`{"a":1,}`, `invalid JSON at line 1, column 8: a key in quotes expected`},
		{`{"a" 1}`, `invalid JSON at line 1, column 6: ':' expected`},
		{`{"a":1 "b":2}`, `invalid JSON at line 1, column 8: ',' or '}' expected`},
		{`[1,]`, `invalid JSON at line 1, column 4: a value expected`},
		{`[1 2]`, `invalid JSON at line 1, column 4: ',' or ']' expected`},
		{"{\n  \"a\": tru\n}", `invalid JSON at line 2, column 8: true expected`},
		{`[01]`, `invalid JSON at line 1, column 3: ',' or ']' expected`},
		{`-`, `invalid JSON at line 1, column 2: the text ends where a digit should follow`},
		{`1.`, `invalid JSON at line 1, column 3: the text ends where a digit should follow`},
		{`1e+`, `invalid JSON at line 1, column 4: the text ends where a digit should follow`},
		{`.5`, `invalid JSON at line 1, column 1: a value expected`},
		{`1e999`, `invalid JSON at line 1, column 1: the number is too large`},
		{`"abc`, `invalid JSON at line 1, column 5: the text ends inside a string`},
		{"\"a\nb\"", `invalid JSON at line 1, column 3: a control character inside a string`},
		{"\"\\n\nb\"", `invalid JSON at line 1, column 4: a control character inside a string`},
		{`"\x41"`, `invalid JSON at line 1, column 3: an escape that JSON knows expected`},
		{`"\u12g4"`, `invalid JSON at line 1, column 4: four hex digits expected`},
		{`1 2`, `invalid JSON at line 1, column 3: the text goes on after the value`},
		{`NaN`, `invalid JSON at line 1, column 1: a value expected`},
		{strings.Repeat("[", 201), `invalid JSON at line 1, column 202: nested deeper than 200 levels`},
		{`{"a":1`, `invalid JSON at line 1, column 7: the text ends where ',' or '}' should follow`},
		{"<html>", `invalid JSON at line 1, column 1: a value expected`},
	}
	for _, tc := range tests {
		_, err := fromJSON(l, []byte(tc.text))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%.30q\n got  %v\n want %s", tc.text, err, tc.want)
		}
	}
	if _, err := fromJSON(l, []byte(strings.Repeat("[", 200)+strings.Repeat("]", 200))); err != nil {
		t.Errorf("depth 200: %v", err)
	}
}

// FuzzJSONRoundTrip: no text makes the decoder panic, it takes what
// encoding/json takes (but for numbers out of range and depth), and what was
// written once is written the same again.
func FuzzJSONRoundTrip(f *testing.F) {
	for _, s := range []string{sampleUser, `{}`, `[]`, `[1,null,{"a":[]}]`, `"\ud83d\ude00"`, `-0`, `1e5`, `{"a":1,"a":null}`, `[`, `"\u12`, `0.1`, `9007199254740993`} {
		f.Add([]byte(s))
	}
	l := newLibState(f, plenty())
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := converterOf(l).decode(l, text, true)
		if err != nil {
			if json.Valid(text) && !strings.Contains(err.Error(), "too large") && !strings.Contains(err.Error(), "deeper") {
				t.Fatalf("valid JSON was refused: %v", err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatal("invalid JSON was taken")
		}
		tree, err := toTree(l, v)
		if err != nil {
			if strings.Contains(err.Error(), "deeper") {
				return
			}
			t.Fatal(err)
		}
		first, err := engine.FormatJSON(tree)
		if err != nil {
			t.Fatal(err)
		}
		if second := encode(t, l, decode(t, l, string(first), true)); second != string(first) {
			t.Fatalf("written first  %s\nwritten second %s", first, second)
		}
	})
}

func BenchmarkFromJSON(b *testing.B) {
	l := newLibState(b, plenty())
	text := []byte(sampleUser)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := fromJSON(l, text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToJSON(b *testing.B) {
	l := newLibState(b, plenty())
	v := decode(b, l, sampleUser, true)
	b.ReportAllocs()
	for b.Loop() {
		tree, err := toTree(l, v)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := engine.FormatJSON(tree); err != nil {
			b.Fatal(err)
		}
	}
}

// The machine asks no metamethod when only one side is a big integer; the
// error says what can be done.
func TestBigIntegersBesideNumbers(t *testing.T) {
	const advice = ": compare it with another big integer, or compare tonumber(x), which is rounded"
	g := &rig{globals: host(map[string]func(*engine.HostCall) (any, error){
		"json": func(c *engine.HostCall) (any, error) {
			text, _ := c.Args[0].(string)
			return json.RawMessage(text), nil
		},
	})}
	if err := g.play(t, `
		local v = json("9007199254740993")
		local w = json("9007199254740995")
		print(v < w, v <= w, v > w, v == json("9007199254740993"), v == 2^53)
		print(tonumber(v) > 2^53 - 1)
		local list = {w, v}
		table.sort(list)
		print(list[1] == v)
		print(pcall(function() return v > 2^53 end))
		print(pcall(function() return v <= 1 end))
		print(pcall(function() local n = 5 return n < v end))
		print(pcall(function() return v < "9" end))
		print(pcall(function() table.sort {v, 1} end))
		print(pcall(function() return null < 1 end))
		print(pcall(function() return v + 1 end))
		print(pcall(function() return -v end))
		print(pcall(function() return {} < 1 end))`); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"true\ttrue\tfalse\ttrue\tfalse", "true", "true",
		"false\tplaybook.lua:9: attempt to compare number with big integer" + advice,
		"false\tplaybook.lua:10: attempt to compare big integer with number" + advice,
		"false\tplaybook.lua:11: attempt to compare number with big integer" + advice,
		"false\tplaybook.lua:12: attempt to compare big integer with string" + advice,
		"false\tplaybook.lua:13: attempt to compare number with big integer" + advice,
		"false\tplaybook.lua:14: attempt to compare null with number",
		"false\tplaybook.lua:15: attempt to perform arithmetic on upvalue 'v' (a big integer value)",
		"false\tplaybook.lua:16: attempt to perform arithmetic on upvalue 'v' (a big integer value)",
		"false\tplaybook.lua:17: attempt to compare table with number",
	}
	if diff := cmp.Diff(want, g.printed); diff != "" {
		t.Error(diff)
	}
}
