package lua

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// A coroutine is what must be known of a Lua thread that the playbook made. It
// hangs on the thread's context, so that an abandoned coroutine is garbage.
type coroutine struct {
	fn      *lua.LFunction
	started bool
	running bool
	dead    bool
	resumer *coroutine // which coroutine resumed it
}

func (vm *VM) openCoroutines() error {
	l := vm.root
	tb := l.CreateTable(0, 6)
	for name, fn := range map[string]lua.LGFunction{
		"create": coCreate, "resume": coResume, "wrap": coWrap,
		"yield": coYield, "status": coStatus, "running": coRunning,
	} {
		tb.RawSetString(name, l.NewFunction(fn))
	}
	l.G.Global.RawSetString("coroutine", tb)
	return vm.openStarter()
}

// A starter is how coroutines begin. The machine gives every coroutine an
// error hook of its own when it starts; ours is set from inside, by the first
// thing that runs there. It also gives a nil where a coroutine ends or yields
// without a value; nothing stands for that.
type starter struct {
	body, hook, finish *lua.LFunction
	nothing            *lua.LUserData
}

// starterName is the name of the file that traces leave out.
const starterName = "[coroutine]"

func (vm *VM) openStarter() error {
	l := vm.root
	chunk, err := parse.Parse(strings.NewReader(
		"return function(hook, fn, finish, ...) hook() return finish(fn(...)) end"), starterName)
	if err != nil {
		return err
	}
	proto, err := lua.Compile(chunk, starterName)
	if err != nil {
		return err
	}
	vm.start.nothing = &lua.LUserData{Metatable: lua.LNil}
	vm.start.hook = l.NewFunction(func(l *lua.LState) int {
		l.Panic = vm.raise
		return 0
	})
	vm.start.finish = l.NewFunction(func(l *lua.LState) int {
		if l.GetTop() == 0 {
			l.Push(vm.start.nothing)
		}
		return l.GetTop()
	})
	l.Push(l.NewFunctionFromProto(proto))
	l.Call(0, 1)
	vm.start.body, _ = l.Get(-1).(*lua.LFunction)
	l.SetTop(0)
	return nil
}

func newCoroutine(l *lua.LState) *lua.LState {
	fn, ok := l.Get(1).(*lua.LFunction)
	if !ok {
		l.RaiseError("bad argument #1 to 'create' (function expected, got %s)", l.Get(1).Type().String())
	}
	r := runnerOf(l)
	r.vm.Grow(l, threadBytes)
	th, _ := r.vm.root.NewThread()
	th.SetContext(&threadContext{r: r, co: &coroutine{fn: fn}})
	return th
}

// threadBytes is about what a thread takes.
const threadBytes = 8 << 10

func coCreate(l *lua.LState) int {
	l.Push(newCoroutine(l))
	return 1
}

func coWrap(l *lua.LState) int {
	th := newCoroutine(l)
	l.Push(l.NewFunction(func(l *lua.LState) int {
		r := runnerOf(l)
		rets, c := r.resume(l, th, values(l, 1))
		if c != nil {
			r.again(l, c)
		}
		l.SetTop(0)
		return push(l, rets)
	}))
	return 1
}

func coResume(l *lua.LState) int {
	th, ok := l.Get(1).(*lua.LState)
	if !ok {
		l.RaiseError("bad argument #1 to 'resume' (coroutine expected)")
	}
	r := runnerOf(l)
	rets, c := r.resume(l, th, values(l, 2))
	l.SetTop(0)
	if c == nil {
		l.Push(lua.LTrue)
		return 1 + push(l, rets)
	}
	if c.fatal != nil {
		r.again(l, c)
	}
	l.Push(lua.LFalse)
	l.Push(c.value)
	return 2
}

