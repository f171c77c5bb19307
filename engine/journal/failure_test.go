package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/engine"
)

// advice is what every failure gives to people.
type advice interface {
	error
	Hint() string
}

// failsAs checks that an error is of a type, names the journal, says what to do,
// and says these parts.
func failsAs[E advice](t *testing.T, err error, path string, parts ...string) {
	t.Helper()
	var as E
	if !errors.As(err, &as) {
		t.Fatalf("%v (%T), want a %T", err, err, as)
	}
	if as.Hint() == "" {
		t.Errorf("%q has no hint", as.Error())
	}
	for _, part := range append(parts, path) {
		if !strings.Contains(as.Error()+" "+as.Hint(), part) {
			t.Errorf("%q with the hint %q does not say %q", as.Error(), as.Hint(), part)
		}
	}
}

// raw1 opens the file beside the journal.
func raw1(t *testing.T, path string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func execute(t *testing.T, pool *sql.DB, text string) {
	t.Helper()
	if _, err := pool.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// fillDisk writes until the journal cannot grow any more, and checks that
// nothing is half written. It gives how many records were acknowledged; while
// the disk is full a beginning of them can be read.
func fillDisk(t *testing.T, path string, db *DB) (good int) {
	t.Helper()
	l := begin(t, db, "r")
	var failed error
	for failed == nil {
		c := benchCall(good, 1000)
		c.Mutates = true // not compressed
		if failed = db.Record(l, c).Err(); failed == nil {
			good++
		}
	}
	failsAs[*FullError](t, failed, path)
	failsAs[*FullError](t, db.Intent(t.Context(), l, benchCall(9999, 10)), path)
	failsAs[*FullError](t, db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}), path)
	if err := db.Close(); err != nil {
		t.Log("closing a full journal:", err)
	}

	reader, err := OpenReader(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if n := beginning(t, reader); n > good {
		t.Errorf("%d calls, %d were acknowledged", n, good)
	}
	return good
}

// beginning counts the calls of a run, which have no hole.
func beginning(t *testing.T, db *DB) (n int) {
	t.Helper()
	for c, err := range db.Load(t.Context(), "r", 0) {
		if n++; err != nil || c.Seq != int64(n) {
			t.Fatalf("the call %d has the Seq %d, %v", n, c.Seq, err)
		}
	}
	r, err := db.Run(t.Context(), "r")
	if err != nil || r.Calls != n || r.Status != engine.RunRunning || r.Live {
		t.Errorf("%d calls: %+v, %v", n, r, err)
	}
	return n
}

// roomAgain sees that everything that was acknowledged is there, and that the
// run goes on.
func roomAgain(t *testing.T, path string, good int) {
	t.Helper()
	db := open(t, path)
	if n := beginning(t, db); n != good {
		t.Errorf("%d calls, %d were acknowledged", n, good)
	}
	l, err := db.Claim(t.Context(), "r", engine.Owner{ID: "b"})
	if err != nil {
		t.Fatal(err)
	}
	record(t, db, l, benchCall(7777, 1000))
}

func TestFull(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	roomAgain(t, path, fillDisk(t, path, openWith(t, Options{Path: path, pragmas: []string{"max_page_count(200)"}})))
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := openWith(t, Options{Path: path, pragmas: []string{"query_only(0)"}})
	l := begin(t, db, "r")
	record(t, db, l, benchCall(1, 10))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// As root, who may write everything, SQLite has to say it by itself.
	_, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "new.db"), pragmas: []string{"query_only(1)"}})
	var as *ReadOnlyError
	if !errors.As(err, &as) || as.Hint() == "" {
		t.Errorf("opening: %v", err)
	}
	db = openWith(t, Options{Path: path, pragmas: []string{"query_only(1)"}})
	_, err = db.Claim(t.Context(), "r", engine.Owner{ID: "b"})
	failsAs[*ReadOnlyError](t, err, path)
	if r, err := db.Run(t.Context(), "r"); err != nil || r.Epoch != 1 {
		t.Errorf("nothing changed: %+v, %v", r, err)
	}
	if os.Geteuid() == 0 {
		return
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{Path: filepath.Join(folder, "journal.db")})
	failsAs[*ReadOnlyError](t, err, folder)
}

