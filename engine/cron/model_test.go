package cron

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The model walks the zone's clock minute by minute and says of each minute
// whether a line is due in it. It shares nothing with the package but Go's zone
// data: its lines are made beside their meaning, not parsed.
//
//	A0RUN_CRON   how many lines are tried in each zone over all 40 years (the
//	             tests alone walk the days around the changes of the clocks)
//	A0RUN_SEED   the seed
const modelFrom, modelTo = 1995, 2035

func modelZones() []string {
	return []string{
		"UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "Europe/Istanbul", "America/New_York", "America/Los_Angeles",
		"America/Sao_Paulo", "America/Caracas", "America/Havana", "America/Santiago", "America/St_Johns", "America/Godthab", "America/Asuncion",
		"Africa/Cairo", "Africa/Casablanca", "Africa/Windhoek", "Asia/Tehran", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Gaza", "Asia/Beirut",
		"Asia/Pyongyang", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Antarctica/Troll",
	}
}

// A modelField is a field of a line with its meaning.
type modelField struct {
	text string
	set  [64]bool
	star bool // begins with "*"
}

func field(r *rand.Rand, low, high int, likely ...int) modelField {
	var f modelField
	value := func() int {
		if len(likely) > 0 && r.IntN(2) == 0 {
			return likely[r.IntN(len(likely))]
		}
		return low + r.IntN(high-low+1)
	}
	fill := func(from, to, step int) {
		for i := from; i <= to; i += step {
			f.set[i] = true
		}
	}
	switch r.IntN(7) {
	case 0:
		f.text, f.star = "*", true
		fill(low, high, 1)
	case 1:
		step := 2 + r.IntN(max((high-low)/2, 1))
		f.text, f.star = fmt.Sprintf("*/%d", step), true
		fill(low, high, step)
	case 2:
		a, b := value(), value()
		if a > b {
			a, b = b, a
		}
		f.text = fmt.Sprintf("%d-%d", a, b)
		fill(a, b, 1)
	case 3:
		a, b := value(), value()
		if a > b {
			a, b = b, a
		}
		step := 1 + r.IntN(max(min(5, b-a), 1)) // the library refuses a step longer than its span
		f.text = fmt.Sprintf("%d-%d/%d", a, b, step)
		fill(a, b, step)
	case 4:
		var texts []string
		for range 2 + r.IntN(3) {
			v := value()
			texts = append(texts, strconv.Itoa(v))
			f.set[v] = true
		}
		f.text = strings.Join(texts, ",")
	default:
		v := value()
		f.text = strconv.Itoa(v)
		f.set[v] = true
	}
	return f
}

// A modelLine is a line with its meaning.
type modelLine struct {
	text                string
	minute, hour, month modelField
	day                 func(year int, month time.Month, day int, weekday time.Weekday) bool
}

func randomLine(r *rand.Rand) *modelLine {
	l := &modelLine{minute: field(r, 0, 59, 0, 30, 45), hour: field(r, 0, 23, 0, 1, 2, 3, 23)}
	anyField := func(low, high int) modelField {
		if r.IntN(3) > 0 {
			f := modelField{text: "*", star: true}
			for i := low; i <= high; i++ {
				f.set[i] = true
			}
			return f
		}
		return field(r, low, high)
	}
	l.month = anyField(1, 12)
	dom, dow := anyField(1, 31), anyField(0, 7)
	inMonth := func(_ int, _ time.Month, day int) bool { return dom.set[day] }
	switch r.IntN(12) {
	case 0:
		back := r.IntN(4)
		dom.text = "L"
		if back > 0 {
			dom.text = fmt.Sprintf("L-%d", back)
		}
		inMonth = func(year int, month time.Month, day int) bool {
			return time.Date(year, month, day+back, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 1).Day() == 1
		}
	case 1:
		n := 1 + r.IntN(5)
		weekday := r.IntN(7)
		dow = modelField{text: fmt.Sprintf("%d#%d", weekday, n)}
		l.day = either(dom, dow, inMonth, func(day int, w time.Weekday) bool { return int(w) == weekday && (day-1)/7 == n-1 })
	}
	if l.day == nil {
		l.day = either(dom, dow, inMonth, func(_ int, w time.Weekday) bool {
			return dow.set[int(w)] || w == time.Sunday && dow.set[7]
		})
	}
	l.text = strings.Join([]string{l.minute.text, l.hour.text, dom.text, l.month.text, dow.text}, " ")
	return l
}

// either is POSIX's rule for days: where both are given, either suits.
func either(dom, dow modelField, inMonth func(int, time.Month, int) bool, inWeek func(int, time.Weekday) bool) func(int, time.Month, int, time.Weekday) bool {
	return func(year int, month time.Month, day int, w time.Weekday) bool {
		switch {
		case dom.text == "*" && dow.text == "*":
			return true
		case dom.text == "*":
			return inWeek(day, w)
		case dow.text == "*":
			return inMonth(year, month, day)
		}
		return inMonth(year, month, day) || inWeek(day, w)
	}
}

// matches says whether the clock shows a time of the line. wall is in UTC.
func (l *modelLine) matches(wall time.Time) bool {
	if !l.minute.set[wall.Minute()] || !l.hour.set[wall.Hour()] {
		return false
	}
	year, month, day := wall.Date()
	return l.month.set[int(month)] && l.day(year, month, day, wall.Weekday())
}

