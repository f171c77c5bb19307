package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"a0run/engine"
)

// What goes where: stdout carries what the playbook prints, with --json only
// events; progress, log and errors go to stderr. On a terminal the last line
// shows how far the run is; without one there are plain lines only. Lines
// begin in lower case and carry no full stop.

// screen shows a run as it happens. It is a sink of the run's events.
type screen struct {
	w        *world
	json     bool
	quiet    bool
	verbose  bool
	undoing  bool // what stands nowhere any more is looked for, and said elsewhere
	redactor *engine.Redactor
	out, err io.Writer
	started  time.Time

	mu      sync.Mutex
	status  bool // a status line stands on the terminal
	parked  map[string]time.Time
	retried map[string]unsaid
	failing map[string]int // steps inside of loops, by their place
	run     *engine.Run
	tenants *tenants
	ended   chan struct{}
	ticker  sync.WaitGroup
}

func newScreen(w *world, f *runFlags, r *engine.Redactor) *screen {
	return &screen{
		w: w, json: f.json, quiet: f.quiet, verbose: f.verbose, redactor: r, out: w.stdout, err: w.stderr,
		started: w.now(), parked: map[string]time.Time{}, retried: map[string]unsaid{}, failing: map[string]int{}, ended: make(chan struct{}),
	}
}

// planning shows a run that changes nothing: stdout is the plan's, and what the
// playbook prints goes to stderr.
func (s *screen) planning() {
	s.json, s.out = false, s.err
	if s.quiet {
		s.out = io.Discard
	}
}

// begin says which tenant the run is against.
func (s *screen) begin(run *engine.Run, p *playbook, t *tenants) {
	s.run, s.tenants = run, t
	if s.json {
		run.Emit(engine.Event{Kind: engine.EventRunStarted, Name: p.head().Name, Where: p.name, Fields: t.fields()})
		s.ticker.Add(1)
		go s.tellBudgets()
		return
	}
	if !s.quiet {
		s.line("run " + run.ID() + ": " + strings.Join(t.describe(), ", "))
	}
	if s.w.terminal && !s.quiet {
		s.ticker.Add(1)
		go s.tick()
	}
}

// tick redraws the status line.
func (s *screen) tick() {
	defer s.ticker.Done()
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.mu.Lock()
			s.drawStatus()
			s.mu.Unlock()
		case <-s.ended:
			return
		}
	}
}

// drawStatus puts the one status line on the terminal; the caller holds mu.
func (s *screen) drawStatus() {
	c := s.run.Counts()
	took := s.w.now().Sub(s.started).Seconds()
	text := fmt.Sprintf("%d/%d calls, %.1f/s", c.Done, c.Calls, float64(c.Done)/max(took, 0.001)) + s.pace()
	if c.InFlight > 0 {
		text += fmt.Sprintf(", %d in flight", c.InFlight)
	}
	if c.Parked > 0 {
		text += fmt.Sprintf(", %d parked by the rate limit", c.Parked)
	}
	if len(text) >= s.w.width {
		text = text[:s.w.width-1]
	}
	fmt.Fprint(s.err, "\r\x1b[K"+s.paint("2", text))
	s.status = true
}

// paint colours a text where the terminal takes it.
func (s *screen) paint(code, text string) string {
	if !s.w.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// line writes one line to stderr, above the status line.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearStatus()
	fmt.Fprintln(s.err, s.redactor.Redact(text))
}

func (s *screen) clearStatus() {
	if s.status {
		fmt.Fprint(s.err, "\r\x1b[K")
		s.status = false
	}
}

// note is a line of the command itself, such as the answer to Ctrl-C.
func (s *screen) note(text string) {
	if s.json {
		s.run.Emit(engine.Event{Kind: engine.EventLog, Level: "warn", Text: text})
		return
	}
	s.line(text)
}

