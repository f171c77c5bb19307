package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client/sim"
	"a0run/engine"
)

// The same program in Lua and in YAML makes the same calls in the same tree of
// tasks. TestPairs writes random programs of a small grammar out in both
// languages and compares what reached the tenant and which task asked for it.

// A stmt is one statement of the grammar.
type stmt struct {
	kind string // call, each, stream, parallel, when, rescue, lua
	call call
	text string // the list of an each, the condition of a when
	body [][]stmt
	opt  string
}

// call is one API call; its arguments are literals or the item of an each.
type call struct {
	op   string
	id   string // "" for none, "item" for the item of the loop
	body string // a JSON object or list of texts, "" for none
	arg  string // the name of the body argument in YAML
	more map[string]string
}

type grammar struct {
	r     *rand.Rand
	depth int
}

func (g *grammar) program() []stmt { return g.list(2+g.r.IntN(3), false) }

func (g *grammar) list(n int, inLoop bool) []stmt {
	out := make([]stmt, n)
	for i := range out {
		out[i] = g.stmt(inLoop)
	}
	return out
}

func (g *grammar) stmt(inLoop bool) stmt {
	g.depth++
	defer func() { g.depth-- }()
	kinds := []string{"call", "call", "call", "when", "rescue"}
	if g.depth <= 3 {
		kinds = append(kinds, "each", "each", "parallel", "stream")
	}
	s := stmt{kind: kinds[g.r.IntN(len(kinds))]}
	switch s.kind {
	case "call":
		s.call = g.call(inLoop)
	case "rescue":
		s.call = call{op: "users.get", id: fmt.Sprintf("auth0|nobody%d", g.r.IntN(3))}
	case "when":
		s.text = []string{"true", "false", "1 < 2", "2 < 1"}[g.r.IntN(4)]
		s.body = [][]stmt{g.list(1+g.r.IntN(2), inLoop)}
	case "each", "stream":
		s.opt = []string{"", "concurrency=1", "concurrency=3", "on_error=continue"}[g.r.IntN(4)]
		for range 1 + g.r.IntN(4) {
			s.text += fmt.Sprintf("auth0|u%d ", g.r.IntN(6))
		}
		s.body = [][]stmt{g.list(1+g.r.IntN(2), true)}
	case "parallel":
		for range 2 + g.r.IntN(2) {
			s.body = append(s.body, g.list(1+g.r.IntN(2), inLoop))
		}
	}
	return s
}

func (g *grammar) call(inLoop bool) call {
	id := fmt.Sprintf("auth0|u%d", g.r.IntN(6))
	if inLoop && g.r.IntN(2) == 0 {
		id = "item"
	}
	switch g.r.IntN(7) {
	case 0:
		return call{op: "users.get", id: id}
	case 1:
		return call{op: "users.update", id: id, arg: "body", body: fmt.Sprintf(`{"blocked": %v}`, g.r.IntN(2) == 0)}
	case 2:
		return call{op: "users.update", id: id, arg: "body", body: fmt.Sprintf(`{"app_metadata": {"n": %d}}`, g.r.IntN(9))}
	case 3:
		return call{op: "users.add_roles", id: id, arg: "roles", body: `["rol_a"]`}
	case 4:
		return call{op: "roles.list", more: map[string]string{"per_page": "5"}}
	case 5:
		return call{op: "users.list", more: map[string]string{"q": `"email:u1*"`}}
	}
	return call{op: "connections.all"}
}

// lua writes a list of statements in Lua.
func (g *grammar) lua(list []stmt, indent string) string {
	var b strings.Builder
	for _, s := range list {
		switch s.kind {
		case "call":
			fmt.Fprintf(&b, "%s%s\n", indent, s.call.lua())
		case "rescue":
			fmt.Fprintf(&b, "%sdo local ok = pcall(function() %s end)\n%sif not ok then auth0.roles.get('rol_a') end end\n", indent, s.call.lua(), indent)
		case "when":
			fmt.Fprintf(&b, "%sif %s then\n%s%send\n", indent, s.text, g.lua(s.body[0], indent+"  "), indent)
		case "each", "stream":
			list, item := "{"+quoted(strings.Fields(s.text), "'")+"}", "item"
			if s.kind == "stream" {
				list, item = "auth0.users.each{q='email:u*'}", "user"
			}
			fmt.Fprintf(&b, "%sparallel.each(%s, {%s}, function(%s)\n", indent, list, luaOpt(s.opt), item)
			if s.kind == "stream" {
				fmt.Fprintf(&b, "%s  local item = user.user_id\n", indent)
			}
			fmt.Fprintf(&b, "%s%send)\n", g.lua(s.body[0], indent+"  "), indent)
		case "parallel":
			fmt.Fprintf(&b, "%sparallel.run{\n", indent)
			for _, branch := range s.body {
				fmt.Fprintf(&b, "%s  function()\n%s%s  end,\n", indent, g.lua(branch, indent+"    "), indent)
			}
			fmt.Fprintf(&b, "%s}\n", indent)
		}
	}
	return b.String()
}

