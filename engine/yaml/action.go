package yaml

import (
	"encoding/json"
	"strings"

	"a0run/engine"
	"a0run/engine/lua"
)

// act does what a step is about, once.
func (r *runner) act(s site, a *action) (any, error) {
	switch a.kind {
	case hostAction:
		v, err := r.call(s, a)
		if it, ok := v.(*engine.Iterator); ok && err == nil {
			closeIterator(it)
			return nil, scriptError(a.at, "%s gives its items one by one and stands only in for_each", a.name)
		}
		return v, err
	case luaAction:
		return r.expr(s.t, a.code, s.sc)
	case listAction:
		return r.list(s, a.body)
	case varsAction:
		return r.assign(s, a.arg)
	case printAction:
		return nil, r.print(s, a)
	case failAction:
		v, err := r.eval(s.t, a.arg, s.sc)
		if err != nil {
			return nil, err
		}
		msg, _ := text(v)
		return nil, scriptError(a.at, "%s", msg)
	case parallelAction: // has its own way, see tried
	}
	return nil, errNoAction
}

// call calls a host function.
func (r *runner) call(s site, a *action) (any, error) {
	f, err := r.function(s, a)
	if err != nil {
		return nil, err
	}
	named := engine.NewObject(0)
	switch {
	case a.arg.kind == mapping:
		v, err := r.eval(s.t, a.arg, s.sc)
		if err != nil {
			return nil, err
		}
		named, _ = v.(*engine.Object)
	case !a.arg.empty:
		// The one value is the first positional parameter's; Check has seen
		// that there is one.
		v, err := r.eval(s.t, a.arg, s.sc)
		if err != nil {
			return nil, err
		}
		if p := firstPositional(f); p != nil && v != nil {
			named.Set(p.Name, v)
		}
	}
	v, err := f.Call(&engine.HostCall{Task: s.t, Func: f, Named: named, Where: a.at})
	if err != nil {
		return nil, placed(err, a.at)
	}
	return v, nil
}

func firstPositional(f *engine.Function) *engine.Param {
	for i := range f.Params {
		if f.Params[i].Positional {
			return &f.Params[i]
		}
	}
	return nil
}

// ofTenant is a function's name in the handle that tenant(role) gives; ok is
// false for functions that belong to no tenant.
func ofTenant(name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "auth0."); ok {
		return rest, true
	}
	first, _, _ := strings.Cut(name, ".")
	switch first {
	case "get_token", "verify_id_token", "verify_access_token", "authentication":
		return name, true
	}
	return "", false
}

// function finds the function of an action for the tenant in scope.
func (r *runner) function(s site, a *action) (*engine.Function, error) {
	key := funcKey{s.sc.role, a.name}
	inTenant, scoped := ofTenant(a.name)
	if !scoped {
		key.role = ""
	}
	if f, ok := r.funcs[key]; ok {
		return f, nil
	}
	var f *engine.Function
	var ok bool
	if key.role == "" {
		f, ok = r.globals.Lookup(a.name)
	} else {
		handle, err := r.role(s.t, key.role, a.at)
		if err != nil {
			return nil, err
		}
		f, ok = handle.Lookup(inTenant)
	}
	if !ok {
		return nil, scriptError(a.at, "there is no function %s", a.name)
	}
	r.funcs[key] = f
	return f, nil
}

// role gives the handle of a tenant.
func (r *runner) role(t *engine.Task, role string, at engine.Position) (*engine.Namespace, error) {
	if h, ok := r.roles[role]; ok {
		return h, nil
	}
	f, ok := r.globals.Lookup("tenant")
	if !ok {
		return nil, scriptError(at, "this run has no tenants")
	}
	v, err := f.Call(&engine.HostCall{Task: t, Func: f, Args: []any{role}, Where: at})
	if err != nil {
		return nil, placed(err, at)
	}
	h, ok := v.(*engine.Namespace)
	if !ok {
		return nil, scriptError(at, "there is no tenant %q", role)
	}
	r.roles[role] = h
	return h, nil
}

// roleGlobals makes auth0 and its like those of a role for a lua step.
func (r *runner) roleGlobals(t *engine.Task, env *engine.Object, role string, at engine.Position) error {
	h, err := r.role(t, role, at)
	if err != nil {
		return err
	}
	env.Set("auth0", h)
	for _, name := range []string{"get_token", "verify_id_token", "verify_access_token", "authentication"} {
		if v, ok := h.Get(name); ok {
			env.Set(name, v)
		}
	}
	return nil
}

// print writes a value the way Lua's print does; objects and arrays as JSON.
func (r *runner) print(s site, a *action) error {
	v, err := r.eval(s.t, a.arg, s.sc)
	if err != nil {
		return err
	}
	line, ok := text(v)
	if !ok {
		if line, err = jsonText(v); err != nil {
			return placed(err, a.at)
		}
	}
	if r.printer == nil {
		if r.printer, err = lua.CompileBlock("print(text)", a.at); err != nil {
			return err
		}
	}
	env := engine.NewObject(1)
	env.Set("text", line)
	_, err = r.vm.Eval(s.t, r.printer, env, false)
	return err
}

func jsonText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "nil", nil
	case json.RawMessage:
		return string(v), nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
