package lua

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"a0run/engine"
)

// Check finds, offline and all at once: unknown operations, wrong argument
// names, undefined globals, escapes that Lua 5.1 does not know. modules is the
// folder from which require reads; nil means none.
func (p *Playbook) Check(globals *engine.Namespace, modules fs.FS) engine.Problems {
	c := newChecker(globals)
	c.head = &p.head
	c.modules = modules
	c.add(p.source, p.facts)
	for i := 0; i < len(c.files); i++ { // required modules are appended meanwhile
		c.requires(c.files[i])
	}
	for _, f := range c.files {
		c.file(f)
	}
	return c.sorted()
}

// Check is Playbook.Check for a chunk: globals, and extra names that exist
// besides.
func (c *Chunk) Check(globals *engine.Namespace, extra []string) engine.Problems {
	k := newChecker(globals)
	for _, name := range extra {
		k.defined[name] = true
	}
	k.add(c.source, c.facts)
	k.file(k.files[0])
	return k.sorted()
}

// A checker collects the mistakes of a playbook and its modules.
type checker struct {
	globals  *engine.Namespace
	library  map[string][]string
	head     *engine.Head
	modules  fs.FS
	files    []*checkedFile
	seen     map[string]bool // modules by name
	defined  map[string]bool // globals that some file sets, or that the caller named
	problems engine.Problems
	said     map[string]bool
	known    []string // every name that exists, for hints
	hinted   int      // how many names were looked at for hints
}

// maxProblems bounds what one check finds; who has made so many mistakes has
// made the same one everywhere.
const maxProblems = 200

// maxHinted bounds the names that are compared for hints: a generated program
// may set thousands, and misspell as many.
const maxHinted = 200_000

type checkedFile struct {
	source *source
	facts  *facts
}

func newChecker(globals *engine.Namespace) *checker {
	if globals == nil {
		globals = engine.NewNamespace("")
	}
	return &checker{
		globals: globals, library: libraryNames(), seen: map[string]bool{},
		defined: map[string]bool{}, said: map[string]bool{},
	}
}

func (c *checker) add(s *source, f *facts) {
	c.files = append(c.files, &checkedFile{s, f})
	for _, w := range f.writes {
		c.defined[w.path[0]] = true
		if w.path[0] == "_G" && len(w.path) > 1 {
			c.defined[w.path[1]] = true
		}
	}
}

// say notes a problem once.
func (c *checker) say(p engine.Problem) {
	if c.full() {
		return
	}
	if key := p.String(); !c.said[key] {
		c.said[key] = true
		c.problems = append(c.problems, p)
	}
}

// full says that no more problems are wanted.
func (c *checker) full() bool { return len(c.problems) >= maxProblems }

func (c *checker) sorted() engine.Problems {
	slices.SortStableFunc(c.problems, func(a, b engine.Problem) int {
		if a.Where.File != b.Where.File {
			return c.order(a.Where.File) - c.order(b.Where.File)
		}
		return cmp.Or(cmp.Compare(a.Where.Line, b.Where.Line), cmp.Compare(a.Where.Column, b.Where.Column))
	})
	if c.full() {
		last := c.problems[len(c.problems)-1].Where
		c.problems = append(c.problems, engine.Problem{
			Where: engine.Position{File: last.File, Line: last.Line}, Message: fmt.Sprintf("these are %d mistakes; there may be more", maxProblems),
		})
	}
	return c.problems
}

func (c *checker) order(file string) int {
	return slices.IndexFunc(c.files, func(f *checkedFile) bool { return f.source.name == file })
}

// requires reads the modules that a file requires by a constant name.
func (c *checker) requires(f *checkedFile) {
	for _, call := range f.facts.requires {
		arg, _ := call.args[0].(*ast.StringExpr)
		if c.seen[arg.Value] || c.modules == nil || c.full() {
			continue
		}
		c.seen[arg.Value] = true
		s, e := readModule(c.modules, arg.Value)
		if e == nil {
			c.add(s, s.survey())
			if _, p := s.compile(); p != nil {
				c.say(*p)
			}
			continue
		}
		where := e.Where
		if where.File == "" {
			where = f.source.place(arg.Line(), arg.Value)
		}
		c.say(engine.Problem{Where: where, Message: e.Message, Hint: e.HintText})
	}
}

func (c *checker) file(f *checkedFile) {
	seen := map[lineName]bool{}
	for _, u := range f.facts.reads {
		again := lineName{u.lines[len(u.lines)-1], strings.Join(u.path, ".")}
		if c.full() || seen[again] {
			continue
		}
		seen[again] = true
		c.use(f.source, u)
	}
	for _, call := range f.facts.calls {
		if !c.full() {
			c.call(f.source, call)
		}
	}
	for _, l := range f.facts.loops {
		if !c.full() {
			c.loop(f.source, l)
		}
	}
	c.escapes(f.source)
}

