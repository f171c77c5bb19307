package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"

	"a0run/engine"
)

// A page of a listing ends after so many records or bytes, whichever comes
// first: between pages no transaction is open, in which the WAL would grow.
const (
	pageRows  = 1000
	pageBytes = 4 << 20
)

// The statements of reads that are made often.
type reads struct{ page, find, byID, number, writes, also, seq, wake *sql.Stmt }

func (r *reads) prepare(ctx context.Context, pool *sql.DB) (err error) {
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&r.page, "SELECT " + selected + " FROM calls c WHERE c.id > ? AND c.id <= ? ORDER BY c.id LIMIT ?"},
		{&r.find, "SELECT " + selected + " FROM calls c WHERE c.run = (SELECT no FROM runs WHERE id = ?) AND c.key = ?"},
		{&r.byID, "SELECT " + selected + " FROM calls c WHERE c.id = ?"},
		{&r.number, "SELECT no FROM runs WHERE id = ?"},
		// Two counts and no OR, for which SQLite would read the whole run.
		{&r.writes, `SELECT
			(SELECT count(*) FROM calls WHERE run = ?1 AND task = ?2 AND mutates = 1 AND state <> 'refused' AND state <> 'ended') +
			(SELECT count(*) FROM calls WHERE run = ?1 AND task > ?3 AND task < ?4 AND mutates = 1 AND state <> 'refused' AND state <> 'ended')`},
		{&r.also, "SELECT kind, object FROM touches WHERE run = (SELECT no FROM runs WHERE id = ?) AND key = ?"},
		{&r.seq, "SELECT coalesce(max(id), ?1) - ?1 FROM calls WHERE id > ?1 AND id < ?2"},
		{&r.wake, `SELECT ifnull(max(wake), 0) FROM (
			SELECT * FROM (SELECT wake FROM calls WHERE id > ?1 AND id < ?2 AND wake > 0 ORDER BY id DESC LIMIT 1000)
			UNION ALL SELECT wake FROM calls WHERE id > ?2 AND id < ?3)`},
	} {
		if *s.stmt, err = pool.PrepareContext(ctx, s.text); err != nil {
			return err
		}
	}
	return nil
}

const runColumns = `r.no, r.id, r.kind, r.of_run, r.playbook, r.name, r.hash, ifnull(r.params, ''), ifnull(r.tenants, ''), ifnull(r.options, ''),
	r.who, r.host, r.version, r.started, ifnull(r.ended, ''), r.status, r.exit, r.error, r.calls, r.writes, r.epoch, r.owner,
	r.schedule, ifnull(r.due, ''), r.why,
	ifnull((SELECT CASE WHEN ` + wholeUndo + ` THEN '' ELSE '-' END || u.id FROM runs u WHERE u.of_run = r.id AND u.of_run <> '' AND u.kind = 'undo' AND u.writes > 0
		AND NOT EXISTS (SELECT 1 FROM runs v WHERE v.of_run = u.id AND v.of_run <> '' AND v.kind = 'undo' AND v.writes > 0)
		ORDER BY ` + wholeUndo + ` DESC, u.no DESC LIMIT 1), '')`

// wholeUndo says that an undo was of the whole run, and has reached its end.
const wholeUndo = `(u.status IN ('done', 'items') AND NOT (json_valid(u.options) AND json_extract(u.options, '$.only') IS NOT NULL))`

// scanRun reads the head of a run, and looks whether it lives. before are the
// columns that stand before it.
func (db *DB) scanRun(rows *sql.Rows, before ...any) (*engine.RunRecord, int64, error) {
	var (
		r                                        engine.RunRecord
		no                                       int64
		params, tenants, options, started, ended string
		due                                      string
	)
	err := rows.Scan(append(before, &no, &r.ID, &r.Kind, &r.Of, &r.Playbook, &r.Name, &r.Hash, &params, &tenants, &options,
		&r.Who, &r.Host, &r.Version, &started, &ended, &r.Status, &r.Exit, &r.Error, &r.Calls, &r.Writes, &r.Epoch, &r.Owner,
		&r.Schedule, &due, &r.Why, &r.UndoneBy)...)
	if err != nil {
		return nil, 0, err
	}
	r.UndoneBy, r.UndonePart = strings.CutPrefix(r.UndoneBy, "-")
	if params != "" {
		r.Params = json.RawMessage(params)
	}
	if options != "" {
		r.Options = json.RawMessage(options)
	}
	if tenants != "" && json.Unmarshal([]byte(tenants), &r.Tenants) != nil {
		return nil, 0, &CorruptError{Path: db.path, Problem: "is damaged: the tenants of run " + r.ID + " cannot be read"}
	}
	var err2, err3 error
	r.Started, err = parseMoment(started)
	r.Ended, err2 = parseMoment(ended)
	r.Due, err3 = parseMoment(due)
	// The lock, not the lease's end: it knows at once that a process was killed.
	r.Live = r.Owner != "" && isLocked(db.lockPath(r.ID))
	return &r, no, errors.Join(err, err2, err3)
}

// Run implements engine.Journal.
func (db *DB) Run(ctx context.Context, id string) (*engine.RunRecord, error) {
	r, no, err := db.run(ctx, id)
	if err != nil {
		return nil, err
	}
	return r, db.last(ctx, r, no)
}

