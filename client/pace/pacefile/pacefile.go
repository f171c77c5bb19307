// Package pacefile keeps the sheets of a shared rate budget in a folder: a file a
// tenant, for the processes of one machine.
//
//	store, err := pacefile.Open("/home/ada/.local/share/a0run/journal.db.pace")
//	pacer := pace.New(pace.Config{Budget: store, Tenant: "acme.eu.auth0.com"})
//
// A change takes the file's lock (flock, which the system gives back when a process
// dies), reads, writes beside it and renames: a reader or a kill never meets half a
// sheet. Nothing is synced to the disk, for nothing in a sheet is lost that the
// next answers would not tell. That is a twentieth of what a transaction of SQLite
// costs, and a run at 500 requests a second makes twenty changes a second.
package pacefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// A Store is a pace.Budget in a folder; it is safe for concurrent use.
type Store struct {
	dir string

	mu    sync.Mutex
	locks map[string]*sync.Mutex // by tenant: a flock knows processes, not goroutines
}

// retry is how often a lock that another process holds is tried again.
const retry = time.Millisecond

// Open makes the folder where it does not exist. Only the owner
// can read it.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the rate budget: %w", err)
	}
	return &Store{dir: dir, locks: map[string]*sync.Mutex{}}, nil
}

// Update implements pace.Budget. Its clock is the machine's.
func (s *Store) Update(ctx context.Context, tenant string, change func([]byte, time.Time) ([]byte, error)) error {
	own := s.lock(tenant)
	own.Lock()
	defer own.Unlock()
	file := s.file(tenant)
	lock := flock.New(file + ".lock")
	if locked, err := lock.TryLockContext(ctx, retry); err != nil || !locked {
		return fmt.Errorf("the rate budget %s is held by another process: %w", file, errors.Join(err, ctx.Err()))
	}
	defer func() { _ = lock.Close() }() // it gives the lock back; nothing can be done about it
	old, err := read(file)
	if err != nil {
		return err
	}
	text, err := change(old, time.Now())
	if err != nil {
		return err
	}
	next := file + ".next" // one writer at a time: the lock is held
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// Read implements pace.Budget. It takes no lock: a sheet is replaced as a whole.
func (s *Store) Read(_ context.Context, tenant string) ([]byte, time.Time, error) {
	text, err := read(s.file(tenant))
	return text, time.Now(), err
}

// read gives a file, nil where there is none.
func read(file string) ([]byte, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the name is made by file
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// lock is a tenant's lock within the process.
func (s *Store) lock(tenant string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.locks[tenant]
	if own == nil {
		own = &sync.Mutex{}
		s.locks[tenant] = own
	}
	return own
}

// file is where a tenant's sheet is kept. A tenant is a domain; what is none of
// its letters (a port's colon, a path) becomes hexadecimal, so that names stay apart
// and inside the folder.
func (s *Store) file(tenant string) string {
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(tenant)) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.' && b.Len() > 0, c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return filepath.Join(s.dir, b.String()+".json")
}
