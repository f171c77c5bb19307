package journal

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/journal/journaltest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) journaltest.Place {
		t.Helper()
		path := filepath.Join(t.TempDir(), "state", "journal.db")
		return journaltest.Place{
			Open: func(t *testing.T) engine.Journal {
				t.Helper()
				return open(t, path)
			},
			Die: func(t *testing.T, j engine.Journal) {
				t.Helper()
				if err := j.(*DB).Close(); err != nil {
					t.Fatal(err)
				}
			},
			Usurp: func(t *testing.T, run string) {
				t.Helper()
				if err := os.Remove((&DB{path: path}).lockPath(run)); err != nil {
					t.Fatal(err)
				}
			},
			Cancel: func(t *testing.T, j engine.Journal, run string) {
				t.Helper()
				if err := j.(*DB).RequestCancel(t.Context(), run); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func open(tb testing.TB, path string) *DB {
	tb.Helper()
	return openWith(tb, Options{Path: path})
}

func openWith(tb testing.TB, opts Options) *DB {
	tb.Helper()
	db, err := Open(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func begin(tb testing.TB, db *DB, run string) engine.Lease {
	tb.Helper()
	l, err := db.Begin(tb.Context(), &engine.RunRecord{ID: run, Kind: engine.KindRun}, engine.Owner{ID: "o", Name: "pid 1", TTL: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func record(tb testing.TB, db *DB, l engine.Lease, c *engine.CallRecord) {
	tb.Helper()
	if err := db.Record(l, c).Err(); err != nil {
		tb.Fatal(err)
	}
}
