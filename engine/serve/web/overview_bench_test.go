package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve/servetest"
	"a0run/engine/serve/web"
)

// BenchmarkOverview is the first page over a journal of a thousand runs; that of
// ten thousand runs of a thousand calls is `make bench`'s.
func BenchmarkOverview(b *testing.B) {
	ctx := context.Background()
	db, err := journal.Open(ctx, journal.Options{Path: filepath.Join(b.TempDir(), "j.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark's
	for i := range 1000 {
		s := servetest.Story{Playbook: fmt.Sprintf("/p/job-%d.lua", i%20), Tenant: "t", Began: time.Now().Add(-time.Duration(1000-i) * 4 * time.Minute), Took: time.Minute, Calls: 5}
		if i%10 == 3 {
			s.Status = engine.RunFailed
		}
		if _, _, err := servetest.Write(ctx, db, s); err != nil {
			b.Fatal(err)
		}
	}
	room, err := web.New(web.Options{Control: servetest.New(db), Listen: "127.0.0.1:0", Tokens: []web.Token{{Name: "a", Role: "admin", Secret: adminToken}}})
	if err != nil {
		b.Fatal(err)
	}
	defer room.Close()
	for b.Loop() {
		req := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		req.Header.Set("Authorization", "Bearer "+adminToken)
		w := httptest.NewRecorder()
		room.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
