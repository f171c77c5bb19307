package journal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"a0run/engine"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schema is the version of the newest migration, magic the application_id by
// which a journal is told from other SQLite files: "a0jl".
const (
	schema = 3
	magic  = 0x61306a6c
)

// Options say how a journal is opened.
type Options struct {
	// Path is the file. It is made with mode 0600, and its folder, when it is
	// not there, with 0700.
	Path string
	// Now is the clock for what is written down; nil is time.Now.
	Now func() time.Time
	// Busy is how long a write waits for another process; 0 is 10 s.
	Busy time.Duration

	// hook is told of every batch: the synchronous pragma under which it was
	// committed (1 NORMAL, 2 FULL) and how many writes it held. A loss of power
	// cannot be tested here; this can.
	hook func(synchronous, writes int)
	// pragmas are further ones of the writer's connection, for tests.
	pragmas []string
	// fold is foldAfter, or what a test wants instead.
	fold time.Duration
}

// A DB is an open journal. It implements engine.Journal, and the history that
// the command shows.
type DB struct {
	opts Options
	path string

	read *sql.DB
	stmt reads
	// write has one connection, which belongs to the writer.
	write *sql.DB
	w     *writer // nil in a reader

	enc *zstd.Encoder
	dec *zstd.Decoder
	// bodies are the memory of texts on their way to a tail.
	bodies sync.Pool

	mu      sync.Mutex // guards held
	held    map[string]*held
	closing sync.Once
	closed  error
}

var _ engine.Journal = (*DB)(nil)

// Open opens a journal for runs, and makes it when there is none. Errors that a
// person can do something about are *FullError, *ReadOnlyError, *CorruptError,
// *NewerError and *BusyError.
func Open(ctx context.Context, opts Options) (*DB, error) {
	db, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if err := db.openWriter(ctx); err != nil {
		return nil, errors.Join(db.failed("opening the journal", err), db.Close())
	}
	db.settle(ctx, "")
	return db, nil
}

// OpenReader opens a journal that exists, to read its history; it works while
// others write. Where there is none it fails with a *MissingError.
func OpenReader(ctx context.Context, opts Options) (*DB, error) {
	db, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(db.path); errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Path: db.path}
	}
	db.read = db.open(4, "mode=ro", "query_only(1)")
	version, err := db.version(ctx, db.read)
	if db.unwritableFolder(err) {
		// Nobody can be writing there: a WAL needs a file beside the journal.
		_ = db.read.Close()
		db.read = db.open(4, "mode=ro&immutable=1", "query_only(1)")
		version, err = db.version(ctx, db.read)
	}
	if err == nil && version == 0 {
		err = &MissingError{Path: db.path}
	}
	if err == nil && version < schema {
		err = db.upgrade(ctx, opts, version)
	}
	if err == nil {
		err = db.stmt.prepare(ctx, db.read)
	}
	if err != nil {
		return nil, errors.Join(db.failed("opening the journal", err), db.Close())
	}
	return db, nil
}

// upgrade brings an older journal up to date. It may also be a new one whose
// making was killed half-way; nothing of either can be read before.
func (db *DB) upgrade(ctx context.Context, opts Options, version int) error {
	w, err := Open(ctx, opts)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("the journal %s is of version %d, this a0run reads %d, and it cannot be brought up to date: %w", db.path, version, schema, err)
	}
	return nil
}

func prepare(opts Options) (*DB, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Busy <= 0 {
		opts.Busy = 10 * time.Second
	}
	if opts.fold == 0 {
		opts.fold = foldAfter
	}
	path, err := filepath.Abs(opts.Path)
	if err != nil {
		return nil, err
	}
	workers := min(runtime.GOMAXPROCS(0), 4)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(workers), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(compressWindow))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(workers), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, err
	}
	return &DB{opts: opts, path: path, enc: enc, dec: dec, bodies: sync.Pool{New: func() any { return new([]byte) }}, held: map[string]*held{}}, nil
}

// Path is the journal's file, absolute.
func (db *DB) Path() string { return db.path }

// Close waits for what is queued, gives up the locks of the runs that are still
// held, without ending them, and closes the file.
func (db *DB) Close() error {
	db.closing.Do(func() {
		var errs []error
		if db.w != nil {
			errs = append(errs, db.w.close())
		}
		db.mu.Lock()
		for run, h := range db.held {
			h.letGo(false)
			delete(db.held, run)
		}
		db.mu.Unlock()
		for _, pool := range []*sql.DB{db.read, db.write} {
			if pool != nil {
				errs = append(errs, pool.Close())
			}
		}
		db.dec.Close()
		db.closed = errors.Join(errs...)
	})
	return db.closed
}

// open makes a pool; SQLite opens the file at the first use. The file is never
// opened otherwise: closing any other descriptor of it would drop the locks
// that SQLite holds for this process.
func (db *DB) open(conns int, query string, pragmas ...string) *sql.DB {
	values, _ := url.ParseQuery(query) // constants
	values.Add("_pragma", "busy_timeout("+strconv.FormatInt(db.opts.Busy.Milliseconds(), 10)+")")
	for _, p := range append([]string{"foreign_keys(1)", "temp_store(memory)"}, pragmas...) {
		values.Add("_pragma", p)
	}
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(db.path)}).EscapedPath() + "?" + values.Encode()
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		panic("journal: the driver is not linked: " + err.Error())
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool
}

func (db *DB) openWriter(ctx context.Context) error {
	if err := db.create(); err != nil {
		return err
	}
	probe := db.open(1, "")
	version, err := db.version(ctx, probe)
	if err := errors.Join(err, probe.Close()); err != nil {
		return err
	}
	pragmas := []string{
		"auto_vacuum(incremental)", // before the first table, or never
		"journal_mode(wal)", "synchronous(normal)",
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "cache_size(-4000)", "cache_spill(0)",
	}
	db.write = db.open(1, "", append(pragmas, db.opts.pragmas...)...)
	if version < schema {
		if err := db.migrate(ctx); err != nil {
			return err
		}
	}
	db.read = db.open(4, "", "query_only(1)")
	if err := db.stmt.prepare(ctx, db.read); err != nil {
		return err
	}
	db.w, err = startWriter(ctx, db)
	return err
}

// create makes the file and its folder; SQLite would make the file readable by
// all. The WAL and its index get the file's mode from SQLite.
func (db *DB) create() error {
	if err := os.MkdirAll(filepath.Dir(db.path), 0o700); err != nil {
		return err
	}
	info, err := os.Stat(db.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		file, err := os.OpenFile(db.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil // another process was first
		}
		if err != nil {
			return err
		}
		return file.Close()
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder, and a journal is a file", db.path)
	case info.Mode().Perm()&0o077 != 0:
		_ = os.Chmod(db.path, 0o600) // it holds people's data; where it is not ours, its owner has decided
	}
	return nil
}

// version reads the schema's version without writing anything: 0 for an empty
// file. It refuses what is no journal, and one that is newer than this binary.
func (db *DB) version(ctx context.Context, pool *sql.DB) (int, error) {
	var app, tables int
	if err := pool.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return 0, err
	}
	if err := pool.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, nil
	}
	var version int
	err := pool.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	if app != magic && (err != nil || app != 0) {
		return 0, &CorruptError{Path: db.path, Problem: "is a SQLite file, but no journal of a0run"}
	}
	if err != nil {
		return 0, err
	}
	if version > schema {
		return 0, &NewerError{Path: db.path, Has: version, Knows: schema}
	}
	return version, nil
}

// migrate brings the schema up to date, one process at a time.
func (db *DB) migrate(ctx context.Context) error {
	lock, err := waitLock(ctx, db.lockPath("migration"))
	if err != nil {
		return err
	}
	defer lock.unlock(true)
	if _, err := db.write.ExecContext(ctx, "PRAGMA application_id = "+strconv.Itoa(magic)); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.write, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		err = partial.Err
	}
	return err
}
