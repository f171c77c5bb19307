package plan

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	udiff "github.com/aymanbagabas/go-udiff"

	"a0run/client/catalog"
	"a0run/engine"
)

// host plans a host function: files are written into the overlay, time passes
// without waiting, and what is asked of the outside is recorded.
func (x *call) host() engine.Outcome {
	switch {
	case x.Name == "file.write":
		return x.writeFile()
	case x.Name == "time.sleep" || x.Name == "time.wait_until":
		until, err := time.Parse(time.RFC3339Nano, field(x.Args, "until"))
		if err == nil {
			x.p.clock.sleep(x.Task, until)
		}
		return engine.Outcome{}
	case x.Name == "time.now":
		return x.timeNow()
	case (x.Name == "verify_id_token" || x.Name == "verify_access_token") && holds(x.Args, IsPlaceholder):
		x.cannotKnow("the claims: the token is fetched when the plan is applied")
		out := engine.NewObject(1)
		out.Set("sub", placeholder("", x.Key, "sub"))
		return engine.Outcome{Value: text(out)}
	case x.Name == "users.export.write":
		return x.exportFile()
	case x.Mutates():
		return x.actHost()
	case x.Kind == engine.KindHosts && holds(x.Args, IsPlaceholder):
		x.cannotKnow("the answer: it needs what does not exist before the plan is applied")
		return x.httpAnswer()
	case x.Name == "file.read" || x.Name == "file.exists":
		if content, ok := x.file(); ok {
			if x.Name == "file.exists" {
				return engine.Outcome{Value: true}
			}
			return engine.Outcome{Value: content}
		}
	}
	if out, done := x.readsPlanned(); done {
		return out
	}
	if !recorded(x.Name) {
		return x.next.Do(x.ctx, x.Call)
	}
	return x.input(x.next)
}

// recorded names the host functions whose results a plan keeps.
func recorded(name string) bool {
	switch name {
	case "time.now", "uuid", "pkce", "env", "secret", "file.read", "file.exists", "file.scan":
		return true
	}
	return strings.HasPrefix(name, "random.")
}

// input performs a host function, or answers it from a saved plan, and records
// the result.
func (x *call) input(next engine.Doer) engine.Outcome {
	p := x.p
	var out engine.Outcome
	answered := false
	if p.o.Inputs != nil {
		out, answered = p.o.Inputs.answer(x.ctx, x.Call, next)
	}
	if !answered {
		out = next.Do(x.ctx, x.Call)
	}
	if out.Err != nil && out.Err.Uncatchable() {
		return out
	}
	in := inputOf(x.Call, out, p.o.Key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := textOf(out.Value); x.Name == "secret" && s != "" {
		p.plan.secrets[s] = true
	}
	p.plan.Inputs = append(p.plan.Inputs, in)
	return out
}

// timeNow is the time, later by what the task has waited.
func (x *call) timeNow() engine.Outcome {
	shift := engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		out := x.next.Do(ctx, c)
		now, err := time.Parse(time.RFC3339Nano, textOf(out.Value))
		if out.Err == nil && err == nil {
			out.Value = x.p.clock.after(c.Task, now).UTC().Format(time.RFC3339Nano)
		}
		return out
	})
	out := x.input(shift)
	if now, err := time.Parse(time.RFC3339Nano, textOf(out.Value)); err == nil {
		x.p.clock.saw(x.Task, now)
	}
	return out
}

// file is a file that the plan has written.
func (x *call) file() (string, bool) {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	name := x.Object
	if name == "" {
		name = field(x.Args, "path")
	}
	content, ok := x.p.files[filepath.Clean(name)]
	return content, ok
}

// maxFileDiff bounds the texts that are compared line by line.
const maxFileDiff = 64 << 10

// writeFile plans the writing of a file.
func (x *call) writeFile() engine.Outcome {
	content, _ := x.Payload.(string)
	old, there, err := x.fileBefore()
	if err != nil {
		return engine.Outcome{Err: err}
	}
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	name := filepath.Clean(x.Object)
	_, planned := p.files[name]
	c := &Change{
		Key: x.Key, Task: x.Task.Path(), N: x.N, Where: x.Where.String(), Step: x.Step(), Operation: x.Name,
		Effect: catalog.Replace, Kind: engine.KindFiles, Object: x.Object, Args: p.hide(x.Args),
		Before: &Before{Found: there, Planned: planned},
	}
	if there {
		c.Before.Digest = hexShort(p.mac([]byte(old)))
	}
	c.NoChange = there && old == content
	if !c.NoChange {
		c.Fields = []Field{p.textField("text", old, content, there)}
	}
	if !there {
		c.Effect = catalog.Create
	}
	p.files[name] = content
	p.record(x, c)
	return engine.Outcome{}
}

// fileBefore is the file's text before the write.
func (x *call) fileBefore() (content string, there bool, err *engine.Error) {
	if content, ok := x.file(); ok {
		return content, true, nil
	}
	if x.Image == nil {
		return "", false, nil
	}
	v, failed := x.Image()
	if failed != nil {
		return "", false, engine.AsError(failed)
	}
	content, there = v.(string)
	return content, there, nil
}

