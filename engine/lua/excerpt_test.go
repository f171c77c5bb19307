package lua

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"a0run/engine"
)

func TestExcerptsHoldNoStrings(t *testing.T) {
	for text, want := range map[string]string{
		`f('a', "b", '')`:              `f('…', "…", '')`,
		`f('a\'b', "\"", '\\') g('x')`: `f('…', "…", '…') g('…')`,
		"x = 'a\\\nb' y = 1":           "x = '…\n…' y = 1",
		"x = [[a]] .. [==[b]] c]==]":   "x = [[…]] .. [==[…]==]",
		"x = [[\na\n\nb]] y = t[1]":    "x = [[\n…\n\n…]] y = t[1]",
		"t[t[1]] = a[ [[k]] ]":         "t[t[1]] = a[ [[…]] ]",
		"x = 1 -- it's\ny = 'z'":       "x = 1 --…\ny = '…'",
		"--[[ it's\n old ]] x = 'y'":   "--[[…\n…]] x = '…'",
		"--[=[ a ]] b ]=] x = 1":       "--[=[…]=] x = 1",
		"a = 1\r\nb = 'x'\rc = 'y'":    "a = 1\nb = '…'\nc = '…'",
		"x = a - -b -- [[c\ny":         "x = a - -b --…\ny",
		"x = 'ü' --":                   "x = '…' --",
	} {
		if diff := cmp.Diff(strings.Split(want, "\n"), excerpts(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// No error shows what a string of the source holds.
func TestErrorsShowNoLiterals(t *testing.T) {
	const canary = "LITCANARY"
	for name, text := range map[string]string{
		"a wrong call":     `local f = 5 auth0.users.update(f, {password = 'LITCANARY-1234'}) local x = 1 + {}`,
		"an undefined one": `local x = 'u' get_token.login(x, {'LITCANARY-1234'})`,
		"with escapes":     `local p = 'LITCANARY\-12\'34' error({})`,
		"a long one":       "local x = nothing.at, [[\nLITCANARY]]",
		"over two lines":   "local x, y = 'a\\\nLITCANARY', nothing.at",
		"in a comment":     "local x = nothing.at -- LITCANARY",
		"in a module":      `require "m"`,
		"in an item":       `parallel.each({1}, function() nothing.at = 'LITCANARY' end)`,
	} {
		g := &rig{globals: host(blocking())}
		g.options = func(o *Options) { o.Modules = fstest.MapFS{"m.lua": {Data: []byte(`nothing.at("LITCANARY")`)}} }
		e := g.fails(t, text)
		if got := e.Error() + strings.Join(e.Trace, "\n"); strings.Contains(got, canary) {
			t.Errorf("%s: %s", name, got)
		}
		if len(e.Trace) == 0 || !strings.Contains(e.Trace[0], " | ") {
			t.Errorf("%s: no line of the source in %q", name, e.Trace)
		}
	}
	for _, text := range []string{
		`local x = 1 'LITCANARY'`, `f('a' 'LITCANARY')`, `local x = [[LITCANARY]] [[LITCANARY]]`, `x = "LITCANARY`, "local x = 1 [[\nLITCANARY]]",
	} {
		_, err := Parse("p.lua", []byte(text))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := CompileExpr(`'a' 'LITCANARY'`, engine.Position{File: "p.yaml", Line: 1})
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("%v", err)
	}
}

// A text that is cut is no more what the redactor looks for.
func TestErrorsCutNoText(t *testing.T) {
	secret := strings.Repeat("s3cret_", 10)
	red := engine.NewRedactor()
	red.Add(secret)
	g := &rig{config: engine.Config{Redactor: red}, globals: host(map[string]func(*engine.HostCall) (any, error){
		"secret": func(*engine.HostCall) (any, error) { return secret, nil },
	})}
	if err := g.play(t, `
		print(load(secret()))
		print(load(secret() .. " 1"))
		print(load("x = = " .. secret()))
		print(load("1 " .. secret()))
		print(pcall(load("local t = 1\nerror('x') -- " .. secret())))
		print(pcall(load(secret() .. "()")))
		print(pcall(load(secret() .. ".x = 1")))
		print(load(("{"):rep(300) .. secret()))`); err != nil {
		t.Fatal(err)
	}
	if got := red.Redact(strings.Join(g.printed, "\n")); strings.Contains(got, "s3cret") || !strings.Contains(got, "(load):2: x") {
		t.Errorf("got %s", got)
	}
}
