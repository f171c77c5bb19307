package yaml

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"a0run/engine"
	"a0run/engine/lua"
)

// maxTries bounds how many }} are tried as the end of one expression.
const maxTries = 200

// maxExprs bounds the expressions of a file.
const maxExprs = 10_000

// A template is a text with expressions in it. Where whole is set the text is
// one expression and nothing else, and keeps the type of its value.
type template struct {
	parts []part
	whole bool
	// broken says that an expression is wrong, which was reported.
	broken bool
}

// A part is a text or an expression.
type part struct {
	text string
	expr *expr
}

// An expr is one ${{ }}, or the text of a lua step.
type expr struct {
	at    engine.Position
	chunk *lua.Chunk
	reads reads
	// path is set for item.user_id and its like, which need no Lua.
	path []string
	// code marks the text of a lua step.
	code bool
	// asksError says that fields of error are read, usesError that error stands
	// for a value and is not only called. (Names does not tell it: error is also
	// a function of Lua's.)
	asksError, usesError bool
}

// reads says which of a playbook's own names an expression needs, so that no
// more than these is handed to the VM.
type reads struct {
	vars, steps       map[string]bool
	allVars, allSteps bool
	item, index       bool
	names             []lua.Name
}

// compile finds the expressions of every text below n.
func (r *reader) compile(n *node) {
	for _, v := range n.values {
		r.compile(v)
	}
	s, ok := n.text()
	if !ok || n.tmpl != nil || !strings.Contains(s, "${{") {
		return
	}
	n.tmpl = r.template(n, s)
}

// template splits a text. The end of an expression is the first }} up to which
// it is Lua: a }} inside a string or of a table does not end it.
func (r *reader) template(n *node, s string) *template {
	t := &template{}
	places := r.places(n, s)
	rest := s
	for k := 0; ; k++ {
		i := strings.Index(rest, "${{")
		if i < 0 {
			break
		}
		if i > 0 {
			t.parts = append(t.parts, part{text: rest[:i]})
		}
		if r.exprs++; r.exprs > maxExprs {
			if r.exprs == maxExprs+1 {
				r.problem(n.at, "use for_each, or a lua step", "the file has more than %d expressions", maxExprs)
			}
			return &template{broken: true}
		}
		e, length := r.expression(rest[i+3:], places(len(s)-len(rest)+i))
		t.parts = append(t.parts, part{expr: e})
		t.broken = t.broken || e == nil
		if length < 0 {
			return t
		}
		rest = rest[i+3+length:]
	}
	if rest != "" {
		t.parts = append(t.parts, part{text: rest})
	}
	// A block text ends with a line break that nobody meant.
	if len(t.parts) == 2 && n.block && t.parts[0].expr != nil && strings.TrimSpace(t.parts[1].text) == "" {
		t.parts = t.parts[:1]
	}
	t.whole = len(t.parts) == 1 && t.parts[0].expr != nil
	return t
}

// expression compiles what follows ${{; length is that of the text up to and
// with }}, -1 where there is no end.
func (r *reader) expression(s string, at engine.Position) (e *expr, length int) {
	var first error
	for end, tries := 0, 0; tries < maxTries; tries++ {
		i := strings.Index(s[end:], "}}")
		if i < 0 {
			break
		}
		source := s[:end+i]
		if strings.TrimSpace(source) == "" {
			r.problem(at, "", "the expression is empty")
			return nil, end + i + 2
		}
		chunk, err := lua.CompileExpr(strings.TrimLeft(source, " "), at)
		if err == nil {
			e := &expr{at: at, chunk: chunk, path: purePath(source)}
			e.asksError, e.usesError = errorUses(source)
			e.reads = readsOf(chunk.Names())
			return e, end + i + 2
		}
		if first == nil {
			first = err
			length = end + i + 2
		}
		end += i + 1
	}
	if first == nil {
		hint := "write ${{ … }}"
		if strings.Contains(r.line(at.Line), " #") {
			hint = "in YAML a # after a space begins a comment: put the value in quotes, or write it below after |"
		}
		r.problem(at, hint, "${{ without its }}")
		return nil, -1
	}
	r.luaProblems(first, at)
	return nil, length
}

// luaProblems takes over what the Lua front end says about a text.
func (r *reader) luaProblems(err error, at engine.Position) {
	if ps, ok := errors.AsType[engine.Problems](err); ok {
		r.problems = append(r.problems, ps...)
		return
	}
	if e, ok := errors.AsType[*engine.Error](err); ok {
		if e.Where.Line != 0 {
			at = e.Where
		}
		r.problem(at, e.HintText, "%s", e.Message)
		return
	}
	r.problem(at, "", "%s", err.Error())
}

// places gives the place in the source of an offset in a scalar's text. The
// expressions of a text stand in the source in the same order, so that the
// k-th ${{ of the one is the k-th of the other whatever the quotes; only an
// escaped "\x24{{" is not found, and stands where its scalar stands.
func (r *reader) places(n *node, s string) func(offset int) engine.Position {
	inText, inSource := 0, n.offset
	return func(offset int) engine.Position {
		next := func() bool {
			i := bytes.Index(r.source[inSource:], []byte("${{"))
			inSource += max(i, 0)
			return i >= 0
		}
		for range strings.Count(s[inText:offset], "${{") {
			if !next() {
				return n.at
			}
			inSource += 3
		}
		inText = offset
		if !next() {
			return n.at
		}
		// The place is that of the expression's first letter.
		o := inSource + 3
		for o < len(r.source) && r.source[o] == ' ' {
			o++
		}
		return r.position(o)
	}
}

// purePath splits "item.user_id"; nil for everything that is more than a path.
func purePath(source string) []string {
	path := strings.Split(strings.TrimSpace(source), ".")
	switch path[0] {
	case "item", "index", "vars", "steps":
	default:
		return nil
	}
	for _, name := range path[1:] {
		if !isName(name) {
			return nil
		}
	}
	return path
}

// errorUses looks outside of texts for error.message and its like, and for any
// use of error that is no call of Lua's function of that name.
func errorUses(source string) (fields, value bool) {
	if !strings.Contains(source, "error") {
		return false, false
	}
	source = regexp.MustCompile(`"(\\.|[^"\\])*"|'(\\.|[^'\\])*'|--[^\n]*`).ReplaceAllString(source, `""`)
	for _, m := range regexp.MustCompile(`(?:^|[^.:\w]|\.\.)error\b\s*(.?)`).FindAllStringSubmatch(source, -1) {
		switch m[1] {
		case ".", "[", ":":
			fields, value = true, true
		case "(", `"`, "{":
		default:
			value = true
		}
	}
	return fields, value
}

// readsOf sorts the names that a chunk reads.
func readsOf(names []lua.Name) reads {
	r := reads{names: names, vars: map[string]bool{}, steps: map[string]bool{}}
	for _, n := range names {
		root, rest, _ := strings.Cut(n.Path, ".")
		second, _, _ := strings.Cut(rest, ".")
		switch root {
		case "vars":
			r.vars[second] = true
			r.allVars = r.allVars || second == ""
		case "steps":
			r.steps[second] = true
			r.allSteps = r.allSteps || second == ""
		case "item":
			r.item = true
		case "index":
			r.index = true
		}
	}
	return r
}
