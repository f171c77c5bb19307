// Package engine holds the nouns of a0run (Run, Task, Step, Action, Outcome),
// the one path on which everything a playbook asks of the outside travels
// (Run.Do), and the scheduler on which both front ends run their tasks.
//
// A run has one baton: only the task that holds it executes playbook code. A
// task gives it up where it waits (Task.Block) and gets it back in the order
// in which tasks became ready, so a run is deterministic but for what it asks
// of the outside.
package engine
