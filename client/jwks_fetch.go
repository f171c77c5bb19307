package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"a0run/client/catalog"
)

// jwksURL is the address of the tenant's own key set.
func (c *Client) jwksURL() string { return c.base.JoinPath("/.well-known/jwks.json").String() }

// fetchKeys gets the text of a key set: through the client's transport, its
// timeouts, its retries and a bucket of the tenant's budget, but without
// credentials, and unheard by hooks, because it is no call of the caller's.
func (c *Client) fetchKeys(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	base := c.base
	if u.Host != base.Host {
		base = u // another host has a budget of its own
	}
	reader := &Client{
		cfg: c.cfg, base: c.base, pacer: c.pacer, agent: c.agent, now: c.now,
		transport: boundedTransport{next: c.transport, scheme: u.Scheme},
	}
	k := reader.newCall(&request{
		op: keySetOperation(), base: base, auth: c.auth, target: address, shown: address, header: http.Header{},
	})
	k.silent = true
	k.options.grantBy = time.Now().Add(jwksTotal)
	resp, err := k.run(ctx)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// keySetOperation is the fetch as an operation.
func keySetOperation() *catalog.Operation {
	return &catalog.Operation{
		ID: jwksOperation, API: catalog.Authentication, Verb: http.MethodGet, Path: "/.well-known/jwks.json",
		Auth: catalog.NoAuth, Answer: catalog.JSONAnswer, Effect: catalog.Read,
		Buckets: []string{"authentication", "jwks"},
	}
}

// A boundedTransport reads no more of an answer than a key set can have, and
// lets nobody redirect from https to plain http.
type boundedTransport struct {
	next   http.RoundTripper
	scheme string
}

func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != t.scheme && req.URL.Scheme != "https" {
		return nil, errors.New("the key set's host redirects to plain http, which is not followed")
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: jwksLimit}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if n > b.left {
		return b.left, fmt.Errorf("more than %d bytes are not read of a key set", jwksLimit)
	}
	b.left -= n
	return n, err
}
