package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// headOf parses a head written as JSON; the place of a path is its length, so
// that tests see that the right path is asked for.
func headOf(t *testing.T, text string) (Head, Problems) {
	t.Helper()
	v, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o, _ := v.(*Object)
	return ParseHead(o, func(path string) Position { return Position{File: "p<" + path + ">"} })
}

func TestParseHead(t *testing.T) {
	t.Parallel()
	h, problems := headOf(t, `{
		"name": "n", "description": "d", "env": ["A", "B"], "files": "x.csv", "hosts": [],
		"patience": "10m", "guards": {"max": 3}, "undo": "full", "schedule": "@daily",
		"tenants": {"source": "staging", "target": {"tenant": "prod", "description": "where to"}, "other": null},
		"params": {
			"from": "string", "count": {"type": "integer", "default": 3.0, "description": "how many"},
			"opt": {"required": false}, "level": {"enum": ["low", "high"], "default": "low"},
			"list": {"type": "list", "default": {}}, "pw": {"type": "secret", "default": "x"}
		}}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if h.Name != "n" || h.Description != "d" || h.Patience != 10*time.Minute || h.Undo != UndoFull || h.Schedule != "@daily" || h.Guards.Len() != 1 {
		t.Errorf("got %+v", h)
	}
	at := func(path string) Position { return Position{File: "p<" + path + ">"} }
	if diff := cmp.Diff([][]string{{"A", "B"}, {"x.csv"}, nil}, [][]string{h.Env, h.Files, h.Hosts}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]TenantDecl{
		{Role: "source", Tenant: "staging", Where: at("tenants.source")},
		{Role: "target", Tenant: "prod", Description: "where to", Where: at("tenants.target")},
		{Role: "other", Where: at("tenants.other")},
	}, h.Tenants, cmp.Transformer("null", func(Null) any { return nil })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]ParamDecl{
		{Name: "from", Type: "string", Required: true, Where: at("params.from")},
		{Name: "count", Type: "integer", Default: int64(3), Description: "how many", Where: at("params.count")},
		{Name: "opt", Type: "string", Where: at("params.opt")},
		{Name: "level", Type: "string", Default: "low", Enum: []any{"low", "high"}, Where: at("params.level")},
		{Name: "list", Type: "list", Default: []any{}, Where: at("params.list")},
		{Name: "pw", Type: "secret", Default: Secret("x"), Where: at("params.pw")},
	}, h.Params); diff != "" {
		t.Error(diff)
	}
	empty, problems := headOf(t, `{"name": null, "params": null, "env": null, "patience": null, "guards": null}`)
	if len(problems) > 0 || len(empty.Params) != 0 {
		t.Errorf("%+v, %v", empty, problems)
	}
	short, problems := headOf(t, `{"params": ["a", "b"], "tenants": ["x", "y"], "patience": 90}`)
	if len(problems) > 0 || len(short.Params) != 2 || !short.Params[1].Required || len(short.Tenants) != 2 || short.Patience != 90*time.Second {
		t.Errorf("%+v, %v", short, problems)
	}
}

func TestParseHeadMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string // all of them, in any order
	}{
		"an unknown key":         {`{"parms": []}`, []string{"p<parms>: unknown key of a playbook's head: parms (did you mean params?)"}},
		"nothing near":           {`{"zzzzzzz": 1}`, []string{"unknown key of a playbook's head: zzzzzzz (known: name, description, params"}},
		"a wrong undo":           {`{"undo": "ful"}`, []string{"p<undo>: unknown policy of undo: ful (did you mean full?)"}},
		"undo is no switch":      {`{"undo": false}`, []string{"p<undo>: undo: got false, want a policy (write \"auto\", \"full\" or \"off\")"}},
		"wrong types":            {`{"name": 1, "env": 2, "files": ["a", 3], "guards": []}`, []string{"p<name>: name: got a number, want a string", "p<env>: env: got a number, want a list of strings", "p<files.2>: files.2: got a number, want a string", "p<guards>: guards: got a list, want an object"}},
		"no duration":            {`{"patience": "soon"}`, []string{`p<patience>: patience: got "soon", want a duration (write "10m", "30s", or a number of seconds)`}},
		"a negative one":         {`{"patience": -1}`, []string{"patience must be longer than nothing"}},
		"an unknown type":        {`{"params": {"n": "int"}}`, []string{"p<params.n.type>: unknown type of a parameter: int (did you mean integer?)"}},
		"an unknown key of one":  {`{"params": {"n": {"typ": "string"}}}`, []string{"p<params.n.typ>: unknown key of a parameter: typ (did you mean type?)"}},
		"a default of no type":   {`{"params": {"n": {"type": "integer", "default": "3"}}}`, []string{`p<params.n.default>: the default of n: got "3", want a whole number`}},
		"a default not in enum":  {`{"params": {"n": {"enum": ["a"], "default": "b"}}}`, []string{`the default of n: got "b", want one of "a"`}},
		"a secret default":       {`{"params": {"n": {"type": "secret", "default": 12345}}}`, []string{"the default of n: got a number, want a string (a secret)"}},
		"an enum that is none":   {`{"params": {"n": {"enum": "a"}}}`, []string{"p<params.n.enum>: params.n.enum: got a string, want a list of values"}},
		"required is no boolean": {`{"params": {"n": {"required": "yes"}}}`, []string{"params.n.required: got a string, want true or false"}},
		"a parameter twice":      {`{"params": ["a", "a"]}`, []string{"p<params.2>: the parameter a is declared twice"}},
		"no name of a role":      {`{"tenants": ["a b"]}`, []string{`p<tenants.1>: "a b" is no name of a role`}},
		"a role twice":           {`{"tenants": ["a", "a"]}`, []string{"p<tenants.2>: the role a is declared twice"}},
		"a key of a tenant":      {`{"tenants": {"a": {"tenent": "x"}}}`, []string{"p<tenants.a.tenent>: unknown key of a tenant: tenent (did you mean tenant?)"}},
		"tenants are no list":    {`{"tenants": 1}`, []string{"p<tenants>: tenants: got a number, want a list of roles, or an object from role to tenant"}},
		"params are no list":     {`{"params": 1}`, []string{"p<params>: params: got a number, want a list of names, or an object from name to type"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := headOf(t, tc.text)
			if len(problems) != len(tc.want) {
				t.Errorf("%d problems, want %d: %v", len(problems), len(tc.want), problems)
			}
			for _, want := range tc.want {
				if !strings.Contains(problems.Error(), want) {
					t.Errorf("not found: %s\nin: %v", want, problems)
				}
			}
		})
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value any
		want  time.Duration
		ok    bool
	}{
		"minutes":           {"10m", 10 * time.Minute, true},
		"mixed":             {"1h30m", 90 * time.Minute, true},
		"days":              {"2d", 48 * time.Hour, true},
		"days and hours":    {"1d12h", 36 * time.Hour, true},
		"seconds":           {int64(30), 30 * time.Second, true},
		"parts of seconds":  {0.5, 500 * time.Millisecond, true},
		"seconds as text":   {"30", 30 * time.Second, true},
		"words":             {"soon", 0, false},
		"a day of nothing":  {"d", 0, false},
		"too long":          {1e300, 0, false},
		"a boolean":         {true, 0, false},
		"nothing":           {"", 0, false},
		"days with rubbish": {"1dx", 0, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := ParseDuration(tc.value); got != tc.want || ok != tc.ok {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
}

func TestParseParams(t *testing.T) {
	t.Parallel()
	h, problems := headOf(t, `{"params": {
		"s": {"required": false}, "i": {"type": "integer", "required": false}, "n": {"type": "number", "required": false},
		"b": {"type": "boolean", "required": false}, "l": {"type": "list", "required": false},
		"o": {"type": "object", "required": false}, "pw": {"type": "secret", "required": false},
		"e": {"enum": ["low", "high"], "default": "low"}, "ie": {"type": "integer", "enum": [1, 2], "required": false}
	}}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	tests := map[string]struct {
		texts map[string]string
		file  string
		want  string // as JSON, or "! " and the problems
	}{
		"defaults":               {nil, `{}`, `{"e":"low"}`},
		"texts by type":          {map[string]string{"s": "12", "i": "-3", "n": "1.5", "b": "true", "l": `["a",1]`, "o": `{"k":null}`, "pw": "x=y"}, `{}`, `{"s":"12","i":-3,"n":1.5,"b":true,"l":["a",1],"o":{"k":null},"pw":"x=y","e":"low"}`},
		"a file":                 {nil, `{"s":"a","i":3,"l":[],"pw":"p"}`, `{"s":"a","i":3,"l":[],"pw":"p","e":"low"}`},
		"texts beat the file":    {map[string]string{"i": "4", "e": "high"}, `{"i":3,"e":"low"}`, `{"i":4,"e":"high"}`},
		"an empty text":          {map[string]string{"s": ""}, `{}`, `{"s":"","e":"low"}`},
		"no whole number":        {map[string]string{"i": "1.5"}, `{}`, `! -p i: got 1.5, want a whole number`},
		"a whole float":          {map[string]string{"i": "2e3"}, `{}`, `{"i":2000,"e":"low"}`},
		"a large integer":        {map[string]string{"i": "9007199254740993"}, `{}`, `{"i":9007199254740993,"e":"low"}`},
		"no number":              {map[string]string{"n": "many"}, `{}`, `! -p n: got "many", want a number`},
		"no boolean":             {map[string]string{"b": "yes"}, `{}`, `! -p b: got "yes", want true or false`},
		"no list":                {map[string]string{"l": "a,b"}, `{}`, `! -p l: got "a,b", want a list as JSON (["a", "b"])`},
		"an object for a list":   {map[string]string{"l": `{"a":1}`}, `{}`, `! -p l: got an object, want a list`},
		"no object":              {nil, `{"o":[1]}`, `! --params: o: got a list, want an object as JSON`},
		"a number for a string":  {nil, `{"s":1}`, `! --params: s: got 1, want a string`},
		"not in the enum":        {map[string]string{"e": "mid"}, `{}`, `! -p e: got "mid", want one of "low", "high"`},
		"an integer of the enum": {map[string]string{"ie": "2"}, `{}`, `{"e":"low","ie":2}`},
		"an unknown name":        {map[string]string{"pwd": "x"}, `{}`, `! -p pwd: the playbook has no such parameter (did you mean pw?)`},
		"one in the file":        {nil, `{"zzz":"x"}`, `! --params: zzz: the playbook has no such parameter (it has s, i, n, b, l, o, pw, e, ie)`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := ParseJSON([]byte(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			o, _ := file.(*Object)
			values, problems := h.ParseParams(tc.texts, o)
			if want, fails := strings.CutPrefix(tc.want, "! "); fails {
				if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), want) {
					t.Errorf("got %v, want %s", problems, want)
				}
				return
			}
			if got, err := FormatJSON(values); len(problems) > 0 || err != nil || string(got) != tc.want {
				t.Errorf("got %s, %v, %v; want %s", got, problems, err, tc.want)
			}
		})
	}
}

func TestParseParamsAllAtOnce(t *testing.T) {
	t.Parallel()
	h, _ := headOf(t, `{"params": {"from": {"description": "the old name"}, "n": "integer", "pw": "secret"}}`)
	_, problems := h.ParseParams(map[string]string{"n": "x", "fro": "a", "pw": "hush-hush"}, nil)
	want := []string{
		"-p fro: the playbook has no such parameter (did you mean from?)",
		"p<params.from>: the parameter from is missing (give it with -p from=… (the old name))",
		`-p n: got "x", want a whole number`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), problems.Error()); diff != "" {
		t.Error(diff)
	}
	if problems.ExitCode() != ExitUsage {
		t.Error("the exit code is not 2")
	}
	_, problems = h.ParseParams(map[string]string{"n": "1", "from": "a", "pw": "hush"}, nil)
	if len(problems) > 0 {
		t.Error(problems)
	}
	if _, problems = (Head{}).ParseParams(map[string]string{"a": "b"}, nil); len(problems) != 1 || problems[0].Hint != "it declares none" {
		t.Errorf("got %v", problems)
	}
}
