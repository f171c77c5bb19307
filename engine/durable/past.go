package durable

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strings"
	"sync"

	"a0run/engine"
)

const (
	// readAhead is how many records are read at once, window how many may wait
	// for their call: the calls of a resumed run come up nearly in the order of
	// their records, so few do.
	readAhead = 256
	window    = 4096
)

// past is what earlier executions of a run have recorded. Records are read in
// their order, as the calls come up, so that a long run is not held in memory;
// a record whose turn is far off is looked up by its key.
type past struct {
	s *Session

	lastSeq, lastWake int64

	mu       sync.Mutex
	next     func() (*engine.CallRecord, error, bool)
	stop     func()
	ended    bool                          // the records have been read to their end
	dropped  bool                          // some were let go before their call came up
	waiting  map[string]*engine.CallRecord // read, and not come up yet
	order    []string                      // of waiting, the oldest first; may name what is gone
	taken    map[string]bool               // looked up ahead of the reading
	writes   int                           // recorded writes that have not come up
	came     map[uint64]struct{}           // writes that have, and new ones
	perTask  map[uint64]int                // writes that came up or were made, by task
	perGroup map[uint64]int                // likewise below a parallel call
	over     []string                      // tasks that ended and were not looked at yet
}

func openPast(ctx context.Context, s *Session) (*past, error) {
	p := &past{
		s: s, waiting: map[string]*engine.CallRecord{}, taken: map[string]bool{},
		came: map[uint64]struct{}{}, perTask: map[uint64]int{}, perGroup: map[uint64]int{},
		lastSeq: s.run.LastSeq, lastWake: s.run.LastWake,
	}
	var err error
	if p.writes, err = s.o.Journal.Writes(ctx, s.run.ID, "", true); err != nil {
		return nil, err
	}
	// The reading outlives the call that began it.
	p.next, p.stop = iter.Pull2(s.o.Journal.Load(context.WithoutCancel(ctx), s.run.ID, 0))
	return p, nil
}

// find gives the record of a call, nil where there is none.
func (p *past) find(ctx context.Context, key string) (*engine.CallRecord, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if rec, ok := p.waiting[key]; ok {
			delete(p.waiting, key)
			return rec, nil
		}
		if p.ended || len(p.waiting) >= window {
			break
		}
		if err := p.read(); err != nil {
			return nil, err
		}
	}
	if p.ended && !p.dropped {
		return nil, nil
	}
	rec, err := p.s.o.Journal.Find(ctx, p.s.run.ID, key)
	if err != nil || rec == nil || rec.Seq > p.lastSeq && rec.State != engine.StateBegun {
		return nil, err // what this execution wrote itself is no past
	}
	p.taken[key] = true
	p.makeRoom()
	return rec, nil
}

// read reads some more records.
func (p *past) read() error {
	if len(p.order) > 2*window { // most are gone, and a key holds its record's text
		p.order = slices.DeleteFunc(p.order, func(key string) bool { return p.waiting[key] == nil })
	}
	for range readAhead {
		rec, err, ok := p.next()
		if err != nil {
			return err
		}
		if !ok || rec.Seq > p.lastSeq && rec.State != engine.StateBegun {
			p.ended = true
			p.stop()
			return nil
		}
		if p.taken[rec.Key] {
			delete(p.taken, rec.Key)
			continue
		}
		p.waiting[rec.Key] = rec
		p.order = append(p.order, rec.Key)
	}
	return nil
}

// makeRoom lets go of what has waited longest: an edited playbook does not ask
// for it, or asks much later.
func (p *past) makeRoom() {
	for len(p.waiting) > window/2 && len(p.order) > 0 {
		if _, still := p.waiting[p.order[0]]; still {
			delete(p.waiting, p.order[0])
			p.dropped = true
		}
		p.order = p.order[1:]
	}
}

// count says that a task makes a write: a recorded one that came up again, or a
// new one.
func (p *past) count(c *engine.Call, recorded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := hashOf(c.Key)
	if _, twice := p.came[h]; twice {
		return
	}
	p.came[h] = struct{}{}
	if recorded {
		p.writes--
	}
	path := c.Task.Path()
	p.perTask[hashOf(path)]++
	for group := range groupsOf(path) {
		p.perGroup[hashOf(group)]++
	}
}

// groupsOf are the parallel calls on the way to a task: "main/2." and
// "main/2.x/1." for main/2.x/1.y.
func groupsOf(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 0; i < len(path); i++ {
			if path[i] != '/' {
				continue
			}
			dot := strings.IndexByte(path[i:], '.')
			if dot < 0 || !yield(path[:i+dot+1]) {
				return
			}
		}
	}
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash's Write never fails
	return h.Sum64()
}

// settled reports whether every recorded write has come up.
func (p *past) settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes <= 0
}

// mayWrite refuses to send a write of a task that has recorded writes which did
// not come up yet.
func (p *past) mayWrite(ctx context.Context, c *engine.Call) *engine.Error {
	if p.s.o.AcceptChanges || p.settled() {
		return nil
	}
	if diverged := p.overWith(ctx, c); diverged != nil {
		return diverged
	}
	return p.unmatched(ctx, c, c.Task.Path())
}

