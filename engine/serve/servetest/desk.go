// Package servetest has a Control that executes nothing: its journal is real,
// the rest is what its holder says. Pages are tested and measured with it.
package servetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/plan"
	"a0run/engine/serve"
	"a0run/engine/undo"
)

// A Desk is such a Control. Its fields are set before it is used; what commands
// were given stands in Commands.
type Desk struct {
	Journal      *journal.DB
	Hidden       string // what Shown replaces by [secret]; "" for nothing
	AllSchedules []serve.Schedule
	AllPlaybooks []serve.PlaybookView
	AllTenants   []serve.TenantView
	AllDue       []serve.Due
	AllFires     []serve.Fire
	AllQueued    []serve.Queued
	AllApprovals []serve.Approval
	AllProblems  []serve.FileProblem
	Undoes       *undo.Preview
	Stand        serve.Health
	Refuse       error // what every command answers
	Now          func() time.Time

	mu       sync.Mutex
	live     map[string]serve.Live
	tapes    map[string]*serve.Tape[engine.Event]
	changes  *serve.Tape[serve.Change]
	commands []string
	entries  []serve.AuditEntry
	started  []serve.Start
}

var _ serve.Control = (*Desk)(nil)

// New makes a desk over a journal.
func New(db *journal.DB) *Desk {
	return &Desk{
		Journal: db, Now: time.Now, live: map[string]serve.Live{}, tapes: map[string]*serve.Tape[engine.Event]{},
		changes: serve.NewTape[serve.Change](100), Stand: serve.Health{Live: true, Ready: true},
	}
}

// Commands are the commands that were given: "cancel RUN by NAME".
func (d *Desk) Commands() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.commands)
}

// Started are the runs that were asked for.
func (d *Desk) Started() []serve.Start {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.started)
}

// SetLive says how a run stands that is being executed.
func (d *Desk) SetLive(l serve.Live) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live[l.Run] = l
}

// Tape is that of a run's events.
func (d *Desk) Tape(run string) *serve.Tape[engine.Event] {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tapes[run] == nil {
		d.tapes[run] = serve.NewTape[engine.Event](10_000)
	}
	return d.tapes[run]
}

// Tell tells a change.
func (d *Desk) Tell(c serve.Change) { d.changes.Add(c) }

func (d *Desk) do(format string, args ...any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = append(d.commands, fmt.Sprintf(format, args...))
	return d.Refuse
}

// Health implements serve.Control.
func (d *Desk) Health(context.Context) serve.Health { return d.Stand }

// WriteMetrics implements serve.Control.
func (d *Desk) WriteMetrics(_ context.Context, out io.Writer) error {
	_, err := io.WriteString(out, "a0run_up 1\n")
	return err
}

// History implements serve.Control.
func (d *Desk) History() *journal.DB { return d.Journal }

// Shown implements serve.Control.
func (d *Desk) Shown(text json.RawMessage) json.RawMessage {
	return json.RawMessage(d.ShownText(string(text)))
}

// ShownText implements serve.Control.
func (d *Desk) ShownText(text string) string {
	if d.Hidden == "" {
		return text
	}
	return strings.ReplaceAll(text, d.Hidden, "[secret]")
}

// Schedules implements serve.Control.
func (d *Desk) Schedules(context.Context) ([]serve.Schedule, error) { return d.AllSchedules, nil }

// Schedule implements serve.Control.
func (d *Desk) Schedule(_ context.Context, id string) (serve.Schedule, error) {
	for _, s := range d.AllSchedules {
		if s.ID == id {
			return s, nil
		}
	}
	return serve.Schedule{}, missing("schedule", id)
}

func missing(what, id string) error {
	return &serve.Refusal{Kind: serve.NotFound, Message: "there is no " + what + " " + id}
}

// Fires implements serve.Control.
func (d *Desk) Fires(_ context.Context, schedule string, before time.Time, limit int) ([]serve.Fire, error) {
	var all []serve.Fire
	for _, f := range d.AllFires {
		if (schedule == "" || f.Schedule == schedule) && (before.IsZero() || f.Due.Before(before)) && len(all) < limit {
			all = append(all, f)
		}
	}
	return all, nil
}

// Upcoming implements serve.Control.
func (d *Desk) Upcoming(_ context.Context, after, until time.Time, limit int) ([]serve.Due, error) {
	var all []serve.Due
	for _, due := range d.AllDue {
		if due.At.After(after) && due.At.Before(until) && len(all) < limit {
			all = append(all, due)
		}
	}
	return all, nil
}

// Queue implements serve.Control.
func (d *Desk) Queue(context.Context) ([]serve.Queued, error) { return d.AllQueued, nil }

// Active implements serve.Control.
func (d *Desk) Active(context.Context) ([]serve.Live, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]serve.Live, 0, len(d.live))
	for _, l := range d.live {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b serve.Live) int { return strings.Compare(a.Run, b.Run) })
	return all, nil
}

