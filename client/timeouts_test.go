package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network in memory: every dial gives one end of a pipe to a server.
type pipes struct{ accept chan net.Conn }

func (p *pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.accept
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accept <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// piped gives a client whose requests reach h through a pipe, in virtual time;
// without h nobody answers the dial.
func piped(t *testing.T, cfg config, h http.HandlerFunc) *Client {
	t.Helper()
	p := &pipes{accept: make(chan net.Conn)}
	transport := &http.Transport{DialContext: p.dial}
	if h != nil {
		srv := &http.Server{Handler: h}
		go func() { _ = srv.Serve(p) }()
		t.Cleanup(func() { close(p.accept); _ = srv.Close() })
	}
	t.Cleanup(transport.CloseIdleConnections)
	cfg.Domain, cfg.Transport, cfg.Token = "http://127.0.0.1", transport, "t"
	c, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hold holds a handler up, in virtual time.
func hold(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

func TestTimeouts(t *testing.T) {
	drip := func(pause time.Duration, n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range n {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				hold(r, pause)
			}
			_, _ = io.WriteString(w, "{}")
		}
	}
	late := func(pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			hold(r, pause)
			_, _ = io.WriteString(w, "{}")
		}
	}
	tests := []struct {
		name    string
		times   Timeouts
		handler http.HandlerFunc
		phase   string // "" is success
		sent    bool
		after   time.Duration
	}{
		{"nobody answers the dial", Timeouts{}, nil, "connect", false, DefaultConnect},
		{"nobody answers, own limit", Timeouts{Connect: time.Second}, nil, "connect", false, time.Second},
		{"slow answer", Timeouts{}, late(4 * time.Second), "", false, 4 * time.Second},
		{"silent answer", Timeouts{}, late(time.Minute), "silence", true, DefaultSilence},
		{"silent answer, own limit", Timeouts{Silence: 30 * time.Second}, late(20 * time.Second), "", false, 20 * time.Second},
		{"no limit", Timeouts{Silence: -1}, late(10 * time.Minute), "", false, 10 * time.Minute},
		{"slow body", Timeouts{}, drip(4*time.Second, 5), "", false, 20 * time.Second},
		{"stalled body", Timeouts{}, drip(6*time.Second, 1), "silence", true, DefaultSilence},
		{"total", Timeouts{Total: 10 * time.Second}, drip(4*time.Second, 5), "total", true, 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := piped(t, config{NoRetry: true, Timeouts: Timeouts{Silence: 0}}, tt.handler)
				began := time.Now()
				_, err := c.Do(t.Context(), "users.create", Args{"body": map[string]any{"email": "x"}}, WithTimeouts(tt.times))
				if took := time.Since(began); took != tt.after {
					t.Errorf("took %s, want %s", took, tt.after)
				}
				if tt.phase == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				e, ok := errors.AsType[*TimeoutError](err)
				if !ok || e.Phase != tt.phase || e.Sent != tt.sent || e.InDoubt != tt.sent || e.After != tt.after {
					t.Fatalf("got %#v", err)
				}
				if !strings.Contains(err.Error(), tt.phase) {
					t.Errorf("%q does not name the phase", err)
				}
			})
		})
	}
}

// slowReader gives a byte at a time.
type slowReader struct {
	io.ReadSeeker
	pause time.Duration
}

func (s slowReader) Read(p []byte) (int, error) {
	<-time.After(s.pause) // a slow disk, in virtual time
	return s.ReadSeeker.Read(p[:1])
}

func TestUploadKeepsTheCallAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got string
		c := piped(t, config{NoRetry: true, Timeouts: Timeouts{Silence: 5 * time.Second}}, func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			got = string(text)
			_, _ = io.WriteString(w, "{}")
		})
		began := time.Now()
		_, err := c.Do(t.Context(), "jobs.import_users", Args{
			"connection_id": "con_1", "users": FileArg{Name: "users.json", Data: slowReader{strings.NewReader(`[{"email":"a"}]`), 3 * time.Second}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 40*time.Second {
			t.Errorf("took %s", took)
		}
		if !strings.Contains(got, `[{"email":"a"}]`) || !strings.Contains(got, `name="users"; filename="users.json"`) {
			t.Errorf("sent %s", got)
		}
	})
}

// A cancelled call says whether the request had left.
func TestCancelledCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := piped(t, config{}, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Do(ctx, "users.create", Args{"body": map[string]any{}})
		e, ok := errors.AsType[*NetworkError](err)
		if !ok || !e.Sent || !e.InDoubt || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %#v", err)
		}
	})
}

// flaky answers as its script says, one attempt after the other.
type flaky struct {
	script []any // int: status; error; "drop": read and drop
	bodies []string
}

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	var text []byte
	if r.Body != nil {
		text, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	f.bodies = append(f.bodies, string(text))
	step := f.script[min(len(f.bodies), len(f.script))-1]
	if err, ok := step.(error); ok {
		return nil, err
	}
	status := step.(int)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(`{}`)))}, nil
}

func TestRetries(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	tests := []struct {
		name, op string
		args     Args
		script   []any
		attempts int
		fails    bool
	}{
		{"read after reset", "users.get", Args{"id": "x"}, []any{reset, reset, 200}, 3, false},
		{"read, too often", "users.get", Args{"id": "x"}, []any{reset}, 4, true},
		{"patch after 503", "users.update", Args{"id": "x", "body": map[string]any{"a": 1}}, []any{503, 200}, 2, false},
		{"create after refusal of the connection", "users.create", Args{"body": map[string]any{"a": 1}}, []any{refused, refused, 201}, 3, false},
		{"create after 429", "users.create", Args{"body": map[string]any{"a": 1}}, []any{429, 429, 429, 429, 429, 429, 201}, 7, false},
		{"create after reset", "users.create", Args{"body": map[string]any{"a": 1}}, []any{reset, 201}, 1, true},
		{"create after 502", "users.create", Args{"body": map[string]any{"a": 1}}, []any{502, 201}, 1, true},
		{"action after timeout of a proxy", "users.regenerate_recovery_code", Args{"id": "x"}, []any{504, 200}, 1, true},
		{"500", "users.get", Args{"id": "x"}, []any{500, 200}, 1, true},
		{"404", "users.get", Args{"id": "x"}, []any{404, 200}, 1, true},
		{"delete, lost, then gone", "users.delete", Args{"id": "x"}, []any{reset, 404}, 2, false},
		{"delete of nothing", "users.delete", Args{"id": "x"}, []any{404}, 1, true},
		{"upload read again", "jobs.import_users", Args{"connection_id": "c", "users": FileArg{Data: strings.NewReader("[1,2]")}}, []any{429, refused, 202}, 3, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &flaky{script: tt.script}
				c, err := open(config{Domain: "acme.eu.auth0.com", Token: "t", Transport: f})
				if err != nil {
					t.Fatal(err)
				}
				hooks := 0
				_, err = c.Do(t.Context(), tt.op, tt.args, WithBeforeSend(func(_ context.Context, a SendInfo) error {
					hooks++
					if a.Attempt != hooks || a.Operation.ID != tt.op {
						t.Errorf("hook %d was told %+v", hooks, a)
					}
					return nil
				}))
				if len(f.bodies) != tt.attempts || (err != nil) != tt.fails || hooks != tt.attempts {
					t.Fatalf("%d attempts, %d hooks, %v", len(f.bodies), hooks, err)
				}
				for _, body := range f.bodies[1:] {
					if cut(body) != cut(f.bodies[0]) {
						t.Errorf("attempts differ: %q and %q", f.bodies[0], body)
					}
				}
			})
		})
	}
}

// cut leaves the random boundary out of a multipart body.
func cut(body string) string {
	if i := strings.Index(body, "\r\n"); i > 0 && strings.HasPrefix(body, "--") {
		return strings.ReplaceAll(body, body[:i], "")
	}
	return body
}

func TestHookStopsTheCall(t *testing.T) {
	f := &flaky{script: []any{200}}
	stop := errors.New("the lease is lost")
	c, err := open(config{Domain: "acme.eu.auth0.com", Token: "t", Transport: f, BeforeSend: func(context.Context, SendInfo) error { return stop }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), "users.get", Args{"id": "x"}); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if len(f.bodies) != 0 {
		t.Error("the request was sent")
	}
}
