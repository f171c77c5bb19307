package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
)

// keys are the keys of a schedule.
func keys() []string {
	return []string{
		"name", "description", "playbook", "cron", "every", "at", "zone", "params", "tenant", "tenants", "jitter", "start", "end",
		"missed", "missed_limit", "missed_within", "overlap", "timeout", "retries", "retry_delay", "pause", "blackout", "approve", "lapse", "yes",
	}
}

// Example is a schedule that is right, for hints.
const Example = `{cron: "30 3 * * mon-fri", zone: Europe/Berlin}`

// Parse reads one schedule from a constant tree: an object of its keys, or a
// cron line alone. at gives the place of a dotted path in it, "" being the
// schedule itself. All mistakes come at once.
func Parse(v any, at func(path string) engine.Position) (*Schedule, engine.Problems) {
	p := &parser{at: at, s: &Schedule{
		Where: at(""), Zone: time.UTC, Missed: MissedOnce, MissedLimit: DefaultMissedLimit, Overlap: OverlapSkip,
		RetryDelay: DefaultRetryDelay, Lapse: DefaultLapse, at: at,
	}}
	tree, ok := v.(*engine.Object)
	if text, isText := v.(string); isText {
		tree, ok = engine.NewObject(1), true
		tree.Set("cron", text)
	}
	if !ok {
		p.wrong("", Example, "schedule: got %s, want a cron line or an object", engine.TypeName(v))
		return nil, p.problems
	}
	p.tree = tree
	p.read()
	return p.s, p.problems
}

// OfHead are the schedules of a playbook's head: one, or a list of them. Their
// IDs are made of id, the playbook's.
func OfHead(h engine.Head, id string) ([]*Schedule, engine.Problems) {
	at := h.At
	if at == nil {
		at = func(string) engine.Position { return h.Where }
	}
	if h.Schedule == nil {
		return nil, nil
	}
	list, several := h.Schedule.([]any)
	if !several {
		list = []any{h.Schedule}
	}
	var all []*Schedule
	var problems engine.Problems
	for i, v := range list {
		base := "schedule"
		if several {
			base += "." + strconv.Itoa(i+1)
		}
		s, wrong := Parse(v, func(path string) engine.Position {
			if path == "" {
				return at(base)
			}
			return at(base + "." + path)
		})
		problems = append(problems, wrong...)
		if s == nil {
			continue
		}
		if s.Playbook != "" {
			problems = append(problems, engine.Problem{Where: s.At("playbook"), Message: "playbook: the schedule of a head is that of its playbook", Hint: "leave it out"})
		}
		if s.ID = id; several {
			s.ID += "#" + s.nameOr(i)
		}
		for _, other := range all {
			if other.ID == s.ID {
				problems = append(problems, engine.Problem{Where: s.Where, Message: "two schedules of the playbook are called " + s.nameOr(i)})
			}
		}
		all = append(all, s)
	}
	return all, problems
}

func (s *Schedule) nameOr(i int) string {
	if s.Name != "" {
		return s.Name
	}
	return strconv.Itoa(i + 1)
}

type parser struct {
	at       func(string) engine.Position
	tree     *engine.Object
	s        *Schedule
	problems engine.Problems
}

func (p *parser) wrong(path, hint, format string, args ...any) {
	p.problems = append(p.problems, engine.Problem{Where: p.at(path), Message: fmt.Sprintf(format, args...), Hint: hint})
}

// read reads the zone first, since times are read in it.
func (p *parser) read() {
	if v, ok := p.tree.Get("zone"); ok && !empty(v) {
		p.zone(v)
	}
	for key, v := range p.tree.All() {
		if !p.timingKey(key) && !empty(v) {
			p.key(key, v)
		}
	}
	p.timing()
	s := p.s
	if !s.Start.IsZero() && !s.End.IsZero() && s.End.Before(s.Start) {
		p.wrong("end", "", "end: %s is before start: %s", s.End.Format(time.RFC3339), s.Start.Format(time.RFC3339))
	}
	p.conflicts()
	if len(p.problems) == 0 {
		p.jitter()
	}
}

// jitter refuses one by which runs would begin in another order than they are due.
func (p *parser) jitter() {
	s := p.s
	if gap := s.shortest(s.Jitter); gap > 0 && s.Jitter > gap {
		p.wrong("jitter", "jitter: "+shortDuration(gap)+" at most",
			"jitter: %s is more than the %s between two due times: a run could begin before the one that was due before it", shortDuration(s.Jitter), shortDuration(gap))
	}
}

