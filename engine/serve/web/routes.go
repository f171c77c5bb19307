package web

import (
	"net/http"
	"strings"
)

// A route is a page or a form, and who may use it.
type route struct {
	pattern, role string
	handle        handlerFunc
}

// pageRoutes are the pages and forms that need a log-in. Ids are one segment
// each, escaped where they hold slashes.
func (r *Room) pageRoutes() []route {
	return []route{
		{"GET /{$}", roleViewer, r.overview},
		{"GET /live", roleViewer, r.changesLive},
		{"GET /runs", roleViewer, r.runs},
		{"GET /runs/{run}", roleViewer, r.runPage},
		{"GET /runs/{run}/live", roleViewer, r.runLive},
		{"GET /runs/{run}/calls", roleViewer, r.calls},
		{"GET /runs/{run}/calls/{key}", roleViewer, r.call},
		{"GET /runs/{run}/undo", roleOperator, r.undoPreview},
		{"POST /runs/{run}/undo", roleOperator, r.undoRun},
		{"POST /runs/{run}/cancel", roleOperator, r.cancelRun},
		{"POST /runs/{run}/resume", roleOperator, r.resumeRun},
		{"GET /schedules", roleViewer, r.schedules},
		{"GET /schedules/{id}", roleViewer, r.schedule},
		{"POST /schedules/{id}/pause", roleOperator, r.pause},
		{"POST /schedules/{id}/unpause", roleOperator, r.unpause},
		{"POST /schedules/{id}/run", roleOperator, r.runNow},
		{"GET /approvals", roleViewer, r.approvals},
		{"GET /approvals/{id}", roleViewer, r.approval},
		{"POST /approvals/{id}/approve", roleAdmin, r.approve},
		{"POST /approvals/{id}/reject", roleAdmin, r.reject},
		{"GET /objects", roleViewer, r.objects},
		{"GET /tenants", roleViewer, r.tenants},
		{"GET /playbooks", roleViewer, r.playbooks},
		{"GET /playbooks/{id}", roleViewer, r.playbook},
		{"POST /playbooks/{id}", roleOperator, r.start},
		{"POST /reload", roleAdmin, r.reload},
		{"GET /audit", roleAdmin, r.auditPage},
		{"GET /metrics", roleViewer, r.metrics},
		{"POST /logout", roleViewer, r.logout},
	}
}

// routes puts all together: see the package's comment for the order.
func (r *Room) routes() http.Handler {
	mux := http.NewServeMux()
	for _, route := range r.pageRoutes() {
		mux.Handle(route.pattern, r.guarded(route.role, route.handle))
	}
	for _, route := range r.apiRoutes() {
		mux.Handle(route.pattern(), r.guarded(route.role, r.answer(route)))
	}
	open := func(handle handlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if err := handle(w, req); err != nil {
				r.fail(w, req, err)
			}
		})
	}
	mux.Handle("GET /login", open(r.loginPage))
	mux.Handle("POST /login", open(r.login))
	mux.Handle("GET /login/begin", open(r.oidcBegin))
	mux.Handle("GET "+callbackPath, open(r.oidcFinish))
	mux.HandleFunc("GET /static/{name}", r.serveFile)
	mux.Handle("/", open(func(w http.ResponseWriter, req *http.Request) error { return otherwise(w, req, mux) }))

	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.fail(w, req, &refusal{http.StatusForbidden, "the request comes from another site", ""})
	}))
	inside := r.ownHost(smallBody(cross.Handler(r.sessions.LoadAndSave(r.identify(mux)))))

	outer := http.NewServeMux()
	outer.HandleFunc("GET /healthz", r.healthz)
	outer.HandleFunc("GET /readyz", r.readyz)
	outer.Handle("/", inside)
	return headers(recovered(r.wholePaths(outer)))
}

// otherwise answers what no route takes: a path that other methods have is told
// which, as RFC 9110, 15.5.6 wants it.
func otherwise(w http.ResponseWriter, req *http.Request, mux *http.ServeMux) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		try := &http.Request{Method: method, URL: req.URL, Host: req.Host}
		if _, pattern := mux.Handler(try); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return &refusal{http.StatusNotFound, "there is no such page", "the navigation has all of them"}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &refusal{http.StatusMethodNotAllowed, req.Method + " is nothing that " + req.URL.Path + " takes; it takes " + strings.Join(allowed, ", "), ""}
}

// wholePaths refuses a path of the API with an empty part, as that of a run whose
// id a script forgot: the mux would send it on to another path.
func (r *Room) wholePaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if isAPI(req) && strings.Contains(req.URL.EscapedPath(), "//") {
			r.fail(w, req, &refusal{http.StatusNotFound, "a part of the path is empty", apiRoot + "/openapi.json has all paths"})
			return
		}
		next.ServeHTTP(w, req)
	})
}

// healthz and readyz say to whoever asks whether the service lives and works,
// and nothing else.
func (r *Room) healthz(w http.ResponseWriter, req *http.Request) {
	said(w, r.o.Control.Health(req.Context()).Live)
}

func (r *Room) readyz(w http.ResponseWriter, req *http.Request) {
	said(w, r.o.Control.Health(req.Context()).Ready)
}

func said(w http.ResponseWriter, well bool) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !well {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("not well\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

func (r *Room) metrics(w http.ResponseWriter, req *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	return r.o.Control.WriteMetrics(req.Context(), w)
}
