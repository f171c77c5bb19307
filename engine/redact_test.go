package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestRedactForms(t *testing.T) {
	t.Parallel()
	const secret = `p"a/s+s w<ö>rd&=%\1`
	quoted, _ := json.Marshal(secret)
	double, _ := json.Marshal(string(quoted))
	tests := map[string]string{
		"as it is":              secret,
		"in a query":            url.QueryEscape(secret),
		"in a path":             url.PathEscape(secret),
		"in a query, lower":     strings.NewReplacer("%2F", "%2f", "%2B", "%2b", "%3C", "%3c", "%3E", "%3e", "%3D", "%3d", "%5C", "%5c", "%C3%B6", "%c3%b6").Replace(url.QueryEscape(secret)),
		"in JSON":               string(quoted[1 : len(quoted)-1]),
		"in JSON in JSON":       string(double[3 : len(double)-3]),
		"with %q":               strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"base64":                base64.StdEncoding.EncodeToString([]byte(secret)),
		"hex":                   hex.EncodeToString([]byte(secret)),
		"hex, upper case":       strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"base64, unpadded":      base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs":       base64.URLEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs, open": base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
	r := NewRedactor()
	r.Add(secret)
	for name, form := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := `{"error":"` + form + `"} and ` + form + "."
			if got, want := r.Redact(text), `{"error":"[secret]"} and [secret].`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// A secret inside something longer that was encoded as a whole.
func TestRedactInsideBase64(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	r.Add("correct horse battery")
	for shift := range 4 {
		for tail := range 4 {
			long := strings.Repeat("x", shift) + "correct horse battery" + strings.Repeat("y", tail)
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				text := enc.EncodeToString([]byte(long))
				got := r.Redact(text)
				if !strings.Contains(got, "[secret]") {
					t.Errorf("%d bytes before, %d after: %s was not found", shift, tail, text)
				}
				if kept := len(strings.ReplaceAll(got, "[secret]", "")); kept > len(text)-24 {
					t.Errorf("%d before, %d after: only %d of %d characters are gone", shift, tail, len(text)-kept, len(text))
				}
			}
		}
	}
}

func TestRedactLines(t *testing.T) {
	t.Parallel()
	pem := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\r\n9w0BAQEFAASCBKcw+/ab\nab=\n-----END PRIVATE KEY-----\n"
	r := NewRedactor()
	r.Add(pem)
	got := r.Redact("key:\n" + pem + "json: " + strings.ReplaceAll(pem, "\n", `\n`))
	for _, line := range []string{"MIIEvQ", "9w0BAQ"} {
		if strings.Contains(got, line) {
			t.Errorf("%s is left in:\n%s", line, got)
		}
	}
	if !strings.Contains(got, "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("the armour is gone:\n%s", got)
	}
	if got := r.Redact(url.QueryEscape(pem)); got != mask {
		t.Errorf("the whole key, URL-encoded: %s", got)
	}
}

func TestRedactLimits(t *testing.T) {
	t.Parallel()
	var r Redactor
	if got := r.Redact("nothing known"); got != "nothing known" {
		t.Error(got)
	}
	r.Add("")
	r.Add("abc")
	if got := r.Redact("abc"); got != "abc" {
		t.Errorf("a secret of three bytes is looked for: %s", got)
	}
	r.Add("abcd")
	r.Add("cdefgh")
	if got, want := r.Redact("xabcdefghx abcd cdefgh"), "x[secret]x [secret] [secret]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	off := Redactor{Off: true}
	off.Add("abcd")
	if got := off.Redact("abcd"); got != "abcd" {
		t.Errorf("switched off: %s", got)
	}
	var none *Redactor
	if got := none.Redact("abcd"); got != "abcd" {
		t.Errorf("no redactor: %s", got)
	}
}

// What a redactor finds is what a search for every form finds.
func TestRedactModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab]{4,9}`)
		secrets := rapid.SliceOfN(word, 1, 8).Draw(t, "secrets")
		text := rapid.StringMatching(`[abc]{0,60}`).Draw(t, "text")
		r := NewRedactor()
		covered := make([]bool, len(text))
		for _, s := range secrets {
			r.Add(s)
			for i := range text {
				if strings.HasPrefix(text[i:], s) {
					for j := range s {
						covered[i+j] = true
					}
				}
			}
		}
		kept := ""
		for i := range text {
			if !covered[i] {
				kept += text[i : i+1]
			}
		}
		if got := strings.ReplaceAll(r.Redact(text), mask, ""); got != kept {
			t.Fatalf("%q: kept %q, want %q", text, got, kept)
		}
	})
}

// However a text is cut into writes, what comes out is the redacted text.
func TestRedactWriterModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := NewRedactor()
		for _, s := range rapid.SliceOfN(rapid.StringMatching(`[ab]{4,9}`), 0, 6).Draw(t, "secrets") {
			r.Add(s)
		}
		text := rapid.StringMatching("[abc\n]{0,80}").Draw(t, "text")
		var out bytes.Buffer
		w := r.Writer(&out)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "write")
			if got, err := io.WriteString(w, rest[:n]); got != n || err != nil {
				t.Fatal(got, err)
			}
			rest = rest[n:]
			if end := strings.LastIndexByte(text[:len(text)-len(rest)], '\n'); strings.Count(out.String(), "\n") != strings.Count(text[:end+1], "\n") {
				t.Fatalf("a whole line is held back: %q of %q", out.String(), text[:len(text)-len(rest)])
			}
		}
		if err := w.(Flusher).Flush(); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), r.Redact(text); strings.ReplaceAll(got, mask+mask, mask) != strings.ReplaceAll(want, mask+mask, mask) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestRedactWriterHoldsNothingElse(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	r.Add("hunter2hunter2")
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, step := range []struct{ write, seen string }{
		{"prompt: ", "prompt: "},
		{"hun", "prompt: "},
		{"t", "prompt: "},
		{"ing\n", "prompt: hunting\n"},
		{"hunter2", "prompt: hunting\n"},
		{"hunter2!", "prompt: hunting\n[secret]!"},
	} {
		if _, err := io.WriteString(w, step.write); err != nil {
			t.Fatal(err)
		}
		if out.String() != step.seen {
			t.Errorf("after %q: %q, want %q", step.write, out.String(), step.seen)
		}
	}
}

// Add and Redact may run at the same time, as they do when one task fetches a
// token while another reports.
func TestRedactorIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 200 {
				secret := fmt.Sprintf("token-%d-%d", i, n)
				r.Add(secret)
				if got := r.Redact("a " + secret); got != "a [secret]" {
					t.Errorf("got %s", got)
					return
				}
			}
		})
	}
	group.Wait()
}

// Thousands of tokens with the same beginning.
func BenchmarkRedact(b *testing.B) {
	r := NewRedactor()
	for i := range 5000 {
		r.Add(fmt.Sprintf("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2V4YW1wbGUifQ.%d%s", i, strings.Repeat("s", 300)))
	}
	text := strings.Repeat(`{"event":"call_finished","operation":"users.update","token":"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.x"}`+"\n", 10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Redact(text)
	}
}

// TestRedactEchoedBody: a body that comes back in base64 holds its secrets in
// their JSON form.
func TestRedactEchoedBody(t *testing.T) {
	t.Parallel()
	const secret = `PW-"quoted\and<more>`
	r := NewRedactor()
	r.Add(secret)
	for _, pad := range []string{"", "x", "xx"} {
		body, err := json.Marshal(map[string]string{"a" + pad: pad, "password": secret})
		if err != nil {
			t.Fatal(err)
		}
		text := r.Redact(base64.StdEncoding.EncodeToString(body))
		if !strings.Contains(text, mask) {
			t.Errorf("%s stays readable in %s", secret, text)
		}
	}
}
