package yaml

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"a0run/engine"
	"a0run/engine/lua"
)

// A list is a list of steps.
type list struct {
	at    engine.Position
	steps []*step
	// graph says that a step of the list has needs of its own.
	graph bool
	// preds are, for each step, the indices of those it waits for; only of a
	// graph.
	preds [][]int
}

// A step is one entry of a list.
type step struct {
	at    engine.Position
	index int // in its list, from 1
	id    string
	idAt  engine.Position
	name  string

	// entries are the keys that are no modifiers: exactly one of them is the
	// action, and only the table of functions can tell which.
	entries []entry
	act     *action

	tenant, when, key, concurrency, timeout *node
	collect                                 bool
	retry                                   *retry
	forEach                                 *node
	eachEntries                             []entry // for_each: {auth0.users.each: …}
	eachAct                                 *action

	hasNeeds bool
	needs    []need
	needsAt  engine.Position
	register string
	onError  engine.OnError
	weight   float64
	undo     engine.UndoPolicy
	rescue   *list
	always   *list
}

type need struct {
	id string
	at engine.Position
}

type retry struct {
	times, delay *node
	on           []string
}

// An entry is a key with its value.
type entry struct{ key, value *node }

func (e entry) name() string { return e.key.value.(string) }

// label names a step in messages.
func (s *step) label() string {
	switch {
	case s.id != "":
		return s.id
	case s.name != "":
		return s.name
	case s.act != nil:
		return s.act.name
	}
	return fmt.Sprintf("step %d", s.index)
}

type actionKind uint8

const (
	hostAction actionKind = iota
	luaAction
	listAction // block and include
	parallelAction
	varsAction
	printAction
	failAction
)

// An action is what a step does.
type action struct {
	kind actionKind
	name string
	at   engine.Position
	arg  *node
	code *expr
	body *list
	// branches of parallel.
	branches []branch
}

// A branch of parallel is a step or, in the map form, a list of steps.
type branch struct {
	key  string
	body *list
}

// ownActions are the actions that are no functions.
func ownActions() []string {
	return []string{"lua", "include", "block", "parallel", "vars", "print", "fail"}
}

func modifiers() []string {
	return []string{
		"id", "name", "tenant", "when", "for_each", "concurrency", "key", "collect", "retry", "timeout",
		"needs", "register", "on_error", "undo", "weight", "rescue", "always",
	}
}

// A builder makes steps of the nodes of one file.
type builder struct {
	*reader
	files fs.FS
	// including are the files on the way here, to find circles.
	including []string
}

// list reads a list of steps.
func (b *builder) list(n *node, what string) *list {
	l := &list{at: n.at}
	if n.kind != sequence {
		b.problem(n.at, "write each step as \"- …\"", "%s must be a list of steps, got %s", what, n.what())
		return l
	}
	for i, v := range n.values {
		if s := b.step(v, i+1); s != nil {
			l.steps = append(l.steps, s)
			l.graph = l.graph || s.hasNeeds
		}
	}
	return l
}

func (b *builder) step(n *node, index int) *step {
	if n.kind != mapping {
		b.problem(n.at, "write it as \"- auth0.users.list:\"", "a step must be a mapping, got %s", n.what())
		return nil
	}
	s := &step{at: n.at, index: index}
	for i, k := range n.keys {
		name, _ := k.text()
		if !b.modifier(s, name, entry{k, n.values[i]}) {
			s.entries = append(s.entries, entry{k, n.values[i]})
		}
	}
	for _, e := range s.entries {
		if slices.Contains(ownActions(), e.name()) {
			s.act = b.ownAction(s, e)
		} else {
			b.compile(e.value)
		}
	}
	if len(s.entries) == 0 {
		b.problem(s.at, "give it a function's name as key, or one of "+strings.Join(ownActions(), ", "), "the step has no action")
		return nil
	}
	b.together(s)
	return s
}

// together reports modifiers that need another one.
func (b *builder) together(s *step) {
	lone := func(n *node, name string) {
		if n != nil && s.forEach == nil {
			b.problem(n.at, "", "%s has a meaning only beside for_each", name)
		}
	}
	lone(s.key, "key")
	if s.act == nil || s.act.kind != parallelAction {
		lone(s.concurrency, "concurrency")
	}
	if s.collect && s.forEach == nil {
		b.problem(s.at, "", "collect has a meaning only beside for_each")
	}
}

// ownAction reads an action that is no function.
func (b *builder) ownAction(s *step, e entry) *action {
	a := &action{name: e.name(), at: e.key.at, arg: e.value}
	switch a.name {
	case "lua":
		a.kind = luaAction
		a.code = b.code(e.value)
	case "include":
		a.kind = listAction
		a.body = b.include(e.value)
	case "block":
		a.kind = listAction
		a.body = b.list(e.value, "block")
	case "parallel":
		a.kind = parallelAction
		a.branches = b.parallel(e.value)
	case "vars":
		a.kind = varsAction
		b.compile(e.value)
		b.names(e.value, "vars")
	case "print":
		a.kind = printAction
		b.compile(e.value)
	case "fail":
		a.kind = failAction
		b.compile(e.value)
		if _, ok := e.value.text(); !ok {
			b.problem(e.value.at, "", "fail takes a text, got %s", e.value.what())
		}
	}
	return a
}