// Live implements serve.Control.
func (d *Desk) Live(run string) (serve.Live, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, ok := d.live[run]
	return l, ok
}

// Tenants implements serve.Control.
func (d *Desk) Tenants(context.Context) ([]serve.TenantView, error) { return d.AllTenants, nil }

// Playbooks implements serve.Control.
func (d *Desk) Playbooks(context.Context) ([]serve.PlaybookView, error) { return d.AllPlaybooks, nil }

// Playbook implements serve.Control.
func (d *Desk) Playbook(_ context.Context, id string) (serve.PlaybookView, error) {
	for _, p := range d.AllPlaybooks {
		if p.ID == id {
			return p, nil
		}
	}
	return serve.PlaybookView{}, missing("playbook", id)
}

// Problems implements serve.Control.
func (d *Desk) Problems() []serve.FileProblem { return d.AllProblems }

// Watch implements serve.Control.
func (d *Desk) Watch(run string) *serve.Feed[engine.Event] { return d.Tape(run).Feed(true) }

// Changes implements serve.Control.
func (d *Desk) Changes() *serve.Feed[serve.Change] { return d.changes.Feed(false) }

// Start implements serve.Control.
func (d *Desk) Start(_ context.Context, by serve.Actor, s serve.Start) (string, error) {
	err := d.do("start %s by %s", s.Playbook, by.Name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = append(d.started, s)
	return "started", err
}

// RunNow implements serve.Control.
func (d *Desk) RunNow(_ context.Context, by serve.Actor, schedule string) (string, error) {
	return "started", d.do("run %s by %s", schedule, by.Name)
}

// Pause implements serve.Control.
//
//nolint:revive // the interface has five
func (d *Desk) Pause(_ context.Context, by serve.Actor, schedule string, until time.Time, reason string) error {
	return d.do("pause %s until %s for %s by %s", schedule, until.Format(time.RFC3339), reason, by.Name)
}

// Unpause implements serve.Control.
func (d *Desk) Unpause(_ context.Context, by serve.Actor, schedule string) error {
	return d.do("unpause %s by %s", schedule, by.Name)
}

// Cancel implements serve.Control.
func (d *Desk) Cancel(_ context.Context, by serve.Actor, run string) error {
	return d.do("cancel %s by %s", run, by.Name)
}

// Resume implements serve.Control.
func (d *Desk) Resume(_ context.Context, by serve.Actor, run string, o serve.ResumeOptions) error {
	return d.do("resume %s %v by %s", run, o, by.Name)
}

// PreviewUndo implements serve.Control.
func (d *Desk) PreviewUndo(context.Context, string, serve.UndoOptions) (*undo.Preview, error) {
	if d.Undoes == nil {
		return &undo.Preview{Counts: map[undo.Verdict]int{}}, d.Refuse
	}
	return d.Undoes, d.Refuse
}

// Undo implements serve.Control.
func (d *Desk) Undo(_ context.Context, by serve.Actor, run string, o serve.UndoOptions) (string, error) {
	return "undoing", d.do("undo %s %v by %s", run, o, by.Name)
}

// Reload implements serve.Control.
func (d *Desk) Reload(_ context.Context, by serve.Actor) ([]serve.FileProblem, error) {
	return d.AllProblems, d.do("reload by %s", by.Name)
}

// Approvals implements serve.Control.
func (d *Desk) Approvals(_ context.Context, decided bool) ([]serve.Approval, error) {
	var all []serve.Approval
	for _, a := range d.AllApprovals {
		if (a.State != serve.ApprovalWaiting) == decided {
			a.Plan = nil
			all = append(all, a)
		}
	}
	return all, nil
}

// Approval implements serve.Control.
func (d *Desk) Approval(_ context.Context, id string) (serve.Approval, error) {
	for _, a := range d.AllApprovals {
		if a.ID == id {
			if a.Plan == nil {
				a.Plan = &plan.Plan{}
			}
			return a, nil
		}
	}
	return serve.Approval{}, missing("plan", id)
}

// Approve implements serve.Control.
func (d *Desk) Approve(_ context.Context, by serve.Actor, id, digest string) (string, error) {
	return "applying", d.do("approve %s %s by %s", id, digest, by.Name)
}

// Reject implements serve.Control.
func (d *Desk) Reject(_ context.Context, by serve.Actor, id, reason string) error {
	return d.do("reject %s for %s by %s", id, reason, by.Name)
}

// Audit implements serve.Control.
func (d *Desk) Audit(_ context.Context, e serve.AuditEntry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.No = int64(len(d.entries) + 1)
	d.entries = append(d.entries, e)
	return nil
}

// Audits implements serve.Control.
func (d *Desk) Audits(_ context.Context, before int64, limit int) ([]serve.AuditEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []serve.AuditEntry
	for _, e := range slices.Backward(d.entries) {
		if (before == 0 || e.No < before) && len(all) < limit {
			all = append(all, e)
		}
	}
	return all, nil
}
