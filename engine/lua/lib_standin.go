package lua

import (
	"errors"

	lua "github.com/yuin/gopher-lua"
)

// This file goes away piece by piece as the libraries arrive.

func standIn(L *lua.LState, name string, open lua.LGFunction) {
	L.Push(L.NewFunction(open))
	L.Push(lua.LString(name))
	L.Call(1, 0)
}

func openString(L *lua.LState, _ accountant)     { standIn(L, lua.StringLibName, lua.OpenString) }
func openTable(L *lua.LState, _ accountant)      { standIn(L, lua.TabLibName, lua.OpenTable) }
func openMath(L *lua.LState, _ accountant)       { standIn(L, lua.MathLibName, lua.OpenMath) }
func openBaseValues(L *lua.LState, _ accountant) { standIn(L, lua.BaseLibName, lua.OpenBase) }

func toTree(L *lua.LState, v lua.LValue) (any, error) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), nil
	case lua.LNumber:
		return float64(v), nil
	case lua.LBool:
		return bool(v), nil
	case *lua.LNilType:
		return nil, nil
	}
	return nil, errors.New("not built")
}

func fromTree(L *lua.LState, v any) (lua.LValue, error) {
	switch v := v.(type) {
	case nil:
		return lua.LNil, nil
	case string:
		return lua.LString(v), nil
	case float64:
		return lua.LNumber(v), nil
	case bool:
		return lua.LBool(v), nil
	}
	return nil, errors.New("not built")
}

func fromJSON(L *lua.LState, raw []byte) (lua.LValue, error) { return nil, errors.New("not built") }
