package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/plan"
)

// planFile is where the plan that a run makes is kept.
func (s *Service) planFile(run string) string { return filepath.Join(s.o.Plans, run+".plan") }

// sweepPlans deletes the plans of which the journal knows nothing any more: their
// approvals were pruned with the runs. Until then the page of an approval shows
// what was approved. A plan that is being made has no approval yet, so that the
// files of a day are left alone.
func (s *Service) sweepPlans(ctx context.Context, now time.Time) {
	files, err := filepath.Glob(s.planFile("*"))
	if err != nil {
		return // no pattern of ours is wrong
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || now.Sub(info.ModTime()) < tidyEvery {
			continue
		}
		run := strings.TrimSuffix(filepath.Base(file), ".plan")
		a, err := s.o.Journal.Approval(ctx, run)
		if err != nil || a != nil {
			continue
		}
		if j, err := s.o.Journal.Job(ctx, run); err != nil || j != nil {
			continue
		}
		_ = os.Remove(file) // it is looked for again tomorrow
	}
}

// planned takes note of a plan that was made: it waits for a person, unless it
// changes nothing. A plan of the same schedule that still waits lapses, since
// the newer one stands for it.
func (s *Service) planned(ctx context.Context, j *job) error {
	now := s.o.Now()
	digest, err := digestOf(j.spec.Plan)
	var p *plan.Plan
	if err == nil {
		p, err = s.o.Runner.ReadPlan(j.spec.Plan)
	}
	if err != nil { // it does not come back: there is nothing to approve
		s.log.Error("a plan that was made cannot be read", "run", j.Run.ID, "error", err.Error())
		return nil
	}
	r, err := s.o.Journal.Run(ctx, j.Run.ID)
	if err != nil {
		return err
	}
	a := &journal.Approval{
		Run: r.ID, Schedule: r.Schedule, Playbook: s.playbookID(r.Playbook), Due: r.Due, Tenants: r.Tenants, State: ApprovalWaiting,
		Plan: j.spec.Plan, Digest: digest, Summary: summary(p), Made: now, Lapses: now.Add(j.spec.Lapse),
	}
	if len(p.Pending()) == 0 {
		a.State = ApprovalEmpty
		_ = os.Remove(j.spec.Plan) // a file too many does no harm
	}
	if a.Schedule != "" {
		if err := s.replaceWaiting(ctx, a); err != nil {
			return err
		}
	}
	if err := s.o.Journal.PutApproval(ctx, a); err != nil {
		return err
	}
	s.log.Info("a plan was made", "run", r.ID, "schedule", r.Schedule, "changes", a.Summary, "state", a.State)
	s.tellApproval(a)
	return nil
}

