package journal

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"a0run/engine"
)

// rows is how many calls stand in the database itself.
func rows(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.read.QueryRowContext(t.Context(), "SELECT count(*) FROM calls").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestIntentsAreCarried has the writer take what is queued while a call is under way: its
// intent waits for the outcome in the other file of the tail, where a kill leaves it, and
// gets no row. One that waits longer than that gets one.
func TestIntentsAreCarried(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "journal.db")
		batches := make(chan int, 10)
		db, err := Open(t.Context(), Options{Path: path, fold: time.Hour, hook: func(_, ops int) { batches <- ops }})
		if err != nil {
			t.Fatal(err)
		}
		l := begin(t, db, "r")
		<-batches
		goOn := stall(t, db)
		if err := db.Intent(t.Context(), l, patch(1, engine.StateBegun)); err != nil {
			t.Fatal(err)
		}
		record(t, db, l, patch(2, engine.StateDone))
		db.w.fold()
		goOn()
		<-batches // the one that stalled
		if ops := <-batches; ops != 1 {
			t.Errorf("%d were committed, want the record alone", ops)
		}
		if n := rows(t, db); n != 1 {
			t.Errorf("%d rows, want that of the record alone", n)
		}
		left := open(t, killed(t, path))
		if got, want := states(t, left), []string{"auth0|2 done", "auth0|1 begun"}; !slices.Equal(got, want) {
			t.Errorf("a kill leaves %q, want %q", got, want)
		}
		want := []string{"auth0|2 done", "auth0|1 begun"}
		if answered {
			want = []string{"auth0|2 done", "auth0|1 done"}
			record(t, db, l, patch(1, engine.StateDone))
		}
		db.w.fold()
		<-batches
		if n := rows(t, db); n != 2 {
			t.Errorf("answered %v: %d rows, want 2", answered, n)
		}
		if got := states(t, db); !slices.Equal(got, want) {
			t.Errorf("answered %v: %q, want %q", answered, got, want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCarryFails: where an intent cannot be carried it stays where it stands.
func TestCarryFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	goOn := stall(t, db)
	if err := db.Intent(t.Context(), l, patch(1, engine.StateBegun)); err != nil {
		t.Fatal(err)
	}
	tail := db.held["r"].tail
	if err := tail.files[1-tail.now].Close(); err != nil {
		t.Fatal(err)
	}
	// What the writer does with a batch.
	db.w.mu.Lock()
	b := db.w.pending
	db.w.pending = newBatch()
	left := db.w.turned(b)
	db.w.carry(b)
	db.w.mu.Unlock()
	db.w.empty(b, left)
	goOn()
	if err := db.Record(l, patch(2, engine.StateDone)).Err(); err == nil {
		t.Error("the run goes on")
	}
	if got, want := states(t, open(t, killed(t, path))), []string{"auth0|1 begun"}; !slices.Equal(got, want) {
		t.Errorf("a kill leaves %q, want %q", got, want)
	}
}

// TestWritesAreGathered writes for two tasks: nothing is in the file until one of them
// asks, and then both are.
func TestWritesAreGathered(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	goOn := stall(t, db)
	tail := db.held["r"].tail
	frames := func() int {
		text, err := os.ReadFile(tail.path(tail.now))
		if err != nil {
			t.Fatal(err)
		}
		return len(readFrames(text))
	}
	one, two := db.Record(l, patch(1, engine.StateDone)), db.Record(l, patch(2, engine.StateDone))
	if n := frames(); n != 0 {
		t.Errorf("%d are in the file before anybody waits", n)
	}
	<-two.Done()
	if n := frames(); n != 2 {
		t.Errorf("%d are in the file, want both", n)
	}
	if err := one.Err(); err != nil {
		t.Error(err)
	}
	// A file that cannot be written to fails both, and all that comes later.
	one, two = db.Record(l, patch(3, engine.StateDone)), db.Record(l, patch(4, engine.StateDone))
	if err := tail.files[tail.now].Close(); err != nil {
		t.Fatal(err)
	}
	if one.Err() == nil || two.Err() == nil || db.Record(l, patch(5, engine.StateDone)).Err() == nil {
		t.Errorf("%v, %v: want errors", one.Err(), two.Err())
	}
	goOn()
}

// TestOwnColumns compares what each row of a group has for itself with what a row
// written alone has there.
func TestOwnColumns(t *testing.T) {
	t.Parallel()
	r := &row{id: 7, run: 1, rec: *patch(1, engine.StateDone)}
	all, own := r.args(), r.own()
	for i, place := range placesOf(groupOwn) {
		if own[i] != all[place] {
			t.Errorf("column %d is %v in a group, %v alone", place, own[i], all[place])
		}
	}
}