func luaOpt(opt string) string {
	name, value, _ := strings.Cut(opt, "=")
	if name == "on_error" {
		return `on_error="` + value + `"`
	}
	return opt
}

func quoted(words []string, quote string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote + w + quote
	}
	return strings.Join(out, ", ")
}

func (c call) lua() string {
	var args []string
	if c.id == "item" {
		args = append(args, "item")
	} else if c.id != "" {
		args = append(args, "'"+c.id+"'")
	}
	if c.body != "" {
		args = append(args, "json.decode('"+c.body+"')")
	}
	if len(c.more) > 0 {
		var opts []string
		for k, v := range c.more {
			opts = append(opts, k+"="+v)
		}
		args = append(args, "{"+strings.Join(opts, ", ")+"}")
	}
	return "auth0." + c.op + "(" + strings.Join(args, ", ") + ")"
}

// yaml writes the same in YAML.
func (g *grammar) yaml(list []stmt, indent, item string) string {
	var b strings.Builder
	for _, s := range list {
		switch s.kind {
		case "call":
			fmt.Fprintf(&b, "%s- %s\n", indent, s.call.yaml(item))
		case "rescue":
			fmt.Fprintf(&b, "%s- %s\n%s  rescue:\n%s    - auth0.roles.get: {id: rol_a}\n", indent, s.call.yaml(item), indent, indent)
		case "when":
			fmt.Fprintf(&b, "%s- when: ${{ %s }}\n%s  block:\n%s", indent, s.text, indent, g.yaml(s.body[0], indent+"    ", item))
		case "each", "stream":
			source, inner := "["+quoted(strings.Fields(s.text), "'")+"]", "item"
			if s.kind == "stream" {
				source, inner = "{auth0.users.each: {q: 'email:u*'}}", "item.user_id"
			}
			fmt.Fprintf(&b, "%s- for_each: %s\n", indent, source)
			if name, value, ok := strings.Cut(s.opt, "="); ok {
				fmt.Fprintf(&b, "%s  %s: %s\n", indent, name, value)
			}
			fmt.Fprintf(&b, "%s  block:\n%s", indent, g.yaml(s.body[0], indent+"    ", inner))
		case "parallel":
			fmt.Fprintf(&b, "%s- parallel:\n", indent)
			for _, branch := range s.body {
				fmt.Fprintf(&b, "%s    - block:\n%s", indent, g.yaml(branch, indent+"        ", item))
			}
		}
	}
	return b.String()
}

func (c call) yaml(item string) string {
	var args []string
	if c.id == "item" {
		args = append(args, `id: "${{ `+item+` }}"`)
	} else if c.id != "" {
		args = append(args, "id: '"+c.id+"'")
	}
	if c.body != "" {
		args = append(args, c.arg+": "+c.body)
	}
	for k, v := range c.more {
		args = append(args, k+": "+v)
	}
	return "auth0." + c.op + ": {" + strings.Join(args, ", ") + "}"
}

func TestPairs(t *testing.T) {
	t.Parallel()
	const programs = 200
	calls := 0
	for seed := range uint64(programs) {
		g := &grammar{r: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // a reproducible program
		program := g.program()
		luaText, yamlText := g.lua(program, ""), "steps:\n"+g.yaml(program, "  ", "item")
		var requests, tasks [2][]string
		for i, p := range []struct{ name, text string }{{"pair.lua", luaText}, {"pair.yaml", yamlText}} {
			d := newDesk(t, sim.Options{Seed: seedUsers(6), SeedName: "seed.yaml"}, engine.Config{})
			if err := d.play(t.Context(), p.name, p.text); err != nil {
				t.Fatalf("seed %d, %s: %v\n%s", seed, p.name, err, p.text)
			}
			requests[i], tasks[i] = d.requests(), d.calls()
		}
		calls += len(requests[0])
		if diff := cmp.Diff(requests[0], requests[1]); diff != "" {
			t.Fatalf("seed %d: requests differ (-lua +yaml)\n%s\n%s\n%s", seed, diff, luaText, yamlText)
		}
		if diff := cmp.Diff(tasks[0], tasks[1]); diff != "" {
			t.Fatalf("seed %d: tasks differ (-lua +yaml)\n%s\n%s\n%s", seed, diff, luaText, yamlText)
		}
	}
	if calls < 5*programs {
		t.Fatalf("only %d calls in %d programs: the grammar makes too little", calls, programs)
	}
}
