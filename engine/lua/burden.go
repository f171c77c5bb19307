package lua

import "github.com/yuin/gopher-lua/ast"

// What the compiler does again and again, so that a source of its full length
// could take it minutes. Each bound is less than a second of work.
const (
	// It looks for each use of a number, a text or a name among all constants
	// of the function, one by one,
	maxConstants = 40_000_000
	// for each name in all blocks around it, of which each elseif is one,
	maxBlocks = 40_000_000
	// and for each operator calculates what is left of it once more.
	maxFolds = 40_000_000
)

// A burden foretells the work of the compiler, itself in linear time.
type burden struct {
	constants, blocks, folds int
	depth                    int
	places                   map[constant]int // of the function under way
	line                     int              // at which it became too much
	problem                  string
}

type constant struct {
	number bool
	text   string
}

// weigh gives the burden of a program.
func weigh(stmts []ast.Stmt) *burden {
	b := &burden{places: map[constant]int{}}
	b.block(stmts)
	return b
}

func (b *burden) constant(k constant, line int) {
	place, ok := b.places[k]
	if !ok {
		place = len(b.places)
		b.places[k] = place
	}
	b.constants += place
	b.check(b.constants > maxConstants, line, "one function has too many different numbers, texts and names in it")
}

func (b *burden) check(tooMuch bool, line int, problem string) {
	if tooMuch && b.problem == "" {
		b.line, b.problem = line, problem
	}
}

func (b *burden) block(stmts []ast.Stmt) {
	b.depth++
	for _, s := range stmts {
		bodies, exprs := parts(s)
		for _, e := range exprs {
			b.expr(e)
		}
		for _, body := range bodies {
			b.block(body)
		}
	}
	b.depth--
}

// expr gives how many operators are calculated again with what is around e.
func (b *burden) expr(e ast.Expr) int {
	switch e := e.(type) {
	case *ast.FunctionExpr:
		outer := b.places
		b.places = map[constant]int{}
		b.block(e.Stmts)
		b.places = outer
		return 0
	case *ast.NumberExpr:
		b.constant(constant{true, e.Value}, e.Line())
	case *ast.StringExpr:
		b.constant(constant{false, e.Value}, e.Line())
	case *ast.IdentExpr:
		b.constant(constant{false, e.Value}, e.Line())
		b.blocks += b.depth
		b.check(b.blocks > maxBlocks, e.Line(), "too many blocks stand inside each other, or an if has too many branches")
	case *ast.FuncCallExpr:
		if e.Method != "" {
			b.constant(constant{false, e.Method}, e.Line())
		}
	}
	below := 0
	for _, x := range operands(e) {
		below += b.expr(x)
	}
	switch e.(type) {
	case *ast.ArithmeticOpExpr, *ast.UnaryMinusOpExpr:
		b.folds += below + 1
		b.check(b.folds > maxFolds, e.Line(), "an expression has too many operators")
		return below + 1
	}
	return 0
}
