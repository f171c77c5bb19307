package client_test

import (
	"context"
	"os"
	"path/filepath"

	"a0run/client"
	"a0run/client/pace"
	"a0run/client/pace/pacefile"
)

// A budget that leaves a fifth to others, and that the processes of a machine
// share.
func ExampleWithPacer() {
	dir := filepath.Join(os.TempDir(), "acme-pace")
	id, secret := "…", "…"

	store, err := pacefile.Open(dir)
	if err != nil {
		panic(err)
	}
	pacer := pace.New(pace.Config{Reserve: 0.2, Budget: store, Tenant: "acme.eu.auth0.com"})
	defer pacer.Close(context.Background()) //nolint:errcheck // what is not told lapses
	c, err := client.New("acme.eu.auth0.com", client.WithPacer(pacer), client.WithClientSecret(id, secret))
	if err != nil {
		panic(err)
	}
	_ = c
}