// textField is the difference of two texts: its lines where they are short.
func (p *Planner) textField(path, old, now string, there bool) Field {
	f := Field{Path: path}
	if p.o.Redactor.Redact(now) != now || p.o.Redactor.Redact(old) != old {
		f.Hidden = true
	}
	sized := func(s string) []byte { return text(fmt.Sprintf("%d lines, %d bytes", strings.Count(s, "\n"), len(s))) }
	if there {
		f.Old = sized(old)
	}
	f.New = sized(now)
	if there && !f.Hidden && len(old)+len(now) <= maxFileDiff {
		f.New = text(udiff.Unified("before", "after", old, now))
	}
	return f
}

// exportFile plans the file of an export: what will stand in it is not known.
func (x *call) exportFile() engine.Outcome {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cannotKnow(x, "what the file will hold: the users as they are when the plan is applied")
	p.record(x, &Change{
		Key: x.Key, Task: x.Task.Path(), N: x.N, Where: x.Where.String(), Step: x.Step(), Operation: x.Name,
		Effect: catalog.Replace, Kind: "files", Object: x.Object, Args: p.hide(x.Args),
	})
	return engine.Outcome{}
}

// actHost records any other host function that changes something.
func (x *call) actHost() engine.Outcome {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.Kind == engine.KindHosts {
		p.cannotKnow(x, "what the host does and answers: nothing is sent before the plan is applied")
		p.record(x, x.sending())
		return x.httpAnswer()
	}
	p.cannotKnow(x, "what "+x.Name+" does")
	p.record(x, &Change{
		Key: x.Key, Task: x.Task.Path(), N: x.N, Where: x.Where.String(), Step: x.Step(), Operation: x.Name,
		Effect: x.Effect, Object: x.Object, Args: p.hide(x.Args),
	})
	return engine.Outcome{}
}

// sending is what a request to another host would send.
func (x *call) sending() *Change {
	c := &Change{
		Key: x.Key, Task: x.Task.Path(), N: x.N, Where: x.Where.String(), Step: x.Step(), Operation: x.Name,
		Effect: x.Effect, Kind: x.Kind, Object: x.Object, Name: field(x.Args, "method"), Args: x.p.hide(x.Args),
	}
	for name, v := range x.Args.All() {
		if name != "method" {
			c.Fields = append(c.Fields, Field{Path: name, New: x.p.hide(v)})
		}
	}
	return c
}

// httpAnswer stands for what another host would answer: it went well, and
// nothing is known of what it says.
func (x *call) httpAnswer() engine.Outcome {
	out := engine.NewObject(4)
	out.Set("status", int64(http.StatusOK))
	out.Set("headers", engine.NewObject(0))
	out.Set("body", placeholder("", x.Key, "body"))
	out.Set("json", engine.NewObject(0))
	return engine.Outcome{Status: http.StatusOK, Value: text(out)}
}

// A clock lets time pass without waiting. Each task has its own time: items of
// a parallel call that sleep at the same time do not wait for each other; who
// waits for them is then as late as the last of them.
type clock struct {
	now func() time.Time
	// base is when the plan began; what it makes bears that time or what its
	// task has seen since, so that a plan that is made again is the same.
	base time.Time
	mu   *sync.Mutex
	of   map[*engine.Task]moment
}

// A moment is what a task knows of the time.
type moment struct {
	seen   time.Time     // the latest
	offset time.Duration // that it has slept
}

func newClock(now func() time.Time, base time.Time) clock {
	if base.IsZero() {
		base = now()
	}
	return clock{now: now, base: base, mu: &sync.Mutex{}, of: map[*engine.Task]moment{}}
}

// sleep lets a task, and whoever waits for it, be as late as a point of time.
func (k *clock) sleep(t *engine.Task, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	offset := until.Sub(k.now())
	for ; t != nil; t = t.Parent() {
		m := k.of[t]
		if until.After(m.seen) {
			m.seen = until
		}
		m.offset = max(m.offset, offset)
		k.of[t] = m
	}
}

// saw says that a task was told the time.
func (k *clock) saw(t *engine.Task, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.of[t]; now.After(m.seen) {
		m.seen = now
		k.of[t] = m
	}
}

// moment is what a task, or whoever started it, knows of the time.
func (k *clock) moment(t *engine.Task) moment {
	k.mu.Lock()
	defer k.mu.Unlock()
	for ; t != nil; t = t.Parent() {
		if m, ok := k.of[t]; ok {
			return m
		}
	}
	return moment{}
}

// after is the present time as a task sees it.
func (k *clock) after(t *engine.Task, now time.Time) time.Time { return now.Add(k.moment(t).offset) }

// at is the time that the tenant's answers to a task bear.
func (k *clock) at(t *engine.Task) time.Time {
	if m := k.moment(t); m.seen.After(k.base) {
		return m.seen
	}
	return k.base
}
