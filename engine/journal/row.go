package journal

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

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

// compressWindow is how far back an encoder looks: it holds twice as much, and
// hardly an answer is longer.
const compressWindow = 256 << 10

const columns = "id, run, key, wake, task, n, place, step, operation, tenant, effect, mutates, kind, object, " +
	"args, value, failure, before, note, status, state, attempts, tolerated, waited_us, began, took_us, durable"

const places = "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"

// A row is a record on its way to the table. It is a copy: the caller may go on
// with its record.
type row struct {
	id, run int64
	rec     engine.CallRecord
	small   []byte // the value, when it is compressed
	tries   []byte // the attempts as JSON
}

// encode makes a row of a record, all but its id.
func (db *DB) encode(run int64, rec *engine.CallRecord) (*row, int, error) {
	r := &row{run: run, rec: *rec}
	size := 256 + len(rec.Args) + len(rec.Value) + len(rec.Failure) + len(rec.Before) + len(rec.Note) + 128*len(rec.Also)
	if !rec.Mutates && len(rec.Value) >= compressFrom {
		if small := db.enc.EncodeAll(rec.Value, nil); len(small) < len(rec.Value) {
			r.small = small
		}
	}
	if len(rec.Attempts) > 0 {
		attempts, err := json.Marshal(rec.Attempts)
		if err != nil {
			return nil, 0, fmt.Errorf("the attempts of call %s cannot be written: %w", rec.Key, err)
		}
		r.tries = attempts
		size += len(attempts)
	}
	return r, size, nil
}

// took is how long the call took in microseconds, or, where it is not known when it
// began, when it ended. ok is false while it has not.
func (r *row) took() (us int64, ok bool) {
	c := &r.rec
	switch {
	case c.Ended.IsZero():
		return 0, false
	case c.Began.IsZero():
		return c.Ended.UnixMicro(), true
	}
	return c.Ended.Sub(c.Began).Microseconds(), true
}

// args are the values of columns.
func (r *row) args() []any {
	c, own := &r.rec, r.own()
	return []any{
		own[0], r.run, own[1], own[2], own[3], own[4], guard(c.Where), guard(c.Step), guard(c.Operation), guard(c.Tenant),
		guard(c.Effect), c.Mutates, guard(c.Kind), own[5],
		own[6], own[7], guarded(c.Failure), own[8], guarded(c.Note), own[9], guard(c.State), text(r.tries), c.Tolerated,
		own[10], own[11], own[12], c.Durable,
	}
}

// own are the values of groupOwn.
func (r *row) own() [groupOwns]any {
	c := &r.rec
	value := text(c.Value)
	if r.small != nil {
		value = r.small
	}
	var took any
	if us, ok := r.took(); ok {
		took = us
	}
	var key any // null is no key: such calls are not told apart
	if c.Key != "" {
		key = guard(c.Key)
	}
	return [...]any{
		r.id, key, c.Wake, guard(c.Task), int64(c.N), guard(c.Object), guarded(c.Args), value, guarded(c.Before), int64(c.Status),
		c.Waited.Microseconds(), moment(c.Began), took,
	}
}

// packed is the row as selected gives it.
func (r *row) packed(out []byte) []byte {
	c := &r.rec
	p := packer{slices.Grow(out, 256+len(c.Args)+len(c.Failure)+len(c.Before)+len(c.Note)+len(r.tries))}
	p.text(c.Key).number(c.Wake).text(c.Task).number(int64(c.N)).text(c.Where).text(c.Step)
	p.text(c.Operation).text(c.Tenant).text(c.Effect).yes(c.Mutates).text(c.Kind).text(c.Object)
	p.json(c.Args).json(c.Failure).json(c.Before).json(c.Note).number(int64(c.Status)).text(c.State).json(r.tries)
	p.yes(c.Tolerated).number(c.Waited.Microseconds())
	if !c.Began.IsZero() {
		p.out = c.Began.UTC().AppendFormat(p.out, stamp)
	}
	p.end()
	if us, ok := r.took(); ok {
		p.out = strconv.AppendInt(p.out, us, 10)
	}
	p.end()
	if c.Durable {
		return append(p.out, '1')
	}
	return append(p.out, '0')
}

// A packer writes parts, each with a separator behind it.
type packer struct{ out []byte }

func (p *packer) end() *packer {
	p.out = append(p.out, separator...)
	return p
}

func (p *packer) text(s string) *packer {
	p.out = append(p.out, guard(s)...)
	return p.end()
}

func (p *packer) json(j []byte) *packer {
	if bytes.IndexByte(j, '\x1f') < 0 && bytes.IndexByte(j, '\x10') < 0 {
		p.out = append(p.out, j...)
		return p.end()
	}
	return p.text(string(j))
}

func (p *packer) number(n int64) *packer {
	p.out = strconv.AppendInt(p.out, n, 10)
	return p.end()
}

func (p *packer) yes(b bool) *packer {
	if b {
		return p.number(1)
	}
	return p.number(0)
}

// text is a JSON text as a value of SQLite: it stays readable.
func text(j json.RawMessage) any {
	if len(j) == 0 {
		return nil
	}
	return asString(j)
}

