package yaml

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"a0run/engine"
)

// eval gives a node its value: constants as they stand, ${{ }} evaluated. A
// value that comes out as nil is absent from its mapping, as a nil field is
// absent from a Lua table.
func (r *runner) eval(t *engine.Task, n *node, sc *scope) (any, error) {
	switch n.kind {
	case mapping:
		o := engine.NewObject(len(n.keys))
		for i, k := range n.keys {
			v, err := r.eval(t, n.values[i], sc)
			if err != nil {
				return nil, err
			}
			if v != nil {
				name, _ := k.text()
				o.Set(name, v)
			}
		}
		return o, nil
	case sequence:
		out := make([]any, 0, len(n.values))
		for i, x := range n.values {
			v, err := r.eval(t, x, sc)
			if err != nil {
				return nil, err
			}
			if v == nil {
				return nil, scriptError(x.at, "item %d of the list is nil; write null for an empty place", i+1)
			}
			out = append(out, v)
		}
		return out, nil
	case scalar:
	}
	switch {
	case n.tmpl != nil && n.tmpl.whole:
		return r.expr(t, n.tmpl.parts[0].expr, sc)
	case n.tmpl != nil:
		return r.render(t, n, sc)
	case n.value == nil && !n.empty:
		return engine.Null{}, nil
	}
	return n.value, nil
}

// expr evaluates one expression, or runs the text of a lua step.
func (r *runner) expr(t *engine.Task, e *expr, sc *scope) (any, error) {
	if e.path != nil {
		if v, ok := sc.path(e.path); ok {
			return v, nil
		}
	}
	env := sc.env(e)
	if e.code && sc.role != "" {
		if err := r.roleGlobals(t, env, sc.role, e.at); err != nil {
			return nil, err
		}
	}
	v, err := r.vm.Eval(t, e.chunk, env, !e.code)
	if err != nil {
		return nil, placed(err, e.at)
	}
	return v, nil
}

// render puts values into a text.
func (r *runner) render(t *engine.Task, n *node, sc *scope) (any, error) {
	var b strings.Builder
	secret := false
	for _, p := range n.tmpl.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := r.expr(t, p.expr, sc)
		if err != nil {
			return nil, err
		}
		_, isSecret := v.(engine.Secret)
		secret = secret || isSecret
		s, ok := text(v)
		if !ok {
			e := scriptError(p.expr.at, "inside a text an expression must give a string, number or boolean, got %s", typeName(v))
			if v == nil {
				e.HintText = "write ${{ … or \"\" }} where it may be nil"
			} else {
				e.HintText = "json.encode(…) makes a text of it"
			}
			return nil, e
		}
		b.WriteString(s)
	}
	if secret {
		return engine.Secret(b.String()), nil
	}
	return b.String(), nil
}

// text is a scalar as Lua's .. would write it.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case engine.Secret:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case json.Number:
		return v.String(), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return strconv.FormatInt(int64(v), 10), true
		}
		return strconv.FormatFloat(v, 'g', 14, 64), true
	case json.RawMessage:
		if tree, err := engine.ParseJSON(v); err == nil {
			return text(tree)
		}
	}
	return "", false
}

// truth is Lua's: all but nil and false.
func truth(v any) bool {
	on, isBool := v.(bool)
	return v != nil && (!isBool || on)
}

// quantity evaluates a modifier and reads it; a nil node gives the zero value.
func quantity[T any](r *runner, s site, n *node, read func(any) (T, error)) (T, error) {
	var zero T
	if n == nil {
		return zero, nil
	}
	v, err := r.eval(s.t, n, s.sc)
	if err != nil {
		return zero, err
	}
	x, err := read(v)
	if err != nil {
		return zero, scriptError(n.at, "%s", err.Error())
	}
	return x, nil
}
