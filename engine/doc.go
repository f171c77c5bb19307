// Package engine holds the nouns of a0run (Run, Task, Step, Action, Outcome),
// the one path on which everything a playbook asks of the outside travels, and
// the scheduler on which both front ends run their tasks. It knows neither Lua
// nor YAML nor HTTP.
//
// # Tasks and the baton
//
// A run has one baton: only the task that holds it executes playbook code. A
// task gives it up where it waits (Task.Block) and gets it back in the order
// in which tasks became ready, so a run is deterministic but for what it asks
// of the outside, and playbooks need no locks. Run.Main runs the main task;
// Task.Each (parallel.each), Task.Start (task) and Task.Strands (a graph of
// steps) start more. Every task has a path ("main/2.auth0|17"), the same in
// every execution.
//
// # The life of a call
//
// Whatever a playbook asks of the outside (an API call, the time, a file) is an
// Action that goes through Task.Do. Do gives it its identity (a number and a
// key, the same in every execution) and sends it through a stack of stages,
// which Run.stack builds:
//
//	observe    events and the numbers of the status line
//	…          Config.Stages, the outermost first
//	dispatch   attempts: slots, the tenant's budget, parking, retries
//	perform    Action.Perform, once an attempt
//
// Perform must call Attempt.BeforeSend after the budget's grant and before the
// first byte. That is where a slot of the run is taken, and it is the last
// moment in which a call can be stopped: a mutating request that was sent is
// cut only by Run.Cancel or its own timeouts, never by a step's timeout, the
// failure of a sibling, or Run.Stop. A call that waits for the tenant's rate
// limit holds neither a slot nor the baton.
//
// # Values and errors
//
// Values are a small tree (see Null, Object, Secret), written by FormatJSON and
// read by ParseJSON. Errors that a playbook sees are *Error; AsError makes one
// of any error. Mistakes in a playbook or a project are Problems, reported all
// at once. Secrets are told to the run's Redactor, through which everything
// goes that is shown.
package engine
