package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A ScheduleState is what the journal knows of a schedule.
type ScheduleState struct {
	ID string
	// Timing is that by which it was decided last, Decided the time up to which
	// it was, Seen when a file had the schedule last.
	Timing        string
	Decided, Seen time.Time
	// About is what is known of a schedule that no file has any more, as JSON.
	About json.RawMessage
	// Paused by a person, until a time (zero: until it is unpaused).
	Paused              bool
	PausedBy, PausedWhy string
	PausedUntil         time.Time
}

// A Fire is a due time of a schedule and what became of it.
type Fire struct {
	Schedule     string
	Due, At      time.Time
	Outcome, Why string
	// Run is the run that was made of it; Status is "" where that was pruned.
	Run, Status string
	Began       time.Time
	Ended       time.Time
}

// A ScheduleDecision is what is written about a schedule at once.
type ScheduleDecision struct {
	ID string
	// From is the Decided that the decision was made on: another one in the
	// journal refuses it with ErrDecided.
	From, Decided time.Time
	Fires         []Fire
	// Jobs are the runs of the fires that run.
	Jobs []*Job
	// Drop are jobs that have not begun and end so, by run.
	Drop map[string]string
}

// ErrDecided says that a schedule was decided by somebody else meanwhile.
var ErrDecided = errors.New("the schedule was decided by somebody else meanwhile")

// Decide writes decisions, each whole or not at all: the due times, their runs,
// and how far the schedule is decided. They share one commit; refused has why one
// was not written, in their order.
func (db *DB) Decide(ctx context.Context, all ...*ScheduleDecision) (refused []error, err error) {
	refused = make([]error, len(all))
	err = db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		for i, d := range all {
			// A savepoint: other writes of the same batch stay.
			if _, err := c.ExecContext(ctx, "SAVEPOINT decide"); err != nil {
				return err
			}
			refused[i] = db.decide(ctx, c, d)
			if r := (refusal{}); errors.As(refused[i], &r) {
				refused[i] = r.error
			}
			end := "RELEASE decide"
			if refused[i] != nil {
				end = "ROLLBACK TO decide; RELEASE decide"
			}
			if _, err := c.ExecContext(ctx, end); err != nil {
				return err
			}
		}
		return nil
	}})
	return refused, err
}

func (db *DB) decide(ctx context.Context, c *sql.Conn, d *ScheduleDecision) error {
	result, err := c.ExecContext(ctx, "UPDATE schedules SET decided = ? WHERE id = ? AND decided = ?", moment(d.Decided), d.ID, moment(d.From))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("%w: %s", ErrDecided, d.ID))
	}
	for _, f := range d.Fires {
		_, err := c.ExecContext(ctx, "INSERT INTO fires (schedule, due, at, outcome, why, run) VALUES (?,?,?,?,?,?)",
			d.ID, moment(f.Due), moment(f.At), f.Outcome, f.Why, f.Run)
		if err != nil {
			return err
		}
	}
	for _, j := range d.Jobs {
		if err := db.enqueue(ctx, c, j); err != nil {
			return err
		}
	}
	for run, why := range d.Drop {
		if err := db.drop(ctx, c, run, why); err != nil {
			return err
		}
	}
	return nil
}

// drop ends a run that has not begun.
func (db *DB) drop(ctx context.Context, c *sql.Conn, run, why string) error {
	for _, text := range []string{
		`UPDATE fires SET outcome = 'covered', why = ?2, run = '' WHERE (schedule, due) = (SELECT schedule, due FROM runs WHERE id = ?1)`,
		"DELETE FROM jobs WHERE run = (SELECT no FROM runs WHERE id = ?1)",
		`UPDATE runs SET status = 'interrupted', exit = 130, error = ?2, ended = ?3 WHERE id = ?1 AND status = 'queued'`,
	} {
		if _, err := c.ExecContext(ctx, text, run, why, moment(db.opts.Now())); err != nil {
			return err
		}
	}
	return nil
}

