package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"a0run/engine"
)

// A page of a listing ends after so many records or bytes, whichever comes
// first: between pages no transaction is open, in which the WAL would grow.
const (
	pageRows  = 1000
	pageBytes = 4 << 20
)

const runColumns = `r.no, r.id, r.kind, r.of_run, r.playbook, r.name, r.hash, ifnull(r.params, ''), ifnull(r.tenants, ''), ifnull(r.options, ''),
	r.who, r.host, r.version, r.started, ifnull(r.ended, ''), r.status, r.exit, r.error, r.calls, r.writes, r.epoch, r.owner`

// scanRun reads the head of a run, and looks whether it lives.
func (db *DB) scanRun(rows *sql.Rows) (*engine.RunRecord, int64, error) {
	var (
		r                                        engine.RunRecord
		no                                       int64
		params, tenants, options, started, ended string
	)
	err := rows.Scan(&no, &r.ID, &r.Kind, &r.Of, &r.Playbook, &r.Name, &r.Hash, &params, &tenants, &options,
		&r.Who, &r.Host, &r.Version, &started, &ended, &r.Status, &r.Exit, &r.Error, &r.Calls, &r.Writes, &r.Epoch, &r.Owner)
	if err != nil {
		return nil, 0, err
	}
	if params != "" {
		r.Params = json.RawMessage(params)
	}
	if options != "" {
		r.Options = json.RawMessage(options)
	}
	if tenants != "" && json.Unmarshal([]byte(tenants), &r.Tenants) != nil {
		return nil, 0, &CorruptError{Path: db.path, Problem: "is damaged: the tenants of run " + r.ID + " cannot be read"}
	}
	var err2 error
	r.Started, err = parseMoment(started)
	r.Ended, err2 = parseMoment(ended)
	// The lock, not the lease's end: it knows at once that a process was killed.
	r.Live = r.Owner != "" && isLocked(db.lockPath(r.ID))
	return &r, no, errors.Join(err, err2)
}

// Run implements engine.Journal.
func (db *DB) Run(ctx context.Context, id string) (*engine.RunRecord, error) {
	r, _, err := db.run(ctx, id)
	return r, err
}

func (db *DB) run(ctx context.Context, id string) (*engine.RunRecord, int64, error) {
	type found struct {
		r  *engine.RunRecord
		no int64
	}
	rows, err := db.read.QueryContext(ctx, "SELECT "+runColumns+` FROM runs r WHERE r.id >= ?1 AND r.id < ?1 || char(1114111) ORDER BY r.id LIMIT 3`, id)
	if err != nil {
		return nil, 0, db.failed("reading the journal", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (found, error) {
		r, no, err := db.scanRun(rows)
		return found{r, no}, err
	})
	switch {
	case err != nil:
		return nil, 0, db.failed("reading the journal", err)
	case len(all) == 0 || id == "":
		return nil, 0, fmt.Errorf("%w: %s", engine.ErrNoRun, id)
	case len(all) > 1 && all[0].r.ID != id:
		ids := make([]string, len(all))
		for i, f := range all {
			ids[i] = f.r.ID
		}
		return nil, 0, fmt.Errorf("%w of that name alone: %s begin with %s", engine.ErrNoRun, strings.Join(ids, ", "), id)
	}
	return all[0].r, all[0].no, nil
}

// number is a run's no.
func (db *DB) number(ctx context.Context, run string) (int64, error) {
	var no int64
	err := db.read.QueryRowContext(ctx, "SELECT no FROM runs WHERE id = ?", run).Scan(&no)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: %s", engine.ErrNoRun, run)
	}
	return no, db.failed("reading the journal", err)
}

// Load implements engine.Journal. It reads in pages and hands out what was
// there when it began: records that replace earlier ones meanwhile are left
// out, with those that they replace. Calls that were only begun come last, and
// have no Seq.
func (db *DB) Load(ctx context.Context, run string, after int64) iter.Seq2[*engine.CallRecord, error] {
	return func(yield func(*engine.CallRecord, error) bool) {
		no, err := db.number(ctx, run)
		if err != nil {
			yield(nil, err)
			return
		}
		first := no << runShift
		var last int64
		err = db.read.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM calls WHERE id >= ? AND id < ?", first, first|begunBit).Scan(&last)
		if err != nil {
			yield(nil, db.failed("reading the journal", err))
			return
		}
		if db.pages(ctx, first|after, last, yield) {
			db.pages(ctx, first|begunBit, first|begunBit|seqMask, yield)
		}
	}
}

// pages hands out the calls with ids after the first and up to the last, and
// says whether to go on.
func (db *DB) pages(ctx context.Context, after, last int64, yield func(*engine.CallRecord, error) bool) bool {
	for after < last {
		page, at, err := db.page(ctx, after, last)
		for _, c := range page {
			if !yield(c, nil) {
				return false
			}
		}
		if err != nil {
			yield(nil, db.failed("reading the journal", err))
			return false
		}
		if len(page) == 0 {
			return true
		}
		after = at
	}
	return true
}

func (db *DB) page(ctx context.Context, after, last int64) (page []*engine.CallRecord, at int64, err error) {
	rows, err := db.read.QueryContext(ctx, "SELECT "+selected+" FROM calls c WHERE c.id > ? AND c.id <= ? ORDER BY c.id LIMIT ?", after, last, pageRows)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	size := 0
	for size < pageBytes && rows.Next() {
		c, id, err := db.scan(rows)
		if err != nil {
			return page, at, err
		}
		page, at = append(page, c), id
		size += len(c.Args) + len(c.Value) + len(c.Failure) + len(c.Before) + len(c.Note)
	}
	return page, at, rows.Err()
}

// Find implements engine.Journal.
func (db *DB) Find(ctx context.Context, run, key string) (*engine.CallRecord, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT "+selected+" FROM calls c WHERE c.run = (SELECT no FROM runs WHERE id = ?) AND c.key = ?", run, key)
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (*engine.CallRecord, error) {
		c, _, err := db.scan(rows)
		return c, err
	})
	if err != nil || len(found) == 0 {
		return nil, db.failed("reading the journal", err)
	}
	return found[0], nil
}

// Writes implements engine.Journal.
func (db *DB) Writes(ctx context.Context, run, task string, deep bool) (int, error) {
	no, err := db.number(ctx, run)
	if err != nil {
		return 0, err
	}
	from, to := "", "" // no task
	if deep {
		from, to = below(task)
	}
	var n int
	// Two counts and no OR, for which SQLite would read the whole run.
	err = db.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM calls WHERE run = ?1 AND task = ?2 AND mutates = 1 AND state <> 'refused') +
		(SELECT count(*) FROM calls WHERE run = ?1 AND task > ?3 AND task < ?4 AND mutates = 1 AND state <> 'refused')`,
		no, task, from, to).Scan(&n)
	return n, db.failed("reading the journal", err)
}
