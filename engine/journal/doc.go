// Package journal keeps the journal of runs (engine.Journal) in one SQLite
// file, which many processes of one machine use at once.
//
// # Writing
//
// A record that has to survive a kill of the process, and no more, is appended
// to the run's tail, a file beside the database, before it is acknowledged: one
// write to the operating system, which tasks that are busy at the same time share. See
// tail.
//
// A DB has one writer: a goroutine with an ordered, bounded queue, which puts
// what stands in tails into the database, a thousand records in one transaction
// or what came within a fifth of a second. An intent whose outcome is in the same
// transaction is never a row, and one whose outcome is not there yet is left to the
// next transaction, once. What somebody waits for (a durable intent, a
// claim, an end) is committed at once, with everything queued before it; so 64
// tasks that wait for 64 durable intents wait for one sync. The database is in
// WAL mode. A batch with a durable intent, and one that ends a run, is committed
// with synchronous=FULL and survives a loss of power with all that was written
// before it; the others with NORMAL.
//
// The database alone is therefore always what a loss of power may leave: a
// beginning of each run that holds the intent of everything sent which must not
// be sent twice; of what may be sent twice and was under way it need not hold the
// intent. With the tails it is what a kill leaves: everything. Whoever
// opens the journal puts the tails of dead runs into it first.
//
// A transaction that fails fails everything in it that is not in a tail, and
// breaks the leases whose records were in it: their later records are refused
// with the same error, and so is what a tail cannot take. So what stands in a
// run's journal is always a beginning of what was written, and never has a hole.
// A broken run is not ended by Finish, only given up, and can be resumed.
//
// # Owning a run
//
// Who executes a run holds a lock of the operating system on a file of its own
// in the folder FILE.locks, and has put its epoch into the run's row. The lock
// tells at once that an owner was killed, and that a frozen one was not; the
// epoch stops an owner who lost its lock file, and so does the other name that
// its tail gets. The lease's end in the row is
// for people, and for a journal without such locks.
//
// # What is readable
//
// JSON, times and states are text, and the views runs_readable and
// calls_readable are for people with sqlite3. Only long answers of reads are
// compressed. Secrets come here sealed.
package journal
