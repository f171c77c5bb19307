package lua

import lua "github.com/yuin/gopher-lua"

// The VM and the pure libraries meet here and nowhere else.
//
// The libraries (files lib_*.go) install plain functions: openString sets the
// global table string, openTable table, openMath math (all but random and
// randomseed, which belong to a task), openBaseValues tonumber, tostring,
// select, unpack, type, next, pairs, ipairs, rawget, rawset, rawequal, null,
// isnull and array. Metatables of strings, error values, pcall and whatever
// needs a task are the VM's. A library raises its errors with L.RaiseError,
// calls back into Lua with L.Call, and never keeps an *LState.
//
// The conversion (files convert_*.go) is between Lua values and the tree of
// engine/value.go; *engine.Iterator and *engine.Namespace stand only at the
// top of a result and are the VM's.

// An accountant charges what Go code does on behalf of a playbook. Both
// methods raise a LimitError, or the end of the task, by way of the VM: what
// they raise passes every pcall.
type accountant interface {
	// Grow is called before bytes of string or table are made.
	Grow(L *lua.LState, bytes int64)
	// Step charges n instructions; loops in Go that a playbook can make long
	// call it every few hundred rounds.
	Step(n int)
}
