package sim

import (
	"context"
	"net/http"
)

// TB is what [Start] needs of a testing.TB.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(f func())
	Context() context.Context
}

// Start runs a tenant over TLS on a free port of this machine until the test
// ends, and gives it with an HTTP client that trusts its certificate. The zero
// Options make an empty tenant; [Tenant.Credentials] has the client_id and
// client_secret of an application that may do everything.
func Start(t TB, o Options) (*Tenant, *http.Client) {
	t.Helper()
	tenant, err := New(o)
	if err != nil {
		t.Fatal(err)
		return nil, nil
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan Credentials, 1), make(chan error, 1)
	go func() {
		ended <- tenant.Serve(ctx, ServeOptions{TLS: true, Ready: func(c Credentials) { ready <- c }})
	}()
	t.Cleanup(func() {
		stop()
		<-ended //nolint:errcheck // it was told to end
		_ = tenant.Close()
	})
	select {
	case c := <-ready:
		client, err := trusting(c.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		return tenant, client
	case err := <-ended:
		ended <- err
		t.Fatal(err)
		return nil, nil
	}
}
