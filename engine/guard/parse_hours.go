package guard

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
)

// hours reads {zone, days, between}.
func (p *parser) hours(v any) {
	o, ok := v.(*engine.Object)
	if !ok {
		p.mismatch("hours", "{zone: …, days: [mon-fri], between: [\"09:00\", \"17:00\"]}", v)
		return
	}
	h := &hours{where: p.at("hours")}
	before := len(p.problems)
	given := 0
	for key, x := range o.All() {
		switch key {
		case "zone":
			h.zone = p.zone(x)
		case "days":
			given++
			p.days(x, h)
		case "between":
			given++
			p.between(x, h)
		default:
			p.unknown("hours."+key, "key of hours", key, []string{"zone", "days", "between"})
		}
	}
	switch _, zoned := o.Get("zone"); {
	case !zoned:
		p.wrong("hours", "zone: Europe/Berlin", "hours: zone is missing; the same hour is another one elsewhere")
	case given == 0 && len(p.problems) == before:
		p.wrong("hours", "", "hours: give days, between, or both")
	}
	if _, ok := o.Get("days"); !ok {
		h.days = [7]bool{true, true, true, true, true, true, true}
	}
	if _, ok := o.Get("between"); !ok {
		h.to = dayMinutes
	}
	if len(p.problems) == before {
		p.rules.hours = h
	}
}

func (p *parser) zone(v any) *time.Location {
	name, ok := v.(string)
	if !ok {
		p.mismatch("hours.zone", "the name of a time zone, as Europe/Berlin or UTC", v)
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" { // the machine's own is another one on the next machine
		p.wrong("hours.zone", "zones are called Europe/Berlin, America/New_York, UTC", "hours.zone: there is no time zone %q", name)
		return nil
	}
	return zone
}

// days reads days and spans of days; mon-fri, and fri-mon over the weekend.
func (p *parser) days(v any, h *hours) {
	before := len(p.problems)
	list := p.list("hours.days", "a list of days, as mon-fri", v)
	if len(list) == 0 && len(p.problems) == before {
		p.wrong("hours.days", "days: [mon-fri]", "hours.days is empty: nothing could ever be written")
	}
	for i, x := range list {
		at := itemPath("hours.days", v, i)
		text, ok := x.(string)
		if !ok {
			p.mismatch(at, "a day, as mon, or days, as mon-fri", x)
			continue
		}
		first, last, span := strings.Cut(text, "-")
		from, good := p.day(at, first)
		to := from
		if span && good {
			to, good = p.day(at, last)
		}
		if !good {
			continue
		}
		for d := from; ; d = (d + 1) % 7 {
			h.days[weekday(d)] = true
			if d == to {
				break
			}
		}
	}
}

// day takes a day's first three letters or its whole name.
func (p *parser) day(path, text string) (int, bool) {
	name := strings.ToLower(strings.TrimSpace(text))
	for i, short := range weekdays() {
		if name == short || name == strings.ToLower(weekday(i).String()) {
			return i, true
		}
	}
	known := weekdays()
	hint := "known: " + strings.Join(known, ", ")
	if len(name) >= 3 && slices.Contains(known, name[:3]) {
		hint = "did you mean " + name[:3] + "?"
	}
	p.wrong(path, hint, "hours.days: %q is no day", text)
	return 0, false
}

// between reads ["09:00", "17:00"], or "09:00-17:00".
func (p *parser) between(v any, h *hours) {
	list, ok := v.([]any)
	if text, isText := v.(string); isText {
		if from, to, both := strings.Cut(text, "-"); both {
			list, ok = []any{from, to}, true
		}
	}
	if !ok || len(list) != 2 {
		p.wrong("hours.between", `between: ["09:00", "17:00"]`, "hours.between: want two times of day")
		return
	}
	var minutes [2]int
	for i, x := range list {
		text, _ := x.(string)
		var good bool
		if minutes[i], good = timeOfDay(text); !good {
			p.wrong(itemPath("hours.between", v, i), `times are written "09:00"`, "hours.between: %s is no time of day", shown(x))
			return
		}
	}
	h.from, h.to = minutes[0], minutes[1]
	switch h.from {
	case h.to:
		p.wrong("hours.between", "leave it out for the whole day", "hours.between begins and ends at the same time")
	case dayMinutes:
		p.wrong("hours.between", "write 00:00 and the next day", "hours.between begins at the end of the day")
	}
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
