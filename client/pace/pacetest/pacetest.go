// Package pacetest has what every store of a shared rate budget must pass.
package pacetest

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"a0run/client/pace"
)

// Run holds a store against the contract of [pace.Budget]. open gives a store with
// no sheets; again gives another handle of the same store, as another process would
// have it.
func Run(t *testing.T, open func(t *testing.T) (store pace.Budget, again func() pace.Budget)) {
	t.Helper()
	t.Run("a sheet is kept", func(t *testing.T) { kept(t, open) })
	t.Run("nothing is lost", func(t *testing.T) { counted(t, open) })
	t.Run("an error keeps nothing", func(t *testing.T) { refused(t, open) })
	t.Run("it ends with its context", func(t *testing.T) { ended(t, open) })
}

type opener func(t *testing.T) (pace.Budget, func() pace.Budget)

func kept(t *testing.T, open opener) {
	t.Helper()
	store, again := open(t)
	if text, now, err := store.Read(t.Context(), "acme.auth0.com"); err != nil || text != nil || now.IsZero() {
		t.Errorf("of a tenant that was never there: %q, %s, %v", text, now, err)
	}
	for i, tenant := range []string{"acme.auth0.com", "127.0.0.1:8080", "../acme", "a/b", "A_b"} {
		want := []byte(strconv.Itoa(i))
		err := store.Update(t.Context(), tenant, func(old []byte, _ time.Time) ([]byte, error) {
			if old != nil {
				t.Errorf("%s had %q before", tenant, old)
			}
			return want, nil
		})
		if err != nil {
			t.Errorf("%s: %v", tenant, err)
		}
		if text, _, err := again().Read(t.Context(), tenant); err != nil || !bytes.Equal(text, want) {
			t.Errorf("%s: got %q, %v", tenant, text, err)
		}
	}
}

// counted adds up from many sides at once.
func counted(t *testing.T, open opener) {
	t.Helper()
	store, again := open(t)
	const each = 50
	stores := []pace.Budget{store, store, again(), again()}
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			for range each {
				if err := s.Update(t.Context(), "t", addOne); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if text, _, err := store.Read(t.Context(), "t"); err != nil || string(text) != strconv.Itoa(each*len(stores)) {
		t.Errorf("counted to %q (%v), want %d", text, err, each*len(stores))
	}
}

func addOne(old []byte, _ time.Time) ([]byte, error) {
	n := 0
	if old != nil {
		var err error
		if n, err = strconv.Atoi(string(old)); err != nil {
			return nil, err
		}
	}
	return []byte(strconv.Itoa(n + 1)), nil
}

func refused(t *testing.T, open opener) {
	t.Helper()
	store, _ := open(t)
	if err := store.Update(t.Context(), "t", addOne); err != nil {
		t.Fatal(err)
	}
	why := errors.New("no")
	if err := store.Update(t.Context(), "t", func([]byte, time.Time) ([]byte, error) { return []byte("9"), why }); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if text, _, _ := store.Read(t.Context(), "t"); string(text) != "1" {
		t.Errorf("it kept %q", text)
	}
}

func ended(t *testing.T, open opener) {
	t.Helper()
	store, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Update(ctx, "t", addOne); err == nil {
		t.Error("an ended context changed a sheet")
	}
}
