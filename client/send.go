package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"a0run/client/catalog"
)

// maxAnswer bounds what is read of an answer; maxRedirects how often a read is
// sent elsewhere.
const (
	maxAnswer    = 256 << 20
	maxRedirects = 5
)

// errTooLong is final: another attempt would bring the same.
var errTooLong = fmt.Errorf("the answer is longer than %d MiB, which is not read", maxAnswer>>20)

// outgoing is one attempt ready to be sent.
type outgoing struct {
	method, target string
	header         http.Header
	body           *payload
}

// answer is what came.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// build makes the attempt's request: with a token that is still good after the
// wait for the budget, and with a fresh assertion.
func (k *call) build(ctx context.Context) (*outgoing, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	body, err := k.payload(k.now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.op.ID, err)
	}
	h := k.header.Clone()
	k.agent.set(h)
	h["Accept"] = []string{"application/json, */*;q=0.5"}
	if body != nil {
		h["Content-Type"] = []string{body.kind}
	}
	if basic := k.basic(); basic != "" {
		h["Authorization"] = []string{basic}
	}
	if k.bearer != "" {
		h["Authorization"] = []string{k.Client.token.header(k.bearer)}
	}
	return &outgoing{method: k.op.Verb, target: k.target, header: h, body: body}, nil
}

// times are the timeouts of the call.
func (k *call) times() Timeouts {
	silence := DefaultSilence
	if k.op.Body == catalog.MultiBody {
		silence = DefaultUploadSilence
	}
	return k.options.timeouts.or(k.cfg.Timeouts).or(Timeouts{Connect: DefaultConnect, Silence: silence})
}

// send puts the request on the wire and reads the answer to its end. heads is
// told of the answer's head as soon as it is there.
func (k *call) send(ctx context.Context, out *outgoing, heads func(int, http.Header)) (*answer, error) {
	wctx, w := newWatch(ctx, k.times())
	defer w.stop()
	body := &revocable{}
	defer body.revoke()
	if out.body != nil && out.body.open != nil {
		w.unread = func() bool { return body.given() < out.body.length }
	}
	resp, err := k.roundTrip(wctx, out, w, body)
	if err != nil {
		return nil, k.fault(wctx, err, w)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	heads(resp.StatusCode, resp.Header)
	text, err := readAll(watched{resp.Body, w}, resp.ContentLength)
	if errors.Is(err, errTooLong) {
		return nil, &Auth0Error{
			StatusCode: resp.StatusCode, ErrorCode: unknownCode, Message: err.Error(), Operation: k.op.ID,
			Header: resp.Header, RequestID: requestID(resp.Header), InDoubt: !k.repeatable(),
		}
	}
	if err != nil {
		return nil, k.cutOff(k.fault(wctx, &cutOffError{len(text), err}, w), &answer{resp.StatusCode, resp.Header, text})
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: text}, nil
}

// cutOffError is an answer that ended too early.
type cutOffError struct {
	read int
	err  error
}

func (e *cutOffError) Error() string {
	return fmt.Sprintf("the answer was cut off after %d bytes: %v", e.read, e.err)
}
func (e *cutOffError) Unwrap() error { return e.err }

// cutOff keeps with a fault what came of the answer before it.
func (k *call) cutOff(err error, a *answer) error {
	if e, ok := errors.AsType[*NetworkError](err); ok {
		e.StatusCode, e.Header, e.RequestID = a.status, a.header, requestID(a.header)
		if !k.tells(a) {
			e.Body = k.blanks().bytes(a.body)
		}
	}
	return err
}

// tells reports whether an answer can hold a secret that nobody can find in it:
// a successful one of an operation that gives secrets, which cannot be read and is
// no page of HTML.
func (k *call) tells(a *answer) bool {
	return a.status < http.StatusMultipleChoices && len(k.op.SecretAnswers) > 0 && !bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<"))
}

// roundTrip sends, and follows a read that is sent elsewhere; the token stays
// with the host that it is for.
func (k *call) roundTrip(ctx context.Context, out *outgoing, w *watch, body *revocable) (*http.Response, error) {
	for hop := 0; ; hop++ {
		req, err := http.NewRequestWithContext(ctx, out.method, out.target, nil)
		if err != nil {
			return nil, err
		}
		req.Header = out.header
		out.body.attach(req, w, body)
		resp, err := k.transport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		next := redirect(req, resp)
		if next == nil || hop == maxRedirects {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 4096)
		_ = resp.Body.Close()
		header := out.header.Clone()
		if next.Scheme != req.URL.Scheme || next.Host != req.URL.Host {
			header.Del("Authorization")
			header.Del("Auth0-Client")
		}
		out = &outgoing{method: out.method, target: next.String(), header: header}
	}
}

// redirect is where an answer sends a read; nil where it does not, or where
// following would repeat a change.
func redirect(req *http.Request, resp *http.Response) *url.URL {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	if req.Method != http.MethodGet {
		return nil
	}
	next, err := resp.Location()
	if err != nil || next.Scheme != "https" && next.Host != req.URL.Host {
		return nil
	}
	return next
}

// readAll reads an answer, with room made at once where its length is known.
func readAll(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	if length > 0 && length < 1<<20 {
		b.Grow(int(length) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r, maxAnswer+1))
	if err == nil && n > maxAnswer {
		err = errTooLong
	}
	return b.Bytes(), err
}

// fault names what went wrong below HTTP.
func (k *call) fault(ctx context.Context, err error, w *watch) error {
	sent := w.maybeSent()
	if timeout, ok := errors.AsType[*TimeoutError](context.Cause(ctx)); ok {
		t := *timeout
		t.Operation, t.Sent = k.op.ID, sent
		t.InDoubt = sent && !k.repeatable()
		return &t
	}
	e := &NetworkError{Operation: k.op.ID, Sent: sent, Err: err}
	e.Phase = phaseOf(err, w)
	if ctx.Err() != nil {
		e.Err = context.Cause(ctx)
	}
	if refused(err) {
		e.Sent = false
	}
	e.InDoubt = e.Sent && !k.repeatable()
	return e
}

// refused reports whether a fault happened before there was a connection.
func refused(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns || errors.Is(err, syscall.ECONNREFUSED)
}

// phaseOf says how far an attempt came.
func phaseOf(err error, w *watch) string {
	_, dns := errors.AsType[*net.DNSError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case dns:
		return "dns"
	case untrusted(err) || record:
		return "tls"
	case refused(err):
		return "connect"
	case w.connecting.Load() && w.securing.Load():
		return "tls"
	case w.connecting.Load():
		return "connect"
	case !w.maybeSent():
		return "send"
	default:
		return "receive"
	}
}
