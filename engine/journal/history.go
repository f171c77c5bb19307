package journal

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
)

// statusPruned is the status of a run that is being deleted: nobody sees it,
// and a prune that was cut short is finished by the next one.
const statusPruned = "pruned"

// A RunFilter chooses runs. Zero fields choose all.
type RunFilter struct {
	Status, Kind string
	// Playbook is the name of a playbook, its path, or the end of its path
	// ("migrate.lua"). Tenant is the name, role or domain of a tenant.
	Playbook, Tenant string
	Since            time.Time
	// Limit is how many runs are given at most, after Offset were left out.
	Limit, Offset int
}

// Runs lists runs, the newest first.
func (db *DB) Runs(ctx context.Context, f RunFilter) ([]*engine.RunRecord, error) {
	db.settle(ctx, "")
	w := where{}
	w.add("r.status <> ?", statusPruned)
	if f.Status != "" {
		w.add("r.status = ?", f.Status)
	}
	if f.Kind != "" {
		w.add("r.kind = ?", f.Kind)
	}
	if f.Playbook != "" {
		w.add("(r.name = ? OR r.playbook = ? OR substr(r.playbook, -length(?) - 1) IN ('/' || ?, '\\' || ?))",
			f.Playbook, f.Playbook, f.Playbook, f.Playbook, f.Playbook)
	}
	if f.Tenant != "" {
		w.add(`EXISTS (SELECT 1 FROM json_each(r.tenants) t WHERE ? IN
			(json_extract(t.value, '$.role'), json_extract(t.value, '$.name'), json_extract(t.value, '$.domain')))`, f.Tenant)
	}
	if !f.Since.IsZero() {
		w.add("r.started >= ?", moment(f.Since))
	}
	limit := f.Limit
	if limit <= 0 {
		limit = -1 // all
	}
	rows, err := db.read.QueryContext(ctx, "SELECT "+runColumns+" FROM runs r WHERE "+w.text()+" ORDER BY r.no DESC LIMIT ? OFFSET ?",
		append(w.args, limit, f.Offset)...)
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	runs, err := collect(rows, func(rows *sql.Rows) (*engine.RunRecord, error) {
		r, _, err := db.scanRun(rows)
		return r, err
	})
	return runs, db.failed("reading the journal", err)
}

// A where is the condition of a query.
type where struct {
	terms []string
	args  []any
}

func (w *where) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

func (w *where) text() string { return strings.Join(w.terms, " AND ") }

// A CallFilter chooses calls of a run. Zero fields choose all.
type CallFilter struct {
	Operation, State string
	// Task is a task's path; with Below, what lies below it is chosen too.
	Task         string
	Below        bool
	Kind, Object string
	// Mutates chooses only those that change something.
	Mutates bool
	// Limit is how many calls are given at most.
	Limit int
}

func (f CallFilter) where() *where {
	w := &where{}
	for _, term := range []struct{ column, value string }{
		{"operation", f.Operation}, {"state", f.State}, {"kind", f.Kind}, {"object", f.Object},
	} {
		if term.value != "" {
			w.add("c."+term.column+" = ?", guard(term.value))
		}
	}
	if f.Task != "" && !f.Below {
		w.add("c.task = ?", guard(f.Task))
	} else if f.Task != "" {
		from, to := below(guard(f.Task))
		w.add("(c.task = ? OR c.task > ? AND c.task < ?)", guard(f.Task), from, to)
	}
	if f.Mutates {
		w.add("c.mutates = 1")
	}
	return w
}

// Calls hands out the calls of a run that a filter chooses, in their order;
// those that were only begun come last. It reads as Load does.
func (db *DB) Calls(ctx context.Context, run string, f CallFilter) iter.Seq2[*engine.CallRecord, error] {
	return func(yield func(*engine.CallRecord, error) bool) {
		r, no, err := db.run(ctx, run)
		if err != nil {
			yield(nil, err)
			return
		}
		w := f.where()
		w.terms = append([]string{"c.id > ? AND c.id <= ?"}, w.terms...)
		// The limit of a page is the third argument, and comes last in the text.
		stmt, err := db.read.PrepareContext(ctx, "SELECT "+selected+" FROM calls c WHERE "+numbered(w.text())+" ORDER BY c.id LIMIT ?3")
		if err != nil {
			yield(nil, db.failed("reading the journal of "+r.ID, err))
			return
		}
		defer func() { _ = stmt.Close() }()
		n := 0
		l := listing{stmt: stmt, spans: []span{{no << runShift, no<<runShift | begunBit | seqMask}}, args: w.args}
		db.stream(ctx, l, func(c *engine.CallRecord, err error) bool {
			n++
			return yield(c, err) && (f.Limit <= 0 || n < f.Limit)
		})
	}
}

// numbered names the places of a condition: the first two are 1 and 2, the
// others begin with 4.
func numbered(text string) string {
	var out strings.Builder
	n := 0
	for _, part := range strings.SplitAfter(text, "?") {
		out.WriteString(part)
		if strings.HasSuffix(part, "?") {
			n++
			if n == 3 {
				n++
			}
			out.WriteString(strconv.Itoa(n))
		}
	}
	return out.String()
}