// code compiles the text of a lua step.
func (b *builder) code(n *node) *expr {
	source, ok := n.text()
	if !ok {
		b.problem(n.at, "write \"lua: |\" and the code below it", "lua takes a text, got %s", n.what())
		return nil
	}
	at := n.at
	if n.block {
		at.Line, at.Column = at.Line+1, b.indentation(at.Line+1)+1
	}
	chunk, err := lua.CompileBlock(source, at)
	if err != nil {
		if strings.Contains(source, "${{") {
			b.problem(at, "write vars.x where ${{ vars.x }} stands", "the text of a lua step is Lua already and takes no ${{ }}")
			return nil
		}
		b.luaProblems(err, at)
		return nil
	}
	e := &expr{at: at, chunk: chunk, code: true, reads: readsOf(chunk.Names())}
	e.asksError, e.usesError = errorUses(source)
	return e
}

// indentation counts the spaces before a block text that begins with a line:
// those of its first line that is not empty.
func (b *builder) indentation(line int) int {
	for ; line <= len(b.lines); line++ {
		text := strings.TrimRight(b.line(line), "\r")
		if inner := strings.TrimLeft(text, " "); inner != "" {
			return len(text) - len(inner)
		}
	}
	return 0
}

// names reports keys that cannot be written in an expression.
func (b *builder) names(n *node, what string) {
	if n.kind != mapping {
		b.problem(n.at, "write name: value", "%s must be a mapping, got %s", what, n.what())
		return
	}
	for _, k := range n.keys {
		b.identifier(k, "the name of a variable")
	}
}

// identifier reads a name that expressions can use.
func (b *builder) identifier(n *node, what string) string {
	s, ok := n.text()
	switch {
	case !ok:
		b.problem(n.at, "", "%s must be a text, got %s", what, n.what())
	case !isName(s):
		hint := "letters, digits and _, not beginning with a digit, and no word of Lua's own"
		if fixed := strings.NewReplacer("-", "_", " ", "_", ".", "_").Replace(s); isName(fixed) {
			hint = "write " + fixed
		}
		b.problem(n.at, hint, "%s must be a name that Lua can write, got %q", what, s)
	default:
		return s
	}
	return ""
}

// isName reports whether s is a Lua name and no keyword.
func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	switch s {
	case "", "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local",
		"nil", "not", "or", "repeat", "return", "then", "true", "until", "while":
		return false
	}
	return true
}

// include reads the steps of another file of the playbook's folder. Its steps
// stand as in a block: they share names and ids with the file they come into.
func (b *builder) include(n *node) *list {
	empty := &list{at: n.at}
	name, ok := n.text()
	if !ok || strings.Contains(name, "${{") {
		b.problem(n.at, "", "include takes the name of a file, without expressions")
		return empty
	}
	switch {
	case !fs.ValidPath(name) || name == ".":
		b.problem(n.at, "write the path from the playbook's folder, as steps/login.yaml", "include reaches only files of the playbook's folder, not %q", name)
		return empty
	case b.files == nil:
		b.problem(n.at, "", "a playbook that does not come from a file can include nothing")
		return empty
	case slices.Contains(b.including, name):
		b.problem(n.at, "", "the files include each other in a circle: %s → %s", strings.Join(b.including, " → "), name)
		return empty
	case len(b.including) > maxIncludes:
		b.problem(n.at, "", "files include each other more than %d deep", maxIncludes)
		return empty
	}
	source, err := readLimited(b.files, name)
	if err != nil {
		b.problem(n.at, b.nearestFile(name), "include cannot read the file: %s", reasonOf(err))
		return empty
	}
	in := &builder{reader: &reader{file: name, source: source}, files: b.files}
	in.including = append(slices.Clone(b.including), name)
	root := in.read()
	defer func() { b.problems = append(b.problems, in.problems...) }()
	if root == nil {
		return empty
	}
	if root.kind == mapping {
		steps, ok := root.get("steps")
		if !ok || len(root.keys) > 1 {
			in.problem(root.at, "the head stands in the playbook itself", "an included file holds a list of steps, or steps: and nothing else")
			return empty
		}
		root = steps
	}
	return in.list(root, "an included file")
}

const maxIncludes = 20

func readLimited(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSource {
		return nil, fmt.Errorf("%s is larger than 1 MB", name)
	}
	return fs.ReadFile(files, name)
}

// nearestFile is a hint for a file that is not there.
func (b *builder) nearestFile(name string) string {
	dir := "."
	if i := strings.LastIndex(name, "/"); i >= 0 {
		dir = name[:i]
	}
	var names []string
	entries, _ := fs.ReadDir(b.files, dir) // what cannot be read has no nearest name
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(dir+"/"+e.Name(), "./"))
	}
	return didYouMean(engine.Nearest(name, names))
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

// parallel reads the branches of parallel: a list of steps, or names with a
// step or a list of steps each.
func (b *builder) parallel(n *node) []branch {
	var out []branch
	switch n.kind {
	case sequence:
		l := b.list(n, "parallel")
		for _, s := range l.steps {
			out = append(out, branch{key: s.id, body: &list{at: s.at, steps: []*step{s}}})
			b.noNeeds(s)
		}
	case mapping:
		for i, k := range n.keys {
			key, v := k.value.(string), n.values[i]
			if v.kind == sequence {
				out = append(out, branch{key: key, body: b.list(v, "a branch of parallel")})
				continue
			}
			s := b.step(v, i+1)
			if s == nil {
				continue
			}
			b.noNeeds(s)
			if s.id == "" && s.name == "" {
				s.name = key
			}
			out = append(out, branch{key: key, body: &list{at: s.at, steps: []*step{s}}})
		}
	case scalar:
		b.problem(n.at, "", "parallel takes a list of steps, or names with steps, got %s", n.what())
	}
	return out
}

func (b *builder) noNeeds(s *step) {
	if s.hasNeeds {
		b.problem(s.needsAt, "put the steps into a block: and give them needs there", "needs has no meaning inside parallel: all start at once")
		s.hasNeeds, s.needs = false, nil
	}
}

// reasonOf is the cause of a file error without its operation and path.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
