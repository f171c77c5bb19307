package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiverKey finds the script's receiver of messages.
type receiverKey struct{}

// A messages is what a receiver was told.
type messages struct {
	mu   sync.Mutex
	told []string
}

// startReceiver is the script word "receiver": a receiver of messages on a
// loopback socket; sets RECEIVER to its address, and REFUSING to one that it
// refuses.
func startReceiver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: receiver")
	}
	m, ok := ts.Value(receiverKey{}).(*messages)
	if !ok {
		ts.Fatalf("the script has no place for a receiver")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/refuse") {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.told = append(m.told, string(body))
	}))
	ts.Defer(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	ts.Setenv("RECEIVER", "generic://"+host+"/hook?disabletls=yes&template=json")
	ts.Setenv("REFUSING", "generic://"+host+"/refuse/s3cr3t-hook?disabletls=yes")
}

// told is the script word "told TEXT": fails unless the receiver was told TEXT.
func told(ts *testscript.TestScript, neg bool, args []string) {
	m, ok := ts.Value(receiverKey{}).(*messages)
	if !ok || len(args) != 1 {
		ts.Fatalf("usage: told TEXT, after receiver")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if found := strings.Contains(strings.Join(m.told, "\n"), args[0]); found == neg {
		ts.Fatalf("told %q: %v; there were %d messages: %s", args[0], found, len(m.told), strings.Join(m.told, "\n"))
	}
}

// toldValues gives a script its place for a receiver.
func toldValues(env *testscript.Env) { env.Values[receiverKey{}] = &messages{} }
