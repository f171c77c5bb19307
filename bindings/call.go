package bindings

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/pace"
	"a0run/engine"
)

// apiCall is one call of an operation that a playbook makes, with its
// arguments bound.
type apiCall struct {
	table *table
	op    *catalog.Operation
	role  string
	args  *bound
}

func (t *table) apiCall(op *catalog.Operation, role string, args *bound) *apiCall {
	return &apiCall{table: t, op: op, role: role, args: args}
}

// once makes one request and gives the API's answer unchanged; nothing for an
// answer without a body.
func (a *apiCall) once(values *engine.Object) (any, error) {
	values, err := a.prepare(values)
	if err != nil {
		return nil, err
	}
	if err := a.examine(values); err != nil {
		return nil, err
	}
	out := a.do(values)
	if out.Err != nil {
		return nil, out.Err
	}
	return out.Value, nil
}

// collect reads the whole listing as one array.
func (a *apiCall) collect() (any, error) {
	buf := bytes.NewBufferString("[")
	current := a.args.call.Task
	for item, err := range a.walk(&current) {
		if err != nil {
			return nil, err
		}
		if buf.Len() > 1 {
			buf.WriteByte(',')
		}
		buf.Write(item)
	}
	buf.WriteByte(']')
	return json.RawMessage(buf.Bytes()), nil
}

// iterate hands the listing out item by item.
func (a *apiCall) iterate() *engine.Iterator {
	var next func() (json.RawMessage, error, bool)
	var stop func()
	var current *engine.Task
	return &engine.Iterator{
		Next: func(t *engine.Task) (json.RawMessage, bool, error) {
			current = t
			if next == nil {
				next, stop = iter.Pull2(a.walk(&current))
			}
			item, err, ok := next()
			return item, ok && err == nil, err
		},
		Close: func() {
			if stop != nil {
				stop()
			}
		},
	}
}

// walk is the client's walker with each page an action of the run, of the task
// that asks for it: an iterator may be handed from one task to another.
func (a *apiCall) walk(t **engine.Task) iter.Seq2[json.RawMessage, error] {
	first := true
	page := func(_ context.Context, _ *catalog.Operation, args client.Args) (*client.Response, error) {
		values, err := a.prepare(treeOf(args))
		if err != nil {
			return nil, err
		}
		out := a.doIn(*t, values)
		if out.Err != nil {
			return nil, out.Err
		}
		body, _ := out.Value.(json.RawMessage)
		if first {
			first = false
			(*t).Expect(totalOf(body))
		}
		return &client.Response{Status: out.Status, Body: body, Header: http.Header{}}, nil
	}
	if sliced(a.op) {
		return a.userWalk(t, page)
	}
	return client.Walk(context.Background(), a.op, a.clientArgs(a.args.values), page)
}

// totalOf is how many objects a listing has by the tenant's own count, as a page
// tells it; 0 where it does not.
func totalOf(page json.RawMessage) int {
	if len(page) == 0 || page[0] != '{' {
		return 0
	}
	var told struct {
		Total int `json:"total"`
	}
	if json.Unmarshal(page, &told) != nil {
		return 0
	}
	return told.Total
}

// do sends the call through the run's one path.
func (a *apiCall) do(values *engine.Object) engine.Outcome { return a.doIn(a.args.call.Task, values) }

func (a *apiCall) doIn(t *engine.Task, values *engine.Object) engine.Outcome {
	if t == nil {
		return engine.Outcome{Err: notHere(a.args.call)}
	}
	action, err := a.action(values)
	if err != nil {
		return engine.Outcome{Err: err}
	}
	return t.Do(action)
}

// action is the call as the engine knows it.
func (a *apiCall) action(values *engine.Object) (*engine.Action, *engine.Error) {
	c, ok := a.table.cfg.Tenants[a.role]
	if !ok {
		return nil, a.args.wrong("no tenant stands for the role "+a.role, "name one with --tenant")
	}
	if err := a.table.reachable(a.args, "domain", c); err != nil {
		return nil, err
	}
	timeout, err := a.args.timeout()
	if err != nil {
		return nil, err
	}
	action := &engine.Action{
		Name: a.op.ID, Tenant: a.role, Operation: a.op, Effect: a.op.Effect,
		Args: a.marked(values), Where: a.args.call.Where,
	}
	for _, arg := range a.op.Args {
		if text, _ := values.Get(arg.Name); arg.Type == catalog.File && text != nil {
			action.Payload, action.PayloadArg = text, arg.Name
		}
	}
	if v, _ := a.args.values.Get(repeatableParam); a.option(repeatableParam) && v == true {
		action.Repeatable = true
	}
	if name := a.op.RepeatableWith(); name != "" {
		v, _ := values.Get(name)
		action.Repeatable = action.Repeatable || v == true
	}
	sent := a.clientArgs(values)
	action.Perform = func(ctx context.Context, at *engine.Attempt) engine.Outcome {
		resp, err := c.Do(ctx, a.op.ID, sent, attemptOptions(at, timeout)...)
		if err != nil {
			return a.table.failed(err, a.op)
		}
		return a.table.answered(resp, a.op)
	}
	return action, nil
}

