package lua

import (
	lua "github.com/yuin/gopher-lua"
)

// ownWords says what the machine says so that it helps.
func (vm *VM) ownWords(_ *lua.LState, msg string) string { return msg }
