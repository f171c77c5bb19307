package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"syscall"
)

// dialer connects to what the list allows. The address is looked at when the
// socket is about to be connected, after all resolving: whatever a name has
// led to a moment before, what is connected to is what was looked at.
func (c *Client) dialer(publicOnly bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		asked := &url.URL{Scheme: "https", Host: address}
		if asked.Port() == "80" {
			asked.Scheme = "http" // whose usual port it is
		}
		d := &net.Dialer{Resolver: c.cfg.Resolver, Timeout: MaxTotal} // a transport leaves a dial to itself
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if r := c.cfg.Hosts.At(asked, at.Addr(), publicOnly); r != nil {
				return r
			}
			return nil
		}
		return d.DialContext(ctx, network, address)
	}
}

// refusedAt reports whether a fault is a host that dials to nowhere: closed
// port, no such name.
func refusedAt(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns || errors.Is(err, syscall.ECONNREFUSED)
}
