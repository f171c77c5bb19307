package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/undo"
)

// An act is what somebody commands.
type act struct {
	by                      Actor
	action, subject, detail string
}

// audit writes what somebody did, or was refused, and gives the refusal back.
func (s *Service) audit(ctx context.Context, a act, refused error) error {
	e := AuditEntry{By: a.by, Action: a.action, Subject: a.subject, Detail: a.detail}
	if refused != nil {
		e.Refused = refused.Error()
	}
	if err := s.Audit(ctx, e); err != nil && refused == nil {
		return err
	}
	return refused
}

// Audit implements Ledger.
func (s *Service) Audit(ctx context.Context, e AuditEntry) error {
	if e.At.IsZero() {
		e.At = s.o.Now()
	}
	return s.o.Journal.WriteAudit(ctx, journal.AuditRow{
		At: e.At, Name: e.By.Name, Role: e.By.Role, Place: e.By.From, Action: e.Action, Subject: e.Subject, Detail: e.Detail, Refused: e.Refused,
	})
}

// Audits implements Ledger.
func (s *Service) Audits(ctx context.Context, before int64, limit int) ([]AuditEntry, error) {
	rows, err := s.o.Journal.Audits(ctx, before, limit)
	all := make([]AuditEntry, len(rows))
	for i, r := range rows {
		all[i] = AuditEntry{
			No: r.No, At: r.At, By: Actor{Name: r.Name, Role: r.Role, From: r.Place}, Action: r.Action, Subject: r.Subject, Detail: r.Detail, Refused: r.Refused,
		}
	}
	return all, err
}

// command carries a command out under the lock, and writes it into the audit.
func (s *Service) command(ctx context.Context, a act, do func() error) error {
	s.mu.Lock()
	var err error
	switch {
	case s.draining:
		err = &Refusal{Kind: Stopping, Message: "the service is stopping and takes nothing new"}
	case s.standby:
		err = &Refusal{Kind: Stopping, Message: "this process stands by; another one serves the journal"}
	default:
		err = do()
	}
	s.mu.Unlock()
	s.poke()
	return s.audit(ctx, a, err)
}

// enqueue writes a job that a person asked for.
func (s *Service) enqueue(ctx context.Context, by Actor, spec Spec, fill func(r *engine.RunRecord)) (string, error) {
	j, err := s.newJob(spec, s.o.Now())
	if err != nil {
		return "", err
	}
	j.Run.Who = by.Name
	if fill != nil {
		fill(j.Run)
	}
	if err := s.o.Journal.Enqueue(ctx, j.Job); err != nil {
		return "", err
	}
	s.jobs[j.Run.ID] = j
	s.tellRun(j, engine.RunQueued)
	return j.Run.ID, nil
}

// Start implements Commands.
func (s *Service) Start(ctx context.Context, by Actor, start Start) (run string, err error) {
	err = s.command(ctx, act{by, "run.start", start.Playbook, start.Why}, func() error {
		spec, err := s.startSpec(start)
		if err != nil {
			return err
		}
		run, err = s.enqueue(ctx, by, spec, func(r *engine.RunRecord) { r.Why = start.Why })
		return err
	})
	return run, err
}

func (s *Service) startSpec(start Start) (Spec, error) {
	p, err := s.playbook(start.Playbook)
	if err != nil {
		return Spec{}, err
	}
	if p.Language == "" {
		return Spec{}, &Refusal{Kind: Invalid, Message: start.Playbook + " is broken: " + p.Broken}
	}
	params, err := checkParams(p.Params, start.Params)
	if err != nil {
		return Spec{}, err
	}
	tenants, err := s.checkTenants(p, start.Tenants)
	if err != nil {
		return Spec{}, err
	}
	spec := Spec{Kind: engine.KindRun, Playbook: p.Path, Params: params, Tenants: tenants, Yes: start.Yes}
	if start.Plan {
		spec.Kind, spec.Lapse = engine.KindPlan, 24*time.Hour
	}
	return spec, nil
}