// use checks that a global path exists as far as it can be known.
func (c *checker) use(s *source, u use) {
	root := u.path[0]
	if root == tenantPath {
		c.inNamespace(s, u, c.handle(u), 1)
		return
	}
	if c.defined[root] {
		return
	}
	v, isHost := c.globals.Get(root)
	switch {
	case isHost:
		if root == "params" && c.head != nil {
			c.param(s, u)
			return
		}
		if ns, ok := v.(*engine.Namespace); ok {
			c.inNamespace(s, u, ns, 1)
		}
		return
	case root == "playbook":
		c.say(engine.Problem{Where: s.placeOf(u, 0), Message: "playbook{…} must be the first statement of the playbook"})
		return
	}
	members, isOwn := c.library[root]
	switch {
	case !isOwn:
		c.undefined(s, u)
	case len(u.path) > 1 && len(members) > 0 && !slices.Contains(members, u.path[1]):
		c.say(engine.Problem{
			Where: s.placeOf(u, 1), Message: "there is no " + root + "." + u.path[1], Hint: didYouMean(u.path[1], members, root),
		})
	}
}

func didYouMean(name string, candidates []string, prefix string) string {
	near := engine.Nearest(name, candidates)
	if near == "" {
		return ""
	}
	return "did you mean " + dotted(prefix, near) + "?"
}

func (c *checker) undefined(s *source, u use) {
	c.say(engine.Problem{
		Where: s.placeOf(u, 0), Message: "undefined name " + u.path[0], Hint: didYouMean(u.path[0], c.names(), ""),
	})
}

// names are all that exist, as long as comparing with them is no burden.
func (c *checker) names() []string {
	if c.known == nil {
		c.known = slices.Concat(slices.Collect(maps.Keys(c.library)), slices.Collect(maps.Keys(c.defined)), c.globals.Keys())
		slices.Sort(c.known)
	}
	if c.hinted += len(c.known); c.hinted > maxHinted {
		return nil
	}
	return c.known
}

// param checks params.NAME against the head.
func (c *checker) param(s *source, u use) {
	if len(u.path) < 2 || slices.ContainsFunc(c.head.Params, func(d engine.ParamDecl) bool { return d.Name == u.path[1] }) {
		return
	}
	var names []string
	for _, d := range c.head.Params {
		names = append(names, d.Name)
	}
	hint := didYouMean(u.path[1], names, "params")
	if hint == "" {
		hint = "declare it in the head: playbook{params = {" + u.path[1] + " = {…}}}"
	}
	c.say(engine.Problem{Where: s.placeOf(u, 1), Message: "the playbook has no parameter " + u.path[1], Hint: hint})
}

// handle is what tenant(…) gives: the resources of auth0 and, beside them, the
// other namespaces that belong to a tenant.
func (c *checker) handle(u use) *engine.Namespace {
	if len(u.path) > 1 {
		for _, name := range []string{"get_token", "verify_id_token", "verify_access_token", "authentication"} {
			if u.path[1] == name {
				return c.globals
			}
		}
	}
	v, _ := c.globals.Get("auth0")
	ns, _ := v.(*engine.Namespace)
	return ns
}

// inNamespace checks the parts of a path from n on.
func (c *checker) inNamespace(s *source, u use, ns *engine.Namespace, n int) {
	for ; ns != nil && n < len(u.path); n++ {
		v, ok := ns.Get(u.path[n])
		if !ok {
			c.say(engine.Problem{
				Where:   s.placeOf(u, n),
				Message: "there is no " + dotted(ns.Name, u.path[n]),
				Hint:    c.nearestIn(ns, u.path[n:]),
			})
			return
		}
		ns, _ = v.(*engine.Namespace)
	}
}

