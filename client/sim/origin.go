package sim

import (
	"net"
	"net/http"
	"strings"
)

// Where a call came from and under which name it reached the tenant.

// custom is the verified custom domain of the tenant that a call came to, ""
// for the tenant's own.
func (c *call) custom() string {
	host := c.req.Host
	if host == "" && c.req.URL != nil { // in memory
		host = c.req.URL.Host
	}
	if host == "" || !readyDomain(c.tx, hostName(host)) {
		return ""
	}
	return host
}

// domain is the name under which tokens are issued to this call.
func (c *call) domain() string {
	if host := c.custom(); host != "" {
		return host
	}
	return c.t.Domain()
}

// issuer is the iss of the tokens of this call.
func (c *call) issuer() string { return "https://" + c.domain() + "/" }

// base is how addresses that this call is given begin.
func (c *call) base() string {
	if host := c.custom(); host != "" {
		scheme, _, _ := strings.Cut(c.t.BaseURL(), "://")
		return scheme + "://" + host
	}
	return c.t.BaseURL()
}

// issued reports whether an iss is one of this tenant's, under any of its names.
func (c *call) issued(iss string) bool {
	if c.t.isIssuer(iss) {
		return true
	}
	return readyDomain(c.tx, hostName(strings.TrimSuffix(strings.TrimPrefix(iss, "https://"), "/")))
}

// ip is the address of the caller. A trusted application may name that of its
// user (Auth0's page "Avoid Common Issues with Resource Owner Password Flow and
// Attack Protection").
func (c *call) ip() string {
	if forwarded := c.req.Header.Get("Auth0-Forwarded-For"); forwarded != "" && c.trusted {
		first, _, _ := strings.Cut(forwarded, ",")
		if ip := net.ParseIP(strings.TrimSpace(first)); ip != nil {
			return ip.String()
		}
	}
	if host, _, err := net.SplitHostPort(c.req.RemoteAddr); err == nil {
		return host
	}
	return "127.0.0.1"
}

func acceptsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }
