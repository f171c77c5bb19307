package cron

import (
	"fmt"
	"time"
)

// A window is a time in which nothing is started: days and hours of every week,
// or one span.
type window struct {
	zone *time.Location
	days [7]bool // by time.Weekday
	// from and to are minutes of the day. Where to is not after from, the window
	// ends on the next day and belongs to the day on which it begins.
	from, to int
	// begin and end are those of a span; zero in a weekly window.
	begin, end time.Time
}

const dayMinutes = 24 * 60

// until is when the window that t lies in ends; zero where t lies outside.
func (w *window) until(t time.Time) time.Time {
	if !w.begin.IsZero() {
		if t.Before(w.begin) || !t.Before(w.end) {
			return time.Time{}
		}
		return w.end
	}
	local := t.In(w.zone)
	for _, back := range []int{0, 1} { // the window of today, and what yesterday's has left
		day := time.Date(local.Year(), local.Month(), local.Day()-back, 12, 0, 0, 0, time.UTC)
		if !w.days[day.Weekday()] {
			continue
		}
		begin, end := w.on(day, w.from), w.on(day, w.to)
		if w.to <= w.from {
			end = w.on(day.AddDate(0, 0, 1), w.to)
		}
		if !t.Before(begin) && t.Before(end) {
			return end
		}
	}
	return time.Time{}
}

// on is a minute of a day in the window's zone.
func (w *window) on(day time.Time, minutes int) time.Time {
	return firstInstant(time.Date(day.Year(), day.Month(), day.Day(), minutes/60, minutes%60, 0, 0, time.UTC), w.zone)
}

// firstInstant is when the clock of a zone shows a time (given in UTC) first;
// where a gap swallows that time, the first instant after the gap.
func firstInstant(wall time.Time, zone *time.Location) time.Time {
	// The earliest instant that can show it; offsets lie within a day.
	at := wall.Add(-26 * time.Hour)
	for {
		local := at.In(zone)
		_, end := local.ZoneBounds()
		_, offset := local.Zone()
		t := wall.Add(-seconds(offset))
		if t.Before(at) {
			return at // the gap before this offset swallowed it
		}
		if end.IsZero() || t.Before(end) {
			return t
		}
		at = end
	}
}

func (w *window) String() string {
	if !w.begin.IsZero() {
		return fmt.Sprintf("%s to %s", w.begin.Format("2006-01-02 15:04 MST"), w.end.Format("2006-01-02 15:04 MST"))
	}
	text := ""
	for i, name := range dayNames() {
		if w.days[(i+1)%7] {
			if text != "" {
				text += ","
			}
			text += name
		}
	}
	return fmt.Sprintf("%s %02d:%02d-%02d:%02d", text, w.from/60, w.from%60, w.to/60, w.to%60)
}

// dayNames are the days as they are written, from Monday.
func dayNames() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }
