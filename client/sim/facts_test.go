package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"a0run/client/sim"
)

// A seenFact is a row of testdata/facts: one thing that real tenants were seen to
// do, and a request that shows it. Each row has a tenant of its own, planted
// with testdata/facts/seed.yaml.
type seenFact struct {
	Says  string     `yaml:"says"`
	First []question `yaml:"first"` // what has to be asked before
	Then  question   `yaml:",inline"`
}

// A question is one request and what is wanted of its answer.
type question struct {
	// Ask is a verb and a path below the root of the Management API, or of the
	// tenant where it begins with two slashes; {{name.field.0}} in it, and
	// in a body, is taken from the answer that As has named.
	Ask  string `yaml:"ask"`
	Body any    `yaml:"body"`
	As   string `yaml:"as"`
	// Status wanted; 0 means any success.
	Status int `yaml:"status"`
	// Is must be in the answer: fields of objects, all elements of lists, equal
	// values; a text that begins with ~ is a pattern.
	Is any `yaml:"is"`
	// Text is the whole body; Lacks are fields that it must not have.
	Text   *string           `yaml:"text"`
	Lacks  []string          `yaml:"lacks"`
	Header map[string]string `yaml:"header"`
	// Form sends the body as a form, Parts and Users as an import does; Bearer is
	// another token than the desk's.
	Form   bool              `yaml:"form"`
	Parts  map[string]string `yaml:"parts"`
	Users  string            `yaml:"users"`
	Bearer string            `yaml:"bearer"`
}

// TestRecordedFacts asks for each fact that is known of real tenants' Management
// API: what the API's schemas do not say, and a program comes to rely on.
func TestRecordedFacts(t *testing.T) {
	seed, err := os.ReadFile("testdata/facts/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/facts/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if filepath.Base(file) == "seed.yaml" {
			continue
		}
		for _, f := range factsOf(t, file) {
			n++
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml")+"/"+f.Says, func(t *testing.T) {
				d := newDesk(t, sim.Options{Seed: seed, SeedName: "seed.yaml"})
				known := map[string]any{}
				for _, q := range append(f.First, f.Then) {
					d.expect(q, known)
				}
			})
		}
	}
	if n < 150 {
		t.Errorf("%d facts: a file of them is not read", n)
	}
}

