package bindings

import (
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/client/schema"
	"a0run/engine"
)

// apiNamespace is auth0.* of one role: every Management operation under its
// ID and its aliases, list, all and each on every listing, and auth0.call.
func (t *table) apiNamespace(role string) *engine.Namespace {
	ns := engine.NewNamespace("auth0")
	groups := map[string][]entry{}
	var order []string
	for _, op := range t.ops.All() {
		if op.API != catalog.Management {
			continue
		}
		for _, name := range names(op) {
			top, rest, _ := strings.Cut(name, ".")
			if _, ok := groups[top]; !ok {
				order = append(order, top)
			}
			groups[top] = append(groups[top], entry{rest, op})
		}
	}
	for _, top := range order {
		ns.Set(top, func() *engine.Namespace { return t.group(top, groups[top], role) })
	}
	ns.Set("call", t.callFunction(role))
	return ns
}

// entry is one name of an operation within its top-level group.
type entry struct {
	rest string
	op   *catalog.Operation
}

// group makes one resource's functions. The operations' own names go first;
// what list, all and each add never hides one of them.
func (t *table) group(top string, entries []entry, role string) *engine.Namespace {
	ns := engine.NewNamespace("auth0." + top)
	for _, e := range entries {
		setDeep(ns, e.rest, t.operation(e.op, role, "auth0."+top+"."+e.rest))
	}
	if top == "users" {
		t.userEntries(ns, role)
	}
	for _, e := range entries {
		if !listing(e.op) {
			continue
		}
		group, method := cutLast(e.rest)
		prefix := "auth0." + top + "." + group
		suffix := ""
		if rest, ok := strings.CutPrefix(method, "list_"); ok {
			suffix = "_" + rest
		}
		if isPythonOnly(e) {
			continue
		}
		setDeep(ns, group+"list"+suffix, t.operation(e.op, role, prefix+"list"+suffix))
		setDeep(ns, group+"all"+suffix, t.everything(e.op, role, prefix+"all"+suffix))
		setDeep(ns, group+"each"+suffix, t.each(e.op, role, prefix+"each"+suffix))
	}
	return ns
}

// isPythonOnly marks a 4.13 name of a listing that has a current name beside
// it: all and each stand in the group of the current name (users.roles.each,
// not users.each_roles, and above all not users.all for users.list_roles).
func isPythonOnly(e entry) bool {
	id := e.op.ID
	top, rest, _ := strings.Cut(id, ".")
	if rest != e.rest || len(e.op.Aliases) == 0 {
		return false
	}
	group, _ := cutLast(rest)
	aliasGroup, _ := cutLast(e.op.Aliases[0])
	return top+"."+group != aliasGroup
}

// cutLast splits "roles.list" into "roles." and "list".
func cutLast(dotted string) (group, method string) {
	i := strings.LastIndexByte(dotted, '.')
	return dotted[:i+1], dotted[i+1:]
}

func listing(op *catalog.Operation) bool { return op.Paging.Style != catalog.NoPaging }

// operation is the function of one operation.
func (t *table) operation(op *catalog.Operation, role, name string) *engine.Function {
	f := t.describe(op, name)
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		call := t.apiCall(op, role, args)
		call.announce()
		if listing(op) && !pagedByCaller(op, args) {
			return call.collect()
		}
		return call.once(args.values)
	}
	return f
}

// everything is all: the whole listing as one array, whatever is given.
func (t *table) everything(op *catalog.Operation, role, name string) *engine.Function {
	f := t.describe(op, name)
	f.Params = withoutPaging(f.Params)
	f.Returns = "a list of all items"
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		call := t.apiCall(op, role, args)
		call.announce()
		return call.collect()
	}
	return f
}

// each is an iterator over the listing.
func (t *table) each(op *catalog.Operation, role, name string) *engine.Function {
	f := t.describe(op, name)
	f.Params = withoutPaging(f.Params)
	f.Returns = "an iterator over the items"
	f.Listing = true
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		call := t.apiCall(op, role, args)
		call.announce()
		return call.iterate(), nil
	}
	return f
}

// describe makes the function of an operation without its body.
func (t *table) describe(op *catalog.Operation, name string) *engine.Function {
	f := &engine.Function{Name: name, Summary: op.Summary, Scopes: op.Scopes, Returns: returns(op)}
	positional := map[string]bool{}
	for _, a := range op.Positional() {
		positional[a.Name] = true
	}
	param := t.param
	// The positional ones in their order, then the rest by name.
	for _, a := range op.Positional() {
		f.Params = append(f.Params, param(a, true))
	}
	whole := false
	for _, a := range op.Args {
		whole = whole || a.In == catalog.InBody
		if !positional[a.Name] {
			f.Params = append(f.Params, param(a, false))
		}
	}
	if op.Body == catalog.JSONBody && !whole && op.API == catalog.Management {
		f.Params = append(f.Params, engine.Param{Name: "body", Type: "any", Summary: "The whole body instead of its fields."})
		relax(f, op)
	}
	f.Check = t.constants(op, f)
	if op.Effect == catalog.Act && findParam(f, repeatableParam) == nil {
		f.Params = append(f.Params, engine.Param{
			Name: repeatableParam, Type: "boolean", Summary: "It may be sent again when the outcome of the first time is unknown.",
		})
	}
	if sliced(op) {
		f.Params = append(f.Params, viaOption())
	}
	if findParam(f, timeoutParam) == nil {
		f.Params = append(f.Params, engine.Param{
			Name: timeoutParam, Type: "any", Summary: "For connecting and for silence, for this call: seconds, or a text such as 1m30s.",
		})
	}
	return f
}

