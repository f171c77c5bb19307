package lua

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// errorTables makes the error values that playbooks see: tables whose fields
// are those of engine.Error. The Go error rides along in the metatable, where
// no playbook code reaches it.
type errorTables struct {
	methods  *lua.LTable
	tostring *lua.LFunction
}

// rider is the metatable's field that holds the Go error.
const rider = "(error)"

func (vm *VM) openErrors() {
	l := vm.root
	vm.errors.methods = l.CreateTable(0, 1)
	vm.errors.methods.RawSetString("is", l.NewFunction(func(l *lua.LState) int {
		e := errorOf(l.Get(1))
		if e == nil {
			l.RaiseError("is: call it as err:is(\"Auth0Error\")")
		}
		l.Push(lua.LBool(e.IsKind(l.CheckString(2))))
		return 1
	}))
	vm.errors.tostring = l.NewFunction(func(l *lua.LState) int {
		if e := errorOf(l.Get(1)); e != nil {
			l.Push(lua.LString(e.Error()))
			return 1
		}
		l.Push(lua.LString(l.Get(1).String()))
		return 1
	})
}

// errorOf is the Go error behind an error value; nil for any other value.
func errorOf(v lua.LValue) *engine.Error {
	tb, ok := v.(*lua.LTable)
	if !ok {
		return nil
	}
	mt, ok := tb.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	ud, ok := mt.RawGetString(rider).(*lua.LUserData)
	if !ok {
		return nil
	}
	e, _ := ud.Value.(*engine.Error)
	return e
}

// errorValue is what the playbook sees of an error: what it raised itself, or
// a table.
func (vm *VM) errorValue(e *engine.Error) lua.LValue {
	if v, ok := e.Value.(lua.LValue); ok && v != nil {
		if tb, ok := v.(*lua.LTable); ok && errorOf(tb) != nil && e.Item != "" {
			tb.RawSetString("item", lua.LString(e.Item)) // known since it left its task
		}
		return v
	}
	l := vm.root
	tb := l.CreateTable(0, 16)
	e.Value = tb
	text := func(key, v string) {
		if v != "" {
			tb.RawSetString(key, lua.LString(v))
		}
	}
	name := e.Name
	if name == "" {
		name = engine.NameScriptError
	}
	text("name", name)
	text("message", e.Message)
	text("error_code", e.ErrorCode)
	text("body", e.Body)
	text("request_id", e.RequestID)
	text("operation", e.Operation)
	text("where", e.Where.String())
	text("item", e.Item)
	text("hint", e.HintText)
	if e.StatusCode != 0 {
		tb.RawSetString("status_code", lua.LNumber(e.StatusCode))
	}
	if e.Name == engine.NameRateLimitError {
		tb.RawSetString("reset_at", lua.LNumber(e.ResetAt))
	}
	tb.RawSetString("in_doubt", lua.LBool(e.InDoubt))
	if len(e.Headers) > 0 {
		h := l.CreateTable(0, len(e.Headers))
		for _, key := range slices.Sorted(maps.Keys(e.Headers)) { // pairs must see one order
			h.RawSetString(strings.ToLower(key), lua.LString(strings.Join(e.Headers[key], ", ")))
		}
		tb.RawSetString("headers", h)
	}
	if len(e.Content) > 0 {
		// A body that is no JSON stands in body alone.
		if v, err := fromJSON(l, e.Content); err == nil {
			tb.RawSetString("content", v)
		}
	}
	if len(e.Items) > 0 {
		tb.RawSetString("items", vm.failures(e.Items))
	}
	mt := l.CreateTable(0, 4)
	mt.RawSetString("__index", vm.errors.methods)
	mt.RawSetString("__tostring", vm.errors.tostring)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString(rider, &lua.LUserData{Value: e, Metatable: lua.LNil})
	tb.Metatable = mt
	return tb
}

// failures are the failed items of a parallel call: {key, item, error} each.
func (vm *VM) failures(items []engine.ItemError) *lua.LTable {
	l := vm.root
	out := l.CreateTable(len(items), 0)
	for i, f := range items {
		row := l.CreateTable(0, 3)
		row.RawSetString("key", lua.LString(f.Key))
		if v, ok := f.Item.(lua.LValue); ok && v != nil {
			row.RawSetString("item", v)
		}
		if f.Err != nil {
			row.RawSetString("error", vm.failure(f.Err))
		}
		out.RawSetInt(i+1, row)
	}
	return out
}

