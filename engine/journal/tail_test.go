package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"a0run/engine"
)

// stall keeps the writer busy until goOn is called: what is written meanwhile
// stands in tails only.
func stall(t *testing.T, db *DB) (goOn func()) {
	t.Helper()
	underWay, over := make(chan struct{}), make(chan struct{})
	slow := db.w.put(op{do: func(context.Context, *sql.Conn) error {
		close(underWay)
		<-over
		return nil
	}}, 0, nil)
	<-underWay
	return func() {
		close(over)
		if err := slow.Err(); err != nil {
			t.Error(err)
		}
	}
}

// killed is the journal as a kill leaves it: a copy of its files at this moment.
func killed(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "journal.db")
	for _, end := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(to+end, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(to+".tail", os.DirFS(path+".tail")); err != nil {
		t.Fatal(err)
	}
	return to
}

// states are the calls of the run r, and their order.
func states(t *testing.T, db *DB) (all []string) {
	t.Helper()
	for c, err := range db.Load(t.Context(), "r", 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.Object+" "+c.State)
	}
	return all
}

// patch is the i-th call of a test that patches a user.
func patch(i int, state string) *engine.CallRecord {
	c := benchCall(i, 1000)
	c.Operation, c.Effect, c.Mutates, c.State = "users.update", "patch", true, state
	return c
}

// TestTail kills a process that has answers and an intent in its tail only: all
// of them are found, whole, by whoever opens the journal.
func TestTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	record(t, db, l, patch(1, engine.StateDone))
	goOn := stall(t, db)
	whole := patch(2, engine.StateFailed)
	whole.Value, whole.Failure, whole.Before, whole.Note = nil, []byte(`{"name":"ü\u001f"}`), []byte(`{"found":true}`), []byte(`{"a":1}`)
	whole.Attempts = []engine.AttemptRecord{{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Fault: "uncertain", Error: "lost\x1f\x10"}}
	whole.Task, whole.Step, whole.Tolerated, whole.Waited = "main/1.a\x1fb", "s\x10", true, 1500*time.Microsecond
	whole.Also, whole.AlsoMore = []engine.ObjectRef{{Kind: "roles", ID: "rol_\x1f"}}, 3
	intent := *whole
	intent.State, intent.Failure, intent.Attempts, intent.Ended = engine.StateBegun, nil, nil, time.Time{}
	if err := db.Intent(t.Context(), l, &intent); err != nil {
		t.Fatal(err)
	}
	record(t, db, l, whole)
	long := benchCall(3, 3000) // is compressed
	record(t, db, l, long)
	db.Step(l, &engine.StepRecord{ID: "s1", State: "done", Began: long.Began, Took: time.Second})
	if err := db.Intent(t.Context(), l, patch(4, engine.StateBegun)); err != nil {
		t.Fatal(err)
	}
	dead := killed(t, path)
	goOn()

	reader, err := OpenReader(t.Context(), Options{Path: dead})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // only read from
	want := []string{"auth0|1 done", "auth0|2 failed", "auth0|3 done", "auth0|4 begun"}
	if got := states(t, reader); !slices.Equal(got, want) {
		t.Errorf("the calls are %q, want %q", got, want)
	}
	for _, c := range []*engine.CallRecord{whole, long} {
		got, err := reader.Find(t.Context(), "r", c.Key)
		if err == nil {
			err = reader.also(t.Context(), "r", got)
		}
		if diff := cmp.Diff(c, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
	}
	steps, err := reader.Steps(t.Context(), "r")
	if err != nil || len(steps) != 1 || steps[0].ID != "s1" || steps[0].Took != time.Second {
		t.Errorf("the steps are %+v, %v", steps, err)
	}
	r, err := reader.Run(t.Context(), "r")
	if err != nil || r.Calls != 4 || r.Writes != 3 || r.LastSeq != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	// The tail is gone, and who goes on writes behind what was in it.
	if left, err := os.ReadDir(dead + ".tail"); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	again := open(t, dead)
	l, err = again.Claim(t.Context(), "r", engine.Owner{ID: "b"})
	if err != nil {
		t.Fatal(err)
	}
	next := patch(4, engine.StateDone)
	record(t, again, l, next)
	if next.Seq != 4 {
		t.Errorf("the next call has the Seq %d", next.Seq)
	}
	want[3] = "auth0|4 done"
	if got := states(t, again); !slices.Equal(got, want) {
		t.Errorf("the calls are %q, want %q", got, want)
	}
}

// TestTornTail cuts the tail at every byte of its last record, and damages it:
// what stands before is found, and nothing else.
func TestTornTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	goOn := stall(t, db)
	record(t, db, l, patch(1, engine.StateDone))
	file := filepath.Join(path+".tail", "r.1.0.tail")
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	record(t, db, l, patch(2, engine.StateDone))
	both, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	goOn()
	for at := len(first); at < len(both); at++ {
		if frames := readFrames(both[:at]); len(frames) != 1 || frames[0].pos != 1 {
			t.Fatalf("cut at %d there are %d records", at, len(frames))
		}
		damaged := bytes.Clone(both)
		damaged[at] ^= 0x40
		if frames := readFrames(damaged); len(frames) != 1 {
			t.Fatalf("damaged at %d there are %d records", at, len(frames))
		}
	}
	if frames := readFrames(append(both, make([]byte, 64)...)); len(frames) != 2 {
		t.Errorf("with zeros behind there are %d records", len(frames))
	}
}

