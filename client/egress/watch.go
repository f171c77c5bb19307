package egress

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptrace"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"a0run/client/hosts"
)

// A watch cuts an exchange whose time has run out: for connecting, without a
// byte, or as a whole.
type watch struct {
	timeout time.Duration
	cancel  context.CancelCauseFunc
	total   *time.Timer

	sent   atomic.Bool // a byte of the request may have left
	public atomic.Bool // the host stands at a public address

	mu    sync.Mutex
	timer *time.Timer
	phase string
}

// newWatch starts the clocks; the caller must stop it.
func newWatch(ctx context.Context, timeout time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{timeout: timeout, cancel: cancel, phase: phaseConnect}
	w.timer = time.AfterFunc(timeout, w.expire)
	most := max(MaxTotal, timeout)
	w.total = time.AfterFunc(most, func() { w.cut(phaseTotal, most) })
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:           func(string) { w.progress(phaseConnect) },
		TLSHandshakeStart: func() { w.progress(phaseTLS) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { w.progress(phaseTLS) },
		GotConn: func(info httptrace.GotConnInfo) {
			w.public.Store(isPublic(info.Conn))
			w.progress(phaseSilence)
		},
		WroteHeaderField:     func(string, []string) { w.sent.Store(true) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { w.progress(phaseSilence) },
		GotFirstResponseByte: func() { w.progress(phaseSilence) },
	}), w
}

func isPublic(conn net.Conn) bool {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return err != nil || hosts.Public(at.Addr())
}

// The phases of an exchange.
const (
	phaseConnect = "connect"
	phaseTLS     = "tls"
	phaseSilence = "silence"
	phaseTotal   = "total"
)

// progress says that something has happened, and what is waited for now.
func (w *watch) progress(phase string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase = phase
	w.timer.Reset(w.timeout)
}

func (w *watch) at() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.phase
}

func (w *watch) expire() {
	phase := w.at()
	if phase == phaseTLS {
		phase = phaseConnect
	}
	w.cut(phase, w.timeout)
}

func (w *watch) cut(phase string, after time.Duration) {
	w.cancel(&outOfTime{phase: phase, after: after})
}

func (w *watch) stop() {
	w.mu.Lock()
	w.timer.Stop()
	w.mu.Unlock()
	w.total.Stop()
	w.cancel(nil)
}

// outOfTime is why a watch has cut an exchange.
type outOfTime struct {
	phase string
	after time.Duration
}

func (e *outOfTime) Error() string {
	what := map[string]string{
		phaseConnect: "no connection", phaseSilence: "no byte came or went", phaseTotal: "the exchange was not done",
	}[e.phase]
	return "timeout (" + e.phase + "): " + what + " within " + e.after.String()
}

// watched tells the watch of every read.
type watched struct {
	io.Reader
	w *watch
}

func (r watched) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.w.progress(phaseSilence)
	}
	return n, err
}
