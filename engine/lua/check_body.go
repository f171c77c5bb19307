package lua

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"a0run/engine"
)

// bodies looks at the arguments of a call as far as they are constants, and lets
// the function do so.
func (c *checker) bodies(s *source, call callFact, f *engine.Function) {
	if c.full() {
		return
	}
	k := constants{src: s, places: map[string]engine.Position{"": s.placeOf(call.use, len(call.path)-1)}}
	named := engine.NewObject(len(call.args))
	args := call.args
	for i := range f.Params {
		p := &f.Params[i]
		if !p.Positional || len(args) == 0 {
			continue
		}
		v := k.value(p.Name, args[0])
		if _, isTable := v.(*engine.Object); isTable && len(args) == 1 && !constantFits(p.Type, v) {
			break // the options, or everything by name
		}
		if o, isTable := v.(*engine.Object); isTable && o.Len() == 0 && (p.Type == "array" || p.Type == "string[]") {
			v = []any{} // as the call takes it
		}
		named.Set(p.Name, v)
		args = args[1:]
	}
	if len(args) == 1 {
		if options, ok := k.value("", args[0]).(*engine.Object); ok {
			for name, v := range options.All() {
				named.Set(name, v)
			}
		}
	}
	if c.typed(f, named, k) || f.Check == nil {
		return
	}
	for _, found := range f.Check(named) {
		c.say(engine.Problem{
			Where: engine.NearestPlace(k.places, found.Path), Message: f.Name + ": " + found.Message, Hint: found.Hint,
			Warning: found.Warning,
		})
	}
}

// constants reads expressions as the values that they will be, with Unknown for
// what is no constant.
type constants struct {
	src    *source
	places map[string]engine.Position
}

func (k constants) value(path string, e ast.Expr) any {
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
		return k.table(path, e)
	}
	return engine.Unknown{}
}

// table is an object or a list; one with computed keys is not known.
func (k constants) table(path string, t *ast.TableExpr) any {
	o := engine.NewObject(len(t.Fields))
	var list []any
	for _, f := range t.Fields {
		if f.Key == nil {
			list = append(list, k.value(path+"."+strconv.Itoa(len(list)+1), f.Value))
			continue
		}
		key, ok := f.Key.(*ast.StringExpr)
		if !ok {
			return engine.Unknown{}
		}
		inner := key.Value
		if path != "" {
			inner = path + "." + key.Value
		}
		k.places[inner] = k.src.place(key.Line(), key.Value)
		if v := k.value(inner, f.Value); v != nil {
			o.Set(key.Value, v)
		}
	}
	switch {
	case list == nil:
		return o
	case o.Len() > 0:
		return engine.Unknown{} // neither; that is said when it runs
	}
	return list
}
