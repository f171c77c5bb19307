package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
)

func (p *parser) text(path string, v any) string {
	text, ok := v.(string)
	if !ok || text == "" {
		p.wrong(path, "", "%s: got %s, want text", path, shown(v))
	}
	return text
}

func (p *parser) object(path string, v any) *engine.Object {
	o, ok := v.(*engine.Object)
	if !ok {
		p.wrong(path, "", "%s: got %s, want names and values", path, shown(v))
		return engine.NewObject(0)
	}
	return o
}

func (p *parser) boolean(path string, v any) bool {
	on, ok := v.(bool)
	if !ok {
		p.wrong(path, "", "%s: got %s, want true or false", path, shown(v))
	}
	return on
}

func (p *parser) count(path string, v any, least, most int64) int {
	n, ok := v.(int64)
	if f, isFloat := v.(float64); isFloat && f == float64(int64(f)) { // Lua's numbers
		n, ok = int64(f), true
	}
	if !ok || n < least || n > most {
		p.wrong(path, "", "%s: got %s, want a number from %d to %d", path, shown(v), least, most)
		return int(least)
	}
	return int(n)
}

// word takes one of some words; the first where it is none of them.
func (p *parser) word(path string, v any, known ...string) string {
	text, _ := v.(string)
	if slices.Contains(known, text) {
		return text
	}
	hint := "known: " + strings.Join(known, ", ")
	if near := engine.Nearest(text, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	p.wrong(path, hint, "%s: got %s, want %s", path, shown(v), strings.Join(known, ", "))
	return known[0]
}

func (p *parser) duration(path string, v any) time.Duration {
	d, ok := engine.ParseDuration(v)
	switch {
	case !ok:
		p.wrong(path, `write "10m", "1h30m", "2d", or a number of seconds`, "%s: got %s, want a duration", path, shown(v))
		return 0
	case d <= 0:
		p.wrong(path, "", "%s must be longer than nothing", path)
		return 0
	}
	return d
}

// zone takes an IANA name. The machine's own zone is another one on the next
// machine.
func (p *parser) zone(v any) {
	name, _ := v.(string)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		p.wrong("zone", "zones are called Europe/Berlin, America/New_York, UTC", "zone: there is no time zone %s", shown(v))
		return
	}
	p.s.Zone = zone
}

// The forms of times that are read in the schedule's zone.
func localForms() []string {
	return []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}
}

const timeHint = `write "2026-12-24 03:00" (in the schedule's zone), or with its own: 2026-12-24T03:00:00+01:00`

// readTime reads a time; date says that only a day was given, whose beginning
// it then is.
func (p *parser) readTime(v any) (t time.Time, date, ok bool) {
	text, _ := v.(string)
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(p.s.Zone), false, true
	}
	for _, form := range localForms() {
		if wall, err := time.Parse(form, text); err == nil {
			return firstInstant(wall, p.s.Zone).In(p.s.Zone), false, true
		}
	}
	if wall, err := time.Parse("2006-01-02", text); err == nil {
		return firstInstant(wall, p.s.Zone).In(p.s.Zone), true, true
	}
	return time.Time{}, false, false
}

func (p *parser) time(path string, v any) time.Time {
	t, _, ok := p.readTime(v)
	if !ok {
		p.wrong(path, timeHint, "%s: got %s, want a time", path, shown(v))
	}
	return t
}

// end is a time, or a day that still belongs to the schedule.
func (p *parser) end(v any) time.Time {
	t, date, ok := p.readTime(v)
	if !ok {
		p.wrong("end", timeHint, "end: got %s, want a time", shown(v))
	}
	if date {
		next := time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		return firstInstant(next, p.s.Zone).In(p.s.Zone).Add(-time.Nanosecond)
	}
	return t
}

// points takes a time, or a list of times.
func (p *parser) points(v any) {
	list, several := v.([]any)
	if !several {
		list = []any{v}
	}
	var all points
	for i, x := range list {
		path := "at"
		if several {
			path += "." + strconv.Itoa(i+1)
		}
		t, date, ok := p.readTime(x)
		switch {
		case !ok:
			p.wrong(path, timeHint, "at: got %s, want a time", shown(x))
		case date:
			p.wrong(path, `at: "`+t.Format("2006-01-02")+` 03:00"`, "at: %s has no time of day", shown(x))
		default:
			all = append(all, t)
		}
	}
	if len(list) == 0 {
		p.wrong("at", timeHint, "at: is empty")
	}
	slices.SortFunc(all, time.Time.Compare)
	p.s.timing = slices.CompactFunc(all, time.Time.Equal)
}

// blackouts takes one window or a list of them.
func (p *parser) blackouts(v any) {
	list, several := v.([]any)
	if !several {
		list = []any{v}
	}
	for i, x := range list {
		path := "blackout"
		if several {
			path += "." + strconv.Itoa(i+1)
		}
		if w, ok := p.window(path, x); ok {
			p.s.blackouts = append(p.s.blackouts, w)
		}
	}
	if w := p.s.blackouts; len(w) > 0 && len(p.problems) == 0 && p.neverFree() {
		p.wrong("blackout", "", "blackout: the windows leave no time free, and nothing would ever run")
	}
}

