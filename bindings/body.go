package bindings

import (
	"strings"

	"a0run/client/catalog"
	"a0run/client/schema"
	"a0run/engine"
)

// examine looks at the arguments of a call before anything is done with them:
// empty tables get the form that the API wants, and what is known to be wrong
// with the body is said, all mistakes at once. What the stages of a run and undo
// ask for by themselves does not come by here: they write back what a tenant
// gave them.
func (a *apiCall) examine(values *engine.Object) error {
	known := schema.Of(a.op)
	if !known.Known() {
		return nil
	}
	body, found := a.settled(values, known.Place())
	mode := a.table.mode()
	if !found || mode == schema.Off {
		return nil
	}
	mistakes := known.Check(body, wordsOf())
	if mistakes == nil {
		return nil
	}
	refused, told := mode.Split(mistakes)
	if len(refused) > 0 {
		return a.refuse(append(refused, told...))
	}
	for _, m := range told {
		a.tell("field "+m.Field(), m.String()+"; it is sent as it is")
	}
	return nil
}

// settled gives the body of a call, also where it came as its fields, after
// each empty table in it has become a list where the API has one.
func (a *apiCall) settled(values *engine.Object, root schema.Place) (any, bool) {
	if body, whole := values.Get("body"); whole {
		if holdsEmpty(body) {
			body = settle(body, root)
			values.Set("body", body)
		}
		return body, true
	}
	fields := engine.NewObject(values.Len() + len(a.op.Fixed))
	for name, v := range values.All() {
		arg, ok := a.op.Arg(name)
		if !ok || arg.In != catalog.InField {
			continue
		}
		if holdsEmpty(v) {
			v = settle(v, root.Field(fields, arg.WireName()))
			values.Set(name, v)
		}
		fields.Set(arg.WireName(), v)
	}
	if fields.Len() == 0 {
		return nil, false
	}
	for _, f := range a.op.Fixed {
		if _, given := fields.Get(f.Name); !given {
			fields.Set(f.Name, f.Value)
		}
	}
	return fields, true
}

// constants is the check of a call's constant arguments; nil where nothing is
// known of the body.
func (t *table) constants(op *catalog.Operation, f *engine.Function) func(*engine.Object) []engine.Finding {
	known := schema.Of(op)
	if !known.Known() {
		return nil
	}
	return func(named *engine.Object) []engine.Finding {
		mode := t.mode()
		a := t.apiCall(op, "", &bound{call: &engine.HostCall{Func: f}})
		values, err := a.prepare(named)
		if err != nil || mode == schema.Off {
			return nil // what prepare refuses, the front ends say or the call does
		}
		body, found := a.settled(values, known.Place())
		if !found {
			return nil
		}
		prefix := ""
		if _, whole := values.Get("body"); whole {
			prefix = "body."
		}
		var out []engine.Finding
		for _, m := range known.Check(body, wordsOf()) {
			what := m
			what.Hint = ""
			path := prefix + strings.ReplaceAll(strings.ReplaceAll(m.Path, "[", "."), "]", "")
			out = append(out, engine.Finding{
				Path: path, Message: what.String(), Hint: m.Hint, Warning: !mode.Refuses(m.Fault),
			})
		}
		return out
	}
}

// holdsEmpty reports whether there is an empty table in a tree: most have none
// and are not looked at again.
func holdsEmpty(v any) bool {
	switch x := v.(type) {
	case *engine.Object:
		if x.Len() == 0 {
			return true
		}
		for _, inner := range x.All() {
			if holdsEmpty(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range x {
			if holdsEmpty(inner) {
				return true
			}
		}
	}
	return false
}

// settle copies a tree with its empty tables as lists where the place wants a
// list: the tree may be a playbook's parameter, which others read too.
func settle(v any, at schema.Place) any {
	if at.IsAny() {
		return v
	}
	switch x := v.(type) {
	case *engine.Object:
		if x.Len() == 0 {
			if at.WantsList() {
				return []any{}
			}
			return v
		}
		out := engine.NewObject(x.Len())
		for name, inner := range x.All() {
			out.Set(name, settle(inner, at.Field(x, name)))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, inner := range x {
			out[i] = settle(inner, at.Item())
		}
		return out
	}
	return v
}

// wordsOf explain the run's values to the schemas.
func wordsOf() schema.Words { return schema.Words{Plain: plainly, Passes: isPlaceholder} }

func plainly(v any) any {
	switch x := v.(type) {
	case engine.Null:
		return nil
	case engine.Secret:
		return schema.Hidden(x)
	}
	return schema.Unknown{}
}

// isPlaceholder reports whether a text stands for what a plan makes (see
// engine/plan): it has the place of an id, a number or whatever the call gives.
func isPlaceholder(text string) bool {
	const mark, digits = "plan_", 32
	for {
		i := strings.Index(text, mark)
		if i < 0 {
			return false
		}
		text = text[i+len(mark):]
		if len(text) >= digits && strings.Trim(text[:digits], "0123456789abcdef") == "" {
			return true
		}
	}
}

// refuse is the error of all mistakes of a body: the first is its message, the
// others are its hint, those that alone would be a warning last.
func (a *apiCall) refuse(all []schema.Mistake) *engine.Error {
	first := all[0]
	if first.Path == "" {
		first.Path = "body"
	}
	e := a.args.wrong(first.Path+": "+first.Problem, first.Hint)
	if more := schema.Also(all[1:]); more != "" {
		e.HintText = strings.TrimPrefix(e.HintText+"; "+more, "; ")
	}
	return e
}

// tell writes a line of level warn to the run's log, once a run.
func (a *apiCall) tell(key, text string) {
	task := a.args.call.Task
	if task == nil || !a.table.first(a.op.ID+" "+key) {
		return
	}
	task.Log(engine.Event{Level: "warn", Text: a.args.call.Func.Name + ": " + text}, a.args.call.Where)
}

// first reports whether something is said for the first time.
func (t *table) first(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said[key] {
		return false
	}
	if t.said == nil {
		t.said = map[string]bool{}
	}
	t.said[key] = true
	return true
}

// announce says once a run what is to be known of a call before its body is
// looked at.
func (a *apiCall) announce() {
	a.lifecycle()
	if a.table.mode() != schema.Warn {
		return // what is wrong with the query is an error, or nobody's affair
	}
	for name, v := range a.args.values.All() {
		arg, ok := a.op.Arg(name)
		text, isText := v.(string)
		if !ok || !isText || arg.In != catalog.InQuery || isPlaceholder(text) {
			continue
		}
		if m, wrong := schema.CheckQuery(arg, text); wrong {
			a.tell("field "+name, m.String()+"; it is sent as it is")
		}
	}
}

// lifecycle says of an operation that it will go, or is not quite there.
func (a *apiCall) lifecycle() {
	switch op := a.op; {
	case op.Removed != "":
		a.tell("lifecycle", op.Removed)
	case op.Deprecated != "":
		a.tell("lifecycle", "deprecated: "+op.Deprecated)
	case op.Lifecycle != "":
		a.tell("lifecycle", "it is in "+strings.ReplaceAll(op.Lifecycle, "_", " ")+" at Auth0: it may change, and not every tenant has it")
	}
}

// mode is what is done about mistakes: the head says it, else the project.
func (t *table) mode() schema.Mode {
	policy := t.cfg.Head.Validate
	if policy == "" {
		policy = t.cfg.Validate
	}
	switch policy {
	case engine.ValidateOff:
		return schema.Off
	case engine.ValidateWarn:
		return schema.Warn
	case engine.ValidateError:
		return schema.Strict
	default:
		return schema.Usual
	}
}
