package web

import (
	"net/http"
	"time"

	"a0run/engine/serve"
)

// each converts a list; it is never null in JSON.
func each[A, B any](all []A, err error, convert func(A) B) (any, error) {
	out := make([]B, len(all))
	for i, a := range all {
		out[i] = convert(a)
	}
	return out, err
}

func (r *Room) apiActive(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Active(req.Context())
	return each(all, err, liveOf)
}

func (r *Room) apiQueue(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Queue(req.Context())
	return each(all, err, queuedOf)
}

func (r *Room) apiSchedules(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Schedules(req.Context())
	return each(all, err, scheduleOf)
}

func (r *Room) apiSchedule(req *http.Request, _ any) (any, error) {
	s, err := r.o.Control.Schedule(req.Context(), req.PathValue("id"))
	return scheduleOf(s), err
}

func (r *Room) apiFires(req *http.Request, _ any) (any, error) {
	var before time.Time
	if text := req.URL.Query().Get("before"); text != "" {
		var err error
		if before, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, &refusal{http.StatusBadRequest, "before=" + text + " is no time", "before=2026-03-01T03:00:00Z"}
		}
	}
	all, err := r.o.Control.Fires(req.Context(), req.PathValue("id"), before, limitOf(req))
	return each(all, err, fireOf)
}

func (r *Room) apiPause(req *http.Request, body any) (any, error) {
	in, ok := body.(*pauseJSON)
	if !ok {
		return nil, errBody
	}
	until, err := untilOf(in.Until, r.o.Now(), r.o.Zone)
	if err != nil {
		return nil, err
	}
	return okJSON{true}, r.o.Control.Pause(req.Context(), by(req), req.PathValue("id"), until, in.Reason)
}

func (r *Room) apiUnpause(req *http.Request, _ any) (any, error) {
	return okJSON{true}, r.o.Control.Unpause(req.Context(), by(req), req.PathValue("id"))
}

func (r *Room) apiRunNow(req *http.Request, _ any) (any, error) {
	run, err := r.o.Control.RunNow(req.Context(), by(req), req.PathValue("id"))
	return startedJSON{run}, err
}

func (r *Room) apiUpcoming(req *http.Request, _ any) (any, error) {
	now := r.o.Now()
	all, err := r.o.Control.Upcoming(req.Context(), now, now.AddDate(1, 0, 0), limitOf(req))
	return each(all, err, func(d serve.Due) dueJSON { return dueJSON(d) })
}

func (r *Room) apiApprovals(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Approvals(req.Context(), req.URL.Query().Get("decided") == "true")
	return each(all, err, approvalOf)
}

func (r *Room) apiApproval(req *http.Request, _ any) (any, error) {
	a, err := r.o.Control.Approval(req.Context(), req.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return approvalOf(a), nil
}

func (r *Room) apiApprove(req *http.Request, body any) (any, error) {
	in, ok := body.(*approveJSON)
	if !ok {
		return nil, errBody
	}
	run, err := r.o.Control.Approve(req.Context(), by(req), req.PathValue("id"), in.Digest)
	return startedJSON{run}, err
}

func (r *Room) apiReject(req *http.Request, body any) (any, error) {
	in, ok := body.(*rejectJSON)
	if !ok {
		return nil, errBody
	}
	return okJSON{true}, r.o.Control.Reject(req.Context(), by(req), req.PathValue("id"), in.Reason)
}

func (r *Room) apiPlaybooks(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Playbooks(req.Context())
	return each(all, err, playbookOf)
}

func (r *Room) apiPlaybook(req *http.Request, _ any) (any, error) {
	p, err := r.o.Control.Playbook(req.Context(), req.PathValue("id"))
	return playbookOf(p), err
}

func (r *Room) apiTenants(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Tenants(req.Context())
	return each(all, err, tenantOf)
}

func (r *Room) apiObjects(req *http.Request, _ any) (any, error) {
	object := req.URL.Query().Get("object")
	if object == "" || r.o.Story == nil {
		return nil, &refusal{http.StatusUnprocessableEntity, "which object?", "object=users/auth0|1"}
	}
	kind, id := kindAndID(object)
	all, err := r.o.Story.Object(req.Context(), kind, id)
	return each(all, err, changeOf)
}

func (r *Room) apiAudit(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Audits(req.Context(), intOf(req.URL.Query().Get("before")), limitOf(req))
	return each(all, err, func(e serve.AuditEntry) auditJSON {
		return auditJSON{e.No, e.At, e.By.Name, e.By.Role, e.By.From, e.Action, e.Subject, e.Detail, e.Refused}
	})
}

func (r *Room) apiReload(req *http.Request, _ any) (any, error) {
	all, err := r.o.Control.Reload(req.Context(), by(req))
	return each(all, err, func(p serve.FileProblem) problemFileJSON { return problemFileJSON(p) })
}
