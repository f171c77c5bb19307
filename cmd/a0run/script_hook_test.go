package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The words of a script for a host that is no tenant's:
//
//	webhook NAME...          starts hosts on loopback sockets; sets NAME to the
//	                         host with its port
//	fill FILE                puts variables of the environment ($HOOK) into a file
//	hooked METHOD PREFIX N   fails unless N requests of that method and path
//	                         prefix reached one of the hosts; waits up to a minute
//	                         for the last of them
//	hooksame HEADER N        fails unless N requests bore the header, all with the
//	                         same value
//	hookwire TEXT            fails unless TEXT stood in a request to one of them
//
// A host answers by the path: /echo with what it got as JSON, /status/N with
// that status, /to?URL with a redirect, /long with more than is read, /silent
// never, /reset by hanging up, and everything else with 200 and "ok".

type hookRequest struct {
	method, path, text string
	header             http.Header
}

// hooks are the hosts of a script.
type hooks struct {
	mu       sync.Mutex
	requests []hookRequest
	host     string
	ended    chan struct{}
}

type hooksKey struct{}

func scriptHooks(ts *testscript.TestScript) *hooks {
	h, ok := ts.Value(hooksKey{}).(*hooks)
	if !ok {
		ts.Fatalf("the script has no place for hosts")
	}
	return h
}

func startWebhooks(ts *testscript.TestScript, neg bool, names []string) {
	if neg || len(names) == 0 {
		ts.Fatalf("usage: webhook NAME...")
	}
	h := scriptHooks(ts)
	h.ended = make(chan struct{})
	for _, name := range names {
		server := httptest.NewServer(h)
		ts.Defer(server.Close)
		ts.Setenv(name, server.Listener.Addr().String())
	}
	ts.Defer(func() { close(h.ended) }) // before the servers are closed
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := string(body) + "\n" + r.URL.RawQuery
	for name, values := range r.Header {
		text += "\n" + name + ": " + strings.Join(values, ", ")
	}
	h.mu.Lock()
	h.requests = append(h.requests, hookRequest{r.Method, r.URL.Path, text, r.Header})
	h.mu.Unlock()
	status, _ := strings.CutPrefix(r.URL.Path, "/status/")
	code, _ := strconv.Atoi(status)
	switch {
	case code != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":"status_%d","message":"you asked for it"}`, code)
	case r.URL.Path == "/echo":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "sid=cookie-of-the-host; Path=/")
		fmt.Fprintf(w, `{"method":%q,"type":%q,"body":%q,"access_token":"token-of-the-host"}`, r.Method, r.Header.Get("Content-Type"), body)
	case r.URL.Path == "/to":
		w.Header().Set("Location", r.URL.RawQuery)
		w.WriteHeader(http.StatusFound)
	case r.URL.Path == "/long":
		for range 11 {
			_, _ = w.Write(make([]byte, 1<<20))
		}
	case r.URL.Path == "/silent":
		select {
		case <-r.Context().Done():
		case <-h.ended:
		}
	case r.URL.Path == "/reset":
		panic(http.ErrAbortHandler)
	default:
		fmt.Fprint(w, "ok")
	}
}

func fillFiles(ts *testscript.TestScript, neg bool, names []string) {
	if neg || len(names) == 0 {
		ts.Fatalf("usage: fill FILE...")
	}
	for _, name := range names {
		text := regexp.MustCompile(`\$[A-Z]+`).ReplaceAllStringFunc(ts.ReadFile(name), func(v string) string { return ts.Getenv(v[1:]) })
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func countHooked(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || neg {
		ts.Fatalf("usage: hooked METHOD PREFIX N")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	h := scriptHooks(ts)
	count := func() (n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, r := range h.requests {
			if r.method == args[0] && strings.HasPrefix(r.path, args[1]) {
				n++
			}
		}
		return n
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute)
	for waiting := true; waiting && count() < want; {
		select {
		case <-tick.C:
		case <-over:
			waiting = false
		}
	}
	if got := count(); got != want {
		ts.Fatalf("%d requests %s %s, want %d", got, args[0], args[1], want)
	}
}

func seenByHooks(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: hookwire TEXT")
	}
	h := scriptHooks(ts)
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := false
	for _, r := range h.requests {
		seen = seen || strings.Contains(r.text, args[0])
	}
	if seen == neg {
		ts.Fatalf("sent to a host: %v", seen)
	}
}

func sameInHooks(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: hooksame HEADER N")
	}
	h := scriptHooks(ts)
	h.mu.Lock()
	defer h.mu.Unlock()
	values, n := map[string]bool{}, 0
	for _, r := range h.requests {
		if v := r.header.Get(args[0]); v != "" {
			values[v] = true
			n++
		}
	}
	if len(values) != 1 || strconv.Itoa(n) != args[1] {
		ts.Fatalf("%d requests bore %s, with %d values", n, args[0], len(values))
	}
}
