package yaml

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"a0run/engine"
)

// TestMistakes reads testdata/*.yaml: pieces divided by ---, in which the line
// that is wrong says with ### "regexp" what is to be found there. Everything
// expected must be reported, on its line, and nothing else.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	mark := regexp.MustCompile(`###((?: +"(?:[^"\\]|\\.)*")+)`)
	one := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first := 1
		for _, piece := range strings.Split(string(text), "\n---\n") {
			want := map[int][]string{}
			for i, line := range strings.Split(piece, "\n") {
				if m := mark.FindStringSubmatch(line); m != nil {
					for _, q := range one.FindAllString(m[1], -1) {
						s, err := strconv.Unquote(q)
						if err != nil {
							t.Fatalf("%s:%d: %v", file, first+i, err)
						}
						want[i+1] = append(want[i+1], s)
					}
				}
			}
			t.Run(filepath.Base(file)+":"+strconv.Itoa(first), func(t *testing.T) {
				compareProblems(t, want, problemsOf(t, piece))
			})
			first += strings.Count(piece, "\n") + 2
		}
	}
}

func problemsOf(t *testing.T, source string) engine.Problems {
	t.Helper()
	files := fstest.MapFS{
		"good.yaml":   {Data: []byte("- print: hello\n")},
		"circle.yaml": {Data: []byte("- include: circle.yaml\n")},
		"head.yaml":   {Data: []byte("name: x\nsteps: []\n")},
	}
	p, err := Parse("play.yaml", []byte(source), files)
	if err != nil {
		ps, ok := errors.AsType[engine.Problems](err)
		if !ok {
			t.Fatalf("Parse gave %T: %v", err, err)
		}
		return ps
	}
	globals := newFake().globals
	first := p.Check(globals).Error()
	again := p.Check(globals)
	if again.Error() != first {
		t.Errorf("a second Check says otherwise:\n%s\n%s", first, again.Error())
	}
	return again
}

func compareProblems(t *testing.T, want map[int][]string, got engine.Problems) {
	t.Helper()
	for _, p := range got {
		line := p.String()
		if p.Where.File != "play.yaml" {
			p.Where.Line = 0
		}
		found := false
		for i, w := range want[p.Where.Line] {
			if regexp.MustCompile(w).MatchString(line) {
				want[p.Where.Line] = append(want[p.Where.Line][:i:i], want[p.Where.Line][i+1:]...)
				found = true
				break
			}
		}
		if !found {
			t.Errorf("not expected: %s", line)
		}
	}
	for n, ws := range want {
		for _, w := range ws {
			t.Errorf("line %d: nothing reported that matches %q", n, w)
		}
	}
	for i := 1; i < len(got); i++ {
		a, b := got[i-1].Where, got[i].Where
		if a.File == b.File && (a.Line > b.Line || a.Line == b.Line && a.Column > b.Column) {
			t.Errorf("not in order: %s before %s", a, b)
		}
	}
}
