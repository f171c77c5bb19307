package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/hosts"
)

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func clientFor(t *testing.T, cfg Config, declared ...string) *Client {
	t.Helper()
	list, wrong := hosts.Parse(declared)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	cfg.Hosts, cfg.UserAgent, cfg.Proxy = list, "a0run/test", noProxy
	c := New(cfg)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func ask(t *testing.T, c *Client, what string, header http.Header) (*Response, *Error) {
	t.Helper()
	method, address, _ := strings.Cut(what, " ")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Do(t.Context(), &Request{Method: method, URL: u, Header: header})
	if err == nil {
		return r, nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%T is no *Error: %v", err, err)
	}
	return nil, e
}

func hostOfServer(s *httptest.Server) string {
	return strings.TrimPrefix(strings.TrimPrefix(s.URL, "http://"), "https://")
}

func TestNothingIsAdded(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if name != "User-Agent" && name != "Accept-Encoding" && name != "X-Own" {
				t.Errorf("the header %s was sent", name)
			}
		}
		fmt.Fprint(w, r.Header.Get("User-Agent"), " ", r.Header.Get("X-Own"))
	})
	r, e := ask(t, clientFor(t, Config{}, hostOfServer(s)), "GET "+s.URL, http.Header{"X-Own": {"1"}})
	if e != nil || string(r.Body) != "a0run/test 1" {
		t.Fatal(r, e)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var there, asked atomic.Int32
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		there.Add(1)
		fmt.Fprint(w, r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("X-Key"), r.Header.Get("Accept"))
	})
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/own" {
			fmt.Fprint(w, r.Header.Get("Authorization"))
			return
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	})
	secret := http.Header{"Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "X-Key": {"k"}, "Accept": {"text/plain"}}
	both := clientFor(t, Config{}, hostOfServer(s), hostOfServer(other))
	one := clientFor(t, Config{}, hostOfServer(s))

	to = other.URL + "/x"
	if r, e := ask(t, both, "GET "+s.URL, secret); e != nil || string(r.Body) != "text/plain" {
		t.Errorf("what was meant for the first host came along: %v %v", r, e)
	}
	if _, e := ask(t, one, "GET "+s.URL, secret); e == nil || e.Kind != Redirected || !e.Refusal.Undeclared || e.Status != 307 {
		t.Errorf("an undeclared host: %+v", e)
	}
	if r, e := ask(t, both, "POST "+s.URL, secret); e != nil || r.Status != 307 {
		t.Errorf("an action is not sent on: %v %v", r, e)
	}
	if n := there.Load(); n != 1 {
		t.Errorf("the other host was asked %d times, want 1", n)
	}
	to = "/own"
	if r, e := ask(t, one, "GET "+s.URL, secret); e != nil || string(r.Body) != "Bearer x" {
		t.Errorf("the same host keeps the headers: %v %v", r, e)
	}
	for address, want := range map[string]string{
		"http://169.254.169.254/latest/meta-data/": "credentials of a machine",
		"http://[fe80::1]/":                        "link-local",
		"file:///etc/passwd":                       "https, not by file",
		"//evil.example/":                          "does not exist",
		"http://user:pw@" + hostOfServer(s):        "user name or password",
		"%zz":                                      "invalid URL escape",
	} {
		to = address
		if _, e := ask(t, one, "GET "+s.URL, nil); e == nil || e.Kind != Redirected || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: got %v, want %s", address, e, want)
		}
	}
	asked.Store(0)
	to = "/again"
	if _, e := ask(t, one, "GET "+s.URL, nil); e == nil || !strings.Contains(e.Error(), "again and again") || asked.Load() != MaxRedirects+1 {
		t.Errorf("a loop: %v after %d", e, asked.Load())
	}
}

// A name that leads into the machine is not connected to, whatever it led to
// before.
func TestWhereANameLeads(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "in")
	}))
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	address := "https://example.com:" + port + "/"

	names := nameServer(t, [4]byte{127, 0, 0, 1})
	c := clientFor(t, Config{Resolver: names, RootCAs: roots}, "example.com:"+port)
	_, e := ask(t, c, "POST "+address, nil)
	if e == nil || e.Kind != Refused || e.Sent || !strings.Contains(e.Hint(), "127.0.0.0/24") || asked.Load() != 0 {
		t.Fatalf("%+v, asked %d times", e, asked.Load())
	}
	// Declared, the network is where it may stand; the certificate is checked all
	// the same.
	c = clientFor(t, Config{Resolver: names, RootCAs: roots}, "example.com:"+port, "127.0.0.0/24")
	if r, e := ask(t, c, "GET "+address, nil); e != nil || string(r.Body) != "in" {
		t.Fatal(r, e)
	}
	c = clientFor(t, Config{Resolver: names}, "example.com:"+port, "127.0.0.0/24")
	if _, e := ask(t, c, "POST "+address, nil); e == nil || e.Kind != Untrusted || e.Sent {
		t.Fatalf("%+v", e)
	}
	c = clientFor(t, Config{Resolver: nameServer(t, [4]byte{169, 254, 169, 254})}, "example.com:"+port, "10.0.0.0/8")
	if _, e := ask(t, c, "GET "+address, nil); e == nil || e.Kind != Refused || !strings.Contains(e.Error(), "credentials of a machine") {
		t.Fatalf("%+v", e)
	}
}

// nameServer answers every question for an IPv4 address with one, over UDP.
func nameServer(t *testing.T, addr [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12 + bytes.IndexByte(buf[12:n], 0) + 5 // name, type, class
			reply := append([]byte(nil), buf[:end]...)
			copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if reply[end-3] == 1 { // A
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				reply = append(reply, addr[:]...)
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/said":
			w.Header().Set("Content-Length", fmt.Sprint(MaxBody+1))
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close() //nolint:errcheck // the client hangs up
			for range MaxBody>>20 + 1 {
				_, _ = z.Write(make([]byte, 1<<20))
			}
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", maxHeader))
		case "/most":
			_, _ = w.Write(make([]byte, MaxBody))
		default:
			for range MaxBody>>20 + 1 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}
	})
	c := clientFor(t, Config{}, hostOfServer(s))
	for path, want := range map[string]Kind{"/said": TooLong, "/unsaid": TooLong, "/packed": TooLong, "/header": Network} {
		if _, e := ask(t, c, "GET "+s.URL+path, nil); e == nil || e.Kind != want || !e.Sent || want == TooLong && e.Status != 200 {
			t.Errorf("%s: %+v", path, e)
		}
	}
	if r, e := ask(t, c, "GET "+s.URL+"/most", nil); e != nil || len(r.Body) != MaxBody {
		t.Error(e)
	}
}

// What is known of a request that failed: whether it may have arrived.
func TestSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	if _, e := ask(t, clientFor(t, Config{}, closed), "POST http://"+closed, nil); e == nil || e.Kind != Network || e.Sent {
		t.Errorf("a closed port: %+v", e)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	c := clientFor(t, Config{}, hostOfServer(s))
	if _, e := ask(t, c, "POST "+s.URL+"/reset", nil); e == nil || e.Kind != Network || !e.Sent || e.Status != 0 {
		t.Errorf("a reset: %+v", e)
	}
	if _, e := ask(t, c, "POST "+s.URL+"/cut", nil); e == nil || e.Kind != Network || !e.Sent || e.Status != 200 {
		t.Errorf("an answer that was cut off: %+v", e)
	}
	if _, e := ask(t, c, "GET http://user:pw@"+hostOfServer(s), nil); e == nil || e.Kind != Refused || strings.Contains(e.Error(), "pw") {
		t.Errorf("%v", e)
	}
}

// The clocks, in a bubble: a server that is not there, one that says nothing,
// one that says something every nine seconds for ever.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(conn net.Conn) // nil: nobody takes the connection
		phase  string
		after  time.Duration
		sent   bool
	}{
		"nobody":  {nil, phaseConnect, DefaultTimeout, false},
		"silence": {func(net.Conn) {}, phaseSilence, DefaultTimeout, true},
		"drip": {func(conn net.Conn) {
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for {
				time.Sleep(9 * time.Second)
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
		}, phaseTotal, MaxTotal, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := New(Config{Hosts: hosts.Of([]string{"localhost"}), Proxy: noProxy})
				client.direct.DialContext = func(context.Context, string, string) (net.Conn, error) {
					if c.answer == nil {
						time.Sleep(MaxTotal) // a dial is left to itself
						return nil, errors.New("nobody came")
					}
					mine, theirs := net.Pipe()
					go func() {
						buf := make([]byte, 4096)
						_, _ = theirs.Read(buf)
						c.answer(theirs)
					}()
					return mine, nil
				}
				began := time.Now()
				_, err := client.Do(t.Context(), &Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "localhost"}})
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Kind != Timeout || e.Sent != c.sent || !strings.Contains(e.Error(), "timeout ("+c.phase+")") {
					t.Fatalf("%+v", err)
				}
				if took := time.Since(began); took != c.after {
					t.Errorf("after %s, want %s", took, c.after)
				}
				time.Sleep(MaxTotal) // what was left to itself ends
			})
		})
	}
}

// A proxy of the environment is asked for names; what it leads to counts as the
// public web.
func TestProxy(t *testing.T) {
	t.Parallel()
	var connects atomic.Int32
	target := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:9/inner", http.StatusFound)
	}))
	t.Cleanup(target.Close)
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			t.Errorf("the proxy was asked for %s %s", r.Method, r.Host)
		}
		connects.Add(1)
		there, err := net.Dial("tcp", target.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	})
	roots := x509.NewCertPool()
	roots.AddCert(target.Certificate())
	by, _ := url.Parse(proxy.URL)
	c := New(Config{Hosts: hosts.Of([]string{"example.com", "127.0.0.1:9"}), RootCAs: roots, Proxy: http.ProxyURL(by)})
	t.Cleanup(c.CloseIdleConnections)
	_, e := ask(t, c, "GET https://example.com/", nil)
	if e == nil || e.Kind != Redirected || !strings.Contains(e.Error(), "has led to 127.0.0.1:9") || connects.Load() != 1 {
		t.Fatalf("%v after %d", e, connects.Load())
	}
}
