package cron

import (
	"fmt"
	"time"
)

// A ClockChange is a change of a zone's offset between two due times.
type ClockChange struct {
	// At is the first instant after the change; Before and After are the clock's
	// offsets in seconds.
	At            time.Time
	Before, After int
}

// Changes are the changes of a zone's offset after from and up to to.
func Changes(zone *time.Location, from, to time.Time) []ClockChange {
	var all []ClockChange
	for at := from; len(all) < 1000; {
		local := at.In(zone)
		_, end := local.ZoneBounds()
		if end.IsZero() || end.After(to) {
			return all
		}
		_, before := local.Zone()
		at = end
		if _, after := end.In(zone).Zone(); after != before {
			all = append(all, ClockChange{At: end.In(zone), Before: before, After: after})
		}
	}
	return all
}

// String is "the clocks go forward from 02:00 to 03:00".
func (c ClockChange) String() string {
	before, after := onWall(c.At, c.Before), onWall(c.At, c.After)
	form := "15:04"
	if before.Day() != after.Day() {
		form = "2006-01-02 15:04"
	}
	way := "forward"
	if c.After < c.Before {
		way = "back"
	}
	return fmt.Sprintf("the clocks go %s from %s to %s", way, before.Format(form), after.Format(form))
}

// Note says what a change of the clocks does to a due time; "" where it does
// nothing to it.
func (s *Schedule) Note(due time.Time) string {
	local := due.In(s.Zone)
	begin, end := local.ZoneBounds()
	_, offset := local.Zone()
	wall := onWall(due, offset)
	if !begin.IsZero() {
		_, before := begin.Add(-time.Nanosecond).In(s.Zone).Zone()
		c := ClockChange{At: begin, Before: before, After: offset}
		switch l, isLine := s.timing.(*line); {
		case isLine && due.Equal(begin) && offset > before && l.fixedHour:
			if lost := l.wall(onWall(begin, before)); lost.Before(wall) {
				return fmt.Sprintf("%s does not exist: %s", lost.Format("15:04"), c)
			}
		case offset < before && wall.Before(onWall(begin, before)):
			return fmt.Sprintf("the second %s: %s", wall.Format("15:04"), c)
		}
	}
	if end.IsZero() {
		return ""
	}
	_, after := end.In(s.Zone).Zone()
	if after < offset && !wall.Before(onWall(end, after)) {
		return fmt.Sprintf("the first %s: %s", wall.Format("15:04"), ClockChange{At: end, Before: offset, After: after})
	}
	return ""
}