// TestTailWhileOwned has another process look at a run that lives: it sees what
// is safe, its owner goes on, and no record is written twice.
func TestTailWhileOwned(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db, other := open(t, path), open(t, path)
	l := begin(t, db, "r")
	for i := range 50 {
		if err := db.Intent(t.Context(), l, patch(i, engine.StateBegun)); err != nil {
			t.Fatal(err)
		}
		if i%10 == 7 { // one that has to be committed before it may be sent
			create := patch(1000+i, engine.StateBegun)
			create.Durable = true
			if err := db.Intent(t.Context(), l, create); err != nil {
				t.Fatal(err)
			}
			create.State = engine.StateDone
			record(t, db, l, create)
		}
		if got := states(t, other); got[len(got)-1] != patch(i, "").Object+" begun" {
			t.Fatalf("the other process sees %q last", got[len(got)-1])
		}
		record(t, db, l, patch(i, engine.StateDone))
	}
	if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}); err != nil {
		t.Fatal(err)
	}
	r, err := other.Run(t.Context(), "r")
	if got := states(t, other); err != nil || len(got) != 55 || r.Calls != 55 || r.Writes != 55 {
		t.Errorf("%d calls, %+v, %v", len(got), r, err)
	}
	if left, err := os.ReadDir(path + ".tail"); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestTailTaken has a process take a run for dead whose lock file was removed:
// what its owner had written is kept, and nothing that it writes after that is
// called safe, neither in its tail nor in the database.
func TestTailTaken(t *testing.T) {
	t.Parallel()
	for _, durable := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "journal.db")
		db, other := open(t, path), open(t, path)
		l := begin(t, db, "r")
		record(t, db, l, patch(1, engine.StateDone))
		if err := os.Remove(db.lockPath("r")); err != nil {
			t.Fatal(err)
		}
		taken, err := other.Claim(t.Context(), "r", engine.Owner{ID: "b"})
		if err != nil {
			t.Fatal(err)
		}
		late := patch(2, engine.StateBegun)
		late.Durable = durable
		if err := db.Intent(t.Context(), l, late); !errors.Is(err, engine.ErrFenced) {
			t.Errorf("durable %v: %v", durable, err)
		}
		record(t, other, taken, patch(3, engine.StateDone))
		if got, want := states(t, other), []string{"auth0|1 done", "auth0|3 done"}; !slices.Equal(got, want) {
			t.Errorf("durable %v: the calls are %q, want %q", durable, got, want)
		}
	}
}

// TestTailReadOnly sees that a run without an owner whose tail cannot be put
// into the database can be read as far as it is there, and loses nothing.
func TestTailReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	record(t, db, l, patch(1, engine.StateDone))
	db.w.flush()
	goOn := stall(t, db)
	record(t, db, l, patch(2, engine.StateDone))
	dead := killed(t, path)
	goOn()
	blocked := openWith(t, Options{Path: dead, pragmas: []string{"query_only(1)"}})
	if got, want := states(t, blocked), []string{"auth0|1 done"}; !slices.Equal(got, want) {
		t.Errorf("the calls are %q, want %q", got, want)
	}
	if got, want := states(t, open(t, dead)), []string{"auth0|1 done", "auth0|2 done"}; !slices.Equal(got, want) {
		t.Errorf("the calls are %q, want %q", got, want)
	}
}

// TestTailOfNothing appends to a tail while a batch is committed that has nothing
// in it, as one of a durable intent alone: what was appended is not the batch's,
// and is still there when that is done.
func TestTailOfNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	db.w.flush()
	h, err := db.holder(l)
	if err != nil {
		t.Fatal(err)
	}
	underWay, goOn := make(chan struct{}), make(chan struct{})
	first := db.w.put(op{h: h, do: func(context.Context, *sql.Conn) error {
		close(underWay)
		<-goOn
		return nil
	}}, 0, nil)
	<-underWay
	record(t, db, l, patch(1, engine.StateDone))
	// The next batch holds what was appended, and stands still before its commit.
	nextUnderWay, over := make(chan struct{}), make(chan struct{})
	next := db.w.put(op{do: func(context.Context, *sql.Conn) error {
		close(nextUnderWay)
		<-over
		return nil
	}}, 0, nil)
	close(goOn)
	<-nextUnderWay
	dead := killed(t, path)
	close(over)
	if err := errors.Join(first.Err(), next.Err()); err != nil {
		t.Fatal(err)
	}
	got := states(t, open(t, dead))
	if want := []string{patch(1, "").Object + " done"}; !slices.Equal(got, want) {
		t.Errorf("after the kill there are %q, want %q", got, want)
	}
}
