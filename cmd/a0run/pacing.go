package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"a0run/client/pace"
	"a0run/client/pace/pacefile"
	"a0run/engine"
	"a0run/engine/project"
)

// budgetSuffix names the folder of the rate budget that the runs of one journal
// share: it stands beside the journal.
const budgetSuffix = ".pace"

// loginReserve is what bulk work leaves of the Authentication API's limits, at any
// tenant: the people who log in stand under the same ones.
const loginReserve = 0.2

// budgetKey is a tenant's name at the shared budget: its domain.
func budgetKey(domain string) string {
	domain = strings.ToLower(domain)
	for _, scheme := range []string{"https://", "http://"} {
		domain = strings.TrimPrefix(domain, scheme)
	}
	host, _, _ := strings.Cut(domain, "/")
	return host
}

// budget is what the runs of the journal share; nil for a run without one. A
// folder that cannot be made is said, and the run goes on by itself.
func (s *session) budget() pace.Budget {
	if s.flags.journal == noJournal || s.store != nil {
		return s.store
	}
	at, err := s.world.journalSettings(s.flags.journal, s.projectDir())
	if err == nil {
		s.tellFolder(filepath.Dir(at.path))
		var store *pacefile.Store
		if store, err = pacefile.Open(at.path + budgetSuffix); err == nil {
			s.store = store
			return s.store
		}
	}
	s.unshared(err)
	return nil
}

// unshared says that the budget cannot be shared.
func (s *session) unshared(err error) {
	fmt.Fprintln(s.world.stderr, "warning: the rate limits are not shared with other runs: "+s.redactor.Redact(err.Error()))
}

// pacer makes the rate budget of a tenant as a0run.yaml has it.
func (s *session) pacer(r *project.Resolved) *pace.Pacer {
	width := s.flags.concurrency
	if r.Pace.Concurrency > 0 && (width == 0 || r.Pace.Concurrency < width) {
		width = r.Pace.Concurrency
	}
	p := pace.New(pace.Config{
		Now: s.world.now, Reserve: r.Pace.Reserve, Hints: r.Pace.Hints, Concurrency: width,
		Reserves: map[string]float64{"authentication": max(loginReserve, r.Pace.Reserve)},
		Budget:   s.budget(), Tenant: budgetKey(r.Domain), Warn: s.unshared,
	})
	s.pacers = append(s.pacers, p)
	return p
}

// closePacers leaves the shared budget. That takes no longer than a moment: what
// is not told lapses.
func (s *session) closePacers() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, p := range s.pacers {
		_ = p.Close(ctx) // it was said when the budget could not be used
	}
}

// weight is the run's share of the budget beside other runs: --weight, else
// a0run.yaml's, else an equal one.
func (s *session) weight() float64 {
	if s.flags.weight > 0 || s.tenants == nil {
		return s.flags.weight
	}
	return s.tenants.weight
}

// checkWeight refuses a --weight that is none.
func (f *runFlags) checkWeight() error {
	given := f.weight != 0 || f.weighed != nil && f.weighed()
	if given && !engine.ValidWeight(f.weight) {
		return &usageError{
			fmt.Sprintf("--weight %v: want a number from 0.01 to 1000, the run's share of the rate limits beside other runs", f.weight),
			"--weight 1 is an equal share, --weight 3 three times as much",
		}
	}
	return nil
}

// pace is the part of the status line about the rate limits: what the tenant
// allows, what waits, when the end is to be expected.
func (s *screen) pace() string {
	if s.tenants == nil {
		return ""
	}
	text := ""
	var rate float64
	waiting := 0
	for _, p := range s.tenants.pacers {
		now := p.Now()
		waiting += now.Waiting
		if now.Rate > 0 && (rate == 0 || now.Rate < rate) {
			rate = now.Rate
		}
	}
	if rate > 0 {
		text += fmt.Sprintf(" of %s", rateText(rate))
	}
	if waiting > 0 {
		text += fmt.Sprintf(", %d wait for their turn", waiting)
	}
	if left, ok := s.left(); ok {
		text += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	return text
}

// left is how long the run's outermost parallel call will still take: the calls
// that its items have needed so far, for the items to come, at the tenants' rates.
// Where no call waits for its turn it is something else that takes the time (the
// tenant's answers, time.sleep), and the speed so far counts too.
func (s *screen) left() (time.Duration, bool) {
	p := s.run.Progress()
	if p.Total <= 0 || p.Done == 0 || p.Done >= p.Total {
		return 0, false
	}
	byRole := map[string][]pace.Load{}
	share := shareLeft(p)
	for _, c := range p.Left {
		byRole[c.Tenant] = append(byRole[c.Tenant], pace.Load{Buckets: c.Buckets, Requests: c.Calls})
	}
	longest, known, waiting := time.Duration(0), false, 0
	for role, loads := range byRole {
		if pacer := s.tenants.pacers[role]; pacer != nil {
			waiting += pacer.Now().Waiting
			if takes, ok := pacer.Estimate(loads); ok {
				longest, known = max(longest, takes), true
			}
		}
	}
	if straight := time.Duration(float64(s.w.now().Sub(p.Since)) * share); !known || waiting == 0 {
		return max(longest, straight), true
	}
	return longest, true
}

// shareLeft is how much is left of what was done: in calls where the items make
// some, for items that are under way are partly done.
func shareLeft(p engine.Progress) float64 {
	done, left := 0, 0
	for _, c := range p.Calls {
		done += c.Calls
	}
	for _, c := range p.Left {
		left += c.Calls
	}
	if done == 0 || left == 0 {
		return float64(p.Total-p.Done) / float64(p.Done)
	}
	return float64(left) / float64(done)
}

// rateText is a rate in the unit in which Auth0 publishes it.
func rateText(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.0f/min", perSecond*60)
	}
	return fmt.Sprintf("%.0f/s", perSecond)
}
