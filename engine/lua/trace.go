package lua

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"a0run/engine"
)

// traceDepth bounds the frames that a trace keeps.
const traceDepth = 24

// raised says where an error was raised.
type raised struct {
	value  lua.LValue
	where  engine.Position
	frames []frame
	text   []string // lines of a trace that is known already
}

// A frame is one call under way, as a trace shows it.
type frame struct {
	source string
	line   int
	name   string // "" for a whole file
	task   string // set where a task begins: how it was started
}

func (f frame) position() engine.Position { return engine.Position{File: f.source, Line: f.line} }

func (f frame) String() string {
	switch {
	case f.task != "":
		return "in " + f.task + ", started at " + f.position().String()
	case f.name == "":
		return f.position().String()
	}
	return f.position().String() + " in " + f.name
}

func (i *raised) lines() []string {
	if i.text != nil || len(i.frames) == 0 {
		return i.text
	}
	out := make([]string, len(i.frames))
	for n, f := range i.frames {
		out[n] = f.String()
	}
	return out
}

// capture reads the calls under way on th and on what called it: protected
// calls, coroutines, and the tasks that started this one.
func (r *runner) capture(th *lua.LState) *raised {
	info := &raised{}
	frames := framesOf(th, traceDepth)
	for i := len(r.threads) - 1; i >= 0 && len(frames) < traceDepth; i-- {
		if r.threads[i] != th {
			frames = append(frames, framesOf(r.threads[i], traceDepth-len(frames))...)
		}
	}
	for a := r; a != nil && a.what != "" && len(frames) < traceDepth; a = a.parent {
		w := a.task.Where()
		frames = append(frames, frame{source: w.File, line: w.Line, task: a.what})
	}
	if len(frames) > 0 {
		info.where = frames[0].position()
		info.frames = frames[1:]
	}
	return info
}

// framesOf are the Lua calls of one thread, the innermost first.
func framesOf(th *lua.LState, most int) []frame {
	var out []frame
	for level := 0; len(out) < most; level++ {
		f, ok := frameAt(th, level)
		if !ok {
			return out
		}
		if f.line > 0 {
			f.name = nameAt(th, level)
			out = append(out, f)
		}
	}
	return out
}

// frameAt is the call at a level, 0 being the innermost. Go functions and
// calls that a tail call replaced have no line.
func frameAt(th *lua.LState, level int) (frame, bool) {
	dbg, ok := th.GetStack(level)
	if !ok {
		return frame{}, false
	}
	if _, err := th.GetInfo("Sl", dbg, lua.LNil); err != nil {
		return frame{}, false
	}
	if dbg.What == "main" {
		// For a level that a tail call replaced, the machine gives the thread's
		// first call. That one is meant only if nothing comes after it.
		if _, more := th.GetStack(level + 1); more {
			return frame{}, true
		}
	}
	if dbg.Source == "" || dbg.Source == starterName || dbg.CurrentLine <= 0 {
		return frame{}, true
	}
	return frame{source: dbg.Source, line: dbg.CurrentLine}, true
}

// nameAt is how a trace calls the function at a level; "" for a whole file.
func nameAt(th *lua.LState, level int) string {
	dbg, ok := th.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := th.GetInfo("nSl", dbg, lua.LNil); err != nil {
		return ""
	}
	switch {
	case dbg.LineDefined <= 0:
		return ""
	case dbg.What == "main" || dbg.Name == "" || strings.HasPrefix(dbg.Name, "<") || strings.HasPrefix(dbg.Name, "("):
		return "the function at line " + strconv.Itoa(dbg.LineDefined)
	}
	return "function " + dbg.Name
}

// here is the place in the playbook from which a Go function was called.
func here(l *lua.LState) engine.Position {
	for level := 0; ; level++ {
		f, ok := frameAt(l, level)
		if !ok {
			break
		}
		if f.line > 0 {
			return f.position()
		}
	}
	if r := runnerOf(l); r != nil && len(r.threads) > 0 {
		// A Go function that was called by pcall itself: look at who called that.
		for i := len(r.threads) - 1; i >= 0; i-- {
			if r.threads[i] == l {
				continue
			}
			if fs := framesOf(r.threads[i], 1); len(fs) > 0 {
				return fs[0].position()
			}
		}
		return r.task.Where()
	}
	return engine.Position{}
}
