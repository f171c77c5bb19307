package lua

import (
	"errors"
	"runtime/metrics"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// The limits that hold unless Options say otherwise.
const (
	defaultMemory  = 512 << 20
	defaultNesting = 200
	defaultHold    = 60 * time.Second
)

// callDepth bounds the Lua calls of one thread. A thread's stack grows as it
// is needed, so a deep bound costs a pointer for every eight frames.
const callDepth = 512

// poolSize bounds the idle threads that are kept.
const poolSize = 128

// A VM runs Lua for one run. Everything in it is guarded by the run's baton:
// whoever does not hold it touches no Lua value.
type VM struct {
	opts    Options
	root    *lua.LState
	concat  *lua.LFunction
	start   starter
	pool    []*lua.LState
	current *runner // whose task holds the baton
	modules map[string]*module
	loaded  *lua.LTable // package.loaded
	handles *lua.LTable // metatable of what task(fn) gives
	errors  errorTables
	chunks  map[*Chunk]*lua.LFunction
	decoded decodedCache
	sources map[string][]string // lines of what was loaded, for error messages

	made int64  // bytes made since the heap was looked at
	base uint64 // heap when the VM was made
}

// onceArrayIndex guards a setting of the library that is process-wide.
var onceArrayIndex sync.Once //nolint:gochecknoglobals // lua.MaxArrayIndex is a package variable of the library; it is set once, to a constant

// NewVM makes a VM with the sandboxed libraries and the globals.
func NewVM(o Options) (*VM, error) {
	if o.Run == nil {
		return nil, errors.New("lua.NewVM needs a run")
	}
	vm, err := newVM(o)
	if err != nil {
		return nil, err
	}
	o.Run.OnSuspend(vm.suspend)
	return vm, nil
}

// newVM makes a VM that belongs to no run yet.
func newVM(o Options) (*VM, error) {
	// t[1e7] = 1 allocates ten million slots unless the bound is lower.
	onceArrayIndex.Do(func() { lua.MaxArrayIndex = 1 << 23 })
	o.Limits = o.Limits.filled()
	if o.Globals == nil {
		o.Globals = engine.NewNamespace("")
	}
	vm := &VM{
		opts:    o,
		modules: map[string]*module{},
		chunks:  map[*Chunk]*lua.LFunction{},
		sources: map[string][]string{},
		base:    heapObjects(),
	}
	vm.root = lua.NewState(lua.Options{
		RegistrySize: 128, RegistryMaxSize: 1 << 20, RegistryGrowStep: 256,
		CallStackSize: callDepth, MinimizeStackMemory: true, SkipOpenLibs: true,
	})
	// Else the first thread that calls something becomes the main thread.
	vm.root.G.MainThread = vm.root
	vm.root.G.CurrentThread = vm.root
	if err := vm.open(); err != nil {
		return nil, err
	}
	return vm, nil
}

func (l Limits) filled() Limits {
	if l.Memory <= 0 {
		l.Memory = defaultMemory
	}
	if l.Nesting <= 0 {
		l.Nesting = defaultNesting
	}
	if l.Hold <= 0 {
		l.Hold = defaultHold
	}
	return l
}

// Close frees the VM after all tasks have ended.
func (vm *VM) Close() {
	vm.pool = nil
	vm.root.Close()
}

// suspend saves what belongs to the task that gives up the baton; the function
// it returns puts it back.
func (vm *VM) suspend() func() {
	r, thread := vm.current, vm.root.G.CurrentThread
	return func() {
		vm.current, vm.root.G.CurrentThread = r, thread
		if r != nil {
			r.freshHold()
		}
	}
}

// take gives a thread for one protected call.
func (vm *VM) take(r *runner) *lua.LState {
	var th *lua.LState
	if n := len(vm.pool); n > 0 {
		th = vm.pool[n-1]
		vm.pool = vm.pool[:n-1]
	} else {
		// The root has no context: a thread made from one that has would stay
		// registered in it for ever.
		th, _ = vm.root.NewThread()
		th.Panic = vm.raise
	}
	th.SetContext(r.ctx)
	return th
}

// give takes a thread back. Only one whose call ended well: open upvalues of a
// failed call still look into its registry.
func (vm *VM) give(th *lua.LState) {
	th.RemoveContext()
	if len(vm.pool) < poolSize {
		vm.pool = append(vm.pool, th)
	}
}

// Grow charges bytes that Go code makes for a playbook.
func (vm *VM) Grow(l *lua.LState, bytes int64) {
	vm.made += bytes
	limit := vm.opts.Limits.Memory
	if bytes <= limit && vm.made < limit/4 {
		return
	}
	vm.checkMemory(l, bytes)
}

// Step charges instructions that Go code does for a playbook.
func (vm *VM) Step(n int) {
	if vm.current != nil {
		vm.current.charge(int64(n))
	}
}

func heapObjects() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
