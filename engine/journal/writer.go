package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"a0run/engine"
)

// The queue's bounds: who writes when it is full waits until the writer has
// taken it.
const (
	maxQueued = 4096
	maxBytes  = 8 << 20
)

// What stands in a tail already is folded into the database when so many writes
// or bytes are queued, when somebody waits for the database, or after so long.
const (
	foldWrites = 2048
	foldBytes  = 4 << 20
	foldAfter  = 200 * time.Millisecond
)

// An op is one write in the queue. Exactly one of call, step and do is set.
type op struct {
	h    *held // whose lease is checked; nil for writes of no lease
	call *row
	step *engine.StepRecord
	// pos is the place among the writes of the lease, body what the tail keeps
	// of it; one without a body is safe when it is committed, and somebody waits
	// for that.
	pos  int64
	body *frameBody
	// do is any other write. It may run once more after a failed attempt, and
	// its error is that of the whole transaction; what it finds out it keeps
	// for its caller.
	do      func(ctx context.Context, c *sql.Conn) error
	durable bool
	// kept says that it stands in a tail, carried that it was left out of a batch.
	kept, carried bool
}

// A batch is what is committed together.
type batch struct {
	ops   []op
	bytes int
	done  chan struct{}
	// What follows is written before done is closed. err failed them all,
	// refused those of one lease.
	err     error
	refused map[*held]error
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// An ack is a write's place in a batch: one that is committed, or, with w, one that
// is written to the tail of h.
type ack struct {
	b *batch
	h *held
	w *writer
}

func (a ack) Done() <-chan struct{} {
	if a.w != nil {
		a.w.keepQueued(a.h, a.b)
	}
	return a.b.done
}

func (a ack) Err() error {
	<-a.Done()
	if a.b.err != nil {
		return a.b.err
	}
	return a.b.refused[a.h]
}

// refusedAck is that of a write that was not queued.
func refusedAck(err error) ack {
	b := newBatch()
	b.err = err
	close(b.done)
	return ack{b: b}
}

// A held is a run that this DB may write.
type held struct {
	run   string
	no    int64
	epoch int64
	lock  *lock
	// seq and begun are the places given out last, to outcomes and to intents;
	// the writer's mutex guards them, so that they grow in the queue's order.
	seq, begun int64
	// tail is where writes wait for the database, pos the last one's place,
	// folded the last that the writer has committed. The writer's mutex guards
	// them.
	tail        *tail
	pos, folded int64
	// broken is why nothing more is written: the lease was fenced, or a write
	// failed. The writer's mutex guards it.
	broken error
	// over says that the run's end or release is queued: nothing comes behind.
	// The writer's mutex guards it.
	over bool
}

// closed is why nothing more of a run is written; nil while it may be.
func (h *held) closed() error {
	if h.broken == nil && h.over {
		return engine.ErrFenced
	}
	return h.broken
}

// A writer owns the connection that writes.
type writer struct {
	db   *DB
	conn *sql.Conn
	stmt statements
	// prepared are all of stmt.
	prepared []*sql.Stmt
	group    grouper
	full     bool // the connection's synchronous is FULL

	mu      sync.Mutex
	work    sync.Cond // something is queued, or the writer is to end
	space   sync.Cond // the queue was taken
	pending *batch
	// committing is what is being committed, nil for nothing.
	committing *batch
	// due says that what is queued is to be committed now, timer sets it; whole that
	// nothing of it may be carried.
	due, whole bool
	timer      *time.Timer
	ending     bool
	ended      chan struct{}
}

type statements struct {
	begin, commit, rollback, epoch, count, insert, replace, in, step, touch *sql.Stmt
}

func startWriter(ctx context.Context, db *DB) (*writer, error) {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, conn: conn, pending: newBatch(), ended: make(chan struct{})}
	w.work.L, w.space.L = &w.mu, &w.mu
	w.timer = time.AfterFunc(db.opts.fold, w.fold)
	w.timer.Stop()
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.stmt.begin, "BEGIN IMMEDIATE"},
		{&w.stmt.commit, "COMMIT"},
		{&w.stmt.rollback, "ROLLBACK"},
		{&w.stmt.epoch, "SELECT epoch, folded FROM runs WHERE no = ?"},
		{&w.stmt.count, "UPDATE runs SET calls = calls + ?, writes = writes + ?, folded = ? WHERE no = ?"},
		{&w.stmt.insert, "INSERT INTO calls (" + columns + ") VALUES (" + places + ") ON CONFLICT (run, key) DO NOTHING"},
		{&w.stmt.replace, "INSERT OR REPLACE INTO calls (" + columns + ") VALUES (" + places + ")"},
		{&w.stmt.in, "SELECT count(*) FROM calls WHERE id = ?"},
		{&w.stmt.step, "INSERT INTO steps (run, epoch, id, name, task, place, state, reason, error, began, took_us) VALUES (?,?,?,?,?,?,?,?,?,?,?)"},
		{&w.stmt.touch, "INSERT INTO touches (run, key, kind, object) VALUES (?,?,?,?) ON CONFLICT DO NOTHING"},
	} {
		if *s.stmt, err = conn.PrepareContext(ctx, s.text); err != nil {
			return nil, errors.Join(err, w.conn.Close())
		}
		w.prepared = append(w.prepared, *s.stmt)
	}
	if err := w.group.prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, w.conn.Close())
	}
	go w.loop()
	return w, nil
}

