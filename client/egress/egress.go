// Package egress speaks with hosts that are no tenant's: the ones that a
// playbook's head declares (package hosts), and no others.
//
// A request goes to a declared host, over TLS that is verified (plain http is
// for loopback alone), at an address that the list allows: it is looked at when
// the connection is made, so that a name that has changed where it leads passes
// no more than one that led there from the start. Each redirect of a read is a
// request under the same rules; an action is redirected nowhere. What goes out
// and what comes in is bounded in size, and in time.
//
// Nothing is added to a request but its Host, length, User-Agent and
// Accept-Encoding: no token of a tenant, no cookie, no Referer. Where the
// environment names a proxy (HTTPS_PROXY, NO_PROXY), it is the proxy that finds
// a name's address, and what stands there is its affair.
package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"a0run/client/hosts"
)

// The bounds of a request. A whole exchange, redirects included, takes no longer
// than MaxTotal, or its own Timeout where that is longer.
const (
	MaxBody      = 10 << 20 // bytes of a request's body, and of an answer's once it is unpacked
	MaxRedirects = 5
	MaxTotal     = 2 * time.Minute
	maxHeader    = 256 << 10

	DefaultTimeout = 10 * time.Second // without a connection, and without a byte
	// idle is how long a connection waits for the next request. It is short, for
	// a server that closes it at the wrong moment leaves an action in doubt.
	idle = 2 * time.Second
)

// Config is what a Client is made of.
type Config struct {
	// Hosts are those that may be asked.
	Hosts *hosts.List
	// UserAgent is what the client calls itself.
	UserAgent string
	// RootCAs replaces the system's roots, Resolver its names, Proxy that of the
	// environment.
	RootCAs  *x509.CertPool
	Resolver *net.Resolver
	Proxy    func(*http.Request) (*url.URL, error)
}

// A Request is one request.
type Request struct {
	Method string
	URL    *url.URL
	// Header goes to the host that was asked; of a redirect to another host
	// nothing of it but Accept and Accept-Language comes along.
	Header http.Header
	Body   []byte
	// Timeout bounds connecting, and the time without a byte; 0 means
	// DefaultTimeout.
	Timeout time.Duration
}

// A Response is an answer, whatever its status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// URL is what answered: another than was asked after a redirect.
	URL *url.URL
}

// A Client is safe for concurrent use.
type Client struct {
	cfg Config
	// direct goes where the list allows, public to public addresses only;
	// proxied asks a proxy. Each has connections of its own, so that none is
	// used again for a request that may not go there.
	direct, public, proxied *http.Transport
}

// New returns a client; nothing is sent yet.
func New(cfg Config) *Client {
	if cfg.Proxy == nil {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	c := &Client{cfg: cfg}
	c.direct = c.transport(c.dialer(false), nil)
	c.public = c.transport(c.dialer(true), nil)
	c.proxied = c.transport((&net.Dialer{Resolver: cfg.Resolver, Timeout: MaxTotal}).DialContext, cfg.Proxy)
	return c
}

func (c *Client) transport(dial func(context.Context, string, string) (net.Conn, error), proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	return &http.Transport{
		Proxy: proxy, DialContext: dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.cfg.RootCAs},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        idle,
		TLSHandshakeTimeout:    MaxTotal,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() {
	for _, t := range []*http.Transport{c.direct, c.public, c.proxied} {
		t.CloseIdleConnections()
	}
}

// Allows says why an address may not be asked; nil where it may.
func (c *Client) Allows(u *url.URL) *hosts.Refusal { return c.cfg.Hosts.Allows(u) }

// Do sends a request once and reads the answer to its end; its error is an
// *Error. A status of 400 or above is no error here.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, w := newWatch(ctx, timeout)
	defer w.stop()
	x := &exchange{Client: c, request: r, watch: w, target: r.URL, header: r.Header.Clone()}
	if x.header == nil {
		x.header = http.Header{}
	}
	for {
		resp, err := x.send(ctx)
		if err != nil {
			return nil, x.fault(ctx, err)
		}
		next, err := x.redirected(resp)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return x.read(ctx, resp)
		}
		x.follow(next)
	}
}

// An exchange is a request with its redirects.
type exchange struct {
	*Client
	request *Request
	watch   *watch
	target  *url.URL
	header  http.Header
	hops    int
	// outside says that a host at a public address, or one behind a proxy, has
	// answered: what it leads to must be public, too.
	outside bool
}

// send makes one request of the exchange.
func (x *exchange) send(ctx context.Context) (*http.Response, error) {
	if r := x.refused(); r != nil {
		return nil, &Error{Kind: Refused, Host: r.Host, Refusal: r, Err: r}
	}
	req, err := http.NewRequestWithContext(ctx, x.request.Method, x.target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = x.header
	if _, own := x.header["User-Agent"]; !own {
		req.Header["User-Agent"] = []string{x.cfg.UserAgent}
	}
	if x.request.Body != nil {
		req.ContentLength = int64(len(x.request.Body))
		req.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(watched{bytes.NewReader(x.request.Body), x.watch}), nil
		}
		req.Body, _ = req.GetBody()
	}
	transport, err := x.by(req)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	x.outside = x.outside || transport == x.proxied || x.watch.public.Load()
	return resp, err
}

// refused says what the list has against the address that is to be asked.
func (x *exchange) refused() *hosts.Refusal {
	if r := x.cfg.Hosts.Allows(x.target); r != nil {
		return r
	}
	if addr, err := netip.ParseAddr(x.target.Hostname()); err == nil {
		return x.cfg.Hosts.At(x.target, addr, x.outside)
	}
	return nil // a name: where it leads is seen when it is connected to
}

// by chooses the way: a proxy where the environment names one.
func (x *exchange) by(req *http.Request) (*http.Transport, error) {
	proxy, err := x.cfg.Proxy(req)
	switch {
	case err != nil:
		return nil, err
	case proxy != nil:
		return x.proxied, nil
	case x.outside:
		return x.public, nil
	}
	return x.direct, nil
}

// read takes an answer in.
func (x *exchange) read(ctx context.Context, resp *http.Response) (*Response, error) {
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	answer := &Response{Status: resp.StatusCode, Header: resp.Header, URL: x.target}
	if resp.ContentLength > MaxBody {
		return nil, x.tooLong(answer)
	}
	body, err := io.ReadAll(io.LimitReader(watched{resp.Body, x.watch}, MaxBody+1))
	switch {
	case err != nil:
		e := x.fault(ctx, err)
		e.Status, e.Header = resp.StatusCode, resp.Header
		return nil, e
	case len(body) > MaxBody:
		return nil, x.tooLong(answer)
	}
	answer.Body = body
	return answer, nil
}
