package lua

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

const (
	// maxTreeDepth bounds the nesting of a table that becomes a tree.
	maxTreeDepth = 100
	// maxTreeValues bounds a tree: a table that holds itself twice at every
	// one of a hundred levels would otherwise never end.
	maxTreeValues = 5_000_000
)

// errHostValue says that a value of the tree is the VM's to make: an iterator
// or a namespace.
var errHostValue = errors.New("an iterator or a namespace stands only at the top of a result")

// fromTree gives a tree (see engine/value.go) as Lua values.
func fromTree(l *lua.LState, v any) (lua.LValue, error) {
	return converterOf(l).fromTree(l, v)
}

func (c *converter) fromTree(l *lua.LState, v any) (lua.LValue, error) {
	switch v := v.(type) {
	case nil:
		return lua.LNil, nil
	case engine.Null:
		return c.null, nil
	case bool:
		return lua.LBool(v), nil
	case string:
		return lua.LString(v), nil
	case engine.Secret:
		return lua.LString(string(v)), nil
	case float64:
		return lua.LNumber(v), nil
	case int:
		return c.intValue(int64(v)), nil
	case int64:
		return c.intValue(v), nil
	case json.Number:
		return c.literalValue(string(v))
	case json.RawMessage:
		return c.decode(l, v, false)
	case *engine.Object:
		return c.fromObject(l, v)
	case []any:
		return c.fromArray(l, v)
	case []string:
		tb := c.newArray(l, len(v))
		for _, s := range v {
			tb.Append(lua.LString(s))
		}
		return tb, nil
	case *engine.Iterator, *engine.Namespace, *engine.Function:
		return nil, errHostValue
	}
	return nil, fmt.Errorf("a value of Go type %T has no form in Lua", v)
}

func (c *converter) intValue(n int64) lua.LValue {
	if n > exactInteger || n < -exactInteger {
		return c.bigValue(strconv.FormatInt(n, 10))
	}
	return lua.LNumber(n)
}

func (c *converter) literalValue(literal string) (lua.LValue, error) {
	v, ok := c.numberValue(literal, !strings.ContainsAny(literal, ".eE"))
	if !ok {
		return nil, errors.New("a number is too large")
	}
	return v, nil
}

func (c *converter) fromObject(l *lua.LState, o *engine.Object) (lua.LValue, error) {
	if o == nil {
		return lua.LNil, nil
	}
	tb := l.CreateTable(0, o.Len())
	for key, item := range o.All() {
		v, err := c.fromTree(l, item)
		if err != nil {
			return nil, err
		}
		if v != lua.LNil {
			tb.RawSetString(key, v)
		}
	}
	return tb, nil
}

// fromArray keeps the places of an array: a nil item becomes null, since a
// Lua list ends at its first nil.
func (c *converter) fromArray(l *lua.LState, items []any) (lua.LValue, error) {
	if len(items) >= lua.MaxArrayIndex {
		return nil, errors.New("an array is too long for a Lua table")
	}
	tb := c.newArray(l, len(items))
	for _, item := range items {
		v, err := c.fromTree(l, item)
		if err != nil {
			return nil, err
		}
		if v == lua.LNil {
			v = c.null
		}
		tb.Append(v)
	}
	return tb, nil
}

