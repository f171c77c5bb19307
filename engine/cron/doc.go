// Package cron says when schedules are due, and what is to be started.
//
// # When
//
// A schedule has one timing: a cron line of five fields, an interval (every), or
// points in time (at). The line is read by github.com/netresearch/go-cron, which
// evaluates it on a clock without a zone; what the zone's real clock does to it
// is decided here, because none of the libraries does it right (docs/WHY.md):
//
//   - A line with a fixed hour whose time falls into a gap (the clocks go
//     forward, a day is left out) is due once, at the first instant after the
//     gap, however many of its times the gap swallowed.
//   - A line with a fixed hour and a fixed minute whose time comes twice (the
//     clocks go back) is due the first time only.
//   - A field that begins with "*" in the hour or minute means elapsed time: the
//     line is due whenever the running clock shows a time of it. With "*" in the
//     hour that goes for gaps, too: every 30 minutes stays every 30 minutes.
//   - Where both days (of the month, of the week) are given, either suits, as in
//     POSIX; "*/2" is given, a plain "*" is not.
//
// # What
//
// Decide is a pure function of a schedule, its history and the time. It knows
// no clock, no journal and no process, and is tested against models; package
// serve carries out what it says.
package cron
