// Package undo puts back what a run has changed.
//
// Load reads the writes of a run from the journal; Undo.Preview says what would
// be put back, with reads only; Undo.Run does it, as the playbook of a run of
// its own: every read and write is an action of the one path, so it is paced,
// recorded, resumable and undoable like any other run.
//
// How a write is undone stands in the catalogue (Inverse); nothing here knows
// an operation. In short, newest first:
//
//	create             the object is deleted
//	patch              the fields that were sent get the values they had
//	replace            the whole gets the value it had
//	delete             the object is made again from what stood there, mostly
//	                   under another id, which earlier writes are then undone with
//	add, remove        the elements that the call really changed are turned back
//	file.write         the old text, or no file
//
// # What is guaranteed
//
// Nothing that changed since is touched. Before each write what stands there is
// read and compared with what the run has left there, field by field and only
// in what the run wrote; a difference leaves the write alone and says so, and
// with it every earlier write of the same object, and the deletion of whatever
// it refers to. What is already as before is left too: a second undo does
// nothing. A write whose outcome nobody knows is never undone, only named.
//
// Writes that refer to each other are undone in strict reverse order; those
// that do not, side by side (see order). The list is made of the journal alone,
// so a resumed undo makes the same calls under the same keys; what it read
// before it was killed is read again before anything is sent (Undo.Gate).
package undo
