package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve"
)

// An apiRoute is one operation of the API. The OpenAPI document is written from
// this table, so nothing is served that it does not tell.
type apiRoute struct {
	method, path, id, role, summary string
	query                           []apiQuery
	// body and result are values of the types that come and go; nil for none.
	body, result any
	// answer does it: body is a pointer to a value of body's type.
	answer func(req *http.Request, body any) (any, error)
	// stream routes answer by themselves.
	stream handlerFunc
}

func (a apiRoute) pattern() string { return a.method + " " + apiRoot + a.path }

const apiRoot = "/api/v1"

// apiRoutes are the API.
func (r *Room) apiRoutes() []apiRoute {
	paging := []apiQuery{{name: "limit", doc: "how many at most; 50 unless told", from: 1, to: 500}}
	return append([]apiRoute{
		{method: "GET", path: "/health", id: "health", role: roleViewer, summary: "How the service stands", result: healthJSON{}, answer: r.apiHealth},
		{method: "GET", path: "/runs", id: "listRuns", role: roleViewer, summary: "Runs, the newest first", result: []runJSON{}, answer: r.apiRuns, query: append([]apiQuery{
			{name: "status", doc: "only runs that stand so", oneOf: runStatuses()},
			{name: "kind", doc: "only runs of that kind", oneOf: runKinds()},
			{name: "playbook", doc: "the name, the path, or the end of the path"},
			{name: "tenant", doc: "the name, role or domain"},
			{name: "since", doc: "how long ago (7d), or a time"},
			{name: "offset", doc: "how many to leave out", to: 1 << 30},
		}, paging...)},
		{method: "POST", path: "/runs", id: "startRun", role: roleOperator, summary: "Start a run of a playbook", body: startJSON{}, result: startedJSON{}, answer: r.apiStart},
		{method: "GET", path: "/runs/{run}", id: "getRun", role: roleViewer, summary: "A run with its parameters and how it stands", result: runJSON{}, answer: r.apiRun},
		{method: "GET", path: "/runs/{run}/steps", id: "listSteps", role: roleViewer, summary: "The steps of a run that ended", result: []stepJSON{}, answer: r.apiSteps},
		{method: "GET", path: "/runs/{run}/calls", id: "listCalls", role: roleViewer, summary: "Calls of a run, the newest first, without arguments and answers", result: []callJSON{}, answer: r.apiCalls, query: append([]apiQuery{
			{name: "calls", doc: "only calls that are so; all unless told", oneOf: []string{"failed", "writes", "said"}},
			{name: "operation", doc: "only calls of this operation"},
			{name: "before", doc: "only calls before this place", to: 1 << 62},
			{name: "after", doc: "only calls after this place", to: 1 << 62},
		}, paging...)},
		{method: "GET", path: "/runs/{run}/calls/{key}", id: "getCall", role: roleViewer, summary: "One call whole, secrets hidden", result: callJSON{}, answer: r.apiCall},
		{method: "GET", path: "/runs/{run}/live", id: "followRun", role: roleViewer, summary: "What happens in a run, as server-sent events", stream: r.apiLive},
		{method: "POST", path: "/runs/{run}/cancel", id: "cancelRun", role: roleOperator, summary: "Ask a run to stop, or take it out of the queue", result: okJSON{}, answer: r.apiCancel},
		{method: "POST", path: "/runs/{run}/resume", id: "resumeRun", role: roleOperator, summary: "Go on with a run that did not end well", body: resumeJSON{}, result: okJSON{}, answer: r.apiResume},
		{method: "POST", path: "/runs/{run}/undo/preview", id: "previewUndo", role: roleOperator, summary: "What an undo would do; nothing is changed", body: undoJSON{}, result: previewJSON{}, answer: r.apiPreview},
		{method: "POST", path: "/runs/{run}/undo", id: "undoRun", role: roleOperator, summary: "Put back what a run has changed", body: undoJSON{}, result: startedJSON{}, answer: r.apiUndo},
		{method: "GET", path: "/active", id: "listActive", role: roleViewer, summary: "The runs that are being executed", result: []liveJSON{}, answer: r.apiActive},
		{method: "GET", path: "/queue", id: "listQueue", role: roleViewer, summary: "The runs that wait", result: []queuedJSON{}, answer: r.apiQueue},
	}, r.apiMore(paging)...)
}

// apiMore are the rest: schedules, approvals, playbooks, tenants, objects.
func (r *Room) apiMore(paging []apiQuery) []apiRoute {
	return []apiRoute{
		{method: "GET", path: "/schedules", id: "listSchedules", role: roleViewer, summary: "All schedules", result: []scheduleJSON{}, answer: r.apiSchedules},
		{method: "GET", path: "/schedules/{id}", id: "getSchedule", role: roleViewer, summary: "A schedule", result: scheduleJSON{}, answer: r.apiSchedule},
		{
			method: "GET", path: "/schedules/{id}/fires", id: "listFires", role: roleViewer, summary: "The due times of a schedule and what became of them, the newest first", result: []fireJSON{}, answer: r.apiFires,
			query: append([]apiQuery{{name: "before", doc: "only due times before this one, RFC 3339"}}, paging...),
		},
		{method: "POST", path: "/schedules/{id}/pause", id: "pauseSchedule", role: roleOperator, summary: "Stop a schedule from firing", body: pauseJSON{}, result: okJSON{}, answer: r.apiPause},
		{method: "POST", path: "/schedules/{id}/unpause", id: "unpauseSchedule", role: roleOperator, summary: "Let a schedule fire again", result: okJSON{}, answer: r.apiUnpause},
		{method: "POST", path: "/schedules/{id}/run", id: "runSchedule", role: roleOperator, summary: "Run a schedule's playbook now", result: startedJSON{}, answer: r.apiRunNow},
		{method: "GET", path: "/upcoming", id: "listUpcoming", role: roleViewer, summary: "The next due times of all schedules", result: []dueJSON{}, answer: r.apiUpcoming, query: paging},
		{method: "GET", path: "/approvals", id: "listApprovals", role: roleViewer, summary: "Plans that wait for a person", result: []approvalJSON{}, answer: r.apiApprovals, query: []apiQuery{{name: "decided", doc: "true for those that were decided", oneOf: []string{"true", "false"}}}},
		{method: "GET", path: "/approvals/{id}", id: "getApproval", role: roleViewer, summary: "A plan with what it would change", result: approvalJSON{}, answer: r.apiApproval},
		{method: "POST", path: "/approvals/{id}/approve", id: "approve", role: roleAdmin, summary: "Apply exactly this plan", body: approveJSON{}, result: startedJSON{}, answer: r.apiApprove},
		{method: "POST", path: "/approvals/{id}/reject", id: "reject", role: roleAdmin, summary: "Let a plan be", body: rejectJSON{}, result: okJSON{}, answer: r.apiReject},
		{method: "GET", path: "/playbooks", id: "listPlaybooks", role: roleViewer, summary: "The playbooks that can be started", result: []playbookJSON{}, answer: r.apiPlaybooks},
		{method: "GET", path: "/playbooks/{id}", id: "getPlaybook", role: roleViewer, summary: "A playbook with its source and a JSON Schema of its parameters", result: playbookJSON{}, answer: r.apiPlaybook},
		{method: "GET", path: "/tenants", id: "listTenants", role: roleViewer, summary: "Tenants with their limits and use", result: []tenantJSON{}, answer: r.apiTenants},
		{method: "GET", path: "/objects", id: "objectHistory", role: roleViewer, summary: "Every change that runs made to an object, the oldest first", result: []changeJSON{}, answer: r.apiObjects, query: []apiQuery{{name: "object", doc: "KIND/ID, as users/auth0|1"}}},
		{method: "GET", path: "/audit", id: "listAudit", role: roleAdmin, summary: "Who did what, the newest first", result: []auditJSON{}, answer: r.apiAudit, query: append([]apiQuery{{name: "before", doc: "only entries before this number", to: 1 << 62}}, paging...)},
		{method: "POST", path: "/reload", id: "reload", role: roleAdmin, summary: "Read a0run.yaml and the playbooks again", result: []problemFileJSON{}, answer: r.apiReload},
		{method: "GET", path: "/openapi.json", id: "openapi", role: roleViewer, summary: "This document", result: map[string]any{}, answer: func(*http.Request, any) (any, error) { return r.openAPI(), nil }},
	}
}

// answer makes a handler of a route: it reads the body, strictly, and writes
// what comes of it.
func (r *Room) answer(a apiRoute) handlerFunc {
	return func(w http.ResponseWriter, req *http.Request) error {
		if err := a.checkQuery(req); err != nil {
			return err
		}
		if a.stream != nil {
			return a.stream(w, req)
		}
		var body any
		if a.body != nil {
			body = reflect.New(reflect.TypeOf(a.body)).Interface()
			if err := readJSON(req, body); err != nil {
				return err
			}
		}
		out, err := a.answer(req, body)
		if err != nil {
			return err
		}
		r.writeJSON(w, http.StatusOK, out)
		return nil
	}
}

// readJSON reads a body into a value; an empty body leaves it as it is.
func readJSON(req *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if req.ContentLength != 0 && (err != nil || kind != "application/json") {
		return &refusal{http.StatusUnsupportedMediaType, "the body is no JSON", "Content-Type: application/json"}
	}
	d := json.NewDecoder(req.Body)
	d.DisallowUnknownFields()
	err = d.Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(err)
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return &refusal{http.StatusBadRequest, "the body cannot be read: " + err.Error(), "GET " + apiRoot + "/openapi.json tells what it holds"}
	}
	if d.More() {
		return &refusal{http.StatusBadRequest, "the body holds more than one value", ""}
	}
	return nil
}

// limitOf is ?limit=.
func limitOf(req *http.Request) int {
	n := intOf(req.URL.Query().Get("limit"))
	if n == 0 {
		return 50
	}
	return int(n)
}

