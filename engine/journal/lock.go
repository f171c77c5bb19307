package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// A lock is the operating system's lock on one run: it is gone with its
// process, and stays with a frozen one.
type lock struct{ file *flock.Flock }

// lockPath is the lock file of a run.
func (db *DB) lockPath(name string) string {
	return filepath.Join(db.path+".locks", name+".lock")
}

// checkID refuses an ID that cannot be the name of a file.
func checkID(run string) error {
	if run == "" || strings.ContainsAny(run, `/\:`) || strings.HasPrefix(run, ".") {
		return fmt.Errorf("%q cannot be the ID of a run", run)
	}
	return nil
}

// tryLock takes a lock; nil where another holds it. Who ends a run removes its
// file while holding the lock; so a lock counts only when the file that was
// locked still is the one at the path, else somebody else locks the new one.
func tryLock(path string) (*lock, error) {
	for {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		file := flock.New(path)
		ok, err := file.TryLock()
		if errors.Is(err, fs.ErrNotExist) {
			continue // the folder went away meanwhile
		}
		if err != nil || !ok {
			_ = file.Close()
			return nil, err
		}
		locked, err := file.Stat()
		if err == nil {
			var there fs.FileInfo
			if there, err = os.Stat(path); err == nil && os.SameFile(locked, there) {
				return &lock{file}, nil
			}
		}
		_ = file.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// tryLockTwice is tryLock for a run: a reader that looks whether the run lives
// holds a shared lock for a moment, which must not look like an owner.
func tryLockTwice(ctx context.Context, path string) (*lock, error) {
	for range 20 {
		l, err := tryLock(path)
		if l != nil || err != nil {
			return l, err
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // nil is "held", as tryLock's
}

// waitLock takes a lock and waits for it.
func waitLock(ctx context.Context, path string) (*lock, error) {
	for {
		l, err := tryLock(path)
		if l != nil || err != nil {
			return l, err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unlock gives the lock up; with remove the file goes too, before the lock
// does. (Windows removes no open file; there it stays and harms nobody.)
func (l *lock) unlock(remove bool) {
	if l == nil {
		return
	}
	if remove {
		_ = os.Remove(l.file.Path())
	}
	_ = l.file.Close()
}

// isLocked says whether somebody holds a lock, and leaves no file behind.
func isLocked(path string) bool {
	file := flock.New(path, flock.SetFlag(os.O_RDONLY))
	ok, err := file.TryRLock()
	_ = file.Close()
	return err == nil && !ok
}
