package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"a0run/engine"
	"a0run/engine/notify"
	"a0run/engine/project"
	"a0run/engine/seal"
	"a0run/engine/serve"
	"a0run/engine/serve/web"
)

// roomListen is where the control room listens unless it is told.
const roomListen = "127.0.0.1:8417"

// noRoom is what --listen is given for a service without a control room.
const noRoom = "none"

// roomSetup is what a control room, and the messages beside it, are made of.
type roomSetup struct {
	control serve.Control
	project *project.Project
	// newest gives a0run.yaml as it was read last; nil where it is never read again.
	newest func() *project.Project
	box    *seal.Box
	listen string // --listen; "" where it was not given
	log    *slog.Logger
}

// A controlRoom is an open control room with the messages about runs.
type controlRoom struct {
	server   *web.Server // nil without one
	notifier *notify.Notifier
	stop     context.CancelFunc
	told     chan struct{} // closed when the last change was read
	log      *slog.Logger
	world    *world
	closing  sync.WaitGroup // notifiers that were replaced
}

// openRoom opens the control room of a service, and begins to tell people.
func openRoom(ctx context.Context, w *world, s roomSetup) (*controlRoom, error) {
	redactor := &engine.Redactor{Off: w.shown}
	r := &controlRoom{log: s.log, told: make(chan struct{}), world: w}
	var err error
	if r.notifier, err = openNotifier(ctx, w, s, redactor); err != nil {
		return nil, err
	}
	if s.listen != noRoom {
		if r.server, err = openServer(ctx, w, s, redactor); err != nil {
			return nil, err
		}
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	go r.tell(ctx, s, s.control.Changes()) // from now on: what is told while it begins is not lost
	return r, nil
}

// openServer makes the room's pages and serves them.
func openServer(ctx context.Context, w *world, s roomSetup, redactor *engine.Redactor) (*web.Server, error) {
	room := s.project.Room
	values, err := s.project.ResolveRoom(ctx, w.outside())
	if err != nil {
		return nil, err
	}
	o := web.Options{
		Control: s.control, Story: roomStory{w, s.control.History(), s.box}, Listen: s.address(), URL: room.URL,
		Secure: len(values.CertificatePEM) > 0, Now: w.now, Version: buildVersion(),
	}
	for _, t := range room.Tokens {
		redactor.Add(string(values.Tokens[t.Name]))
		o.Tokens = append(o.Tokens, web.Token{Name: t.Name, Role: t.Role, Secret: values.Tokens[t.Name]})
	}
	login, err := newAuth0Login(w, room.OIDC, values, redactor)
	if err != nil {
		return nil, err
	}
	if login != nil {
		o.OIDC = login
	}
	// Before a token is made: one of a file lets nobody in from elsewhere.
	if err := web.Safe(o.Listen, o.Secure, len(o.Tokens) > 0 || o.OIDC != nil); err != nil {
		return nil, err
	}
	if len(o.Tokens) == 0 && o.OIDC == nil {
		file := s.control.History().Path() + ".token"
		token, err := ownToken(file)
		if err != nil {
			return nil, err
		}
		o.Tokens = []web.Token{{Name: "of this machine", Role: project.RoleAdmin, Secret: token}}
		s.log.Info("a0run.yaml lets nobody in; a token for the log-in is in a file", "file", file)
	}
	pages, err := web.New(o)
	if err != nil {
		return nil, err
	}
	certificate, err := certificateOf(values)
	if err != nil {
		return nil, err
	}
	server, err := web.Start(pages, certificate)
	if err != nil {
		pages.Close()
		if s.listen == "" && room.Listen == "" && errors.Is(err, syscall.EADDRINUSE) {
			// Nobody has asked for this very address, and schedules must run.
			s.log.Warn("there is no control room: its address is taken", "address", roomListen, "hint", "--listen 127.0.0.1:0, or room: listen: in a0run.yaml")
			return nil, nil
		}
		return nil, &usageError{"the control room cannot listen: " + err.Error(), "--listen 127.0.0.1:0 takes any free port, --listen none has no control room"}
	}
	s.log.Info("the control room is open", "url", scheme(certificate)+server.Addr().String())
	return server, nil
}

// openStandby answers, at the address that the room will have, that this process is
// up and not ready. It is nil without an address, and where that is taken: on one
// machine who serves has it.
func openStandby(ctx context.Context, w *world, s roomSetup) (*web.Server, error) {
	address := s.address()
	if address == noRoom {
		return nil, nil
	}
	values, err := s.project.ResolveRoom(ctx, w.outside())
	if err != nil {
		return nil, err
	}
	certificate, err := certificateOf(values)
	if err != nil {
		return nil, err
	}
	server, err := web.StartStandby(address, certificate, func() serve.Health { return s.control.Health(ctx) })
	if err != nil {
		s.log.Info("standing by without /healthz: its address cannot be had", "address", address, "error", err.Error())
		return nil, nil
	}
	s.log.Info("standing by", "healthz", scheme(certificate)+server.Addr().String()+"/healthz")
	return server, nil
}

// address is where the room listens, or noRoom.
func (s roomSetup) address() string {
	switch {
	case s.listen != "":
		return s.listen
	case s.project.Room.Listen != "":
		return s.project.Room.Listen
	}
	return roomListen
}

func scheme(certificate *tls.Certificate) string {
	if certificate != nil {
		return "https://"
	}
	return "http://"
}

// certificateOf is the TLS server's; nil where there is none.
func certificateOf(values *project.ResolvedRoom) (*tls.Certificate, error) {
	if len(values.CertificatePEM) == 0 {
		return nil, nil
	}
	// The error could show the key.
	c, err := tls.X509KeyPair(values.CertificatePEM, []byte(values.KeyPEM))
	if err != nil {
		return nil, &usageError{"room.tls: certificate and key do not belong to each other, or are damaged", ""}
	}
	return &c, nil
}

// ownToken is the token of a file that only the user may read; it is made where
// it is missing.
func ownToken(file string) (engine.Secret, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		token := randomText()
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return "", failedWith(err)
		}
		_, err = f.WriteString(token + "\n")
		return engine.Secret(token), failedWith(errors.Join(err, f.Close()))
	}
	if err != nil {
		return "", failedWith(err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < 20 {
		return "", &usageError{file + " holds no token", "delete it; the next a0run serve makes another"}
	}
	return engine.Secret(token), nil
}

// openNotifier makes the notifier of notify:; it has no receivers where nothing
// is said.
func openNotifier(ctx context.Context, w *world, s roomSetup, redactor *engine.Redactor) (*notify.Notifier, error) {
	to, err := s.project.Receivers(ctx, w.outside())
	if err != nil {
		return nil, err
	}
	for _, r := range to {
		redactor.Add(string(r.URL))
	}
	n, err := notify.New(notify.Options{
		Receivers: to, Group: s.project.Notify.Group, Redact: redactor.Redact,
		Report: func(receiver string, err error, again time.Duration) {
			switch {
			case err != nil && again > 0:
				s.log.Warn("a message was not taken, and is sent again", "receiver", receiver, "in", again.String(), "error", err)
			case err != nil:
				s.log.Error("a message was not taken, and is given up", "receiver", receiver, "error", err)
			}
		},
	})
	if err != nil {
		return nil, &usageError{err.Error(), ""}
	}
	return n, nil
}

// tell reads what changes and tells people of it.
func (r *controlRoom) tell(ctx context.Context, s roomSetup, changes *serve.Feed[serve.Change]) {
	defer close(r.told)
	for {
		all, lost, err := changes.Next(ctx)
		if err != nil {
			return
		}
		if lost > 0 {
			r.log.Warn("messages were lost: too much happened at once", "changes", lost)
		}
		for _, c := range all {
			if c.Kind == serve.ChangeFiles {
				r.reload(ctx, &s, c.State == serve.ReloadAsked)
			}
			for _, n := range notices(ctx, s, c) {
				r.notifier.Tell(n)
			}
		}
	}
}

// notices are what people are told of a change.
func notices(ctx context.Context, s roomSetup, c serve.Change) []notify.Notice {
	n := notify.Notice{At: c.At, Playbook: c.Playbook, Schedule: c.Schedule, Tenant: tenantWords(c.Tenants), Run: c.ID, Status: c.State, Error: s.control.ShownText(c.Error)}
	link := func(path string) string {
		if s.project.Room.URL == "" {
			return ""
		}
		return s.project.Room.URL + path
	}
	switch {
	case c.Kind == serve.ChangeApproval && (c.State == serve.ApprovalWaiting || c.State == ""):
		a, err := s.control.Approval(ctx, c.ID)
		if err != nil || a.State != serve.ApprovalWaiting {
			return nil
		}
		n.Kind, n.Playbook, n.Schedule, n.Tenant, n.Due, n.Error, n.Status = notify.Approval, a.Playbook, a.Schedule, tenantWords(a.Tenants), a.Lapses, a.Summary, ""
		n.Link = link("/approvals/" + c.ID)
		return []notify.Notice{n}
	case c.Kind == serve.ChangeSchedule && len(c.Missed) > 0:
		n.Kind, n.Run, n.Status, n.Schedule = notify.Missed, "", "", c.ID
		var all []notify.Notice
		for _, due := range c.Missed {
			n.Due = due
			all = append(all, n)
		}
		return all
	case c.Kind != serve.ChangeRun:
		return nil
	}
	n.Link = link("/runs/" + c.ID)
	switch {
	case c.Recovered:
		n.Kind, n.Error = notify.Recovered, ""
	case failedState(c.State):
		n.Kind = notify.Failed
	default:
		return nil
	}
	return []notify.Notice{n}
}

// failedState says that a run ended in a way that people are told of. What
// somebody stopped is no news to them.
func failedState(state string) bool {
	switch state {
	case engine.RunFailed, engine.RunItems, engine.RunInDoubt, engine.RunRefused, engine.RunMoved, "set aside":
		return true
	}
	return false
}

// tenantWords names the tenants of a run.
func tenantWords(by map[string]string) string {
	all := make([]engine.TenantRecord, 0, len(by))
	for _, role := range slices.Sorted(maps.Keys(by)) {
		all = append(all, engine.TenantRecord{Role: role, Name: by[role]})
	}
	return tenantsOf(all)
}

// close ends the room: answers have a moment, messages that wait are sent once.
func (r *controlRoom) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if r.server != nil {
		if err := r.server.Stop(ctx); err != nil {
			r.log.Warn("the control room was closed while pages were open", "error", err)
		}
	}
	r.stop()
	<-r.told
	r.notifier.Close(ctx)
	r.closing.Wait()
}