// unmatched refuses a new write while a task has recorded writes that have not
// come up.
func (p *past) unmatched(ctx context.Context, c *engine.Call, task string) *engine.Error {
	recorded, err := p.s.o.Journal.Writes(ctx, p.s.run.ID, task, false)
	if err != nil {
		return p.s.failed(err)
	}
	p.mu.Lock()
	came := p.perTask[hashOf(task)]
	p.mu.Unlock()
	if recorded <= came {
		return nil
	}
	missing, err := p.missing(ctx, func(rec *engine.CallRecord) bool { return rec.Task == task })
	if err != nil {
		return p.s.failed(err)
	}
	if missing == nil {
		return nil
	}
	return &engine.Error{
		Name: engine.NameDivergenceError, ResetAt: -1, Where: c.Where, Operation: operationOf(c),
		Message: fmt.Sprintf("the playbook does not do what it did: %s was to be sent, and %s has not come up again; it was not sent",
			p.s.describe(c.Name, c.Args), p.s.describeRecord(missing)),
		HintText: "undo the edit before that place, or go on deliberately with --accept-changes",
	}
}

// end says that a task has ended. Its recorded writes must have come up; that is
// looked at when something new is about to be written.
func (p *past) end(t *engine.Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writes > 0 {
		p.over = append(p.over, t.Path())
	}
}

// overWith refuses a new write of any task once a task has ended without making
// a write that it had made.
func (p *past) overWith(ctx context.Context, c *engine.Call) *engine.Error {
	p.mu.Lock()
	over := p.over
	p.over = nil
	p.mu.Unlock()
	for i, task := range over {
		if diverged := p.unmatched(ctx, c, task); diverged != nil {
			p.mu.Lock()
			p.over = append(p.over, over[i:]...) // whoever writes next is refused, too
			p.mu.Unlock()
			return diverged
		}
	}
	return nil
}

// missing finds the first recorded write that has not come up.
func (p *past) missing(ctx context.Context, of func(rec *engine.CallRecord) bool) (*engine.CallRecord, error) {
	for rec, err := range p.s.o.Journal.Load(ctx, p.s.run.ID, 0) {
		if err != nil {
			return nil, err
		}
		if !rec.Mutates || rec.State == engine.StateRefused || rec.State == engine.StateEnded || rec.Seq > p.lastSeq && rec.State != engine.StateBegun || !of(rec) {
			continue
		}
		p.mu.Lock()
		_, came := p.came[hashOf(rec.Key)]
		p.mu.Unlock()
		if !came {
			return rec, nil
		}
	}
	return nil, nil
}

// leftover is a divergence where recorded writes below a group, or anywhere
// for "", have not come up.
func (p *past) leftover(ctx context.Context, group, when string) error {
	if p.s.o.AcceptChanges || p.settled() {
		return nil
	}
	rec, err := p.missing(ctx, func(rec *engine.CallRecord) bool { return strings.HasPrefix(rec.Task, group) })
	if err != nil {
		return p.s.failed(err)
	}
	if rec == nil {
		return nil
	}
	return &engine.Error{
		Name: engine.NameDivergenceError, ResetAt: -1,
		Message: fmt.Sprintf("the playbook does not do what it did: %s has not come up again %s",
			p.s.describeRecord(rec), when),
		HintText: "undo the edit before that place, or go on deliberately with --accept-changes",
	}
}

// joined is asked when a parallel call has ended: an item that made writes must
// have come up again, and so must its writes.
func (s *Session) joined(t *engine.Task, number int, _ func(part string) bool) error {
	p := s.past
	if s.o.AcceptChanges || p.settled() {
		return nil
	}
	group := fmt.Sprintf("%s/%d.", t.Path(), number)
	ctx := context.WithoutCancel(t.Context())
	recorded, err := s.o.Journal.Writes(ctx, s.run.ID, group, true)
	if err != nil {
		return s.failed(err)
	}
	p.mu.Lock()
	came := p.perGroup[hashOf(group)]
	p.mu.Unlock()
	if recorded <= came {
		return nil
	}
	return p.leftover(ctx, group, "before the parallel call ended")
}

// describe is a call in a few words.
func (s *Session) describe(name string, args *engine.Object) string {
	text, err := engine.FormatJSON(engine.Redacted(args))
	if err != nil || args.Len() == 0 {
		return name
	}
	return name + " " + s.short(string(text))
}

func (s *Session) describeRecord(rec *engine.CallRecord) string {
	text := ""
	if args, err := s.opened(rec.Args); err == nil {
		text = " " + s.short(string(args))
	}
	return fmt.Sprintf("%s%s (recorded at %s, task %s)", rec.Operation, text, rec.Where, rec.Task)
}

func (s *Session) short(text string) string {
	const most = 160
	text = s.o.Redactor.Redact(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func operationOf(c *engine.Call) string {
	if c.Operation == nil {
		return ""
	}
	return c.Name
}
