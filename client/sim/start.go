package sim

import (
	"context"
	"net/http"
	"slices"
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
	client := started(t, []*Tenant{tenant}, tenant.Serve)
	return tenant, client
}

// started serves tenants until the test ends and gives a client that trusts
// them.
func started(t TB, tenants []*Tenant, serve func(context.Context, ServeOptions) error) *http.Client {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan Credentials, len(tenants)), make(chan error, 1)
	go func() {
		ended <- serve(ctx, ServeOptions{TLS: true, Ready: func(c Credentials) { ready <- c }})
	}()
	t.Cleanup(func() {
		stop()
		<-ended //nolint:errcheck // it was told to end
		for _, one := range tenants {
			_ = one.Close()
		}
	})
	select {
	case c := <-ready:
		var hosts []string
		for _, one := range tenants {
			hosts = append(hosts, one.name())
		}
		client, err := trusting(c.CAFile, func(host string) bool {
			return slices.Contains(hosts, host) || byCustomDomain(tenants, host) != nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return client
	case err := <-ended:
		ended <- err
		t.Fatal(err)
		return nil
	}
}
