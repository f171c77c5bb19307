package yaml

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/engine"
)

func TestForEach(t *testing.T) {
	tests := map[string]play{
		"a list, keys and index": {
			source: `
steps:
  - id: each
    for_each: [a, b, a]
    concurrency: 1
    auth0.users.get: ${{ item .. index }}
  - print: ${{ steps.each.result }}
`,
			calls: []string{
				`main/1.a users.get {"id":"a1"}`, `main/1.b users.get {"id":"b2"}`, `main/1.a~2 users.get {"id":"a3"}`,
			},
			printed: []string{`{"done":3,"failed":[]}`},
		},
		"an answer, key from the object's id": {
			source: `
steps:
  - {id: l, auth0.users.list: }
  - for_each: ${{ steps.l.result }}
    when: ${{ item.blocked }}
    auth0.users.update: {id: "${{ item.user_id }}", body: {n: "${{ item.n + 1 }}"}}
`,
			calls: []string{
				`main users.list {}`, `main/1.u1 users.update {"id":"u1","body":{"n":2}}`, `main/1.u3 users.update {"id":"u3","body":{"n":4}}`,
			},
		},
		"an action that streams, key by expression, collected": {
			source: `
steps:
  - id: c
    for_each: {auth0.users.each: }
    key: k-${{ item.user_id }}-${{ index }}
    collect: true
    block:
      - {register: got, auth0.users.get: "${{ item.user_id }}"}
      - lua: return vars.got.name .. index
  - print: ${{ steps.c.result }}
`,
			calls: []string{
				`main/1.k-u1-1 users.get {"id":"u1"}`, `main/1.k-u2-2 users.get {"id":"u2"}`, `main/1.k-u3-3 users.get {"id":"u3"}`, `closed`,
			},
			printed: []string{`["N u11","N u22","N u33"]`},
		},
		"key names a field": {
			source: "vars: {l: [{n: 1.5}, {n: b}]}\nsteps:\n  - {for_each: \"${{ vars.l }}\", key: n, concurrency: 1, log.info: \"${{ item.n }}\"}\n",
			calls:  []string{`main/1.1.5 log.info {"message":1.5}`, `main/1.b log.info {"message":"b"}`},
		},
		"a field that is not there is no key": {
			source: "vars: {l: [{n: 1}, {x: b}]}\nsteps:\n  - {for_each: \"${{ vars.l }}\", key: n, log.info: x}\n",
			err:    "play.yaml:3:38: item 2 has no field n to be its key",
		},
		"an action that gives a list": {
			source: "steps:\n  - {for_each: {auth0.users.all: }, concurrency: 1, log.info: \"${{ item.user_id }}\"}\n",
			calls: []string{
				`main users.all {}`, `main/1.u1 log.info {"message":"u1"}`, `main/1.u2 log.info {"message":"u2"}`, `main/1.u3 log.info {"message":"u3"}`,
			},
		},
		"names inside an item are its own": {
			source: `
vars: {x: outside}
steps:
  - for_each: [1, 2]
    collect: true
    register: all
    block:
      - vars: {x: "in ${{ item }}"}
      - auth0.users.get: ${{ vars.x }}
      - lua: return vars.x
  - print: ${{ vars.x }}
  - print: ${{ vars.all }}
`,
			printed: []string{"outside", `["in 1","in 2"]`},
		},
		"nested": {
			source: `
steps:
  - for_each: [a, b]
    concurrency: 1
    block:
      - vars: {outer: "${{ item }}"}
      - for_each: [1, 2]
        concurrency: 1
        auth0.users.get: ${{ vars.outer }}${{ item }}
      - parallel:
          p: {auth0.users.get: "${{ item }}p"}
`,
			calls: []string{
				`main/1.a/1.1 users.get {"id":"a1"}`, `main/1.a/1.2 users.get {"id":"a2"}`, `main/1.a/2.p users.get {"id":"ap"}`,
				`main/1.b/1.1 users.get {"id":"b1"}`, `main/1.b/1.2 users.get {"id":"b2"}`, `main/1.b/2.p users.get {"id":"bp"}`,
			},
		},
		"stop: running ones end, no new ones": {
			source: "steps:\n  - {id: e, for_each: [a, b, c], concurrency: 2, auth0.users.get: \"${{ item }}\"}\n  - {id: f, auth0.users.get: never}\n",
			fail:   map[string]int{"users.get a": 1},
			calls:  []string{`main/1.a users.get {"id":"a"}`, `main/1.b users.get {"id":"b"}`},
			states: []string{"e failed", "f skipped (needs e, which failed)"},
			err:    "ParallelError: item a failed",
		},
		"continue: all run, the failures stand in the result": {
			source: `
steps:
  - {id: e, for_each: [a, b, c], concurrency: 1, on_error: continue, auth0.users.get: "${{ item }}"}
  - print: ${{ steps.e.status }} ${{ steps.e.result.done }} ${{ steps.e.result.failed[1].key }} ${{ steps.e.result.failed[1].error.status_code }}
`,
			fail:    map[string]int{"users.get b": 1},
			printed: []string{"ok 2 b 404"},
			items:   1,
		},
		"retry and timeout are each item's": {
			source: `
steps:
  - for_each: [a, b]
    concurrency: 1
    retry: {times: 1, on: Auth0Error}
    auth0.users.get: ${{ item }}
`,
			fail:  map[string]int{"users.get a": 1},
			calls: []string{`main/1.a users.get {"id":"a"}`, `main/1.a users.get {"id":"a"}`, `main/1.b users.get {"id":"b"}`},
		},
		"the result of a skipped step is no items": {
			source: "steps:\n  - {id: l, when: false, auth0.users.list: }\n  - {id: e, for_each: \"${{ steps.l.result }}\", auth0.users.get: x}\n",
			states: []string{"l skipped (when is false)", "e ok"},
		},
		"nil is no list": {
			source: "vars: {x: {}}\nsteps:\n  - {for_each: \"${{ vars.x.lst }}\", auth0.users.get: x}\n",
			err:    "play.yaml:3:16: for_each needs a list, got nil",
		},
		"parallel: keys are ids, or the place": {
			source: `
steps:
  - id: p
    parallel:
      - {id: a, auth0.users.get: u1}
      - {auth0.users.get: u2}
  - print: ${{ steps.a.result.user_id }} ${{ steps.p.result.a.user_id }}
`,
			calls:   []string{`main/1.a users.get {"id":"u1"}`, `main/1.2 users.get {"id":"u2"}`},
			printed: []string{"u1 u1"},
		},
		"parallel with names, lists and concurrency": {
			source: `
steps:
  - concurrency: 1
    parallel:
      first:
        - {register: x, auth0.users.get: u1}
        - {auth0.users.get: "${{ vars.x.user_id }}b"}
      second: {id: two, auth0.users.get: u2}
  - print: ${{ vars.x.user_id }} ${{ steps.two.result.user_id }}
`,
			calls:   []string{`main/1.first users.get {"id":"u1"}`, `main/1.first users.get {"id":"u1b"}`, `main/1.second users.get {"id":"u2"}`},
			printed: []string{"u1 u2"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { tc.check(t) })
	}
}

// TestStreaming looks at the heap while 100,000 items pass: it must not grow
// with them. The bound is generous; holding the items would take ten times it.
func TestStreaming(t *testing.T) {
	f := newFake()
	f.users = 100_000
	seen, worst := 0, uint64(0)
	root := f.globals
	root.Set("see", &engine.Function{
		Name: "see", Params: []engine.Param{{Name: "id", Type: "string", Positional: true, Required: true}},
		Call: func(c *engine.HostCall) (any, error) {
			seen++
			id, _ := c.Named.Get("id")
			if seen%25_000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				worst = max(worst, m.HeapAlloc)
			}
			if want := fmt.Sprintf("u%d", seen); seen < 3 && id != want {
				return nil, fmt.Errorf("got %v, want %s", id, want)
			}
			return nil, nil
		},
	})
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := f.run(t, nil, `
steps:
  - for_each: {auth0.users.each: {q: "x"}}
    concurrency: 4
    block:
      - see: ${{ item.user_id }}
`)
	if err != nil {
		t.Fatal(err)
	}
	if seen != f.users {
		t.Errorf("%d items, want %d", seen, f.users)
	}
	if grown := int64(worst) - int64(before.HeapAlloc); grown > 40<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if d := cmp.Diff([]string{"closed"}, f.calls); d != "" {
		t.Errorf("calls:\n%s", d)
	}
}
