// Package serve is the service: it starts what schedules and people ask for,
// from a queue in the journal, and resumes what a crash has left.
//
// A due time becomes one row, and where it runs one run record, in one
// transaction; the database refuses a second. So a service that is killed at any
// moment has either decided a due time or not, and the next one goes on from
// what is written. What is decided is decided by package cron, a pure function.
//
// Runs are executed by a Runner, which the command provides: this package knows
// neither bindings nor tenants. Control is what others see of the service.
package serve
