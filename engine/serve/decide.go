package serve

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/journal"
)

// seeSchedules writes down which schedules the files have. A schedule that is
// new, or has another timing, is decided from now on: what would have been due
// before is no due time that was missed.
func (s *Service) seeSchedules(ctx context.Context) error {
	now := s.o.Now()
	var changed []journal.ScheduleState
	for _, p := range s.setup.Schedules {
		state, known := s.states[p.ID]
		about, err := json.Marshal(map[string]string{"playbook": p.Playbook})
		if err != nil {
			return err
		}
		if !known || state.Timing != p.Timing() {
			state.ID, state.Timing, state.Decided = p.ID, p.Timing(), now
		}
		state.Seen, state.About = now, about
		changed = append(changed, state)
	}
	if err := s.o.Journal.PutSchedules(ctx, changed...); err != nil {
		return err
	}
	clear(s.next)
	for _, state := range changed {
		s.states[state.ID] = state
	}
	for _, p := range s.setup.Schedules {
		s.next[p.ID] = p.Next(s.states[p.ID].Decided)
	}
	return nil
}

// A decision is one that is about to be written.
type decision struct {
	of      *Plotted
	made    cron.Decision
	written *journal.ScheduleDecision
	queued  []*job
}

// decideAll decides the schedules that are due, and writes that in one commit:
// two hundred are due at midnight.
func (s *Service) decideAll(ctx context.Context, now time.Time) error {
	var errs []error
	var all []*decision
	var written []*journal.ScheduleDecision
	for _, p := range s.setup.Schedules {
		if err := s.unpauseDue(ctx, p.ID, now); err != nil {
			errs = append(errs, err)
		}
		if next := s.next[p.ID]; next.IsZero() || next.After(now) {
			continue
		}
		d, err := s.decide(p, now)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all, written = append(all, d), append(written, d.written)
	}
	if len(all) == 0 {
		return errors.Join(errs...)
	}
	refused, err := s.o.Journal.Decide(ctx, written...)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for i, d := range all {
		if refused[i] != nil {
			errs = append(errs, refused[i])
			continue
		}
		s.decided(ctx, d)
	}
	return errors.Join(errs...)
}

// unpauseDue ends a pause whose time is over: from then on, what is due counts.
func (s *Service) unpauseDue(ctx context.Context, id string, now time.Time) error {
	state := s.states[id]
	if !state.Paused || state.PausedUntil.IsZero() || now.Before(state.PausedUntil) {
		return nil
	}
	if state.PausedUntil.After(state.Decided) {
		state.Decided = state.PausedUntil
	}
	state.Paused, state.PausedBy, state.PausedWhy, state.PausedUntil = false, "", "", time.Time{}
	if err := s.o.Journal.PutSchedules(ctx, state); err != nil {
		return err
	}
	s.states[id] = state
	if p := s.schedule(id); p != nil {
		s.next[id] = p.Next(state.Decided)
	}
	s.tell(Change{Kind: ChangeSchedule, ID: id, State: "unpaused"})
	return nil
}

// decide asks package cron, and says what is to be written; what is written is
// what is done.
func (s *Service) decide(p *Plotted, now time.Time) (*decision, error) {
	state := s.states[p.ID]
	d := &decision{of: p, made: cron.Decide(p.Schedule, cron.History{Decided: state.Decided, Paused: state.Paused, Active: s.activeOf(p.ID)}, now)}
	d.written = &journal.ScheduleDecision{ID: p.ID, From: state.Decided, Decided: d.made.Decided, Drop: map[string]string{}}
	for _, f := range d.made.Fires {
		fire := journal.Fire{Schedule: p.ID, Due: f.Due, At: now, Outcome: f.Outcome, Why: f.Why}
		if f.Outcome == cron.Run {
			j, err := s.dueJob(p, f, now)
			if err != nil {
				return nil, err
			}
			fire.Run = j.Run.ID
			d.queued = append(d.queued, j)
			d.written.Jobs = append(d.written.Jobs, j.Job)
		}
		d.written.Fires = append(d.written.Fires, fire)
	}
	for _, run := range d.made.Drop {
		d.written.Drop[run] = "a newer due time stands for it"
	}
	return d, nil
}

