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

func open(t testing.TB, path string) *DB {
	t.Helper()
	return openWith(t, Options{Path: path})
}

func openWith(t testing.TB, opts Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func begin(t testing.TB, db *DB, run string) engine.Lease {
	t.Helper()
	l, err := db.Begin(t.Context(), &engine.RunRecord{ID: run, Kind: engine.KindRun}, engine.Owner{ID: "o", Name: "pid 1", TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func record(t testing.TB, db *DB, l engine.Lease, c *engine.CallRecord) {
	t.Helper()
	if err := db.Record(l, c).Err(); err != nil {
		t.Fatal(err)
	}
}