func (r *Room) apiHealth(req *http.Request, _ any) (any, error) {
	return healthOf(r.o.Control.Health(req.Context())), nil
}

func (r *Room) apiRuns(req *http.Request, _ any) (any, error) {
	f, err := filterOf(req.URL.Query()).journal(r.o.Now(), limitOf(req))
	if err != nil {
		return nil, err
	}
	recs, err := r.o.Control.History().Runs(req.Context(), f)
	if err != nil {
		return nil, err
	}
	out := make([]runJSON, 0, len(recs))
	for _, rec := range recs {
		if asked := req.URL.Query().Get("status"); asked == stateKilled && rec.Live || asked == engine.RunRunning && !rec.Live {
			continue // the journal has one word for both
		}
		out = append(out, r.runJSON(rec))
	}
	return out, nil
}

func (r *Room) apiRun(req *http.Request, _ any) (any, error) {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return nil, err
	}
	return r.runJSON(rec), nil
}

func (r *Room) apiStart(req *http.Request, body any) (any, error) {
	in, ok := body.(*startJSON)
	if !ok {
		return nil, errBody
	}
	run, err := r.o.Control.Start(req.Context(), by(req), serve.Start{Playbook: in.Playbook, Params: in.Params, Tenants: in.Tenants, Plan: in.Plan, Why: in.Why})
	return startedJSON{run}, err
}

// errBody cannot happen: the body's type stands in the table beside its reader.
var errBody = errors.New("the body is of another type")

func (r *Room) apiSteps(req *http.Request, _ any) (any, error) {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return nil, err
	}
	steps, err := r.o.Control.History().Steps(req.Context(), rec.ID)
	if err != nil {
		return nil, err
	}
	out := make([]stepJSON, len(steps))
	for i, s := range steps {
		out[i] = stepJSON{s.ID, s.Name, s.Task, s.Where, s.State, r.o.Control.ShownText(s.Reason), r.o.Control.ShownText(s.Error), s.Began, ms(s.Took)}
	}
	return out, nil
}

func (r *Room) apiCalls(req *http.Request, _ any) (any, error) {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return nil, err
	}
	q := req.URL.Query()
	f := journal.LineFilter{Limit: limitOf(req), Operation: q.Get("operation"), Before: intOf(q.Get("before")), After: intOf(q.Get("after"))}
	f.Failed, f.Writes, f.Said = q.Get("calls") == "failed", q.Get("calls") == "writes", q.Get("calls") == "said"
	lines, err := r.o.Control.History().Lines(req.Context(), rec.ID, f)
	if err != nil {
		return nil, err
	}
	out := make([]callJSON, len(lines))
	for i, row := range r.callRows(rec.ID, lines) {
		out[i] = callLineJSON(row)
	}
	return out, nil
}

func (r *Room) apiCall(req *http.Request, _ any) (any, error) {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return nil, err
	}
	c, err := r.o.Control.History().Call(req.Context(), rec.ID, req.PathValue("key"))
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, &refusal{http.StatusNotFound, "run " + rec.ID + " has no such call", ""}
	}
	return r.callJSON(req.Context(), rec, c), nil
}

func (r *Room) apiCancel(req *http.Request, _ any) (any, error) {
	return okJSON{true}, r.o.Control.Cancel(req.Context(), by(req), req.PathValue("run"))
}

func (r *Room) apiResume(req *http.Request, body any) (any, error) {
	in, ok := body.(*resumeJSON)
	if !ok {
		return nil, errBody
	}
	return okJSON{true}, r.o.Control.Resume(req.Context(), by(req), req.PathValue("run"), serve.ResumeOptions(*in))
}

func (r *Room) apiPreview(req *http.Request, body any) (any, error) {
	in, ok := body.(*undoJSON)
	if !ok {
		return nil, errBody
	}
	return r.o.Control.PreviewUndo(req.Context(), req.PathValue("run"), serve.UndoOptions(*in))
}

func (r *Room) apiUndo(req *http.Request, body any) (any, error) {
	in, ok := body.(*undoJSON)
	if !ok {
		return nil, errBody
	}
	run, err := r.o.Control.Undo(req.Context(), by(req), req.PathValue("run"), serve.UndoOptions(*in))
	return startedJSON{run}, err
}

// apiLive gives the events of a run as they are in `a0run run --json`.
func (r *Room) apiLive(w http.ResponseWriter, req *http.Request) error {
	rec, err := r.run(req.Context(), req.PathValue("run"))
	if err != nil {
		return err
	}
	if err := r.live.enter(); err != nil {
		return err
	}
	defer r.live.leave()
	messages := make(chan []byte)
	ctx := req.Context()
	feed := r.o.Control.Watch(rec.ID)
	go func() {
		defer close(messages)
		for {
			events, lost, err := feed.Next(ctx)
			if err != nil {
				return
			}
			select {
			case messages <- eventsJSON(events, lost):
			case <-ctx.Done():
				return
			}
		}
	}()
	return r.stream(w, req, nil, messages)
}