// replaceWaiting lets plans of the schedule that still wait lapse.
func (s *Service) replaceWaiting(ctx context.Context, by *journal.Approval) error {
	waiting, err := s.o.Journal.Approvals(ctx, ApprovalWaiting)
	if err != nil {
		return err
	}
	for _, a := range waiting {
		if a.Schedule == by.Schedule && a.Run != by.Run {
			a.Reason = "the plan of " + by.Run + " stands for it"
			if err := s.lapseOne(ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// summary counts the changes by effect: "3 update, 1 delete".
func summary(p *plan.Plan) string {
	counts := map[string]int{}
	var order []string
	for _, c := range p.Pending() {
		name := c.Operation
		if counts[name] == 0 {
			order = append(order, name)
		}
		counts[name]++
	}
	if len(order) == 0 {
		return "nothing would change"
	}
	parts := make([]string, 0, len(order))
	for i, name := range order {
		if i == 5 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%d × %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

func digestOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// lapse ends the approvals whose time is over.
func (s *Service) lapse(ctx context.Context, now time.Time) error {
	waiting, err := s.o.Journal.Approvals(ctx, ApprovalWaiting)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range waiting {
		if !now.Before(a.Lapses) {
			a.Reason = "nobody decided in time"
			errs = append(errs, s.lapseOne(ctx, a))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) lapseOne(ctx context.Context, a *journal.Approval) error {
	a.State, a.By, a.At = ApprovalLapsed, "serve", s.o.Now()
	if err := s.o.Journal.DecideApproval(ctx, a, nil); err != nil {
		return err
	}
	_ = os.Remove(a.Plan) // a file too many does no harm
	s.log.Warn("a plan has lapsed", "run", a.Run, "schedule", a.Schedule, "why", a.Reason)
	s.tellApproval(a)
	return nil
}

func (s *Service) tellApproval(a *journal.Approval) {
	s.tell(Change{Kind: ChangeApproval, ID: a.Run, State: a.State, Schedule: a.Schedule, Playbook: a.Playbook, Tenants: byRole(a.Tenants)})
}

func byRole(tenants []engine.TenantRecord) map[string]string {
	names := map[string]string{}
	for _, t := range tenants {
		names[t.Role] = t.Name
	}
	return names
}

// Approvals implements Approver.
func (s *Service) Approvals(ctx context.Context, decided bool) ([]Approval, error) {
	state := ApprovalWaiting
	if decided {
		state = ""
	}
	rows, err := s.o.Journal.Approvals(ctx, state)
	all := make([]Approval, len(rows))
	for i, a := range rows {
		all[i] = viewApproval(a)
	}
	return all, err
}

func viewApproval(a *journal.Approval) Approval {
	return Approval{
		ID: a.Run, Schedule: a.Schedule, Playbook: a.Playbook, Due: a.Due, Tenants: byRole(a.Tenants), State: a.State, Made: a.Made, Lapses: a.Lapses,
		Digest: a.Digest, Summary: a.Summary, By: a.By, At: a.At, Reason: a.Reason, Run: a.Applied,
	}
}

func (s *Service) approval(ctx context.Context, id string) (*journal.Approval, error) {
	a, err := s.o.Journal.Approval(ctx, id)
	if err == nil && a == nil {
		err = &Refusal{Kind: NotFound, Message: "there is no plan of a run " + id}
	}
	return a, err
}

// Approval implements Approver.
func (s *Service) Approval(ctx context.Context, id string) (Approval, error) {
	a, err := s.approval(ctx, id)
	if err != nil {
		return Approval{}, err
	}
	v := viewApproval(a)
	if _, err := os.Stat(a.Plan); err == nil {
		if v.Plan, err = s.o.Runner.ReadPlan(a.Plan); err != nil {
			return v, err
		}
	}
	return v, nil
}

// Approve implements Approver. What is applied is the file with the digest that
// the person has seen.
func (s *Service) Approve(ctx context.Context, by Actor, id, digest string) (run string, err error) {
	err = s.command(ctx, act{by, "plan.approve", id, digest}, func() error {
		a, err := s.waiting(ctx, id)
		if err != nil {
			return err
		}
		there, err := digestOf(a.Plan)
		if err != nil || digest != a.Digest || there != a.Digest {
			return &Refusal{Kind: Conflict, Message: "this is not the plan that waits", HintText: "look at the plan again"}
		}
		j, err := s.newJob(Spec{Kind: engine.KindApply, Playbook: s.playbookPath(a.Playbook), Plan: a.Plan, Digest: a.Digest, Tenants: byRole(a.Tenants), Yes: true}, s.o.Now())
		if err != nil {
			return err
		}
		r := j.Run
		r.Who, r.Schedule, r.Why = by.Name, a.Schedule, "approved plan of "+a.Run
		a.State, a.By, a.At, a.Applied = ApprovalApproved, by.Name, s.o.Now(), r.ID
		if err := s.o.Journal.DecideApproval(ctx, a, j.Job); err != nil {
			return notWaiting(err)
		}
		run, s.jobs[r.ID] = r.ID, j
		s.tellApproval(a)
		s.tellRun(j, engine.RunQueued)
		return nil
	})
	return run, err
}

func (s *Service) playbookPath(id string) string {
	for _, p := range s.setup.Playbooks {
		if p.ID == id {
			return p.Path
		}
	}
	return id
}

// waiting is an approval that can be decided.
func (s *Service) waiting(ctx context.Context, id string) (*journal.Approval, error) {
	a, err := s.approval(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case a.State != ApprovalWaiting:
		return nil, &Refusal{Kind: Conflict, Message: "the plan of " + id + " is decided: " + a.State}
	case !s.o.Now().Before(a.Lapses):
		return nil, &Refusal{Kind: Conflict, Message: "the plan of " + id + " has lapsed"}
	}
	return a, nil
}

func notWaiting(err error) error {
	if errors.Is(err, journal.ErrNotWaiting) {
		return &Refusal{Kind: Conflict, Message: err.Error()}
	}
	return err
}

// Reject implements Approver.
func (s *Service) Reject(ctx context.Context, by Actor, id, reason string) error {
	return s.command(ctx, act{by, "plan.reject", id, reason}, func() error {
		a, err := s.waiting(ctx, id)
		if err != nil {
			return err
		}
		a.State, a.By, a.At, a.Reason = ApprovalRejected, by.Name, s.o.Now(), reason
		if err := s.o.Journal.DecideApproval(ctx, a, nil); err != nil {
			return notWaiting(err)
		}
		_ = os.Remove(a.Plan) // a file too many does no harm
		s.tellApproval(a)
		return nil
	})
}
