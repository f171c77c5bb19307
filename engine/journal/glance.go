package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"a0run/engine"
)

// What a page shows at a glance. A page never reads a run whole: each query here
// has a limit and an index, so that it costs the same in a journal of ten
// thousand runs as in one of ten.

// A Line is a call without what is large in it.
type Line struct {
	// Place orders the calls of the run: those that were only begun come last.
	Place int64
	Seq   int64
	Key   string

	Task, Where, Step, Operation, Tenant, Kind, Object, State string
	Mutates, Tolerated                                        bool
	// Wake is 0 for what blocks nobody: the time, a random number, a log line.
	Wake             int64
	Status, Attempts int
	Began            time.Time
	Took, Waited     time.Duration
	// Args are those of what was printed or logged, Failure that of a call that
	// failed; sealed.
	Args, Failure json.RawMessage
}

// Said reports whether the line was printed or logged by the playbook.
func (l *Line) Said() bool { return l.Operation == "print" || strings.HasPrefix(l.Operation, "log.") }

// News reports whether the line is more than the time or a random number.
func (l *Line) News() bool { return l.Wake > 0 || l.Mutates }

// A LineFilter chooses lines. Zero fields choose all.
type LineFilter struct {
	// Failed chooses calls that failed, Writes those that change something, Said
	// what was printed and logged, and Calls the rest but for what is no news: the
	// time, a random number.
	Failed, Writes, Said, Calls bool
	Operation                   string
	// Before and After are Places: only calls on that side of one.
	Before, After int64
	// Limit is how many are given at most.
	Limit int
}

// said are the operations of what is printed and logged, as the index of them
// has it.
const said = "c.operation IN ('print', 'log.debug', 'log.info', 'log.warn', 'log.error')"

// Lines are calls of a run, the newest first.
func (db *DB) Lines(ctx context.Context, run string, f LineFilter) ([]Line, error) {
	no, err := db.number(ctx, run)
	if err != nil {
		return nil, err
	}
	first := no << runShift
	low, high := first|f.After&(begunBit|seqMask), first|begunBit|seqMask
	if f.Before > 0 {
		high = first | f.Before&(begunBit|seqMask) - 1
	}
	w := where{}
	w.add("c.id > ? AND c.id <= ?", low, high)
	if f.Failed || f.Writes || f.Said {
		w.add("c.run = ?", no) // for the index
	}
	if f.Failed {
		w.add("c.state IN ('failed', 'ended', 'in doubt')")
	}
	if f.Writes {
		w.add("c.mutates = 1 AND c.state <> 'refused'")
	}
	if f.Said {
		w.add(said)
	}
	if f.Calls {
		w.add("NOT (" + said + ") AND (c.wake > 0 OR c.mutates = 1)")
	}
	if f.Operation != "" {
		w.add("c.operation = ?", guard(f.Operation))
	}
	rows, err := db.read.QueryContext(ctx, `SELECT c.id, ifnull(c.key, ''), ifnull(c.task, ''), ifnull(c.place, ''), ifnull(c.step, ''), ifnull(c.operation, ''),
		ifnull(c.tenant, ''), ifnull(c.kind, ''), ifnull(c.object, ''), ifnull(c.state, ''), ifnull(c.mutates, 0), ifnull(c.tolerated, 0),
		ifnull(c.status, 0), ifnull(json_array_length(c.attempts), 0), ifnull(c.began, ''), ifnull(c.took_us, -1), ifnull(c.waited_us, 0),
		ifnull(c.wake, 0), iif(`+said+`, c.args, NULL), iif(c.state <> 'done', c.failure, NULL)
		FROM calls c WHERE `+w.text()+" ORDER BY c.id DESC LIMIT ?", append(w.args, f.Limit)...)
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	lines, err := collect(rows, scanLine)
	return lines, db.failed("reading the journal", err)
}

func scanLine(rows *sql.Rows) (l Line, err error) {
	var began string
	var took, waited int64
	var args, failure sql.NullString
	err = rows.Scan(&l.Place, &l.Key, &l.Task, &l.Where, &l.Step, &l.Operation, &l.Tenant, &l.Kind, &l.Object, &l.State, &l.Mutates, &l.Tolerated,
		&l.Status, &l.Attempts, &began, &took, &waited, &l.Wake, &args, &failure)
	if err != nil {
		return l, err
	}
	l.Place &= begunBit | seqMask
	if l.Place&begunBit == 0 {
		l.Seq = l.Place
	}
	for _, text := range []*string{&l.Key, &l.Task, &l.Where, &l.Step, &l.Operation, &l.Tenant, &l.Kind, &l.Object, &l.State} {
		*text = unguard(*text)
	}
	if args.Valid {
		l.Args = json.RawMessage(unguard(args.String))
	}
	if failure.Valid {
		l.Failure = json.RawMessage(unguard(failure.String))
	}
	l.Waited = time.Duration(waited) * time.Microsecond
	if l.Began, err = parseMoment(began); err != nil {
		return l, err
	}
	if took >= 0 && !l.Began.IsZero() {
		l.Took = time.Duration(took) * time.Microsecond
	}
	return l, nil
}

// Call is one call of a run by its key, with what it touches beside its own
// object; nil where there is none.
func (db *DB) Call(ctx context.Context, run, key string) (*engine.CallRecord, error) {
	c, err := db.Find(ctx, run, key)
	if err != nil || c == nil {
		return nil, err
	}
	return c, db.also(ctx, run, c)
}

// Tally counts the runs that began since a time by their status.
func (db *DB) Tally(ctx context.Context, since time.Time) (map[string]int, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT status, count(*) FROM runs WHERE started >= ? AND status <> ? GROUP BY status", moment(since), statusPruned)
	if err != nil {
		return nil, db.failed("reading the journal", err)
	}
	tally := map[string]int{}
	_, err = collect(rows, func(rows *sql.Rows) (struct{}, error) {
		var status string
		var n int
		err := rows.Scan(&status, &n)
		tally[status] = n
		return struct{}{}, err
	})
	return tally, db.failed("reading the journal", err)
}

// Usual is how long the newest runs of a playbook that ended well took, and how
// many calls they made: medians of at most nine. Zeros where there are none.
func (db *DB) Usual(ctx context.Context, playbook string) (took time.Duration, calls int, err error) {
	err = db.read.QueryRowContext(ctx, `WITH newest AS (
			SELECT calls, (julianday(ended) - julianday(started)) * 86400.0 AS s FROM runs
			WHERE playbook = ? AND status = 'done' AND kind = 'run' ORDER BY no DESC LIMIT 9)
		SELECT ifnull((SELECT s FROM newest ORDER BY s LIMIT 1 OFFSET (SELECT count(*) / 2 FROM newest)), 0) * 1e9,
			ifnull((SELECT calls FROM newest ORDER BY calls LIMIT 1 OFFSET (SELECT count(*) / 2 FROM newest)), 0)`, playbook).Scan(&nanoseconds{&took}, &calls)
	return took, calls, db.failed("reading the journal", err)
}

// nanoseconds scans SQLite's real numbers into a duration.
type nanoseconds struct{ d *time.Duration }

// Scan implements sql.Scanner.
func (n *nanoseconds) Scan(v any) error {
	switch x := v.(type) {
	case float64:
		*n.d = time.Duration(x)
	case int64:
		*n.d = time.Duration(x)
	}
	return nil
}