func (c *checker) nearestIn(ns *engine.Namespace, rest []string) string {
	if near := engine.Nearest(rest[0], ns.Keys()); near != "" {
		return "did you mean " + dotted(ns.Name, near) + "?"
	}
	if near := c.globals.Nearest(dotted(ns.Name, strings.Join(rest, "."))); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// function finds the host function that a path names.
func (c *checker) function(u use) *engine.Function {
	path := u.path
	ns := c.globals
	if path[0] == tenantPath {
		ns, path = c.handle(u), path[1:]
	} else if c.defined[path[0]] {
		return nil
	}
	for i, part := range path {
		if ns == nil {
			return nil
		}
		v, _ := ns.Get(part)
		if f, ok := v.(*engine.Function); ok && i == len(path)-1 {
			return f
		}
		ns, _ = v.(*engine.Namespace)
	}
	return nil
}

// loop finds a for that loops over a host function itself, or over the list
// that one gives.
func (c *checker) loop(s *source, l loopFact) {
	f := c.function(l.use)
	switch {
	case f == nil || l.called && f.Listing:
		return
	case !l.called:
		c.say(engine.Problem{
			Where: s.placeOf(l.use, len(l.path)-1), Hint: "call it: " + f.Name + "()",
			Message: "a for cannot loop over the function " + f.Name,
		})
	default:
		c.say(engine.Problem{
			Where: s.placeOf(l.use, len(l.path)-1), Hint: "for _, x in ipairs(" + f.Name + "(…)) do",
			Message: "a for cannot loop over what " + f.Name + " gives, which is no iterator",
		})
	}
}

// call checks the arguments of a call of a host function, or of one of the
// calls that start tasks.
func (c *checker) call(s *source, call callFact) {
	name := strings.Join(call.path, ".")
	last := len(call.path) - 1
	if call.method && len(call.path) > 1 {
		if f := c.function(call.use); f != nil {
			c.say(engine.Problem{
				Where:   s.placeOf(call.use, last),
				Message: f.Name + " is called with a dot: " + f.Name + "(…)",
			})
		}
		return
	}
	if names := optionNames(name); names != nil && !c.defined[call.path[0]] {
		c.taskOptions(s, call, name)
		return
	}
	if name == "tenant" && !c.defined["tenant"] {
		c.role(s, call)
	}
	if f := c.function(call.use); f != nil {
		if f.Name == "auth0.call" {
			c.calledByName(s, call)
		}
		c.arguments(s, call, f)
	}
}

// calledByName checks auth0.call("users.get", {…}).
func (c *checker) calledByName(s *source, call callFact) {
	if len(call.args) == 0 {
		return
	}
	name, ok := call.args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	full := "auth0." + strings.TrimPrefix(name.Value, "auth0.")
	f, ok := c.globals.Lookup(full)
	if !ok {
		hint := ""
		if near := c.globals.Nearest(full); near != "" {
			hint = "did you mean " + strings.TrimPrefix(near, "auth0.") + "?"
		}
		c.say(engine.Problem{Where: s.place(name.Line(), name.Value), Message: "auth0.call: there is no operation " + name.Value, Hint: hint})
		return
	}
	if len(call.args) == 2 && len(f.Params) > 0 {
		if tb, ok := call.args[1].(*ast.TableExpr); ok {
			c.optionNames(s, f, tb)
		}
	}
}

func (c *checker) taskOptions(s *source, call callFact, name string) {
	at := 1
	if len(call.args) <= at {
		return
	}
	tb, ok := call.args[at].(*ast.TableExpr)
	if !ok {
		return
	}
	for _, key := range constantKeys(tb) {
		if !slices.Contains(optionNames(name), key.Value) {
			e := unknownOption(name, key.Value)
			c.say(engine.Problem{Where: s.place(key.Line(), key.Value), Message: e.Message, Hint: e.HintText})
		}
	}
}

// constantKeys are the keys of {name = …, ["name"] = …}.
func constantKeys(tb *ast.TableExpr) []*ast.StringExpr {
	var out []*ast.StringExpr
	for _, f := range tb.Fields {
		if key, ok := f.Key.(*ast.StringExpr); ok {
			out = append(out, key)
		}
	}
	return out
}

// role checks tenant("name") against the roles that the head declares.
func (c *checker) role(s *source, call callFact) {
	if c.head == nil || len(c.head.Tenants) == 0 || len(call.args) != 1 {
		return
	}
	arg, ok := call.args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	var roles []string
	for _, d := range c.head.Tenants {
		roles = append(roles, d.Role)
	}
	if slices.Contains(roles, arg.Value) {
		return
	}
	hint := "the head declares " + strings.Join(roles, ", ")
	if near := engine.Nearest(arg.Value, roles); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	c.say(engine.Problem{
		Where: s.place(arg.Line(), arg.Value), Message: fmt.Sprintf("tenant(%q): the head declares no such role", arg.Value), Hint: hint,
	})
}

// arguments checks how many arguments a call gives, and the names in its last
// table.
func (c *checker) arguments(s *source, call callFact, f *engine.Function) {
	positional := 0
	for _, p := range f.Params {
		if p.Positional {
			positional++
		}
	}
	n := len(call.args)
	c.missing(s, call, f)
	if n == 0 {
		return
	}
	if spreads(call.args[n-1]) {
		n-- // f(a, g()) gives as many as g gives
	}
	where := s.placeOf(call.use, len(call.path)-1)
	if n > positional+1 {
		c.say(engine.Problem{
			Where:   where,
			Message: fmt.Sprintf("%s takes %s by position and one table of options, got %d arguments", f.Name, countOf(positional, "argument"), n),
			Hint:    signature(f),
		})
		return
	}
	tb, ok := call.args[len(call.args)-1].(*ast.TableExpr)
	if ok && len(f.Params) > 0 && namesOptions(f, len(call.args)-1, positional) {
		c.optionNames(s, f, tb)
	}
	c.bodies(s, call, f)
}

// missing finds a required argument that is not there. A table in the last
// place may hold it by name, and a call in it may give several values.
func (c *checker) missing(s *source, call callFact, f *engine.Function) {
	n := len(call.args)
	if n > 0 {
		if _, isTable := call.args[n-1].(*ast.TableExpr); isTable || spreads(call.args[n-1]) {
			return
		}
	}
	for _, p := range f.Params {
		if !p.Positional || !p.Required {
			continue
		}
		if n--; n < 0 {
			c.say(engine.Problem{
				Where: s.placeOf(call.use, len(call.path)-1), Hint: signature(f),
				Message: f.Name + ": argument " + p.Name + " is missing",
			})
			return
		}
	}
}

// namesOptions reports whether a table in place i holds options by name: behind
// the positional parameters, or in the place of one that can be left out and
// is no table itself.
func namesOptions(f *engine.Function, i, positional int) bool {
	if i >= positional {
		return true
	}
	for _, p := range f.Params {
		if !p.Positional {
			continue
		}
		if i == 0 {
			return !p.Required && (p.Type == "string" || p.Type == "integer" || p.Type == "number" || p.Type == "boolean")
		}
		i--
	}
	return false
}

func (c *checker) optionNames(s *source, f *engine.Function, tb *ast.TableExpr) {
	var known []string
	for _, p := range f.Params {
		known = append(known, p.Name)
		known = append(known, p.Aliases...)
	}
	for _, key := range constantKeys(tb) {
		if c.full() {
			return
		}
		if slices.Contains(known, key.Value) {
			continue
		}
		hint := signature(f)
		if near := engine.Nearest(key.Value, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		c.say(engine.Problem{
			Where: s.place(key.Line(), key.Value), Message: f.Name + " has no parameter " + key.Value, Hint: hint,
		})
	}
}

// spreads reports whether an expression in the last place can give several
// values.
func spreads(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

func countOf(n int, what string) string {
	switch n {
	case 0:
		return "no " + what
	case 1:
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// signature is how a function is called.
func signature(f *engine.Function) string {
	var by, named []string
	for _, p := range f.Params {
		if p.Positional {
			by = append(by, p.Name)
		} else {
			named = append(named, p.Name)
		}
	}
	if len(named) > 8 {
		named = append(named[:8:8], "…")
	}
	if len(named) > 0 {
		by = append(by, "{"+strings.Join(named, ", ")+"}")
	}
	return f.Name + "(" + strings.Join(by, ", ") + ")"
}

// escapes finds what looks like an escape of a later Lua: "\x41" is the text
// x41 in 5.1.
func (c *checker) escapes(s *source) {
	wrong := regexp.MustCompile(`\\(x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|z\s)`)
	for _, span := range s.quotedSpans() {
		if c.full() {
			return
		}
		for _, m := range wrong.FindAllStringIndex(span.text, -1) {
			if before := span.text[:m[0]]; (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1 {
				continue // an escaped backslash
			}
			found := strings.TrimSpace(span.text[m[0]:m[1]])
			c.say(engine.Problem{
				Where:   s.at(span.line, span.column+m[0]),
				Message: found + " is no escape in Lua 5.1: the backslash is dropped",
				Hint:    `write the byte as three decimal digits (\065), or the character itself`,
			})
		}
	}
}

// libraryNames are the globals of the sandbox and, for those that are tables,
// their members.
var libraryNames = sync.OnceValue(readLibraryNames) //nolint:gochecknoglobals // read once from the sandbox itself and never changed

func readLibraryNames() map[string][]string {
	out := map[string][]string{}
	vm, err := newVM(Options{Globals: engine.NewNamespace("")})
	if err != nil {
		return out
	}
	defer vm.Close()
	g := vm.root.G.Global
	for key, v := g.Next(lua.LNil); key != lua.LNil; key, v = g.Next(key) {
		var members []string
		if tb, ok := v.(*lua.LTable); ok && tb != g && key.String() != "package" {
			for k, _ := tb.Next(lua.LNil); k != lua.LNil; k, _ = tb.Next(k) {
				members = append(members, k.String())
			}
		}
		out[key.String()] = members
	}
	return out
}
