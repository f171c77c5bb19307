package sim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	caPEM, cert, err := certificates(time.Now(), names)
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
	if err := os.WriteFile(o.CAFile, caPEM, 0o600); err != nil {
		return nil, err
	}
	for _, t := range tenants {
		t.mu.Lock()
		t.caFile = o.CAFile
		t.mu.Unlock()
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// certificates are those of a CA made for the purpose and of a server that is
// reached by these domains.
func certificates(now time.Time, domains []string) (caPEM []byte, server tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, server, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "a0run local tenant CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, server, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, server, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "a0run local tenant"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "tenant.local"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, domain := range domains {
		if host := withoutPort(domain); host != "" && net.ParseIP(host) == nil {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, server, err
	}
	caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return caPEM, tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}, nil
}

// trusting is a client that trusts the certificate in a file. The hosts of
// tenants, which not every system resolves, it finds on the loopback address.
func trusting(file string, hosts []string) (*http.Client, error) {
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
			if host, port, err := net.SplitHostPort(address); err == nil && slices.Contains(hosts, hostName(host)) {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return d.DialContext(ctx, network, address)
		},
	}}, nil
}
