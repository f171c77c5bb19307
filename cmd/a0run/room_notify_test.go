package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A schedule whose playbook fails is told of, by a real service over a socket;
// the secret that the error quotes and the receiver's address are not.
func TestServeTellsOfFailures(t *testing.T) {
	t.Parallel()
	told := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			told <- string(body)
		}
	}))
	t.Cleanup(receiver.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fails.lua": `playbook { name = "Fails" }
error("the password is " .. secret("webhook"))
`,
		"a0run.yaml": `tenants: {t: {domain: t.example.com, token: {env: TENANT_TOKEN}}}
secrets: {webhook: {env: HOOK}}
schedules: {often: {playbook: fails.lua, every: 1s, overlap: skip, tenant: t}}
notify: {group: 0s, to: {ops: {url: {env: RECEIVER}, on: failed}}}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("a0run", "serve", "--listen", "none", "--journal", filepath.Join(dir, "j.db")) //nolint:gosec // our own command
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TENANT_TOKEN=x", "HOOK=hunter22hunter22", "RECEIVER=generic://"+strings.TrimPrefix(receiver.URL, "http://")+"/h00k?disabletls=yes&template=json")
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	message := <-told
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a0run serve: %v\n%s", err, said.String())
	}
	for _, want := range []string{"often", "FAILED", "fails.lua:2", "a0run runs show "} {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q: %s", want, message)
		}
	}
	for _, secret := range []string{"hunter22", "h00k"} {
		if strings.Contains(message+said.String(), secret) {
			t.Errorf("%s is shown: %s\n%s", secret, message, said.String())
		}
	}
}
