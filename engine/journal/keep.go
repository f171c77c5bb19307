package journal

import (
	"errors"
	"runtime"

	"a0run/engine"
)

// keep gathers a write for its run's tail. It gives what is done once it stands there.
func (w *writer) keep(o *op) *batch {
	if o.call != nil {
		o.body.id = o.call.id
	}
	o.body.pos = o.pos
	t := o.h.tail
	if t.queued == nil {
		t.queued = newBatch()
	}
	queued := t.queued
	t.queue = appendFrame(t.queue, *o.body)
	o.body = nil
	if len(t.queue) >= queueLimit {
		w.writeTail(o.h)
	}
	return queued
}

// keepQueued sees that what was gathered together stands in its tail.
func (w *writer) keepQueued(h *held, queued *batch) {
	select {
	case <-queued.done:
		return
	default:
	}
	// Others that are ready to run may have something to write, too. Where there are
	// none this takes no time.
	runtime.Gosched()
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.tail.queued == queued {
		w.writeTail(h)
	}
}

// writeTail writes what is gathered for a tail. What cannot be kept ends the run. The
// caller holds the mutex.
func (w *writer) writeTail(h *held) {
	t := h.tail
	if t.queued == nil {
		return
	}
	err := t.write()
	if err != nil && !errors.Is(err, engine.ErrFenced) {
		err = w.db.failed("writing the journal", err)
	}
	if t.queued.err = err; err != nil {
		h.broken = err
	}
	close(t.queued.done)
	t.queue, t.queued = t.queue[:0], nil
}

// carry takes the intents whose outcome is not there yet out of a batch, once, and
// has them wait for it in the tail that is written now: with the outcome beside it an
// intent needs no row, and one that has a row costs three times as much to replace.
// The caller holds the mutex.
func (w *writer) carry(b *batch) {
	replaced := b.replaced()
	kept := b.ops[:0]
	for i := range b.ops {
		o := b.ops[i]
		open := o.call != nil && o.call.rec.State == engine.StateBegun && !replaced[i]
		if !open || !o.kept || o.carried || o.h.broken != nil {
			kept = append(kept, o)
			continue
		}
		body, err := o.call.body(nil)
		if err != nil {
			kept = append(kept, o)
			continue
		}
		moved := o
		o.h.pos++
		moved.pos, moved.body, moved.carried = o.h.pos, &body, true
		w.keep(&moved)
		w.pending.ops = append(w.pending.ops, moved)
	}
	clear(b.ops[len(kept):])
	b.ops = kept
	for i := range w.pending.ops {
		w.writeTail(w.pending.ops[i].h)
	}
	if len(w.pending.ops) > 0 {
		w.timer.Reset(w.db.opts.fold)
	}
}

// turned has the tails of a batch go on in their other files; it tells which
// ones were left. The caller holds the mutex.
func (w *writer) turned(b *batch) map[*held]int {
	left := map[*held]int{}
	for i := range b.ops {
		h := b.ops[i].h
		if h == nil || h.tail == nil {
			continue
		}
		if _, done := left[h]; !done {
			w.writeTail(h)
			left[h] = h.tail.turn()
		}
	}
	return left
}

// empty empties the files of tails whose records are committed. Where that fails
// they are read once more, and known by their places.
func (w *writer) empty(b *batch, left map[*held]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.err != nil {
		return
	}
	for i := range b.ops {
		if o := &b.ops[i]; o.pos > 0 && !b.refuses(o.h) {
			o.h.folded = o.pos
		}
	}
	for h, which := range left {
		if !b.refuses(h) && h.broken == nil { // what could not be carried stands there only
			_ = h.tail.empty(which)
		}
	}
}
