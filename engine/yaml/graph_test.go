package yaml

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"a0run/engine"
)

func TestNeeds(t *testing.T) {
	tests := map[string]play{
		"steps with needs are items of one parallel call, the others run in the list's task": {
			source: `
steps:
  - {id: a, auth0.users.get: u1}
  - {id: b, needs: [], auth0.users.get: u2}
  - {needs: [a], auth0.users.get: u3}
  - {id: d, auth0.users.get: u4}
  - {id: e, needs: b, auth0.users.get: u5}
`,
			// a and b at once; when they end e and the third; d after all above it.
			calls: []string{
				`main users.get {"id":"u1"}`, `main/1.b users.get {"id":"u2"}`,
				`main/1.3 users.get {"id":"u3"}`, `main/1.e users.get {"id":"u5"}`,
				`main users.get {"id":"u4"}`,
			},
		},
		"needs may name a step below": {
			source: `
steps:
  - {id: a, needs: [b], auth0.users.get: u1}
  - {id: b, needs: [], auth0.users.get: u2}
`,
			calls: []string{`main/1.b users.get {"id":"u2"}`, `main/1.a users.get {"id":"u1"}`},
		},
		"the number is taken when the list starts": {
			source: `
steps:
  - {parallel: {x: {auth0.users.get: p}}}
  - block:
      - {id: a, for_each: [1], auth0.users.get: "${{ item }}"}
      - {id: b, needs: [], auth0.users.get: u2}
`,
			calls: []string{`main/1.x users.get {"id":"p"}`, `main/2.b users.get {"id":"u2"}`, `main/3.1 users.get {"id":1}`},
		},
		"a failure stops what needs it and lets the rest finish": {
			source: `
steps:
  - {id: a, needs: [], auth0.users.get: u1}
  - {id: b, needs: [], auth0.users.get: u2}
  - {id: c, needs: [a], auth0.users.get: u3}
  - {id: d, needs: [c], auth0.users.get: u4}
  - {id: e, needs: [b], auth0.users.get: u5}
  - {id: f, auth0.users.get: u6}
`,
			fail:  map[string]int{"users.get u1": 1},
			calls: []string{`main/1.a users.get {"id":"u1"}`, `main/1.b users.get {"id":"u2"}`, `main/1.e users.get {"id":"u5"}`},
			states: []string{
				"a failed", "c skipped (needs a, which failed)", "d skipped (needs a, which failed)", "b ok",
				"e ok", "f skipped (needs a, which failed)",
			},
			err: "play.yaml:3:24: Auth0Error: users.get: 404",
		},
		"a skipped step stops nobody, a tolerated failure neither": {
			source: `
steps:
  - {id: a, needs: [], when: false, auth0.users.get: u1}
  - {id: b, needs: [], on_error: continue, auth0.users.get: u2}
  - {id: c, needs: [a, b], auth0.users.get: u3}
`,
			fail:   map[string]int{"users.get u2": 1},
			calls:  []string{`main/1.b users.get {"id":"u2"}`, `main/1.c users.get {"id":"u3"}`},
			states: []string{"a skipped (when is false)", "b failed", "c ok"},
		},
		"two failures are both told": {
			source: `
steps:
  - {id: a, needs: [], auth0.users.get: u1}
  - {id: b, needs: [], auth0.users.get: u2}
`,
			fail: map[string]int{"users.get u1": 1, "users.get u2": 1},
			err:  "2 steps failed; the first is a: The user does not exist.",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { tc.check(t) })
	}
}

// A graph is a drawn list of steps that get user u0, u1, ….
type graph struct {
	source   string
	preds    [][]int
	explicit []bool
	fails    []bool
}

func drawGraph(rt *rapid.T) graph {
	n := rapid.IntRange(1, 7).Draw(rt, "steps")
	g := graph{preds: make([][]int, n), explicit: make([]bool, n), fails: make([]bool, n)}
	var b strings.Builder
	b.WriteString("steps:\n")
	for i := range n {
		g.fails[i] = rapid.IntRange(0, 9).Draw(rt, "fails") == 0
		g.explicit[i] = rapid.IntRange(0, 2).Draw(rt, "explicit") > 0
		fmt.Fprintf(&b, "  - id: s%d\n    auth0.users.get: u%d\n", i, i)
		if !g.explicit[i] {
			for j := range i {
				g.preds[i] = append(g.preds[i], j)
			}
			continue
		}
		names := []string{}
		for j := range n {
			// Seldom a step below, so that most graphs have no circle.
			if rapid.IntRange(0, 9).Draw(rt, "need") < map[bool]int{true: 4, false: 1}[j < i] {
				g.preds[i] = append(g.preds[i], j)
				names = append(names, fmt.Sprintf("s%d", j))
			}
		}
		fmt.Fprintf(&b, "    needs: [%s]\n", strings.Join(names, ", "))
	}
	g.source = b.String()
	return g
}