// neverFree looks at a fortnight far from any span, minute by minute at the
// windows' borders.
func (p *parser) neverFree() bool {
	for _, w := range p.s.blackouts {
		if !w.begin.IsZero() {
			return false
		}
	}
	for t, last := time.Unix(0, 0), time.Unix(14*24*3600, 0); t.Before(last); {
		end := time.Time{}
		for _, w := range p.s.blackouts {
			if until := w.until(t); until.After(end) {
				end = until
			}
		}
		if end.IsZero() {
			return false
		}
		t = end
	}
	return true
}

const windowHint = `{days: [sat, sun]}, {days: [mon-fri], between: "09:00-17:00"}, or {from: 2026-12-20, to: 2027-01-02}`

// window reads {days, between}, or {from, to}.
func (p *parser) window(path string, v any) (window, bool) {
	o, ok := v.(*engine.Object)
	if !ok {
		p.wrong(path, windowHint, "blackout: got %s, want a window", shown(v))
		return window{}, false
	}
	w := window{zone: p.s.Zone, to: dayMinutes, days: [7]bool{true, true, true, true, true, true, true}}
	before, weekly, span := len(p.problems), 0, 0
	for key, x := range o.All() {
		at := path + "." + key
		switch key {
		case "days":
			weekly++
			w.days = p.days(at, x)
		case "between":
			weekly++
			w.from, w.to = p.between(at, x)
		case "from":
			span++
			w.begin = p.time(at, x)
		case "to":
			span++
			if t, date, ok := p.readTime(x); !ok {
				p.wrong(at, timeHint, "%s: got %s, want a time", at, shown(x))
			} else if w.end = t; date {
				next := time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
				w.end = firstInstant(next, p.s.Zone)
			}
		default:
			hint := "known: days, between, from, to"
			if near := engine.Nearest(key, []string{"days", "between", "from", "to"}); near != "" {
				hint = "did you mean " + near + "?"
			}
			p.wrong(at, hint, "unknown key of a blackout window: %s", key)
		}
	}
	if len(p.problems) > before {
		return w, false
	}
	if span == 1 || span == 0 && weekly == 0 || span > 0 && weekly > 0 {
		p.wrong(path, windowHint, "blackout: give days and between, or from and to")
		return w, false
	}
	if span == 2 && !w.end.After(w.begin) {
		p.wrong(path, "", "blackout: it ends before it begins")
		return w, false
	}
	return w, true
}

// days reads days and spans of days; mon-fri, and fri-mon over the weekend.
func (p *parser) days(path string, v any) (days [7]bool) {
	list, several := v.([]any)
	if !several {
		list = []any{v}
	}
	names := dayNames()
	for _, x := range list {
		text, _ := x.(string)
		for _, part := range strings.Split(text, ",") {
			first, last, span := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
			if !span {
				last = first
			}
			from, to := slices.Index(names, strings.TrimSpace(first)), slices.Index(names, strings.TrimSpace(last))
			if from < 0 || to < 0 {
				p.wrong(path, "days are "+strings.Join(names, ", ")+", and spans as mon-fri", "%s: %s is no day", path, shown(x))
				return days
			}
			for d := from; ; d = (d + 1) % 7 {
				days[(d+1)%7] = true
				if d == to {
					break
				}
			}
		}
	}
	return days
}

// between reads "09:00-17:00", or ["09:00", "17:00"].
func (p *parser) between(path string, v any) (from, to int) {
	var texts []string
	switch x := v.(type) {
	case string:
		texts = strings.Split(x, "-")
	case []any:
		for _, one := range x {
			text, _ := one.(string)
			texts = append(texts, text)
		}
	}
	if len(texts) == 2 {
		var ok, ok2 bool
		from, ok = timeOfDay(texts[0])
		to, ok2 = timeOfDay(texts[1])
		if ok && ok2 && from != to && from < dayMinutes {
			return from, to
		}
	}
	p.wrong(path, `between: "22:00-06:00"`, "%s: got %s, want two times of day", path, shown(v))
	return 0, dayMinutes
}

// timeOfDay reads "09:00" or "9:00"; "24:00" is the end of the day.
func timeOfDay(text string) (int, bool) {
	hour, minute, ok := strings.Cut(strings.TrimSpace(text), ":")
	if !ok || len(minute) != 2 || hour == "" || len(hour) > 2 || strings.Trim(hour+minute, "0123456789") != "" {
		return 0, false
	}
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	total := h*60 + m
	return total, err == nil && err2 == nil && m < 60 && total <= dayMinutes
}

// shown is a value as messages show it: a short one by itself, else its type.
func shown(v any) string {
	switch v.(type) {
	case string, bool, float64, int64:
		if b, err := engine.FormatJSON(v); err == nil && len(b) <= 60 {
			return string(b)
		}
	}
	return engine.TypeName(v)
}
