package serve

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/journal"
	"a0run/engine/seal"
)

var _ Control = (*Service)(nil)

// numbers are how many runs are executed, and how many wait.
func (s *Service) numbers() (running, queued int) {
	for _, j := range s.jobs {
		if j.Running {
			running++
		} else {
			queued++
		}
	}
	return running, queued
}

// Health implements Views.
func (s *Service) Health(context.Context) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := Health{
		Live: true, Ready: s.ready && s.broken == nil, Version: s.o.Version, Started: s.started, Standby: s.standby, Draining: s.draining,
		Journal: s.o.Journal.Path(), Problems: slices.Clone(s.problems),
	}
	h.Running, h.Queued = s.numbers()
	switch {
	case s.broken != nil:
		h.Why = s.broken.Error()
	case s.draining:
		h.Why = "draining"
	case s.standby:
		h.Why = "standing by: another process serves the journal"
	}
	return h
}

// History implements Views.
func (s *Service) History() *journal.DB { return s.o.Journal }

// Shown implements Views.
func (s *Service) Shown(sealed json.RawMessage) json.RawMessage {
	if len(sealed) == 0 {
		return nil
	}
	if s.o.SealAll {
		// What was sealed whole is wrapped in a list, to tell it from a secret.
		if opened, err := s.o.Box.Open(sealed); err == nil {
			inner := strings.TrimSpace(string(opened))
			if strings.HasPrefix(inner, "[") && strings.HasSuffix(inner, "]") {
				sealed = json.RawMessage(inner[1 : len(inner)-1])
			}
		}
	}
	if !seal.Sealed(sealed) {
		return sealed
	}
	tree, err := engine.ParseJSON(sealed)
	if err != nil {
		return json.RawMessage(`"[secret]"`)
	}
	text, err := engine.FormatJSON(hide(tree))
	if err != nil {
		return json.RawMessage(`"[secret]"`)
	}
	return text
}

// hide puts "[secret]" in the place of sealed strings.
func hide(v any) any {
	switch x := v.(type) {
	case string:
		if strings.HasPrefix(x, seal.Prefix) {
			return "[secret]"
		}
	case []any:
		for i := range x {
			x[i] = hide(x[i])
		}
	case *engine.Object:
		hidden := engine.NewObject(x.Len())
		for key, value := range x.All() {
			if strings.HasPrefix(key, seal.Prefix) {
				key = "[secret]"
			}
			hidden.Set(key, hide(value))
		}
		return hidden
	}
	return v
}

// ShownText implements Views.
func (s *Service) ShownText(said string) string {
	if !strings.HasPrefix(said, seal.Prefix) {
		return said
	}
	var text string
	if json.Unmarshal(s.Shown(json.RawMessage(`"`+said+`"`)), &text) != nil {
		return "[secret]"
	}
	return text
}

