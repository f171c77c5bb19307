package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
)

// runsView is the list of runs.
type runsView struct {
	Rows          []runRow
	Filter        runsFilter
	Statuses      []string
	Kinds         []string
	Tenants       []string
	Newer, Older  string
	From, To      int
	FilteredByAny bool
}

// runsFilter is what the list is asked for, as it stands in the address.
type runsFilter struct {
	Status, Kind, Playbook, Tenant, Since string
	Offset                                int
}

const runsPage = 50

func filterOf(q url.Values) runsFilter {
	return runsFilter{
		Status: q.Get("status"), Kind: q.Get("kind"), Playbook: q.Get("playbook"), Tenant: q.Get("tenant"), Since: q.Get("since"),
		Offset: int(min(intOf(q.Get("offset")), 1<<30)),
	}
}

// journal is the filter as the journal takes it; what is wrong with it is a
// *refusal.
func (f runsFilter) journal(now time.Time, limit int) (journal.RunFilter, error) {
	out := journal.RunFilter{Kind: f.Kind, Playbook: f.Playbook, Tenant: f.Tenant, Limit: limit, Offset: f.Offset}
	out.Status = f.Status
	if f.Status == stateKilled {
		out.Status = engine.RunRunning
	}
	if f.Since == "" {
		return out, nil
	}
	if d, ok := engine.ParseDuration(f.Since); ok && strings.ContainsAny(f.Since, "dhms") {
		out.Since = now.Add(-d)
		return out, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, f.Since); err == nil {
			out.Since = t
			return out, nil
		}
	}
	return out, &refusal{http.StatusBadRequest, "since " + f.Since + " is neither how long ago nor a time", "since=7d, since=12h, since=2026-03-01"}
}

func (f runsFilter) query(offset int) string {
	q := url.Values{}
	for name, v := range map[string]string{"status": f.Status, "kind": f.Kind, "playbook": f.Playbook, "tenant": f.Tenant, "since": f.Since} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if offset > 0 {
		q.Set("offset", strconv.Itoa(offset))
	}
	return "/runs?" + q.Encode()
}

func runStatuses() []string {
	return []string{
		engine.RunQueued, engine.RunRunning, stateKilled, engine.RunDone, engine.RunItems, engine.RunFailed,
		engine.RunInterrupted, engine.RunInDoubt, engine.RunRefused, engine.RunMoved, engine.RunSetAside,
	}
}

func runKinds() []string {
	return []string{engine.KindRun, engine.KindPlan, engine.KindApply, engine.KindUndo}
}

func (r *Room) runs(w http.ResponseWriter, req *http.Request) error {
	f := filterOf(req.URL.Query())
	jf, err := f.journal(r.o.Now(), runsPage+1)
	if err != nil {
		return err
	}
	recs, err := r.o.Control.History().Runs(req.Context(), jf)
	if err != nil {
		return err
	}
	v := runsView{Filter: f, Statuses: runStatuses(), Kinds: runKinds()}
	if len(recs) > runsPage {
		recs = recs[:runsPage]
		v.Older = f.query(f.Offset + runsPage)
	}
	if f.Offset > 0 {
		v.Newer = f.query(max(f.Offset-runsPage, 0))
	}
	for _, row := range r.runRows(recs) {
		if f.Status == stateKilled && row.State.Word != stateKilled || f.Status == engine.RunRunning && !row.Live {
			continue
		}
		v.Rows = append(v.Rows, row)
	}
	v.From, v.To = f.Offset+1, f.Offset+len(recs)
	v.FilteredByAny = f.query(0) != "/runs?"
	tenants, err := r.o.Control.Tenants(req.Context())
	if err != nil {
		return err
	}
	for _, t := range tenants {
		v.Tenants = append(v.Tenants, t.Name)
	}
	return r.show(w, req, page{name: "runs", title: "Runs", nav: "runs", body: v})
}
