package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// startServe starts a service in a folder, with its log.
func startServe(t *testing.T, dir string, args ...string) (*exec.Cmd, *roomLog) {
	t.Helper()
	log := &roomLog{more: make(chan struct{}, 1)}
	cmd := exec.Command("a0run", append([]string{"serve", "--log", "json", "--journal", filepath.Join(dir, "j.db")}, args...)...) //nolint:gosec // our own command; it is stopped by a signal
	cmd.Dir, cmd.Stderr = dir, log
	cmd.Env = append(os.Environ(), "TOKEN=standby-token-0123456789")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	})
	return cmd, log
}

// value is that of a key in a line of the log.
func (l *roomLog) value(t *testing.T, msg, key string) string {
	t.Helper()
	l.await(t, `"msg":"`+msg+`"`)
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		fields := map[string]any{}
		if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == msg {
			if v, ok := fields[key].(string); ok {
				return v
			}
		}
	}
	t.Fatalf("%s of %q is not in the log:\n%s", key, msg, l.text.String())
	return ""
}

// A service that stands by says that it is up and not ready, shows nothing, and is
// ready when it has taken over.
func TestStandbyIsUpAndNotReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "tenants: {t: {domain: t.example.com, token: {env: TOKEN}}}\nroom: {tokens: {ci: {role: admin, token: {env: TOKEN}}}}\n"
	if err := os.WriteFile(filepath.Join(dir, "a0run.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(url string, want int) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer standby-token-0123456789")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // only read from
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d: %s", url, res.StatusCode, want, body)
		}
		return string(body)
	}
	first, log := startServe(t, dir, "--listen", "127.0.0.1:0")
	room := log.value(t, "the control room is open", "url")
	log.await(t, `"msg":"serving"`)
	get(room+"/readyz", http.StatusOK)

	// On the same machine the address is taken: that is said, and it stands by.
	second, log2 := startServe(t, dir, "--standby", "--listen", strings.TrimPrefix(room, "http://"))
	log2.await(t, "standing by without /healthz")
	stopServe(t, second) // the third is to take over

	_, log = startServe(t, dir, "--standby", "--listen", "127.0.0.1:0")
	healthz := log.value(t, "standing by", "healthz")
	get(healthz, http.StatusOK)
	for _, path := range []string{"/readyz", "/", "/api/v1/runs"} {
		if body := get(strings.TrimSuffix(healthz, "/healthz")+path, http.StatusServiceUnavailable); !strings.Contains(body, "stands by") {
			t.Errorf("%s: %s", path, body)
		}
	}
	stopServe(t, first)
	log.await(t, `"msg":"serving"`)
	get(log.value(t, "the control room is open", "url")+"/readyz", http.StatusOK)
}

func stopServe(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
