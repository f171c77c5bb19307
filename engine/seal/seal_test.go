package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func box(tb testing.TB, seed byte) *Box {
	tb.Helper()
	b, err := New(bytes.Repeat([]byte{seed}, KeySize))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// canary says yes to what holds a secret.
func canary(s string) bool { return strings.Contains(s, "s3cret") }

// anywhere is canary for a whole text.
func anywhere(text []byte) bool { return canary(string(text)) }

func TestText(t *testing.T) {
	t.Parallel()
	b := box(t, 1)
	for _, test := range []struct{ text, want string }{
		{`{"password": "s3cret", "n": 1e2,"x":[ ]}`, `{"password": #, "n": 1e2,"x":[ ]}`},
		{`{"s3cret key": {"a": ["x s3cret y", "fine"]}}`, `{#: {"a": [#, "fine"]}}`},
		{`"s3cret"`, `#`},
		{`"s3c\u0072et"`, `#`},
		{`["a\"s3cret\\"]`, `[#]`},
		{`["\\", "s3cret"]`, `["\\", #]`},
		{`"a0run:sealed:v1:AAAA"`, `#`},
		{`"\u00610run:sealed:v1:AAAA"`, `#`},
		{`no JSON, but s3cret`, `#`},
		{`no JSON "s3cret`, `#`},
		{`no JSON at all`, `no JSON at all`},
		{`{"a":"fine \u00e9 ü"}`, `{"a":"fine \u00e9 ü"}`},
		{``, ``},
		{`17`, `17`},
	} {
		sealed := b.Text(json.RawMessage(test.text), canary, nil)
		if got := hide(string(sealed)); got != test.want {
			t.Errorf("%s is sealed as %s, want %s", test.text, got, test.want)
		}
		if strings.Contains(string(sealed), "s3c") {
			t.Errorf("%s: the secret is readable in %s", test.text, sealed)
		}
		opened, err := b.Open(sealed)
		if err != nil || string(opened) != test.text {
			t.Errorf("%s is opened as %s, %v", test.text, opened, err)
		}
	}
}

// hide writes sealed strings as #.
func hide(text string) string {
	for {
		i := strings.Index(text, opening)
		if i < 0 {
			return text
		}
		text = text[:i] + "#" + text[end([]byte(text), i):]
	}
}

func TestNothingToSealCopiesNothing(t *testing.T) {
	t.Parallel()
	b := box(t, 1)
	text := json.RawMessage(`{"a": ["fine", "é\n"], "b": 1}`)
	for name, got := range map[string]json.RawMessage{
		"a walk":  b.Text(text, canary, nil),
		"a check": b.Text(text, canary, anywhere),
	} {
		if &got[0] != &text[0] {
			t.Error(name + " copied the text")
		}
	}
	plain := json.RawMessage(`{"a": "fine"}`)
	b.Text(plain, func(string) bool {
		t.Error("a string was looked at, though the whole text holds no secret")
		return false
	}, func([]byte) bool { return false })
	if got, err := b.Open(text); err != nil || &got[0] != &text[0] {
		t.Errorf("opening copied the text: %v", err)
	}
	// Escapes can hide a secret from the check of the whole.
	escaped := json.RawMessage(`"s3c\u0072et"`)
	if got := b.Text(escaped, canary, anywhere); bytes.Equal(got, escaped) {
		t.Error("an escaped secret was not sealed")
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	b := box(t, 1)
	for _, text := range []string{`{"a": 1}`, `no JSON`, `"a0run:sealed:v1:x"`, ``} {
		sealed := b.All(json.RawMessage(text))
		if text != "" && (hide(string(sealed)) != "#" || !Sealed(sealed)) {
			t.Errorf("%s is sealed as %s", text, sealed)
		}
		if opened, err := b.Open(sealed); err != nil || string(opened) != text {
			t.Errorf("%s is opened as %s, %v", text, opened, err)
		}
	}
}

// TestExact tries that opening gives the very bytes that were sealed, whatever
// was sealed before, and that sealing keeps everything else.
func TestExact(t *testing.T) {
	t.Parallel()
	b := box(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		text := jsonText(3).Draw(t, "text")
		secret := func(s string) bool { return strings.Contains(s, "s3cret") || strings.Contains(s, "é") }
		sealed := b.Text(json.RawMessage(text), secret, nil)
		if !json.Valid(sealed) {
			t.Fatalf("%s is no JSON", sealed)
		}
		if strings.Contains(string(sealed), "s3cret") {
			t.Fatalf("a secret is readable in %s", sealed)
		}
		if again := b.Text(json.RawMessage(text), secret, func(text []byte) bool { return secret(string(text)) }); hide(string(again)) != hide(string(sealed)) {
			t.Fatalf("the check of the whole text changes the answer:\n%s\n%s", again, sealed)
		}
		for _, twice := range []json.RawMessage{b.Text(sealed, secret, nil), b.All(sealed)} {
			if once, err := b.Open(twice); err != nil || string(once) != string(sealed) {
				t.Fatalf("%s is opened as %s, %v", twice, once, err)
			}
		}
		if opened, err := b.Open(sealed); err != nil || string(opened) != text {
			t.Fatalf("%s is opened as %s, %v", text, opened, err)
		}
	})
}

// jsonText writes JSON with odd spaces, numbers and escapes.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
		kind := rapid.IntRange(0, 6).Draw(t, "kind")
		if depth == 0 {
			kind = min(kind, 4)
		}
		switch kind {
		case 0:
			return rapid.SampledFrom([]string{"1", "-0", "1e2", "12345678901234567890", "0.10", "true", "null"}).Draw(t, "literal") + space
		case 5:
			return "[" + space + strings.Join(rapid.SliceOfN(jsonText(depth-1), 0, 3).Draw(t, "array"), ","+space) + "]"
		case 6:
			var fields []string
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				fields = append(fields, jsonString().Draw(t, "key")+space+":"+jsonText(depth-1).Draw(t, "value"))
			}
			return space + "{" + strings.Join(fields, ",") + "}"
		}
		return space + jsonString().Draw(t, "string")
	})
}

