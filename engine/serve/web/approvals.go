package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"a0run/engine/plan"
	"a0run/engine/serve"
	"a0run/engine/undo"
)

// approvalsView is the list of plans.
type approvalsView struct{ Waiting, Decided []serve.Approval }

func (r *Room) approvals(w http.ResponseWriter, req *http.Request) error {
	var v approvalsView
	var err error
	if v.Waiting, err = r.o.Control.Approvals(req.Context(), false); err != nil {
		return err
	}
	if v.Decided, err = r.o.Control.Approvals(req.Context(), true); err != nil {
		return err
	}
	v.Decided = v.Decided[:min(len(v.Decided), 50)]
	return r.show(w, req, page{name: "approvals", title: "Approvals", nav: "approvals", body: v})
}

// approvalView is a plan with what it would change.
type approvalView struct {
	serve.Approval
	State    state
	Waiting  bool
	Changes  []planChange
	Left     int // changes that are not shown
	Quiet    int // calls that would change nothing
	Totals   []plan.Total
	Unknown  []plan.Unknown
	Estimate string
}

// A planChange is a call of a plan as the page shows it.
type planChange struct {
	Sign, Class, Title, Operation, Where, URL string
	Fields                                    []FieldChange
	Notes                                     []string
}

// mostChanges is how many changes a page shows.
const mostChanges = 500

func (r *Room) approval(w http.ResponseWriter, req *http.Request) error {
	a, err := r.o.Control.Approval(req.Context(), req.PathValue("id"))
	if err != nil {
		return err
	}
	v := approvalView{Approval: a, State: stateOf(a.State), Waiting: a.State == serve.ApprovalWaiting}
	if a.Plan != nil {
		v.fill(a.Plan)
	}
	return r.show(w, req, page{name: "approval", title: "Plan " + short(a.ID), nav: "approvals", body: v})
}

func (v *approvalView) fill(p *plan.Plan) {
	for _, c := range p.Changes {
		switch {
		case c.NoChange:
			v.Quiet++
		case len(v.Changes) >= mostChanges:
			v.Left++
		default:
			v.Changes = append(v.Changes, planChangeOf(c))
		}
	}
	v.Totals, v.Unknown = p.Totals(), p.Unknown
}

func planChangeOf(c *plan.Change) planChange {
	out := planChange{Sign: "~", Class: "warn", Title: c.Summary, Operation: c.Operation, Where: c.Where}
	switch string(c.Effect) {
	case "create", "add":
		out.Sign, out.Class = "+", "good"
	case "delete", "remove":
		out.Sign, out.Class = "−", "bad"
	case "action":
		out.Sign = "!"
	}
	if out.Title == "" {
		out.Title = strings.TrimSuffix(c.Kind+"/"+c.Object, "/")
	}
	if c.Before != nil && c.Before.Found {
		out.URL = objectURL(c.Kind, c.Object)
	}
	for _, f := range c.Fields {
		field := FieldChange{Field: f.Path, Old: valueText(f.Old), New: valueText(f.New)}
		if f.Hidden {
			field.Old, field.New = hiddenOr(f.Old), hiddenOr(f.New)
		}
		out.Fields = append(out.Fields, field)
	}
	if len(c.With) > 0 {
		out.Notes = append(out.Notes, "with it go its "+strings.Join(c.With, ", "))
	}
	if c.Refused != nil {
		out.Notes = append(out.Notes, "the tenant would refuse it: "+c.Refused.Message)
	}
	out.Notes = append(out.Notes, c.Unknown...)
	return out
}

// valueText is a value on one line; "" for none.
func valueText(text json.RawMessage) string {
	const most = 300
	s := string(text)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func hiddenOr(text json.RawMessage) string {
	if len(text) == 0 {
		return ""
	}
	return "(hidden)"
}

// undoView is what an undo would do.
type undoView struct {
	Run         runRow
	Counts      []verdictCount
	Items       []undoItem
	Left        int
	Requests    int
	Force, Only []string
	PutBack     int
}

type verdictCount struct {
	Verdict string
	State   state
	Count   int
}

type undoItem struct {
	State                         state
	Object, URL, Operation, Where string
	Verdict, Reason               string
	Fields                        []FieldChange
	Notes                         []string
	ForceURL                      string
	Recreated, CanForce, IsForced bool
}

// verdictState is how a preview says what will be done.
func verdictState(v undo.Verdict) state {
	if v == undo.PutBack {
		return state{Word: "will be put back", Sign: "↺", Class: "busy"}
	}
	return stateOf(string(v))
}

// undoPreview shows what an undo would do, and asks.
func (r *Room) undoPreview(w http.ResponseWriter, req *http.Request) error {
	ctx := req.Context()
	rec, err := r.run(ctx, req.PathValue("run"))
	if err != nil {
		return err
	}
	q := req.URL.Query()
	v := undoView{Run: r.runRow(rec), Force: q["force"], Only: q["only"]}
	p, err := r.o.Control.PreviewUndo(ctx, rec.ID, serve.UndoOptions{Only: v.Only, Force: v.Force})
	if err != nil {
		return err
	}
	v.Requests = p.Requests
	for _, verdict := range sortedKeys(p.Counts) {
		v.Counts = append(v.Counts, verdictCount{string(verdict), verdictState(verdict), p.Counts[verdict]})
	}
	v.PutBack = p.Counts[undo.PutBack]
	for _, item := range p.Items {
		if len(v.Items) >= mostChanges {
			v.Left++
			continue
		}
		out := undoItem{
			State: verdictState(item.Verdict), Object: item.Object, Operation: item.Operation, Where: item.Where,
			Verdict: string(item.Verdict), Reason: item.Reason, Notes: item.Notes, Recreated: item.Recreated,
			CanForce: item.Verdict == undo.Left, IsForced: slices.Contains(v.Force, item.Object),
		}
		kind, id, _ := strings.Cut(item.Object, "/")
		out.URL = objectURL(kind, id)
		for _, d := range item.Changes {
			out.Fields = append(out.Fields, FieldChange{d.Field, d.Now, d.Then})
		}
		v.Items = append(v.Items, out)
	}
	return r.show(w, req, page{name: "undo", title: "Undo of " + short(rec.ID), nav: "runs", body: v})
}