// decided carries out a decision that is written.
func (s *Service) decided(ctx context.Context, done *decision) {
	p, d := done.of, done.made
	state := s.states[p.ID]
	state.Decided = d.Decided
	s.states[p.ID], s.next[p.ID] = state, p.Next(d.Decided) // also of one that is paused: its due times are written down
	var missed []time.Time
	for _, f := range d.Fires {
		s.counters.fire(f.Outcome)
		if f.Outcome == cron.Missed {
			missed = append(missed, f.Due)
		}
		if f.Outcome != cron.Run {
			s.log.Info("a due time does not run", "schedule", p.ID, "due", f.Due.Format(time.RFC3339), "outcome", f.Outcome, "why", f.Why)
		}
	}
	for _, j := range done.queued {
		s.jobs[j.Run.ID] = j
		s.tellRun(j, engine.RunQueued)
	}
	for _, run := range d.Drop {
		delete(s.jobs, run)
		s.tell(Change{Kind: ChangeRun, ID: run, State: engine.RunInterrupted, Schedule: p.ID, Playbook: p.Playbook})
	}
	for _, run := range d.Stop {
		if j := s.jobs[run]; j != nil {
			s.stop(ctx, j, "a newer due time stands for it")
		}
	}
	if len(d.Fires) > 0 {
		s.tell(Change{Kind: ChangeSchedule, ID: p.ID, Schedule: p.ID, Playbook: p.Playbook, Missed: missed})
	}
}

// activeOf are the runs of a schedule's due times that are not over.
func (s *Service) activeOf(id string) []cron.Active {
	var active []cron.Active
	for _, j := range s.inTurn() {
		if j.Run.Schedule == id && j.spec.Kind != engine.KindApply {
			active = append(active, cron.Active{ID: j.Run.ID, Begun: j.Begun || j.Running, Stopping: j.Stop != ""})
		}
	}
	return active
}

// dueJob is the job of a due time.
func (s *Service) dueJob(p *Plotted, f cron.Fire, now time.Time) (*job, error) {
	j, err := s.newJob(p.Job, now)
	if err != nil {
		return nil, err
	}
	r := j.Run
	r.Schedule, r.Due, r.Why, r.Name = p.ID, f.Due.UTC(), f.Why, p.Playbook
	r.Who = "schedule " + p.ID
	if f.Start.After(now) {
		j.NotBefore = f.Start
	}
	return j, nil
}

// newJob is a queued job of a spec.
func (s *Service) newJob(spec Spec, now time.Time) (*job, error) {
	id := engine.NewID()
	if spec.Kind == engine.KindPlan {
		spec.Plan = s.planFile(id)
	}
	sealed, err := s.sealed(spec)
	if err != nil {
		return nil, err
	}
	r := &engine.RunRecord{
		ID: id, Kind: spec.Kind, Of: spec.Of, Playbook: spec.Playbook, Host: s.o.Host, Version: s.o.Version,
		Started: now, Status: engine.RunQueued,
	}
	for role, name := range spec.Tenants {
		r.Tenants = append(r.Tenants, engine.TenantRecord{Role: role, Name: name})
	}
	slices.SortFunc(r.Tenants, func(a, b engine.TenantRecord) int {
		if a.Role < b.Role {
			return -1
		}
		return 1
	})
	return &job{Job: &journal.Job{Run: r, Spec: sealed, Queued: now}, spec: spec}, nil
}

// inTurn are the jobs in the order of their turn: as they were queued, those of
// one moment by their due times.
func (s *Service) inTurn() []*job {
	all := make([]*job, 0, len(s.jobs))
	for _, j := range s.jobs {
		all = append(all, j)
	}
	slices.SortFunc(all, func(a, b *job) int {
		switch c := a.Queued.Compare(b.Queued); {
		case c != 0:
			return c
		case !a.Run.Due.Equal(b.Run.Due):
			return a.Run.Due.Compare(b.Run.Due)
		case a.Run.ID < b.Run.ID:
			return -1
		}
		return 1
	})
	return all
}

// tellRun tells that a run is in another state.
func (s *Service) tellRun(j *job, state string) {
	s.tell(Change{
		Kind: ChangeRun, ID: j.Run.ID, State: state, Schedule: j.Run.Schedule, Playbook: s.playbookID(j.spec.Playbook), Tenants: j.spec.Tenants,
	})
}

// playbookID is the ID of a playbook by its path; the path itself where it is
// none of the service's.
func (s *Service) playbookID(path string) string {
	for _, p := range s.setup.Playbooks {
		if p.Path == path {
			return p.ID
		}
	}
	return path
}
