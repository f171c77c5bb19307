package lua

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"a0run/engine"
)

// offline is a small table of host functions for checks.
func offline() *engine.Namespace {
	root := host(map[string]func(c *engine.HostCall) (any, error){
		"auth0.users.get": nil, "auth0.users.update": nil, "auth0.users.delete": nil, "auth0.users.list": nil,
		"auth0.call": nil, "tenant": nil, "get_token.client_credentials": nil, "json.decode": nil,
	})
	root.Set("params", engine.NewObject(0))
	get, _ := root.Lookup("auth0.users.get")
	get.Params = []engine.Param{{Name: "id", Positional: true, Required: true}, {Name: "fields"}}
	list, _ := root.Lookup("auth0.users.list")
	list.Params = []engine.Param{{Name: "q"}, {Name: "per_page", Aliases: []string{"pageSize"}}}
	update, _ := root.Lookup("auth0.users.update")
	update.Params = []engine.Param{{Name: "id", Positional: true, Required: true}, {Name: "body", Positional: true}}
	return root
}

// expected reads the marks --### "regexp" of a file, by line.
func expected(t *testing.T, text string) map[int]string {
	t.Helper()
	out := map[int]string{}
	for i, line := range strings.Split(text, "\n") {
		_, mark, ok := strings.Cut(line, "--### ")
		if !ok {
			continue
		}
		re, err := strconv.Unquote(strings.TrimSpace(mark))
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		out[i+1] = re
	}
	return out
}

