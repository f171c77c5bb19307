package cron

import (
	"strings"
	"testing"
	"time"

	"a0run/engine"
)

// tree makes an object of keys and values.
func tree(pairs ...any) *engine.Object {
	o := engine.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		o.Set(key, pairs[i+1])
	}
	return o
}

// Each mistake says what is wrong, and what would be right.
func TestMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		v    any
		want string
	}{
		"nothing":              {tree(), "a schedule needs cron, every or at (" + Example + ")"},
		"no schedule":          {true, "schedule: got a boolean, want a cron line or an object (" + Example + ")"},
		"two timings":          {tree("cron", "0 0 * * *", "every", "5m"), "cron and every are both given; a schedule has one (write two schedules)"},
		"an unknown key":       {tree("crom", "0 0 * * *"), "unknown key of a schedule: crom (did you mean cron?)"},
		"an hour":              {tree("cron", "0 24 * * *"), "cron: 0 24 * * *: 24 is no hour (hours are 0-23"},
		"a day":                {tree("cron", "0 0 * * funday"), "funday is no day of the week (days are 0-7"},
		"four fields":          {tree("cron", "0 0 * *"), `"0 0 * *": 4 fields, want 5 (five fields: minute hour`},
		"six fields":           {tree("cron", "0 0 0 * * *"), "6 fields, want 5 (there is no field for seconds or years; every: 10s"},
		"a macro":              {tree("cron", "@dayly"), "@dayly is unknown (known: @hourly"},
		"every in cron":        {tree("cron", "@every 5m"), "@every 5m is no cron line (every: 5m instead of cron:)"},
		"a zone in cron":       {tree("cron", "TZ=UTC 0 0 * * *"), "a zone does not stand in the line (zone: Europe/Berlin beside cron:)"},
		"never":                {tree("cron", "0 0 31 2 *"), "0 0 31 2 * never comes"},
		"a zone":               {tree("cron", "0 0 * * *", "zone", "Europe/Berln"), `zone: there is no time zone "Europe/Berln"`},
		"the machine's zone":   {tree("cron", "0 0 * * *", "zone", "Local"), `there is no time zone "Local"`},
		"too often":            {tree("every", "100ms"), "every: 100ms is not made of whole seconds"},
		"no unit":              {tree("every", int64(15)), "every: 15 has no unit (write 15s, 15m or 15h)"},
		"no unit from Lua":     {tree("every", 15.0), "every: 15 has no unit"},
		"minutes backwards":    {tree("cron", "50-10 * * * *"), "cron: 50-10 * * * *: 50-10 goes backwards (50-59,0-10 is both sides of the turn)"},
		"hours backwards":      {tree("cron", "0 22-6/2 * * *"), "22-6/2 goes backwards (22-23,0-6 is"},
		"days backwards":       {tree("cron", "0 0 * * 5-1"), "5-1 goes backwards (fri-mon, or 5-6,0-1)"},
		"months backwards":     {tree("cron", "0 0 1 nov-feb *"), "nov-feb goes backwards (11-12,1-2 is"},
		"too much jitter":      {tree("every", "5m", "jitter", "6m"), "jitter: 6m is more than the 5m between two due times: a run could begin before the one that was due before it (jitter: 5m at most)"},
		"jitter of a line":     {tree("cron", "0,10 3 * * *", "jitter", "1h"), "jitter: 1h is more than the 10m between two due times"},
		"no duration":          {tree("every", "soon"), `every: got "soon", want a duration`},
		"no time":              {tree("at", "tomorrow"), `at: got "tomorrow", want a time (write "2026-12-24 03:00"`},
		"a day alone":          {tree("at", "2026-12-24"), `at: "2026-12-24" has no time of day (at: "2026-12-24 03:00")`},
		"a policy":             {tree("cron", "0 0 * * *", "overlap", "cancel"), `overlap: got "cancel", want skip, queue, cancel-old, parallel (did you mean cancel-old?)`},
		"a limit of nothing":   {tree("cron", "0 0 * * *", "missed_limit", int64(3)), "missed_limit: is for missed: all, and missed is once"},
		"retries":              {tree("cron", "0 0 * * *", "retries", "many"), `retries: got "many", want a number from 0 to 100`},
		"a delay of nothing":   {tree("cron", "0 0 * * *", "retry_delay", "5m"), "retry_delay: there are no retries"},
		"end before start":     {tree("cron", "0 0 * * *", "start", "2026-02-01", "end", "2026-01-01"), "is before start"},
		"a window":             {tree("cron", "0 0 * * *", "blackout", tree("days", "sat", "from", "2026-01-01")), "blackout: give days and between, or from and to"},
		"always black":         {tree("cron", "0 0 * * *", "blackout", tree("days", "mon-sun")), "the windows leave no time free"},
		"an unknown window":    {tree("cron", "0 0 * * *", "blackout", tree("day", "mon")), "unknown key of a blackout window: day (did you mean days?)"},
		"tenant and tenants":   {tree("cron", "0 0 * * *", "tenant", "a", "tenants", tree("x", "y")), "tenant and tenants: give one of them"},
		"lapse without reason": {tree("cron", "0 0 * * *", "lapse", "8h"), "lapse: is for a schedule that waits for approval"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := Parse(tc.v, func(path string) engine.Position {
				return engine.Position{File: "a0run.yaml", Line: 1, Column: 1 + len(path)}
			})
			if len(problems) == 0 || !strings.Contains(problems.Error(), tc.want) {
				t.Errorf("got %v, want %q", problems, tc.want)
			}
		})
	}
}

// What is near to these mistakes is none.
func TestNearMistakes(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		tree("every", "15s"), tree("every", "5m", "jitter", "5m"), tree("cron", "0 3 * * *", "jitter", "2h"), tree("cron", "0 0 * * fri-mon"), tree("cron", "0 0 * * 5-7"),
		tree("cron", "0 0 L-3 * *"), tree("cron", "0 22-23,0-6 * * *"), tree("at", "2026-12-24 03:00", "jitter", "2h"), tree("cron", "0 0 29 2 *", "jitter", "2h"),
	} {
		if _, problems := Parse(v, func(string) engine.Position { return engine.Position{} }); len(problems) > 0 {
			t.Errorf("%v: %v", v, problems)
		}
	}
	from := time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC) // a Friday
	s, _ := Parse(tree("cron", "0 0 * * fri-mon"), func(string) engine.Position { return engine.Position{} })
	var days []string
	for range 4 {
		from = s.Next(from)
		days = append(days, from.Format("Mon"))
	}
	if got := strings.Join(days, " "); got != "Sat Sun Mon Fri" {
		t.Errorf("fri-mon after a Friday is %s", got)
	}
}

func TestHeadSchedules(t *testing.T) {
	t.Parallel()
	h := engine.Head{Schedule: "0 3 * * *"}
	all, problems := OfHead(h, "jobs/a.lua")
	if len(problems) > 0 || len(all) != 1 || all[0].ID != "jobs/a.lua" || all[0].Words() != "every day at 03:00 UTC" {
		t.Errorf("got %+v, %v", all, problems)
	}
	h.Schedule = []any{tree("cron", "0 3 * * *", "name", "night"), tree("every", "5m")}
	all, problems = OfHead(h, "a.lua")
	if len(problems) > 0 || len(all) != 2 || all[0].ID != "a.lua#night" || all[1].ID != "a.lua#2" {
		t.Errorf("got %+v, %v", all, problems)
	}
	h.Schedule = []any{tree("cron", "0 3 * * *", "name", "2"), tree("every", "5m")}
	if _, problems = OfHead(h, "a.lua"); len(problems) != 1 {
		t.Errorf("two of a name: %v", problems)
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ spec, zone, after, want string }{
		"gap":         {"cron 30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "02:30 does not exist: the clocks go forward from 02:00 to 03:00"},
		"first":       {"cron 30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", "the first 02:30: the clocks go back from 03:00 to 02:00"},
		"second":      {"cron */30 * * * *", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "the second 02:00: the clocks go back from 03:00 to 02:00"},
		"day":         {"cron 0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00", "09:00 does not exist: the clocks go forward from 2011-12-30 00:00 to 2011-12-31 00:00"},
		"nothing":     {"cron 30 2 * * *", "Europe/Berlin", "2026-03-29T12:00:00+02:00", ""},
		"an interval": {"every 1h", "Europe/Berlin", "2026-03-29T00:30:00+01:00", ""},
	}
	for name, tc := range tests {
		s := parseSpec(t, tc.spec, tc.zone)
		after, err := time.Parse(time.RFC3339, tc.after)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Note(s.Next(after)); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
