package lua

import (
	"encoding/json"
	"strings"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"a0run/engine"
)

// A Chunk is compiled Lua for a YAML playbook: an expression of ${{ }} or the
// text of a lua step. It belongs to no VM.
type Chunk struct {
	source *source
	proto  *lua.FunctionProto
	facts  *facts
	at     engine.Position
}

// A Name is a global path that a chunk reads.
type Name struct {
	Path  string
	Where engine.Position
}

// CompileExpr compiles one expression that stands at a place; line numbers of
// errors count from it. Check its free names with Names.
func CompileExpr(text string, at engine.Position) (*Chunk, error) {
	if strings.TrimSpace(text) == "" {
		return nil, engine.Problems{{Where: at, Message: "the expression is empty"}}
	}
	c, err := newChunk(text, at, "return ")
	if err != nil {
		return nil, err
	}
	ret, ok := c.source.stmts[0].(*ast.ReturnStmt)
	if !ok || len(c.source.stmts) != 1 || len(ret.Exprs) != 1 {
		return nil, engine.Problems{{Where: at, Message: "this is not one expression", Hint: "statements stand in a lua step"}}
	}
	return c.compile()
}

// CompileBlock compiles statements.
func CompileBlock(text string, at engine.Position) (*Chunk, error) {
	c, err := newChunk(text, at, "")
	if err != nil {
		return nil, err
	}
	return c.compile()
}

func newChunk(text string, at engine.Position, prefix string) (*Chunk, error) {
	s := &source{name: at.File, text: text, first: max(at.Line, 1), column: at.Column, prefix: prefix}
	if p := s.read(); p != nil {
		return nil, engine.Problems{*p}
	}
	return &Chunk{source: s, at: at}, nil
}

func (c *Chunk) compile() (*Chunk, error) {
	c.facts = c.source.survey()
	proto, p := c.source.compile()
	if p != nil {
		return nil, engine.Problems{*p}
	}
	c.proto = proto
	c.source.stmts = nil // the pass has changed them
	return c, nil
}

// Names are the global paths that a chunk reads ("steps.list.result", "item"),
// with their places; names of Lua's own library are not among them.
func (c *Chunk) Names() []Name {
	own := libraryNames()
	sets := map[string]bool{}
	for _, u := range c.facts.writes {
		sets[u.path[0]] = true
	}
	seen := map[Name]bool{}
	var out []Name
	for _, u := range c.facts.reads {
		if _, isOwn := own[u.path[0]]; isOwn || sets[u.path[0]] {
			continue
		}
		n := Name{Path: strings.Join(u.path, "."), Where: c.source.placeOf(u, 0)}
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

// Eval runs a chunk with env's entries as further globals and gives its first
// value as a tree (*Object, []any, string, …). Values of env are trees; a
// json.RawMessage is decoded once and shared where the same value is given
// again. pure says that only pure functions may be called.
func (vm *VM) Eval(t *engine.Task, c *Chunk, env *engine.Object, pure bool) (any, error) {
	r := vm.newRunner(t, nil, "")
	r.pure = pure
	r.seed = c.at.String()
	defer r.finish()
	shared, ok := vm.chunks[c]
	if !ok {
		shared = vm.function(c.proto)
		vm.chunks[c] = shared
	}
	// A function of its own, since two tasks may be in the same chunk at once,
	// each with its own globals.
	fn := &lua.LFunction{Proto: shared.Proto, Upvalues: shared.Upvalues, Env: vm.environment(env)}
	rets, err := r.call(fn)
	if err != nil {
		return nil, err
	}
	if len(rets) == 0 || rets[0] == lua.LNil {
		return nil, nil
	}
	v, err := toTree(vm.root, rets[0])
	if err != nil {
		return nil, &engine.Error{Name: engine.NameScriptError, Message: err.Error(), Where: c.at, ResetAt: -1, Cause: err}
	}
	return v, nil
}

// environment is the table of globals of one evaluation. Entries become Lua
// values when they are read: most expressions read one of many.
func (vm *VM) environment(env *engine.Object) *lua.LTable {
	l := vm.root
	globals := l.G.Global
	tb := l.CreateTable(0, 4)
	mt := l.CreateTable(0, 2)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		key := l.Get(2)
		name, _ := key.(lua.LString)
		v, ok := env.Get(string(name))
		if !ok {
			l.Push(globals.RawGet(key))
			return 1
		}
		val := vm.envValue(l, v)
		tb.RawSet(key, val)
		l.Push(val)
		return 1
	}))
	mt.RawSetString("__metatable", lua.LFalse)
	tb.Metatable = mt
	return tb
}

