package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
)

// A pythonMethod is one line of testdata/python4.txt.
type pythonMethod struct {
	name       string
	args       []pythonArg
	sent, ours string
	why        string
}

type pythonArg struct {
	name, typ, only string
	required        bool
}

func pythonMethods(t *testing.T) []pythonMethod {
	t.Helper()
	text, err := os.ReadFile("testdata/python4.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []pythonMethod
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := append(strings.Split(strings.TrimRight(line, "\n"), "\t"), "", "", "", "")
		m := pythonMethod{name: columns[0], sent: columns[2], ours: columns[3], why: columns[4]}
		for _, word := range strings.Fields(columns[1]) {
			a := pythonArg{typ: "text"}
			word, a.only, _ = strings.Cut(word, "=")
			if name, typ, typed := strings.Cut(word, ":"); typed {
				word, a.typ = name, typ
			}
			a.name, a.required = strings.CutSuffix(word, "!")
			m.args = append(m.args, a)
		}
		out = append(out, m)
	}
	return out
}

// value is what the test gives for an argument: one of the catalogue's list
// where it has one.
func (a pythonArg) value(op *catalog.Operation) any {
	if arg, ok := op.Arg(a.name); ok && len(arg.Enum) > 0 {
		return arg.Enum[len(arg.Enum)-1]
	}
	switch {
	case a.only != "":
		return a.only
	case a.typ == "int":
		return 7
	case a.typ == "bool":
		return true
	case a.typ == "list":
		return []any{"a-" + a.name, "b"}
	case a.typ == "object":
		return map[string]any{"k": a.name}
	case a.typ == "objects":
		return []any{map[string]any{"k": a.name}}
	}
	return a.name + "|1 ü&"
}

// A wire is a request in the form in which it is compared.
type wire struct {
	Line  string
	Query map[string]string
	Kind  string // of the body
	Body  any
}

// expected is what the table says, with the test's values in it.
func (m pythonMethod) expected(t *testing.T, request string, values map[string]any, own map[string]string) wire {
	t.Helper()
	verb, rest, _ := strings.Cut(request, " ")
	path, rest, _ := strings.Cut(rest, " ")
	of := func(name string) any {
		if constant, quoted := strings.CutPrefix(name, "'"); quoted {
			return strings.TrimSuffix(constant, "'")
		}
		if v, isOwn := own[name]; isOwn {
			return v
		}
		v, ok := values[name]
		if !ok {
			t.Errorf("%s: the table has no argument %s", m.name, name)
		}
		return v
	}
	w := wire{Query: map[string]string{}}
	for before, after, found := strings.Cut(path, "{"); found; before, after, found = strings.Cut(path, "{") {
		name, tail, _ := strings.Cut(after, "}")
		path = before + url.PathEscape(fmt.Sprint(of(name))) + tail
	}
	w.Line = verb + " " + path
	if query, ok := strings.CutPrefix(rest, "?"); ok {
		query, rest, _ = strings.Cut(query, " ")
		for _, pair := range strings.Split(query, "&") {
			name, from, renamed := strings.Cut(pair, "=")
			if !renamed {
				from = name
			}
			w.Query[name] = plainText(of(from))
		}
	}
	kind, inner, _ := strings.Cut(strings.TrimSuffix(rest, "}"), "{")
	if w.Kind = kind; kind == "body" {
		w.Kind, w.Body = "json", of("body")
	} else if kind != "" {
		body := map[string]any{}
		for _, pair := range strings.Fields(inner) {
			name, from, renamed := strings.Cut(pair, "=")
			if !renamed {
				from = name
			}
			if body[name] = of(from); kind != "json" {
				body[name] = plainText(body[name])
			}
		}
		w.Body = body
	}
	return w
}

// plainText is a value in a query or a form.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if _, texts := v[0].(string); texts {
			var list []string
			for _, one := range v {
				list = append(list, one.(string))
			}
			return strings.Join(list, ",")
		}
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// seen is what reached the tenant.
func seen(t *testing.T, r sim.Request) wire {
	t.Helper()
	w := wire{Line: r.Method + " " + r.RawPath, Query: map[string]string{}}
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		t.Error(err)
	}
	for name := range query {
		w.Query[name] = strings.Join(query[name], ",")
	}
	if len(r.Body) == 0 {
		return w
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t.Error(err)
	}
	switch kind {
	case "application/json":
		w.Kind = "json"
		if err := json.Unmarshal(r.Body, &w.Body); err != nil {
			t.Error(err)
		}
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(r.Body))
		if err != nil {
			t.Error(err)
		}
		w.Kind = "form"
		w.Body = flat(form)
	case "multipart/form-data":
		w.Kind = "multipart"
		w.Body = parts(t, r, params["boundary"])
	}
	return w
}

func flat(form url.Values) map[string]any {
	out := map[string]any{}
	for name, list := range form {
		out[name] = strings.Join(list, ",")
	}
	return out
}

func parts(t *testing.T, r sim.Request, boundary string) map[string]any {
	t.Helper()
	out := map[string]any{}
	reader := multipart.NewReader(strings.NewReader(string(r.Body)), boundary)
	for {
		p, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		out[p.FormName()] = string(text)
	}
}

// TestPython4 calls every method of the Python SDK 4.13 from Lua by its name:
// the required arguments by position in Python's order, all others by their
// Python names. The request must be the one that the table says.
func TestPython4(t *testing.T) {
	t.Parallel()
	methods := pythonMethods(t)
	if len(methods) != 225 {
		t.Errorf("the table has %d methods, the SDK 225", len(methods))
	}
	if !slices.IsSortedFunc(methods, func(a, b pythonMethod) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the table is not sorted by name")
	}
	for _, m := range methods {
		if (m.ours != "") && m.why == "" {
			t.Errorf("%s differs without a reason", m.name)
		}
		d := newDesk(t, sim.Options{}, engine.Config{})
		op, ok := catalog.Default().Lookup(strings.TrimPrefix(m.name, "auth0."))
		if !ok {
			t.Errorf("there is no %s", m.name)
			continue
		}
		values := map[string]any{}
		var places, named []string
		for _, a := range m.args {
			values[a.name] = a.value(op)
			if a.required {
				places = append(places, luaLiteral(values[a.name]))
			} else {
				named = append(named, fmt.Sprintf("[%q] = %s", a.name, luaLiteral(values[a.name])))
			}
		}
		if len(named) > 0 {
			places = append(places, "{"+strings.Join(named, ", ")+"}")
		}
		text := fmt.Sprintf("playbook { validate = %q }\nlocal ok, e = pcall(%s, %s)\nif not ok and not e.status_code then error(e) end", "off", m.name, strings.Join(places, ", "))
		text = strings.Replace(text, ", )", ")", 1)
		if err := d.play(t.Context(), "python.lua", text); err != nil {
			t.Errorf("%s: %v\n%s", m.name, err, text)
			continue
		}
		request := m.sent
		if m.ours != "" {
			request = m.ours
		}
		own := map[string]string{"$client_id": d.tenant.Credentials().ClientID, "$client_secret": d.tenant.Credentials().ClientSecret}
		want := m.expected(t, request, values, own)
		var got []wire
		for _, r := range d.tenant.Requests() {
			if r.Path != "/oauth/token" || op.Path == "/oauth/token" {
				got = append(got, seen(t, r))
			}
		}
		if diff := cmp.Diff([]wire{want}, got, cmp.Transformer("numbers", func(i int) float64 { return float64(i) })); diff != "" {
			t.Errorf("%s sends another request (-table +wire)\n%s", m.name, diff)
		}
		checkHeaders(t, m, d.tenant.Requests(), values)
	}
}

// luaLiteral is luaValue with texts as Lua reads them (JSON's \u0026 is none).
func luaLiteral(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return luaValue(v)
}

// checkHeaders looks at the two arguments that travel in a header.
func checkHeaders(t *testing.T, m pythonMethod, requests []sim.Request, values map[string]any) {
	t.Helper()
	want := http.Header{}
	switch m.name {
	case "authentication.users.userinfo":
		want.Set("Authorization", "Bearer "+fmt.Sprint(values["access_token"]))
	case "get_token.login":
		want.Set("auth0-forwarded-for", fmt.Sprint(values["forwarded_for"]))
	}
	for name := range want {
		if got := requests[len(requests)-1].Header.Get(name); got != want.Get(name) {
			t.Errorf("%s: %s is %q, want %q", m.name, name, got, want.Get(name))
		}
	}
}
