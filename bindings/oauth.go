package bindings

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// authFunction is the function of an operation of the Authentication API: most
// are one request; an address for a browser is only computed; a login that a
// person has to approve elsewhere is asked about until that has happened.
func (t *table) authFunction(op *catalog.Operation, role, name string) *engine.Function {
	switch {
	case op.Answer == catalog.RedirectAnswer:
		return t.address(op, role, name)
	case client.Polls(op):
		return t.polled(op, role, name)
	}
	return t.operation(op, role, name)
}

// address is a function that builds a URL (authorize, logout, …). Nothing is
// sent, so it is pure and may stand in a YAML expression.
func (t *table) address(op *catalog.Operation, role, name string) *engine.Function {
	f := t.describe(op, name)
	f.Pure = true
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		tenant, ok := t.cfg.Tenants[role]
		if !ok {
			return nil, args.wrong("no tenant stands for the role "+role, "name one with --tenant")
		}
		if err := t.reachable(args, "domain", tenant); err != nil {
			return nil, err
		}
		call := t.apiCall(op, role, args)
		values, err := call.prepare(args.values)
		if err != nil {
			return nil, err
		}
		call.marked(values) // what is secret in it is known before the URL is seen
		resp, err := tenant.Do(context.Background(), op.ID, call.clientArgs(values))
		if err != nil {
			e := toError(err, op.ID)
			e.Where = c.Where
			return nil, e
		}
		return resp.Body, nil
	}
	return f
}

// The options of a function that polls.
const (
	waitParam     = "wait"
	intervalParam = "interval"
	lifeParam     = "expires_in"
)

// polled is get_token.device_code and get_token.backchannel_login: the first
// argument is the code, or the whole answer that holds it. Each question is a
// call of its own and each pause a durable sleep, so that a run which dies in
// between goes on asking where it was; a task that waits holds no slot.
func (t *table) polled(op *catalog.Operation, role, name string) *engine.Function {
	f := t.describe(op, name)
	code := f.Params[0].Name
	f.Params[0].Type = "any"
	f.Params[0].Summary = "The " + code + ", or the whole answer that holds it."
	f.Params = append(f.Params,
		engine.Param{Name: waitParam, Type: "boolean", Summary: "Ask until the user has answered; true unless told. With false it is one question, as in the Python SDK."},
		engine.Param{Name: intervalParam, Type: "number", Summary: "Seconds between two questions; the answer's, else 5. A slow_down adds 5."},
		engine.Param{Name: lifeParam, Type: "number", Summary: "Seconds after which nobody need ask any more; the answer's."},
	)
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		if err := args.started(code); err != nil {
			return nil, err
		}
		p := args.polling()
		call := t.apiCall(op, role, args)
		if !p.wait {
			return call.once(args.values)
		}
		args.values.Set(repeatableParam, true) // to ask twice does no harm
		return p.run(call)
	}
	return f
}

// started takes the answer of the operation that began a login apart; a code
// alone stays as it is.
func (b *bound) started(code string) error {
	v, _ := b.values.Get(code)
	answer, whole := v.(*engine.Object)
	if !whole {
		if _, ok := v.(string); !ok {
			return b.wrong(fmt.Sprintf("parameter %s: got %s, want a string or the answer that holds it", code, kind(v)), "")
		}
		return nil
	}
	text, _ := answer.Get(code)
	s, ok := text.(string)
	if !ok {
		return b.wrong(fmt.Sprintf("parameter %s: the object holds no %s", code, code), "give what began the login, or the "+code+" alone")
	}
	b.values.Set(code, s)
	for _, name := range []string{intervalParam, lifeParam} {
		if n, ok := answer.Get(name); ok && !b.given(name) {
			b.values.Set(name, n)
		}
	}
	return nil
}

// polling is how a login is asked about.
type polling struct {
	wait bool
	pace client.Polling
	life time.Duration
}

// polling reads the options and takes them away from the arguments.
func (b *bound) polling() *polling {
	wait, given := b.values.Get(waitParam)
	p := &polling{wait: !given || wait == true, life: b.seconds(lifeParam)}
	p.pace.Interval = b.seconds(intervalParam)
	for _, name := range []string{waitParam, intervalParam, lifeParam} {
		b.values.Delete(name)
	}
	return p
}

// seconds is a number of seconds, 0 when not given.
func (b *bound) seconds(name string) time.Duration {
	v, _ := b.values.Get(name)
	switch n := v.(type) {
	case float64:
		return time.Duration(n * float64(time.Second))
	case int64:
		return time.Duration(n) * time.Second
	}
	return 0
}

// run asks until there is an answer other than "not yet". The tenant says
// itself when a login has run out; its life here is for one that does not.
func (p *polling) run(call *apiCall) (any, error) {
	c := call.args.call
	if c.Task == nil {
		return nil, notHere(c)
	}
	var began time.Time
	for {
		v, err := call.once(call.args.values)
		if err == nil {
			return v, nil
		}
		e := engine.AsError(err)
		if _, again := new(client.Polling).Next(e.ErrorCode, nil, time.Time{}); !again || e.Uncatchable() {
			return nil, err
		}
		now, stopped := c.Task.Now(c.Where)
		if stopped != nil {
			return nil, stopped
		}
		if began.IsZero() {
			began = now
		}
		if p.life > 0 && now.Sub(began) > p.life {
			return nil, err
		}
		wait, _ := p.pace.Next(e.ErrorCode, e.Headers, now)
		if stopped := c.Task.SleepUntil(now.Add(wait), c.Where); stopped != nil {
			return nil, stopped
		}
	}
}

// pkceFunction is pkce(): a fresh verifier with its challenge, under the names
// of the API's parameters. It asks for randomness, so it is recorded: a resumed
// run has the verifier whose challenge went into the address.
func (t *table) pkceFunction() *engine.Function {
	f := &engine.Function{
		Name: "pkce", Summary: "Make a PKCE verifier and its challenge (RFC 7636, S256).",
		Returns: "code_verifier, code_challenge and code_challenge_method",
	}
	return t.instant(f, func(*bound) (any, error) {
		var b [32]byte
		if _, err := io.ReadFull(t.cfg.Rand, b[:]); err != nil {
			return nil, err
		}
		p := client.PKCEFrom(b)
		t.know(p.Verifier.Reveal())
		return json.RawMessage(fmt.Sprintf(`{"code_verifier":%q,"code_challenge":%q,"code_challenge_method":%q}`,
			p.Verifier.Reveal(), p.Challenge, p.Method)), nil
	})
}
