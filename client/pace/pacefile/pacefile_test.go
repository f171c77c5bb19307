package pacefile_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"a0run/client/pace"
	"a0run/client/pace/pacefile"
	"a0run/client/pace/pacetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	pacetest.Run(t, func(t *testing.T) (pace.Budget, func() pace.Budget) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "pace")
		open := func() pace.Budget {
			s, err := pacefile.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		return open(), open
	})
}

func TestMemory(t *testing.T) {
	t.Parallel()
	pacetest.Run(t, func(*testing.T) (pace.Budget, func() pace.Budget) {
		m := &pace.Memory{}
		return m, func() pace.Budget { return m }
	})
}

// What a kill left half-written, and what another program wrote, is in nobody's
// way.
func TestDamagedSheets(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "half": `{"v":1,"gates":[{"bucket":"manag`, "another version": `{"v":99}`,
		"nonsense": `{"v":1,"gates":[null,{"limit":-3}],"members":{"a":null,"b":{"weight":-1},"c":{"weight":1,"until":9223372036854775807}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "pace")
			s, err := pacefile.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "acme.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p := pace.New(pace.Config{Budget: s, Tenant: "acme", Warn: func(err error) { t.Error(err) }})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			g, err := p.Wait(ctx, pace.Claim{Buckets: []string{"management"}})
			if err != nil {
				t.Fatal(err)
			}
			p.Observe(g, 200, nil)
			if err := p.Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
