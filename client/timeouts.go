package client

import (
	"context"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// Timeouts bound the parts of a call. Zero means the default, negative means
// none.
type Timeouts struct {
	// Connect bounds dialling and the TLS handshake; default 5 s.
	Connect time.Duration
	// Silence bounds the time without a byte in either direction, counted from
	// the moment the request leaves pace; default 5 s, 60 s for uploads.
	Silence time.Duration
	// Total bounds the call from the moment the request leaves pace; default
	// none.
	Total time.Duration
}

// The defaults of Timeouts: those of the Python SDK, longer for uploads.
const (
	DefaultConnect       = 5 * time.Second
	DefaultSilence       = 5 * time.Second
	DefaultUploadSilence = 60 * time.Second
)

// or fills zero fields from another.
func (t Timeouts) or(o Timeouts) Timeouts {
	if t.Connect == 0 {
		t.Connect = o.Connect
	}
	if t.Silence == 0 {
		t.Silence = o.Silence
	}
	if t.Total == 0 {
		t.Total = o.Total
	}
	return t
}

// A watch cuts one attempt when one of its timeouts runs out. It sees the
// attempt's phases through httptrace and its bytes through the bodies that it
// wraps, so that it serves HTTP/1, HTTP/2 and any injected transport alike: a
// transport that does not trace is silent until its answer comes.
//
// Bytes only write down the time. The timer, when it fires, looks whether it
// was for nothing and sets itself again: resetting it for every byte was
// measured to double the time of a call.
type watch struct {
	times  Timeouts
	cancel context.CancelCauseFunc
	total  *time.Timer
	// sent is set from the first header byte that may have left, traced when
	// the transport tells these things at all.
	sent, traced         atomic.Bool
	connecting, securing atomic.Bool
	// unread reports whether a part of an upload's body was never handed out, so
	// that the tenant cannot have had all of it; nil for other calls.
	unread func() bool

	mu    sync.Mutex // for a few assignments
	timer *time.Timer
	limit time.Duration // of silence or connecting, whichever it is now …
	since time.Time     // … counted from here
	armed time.Time     // when the timer fires; zero: not set
}

// newWatch starts the clocks. The caller must stop it.
func newWatch(ctx context.Context, times Timeouts) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{times: times, cancel: cancel}
	w.progress()
	if times.Total > 0 {
		w.total = time.AfterFunc(times.Total, func() { w.cut("total", times.Total) })
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			w.traced.Store(true)
			w.connecting.Store(true)
			w.set(times.Connect)
		},
		TLSHandshakeStart: func() { w.securing.Store(true) },
		GotConn: func(httptrace.GotConnInfo) {
			w.connecting.Store(false)
			w.progress()
		},
		WroteHeaderField:     func(string, []string) { w.sent.Store(true) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { w.progress() },
		GotFirstResponseByte: w.progress,
	}), w
}

// progress says that a byte went or came.
func (w *watch) progress() { w.set(w.times.Silence) }

// set begins to count a limit; the timer is touched only when it would fire too
// late.
func (w *watch) set(limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit, w.since = limit, time.Now()
	if limit <= 0 {
		return
	}
	until := w.since.Add(limit)
	if !w.armed.IsZero() && !until.Before(w.armed) {
		return
	}
	w.arm(until, limit)
}

// arm sets the timer. It is called with the lock held.
func (w *watch) arm(until time.Time, wait time.Duration) {
	w.armed = until
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.expire)
		return
	}
	w.timer.Reset(wait)
}

// expire is the timer's call.
func (w *watch) expire() {
	w.mu.Lock()
	w.armed = time.Time{}
	limit := w.limit
	over := limit > 0
	if over {
		until := w.since.Add(limit)
		if wait := time.Until(until); wait > 0 {
			w.arm(until, wait)
			over = false
		}
	}
	w.mu.Unlock()
	switch {
	case !over:
	case w.connecting.Load():
		w.cut("connect", limit)
	default:
		w.cut("silence", limit)
	}
}

func (w *watch) cut(phase string, after time.Duration) {
	w.cancel(&TimeoutError{Phase: phase, After: after, Err: context.DeadlineExceeded})
}

// stop ends the watch.
func (w *watch) stop() {
	w.mu.Lock()
	w.limit = 0
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	if w.total != nil {
		w.total.Stop()
	}
	w.cancel(nil)
}

// maybeSent says whether the request may have arrived. An upload of which a part
// was not even read has not: a form without its end is refused.
func (w *watch) maybeSent() bool {
	if w.unread != nil && w.unread() {
		return false
	}
	return w.sent.Load() || !w.traced.Load()
}

// watched tells the watch of every read from r.
type watched struct {
	io.Reader
	w *watch
}

func (r watched) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.w.progress()
	}
	return n, err
}
