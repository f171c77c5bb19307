package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve"
)

// A hub follows runs for those who watch them. However many watch one run, it is
// read once, written once as HTML, and the same bytes go to all; who is slow is
// sent away and makes nobody wait: the browser comes back by itself and is told
// what it missed. The run itself knows of nobody.
type hub struct {
	room *Room
	ctx  context.Context
	halt context.CancelFunc

	mu        sync.Mutex
	followers map[string]*follower
	streams   int
	done      sync.WaitGroup
}

// How often what is live is written, and how many may watch.
const (
	liveEvery   = 500 * time.Millisecond
	keepAlive   = 15 * time.Second
	mostStreams = 1000
)

func newHub(r *Room) *hub {
	h := &hub{room: r, followers: map[string]*follower{}}
	h.ctx, h.halt = context.WithCancel(context.Background())
	return h
}

func (h *hub) close() {
	h.halt()
	h.done.Wait()
}

// A follower is one run that somebody watches.
type follower struct {
	run      string
	watchers map[chan []byte]bool
	running  []runningStep // of the steps that began
	stop     context.CancelFunc
}

// errCrowded says that too many watch already.
var errCrowded = &refusal{http.StatusServiceUnavailable, "too many pages are open", "close some"}

// enter counts a stream.
func (h *hub) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams >= mostStreams {
		return errCrowded
	}
	h.streams++
	return nil
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
}

// watch gives what is live of a run, from this record of it on or earlier; it is
// closed when the run ends, and for who does not read.
func (h *hub) watch(rec *engine.RunRecord) (<-chan []byte, func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	run := rec.ID
	f := h.followers[run]
	if f == nil {
		ctx, stop := context.WithCancel(h.ctx)
		f = &follower{run: run, watchers: map[chan []byte]bool{}, stop: stop}
		h.followers[run] = f
		h.done.Go(func() { h.follow(ctx, f, rec.LastSeq) })
	}
	c := make(chan []byte, 8)
	f.watchers[c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if delete(f.watchers, c); len(f.watchers) == 0 {
			f.stop()
			if h.followers[run] == f {
				delete(h.followers, run)
			}
		}
	}
}

// running are the steps of a run that have begun, as far as somebody watches it.
func (h *hub) running(run string) []runningStep {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.followers[run]; f != nil {
		return slices.Clone(f.running)
	}
	return nil
}

// send gives a message to all who watch; those who have not read the last eight
// are sent away: a page with a hole in it would never know.
func (h *hub) send(f *follower, message []byte) {
	if len(message) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range f.watchers {
		select {
		case c <- message:
		default:
			delete(f.watchers, c)
			close(c)
		}
	}
}

// end closes the streams of all who watch.
func (h *hub) end(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range f.watchers {
		delete(f.watchers, c)
		close(c)
	}
	if h.followers[f.run] == f {
		delete(h.followers, f.run)
	}
	f.stop()
}

