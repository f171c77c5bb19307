package yaml

import "testing"

func TestRescueRetryTimeout(t *testing.T) {
	tests := map[string]play{
		"rescue sees the error, its last result is the step's": {
			source: `
steps:
  - id: a
    auth0.users.get: u1
    rescue:
      - print: ${{ error.name }} ${{ error.status_code }} ${{ error.operation }} ${{ error.where }}
      - {id: other, auth0.users.get: u2}
    always:
      - log.info: always after ${{ error.status_code }}
  - print: ${{ steps.a.status }} ${{ steps.a.result.user_id }} ${{ steps.other.status }}
`,
			fail: map[string]int{"users.get u1": 1},
			calls: []string{
				`main users.get {"id":"u1"}`, `main users.get {"id":"u2"}`, `main log.info {"message":"always after 404"}`,
			},
			printed: []string{"Auth0Error 404 users.get play.yaml:4:5", "ok u2 ok"},
		},
		"always runs when all is well, and has no error": {
			source:  "steps:\n  - auth0.users.get: u1\n    always: [{print: \"${{ error == nil }}\"}]\n",
			printed: []string{"true"},
		},
		"the kinds of errors, and what Lua raises": {
			source: `
steps:
  - id: a
    auth0.users.get: u1
    rescue: [{print: "${{ error:is('Auth0Error') }} ${{ error:is('NetworkError') }} ${{ error.in_doubt }}"}]
  - {id: b, on_error: continue, auth0.users.get: u2}
  - print: ${{ steps.b.error:is("Auth0Error") }} ${{ steps.b.error.message }}
  - lua: error("own text")
    rescue: [{print: "${{ error.name }}: ${{ error.message }} at ${{ error.where }}"}]
  - lua: error({code = 7})
    rescue: [{print: "${{ error.name }} ${{ type(error.message) }}"}]
`,
			fail:    map[string]int{"users.get u1": 1, "users.get u2": 1},
			printed: []string{"true false false", "true The user does not exist.", "ScriptError: own text at play.yaml:8", "ScriptError string"},
		},
		"a lua step in rescue can raise, or look at the error": {
			source: `
steps:
  - id: a
    fail: first
    rescue:
      - lua: return error.message .. "!"
        register: said
      - lua: error("raised " .. vars.said)
    on_error: continue
  - print: ${{ steps.a.error.message }}
`,
			printed: []string{"raised first!"},
		},
		"an error in rescue is the step's, always runs all the same": {
			source: `
steps:
  - id: a
    auth0.users.get: u1
    rescue: [{fail: "rescue says ${{ error.message }}"}]
    always: [{log.info: always}]
`,
			fail:  map[string]int{"users.get u1": 1},
			calls: []string{`main users.get {"id":"u1"}`, `main log.info {"message":"always"}`},
			err:   "rescue says The user does not exist.",
		},
		"an error in always alone fails the step": {
			source: "steps:\n  - auth0.users.get: u1\n    always: [{fail: tidy}]\n", err: "play.yaml:3:15: tidy",
		},
		"the first error stays, always' is told behind it": {
			source: "steps:\n  - auth0.users.get: u1\n    always: [{fail: tidy}]\n",
			fail:   map[string]int{"users.get u1": 1}, err: "The user does not exist.",
		},
		"rescue of a block": {
			source: `
steps:
  - block:
      - {id: a, auth0.users.get: u1}
      - {id: b, auth0.users.get: u2}
    rescue:
      - print: ${{ steps.a.status }} ${{ steps.b.status }}
`,
			fail:    map[string]int{"users.get u1": 1},
			printed: []string{"failed skipped"},
			states:  []string{"a failed", "b skipped (needs a, which failed)", "print ok", "block ok"},
		},
		"retry": {
			source: "steps:\n  - {retry: 2, auth0.users.get: u1}\n",
			fail:   map[string]int{"users.get u1": 2},
			calls:  []string{`main users.get {"id":"u1"}`, `main users.get {"id":"u1"}`, `main users.get {"id":"u1"}`},
		},
		"retry only on what it names": {
			source: "steps:\n  - {retry: {times: 2, on: [NetworkError]}, auth0.users.get: u1}\n",
			fail:   map[string]int{"users.get u1": 2}, calls: []string{`main users.get {"id":"u1"}`}, err: "404",
		},
		"rescue comes after the last try": {
			source: "steps:\n  - retry: {times: 1, delay: 2s}\n    auth0.users.get: u1\n    rescue: [{print: once}]\n",
			fail:   map[string]int{"users.get u1": 2},
			calls:  []string{`main users.get {"id":"u1"}`, `main users.get {"id":"u1"}`}, printed: []string{"once"},
		},
		"a timeout can be rescued": {
			source: `
steps:
  - id: slow
    timeout: 1500ms
    time.sleep: 60
    rescue: [{print: "${{ error.name }}: ${{ error.message }}"}]
  - auth0.users.get: u1
`,
			printed: []string{"TimeoutError: step slow took longer than its timeout of 1.5s"},
			calls:   []string{`main users.get {"id":"u1"}`},
		},
		"the time of a step around ends what is inside, rescue and all": {
			source: `
steps:
  - id: outer
    timeout: 2
    block:
      - id: inner
        time.sleep: 60
        rescue: [{log.info: never}]
        always: [{log.info: never}]
    rescue: [{print: "outer ${{ error.name }}"}]
`,
			printed: []string{"outer TimeoutError"}, calls: nil,
		},
		"an expression that fails says where": {
			source: "vars: {x: 1}\nsteps:\n  - print: ok\n  - print:\n      - ${{ vars.x.y.z }}\n",
			err:    "play.yaml:5:",
		},
		"nil inside a text": {
			source: "vars: {x: {}}\nsteps:\n  - print: hello ${{ vars.x.y }}!\n",
			err:    "play.yaml:3:22: inside a text an expression must give a string, number or boolean, got nil",
		},
		"an object inside a text": {
			source: "vars: {x: {}}\nsteps:\n  - print: hello ${{ vars.x }}!\n", err: "got an object",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { tc.check(t) })
	}
}
