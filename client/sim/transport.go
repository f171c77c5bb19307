package sim

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Transport reaches the tenant in memory, without sockets or goroutines of its
// own that a synctest bubble could not see; faults act on it as on sockets: a
// reset is a *net.OpError that holds ECONNRESET, a body cut off ends in
// io.ErrUnexpectedEOF.
func (t *Tenant) Transport() http.RoundTripper { return &transport{t} }

type transport struct{ t *Tenant }

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := context.Cause(ctx); err != nil {
		closeBody(r)
		return nil, err
	}
	// A handler may keep the header in its log; the caller may reuse it.
	in := r.Clone(ctx)
	x, err := tr.t.exchange(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if x.reset {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	res := &http.Response{
		Status: strconv.Itoa(x.status) + " " + http.StatusText(x.status), StatusCode: x.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: x.header, ContentLength: int64(len(x.body)), Request: r,
	}
	var body io.Reader = bytes.NewReader(x.body)
	if x.cut {
		body = io.MultiReader(bytes.NewReader(x.body[:len(x.body)/2]), broken{})
	}
	if x.slow > 0 {
		body = &slowly{ctx: ctx, body: body, piece: max(1, len(x.body)/pieces), wait: x.slow / pieces}
	}
	res.Body = io.NopCloser(body)
	return res, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// broken is what a reader finds where the connection ended too soon.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// slowly gives a body piece by piece.
type slowly struct {
	ctx   context.Context //nolint:containedctx // the request's, whose body this is
	body  io.Reader
	piece int
	wait  time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if err := wait(s.ctx, s.wait); err != nil {
		return 0, err
	}
	return s.body.Read(p[:min(len(p), s.piece)])
}
