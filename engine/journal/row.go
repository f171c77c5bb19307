package journal

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"a0run/engine"
)

// A call's id: its run's no, then whether it only was begun, then its place.
const (
	runShift = 40
	begunBit = 1 << 39
	seqMask  = begunBit - 1
)

// compressFrom is the size in bytes from which the value of a read is
// compressed. Below, zstd saves little and people lose much.
const compressFrom = 512

const columns = "id, run, key, wake, task, n, place, step, operation, tenant, effect, mutates, kind, object, " +
	"args, value, failure, before, note, status, state, attempts, tolerated, waited_us, began, took_us, durable"

const places = "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"

// A row is a record on its way to the table. It is a copy: the caller may go on
// with its record.
type row struct {
	id, run  int64
	rec      engine.CallRecord
	value    any // nil, string, or []byte when compressed
	attempts any
}

// encode makes a row of a record, all but its id.
func (db *DB) encode(run int64, rec *engine.CallRecord) (*row, int, error) {
	r := &row{run: run, rec: *rec, value: text(rec.Value)}
	size := 256 + len(rec.Args) + len(rec.Value) + len(rec.Failure) + len(rec.Before) + len(rec.Note)
	if !rec.Mutates && len(rec.Value) >= compressFrom {
		if small := db.enc.EncodeAll(rec.Value, nil); len(small) < len(rec.Value) {
			r.value = small
		}
	}
	if len(rec.Attempts) > 0 {
		attempts, err := json.Marshal(rec.Attempts)
		if err != nil {
			return nil, 0, fmt.Errorf("the attempts of call %s cannot be written: %w", rec.Key, err)
		}
		r.attempts = string(attempts)
		size += len(attempts)
	}
	return r, size, nil
}

func (r *row) args() []any {
	c := &r.rec
	var took any
	if !c.Ended.IsZero() {
		took = c.Ended.Sub(c.Began).Microseconds()
		if c.Began.IsZero() {
			took = c.Ended.UnixMicro()
		}
	}
	var key any
	if c.Key != "" {
		key = c.Key
	}
	return []any{
		r.id, r.run, key, c.Wake, c.Task, int64(c.N), c.Where, c.Step, c.Operation, c.Tenant, c.Effect, c.Mutates, c.Kind, c.Object,
		text(c.Args), r.value, text(c.Failure), text(c.Before), text(c.Note), int64(c.Status), c.State, r.attempts, c.Tolerated,
		c.Waited.Microseconds(), moment(c.Began), took, c.Durable,
	}
}

// text is a JSON text as a value of SQLite: it stays readable.
func text(j json.RawMessage) any {
	if len(j) == 0 {
		return nil
	}
	return string(j)
}

// stamp is how times are written: they sort as text, and are kept to the
// microsecond.
const stamp = "2006-01-02T15:04:05.000000Z"

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(stamp)
}

func parseMoment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// selected are the columns that scan reads.
const selected = "c.id, ifnull(c.key, ''), c.wake, c.task, c.n, c.place, c.step, c.operation, c.tenant, c.effect, c.mutates, c.kind, c.object, " +
	"c.args, c.value, c.failure, c.before, c.note, c.status, c.state, c.attempts, c.tolerated, c.waited_us, c.began, c.took_us, c.durable"

// scan reads a record. extra are the destinations of columns after selected.
func (db *DB) scan(rows *sql.Rows, extra ...any) (*engine.CallRecord, int64, error) {
	var (
		c                                               engine.CallRecord
		id, waited                                      int64
		args, value, failure, before, note, tries, took any
		began                                           sql.NullString
	)
	dest := []any{
		&id, &c.Key, &c.Wake, &c.Task, &c.N, &c.Where, &c.Step, &c.Operation, &c.Tenant, &c.Effect, &c.Mutates, &c.Kind, &c.Object,
		&args, &value, &failure, &before, &note, &c.Status, &c.State, &tries, &c.Tolerated, &waited, &began, &took, &c.Durable,
	}
	if err := rows.Scan(append(dest, extra...)...); err != nil {
		return nil, 0, err
	}
	if id&begunBit == 0 {
		c.Seq = id & seqMask
	}
	c.Args, c.Failure, c.Before, c.Note = raw(args), raw(failure), raw(before), raw(note)
	c.Waited = time.Duration(waited) * time.Microsecond
	if compressed, ok := value.([]byte); ok {
		plain, err := db.dec.DecodeAll(compressed, nil)
		if err != nil {
			return nil, 0, &CorruptError{Path: db.path, Problem: fmt.Sprintf("is damaged: the value of call %s cannot be decompressed", c.Key), Err: err}
		}
		c.Value = plain
	} else {
		c.Value = raw(value)
	}
	if t := raw(tries); t != nil {
		if err := json.Unmarshal(t, &c.Attempts); err != nil {
			return nil, 0, &CorruptError{Path: db.path, Problem: fmt.Sprintf("is damaged: the attempts of call %s cannot be read", c.Key), Err: err}
		}
	}
	var err error
	if c.Began, err = parseMoment(began.String); err != nil {
		return nil, 0, err
	}
	if us, ok := took.(int64); ok {
		c.Ended = c.Began.Add(time.Duration(us) * time.Microsecond)
		if c.Began.IsZero() {
			c.Ended = time.UnixMicro(us).UTC()
		}
	}
	return &c, id, nil
}

func raw(v any) json.RawMessage {
	if s, ok := v.(string); ok {
		return json.RawMessage(s)
	}
	return nil
}

// below gives the bounds, from inclusive to exclusive, of the paths of the
// tasks below one: "main/2." is a parallel call, everything that begins with it
// lies below; under a task, what goes on after a slash does. Keys in a path may
// hold anything but a slash, so bounds, which compare bytes, and no LIKE.
func below(task string) (from, to string) {
	if task == "" {
		return "", "\U0010FFFF"
	}
	from = task
	if !isParallel(task) {
		from += "/"
	}
	last := len(from) - 1
	return from, from[:last] + string(from[last]+1) // '/' → '0', '.' → '/'
}

// isParallel says whether a path ends in a parallel call's number ("2.").
func isParallel(task string) bool {
	number, dotted := strings.CutSuffix(task[strings.LastIndexByte(task, '/')+1:], ".")
	return dotted && number != "" && strings.Trim(number, "0123456789") == ""
}
