package durable

import (
	"context"
	"sync"

	"a0run/engine"
)

// outside are the variables and secrets that earlier executions of the run have
// read: a task that asks anew gets what its siblings got, whatever the
// environment holds by now.
type outside struct {
	mu   sync.Mutex
	seen map[string]engine.Outcome
}

// outsideKey names what a call asks of the environment; "" for other calls.
func outsideKey(c *engine.Call) string {
	if c.Name != "env" && c.Name != "secret" {
		return ""
	}
	args, err := engine.FormatJSON(c.Args)
	if err != nil {
		return ""
	}
	return c.Name + string(args)
}

func (o *outside) keep(c *engine.Call, out engine.Outcome) {
	key := outsideKey(c)
	if key == "" || out.Err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = map[string]engine.Outcome{}
	}
	o.seen[key] = out
}

// known answers a question that was asked before.
func (o *outside) known(c *engine.Call) (engine.Outcome, bool) {
	key := outsideKey(c)
	if key == "" {
		return engine.Outcome{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	out, ok := o.seen[key]
	return out, ok
}

// same answers a new call from what earlier executions have read.
func (s *Session) same(ctx context.Context, c *engine.Call) (engine.Outcome, bool) {
	out, ok := s.outside.known(c)
	if !ok {
		return out, false
	}
	c.Live()
	return s.finish(ctx, c, s.begin(c), out), true
}