// toTree gives a Lua value as a tree. Its error is a *treeError.
func toTree(_ *lua.LState, v lua.LValue) (any, error) {
	w := treeWriter{}
	tree, err := w.value(v)
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// A treeError says which part of a value cannot leave Lua, and why.
type treeError struct {
	// path is the way to it from the value: `.roles[2]`, empty for itself.
	path string
	why  string
}

func (e *treeError) Error() string { return e.in("value") }

// in is the message for a value that the playbook knows by a name.
func (e *treeError) in(name string) string { return name + e.path + " " + e.why }

// A treeWriter turns tables into trees and remembers where it is.
type treeWriter struct {
	path  []lua.LValue
	open  []*lua.LTable
	count int
}

func (w *treeWriter) fault(why string, args ...any) error {
	var b strings.Builder
	for _, key := range w.path {
		b.WriteString(pathStep(key))
	}
	return &treeError{b.String(), fmt.Sprintf(why, args...)}
}

// pathStep is how Lua would write the step to a field.
func pathStep(key lua.LValue) string {
	switch k := key.(type) {
	case lua.LNumber:
		return "[" + numberText(float64(k)) + "]"
	case lua.LString:
		if isName(string(k)) {
			return "." + string(k)
		}
		return "[" + strconv.Quote(string(k)) + "]"
	}
	return "[" + key.Type().String() + "]"
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func (w *treeWriter) value(v lua.LValue) (any, error) {
	w.count++
	if w.count > maxTreeValues {
		return nil, w.fault("holds more than %d values", maxTreeValues)
	}
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LString:
		return string(v), nil
	case lua.LNumber:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, w.fault("is %s, which JSON cannot say", numberText(float64(v)))
	case *lua.LTable:
		return w.table(v)
	case *lua.LUserData:
		switch u := v.Value.(type) {
		case nullValue:
			return engine.Null{}, nil
		case bigInteger:
			return json.Number(u), nil
		}
	}
	return nil, w.fault("is a %s, which JSON cannot say", v.Type())
}

func (w *treeWriter) table(tb *lua.LTable) (any, error) {
	if slices.Contains(w.open, tb) {
		return nil, w.fault("contains itself")
	}
	if len(w.open) >= maxTreeDepth {
		return nil, w.fault("is nested deeper than %d levels", maxTreeDepth)
	}
	w.open = append(w.open, tb)
	defer func() { w.open = w.open[:len(w.open)-1] }()

	named, listed, longest, err := w.survey(tb)
	switch {
	case err != nil:
		return nil, err
	case isArray(tb) && named > 0:
		return nil, w.fault("is an array and cannot have the key %s", pathStep(firstName(tb)))
	case named > 0 && listed > 0:
		return nil, w.fault("mixes list items with named fields (%s)", pathStep(firstName(tb)))
	case listed > 0 || isArray(tb):
		return w.array(tb, listed, longest)
	}
	return w.object(tb, named)
}

// survey counts a table's named fields and list items, and finds the highest
// index.
func (w *treeWriter) survey(tb *lua.LTable) (named, listed, longest int, err error) {
	for k, _ := tb.Next(lua.LNil); k != lua.LNil; k, _ = tb.Next(k) {
		switch k := k.(type) {
		case lua.LString:
			named++
			continue
		case lua.LNumber:
			if n := int(k); lua.LNumber(n) == k && n > 0 {
				listed++
				longest = max(longest, n)
				continue
			}
		}
		return 0, 0, 0, w.fault("has a key that is neither text nor a list index (%s)", pathStep(k))
	}
	return named, listed, longest, nil
}

// isArray says that a table carries the array marker.
func isArray(tb *lua.LTable) bool {
	mt, ok := tb.Metatable.(*lua.LTable)
	return ok && mt.RawGetString("__metatable") == lua.LString(arrayName)
}

func firstName(tb *lua.LTable) lua.LValue {
	for k, _ := tb.Next(lua.LNil); k != lua.LNil; k, _ = tb.Next(k) {
		if _, ok := k.(lua.LString); ok {
			return k
		}
	}
	return lua.LNil
}

func (w *treeWriter) array(tb *lua.LTable, listed, longest int) (any, error) {
	items := make([]any, 0, listed)
	for i := 1; i <= longest; i++ {
		item := tb.RawGet(lua.LNumber(i))
		w.path = append(w.path, lua.LNumber(i))
		if item == lua.LNil {
			return nil, w.fault("is nil, but the list goes on to [%d]; write null for an empty place", longest)
		}
		v, err := w.value(item)
		if err != nil {
			return nil, err
		}
		w.path = w.path[:len(w.path)-1]
		items = append(items, v)
	}
	return items, nil
}

func (w *treeWriter) object(tb *lua.LTable, named int) (any, error) {
	o := engine.NewObject(named)
	for k, item := tb.Next(lua.LNil); k != lua.LNil; k, item = tb.Next(k) {
		w.path = append(w.path, k)
		v, err := w.value(item)
		if err != nil {
			return nil, err
		}
		w.path = w.path[:len(w.path)-1]
		o.Set(k.String(), v)
	}
	return o, nil
}