// attemptOptions hand the engine's hooks to the client.
func attemptOptions(at *engine.Attempt, timeout time.Duration) []client.CallOption {
	opts := []client.CallOption{
		client.WithBeforeSend(func(ctx context.Context, _ client.SendInfo) error { return at.BeforeSend(ctx) }),
		client.WithParked(at.Parked),
		client.WithGrantBy(at.GrantBy),
		client.WithFlow(at.Flow),
	}
	if timeout > 0 {
		opts = append(opts, client.WithTimeouts(client.Timeouts{Connect: timeout, Silence: timeout}))
	}
	return opts
}

// answered is the outcome of a call that went well.
func (t *table) answered(resp *client.Response, op *catalog.Operation) engine.Outcome {
	out := engine.Outcome{Status: resp.Status}
	if len(resp.Body) > 0 {
		out.Value = resp.Body
		if len(op.SecretAnswers) > 0 && t.cfg.Redactor != nil {
			t.learnAnswer(resp.Body, op)
		}
	}
	return out
}

// failed is the outcome of a call that did not.
func (t *table) failed(err error, op *catalog.Operation) engine.Outcome {
	e := toError(err, op.ID)
	fault := client.Classify(err)
	if fault == pace.Uncertain && !op.Effect.Repeatable() {
		own := *e // the error that ended a context is shared by all that it cut
		own.InDoubt = true
		e = &own
	}
	return engine.Outcome{Status: e.StatusCode, Err: e, Fault: fault, ResetAt: client.ResetTime(err)}
}

// prepare gives the arguments the form that the operation wants: a list that
// is given in the place of a field stays that field's value, an object there is
// the whole body; a body must be an object or a list.
func (a *apiCall) prepare(values *engine.Object) (*engine.Object, error) {
	out := engine.NewObject(values.Len())
	fields := 0
	for name, v := range values.All() {
		arg, ok := a.op.Arg(name)
		if !ok {
			out.Set(name, v) // body or timeout
			continue
		}
		switch o, isObject := v.(*engine.Object); {
		case arg.In == catalog.InField && isObject && arg.Type != catalog.Object && arg.Type != catalog.Any:
			out.Set("body", o)
			continue
		case arg.In == catalog.InField:
			fields++
		}
		out.Set(arg.Name, v)
	}
	for _, name := range []string{timeoutParam, repeatableParam, viaParam} {
		if a.option(name) {
			out.Delete(name)
		}
	}
	if err := a.checkBody(out, fields); err != nil {
		return nil, err
	}
	return out, nil
}

// checkBody says what is wrong with a body before anything is sent.
func (a *apiCall) checkBody(out *engine.Object, fields int) error {
	body, given := out.Get("body")
	_, isList := body.([]any)
	_, isObject := body.(*engine.Object)
	if given && !isObject && (!isList || !a.takesList()) {
		return a.args.wrong("parameter body: got "+kind(body)+", want an object", "")
	}
	if given && fields > 0 {
		return a.args.wrong("body is given beside its fields", "give one of the two")
	}
	if given {
		return nil
	}
	for _, p := range a.op.Positional() {
		if p.In != catalog.InField || !p.Required {
			continue
		}
		if _, ok := out.Get(p.Name); !ok {
			return a.args.wrong("argument "+p.Name+" is missing", "usage: "+Signature(a.args.call.Func))
		}
	}
	return nil
}

// takesList reports whether the whole body of the operation can be a list.
func (a *apiCall) takesList() bool {
	for _, arg := range a.op.Args {
		if arg.In == catalog.InBody {
			return arg.Type != catalog.Object
		}
	}
	return false
}

// clientArgs are the arguments in the client's form.
func (a *apiCall) clientArgs(values *engine.Object) client.Args {
	args := make(client.Args, values.Len())
	for name, v := range values.All() {
		if a.option(name) {
			continue
		}
		args[name] = clientValue(v)
	}
	return args
}

func clientValue(v any) any {
	switch x := v.(type) {
	case engine.Secret:
		return string(x)
	case []any:
		texts := make([]string, 0, len(x))
		for _, item := range x {
			s, ok := item.(string)
			if !ok {
				return x
			}
			texts = append(texts, s)
		}
		return texts
	case float64:
		if n := int64(x); float64(n) == x {
			return n
		}
	}
	return v
}

// treeOf takes a page's arguments back into the run's form, in a fixed order.
func treeOf(args client.Args) *engine.Object {
	o := engine.NewObject(len(args))
	for _, name := range sortedKeys(args) {
		switch v := args[name].(type) {
		case []string:
			list := make([]any, len(v))
			for i, s := range v {
				list[i] = s
			}
			o.Set(name, list)
		case int:
			o.Set(name, int64(v))
		default:
			o.Set(name, v)
		}
	}
	return o
}