// circular looks for a circle by taking away, again and again, what needs
// nothing that is left.
func (g graph) circular() bool {
	left := map[int]bool{}
	for i := range g.preds {
		left[i] = true
	}
	for range g.preds {
		for i := range g.preds {
			if !slices.ContainsFunc(g.preds[i], func(p int) bool { return left[p] }) {
				delete(left, i)
			}
		}
	}
	return len(left) > 0
}

// model says in which task and at which second each step begins, or that it is
// skipped, and whether the list fails.
func (g graph) model() (out []string, fails bool) {
	ends, bad := make([]int, len(g.preds)), make([]bool, len(g.preds))
	out = make([]string, len(g.preds))
	for slices.Contains(out, "") {
		for i, ps := range g.preds {
			if out[i] != "" || slices.ContainsFunc(ps, func(p int) bool { return out[p] == "" }) {
				continue
			}
			begin := 0
			for _, p := range ps {
				begin = max(begin, ends[p])
				bad[i] = bad[i] || bad[p]
			}
			if bad[i] {
				ends[i], out[i] = begin, "skipped"
				continue
			}
			path := "main"
			if g.explicit[i] {
				path = fmt.Sprintf("main/1.s%d", i)
			}
			ends[i], out[i] = begin+1, fmt.Sprintf("%s at %d s", path, begin)
			bad[i] = g.fails[i]
			fails = fails || bad[i]
		}
	}
	return out, fails
}

// TestNeedsAgainstModel runs random graphs in which every call takes a second:
// when each step begins, in which task, and which are skipped is what a model
// says; graphs with a circle are refused.
func TestNeedsAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(rt)
		if g.circular() {
			p, err := Parse("play.yaml", []byte(g.source), nil)
			if err != nil {
				rt.Fatal(err)
			}
			text := p.Check(newFake().globals).Error()
			if !strings.Contains(text, "needs go in a circle") && !strings.Contains(text, "needs itself") {
				rt.Fatalf("%s\nhas a circle, Check says %q", g.source, text)
			}
			return
		}
		want, fails := g.model()
		got, err := g.run(t)
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatalf("%s\n(-want +got)\n%s", g.source, d)
		}
		if (err != nil) != fails {
			rt.Fatalf("%s\nerror %v, failing %v", g.source, err, g.fails)
		}
	})
}

// run says of each step when and where its call was made.
func (g graph) run(t *testing.T) (out []string, err error) {
	t.Helper()
	out = make([]string, len(g.fails))
	for i := range out {
		out[i] = "skipped"
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for i, bad := range g.fails {
			if bad {
				f.failing[fmt.Sprintf("users.get u%d", i)] = 1
			}
		}
		start := time.Now()
		users, _ := f.globals.Find("auth0.users")
		ns, _ := users.(*engine.Namespace)
		get, _ := ns.Get("get")
		inner, _ := get.(*engine.Function)
		timed := *inner
		timed.Call = func(c *engine.HostCall) (any, error) {
			id, _ := c.Named.Get("id")
			var i int
			if _, err := fmt.Sscanf(fmt.Sprint(id), "u%d", &i); err != nil {
				return nil, err
			}
			out[i] = fmt.Sprintf("%s at %.0f s", c.Task.Path(), time.Since(start).Seconds())
			return inner.Call(c)
		}
		ns.Set("get", &timed)
		_, err = f.run(t, nil, g.source)
	})
	return out, err
}

// TestStoppedGraph stops a run while steps wait for each other: everything
// ends, nothing begins.
func TestStoppedGraph(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p, err := Parse("play.yaml", []byte(`
steps:
  - id: a
    auth0.users.get: u1
    always: [{log.info: never}]
    rescue: [{log.info: never}]
  - {id: b, needs: [], time.sleep: 100}
  - {id: c, needs: [b], auth0.users.get: u3}
  - {id: d, auth0.users.get: u4}
`), nil)
		if err != nil {
			t.Fatal(err)
		}
		run, err := f.executeUntil(t, p, 500*time.Millisecond)
		if e := asError(t, err); e.Name != engine.NameInterrupted {
			t.Errorf("error %v, want Interrupted", err)
		}
		if d := cmp.Diff([]string{`main users.get {"id":"u1"}`}, f.calls); d != "" {
			t.Errorf("calls:\n%s", d)
		}
		for _, s := range states(run) {
			if strings.Contains(s, "skipped") && !strings.HasSuffix(s, "(the run was stopped)") {
				t.Errorf("wrong reason: %s", s)
			}
			if strings.HasPrefix(s, "c ok") || strings.HasPrefix(s, "d ok") || strings.Contains(s, "log.info") {
				t.Errorf("ran after the stop: %s", s)
			}
		}
	})
}

// executeUntil runs a playbook and stops the run after a while.
func (f *fake) executeUntil(t *testing.T, p *Playbook, after time.Duration) (*engine.Run, error) {
	t.Helper()
	var run *engine.Run
	f.onStart = func(r *engine.Run) {
		run = r
		time.AfterFunc(after, func() { r.Stop(nil) })
	}
	_, err := f.execute(t, p)
	return run, err
}
