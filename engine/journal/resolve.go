package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"a0run/engine"
)

// A Verdict is what a person says of a call whose outcome is not known.
type Verdict struct {
	// Done says that it was done; Object may name what it made.
	Done   bool
	Object string
}

// Resolve writes what became of a call that was begun, or sent without an
// answer. call is its key, the beginning of its key, or its Seq. Nobody may
// execute the run meanwhile: *engine.HeldError.
func (db *DB) Resolve(ctx context.Context, run, call string, v Verdict) (*engine.CallRecord, error) {
	if db.w == nil {
		return nil, errReader
	}
	r, no, err := db.run(ctx, run)
	if err != nil {
		return nil, err
	}
	lock, err := tryLockTwice(ctx, db.lockPath(r.ID))
	if err != nil {
		return nil, db.failed("locking the run", err)
	}
	if lock == nil {
		return nil, db.heldBy(ctx, r.ID)
	}
	defer lock.unlock(true)
	if err := db.foldTails(ctx, r.ID, math.MaxInt64); err != nil {
		return nil, db.failed("reading the tail of the run", err)
	}
	c, id, err := db.doubtful(ctx, r.ID, call)
	if err != nil {
		return nil, err
	}
	c.State = engine.StateRefused
	if v.Done {
		c.State = engine.StateResolved
		if v.Object != "" {
			c.Object = v.Object
		}
	}
	if c.Ended.IsZero() {
		c.Ended = db.opts.Now()
	}
	row, _, err := db.encode(no, c)
	if err != nil {
		return nil, err
	}
	err = db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, conn *sql.Conn) error {
		return db.replace(ctx, conn, id, row)
	}})
	c.Seq = row.id & seqMask
	return c, err
}

// replace puts a row in the place of another; what was only begun gets a place
// among the outcomes, behind the last.
func (db *DB) replace(ctx context.Context, conn *sql.Conn, id int64, r *row) error {
	if r.id = id; id&begunBit != 0 {
		first := r.run << runShift
		err := conn.QueryRowContext(ctx, "SELECT coalesce(max(id), ?1) + 1 FROM calls WHERE id > ?1 AND id < ?2", first, first|begunBit).Scan(&r.id)
		if err != nil {
			return err
		}
	}
	if _, err := conn.ExecContext(ctx, "DELETE FROM calls WHERE id = ?", id); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "INSERT INTO calls ("+columns+") VALUES ("+places+")", r.args()...)
	return err
}

// doubtful finds the one call of a run that is meant, and that is in doubt.
func (db *DB) doubtful(ctx context.Context, run, call string) (*engine.CallRecord, int64, error) {
	seq, _ := strconv.ParseInt(strings.TrimPrefix(call, "#"), 10, 64) // 0 is no call's
	rows, err := db.read.QueryContext(ctx, "SELECT "+selected+` FROM calls c WHERE c.run = (SELECT no FROM runs WHERE id = ?1)
		AND (c.key >= ?2 AND c.key < ?2 || char(1114111) OR c.seq = ?3 AND c.seq > 0) ORDER BY c.id`, run, guard(call), seq)
	if err != nil {
		return nil, 0, db.failed("reading the journal", err)
	}
	type found struct {
		c  *engine.CallRecord
		id int64
	}
	all, err := collect(rows, func(rows *sql.Rows) (found, error) {
		c, id, err := db.scan(rows)
		return found{c, id}, err
	})
	if err != nil {
		return nil, 0, db.failed("reading the journal", err)
	}
	var open, said []found
	for _, f := range all {
		switch f.c.State {
		case engine.StateBegun, engine.StateDoubt:
			if f.c.Key == call {
				return f.c, f.id, nil
			}
			open = append(open, f)
		case engine.StateResolved:
			if !f.c.TakenUp() {
				said = append(said, f)
			}
		}
	}
	if len(open) == 0 {
		open = said // it can be said anew: an ID may have been mistyped
	}
	switch {
	case call == "" || len(all) == 0:
		return nil, 0, fmt.Errorf("run %s has no call %q", run, call)
	case len(open) == 0:
		return nil, 0, fmt.Errorf("call %s of run %s is not in doubt: it is %s", call, run, all[0].c.State)
	case len(open) > 1:
		return nil, 0, errors.New("more than one call in doubt is meant by " + call + ": give more of the key, " + open[0].c.Key + " or " + open[1].c.Key)
	}
	return open[0].c, open[0].id, nil
}
