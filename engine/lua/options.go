package lua

import (
	"fmt"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// The options of the calls that start tasks; check knows them too.
func optionNames(call string) []string {
	switch call {
	case "parallel.each", "parallel.map", "parallel.run":
		return []string{"concurrency", "on_error", "timeout", "retry", "key"}
	case "task":
		return []string{"key", "timeout", "retry"}
	case "step":
		return []string{"id", "timeout", "retry", "on_error", "undo", "weight"}
	}
	return nil
}

// callOptions are the options of one such call.
type callOptions struct {
	engine.EachOptions
	id   string
	undo engine.UndoPolicy
	// weight is the step's share of the rate budget; 0: none of its own.
	weight float64
	key    lua.LValue
}

// readOptions reads the options table of a call; nil means none.
func readOptions(call string, v lua.LValue) (*callOptions, error) {
	o := &callOptions{key: lua.LNil}
	if v == lua.LNil {
		return o, nil
	}
	tb, ok := v.(*lua.LTable)
	if !ok {
		return nil, argumentError(call, "options must be a table, got a "+luaTypeName(v), "")
	}
	for key, val := tb.Next(lua.LNil); key != lua.LNil; key, val = tb.Next(key) {
		name := key.String()
		if !slices.Contains(optionNames(call), name) {
			return nil, unknownOption(call, name)
		}
		if err := o.set(call, name, val); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func unknownOption(call, name string) *engine.Error {
	names := optionNames(call)
	hint := "options are " + strings.Join(names, ", ")
	if near := engine.Nearest(name, names); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return argumentError(call, "unknown option "+name, hint)
}

func argumentError(call, message, hint string) *engine.Error {
	return &engine.Error{Name: engine.NameArgumentError, Message: call + ": " + message, HintText: hint, ResetAt: -1}
}

func (o *callOptions) set(call, name string, v lua.LValue) (err error) {
	wrong := func(want string) error {
		return argumentError(call, fmt.Sprintf("%s must be %s, got %s", name, want, shown(v)), "")
	}
	var ok bool
	switch name {
	case "concurrency":
		n, ok := v.(lua.LNumber)
		if !ok || n < 1 || n != lua.LNumber(int(n)) {
			return wrong("a whole number from 1")
		}
		o.Concurrency = int(n)
	case "on_error":
		switch v.String() {
		case string(engine.Stop), string(engine.Continue):
			o.OnError = engine.OnError(v.String())
		default:
			return wrong(`"stop" or "continue"`)
		}
	case "timeout":
		if o.Timeout, err = duration(v); err != nil {
			return wrong("a number of seconds")
		}
	case "retry":
		if o.Retry, err = readRetry(call, v); err != nil {
			return err
		}
	case "key":
		switch v.(type) {
		case *lua.LFunction, lua.LString, lua.LNumber:
			o.key = v
		default:
			return wrong("a function or the name of a field")
		}
	case "undo":
		if o.undo, ok = engine.ParseUndo(v.String()); !ok {
			return wrong(`"auto", "full" or "off"`)
		}
	case "weight", "id":
		if want := o.setOwn(name, v); want != "" {
			return wrong(want)
		}
	}
	return nil
}

// setOwn reads what only a step has; it gives what is wanted where the value is
// wrong.
func (o *callOptions) setOwn(name string, v lua.LValue) (want string) {
	switch x := v.(type) {
	case lua.LNumber:
		if o.weight = float64(x); name == "weight" && engine.ValidWeight(o.weight) {
			return ""
		}
	case lua.LString:
		if o.id = string(x); name == "id" {
			return ""
		}
	}
	if name == "weight" {
		return "a number from 0.01 to 1000: the step's share of the rate budget, 1 for an equal one"
	}
	return "a string"
}

func shown(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return fmt.Sprintf("%q", string(v))
	case lua.LNumber:
		return numberText(float64(v))
	case lua.LBool:
		return v.String()
	}
	return "a " + luaTypeName(v)
}

// duration is a number of seconds, or a text such as "90s" or "2m".
func duration(v lua.LValue) (time.Duration, error) {
	var plain any
	switch v := v.(type) {
	case lua.LNumber:
		plain = float64(v)
	case lua.LString:
		plain = string(v)
	}
	if d, ok := engine.ParseDuration(plain); ok && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%s is no duration", shown(v))
}

func readRetry(call string, v lua.LValue) (engine.Retry, error) {
	var r engine.Retry
	if n, ok := v.(lua.LNumber); ok && n >= 0 && n == lua.LNumber(int(n)) {
		r.Times = int(n)
		return r, nil
	}
	tb, ok := v.(*lua.LTable)
	if !ok {
		return r, argumentError(call, "retry must be a number or {times=…, delay=…, on=…}, got "+shown(v), "")
	}
	for key, val := tb.Next(lua.LNil); key != lua.LNil; key, val = tb.Next(key) {
		var err error
		switch name := key.String(); name {
		case "times":
			n, ok := val.(lua.LNumber)
			if !ok || n < 0 || n != lua.LNumber(int(n)) {
				return r, argumentError(call, "retry.times must be a whole number, got "+shown(val), "")
			}
			r.Times = int(n)
		case "delay":
			if r.Delay, err = duration(val); err != nil {
				return r, argumentError(call, "retry.delay must be a number of seconds, got "+shown(val), "")
			}
		case "on":
			if r.On, err = names(val); err != nil {
				return r, argumentError(call, "retry.on must be the names of errors, got "+shown(val), "")
			}
		default:
			hint := "it has times, delay and on"
			if near := engine.Nearest(name, []string{"times", "delay", "on"}); near != "" {
				hint = "did you mean " + near + "?"
			}
			return r, argumentError(call, "retry has no "+name, hint)
		}
	}
	return r, nil
}

func names(v lua.LValue) ([]string, error) {
	if s, ok := v.(lua.LString); ok {
		return []string{string(s)}, nil
	}
	tb, ok := v.(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("%s is no list of names", shown(v))
	}
	var out []string
	for i := 1; i <= tb.Len(); i++ {
		s, ok := tb.RawGetInt(i).(lua.LString)
		if !ok {
			return nil, fmt.Errorf("%s is no name", shown(tb.RawGetInt(i)))
		}
		out = append(out, string(s))
	}
	return out, nil
}