// put queues a write. fill, where it is given, runs under the queue's lock,
// where it gives the write its place.
func (w *writer) put(o op, size int, fill func()) ack {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.ending && (len(w.pending.ops) >= maxQueued || w.pending.bytes >= maxBytes) {
		w.space.Wait()
	}
	if w.ending {
		return refusedAck(ErrClosed)
	}
	if o.h != nil && o.do == nil {
		if err := o.h.closed(); err != nil {
			return refusedAck(err)
		}
	}
	if fill != nil {
		fill()
	}
	if o.h != nil && o.do == nil {
		o.h.pos++
		o.pos = o.h.pos
	}
	var queued *batch
	if o.kept = o.body != nil; o.kept {
		if queued = w.keep(&o); o.h.broken != nil {
			return refusedAck(o.h.broken)
		}
	}
	b := w.pending
	b.ops = append(b.ops, o)
	b.bytes += size
	switch {
	case !o.kept || len(b.ops) >= foldWrites || b.bytes >= foldBytes:
		w.due, w.whole = true, w.whole || !o.kept
		w.work.Signal()
	case len(b.ops) == 1:
		w.timer.Reset(w.db.opts.fold)
	}
	if o.kept {
		return ack{queued, o.h, w}
	}
	return ack{b: b, h: o.h}
}

// fold has the writer commit what is queued.
func (w *writer) fold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = true
	w.work.Signal()
}

// flush waits until everything that was written stands in the database, or could
// not be put there.
func (w *writer) flush() {
	w.mu.Lock()
	b := w.committing
	if len(w.pending.ops) > 0 {
		b = w.pending
		w.due, w.whole = true, true
		w.work.Signal()
	}
	w.mu.Unlock()
	if b != nil {
		<-b.done
	}
}