func TestFolderInPlace(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), path+" is a folder") {
		t.Error(err)
	}
	if _, err := Open(t.Context(), Options{Path: filepath.Join(open(t, filepath.Join(path, "j")).Path(), "journal.db")}); err == nil {
		t.Error("a journal below a file was opened")
	}
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	garbage := []byte(strings.Repeat("this is no database\n", 1000))
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(context.Context, Options) (*DB, error){Open, OpenReader} {
		_, err := open(t.Context(), Options{Path: path})
		failsAs[*CorruptError](t, err, path, "is not a SQLite file", "mv "+path)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, garbage) {
		t.Errorf("the file was touched: %v", err)
	}

	foreign := filepath.Join(t.TempDir(), "other.db")
	execute(t, raw1(t, foreign), "CREATE TABLE cookies (a)")
	_, err := Open(t.Context(), Options{Path: foreign})
	failsAs[*CorruptError](t, err, foreign, "no journal of a0run")
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	var last engine.Ack
	for i := range 2000 {
		last = db.Record(l, benchCall(i, 300))
	}
	if err := errors.Join(last.Err(), db.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 40 * 4096; at < len(text); at += 4096 {
		copy(text[at:], bytes.Repeat([]byte{0xa5}, 200)) // the heads of pages
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	failed := error(nil)
	for _, err := range db.Load(t.Context(), "r", 0) {
		failed = err
	}
	failsAs[*CorruptError](t, failed, path)
}

func TestNewer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	pool := raw1(t, path)
	execute(t, pool, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(context.Context, Options) (*DB, error){Open, OpenReader} {
		_, err := open(t.Context(), Options{Path: path})
		failsAs[*NewerError](t, err, path, "version 99", fmt.Sprintf("knows up to %d", schema))
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the file was touched: %v", err)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := openWith(t, Options{Path: path, Busy: 20 * time.Millisecond})
	l := begin(t, db, "r")
	pool := raw1(t, path)
	pool.SetMaxOpenConns(1)
	execute(t, pool, "BEGIN IMMEDIATE")
	record(t, db, l, benchCall(1, 10)) // it is safe in the tail
	durable := benchCall(3, 10)
	durable.Mutates, durable.Durable, durable.State = true, true, engine.StateBegun
	failsAs[*BusyError](t, db.Intent(t.Context(), l, durable), path)
	execute(t, pool, "ROLLBACK")
	// The intent is lost to its run, so nothing after it is written.
	failsAs[*BusyError](t, db.Record(l, benchCall(2, 10)).Err(), path)
	failsAs[*BusyError](t, db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}), path)
	l, err := db.Claim(t.Context(), "r", engine.Owner{ID: "o"})
	if err != nil {
		t.Fatal(err)
	}
	record(t, db, l, benchCall(4, 10))
	calls := 0
	for c, err := range db.Load(t.Context(), "r", 0) {
		if calls++; err != nil || c.Seq != int64(calls) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want the first and the last", calls)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	_, err := OpenReader(t.Context(), Options{Path: path})
	failsAs[*MissingError](t, err, path)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenReader(t.Context(), Options{Path: path})
	failsAs[*MissingError](t, err, path)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	last := db.Record(l, benchCall(1, 10))
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := last.Err(); err != nil {
		t.Errorf("what was queued is written: %v", err)
	}
	if err := db.Record(l, benchCall(2, 10)).Err(); err == nil {
		t.Error("a closed journal takes records")
	}
	if _, err := db.Begin(t.Context(), &engine.RunRecord{ID: "r2"}, engine.Owner{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// TestOpenAtOnce opens a new journal from many sides: one makes it, the others
// wait.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "journal.db")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			db, err := Open(t.Context(), Options{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			_, err = db.Begin(t.Context(), &engine.RunRecord{ID: fmt.Sprint("r", i)}, engine.Owner{ID: "o"})
			if err := errors.Join(err, db.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