// checkParams reads the values by the parameters' types.
func checkParams(declared []engine.ParamDecl, given map[string]any) (json.RawMessage, error) {
	texts, rest := map[string]string{}, map[string]any{}
	for name, v := range given {
		if text, ok := v.(string); ok {
			texts[name] = text
		} else {
			rest[name] = v
		}
	}
	encoded, err := json.Marshal(rest)
	if err != nil {
		return nil, &Refusal{Kind: Invalid, Message: "the params are no JSON: " + err.Error()}
	}
	tree, err := engine.ParseJSON(encoded)
	if err != nil {
		return nil, err
	}
	object, _ := tree.(*engine.Object)
	values, problems := engine.Head{Params: declared}.ParseParams(texts, object)
	if len(problems) > 0 {
		r := &Refusal{Kind: Invalid, Message: "the params do not suit the playbook", Fields: map[string]string{}}
		for _, p := range problems {
			name := paramOf(p.Message, declared, given)
			r.Fields[name] = aboutParam(p, name)
		}
		return nil, r
	}
	return engine.FormatJSON(values)
}

// aboutParam is what is wrong with a parameter, for somebody who gave it in a form
// or in JSON and knows of no flags.
func aboutParam(p engine.Problem, name string) string {
	text := p.Message
	for _, flag := range []string{"-p ", "--params: "} {
		text = strings.TrimPrefix(text, flag+name+": ")
	}
	if strings.HasPrefix(p.Hint, "did you mean") || strings.HasPrefix(p.Hint, "it ") {
		text += "; " + p.Hint
	}
	return text
}

// paramOf is the parameter that a problem is about.
func paramOf(message string, declared []engine.ParamDecl, given map[string]any) string {
	best := ""
	try := func(name string) {
		if len(name) > len(best) && (strings.Contains(message, " "+name+":") || strings.Contains(message, "parameter "+name+" ")) {
			best = name
		}
	}
	for _, d := range declared {
		try(d.Name)
	}
	for name := range given {
		try(name)
	}
	return best
}

// checkTenants gives each role of a playbook its tenant.
func (s *Service) checkTenants(p *PlaybookView, given map[string]string) (map[string]string, error) {
	names := make([]string, len(s.setup.Tenants))
	for i, t := range s.setup.Tenants {
		names[i] = t.Name
	}
	chosen := map[string]string{}
	for _, role := range p.Roles {
		name := role.Tenant
		if said := given[role.Role]; said != "" {
			name = said
		}
		switch {
		case name == "":
			return nil, &Refusal{Kind: Invalid, Message: "the role " + role.Role + " has no tenant", HintText: "there are " + strings.Join(names, ", ")}
		case !slices.Contains(names, name):
			r := notFound("tenant", name, names)
			r.Kind = Invalid
			return nil, r
		}
		chosen[role.Role] = name
	}
	for role := range given {
		if _, ok := chosen[role]; !ok {
			return nil, &Refusal{Kind: Invalid, Message: "the playbook has no role " + role}
		}
	}
	return chosen, nil
}

// RunNow implements Commands.
func (s *Service) RunNow(ctx context.Context, by Actor, schedule string) (run string, err error) {
	err = s.command(ctx, act{by, "schedule.run", schedule, ""}, func() error {
		p := s.schedule(schedule)
		if p == nil {
			return s.noSchedule(schedule)
		}
		run, err = s.enqueue(ctx, by, p.Job, func(r *engine.RunRecord) { r.Schedule, r.Why = p.ID, "asked for by hand" })
		return err
	})
	return run, err
}

func (s *Service) noSchedule(id string) *Refusal {
	var ids []string
	for _, p := range s.setup.Schedules {
		ids = append(ids, p.ID)
	}
	return notFound("schedule", id, ids)
}

// Pause implements Commands.
//
//nolint:revive // the interface's arguments: who, what, until when and why
func (s *Service) Pause(ctx context.Context, by Actor, schedule string, until time.Time, reason string) error {
	detail := reason
	if !until.IsZero() {
		detail = strings.TrimSpace("until " + until.UTC().Format(time.RFC3339) + " " + reason)
	}
	return s.command(ctx, act{by, "schedule.pause", schedule, detail}, func() error {
		if s.schedule(schedule) == nil {
			return s.noSchedule(schedule)
		}
		if !until.IsZero() && !until.After(s.o.Now()) {
			return &Refusal{Kind: Invalid, Message: "the pause would be over already, at " + until.UTC().Format(time.RFC3339)}
		}
		// What is due until now is decided first, as of a schedule that runs.
		if err := s.decideAll(ctx, s.o.Now()); err != nil {
			return err
		}
		state := s.states[schedule]
		state.Paused, state.PausedBy, state.PausedWhy, state.PausedUntil = true, by.Name, reason, until
		return s.putState(ctx, state, "paused")
	})
}

// Unpause implements Commands.
func (s *Service) Unpause(ctx context.Context, by Actor, schedule string) error {
	return s.command(ctx, act{by, "schedule.unpause", schedule, ""}, func() error {
		p := s.schedule(schedule)
		switch {
		case p == nil:
			return s.noSchedule(schedule)
		case p.Paused:
			return &Refusal{Kind: Conflict, Message: schedule + " is paused by " + p.At("pause").String(), HintText: "take pause: out of the file"}
		case !s.states[schedule].Paused:
			return &Refusal{Kind: Conflict, Message: schedule + " is not paused"}
		}
		if err := s.decideAll(ctx, s.o.Now()); err != nil { // as of one that is paused
			return err
		}
		state := s.states[schedule]
		state.Paused, state.PausedBy, state.PausedWhy, state.PausedUntil = false, "", "", time.Time{}
		if now := s.o.Now(); now.After(state.Decided) {
			state.Decided = now
		}
		return s.putState(ctx, state, "unpaused")
	})
}

func (s *Service) putState(ctx context.Context, state journal.ScheduleState, word string) error {
	if err := s.o.Journal.PutSchedules(ctx, state); err != nil {
		return err
	}
	s.states[state.ID] = state
	if p := s.schedule(state.ID); p != nil {
		s.next[state.ID] = p.Next(state.Decided)
	}
	s.tell(Change{Kind: ChangeSchedule, ID: state.ID, Schedule: state.ID, State: word})
	return nil
}

// Cancel implements Commands.
func (s *Service) Cancel(ctx context.Context, by Actor, run string) error {
	return s.command(ctx, act{by, "run.cancel", run, ""}, func() error {
		j := s.jobs[run]
		why := "cancelled by " + by.Name
		switch {
		case j == nil:
			return s.cancelElsewhere(ctx, run)
		case j.Running:
			s.stop(ctx, j, why)
			return nil
		case j.Begun: // it waits to be tried again or to be resumed, and stands as it ended
			var end *engine.RunEnd
			if r, err := s.o.Journal.Run(ctx, run); err == nil && r.Status == engine.RunRunning {
				end = &engine.RunEnd{Status: engine.RunInterrupted, Exit: engine.ExitInterrupted, Error: why, At: s.o.Now()}
			}
			return s.over(ctx, j, end)
		}
		return s.over(ctx, j, &engine.RunEnd{Status: engine.RunInterrupted, Exit: engine.ExitInterrupted, Error: why, At: s.o.Now()})
	})
}

// cancelElsewhere asks the process of a run that is not the service's.
func (s *Service) cancelElsewhere(ctx context.Context, run string) error {
	err := s.o.Journal.RequestCancel(ctx, run)
	switch {
	case errors.Is(err, engine.ErrNoRun):
		return &Refusal{Kind: NotFound, Message: "there is no run " + run}
	case errors.Is(err, engine.ErrEnded):
		return &Refusal{Kind: Conflict, Message: "run " + run + " is over: there is nothing to cancel"}
	}
	return err
}

