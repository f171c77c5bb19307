package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve"
)

// runView is the page of a run.
type runView struct {
	Run      runRow
	Params   []param
	Head     headView
	Steps    *stepsView
	Calls    []callRow
	Older    bool
	Log      []callRow
	Filter   string
	After    int64 // the newest call on the page
	Approval *serve.Approval
	Undoes   []runRow
	Place    *serve.Queued // where it waits
	// PlaybookID is that of its playbook, where the service knows it.
	PlaybookID string
}

// A param is a parameter with its value as people may see it.
type param struct{ Name, Value string }

// headView is what changes while a run goes on.
type headView struct {
	Run    runRow
	Live   bool
	Counts engine.Counts
	Failed int
	Parked []serve.ParkedCall
	Usual  time.Duration
	Left   time.Duration
	Part   float64
	Budget string
	// Estimated says that Left is what the run itself expects.
	Estimated bool
	Stopped   bool // somebody asked it to stop
}

// How many calls and lines a page of a run has.
const (
	mostCalls = 100
	mostLog   = 200
)

func (r *Room) runPage(w http.ResponseWriter, req *http.Request) error {
	ctx := req.Context()
	rec, err := r.run(ctx, req.PathValue("run"))
	if err != nil {
		return err
	}
	if rec.ID != req.PathValue("run") {
		http.Redirect(w, req, "/runs/"+rec.ID, http.StatusSeeOther)
		return nil
	}
	v := runView{Run: r.runRow(rec), Head: r.head(rec), Params: r.params(rec), Filter: req.URL.Query().Get("calls")}
	if err := r.fillRun(ctx, &v, rec); err != nil {
		return err
	}
	return r.show(w, req, page{name: "run", title: v.Run.Playbook + " " + short(rec.ID), nav: "runs", body: v})
}

func (r *Room) fillRun(ctx context.Context, v *runView, rec *engine.RunRecord) error {
	h := r.o.Control.History()
	lines, err := h.Lines(ctx, rec.ID, callsFilter(v.Filter, mostCalls+1))
	if err != nil {
		return err
	}
	if v.Older = len(lines) > mostCalls; v.Older {
		lines = lines[:mostCalls]
	}
	v.After = rec.LastSeq
	v.Calls = r.callRows(rec.ID, lines)
	said, err := h.Lines(ctx, rec.ID, journal.LineFilter{Said: true, Limit: mostLog})
	if err != nil {
		return err
	}
	for i := len(said) - 1; i >= 0; i-- {
		v.Log = append(v.Log, r.callRow(said[i]))
	}
	if v.Steps, err = r.steps(ctx, rec, r.live.running(rec.ID)); err != nil {
		return err
	}
	if v.Approval, err = r.approvalOf(ctx, rec); err != nil {
		return err
	}
	queue, err := r.o.Control.Queue(ctx)
	if err != nil {
		return err
	}
	for _, q := range queue {
		if q.Run == rec.ID {
			v.Place = &q
		}
	}
	if p, ok := r.playbookOf(ctx, rec); ok {
		v.PlaybookID = p.ID
	}
	return nil
}

// callsFilter is what ?calls= means.
func callsFilter(which string, limit int) journal.LineFilter {
	f := journal.LineFilter{Calls: true, Limit: limit}
	switch which {
	case "failed":
		f = journal.LineFilter{Failed: true, Limit: limit}
	case "writes":
		f = journal.LineFilter{Writes: true, Limit: limit}
	}
	return f
}

// head is how a run stands now.
func (r *Room) head(rec *engine.RunRecord) headView {
	v := headView{Run: r.runRow(rec), Part: -1}
	live, ok := r.o.Control.Live(rec.ID)
	if !ok {
		return v
	}
	v.Live, v.Counts, v.Parked, v.Usual, v.Left, v.Part, v.Stopped = true, live.Counts, live.Parked, live.Usual, live.Left, part(live), live.Cancelling
	v.Failed, v.Estimated = live.Counts.Failed, live.Estimated
	if s, ok := budgetOf(live); ok {
		v.Budget = number(s.Remaining) + " of " + number(s.Limit)
	}
	return v
}

// budgetOf is the newest second, of those of late, in which the run told what is left of the rate
// limit; the very newest has none before it is told.
func budgetOf(l serve.Live) (serve.Second, bool) {
	for _, s := range slices.Backward(l.Rate[max(len(l.Rate)-15, 0):]) {
		if s.Limit > 0 {
			return s, true
		}
	}
	return serve.Second{}, false
}