// failure is an error as a row of failures holds it: always a table with the
// fields of an error, also where the playbook raised a mere text.
func (vm *VM) failure(e *engine.Error) lua.LValue {
	v := vm.errorValue(e)
	if _, isTable := v.(*lua.LTable); isTable {
		return v
	}
	own := *e
	own.Value = nil
	return vm.errorValue(&own)
}

// throw raises a Go error in the playbook. What cannot be caught, and
// everything once the task is to stop, ends the task.
func (r *runner) throw(l *lua.LState, err error) {
	e := engine.AsError(err)
	if e.Uncatchable() {
		r.die(e)
	}
	if r.task.Context().Err() != nil {
		r.die(r.stopped(e))
	}
	if v, ok := e.Value.(lua.LValue); ok && v != nil {
		// The playbook's own value comes back from a task or a step.
		v = r.vm.errorValue(e)
		r.raised = &raised{value: v, where: e.Where, text: e.Trace}
		panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: v})
	}
	own := *e
	info := r.capture(l)
	switch {
	case own.Where.File == "":
		own.Where = info.where
	case own.Where != info.where && info.where.File != "":
		info.frames = append([]frame{{source: info.where.File, line: info.where.Line}}, info.frames...)
	}
	own.Trace = append(append([]string(nil), own.Trace...), info.lines()...)
	v := r.vm.errorValue(&own)
	r.raised = &raised{value: v, where: own.Where, text: own.Trace}
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: v})
}

// stopped is why the task must stop, rather than what a call failed with
// meanwhile. That the outcome of the call is unknown is kept.
func (r *runner) stopped(e *engine.Error) *engine.Error {
	why := *engine.AsError(r.task.Stopped())
	if e.Name == why.Name {
		return e
	}
	why.InDoubt = why.InDoubt || e.InDoubt
	return &why
}

// fail raises an error of the given name with the place of the call.
func (r *runner) fail(l *lua.LState, name, message, hint string) {
	r.throw(l, &engine.Error{Name: name, Message: message, HintText: hint, Where: here(l), ResetAt: -1})
}

// raise is called by the machine for every error, while the frames of the call
// that failed still stand.
func (vm *VM) raise(l *lua.LState) {
	v := l.Get(-1)
	if s, ok := v.(lua.LString); ok {
		v = lua.LString(vm.ownWords(l, string(s)))
	}
	vm.raiseValue(l, v)
}

// raiseValue raises a value as it is.
func (vm *VM) raiseValue(l *lua.LState, v lua.LValue) {
	r := runnerOf(l)
	if r != nil && (r.raised == nil || r.raised.value != v) {
		info := r.capture(l)
		info.value = v
		r.raised = info
	}
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: v})
}

// toError makes the Go error of what ended a protected call.
func (r *runner) toError(c *caught) *engine.Error {
	if c == nil {
		return nil
	}
	if c.fatal != nil {
		return c.fatal
	}
	if e := errorOf(c.value); e != nil {
		return e
	}
	e := &engine.Error{Name: engine.NameScriptError, Value: c.value, Where: c.where, Trace: c.trace, ResetAt: -1}
	switch v := c.value.(type) {
	case lua.LString:
		e.Where, e.Message = splitPosition(string(v), c.where)
	case *lua.LTable:
		e.Message = r.describe(v)
	default:
		e.Message = "the playbook raised " + v.String()
	}
	return e
}

// describe is the text of a table that a playbook raised.
func (r *runner) describe(tb *lua.LTable) string {
	if mt, ok := tb.Metatable.(*lua.LTable); ok {
		if fn, ok := mt.RawGetString("__tostring").(*lua.LFunction); ok {
			if rets, c := r.protect(fn, tb); c == nil && len(rets) > 0 {
				return rets[0].String()
			}
		}
	}
	if s, ok := tb.RawGetString("message").(lua.LString); ok {
		return string(s)
	}
	return "the playbook raised a table without a message"
}

// splitPosition takes the "file:line: " off a message that the machine or
// error(…) put before it.
func splitPosition(msg string, where engine.Position) (engine.Position, string) {
	if where.File == "" {
		return where, msg
	}
	rest, ok := strings.CutPrefix(msg, where.File+":")
	if !ok {
		return where, msg
	}
	digits, text, ok := strings.Cut(rest, ": ")
	line, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return where, msg
	}
	where.Line = line
	return where, text
}