// envValue is a value of the environment. Answers stand in it as their JSON,
// each of which is decoded when it is read first.
func (vm *VM) envValue(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case json.RawMessage:
		return vm.decode(l, v)
	case *engine.Error:
		return vm.errorValue(v)
	case *engine.Object:
		if holdsRaw(v, 3) {
			return vm.lazyObject(v)
		}
	case []any:
		if holdsRaw(v, 3) {
			tb := l.CreateTable(len(v), 0)
			for i, x := range v {
				tb.RawSetInt(i+1, vm.envValue(l, x))
			}
			return tb
		}
	}
	out, err := vm.value(runnerOf(l), v)
	if err != nil {
		runnerOf(l).throw(l, err)
	}
	return out
}

// lazyObject is a table whose entries are made when they are read.
func (vm *VM) lazyObject(o *engine.Object) *lua.LTable {
	l := vm.root
	tb := l.CreateTable(0, o.Len())
	mt := l.CreateTable(0, 1)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		key := l.Get(2)
		name, _ := key.(lua.LString)
		v, ok := o.Get(string(name))
		if !ok {
			l.Push(lua.LNil)
			return 1
		}
		val := vm.envValue(l, v)
		tb.RawSet(key, val)
		l.Push(val)
		return 1
	}))
	tb.Metatable = mt
	return tb
}

// holdsRaw reports whether a tree has undecoded JSON, or an error that a YAML
// playbook caught, in its upper levels.
func holdsRaw(v any, depth int) bool {
	if depth < 0 {
		return false
	}
	switch v := v.(type) {
	case json.RawMessage, *engine.Error:
		return true
	case *engine.Object:
		for _, x := range v.All() {
			if holdsRaw(x, depth-1) {
				return true
			}
		}
	case []any:
		for _, x := range v[:min(len(v), 16)] {
			if holdsRaw(x, depth-1) {
				return true
			}
		}
	}
	return false
}

// decodedCache keeps what was decoded of answers. It has two halves: when the
// young one is full it becomes the old one, so that what is read goes on being
// kept, and what no expression reads any more is forgotten.
type decodedCache struct {
	young, old map[rawKey]lua.LValue
	size       int
}

// rawKey is the identity of a message: its bytes in memory, which the cache
// keeps from being used again.
type rawKey struct {
	first  *byte
	length int
}

// decodedBytes bounds the JSON whose values one half keeps.
const decodedBytes = 32 << 20

func (vm *VM) decode(l *lua.LState, raw json.RawMessage) lua.LValue {
	if len(raw) == 0 {
		return lua.LNil
	}
	key := rawKey{unsafe.SliceData(raw), len(raw)}
	c := &vm.decoded
	if v, ok := c.young[key]; ok {
		return v
	}
	v, ok := c.old[key]
	if !ok {
		var err error
		vm.Grow(l, int64(len(raw)))
		if v, err = fromJSON(l, raw); err != nil {
			runnerOf(l).throw(l, err)
		}
	}
	if c.young == nil || c.size > decodedBytes || len(c.young) >= 1024 {
		c.old, c.young, c.size = c.young, map[rawKey]lua.LValue{}, 0
	}
	c.young[key] = v
	c.size += len(raw)
	return v
}
