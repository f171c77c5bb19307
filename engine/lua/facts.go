package lua

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// facts are what a program does with globals, read from its syntax tree before
// anything runs.
type facts struct {
	reads    []use
	writes   []use
	calls    []callFact
	requires []callFact // calls of require with a constant name
	loops    []loopFact
}

// A use is a global path that the program reads or sets: auth0.users.get is
// {"auth0", "users", "get"}. What follows a call or a computed key is not part
// of it.
type use struct {
	path  []string
	lines []int // of each part
	// method is set for a call with a colon: the last part is the method.
	method bool
	// whole says that nothing follows the path: the value itself is used.
	whole bool
}

// A callFact is a call of a global function.
type callFact struct {
	use
	args []ast.Expr
}

// A loopFact is what a generic for loops over, where that is one path: a bare
// one, or one that is called.
type loopFact struct {
	use
	called bool
}

// tenantPath stands for what tenant(…) gives, where a local holds it.
const tenantPath = "tenant(…)"

// survey reads the facts of a program.
func (s *source) survey() *facts {
	w := &surveyor{facts: &facts{}, assigned: map[string]bool{}, locals: map[string][]use{}}
	(&assignments{w.assigned}).block(s.stmts)
	w.block(s.stmts)
	return w.facts
}

// A surveyor walks a program and knows which names are local where it is.
type surveyor struct {
	facts *facts
	// locals are the locals in sight by name, the innermost last. One that was
	// made of a global path and is never assigned stands for that path.
	locals map[string][]use
	// declared are their names in order, for the end of a block; marks say where
	// each open block begins in it.
	declared []string
	marks    []int
	// assigned are the names that some assignment sets: a local of such a name
	// may not be what it was made of.
	assigned map[string]bool
}

func (w *surveyor) push() { w.marks = append(w.marks, len(w.declared)) }

func (w *surveyor) pop() {
	last := len(w.marks) - 1
	mark := w.marks[last]
	w.marks = w.marks[:last]
	for _, name := range w.declared[mark:] {
		w.locals[name] = w.locals[name][:len(w.locals[name])-1]
	}
	w.declared = w.declared[:mark]
}

func (w *surveyor) declare(name string, alias use) {
	if w.assigned[name] {
		alias = use{}
	}
	w.locals[name] = append(w.locals[name], alias)
	w.declared = append(w.declared, name)
}

func (w *surveyor) local(name string) (use, bool) {
	stack := w.locals[name]
	if len(stack) == 0 {
		return use{}, false
	}
	return stack[len(stack)-1], true
}

func (w *surveyor) block(stmts []ast.Stmt) {
	w.push()
	w.stmts(stmts)
	w.pop()
}

func (w *surveyor) stmts(stmts []ast.Stmt) {
	for _, s := range stmts {
		w.stmt(s)
	}
}

func (w *surveyor) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		w.exprs(s.Rhs)
		for _, e := range s.Lhs {
			w.target(e)
		}
	case *ast.LocalAssignStmt:
		w.localAssign(s)
	case *ast.FuncCallStmt:
		w.expr(s.Expr)
	case *ast.DoBlockStmt:
		w.block(s.Stmts)
	case *ast.WhileStmt:
		w.expr(s.Condition)
		w.block(s.Stmts)
	case *ast.RepeatStmt:
		w.push()
		w.stmts(s.Stmts)
		w.expr(s.Condition) // sees the locals of the body
		w.pop()
	case *ast.IfStmt:
		w.expr(s.Condition)
		w.block(s.Then)
		w.block(s.Else)
	case *ast.NumberForStmt:
		w.exprs([]ast.Expr{s.Init, s.Limit})
		if s.Step != nil {
			w.expr(s.Step)
		}
		w.body([]string{s.Name}, s.Stmts)
	case *ast.GenericForStmt:
		w.loop(s.Exprs)
		w.exprs(s.Exprs)
		w.body(s.Names, s.Stmts)
	case *ast.FuncDefStmt:
		w.funcDef(s)
	case *ast.ReturnStmt:
		w.exprs(s.Exprs)
	}
}

func (w *surveyor) localAssign(s *ast.LocalAssignStmt) {
	if len(s.Names) == 1 && len(s.Exprs) == 1 && s.LastLine() != 0 {
		w.declare(s.Names[0], use{}) // local function f: f sees itself
	}
	w.exprs(s.Exprs)
	for i, name := range s.Names {
		alias := use{}
		if i < len(s.Exprs) {
			if u, ok := w.path(s.Exprs[i]); ok && u.whole {
				alias = u
			}
		}
		w.declare(name, alias)
	}
}

func (w *surveyor) funcDef(s *ast.FuncDefStmt) {
	if s.Name.Receiver != nil {
		w.expr(s.Name.Receiver)
		w.function(s.Func, "self")
		return
	}
	w.target(s.Name.Func)
	w.function(s.Func)
}

// body is a block with locals of its own, or a function's.
func (w *surveyor) body(names []string, stmts []ast.Stmt) {
	w.push()
	for _, n := range names {
		w.declare(n, use{})
	}
	w.stmts(stmts)
	w.pop()
}

func (w *surveyor) function(f *ast.FunctionExpr, more ...string) {
	names := slices.Concat(f.ParList.Names, more)
	if f.ParList.HasVargs {
		names = append(names, "arg")
	}
	w.body(names, f.Stmts)
}

