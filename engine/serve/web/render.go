package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strings"

	"a0run/engine"
	"a0run/engine/serve"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static/*
var static embed.FS

// pages are the parsed templates and the files beside them.
type pages struct {
	room   *Room
	byName map[string]*template.Template
	parts  *template.Template
	files  map[string]file
}

// A file is one of static/, by its name; version changes when it does.
type file struct {
	body          []byte
	kind, version string
}

func loadPages(r *Room) (*pages, error) {
	p := &pages{room: r, byName: map[string]*template.Template{}, files: map[string]file{}}
	if err := p.loadFiles(); err != nil {
		return nil, err
	}
	base, err := template.New("parts").Funcs(p.functions()).ParseFS(templates, "templates/layout.html", "templates/parts.html", "templates/live.html")
	if err != nil {
		return nil, err
	}
	p.parts = base
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(templates, name)
		}
		if err != nil {
			return nil, err
		}
		p.byName[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return p, nil
}

func (p *pages) loadFiles() error {
	entries, err := static.ReadDir("static")
	if err != nil {
		return err
	}
	for _, e := range entries {
		body, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		kind := mime.TypeByExtension(path.Ext(e.Name()))
		if kind == "" {
			kind = "text/plain; charset=utf-8"
		}
		p.files[e.Name()] = file{body, kind, hex.EncodeToString(sum[:6])}
	}
	return nil
}

// serveFile gives a file of static/; its name is looked up, never opened.
func (r *Room) serveFile(w http.ResponseWriter, req *http.Request) {
	f, ok := r.pages.files[req.PathValue("name")]
	if !ok {
		r.fail(w, req, &refusal{http.StatusNotFound, "there is no such file", ""})
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if req.URL.Query().Get("v") != f.version {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Etag", `"`+f.version+`"`)
	if req.Header.Get("If-None-Match") == `"`+f.version+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(f.body) // who went away needs no answer
}

// A page is what is shown.
type page struct {
	name, title string
	nav         string // which entry of the navigation it belongs to
	status      int    // 0 is 200
	body        any
}

// view is what the layout sees.
type view struct {
	Title, Nav, Theme, Version, CSRF string
	Visitor                          *visitor
	In, MayOperate, MayAdmin         bool
	Waiting                          int // plans that wait
	Health                           serve.Health
	Live                             bool
	Body                             any
}

// show writes a page; it is made whole first, so that a fault in it is no half
// page.
func (r *Room) show(w http.ResponseWriter, req *http.Request, p page) error {
	v := visitorOf(req.Context())
	out := view{Title: p.title, Nav: p.nav, Version: r.o.Version, Visitor: v, Body: p.body}
	if c, err := req.Cookie("a0run_theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		out.Theme = c.Value
	}
	if v.in() {
		out.In, out.CSRF, out.MayOperate, out.MayAdmin = true, v.csrf, v.may(roleOperator), v.may(roleAdmin)
		out.Health = r.o.Control.Health(req.Context())
		waiting, err := r.o.Control.Approvals(req.Context(), false)
		if err != nil {
			return err
		}
		out.Waiting = len(waiting)
	}
	t, ok := r.pages.byName[p.name]
	if !ok {
		return fmt.Errorf("there is no page %s", p.name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", out); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	_, _ = b.WriteTo(w) // who went away needs no answer
	return nil
}

// part writes a part of a page into a text.
func (p *pages) part(name string, data any) (string, error) {
	var b strings.Builder
	err := p.parts.ExecuteTemplate(&b, name, data)
	return b.String(), err
}

// handlerFunc answers, or says why not.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// problem is an error as a page and the API show it.
type problem struct {
	Status  int               `json:"-"`
	Kind    string            `json:"kind"`
	Message string            `json:"message"`
	Hint    string            `json:"hint,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
}

// fail answers with an error: what was refused with its reason, a fault of a0run
// without what is inside.
func (r *Room) fail(w http.ResponseWriter, req *http.Request, err error) {
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		slog.Error("a request failed", "method", req.Method, "path", req.URL.Path, "error", err)
	}
	if isAPI(req) {
		r.writeJSON(w, p.Status, map[string]problem{"error": p})
		return
	}
	if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/live") || visitorOf(req.Context()) == nil {
		http.Error(w, p.Message, p.Status)
		return
	}
	if r.show(w, req, page{name: "error", title: http.StatusText(p.Status), status: p.Status, body: p}) != nil {
		http.Error(w, p.Message, p.Status)
	}
}

func problemOf(err error) problem {
	p := problem{Status: http.StatusInternalServerError, Kind: "fault", Message: err.Error()}
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		p.Hint = hinter.Hint()
	}
	var refused *refusal
	var command *serve.Refusal
	switch {
	case errors.As(err, &refused):
		p.Status, p.Kind = refused.status, strings.ToLower(http.StatusText(refused.status))
	case errors.As(err, &command):
		p.Kind, p.Fields = string(command.Kind), command.Fields
		p.Status = map[serve.RefusalKind]int{
			serve.NotFound: http.StatusNotFound, serve.Conflict: http.StatusConflict,
			serve.Invalid: http.StatusUnprocessableEntity, serve.Stopping: http.StatusServiceUnavailable,
		}[command.Kind]
		if p.Status == 0 {
			p.Status = http.StatusConflict
		}
	case errors.Is(err, engine.ErrNoRun):
		p.Status, p.Kind = http.StatusNotFound, string(serve.NotFound)
	default:
		var coder engine.ExitCoder
		if errors.As(err, &coder) && coder.ExitCode() == engine.ExitUsage {
			p.Status, p.Kind = http.StatusUnprocessableEntity, string(serve.Invalid)
		} else if p.Hint == "" {
			p.Message, p.Hint = "a0run could not answer", "the service's log says why" // what is inside stays there
		}
	}
	return p
}

func (r *Room) writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		http.Error(w, "a fault of a0run", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // who went away needs no answer
}