// resume lets a coroutine run in this task until it yields or ends.
func (r *runner) resume(l, th *lua.LState, args []lua.LValue) (rets []lua.LValue, c *caught) {
	r.checkContext()
	ctx, ok := th.Context().(*threadContext)
	if !ok || ctx.co == nil {
		return nil, r.refuse(l, "cannot resume this thread")
	}
	co := ctx.co
	switch {
	case co.dead:
		return nil, r.refuse(l, "cannot resume dead coroutine")
	case co.running && ctx.r != r:
		return nil, r.refuse(l, "cannot resume a coroutine that another task is running")
	case co.running && co == r.co:
		return nil, r.refuse(l, "cannot resume running coroutine")
	case co.running:
		return nil, r.refuse(l, "cannot resume normal coroutine")
	}
	if len(r.threads) >= r.vm.opts.Limits.Nesting {
		r.tooDeep("coroutines")
	}
	ctx.r = r
	co.running, co.resumer = true, r.co
	leave := r.on(th)
	r.co = co
	r.vm.root.G.CurrentThread = l // the machine sets it to th itself, and refuses if it finds it there
	defer func() {
		co.running = false
		if c != nil {
			co.dead = true
		}
		leave()
	}()
	return r.step(l, th, co, args)
}

// step is the resumption proper. The machine can fail in it with a panic of
// its own.
func (r *runner) step(l, th *lua.LState, co *coroutine, args []lua.LValue) (rets []lua.LValue, c *caught) {
	defer func() {
		if p := recover(); p != nil {
			c = r.caught(th, p)
		}
	}()
	var first *lua.LFunction
	if !co.started {
		co.started = true
		first = r.vm.start.body
		args = append([]lua.LValue{r.vm.start.hook, co.fn, r.vm.start.finish}, args...)
	}
	state, err, rets := l.Resume(th, first, args...)
	if r.dying != nil {
		c = &caught{value: lua.LNil, fatal: r.dying}
		r.dying = nil
		return nil, c
	}
	if err != nil {
		var e *lua.ApiError
		if errors.As(err, &e) {
			return nil, r.caughtValue(e.Object)
		}
		return nil, r.caughtValue(lua.LString(err.Error()))
	}
	co.dead = state == lua.ResumeOK
	if len(rets) == 1 && rets[0] == r.vm.start.nothing {
		rets = nil
	}
	return rets, nil
}

func (r *runner) refuse(l *lua.LState, why string) *caught {
	info := r.capture(l)
	return &caught{value: lua.LString(why), where: info.where, trace: info.lines()}
}

// coYield gives values to whoever resumed the coroutine.
func coYield(l *lua.LState) int {
	r := runnerOf(l)
	ctx, _ := l.Context().(*threadContext)
	switch {
	case ctx.co == nil && r.co == nil:
		l.RaiseError("attempt to yield from outside a coroutine")
	case ctx.co == nil:
		l.RaiseError("attempt to yield across a pcall, a step or a module")
	case !canYield(l):
		l.RaiseError("attempt to yield inside a metamethod, an iterator or a callback")
	}
	if l.GetTop() == 0 {
		l.Push(r.vm.start.nothing)
	}
	return -1
}

// canYield reports whether every call under way on the coroutine's thread was
// made by a call instruction. What a metamethod, a for loop's iterator or a Go
// function such as table.sort calls runs in a Go frame of the machine's, which
// a yield would leave behind: the machine would go on there with wrong values.
func canYield(l *lua.LState) bool {
	for level := 1; ; level++ {
		dbg, ok := l.GetStack(level)
		if !ok {
			return true
		}
		fv, err := l.GetInfo("f", dbg, lua.LNil)
		fn, isFn := fv.(*lua.LFunction)
		if err != nil || !isFn || fn.IsG {
			return false
		}
		in, ok := instructionAt(fn.Proto, counter(dbg)-1)
		if !ok || (in.op != lua.OP_CALL && in.op != lua.OP_TAILCALL) {
			return false
		}
	}
}

func coStatus(l *lua.LState) int {
	th, ok := l.Get(1).(*lua.LState)
	if !ok {
		l.RaiseError("bad argument #1 to 'status' (coroutine expected)")
	}
	status := "suspended"
	ctx, ok := th.Context().(*threadContext)
	switch {
	case !ok || ctx.co == nil:
		status = "normal"
	case ctx.co.dead:
		status = "dead"
	case ctx.co.running && ctx.co == runnerOf(l).co:
		status = "running"
	case ctx.co.running:
		status = "normal"
	}
	l.Push(lua.LString(status))
	return 1
}

func coRunning(l *lua.LState) int {
	r := runnerOf(l)
	for i := len(r.threads) - 1; i >= 0; i-- {
		if ctx, ok := r.threads[i].Context().(*threadContext); ok && ctx.co != nil {
			l.Push(r.threads[i])
			return 1
		}
	}
	l.Push(lua.LNil)
	return 1
}