// target is what an assignment sets.
func (w *surveyor) target(e ast.Expr) {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		if u, isPath := w.path(e); isPath && len(u.path) == 2 && u.path[0] == "_G" {
			w.facts.writes = append(w.facts.writes, u) // a global set by the table of them
		}
		w.expr(e)
		return
	}
	if _, isLocal := w.local(id.Value); !isLocal {
		w.facts.writes = append(w.facts.writes, use{path: []string{id.Value}, lines: []int{id.Line()}, whole: true})
	}
}

func (w *surveyor) exprs(es []ast.Expr) {
	for _, e := range es {
		w.expr(e)
	}
}

func (w *surveyor) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr, *ast.AttrGetExpr:
		if u, ok := w.path(e); ok {
			w.facts.reads = append(w.facts.reads, u)
		}
		w.keys(e)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				w.expr(f.Key)
			}
			w.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		w.call(e)
	case *ast.LogicalOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.RelationalOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.ArithmeticOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.StringConcatOpExpr:
		w.concat(e)
	case *ast.UnaryMinusOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		w.expr(e.Expr)
	case *ast.FunctionExpr:
		w.function(e)
	}
}

// concat walks a .. b .. c without a call for every operand.
func (w *surveyor) concat(e *ast.StringConcatOpExpr) {
	for {
		w.expr(e.Lhs)
		next, ok := e.Rhs.(*ast.StringConcatOpExpr)
		if !ok {
			w.expr(e.Rhs)
			return
		}
		e = next
	}
}

// keys walks what a chain of indexes computes, and what it stands on.
func (w *surveyor) keys(e ast.Expr) {
	for {
		a, ok := e.(*ast.AttrGetExpr)
		if !ok {
			break
		}
		if _, constant := a.Key.(*ast.StringExpr); !constant {
			w.expr(a.Key)
		}
		e = a.Object
	}
	if _, ok := e.(*ast.IdentExpr); !ok {
		w.expr(e)
	}
}

func (w *surveyor) call(e *ast.FuncCallExpr) {
	var u use
	var known bool
	if e.Func != nil {
		w.expr(e.Func)
		u, known = w.path(e.Func)
	} else {
		if u, known = w.path(e.Receiver); known && u.whole {
			u.path = append(slices.Clone(u.path), e.Method)
			u.lines = append(slices.Clone(u.lines), e.Line())
			u.method = true
		}
		w.expr(e.Receiver)
	}
	w.exprs(e.Args)
	if !known || !u.whole {
		return
	}
	c := callFact{use: u, args: e.Args}
	w.facts.calls = append(w.facts.calls, c)
	if len(u.path) == 1 && u.path[0] == "require" && len(e.Args) == 1 {
		if _, ok := e.Args[0].(*ast.StringExpr); ok {
			w.facts.requires = append(w.facts.requires, c)
		}
	}
}

// maxPath bounds the parts of a path: nothing of the host has more, and each of
// many long paths would be copied.
const maxPath = 32

// path is the global path of an expression, as far as it is known.
func (w *surveyor) path(e ast.Expr) (use, bool) {
	var keys []ast.Expr // the last one first
	for {
		a, ok := e.(*ast.AttrGetExpr)
		if !ok {
			break
		}
		keys = append(keys, a.Key)
		e = a.Object
	}
	u, ok := w.root(e)
	if !ok || !u.whole {
		return u, ok
	}
	u.path, u.lines = slices.Clone(u.path), slices.Clone(u.lines)
	for _, k := range slices.Backward(keys) {
		key, constant := k.(*ast.StringExpr)
		if !constant || len(u.path) == maxPath {
			u.whole = false
			break
		}
		u.path = append(u.path, key.Value)
		u.lines = append(u.lines, key.Line())
	}
	return u, true
}

// root is what a path begins with.
func (w *surveyor) root(e ast.Expr) (use, bool) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if alias, isLocal := w.local(e.Value); isLocal {
			return alias, len(alias.path) > 0
		}
		return use{path: []string{e.Value}, lines: []int{e.Line()}, whole: true}, true
	case *ast.FuncCallExpr:
		if isGlobalCall(e, "tenant") && len(e.Args) == 1 {
			if _, isLocal := w.local("tenant"); !isLocal {
				return use{path: []string{tenantPath}, lines: []int{e.Line()}, whole: true}, true
			}
		}
	}
	return use{}, false
}

// assignments collects every name that an assignment sets anywhere.
type assignments struct{ names map[string]bool }

func (a *assignments) block(stmts []ast.Stmt) {
	eachStmt(stmts, func(s ast.Stmt) {
		switch s := s.(type) {
		case *ast.AssignStmt:
			for _, e := range s.Lhs {
				if id, ok := e.(*ast.IdentExpr); ok {
					a.names[id.Value] = true
				}
			}
		case *ast.FuncDefStmt:
			if id, ok := s.Name.Func.(*ast.IdentExpr); ok {
				a.names[id.Value] = true
			}
		}
	})
}

// loop keeps what a generic for loops over.
func (w *surveyor) loop(exprs []ast.Expr) {
	if len(exprs) != 1 {
		return
	}
	if call, ok := exprs[0].(*ast.FuncCallExpr); ok && call.Func != nil {
		if u, ok := w.path(call.Func); ok && u.whole {
			w.facts.loops = append(w.facts.loops, loopFact{u, true})
		}
		return
	}
	if u, ok := w.path(exprs[0]); ok && u.whole {
		w.facts.loops = append(w.facts.loops, loopFact{u, false})
	}
}
