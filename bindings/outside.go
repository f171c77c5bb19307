package bindings

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"

	"a0run/client/catalog"
	"a0run/client/pace"
	"a0run/engine"
)

// instant is a function that asks something of the process itself (the clock,
// randomness, the environment): a recorded action, done without giving up the
// baton.
func (t *table) instant(f *engine.Function, do func(args *bound) (any, error)) *engine.Function {
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.perform(args, &engine.Action{Name: f.Name, Effect: catalog.Read, Instant: true},
			func(context.Context) (any, error) { return do(args) })
	}
	return f
}

// perform sends a host action through the run's one path.
func (t *table) perform(args *bound, a *engine.Action, do func(ctx context.Context) (any, error)) (any, error) {
	c := args.call
	if c.Task == nil {
		return nil, notHere(args.call)
	}
	a.Args, a.Where = args.values, c.Where
	a.Perform = func(ctx context.Context, at *engine.Attempt) engine.Outcome {
		if a.Effect.Mutates() {
			if err := at.BeforeSend(ctx); err != nil {
				return engine.Outcome{Err: engine.AsError(err), Fault: pace.NotSent}
			}
		}
		v, err := do(ctx)
		if err != nil {
			return engine.Outcome{Err: toError(err, a.Name)}
		}
		return engine.Outcome{Value: v}
	}
	out := c.Task.Do(a)
	if out.Err != nil {
		return nil, out.Err
	}
	return out.Value, nil
}

// envFunction is env(name): a variable that the head declares.
func (t *table) envFunction() *engine.Function {
	f := &engine.Function{
		Name: "env", Summary: "Read an environment variable that the head declares.",
		Params: []engine.Param{textParam("name")}, Returns: "its value, nil where it is not set",
	}
	return t.instant(f, func(args *bound) (any, error) {
		name := args.text("name")
		if !contains(t.cfg.Head.Env, name) {
			hint := `declare it in the head: env = {"` + name + `"}`
			if n := engine.Nearest(name, t.cfg.Head.Env); n != "" {
				hint = "did you mean " + n + "?"
			}
			return nil, args.wrong("the variable "+name+" does not exist for this playbook", hint)
		}
		if t.cfg.Getenv == nil {
			return nil, nil
		}
		if v, ok := t.cfg.Getenv(name); ok {
			return v, nil
		}
		return nil, nil
	})
}

// secretFunction is secret(name): a plain string whose value the redactor
// knows.
func (t *table) secretFunction() *engine.Function {
	f := &engine.Function{
		Name: "secret", Summary: "Read a secret of the project; its value is never shown.",
		Params: []engine.Param{textParam("name")}, Returns: "its value",
	}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.perform(args, &engine.Action{Name: f.Name, Effect: catalog.Read, Secret: true}, func(ctx context.Context) (any, error) {
			if t.cfg.Secrets == nil {
				return nil, args.wrong("there are no secrets", "name them under secrets: in a0run.yaml")
			}
			v, err := t.cfg.Secrets(ctx, args.text("name"))
			if err != nil {
				return nil, err
			}
			t.know(v)
			return v, nil
		})
	}
	return f
}

// uuidFunction is uuid(): a random UUID (RFC 9562, version 4).
func (t *table) uuidFunction() *engine.Function {
	f := &engine.Function{Name: "uuid", Summary: "Make a random UUID (version 4).", Returns: "text"}
	return t.instant(f, func(*bound) (any, error) {
		var b [16]byte
		if _, err := io.ReadFull(t.cfg.Rand, b[:]); err != nil {
			return nil, err
		}
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
	})
}

// randomNamespace is random.*, recorded as every other question to the outside.
func (t *table) randomNamespace() *engine.Namespace {
	ns := engine.NewNamespace("random")
	ns.Set("number", t.instant(&engine.Function{
		Name: "random.number", Summary: "A random number from 0 up to, not including, 1.", Returns: "a number",
	}, func(*bound) (any, error) {
		n, err := rand.Int(t.cfg.Rand, big.NewInt(1<<53))
		if err != nil {
			return nil, err
		}
		return float64(n.Int64()) / (1 << 53), nil
	}))
	ns.Set("integer", t.instant(&engine.Function{
		Name: "random.integer", Summary: "A random integer from min to max, both included.", Returns: "an integer",
		Params: []engine.Param{
			{Name: "min", Type: "integer", Positional: true, Required: true},
			{Name: "max", Type: "integer", Positional: true, Required: true},
		},
	}, func(args *bound) (any, error) {
		lo, hi := args.integer("min", 0), args.integer("max", 0)
		if hi < lo {
			return nil, args.wrong(fmt.Sprintf("max %d is less than min %d", hi, lo), "")
		}
		n, err := rand.Int(t.cfg.Rand, big.NewInt(hi-lo+1))
		if err != nil {
			return nil, err
		}
		return float64(lo + n.Int64()), nil
	}))
	ns.Set("hex", t.instant(&engine.Function{
		Name: "random.hex", Summary: "Random bytes as hex digits.", Returns: "text",
		Params: []engine.Param{{Name: "bytes", Type: "integer", Positional: true, Required: true}},
	}, func(args *bound) (any, error) {
		n := args.integer("bytes", 0)
		if n < 1 || n > 1024 {
			return nil, args.wrong(fmt.Sprintf("parameter bytes: got %d, want 1 to 1024", n), "")
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(t.cfg.Rand, b); err != nil {
			return nil, err
		}
		return hex.EncodeToString(b), nil
	}))
	return ns
}

// logNamespace is log.debug, info, warn and error.
func (t *table) logNamespace() *engine.Namespace {
	ns := engine.NewNamespace("log")
	for _, level := range []string{"debug", "info", "warn", "error"} {
		f := &engine.Function{
			Name: "log." + level, Summary: "Write a line to the log of the run, level " + level + ".",
			Params: []engine.Param{
				{Name: "message", Type: "any", Positional: true, Required: true},
				{Name: "fields", Type: "object", Positional: true, Summary: "What belongs to the line, by name."},
			},
			Returns: "nothing",
		}
		f.Call = func(c *engine.HostCall) (any, error) {
			args, err := bind(c)
			if err != nil {
				return nil, err
			}
			return nil, t.log(args, level)
		}
		ns.Set(level, f)
	}
	return ns
}

func (t *table) log(args *bound, level string) error {
	if t.cfg.Run == nil {
		return notHere(args.call)
	}
	v, _ := args.values.Get("message")
	text, isText := v.(string)
	if !isText {
		b, err := engine.FormatJSON(v)
		if err != nil {
			return args.wrong(err.Error(), "")
		}
		text = string(b)
	}
	e := engine.Event{Level: level, Text: text}
	if fields, ok := args.values.Get("fields"); ok {
		b, err := engine.FormatJSON(fields)
		if err != nil {
			return args.wrong(err.Error(), "")
		}
		e.Fields = b
	}
	args.call.Task.Log(e, args.call.Where)
	return nil
}
