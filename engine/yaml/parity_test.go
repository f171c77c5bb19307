package yaml

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"a0run/engine"
	"a0run/engine/lua"
)

// A program is one piece of a program that is written out in both languages.
type program struct {
	yaml, lua string // lines, each with its end, not indented
}

func indent(s string, by int) string {
	if s == "" {
		return ""
	}
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n"+pad) + "\n"
}

// A writer draws random programs. Calls have ids of their own, so that those
// that shall fail can be named.
type writer struct {
	rt   *rapid.T
	next int
	fail []string
}

func (w *writer) id() string {
	w.next++
	return fmt.Sprintf("c%d", w.next)
}

// steps draws a list of steps.
func (w *writer) steps(depth int, inItem bool) program {
	var out program
	for range rapid.IntRange(1, 3).Draw(w.rt, "steps") {
		p := w.step(depth, inItem)
		out.yaml += p.yaml
		out.lua += p.lua
	}
	return out
}

func (w *writer) step(depth int, inItem bool) program {
	kinds := 3
	if depth > 0 {
		kinds = 9
	}
	switch rapid.IntRange(0, kinds-1).Draw(w.rt, "kind") {
	default:
		return w.call(inItem)
	case 1:
		id := w.id()
		return program{
			fmt.Sprintf("- id: %s\n  auth0.users.get: %s\n- auth0.users.update: {id: \"${{ steps.%s.result.user_id }}\", body: {n: \"${{ steps.%s.result.n + 1 }}\", s: \"<${{ steps.%s.result.name }}>\"}}\n", id, id, id, id, id),
			fmt.Sprintf("local %s = auth0.users.get(%q)\nauth0.users.update(%s.user_id, {n = %s.n + 1, s = \"<\" .. %s.name .. \">\"})\n", id, id, id, id, id),
		}
	case 3, 4:
		return w.each(depth)
	case 5:
		return w.parallel(depth, inItem)
	case 6:
		body := w.steps(depth-1, inItem)
		yes := rapid.Bool().Draw(w.rt, "yes")
		return program{
			fmt.Sprintf("- when: ${{ %v }}\n  block:\n%s", yes, indent(body.yaml, 4)),
			fmt.Sprintf("if %v then\n%send\n", yes, indent(body.lua, 2)),
		}
	case 7:
		return w.rescue(depth, inItem)
	case 8:
		id := w.id()
		w.fail = append(w.fail, id)
		return program{
			fmt.Sprintf("- {retry: 1, auth0.users.get: %s}\n", id),
			fmt.Sprintf("step(%q, {retry = 1}, function() auth0.users.get(%q) end)\n", id, id),
		}
	}
}

func (w *writer) call(inItem bool) program {
	id := w.id()
	if inItem {
		return program{
			fmt.Sprintf("- auth0.users.get: %s-${{ index }}\n", id),
			fmt.Sprintf("auth0.users.get(%q .. index)\n", id+"-"),
		}
	}
	return program{fmt.Sprintf("- auth0.users.get: %s\n", id), fmt.Sprintf("auth0.users.get(%q)\n", id)}
}

func (w *writer) each(depth int) program {
	body := w.steps(depth-1, true)
	source := rapid.SampledFrom([][2]string{
		{"[a, b, a, 7, 1.5]", `{"a", "b", "a", 7, 1.5}`},
		{"[{user_id: x, n: 1}, {n: 2}, {id: 5}]", `{{user_id = "x", n = 1}, {n = 2}, {id = 5}}`},
		{"{auth0.users.each: {}}", "auth0.users.each()"},
		{"{auth0.users.all: {}}", "auth0.users.all()"},
		{"${{ {\"p/q\", \"p%q\"} }}", `{"p/q", "p%q"}`},
	}).Draw(w.rt, "source")
	yamlOptions, luaOptions := "", ""
	if rapid.Bool().Draw(w.rt, "key") {
		yamlOptions += "  key: k${{ index }}\n"
		luaOptions += `key = function(item, index) return "k" .. index end, `
	}
	if rapid.Bool().Draw(w.rt, "one") {
		yamlOptions += "  concurrency: 1\n"
		luaOptions += "concurrency = 1, "
	}
	return program{
		fmt.Sprintf("- for_each: %s\n%s  block:\n%s", source[0], yamlOptions, indent(body.yaml, 4)),
		fmt.Sprintf("parallel.each(%s, {%s}, function(item, index)\n%send)\n", source[1], luaOptions, indent(body.lua, 2)),
	}
}

