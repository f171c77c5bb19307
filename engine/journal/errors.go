package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// ErrClosed says that the journal was closed.
var ErrClosed = errors.New("the journal is closed")

// A MissingError says that there is no journal to read.
type MissingError struct{ Path string }

func (e *MissingError) Error() string { return "there is no journal at " + e.Path + " yet" }

// Hint is what to do.
func (e *MissingError) Hint() string {
	return "the first run begins one; --journal FILE names another"
}

// A FullError says that the journal cannot grow. Nothing of the write that met
// it was kept.
type FullError struct {
	Path string
	Err  error
}

func (e *FullError) Error() string {
	return "the journal " + e.Path + " cannot grow: the disk is full"
}

// Unwrap gives SQLite's error.
func (e *FullError) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *FullError) Hint() string {
	return "make room on that disk (df " + filepath.Dir(e.Path) + "; a0run runs prune), then resume the run: what was recorded is kept"
}

// A ReadOnlyError says that the journal cannot be written here.
type ReadOnlyError struct {
	Path string
	Err  error
}

func (e *ReadOnlyError) Error() string {
	return "the journal " + e.Path + " cannot be written: its file, its folder or the disk is read-only for this user"
}

// Unwrap gives SQLite's or the system's error.
func (e *ReadOnlyError) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *ReadOnlyError) Hint() string {
	return "make the file and its folder writable (SQLite writes files beside it), or name another journal with --journal FILE"
}

// A CorruptError says that the file is no journal, or a damaged one.
type CorruptError struct {
	Path, Problem string
	Err           error
}

func (e *CorruptError) Error() string { return "the journal " + e.Path + " " + e.Problem }

// Unwrap gives SQLite's error.
func (e *CorruptError) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *CorruptError) Hint() string {
	return fmt.Sprintf("move it away (mv %[1]s %[1]s.broken, likewise %[1]s-wal and %[1]s-shm where they exist): a0run begins a new one; "+
		"what can be saved, `sqlite3 %[1]s.broken .recover` shows", e.Path)
}

// A NewerError says that a newer a0run has written the journal. It was not
// touched.
type NewerError struct {
	Path       string
	Has, Knows int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the journal %s has schema version %d, and this a0run knows up to %d", e.Path, e.Has, e.Knows)
}

// Hint is what to do.
func (e *NewerError) Hint() string {
	return "use the a0run that wrote it, or a newer one, or name another journal with --journal FILE"
}

// A BusyError says that another process kept the journal locked too long.
type BusyError struct {
	Path string
	Err  error
}

func (e *BusyError) Error() string {
	return "the journal " + e.Path + " is locked by another process, which does not give it free"
}

// Unwrap gives SQLite's error.
func (e *BusyError) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *BusyError) Hint() string {
	return "find who holds it (fuser " + e.Path + "), for example a sqlite3 shell with an open transaction, and end that; then resume the run"
}

// failed names what a person can do something about.
func (db *DB) failed(doing string, err error) error {
	if err == nil || known(err) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &FullError{Path: db.path, Err: err}
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &ReadOnlyError{Path: db.path, Err: err}
	}
	var from *sqlite.Error
	if !errors.As(err, &from) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch code := from.Code(); code & 0xff {
	case lib.SQLITE_FULL:
		return &FullError{Path: db.path, Err: err}
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return &ReadOnlyError{Path: db.path, Err: err}
	case lib.SQLITE_NOTADB:
		return &CorruptError{Path: db.path, Problem: "is not a SQLite file", Err: err}
	case lib.SQLITE_CORRUPT:
		return &CorruptError{Path: db.path, Problem: "is damaged (" + from.Error() + ")", Err: err}
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return &BusyError{Path: db.path, Err: err}
	case lib.SQLITE_IOERR:
		if code == lib.SQLITE_IOERR_SHMSIZE { // the WAL's index could not grow
			return &FullError{Path: db.path, Err: err}
		}
	}
	return fmt.Errorf("%s (%s): %w", doing, db.path, err)
}

// known says that an error is said already.
func known(err error) bool {
	var hint interface{ Hint() string }
	return errors.As(err, &hint) || errors.Is(err, ErrClosed)
}

// unwritableFolder says that a journal could not be opened because SQLite
// cannot write beside it, and that no WAL is there whose records would be
// missed.
func (db *DB) unwritableFolder(err error) bool {
	var from *sqlite.Error
	if !errors.As(err, &from) {
		return false
	}
	if code := from.Code() & 0xff; code != lib.SQLITE_CANTOPEN && code != lib.SQLITE_READONLY {
		return false
	}
	info, err := os.Stat(db.path + "-wal")
	return err != nil || info.Size() == 0
}