// ScheduleStates are the states of all schedules that were ever seen, by id.
func (db *DB) ScheduleStates(ctx context.Context) (map[string]ScheduleState, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT id, timing, decided, seen, about, paused, paused_by, paused_why, ifnull(paused_until, '') FROM schedules`)
	if err != nil {
		return nil, db.failed("reading the schedules", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (s ScheduleState, err error) {
		var decided, seen, about, until string
		err = rows.Scan(&s.ID, &s.Timing, &decided, &seen, &about, &s.Paused, &s.PausedBy, &s.PausedWhy, &until)
		if err != nil {
			return s, err
		}
		if about != "" {
			s.About = json.RawMessage(about)
		}
		var errs [3]error
		s.Decided, errs[0] = parseMoment(decided)
		s.Seen, errs[1] = parseMoment(seen)
		s.PausedUntil, errs[2] = parseMoment(until)
		return s, errors.Join(errs[:]...)
	})
	if err != nil {
		return nil, db.failed("reading the schedules", err)
	}
	states := make(map[string]ScheduleState, len(all))
	for _, s := range all {
		states[s.ID] = s
	}
	return states, nil
}

// PutSchedules writes states.
func (db *DB) PutSchedules(ctx context.Context, states ...ScheduleState) error {
	return db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		for _, s := range states {
			_, err := c.ExecContext(ctx, `INSERT OR REPLACE INTO schedules (id, timing, decided, seen, about, paused, paused_by, paused_why, paused_until)
				VALUES (?,?,?,?,?,?,?,?,?)`, s.ID, s.Timing, moment(s.Decided), moment(s.Seen), string(s.About),
				s.Paused, s.PausedBy, s.PausedWhy, moment(s.PausedUntil))
			if err != nil {
				return err
			}
		}
		return nil
	}})
}

// Fires are the due times of a schedule ("" for all) before a time (zero: all),
// the newest first, limit at most.
func (db *DB) Fires(ctx context.Context, schedule string, before time.Time, limit int) ([]Fire, error) {
	w := where{}
	w.add("1")
	if schedule != "" {
		w.add("f.schedule = ?", schedule)
	}
	if !before.IsZero() {
		w.add("f.due < ?", moment(before))
	}
	if limit <= 0 {
		limit = -1
	}
	rows, err := db.read.QueryContext(ctx, `SELECT f.schedule, f.due, f.at, f.outcome, f.why, f.run, ifnull(r.status, ''), ifnull(r.started, ''), ifnull(r.ended, '')
		FROM fires f LEFT JOIN runs r ON r.id = f.run AND f.run <> '' WHERE `+w.text()+" ORDER BY f.due DESC, f.schedule LIMIT ?", append(w.args, limit)...)
	if err != nil {
		return nil, db.failed("reading the due times", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (f Fire, err error) {
		var due, at, began, ended string
		if err := rows.Scan(&f.Schedule, &due, &at, &f.Outcome, &f.Why, &f.Run, &f.Status, &began, &ended); err != nil {
			return f, err
		}
		var errs [4]error
		f.Due, errs[0] = parseMoment(due)
		f.At, errs[1] = parseMoment(at)
		f.Began, errs[2] = parseMoment(began)
		f.Ended, errs[3] = parseMoment(ended)
		return f, errors.Join(errs[:]...)
	})
	return all, db.failed("reading the due times", err)
}

// pruneService deletes what the service has written before a time: due times,
// approvals that are decided, the audit.
func (db *DB) pruneService(ctx context.Context, before time.Time) error {
	if before.IsZero() {
		return nil
	}
	for _, text := range []string{
		"DELETE FROM fires WHERE (schedule, due) IN (SELECT schedule, due FROM fires WHERE due < ?1 LIMIT ?2)",
		"DELETE FROM approvals WHERE run IN (SELECT run FROM approvals WHERE made < ?1 AND state <> 'waiting' LIMIT ?2)",
		"DELETE FROM audit WHERE no IN (SELECT no FROM audit WHERE at < ?1 LIMIT ?2)",
	} {
		for {
			var n int64
			err := db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) (err error) {
				n, err = deleted(c.ExecContext(ctx, text, moment(before), pruneCalls))
				return err
			}})
			if err != nil {
				return err
			}
			if n < pruneCalls {
				break
			}
		}
	}
	return nil
}
