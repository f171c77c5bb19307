package yaml

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/lua"
)

// A fake is a table of functions that stand for a tenant: they go the way of
// every call and write down what they were asked.
type fake struct {
	globals *engine.Namespace
	mu      sync.Mutex
	calls   []string // "main/1.a users.get {"id":"u1"}"
	began   map[string]time.Time
	failing map[string]int // how often still to fail, by "op id"
	users   int
	printed []string
	params  *engine.Object
	onStart func(*engine.Run)
}

func newFake() *fake {
	f := &fake{failing: map[string]int{}, began: map[string]time.Time{}, users: 3}
	root := engine.NewNamespace("")
	root.Set("auth0", f.auth0(""))
	root.Set("tenant", &engine.Function{
		Name: "tenant", Pure: true, Params: []engine.Param{{Name: "name", Type: "string", Positional: true, Required: true}},
		Call: func(c *engine.HostCall) (any, error) {
			role, _ := c.Args[0].(string)
			return f.auth0(role), nil
		},
	})
	logs := engine.NewNamespace("log")
	logs.Set("info", f.function("log.info", "", []engine.Param{
		{Name: "message", Type: "string", Positional: true, Required: true}, {Name: "fields", Type: "object"},
	}, func(*engine.HostCall) any { return nil }))
	root.Set("log", logs)
	times := engine.NewNamespace("time")
	times.Set("sleep", &engine.Function{
		Name: "time.sleep", Params: []engine.Param{{Name: "seconds", Type: "number", Positional: true, Required: true}},
		Call: func(c *engine.HostCall) (any, error) {
			v, _ := c.Named.Get("seconds")
			n, err := duration(v)
			if err != nil {
				return nil, err
			}
			return nil, c.Task.Sleep(n, c.Where)
		},
	})
	root.Set("time", times)
	js := engine.NewNamespace("json")
	js.Set("encode", &engine.Function{
		Name: "json.encode", Pure: true, Params: []engine.Param{{Name: "value", Type: "any", Positional: true, Required: true}},
		Call: func(c *engine.HostCall) (any, error) {
			b, err := json.Marshal(c.Args[0])
			return string(b), err
		},
	})
	root.Set("json", js)
	f.globals = root
	return f
}

func (f *fake) auth0(role string) *engine.Namespace {
	ns := engine.NewNamespace("auth0")
	users := engine.NewNamespace("auth0.users")
	id := engine.Param{Name: "id", Type: "string", Positional: true, Required: true}
	users.Set("list", f.function("auth0.users.list", role, []engine.Param{
		{Name: "q", Type: "string"},
		{Name: "per_page", Type: "integer"},
		{Name: "include_fields", Type: "boolean"},
		{Name: "search_engine", Type: "string", Enum: []string{"v1", "v2", "v3"}},
		{Name: "fields", Type: "string[]"},
		{Name: "token", Type: "string", Secret: true},
	}, func(*engine.HostCall) any { return f.list() }))
	users.Set("all", f.function("auth0.users.all", role, nil, func(*engine.HostCall) any { return f.list() }))
	users.Set("each", &engine.Function{
		Name: "auth0.users.each", Listing: true, Params: []engine.Param{{Name: "q", Type: "string"}},
		Call: func(*engine.HostCall) (any, error) { return f.iterator(), nil },
	})
	users.Set("get", f.function("auth0.users.get", role, []engine.Param{id}, func(c *engine.HostCall) any {
		v, _ := c.Named.Get("id")
		return json.RawMessage(fmt.Sprintf(`{"user_id":%q,"name":"N %s","n":7}`, v, v))
	}))
	users.Set("update", f.function("auth0.users.update", role, []engine.Param{
		id, {Name: "body", Type: "object", Positional: true, Required: true},
	}, func(*engine.HostCall) any { return json.RawMessage(`{"ok":true}`) }))
	users.Set("add_roles", f.function("auth0.users.add_roles", role, []engine.Param{
		id, {Name: "roles", Aliases: []string{"role_ids"}, Type: "string[]", Positional: true, Required: true},
	}, func(*engine.HostCall) any { return nil }))
	ns.Set("users", users)
	return ns
}