// print takes a line that the playbook prints.
func (s *screen) print(text string) {
	if s.json {
		s.run.Emit(engine.Event{Kind: engine.EventPrint, Text: text})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearStatus()
	fmt.Fprintln(s.out, harmless(s.redactor.Redact(text), s.w.stdoutTerminal))
}

// Wants implements engine.Picky: calls that begin and end are told to programs only.
func (s *screen) Wants(kind string) bool {
	return s.json || kind != engine.EventCallStarted && kind != engine.EventCallFinished
}

// Emit shows an event; the run has redacted it.
func (s *screen) Emit(e engine.Event) {
	if s.json {
		text, err := json.Marshal(e)
		if err != nil {
			text = []byte(fmt.Sprintf(`{"v":%d,"event":"log","level":"error","text":"an event could not be written"}`, engine.EventVersion))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(s.out, "%s\n", text)
		return
	}
	e.Text, e.Error, e.Step = printable(e.Text), printable(e.Error), printable(e.Step)
	switch e.Kind {
	case engine.EventLog:
		s.log(e)
	case engine.EventStepFinished:
		s.step(e)
	case engine.EventCallParked:
		s.park(e)
	case engine.EventCallRetried:
		if e.Name == engine.NameRateLimitError {
			return // the bucket waits, and says so; the call is fine
		}
		s.retry(e)
	}
}

func wait(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(time.Millisecond).String()
}

// progress is a line that --quiet leaves out.
func (s *screen) progress(text string) {
	if !s.quiet {
		s.line(text)
	}
}

func (s *screen) log(e engine.Event) {
	if s.quiet && e.Level != "warn" && e.Level != "error" || e.Level == "debug" {
		return
	}
	text := e.Level + ": " + e.Text
	if len(e.Fields) > 0 {
		text += " " + printable(string(e.Fields))
	}
	switch e.Level {
	case "warn":
		text = s.paint("33", text)
	case "error":
		text = s.paint("31", text)
	}
	s.line(text)
}

func (s *screen) step(e engine.Event) {
	if e.Inner && !s.verbose && !s.showsInner(e) {
		return
	}
	text := fmt.Sprintf("step %s: %s", e.Step, e.State)
	switch e.State {
	case engine.StepSkipped:
		s.progress(text + " (" + e.Text + ")")
	case engine.StepFailed:
		s.line(s.paint("31", text+": "+e.Error))
	default:
		s.progress(text + fmt.Sprintf(" (%.1fs)", e.TookMS/1000) + inside(e.Inside))
	}
}

// showsInner reports whether a step inside of a loop is shown although nobody
// asked for all: the first failures of each place are.
func (s *screen) showsInner(e engine.Event) bool {
	if e.State != engine.StepFailed {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[e.Where]++
	return s.failing[e.Where] <= mostFailures
}

// inside counts the steps of loops behind the line of the step around them.
func inside(in *engine.Inside) string {
	if in == nil {
		return ""
	}
	text := ", " + count(in.Steps, "step") + " inside"
	if in.Failed > 0 {
		text += fmt.Sprintf(", %d failed", in.Failed)
	}
	return text
}

// retry says once a second at most that an operation is tried again, with how
// often that went unsaid: sixteen calls meet the same fault.
func (s *screen) retry(e engine.Event) {
	key := e.Tenant + " " + e.Operation
	s.mu.Lock()
	last, shown := s.retried[key]
	more := last.times
	fresh := !shown || e.Time.Sub(last.at) >= time.Second
	if fresh {
		s.retried[key] = unsaid{at: e.Time}
	} else {
		s.retried[key] = unsaid{at: last.at, times: more + 1}
	}
	s.mu.Unlock()
	if !fresh {
		return
	}
	text := fmt.Sprintf("try %d failed, again in %s: %s", e.Attempt, wait(e.WaitMS), e.Error)
	if more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	s.progress(text)
}

// unsaid is when something was last said, and how often it was not since.
type unsaid struct {
	at    time.Time
	times int
}

// park says once a second at most that a bucket is closed: sixteen calls wait
// for the same one.
func (s *screen) park(e engine.Event) {
	if e.Until == nil {
		return
	}
	s.mu.Lock()
	last, shown := s.parked[e.Tenant]
	fresh := !shown || e.Until.Sub(last) >= time.Second
	if fresh {
		s.parked[e.Tenant] = *e.Until
	}
	s.mu.Unlock()
	if fresh {
		s.progress(fmt.Sprintf("rate limit: %s waits until %s", e.Operation, e.Until.UTC().Format("15:04:05.0")))
	}
}
