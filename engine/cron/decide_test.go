package cron

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the schedule, the clock and the crashes: each due time is decided
// exactly once, none is decided that is none, and what a policy promises to run
// runs.
func TestDecideLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		missed := rapid.SampledFrom([]string{MissedOnce, MissedAll, MissedSkip}).Draw(r, "missed")
		overlap := rapid.SampledFrom([]string{OverlapSkip, OverlapQueue, OverlapCancelOld, OverlapParallel}).Draw(r, "overlap")
		spec := rapid.SampledFrom([]string{"every 7s", "every 1m", "cron */5 * * * *", "cron 30 2 * * *", "cron 0 * * * *"}).Draw(r, "spec")
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Australia/Lord_Howe"}).Draw(r, "zone")
		s := parseSpec(t, spec, zone, "missed", missed, "overlap", overlap)
		now := time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC)
		begin := now
		h := History{Decided: now}
		decided := map[time.Time]string{}
		var all []time.Time
		truncated := false
		for step := range rapid.IntRange(1, 40).Draw(r, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(5*time.Minute), int64(20*time.Minute)).Draw(r, "jump")))
			crash := rapid.Bool().Draw(r, "crash")
			before := h
			d := Decide(s, h, now)
			if again := Decide(s, before, now); fmt.Sprint(again) != fmt.Sprint(d) {
				r.Fatalf("asked twice, it answers %v and %v", d, again)
			}
			if crash {
				continue // before it was written: the next service is asked anew
			}
			truncated = truncated || len(d.Fires) >= mostListed
			h = (&past{decided, step}).apply(r, h, d)
			for _, f := range d.Fires {
				all = append(all, f.Due)
			}
			promised(r, s, before.Active, d)
			if n := len(h.Active); n > 0 && rapid.Bool().Draw(r, "end") {
				h.Active = h.Active[rapid.IntRange(1, n).Draw(r, "ended"):]
			}
		}
		if truncated {
			return
		}
		var want []time.Time
		for due := s.Next(begin); !due.After(h.Decided); due = s.Next(due) {
			want = append(want, due)
		}
		slices.SortFunc(all, time.Time.Compare)
		if !slices.EqualFunc(all, want, time.Time.Equal) {
			r.Fatalf("decided %d due times, there are %d", len(all), len(want))
		}
	})
}

// past is what was decided before.
type past struct {
	decided map[time.Time]string
	step    int
}

// apply does what a decision says.
func (p *past) apply(r *rapid.T, h History, d Decision) History {
	decided, step := p.decided, p.step
	for i, f := range d.Fires {
		if decided[f.Due.UTC()] != "" {
			r.Fatalf("%s is decided twice", f.Due)
		}
		decided[f.Due.UTC()] = f.Outcome
		if i > 0 && !d.Fires[i-1].Due.Before(f.Due) {
			r.Fatalf("%s comes after %s", f.Due, d.Fires[i-1].Due)
		}
		if f.Outcome == Run {
			h.Active = append(h.Active, Active{ID: fmt.Sprint(step, ".", i)})
		} else if f.Why == "" {
			r.Fatalf("%s does not run, and nothing says why", f.Due)
		}
	}
	h.Active = slices.DeleteFunc(slices.Clone(h.Active), func(a Active) bool { return slices.Contains(d.Drop, a.ID) })
	for i := range h.Active {
		if slices.Contains(d.Stop, h.Active[i].ID) {
			h.Active[i].Stopping = true
		}
		if i == 0 {
			h.Active[i].Begun = true
		}
	}
	if d.Decided.Before(h.Decided) {
		r.Fatalf("decided up to %s, after %s", d.Decided, h.Decided)
	}
	h.Decided = d.Decided
	return h
}

