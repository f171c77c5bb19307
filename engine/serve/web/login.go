package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"a0run/engine/serve"
)

// How long a session lives, and how long without being used.
const (
	sessionLife = 12 * time.Hour
	sessionIdle = 2 * time.Hour
)

// newSessions keeps sessions in memory, under the hash of what the cookie
// holds: whoever restarts the service logs everybody out.
func (r *Room) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = memstore.NewWithCleanupInterval(10 * time.Minute)
	m.Lifetime, m.IdleTimeout, m.HashTokenInStore = sessionLife, sessionIdle, true
	m.Cookie.Name, m.Cookie.HttpOnly, m.Cookie.Path, m.Cookie.Persist = "a0run_session", true, "/", false
	// Lax and not Strict: with it a link in a message, and the way back from
	// Auth0, find the session; no write is a GET.
	m.Cookie.SameSite = http.SameSiteLaxMode
	if r.o.Secure || strings.HasPrefix(r.o.URL, "https://") {
		m.Cookie.Secure = true
		m.Cookie.Name = "__Host-a0run_session"
	}
	m.ErrorFunc = func(w http.ResponseWriter, req *http.Request, err error) { r.fail(w, req, err) }
	return m
}

// What a session holds.
const (
	keyName = "name"
	keyRole = "role"
	keyCSRF = "csrf"
)

// identify finds out who asks.
func (r *Room) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		v := &visitor{}
		v.From = remote(req)
		ctx := context.WithValue(req.Context(), visitorKey{}, v)
		if given, bearer := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); bearer {
			t, ok := r.token(given)
			if !ok {
				err := error(&refusal{http.StatusUnauthorized, "no such token", ""})
				if wait := r.limit.failed(v.From); wait > 0 {
					err = tooOften(w, wait)
				}
				r.fail(w, req.WithContext(ctx), err)
				return
			}
			v.Name, v.Role = "token "+t.name, t.role
		} else if name := r.sessions.GetString(ctx, keyName); name != "" {
			v.Name, v.Role, v.csrf = name, r.sessions.GetString(ctx, keyRole), r.sessions.GetString(ctx, keyCSRF)
		}
		next.ServeHTTP(w, req.WithContext(ctx))
	})
}

// A knownToken is a token as it is kept: by its hash.
type knownToken struct {
	name, role string
	hash       [sha256.Size]byte
}

func newKnownToken(t Token) knownToken {
	return knownToken{t.Name, t.Role, sha256.Sum256([]byte(t.Secret))}
}

// token finds a token; it takes as long for every answer.
func (r *Room) token(given string) (found knownToken, ok bool) {
	hash := sha256.Sum256([]byte(strings.TrimSpace(given)))
	for _, t := range r.tokens {
		if subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1 {
			found, ok = t, true
		}
	}
	return found, ok
}

func tooOften(w http.ResponseWriter, wait time.Duration) error {
	seconds := int(wait.Seconds()) + 1
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return &refusal{http.StatusTooManyRequests, "too many log-ins that were wrong", "try again in " + strconv.Itoa(seconds) + " seconds"}
}

// needLogin sends a person to the log-in, and tells a program.
func (r *Room) needLogin(w http.ResponseWriter, req *http.Request) {
	if isAPI(req) || req.Method != http.MethodGet || req.Header.Get("HX-Request") != "" || !strings.Contains(req.Header.Get("Accept"), "text/html") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="a0run"`)
		r.fail(w, req, &refusal{http.StatusUnauthorized, "nobody is logged in", "log in at /login, or send Authorization: Bearer TOKEN"})
		return
	}
	back := req.URL.RequestURI()
	if back == "/" {
		http.Redirect(w, req, "/login", http.StatusSeeOther)
		return
	}
	http.Redirect(w, req, "/login?back="+url.QueryEscape(back), http.StatusSeeOther)
}

// loginView is what the log-in page shows.
type loginView struct {
	Tokens, OIDC bool
	Back, Wrong  string
}

func (r *Room) loginPage(w http.ResponseWriter, req *http.Request) error {
	if visitorOf(req.Context()).in() {
		http.Redirect(w, req, local(req.URL.Query().Get("back")), http.StatusSeeOther)
		return nil
	}
	return r.showLogin(w, req, http.StatusOK, loginView{Back: req.URL.Query().Get("back")})
}

func (r *Room) showLogin(w http.ResponseWriter, req *http.Request, status int, v loginView) error {
	v.Tokens, v.OIDC, v.Back = len(r.tokens) > 0, r.o.OIDC != nil, local(v.Back)
	return r.show(w, req, page{name: "login", title: "Log in", status: status, body: v})
}

// login takes a token.
func (r *Room) login(w http.ResponseWriter, req *http.Request) error {
	if err := req.ParseForm(); err != nil {
		return tooLarge(err)
	}
	from := remote(req)
	t, ok := r.token(req.PostFormValue("token"))
	if !ok {
		if wait := r.limit.failed(from); wait > 0 {
			err := tooOften(w, wait)
			return r.showLogin(w, req, http.StatusTooManyRequests, loginView{Back: req.PostFormValue("back"), Wrong: err.Error() + ": try again in a minute."})
		}
		r.audit(req, serve.AuditEntry{By: serve.Actor{Name: "somebody", From: from}, Action: "login", Refused: "no such token"})
		return r.showLogin(w, req, http.StatusUnauthorized, loginView{Back: req.PostFormValue("back"), Wrong: "No such token."})
	}
	if err := r.enter(req, serve.Actor{Name: "token " + t.name, Role: t.role, From: from}); err != nil {
		return err
	}
	http.Redirect(w, req, local(req.PostFormValue("back")), http.StatusSeeOther)
	return nil
}

// enter begins the session of somebody, under a new name: who knew the old one
// does not know this one.
func (r *Room) enter(req *http.Request, who serve.Actor) error {
	ctx := req.Context()
	if err := r.sessions.RenewToken(ctx); err != nil {
		return err
	}
	r.sessions.Put(ctx, keyName, who.Name)
	r.sessions.Put(ctx, keyRole, who.Role)
	r.sessions.Put(ctx, keyCSRF, unguessable())
	r.audit(req, serve.AuditEntry{By: who, Action: "login"})
	return nil
}

func (r *Room) logout(w http.ResponseWriter, req *http.Request) error {
	r.audit(req, serve.AuditEntry{By: visitorOf(req.Context()).Actor, Action: "logout"})
	if err := r.sessions.Destroy(req.Context()); err != nil {
		return err
	}
	http.Redirect(w, req, "/login", http.StatusSeeOther)
	return nil
}

// local is a path of this server; anything else is the overview. Browsers take
// \ for /, and leave controls out.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") || strings.HasPrefix(path, "/login") {
		return "/"
	}
	return path
}

func unguessable() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