// shortest is the shortest time between two due times that follow each other, of
// those of a year, or the first that is shorter than enough. 0 where there are no
// two.
func (s *Schedule) shortest(enough time.Duration) time.Duration {
	if enough <= 0 {
		return 0
	}
	shortest := time.Duration(0)
	begin := later(s.Start, time.Date(2026, 1, 1, 0, 0, 0, 0, s.Zone)).Add(-time.Nanosecond)
	last := s.timing.next(begin)
	for n := 0; n < 1000 && !last.IsZero() && last.Sub(begin) < 366*24*time.Hour; n++ {
		t := s.timing.next(last)
		if t.IsZero() {
			break
		}
		if gap := t.Sub(last); shortest == 0 || gap < shortest {
			shortest = gap
		}
		if shortest < enough {
			break
		}
		last = t
	}
	return shortest
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// conflicts are keys that say nothing beside others.
func (p *parser) conflicts() {
	_, limited := p.tree.Get("missed_limit")
	_, within := p.tree.Get("missed_within")
	_, delayed := p.tree.Get("retry_delay")
	_, lapses := p.tree.Get("lapse")
	_, tenant := p.tree.Get("tenant")
	_, tenants := p.tree.Get("tenants")
	switch s := p.s; {
	case limited && s.Missed != MissedAll:
		p.wrong("missed_limit", "missed: all", "missed_limit: is for missed: all, and missed is %s", s.Missed)
	case within && s.Missed == MissedSkip:
		p.wrong("missed_within", "missed: once, or missed: all", "missed_within: is for what is made up for, and missed is skip")
	case delayed && s.Retries == 0:
		p.wrong("retry_delay", "retries: 3", "retry_delay: there are no retries")
	case lapses && !s.Approve:
		p.wrong("lapse", "approve: true", "lapse: is for a schedule that waits for approval")
	case tenant && tenants:
		p.wrong("tenants", "", "tenant and tenants: give one of them")
	}
}

func empty(v any) bool { return v == nil || v == (engine.Null{}) }

func (p *parser) timingKey(key string) bool {
	return key == "cron" || key == "every" || key == "at" || key == "zone"
}

func (p *parser) key(key string, v any) {
	s := p.s
	switch key {
	case "name":
		if s.Name = p.text(key, v); strings.ContainsAny(s.Name, " \t#/") {
			p.wrong(key, "names are words like nightly-cleanup", "name: %q is no name", s.Name)
		}
	case "description":
		s.Description = p.text(key, v)
	case "playbook":
		s.Playbook = p.text(key, v)
	case "params":
		s.Params = p.object(key, v)
	case "tenant":
		s.Tenants = map[string]string{"": p.text(key, v)}
	case "tenants":
		s.Tenants = map[string]string{}
		for role, name := range p.object(key, v).All() {
			s.Tenants[role] = p.text("tenants."+role, name)
		}
	case "start":
		s.Start = p.time(key, v)
	case "end":
		s.End = p.end(v)
	case "missed":
		s.Missed = p.word(key, v, MissedOnce, MissedAll, MissedSkip)
	case "overlap":
		s.Overlap = p.word(key, v, OverlapSkip, OverlapQueue, OverlapCancelOld, OverlapParallel)
	case "missed_limit":
		s.MissedLimit = p.count(key, v, 1, 10_000)
	case "retries":
		s.Retries = p.count(key, v, 0, 100)
	case "pause":
		s.Paused = p.boolean(key, v)
	case "yes":
		s.Yes = p.boolean(key, v)
	case "approve":
		s.Approve = p.boolean(key, v)
	case "blackout":
		p.blackouts(v)
	default:
		p.durations(key, v)
	}
}

// durations are the keys that hold one, and those that do not exist.
func (p *parser) durations(key string, v any) {
	s := p.s
	places := map[string]*time.Duration{
		"jitter": &s.Jitter, "timeout": &s.Timeout, "missed_within": &s.MissedWithin, "retry_delay": &s.RetryDelay, "lapse": &s.Lapse,
	}
	if place, ok := places[key]; ok {
		*place = p.duration(key, v)
		return
	}
	hint := "known: " + strings.Join(keys(), ", ")
	if near := engine.Nearest(key, keys()); near != "" {
		hint = "did you mean " + near + "?"
	}
	p.wrong(key, hint, "unknown key of a schedule: %s", key)
}

// timing reads exactly one of cron, every and at.
func (p *parser) timing() {
	var given []string
	for _, key := range []string{"cron", "every", "at"} {
		v, ok := p.tree.Get(key)
		if !ok {
			continue
		}
		given = append(given, key)
		switch key {
		case "cron":
			p.line(v)
		case "every":
			p.every(v)
		case "at":
			p.points(v)
		}
	}
	switch {
	case len(given) == 0:
		p.wrong("", Example, "a schedule needs cron, every or at")
	case len(given) > 1:
		p.wrong(given[1], "write two schedules", "%s and %s are both given; a schedule has one", given[0], given[1])
	}
	if p.s.timing == nil {
		p.s.timing = points(nil) // of a schedule with mistakes
	}
}

func (p *parser) line(v any) {
	text, ok := v.(string)
	if !ok {
		p.wrong("cron", `cron: "30 3 * * *"`, "cron: got %s, want a line in quotes", engine.TypeName(v))
		return
	}
	l, err := parseLine(strings.TrimSpace(text), p.s.Zone)
	if err != nil {
		hint := lineHint
		var wrong *lineError
		if errors.As(err, &wrong) {
			hint = wrong.hint
		}
		p.wrong("cron", hint, "cron: %v", err)
		return
	}
	p.s.timing = l
}

// every refuses a number without a unit, although it would be seconds as it is for
// timeouts: who writes 15 for how often means minutes as likely.
func (p *parser) every(v any) {
	switch v.(type) {
	case int64, float64:
		p.wrong("every", fmt.Sprintf("write %vs, %vm or %vh", v, v, v), "every: %v has no unit", v)
		return
	}
	every := p.duration("every", v)
	switch {
	case every == 0:
		return
	case every < time.Second || every%time.Second != 0:
		p.wrong("every", "every: 10s", "every: %s is not made of whole seconds", every)
		return
	}
	anchor := p.s.Start
	if anchor.IsZero() {
		anchor = time.Unix(0, 0)
	}
	p.s.timing = &interval{every: every, anchor: anchor}
}