// Schedules implements Views.
func (s *Service) Schedules(ctx context.Context) ([]Schedule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Schedule, 0, len(s.states))
	for _, p := range s.setup.Schedules {
		v, err := s.viewSchedule(ctx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	for id, state := range s.states {
		if s.schedule(id) != nil {
			continue
		}
		var about struct{ Playbook string }
		_ = json.Unmarshal(state.About, &about) // our own words
		v := Schedule{ID: id, Playbook: about.Playbook, Gone: true, Missed: cron.MissedSkip, Overlap: cron.OverlapSkip}
		if err := s.addFires(ctx, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b Schedule) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Schedule implements Views.
func (s *Service) Schedule(ctx context.Context, id string) (Schedule, error) {
	all, err := s.Schedules(ctx)
	if err != nil {
		return Schedule{}, err
	}
	ids := make([]string, len(all))
	for i, v := range all {
		if v.ID == id {
			return v, nil
		}
		ids[i] = v.ID
	}
	return Schedule{}, notFound("schedule", id, ids)
}

func notFound(what, id string, known []string) *Refusal {
	r := &Refusal{Kind: NotFound, Message: "there is no " + what + " " + id}
	if near := engine.Nearest(id, known); near != "" {
		r.HintText = "did you mean " + near + "?"
	}
	return r
}

func (s *Service) viewSchedule(ctx context.Context, p *Plotted) (Schedule, error) {
	v := Schedule{
		ID: p.ID, Playbook: p.Playbook, Where: p.Where.String(), Description: p.Description, Spec: p.Spec(), Words: p.Words(), Zone: p.Zone.String(),
		Tenants: p.Job.Tenants, Params: p.Shown, Missed: p.Missed, Overlap: p.Overlap, MissedLimit: p.MissedLimit, Timeout: p.Timeout,
		Jitter: p.Jitter, Retries: p.Retries, Approve: p.Approve,
	}
	switch state := s.states[p.ID]; {
	case p.Paused:
		v.Paused, v.PausedBy = true, p.Where.File
	case state.Paused:
		v.Paused, v.PausedBy, v.PausedReason, v.PausedUntil = true, state.PausedBy, state.PausedWhy, state.PausedUntil
	}
	if !v.Paused {
		for t := p.Next(s.o.Now()); !t.IsZero() && len(v.Next) < 3; t = p.Next(t) {
			v.Next = append(v.Next, t)
		}
	}
	for _, j := range s.inTurn() {
		switch {
		case j.Run.Schedule != p.ID:
		case j.Running:
			v.Running = append(v.Running, j.Run.ID)
		default:
			v.Waiting = append(v.Waiting, j.Run.ID)
		}
	}
	return v, s.addFires(ctx, &v)
}

// addFires adds the newest due times to a schedule.
func (s *Service) addFires(ctx context.Context, v *Schedule) error {
	fires, err := s.o.Journal.Fires(ctx, v.ID, time.Time{}, 30)
	if err != nil {
		return err
	}
	for _, f := range slices.Backward(fires) {
		v.Recent = append(v.Recent, s.fire(f))
	}
	if n := len(v.Recent); n > 0 {
		v.Last = &v.Recent[n-1]
	}
	return nil
}

func (s *Service) fire(f journal.Fire) Fire {
	v := Fire{Schedule: f.Schedule, Due: f.Due, At: f.At, Outcome: f.Outcome, Why: f.Why, Run: f.Run, Status: f.Status}
	switch {
	case f.Run == "" || f.Began.IsZero() || f.Status == engine.RunQueued:
	case f.Ended.IsZero():
		v.Took = s.o.Now().Sub(f.Began)
	default:
		v.Took = f.Ended.Sub(f.Began)
	}
	return v
}

// Fires implements Views.
func (s *Service) Fires(ctx context.Context, schedule string, before time.Time, limit int) ([]Fire, error) {
	fires, err := s.o.Journal.Fires(ctx, schedule, before, limit)
	all := make([]Fire, len(fires))
	for i, f := range fires {
		all[i] = s.fire(f)
	}
	return all, err
}

// Upcoming implements Views.
func (s *Service) Upcoming(_ context.Context, after, until time.Time, limit int) ([]Due, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Due
	for _, p := range s.setup.Schedules {
		if p.Paused || s.states[p.ID].Paused {
			continue
		}
		n := 0
		for t := p.Next(after); !t.IsZero() && !t.After(until) && n < max(limit, 1); t = p.Next(t) {
			n++
			all = append(all, Due{Schedule: p.ID, Playbook: p.Playbook, At: t, Note: p.Note(t), Blackout: !p.Blackout(t).IsZero()})
		}
	}
	slices.SortStableFunc(all, func(a, b Due) int { return a.At.Compare(b.At) })
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

// Queue implements Views.
func (s *Service) Queue(context.Context) ([]Queued, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Queued
	for _, j := range s.inTurn() {
		if j.Running {
			continue
		}
		r := j.Run
		all = append(all, Queued{
			Run: r.ID, Playbook: s.playbookID(j.spec.Playbook), Kind: j.spec.Kind, Since: j.Queued, Schedule: r.Schedule, Due: r.Due, Who: r.Who, Why: r.Why,
			Tenants: j.spec.Tenants, Waits: s.waits[r.ID], NotBefore: j.NotBefore, Resume: j.Begun,
		})
	}
	return all, nil
}

// Active implements Views.
func (s *Service) Active(ctx context.Context) ([]Live, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Live
	for _, j := range s.inTurn() {
		if j.Running {
			all = append(all, s.viewLive(ctx, j))
		}
	}
	return all, nil
}

// Live implements Views.
func (s *Service) Live(run string) (Live, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[run]
	if j == nil || !j.Running {
		return Live{}, false
	}
	return s.viewLive(context.Background(), j), true
}

func (s *Service) viewLive(ctx context.Context, j *job) Live {
	v := Live{Started: j.Run.Started}
	if j.live != nil {
		v = j.live.view(s.o.Now())
	}
	r := j.Run
	v.Run, v.Playbook, v.Kind, v.Schedule, v.Who, v.Due = r.ID, s.playbookID(j.spec.Playbook), j.spec.Kind, r.Schedule, r.Who, r.Due
	v.Tenants, v.Cancelling, v.Deadline = j.spec.Tenants, j.Stop != "", j.deadline
	v.Usual = s.usual(ctx, j.spec.Playbook)
	now := s.o.Now()
	if v.Usual > 0 {
		v.Left = max(v.Usual-now.Sub(v.Started), 0)
	}
	if j.live != nil {
		if left, known := j.live.left(now); known { // what it has to do counts more than what was usual
			v.Left, v.Estimated = max(left, 0), true
		}
	}
	if left := v.Deadline.Sub(now); !v.Deadline.IsZero() && (v.Usual == 0 && !v.Estimated || left < v.Left) {
		v.Left, v.Estimated = max(left, 0), false
	}
	if took := max(now.Sub(v.Started), 0); v.Estimated && took+v.Left > 0 {
		v.Part = float64(took) / float64(took+v.Left)
	} else if v.Usual > 0 {
		v.Part = min(max(float64(v.Usual-v.Left)/float64(v.Usual), 0), 1)
	} else {
		v.Part = -1
	}
	return v
}

// usual is how long the newest runs of a playbook that ended well took: the
// median. The journal is asked once a minute.
func (s *Service) usual(ctx context.Context, playbook string) time.Duration {
	now := s.o.Now()
	if known, ok := s.usage.usual[playbook]; ok && now.Sub(known.at) < time.Minute {
		return known.took
	}
	runs, err := s.o.Journal.Runs(ctx, journal.RunFilter{Playbook: playbook, Status: engine.RunDone, Kind: engine.KindRun, Limit: 9})
	if err != nil {
		return 0
	}
	var took []time.Duration
	for _, r := range runs {
		if d := r.Ended.Sub(r.Started); d > 0 && r.Epoch <= 1 {
			took = append(took, d)
		}
	}
	known := usualTook{at: now}
	if len(took) > 0 {
		slices.Sort(took)
		known.took = took[len(took)/2]
	}
	s.usage.usual[playbook] = known
	return known.took
}

// Tenants implements Views.
func (s *Service) Tenants(ctx context.Context) ([]TenantView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	today, err := s.today(ctx, now)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(s.setup.Tenants)
	for i := range all {
		v := &all[i]
		v.Limit, v.Remaining, v.Budget = s.setup.Limits.tenant(v.Name), -1, -1
		t := today[v.Name]
		v.Calls, v.Writes, v.Runs = t.calls, t.writes, t.runs
		for _, j := range s.jobs {
			if !slices.Contains(tenantsOf(j.spec.Tenants), v.Name) {
				continue
			}
			if !j.Running {
				v.Queued++
				continue
			}
			v.Running++
			if j.live != nil {
				v.Rate += float64(j.live.recent(now)) / 60
				v.budget(j, now)
			}
		}
	}
	return all, nil
}

// budget takes what a run of the tenant has told of its rate limit; of two runs
// what leaves less: they draw on the same bucket, and the one that knows of less
// has heard of it later.
func (v *TenantView) budget(j *job, now time.Time) {
	for role, name := range j.spec.Tenants {
		b, ok := j.live.budgetOf(role, now)
		if !ok || name != v.Name || v.Remaining >= 0 && *b.Remaining >= v.Remaining {
			continue
		}
		v.Remaining, v.Budget, v.PerSecond, v.Reset = *b.Remaining, b.Limit, b.PerSecond, time.Time{}
		if b.Full != nil {
			v.Reset = *b.Full
		}
	}
}

// Playbooks implements Views.
func (s *Service) Playbooks(context.Context) ([]PlaybookView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.setup.Playbooks)
	for i := range all {
		all[i].Source = ""
		all[i].Schedules = s.schedulesOf(all[i].ID)
	}
	return all, nil
}

// Playbook implements Views.
func (s *Service) Playbook(_ context.Context, id string) (PlaybookView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.playbook(id)
	if err != nil {
		return PlaybookView{}, err
	}
	v := *p
	v.Schedules = s.schedulesOf(id)
	return v, nil
}

func (s *Service) playbook(id string) (*PlaybookView, error) {
	ids := make([]string, len(s.setup.Playbooks))
	for i := range s.setup.Playbooks {
		if ids[i] = s.setup.Playbooks[i].ID; ids[i] == id {
			return &s.setup.Playbooks[i], nil
		}
	}
	return nil, notFound("playbook", id, ids)
}

func (s *Service) schedulesOf(playbook string) []string {
	var ids []string
	for _, p := range s.setup.Schedules {
		if p.Playbook == playbook {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// Problems implements Views.
func (s *Service) Problems() []FileProblem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// Watch implements Views.
func (s *Service) Watch(run string) *Feed[engine.Event] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[run]; j != nil && j.live != nil {
		return j.live.events.feed(true)
	}
	ended := newStream[engine.Event](1)
	ended.end()
	return ended.feed(true)
}
