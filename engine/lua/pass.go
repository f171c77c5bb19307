package lua

import (
	"fmt"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// A pass changes a program between the parser and the compiler, in every load
// path, for three reasons:
//
// The compiler threads jumps through jumps that it patched already: where code
// that is jumped back to begins with a jump, code under `if false` was seen to
// run. So conditions that are constants are decided here, and what is jumped
// back to begins with a statement that is no jump.
//
// `s = s .. s` doubles a string inside one instruction, before any hook looks;
// so .. becomes a call of a function that accounts for what it makes.
//
// Assignments of several values and loops over anything but one call go wrong
// in other ways; apart and generic say how.
//
// `local f = function` sees itself in this compiler as if it were
// `local function f`; a second, unused name keeps the function from it.
//
// It also finds what the compiler would get wrong in silence.
type pass struct {
	tooLong *ast.TableExpr // the first table with more than maxItems
}

// maxItems bounds the items of one table constructor. The compiler drops those
// beyond: it numbers them in blocks of 50, with 9 bits for the block.
const maxItems = 511 * 50

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
	out := make([]ast.Stmt, 0, len(stmts))
	for i, s := range stmts {
		p.stmt(s)
		switch x := s.(type) {
		case *ast.AssignStmt:
			s = p.apart(x)
		case *ast.GenericForStmt:
			s = p.generic(x)
		case *ast.IfStmt:
			s = p.decided(x)
		case *ast.WhileStmt:
			if value, constant := truth(x.Condition); constant && !value {
				s = block(x.Line(), nil)
			}
		}
		out = append(out, s)
		if _, ok := s.(*ast.LabelStmt); ok && i < len(stmts)-1 {
			// A label may be jumped back to. In a block of its own the guard is no
			// local that a jump to a label at the block's end would cross.
			out = append(out, block(s.Line(), []ast.Stmt{guard(s.Line())}))
		}
	}
	return out
}

func block(line int, stmts []ast.Stmt) *ast.DoBlockStmt {
	b := &ast.DoBlockStmt{Stmts: stmts}
	b.SetLine(line)
	return b
}

// decided takes the branch of an if whose condition is a constant.
func (p *pass) decided(s *ast.IfStmt) ast.Stmt {
	value, constant := truth(s.Condition)
	switch {
	case constant && value:
		return block(s.Line(), s.Then)
	case constant:
		return block(s.Line(), s.Else)
	}
	return s
}

// truth is what a constant counts for in a condition.
func truth(e ast.Expr) (value, constant bool) {
	switch e.(type) {
	case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr:
		return true, true
	case *ast.FalseExpr, *ast.NilExpr:
		return false, true
	}
	return false, false
}

// logical decides and, or and not where their left side is a constant.
func logical(e *ast.LogicalOpExpr) ast.Expr {
	value, constant := truth(e.Lhs)
	if !constant {
		return e
	}
	if value != (e.Operator == "and") {
		return e.Lhs
	}
	return one(e.Rhs)
}

// one keeps an expression from giving several values in the last place.
func one(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

func negated(e *ast.UnaryNotOpExpr) ast.Expr {
	value, constant := truth(e.Expr)
	if !constant {
		return e
	}
	var out ast.Expr = &ast.TrueExpr{}
	if value {
		out = &ast.FalseExpr{}
	}
	out.SetLine(e.Line())
	return out
}

// apart takes an assignment to pieces that the compiler gets right. It stores
// each value as soon as it has it, so that `a, b = b, a` sets both to b and
// `i, t[i] = i+1, x` writes to the new i. It also builds a call in the very
// register of the function's last parameter, if that takes the one value:
// `b = (f(b))` overwrites its own argument.
func (p *pass) apart(s *ast.AssignStmt) ast.Stmt {
	if len(s.Lhs) == 1 {
		if call, ok := s.Rhs[0].(*ast.FuncCallExpr); ok && len(s.Rhs) == 1 {
			call.AdjustRet = false // one target takes one value anyway
			return s
		}
		if len(s.Rhs) == 1 {
			return s
		}
	}
	line := s.Line()
	places := &ast.LocalAssignStmt{}
	place := func(e ast.Expr) ast.Expr {
		one(e)
		name := fmt.Sprintf("(place %d)", len(places.Names)+1)
		places.Names = append(places.Names, name)
		places.Exprs = append(places.Exprs, e)
		return ident(name, line)
	}
	values := &ast.LocalAssignStmt{Exprs: s.Rhs}
	var stores []ast.Stmt
	for i, target := range s.Lhs {
		if a, ok := target.(*ast.AttrGetExpr); ok {
			key := a.Key
			if _, constant := key.(*ast.StringExpr); !constant {
				key = place(key)
			}
			spot := &ast.AttrGetExpr{Object: place(a.Object), Key: key}
			spot.SetLine(a.Line())
			target = spot
		}
		name := fmt.Sprintf("(value %d)", i+1)
		values.Names = append(values.Names, name)
		store := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{ident(name, line)}}
		store.SetLine(line)
		stores = append(stores, store)
	}
	slices.Reverse(stores) // as Lua 5.1 does
	places.SetLine(line)
	values.SetLine(line)
	all := append([]ast.Stmt{values}, stores...)
	if len(places.Names) > 0 {
		all = append([]ast.Stmt{places}, all...)
	}
	return block(line, all)
}

