package web

import (
	"net/http"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve"
)

// overview is the first page: what runs, what failed, what is next.
type overview struct {
	Active    []activeRow
	Queued    []serve.Queued
	Failed    []runRow
	Recent    []runRow
	Next      []serve.Due
	Lanes     []lane
	Approvals []serve.Approval
	Problems  []serve.FileProblem
	Tally     []tally
	Since     time.Time
}

// A tally is how many runs stand so.
type tally struct {
	State state
	Count int
}

// An activeRow is a run that is being executed.
type activeRow struct {
	serve.Live
	Run  runRow
	Part float64 // of its time that is over, 0 to 100; -1 where nobody knows
}

const day = 24 * time.Hour

func (r *Room) overview(w http.ResponseWriter, req *http.Request) error {
	o, err := r.readOverview(req)
	if err != nil {
		return err
	}
	return r.show(w, req, page{name: "overview", title: "Overview", nav: "overview", body: o})
}

func (r *Room) readOverview(req *http.Request) (*overview, error) {
	ctx, c, now := req.Context(), r.o.Control, r.o.Now()
	h := c.History()
	o := &overview{Since: now.Add(-day), Problems: c.Problems()}
	// The newest, whenever they were: asked for by a time, the journal would be
	// read to its beginning where there are few.
	recent, err := h.Runs(ctx, journal.RunFilter{Limit: mostLane})
	if err != nil {
		return nil, err
	}
	rows := r.runRows(recent)
	o.Recent = rows[:min(len(rows), mostRecent)]
	failed, err := h.Runs(ctx, journal.RunFilter{Status: engine.RunFailed, Limit: mostFailed})
	if err != nil {
		return nil, err
	}
	for _, row := range r.runRows(failed) {
		if row.Started.After(o.Since) {
			o.Failed = append(o.Failed, row)
		}
	}
	counts, err := h.Tally(ctx, o.Since)
	if err != nil {
		return nil, err
	}
	for _, status := range sortedKeys(counts) {
		o.Tally = append(o.Tally, tally{stateOf(status), counts[status]})
	}
	if o.Active, err = r.active(req); err != nil {
		return nil, err
	}
	if o.Queued, err = c.Queue(ctx); err != nil {
		return nil, err
	}
	if o.Next, err = c.Upcoming(ctx, now, now.Add(7*day), 200); err != nil {
		return nil, err
	}
	o.Lanes = lanes(now.In(r.o.Zone), rows, o.Next)
	o.Next = o.Next[:min(len(o.Next), 8)]
	o.Approvals, err = c.Approvals(ctx, false)
	return o, err
}

// How many of the newest runs the overview lists, how many of those that failed,
// and how many its time line has at most.
const (
	mostRecent = 12
	mostFailed = 8
	mostLane   = 300
)

// active are the runs that are being executed now.
func (r *Room) active(req *http.Request) ([]activeRow, error) {
	live, err := r.o.Control.Active(req.Context())
	if err != nil {
		return nil, err
	}
	rows := make([]activeRow, 0, len(live))
	for _, l := range live {
		rec, err := r.run(req.Context(), l.Run)
		if err != nil {
			continue // it was pruned, or is not written yet
		}
		rows = append(rows, activeRow{l, r.runRow(rec), part(l)})
	}
	return rows, nil
}

// part is the part of a run's time that is over, in percent; -1 where nobody knows.
func part(l serve.Live) float64 {
	if l.Part < 0 || l.Part == 0 && l.Usual <= 0 && !l.Estimated {
		return -1
	}
	return 100 * min(l.Part, 1)
}