// promised checks what the policies say of one decision.
func promised(r *rapid.T, s *Schedule, active []Active, d Decision) {
	now := d.Decided
	runs, late, lateRuns := 0, 0, 0
	for _, f := range d.Fires {
		if f.Outcome == Run {
			runs++
		}
		if now.Sub(f.Due) >= Grace {
			late++
			if f.Outcome == Run {
				lateRuns++
			}
		}
	}
	switch {
	case len(d.Fires) == 0:
	case s.Missed == MissedSkip && lateRuns > 0:
		r.Fatal("missed: skip, and a late one runs")
	case s.Missed == MissedOnce && lateRuns > 1:
		r.Fatalf("missed: once, and %d late ones run", lateRuns)
	case s.Missed == MissedOnce && late > 0 && runs == 0:
		r.Fatal("missed: once, and nothing stands for what was missed")
	case s.Missed == MissedAll && (s.Overlap == OverlapQueue || s.Overlap == OverlapParallel || s.Overlap == OverlapSkip && late > 0) && runs < min(len(d.Fires), s.MissedLimit):
		r.Fatalf("missed: all, and %d of %d run", runs, len(d.Fires))
	case s.Overlap == OverlapCancelOld && runs > 1:
		r.Fatalf("cancel-old, and %d run", runs)
	case s.Overlap == OverlapCancelOld && runs == 1 && len(d.Stop)+len(d.Drop) == 0 && slices.ContainsFunc(active, func(a Active) bool { return !a.Stopping }):
		r.Fatal("cancel-old, and the old is not stopped")
	case s.Overlap == OverlapSkip && late == 0 && len(active) > 0 && runs > 0:
		r.Fatal("overlap: skip, and it runs beside another")
	}
}

// A schedule that was off for years costs nothing, and its newest due times are
// found.
func TestManyMissed(t *testing.T) {
	t.Parallel()
	s := parseSpec(t, "every 1s", "UTC", "missed", "all", "missed_limit", int64(3))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := Decide(s, History{Decided: now.AddDate(-20, 0, 0)}, now)
	if n := len(d.Fires); n != mostListed {
		t.Fatalf("%d are listed", n)
	}
	if f := d.Fires[0]; f.Outcome != Missed || f.Why != "the service did not run when it was due, and so many are not made up for; so are those before it, which are not listed" {
		t.Errorf("the oldest: %+v", f)
	}
	run := 0
	for _, f := range d.Fires {
		if f.Outcome == Run {
			run++
		}
	}
	if run != 3+60 { // three of those that were missed, and those of the last minute
		t.Errorf("%d run", run)
	}
}

func TestBlackoutAndJitter(t *testing.T) {
	t.Parallel()
	s := parseSpec(t, "cron 0 * * * *", "Europe/Berlin", "jitter", "5m",
		"blackout", []any{tree("days", "sat,sun"), tree("days", []any{"mon-fri"}, "between", "22:00-06:00"), tree("from", "2026-12-24", "to", "2026-12-26")})
	for at, want := range map[string]string{
		"2026-11-27 21:00": "", "2026-11-27 22:00": "2026-11-30 00:00", // Friday's night, and the weekend that begins in it
		"2026-12-01 03:00": "2026-12-01 06:00", "2026-12-01 06:00": "", "2026-12-25 12:00": "2026-12-28 00:00",
	} {
		t0, err := time.ParseInLocation("2006-01-02 15:04", at, s.Zone)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if end := s.Blackout(t0); !end.IsZero() {
			got = end.In(s.Zone).Format("2006-01-02 15:04")
		}
		if got != want {
			t.Errorf("%s: until %q, want %q", at, got, want)
		}
	}
	seen := map[time.Duration]bool{}
	for due, i := s.Next(time.Unix(1_770_000_000, 0)), 0; i < 50; due, i = s.Next(due), i+1 {
		late := s.StartOf(due).Sub(due)
		if late < 0 || late >= 5*time.Minute || late != s.StartOf(due).Sub(due) {
			t.Errorf("%s begins %s late", due, late)
		}
		seen[late] = true
	}
	if len(seen) < 20 {
		t.Errorf("jitter has only %d values", len(seen))
	}
}