// walk gives all due times of the lines in [from, to), by line.
func walk(lines []*modelLine, zone *time.Location, from, to time.Time) [][]time.Time {
	due := make([][]time.Time, len(lines))
	// A day earlier, to know what the clock has shown.
	t := from.Add(-26 * time.Hour).Truncate(time.Minute)
	_, offset := t.In(zone).Zone()
	last := t.Add(-time.Minute).UTC().Add(time.Duration(offset) * time.Second)
	highest := last
	_, end := t.In(zone).ZoneBounds()
	for ; t.Before(to); t = t.Add(time.Minute) {
		if !end.IsZero() && !t.Before(end) {
			_, offset = t.In(zone).Zone()
			_, end = t.In(zone).ZoneBounds()
		}
		wall := t.UTC().Add(time.Duration(offset) * time.Second)
		gap := wall.Sub(last) > time.Minute
		again := !wall.After(highest)
		for i, l := range lines {
			is := l.matches(wall) && (!again || l.minute.star || l.hour.star)
			for lost := last.Add(time.Minute); gap && !is && !l.hour.star && lost.Before(wall); lost = lost.Add(time.Minute) {
				is = l.matches(lost)
			}
			if is && !t.Before(from) {
				due[i] = append(due[i], t)
			}
		}
		last = wall
		if wall.After(highest) {
			highest = wall
		}
	}
	return due
}

func TestLinesAgainstModel(t *testing.T) {
	t.Parallel()
	seed, lines, whole := uint64(time.Now().UnixNano()), 6, false
	if n, err := strconv.Atoi(os.Getenv("A0RUN_CRON")); err == nil {
		lines, whole = n, true
	}
	if n, err := strconv.ParseUint(os.Getenv("A0RUN_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("A0RUN_SEED=%d", seed)
	var compared, changes int
	for i, name := range modelZones() {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		var all []*modelLine
		for len(all) < lines {
			all = append(all, randomLine(r))
		}
		for _, span := range spans(zone, r, whole) {
			changes++
			want := walk(all, zone, span[0], span[1])
			for j, l := range all {
				compared += len(want[j])
				if wrong := compare(l.text, zone, span, want[j]); wrong != "" {
					t.Fatalf("A0RUN_SEED=%d: %s in %s: %s", seed, l.text, name, wrong)
				}
			}
		}
	}
	t.Logf("%d due times in %d spans", compared, changes)
	if compared < 10_000 || changes < 10 {
		t.Fatalf("only %d due times in %d spans were compared", compared, changes)
	}
}

// spans are all 40 years, or the days around some changes of the clocks and one
// month anywhere.
func spans(zone *time.Location, r *rand.Rand, whole bool) [][2]time.Time {
	from, to := time.Date(modelFrom, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(modelTo, 1, 1, 0, 0, 0, 0, time.UTC)
	if whole {
		return [][2]time.Time{{from, to}}
	}
	at := from.Add(time.Duration(r.IntN(40*365)) * 24 * time.Hour)
	all := [][2]time.Time{{at, at.AddDate(0, 1, 0)}}
	changes := Changes(zone, from, to)
	r.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	for _, c := range changes[:min(len(changes), 6)] {
		all = append(all, [2]time.Time{c.At.Add(-36 * time.Hour), c.At.Add(40 * time.Hour)})
	}
	return all
}

// compare walks a line and says where it differs; "" where it does not.
func compare(text string, zone *time.Location, span [2]time.Time, want []time.Time) string {
	l, err := parseLine(text, zone)
	if err != nil {
		if strings.HasSuffix(err.Error(), "never comes") && len(want) == 0 {
			return ""
		}
		return err.Error()
	}
	var got []time.Time
	for t := l.next(span[0].Add(-time.Nanosecond)); !t.IsZero() && t.Before(span[1]); t = l.next(t) {
		got = append(got, t)
		if len(got) > len(want) || !t.Equal(want[len(got)-1]) {
			break
		}
	}
	if slices.EqualFunc(got, want, time.Time.Equal) {
		return ""
	}
	i := 0
	for i < len(got) && i < len(want) && got[i].Equal(want[i]) {
		i++
	}
	at := func(times []time.Time) string {
		if i == len(times) {
			return "none"
		}
		return times[i].In(zone).Format(time.RFC3339)
	}
	return fmt.Sprintf("got %s, the model says %s", at(got), at(want))
}

// From any instant on, not only from a due time, the next is the same.
func TestNextFromAnywhere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range spans(zone, r, false)[1:] {
			model := randomLine(r)
			l, err := parseLine(model.text, zone)
			if err != nil {
				continue
			}
			want := walk([]*modelLine{model}, zone, span[0], span[1])[0]
			for range 200 {
				after := span[0].Add(time.Duration(r.Int64N(int64(span[1].Sub(span[0])))))
				i, found := slices.BinarySearchFunc(want, after, time.Time.Compare)
				if found {
					i++
				}
				if got := l.next(after); i < len(want) && !got.Equal(want[i]) {
					t.Fatalf("%s in %s after %s: got %s, want %s", model.text, name, after.In(zone), got.In(zone), want[i].In(zone))
				}
			}
		}
	}
}
