package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"a0run/client/hosts"
)

// A Kind is what went wrong.
type Kind int

const (
	// Refused says that the host, or where it leads, is not allowed; nothing
	// was sent there.
	Refused Kind = iota + 1
	// Redirected says that a read was sent on to where it may not go.
	Redirected
	// Timeout says that time ran out.
	Timeout
	// Network says that the network failed.
	Network
	// Untrusted says that the host's certificate is not believed.
	Untrusted
	// TooLong says that more came than is read of an answer.
	TooLong
)

// An Error is why there is no answer, or none that could be read.
type Error struct {
	Kind Kind
	// Host is who was asked. The rest of an address may be secret.
	Host string
	// Sent says that at least a part of the request may have left.
	Sent bool
	// Status and Header are those of the answer, as far as one came.
	Status int
	Header http.Header
	// Refusal is why a host was not asked; nil unless Kind is Refused or
	// Redirected.
	Refusal *hosts.Refusal
	Err     error
}

func (e *Error) Error() string {
	switch e.Kind {
	case Refused, TooLong:
		return e.Err.Error()
	case Redirected:
		return e.Host + " redirects elsewhere: " + e.Err.Error()
	case Timeout:
		return e.Host + ": " + e.Err.Error()
	case Network:
		return e.Host + ": " + withoutAddress(e.Err)
	case Untrusted:
		return e.Host + ": its certificate is not believed: " + e.Err.Error()
	}
	return ""
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint is what to do next.
func (e *Error) Hint() string {
	switch {
	case e.Refusal != nil:
		return e.Refusal.Hint
	case e.Kind == Untrusted:
		return "check the host's name; certificates of an authority of your own are believed when SSL_CERT_FILE or SSL_CERT_DIR names it"
	}
	return ""
}

// tooLong is the error of an answer that is not read.
func (x *exchange) tooLong(r *Response) *Error {
	return &Error{
		Kind: TooLong, Host: hostOf(x.target), Sent: true, Status: r.Status, Header: r.Header,
		Err: fmt.Errorf("the answer of %s is longer than %d MiB, which is not read", hostOf(x.target), MaxBody>>20),
	}
}

// fault says what went wrong below HTTP.
func (x *exchange) fault(ctx context.Context, err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	e := &Error{Kind: Network, Host: hostOf(x.target), Sent: x.watch.sent.Load() || x.hops > 0, Err: err}
	if refusal, ok := errors.AsType[*hosts.Refusal](err); ok {
		e.Kind, e.Refusal, e.Err, e.Sent = Refused, refusal, refusal, false
		return e
	}
	late, ran := errors.AsType[*outOfTime](context.Cause(ctx))
	switch {
	case ran:
		e.Kind, e.Err = Timeout, late
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
	case untrusted(err):
		e.Kind, e.Sent = Untrusted, false
	case refusedAt(err):
		e.Sent = false
	}
	return e
}

// untrusted reports whether a fault is a certificate's: it will not heal.
func untrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// withoutAddress is the text of a network's fault in a few words.
func withoutAddress(err error) string {
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case ok && dns.IsNotFound:
		return "the name is not known"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it hung up before its answer was whole"
	case ok:
		return "the name cannot be looked up: " + dns.Err
	}
	return strings.TrimPrefix(err.Error(), "net/http: ")
}

// hostOf names a host as a head declares it.
func hostOf(u *url.URL) string { return hosts.Name(u) }
