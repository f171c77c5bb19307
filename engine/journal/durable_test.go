package journal

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"a0run/engine"
)

// TestSynchronous asserts the pragma under which batches are committed, as the
// connection itself tells it. That SQLite's FULL outlives a loss of power is
// SQLite's promise and the disk's; it cannot be tried here.
func TestSynchronous(t *testing.T) {
	t.Parallel()
	const normal, full = 1, 2
	var mu sync.Mutex
	var seen []int
	db := openWith(t, Options{Path: filepath.Join(t.TempDir(), "journal.db"), hook: func(synchronous, _ int) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, synchronous)
	}})
	l := begin(t, db, "r")
	c := benchCall(1, 10)
	c.Mutates, c.Durable, c.State = true, true, engine.StateBegun
	if err := db.Intent(t.Context(), l, c); err != nil {
		t.Fatal(err)
	}
	c.State = engine.StateDone
	record(t, db, l, c)
	plain := benchCall(2, 10)
	plain.Mutates, plain.State = true, engine.StateBegun
	if err := db.Intent(t.Context(), l, plain); err != nil {
		t.Fatal(err)
	}
	if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	// The beginning, a create's intent, and its record and a patch's intent with
	// the end: what the tail keeps makes nobody wait.
	if want := []int{normal, full, full}; !slices.Equal(seen, want) {
		t.Errorf("synchronous was %v, want %v", seen, want)
	}
}

// TestGroupCommit has 64 tasks wait while a commit is under way: the next one
// holds them all, and so does one sync.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var batches []int
	db := openWith(t, Options{Path: filepath.Join(t.TempDir(), "journal.db"), hook: func(_, n int) {
		mu.Lock()
		defer mu.Unlock()
		batches = append(batches, n)
	}})
	l := begin(t, db, "r")
	underWay, goOn := make(chan struct{}), make(chan struct{})
	slow := db.w.put(op{do: func(context.Context, *sql.Conn) error {
		close(underWay)
		<-goOn
		return nil
	}}, 0, nil)
	<-underWay
	var group sync.WaitGroup
	for task := range 64 {
		group.Go(func() {
			c := benchCall(task, 10)
			c.Mutates, c.Durable, c.State = true, true, engine.StateBegun
			if err := db.Intent(t.Context(), l, c); err != nil {
				t.Error(err)
			}
		})
	}
	for queued := 0; queued < 64; runtime.Gosched() {
		db.w.mu.Lock()
		queued = len(db.w.pending.ops)
		db.w.mu.Unlock()
	}
	close(goOn)
	group.Wait()
	if err := slow.Err(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []int{1, 1, 64}; !slices.Equal(batches, want) {
		t.Errorf("the batches held %v writes, want %v", batches, want)
	}
}

// TestBackPressure fills the queue: who writes more waits, and nothing is lost.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	underWay, goOn := make(chan struct{}), make(chan struct{})
	db.w.put(op{do: func(context.Context, *sql.Conn) error {
		close(underWay)
		<-goOn
		return nil
	}}, 0, nil)
	<-underWay
	const n = maxQueued + 100
	var last engine.Ack
	var group sync.WaitGroup
	group.Go(func() {
		for i := range n {
			last = db.Record(l, benchCall(i, 10))
		}
	})
	for queued := 0; queued < maxQueued; runtime.Gosched() {
		db.w.mu.Lock()
		if queued = len(db.w.pending.ops); queued > maxQueued {
			t.Error("the queue has no bound")
		}
		db.w.mu.Unlock()
	}
	close(goOn)
	group.Wait()
	if err := last.Err(); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Run(t.Context(), "r"); err != nil || r.Calls != n {
		t.Errorf("%d calls, want %d: %v", r.Calls, n, err)
	}
}

// TestClose sees that a closed journal is one file again: that the connections
// are really gone, and the WAL is in the file.
func TestClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	record(t, db, begin(t, db, "r"), benchCall(1, 10))
	for _, err := range db.Load(t.Context(), "r", 0) {
		if err != nil {
			t.Fatal(err)
		}
	}
	reader, err := OpenReader(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Find(t.Context(), "r", "x"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(reader.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + "-*"); err != nil || len(left) != 0 {
		t.Errorf("left open: %v, %v", left, err)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes are Unix's")
	}
	folder := filepath.Join(t.TempDir(), "state", "a0run")
	path := filepath.Join(folder, "journal ü%?#.db")
	db := open(t, path)
	begin(t, db, "r")
	for name, want := range map[string]os.FileMode{
		folder: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".locks": 0o700, path + ".locks/r.lock": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a file that others could read: %v, %v", info.Mode(), err)
	}
	for pragma, want := range map[string]string{"auto_vacuum": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		if err := db.read.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v", pragma, got, err)
		}
	}
}

// TestLockFiles sees that a run's lock file goes with the run.
func TestLockFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	if err := db.Finish(t.Context(), begin(t, db, "r1"), engine.RunEnd{Status: engine.RunFailed}); err != nil {
		t.Fatal(err)
	}
	begin(t, db, "r2")
	if _, err := db.Claim(t.Context(), "nothing", engine.Owner{}); err == nil {
		t.Fatal("claimed nothing")
	}
	left, err := os.ReadDir(path + ".locks")
	if err != nil || len(left) != 1 || left[0].Name() != "r2.lock" {
		t.Errorf("lock files left: %v, %v", left, err)
	}
}

// TestUnlinkedLocks has many claim, end and claim again: at no time do two hold
// the run, though its lock file comes and goes.
func TestUnlinkedLocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x", "r.lock")
	var mu sync.Mutex
	holders := 0
	count := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		if holders += by; holders > 1 {
			t.Error("two hold the lock")
		}
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 300 {
				l, err := tryLock(path)
				if err != nil {
					t.Error(err)
				}
				if l != nil {
					count(1)
					runtime.Gosched()
					count(-1)
					l.unlock(true)
				}
				isLocked(path)
			}
		})
	}
	group.Wait()
}
