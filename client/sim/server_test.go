package sim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"a0run/client/sim"
)

// serve serves a tenant on a socket until the test ends.
func serve(t *testing.T, o sim.Options, so sim.ServeOptions) *desk {
	t.Helper()
	tenant, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan sim.Credentials, 1), make(chan error, 1)
	so.Ready = func(c sim.Credentials) { ready <- c }
	go func() { done <- tenant.Serve(ctx, so) }()
	transport := &http.Transport{ForceAttemptHTTP2: true}
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	select {
	case c := <-ready:
		if c.CAFile != "" {
			pool := x509.NewCertPool()
			text, err := os.ReadFile(c.CAFile)
			if err != nil || !pool.AppendCertsFromPEM(text) {
				t.Fatalf("the CA's certificate cannot be read: %v", err)
			}
			transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		}
	case err := <-done:
		done <- err
		t.Fatalf("the server did not start: %v", err)
	}
	token, err := tenant.Token()
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, tenant, &http.Client{Transport: transport}, token}
}

func TestServeOverTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ready.json")
	d := serve(t, sim.Options{}, sim.ServeOptions{TLS: true, ReadyFile: file})
	var c sim.Credentials
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if c != d.tenant.Credentials() || c.CAFile == "" || c.Domain == "" || c.BaseURL != "https://"+c.Domain {
		t.Fatalf("the ready file says %+v", c)
	}
	body, _ := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": c.ClientID, "client_secret": c.ClientSecret,
		"audience": "https://" + c.Domain + "/api/v2/",
	})
	tok := d.want(200, "POST", "/oauth/token", string(body)).object(t)
	d.token = tok["access_token"].(string)
	d.want(200, "GET", users, "")
	grants := d.want(200, "GET", "/api/v2/client-grants?client_id="+c.ClientID, "").list(t)
	if len(grants) != 1 || grants[0].(map[string]any)["audience"] != "https://"+c.Domain+"/api/v2/" {
		t.Fatalf("the runner's grant did not move with the tenant: %v", grants)
	}
}

func TestGzip(t *testing.T) {
	d := serve(t, sim.Options{Gzip: true}, sim.ServeOptions{})
	d.want(200, "GET", users, "") // unpacked by the transport unasked
	r, err := http.NewRequestWithContext(t.Context(), "GET", d.tenant.BaseURL()+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	if a := d.do(r); a.header.Get("Content-Encoding") != "gzip" || a.text[:2] != "\x1f\x8b" {
		t.Fatalf("got %v and %.20q", a.header, a.text)
	}
}
