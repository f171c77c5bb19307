package engine

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"a0run/client/catalog"
)

// A Task is one strand of a run: the main one, an item of a parallel call, a
// YAML step with needs of its own. Its methods are called by the goroutine
// that runs the task, while it holds the baton, unless a comment says
// otherwise.
type Task struct {
	run    *Run
	parent *Task
	path   string
	ctx    context.Context

	// canon is the path of which keys are made: what a run's own calls returned
	// is written as a reference in it.
	canon string

	calls int // calls made so far
	// first is the task's first call, equal are the others: how often an equal
	// one was made.
	first      equalKey
	firstCount int
	equal      map[equalKey]int
	parallel   int        // parallel calls made so far
	joined     bool       // the parent waits for its end (parallel.each)
	loop       *Task      // the task whose loop this one is in; nil outside
	inside     Inside     // what its loops' steps came to, in the step under way
	future     *Future    // whose task this is, if it was started by itself
	where      Position   // where the task was started
	step       string     // the step under way
	limits     int        // time limits so far
	undo       UndoPolicy // its policy of before-images, "" for the run's
	share      share      // of the rate budget, beside the run's other steps
	item       *itemLoad  // of the outermost parallel call; nil outside
}

// Run is the run the task belongs to.
func (t *Task) Run() *Run { return t.run }

// Path identifies the task in its run: "main", and for each parallel call on
// the way "/number.key".
func (t *Task) Path() string { return t.path }

// Parent is the task that started this one; nil for the main task.
func (t *Task) Parent() *Task { return t.parent }

// Where is the place in the playbook that started the task.
func (t *Task) Where() Position { return t.where }

// Context ends when the task is to stop: its timeout, its step's, or the
// run's. context.Cause tells why.
func (t *Task) Context() context.Context { return t.ctx }

// WithUndo runs fn under another policy of before-images, also in the tasks
// that it starts; "" changes nothing.
func (t *Task) WithUndo(policy UndoPolicy, fn func() error) error {
	if policy == "" {
		return fn()
	}
	outer := t.undo
	t.undo = policy
	defer func() { t.undo = outer }()
	return fn()
}

// share is the part of the run's rate budget that a step asks for.
type share struct {
	step   string
	weight float64 // 0: 1
}

// WithWeight runs fn as a step whose calls, and those of the tasks that it starts,
// have a line of their own at the rate budget, with a weight beside the run's other
// steps; 0 changes nothing.
func (t *Task) WithWeight(step string, weight float64, fn func() error) error {
	if weight == 0 {
		return fn()
	}
	outer := t.share
	t.share = share{step, weight}
	defer func() { t.share = outer }()
	return fn()
}

// Block gives up the baton, runs fn, and takes the baton again when its turn
// comes. fn runs without the baton and must not touch values of a front end.
func (t *Task) Block(fn func()) {
	var none *turn
	t.block(fn, &none)
}

// block is Block with a place in the queue that fn may have taken.
func (t *Task) block(fn func(), place **turn) {
	restore := t.run.suspend()
	t.run.baton.release()
	defer func() {
		// Also when fn panics: the baton must be held when the panic goes on. The
		// place that fn has taken is the one to wait in then, too: the baton comes
		// there, and nobody else would pass it on.
		if *place == nil {
			*place = t.run.baton.arrive()
		}
		<-(*place).come
		restore()
	}()
	fn()
}

// Yield lets every task that is ready run before this one goes on. It is a
// call like any other, since where the task comes back is part of the order
// that a resumed run repeats.
func (t *Task) Yield() {
	t.Do(&Action{
		Name: "task.yield", Effect: catalog.Read, Quiet: true,
		Perform: func(context.Context, *Attempt) Outcome { return Outcome{} },
	})
}

// park gives up the baton until another task calls unpark.
func (t *Task) park() {
	restore := t.run.suspend()
	turn := newTurn()
	t.run.parked[t] = turn
	t.run.baton.release()
	<-turn.come
	restore()
}

// unpark makes a parked task ready; the caller holds the baton. The place in
// the queue is taken here and not by the woken goroutine, so that the order of
// waking is the order of these calls.
func (t *Task) unpark() {
	if turn, ok := t.run.parked[t]; ok {
		delete(t.run.parked, t)
		t.run.baton.put(turn)
	}
}

// spawn starts a task that runs body when its turn comes; it is ready at once,
// behind those that are ready already. done is called under the baton, with
// body's error, also when that panicked.
func (t *Task) spawn(child *Task, body func() error, done func(error)) {
	t.run.tasks.Add(1)
	t.run.baton.put(&turn{start: func() { t.run.work(work{body, done}) }})
}

// work has a worker run a task, whose turn it is: then nobody holds the baton who
// might touch the idle ones.
func (r *Run) work(w work) {
	if n := len(r.idle); n > 0 {
		worker := r.idle[n-1]
		r.idle = r.idle[:n-1]
		worker <- w
		return
	}
	go r.worker(w)
}

// work is one task to be run by a worker.
type work struct {
	body func() error
	done func(error)
}

// worker runs tasks one after the other. A goroutine for each was measured:
// growing its stack, once more for every item, took a tenth of a call's time.
func (r *Run) worker(w work) {
	next := make(chan work, 1)
	for ok := true; ok; w, ok = <-next {
		w.done(guard(w.body))
		w = work{} // an idle worker holds nothing of the task that it ran
		r.idle = append(r.idle, next)
		r.baton.release()
		r.tasks.Done()
	}
	r.tasks.Done()
}

// dismiss ends the idle workers; every task has ended, the caller holds the
// baton.
func (r *Run) dismiss() {
	for _, worker := range r.idle {
		r.tasks.Add(1)
		close(worker)
	}
	r.idle = nil
	r.tasks.Wait()
}

// unlessStopped runs fn, but not in a task that was stopped before its turn
// came.
func (t *Task) unlessStopped(fn func() error) error {
	if t.ctx.Err() != nil {
		return t.Stopped()
	}
	return fn()
}

// child makes a task below this one.
func (t *Task) child(ctx context.Context, number int, key string, where Position) *Task {
	r := t.run
	prefix := "/" + strconv.Itoa(number) + "."
	shown := r.showable(key)
	canon := escapeKey(r.refs.in(shown))
	child := &Task{run: r, parent: t, ctx: ctx, where: where, loop: t.loop, step: t.step, undo: t.undo, share: t.share, item: t.item, path: t.path + prefix + escapeKey(shown)}
	if child.canon = child.path; canon != shown || t.canon != t.path {
		child.canon = t.canon + prefix + canon
	}
	return child
}

// checkJoin asks whoever wants to know whether the items of a parallel call are
// those that it had.
func (t *Task) checkJoin(number int, had func(part string) bool) error {
	if t.run.cfg.Joined == nil {
		return nil
	}
	return untyped(t.run.cfg.Joined(t, number, had))
}

// showable is an item's key as it may stand in paths, which are shown and
// written down: a secret one is known by its HMAC.
func (r *Run) showable(key string) string {
	if r.cfg.Redactor.Redact(key) == key {
		return key
	}
	r.mac.Reset()
	_, _ = r.mac.Write([]byte(key)) // a hash's Write never fails
	return "secret-" + hex.EncodeToString(r.mac.Sum(nil)[:8])
}

// escapeKey keeps a key from looking like a further part of the path.
func escapeKey(key string) string {
	if !strings.ContainsAny(key, "%/") {
		return key // nearly all; building a Replacer costs more than the call it names
	}
	return strings.ReplaceAll(strings.ReplaceAll(key, "%", "%25"), "/", "%2F")
}
