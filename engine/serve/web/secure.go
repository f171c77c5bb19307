package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"a0run/engine/serve"
)

// csp lets a page load what this server gives, run no script and apply no style
// that stands in it, and be shown in no frame.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"

// headers are on every answer.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost refuses a request by a name that is not ours. A page of another site
// whose name was made to point here (DNS rebinding) comes with its own name; an
// address cannot be rebound.
func (r *Room) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !r.isOurs(req.Host) {
			r.fail(w, req, &refusal{http.StatusMisdirectedRequest, "this is not " + req.Host, "room: url: in a0run.yaml says by which name the control room is reached"})
			return
		}
		next.ServeHTTP(w, req)
	})
}

func (r *Room) isOurs(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), "."))
	return name == "localhost" || net.ParseIP(name) != nil || slices.Contains(r.hosts, name)
}

// mostBody bounds the body of a request.
const mostBody = 1 << 20

func smallBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > mostBody {
			w.Header().Set("Connection", "close")
			http.Error(w, "the body is larger than 1 MB", http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next.ServeHTTP(w, r)
	})
}

// recovered keeps one broken page from taking the service down.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				slog.Error("a page failed", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				http.Error(w, "a fault of a0run", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// A visitor is who asks.
type visitor struct {
	serve.Actor
	// csrf is the session's token, which forms hold; "" with a bearer token,
	// which no browser sends by itself.
	csrf string
}

func (v *visitor) in() bool { return v != nil && v.Name != "" }

// may reports whether the visitor has the powers of a role.
func (v *visitor) may(role string) bool { return v.in() && atLeast(v.Role, role) }

type visitorKey struct{}

func visitorOf(ctx context.Context) *visitor {
	v, _ := ctx.Value(visitorKey{}).(*visitor)
	return v
}

// roles are the roles, the weakest first.
func roles() []string { return []string{roleViewer, roleOperator, roleAdmin} }

const (
	roleViewer   = "viewer"
	roleOperator = "operator"
	roleAdmin    = "admin"
)

func atLeast(has, wants string) bool {
	return slices.Index(roles(), has) >= slices.Index(roles(), wants) && slices.Contains(roles(), has)
}

// csrfHeader carries the session's token where no form does.
const csrfHeader = "X-CSRF-Token"

// ownForm reports whether a write comes from a page of this session.
func (v *visitor) ownForm(r *http.Request) bool {
	if v.csrf == "" {
		return true // a bearer token
	}
	given := r.Header.Get(csrfHeader)
	if given == "" {
		given = r.PostFormValue("csrf")
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(v.csrf)) == 1
}

// guarded lets in who has a role, and takes writes only of their own forms.
func (r *Room) guarded(role string, next handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		v := visitorOf(req.Context())
		switch {
		case !v.in():
			r.needLogin(w, req)
			return
		case !v.may(role):
			r.refuseRole(w, req, v, role)
			return
		}
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			if err := req.ParseForm(); err != nil && !isAPI(req) {
				r.fail(w, req, tooLarge(err))
				return
			}
			if !v.ownForm(req) {
				r.fail(w, req, &refusal{http.StatusForbidden, "the form is not of this session", "load the page again and send the form once more"})
				return
			}
		}
		if err := next(w, req); err != nil {
			r.fail(w, req, err)
		}
	})
}

func (r *Room) refuseRole(w http.ResponseWriter, req *http.Request, v *visitor, role string) {
	if req.Method != http.MethodGet {
		r.audit(req, serve.AuditEntry{By: v.Actor, Action: "refused", Subject: req.URL.Path, Refused: "needs the role " + role})
	}
	r.fail(w, req, &refusal{http.StatusForbidden, "this needs the role " + role + "; " + v.Name + " is " + v.Role, ""})
}

// tooLarge names what is wrong with a body that cannot be read.
func tooLarge(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &refusal{http.StatusRequestEntityTooLarge, "the body is larger than 1 MB", ""}
	}
	return &refusal{http.StatusBadRequest, "the form cannot be read", ""}
}

// A refusal is an answer that is not what was asked for.
type refusal struct {
	status        int
	message, hint string
}

func (e *refusal) Error() string { return e.message }

// Hint is what to do.
func (e *refusal) Hint() string { return e.hint }

// audit writes what somebody did; that it cannot be written fails no page.
func (r *Room) audit(req *http.Request, e serve.AuditEntry) {
	e.At = r.o.Now()
	if err := r.o.Control.Audit(context.WithoutCancel(req.Context()), e); err != nil {
		slog.Error("the audit cannot be written", "action", e.Action, "error", err)
	}
}

// remote is where a request comes from, without the port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }
