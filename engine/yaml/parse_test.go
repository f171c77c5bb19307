package yaml

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"a0run/engine"
)

func TestScalars(t *testing.T) {
	tests := map[string]any{
		"yes": "yes", "no": "no", "on": "on", "off": "off", "y": "y", "true": true, "True": true, "FALSE": false, "tRue": "tRue",
		"null": nil, "~": nil, "nil": "nil", "12": int64(12), "-12": int64(-12), "+5": int64(5), "010": int64(10), "08": int64(8),
		"0o17": int64(15), "0x1F": int64(31), "0x": "0x", "0b11": "0b11", "1_000": "1_000", "1.5": 1.5, ".5": 0.5, "1.": 1.0,
		"1e3": 1000.0, "-1.5e-3": -0.0015, "1.2.3": "1.2.3", "e3": "e3", "1e": "1e", "--1": "--1", "2026-01-02": "2026-01-02",
		"12:30:45": "12:30:45", "9007199254740992": int64(1 << 53), "9007199254740993": json.Number("9007199254740993"),
		"-00123456789012345678901": json.Number("-123456789012345678901"), `"12"`: "12", "'true'": "true", "=": "=",
		"!!str 12": "12", "!!int 12": int64(12), "!!float 1": 1.0, "!!bool true": true, "!!null ~": nil,
	}
	for text, want := range tests {
		r := &reader{file: "f", source: []byte("k: " + text + "\n")}
		n := r.read()
		if n == nil || len(n.values) != 1 {
			t.Errorf("%s: not read: %v", text, r.problems)
			continue
		}
		if d := cmp.Diff(want, n.values[0].value); d != "" {
			t.Errorf("%s (-want +got): %s", text, d)
		}
	}
}

func TestErrorUses(t *testing.T) {
	tests := map[string][2]bool{
		"error.message": {true, true}, `"a"..error.name`: {true, true}, `error:is("x")`: {true, true}, `error["name"]`: {true, true},
		"error or 1": {false, true}, "return error\nend": {false, true}, "error": {false, true}, "f(error)": {false, true},
		`error("x")`: {}, "error{code = 1}": {}, `error "x"`: {}, "errors.x": {}, "steps.a.error.message": {}, `"error.x"`: {}, "myerror.x": {},
		"-- error.x\n1": {}, `error("x " .. error.message)`: {true, true},
	}
	for source, want := range tests {
		if fields, value := errorUses(source); fields != want[0] || value != want[1] {
			t.Errorf("%s: fields %v, value %v, want %v", source, fields, value, want)
		}
	}
}

// TestAliases: an alias is its anchor's value, and a bomb is refused before it
// goes off.
func TestAliases(t *testing.T) {
	f := newFake()
	p, err := Parse("play.yaml", []byte(`
vars:
  a: &b {x: 1}
  c: [*b, *b]
steps:
  - print: ${{ vars.c[2].x }}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.execute(t, p); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1"}, f.printed); d != "" {
		t.Error(d)
	}

	var bomb strings.Builder
	bomb.WriteString("vars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		s := string(rune('0'+i/10)) + string(rune('0'+i%10))
		last := "a0"
		if i > 1 {
			last = "b" + string(rune('0'+(i-1)/10)) + string(rune('0'+(i-1)%10))
		}
		bomb.WriteString("  b" + s + ": &b" + s + " [" + strings.TrimSuffix(strings.Repeat("*"+last+", ", 10), ", ") + "]\n")
	}
	bomb.WriteString("steps: []\n")
	_, err = Parse("play.yaml", []byte(bomb.String()), nil)
	var ps engine.Problems
	if !errors.As(err, &ps) || len(ps) != 1 || !strings.Contains(ps[0].Message, "the aliases of this file unfold to more than 100000 values") {
		t.Errorf("error %v", err)
	}
}

func TestRefusedTexts(t *testing.T) {
	deep := "steps: " + strings.Repeat("[", 150) + strings.Repeat("]", 150)
	tests := map[string]struct{ source, want string }{
		"too large":               {"steps: []\n#" + strings.Repeat("x", maxSource), "play.yaml: the playbook is larger than 1 MB"},
		"too deep":                {deep, "nested more than 100 levels deep"},
		"deeper yet":              {"steps: " + strings.Repeat("[", 200_000), "play.yaml:1"},
		"expressions without end": {"steps:\n  - print: " + strings.Repeat("${{ 1 }} ", maxExprs+1), "play.yaml:2:12: the file has more than 10000 expressions"},
		"a broken line far down": {
			"steps:\n" + strings.Repeat("  - print: {a: [1,\n     2], b: \"x\n     y\"}\n", 500) + "   - print: x\n" + strings.Repeat("  - print: x\n", 500),
			"play.yaml:1502:4: YAML syntax",
		},
		"not UTF-8":   {"name: a\nsteps: \xff\n", "play.yaml:2: this line is not UTF-8"},
		"two in one":  {"steps: []\n---\nsteps: []\n", "a second YAML document begins here"},
		"nothing":     {"", "play.yaml:1:1: a playbook must be a mapping, got nothing"},
		"a comment":   {"# nothing\n", "a playbook must be a mapping, got nothing"},
		"no steps":    {"name: x\n", "the playbook has no steps"},
		"head":        {"params: {a: {type: strin}}\nsteps: []\n", "play.yaml:1:20: "},
		"head's list": {"env: [A, 3]\nsteps: []\n", "play.yaml:1:10: "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var ps engine.Problems
			p, err := Parse("play.yaml", []byte(tc.source), nil)
			if err != nil {
				if !errors.As(err, &ps) {
					t.Fatalf("error %T", err)
				}
			} else {
				ps = p.Check(newFake().globals)
			}
			if !strings.Contains(ps.Error(), tc.want) {
				t.Errorf("got %q, want %q", ps.Error(), tc.want)
			}
		})
	}
}

// TestIncludedMistakes: what is wrong in an included file is told with its own
// name, and behind what is wrong in the playbook.
func TestIncludedMistakes(t *testing.T) {
	files := fstest.MapFS{
		"a.yaml": {Data: []byte("- auth0.users.gett: x\n- include: a.yaml\n- {print: '${{ vars.nope }}'}\n")},
		"h.yaml": {Data: []byte("name: x\nsteps: []\n")},
	}
	p, err := Parse("play.yaml", []byte("steps:\n  - include: a.yaml\n  - include: h.yaml\n  - prnt: x\n"), files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range p.Check(newFake().globals) {
		got = append(got, x.Where.String()+" "+x.Message)
	}
	want := []string{
		"play.yaml:4:5 there is no function prnt",
		"a.yaml:1:3 there is no function auth0.users.gett",
		"a.yaml:2:12 the files include each other in a circle: play.yaml → a.yaml → a.yaml",
		"a.yaml:3:16 there is no variable nope here",
		"h.yaml:1:1 an included file holds a list of steps, or steps: and nothing else",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestWrongNeverRuns: a playbook that nobody checked, or whose Check nobody
// listened to, does not run.
func TestWrongNeverRuns(t *testing.T) {
	f := newFake()
	p, err := Parse("play.yaml", []byte("steps:\n  - auth0.users.get: u1\n  - nothing.like.it: x\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if ps := p.Check(f.globals); len(ps) != 1 {
		t.Fatalf("problems %v", ps)
	}
	_, err = f.execute(t, p)
	var ps engine.Problems
	if !errors.As(err, &ps) || ps.ExitCode() != engine.ExitUsage {
		t.Errorf("error %v", err)
	}
	if len(f.calls) != 0 {
		t.Errorf("it called %v", f.calls)
	}
}

// FuzzYAML: no text brings Parse or Check down, and every problem has a place.
func FuzzYAML(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, piece := range strings.Split(string(text), "\n---\n") {
			f.Add(piece)
		}
	}
	f.Add("steps:\n  - &a {parallel: {x: *b, y: [&b {print: x}]}}\n  - *a\n")
	f.Add("steps: &s\n  - block: *s\n")
	globals := newFake().globals
	f.Fuzz(func(t *testing.T, source string) {
		p, err := Parse("play.yaml", []byte(source), fstest.MapFS{"a.yaml": {Data: []byte("- print: x\n")}})
		var ps engine.Problems
		if err != nil {
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("Parse gave %T %v", err, err)
			}
		} else {
			ps = p.Check(globals)
		}
		for _, x := range ps {
			if x.Where.File == "" || x.Message == "" {
				t.Errorf("a problem without place or message: %+v", x)
			}
		}
	})
}