// last fills in the largest numbers of the run's records. Outcomes lie in the
// order in which tasks were woken, but for tokens that were fetched again, which
// keep their place: the newest of them tell, and a long run is not read whole.
// Calls that were only begun come behind, and are few.
func (db *DB) last(ctx context.Context, r *engine.RunRecord, no int64) error {
	first, begun := no<<runShift, no<<runShift|begunBit
	err := db.stmt.seq.QueryRowContext(ctx, first, begun).Scan(&r.LastSeq)
	if err == nil {
		err = db.stmt.wake.QueryRowContext(ctx, first, begun, (no+1)<<runShift).Scan(&r.LastWake)
	}
	return db.failed("reading the run "+r.ID, err)
}

// also fills in what a call touches beside its own object.
func (db *DB) also(ctx context.Context, run string, c *engine.CallRecord) error {
	if !c.Mutates {
		return nil
	}
	rows, err := db.stmt.also.QueryContext(ctx, run, guard(c.Key))
	if err != nil {
		return db.failed("reading the journal", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (o engine.ObjectRef, err error) {
		return o, rows.Scan(&o.Kind, &o.ID)
	})
	if err != nil {
		return db.failed("reading the journal", err)
	}
	for _, o := range all {
		if o.Kind == "" {
			c.AlsoMore, err = strconv.Atoi(o.ID)
			continue
		}
		c.Also = append(c.Also, engine.ObjectRef{Kind: unguard(o.Kind), ID: unguard(o.ID)})
	}
	return err
}

func (db *DB) run(ctx context.Context, id string) (*engine.RunRecord, int64, error) {
	type found struct {
		r  *engine.RunRecord
		no int64
	}
	db.settle(ctx, "")
	rows, err := db.read.QueryContext(ctx, "SELECT "+runColumns+` FROM runs r WHERE r.id >= ?1 AND r.id < ?1 || char(1114111) AND r.status <> 'pruned' ORDER BY r.id LIMIT 3`, id)
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
	err := db.stmt.number.QueryRowContext(ctx, run).Scan(&no)
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
		db.settle(ctx, run)
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
		spans := []span{{first | after, last}, {first | begunBit, first | begunBit | seqMask}}
		db.stream(ctx, listing{stmt: db.stmt.page, spans: spans}, yield)
	}
}

// A listing is a query for calls, read page by page: its first two arguments
// are the bounds of the page's ids, the next is how many calls it may have.
type listing struct {
	stmt  *sql.Stmt
	spans []span
	args  []any
}

// A span is the ids of calls after one and up to another.
type span struct{ after, last int64 }

// A page is a piece of a listing: its calls, and the id of the last one. err is behind
// them.
type page struct {
	calls []*engine.CallRecord
	last  int64
	err   error
}

// stream hands out the calls of a listing. The next page is read and decoded while the
// last one is used: whoever uses it is often the one task of a resumed run that may go on.
func (db *DB) stream(ctx context.Context, l listing, yield func(*engine.CallRecord, error) bool) {
	pages, stop := make(chan page), make(chan struct{})
	var reader sync.WaitGroup
	defer reader.Wait()
	defer close(stop)
	reader.Go(func() {
		defer close(pages)
		db.pages(ctx, l, func(p page) bool {
			select {
			case pages <- p:
				return p.err == nil
			case <-stop:
				return false
			}
		})
	})
	for p := range pages {
		for _, c := range p.calls {
			if !yield(c, nil) {
				return
			}
		}
		if p.err != nil {
			yield(nil, db.failed("reading the journal", p.err))
			return
		}
	}
}

// pages reads a listing page by page, until give says no.
func (db *DB) pages(ctx context.Context, l listing, give func(page) bool) {
	for _, s := range l.spans {
		for s.after < s.last {
			p := db.page(ctx, l, s)
			if (p.err != nil || len(p.calls) > 0) && !give(p) {
				return
			}
			if len(p.calls) == 0 {
				break
			}
			s.after = p.last
		}
	}
}

func (db *DB) page(ctx context.Context, l listing, s span) (p page) {
	if ctx.Err() != nil {
		return page{err: context.Cause(ctx)}
	}
	// The driver watches a context that can end at every step; a page is short.
	rows, err := l.stmt.QueryContext(context.WithoutCancel(ctx), append([]any{s.after, s.last, pageRows}, l.args...)...)
	if err != nil {
		return page{err: err}
	}
	defer func() { p.err = errors.Join(p.err, rows.Close()) }()
	for size := 0; size < pageBytes && rows.Next(); {
		c, id, err := db.scan(rows)
		if err != nil {
			p.err = err
			return p
		}
		p.calls, p.last = append(p.calls, c), id
		size += 512 + len(c.Value) + len(c.Args) + len(c.Before)
	}
	p.err = rows.Err()
	return p
}

// Find implements engine.Journal.
func (db *DB) Find(ctx context.Context, run, key string) (*engine.CallRecord, error) {
	db.settle(ctx, run)
	return db.single(ctx, db.stmt.find, run, guard(key))
}

// single reads at most one call.
func (db *DB) single(ctx context.Context, stmt *sql.Stmt, args ...any) (*engine.CallRecord, error) {
	rows, err := stmt.QueryContext(context.WithoutCancel(ctx), args...)
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
	db.settle(ctx, run)
	no, err := db.number(ctx, run)
	if err != nil {
		return 0, err
	}
	from, to := "", "" // no task
	if deep {
		from, to = below(guard(task))
	}
	var n int
	err = db.stmt.writes.QueryRowContext(ctx, no, guard(task), from, to).Scan(&n)
	return n, db.failed("reading the journal", err)
}
