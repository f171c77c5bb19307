package cron

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"a0run/engine"
)

// parseSpec makes a schedule of "cron LINE", "every D" or "at T, T".
func parseSpec(tb testing.TB, spec, zone string, more ...any) *Schedule {
	tb.Helper()
	key, text, _ := strings.Cut(spec, " ")
	tree := engine.NewObject(2)
	tree.Set(key, text)
	tree.Set("zone", zone)
	for i := 0; i < len(more); i += 2 {
		name, _ := more[i].(string)
		tree.Set(name, more[i+1])
	}
	s, problems := Parse(tree, func(string) engine.Position { return engine.Position{} })
	if len(problems) > 0 {
		tb.Fatalf("%s: %v", spec, problems)
	}
	s.ID = "test"
	return s
}

// What the clocks of known days do, written by hand from the zones' histories.
func TestKnownDays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spec, zone, after string
		want              []string
	}{
		"a gap, New York":                       {"cron 30 2 * * *", "America/New_York", "2026-03-07T12:00:00-05:00", []string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		"an overlap, New York":                  {"cron 30 1 * * *", "America/New_York", "2026-10-31T12:00:00-04:00", []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		"a gap at midnight, Cairo":              {"cron 30 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00+02:00", []string{"2026-04-24T01:00:00+03:00", "2026-04-25T00:30:00+03:00"}},
		"a gap of half an hour, Lord Howe":      {"cron 15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", []string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		"an overlap of half an hour, Lord Howe": {"cron 45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00+11:00", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		"a gap at midnight, Sao Paulo":          {"cron 0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00", []string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		"an overlap at midnight, Sao Paulo":     {"cron 30 23 * * *", "America/Sao_Paulo", "2019-02-16T12:00:00-02:00", []string{"2019-02-16T23:30:00-02:00", "2019-02-17T23:30:00-03:00"}},
		"a day left out, Samoa":                 {"cron 0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00", []string{"2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"}},
		"each hour on the day left out":         {"cron 0 * * * *", "Pacific/Apia", "2011-12-29T22:30:00-10:00", []string{"2011-12-29T23:00:00-10:00", "2011-12-31T00:00:00+14:00"}},
		"one gap, one run":                      {"cron 0,15,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		"a time right behind the gap":           {"cron 0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		"*/n in the hour that comes twice":      {"cron */30 * * * *", "Europe/Berlin", "2026-10-25T02:15:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"}},
		"*/n across a gap":                      {"cron */30 * * * *", "Europe/Berlin", "2026-03-29T01:15:00+01:00", []string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00"}},
		"*/n of a fixed hour that comes twice":  {"cron */30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:00:00+01:00"}},
		"*/n of a fixed hour in a gap":          {"cron */30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		"either day, as in POSIX":               {"cron 0 9 13 * 5", "UTC", "2026-02-01T00:00:00Z", []string{"2026-02-06T09:00:00Z", "2026-02-13T09:00:00Z", "2026-02-20T09:00:00Z"}},
		"the month's last day":                  {"cron 0 0 L * *", "UTC", "2028-02-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"}},
		"a day that comes every eight years":    {"cron 0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		"Sunday is 0 and 7":                     {"cron 0 0 * * 7", "UTC", "2026-11-26T00:00:00Z", []string{"2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"}},
		"an interval":                           {"every 90m", "Europe/Berlin", "2026-03-29T00:30:00+01:00", []string{"2026-03-29T01:00:00+01:00", "2026-03-29T03:30:00+02:00"}},
		"points":                                {"at 2026-03-29 02:30", "Europe/Berlin", "2026-01-01T00:00:00Z", []string{"2026-03-29T03:00:00+02:00", ""}},
		"a point that comes twice":              {"at 2026-10-25 02:30", "Europe/Berlin", "2026-01-01T00:00:00Z", []string{"2026-10-25T02:30:00+02:00", ""}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parseSpec(t, tc.spec, tc.zone)
			at, err := time.Parse(time.RFC3339, tc.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				at = s.Next(at)
				got := ""
				if !at.IsZero() {
					got = at.Format(time.RFC3339)
				}
				if got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		})
	}
}
