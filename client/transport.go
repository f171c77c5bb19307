package client

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// newTransport is the one transport of a client: kept-alive connections, HTTP/2
// where the tenant speaks it, gzip. The timeouts are not set here but watched
// for each attempt (timeouts.go), so that every call can have its own.
func newTransport(cfg config) *http.Transport {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.TLS != nil {
		conf = cfg.TLS.Clone()
	}
	if cfg.RootCAs != nil {
		conf.RootCAs = cfg.RootCAs
	}
	dialer := &net.Dialer{KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        conf,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		// A token with all scopes is 8 KB, and with the transport's 4 KB a request
		// took three writes.
		WriteBufferSize: 16 << 10,
	}
}
