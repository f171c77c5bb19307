package web

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/plan"
	"a0run/engine/serve"
	"a0run/engine/undo"
)

// What the API gives and takes. Fields are only ever added.

type (
	okJSON struct {
		OK bool `json:"ok"`
	}
	startJSON struct {
		Playbook string            `json:"playbook"`
		Params   map[string]any    `json:"params,omitempty"`
		Tenants  map[string]string `json:"tenants,omitempty"`
		Plan     bool              `json:"plan,omitempty"`
		Why      string            `json:"why,omitempty"`
	}
	startedJSON struct {
		Run string `json:"run"`
	}
	resumeJSON struct {
		RetryFailed   bool `json:"retry_failed,omitempty"`
		AcceptChanges bool `json:"accept_changes,omitempty"`
	}
	undoJSON struct {
		Only  []string `json:"only,omitempty"`
		Force []string `json:"force,omitempty"`
	}
	previewJSON = undo.Preview
	pauseJSON   struct {
		Until  string `json:"until,omitempty"` // how long (8h), or a time
		Reason string `json:"reason,omitempty"`
	}
	approveJSON struct {
		Digest string `json:"digest"`
	}
	rejectJSON struct {
		Reason string `json:"reason,omitempty"`
	}
	healthJSON struct {
		Live     bool      `json:"live"`
		Ready    bool      `json:"ready"`
		Why      string    `json:"why,omitempty"`
		Version  string    `json:"version"`
		Started  time.Time `json:"started,omitzero"`
		Standby  bool      `json:"standby"`
		Draining bool      `json:"draining"`
		Running  int       `json:"running"`
		Queued   int       `json:"queued"`
	}
	runJSON struct {
		Run      string                `json:"run"`
		Kind     string                `json:"kind"`
		Of       string                `json:"of,omitempty"`
		Playbook string                `json:"playbook"`
		Name     string                `json:"name,omitempty"`
		Params   json.RawMessage       `json:"params,omitempty"`
		Tenants  []engine.TenantRecord `json:"tenants,omitempty"`
		Who      string                `json:"who,omitempty"`
		Host     string                `json:"host,omitempty"`
		Started  time.Time             `json:"started,omitzero"`
		Ended    time.Time             `json:"ended,omitzero"`
		TookMS   float64               `json:"took_ms,omitempty"`
		Status   string                `json:"status"`
		Exit     *int                  `json:"exit,omitempty"` // of a run that is over
		Error    string                `json:"error,omitempty"`
		Calls    int                   `json:"calls"`
		Writes   int                   `json:"writes"`
		Resumed  int64                 `json:"resumed,omitempty"`
		UndoneBy string                `json:"undone_by,omitempty"`
		Live     bool                  `json:"live,omitempty"`
	}
	stepJSON struct {
		ID     string    `json:"id"`
		Name   string    `json:"name,omitempty"`
		Task   string    `json:"task"`
		Where  string    `json:"where,omitempty"`
		State  string    `json:"state"`
		Reason string    `json:"reason,omitempty"`
		Error  string    `json:"error,omitempty"`
		Began  time.Time `json:"began,omitzero"`
		TookMS float64   `json:"took_ms,omitempty"`
	}
	callJSON struct {
		Place     int64                  `json:"place,omitempty"`
		Seq       int64                  `json:"seq,omitempty"`
		Key       string                 `json:"key"`
		Task      string                 `json:"task"`
		Where     string                 `json:"where,omitempty"`
		Step      string                 `json:"step,omitempty"`
		Operation string                 `json:"operation"`
		Tenant    string                 `json:"tenant,omitempty"`
		Mutates   bool                   `json:"mutates,omitempty"`
		Kind      string                 `json:"kind,omitempty"`
		Object    string                 `json:"object,omitempty"`
		State     string                 `json:"state"`
		Status    int                    `json:"status,omitempty"`
		Error     string                 `json:"error,omitempty"`
		Text      string                 `json:"text,omitempty"`
		Attempts  int                    `json:"attempts,omitempty"`
		Tries     []engine.AttemptRecord `json:"tries,omitempty"`
		Began     time.Time              `json:"began,omitzero"`
		TookMS    float64                `json:"took_ms,omitempty"`
		WaitedMS  float64                `json:"waited_ms,omitempty"`
		Args      json.RawMessage        `json:"args,omitempty"`
		Value     json.RawMessage        `json:"value,omitempty"`
		Changes   []fieldJSON            `json:"changes,omitempty"`
		Note      string                 `json:"note,omitempty"`
	}
	fieldJSON struct {
		Field string `json:"field"`
		Old   string `json:"old,omitempty"`
		New   string `json:"new,omitempty"`
	}
	parkedJSON struct {
		Task      string    `json:"task"`
		Operation string    `json:"operation"`
		Tenant    string    `json:"tenant,omitempty"`
		Until     time.Time `json:"until,omitzero"`
	}
	liveJSON struct {
		Run        string            `json:"run"`
		Playbook   string            `json:"playbook"`
		Kind       string            `json:"kind"`
		Schedule   string            `json:"schedule,omitempty"`
		Tenants    map[string]string `json:"tenants,omitempty"`
		Started    time.Time         `json:"started,omitzero"`
		Cancelling bool              `json:"cancelling,omitempty"`
		Calls      int               `json:"calls"`
		Failed     int               `json:"failed"`
		InFlight   int               `json:"in_flight"`
		Parked     []parkedJSON      `json:"parked"`
		Remaining  *int              `json:"remaining,omitempty"`
		Limit      int               `json:"limit,omitempty"`
		UsualMS    float64           `json:"usual_ms,omitempty"`
		LeftMS     float64           `json:"left_ms,omitempty"`
	}
	queuedJSON struct {
		Run       string            `json:"run"`
		Playbook  string            `json:"playbook"`
		Kind      string            `json:"kind"`
		Since     time.Time         `json:"since,omitzero"`
		Schedule  string            `json:"schedule,omitempty"`
		Due       time.Time         `json:"due,omitzero"`
		Who       string            `json:"who,omitempty"`
		Tenants   map[string]string `json:"tenants,omitempty"`
		Waits     string            `json:"waits,omitempty"`
		NotBefore time.Time         `json:"not_before,omitzero"`
		Resume    bool              `json:"resume,omitempty"`
	}
	scheduleJSON struct {
		ID          string            `json:"id"`
		Playbook    string            `json:"playbook"`
		Where       string            `json:"where,omitempty"`
		Description string            `json:"description,omitempty"`
		Spec        string            `json:"spec"`
		Words       string            `json:"words,omitempty"`
		Zone        string            `json:"zone,omitempty"`
		Tenants     map[string]string `json:"tenants,omitempty"`
		Params      json.RawMessage   `json:"params,omitempty"`
		Missed      string            `json:"missed"`
		Overlap     string            `json:"overlap"`
		Approve     bool              `json:"approve,omitempty"`
		Paused      bool              `json:"paused,omitempty"`
		PausedBy    string            `json:"paused_by,omitempty"`
		PausedUntil time.Time         `json:"paused_until,omitzero"`
		Next        []time.Time       `json:"next"`
		Last        *fireJSON         `json:"last,omitempty"`
		Running     []string          `json:"running,omitempty"`
		Waiting     []string          `json:"waiting,omitempty"`
		Gone        bool              `json:"gone,omitempty"`
	}
	fireJSON struct {
		Schedule string    `json:"schedule"`
		Due      time.Time `json:"due"`
		At       time.Time `json:"at,omitzero"`
		Outcome  string    `json:"outcome"`
		Why      string    `json:"why,omitempty"`
		Run      string    `json:"run,omitempty"`
		Status   string    `json:"status,omitempty"`
		TookMS   float64   `json:"took_ms,omitempty"`
	}
	dueJSON struct {
		Schedule string    `json:"schedule"`
		Playbook string    `json:"playbook"`
		At       time.Time `json:"at"`
		Note     string    `json:"note,omitempty"`
		Blackout bool      `json:"blackout,omitempty"`
	}
	approvalJSON struct {
		ID       string            `json:"id"`
		Schedule string            `json:"schedule,omitempty"`
		Playbook string            `json:"playbook"`
		Tenants  map[string]string `json:"tenants,omitempty"`
		State    string            `json:"state"`
		Made     time.Time         `json:"made,omitzero"`
		Lapses   time.Time         `json:"lapses,omitzero"`
		Digest   string            `json:"digest"`
		Summary  string            `json:"summary,omitempty"`
		By       string            `json:"by,omitempty"`
		Reason   string            `json:"reason,omitempty"`
		Run      string            `json:"run,omitempty"`
		Plan     json.RawMessage   `json:"plan,omitempty"`
	}
	paramJSON struct {
		Name        string          `json:"name"`
		Type        string          `json:"type"`
		Description string          `json:"description,omitempty"`
		Required    bool            `json:"required,omitempty"`
		Default     json.RawMessage `json:"default,omitempty"`
	}
	roleJSON struct {
		Role        string `json:"role"`
		Description string `json:"description,omitempty"`
		Tenant      string `json:"tenant,omitempty"`
	}
	playbookJSON struct {
		ID          string          `json:"id"`
		Name        string          `json:"name,omitempty"`
		Description string          `json:"description,omitempty"`
		Language    string          `json:"language"`
		Roles       []roleJSON      `json:"roles"`
		Params      []paramJSON     `json:"params"`
		Schema      json.RawMessage `json:"schema,omitempty"`
		Source      string          `json:"source,omitempty"`
		Schedules   []string        `json:"schedules,omitempty"`
		Broken      string          `json:"broken,omitempty"`
	}
	tenantJSON struct {
		Name       string    `json:"name"`
		Domain     string    `json:"domain"`
		Production bool      `json:"production,omitempty"`
		Limit      int       `json:"limit,omitempty"`
		Running    int       `json:"running"`
		Queued     int       `json:"queued"`
		Rate       float64   `json:"rate"`
		Remaining  int       `json:"remaining"`
		Budget     int       `json:"budget"`
		PerSecond  float64   `json:"per_second,omitempty"`
		Reset      time.Time `json:"reset,omitzero"`
		Calls      int       `json:"calls"`
		Writes     int       `json:"writes"`
		Runs       int       `json:"runs"`
	}
	changeJSON struct {
		Time       time.Time   `json:"time,omitzero"`
		Run        string      `json:"run"`
		RunKind    string      `json:"run_kind"`
		Playbook   string      `json:"playbook"`
		Who        string      `json:"who,omitempty"`
		Tenant     string      `json:"tenant,omitempty"`
		Kind       string      `json:"kind"`
		Object     string      `json:"object"`
		Beside     string      `json:"beside,omitempty"`
		Operation  string      `json:"operation"`
		Where      string      `json:"where,omitempty"`
		Task       string      `json:"task"`
		Key        string      `json:"key"`
		State      string      `json:"state"`
		Status     int         `json:"status,omitempty"`
		Changes    []fieldJSON `json:"changes"`
		Note       string      `json:"note,omitempty"`
		CannotUndo string      `json:"cannot_undo,omitempty"`
	}
	auditJSON struct {
		No      int64     `json:"no"`
		At      time.Time `json:"at"`
		Name    string    `json:"name"`
		Role    string    `json:"role,omitempty"`
		From    string    `json:"from,omitempty"`
		Action  string    `json:"action"`
		Subject string    `json:"subject,omitempty"`
		Detail  string    `json:"detail,omitempty"`
		Refused string    `json:"refused,omitempty"`
	}
	problemFileJSON struct {
		File  string    `json:"file"`
		Text  string    `json:"text"`
		Since time.Time `json:"since,omitzero"`
		Kept  bool      `json:"kept"`
	}
)

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func healthOf(h serve.Health) healthJSON {
	return healthJSON{h.Live, h.Ready, h.Why, h.Version, h.Started, h.Standby, h.Draining, h.Running, h.Queued}
}

func (r *Room) runJSON(rec *engine.RunRecord) runJSON {
	row := r.runRow(rec)
	var exit *int
	if !rec.Ended.IsZero() {
		exit = &rec.Exit
	}
	return runJSON{
		Run: rec.ID, Kind: rec.Kind, Of: rec.Of, Playbook: rec.Playbook, Name: rec.Name, Params: nilIfEmpty(r.o.Control.Shown(rec.Params)), Tenants: rec.Tenants,
		Who: rec.Who, Host: rec.Host, Started: rec.Started, Ended: rec.Ended, TookMS: ms(row.Took), Status: row.State.Word, Exit: exit,
		Error: row.Error, Calls: rec.Calls, Writes: rec.Writes, Resumed: row.Resumed, UndoneBy: rec.UndoneBy, Live: rec.Live,
	}
}

// nilIfEmpty keeps what is no JSON out of an answer.
func nilIfEmpty(text json.RawMessage) json.RawMessage {
	if !json.Valid(text) {
		return nil
	}
	return text
}

func callLineJSON(c callRow) callJSON {
	return callJSON{
		Place: c.Place, Seq: c.Seq, Key: c.Key, Task: c.Task, Where: c.Where, Step: c.Step, Operation: c.Operation, Tenant: c.Tenant,
		Mutates: c.Mutates, Kind: c.Kind, Object: c.Object, State: c.Line.State, Status: c.Status, Error: c.Problem, Text: c.Text,
		Attempts: c.Attempts, Began: c.Began, TookMS: ms(c.Took), WaitedMS: ms(c.Waited),
	}
}

func (r *Room) callJSON(ctx context.Context, rec *engine.RunRecord, c *engine.CallRecord) callJSON {
	out := callJSON{
		Seq: c.Seq, Key: c.Key, Task: c.Task, Where: c.Where, Step: c.Step, Operation: c.Operation, Tenant: c.Tenant,
		Mutates: c.Mutates, Kind: c.Kind, Object: c.Object, State: c.State, Status: c.Status, Attempts: len(c.Attempts), Began: c.Began, WaitedMS: ms(c.Waited),
		Args: nilIfEmpty(r.o.Control.Shown(c.Args)), Value: nilIfEmpty(r.o.Control.Shown(c.Value)),
	}
	if !c.Ended.IsZero() && !c.Began.IsZero() {
		out.TookMS = ms(c.Ended.Sub(c.Began))
	}
	if len(c.Failure) > 0 {
		out.Error = r.failureText(c.Failure)
	}
	for _, a := range c.Attempts {
		a.Error = r.o.Control.ShownText(a.Error)
		out.Tries = append(out.Tries, a)
	}
	if c.Mutates && r.o.Story != nil {
		changes, note := r.o.Story.Call(ctx, rec, c)
		out.Changes, out.Note = fieldsJSON(changes), note
	}
	return out
}

func fieldsJSON(changes []FieldChange) []fieldJSON {
	out := make([]fieldJSON, len(changes))
	for i, c := range changes {
		out[i] = fieldJSON(c)
	}
	return out
}

func liveOf(l serve.Live) liveJSON {
	out := liveJSON{
		Run: l.Run, Playbook: l.Playbook, Kind: l.Kind, Schedule: l.Schedule, Tenants: l.Tenants, Started: l.Started, Cancelling: l.Cancelling,
		Calls: l.Counts.Calls, Failed: l.Counts.Failed, InFlight: l.Counts.InFlight, Parked: []parkedJSON{}, UsualMS: ms(l.Usual), LeftMS: ms(l.Left),
	}
	if s, ok := budgetOf(l); ok {
		out.Remaining, out.Limit = &s.Remaining, s.Limit
	}
	for _, p := range l.Parked {
		out.Parked = append(out.Parked, parkedJSON{p.Task, p.Operation, p.Tenant, p.Until})
	}
	return out
}

func queuedOf(q serve.Queued) queuedJSON {
	return queuedJSON{q.Run, q.Playbook, q.Kind, q.Since, q.Schedule, q.Due, q.Who, q.Tenants, q.Waits, q.NotBefore, q.Resume}
}

func fireOf(f serve.Fire) fireJSON {
	return fireJSON{f.Schedule, f.Due, f.At, f.Outcome, f.Why, f.Run, f.Status, ms(f.Took)}
}

func scheduleOf(s serve.Schedule) scheduleJSON {
	out := scheduleJSON{
		ID: s.ID, Playbook: s.Playbook, Where: s.Where, Description: s.Description, Spec: s.Spec, Words: s.Words, Zone: s.Zone, Tenants: s.Tenants,
		Params: nilIfEmpty(s.Params), Missed: s.Missed, Overlap: s.Overlap, Approve: s.Approve, Paused: s.Paused, PausedBy: s.PausedBy, PausedUntil: s.PausedUntil,
		Next: s.Next, Running: s.Running, Waiting: s.Waiting, Gone: s.Gone,
	}
	if s.Last != nil {
		f := fireOf(*s.Last)
		out.Last = &f
	}
	if out.Next == nil {
		out.Next = []time.Time{}
	}
	return out
}

func approvalOf(a serve.Approval) approvalJSON {
	out := approvalJSON{
		ID: a.ID, Schedule: a.Schedule, Playbook: a.Playbook, Tenants: a.Tenants, State: a.State, Made: a.Made, Lapses: a.Lapses,
		Digest: a.Digest, Summary: a.Summary, By: a.By, Reason: a.Reason, Run: a.Run,
	}
	var view bytes.Buffer
	if a.Plan != nil && a.Plan.JSON(&view, plan.RenderOptions{}) == nil {
		out.Plan = nilIfEmpty(view.Bytes())
	}
	return out
}

func playbookOf(p serve.PlaybookView) playbookJSON {
	out := playbookJSON{
		ID: p.ID, Name: p.Name, Description: p.Description, Language: p.Language, Roles: []roleJSON{}, Params: []paramJSON{},
		Schema: nilIfEmpty(p.Schema), Source: p.Source, Schedules: p.Schedules, Broken: p.Broken,
	}
	for _, role := range p.Roles {
		out.Roles = append(out.Roles, roleJSON(role))
	}
	for _, d := range p.Params {
		in := paramJSON{Name: d.Name, Type: d.Type, Description: d.Description, Required: d.Required}
		if text, err := engine.FormatJSON(d.Default); err == nil && d.Default != nil && d.Type != "secret" {
			in.Default = text
		}
		out.Params = append(out.Params, in)
	}
	return out
}

func tenantOf(t serve.TenantView) tenantJSON {
	return tenantJSON{t.Name, t.Domain, t.Production, t.Limit, t.Running, t.Queued, t.Rate, t.Remaining, t.Budget, t.PerSecond, t.Reset, t.Calls, t.Writes, t.Runs}
}

func changeOf(c Change) changeJSON {
	return changeJSON{
		c.Time, c.Run, c.RunKind, c.Playbook, c.Who, c.Tenant, c.Kind, c.Object, c.Beside, c.Operation, c.Where, c.Task, c.Key, c.State, c.Status,
		fieldsJSON(c.Fields), c.Note, c.CannotUndo,
	}
}

// eventsJSON writes events of a run as messages of a stream.
func eventsJSON(events []engine.Event, lost int) []byte {
	var out bytes.Buffer
	if lost > 0 {
		event(&out, "lost", strings.TrimSpace(number(lost)))
	}
	for _, e := range events {
		if text, err := json.Marshal(e); err == nil {
			event(&out, "event", string(text))
		}
	}
	return out.Bytes()
}
