package egress

import (
	"errors"
	"io"
	"net/http"
	"net/url"
)

// redirected is where an answer sends a read; nil where it sends it nowhere, or
// where what was sent is no read: to repeat it elsewhere is not the same action.
func (x *exchange) redirected(resp *http.Response) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	if !Reads(x.request.Method) {
		return nil, nil
	}
	next, err := resp.Location()
	if errors.Is(err, http.ErrNoLocation) {
		return nil, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4096)
	_ = resp.Body.Close()
	fail := &Error{Kind: Redirected, Host: hostOf(x.target), Status: resp.StatusCode, Header: resp.Header, Err: err}
	switch {
	case err != nil:
		return nil, fail
	case x.hops >= MaxRedirects:
		fail.Err = errors.New("it redirects again and again")
		return nil, fail
	}
	here := *x
	here.target = next
	if refused := here.refused(); refused != nil {
		fail.Err, fail.Refusal = refused, refused
		return nil, fail
	}
	return next, nil
}

// follow goes on to where a read was sent. Another host, or port, or scheme, is
// somebody else: what was meant for the first does not come along.
func (x *exchange) follow(next *url.URL) {
	x.hops++
	if next.Scheme != x.target.Scheme || next.Host != x.target.Host {
		kept := http.Header{}
		for _, name := range []string{"Accept", "Accept-Language", "User-Agent"} {
			if v, ok := x.header[name]; ok {
				kept[name] = v
			}
		}
		x.header = kept
	}
	x.target = next
}

// Reads reports whether a method changes nothing (RFC 9110, 9.2.1), of those
// that are spoken.
func Reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }
