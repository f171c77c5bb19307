package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	gocron "github.com/netresearch/go-cron"
)

// searchYears is how far a line is searched for its next time: the 29th of
// February as the fifth Monday of its month comes every 28 years, and across
// 2100 after 40.
const searchYears = 50

// A line is a cron line in a zone.
type line struct {
	text string
	spec *gocron.SpecSchedule // evaluated in UTC, which stands for a clock without a zone
	zone *time.Location
	// fixedHour and fixedMinute say that the field does not begin with "*".
	fixedHour, fixedMinute bool
}

// macros are the names of lines, which the library knows too; their fields
// decide here.
func macros() map[string]string {
	return map[string]string{
		"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
		"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
	}
}

// parseLine reads a cron line. Its error says what is wrong and, after a
// newline, what would be right.
func parseLine(text string, zone *time.Location) (*line, error) {
	fields := strings.Fields(text)
	if len(fields) == 1 {
		if whole, ok := macros()[strings.ToLower(fields[0])]; ok {
			fields = strings.Fields(whole)
		}
	}
	if err := countFields(text, fields); err != nil {
		return nil, err
	}
	// DowOrDom: the library's default is that both days must suit, which is not
	// POSIX.
	parser, err := gocron.TryNewParser(gocron.Minute | gocron.Hour | gocron.Dom | gocron.Month | gocron.Dow | gocron.Extended | gocron.DowOrDom)
	if err != nil {
		return nil, err
	}
	for i, field := range fields { // one by one, so that the message names the field
		if err := backwards(text, field, i); err != nil {
			return nil, err
		}
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = field
		if _, err := parser.Parse(strings.Join(alone, " ")); err != nil {
			return nil, &lineError{fmt.Sprintf("%s: %s is no %s", text, field, fieldNames()[i]), fieldHints()[i]}
		}
	}
	parsed, err := parser.WithMaxSearchYears(searchYears).Parse(strings.Join(fields, " "))
	if err != nil {
		return nil, &lineError{text + ": " + err.Error(), lineHint}
	}
	spec, ok := parsed.(*gocron.SpecSchedule)
	if !ok {
		return nil, &lineError{text + " is no cron line", lineHint}
	}
	spec.Location = time.UTC
	l := &line{text: text, spec: spec, zone: zone, fixedMinute: fields[0][0] != '*', fixedHour: fields[1][0] != '*'}
	if l.wall(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, &lineError{text + " never comes", "there is no such day in any year"}
	}
	return l, nil
}

// A lineError is what is wrong with a line.
type lineError struct{ message, hint string }

func (e *lineError) Error() string { return e.message }

const lineHint = `five fields: minute hour day-of-month month day-of-week, as "30 3 * * mon-fri" for 03:30 on working days`

func fieldNames() []string {
	return []string{"minute", "hour", "day of the month", "month", "day of the week"}
}

func fieldHints() []string {
	return []string{
		`minutes are 0-59: 30, 0,30, 10-20, */15`,
		`hours are 0-23: 3, 9-17, */2; midnight is 0`,
		`days are 1-31, L the last, L-3 three before it, 15W the working day nearest to the 15th`,
		`months are 1-12 or jan-dec`,
		`days are 0-7 (0 and 7 are Sunday) or sun-sat, fri#1 the first Friday of the month, fri#L the last`,
	}
}

// backwards refuses ranges like 22-6, which the library takes over the turn of the
// day: cron and POSIX have none, and who writes 50-10 has made a mistake as likely.
// Days of the week by their names are another matter: fri-mon means one thing only.
func backwards(text, field string, which int) error {
	for part := range strings.SplitSeq(field, ",") {
		span, _, _ := strings.Cut(part, "/")
		first, last, ok := strings.Cut(span, "-")
		from, isFrom := fieldNumber(first, which)
		to, isTo := fieldNumber(last, which)
		if !ok || !isFrom || !isTo || from <= to {
			continue
		}
		least, most := fieldBounds(which)
		sides := fmt.Sprintf("%d-%d,%d-%d", from, most, least, to)
		if which < 4 {
			return &lineError{text + ": " + part + " goes backwards", sides + " is both sides of the turn"}
		}
		if strings.Trim(span, "0123456789-") == "" {
			names := weekdays()
			return &lineError{text + ": " + part + " goes backwards", names[from] + "-" + names[to] + ", or " + sides}
		}
	}
	return nil
}

func fieldBounds(which int) (least, most int) {
	least = []int{0, 0, 1, 1, 0}[which]
	return least, []int{59, 23, 31, 12, 6}[which]
}

// fieldNumber reads a number, or a name of a month or a day.
func fieldNumber(text string, which int) (int, bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return n, true
	}
	names := map[int][]string{3: months(), 4: weekdays()}[which]
	i := slices.Index(names, strings.ToLower(text))
	if which == 3 {
		return i + 1, i >= 0
	}
	return i, i >= 0
}

func months() []string {
	return []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

func countFields(text string, fields []string) error {
	switch {
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return &lineError{text + ": a zone does not stand in the line", "zone: Europe/Berlin beside cron:"}
	case strings.HasPrefix(text, "@every"):
		return &lineError{text + " is no cron line", "every: " + strings.TrimSpace(strings.TrimPrefix(text, "@every")) + " instead of cron:"}
	case strings.HasPrefix(text, "@"):
		return &lineError{text + " is unknown", "known: @hourly, @daily, @weekly, @monthly, @yearly"}
	case len(fields) == 6 || len(fields) == 7:
		return &lineError{fmt.Sprintf("%s: %d fields, want 5", text, len(fields)), "there is no field for seconds or years; every: 10s for what is due more often than each minute"}
	case len(fields) != 5:
		return &lineError{fmt.Sprintf("%q: %d fields, want 5", text, len(fields)), lineHint}
	}
	return nil
}

// wall is the first time of the line at or after a time of the clock without a
// zone (in UTC); zero where there is none.
func (l *line) wall(from time.Time) time.Time {
	if whole := from.Truncate(time.Second); !whole.Equal(from) {
		from = whole.Add(time.Second)
	}
	return l.spec.Next(from.Add(-time.Second))
}

// next is the first due time after an instant; zero where there is none.
//
// It goes from one change of the zone's offset to the next: between two of them
// the clock on the wall runs as one without a zone does.
func (l *line) next(after time.Time) time.Time {
	at := after.Add(time.Nanosecond)
	for {
		local := at.In(l.zone)
		begin, end := local.ZoneBounds()
		_, offset := local.Zone()
		from := onWall(at, offset)
		if l.fixedHour && l.fixedMinute && !begin.IsZero() {
			// What the clock has shown before it was set back does not count again.
			_, before := begin.Add(-time.Nanosecond).In(l.zone).Zone()
			if shown := onWall(begin, before); before > offset && from.Before(shown) {
				from = shown
			}
		}
		found := l.wall(from)
		if found.IsZero() {
			return time.Time{}
		}
		due := found.Add(-seconds(offset))
		if end.IsZero() || due.Before(end) {
			return due
		}
		_, then := end.In(l.zone).Zone()
		if l.fixedHour && found.Before(onWall(end, then)) {
			return end // the gap swallows it
		}
		at = end // also where what was found is far: the clock may go back here
	}
}

// onWall is what a clock with an offset shows, as a time in UTC.
func onWall(t time.Time, offset int) time.Time { return t.UTC().Add(seconds(offset)) }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
