package web

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"a0run/engine/serve"
)

// An OIDC logs people in at an Auth0 tenant. The command gives it: it is made of
// our own client, which this room never imports.
type OIDC interface {
	// Begin gives the address at Auth0 to which a person is sent, and what has to
	// be remembered of it until they come back to callback.
	Begin(ctx context.Context, callback string) (address string, pending json.RawMessage, err error)
	// Finish verifies what they came back with: the answer's query against what
	// was remembered, the ID token's signature and claims. A person who has no
	// role is refused with an error that can be shown.
	Finish(ctx context.Context, callback, query string, pending json.RawMessage) (name, role string, err error)
}

// callbackPath is where Auth0 sends people back to.
const callbackPath = "/login/oidc"

func (r *Room) callback() string { return r.o.URL + callbackPath }

// oidcBegin sends somebody to Auth0. It is a GET, because a form that is
// answered by a redirect to another site is refused by our own CSP.
func (r *Room) oidcBegin(w http.ResponseWriter, req *http.Request) error {
	if r.o.OIDC == nil {
		return &refusal{http.StatusNotFound, "people are not logged in by Auth0 here", "room: oidc: in a0run.yaml"}
	}
	address, pending, err := r.o.OIDC.Begin(req.Context(), r.callback())
	if err != nil {
		return &refusal{http.StatusBadGateway, "the log-in at Auth0 cannot begin: " + err.Error(), ""}
	}
	r.remember(w, begun{pending, local(req.URL.Query().Get("back")), r.o.Now().Add(beginLife)})
	http.Redirect(w, req, address, http.StatusSeeOther)
	return nil
}

// oidcFinish lets in whom Auth0 has sent back.
func (r *Room) oidcFinish(w http.ResponseWriter, req *http.Request) error {
	b, ok := r.remembered(w, req)
	if r.o.OIDC == nil || !ok {
		return r.showLogin(w, req, http.StatusBadRequest, loginView{Wrong: "No log-in has begun in this browser, or it was too long ago."})
	}
	from := remote(req)
	name, role, err := r.o.OIDC.Finish(req.Context(), r.callback(), req.URL.RawQuery, b.Pending)
	if err == nil && (name == "" || !atLeast(role, roleViewer)) {
		err = errors.New("they have no role here")
	}
	if err != nil {
		if wait := r.limit.failed(from); wait > 0 {
			return tooOften(w, wait)
		}
		r.audit(req, serve.AuditEntry{By: serve.Actor{Name: named(name), From: from}, Action: "login", Refused: err.Error()})
		return r.showLogin(w, req, http.StatusForbidden, loginView{Wrong: "The log-in was refused: " + err.Error() + "."})
	}
	if err := r.enter(req, serve.Actor{Name: name, Role: role, From: from}); err != nil {
		return err
	}
	http.Redirect(w, req, local(b.Back), http.StatusSeeOther)
	return nil
}

func named(name string) string {
	if name == "" {
		return "somebody"
	}
	return name
}

// begun is a log-in that has begun. It rests in a cookie, encrypted under a key
// of this process: strangers who begin log-ins cost no memory.
type begun struct {
	Pending json.RawMessage
	Back    string
	Until   time.Time
}

// beginLife is how long somebody may take to log in at Auth0.
const beginLife = 10 * time.Minute

// A cookieBox encrypts what rests in a cookie.
type cookieBox struct{ aead cipher.AEAD }

func newCookieBox() (*cookieBox, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &cookieBox{aead}, err
}

func (r *Room) beginCookie() string {
	return strings.Replace(r.sessions.Cookie.Name, "session", "login", 1)
}

func (r *Room) remember(w http.ResponseWriter, b begun) {
	text, err := json.Marshal(b)
	if err != nil {
		return // pending is JSON by contract
	}
	http.SetCookie(w, &http.Cookie{
		Name: r.beginCookie(), Value: base64.RawURLEncoding.EncodeToString(r.box.aead.Seal(nil, nil, text, nil)), Path: "/",
		HttpOnly: true, Secure: r.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode, MaxAge: int(beginLife.Seconds()),
	})
}

// remembered takes the cookie back: it is good once and not for long.
func (r *Room) remembered(w http.ResponseWriter, req *http.Request) (b begun, ok bool) {
	c, err := req.Cookie(r.beginCookie())
	if err != nil {
		return b, false
	}
	http.SetCookie(w, &http.Cookie{Name: r.beginCookie(), Path: "/", HttpOnly: true, Secure: r.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return b, false
	}
	text, err := r.box.aead.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(text, &b) != nil || r.o.Now().After(b.Until) {
		return begun{}, false
	}
	return b, true
}
