package lua

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// A pass changes a program between the parser and the compiler, in every load
// path, for three reasons:
//
// The compiler threads jumps through jumps that it patched already: in a loop
// whose body begins with a branch, code under `if false` was seen to run. A
// statement before the branch keeps the jumps apart.
//
// `s = s .. s` doubles a string inside one instruction, before any hook looks;
// so .. becomes a call of a function that accounts for what it makes.
//
// `b = (f(b))` spoils its own argument where b is a function's last parameter;
// see apart.
//
// `local f = function` sees itself in this compiler as if it were
// `local function f`; a second, unused name keeps the function from it.
type pass struct{}

// The names that the pass makes up. No playbook can spell them.
const (
	guardName  = "(guard)"
	concatName = "(concat)"
	unusedName = "(unused)"
)

// chunk wraps a program: local (concat) = ...; return function(...) … end.
func (p *pass) chunk(stmts []ast.Stmt) []ast.Stmt {
	body := &ast.FunctionExpr{
		ParList: &ast.ParList{HasVargs: true, Names: []string{}},
		Stmts:   p.block(stmts),
	}
	vararg := &ast.Comma3Expr{AdjustRet: true}
	local := &ast.LocalAssignStmt{Names: []string{concatName}, Exprs: []ast.Expr{vararg}}
	return []ast.Stmt{local, &ast.ReturnStmt{Exprs: []ast.Expr{body}}}
}

func (p *pass) block(stmts []ast.Stmt) []ast.Stmt {
	for i, s := range stmts {
		p.stmt(s)
		if a, ok := s.(*ast.AssignStmt); ok {
			stmts[i] = apart(a)
		}
	}
	return stmts
}

// apart keeps an assignment's calls from its targets. The compiler builds a
// call whose one value goes to the function's last parameter in that very
// register: in `b = (f(b))` and `b, a = f(b), a` the function overwrites its
// own argument.
func apart(s *ast.AssignStmt) ast.Stmt {
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		if call, ok := s.Rhs[0].(*ast.FuncCallExpr); ok {
			call.AdjustRet = false // one target takes one value anyway
		}
		return s
	}
	meet := false
	for i, e := range s.Rhs {
		call, isCall := e.(*ast.FuncCallExpr)
		if !isCall || i >= len(s.Lhs) || (i == len(s.Rhs)-1 && !call.AdjustRet) {
			continue
		}
		_, isName := s.Lhs[i].(*ast.IdentExpr)
		meet = meet || isName
	}
	if !meet {
		return s
	}
	local := &ast.LocalAssignStmt{Exprs: s.Rhs}
	assign := &ast.AssignStmt{Lhs: s.Lhs}
	for i := range s.Lhs {
		name := fmt.Sprintf("(value %d)", i+1)
		id := &ast.IdentExpr{Value: name}
		id.SetLine(s.Line())
		local.Names = append(local.Names, name)
		assign.Rhs = append(assign.Rhs, id)
	}
	block := &ast.DoBlockStmt{Stmts: []ast.Stmt{local, assign}}
	for _, x := range []ast.PositionHolder{local, assign, block} {
		x.SetLine(s.Line())
	}
	return block
}

// loop is the body of a loop.
func (p *pass) loop(stmts []ast.Stmt) []ast.Stmt {
	p.block(stmts)
	if len(stmts) == 0 {
		return stmts
	}
	switch stmts[0].(type) {
	case *ast.IfStmt, *ast.GotoStmt, *ast.BreakStmt, *ast.WhileStmt, *ast.RepeatStmt,
		*ast.DoBlockStmt, *ast.LabelStmt, *ast.NumberForStmt, *ast.GenericForStmt:
	default:
		return stmts
	}
	guard := &ast.LocalAssignStmt{Names: []string{guardName}, Exprs: []ast.Expr{&ast.NumberExpr{Value: "0"}}}
	guard.SetLine(stmts[0].Line())
	guard.Exprs[0].SetLine(stmts[0].Line())
	return append([]ast.Stmt{guard}, stmts...)
}

