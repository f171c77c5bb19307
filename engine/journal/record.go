package journal

import (
	"context"
	"encoding/json"

	"a0run/engine"
)

// holder finds the run that a lease may write.
func (db *DB) holder(l engine.Lease) (*held, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	h := db.held[l.Run]
	if h == nil || h.epoch != l.Epoch {
		return nil, engine.ErrFenced
	}
	return h, nil
}

// Intent implements engine.Journal. The context is looked at before the intent
// is queued: one that is queued is written, and its caller has to know that.
func (db *DB) Intent(ctx context.Context, l engine.Lease, rec *engine.CallRecord) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	begun := *rec
	begun.Seq = 0
	if begun.State == "" {
		begun.State = engine.StateBegun
	}
	return db.write1(l, &begun, func(h *held, r *row) {
		h.begun++
		r.id = r.run<<runShift | begunBit | h.begun
	}).Err()
}

// Record implements engine.Journal.
func (db *DB) Record(l engine.Lease, rec *engine.CallRecord) engine.Ack {
	return db.write1(l, rec, func(h *held, r *row) {
		h.seq++
		rec.Seq = h.seq
		r.id = r.run<<runShift | h.seq
	})
}

// write1 queues a record.
func (db *DB) write1(l engine.Lease, rec *engine.CallRecord, place func(h *held, r *row)) ack {
	if db.w == nil {
		return refusedAck(errReader)
	}
	h, err := db.holder(l)
	if err != nil {
		return refusedAck(err)
	}
	r, size, err := db.encode(h.no, rec)
	if err != nil {
		return refusedAck(err)
	}
	o := op{h: h, call: r, durable: rec.Durable && rec.State == engine.StateBegun}
	if o.durable {
		return db.w.put(o, size, func() { place(h, r) })
	}
	buf := db.bodies.Get().(*[]byte) //nolint:forcetypeassert // nothing else is in it
	body, err := r.body((*buf)[:0])
	if err != nil {
		return refusedAck(err)
	}
	o.body = &body
	a := db.w.put(o, size, func() { place(h, r) })
	if *buf = body.text; cap(*buf) <= keptBody { // the tail has it
		db.bodies.Put(buf)
	}
	return a
}

// keptBody bounds the memory of a body that is used again.
const keptBody = 64 << 10

// Step implements engine.Journal.
func (db *DB) Step(l engine.Lease, s *engine.StepRecord) {
	h, err := db.holder(l)
	if db.w == nil || err != nil {
		return // the next record says it
	}
	copied := *s
	text, err := json.Marshal(&copied)
	if err != nil {
		return // it holds texts and times
	}
	db.w.put(op{h: h, step: &copied, body: &frameBody{kind: frameStep, text: text}}, 256+len(s.Error)+len(s.Reason), nil)
}