// asString is a text that nobody writes to, without a copy: a record's parts are read
// only from when they are queued, and a copy of each would be a third of what the
// writer allocates.
func asString(j []byte) string { return unsafe.String(unsafe.SliceData(j), len(j)) }

// guarded is text for the packed columns. JSON holds no separator; what is no
// JSON may.
func guarded(j json.RawMessage) any {
	if len(j) == 0 {
		return nil
	}
	return guard(asString(j))
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

// selected are the columns of a call that are read: all but the value in one text.
// Through the driver every column of a row costs a third of a microsecond, and
// a call has 27.
const selected = "c.id, c.value, concat_ws(char(31), " + packed + ")"

// packed are the parts of that text; parts is how many they are.
const (
	packed = "ifnull(c.key, ''), c.wake, c.task, c.n, c.place, c.step, c.operation, c.tenant, c.effect, c.mutates, c.kind, c.object, " +
		"ifnull(c.args, ''), ifnull(c.failure, ''), ifnull(c.before, ''), ifnull(c.note, ''), c.status, c.state, ifnull(c.attempts, ''), " +
		"c.tolerated, c.waited_us, ifnull(c.began, ''), ifnull(c.took_us, ''), c.durable"
	parts     = 24
	separator = "\x1f"
)

// scan reads a record.
func (db *DB) scan(rows *sql.Rows) (*engine.CallRecord, int64, error) {
	var (
		id    int64
		value any
		all   string
	)
	if err := rows.Scan(&id, &value, &all); err != nil {
		return nil, 0, err
	}
	c, err := db.decode(id, value, all)
	return c, id, err
}

func (db *DB) decode(id int64, value any, all string) (*engine.CallRecord, error) {
	p := unpacked{rest: all}
	c := &engine.CallRecord{
		Key: p.text(), Wake: p.number(), Task: p.text(), N: int(p.number()), Where: p.text(), Step: p.text(),
		Operation: p.text(), Tenant: p.text(), Effect: p.text(), Mutates: p.number() == 1, Kind: p.text(), Object: p.text(),
		Args: p.json(), Failure: p.json(), Before: p.json(), Note: p.json(), Status: int(p.number()), State: p.text(),
	}
	tries := p.json()
	c.Tolerated, c.Waited = p.number() == 1, time.Duration(p.number())*time.Microsecond
	began, took := p.text(), p.text()
	c.Durable = p.number() == 1
	if p.taken != parts || p.rest != "" || p.bad {
		return nil, &CorruptError{Path: db.path, Problem: fmt.Sprintf("is damaged: call %d cannot be read", id)}
	}
	if id&begunBit == 0 {
		c.Seq = id & seqMask
	}
	if err := db.decodeRest(c, value, tries); err != nil {
		return nil, err
	}
	return c, decodeTimes(c, began, took)
}

func (db *DB) decodeRest(c *engine.CallRecord, value any, tries json.RawMessage) error {
	switch v := value.(type) {
	case string:
		c.Value = json.RawMessage(v)
	case []byte:
		plain, err := db.dec.DecodeAll(v, nil)
		if err != nil {
			return &CorruptError{Path: db.path, Problem: fmt.Sprintf("is damaged: the value of call %s cannot be decompressed", c.Key), Err: err}
		}
		c.Value = plain
	}
	if tries != nil {
		if err := json.Unmarshal(tries, &c.Attempts); err != nil {
			return &CorruptError{Path: db.path, Problem: fmt.Sprintf("is damaged: the attempts of call %s cannot be read", c.Key), Err: err}
		}
	}
	return nil
}

func decodeTimes(c *engine.CallRecord, began, took string) (err error) {
	if c.Began, err = parseMoment(began); err != nil || took == "" {
		return err
	}
	us, err := strconv.ParseInt(took, 10, 64)
	if c.Began.IsZero() {
		c.Ended = time.UnixMicro(us).UTC()
	} else {
		c.Ended = c.Began.Add(time.Duration(us) * time.Microsecond)
	}
	return err
}

// An unpacked takes the parts out of a packed row.
type unpacked struct {
	rest  string
	taken int
	bad   bool
}

func (p *unpacked) text() string {
	part, rest, _ := strings.Cut(p.rest, separator)
	p.rest = rest
	p.taken++
	return unguard(part)
}

func (p *unpacked) number() int64 {
	n, err := strconv.ParseInt(p.text(), 10, 64)
	p.bad = p.bad || err != nil
	return n
}

func (p *unpacked) json() json.RawMessage {
	if s := p.text(); s != "" {
		return json.RawMessage(s)
	}
	return nil
}

// guard keeps the separator out of texts, which may hold anything: keys of
// items come from the data of a playbook. Hardly any text changes.
func guard(s string) string {
	if strings.IndexByte(s, '\x1f') < 0 && strings.IndexByte(s, '\x10') < 0 {
		return s
	}
	return strings.NewReplacer("\x10", "\x10p", "\x1f", "\x10u").Replace(s)
}

// unguard undoes guard.
func unguard(s string) string {
	if strings.IndexByte(s, '\x10') < 0 {
		return s
	}
	return strings.NewReplacer("\x10p", "\x10", "\x10u", "\x1f").Replace(s)
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