func jsonString() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"a", "s3cret", `\"`, `\\`, `\u0073`, `\u00e9`, "é", "/", `\/`, Prefix, "AAAA", "{", "[", ",", ":", " ", `\ud800`})
	return rapid.Map(rapid.SliceOfN(piece, 0, 5), func(pieces []string) string { return `"` + strings.Join(pieces, "") + `"` })
}

func TestTampered(t *testing.T) {
	t.Parallel()
	b := box(t, 1)
	sealed := b.Text(json.RawMessage(`{"a":"s3cret"}`), canary, nil)
	if _, err := box(t, 2).Open(sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	at := len(`{"a":`) + len(opening)
	for i := at; i < len(sealed)-2; i++ {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if got, err := b.Open(changed); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d changed: %s, %v", i, got, err)
		}
	}
	for _, short := range []string{"", "A", "AAAA", "not base64!"} {
		if _, err := b.Open(json.RawMessage(opening + short + `"`)); !errors.Is(err, ErrSealed) {
			t.Errorf("%q: %v", short, err)
		}
	}
	if one, two := b.All(json.RawMessage("1")), b.All(json.RawMessage("1")); bytes.Equal(one, two) {
		t.Error("the same text is sealed the same way twice")
	}
}

func TestDerivedKeys(t *testing.T) {
	t.Parallel()
	one, same, other := box(t, 1), box(t, 1), box(t, 2)
	if !bytes.Equal(one.MAC(), same.MAC()) || bytes.Equal(one.MAC(), other.MAC()) || len(one.MAC()) != KeySize ||
		bytes.Equal(one.MAC(), bytes.Repeat([]byte{1}, KeySize)) {
		t.Error("the key of HMACs is not derived")
	}
	// The values that journals hold depend on it: it must never change.
	if got := one.Check(); got != "vMosvIxBEKo9rso1" {
		t.Errorf("the check value of a known key is %s", got)
	}
	if err := errors.Join(same.Verify(one.Check(), "j", "k"), one.Verify("", "j", "k")); err != nil {
		t.Error(err)
	}
	err := other.Verify(one.Check(), "/x/journal.db", "/x/key")
	var wrong *WrongKeyError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "/x/journal.db") || !strings.Contains(err.Error(), "/x/key") || wrong.Hint() == "" {
		t.Errorf("another key: %v", err)
	}
	if _, err := New(make([]byte, 16)); err == nil {
		t.Error("a short key makes a box")
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "journal.key")
	s := Source{File: path}
	_, err := s.Open(false)
	keyError(t, err, path, "is missing", "copy the key file")
	made := make([]*Box, 8)
	var group sync.WaitGroup
	for i := range made {
		group.Go(func() {
			b, err := s.Open(true)
			if err != nil {
				t.Error(err)
			}
			made[i] = b
		})
	}
	group.Wait()
	for _, b := range made {
		if b.Check() != made[0].Check() {
			t.Fatal("two processes made two keys")
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "# ") || strings.Count(string(text), "\n") != 2 {
		t.Errorf("the file is %q, %v", text, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
	b, err := Source{Text: string(text), Name: "A0RUN_KEY"}.Open(false)
	if err != nil || b.Check() != made[0].Check() {
		t.Errorf("the file's text in the environment: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err = s.Open(true)
		keyError(t, err, path, fmt.Sprintf("mode %04o", mode), "chmod 600 "+path)
	}
}

func keyError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var k *KeyError
	if !errors.As(err, &k) {
		t.Fatalf("%v, want a *KeyError", err)
	}
	for _, part := range parts {
		if !strings.Contains(k.Error()+" "+k.Hint(), part) {
			t.Errorf("%q (%q) does not say %q", k, k.Hint(), part)
		}
	}
}

func TestKeyTexts(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xff}, KeySize/2)
	for name, text := range map[string]string{
		"padded":  base64.StdEncoding.EncodeToString(key) + "\r\n",
		"raw":     base64.RawStdEncoding.EncodeToString(key),
		"for URL": " " + base64.URLEncoding.EncodeToString(key),
	} {
		if b, err := (Source{Text: text, Name: "A0RUN_KEY"}).Open(true); err != nil || b.Check() == box(t, 1).Check() {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string]string{
		"":                   "is empty",
		"# only a comment\n": "is empty",
		"s3cret is no key":   "is not base64",
		base64.StdEncoding.EncodeToString([]byte("s3cret")): "has 6 bytes instead of 32",
	} {
		_, err := Source{Text: text, Name: "A0RUN_KEY"}.Open(true)
		keyError(t, err, "A0RUN_KEY", want)
		if text != "" && strings.Contains(fmt.Sprintf("%+v %#v", err, err), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	s := Source{Text: "s3cret", Name: "A0RUN_KEY"}
	if shown := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(shown, "s3cret") {
		t.Errorf("the source shows the key: %s", shown)
	}
}

func FuzzOpen(f *testing.F) {
	b := box(f, 1)
	for _, seed := range []string{`{"a":"s3cret"}`, opening + `AAAA"`, `"\`, `"`, `{`, `"a0run:sealed:v1:`, `["\u0073","s3cret\\"]`} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(b.All(json.RawMessage(`"x"`))))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = b.Open(text) // never panics, whatever the file holds
		secret := func(s string) bool { return len(s)%3 == 1 }
		sealed := b.Text(text, secret, nil)
		opened, err := b.Open(sealed)
		if err != nil || !bytes.Equal(opened, text) {
			t.Fatalf("%q is sealed as %q and opened as %q, %v", text, sealed, opened, err)
		}
	})
}

func BenchmarkText(b *testing.B) {
	sealer := box(b, 1)
	text := json.RawMessage(`{"user_id":"auth0|1","email":"a@example.com",` + strings.Repeat(`"field":"some value",`, 40) + `"password":"s3cret"}`)
	for name, secret := range map[string]func(string) bool{"one": canary, "none": func(string) bool { return false }} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for range b.N {
				sealer.Text(text, secret, nil)
			}
		})
	}
}

func TestSealed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "v": false, `"v"`: false, opening: true, `{"a":` + opening + `x"}`: true, "vvvv" + opening + "vv": true,
		opening[:len(opening)-1]: false, opening[1:]: false, `"A0run:sealed:v1:"`: false, `"a0run:sealed:v2:v1:"`: false,
	} {
		if got := Sealed(json.RawMessage(text)); got != want {
			t.Errorf("Sealed(%s) = %v", text, got)
		}
	}
}
