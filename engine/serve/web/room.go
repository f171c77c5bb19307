package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"a0run/engine"
	"a0run/engine/serve"
)

// Options say what a Room shows and who may come in.
type Options struct {
	Control serve.Control
	// Story tells how objects came to be as they are.
	Story Story
	// Listen is where it will listen, HOST:PORT. URL is how others reach it; ""
	// where nobody else does. Secure says that it is reached by TLS.
	Listen, URL string
	Secure      bool
	// Tokens let in who has one. OIDC logs people in; nil where it does not.
	Tokens []Token
	OIDC   OIDC
	// Now is the clock; nil is time.Now. Zone is that of the times on pages; nil
	// is time.Local.
	Now  func() time.Time
	Zone *time.Location
	// Dir is the folder of a0run.yaml, which paths on pages count from.
	Dir string
	// Version is a0run's.
	Version string
}

// A Token lets in who has it, in a role.
type Token struct {
	Name, Role string
	Secret     engine.Secret
}

// A Story tells what calls changed, as a0run why does. The command gives it.
type Story interface {
	// Object is every change that runs made to an object, the newest last; the
	// kind may be "" where the id is of one kind only. A mistake in what was asked
	// for has a hint.
	Object(ctx context.Context, kind, id string) ([]Change, error)
	// Call is what one call changed.
	Call(ctx context.Context, run *engine.RunRecord, c *engine.CallRecord) ([]FieldChange, string)
}

// A Change is one change of an object.
type Change struct {
	Time                                       time.Time
	Run, RunKind, Playbook, Who, Tenant        string
	Kind, Object, Beside                       string
	Operation, Effect, Where, Task, Key, State string
	Status                                     int
	Fields                                     []FieldChange
	Note, HadRead, Undo, CannotUndo            string
}

// A FieldChange is one field with what it was and what it became, in texts that
// may be shown; "" for nothing.
type FieldChange struct{ Field, Old, New string }

// A Room is the control room, an http.Handler.
type Room struct {
	o        Options
	hosts    []string
	tokens   []knownToken
	limit    *limiter
	sessions *scs.SessionManager
	pages    *pages
	box      *cookieBox
	live     *hub
	handler  http.Handler
}

// New makes a room. It refuses what would let strangers in (see Safe).
func New(o Options) (*Room, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if err := Safe(o.Listen, o.Secure, len(o.Tokens) > 0 || o.OIDC != nil); err != nil {
		return nil, err
	}
	r := &Room{o: o, limit: newLimiter(o.Now)}
	for _, t := range o.Tokens {
		if !slices.Contains(roles(), t.Role) || len(t.Secret) < shortestToken {
			return nil, fmt.Errorf("the token %s cannot let anybody in: it needs a role of %s and %d characters", t.Name, strings.Join(roles(), ", "), shortestToken)
		}
		r.tokens = append(r.tokens, newKnownToken(t))
	}
	if o.URL != "" {
		u, err := url.Parse(o.URL)
		if err != nil || u.Host == "" {
			return nil, errors.New("the control room's url is none")
		}
		r.hosts = append(r.hosts, strings.ToLower(u.Hostname()))
	}
	if host, _, err := net.SplitHostPort(o.Listen); err == nil && host != "" {
		r.hosts = append(r.hosts, strings.ToLower(host))
	}
	var err error
	if r.pages, err = loadPages(r); err != nil {
		return nil, err
	}
	if r.box, err = newCookieBox(); err != nil {
		return nil, err
	}
	r.sessions = r.newSessions()
	r.live = newHub(r)
	r.handler = r.routes()
	return r, nil
}

// shortestToken is the shortest token that lets anybody in.
const shortestToken = 20

// Safe says whether a room may listen at an address: on a loopback address
// always, elsewhere only with TLS and somebody who may come in.
func Safe(listen string, secure, auth bool) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return &unsafeError{"the control room cannot listen at " + listen + ": want HOST:PORT", "127.0.0.1:8417 is this machine alone"}
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	var lacks []string
	if !secure {
		lacks = append(lacks, "TLS")
	}
	if !auth {
		lacks = append(lacks, "anybody who may log in")
	}
	if len(lacks) == 0 {
		return nil
	}
	return &unsafeError{
		fmt.Sprintf("the control room does not listen at %s, which other machines reach, without %s", listen, strings.Join(lacks, " and ")),
		"give room: tls: and tokens: or oidc: in a0run.yaml, or listen at 127.0.0.1:8417 behind a proxy that has TLS",
	}
}

// An unsafeError is a place where the room does not open.
type unsafeError struct{ message, hint string }

func (e *unsafeError) Error() string { return e.message }

// Hint is what to do.
func (e *unsafeError) Hint() string { return e.hint }

// ExitCode is that of wrong usage.
func (e *unsafeError) ExitCode() int { return engine.ExitUsage }

// ServeHTTP answers.
func (r *Room) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.handler.ServeHTTP(w, req) }

// Close ends what is live.
func (r *Room) Close() { r.live.close() }
