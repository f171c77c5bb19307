// Package journal keeps the journal of runs (engine.Journal) in one SQLite
// file, which many processes of one machine use at once.
//
// # Writing
//
// A DB has one writer: a goroutine with an ordered, bounded queue. It takes
// everything that is queued, writes it in one transaction and acknowledges it
// after the commit (group commit), so 64 tasks that wait for 64 intents wait
// for one sync. The database is in WAL mode. A batch with a durable intent, and
// one that ends a run, is committed with synchronous=FULL and survives a loss
// of power with all that was committed before it; the others with NORMAL, and
// survive a kill of the process.
//
// A transaction that fails fails everything in it, and breaks the leases whose
// records were in it: their later records are refused with the same error. So
// what stands in a run's journal is always a beginning of what was written, and
// never has a hole. A broken run is not ended by Finish, only given up, and can
// be resumed.
//
// # Owning a run
//
// Who executes a run holds a lock of the operating system on a file of its own
// in the folder FILE.locks, and has put its epoch into the run's row. The lock
// tells at once that an owner was killed, and that a frozen one was not; the
// epoch stops an owner who lost its lock file. The lease's end in the row is
// for people, and for a journal without such locks.
//
// # What is readable
//
// JSON, times and states are text, and the views runs_readable and
// calls_readable are for people with sqlite3. Only long answers of reads are
// compressed. Secrets come here sealed.
package journal
