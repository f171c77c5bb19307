package client

import (
	"context"
	"crypto/x509"
	"net/http/httptest"
	"sync"
	"testing"

	"a0run/client/sim"
)

// The whole way over TLS and HTTP/2 sockets: a token by a signed assertion, and
// many calls at once on a few connections.
func TestOverSockets(t *testing.T) {
	srv := httptest.NewUnstartedServer(nil)
	o := optionsOf(t, 150)
	o.Domain = srv.Listener.Addr().String()
	tn, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = tn
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	own := tn.Credentials()
	for name, cfg := range map[string]config{
		"secret":      {ClientID: own.ClientID, ClientSecret: own.ClientSecret},
		"private key": {ClientID: own.PrivateKeyClientID, SigningKey: own.PrivateKey},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Domain, cfg.RootCAs = srv.URL, roots
			c, err := open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdleConnections()
			before := len(tn.Requests())
			items, err := c.All(t.Context(), "users.list", nil)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, item := range items {
				wg.Go(func() {
					if _, err := c.Do(context.WithoutCancel(t.Context()), "users.update", Args{"id": idOf(item, "user_id"), "body": map[string]any{"blocked": true}}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := len(tn.Requests()) - before; n != 1+2+150 {
				t.Errorf("%d requests, want a token, two pages and 150 patches", n)
			}
		})
	}
}