func ident(name string, line int) *ast.IdentExpr {
	id := &ast.IdentExpr{Value: name}
	id.SetLine(line)
	return id
}

// generic gives a loop exactly the three values that it runs on. The compiler
// counts the loop's names instead: what is missing then is whatever stood in
// the register.
func (p *pass) generic(s *ast.GenericForStmt) ast.Stmt {
	if len(s.Exprs) == 1 && spreads(s.Exprs[0]) {
		return s
	}
	names := []string{"(loop function)", "(loop state)", "(loop control)"}
	local := &ast.LocalAssignStmt{Names: names, Exprs: s.Exprs}
	s.Exprs = nil
	for _, name := range names {
		s.Exprs = append(s.Exprs, ident(name, s.Line()))
	}
	local.SetLine(s.Line())
	return block(s.Line(), []ast.Stmt{local, s})
}

// loop is the body of a loop. It begins with a statement that is no jump.
func (p *pass) loop(line int, stmts []ast.Stmt) []ast.Stmt {
	stmts = p.block(stmts)
	if len(stmts) > 0 {
		line = stmts[0].Line()
	}
	return append([]ast.Stmt{guard(line)}, stmts...)
}

func guard(line int) ast.Stmt {
	zero := &ast.NumberExpr{Value: "0"}
	zero.SetLine(line)
	s := &ast.LocalAssignStmt{Names: []string{guardName}, Exprs: []ast.Expr{zero}}
	s.SetLine(line)
	return s
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
		s.Stmts = p.loop(s.Line(), s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = p.expr(s.Condition)
		s.Stmts = p.loop(s.Line(), s.Stmts)
	case *ast.IfStmt:
		s.Condition = p.expr(s.Condition)
		s.Then = p.block(s.Then)
		s.Else = p.block(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit = p.expr(s.Init), p.expr(s.Limit)
		if s.Step != nil {
			s.Step = p.expr(s.Step)
		}
		s.Stmts = p.loop(s.Line(), s.Stmts)
	case *ast.GenericForStmt:
		p.exprs(s.Exprs)
		s.Stmts = p.loop(s.Line(), s.Stmts)
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
		p.table(e)
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
		return logical(e)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = p.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = p.expr(e.Expr)
		return negated(e)
	case *ast.UnaryLenOpExpr:
		e.Expr = p.expr(e.Expr)
	case *ast.FunctionExpr:
		e.Stmts = p.block(e.Stmts)
	case *ast.StringConcatOpExpr:
		return p.concat(e)
	}
	return e
}

func (p *pass) table(e *ast.TableExpr) {
	items := 0
	for _, f := range e.Fields {
		if f.Key != nil {
			f.Key = p.expr(f.Key)
		} else {
			items++
		}
		f.Value = p.expr(f.Value)
	}
	if items > maxItems && p.tooLong == nil {
		p.tooLong = e
	}
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
		operands[cut] = concatCall(slices.Clone(operands[cut:]), line)
		operands = operands[:cut+1]
	}
	return concatCall(operands, line)
}

func concatCall(operands []ast.Expr, line int) ast.Expr {
	fn := &ast.IdentExpr{Value: concatName}
	fn.SetLine(line)
	for _, o := range operands {
		one(o)
	}
	call := &ast.FuncCallExpr{Func: fn, Args: operands, AdjustRet: true}
	call.SetLine(line)
	return call
}