// follow reads a run until it ends or nobody watches; after is the newest call
// that the first of them knows.
func (h *hub) follow(ctx context.Context, f *follower, after int64) {
	defer h.end(f)
	t := &teller{hub: h, f: f, after: after, feed: h.room.o.Control.Watch(f.run), last: map[string]string{}}
	ticks := time.NewTicker(liveEvery)
	defer ticks.Stop()
	for {
		message, over := t.tell(ctx)
		h.send(f, message)
		if over {
			return
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// A teller makes the messages about one run.
type teller struct {
	hub   *hub
	f     *follower
	feed  *serve.Feed[engine.Event]
	ended bool  // the feed has
	after int64 // the newest call that was told
	last  map[string]string
	begun bool // it was being executed
	stale int  // how often the steps are still to be read
}

// A step's end is told a moment before the journal has it.
const staleTicks = 6

// drained is a context that has ended: a feed then gives what it has.
func drained() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// tell says what is new; over when there is nothing more to come.
func (t *teller) tell(ctx context.Context) (message []byte, over bool) {
	r := t.hub.room
	if t.events() {
		t.stale = staleTicks
	}
	t.stale--
	rec, err := r.run(ctx, t.f.run)
	if err != nil {
		return nil, true
	}
	row := r.runRow(rec)
	var out bytes.Buffer
	if err := t.calls(ctx, rec, &out); err != nil {
		return nil, true
	}
	t.part(&out, "head", "head", r.head(rec))
	if t.stale >= 0 || t.last["steps"] == "" || row.Over {
		if steps, err := r.steps(ctx, rec, t.hub.running(t.f.run)); err == nil {
			t.part(&out, "steps", "steps", steps)
		}
	}
	if live, ok := r.o.Control.Live(t.f.run); ok {
		t.rate(&out, live.Rate)
	}
	switch {
	case row.Over:
		event(&out, "ended", row.State.Word)
	case row.Live && !t.begun && t.last["waited"] != "":
		event(&out, "begun", row.State.Word) // its name and parameters are known now
	}
	if t.begun = row.Live; !row.Live {
		t.last["waited"] = "yes"
	}
	return out.Bytes(), row.Over
}

// events reads which steps began and ended.
func (t *teller) events() (moved bool) {
	if t.ended || t.feed == nil {
		return true // nothing tells; the journal is looked at
	}
	events, _, err := t.feed.Next(drained())
	t.ended = errors.Is(err, io.EOF)
	h := t.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range t.f.running {
		t.f.running[i].looks--
	}
	t.f.running = slices.DeleteFunc(t.f.running, func(s runningStep) bool { return s.ended != "" && s.looks < 0 })
	for _, e := range events {
		switch e.Kind {
		case engine.EventStepStarted:
			moved = true
			if len(t.f.running) < 2*mostNodes { // those that have just ended are among them
				t.f.running = append(t.f.running, runningStep{where: e.Where, task: e.Task, name: e.Step, began: e.Time})
			}
		case engine.EventStepFinished:
			moved = true
			for i := range t.f.running {
				if s := &t.f.running[i]; s.where == e.Where && s.task == e.Task {
					s.ended, s.took, s.looks = e.State, time.Duration(e.TookMS*float64(time.Millisecond)), staleTicks
				}
			}
		}
	}
	return moved || t.ended
}

// calls tells the calls that have ended; of more than a page the newest.
func (t *teller) calls(ctx context.Context, rec *engine.RunRecord, out *bytes.Buffer) error {
	if rec.LastSeq <= t.after {
		return nil
	}
	r := t.hub.room
	lines, err := r.o.Control.History().Lines(ctx, rec.ID, journal.LineFilter{After: t.after, Before: rec.LastSeq + 1, Limit: mostCalls})
	if err != nil {
		return err
	}
	t.after = rec.LastSeq
	return r.writeCalls(out, rec.ID, lines)
}

// writeCalls writes the messages of new calls and of what was said.
func (r *Room) writeCalls(out *bytes.Buffer, run string, lines []journal.Line) error {
	var calls, log []callRow
	for _, row := range r.callRows(run, lines) {
		if row.Said() {
			log = append(log, row)
		} else if row.News() {
			calls = append(calls, row)
		}
	}
	slices.Reverse(log)
	for _, p := range []struct {
		event string
		rows  []callRow
	}{{"calls", calls}, {"log", log}} {
		if len(p.rows) == 0 {
			continue
		}
		text, err := r.pages.part(p.event+"-rows", map[string]any{"Run": run, "Rows": p.rows})
		if err != nil {
			return err
		}
		event(out, p.event, text)
	}
	return nil
}

// part tells a part of the page where it is another than it was.
func (t *teller) part(out *bytes.Buffer, name, template string, data any) {
	text, err := t.hub.room.pages.part(template, data)
	if err != nil || t.last[name] == text {
		return
	}
	t.last[name] = text
	event(out, name, text)
}

// rate tells the chart's numbers: seconds, calls, failed, budget.
func (t *teller) rate(out *bytes.Buffer, rate []serve.Second) {
	text := rateJSON(rate)
	if t.last["rate"] != text {
		t.last["rate"] = text
		event(out, "rate", text)
	}
}

// rateJSON are the columns of the chart.
func rateJSON(rate []serve.Second) string {
	columns := [4][]any{}
	for _, s := range rate {
		var left any
		if s.Remaining >= 0 {
			left = s.Remaining
		}
		for i, v := range []any{s.At.Unix(), s.Calls, s.Failed, left} {
			columns[i] = append(columns[i], v)
		}
	}
	text, err := json.Marshal(columns)
	if err != nil {
		return "[]" // numbers can be written
	}
	return string(text)
}

// event writes one message of a stream (HTML Living Standard, 9.2).
func event(out *bytes.Buffer, name, data string) {
	out.WriteString("event: " + name + "\n")
	for line := range strings.Lines(data) {
		out.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	if data == "" {
		out.WriteString("data: \n")
	}
	out.WriteString("\n")
}

// runLive is the stream of a run's page.
func (r *Room) runLive(w http.ResponseWriter, req *http.Request) error {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return err
	}
	if err := r.live.enter(); err != nil {
		return err
	}
	defer r.live.leave()
	messages, leave := r.live.watch(rec)
	defer leave()
	// What came between the page and this stream: the run is read once more, since
	// others may have been told of calls that came before this one watched.
	if rec, err = r.run(req.Context(), rec.ID); err != nil {
		return err
	}
	var out bytes.Buffer
	after := intOf(req.URL.Query().Get("after"))
	lines, err := r.o.Control.History().Lines(req.Context(), rec.ID, journal.LineFilter{After: after, Before: rec.LastSeq + 1, Limit: mostCalls})
	if err != nil {
		return err
	}
	if err := r.writeCalls(&out, rec.ID, lines); err != nil {
		return err
	}
	if row := r.runRow(rec); row.Live && req.URL.Query().Get("waited") != "" {
		event(&out, "begun", row.State.Word) // the page was written before
	}
	return r.stream(w, req, out.Bytes(), messages)
}

// stream sends messages until they end or the browser goes away. A browser that
// does not read for as long as a write may take is let go.
func (r *Room) stream(w http.ResponseWriter, req *http.Request, first []byte, messages <-chan []byte) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // the server's is for requests, and this one does not end
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy must not wait for more
	send := func(message []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // where it cannot be set, nothing is lost
		if _, err := w.Write(message); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	if !send(append([]byte("retry: 2000\n\n"), first...)) {
		return nil
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		ok := true
		select {
		case message, more := <-messages:
			if !more {
				return nil
			}
			ok = send(message)
		case <-alive.C:
			ok = send([]byte(": alive\n\n"))
		case <-req.Context().Done():
			return nil
		case <-r.live.ctx.Done():
			return nil
		}
		if !ok {
			return nil
		}
	}
}

// changesLive tells pages that something is other than it was, at most once a
// second.
func (r *Room) changesLive(w http.ResponseWriter, req *http.Request) error {
	if err := r.live.enter(); err != nil {
		return err
	}
	defer r.live.leave()
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	messages := make(chan []byte, 1)
	go func() {
		defer close(messages)
		feed := r.o.Control.Changes()
		for n := 0; ; n++ {
			changes, _, err := feed.Next(ctx)
			if err != nil {
				return
			}
			var out bytes.Buffer
			event(&out, "changed", strconv.Itoa(n)+" "+changes[len(changes)-1].Kind)
			select {
			case messages <- out.Bytes():
			case <-ctx.Done():
				return
			}
			if wait(ctx, time.Second) != nil {
				return
			}
		}
	}()
	return r.stream(w, req, nil, messages)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting: %w", ctx.Err())
	}
}
