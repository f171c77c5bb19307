package web

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// A runRow is a run as lists and its own page show it.
type runRow struct {
	ID, Kind, Of, Playbook, Base, Path string
	Tenants, Who, Host, Version        string
	Started, Ended                     time.Time
	Took                               time.Duration
	State                              state
	Status                             string
	Exit, Calls, Writes                int
	Error                              string
	Resumed                            int64
	UndoneBy                           string
	UndonePart                         bool
	Live                               bool
	Local                              bool
	// Over says that nothing happens to it any more by itself.
	Over bool
}

// stateKilled is a run that is running and that nobody executes.
const stateKilled = "killed"

func (r *Room) runRow(rec *engine.RunRecord) runRow {
	row := runRow{
		ID: rec.ID, Kind: rec.Kind, Of: rec.Of, Path: rec.Playbook, Base: path.Base(strings.ReplaceAll(rec.Playbook, `\`, "/")),
		Playbook: rec.Name, Who: rec.Who, Host: rec.Host, Version: rec.Version, Started: rec.Started, Ended: rec.Ended,
		Exit: rec.Exit, Calls: rec.Calls, Writes: rec.Writes, Error: r.o.Control.ShownText(rec.Error),
		Resumed: max(rec.Epoch-1, 0), UndoneBy: rec.UndoneBy, UndonePart: rec.UndonePart, Live: rec.Live, Status: rec.Status,
	}
	if rec.Playbook == "" {
		row.Base = "(standard input)"
	}
	if row.Playbook == "" {
		row.Playbook = row.Base
	}
	var tenants []string
	for _, t := range rec.Tenants {
		name := t.Name
		switch {
		case t.Local:
			name, row.Local = "local", true
		case name == "":
			name = t.Domain
		}
		if len(rec.Tenants) > 1 {
			name = t.Role + "=" + name
		}
		tenants = append(tenants, name)
	}
	row.Tenants = strings.Join(tenants, " ")
	word := rec.Status
	if word == engine.RunRunning && !rec.Live {
		word = stateKilled
	}
	row.Over = !rec.Ended.IsZero() || word == stateKilled
	switch {
	case !rec.Ended.IsZero():
		row.Took = rec.Ended.Sub(rec.Started)
	case rec.Live:
		row.Took = r.o.Now().Sub(rec.Started)
	}
	row.State = stateOf(word)
	if rec.UndoneBy != "" {
		row.State = stateOf("undone")
		if row.UndonePart {
			row.State = stateOf("partly undone")
		}
		row.State.Class, row.State.Sign = "idle", "↺"
	}
	return row
}

func (r *Room) runRows(recs []*engine.RunRecord) []runRow {
	rows := make([]runRow, len(recs))
	for i, rec := range recs {
		rows[i] = r.runRow(rec)
	}
	return rows
}

// CanResume, CanUndo and CanCancel say what there is to do with it.
func (row runRow) CanResume() bool {
	return row.Over && !row.Local && row.UndoneBy == "" && slices.Contains([]string{
		stateKilled, engine.RunFailed, engine.RunInterrupted, engine.RunItems, engine.RunRunning,
	}, row.Status)
}

// CanUndo says that it has written something that is not undone.
func (row runRow) CanUndo() bool {
	return row.Over && !row.Local && row.Writes > 0 && (row.UndoneBy == "" || row.UndonePart)
}

// CanCancel says that it runs or waits.
func (row runRow) CanCancel() bool { return !row.Over }

// A callRow is a call as lists show it.
type callRow struct {
	journal.Line
	State   state
	Label   string // the object, shortened
	URL     string // the object's page
	Problem string
	// Level and Text are those of what was printed or logged.
	Level, Text string
}

func (r *Room) callRows(run string, lines []journal.Line) []callRow {
	rows := make([]callRow, len(lines))
	for i, l := range lines {
		rows[i] = r.callRow(l)
	}
	return rows
}

func (r *Room) callRow(l journal.Line) callRow {
	row := callRow{Line: l, State: stateOf(l.State)}
	if l.Kind != "" {
		row.Label, row.URL = l.Kind+"/"+l.Object, objectURL(l.Kind, l.Object)
		if l.Object == "" {
			row.Label = l.Kind
		}
	}
	if len(l.Failure) > 0 {
		row.Problem = r.failureText(l.Failure)
	}
	if l.Tolerated {
		row.State = stateOf("tolerated")
	}
	if l.Said() {
		row.Level, row.Text = strings.TrimPrefix(l.Operation, "log."), r.saidText(l.Args)
	}
	return row
}

// failureText is the message of an error in the journal.
func (r *Room) failureText(sealed json.RawMessage) string {
	e, err := engine.UnmarshalFailure(r.o.Control.Shown(sealed))
	if err != nil || e == nil {
		return "(hidden)"
	}
	if e.Name != "" && e.Name != engine.NameAuth0Error {
		return e.Name + ": " + e.Message
	}
	return e.Message
}

// saidText is what was printed or logged.
func (r *Room) saidText(sealed json.RawMessage) string {
	var args struct {
		Text   string          `json:"text"`
		Fields json.RawMessage `json:"fields"`
	}
	if json.Unmarshal(r.o.Control.Shown(sealed), &args) != nil {
		return "(hidden)"
	}
	if len(args.Fields) > 0 {
		args.Text += " " + string(args.Fields)
	}
	return args.Text
}

// run is a run by its id; a *refusal where there is none.
func (r *Room) run(ctx context.Context, id string) (*engine.RunRecord, error) {
	return r.o.Control.History().Run(ctx, id)
}
