package journal

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"a0run/engine"
)

// settle sees that what was written stands in the database: what this process
// has queued, and the tails of runs whose process is gone. It is asked before
// anything is read. run "" means all. Of one run that another process executes
// what stands in its tail by now is awaited, but not by a reader, which shows what
// is there: the rest follows in a moment.
//
// The disk may be full or read-only by now. Then those tails stay, and what
// stands in the database is read all the same: it is a beginning of each run.
func (db *DB) settle(ctx context.Context, run string) {
	if db.w != nil {
		db.w.flush()
		if db.holds(run) {
			return
		}
	}
	runs := db.dead(run)
	if len(runs) == 0 {
		if run != "" && db.w != nil {
			db.awaitLive(ctx, run)
		}
		return
	}
	to := db
	if db.w == nil {
		var err error
		if to, err = Open(context.WithoutCancel(ctx), Options{Path: db.path, Now: db.opts.Now, Busy: db.opts.Busy}); err != nil {
			return
		}
		defer to.Close() //nolint:errcheck // it has nothing left to write
	}
	for _, run := range runs {
		_ = to.foldTails(context.WithoutCancel(ctx), run, math.MaxInt64)
	}
}

// holds says whether this process executes a run.
func (db *DB) holds(run string) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.held[run] != nil
}

// dead are the runs that have tails and nobody who executes them. Their names
// are read first: a run that is claimed after that has tails of other names.
func (db *DB) dead(run string) (runs []string) {
	files, err := db.tails(run)
	if err != nil {
		return nil
	}
	for _, f := range files {
		if !slices.Contains(runs, f.run) {
			runs = append(runs, f.run)
		}
	}
	return slices.DeleteFunc(runs, func(run string) bool { return isLocked(db.lockPath(run)) })
}

// foldTails puts what earlier executions of a run have left in their tails into
// the database: those of epochs below one. Any number of processes may do it at
// once: every record has its place, and goes in once.
func (db *DB) foldTails(ctx context.Context, run string, below int64) error {
	files, err := db.tails(run)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f tailFile) bool { return f.epoch >= below })
	if len(files) == 0 {
		return nil
	}
	// First all get their other name, then they are read: see tail.
	for i, f := range files {
		if files[i].left {
			continue
		}
		files[i].name = f.name[:len(f.name)-len(tailWritten)] + tailLeft
		err := os.Rename(filepath.Join(db.tailFolder(), f.name), filepath.Join(db.tailFolder(), files[i].name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // somebody else was first
			return err
		}
	}
	left, err := db.readTails(files)
	if err != nil {
		return err
	}
	// Where a place is missing, a durable intent was never committed: its call
	// was not sent.
	if err := db.foldFrames(ctx, run, left); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Remove(filepath.Join(db.tailFolder(), f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

const frozenAfter = time.Minute

// awaitLive waits until the process that executes a run has put into the database
// what stands in the run's tail by now: it does so soon. Doing it here was refused:
// that process would starve whoever waits for SQLite's lock. One that does nothing
// for frozenAfter is frozen, and not waited for: a transaction is over before, on any
// machine.
func (db *DB) awaitLive(ctx context.Context, run string) {
	files, err := db.tails(run)
	if err != nil || len(files) == 0 {
		return
	}
	left, err := db.readTails(files)
	if err != nil || len(left) == 0 {
		return
	}
	last := left[len(left)-1].pos
	before := int64(-1)
	for end := time.Now(); ; {
		var folded int64
		err := db.read.QueryRowContext(ctx, "SELECT folded FROM runs WHERE id = ?", run).Scan(&folded)
		if err != nil || folded >= last {
			return
		}
		if folded > before {
			before, end = folded, time.Now().Add(frozenAfter)
		}
		if time.Now().After(end) || pause(ctx, foldAfter/20) != nil {
			return
		}
	}
}

// readTails reads the frames of files in the order in which they were written.
func (db *DB) readTails(files []tailFile) (left []leftFrame, err error) {
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(db.tailFolder(), f.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, frame := range readFrames(text) {
			left = append(left, leftFrame{frame, f.epoch})
		}
	}
	slices.SortStableFunc(left, func(a, b leftFrame) int { return cmp.Compare(a.pos, b.pos) })
	return left, nil
}

// A leftFrame is a frame of an execution.
type leftFrame struct {
	frameBody
	epoch int64
}

func (db *DB) foldFrames(ctx context.Context, run string, left []leftFrame) error {
	if len(left) == 0 {
		return nil
	}
	return db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
		var no, folded int64
		err := c.QueryRowContext(ctx, "SELECT no, folded FROM runs WHERE id = ?", run).Scan(&no, &folded)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it was deleted
		}
		var n counted
		for _, f := range left {
			if err != nil {
				return err
			}
			if f.pos > folded {
				folded, err = f.pos, db.foldFrame(ctx, no, f, &n)
			}
		}
		if err != nil {
			return err
		}
		_, err = db.w.stmt.count.ExecContext(ctx, n.calls, n.writes, folded, no)
		return err
	}})
}

func (db *DB) foldFrame(ctx context.Context, no int64, f leftFrame, n *counted) error {
	if f.kind == frameStep {
		var s engine.StepRecord
		if err := json.Unmarshal(f.text, &s); err != nil {
			return err
		}
		return db.w.step(ctx, no, f.epoch, &s)
	}
	r, err := db.frameRow(no, f.frameBody)
	if err != nil {
		return err
	}
	return db.w.call(ctx, r, n)
}
