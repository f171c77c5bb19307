package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"a0run/client/sim"
	"a0run/client/sim/store"
	"a0run/engine"
	"a0run/engine/journal"
)

// A migration is the example that copies one tenant to another, executed by the
// real command in processes of their own.
type migration struct {
	t              *testing.T
	dir            string
	source, target *sim.Tenant
	env            []string

	mu   sync.Mutex
	cmd  *exec.Cmd
	left int // writes at the target until the command is killed; 0: it lives
}

// TestMigration copies a tenant, is killed twice and resumed, plans again and
// finds nothing to do, and is undone: the target is as before.
func TestMigration(t *testing.T) {
	t.Parallel()
	for _, playbook := range []string{"copy_tenant.lua", "copy_tenant.yaml"} {
		t.Run(playbook, func(t *testing.T) {
			t.Parallel()
			m := newMigration(t, playbook)
			before := m.held(m.target)

			m.execute(2, -1, "run", playbook, "--tenant", "source=source", "--tenant", "target=target")
			run := m.newest()
			m.execute(2, -1, "resume", run)
			m.execute(0, engine.ExitOK, "resume", run)
			after := m.held(m.target)
			if n := strings.Count(after, "write:all"); n != 3 {
				t.Fatalf("%d permissions were copied, want 3\n%s", n, after)
			}
			for _, name := range []string{"role0", "role1", "role2", "con0", "con1"} {
				if n := strings.Count(after, fmt.Sprintf(`"name":%q`, name)); n != 1 {
					t.Errorf("the target holds %s %d times, want once\n%s", name, n, after)
				}
			}

			m.execute(0, engine.ExitOK, "plan", playbook, "--tenant", "source=source", "--tenant", "target=target", "--detailed-exitcode")
			m.execute(0, engine.ExitOK, "undo", run, "--yes")
			if now := m.held(m.target); now != before {
				t.Errorf("the target is not as before:\n%s", diffLines(before, now))
			}
		})
	}
}

func newMigration(t *testing.T, playbook string) *migration {
	t.Helper()
	m := &migration{t: t, dir: t.TempDir()}
	var seed strings.Builder
	seed.WriteString("resource_servers:\n  - {id: rs_1, identifier: 'https://api', name: api, scopes: [{value: 'write:all'}]}\nroles:\n")
	for i := range 3 {
		fmt.Fprintf(&seed, "  - {id: rol_s%d, name: role%d, description: d, permissions: [{resource_server_identifier: 'https://api', permission_name: 'write:all'}]}\n", i, i)
	}
	seed.WriteString("connections:\n  - {id: con_s0, name: con0, strategy: amazon, options: {profile: true}}\n  - {id: con_s1, name: con1, strategy: amazon, options: {profile: false}}\n")
	target := "resource_servers:\n  - {id: rs_1, identifier: 'https://api', name: api, scopes: [{value: 'write:all'}]}\nroles:\n  - {id: rol_t, name: other, description: stays}\n"

	project := "tenants:\n"
	add := func(name, seed string, handler func(*sim.Tenant) http.Handler) *sim.Tenant {
		server := httptest.NewUnstartedServer(nil)
		base := "http://" + server.Listener.Addr().String()
		tenant, err := sim.New(sim.Options{BaseURL: base, Domain: server.Listener.Addr().String(), Seed: []byte(seed)})
		if err != nil {
			t.Fatal(err)
		}
		server.Config.Handler = handler(tenant)
		server.Start()
		t.Cleanup(server.Close)
		cred := tenant.Credentials()
		project += fmt.Sprintf("  %s:\n    domain: %s\n    client_id: %s\n    client_secret: {env: SECRET_%s}\n", name, base, cred.ClientID, name)
		m.env = append(m.env, "SECRET_"+name+"="+cred.ClientSecret)
		return tenant
	}
	m.source = add("source", seed.String(), func(tenant *sim.Tenant) http.Handler { return tenant })
	m.target = add("target", target, m.handler)
	text, err := os.ReadFile(filepath.Join("../../scripts/examples", playbook))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{playbook: string(text), "a0run.yaml": project} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// handler is the target, which kills the command at a write that it has done
// and not answered yet.
func (m *migration) handler(tenant *sim.Tenant) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || !strings.HasPrefix(r.URL.Path, "/api/v2/") {
			tenant.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		tenant.ServeHTTP(answer, r)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.left > 0 {
			if m.left--; m.left == 0 {
				_ = m.cmd.Process.Kill() // it is there: it waits for this answer
				panic(http.ErrAbortHandler)
			}
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // whoever was killed does not read it
	})
}

// execute runs the command; with killAt it is killed at that write.
func (m *migration) execute(killAt, code int, args ...string) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "a0run", args...) //nolint:gosec // our own command
	cmd.Dir = m.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + m.dir, "NO_COLOR=1", "GORACE=atexit_sleep_ms=0"}, m.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	m.mu.Lock()
	m.left, m.cmd = killAt, cmd
	err := cmd.Start()
	m.mu.Unlock()
	if err != nil {
		m.t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code tells
	if got := cmd.ProcessState.ExitCode(); got != code {
		m.t.Fatalf("a0run %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out.String())
	}
}

// newest is the newest run in the journal.
func (m *migration) newest() string {
	m.t.Helper()
	db, err := journal.OpenReader(m.t.Context(), journal.Options{Path: filepath.Join(m.dir, "a0run", "journal.db")})
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read from
	runs, err := db.Runs(m.t.Context(), journal.RunFilter{Limit: 1})
	if err != nil || len(runs) == 0 {
		m.t.Fatal(runs, err)
	}
	return runs[0].ID
}

// held is what a tenant holds of what the playbook copies.
func (m *migration) held(tenant *sim.Tenant) string {
	var lines []string
	tenant.State().View(func(tx *store.Tx) {
		for _, kind := range []string{"/connections", "/roles"} {
			for _, o := range tx.All(store.Key{Kind: kind}) {
				id, _ := o["id"].(string)
				permissions := tx.All(store.Key{Kind: kind + "/{}/permissions", Scope: id})
				text, err := json.Marshal([]any{o, permissions})
				if err != nil {
					m.t.Fatal(err)
				}
				lines = append(lines, kind+" "+string(text))
			}
		}
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
