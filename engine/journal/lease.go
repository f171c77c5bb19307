package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"a0run/engine"
)

// Begin implements engine.Journal.
func (db *DB) Begin(ctx context.Context, run *engine.RunRecord, owner engine.Owner) (engine.Lease, error) {
	if err := checkID(run.ID); err != nil {
		return engine.Lease{}, err
	}
	return db.take(ctx, run.ID, owner, func(ctx context.Context, c *sql.Conn, h *held, until time.Time) error {
		tenants, err := json.Marshal(run.Tenants)
		if err != nil {
			return err
		}
		status := run.Status
		if status == "" {
			status = engine.RunRunning
		}
		h.epoch = 1
		var queued string
		err = c.QueryRowContext(ctx, "SELECT no, status FROM runs WHERE id = ?", run.ID).Scan(&h.no, &queued)
		if err == nil && queued == engine.RunQueued {
			return db.beginQueued(ctx, c, queuedRun{h, run, owner, until})
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return errors.Join(err, refusal{fmt.Errorf("the run %s is in the journal already", run.ID)})
		}
		result, err := c.ExecContext(ctx, `INSERT INTO runs (id, kind, of_run, playbook, name, hash, params, tenants, options, who, host, version,
				schedule, due, why, started, status, epoch, owner, owner_name, claimed, lease_ends)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			run.ID, run.Kind, run.Of, run.Playbook, run.Name, run.Hash, text(run.Params), string(tenants), text(run.Options),
			run.Who, run.Host, run.Version, run.Schedule, moment(run.Due), run.Why, db.stamped(run.Started), status,
			h.epoch, owner.ID, owner.Name, moment(db.opts.Now()), moment(until))
		if err != nil {
			return err
		}
		h.no, err = result.LastInsertId()
		return err
	})
}

// beginQueued begins a run that waited in the queue: what only its process
// knows is written, who asked for it and why stays.
func (db *DB) beginQueued(ctx context.Context, c *sql.Conn, q queuedRun) error {
	h, run := q.h, q.run
	tenants, err := json.Marshal(run.Tenants)
	if err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, `UPDATE runs SET kind = ?, of_run = ?, playbook = ?, name = ?, hash = ?, params = ?, tenants = ?, options = ?,
			host = ?, version = ?, started = ?, status = 'running', epoch = ?, owner = ?, owner_name = ?, claimed = ?, lease_ends = ? WHERE no = ?`,
		run.Kind, run.Of, run.Playbook, run.Name, run.Hash, text(run.Params), string(tenants), text(run.Options),
		run.Host, run.Version, db.stamped(run.Started), h.epoch, q.owner.ID, q.owner.Name, moment(db.opts.Now()), moment(q.until), h.no)
	return err
}

// A queuedRun is a run that waited, and who begins it.
type queuedRun struct {
	h     *held
	run   *engine.RunRecord
	owner engine.Owner
	until time.Time
}

// stamped is a time, or now.
func (db *DB) stamped(t time.Time) any {
	if t.IsZero() {
		t = db.opts.Now()
	}
	return moment(t)
}

// Claim implements engine.Journal. A run whose process was killed can be
// claimed at once, however long its lease would live; one whose process is
// frozen cannot.
func (db *DB) Claim(ctx context.Context, run string, owner engine.Owner) (engine.Lease, error) {
	if checkID(run) != nil {
		return engine.Lease{}, fmt.Errorf("%w: %s", engine.ErrNoRun, run)
	}
	return db.take(ctx, run, owner, func(ctx context.Context, c *sql.Conn, h *held, until time.Time) error {
		var status string
		err := c.QueryRowContext(ctx, "SELECT no, epoch + 1, status FROM runs WHERE id = ?", run).Scan(&h.no, &h.epoch, &status)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return refusal{fmt.Errorf("%w: %s", engine.ErrNoRun, run)}
		case err != nil:
			return err
		case status == engine.RunQueued:
			return refusal{fmt.Errorf("%w: it waits in the queue of a0run serve", engine.ErrNoRun)}
		case status == engine.RunDone:
			return refusal{fmt.Errorf("%w: %s", engine.ErrEnded, run)}
		}
		_, err = c.ExecContext(ctx, `UPDATE runs SET epoch = ?, owner = ?, owner_name = ?, claimed = ?, lease_ends = ?, cancel = 0,
			status = 'running', ended = NULL, exit = 0, error = '' WHERE no = ?`,
			h.epoch, owner.ID, owner.Name, moment(db.opts.Now()), moment(until), h.no)
		return err
	})
}

// A refusal is an answer of a write that is no failure of its transaction.
type refusal struct{ error }

// take locks a run, writes its row and holds it.
func (db *DB) take(ctx context.Context, run string, owner engine.Owner,
	write func(context.Context, *sql.Conn, *held, time.Time) error,
) (engine.Lease, error) {
	if db.w == nil {
		return engine.Lease{}, errReader
	}
	lock, err := tryLockTwice(ctx, db.lockPath(run))
	if err != nil {
		return engine.Lease{}, db.failed("locking the run", err)
	}
	if lock == nil {
		return engine.Lease{}, db.heldBy(ctx, run)
	}
	h := &held{run: run, lock: lock}
	until := db.opts.Now().Add(owner.TTL)
	var refused refusal
	err = db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
		err := write(ctx, c, h, until)
		if errors.As(err, &refused) {
			return nil
		}
		return err
	}})
	if err == nil && refused.error != nil {
		err = refused.error
	}
	if err == nil {
		err = db.ready(ctx, h)
	}
	if err != nil {
		h.tail.end(true)
		lock.unlock(true)
		return engine.Lease{}, err
	}
	db.mu.Lock()
	if old := db.held[run]; old != nil {
		old.letGo(false) // its lock's file is gone, else this one would not have been locked
	}
	db.held[run] = h
	db.mu.Unlock()
	return engine.Lease{Run: run, Epoch: h.epoch, Owner: owner.ID, Until: until}, nil
}

// ready makes the tail of a run that was taken, and puts what earlier executions
// have left into the database; then the places are known that the run's calls
// have so far.
func (db *DB) ready(ctx context.Context, h *held) (err error) {
	if h.tail, err = db.openTail(h.run, h.epoch); err != nil {
		return db.failed("making the tail of the run", err)
	}
	if err := db.foldTails(ctx, h.run, h.epoch); err != nil {
		return db.failed("reading the tail of the run", err)
	}
	var epoch int64
	first, behind := h.no<<runShift, h.no<<runShift|begunBit
	err = db.read.QueryRowContext(ctx, `SELECT epoch, folded, (SELECT coalesce(max(id), ?1) FROM calls WHERE id > ?1 AND id < ?2) - ?1,
		(SELECT coalesce(max(id), ?2) FROM calls WHERE id > ?2 AND id < ?3) - ?2 FROM runs WHERE no = ?4`,
		first, behind, (h.no+1)<<runShift, h.no).Scan(&epoch, &h.folded, &h.seq, &h.begun)
	if err != nil {
		return db.failed("reading the run", err)
	}
	if epoch != h.epoch { // somebody took it before the tail was there to be found
		return engine.ErrFenced
	}
	h.pos = h.folded
	return nil
}

// heldBy says who holds a run.
func (db *DB) heldBy(ctx context.Context, run string) error {
	var name, claimed sql.NullString
	err := db.read.QueryRowContext(ctx, "SELECT owner_name, claimed FROM runs WHERE id = ?", run).Scan(&name, &claimed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return db.failed("reading the journal", err)
	}
	if name.String == "" { // between its lock and its row
		name.String = "another process"
	}
	since, err := parseMoment(claimed.String)
	if err != nil || since.IsZero() {
		since = db.opts.Now()
	}
	return &engine.HeldError{Run: run, Owner: name.String, Since: since}
}

// Renew implements engine.Journal.
func (db *DB) Renew(ctx context.Context, owner engine.Owner) (time.Time, []string, error) {
	until := db.opts.Now().Add(owner.TTL)
	var cancel []string
	err := db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "UPDATE runs SET lease_ends = ? WHERE owner = ? AND owner <> ''", moment(until), owner.ID)
		if err != nil {
			return err
		}
		rows, err := c.QueryContext(ctx, "SELECT id FROM runs WHERE owner = ? AND owner <> '' AND cancel = 1 ORDER BY no", owner.ID)
		if err != nil {
			return err
		}
		cancel, err = collect(rows, func(rows *sql.Rows) (id string, err error) {
			err = rows.Scan(&id)
			return id, err
		})
		return err
	}})
	if err != nil {
		return time.Time{}, nil, err
	}
	return until, cancel, nil
}

// collect reads rows to their end.
func collect[T any](rows *sql.Rows, read func(*sql.Rows) (T, error)) (all []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// Release implements engine.Journal. A lease that was fenced has nothing to
// give up, and that is no error.
func (db *DB) Release(_ context.Context, l engine.Lease) error {
	h, err := db.holder(l)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	err = db.w.last(h, op{do: func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "UPDATE runs SET owner = '', lease_ends = NULL WHERE no = ? AND epoch = ?", h.no, h.epoch)
		return err
	}})
	db.forget(h, false)
	return err
}

// forget unlocks a run; what is queued for it was written before.
func (db *DB) forget(h *held, remove bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.held[h.run] == h {
		delete(db.held, h.run)
	}
	h.letGo(remove)
}

// letGo gives up the lock of a run for which nothing is queued any more, and its
// tail where that is in the database.
func (h *held) letGo(remove bool) {
	h.tail.end(h.folded == h.pos)
	h.lock.unlock(remove)
}

// Finish implements engine.Journal. The end survives a loss of power. A run of
// which a record could not be written is not ended, only given up: that error
// is returned, and the run can be resumed.
//
// The context is not asked: an interrupted run is ended all the same.
func (db *DB) Finish(ctx context.Context, l engine.Lease, end engine.RunEnd) error {
	h, err := db.holder(l)
	if err != nil {
		return err
	}
	err = db.w.last(h, op{h: h, durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		// One in doubt stays so: that is what a person has to look at.
		err := h.mark(ctx, c, "UPDATE calls SET state = 'ended' WHERE run = ? AND key = ? AND state = 'failed'", end.Ended)
		if err != nil {
			return err
		}
		err = h.mark(ctx, c, "UPDATE calls SET tolerated = 1 WHERE run = ? AND key = ?", end.Tolerated)
		if err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, `UPDATE runs SET status = ?, exit = ?, error = ?, ended = ?, owner = '', lease_ends = NULL, cancel = 0
			WHERE no = ?`, end.Status, end.Exit, end.Error, db.stamped(end.At), h.no)
		return err
	}})
	if err != nil {
		_ = db.Release(ctx, l) // which gives the lock up in any case
		return err
	}
	db.forget(h, true)
	return nil
}

// mark runs an update for each of many calls.
func (h *held) mark(ctx context.Context, c *sql.Conn, text string, keys []string) (err error) {
	if len(keys) == 0 {
		return nil
	}
	stmt, err := c.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	for _, key := range keys {
		if _, err := stmt.ExecContext(ctx, h.no, guard(key)); err != nil {
			return err
		}
	}
	return nil
}

// RequestCancel asks a run's owner, in whatever process, to stop it: Renew
// tells them. A run that nobody executes cannot be cancelled: ErrEnded.
func (db *DB) RequestCancel(ctx context.Context, run string) error {
	r, _, err := db.run(ctx, run)
	if err != nil {
		return err
	}
	if !r.Live {
		return fmt.Errorf("%w: nobody executes %s", engine.ErrEnded, r.ID)
	}
	return db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "UPDATE runs SET cancel = 1 WHERE id = ? AND owner <> ''", r.ID)
		return err
	}})
}
