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

// A Job is a run that the service has to see through: it waits, is executed, or
// waits to be tried again. The row is there until that is over.
type Job struct {
	// Run is the head of the run, which is queued until it has begun.
	Run *engine.RunRecord
	// Running says that the service has started it, and not yet seen its end.
	Running bool
	// Spec is what to start, sealed by the service.
	Spec json.RawMessage
	// Queued is since when it waits, NotBefore until when it must.
	Queued, NotBefore time.Time
	// Begun says that it is resumed, not begun.
	Begun bool
	// Tries counts further tries after it failed, Crashes in how many crashes it
	// was being executed.
	Tries, Crashes int
	// Stop says why it is to stop, or not to begin; "" where it is not.
	Stop string
}

// Enqueue writes a queued run with its job. A run of a schedule and due time
// that has one already is refused with ErrDue.
func (db *DB) Enqueue(ctx context.Context, j *Job) error {
	var refused refusal
	err := db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		err := db.enqueue(ctx, c, j)
		if errors.As(err, &refused) {
			return nil
		}
		return err
	}})
	if err == nil && refused.error != nil {
		return refused.error
	}
	return err
}

// ErrDue says that a due time of a schedule has its run already.
var ErrDue = errors.New("the due time has its run already")

func (db *DB) enqueue(ctx context.Context, c *sql.Conn, j *Job) error {
	r := j.Run
	if err := checkID(r.ID); err != nil {
		return err
	}
	tenants, err := json.Marshal(r.Tenants)
	if err != nil {
		return err
	}
	result, err := c.ExecContext(ctx, `INSERT INTO runs (id, kind, of_run, playbook, name, hash, params, tenants, options, who, host, version,
			schedule, due, why, started, status) VALUES (?,?,?,?,?,'',NULL,?,NULL,?,?,?,?,?,?,?,'queued') ON CONFLICT DO NOTHING`,
		r.ID, r.Kind, r.Of, r.Playbook, r.Name, string(tenants), r.Who, r.Host, r.Version, r.Schedule, moment(r.Due), r.Why, db.stamped(r.Started))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, refusal{fmt.Errorf("%w: %s of %s", ErrDue, moment(r.Due), r.Schedule)})
	}
	no, err := result.LastInsertId()
	if err != nil {
		return err
	}
	return writeJob(ctx, c, no, j)
}

func writeJob(ctx context.Context, c *sql.Conn, no int64, j *Job) error {
	state := engine.RunQueued
	if j.Running {
		state = engine.RunRunning
	}
	_, err := c.ExecContext(ctx, `INSERT OR REPLACE INTO jobs (run, state, spec, queued, not_before, begun, tries, crashes, stop)
		VALUES (?,?,?,?,?,?,?,?,?)`, no, state, text(j.Spec), moment(j.Queued), moment(j.NotBefore), j.Begun, j.Tries, j.Crashes, j.Stop)
	return err
}

// PutJob writes how jobs stand, all or none; also those of runs that have none any
// more, as one that is to be resumed.
func (db *DB) PutJob(ctx context.Context, jobs ...*Job) error {
	return db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		for _, j := range jobs {
			var no int64
			if err := c.QueryRowContext(ctx, "SELECT no FROM runs WHERE id = ?", j.Run.ID).Scan(&no); err != nil {
				return err
			}
			if err := writeJob(ctx, c, no, j); err != nil {
				return err
			}
		}
		return nil
	}})
}

// EndJob deletes a job. Where end is given the run, which nobody executes, ends
// so; a run that is being executed, or has ended well, stays as it is.
func (db *DB) EndJob(ctx context.Context, run string, end *engine.RunEnd) error {
	if end != nil {
		lock, err := tryLockTwice(ctx, db.lockPath(run))
		if err != nil {
			return db.failed("locking the run", err)
		}
		if lock == nil {
			return db.heldBy(ctx, run)
		}
		defer lock.unlock(true)
	}
	return db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		if end != nil {
			// The epoch grows: a process that is frozen must not go on with it.
			_, err := c.ExecContext(ctx, `UPDATE runs SET status = ?, exit = ?, error = ?, ended = ?, owner = '', lease_ends = NULL, cancel = 0,
				epoch = epoch + iif(status = 'queued', 0, 1) WHERE id = ? AND status <> 'done'`,
				end.Status, end.Exit, end.Error, db.stamped(end.At), run)
			if err != nil {
				return err
			}
		}
		_, err := c.ExecContext(ctx, "DELETE FROM jobs WHERE run = (SELECT no FROM runs WHERE id = ?)", run)
		return err
	}})
}

const jobColumns = `j.state, ifnull(j.spec, ''), j.queued, ifnull(j.not_before, ''), j.begun, j.tries, j.crashes, j.stop, `

// Jobs are all jobs, in the order in which their runs were made.
func (db *DB) Jobs(ctx context.Context) ([]*Job, error) {
	return db.jobs(ctx, "ORDER BY r.no")
}

// Job is the job of a run; nil where it has none.
func (db *DB) Job(ctx context.Context, run string) (*Job, error) {
	all, err := db.jobs(ctx, "WHERE r.id = ?", run)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func (db *DB) jobs(ctx context.Context, rest string, args ...any) ([]*Job, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT "+jobColumns+runColumns+" FROM jobs j JOIN runs r ON r.no = j.run "+rest, args...)
	if err != nil {
		return nil, db.failed("reading the queue", err)
	}
	all, err := collect(rows, db.scanJob)
	return all, db.failed("reading the queue", err)
}

func (db *DB) scanJob(rows *sql.Rows) (*Job, error) {
	var (
		j                              Job
		state, spec, queued, notBefore string
	)
	r, _, err := db.scanRun(rows, &state, &spec, &queued, &notBefore, &j.Begun, &j.Tries, &j.Crashes, &j.Stop)
	if err != nil {
		return nil, err
	}
	var err2 error
	j.Run, j.Running = r, state == engine.RunRunning
	if spec != "" {
		j.Spec = json.RawMessage(spec)
	}
	j.Queued, err = parseMoment(queued)
	j.NotBefore, err2 = parseMoment(notBefore)
	return &j, errors.Join(err, err2)
}
