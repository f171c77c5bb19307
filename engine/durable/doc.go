// Package durable makes runs that survive: it writes what a run asks of the
// outside into a journal, and gives a run that is resumed what is there.
//
// A Session is one execution of a journaled run. It is a set of stages:
//
//	Replay   outermost: a call that the journal has is answered by it; the rest
//	         is recorded, a mutating call before its first byte leaves
//	Before   keeps what stands in the place of a mutating call
//	Settle   finds out what became of a create whose answer was lost
//
// # What is guaranteed
//
// An answer is in the journal before the playbook sees it, so that it survives
// a kill of the process; the intent of a create, and of everything that must
// not be sent twice, survives a loss of power before the request leaves. A run
// that was killed while its calls waited for the rate limit has nothing in
// doubt: an intent is written when the tenant's budget has granted the attempt,
// and one that was refused is written down as not done before the call waits
// again. The order in which blocked tasks were woken is that of the records.
//
// # Resuming
//
// The playbook runs again from the top; a call whose key is in the journal
// gives what it gave, without a request. What was begun and never answered is
// settled: sent again where that is harmless, looked up where it is a create,
// else the run stops with an InDoubtError. A new mutating call of a task that
// has recorded ones which did not come up is a DivergenceError: nothing is
// sent. What failed and ended the run is sent again.
package durable