func (w *writer) parallel(depth int, inItem bool) program {
	var yaml, code strings.Builder
	for i := range rapid.IntRange(1, 3).Draw(w.rt, "branches") {
		body := w.steps(depth-1, inItem)
		fmt.Fprintf(&yaml, "    b%d:\n%s", i, indent(body.yaml, 6))
		fmt.Fprintf(&code, "  b%d = function()\n%s  end,\n", i, indent(body.lua, 4))
	}
	return program{"- parallel:\n" + yaml.String(), "parallel.run{\n" + code.String() + "}\n"}
}

func (w *writer) rescue(depth int, inItem bool) program {
	before, after := w.call(inItem), w.call(inItem)
	body := w.steps(depth-1, inItem)
	id := w.id()
	w.fail = append(w.fail, id)
	return program{
		fmt.Sprintf("- block:\n%s    - auth0.users.get: %s\n%s  rescue:\n%s    - auth0.users.get: got ${{ error.error_code }}\n",
			indent(before.yaml, 4), id, indent(after.yaml, 4), indent(body.yaml, 4)),
		fmt.Sprintf("local ok, err = pcall(function()\n%s  auth0.users.get(%q)\n%send)\nif not ok then\n%s  auth0.users.get(\"got \" .. err.error_code)\nend\n",
			indent(before.lua, 2), id, indent(after.lua, 2), indent(body.lua, 2)),
	}
}

// TestParity writes random programs in both languages: they make the same
// calls in the same tree of tasks, and the steps of each task in the same
// order.
func TestParity(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &writer{rt: rt}
		p := w.steps(3, false)
		yamlText := "steps:\n" + indent(p.yaml, 2)
		fromYAML, errYAML := callsOf(t, w.fail, func(t *testing.T, f *fake) error {
			t.Helper()
			_, err := f.run(t, nil, yamlText)
			return err
		})
		fromLua, errLua := callsOf(t, w.fail, func(t *testing.T, f *fake) error {
			t.Helper()
			return f.runLua(t, p.lua)
		})
		if (errYAML == nil) != (errLua == nil) {
			rt.Fatalf("%s\n%s\nYAML: %v\nLua: %v", yamlText, p.lua, errYAML, errLua)
		}
		if d := cmp.Diff(fromLua, fromYAML); d != "" {
			rt.Fatalf("%s\n%s\n(-Lua +YAML)\n%s", yamlText, p.lua, d)
		}
	})
}

func callsOf(t *testing.T, fail []string, run func(*testing.T, *fake) error) (calls map[string][]string, err error) {
	t.Helper()
	calls = map[string][]string{}
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, id := range fail {
			f.failing["users.get "+id] = 1
		}
		err = run(t, f)
		for _, c := range f.calls {
			if c == "closed" {
				continue // Lua leaves a listing that came to its end alone
			}
			path, rest, _ := strings.Cut(c, " ")
			calls[path] = append(calls[path], rest)
		}
	})
	return calls, err
}

func (f *fake) runLua(tb testing.TB, source string) error {
	tb.Helper()
	p, err := lua.Parse("play.lua", []byte(source))
	if err != nil {
		tb.Fatalf("%v\n%s", err, source)
	}
	run := engine.NewRun(engine.Config{})
	vm, err := lua.NewVM(lua.Options{Run: run, Globals: f.globals})
	if err != nil {
		tb.Fatal(err)
	}
	defer vm.Close()
	return run.Main(tb.Context(), func(task *engine.Task) error { return vm.RunPlaybook(task, p) })
}
