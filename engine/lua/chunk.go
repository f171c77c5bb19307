package lua

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// Check stand-in.
func (p *Playbook) Check(globals *engine.Namespace, modules fs.FS) engine.Problems { return nil }

type Chunk struct{}

func CompileExpr(source string, at engine.Position) (*Chunk, error) {
	return nil, errors.New("not built")
}

func CompileBlock(source string, at engine.Position) (*Chunk, error) {
	return nil, errors.New("not built")
}
func (c *Chunk) Names() []Name                                                   { return nil }
func (c *Chunk) Check(globals *engine.Namespace, extra []string) engine.Problems { return nil }

type Name struct {
	Path  string
	Where engine.Position
}

func (vm *VM) Eval(t *engine.Task, c *Chunk, env *engine.Object, pure bool) (any, error) {
	return nil, errors.New("not built")
}

type decodedCache struct{}

// final is an error as the run ends with it: with the line of the source that
// it speaks of.
func (vm *VM) final(err error) error {
	if err == nil {
		return nil
	}
	e := *engine.AsError(err)
	lines := vm.sources[e.Where.File]
	if n := e.Where.Line; n >= 1 && n <= len(lines) {
		line := fmt.Sprintf("%5d | %s", n, strings.TrimRight(lines[n-1], " \t\r"))
		e.Trace = append([]string{line}, e.Trace...)
	}
	return &e
}

var _ lua.LValue
