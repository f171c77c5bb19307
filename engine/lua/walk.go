package lua

import "github.com/yuin/gopher-lua/ast"

// eachStmt calls fn for every statement of a program, also those inside
// functions, wherever an expression holds one.
func eachStmt(stmts []ast.Stmt, fn func(ast.Stmt)) {
	for _, s := range stmts {
		fn(s)
		bodies, exprs := parts(s)
		for _, e := range exprs {
			stmtsIn(e, fn)
		}
		for _, b := range bodies {
			eachStmt(b, fn)
		}
	}
}

// parts are the blocks and the expressions of a statement.
func parts(s ast.Stmt) (bodies [][]ast.Stmt, exprs []ast.Expr) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return nil, append(append([]ast.Expr(nil), s.Lhs...), s.Rhs...)
	case *ast.LocalAssignStmt:
		return nil, s.Exprs
	case *ast.FuncCallStmt:
		return nil, []ast.Expr{s.Expr}
	case *ast.DoBlockStmt:
		return [][]ast.Stmt{s.Stmts}, nil
	case *ast.WhileStmt:
		return [][]ast.Stmt{s.Stmts}, []ast.Expr{s.Condition}
	case *ast.RepeatStmt:
		return [][]ast.Stmt{s.Stmts}, []ast.Expr{s.Condition}
	case *ast.IfStmt:
		return [][]ast.Stmt{s.Then, s.Else}, []ast.Expr{s.Condition}
	case *ast.NumberForStmt:
		return [][]ast.Stmt{s.Stmts}, []ast.Expr{s.Init, s.Limit, s.Step}
	case *ast.GenericForStmt:
		return [][]ast.Stmt{s.Stmts}, s.Exprs
	case *ast.FuncDefStmt:
		return nil, []ast.Expr{s.Name.Func, s.Name.Receiver, s.Func}
	case *ast.ReturnStmt:
		return nil, s.Exprs
	}
	return nil, nil
}

func stmtsIn(e ast.Expr, fn func(ast.Stmt)) {
	if f, ok := e.(*ast.FunctionExpr); ok {
		eachStmt(f.Stmts, fn)
		return
	}
	for _, x := range operands(e) {
		stmtsIn(x, fn)
	}
}

// operands are the expressions inside an expression, but for a function's
// body.
func operands(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return []ast.Expr{e.Object, e.Key}
	case *ast.TableExpr:
		var out []ast.Expr
		for _, f := range e.Fields {
			out = append(out, f.Key, f.Value)
		}
		return out
	case *ast.FuncCallExpr:
		return append([]ast.Expr{e.Func, e.Receiver}, e.Args...)
	case *ast.LogicalOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.RelationalOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.ArithmeticOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.StringConcatOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.UnaryMinusOpExpr:
		return []ast.Expr{e.Expr}
	case *ast.UnaryNotOpExpr:
		return []ast.Expr{e.Expr}
	case *ast.UnaryLenOpExpr:
		return []ast.Expr{e.Expr}
	}
	return nil
}
