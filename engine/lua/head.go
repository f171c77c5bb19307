package lua

import (
	"fmt"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"a0run/engine"
)

// takeHead reads playbook{…}, if that is the first statement, and takes it out
// of the program: it is read from the syntax tree and never run.
func takeHead(s *source) (engine.Head, engine.Problems) {
	if len(s.stmts) == 0 {
		return engine.Head{}, nil
	}
	stmt, ok := s.stmts[0].(*ast.FuncCallStmt)
	if !ok {
		return engine.Head{}, nil
	}
	call, ok := stmt.Expr.(*ast.FuncCallExpr)
	if !ok || !isGlobalCall(call, "playbook") {
		return engine.Head{}, nil
	}
	h := &headReader{src: s, places: map[string]engine.Position{"": s.place(call.Line(), "playbook")}}
	var table *ast.TableExpr
	if len(call.Args) == 1 {
		table, _ = call.Args[0].(*ast.TableExpr)
	}
	if table == nil {
		return engine.Head{}, engine.Problems{{Where: h.places[""], Message: "playbook takes one table: playbook{name = …}"}}
	}
	tree := h.object("", table)
	s.stmts = s.stmts[1:]
	if len(h.problems) > 0 {
		return engine.Head{}, h.problems
	}
	return engine.ParseHead(tree, h.at)
}

func isGlobalCall(call *ast.FuncCallExpr, name string) bool {
	id, ok := call.Func.(*ast.IdentExpr)
	return ok && id.Value == name
}

// A headReader makes a tree of constants.
type headReader struct {
	src      *source
	places   map[string]engine.Position
	problems engine.Problems
}

// at is the place of a path, or of the nearest thing around it that has one.
func (h *headReader) at(path string) engine.Position {
	for {
		if p, ok := h.places[path]; ok {
			return p
		}
		cut := len(path) - 1
		for cut >= 0 && path[cut] != '.' {
			cut--
		}
		path = path[:max(cut, 0)]
	}
}

func (h *headReader) wrong(line int, path, message string) {
	where := h.at(path)
	if where.Line != line {
		where = h.src.place(line, "")
	}
	h.problems = append(h.problems, engine.Problem{
		Where: where, Message: message, Hint: "the head is read without running it, so it holds constants only",
	})
}

// object reads a table; the head itself must be one with names.
func (h *headReader) object(path string, t *ast.TableExpr) *engine.Object {
	o := engine.NewObject(len(t.Fields))
	for i, f := range t.Fields {
		key, ok := f.Key.(*ast.StringExpr)
		if !ok {
			h.wrong(f.Value.Line(), path, fmt.Sprintf("entry %d of %s has no name", i+1, pathName(path)))
			continue
		}
		inner := dotted(path, key.Value)
		h.places[inner] = h.src.place(key.Line(), key.Value)
		if _, twice := o.Get(key.Value); twice {
			h.wrong(key.Line(), inner, inner+" stands twice in the head")
		}
		if v := h.value(inner, f.Value); v != nil {
			o.Set(key.Value, v)
		}
	}
	return o
}

func pathName(path string) string {
	if path == "" {
		return "the head"
	}
	return path
}

func (h *headReader) value(path string, e ast.Expr) any {
	switch e := e.(type) {
	case *ast.StringExpr:
		return e.Value
	case *ast.TrueExpr:
		return true
	case *ast.FalseExpr:
		return false
	case *ast.NilExpr:
		return nil
	case *ast.NumberExpr:
		return numberConstant(e.Value, 1)
	case *ast.UnaryMinusOpExpr:
		if n, ok := e.Expr.(*ast.NumberExpr); ok {
			return numberConstant(n.Value, -1)
		}
	case *ast.TableExpr:
		return h.table(path, e)
	}
	h.wrong(e.Line(), path, pathName(path)+" is not a constant")
	return nil
}

func numberConstant(text string, sign float64) any {
	f, ok := parseNumber(text)
	if !ok {
		return nil
	}
	f *= sign
	if n := int64(f); float64(n) == f && n < 1<<53 && n > -1<<53 {
		return n
	}
	return f
}

// table is an object, or an array if its entries have no names.
func (h *headReader) table(path string, t *ast.TableExpr) any {
	if len(t.Fields) == 0 || t.Fields[0].Key != nil {
		return h.object(path, t)
	}
	out := make([]any, 0, len(t.Fields))
	for i, f := range t.Fields {
		inner := path + "." + strconv.Itoa(i+1)
		if f.Key != nil {
			h.wrong(f.Value.Line(), path, pathName(path)+" mixes entries with and without a name")
			continue
		}
		if s, ok := f.Value.(*ast.StringExpr); ok {
			h.places[inner] = h.src.place(s.Line(), s.Value)
		} else {
			h.places[inner] = h.src.place(f.Value.Line(), "")
		}
		out = append(out, h.value(inner, f.Value))
	}
	return out
}
