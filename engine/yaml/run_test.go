package yaml

import (
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"a0run/engine"
)

// play is one playbook and what comes of it.
type play struct {
	source string
	fail   map[string]int
	params *engine.Object
	files  fstest.MapFS
	// calls in their order, states of the steps, printed lines, and a part of
	// the error.
	calls, states, printed []string
	err                    string
	items                  int
}

func (p play) check(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.params = p.params
		for k, n := range p.fail {
			f.failing[k] = n
		}
		run, err := f.run(t, p.files, p.source)
		switch {
		case p.err == "" && err != nil:
			t.Errorf("error %v", err)
		case p.err != "" && (err == nil || !strings.Contains(err.Error(), p.err)):
			t.Errorf("got error %v, want one with %q", err, p.err)
		}
		if p.calls != nil {
			if d := cmp.Diff(p.calls, f.calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
		}
		if p.states != nil {
			if d := cmp.Diff(p.states, states(run)); d != "" {
				t.Errorf("steps (-want +got):\n%s", d)
			}
		}
		if p.printed != nil {
			if d := cmp.Diff(p.printed, f.printed); d != "" {
				t.Errorf("printed (-want +got):\n%s", d)
			}
		}
		if got := run.ItemsFailed(); got != p.items {
			t.Errorf("%d items failed, want %d", got, p.items)
		}
	})
}

func TestStepsInOrder(t *testing.T) {
	tests := map[string]play{
		"arguments by name, by value, from expressions": {
			source: `
vars:
  who: u1
  twice: "${{ vars.who }}-${{ 1 + 1 }}"
steps:
  - id: one
    auth0.users.get: ${{ vars.who }}
  - auth0.users.update:
      id: ${{ steps.one.result.user_id }}
      body: {name: "x ${{ steps.one.result.n }}", gone: "${{ nil }}", none: null, deep: [1, "${{ vars.twice }}"]}
  - auth0.users.list:
  - log.info: done
`,
			calls: []string{
				`main users.get {"id":"u1"}`,
				`main users.update {"id":"u1","body":{"name":"x 7","none":null,"deep":[1,"u1-2"]}}`,
				`main users.list {}`,
				`main log.info {"message":"done"}`,
			},
			states: []string{"one ok", "auth0.users.update ok", "auth0.users.list ok", "log.info ok"},
		},
		"when": {
			source: `
steps:
  - {id: a, when: false, auth0.users.get: u1}
  - {id: b, when: "${{ steps.a.result == nil and steps.a.status == \"skipped\" }}", auth0.users.get: u2}
  - {id: c, when: "${{ steps.a.result }}", auth0.users.get: u3}
`,
			calls:  []string{`main users.get {"id":"u2"}`},
			states: []string{"a skipped (when is false)", "b ok", "c skipped (when is false)"},
		},
		"a failure stops what comes behind": {
			source: `
steps:
  - {id: a, auth0.users.get: u1}
  - {id: b, auth0.users.get: u2}
`,
			fail:   map[string]int{"users.get u1": 1},
			calls:  []string{`main users.get {"id":"u1"}`},
			states: []string{"a failed", "b skipped (needs a, which failed)"},
			err:    "play.yaml:3:13: Auth0Error: users.get: 404: The user does not exist.",
		},
		"on_error continue goes on": {
			source: `
steps:
  - {id: a, on_error: continue, auth0.users.get: u1}
  - {id: b, print: "${{ steps.a.status }} ${{ steps.a.error.status_code }} ${{ steps.a.error.error_code }}"}
`,
			fail:    map[string]int{"users.get u1": 1},
			states:  []string{"a failed", "b ok"},
			printed: []string{"failed 404 inexistent_user"},
		},
		"register, vars, lua, print": {
			source: `
steps:
  - register: user
    auth0.users.get: u9
  - vars:
      name: ${{ vars.user.name }}
      loud: ${{ string.upper(vars.name) }}
  - id: sum
    lua: |
      local n = 0
      for i = 1, 4 do n = n + i end
      return {n = n, who = vars.loud}
  - print: ${{ steps.sum.result.n }}
  - print: ${{ steps.sum.result }}
`,
			printed: []string{"10", `{"n":10,"who":"N U9"}`},
		},
		"a tenant's functions": {
			source: `
tenants: {source: {}, target: {}}
steps:
  - {tenant: target, auth0.users.get: u1}
  - tenant: source
    block:
      - auth0.users.get: u2
      - {tenant: target, auth0.users.get: u3}
      - {tenant: "${{ \"tar\" .. \"get\" }}", auth0.users.get: u4}
  - auth0.users.get: u5
`,
			calls: []string{
				`target main users.get {"id":"u1"}`, `source main users.get {"id":"u2"}`, `target main users.get {"id":"u3"}`,
				`target main users.get {"id":"u4"}`, `main users.get {"id":"u5"}`,
			},
		},
		"a tenant's functions in Lua": {
			source: `
tenants: {source: {}, target: {}}
steps:
  - tenant: target
    lua: |
      auth0.users.get("u1")
      tenant("source").users.get("u2")
  - lua: auth0.users.get("u3")
`,
			calls: []string{`target main users.get {"id":"u1"}`, `source main users.get {"id":"u2"}`, `main users.get {"id":"u3"}`},
		},
		"a tenant for each item": {
			source: `
tenants: {a: {}, b: {}}
steps:
  - for_each: [a, b]
    concurrency: 1
    tenant: ${{ item }}
    auth0.users.get: of-${{ item }}
`,
			calls: []string{`a main/1.a users.get {"id":"of-a"}`, `b main/1.b users.get {"id":"of-b"}`},
		},
		"line ends of Windows": {
			source:  "vars: {x: 1}\r\nsteps:\r\n  - lua: |\r\n      local y = vars.x\r\n      return y\r\n    register: y\r\n  - print: a ${{ vars.y }}\r\n",
			printed: []string{"a 1"},
		},
		"modifiers from expressions": {
			source: `
vars: {n: 2, wait: 1.5, o: {}}
steps:
  - {retry: "${{ vars.n - 1 }}", auth0.users.get: u1}
  - {retry: {times: "${{ vars.n }}", delay: "${{ vars.wait }}"}, timeout: "${{ vars.n .. 's' }}", auth0.users.get: u2}
  - {for_each: [1, 2], concurrency: "${{ vars.n }}", log.info: x}
  - {timeout: "${{ vars.o.none }}", log.info: never}
`,
			fail: map[string]int{"users.get u1": 1, "users.get u2": 2},
			calls: []string{
				`main users.get {"id":"u1"}`, `main users.get {"id":"u1"}`,
				`main users.get {"id":"u2"}`, `main users.get {"id":"u2"}`, `main users.get {"id":"u2"}`,
				`main/1.1 log.info {"message":"x"}`, `main/1.2 log.info {"message":"x"}`,
			},
			err: "play.yaml:7:15: got nil, want seconds or a text",
		},
		"include": {
			source: "steps:\n  - {vars: {x: 1}}\n  - include: sub/more.yaml\n  - print: ${{ vars.y + steps.inner.result.n }}\n",
			files:  fstest.MapFS{"sub/more.yaml": {Data: []byte("- vars: {y: '${{ vars.x + 1 }}'}\n- {id: inner, auth0.users.get: u1}\n")}},
			calls:  []string{`main users.get {"id":"u1"}`}, printed: []string{"9"},
		},
		"fail": {
			source: "steps:\n  - fail: no user ${{ 40 + 2 }}\n",
			err:    "play.yaml:2:5: no user 42", states: []string{"fail failed"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { tc.check(t) })
	}
}