// TestPython4Requests sends what each of the 225 methods of the Python SDK 4.13
// sends, in an order in which what it needs is there.
func TestPython4Requests(t *testing.T) {
	seed, err := os.ReadFile("testdata/facts/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seed = bytes.Replace(seed, []byte("connections:\n"), []byte("connections:\n  - {name: email, strategy: email}\n  - {name: sms, strategy: sms}\n"), 1)
	seed = bytes.Replace(seed, []byte("clients:\n"), []byte("clients:\n  - {client_id: phone, name: Phone, app_type: native, token_endpoint_auth_method: none}\n"), 1)
	names := map[string]bool{}
	for _, file := range []string{"management", "authentication"} {
		d := newDesk(t, sim.Options{Seed: seed})
		known := map[string]any{"own": map[string]any{"client_id": d.tenant.Credentials().ClientID, "client_secret": d.tenant.Credentials().ClientSecret}}
		for _, f := range factsOf(t, "testdata/python4/"+file+".yaml") {
			names[file+" "+f.Says] = true
			t.Run(f.Says, func(t *testing.T) {
				d.t = t
				d.expect(f.Then, known)
			})
		}
	}
	if len(names) != 225 {
		t.Errorf("%d methods are sent, the SDK has 225", len(names))
	}
}

func factsOf(t *testing.T, file string) []seenFact {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	dec := yaml.NewDecoder(text)
	dec.KnownFields(true)
	var out []seenFact
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return out
}

// expect asks one question and holds the answer against what is wanted.
func (d *desk) expect(q question, known map[string]any) {
	d.t.Helper()
	a := d.do(d.asked(q, known))
	if q.As != "" {
		known[q.As] = a.body
	}
	if q.Status != a.status && (q.Status != 0 || a.status >= 300) {
		d.t.Fatalf("%s: got %d, want %d: %s", q.Ask, a.status, q.Status, a.text)
	}
	if q.Text != nil && a.text != *q.Text {
		d.t.Errorf("%s: got %s, want %s", q.Ask, a.text, *q.Text)
	}
	for k, want := range q.Header {
		if got := a.header.Get(k); got != want {
			d.t.Errorf("%s: header %s is %q, want %q", q.Ask, k, got, want)
		}
	}
	if q.Is != nil {
		for _, m := range unlike("", plainJSON(d.t, q.Is), a.body) {
			d.t.Errorf("%s: %s\n%s", q.Ask, m, a.text)
		}
	}
	for _, path := range q.Lacks {
		if v, has := at(a.body, path); has {
			d.t.Errorf("%s: %s is there: %v", q.Ask, path, v)
		}
	}
}

// asked is a question as it goes out.
func (d *desk) asked(q question, known map[string]any) *http.Request {
	d.t.Helper()
	verb, path, _ := strings.Cut(fill(q.Ask, known), " ")
	token := fill(q.Bearer, known)
	if rest, root := strings.CutPrefix(path, "//"); root {
		path = "/" + rest
	} else {
		path, token = api+path, d.token
	}
	body, kind := q.content(d.t, known)
	r, err := http.NewRequestWithContext(d.t.Context(), verb, d.tenant.BaseURL()+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// content is the body of a question and its type.
func (q question) content(t *testing.T, known map[string]any) (body, kind string) {
	t.Helper()
	switch {
	case q.Parts != nil:
		var b strings.Builder
		w := multipart.NewWriter(&b)
		for name, value := range q.Parts {
			_ = w.WriteField(name, fill(value, known))
		}
		part, err := w.CreateFormFile("users", "users.json")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(q.Users))
		_ = w.Close()
		return b.String(), w.FormDataContentType()
	case q.Body == nil:
		return "", ""
	case q.Form:
		form := url.Values{}
		for k, v := range q.Body.(map[string]any) {
			form.Set(k, fill(fmt.Sprint(v), known))
		}
		return form.Encode(), "application/x-www-form-urlencoded"
	}
	text, err := json.Marshal(q.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fill(string(text), known), "application/json"
}

// fill puts values of earlier answers into a text.
func fill(text string, known map[string]any) string {
	return regexp.MustCompile(`\{\{[^}]+\}\}`).ReplaceAllStringFunc(text, func(s string) string {
		name, path, _ := strings.Cut(strings.Trim(s, "{}"), ".")
		v, has := at(known[name], path)
		if !has {
			return s
		}
		return fmt.Sprint(v)
	})
}

// at is the value at a path of field names and places.
func at(v any, path string) (any, bool) {
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, has := x[name]
			if !has {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func plainJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// unlike names the places where an answer is not what is wanted.
func unlike(where string, want, got any) []string {
	wrong := []string{fmt.Sprintf("%s is %v, want %v", where, got, want)}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return wrong
		}
		var out []string
		for k, v := range w {
			if _, has := g[k]; !has {
				out = append(out, where+"."+k+" is not there")
				continue
			}
			out = append(out, unlike(where+"."+k, v, g[k])...)
		}
		slices.Sort(out)
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return wrong
		}
		var out []string
		for i := range w {
			out = append(out, unlike(fmt.Sprintf("%s[%d]", where, i), w[i], g[i])...)
		}
		return out
	case string:
		pattern, is := strings.CutPrefix(w, "~")
		if s, ok := got.(string); is && ok && regexp.MustCompile("^(?:"+pattern+")$").MatchString(s) || !is && got == want {
			return nil
		}
		return wrong
	}
	if got != want {
		return wrong
	}
	return nil
}
