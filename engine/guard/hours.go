package guard

import (
	"fmt"
	"time"

	"a0run/engine"
)

// hours are when a run may write.
type hours struct {
	zone *time.Location
	days [7]bool // by time.Weekday
	// from and to are minutes of the day. Where to is not after from, the hours
	// end on the next day; they belong to the day on which they begin.
	from, to int
	where    engine.Position
}

const dayMinutes = 24 * 60

// open reports whether the hours are on.
func (h *hours) open(now time.Time) bool {
	t := now.In(h.zone)
	minute := t.Hour()*60 + t.Minute()
	today, yesterday := h.days[t.Weekday()], h.days[(t.Weekday()+6)%7]
	if h.from < h.to {
		return today && minute >= h.from && minute < h.to
	}
	return today && minute >= h.from || yesterday && minute < h.to
}

// next is when the hours begin after now.
func (h *hours) next(now time.Time) time.Time {
	t := now.In(h.zone)
	for day := range 9 {
		begin := time.Date(t.Year(), t.Month(), t.Day()+day, h.from/60, h.from%60, 0, 0, h.zone)
		if h.days[begin.Weekday()] && begin.After(now) {
			return begin
		}
	}
	return now // no day at all: the parser refuses that
}

// String is the hours as a person says them: "mon-fri 09:00-17:00 Europe/Berlin".
func (h *hours) String() string {
	return fmt.Sprintf("%s %s-%s %s", h.dayNames(), clock(h.from), clock(h.to), h.zone)
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// weekdays are the days as they are written, from Monday.
func weekdays() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

// weekday is the day of a place in weekdays.
func weekday(place int) time.Weekday { return time.Weekday((place + 1) % 7) }

func (h *hours) dayNames() string {
	names := weekdays()
	text := ""
	for i := 0; i < len(names); i++ {
		if !h.days[weekday(i)] {
			continue
		}
		last := i
		for last+1 < len(names) && h.days[weekday(last+1)] {
			last++
		}
		if text != "" {
			text += ","
		}
		text += names[i]
		if last > i {
			text += "-" + names[last]
		}
		i = last
	}
	return text
}
