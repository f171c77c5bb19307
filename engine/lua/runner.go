package lua

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"time"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// A runner is the Lua side of one engine.Task. Its threads are the one on
// which the task began and one for every protected call and coroutine under
// way in it.
type runner struct {
	vm       *VM
	task     *engine.Task
	parent   *runner // whose call started the task; for traces
	what     string  // how traces name the task: `item "x" of parallel.each`
	pure     bool    // only pure functions may be called
	ctx      *threadContext
	threads  []*lua.LState
	co       *coroutine // the coroutine under way
	raised   *raised    // where the last error was raised
	dying    *engine.Error
	random   *rand.Rand
	seed     string
	awaits   *module                   // which another task is loading
	listings map[*engine.Iterator]bool // made here and not read to their end
	handled  []string                  // trace of the error an xpcall handler looks at

	ticks  int64 // instructions since the task began
	looks  int   // how often check was called
	calm   int64 // ticks when the task last took the baton
	since  time.Time
	warned bool // that the task has held the baton for long
}

func (vm *VM) newRunner(t *engine.Task, parent *runner, what string) *runner {
	r := &runner{vm: vm, task: t, parent: parent, what: what}
	r.ctx = &threadContext{r: r}
	if parent != nil {
		r.pure = parent.pure
	}
	return r
}

// enter makes r the runner of the task that holds the baton, and gives what
// puts the former one back.
func (r *runner) enter() func() {
	restore := r.vm.suspend()
	r.vm.current = r
	r.freshHold()
	return restore
}

func (r *runner) freshHold() {
	r.warned = false
	r.since = time.Time{}
	r.calm = r.ticks
}

// A threadContext is what a Lua thread has for a context. The machine calls
// Done before every instruction, which makes it a hook on the goroutine that
// holds the baton.
type threadContext struct {
	r  *runner
	co *coroutine // set on the thread of a coroutine
}

// checkEvery is how many instructions pass between two looks at the clock, the
// limits and the task's context.
const checkEvery = 1 << 10

// slowHold is after which time a task that computes is spoken of.
const slowHold = time.Second

// The dearer looks are taken at every so many checks.
const (
	holdEvery   = 8
	memoryEvery = 64
)

// Done counts an instruction.
func (c *threadContext) Done() <-chan struct{} {
	r := c.r
	r.ticks++
	if r.ticks&(checkEvery-1) == 0 {
		r.check()
	}
	return nil
}

// Err is never asked: what stops a task is raised by Done itself, so that no
// playbook code can take it for an error of its own.
func (c *threadContext) Err() error { return nil }

// Deadline is the task's business.
func (c *threadContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value holds nothing.
func (c *threadContext) Value(any) any { return nil }

var _ context.Context = (*threadContext)(nil)

// runnerOf is the runner whose playbook code called a Go function.
func runnerOf(l *lua.LState) *runner {
	if c, ok := l.Context().(*threadContext); ok {
		return c.r
	}
	return nil
}

// charge counts n instructions at once.
func (r *runner) charge(n int64) {
	before := r.ticks / checkEvery
	r.ticks += n
	if r.ticks/checkEvery != before {
		r.check()
	}
}

// check stops the task where it must not go on.
func (r *runner) check() {
	r.checkContext()
	if r.since.IsZero() { // most holds are over before the first check, and need no clock
		r.since = time.Now()
	}
	limits := r.vm.opts.Limits
	if n := limits.Instructions; n > 0 && r.ticks-r.calm > n {
		r.die(limitError(
			fmt.Sprintf("the playbook ran %d instructions without a call", n),
			"is this a loop without an end? a long computation may call task.yield() now and then"))
	}
	r.looks++
	if r.looks%holdEvery != 0 {
		return
	}
	held := time.Since(r.since)
	if held > slowHold && !r.warned {
		r.warned = true
		where := here(r.vm.root.G.CurrentThread)
		r.task.Run().Emit(engine.Event{
			Kind: engine.EventLog, Level: "warn", Task: r.task.Path(), Where: where.String(),
			Text: "the playbook has computed for " + slowHold.String() + " without a call; other tasks wait meanwhile",
		})
	}
	if held > limits.Hold {
		r.die(limitError(
			"the playbook computed for "+limits.Hold.String()+" without a call, and no other task could run",
			"is this a loop without an end? a long computation may call task.yield() now and then"))
	}
	if r.looks%memoryEvery == 0 {
		r.vm.checkMemory(r.vm.root.G.CurrentThread, 0)
	}
}

// checkContext stops the task when its context has ended.
func (r *runner) checkContext() {
	if r.task.Context().Err() != nil {
		r.die(engine.AsError(r.task.Stopped()))
	}
}

func limitError(message, hint string) *engine.Error {
	return &engine.Error{Name: engine.NameLimitError, Message: message, HintText: hint, ResetAt: -1}
}

// checkMemory looks at the heap: what was made and dropped again does not
// count. more bytes are about to be made.
func (vm *VM) checkMemory(l *lua.LState, more int64) {
	vm.made = 0
	limit := uint64(vm.opts.Limits.Memory)
	if more >= 0 && uint64(more) <= limit {
		if heapObjects()+uint64(more) <= vm.base+limit {
			return
		}
		runtime.GC()
		if heapObjects()+uint64(more) <= vm.base+limit {
			return
		}
	}
	r := runnerOf(l)
	if r == nil {
		r = vm.current
	}
	r.die(limitError(
		fmt.Sprintf("the playbook's strings and tables need more than the %s it may use", byteText(vm.opts.Limits.Memory)),
		"stream items through parallel.each instead of collecting them"))
}

func byteText(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// dice is the task's own random source. It depends on nothing but the run and
// the task, so that a repeated run draws the same numbers.
func (r *runner) dice() *rand.Rand {
	if r.random == nil {
		r.seedDice("")
	}
	return r.random
}

func (r *runner) seedDice(seed string) {
	h := fnv.New128a()
	for _, s := range []string{r.task.Run().ID(), r.task.Path(), r.seed, seed} {
		_, _ = h.Write([]byte(s)) // a hash's Write never fails
		_, _ = h.Write([]byte{0})
	}
	var sum [16]byte
	h.Sum(sum[:0])
	var halves [2]uint64
	for i, b := range sum {
		halves[i/8] = halves[i/8]<<8 | uint64(b)
	}
	r.random = rand.New(rand.NewPCG(halves[0], halves[1])) //nolint:gosec // a playbook's math.random is repeatable on purpose; secrets come from elsewhere
}
