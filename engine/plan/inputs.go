package plan

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"a0run/engine"
)

// Inputs are what a plan's playbook asked of the outside beside its tenants, by
// call key. A later run of the same playbook is answered from them. They are
// safe for concurrent use.
type Inputs struct {
	byKey   map[string]Input
	key     []byte
	created time.Time

	mu      sync.Mutex
	differs []Difference
	lastNow map[*engine.Task]time.Time
}

// NewInputs are the inputs of a plan; key is the run's (Options.Key).
func NewInputs(p *Plan, key []byte) *Inputs {
	in := &Inputs{byKey: make(map[string]Input, len(p.Inputs)), key: key, created: p.Created, lastNow: map[*engine.Task]time.Time{}}
	for _, i := range p.Inputs {
		in.byKey[i.Key] = i
	}
	return in
}

// began is when the plan was made; the zero time where there is none.
func (in *Inputs) began() time.Time {
	if in == nil {
		return time.Time{}
	}
	return in.created
}

// Differences are the files, variables and secrets that are not what the plan
// saw, and what the plan was never asked.
func (in *Inputs) Differences() []Difference {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]Difference(nil), in.differs...)
}

// inputOf records the result of a host function.
func inputOf(c *engine.Call, out engine.Outcome, key []byte) Input {
	in := Input{Key: c.Key, Name: c.Name, Object: c.Object, Where: c.Where.String()}
	if in.Object == "" {
		in.Object = fieldOr(c.Args, "name", "path")
	}
	switch {
	case out.Err != nil:
		in.Failure = out.Err.Message
	case c.Name == "file.read" || c.Name == "file.scan":
		in.Digest = digestOf(key, textOf(out.Value))
	case c.Name == "env" && out.Value == nil, out.Value == nil:
		in.Value = json.RawMessage("null")
	default:
		in.Value = text(out.Value)
	}
	return in
}

// digestOf stands for a text that is not kept.
func digestOf(key []byte, s string) string {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(s)) // a hash's Write never fails
	return fmt.Sprintf("%x (%d bytes)", h.Sum(nil)[:16], len(s))
}

// answer gives the recorded result of a call; false where there is none, or
// where the call has to be made (a file is read again and compared).
func (in *Inputs) answer(ctx context.Context, c *engine.Call, next engine.Doer) (engine.Outcome, bool) {
	was, ok := in.byKey[c.Key]
	if !ok {
		if c.Name != "time.now" {
			in.differ(c, fmt.Sprintf("%s asks for %s, which the plan did not", c.Where, describe(c)))
		}
		return engine.Outcome{}, false
	}
	if was.Digest != "" || was.Failure != "" || c.Name == "file.exists" {
		out := next.Do(ctx, c)
		now := inputOf(c, out, in.key)
		if out.Err == nil && was.Digest != "" {
			now.Digest, now.Value = digestOf(in.key, textOf(out.Value)), nil
		}
		if now.Digest != was.Digest || now.Failure != was.Failure || string(now.Value) != string(was.Value) {
			in.differ(c, fmt.Sprintf("%s is not what the plan saw", describe(c)))
		}
		return out, true
	}
	v, err := engine.ParseJSON(was.Value)
	if err != nil {
		return engine.Outcome{}, false
	}
	switch x := v.(type) {
	case engine.Null:
		v = nil
	case int64:
		v = float64(x) // as random.integer gives it
	case string:
		if c.Name == "secret" {
			c.Task.Run().Redactor().Add(x)
		}
	}
	return engine.Outcome{Value: v}, true
}

func (in *Inputs) differ(c *engine.Call, sentence string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	d := Difference{What: "input", Key: c.Key, Where: c.Where.String(), Text: sentence}
	for _, old := range in.differs {
		if old.Text == d.Text {
			return
		}
	}
	in.differs = append(in.differs, d)
}

// describe names what a host function asks for.
func describe(c *engine.Call) string {
	object := c.Object
	if object == "" {
		object = fieldOr(c.Args, "name", "path")
	}
	switch {
	case strings.HasPrefix(c.Name, "file."):
		return "the file " + object
	case c.Name == "env":
		return "the variable " + object
	case c.Name == "secret":
		return "the secret " + object
	}
	return c.Name
}

// Stage answers host functions from the plan. time.sleep waits its real length,
// from the moment at which it is called, although time.now is the plan's;
// time.wait_until waits for the real time. What the plan was not asked is asked
// now, and is a Difference.
func (in *Inputs) Stage(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		switch {
		case c.Operation != nil:
			return next.Do(ctx, c)
		case c.Name == "time.sleep":
			return in.sleep(ctx, c, next)
		case !recorded(c.Name):
			return next.Do(ctx, c)
		}
		out, ok := in.answer(ctx, c, next)
		if !ok {
			out = next.Do(ctx, c)
		}
		if c.Name == "time.now" {
			if now, err := time.Parse(time.RFC3339Nano, textOf(out.Value)); err == nil {
				in.mu.Lock()
				in.lastNow[c.Task] = now
				in.mu.Unlock()
			}
		}
		return out
	})
}

// sleep waits as long as the playbook asked, which is from the time that the
// task was told right before.
func (in *Inputs) sleep(ctx context.Context, c *engine.Call, next engine.Doer) engine.Outcome {
	until, err := time.Parse(time.RFC3339Nano, field(c.Args, "until"))
	in.mu.Lock()
	from, told := in.lastNow[c.Task]
	delete(in.lastNow, c.Task)
	in.mu.Unlock()
	if err != nil || !told {
		return next.Do(ctx, c)
	}
	length := until.Sub(from)
	action := *c.Action
	action.Perform = func(ctx context.Context, _ *engine.Attempt) engine.Outcome {
		return engine.Outcome{Err: wait(ctx, length)}
	}
	own := c.Action
	c.Action = &action
	defer func() { c.Action = own }()
	return next.Do(ctx, c)
}

// wait lets time pass, or gives what ended the task meanwhile.
func wait(ctx context.Context, d time.Duration) *engine.Error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// ended is the error of a call whose task was told to stop.
func ended(ctx context.Context) *engine.Error {
	e := engine.AsError(context.Cause(ctx))
	if e.Name == engine.NameScriptError {
		e = &engine.Error{Name: engine.NameInterrupted, Message: e.Message, ResetAt: -1, Cause: e}
	}
	return e
}
