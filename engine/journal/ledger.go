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

// An Approval is a plan that waits for a person, or did.
type Approval struct {
	// Run is the run that made the plan.
	Run, Schedule, Playbook string
	Due                     time.Time
	Tenants                 []engine.TenantRecord
	State                   string
	// Plan is its file, Digest the SHA-256 of the file's bytes in hex.
	Plan, Digest, Summary string
	Made, Lapses          time.Time
	// By, At and Reason are the decision's, Applied the run that applies it.
	By      string
	At      time.Time
	Reason  string
	Applied string
}

// ApprovalWaiting is the state of an approval that nobody has decided.
const ApprovalWaiting = "waiting"

// PutApproval writes a new approval.
func (db *DB) PutApproval(ctx context.Context, a *Approval) error {
	tenants, err := json.Marshal(a.Tenants)
	if err != nil {
		return err
	}
	return db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, `INSERT OR REPLACE INTO approvals (run, schedule, playbook, due, tenants, state, plan, digest, summary, made, lapses)
			VALUES (?,?,?,?,?,?,?,?,?,?,?)`, a.Run, a.Schedule, a.Playbook, moment(a.Due), string(tenants), a.State, a.Plan, a.Digest, a.Summary,
			moment(a.Made), moment(a.Lapses))
		return err
	}})
}

// ErrNotWaiting says that an approval was decided already.
var ErrNotWaiting = errors.New("the approval was decided already")

// DecideApproval writes what was decided about a plan that waits, and queues
// the run that applies it, where there is one; both or neither. A plan that
// does not wait any more is refused with ErrNotWaiting.
func (db *DB) DecideApproval(ctx context.Context, a *Approval, apply *Job) error {
	var refused error
	err := db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		refused = nil
		result, err := c.ExecContext(ctx, "UPDATE approvals SET state = ?, by_whom = ?, at = ?, reason = ?, applied = ? WHERE run = ? AND state = 'waiting'",
			a.State, a.By, moment(a.At), a.Reason, a.Applied, a.Run)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			refused = fmt.Errorf("%w: %s", ErrNotWaiting, a.Run)
			return err
		}
		if apply == nil {
			return nil
		}
		return db.enqueue(ctx, c, apply)
	}})
	return errors.Join(err, refused)
}

// Approvals are those in a state ("" for all that were decided), the newest
// first.
func (db *DB) Approvals(ctx context.Context, state string) ([]*Approval, error) {
	condition := "state = ?"
	if state == "" {
		condition, state = "state <> ?", ApprovalWaiting
	}
	return db.approvals(ctx, condition+" ORDER BY made DESC, run LIMIT 1000", state)
}

// Approval is that of a run; nil where there is none.
func (db *DB) Approval(ctx context.Context, run string) (*Approval, error) {
	all, err := db.approvals(ctx, "run = ?", run)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func (db *DB) approvals(ctx context.Context, rest string, args ...any) ([]*Approval, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT run, schedule, playbook, ifnull(due, ''), tenants, state, plan, digest, summary, made, lapses, by_whom,
		ifnull(at, ''), reason, applied FROM approvals WHERE `+rest, args...)
	if err != nil {
		return nil, db.failed("reading the approvals", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (*Approval, error) {
		var (
			a                              Approval
			due, tenants, made, lapses, at string
		)
		err := rows.Scan(&a.Run, &a.Schedule, &a.Playbook, &due, &tenants, &a.State, &a.Plan, &a.Digest, &a.Summary, &made, &lapses, &a.By, &at, &a.Reason, &a.Applied)
		if err != nil {
			return nil, err
		}
		var errs [5]error
		a.Due, errs[0] = parseMoment(due)
		a.Made, errs[1] = parseMoment(made)
		a.Lapses, errs[2] = parseMoment(lapses)
		a.At, errs[3] = parseMoment(at)
		errs[4] = json.Unmarshal([]byte(tenants), &a.Tenants)
		return &a, errors.Join(errs[:]...)
	})
	return all, db.failed("reading the approvals", err)
}

// An AuditRow is one thing that somebody did.
type AuditRow struct {
	No                      int64
	At                      time.Time
	Name, Role, Place       string
	Action, Subject, Detail string
	Refused                 string
}

// WriteAudit writes what somebody did.
func (db *DB) WriteAudit(ctx context.Context, a AuditRow) error {
	return db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "INSERT INTO audit (at, name, role, place, action, subject, detail, refused) VALUES (?,?,?,?,?,?,?,?)",
			db.stamped(a.At), a.Name, a.Role, a.Place, a.Action, a.Subject, a.Detail, a.Refused)
		return err
	}})
}

// Audits reads the audit, the newest first, from before an entry's number (0:
// all), limit at most.
func (db *DB) Audits(ctx context.Context, before int64, limit int) ([]AuditRow, error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := db.read.QueryContext(ctx, `SELECT no, at, name, role, place, action, subject, detail, refused FROM audit
		WHERE ?1 = 0 OR no < ?1 ORDER BY no DESC LIMIT ?2`, before, limit)
	if err != nil {
		return nil, db.failed("reading the audit", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (a AuditRow, err error) {
		var at string
		if err := rows.Scan(&a.No, &at, &a.Name, &a.Role, &a.Place, &a.Action, &a.Subject, &a.Detail, &a.Refused); err != nil {
			return a, err
		}
		a.At, err = parseMoment(at)
		return a, err
	})
	return all, db.failed("reading the audit", err)
}

// A Service is a process that serves the journal.
type Service struct {
	Name    string    `json:"name"` // for people: "pid 4711 on host"
	Started time.Time `json:"started"`
}

// Serve makes this process the one that serves the journal: the lock is the
// operating system's, and gone with the process. Where another holds it, other
// says who and release is nil.
func (db *DB) Serve(ctx context.Context, s Service) (release func(), other Service, err error) {
	lock, err := tryLockTwice(ctx, db.lockPath("serve"))
	if err != nil {
		return nil, other, db.failed("locking the service", err)
	}
	if lock == nil {
		var text string
		err := db.read.QueryRowContext(ctx, "SELECT value FROM about WHERE name = 'service'").Scan(&text)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, other, db.failed("reading the journal", err)
		}
		if json.Unmarshal([]byte(text), &other) != nil {
			other = Service{Name: "another process"} // between its lock and its row
		}
		return nil, other, nil
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = db.w.wait(ctx, op{do: func(ctx context.Context, c *sql.Conn) error {
			_, err := c.ExecContext(ctx, "INSERT OR REPLACE INTO about (name, value) VALUES ('service', ?)", string(text))
			return err
		}})
	}
	if err != nil {
		lock.unlock(true)
		return nil, other, err
	}
	return func() { lock.unlock(true) }, other, nil
}
