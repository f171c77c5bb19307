package serve

import (
	"context"
	"time"

	"a0run/engine/journal"
)

// A usage is what is known of the past for the pages, asked anew now and then.
type usage struct {
	usual   map[string]usualTook
	today   map[string]tally
	todayAt time.Time
}

type usualTook struct {
	at   time.Time
	took time.Duration
}

type tally struct{ runs, calls, writes int }

func newUsage() *usage { return &usage{usual: map[string]usualTook{}} }

// today are the runs of the last 24 hours by tenant; the journal is asked every
// half minute.
func (s *Service) today(ctx context.Context, now time.Time) (map[string]tally, error) {
	u := s.usage
	if u.today != nil && now.Sub(u.todayAt) < 30*time.Second && !now.Before(u.todayAt) {
		return u.today, nil
	}
	runs, err := s.o.Journal.Runs(ctx, journal.RunFilter{Since: now.Add(-24 * time.Hour)})
	if err != nil {
		return nil, err
	}
	u.today, u.todayAt = map[string]tally{}, now
	for _, r := range runs {
		seen := map[string]bool{}
		for _, t := range r.Tenants {
			if seen[t.Name] {
				continue
			}
			seen[t.Name] = true
			sum := u.today[t.Name]
			u.today[t.Name] = tally{sum.runs + 1, sum.calls + r.Calls, sum.writes + r.Writes}
		}
	}
	return u.today, nil
}