// Resume implements Commands.
func (s *Service) Resume(ctx context.Context, by Actor, run string, o ResumeOptions) error {
	return s.command(ctx, act{by, "run.resume", run, ""}, func() error {
		r, err := s.resumable(ctx, run)
		if err != nil {
			return err
		}
		spec := Spec{
			Kind: r.Kind, Playbook: r.Playbook, Tenants: map[string]string{}, RetryFailed: o.RetryFailed, AcceptChanges: o.AcceptChanges, Of: r.Of,
		}
		for _, t := range r.Tenants {
			spec.Tenants[t.Role] = t.Name
		}
		sealed, err := s.sealed(spec)
		if err != nil {
			return err
		}
		j := &job{Job: &journal.Job{Run: r, Spec: sealed, Queued: s.o.Now(), Begun: true}, spec: spec}
		if err := s.o.Journal.PutJob(ctx, j.Job); err != nil {
			return err
		}
		s.jobs[run] = j
		s.tellRun(j, engine.RunQueued)
		return nil
	})
}

// resumable is a run that a person may resume.
func (s *Service) resumable(ctx context.Context, run string) (*engine.RunRecord, error) {
	r, err := s.o.Journal.Run(ctx, run)
	switch {
	case errors.Is(err, engine.ErrNoRun):
		return nil, &Refusal{Kind: NotFound, Message: "there is no run " + run}
	case err != nil:
		return nil, err
	}
	if r.ID != run {
		return nil, &Refusal{Kind: NotFound, Message: "there is no run " + run}
	}
	why := ""
	switch {
	case s.jobs[run] != nil && s.jobs[run].Running || r.Live:
		why = "is being executed"
	case s.jobs[run] != nil:
		why = "waits in the queue already"
	case r.Status == engine.RunDone:
		why = "has ended well"
	case r.UndoneBy != "":
		why = "was put back by undo " + r.UndoneBy
	case slices.ContainsFunc(r.Tenants, func(t engine.TenantRecord) bool { return t.Local }):
		why = "ran with --local, and its tenant was gone with its process"
	case r.Playbook == "" && r.Kind != engine.KindUndo:
		why = "came from standard input"
	default:
		return r, nil
	}
	return nil, &Refusal{Kind: Conflict, Message: fmt.Sprintf("run %s %s", run, why)}
}

// PreviewUndo implements Commands.
func (s *Service) PreviewUndo(ctx context.Context, run string, o UndoOptions) (*undo.Preview, error) {
	if _, err := s.undoable(ctx, run); err != nil {
		return nil, err
	}
	return s.o.Runner.PreviewUndo(ctx, run, o)
}

// Undo implements Commands.
func (s *Service) Undo(ctx context.Context, by Actor, run string, o UndoOptions) (undoing string, err error) {
	detail := strings.Join(append(slices.Clone(o.Only), o.Force...), " ")
	err = s.command(ctx, act{by, "run.undo", run, detail}, func() error {
		r, err := s.undoable(ctx, run)
		if err != nil {
			return err
		}
		spec := Spec{Kind: engine.KindUndo, Playbook: r.Playbook, Of: r.ID, Only: o.Only, Force: o.Force, Yes: true, Tenants: map[string]string{}}
		for _, t := range r.Tenants {
			spec.Tenants[t.Role] = t.Name
		}
		undoing, err = s.enqueue(ctx, by, spec, nil)
		return err
	})
	return undoing, err
}

func (s *Service) undoable(ctx context.Context, run string) (*engine.RunRecord, error) {
	r, err := s.o.Journal.Run(ctx, run)
	switch {
	case errors.Is(err, engine.ErrNoRun) || err == nil && r.ID != run:
		return nil, &Refusal{Kind: NotFound, Message: "there is no run " + run}
	case err != nil:
		return nil, err
	}
	why := ""
	switch {
	case r.Live:
		why = "is being executed; cancel it first"
	case r.UndoneBy != "" && !r.UndonePart:
		why = "was put back already, by " + r.UndoneBy
	case r.Writes == 0:
		why = "has changed nothing"
	case slices.ContainsFunc(r.Tenants, func(t engine.TenantRecord) bool { return t.Local }):
		why = "ran with --local, and its tenant was gone with its process"
	default:
		return r, nil
	}
	return nil, &Refusal{Kind: Conflict, Message: fmt.Sprintf("run %s %s", run, why)}
}
