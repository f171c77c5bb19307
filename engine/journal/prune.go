package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

// Prune deletes so many calls, and gives so many pages back, in one
// transaction: other writers come between.
const (
	pruneCalls = 2000
	prunePages = 1000
)

// A PruneRule says which runs are deleted: those that began before a moment,
// but for the newest Keep runs. Without a moment all but the newest Keep; with
// neither none. A run that is being executed stays, and one that was killed and
// could be resumed goes by its age only, or with KeepUnfinished not at all:
// then those that were interrupted or are in doubt stay too.
type PruneRule struct {
	Before         time.Time
	Keep           int
	KeepUnfinished bool
	DryRun         bool
}

// Pruned is what Prune deleted, or would delete. Bytes is by how much the file
// shrank, which shows in the file after SQLite's next checkpoint.
type Pruned struct {
	Runs, Calls int
	Bytes       int64
}

// Prune deletes runs. A run vanishes at once and whole; its calls are deleted
// piece by piece, and a prune that was cut short is finished by the next.
func (db *DB) Prune(ctx context.Context, rule PruneRule) (Pruned, error) {
	var sum Pruned
	if db.w == nil && !rule.DryRun {
		return sum, errReader
	}
	db.settle(ctx, "")
	runs, err := db.pruneable(ctx, rule)
	if err != nil {
		return sum, err
	}
	for _, r := range runs {
		if r.id != "" {
			if isLocked(db.lockPath(r.id)) {
				continue
			}
			sum.Runs++
		}
		if rule.DryRun {
			sum.Calls += r.calls
			continue
		}
		n, gone, err := db.pruneRun(ctx, r)
		sum.Calls += n
		if !gone && r.id != "" {
			sum.Runs--
		}
		if err != nil {
			return sum, err
		}
	}
	if rule.DryRun || len(runs) == 0 {
		return sum, nil
	}
	if err := db.pruneService(ctx, rule.Before); err != nil {
		return sum, err
	}
	sum.Bytes, err = db.vacuum(ctx)
	return sum, err
}

// A prunable is a run that may be deleted; id is "" where that was begun
// already.
type prunable struct {
	no    int64
	id    string
	calls int
}

func (db *DB) pruneable(ctx context.Context, rule PruneRule) ([]prunable, error) {
	before := ""
	if !rule.Before.IsZero() {
		before = rule.Before.UTC().Format(stamp)
	}
	rows, err := db.read.QueryContext(ctx, `SELECT no, iif(status = 'pruned', '', id), (SELECT count(*) FROM calls WHERE run = no) FROM runs
		WHERE status = 'pruned' OR
		(?1 <> '' AND started < ?1 OR ?1 = '' AND ?2 > 0 AND status <> 'running') AND
		NOT (?3 AND status IN ('running', 'interrupted', 'in doubt')) AND
		status <> 'queued' AND no NOT IN (SELECT run FROM jobs) AND
		no NOT IN (SELECT no FROM runs WHERE status <> 'pruned' ORDER BY no DESC LIMIT ?2)
		ORDER BY no`, before, max(rule.Keep, 0), rule.KeepUnfinished)
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (r prunable, err error) {
		return r, rows.Scan(&r.no, &r.id, &r.calls)
	})
	return all, db.failed("reading the journal", err)
}

// pruneRun deletes one run, unless somebody executes it by now, and says how
// many calls went and whether the run did.
func (db *DB) pruneRun(ctx context.Context, r prunable) (calls int, gone bool, err error) {
	if r.id != "" {
		lock, err := tryLock(db.lockPath(r.id))
		if lock == nil || err != nil {
			return 0, false, db.failed("locking the run", err)
		}
		// Its name is gone first: a run of which calls are missing must not be
		// resumed.
		err = db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
			_, err := c.ExecContext(ctx, "UPDATE runs SET id = '~' || no, status = 'pruned', epoch = epoch + 1, owner = '' WHERE no = ?", r.no)
			return err
		}})
		if err == nil {
			err = db.foldTails(ctx, r.id, math.MaxInt64) // of a run that is not there: they go
		}
		lock.unlock(true)
		if err != nil {
			return 0, false, err
		}
	}
	for {
		var n int64
		var over bool
		err := db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) (err error) {
			n, over, err = pruneSome(ctx, c, r.no)
			return err
		}})
		calls += int(n)
		if err != nil || over {
			return calls, true, err
		}
	}
}

// pruneSome deletes a piece of a run, in the end the run itself: over. It gives
// how many calls went.
func pruneSome(ctx context.Context, c *sql.Conn, no int64) (calls int64, over bool, err error) {
	calls, err = deleted(c.ExecContext(ctx, "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE id > ? AND id < ? LIMIT ?)",
		no<<runShift, (no+1)<<runShift, pruneCalls))
	if err != nil || calls > 0 {
		return calls, false, err
	}
	touches, err := deleted(c.ExecContext(ctx, `DELETE FROM touches WHERE run = ?1 AND
		(key, kind, object) IN (SELECT key, kind, object FROM touches WHERE run = ?1 LIMIT ?2)`, no, pruneCalls))
	if err != nil || touches > 0 {
		return 0, false, err
	}
	for _, text := range []string{"DELETE FROM steps WHERE run = ?", "DELETE FROM runs WHERE no = ?"} {
		if _, err := c.ExecContext(ctx, text, no); err != nil {
			return 0, false, err
		}
	}
	return 0, true, nil
}

// deleted is how many rows went.
func deleted(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// vacuum gives the free pages back to the file system.
func (db *DB) vacuum(ctx context.Context) (int64, error) {
	var freed int64
	for {
		var free, left, size int64
		err := db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
			err := c.QueryRowContext(ctx, "SELECT freelist_count, page_size FROM pragma_freelist_count, pragma_page_size").Scan(&free, &size)
			if err != nil || free == 0 {
				return err
			}
			_, err = c.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", prunePages))
			return errors.Join(err, c.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&left))
		}})
		if err != nil || free == 0 || left >= free { // a journal that was not made by a0run may have no auto_vacuum
			return freed, err
		}
		freed += (free - left) * size
	}
}