func (p *pass) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		p.exprs(s.Lhs)
		p.exprs(s.Rhs)
	case *ast.LocalAssignStmt:
		p.exprs(s.Exprs)
		p.local(s)
	case *ast.FuncCallStmt:
		s.Expr = p.expr(s.Expr)
	case *ast.DoBlockStmt:
		s.Stmts = p.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = p.expr(s.Condition)
		s.Stmts = p.loop(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = p.expr(s.Condition)
		s.Stmts = p.loop(s.Stmts)
	case *ast.IfStmt:
		s.Condition = p.expr(s.Condition)
		s.Then = p.block(s.Then)
		s.Else = p.block(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit = p.expr(s.Init), p.expr(s.Limit)
		if s.Step != nil {
			s.Step = p.expr(s.Step)
		}
		s.Stmts = p.loop(s.Stmts)
	case *ast.GenericForStmt:
		p.exprs(s.Exprs)
		s.Stmts = p.loop(s.Stmts)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			s.Name.Func = p.expr(s.Name.Func)
		}
		if s.Name.Receiver != nil {
			s.Name.Receiver = p.expr(s.Name.Receiver)
		}
		p.expr(s.Func)
	case *ast.ReturnStmt:
		p.exprs(s.Exprs)
	}
}

// local tells `local f = function` from `local function f`: of the two only
// the latter has a last line.
func (p *pass) local(s *ast.LocalAssignStmt) {
	if len(s.Names) != 1 || len(s.Exprs) != 1 || s.LastLine() != 0 {
		return
	}
	if _, ok := s.Exprs[0].(*ast.FunctionExpr); ok {
		s.Names = append(s.Names, unusedName)
	}
}

func (p *pass) exprs(es []ast.Expr) {
	for i, e := range es {
		es[i] = p.expr(e)
	}
}

func (p *pass) expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		e.Object, e.Key = p.expr(e.Object), p.expr(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				f.Key = p.expr(f.Key)
			}
			f.Value = p.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = p.expr(e.Func)
		}
		if e.Receiver != nil {
			e.Receiver = p.expr(e.Receiver)
		}
		p.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = p.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = p.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = p.expr(e.Expr)
	case *ast.FunctionExpr:
		e.Stmts = p.block(e.Stmts)
	case *ast.StringConcatOpExpr:
		return p.concat(e)
	}
	return e
}

// maxOperands bounds the arguments of one call of the joining function: they
// stand in registers, of which there are 200.
const maxOperands = 40

// concat turns a .. b .. c, which groups from the right, into one call.
func (p *pass) concat(e *ast.StringConcatOpExpr) ast.Expr {
	var operands []ast.Expr
	var last ast.Expr = e
	for {
		c, ok := last.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		operands = append(operands, p.expr(c.Lhs))
		last = c.Rhs
	}
	operands = append(operands, p.expr(last))
	return joined(operands, e.Line())
}

// joined calls the joining function; what is too long for one call becomes the
// last argument, as a call of its own.
func joined(operands []ast.Expr, line int) ast.Expr {
	// From the right, so that the rest is made before it is used.
	for len(operands) > maxOperands {
		cut := len(operands) - maxOperands
		rest := concatCall(operands[cut:], line)
		operands = append(operands[:cut:cut], rest)
	}
	return concatCall(operands, line)
}

func concatCall(operands []ast.Expr, line int) ast.Expr {
	fn := &ast.IdentExpr{Value: concatName}
	fn.SetLine(line)
	for _, o := range operands {
		// In the last place a call would give all its values.
		switch o := o.(type) {
		case *ast.FuncCallExpr:
			o.AdjustRet = true
		case *ast.Comma3Expr:
			o.AdjustRet = true
		}
	}
	call := &ast.FuncCallExpr{Func: fn, Args: operands, AdjustRet: true}
	call.SetLine(line)
	return call
}
