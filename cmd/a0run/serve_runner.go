package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"a0run/engine"
	"a0run/engine/plan"
	"a0run/engine/seal"
	"a0run/engine/serve"
	"a0run/engine/undo"
)

// A children runs each run in a process of its own: one that panics, or takes
// all memory, ends itself and not the night (docs/WHY.md).
type children struct {
	w       *world
	dir     string
	program string
	journal string
	box     *seal.Box
}

// Start implements serve.Runner.
func (c *children) Start(task serve.Task, sink func(engine.Event)) (serve.Execution, error) {
	order, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(c.program, "work", "--journal", c.journal) //nolint:gosec,noctx // ourselves; it ends by Stop and Kill
	cmd.Dir = c.dir
	cmd.SysProcAttr = apart() // Ctrl-C at the service's terminal is the service's to tell
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	said := &tail{most: 16 << 10}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the run's process cannot be started: %w", err)
	}
	ch := &child{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	if _, err := stdin.Write(append(order, '\n')); err != nil {
		ch.Kill()
	}
	go func() {
		readEvents(stdout, sink)
		ch.end(cmd.Wait(), said.String())
	}()
	return ch, nil
}

// readEvents hands out the events of a run's process. What is no event is what
// somebody printed into it, and is shown as that.
func readEvents(r io.Reader, sink func(engine.Event)) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if text := bytes.TrimSpace(line); len(text) > 0 {
			var e engine.Event
			if json.Unmarshal(text, &e) != nil || e.Kind == "" {
				e = engine.Event{Version: engine.EventVersion, Time: time.Now(), Kind: engine.EventPrint, Text: string(text)}
			}
			sink(e)
		}
		if err != nil {
			return
		}
	}
}

// A child is the process of one run.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu     sync.Mutex
	stdin  io.WriteCloser
	result serve.Result
}

func (c *child) order(word string) {
	go func() { // a child that does not read must not hold up the service
		c.mu.Lock()
		defer c.mu.Unlock()
		_, _ = io.WriteString(c.stdin, word+"\n") // one that has ended needs no order
	}()
}

// Stop implements serve.Execution.
func (c *child) Stop() { c.order("stop") }

// Kill implements serve.Execution.
func (c *child) Kill() { _ = c.cmd.Process.Kill() }

// Done implements serve.Execution.
func (c *child) Done() <-chan struct{} { return c.done }

// Result implements serve.Execution.
func (c *child) Result() serve.Result { return c.result }

// end notes how the process ended. Go's own end after a panic has the exit code
// of wrong usage, and is told by what it says.
func (c *child) end(err error, said string) {
	_ = c.stdin.Close()
	r := serve.Result{Error: lastWords(said)}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.Exited():
		r.Exit = exit.ExitCode()
		r.Crashed = strings.Contains(said, "\ngoroutine ") && (strings.Contains(said, "panic: ") || strings.Contains(said, "fatal error: "))
	default:
		r.Exit, r.Crashed = engine.ExitFailed, true
		if r.Error == "" {
			r.Error = err.Error()
		}
	}
	c.result = r
	close(c.done)
}

// lastWords is what a process said of its end: its lines without the command's
// name.
func lastWords(said string) string {
	var lines []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "a0run: "))
		if line != "" && !strings.HasPrefix(line, "warning: ") {
			lines = append(lines, line)
		}
	}
	if len(lines) > 20 {
		lines = lines[:20]
	}
	return strings.Join(lines, "\n")
}

// A tail keeps the end of what was written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
	most int
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - t.most; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// PreviewUndo implements serve.Runner, in a process of its own, too.
func (c *children) PreviewUndo(ctx context.Context, run string, o serve.UndoOptions) (*undo.Preview, error) {
	args := []string{"undo", run, "--plan", "--json", "--journal", c.journal}
	for _, name := range o.Only {
		args = append(args, "--only="+name)
	}
	for _, name := range o.Force {
		args = append(args, "--force="+name)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, args...) //nolint:gosec // ourselves
	cmd.Dir = c.dir
	cmd.SysProcAttr = apart()
	said := &tail{most: 16 << 10}
	cmd.Stderr = said
	out, err := cmd.Output()
	if err != nil {
		return nil, &serve.Refusal{Kind: serve.Conflict, Message: lastWords(said.String())}
	}
	var p undo.Preview
	if err := json.Unmarshal(out, &p); err != nil {
		return nil, fmt.Errorf("the preview cannot be read: %w", err)
	}
	return &p, nil
}

// ReadPlan implements serve.Runner: what is secret is hidden as in every other
// rendering of a plan.
func (c *children) ReadPlan(file string) (*plan.Plan, error) {
	p, err := plan.Read(file, plan.Keeper{Key: c.box.MAC(), Seal: c.box.All, Open: c.box.Open})
	if err != nil {
		return nil, err
	}
	var shown bytes.Buffer
	if err := p.JSON(&shown, plan.RenderOptions{Full: true}); err != nil {
		return nil, err
	}
	var view plan.View
	if err := json.Unmarshal(shown.Bytes(), &view); err != nil {
		return nil, err
	}
	return &plan.Plan{
		ID: view.ID, Created: view.Created, Playbook: view.Playbook, Tenants: view.Tenants, Changes: view.Changes, Unknown: view.Unknown, Error: view.Error,
	}, nil
}

// program is the path of this very program.
func program() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("the program cannot find itself: %w", err)
	}
	return path, nil
}
