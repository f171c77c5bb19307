package sim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// ServeOptions say where a tenant is served.
type ServeOptions struct {
	// Listen is the address; "" means 127.0.0.1:0.
	Listen string
	// TLS serves over TLS and HTTP/2 with a certificate of a CA made for the
	// purpose, whose own certificate is written to CAFile ("" means a file in
	// the directory for temporary files, removed at the end).
	TLS    bool
	CAFile string
	// ReadyFile gets the tenant's Credentials as JSON once it answers.
	ReadyFile string
	// Ready is called with them then; with those of each, where there are many.
	Ready func(Credentials)
	many  bool
}

// Serve answers over a socket until the context ends, then lets requests in
// flight finish for a moment. One tenant is served once.
func (t *Tenant) Serve(ctx context.Context, o ServeOptions) error {
	return serve(ctx, []*Tenant{t}, o, func(at string) { t.move(reachedAt(at, t.o.Domain)) })
}

// reachedAt is the URL by which callers reach an address: where it stands for
// all of a machine's, as in a container, the domain that they use.
func reachedAt(base, domain string) string {
	u, err := url.Parse(base)
	if err != nil || domain == "" {
		return base
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		return u.Scheme + "://" + domain
	}
	return base
}

// move makes a base URL the one under which the tenant is reached.
func (t *Tenant) move(base string) {
	before := t.Issuer()
	t.place(base)
	t.moved(before+"api/v2/", t.Issuer()+"api/v2/")
}

// serve serves tenants; place is told the URL of the address that they came to
// stand at.
func serve(ctx context.Context, tenants []*Tenant, o ServeOptions, place func(base string)) error {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("the local tenant cannot listen on %s: %w", o.Listen, err)
	}
	made := o.TLS && o.CAFile == ""
	server := &http.Server{Handler: handlerOf(tenants, o.many), ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	scheme := "http"
	if o.TLS {
		scheme = "https"
		if server.TLSConfig, err = secure(&o, tenants); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	place(scheme + "://" + l.Addr().String())
	if made {
		defer func() { _ = os.Remove(o.CAFile) }()
	}
	done := make(chan error, 1)
	go func() {
		if o.TLS {
			done <- server.ServeTLS(l, "", "")
		} else {
			done <- server.Serve(l)
		}
	}()
	if err := announce(o, tenants); err != nil {
		return errors.Join(err, server.Close(), ignoreClosed(<-done))
	}
	select {
	case err := <-done:
		return ignoreClosed(err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close() // what does not end by itself is cut off
	}
	return ignoreClosed(<-done)
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func announce(o ServeOptions, tenants []*Tenant) error {
	if o.ReadyFile != "" {
		var what any = tenants[0].Credentials()
		if o.many {
			all := map[string]Credentials{}
			for _, t := range tenants {
				all[t.name()] = t.Credentials()
			}
			what = object{"ca_file": o.CAFile, "tenants": all}
		}
		text, err := json.MarshalIndent(what, "", "  ")
		if err != nil {
			return err
		}
		// Whoever waits for the file must never read half of it.
		tmp := o.ReadyFile + ".tmp"
		if err := os.WriteFile(tmp, append(text, '\n'), 0o600); err != nil {
			return fmt.Errorf("the ready file cannot be written: %w", err)
		}
		if err := os.Rename(tmp, o.ReadyFile); err != nil {
			return fmt.Errorf("the ready file cannot be written: %w", err)
		}
	}
	if o.Ready != nil {
		for _, t := range tenants {
			o.Ready(t.Credentials())
		}
	}
	return nil
}

// secure makes a CA and with it the server's certificate, and writes the CA's
// where a client can find it.
func secure(o *ServeOptions, tenants []*Tenant) (*tls.Config, error) {
	var names []string
	for _, t := range tenants {
		names = append(names, t.o.Domain)
	}
	ca, err := newAuthority(time.Now())
	if err != nil {
		return nil, err
	}
	cert, err := ca.certificate(names)
	if err != nil {
		return nil, err
	}
	if o.CAFile == "" {
		dir := os.TempDir()
		if o.ReadyFile != "" {
			dir = filepath.Dir(o.ReadyFile)
		}
		f, err := os.CreateTemp(dir, "a0run-ca-*.pem")
		if err != nil {
			return nil, err
		}
		o.CAFile = f.Name()
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	// Whoever reads the ready file may stand in another folder.
	if o.CAFile, err = filepath.Abs(o.CAFile); err != nil {
		return nil, err
	}
	if err := os.WriteFile(o.CAFile, ca.pem(), 0o600); err != nil {
		return nil, err
	}
	for _, t := range tenants {
		t.mu.Lock()
		t.caFile = o.CAFile
		t.mu.Unlock()
	}
	later := &laterNames{ca: ca, tenants: tenants, made: map[string]*tls.Certificate{}}
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, GetCertificate: later.certificate,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}, nil
}

// trusting is a client that trusts the certificate in a file. The hosts of
// tenants, which not every system resolves, it finds on the loopback address.
func trusting(file string, isHost func(string) bool) (*http.Client, error) {
	text, err := os.ReadFile(file) //nolint:gosec // G304: the tenant wrote it
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(address); err == nil && isHost(hostName(host)) {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return d.DialContext(ctx, network, address)
		},
	}}, nil
}
