package web

import (
	"net/http"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/serve"
)

// The forms of pages: each does one thing and shows the page on which its
// outcome is seen. Control writes who did what.

func by(req *http.Request) serve.Actor { return visitorOf(req.Context()).Actor }

func seeOther(w http.ResponseWriter, req *http.Request, path string) error {
	http.Redirect(w, req, path, http.StatusSeeOther)
	return nil
}

func (r *Room) cancelRun(w http.ResponseWriter, req *http.Request) error {
	run := req.PathValue("run")
	if err := r.o.Control.Cancel(req.Context(), by(req), run); err != nil {
		return err
	}
	return seeOther(w, req, "/runs/"+run)
}

func (r *Room) resumeRun(w http.ResponseWriter, req *http.Request) error {
	run := req.PathValue("run")
	o := serve.ResumeOptions{RetryFailed: req.PostForm.Get("retry_failed") != "", AcceptChanges: req.PostForm.Get("accept_changes") != ""}
	if err := r.o.Control.Resume(req.Context(), by(req), run, o); err != nil {
		return err
	}
	return seeOther(w, req, "/runs/"+run)
}

func (r *Room) undoRun(w http.ResponseWriter, req *http.Request) error {
	o := serve.UndoOptions{Only: req.PostForm["only"], Force: req.PostForm["force"]}
	undoing, err := r.o.Control.Undo(req.Context(), by(req), req.PathValue("run"), o)
	if err != nil {
		return err
	}
	return seeOther(w, req, "/runs/"+undoing)
}

func (r *Room) approve(w http.ResponseWriter, req *http.Request) error {
	run, err := r.o.Control.Approve(req.Context(), by(req), req.PathValue("id"), req.PostForm.Get("digest"))
	if err != nil {
		return err
	}
	return seeOther(w, req, "/runs/"+run)
}

func (r *Room) reject(w http.ResponseWriter, req *http.Request) error {
	if err := r.o.Control.Reject(req.Context(), by(req), req.PathValue("id"), req.PostForm.Get("reason")); err != nil {
		return err
	}
	return seeOther(w, req, "/approvals/"+req.PathValue("id"))
}

func (r *Room) pause(w http.ResponseWriter, req *http.Request) error {
	until, err := untilOf(req.PostForm.Get("until"), r.o.Now(), r.o.Zone)
	if err != nil {
		return err
	}
	if err := r.o.Control.Pause(req.Context(), by(req), req.PathValue("id"), until, req.PostForm.Get("reason")); err != nil {
		return err
	}
	return seeOther(w, req, scheduleURL(req))
}

func (r *Room) unpause(w http.ResponseWriter, req *http.Request) error {
	if err := r.o.Control.Unpause(req.Context(), by(req), req.PathValue("id")); err != nil {
		return err
	}
	return seeOther(w, req, scheduleURL(req))
}

func (r *Room) runNow(w http.ResponseWriter, req *http.Request) error {
	run, err := r.o.Control.RunNow(req.Context(), by(req), req.PathValue("id"))
	if err != nil {
		return err
	}
	return seeOther(w, req, "/runs/"+run)
}

func (r *Room) reload(w http.ResponseWriter, req *http.Request) error {
	if _, err := r.o.Control.Reload(req.Context(), by(req)); err != nil {
		return err
	}
	return seeOther(w, req, "/playbooks")
}

// scheduleURL is the page of the schedule of a request, whose id is one segment
// of its escaped path.
func scheduleURL(req *http.Request) string {
	path := req.URL.EscapedPath()
	return path[:strings.LastIndexByte(path, '/')]
}

// untilOf reads until when a schedule is paused: how long, or a time; "" is for
// good.
func untilOf(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, ok := engine.ParseDuration(text); ok && d > 0 && strings.ContainsAny(text, "dhms") {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			if !t.After(now) {
				return t, &refusal{http.StatusUnprocessableEntity, text + " is over already", "8h, 3d, 2026-03-01 08:00; empty until somebody goes on with it"}
			}
			return t, nil
		}
	}
	return time.Time{}, &refusal{http.StatusUnprocessableEntity, text + " is neither how long nor a time", "8h, 3d, 2026-03-01 08:00; empty until somebody goes on with it"}
}