// matches compares problems with the marks: each mark is met by a problem on
// its line, and there is no other problem.
func matches(t *testing.T, problems engine.Problems, want map[int]string) {
	t.Helper()
	for _, p := range problems {
		if _, ok := want[p.Where.Line]; !ok {
			t.Errorf("not expected: %s", p)
		}
	}
	for line, re := range want {
		found := false
		for _, p := range problems {
			found = found || p.Where.Line == line && regexp.MustCompile(re).MatchString(p.String())
		}
		if !found {
			t.Errorf("line %d: want %s in\n%s", line, re, problems.Error())
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/check/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCheckFindsAllMistakesAtOnce(t *testing.T) {
	text := read(t, "globals.lua")
	p, err := Parse("globals.lua", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	matches(t, p.Check(offline(), nil), expected(t, text))
}

func TestSyntaxErrors(t *testing.T) {
	for _, chunk := range strings.Split(read(t, "syntax.lua"), "---\n") {
		_, err := Parse("s.lua", []byte(chunk))
		var problems engine.Problems
		if !errors.As(err, &problems) || len(problems) != 1 {
			t.Errorf("%s: got %v", chunk, err)
			continue
		}
		for _, re := range expected(t, chunk) {
			if !regexp.MustCompile(re).MatchString(problems[0].String()) {
				t.Errorf("%s: got %s", chunk, problems[0])
			}
		}
	}
}

func TestCheckReadsModules(t *testing.T) {
	p, err := Parse("main.lua", []byte("local m = require 'lib.m'\nrequire('nope')\nrequire 'broken'\nshared()"))
	if err != nil {
		t.Fatal(err)
	}
	problems := p.Check(offline(), fstest.MapFS{
		"lib/m.lua":  {Data: []byte("function shared() end\nreturn auth0.users.gett")},
		"broken.lua": {Data: []byte("\nlocal = 2")},
	})
	got := problems.Error()
	for _, want := range []string{
		"main.lua:2:9: require: there is no module nope", "broken.lua:2:7: module broken: unexpected '='",
		"lib/m.lua:2:20: there is no auth0.users.gett",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if len(problems) != 3 {
		t.Errorf("got\n%s", got)
	}
}

func TestHead(t *testing.T) {
	p, err := Parse("p.lua", []byte(`playbook{
	name = "copy", description = 'd', patience = "5m", env = {"HOME"},
	params = {days = {type = "integer", default = -3, description = "how many"}, who = {type = "string", required = true}},
	tenants = {"source", "target"}, undo = "off",
}
print(1)`))
	if err != nil {
		t.Fatal(err)
	}
	h := p.Head()
	if h.Name != "copy" || h.Patience.Minutes() != 5 || len(h.Params) != 2 || h.Params[0].Default != int64(-3) || len(h.Tenants) != 2 {
		t.Errorf("got %+v", h)
	}
	if h.Params[1].Where.String() != "p.lua:3:79" || h.Tenants[1].Role != "target" {
		t.Errorf("got %s, %s", h.Params[1].Where, h.Tenants[1].Role)
	}
}

// evaluate runs an expression with an environment.
func evaluate(t *testing.T, c *Chunk, env *engine.Object, pure bool) (any, error) {
	t.Helper()
	run := engine.NewRun(engine.Config{})
	vm, err := NewVM(Options{Run: run, Globals: host(map[string]func(*engine.HostCall) (any, error){
		"pure_up": func(c *engine.HostCall) (any, error) { return strings.ToUpper(c.Args[0].(string)), nil },
		"send":    func(*engine.HostCall) (any, error) { return "sent", nil },
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	var v any
	err = run.Main(t.Context(), func(task *engine.Task) (err error) {
		v, err = vm.Eval(task, c, env, pure)
		return err
	})
	return v, err
}

func environment() *engine.Object {
	step := engine.NewObject(0)
	step.Set("result", json.RawMessage(`{"users":[{"id":"u1"},{"id":"u2"}],"n":null}`))
	step.Set("status", "ok")
	steps := engine.NewObject(0)
	steps.Set("list", step)
	env := engine.NewObject(0)
	env.Set("steps", steps)
	env.Set("item", json.RawMessage(`{"id":7,"tags":["a","b"]}`))
	env.Set("vars", engine.NewObject(0))
	return env
}

func TestExpressions(t *testing.T) {
	at := engine.Position{File: "p.yaml", Line: 12, Column: 20}
	for text, want := range map[string]string{
		`1 + 2`:                             `3`,
		`"a" .. 1`:                          `"a1"`,
		`item.id`:                           `7`,
		`item`:                              `{"id":7,"tags":["a","b"]}`,
		`#steps.list.result.users`:          `2`,
		`steps.list.result.users[2].id`:     `"u2"`,
		`steps.list.status == "ok"`:         `true`,
		`steps.nope`:                        `null`,
		`{a = item.tags, b = {}}`:           `{"a":["a","b"],"b":{}}`,
		`pure_up("x")`:                      `"X"`,
		`string.format("%d", 4)`:            `"4"`,
		`(function(x) return x * 2 end)(4)`: `8`,
	} {
		c, err := CompileExpr(text, at)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := evaluate(t, c, environment(), true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if b, _ := json.Marshal(v); string(b) != want {
			t.Errorf("%s: got %s, want %s", text, b, want)
		}
	}
}

func TestExpressionsThatFail(t *testing.T) {
	at := engine.Position{File: "p.yaml", Line: 12, Column: 20}
	for text, want := range map[string]string{
		`1 +`:               `p.yaml:12:23: the source ends too early`,
		`1 2`:               `p.yaml:12:22: unexpected '2'`,
		`a, b`:              `p.yaml:12:20: this is not one expression`,
		` `:                 `p.yaml:12:20: the expression is empty`,
		`item.id.x.y`:       `p.yaml:12: attempt to index field 'id' (a number value), with key 'x'`,
		"item.nope\n.x":     `p.yaml:12: attempt to index field 'nope' (a nil value), with key 'x'`,
		`send()`:            `send cannot be called in an expression`,
		`print("x")`:        `print cannot be called in an expression`,
		`parallel.each({})`: `parallel.each cannot be called in an expression`,
		`os.time()`:         `os.time cannot be called in an expression`,
		`math.random()`:     `math.random cannot be called in an expression`,
		`function() end`:    `p.yaml:12:20`,
	} {
		c, err := CompileExpr(text, at)
		if err == nil {
			_, err = evaluate(t, c, environment(), true)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	at := engine.Position{File: "p.yaml", Line: 30, Column: 5}
	c, err := CompileBlock("local n = 0\nfor _, u in ipairs(steps.list.result.users) do n = n + 1 end\nsend()\nreturn {n = n}, 2", at)
	if err != nil {
		t.Fatal(err)
	}
	v, err := evaluate(t, c, environment(), false)
	if b, _ := json.Marshal(v); err != nil || string(b) != `{"n":2}` {
		t.Errorf("got %s, %v", b, err)
	}
	names := ""
	for _, n := range c.Names() {
		names += n.Path + "@" + n.Where.String() + " "
	}
	if names != "steps.list.result.users@p.yaml:31:24 send@p.yaml:32:5 " {
		t.Errorf("names: %s", names)
	}
	c, err = CompileBlock("x = 1\nlocal y = x + nope\nreturn z", at)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Check(offline(), []string{"z"}).Error(); got != "p.yaml:31:19: undefined name nope" {
		t.Errorf("got %s", got)
	}
	if _, err = evaluate(t, c, environment(), false); err == nil || !strings.Contains(err.Error(), "p.yaml:31: attempt to perform arithmetic on global 'nope' (a nil value)") {
		t.Errorf("got %v", err)
	}
	// Globals of one evaluation are not seen by the next.
	c, _ = CompileBlock("if leak then return 'leaked' end leak = 1 return 'none'", at)
	for range 2 {
		if v, err := evaluate(t, c, environment(), false); err != nil || v != "none" {
			t.Errorf("got %v, %v", v, err)
		}
	}
}

// The same answer is decoded once, however many expressions read it.
func TestAnswersAreDecodedOnce(t *testing.T) {
	run := engine.NewRun(engine.Config{})
	vm, err := NewVM(Options{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	raw := json.RawMessage(`{"a":1}`)
	if vm.decode(vm.root, raw) != vm.decode(vm.root, raw) {
		t.Error("decoded twice")
	}
	if vm.decode(vm.root, json.RawMessage(`{"a":1}`)) == vm.decode(vm.root, raw) {
		t.Error("another answer gave the same value")
	}
}

func FuzzLuaSource(f *testing.F) {
	for _, name := range []string{"globals.lua", "syntax.lua"} {
		b, err := os.ReadFile("testdata/check/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	for _, s := range []string{
		"playbook{name='x'}", "return 1", "local a <const> = 1", "x, y.z, w[1] = f()", "goto a ::a::", "for x in f do end",
		"repeat local x until x", "return not not not 1", "a.b:c'd'{e}", "--[==[ x", "'\\", "return ...", "f(a..b..c, ...)",
		"if false then elseif nil then else end", "while true do break end", "::a:: ::b:: goto a",
	} {
		f.Add(s)
	}
	globals := offline()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("fuzz.lua", []byte(text))
		if err == nil {
			_ = p.Check(globals, nil)
		} else if len(err.Error()) == 0 {
			t.Error("an error without a text")
		}
		if c, err := CompileExpr(text, engine.Position{File: "f", Line: 3, Column: 4}); err == nil {
			c.Names()
		}
	})
}

// What the compiler would drop in silence is refused.
func TestTooManyItemsInOneTable(t *testing.T) {
	items := func(n int) string { return "\nlocal x = 1\nreturn {" + strings.Repeat("x,", n) + "}" }
	if _, err := Parse("p.lua", []byte(items(maxItems+1))); err == nil ||
		!strings.Contains(err.Error(), "p.lua:3: a table has more than 25550 items") || !strings.Contains(err.Error(), "json.decode") {
		t.Errorf("got %v", err)
	}
	wants(t, "local function all()"+items(maxItems)+" end\nlocal t = all() print(#t, t[25550])", "25550\t1")
}

// repeated is a source of full length.
func repeated(head, unit, tail string) string {
	n := (maxSource - len(head) - len(tail)) / len(unit)
	return head + strings.Repeat(unit, n) + tail
}

// numbered is a list of n different things.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// What would take the compiler minutes is refused, and what is as long but
// simple is not. The work is foretold in linear time.
func TestSourcesThatWouldTakeMinutes(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"numbers":     {"\nlocal t = {" + numbered("%d,", 20_000) + "}", "p.lua:2: one function has too many different numbers"},
		"names":       {"local x\n" + numbered("g%d=x\n", 20_000), "one function has too many different numbers, texts and names"},
		"methods":     {numbered("a:m%d() ", 15_000), "one function has too many different numbers, texts and names"},
		"elseif":      {repeated("local x if x then ", "elseif x then ", " end"), "an if has too many branches"},
		"plus":        {repeated("\n\nlocal x = x", "+x", ""), "p.lua:3: an expression has too many operators"},
		"minus":       {repeated("local x = ", "- ", "x"), "an expression has too many operators"},
		"power":       {repeated("local x = x", "^x", ""), "an expression has too many operators"},
		"some":        {"local t = {" + numbered("%d,", 5_000) + "}", ""},
		"functions":   {numbered("do local function f() return %d end end ", 5_000), ""},
		"same":        {repeated("local x, t = 1, {", "'a',1,x,", "}")[:60_000] + "}", ""},
		"names apart": {numbered("do local f = function() g%d = 1 end end ", 5_000), ""},
		"sums":        {"local x = 1 " + strings.Repeat("x = x + x * x - 1 ", 10_000), ""},
	} {
		_, err := Parse("p.lua", []byte(tc.text))
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A path of any length is read in one go, and kept no longer than it can mean
// anything.
func TestLongPaths(t *testing.T) {
	for name, text := range map[string]string{
		"chain":   repeated("local x = a", ".b", ""),
		"aliases": repeated("local a = x.b ", "do local a=a.b end ", ""),
		"nested":  "local a = x.b " + strings.Repeat("local a = a.b ", 190),
	} {
		p, err := Parse("p.lua", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, u := range p.facts.reads {
			if len(u.path) > maxPath || len(u.path) == maxPath && u.whole && name == "chain" {
				t.Fatalf("%s: a path of %d parts", name, len(u.path))
			}
		}
	}
}

// However long a line is, each of its tokens is looked at a few times at most.
func TestPlacesAreFoundOnce(t *testing.T) {
	for name, text := range map[string]string{
		"one name":   "local t = {" + strings.Repeat("g=1,", 20_000) + "} " + strings.Repeat("g() ", 20_000),
		"keys":       strings.Repeat("print{g=1} ", 10_000) + strings.Repeat("g() ", 10_000),
		"many names": numbered("do local f = function() g%d() end end ", 5_000),
		"parts":      numbered("do local f = function() auth0.users.g%d() end end ", 5_000),
	} {
		p, err := Parse("p.lua", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		problems := p.Check(offline(), nil)
		if len(problems) == 0 {
			t.Errorf("%s: no problem", name)
		}
		if n, most := p.source.places.looks, 3*len(p.source.tokens); n > most {
			t.Errorf("%s: %d looks at %d tokens", name, n, len(p.source.tokens))
		}
	}
}

func TestCheckStopsAtManyMistakes(t *testing.T) {
	p, err := Parse("p.lua", []byte(numbered("g%d()\n", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	problems := p.Check(offline(), nil)
	if len(problems) != maxProblems+1 || problems[0].Where.Line != 1 || !strings.Contains(problems[maxProblems].Message, "may be more") {
		t.Errorf("%d problems, the last %s", len(problems), problems[len(problems)-1])
	}
	c := newChecker(nil)
	for i := range 2 * maxHinted / 1000 {
		c.known = slices.Repeat([]string{"name"}, 1000)
		if got := c.names(); (got == nil) != (i >= maxHinted/1000) {
			t.Fatalf("hint %d compares %d names", i, len(got))
		}
	}
}

// Files may begin with #!/usr/bin/env a0run, and with what some editors put
// first. Lines and columns are counted as in the file.
func TestFirstLinesThatAreNoLua(t *testing.T) {
	for text, want := range map[string]string{
		"#!/usr/bin/env -S a0run it's\nplaybook{name = 'x'}\nprint(1)": "x",
		"#\r\nplaybook{name = 'x'}":                                    "x",
		"\ufeffplaybook{name = 'x'}":                                   "x",
		"\ufeff#!a0run\nplaybook{name = 'x'}":                          "x",
		"#!a0run":                                                      "",
		"\ufeff":                                                       "",
	} {
		p, err := Parse("p.lua", []byte(text))
		if err != nil || p.Head().Name != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"#!a0run\nx = = 1":     "p.lua:2:5: unexpected '='",
		"\ufeffx = = 1":        "p.lua:1:5: unexpected '='",
		"x = 1\n#!a0run":       "p.lua:2:2: '!' is no Lua",
		" #!a0run":             "p.lua:1:3: '!' is no Lua",
		"\ufeff\ufeffx = 1":    "p.lua:1:1: ",
		"#!a0run\n#x\nx = 1\n": "p.lua:2:1: unexpected '#'",
	} {
		if _, err := Parse("p.lua", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	g := &rig{options: func(o *Options) {
		o.Modules = fstest.MapFS{"m.lua": {Data: []byte("\ufeff#! it's\nreturn 1")}}
	}}
	e := g.fails(t, "#! it's\nassert(require 'm' == 1)\nlocal x = nothing.at")
	if e.Where.Line != 3 || len(e.Trace) == 0 || e.Trace[0] != "    3 | local x = nothing.at" {
		t.Errorf("got %v %q", e, e.Trace)
	}
	wants(t, `print(load("#x\nreturn 1"))`, "nil\t(load):1:1: unexpected '#'")
}

func TestNamesOfModules(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"lib/UP.lua", "_x.lua", "a/9.lua", "aB/c_D.lua", "Up.lua", "9.lua", "a-b.lua"} {
		files[name] = &fstest.MapFile{Data: []byte("return '" + name + "'")}
	}
	for name, want := range map[string]string{
		"lib.UP": "lib/UP.lua", "_x": "_x.lua", "a.9": "a/9.lua", "aB.c_D": "aB/c_D.lua",
		"Up": "", "9": "", "a-b": "", "": "", ".": "", "a.": "", ".a": "", "a..b": "", "lib/UP": "", "_x\n": "",
	} {
		g := &rig{options: func(o *Options) { o.Modules = files }}
		err := g.play(t, fmt.Sprintf("print(require %q)", name))
		switch {
		case want != "":
			if err != nil || g.printed[0] != want {
				t.Errorf("%q: got %q, %v", name, g.printed, err)
			}
		case err == nil || !strings.Contains(err.Error(), "is no name of a module") ||
			!strings.Contains(engine.AsError(err).Hint(), "letters, digits and _"):
			t.Errorf("%q: got %v", name, err)
		}
	}
}
