package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// magic is the application_id by which a kept state is told from other SQLite
// files: "a0ls".
const magic = 0x61306c73

// A disk is where a store is kept. What one Update changed goes into one
// transaction before the lock is free, so that nobody is answered for a write
// that is not there when the process is killed at once. Written with
// synchronous=NORMAL: kill -9 loses nothing, a loss of power may lose the last
// moments; a local tenant guards nothing that a test could not make again.
type disk struct {
	db            *sql.DB
	put, del, all *sql.Stmt
	err           error // the first, from which on nothing is promised
}

// A touched place is one that an Update changed; all of a collection where id
// is nil.
type touched struct {
	key Key
	id  *string
}

// Open keeps the store in a file, from which it is filled when there is
// something in it already. empty says that there was nothing. It is called
// before the store is used.
func (s *Store) Open(path string) (empty bool, err error) {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(2000)", "locking_mode(EXCLUSIVE)"},
	}.Encode()}
	// A tenant's secrets and the hashes of its passwords are nobody else's; the
	// files beside this one get its permissions from SQLite.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, fmt.Errorf("the state in %s cannot be opened: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return false, err
	}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return false, err
	}
	db.SetMaxOpenConns(1)
	d := &disk{db: db}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("the state in %s cannot be opened: %w", path, err), db.Close())
		}
	}()
	if err := d.prepare(); err != nil {
		return false, err
	}
	n, err := d.load(s)
	if err != nil {
		return false, err
	}
	s.disk = d
	return n == 0, nil
}

// prepare makes the tables and the statements. Nothing here takes a context: a
// write that was answered has to be on the disk, whoever has gone meanwhile.
func (d *disk) prepare() error {
	ctx := context.Background()
	var id, tables int
	if err := d.db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		if strings.Contains(err.Error(), "locked") {
			return errors.New("another process has it open")
		}
		return err
	}
	if err := d.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 && id != magic {
		return errors.New("it is another program's database")
	}
	for _, q := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", magic),
		`CREATE TABLE IF NOT EXISTS objects (kind TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
			body BLOB NOT NULL, PRIMARY KEY (kind, scope, id)) WITHOUT ROWID`,
	} {
		if _, err := d.db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	var err error
	prepare := func(into **sql.Stmt, q string) {
		if err == nil {
			*into, err = d.db.PrepareContext(ctx, q)
		}
	}
	prepare(&d.put, "INSERT INTO objects VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET body = excluded.body, seq = excluded.seq")
	prepare(&d.del, "DELETE FROM objects WHERE kind = ? AND scope = ? AND id = ?")
	prepare(&d.all, "DELETE FROM objects WHERE kind = ? AND scope = ?")
	return err
}

// load fills a store and says with how many objects.
func (d *disk) load(s *Store) (n int, err error) {
	rows, err := d.db.QueryContext(context.Background(), "SELECT kind, scope, id, seq, body FROM objects ORDER BY seq")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	tx := &Tx{s: s, writable: true}
	for rows.Next() {
		var k Key
		var id string
		var seq uint64
		var text []byte
		if err := rows.Scan(&k.Kind, &k.Scope, &id, &seq, &text); err != nil {
			return n, err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var o Object
		if err := decoder.Decode(&o); err != nil {
			return n, fmt.Errorf("%s %s: %w", k.Kind, id, err)
		}
		c := tx.make(k)
		c.next = seq
		c.put(id, o, nil)
		n++
	}
	return n, rows.Err()
}

// write keeps what an Update changed.
func (d *disk) write(s *Store, changes []touched) {
	if d.err != nil || len(changes) == 0 {
		return
	}
	d.err = d.transaction(s, changes)
}

func (d *disk) transaction(s *Store, changes []touched) (err error) {
	ctx := context.Background()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	put, del, all := tx.StmtContext(ctx, d.put), tx.StmtContext(ctx, d.del), tx.StmtContext(ctx, d.all)
	for _, t := range changes {
		if t.id == nil {
			if _, err := all.ExecContext(ctx, t.key.Kind, t.key.Scope); err != nil {
				return err
			}
			continue
		}
		c := s.colls[t.key]
		if c == nil || c.byID.get(*t.id) == nil {
			if _, err := del.ExecContext(ctx, t.key.Kind, t.key.Scope, *t.id); err != nil {
				return err
			}
			continue
		}
		r := c.byID.get(*t.id)
		text, err := json.Marshal(c.object(r))
		if err != nil {
			return err
		}
		if _, err := put.ExecContext(ctx, t.key.Kind, t.key.Scope, r.id, int64(r.seq), text); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// everything are the changes that write a whole state anew.
func (s *Store) everything(before map[Key]*collection) []touched {
	var out []touched
	for k := range before {
		out = append(out, touched{key: k})
	}
	for k, c := range s.colls {
		for _, id := range c.byID.ids() {
			out = append(out, touched{k, &id})
		}
	}
	return out
}

// Err is what went wrong with keeping the state: from then on a write that is
// answered may not be there later.
func (s *Store) Err() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk == nil {
		return nil
	}
	return s.disk.err
}

// Close ends the keeping of a store; one that is not kept has nothing to close.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disk == nil {
		return nil
	}
	err := s.disk.db.Close()
	s.disk = nil
	return err
}