// byName gives a call from Lua the form of one from YAML.
func byName(c *engine.HostCall) {
	if c.Named != nil {
		return
	}
	c.Named = engine.NewObject(2)
	for i := range c.Func.Params {
		if p := c.Func.Params[i]; p.Positional && i < len(c.Args) {
			c.Named.Set(p.Name, c.Args[i])
		}
	}
}

func (f *fake) list() json.RawMessage {
	var out []string
	for i := range f.users {
		out = append(out, fmt.Sprintf(`{"user_id":"u%d","n":%d,"blocked":%v}`, i+1, i+1, i%2 == 0))
	}
	return json.RawMessage("[" + strings.Join(out, ",") + "]")
}

func (f *fake) iterator() *engine.Iterator {
	n := 0
	return &engine.Iterator{
		Next: func(*engine.Task) (json.RawMessage, bool, error) {
			if n++; n > f.users {
				return nil, false, nil
			}
			return json.RawMessage(fmt.Sprintf(`{"user_id":"u%d"}`, n)), true, nil
		},
		Close: func() { f.note("closed") },
	}
}

func (f *fake) note(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, s)
}

// function makes a host function whose call takes a second, so that what runs
// beside what can be seen in the order of the notes; and a little more, later
// calls longer, so that of two calls made together the first ends first.
func (f *fake) function(name, role string, params []engine.Param, answer func(*engine.HostCall) any) *engine.Function {
	return &engine.Function{Name: name, Params: params, Call: func(c *engine.HostCall) (any, error) {
		byName(c)
		args, _ := json.Marshal(c.Named)
		short := strings.TrimPrefix(name, "auth0.")
		line := strings.TrimSpace(role + " " + c.Task.Path() + " " + short + " " + string(args))
		id, _ := c.Named.Get("id")
		key := fmt.Sprintf("%s %v", short, id)
		nth := len(f.calls)
		f.note(line) // under the baton, so that the order is that of the tasks
		o := c.Task.Do(&engine.Action{
			Name: short, Tenant: role, Effect: catalog.Read, Args: c.Named, Where: c.Where,
			Perform: func(ctx context.Context, a *engine.Attempt) engine.Outcome {
				select {
				case <-time.After(time.Second + time.Duration(nth)*time.Millisecond):
				case <-ctx.Done():
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.failing[key] > 0 {
					f.failing[key]--
					return engine.Outcome{Err: &engine.Error{
						Name: engine.NameAuth0Error, StatusCode: 404, ErrorCode: "inexistent_user",
						Message: "The user does not exist.", Operation: short, ResetAt: -1,
					}}
				}
				return engine.Outcome{Value: answer(c)}
			},
		})
		if o.Err != nil {
			return nil, o.Err
		}
		return o.Value, nil
	}}
}

// run parses, checks and runs a playbook; problems are fatal.
func (f *fake) run(t *testing.T, files fs.FS, source string) (*engine.Run, error) {
	t.Helper()
	p, err := Parse("play.yaml", []byte(source), files)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if ps := p.Check(f.globals); len(ps) > 0 {
		t.Fatalf("Check: %v", ps)
	}
	return f.execute(t, p)
}

func (f *fake) execute(tb testing.TB, p *Playbook) (*engine.Run, error) {
	tb.Helper()
	if f.params != nil {
		f.globals.Set("params", f.params)
	}
	run := engine.NewRun(engine.Config{})
	vm, err := lua.NewVM(lua.Options{Run: run, Globals: f.globals, Print: func(line string) { f.printed = append(f.printed, line) }})
	if err != nil {
		tb.Fatal(err)
	}
	if f.onStart != nil {
		f.onStart(run)
	}
	err = run.Main(tb.Context(), func(task *engine.Task) error { return p.Run(task, f.globals, vm) })
	vm.Close()
	return run, err
}

// states are the lines of the summary: "id state (reason)".
func states(run *engine.Run) []string {
	var out []string
	for _, s := range run.Steps() {
		name := s.ID
		if name == "" {
			name = s.Name
		}
		line := name + " " + s.State
		if s.Reason != "" {
			line += " (" + s.Reason + ")"
		}
		out = append(out, line)
	}
	return out
}

func asError(t *testing.T, err error) *engine.Error {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v (%T), want an *engine.Error", err, err)
	}
	return e
}