// Steps are the steps of a run that ended, in the order in which they did. A
// resumed run goes through its steps again: what the last execution says of a
// step counts.
func (db *DB) Steps(ctx context.Context, run string) ([]*engine.StepRecord, error) {
	_, no, err := db.run(ctx, run)
	if err != nil {
		return nil, err
	}
	rows, err := db.read.QueryContext(ctx, `SELECT s.id, s.name, s.task, s.place, s.state, s.reason, s.error, ifnull(s.began, ''), s.took_us FROM steps s
		WHERE s.run = ?1 AND s.epoch = (SELECT max(t.epoch) FROM steps t WHERE t.run = ?1 AND t.task = s.task AND t.id = s.id) ORDER BY s.no`, no)
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	steps, err := collect(rows, func(rows *sql.Rows) (*engine.StepRecord, error) {
		var (
			s     engine.StepRecord
			began string
			took  int64
		)
		if err := rows.Scan(&s.ID, &s.Name, &s.Task, &s.Where, &s.State, &s.Reason, &s.Error, &began, &took); err != nil {
			return nil, err
		}
		s.Took = time.Duration(took) * time.Microsecond
		s.Began, err = parseMoment(began)
		return &s, err
	})
	return steps, db.failed("reading the journal", err)
}

// A Touch is a call that touched an object, with what is to be known of its
// run.
type Touch struct {
	Run, Kind, Playbook, Name, Who string
	Started                        time.Time
	Call                           *engine.CallRecord
	// As is the kind by which the call touched the object: Call.Kind, or with
	// Beside that of a CallRecord.Also.
	As     string
	Beside bool
}

// Object hands out every call that touched an object, in all runs, the oldest
// first: as its own object, or beside that (CallRecord.Also). An empty kind
// takes every kind. An empty id means the object of a kind of which there is
// one only, as the tenant's settings.
func (db *DB) Object(ctx context.Context, kind, id string) iter.Seq2[*Touch, error] {
	return func(yield func(*Touch, error) bool) {
		db.settle(ctx, "")
		touches, err := db.touches(ctx, kind, id)
		for _, t := range touches {
			if t.touch.Call, err = db.single(ctx, db.stmt.byID, t.id); err != nil {
				break
			}
			if t.touch.Call != nil && !yield(&t.touch, nil) { // nil: another attempt has replaced it
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

type touched struct {
	id    int64
	touch Touch
}

// The calls of an object, and by which kind they touched it. Where a call did so
// twice (roles of a member, who is a user), what it names beside its own object
// says what the object is; of bare columns SQLite gives those of the row with
// the max. The object of a kind stands by itself.
const (
	touchesOf = `SELECT id, kind, max(beside) AS beside FROM (
			SELECT id, kind, 0 AS beside FROM calls WHERE object = ?1 AND object <> '' AND (?2 = '' OR kind = ?2)
			UNION ALL
			SELECT c.id, o.kind, 1 FROM touches o JOIN calls c ON c.run = o.run AND c.key = o.key
				WHERE o.object = ?1 AND o.kind <> '' AND (?2 = '' OR o.kind = ?2))
		GROUP BY id`
	touchesOfKind = `SELECT id, kind, 0 AS beside FROM calls WHERE ?1 = '' AND kind = ?2 AND object = '' AND kind <> '' AND effect <> 'create'`
)

// touches finds the calls, without what is large in them.
func (db *DB) touches(ctx context.Context, kind, id string) ([]touched, error) {
	found := touchesOf
	if id == "" {
		found = touchesOfKind
	}
	rows, err := db.read.QueryContext(ctx, `SELECT c.id, t.kind, t.beside, r.id, r.kind, r.playbook, r.name, r.who, r.started
		FROM (`+found+`) t JOIN calls c ON c.id = t.id JOIN runs r ON r.no = c.run
		WHERE r.status <> 'pruned' ORDER BY ifnull(c.began, ''), c.id`, guard(id), guard(kind))
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (t touched, err error) {
		var started string
		if err := rows.Scan(&t.id, &t.touch.As, &t.touch.Beside, &t.touch.Run, &t.touch.Kind, &t.touch.Playbook, &t.touch.Name, &t.touch.Who, &started); err != nil {
			return t, err
		}
		t.touch.As = unguard(t.touch.As)
		t.touch.Started, err = parseMoment(started)
		return t, err
	})
	return all, db.failed("reading the journal", err)
}

// Follow hands out the records of a run that come after one, as they are
// written, and ends when nobody executes the run any more. It looks every so
// often.
func (db *DB) Follow(ctx context.Context, run string, after int64, every time.Duration) iter.Seq2[*engine.CallRecord, error] {
	return func(yield func(*engine.CallRecord, error) bool) {
		for {
			r, no, err := db.run(ctx, run)
			if err != nil {
				yield(nil, err)
				return
			}
			first, stopped := no<<runShift, false
			l := listing{stmt: db.stmt.page, spans: []span{{first | after, first | seqMask}}}
			db.stream(ctx, l, func(c *engine.CallRecord, err error) bool {
				stopped = !yield(c, err) || err != nil
				if err == nil {
					after = c.Seq
				}
				return !stopped
			})
			if stopped || !r.Live { // as it was before the last look
				return
			}
			if err := pause(ctx, every); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// KeyCheck gives the value that tells which key seals this journal, and stores
// the fresh one where there is none yet. In a reader "" says that there is none.
func (db *DB) KeyCheck(ctx context.Context, fresh string) (string, error) {
	var stored string
	err := db.read.QueryRowContext(ctx, "SELECT value FROM about WHERE name = 'key_check'").Scan(&stored)
	if !errors.Is(err, sql.ErrNoRows) || db.w == nil || fresh == "" {
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return stored, db.failed("reading the journal", err)
	}
	err = db.w.wait(ctx, op{durable: true, do: func(ctx context.Context, c *sql.Conn) error {
		// Another process may have been first, and its key counts.
		if _, err := c.ExecContext(ctx, "INSERT INTO about (name, value) VALUES ('key_check', ?) ON CONFLICT DO NOTHING", fresh); err != nil {
			return err
		}
		return c.QueryRowContext(ctx, "SELECT value FROM about WHERE name = 'key_check'").Scan(&stored)
	}})
	return stored, err
}
