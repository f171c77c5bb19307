package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"a0run/engine/serve"
)

// How long a request may take to come and its answer to go. What is live sets
// its own deadline for each message.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 20 * time.Second
	writeTimeout  = 20 * time.Second
	idleTimeout   = 2 * time.Minute
	mostHeader    = 32 << 10
	mostConns     = 2000
)

// Timeouts bound what one connection may take.
type Timeouts struct {
	// Header and Read are for a request, Write for its answer.
	Header, Read, Write time.Duration
	// Conns is how many connections there may be; more wait.
	Conns int
}

// A Server serves a room at an address.
type Server struct {
	room *Room // nil for one that stands by
	http *http.Server
	at   net.Listener
	done chan error
}

// Start listens at the room's address and serves, by TLS where a certificate is
// given. It returns as soon as the address is taken.
func Start(r *Room, certificate *tls.Certificate) (*Server, error) {
	return start(r, certificate, Timeouts{headerTimeout, readTimeout, writeTimeout, mostConns})
}

// StartWith is Start without TLS and with other bounds.
func StartWith(r *Room, t Timeouts) (*Server, error) { return start(r, nil, t) }

func start(r *Room, certificate *tls.Certificate, t Timeouts) (*Server, error) {
	if err := Safe(r.o.Listen, certificate != nil, len(r.o.Tokens) > 0 || r.o.OIDC != nil); err != nil {
		return nil, err
	}
	s, err := listen(r.o.Listen, r, certificate, t)
	if err == nil {
		s.room = r
	}
	return s, err
}

// StartStandby answers at a room's address for a process that stands by: it is up
// and not ready, and has nothing else to show. So it needs nobody who may log in.
func StartStandby(address string, certificate *tls.Certificate, health func() serve.Health) (*Server, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { said(w, health().Live) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { // /readyz among it
		w.Header().Set("Retry-After", "5")
		http.Error(w, "this process stands by: another one serves the journal", http.StatusServiceUnavailable)
	})
	return listen(address, headers(recovered(mux)), certificate, Timeouts{headerTimeout, readTimeout, writeTimeout, 100})
}

func listen(address string, h http.Handler, certificate *tls.Certificate, t Timeouts) (*Server, error) {
	at, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{at: at, done: make(chan error, 1)}
	s.http = &http.Server{
		Handler: h, ReadHeaderTimeout: t.Header, ReadTimeout: t.Read, WriteTimeout: t.Write, IdleTimeout: idleTimeout,
		MaxHeaderBytes: mostHeader, ErrorLog: log.New(io.Discard, "", 0), // what strangers send is no news
	}
	listener := net.Listener(newLimited(at, t.Conns))
	if certificate != nil {
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
		listener = tls.NewListener(listener, s.http.TLSConfig)
	}
	go func() {
		err := s.http.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.done <- err
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.at.Addr() }

// Done gives why it ended: nil after Stop.
func (s *Server) Done() <-chan error { return s.done }

// Stop ends what is live and waits for the other answers, as long as ctx lasts.
func (s *Server) Stop(ctx context.Context) error {
	if s.room != nil {
		s.room.Close()
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // their time is over
	}
	return err
}

// limited accepts so many connections at a time; the next one waits.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(l net.Listener, most int) *limited {
	return &limited{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.free()
	return c.Conn.Close()
}
