package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
)

// TestParity walks the catalogue: every operation can be called from Lua, from
// YAML and from Go, and the same arguments make the same request at the local
// tenant, which answers it.
func TestParity(t *testing.T) {
	t.Parallel()
	ops := catalog.Default().All()
	want := map[string]string{} // what Go sends
	for _, op := range ops {
		want[op.ID] = goRequest(t, op)
	}
	luaGot := map[string]string{}
	yamlGot := map[string]string{}
	for _, op := range ops {
		luaGot[op.ID] = playbookRequest(t, "parity.lua", luaCall(op))
		yamlGot[op.ID] = playbookRequest(t, "parity.yaml", yamlCall(op))
	}
	if diff := cmp.Diff(want, luaGot); diff != "" {
		t.Errorf("Lua sends other requests than Go (-Go +Lua)\n%s", diff)
	}
	if diff := cmp.Diff(want, yamlGot); diff != "" {
		t.Errorf("YAML sends other requests than Go (-Go +YAML)\n%s", diff)
	}
}

// sample is a value of an argument's type; bodies are nonsense, which only
// validate: off lets through.
func sample(a catalog.Arg) any {
	if len(a.Enum) > 0 {
		return a.Enum[0]
	}
	switch a.Type {
	case catalog.Integer, catalog.Number:
		return 7
	case catalog.Boolean:
		return true
	case catalog.Object:
		return map[string]any{"k": "v"}
	case catalog.Array:
		return []any{map[string]any{"k": "v"}}
	case catalog.Strings:
		return []any{"a", "b"}
	case catalog.Any, catalog.File:
		return map[string]any{"k": "v"}
	case catalog.String:
	}
	if a.In == catalog.InPath {
		return "x|1"
	}
	return "text"
}

// arguments are all required ones, and one that is not.
func arguments(op *catalog.Operation) []catalog.Arg {
	var args []catalog.Arg
	optional := 0
	for _, a := range op.Args {
		switch {
		case a.Required:
			args = append(args, a)
		case a.In == catalog.InQuery && optional == 0 && a.Name != "page" && a.Type == catalog.String:
			optional++
			args = append(args, a)
		}
	}
	// With a page asked for, a listing is one request.
	for _, name := range []string{"per_page", "take"} {
		if a, ok := op.Arg(name); ok && op.IsListing() {
			return append(args, *a)
		}
	}
	return args
}

func playable(op *catalog.Operation) bool {
	return !slices.ContainsFunc(op.Args, func(a catalog.Arg) bool { return a.Type == catalog.File })
}

// line is a request as it is compared.
func line(requests []sim.Request, op *catalog.Operation) string {
	var lines []string
	for _, r := range requests {
		if r.Path == "/oauth/token" && op.Path != "/oauth/token" {
			continue
		}
		body := string(r.Body)
		if i := strings.Index(body, "client_secret"); i >= 0 {
			body = body[:i]
		}
		lines = append(lines, fmt.Sprintf("%s %s?%s %s", r.Method, r.RawPath, r.Query, body))
	}
	return strings.Join(lines, "\n")
}

func goRequest(t *testing.T, op *catalog.Operation) string {
	t.Helper()
	if !playable(op) {
		return ""
	}
	d := newDesk(t, sim.Options{}, engine.Config{})
	args := client.Args{}
	for _, a := range arguments(op) {
		args[a.Name] = sample(a)
	}
	_, err := d.client.Do(t.Context(), op.ID, args)
	got := line(d.tenant.Requests(), op)
	if got == "" && op.Answer != catalog.RedirectAnswer {
		t.Errorf("%s: Go sent nothing: %v", op.ID, err)
	}
	for _, r := range d.tenant.Requests() {
		if r.Operation == "" || r.Status >= 500 {
			t.Errorf("%s: the local tenant answers %s %s with %d (%s)", op.ID, r.Method, r.Path, r.Status, r.Operation)
		}
	}
	return got
}

func playbookRequest(t *testing.T, name, text string) string {
	t.Helper()
	if text == "" {
		return ""
	}
	op, text, _ := strings.Cut(text, "\n")
	d := newDesk(t, sim.Options{}, engine.Config{})
	if err := d.play(t.Context(), name, text); err != nil {
		t.Errorf("%s: %v\n%s", op, err, text)
	}
	entry, _ := catalog.Default().Lookup(op)
	return line(d.tenant.Requests(), entry)
}

// luaCall is a playbook that makes the call: required arguments by position,
// the rest by name. Its first line is the operation's ID.
func luaCall(op *catalog.Operation) string {
	if !playable(op) {
		return ""
	}
	positional := map[string]bool{}
	var places, named []string
	for _, a := range op.Positional() {
		positional[a.Name] = true
		places = append(places, luaValue(sample(a)))
	}
	for _, a := range arguments(op) {
		if !positional[a.Name] {
			named = append(named, fmt.Sprintf("[%q] = %s", a.Name, luaValue(sample(a))))
		}
	}
	if len(named) > 0 {
		places = append(places, "{"+strings.Join(named, ", ")+"}")
	}
	return fmt.Sprintf("%s\nplaybook{validate = \"off\"}\npcall(function() return %s(%s) end)", op.ID, fullName(op), strings.Join(places, ", "))
}

func luaValue(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "nil"
	}
	switch v.(type) {
	case string, int, bool:
		return string(text)
	}
	return fmt.Sprintf("json.decode(%q)", text)
}

func yamlCall(op *catalog.Operation) string {
	if !playable(op) {
		return ""
	}
	args := map[string]any{}
	for _, a := range arguments(op) {
		args[a.Name] = sample(a)
	}
	text, err := json.Marshal(args)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s\nvalidate: off\nsteps:\n  - %s: %s\n    rescue:\n      - log.info: refused\n", op.ID, fullName(op), text)
}
