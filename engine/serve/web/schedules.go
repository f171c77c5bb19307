package web

import (
	"html/template"
	"net/http"
	"time"

	"a0run/engine"
	"a0run/engine/serve"
)

// A scheduleRow is a schedule as the list shows it.
type scheduleRow struct {
	serve.Schedule
	Bars template.HTML
	Last state
	Due  time.Time
}

func scheduleRowOf(s serve.Schedule) scheduleRow {
	row := scheduleRow{Schedule: s, Bars: bars(s.Recent), Last: stateOf("")}
	row.Last.Word = "never ran"
	if s.Last != nil {
		row.Last = stateOf(fireWord(*s.Last))
	}
	if len(s.Next) > 0 {
		row.Due = s.Next[0]
	}
	return row
}

func (r *Room) schedules(w http.ResponseWriter, req *http.Request) error {
	all, err := r.o.Control.Schedules(req.Context())
	if err != nil {
		return err
	}
	rows := make([]scheduleRow, len(all))
	for i, s := range all {
		rows[i] = scheduleRowOf(s)
	}
	return r.show(w, req, page{name: "schedules", title: "Schedules", nav: "schedules", body: rows})
}

// scheduleView is the page of a schedule.
type scheduleView struct {
	Row    scheduleRow
	Params []param
	Fires  []fireRow
	Older  time.Time
}

type fireRow struct {
	serve.Fire
	State state
}

const mostFires = 60

func (r *Room) schedule(w http.ResponseWriter, req *http.Request) error {
	s, err := r.o.Control.Schedule(req.Context(), req.PathValue("id"))
	if err != nil {
		return err
	}
	before, err := time.Parse(time.RFC3339Nano, req.URL.Query().Get("before"))
	if err != nil {
		before = time.Time{} // the newest
	}
	fires, err := r.o.Control.Fires(req.Context(), s.ID, before, mostFires+1)
	if err != nil {
		return err
	}
	v := scheduleView{Row: scheduleRowOf(s), Params: r.params(&engine.RunRecord{Params: s.Params})}
	if len(fires) > mostFires {
		fires = fires[:mostFires]
		v.Older = fires[len(fires)-1].Due
	}
	for _, f := range fires {
		v.Fires = append(v.Fires, fireRow{f, stateOf(fireWord(f))})
	}
	return r.show(w, req, page{name: "schedule", title: s.ID, nav: "schedules", body: v})
}