// timeoutParam is the option that every API call takes beside its own.
const timeoutParam = "timeout"

// repeatableParam is the option by which a playbook says that doing an action
// twice does no harm.
const repeatableParam = "repeatable"

// option reports whether an argument is an option of the call and no argument of
// the operation.
func (a *apiCall) option(name string) bool {
	if name != timeoutParam && name != repeatableParam && (name != viaParam || !sliced(a.op)) {
		return false
	}
	_, isArg := a.op.Arg(name)
	return !isArg
}

// relax makes body fields that stand by position optional where the whole body
// can be given instead; operation checks that one of the two is there.
func relax(f *engine.Function, op *catalog.Operation) {
	for i := range f.Params {
		if a, ok := op.Arg(f.Params[i].Name); ok && a.In == catalog.InField {
			f.Params[i].Required = false
		}
	}
}

// param is a parameter of an operation's function. Where a value outside an enum
// is no error, the function takes any: announce tells of it.
func (t *table) param(a catalog.Arg, positional bool) engine.Param {
	p := engine.Param{
		Name: a.Name, Type: string(a.Type), Enum: a.Enum, Positional: positional,
		Required: a.Required, Secret: a.Secret, Summary: a.Summary,
	}
	if a.Type == catalog.File {
		p.Type = "any"
	}
	if a.In == catalog.InQuery && !t.mode().Refuses(schema.OutsideEnum) {
		p.Enum = nil
	}
	if a.In == catalog.InField && a.Type == catalog.Strings && positional {
		p.Type = "array" // a list, or the object form
	}
	if a.In == catalog.InBody && a.Type != catalog.Object {
		p.Type = "any" // the operation's own check says object or array
	}
	for _, alias := range []string{a.Python, a.Wire} {
		if alias != "" && alias != a.Name {
			p.Aliases = append(p.Aliases, alias)
		}
	}
	return p
}

func returns(op *catalog.Operation) string {
	switch {
	case listing(op):
		return "a list of all items; with page, per_page, from, take or include_totals one answer of the API, unchanged"
	case op.Answer == catalog.TextAnswer:
		return "text"
	case op.Answer == catalog.RedirectAnswer:
		return "the URL"
	case op.Answer == catalog.EmptyAnswer:
		return "nothing"
	}
	return "the answer of the API"
}

// The arguments with which a caller does the paging himself.
func pagingParams() []string { return []string{"page", "per_page", "from", "take", "include_totals"} }

func pagedByCaller(op *catalog.Operation, args *bound) bool {
	for _, name := range pagingParams() {
		if a, ok := op.Arg(name); ok && args.given(a.Name) {
			return true
		}
	}
	return op.Paging.Style == catalog.Whole && op.Paging.Items == "" // the answer is the list itself
}

func withoutPaging(params []engine.Param) []engine.Param {
	kept := make([]engine.Param, 0, len(params))
	for _, p := range params {
		if !contains(pagingParams(), p.Name) {
			kept = append(kept, p)
		}
	}
	return kept
}

// callFunction is auth0.call(name, {args}): any operation by its name, all
// arguments by name, as YAML gives them.
func (t *table) callFunction(role string) *engine.Function {
	f := &engine.Function{
		Name: "auth0.call", Summary: "Call an operation by its name, with all arguments by name.",
		Params: []engine.Param{
			{Name: "operation", Type: "string", Positional: true, Required: true},
			{Name: "args", Type: "object", Positional: true},
		},
		Returns: "what the operation returns",
	}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(args.text("operation"), "auth0.")
		op, ok := t.ops.Lookup(name)
		if !ok {
			hint := ""
			if n := t.ops.Nearest(name); n != "" {
				hint = "did you mean " + n + "?"
			}
			return nil, args.wrong("unknown operation "+name, hint)
		}
		v, _ := args.values.Get("args")
		named, _ := v.(*engine.Object)
		if named == nil {
			named = engine.NewObject(0)
		}
		inner := t.operation(op, role, "auth0."+name)
		return inner.Call(&engine.HostCall{Task: c.Task, Func: inner, Named: named, Where: c.Where})
	}
	return f
}

// timeout reads the timeout option; 0 where it is not given.
func (b *bound) timeout() (time.Duration, *engine.Error) {
	if _, own := b.values.Get(timeoutParam); !own {
		return 0, nil
	}
	d, err := b.duration(timeoutParam)
	if err != nil {
		return 0, engine.AsError(err)
	}
	if d <= 0 {
		return 0, b.wrong("timeout must be more than 0 seconds", "")
	}
	return d, nil
}