// wait queues a write and waits for it. The context is looked at before only: a
// write that is queued comes to pass, and its caller has to know how.
func (w *writer) wait(ctx context.Context, o op) error {
	if w == nil {
		return errReader
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return w.put(o, 0, nil).Err()
}

// last queues the last write of a lease, and waits for it.
func (w *writer) last(h *held, o op) error {
	return w.put(o, 0, func() { h.over = true }).Err()
}

var errReader = fmt.Errorf("the journal was opened for reading")

func (w *writer) close() error {
	w.mu.Lock()
	w.ending = true
	w.work.Signal()
	w.space.Broadcast()
	w.mu.Unlock()
	<-w.ended
	errs := make([]error, 0, len(w.prepared)+2)
	errs = append(errs, w.group.close(w.conn))
	for _, stmt := range w.prepared { // database/sql closes those of a pool only, and SQLite waits for them
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

func (w *writer) loop() {
	defer close(w.ended)
	for {
		w.mu.Lock()
		w.committing = nil
		for !w.ending && (len(w.pending.ops) == 0 || !w.due) {
			w.work.Wait()
		}
		b := w.pending
		if len(b.ops) == 0 {
			w.mu.Unlock()
			return
		}
		w.pending, w.committing, w.due = newBatch(), b, false
		w.timer.Stop()
		left := w.turned(b)
		if !w.whole && !w.ending {
			w.carry(b)
		}
		w.whole = false
		w.space.Broadcast()
		w.mu.Unlock()
		if len(b.ops) > 0 {
			w.commit(b)
		}
		w.empty(b, left)
		close(b.done)
	}
}

// commit writes a batch in one transaction.
func (w *writer) commit(b *batch) {
	ctx := context.Background() // a write that is queued comes to pass
	w.refuse(b)
	err := w.transact(ctx, b)
	if err == nil {
		return
	}
	_, _ = w.stmt.rollback.ExecContext(ctx) // SQLite may have done it already
	b.err = w.db.failed("writing the journal", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range b.ops {
		if o.h != nil && o.h.broken == nil {
			o.h.broken = b.err
		}
	}
}

// refuse marks the leases that broke after their writes were queued.
func (w *writer) refuse(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range b.ops {
		if o.h != nil && o.h.broken != nil {
			b.refuse(o.h, o.h.broken)
		}
	}
}

func (b *batch) refuse(h *held, err error) {
	if b.refused == nil {
		b.refused = map[*held]error{}
	}
	b.refused[h] = err
}

func (b *batch) refuses(h *held) bool {
	_, refused := b.refused[h]
	return refused
}

func (w *writer) transact(ctx context.Context, b *batch) error {
	durable := false
	for i := range b.ops {
		durable = durable || b.ops[i].durable
	}
	if err := w.sync(ctx, durable); err != nil {
		return err
	}
	if _, err := w.stmt.begin.ExecContext(ctx); err != nil {
		return err
	}
	counts := map[*held]*counted{}
	replaced := b.replaced()
	w.group.clear() // what a transaction that failed has left
	for i := range b.ops {
		if replaced[i] {
			continue
		}
		if err := w.one(ctx, b, &b.ops[i], counts); err != nil {
			return err
		}
	}
	if err := w.flushGroups(ctx); err != nil {
		return err
	}
	if err := w.count(ctx, b, counts); err != nil {
		return err
	}
	if _, err := w.stmt.commit.ExecContext(ctx); err != nil {
		return err
	}
	return w.tell(ctx, b)
}

// replaced tells which records of a batch another one behind them replaces, as
// an outcome does with its intent: these need not be written.
func (b *batch) replaced() []bool {
	type call struct {
		h   *held
		key string
	}
	replaced := make([]bool, len(b.ops))
	last := make(map[call]*row, len(b.ops))
	for i := len(b.ops) - 1; i >= 0; i-- {
		r := b.ops[i].call
		if r == nil || r.rec.Key == "" {
			continue
		}
		is := call{b.ops[i].h, r.rec.Key}
		by := last[is]
		if by == nil {
			last[is] = r
			continue
		}
		replaced[i] = true
		if len(by.rec.Also) == 0 { // these are written with the first record
			by.rec.Also, by.rec.AlsoMore = r.rec.Also, r.rec.AlsoMore
		}
	}
	return replaced
}

// counted are the rows that a batch adds to a run. folded is up to which of its
// writes the run was in the database before.
type counted struct {
	calls, writes int
	folded        int64
}

// count writes how many rows came to the runs of a batch, and up to which write
// they are in the database.
func (w *writer) count(ctx context.Context, b *batch, counts map[*held]*counted) error {
	last := map[*held]int64{}
	for i := range b.ops {
		if o := &b.ops[i]; o.pos > 0 && !b.refuses(o.h) {
			last[o.h] = o.pos
		}
	}
	for h, pos := range last {
		n := counts[h]
		if _, err := w.stmt.count.ExecContext(ctx, n.calls, n.writes, max(n.folded, pos), h.no); err != nil {
			return err
		}
	}
	return nil
}

// one writes one op, unless its lease is broken or fenced.
func (w *writer) one(ctx context.Context, b *batch, o *op, counts map[*held]*counted) error {
	if o.do != nil { // it may ask for what was written before it
		if err := w.flushGroups(ctx); err != nil {
			return err
		}
	}
	if o.h == nil {
		return o.do(ctx, w.conn)
	}
	if counts[o.h] == nil {
		counts[o.h] = &counted{}
		if err := w.fence(ctx, b, o.h, counts[o.h]); err != nil {
			return err
		}
	}
	if b.refuses(o.h) {
		return nil
	}
	if o.pos > 0 && o.pos <= counts[o.h].folded {
		return w.foreign(b, o)
	}
	switch {
	case o.call != nil:
		return w.add(ctx, o.call, counts[o.h])
	case o.step != nil:
		return w.step(ctx, o.h.no, o.h.epoch, o.step)
	}
	return o.do(ctx, w.conn)
}

// foreign is a write that stands in the database although this process did not
// put it there: somebody has read the run's tail. What is not in a tail they did
// not see; they took the run for dead, and it is lost.
func (w *writer) foreign(b *batch, o *op) error {
	if o.durable {
		w.mu.Lock()
		o.h.broken = engine.ErrFenced
		w.mu.Unlock()
		b.refuse(o.h, engine.ErrFenced)
	}
	return nil
}

func (w *writer) step(ctx context.Context, run, epoch int64, s *engine.StepRecord) error {
	_, err := w.stmt.step.ExecContext(ctx, run, epoch, s.ID, s.Name, s.Task, s.Where, s.State, s.Reason, s.Error,
		moment(s.Began), s.Took.Microseconds())
	return err
}

// fence looks whether a lease is the run's last one.
func (w *writer) fence(ctx context.Context, b *batch, h *held, n *counted) error {
	if b.refuses(h) {
		return nil
	}
	var epoch int64
	err := w.stmt.epoch.QueryRowContext(ctx, h.no).Scan(&epoch, &n.folded)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // the run was deleted, and 0 is no epoch
	}
	if err != nil || epoch == h.epoch {
		return err
	}
	w.mu.Lock()
	h.broken = engine.ErrFenced
	w.mu.Unlock()
	b.refuse(h, engine.ErrFenced)
	return nil
}

// call writes a record. Most have no row yet; one that has (the record of an
// intent, another attempt) takes its row's place.
func (w *writer) call(ctx context.Context, r *row, n *counted) error {
	result, err := w.stmt.insert.ExecContext(ctx, r.args()...)
	if err != nil {
		return err
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if rows == 0 {
		return w.replaceRow(ctx, r)
	}
	return w.counted(ctx, r, n)
}

func (w *writer) replaceRow(ctx context.Context, r *row) error {
	_, err := w.stmt.replace.ExecContext(ctx, r.args()...)
	return err
}

// isIn reports whether a row stands in the table under its own id.
func (w *writer) isIn(ctx context.Context, r *row) (bool, error) {
	var rows int
	err := w.stmt.in.QueryRowContext(ctx, r.id).Scan(&rows)
	return rows > 0, err
}

// counted counts a row that is new, and writes what its call touches.
func (w *writer) counted(ctx context.Context, r *row, n *counted) error {
	if r.rec.Mutates {
		n.writes++
	}
	if r.rec.Mutates || r.rec.Tenant != "" {
		n.calls++
	}
	return w.touches(ctx, r)
}

// touches writes what a call touches beside its own object. Once for a call is
// enough: the same key says the same arguments.
func (w *writer) touches(ctx context.Context, r *row) error {
	if len(r.rec.Also) == 0 || r.rec.Key == "" {
		return nil
	}
	key := guard(r.rec.Key)
	for _, o := range r.rec.Also {
		if o.Kind == "" {
			continue // that is the row which counts
		}
		if _, err := w.stmt.touch.ExecContext(ctx, r.run, key, guard(o.Kind), guard(o.ID)); err != nil {
			return err
		}
	}
	if r.rec.AlsoMore == 0 {
		return nil
	}
	_, err := w.stmt.touch.ExecContext(ctx, r.run, key, "", strconv.Itoa(r.rec.AlsoMore))
	return err
}

// sync sets how far the next commit goes. It can only be set between
// transactions, and not by a prepared statement: SQLite executes this pragma
// while it compiles it.
func (w *writer) sync(ctx context.Context, full bool) error {
	if full == w.full {
		return nil
	}
	text := "PRAGMA synchronous = NORMAL"
	if full {
		text = "PRAGMA synchronous = FULL"
	}
	if _, err := w.conn.ExecContext(ctx, text); err != nil {
		return err
	}
	w.full = full
	return nil
}

// tell tells the test's hook what the connection itself says.
func (w *writer) tell(ctx context.Context, b *batch) error {
	if w.db.opts.hook == nil {
		return nil
	}
	var synchronous int
	if err := w.conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	w.db.opts.hook(synchronous, len(b.ops))
	return nil
}