// params are the values that a run was given.
func (r *Room) params(rec *engine.RunRecord) []param {
	tree, err := engine.ParseJSON(r.o.Control.Shown(rec.Params))
	if err != nil {
		return nil
	}
	values, ok := tree.(*engine.Object)
	if !ok {
		return nil
	}
	var all []param
	for name, value := range values.All() {
		text, err := engine.FormatJSON(value)
		if err != nil {
			continue
		}
		all = append(all, param{name, compactJSON(text)})
	}
	return all
}

// approvalOf is the plan that a run made or applies; nil where it is neither.
func (r *Room) approvalOf(ctx context.Context, rec *engine.RunRecord) (*serve.Approval, error) {
	if rec.Kind == engine.KindUndo {
		return nil, nil
	}
	for _, decided := range []bool{false, true} {
		all, err := r.o.Control.Approvals(ctx, decided)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			if a.ID == rec.ID || a.Run == rec.ID {
				return &a, nil
			}
		}
	}
	return nil, nil
}

// playbookOf is the playbook that a run was made of, as the service knows it.
func (r *Room) playbookOf(ctx context.Context, rec *engine.RunRecord) (serve.PlaybookView, bool) {
	all, err := r.o.Control.Playbooks(ctx)
	if err != nil {
		return serve.PlaybookView{}, false
	}
	for _, p := range all {
		if p.Path == rec.Playbook && rec.Playbook != "" {
			return p, true
		}
	}
	return serve.PlaybookView{}, false
}

// source is the text of a run's playbook, where it is still the one that the run
// was made of.
func (r *Room) source(ctx context.Context, rec *engine.RunRecord) (string, bool) {
	p, ok := r.playbookOf(ctx, rec)
	if !ok || p.Language != "yaml" {
		return "", false
	}
	p, err := r.o.Control.Playbook(ctx, p.ID)
	if err != nil {
		return "", false
	}
	sum := sha256.Sum256([]byte(p.Source))
	return p.Source, hex.EncodeToString(sum[:]) == rec.Hash
}

// callsView is a page of calls.
type callsView struct {
	Run    runRow
	Rows   []callRow
	Filter string
	Older  int64
}

// calls lists the calls of a run that are older than one.
func (r *Room) calls(w http.ResponseWriter, req *http.Request) error {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return err
	}
	q := req.URL.Query()
	f := callsFilter(q.Get("calls"), 2*mostCalls+1)
	f.Before, f.Operation = intOf(q.Get("before")), q.Get("operation")
	lines, err := r.o.Control.History().Lines(req.Context(), rec.ID, f)
	if err != nil {
		return err
	}
	v := callsView{Run: r.runRow(rec), Filter: q.Get("calls")}
	if len(lines) > 2*mostCalls {
		lines = lines[:2*mostCalls]
		v.Older = lines[len(lines)-1].Place
	}
	v.Rows = r.callRows(rec.ID, lines)
	return r.show(w, req, page{name: "calls", title: "Calls of " + short(rec.ID), nav: "runs", body: v})
}

// callView is one call whole.
type callView struct {
	Run                  runRow
	Call                 *engine.CallRecord
	State                state
	Args, Value, Before  string
	Problem, URL, Object string
	Attempts             []engine.AttemptRecord
	Changes              []FieldChange
	Note                 string
}

func (r *Room) call(w http.ResponseWriter, req *http.Request) error {
	ctx := req.Context()
	rec, err := r.run(ctx, req.PathValue("run"))
	if err != nil {
		return err
	}
	c, err := r.o.Control.History().Call(ctx, rec.ID, req.PathValue("key"))
	if err != nil {
		return err
	}
	if c == nil {
		return &refusal{http.StatusNotFound, "run " + short(rec.ID) + " has no such call", ""}
	}
	v := callView{Run: r.runRow(rec), Call: c, State: stateOf(c.State), Args: r.shownJSON(c.Args), Value: r.shownJSON(c.Value), URL: objectURL(c.Kind, c.Object)}
	if c.Kind != "" {
		v.Object = strings.TrimSuffix(c.Kind+"/"+c.Object, "/")
	}
	if len(c.Failure) > 0 {
		v.Problem = r.failureText(c.Failure)
	}
	for _, a := range c.Attempts {
		a.Error = r.o.Control.ShownText(a.Error)
		v.Attempts = append(v.Attempts, a)
	}
	if c.Mutates && r.o.Story != nil {
		v.Changes, v.Note = r.o.Story.Call(ctx, rec, c)
	}
	return r.show(w, req, page{name: "call", title: c.Operation, nav: "runs", body: v})
}

// mostShown bounds a value on a page.
const mostShown = 200_000

func (r *Room) shownJSON(sealed json.RawMessage) string {
	text := pretty(r.o.Control.Shown(sealed))
	if len(text) > mostShown {
		text = strings.ToValidUTF8(text[:mostShown], "") + "\n… " + plural(len(text)-mostShown, "more byte")
	}
	return text
}
