package client

import (
	"context"
	"crypto/tls"
	"io"
	"net/http/httptrace"
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
type watch struct {
	times  Timeouts
	cancel context.CancelCauseFunc
	timer  *time.Timer // of connect or silence
	total  *time.Timer
	// connecting is set between asking for a connection and having one, sent
	// from the first header byte that may have left, traced when the transport
	// tells these things at all.
	connecting, sent, traced atomic.Bool
	securing                 atomic.Bool
}

// newWatch starts the clocks. The caller must stop it.
func newWatch(ctx context.Context, times Timeouts) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{times: times, cancel: cancel}
	// The longest time first: Reset sets the right one.
	w.timer = time.AfterFunc(time.Duration(1<<62), w.expire)
	w.set(times.Silence)
	if times.Total > 0 {
		w.total = time.AfterFunc(times.Total, func() { w.cut("total", times.Total) })
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { w.traced.Store(true); w.connecting.Store(true); w.set(times.Connect) },
		TLSHandshakeStart:    func() { w.securing.Store(true) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) {},
		GotConn:              func(httptrace.GotConnInfo) { w.connecting.Store(false); w.progress() },
		WroteHeaderField:     func(string, []string) { w.sent.Store(true) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { w.progress() },
		GotFirstResponseByte: w.progress,
	}), w
}

// progress says that a byte went or came.
func (w *watch) progress() { w.set(w.times.Silence) }

func (w *watch) set(d time.Duration) {
	if d <= 0 {
		w.timer.Stop()
		return
	}
	w.timer.Reset(d)
}

// expire is the timer's call.
func (w *watch) expire() {
	if w.connecting.Load() {
		w.cut("connect", w.times.Connect)
		return
	}
	w.cut("silence", w.times.Silence)
}

func (w *watch) cut(phase string, after time.Duration) {
	w.cancel(&TimeoutError{Phase: phase, After: after, Err: context.DeadlineExceeded})
}

// stop ends the watch.
func (w *watch) stop() {
	w.timer.Stop()
	if w.total != nil {
		w.total.Stop()
	}
	w.cancel(nil)
}

// maybeSent says whether a part of the request may have left.
func (w *watch) maybeSent() bool { return w.sent.Load() || !w.traced.Load() }

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
