package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/journal"
)

// TestServeKilled kills a real service with -9 while its runs write to a tenant,
// and starts it again: each due time has one run, each run makes each of its
// roles once, and what was cut is resumed.
//
//	A0RUN_SERVE_KILLS  how often
func TestServeKilled(t *testing.T) {
	t.Parallel()
	kills := 2
	if n, err := strconv.Atoi(os.Getenv("A0RUN_SERVE_KILLS")); err == nil {
		kills = n
	}
	p := servedProject(t)
	for i := range kills {
		service := p.start(t)
		// Not before a run goes on, and then anywhere in it.
		p.await(t, func(runs []*engine.RunRecord) bool {
			for _, r := range runs {
				if r.Live && r.Epoch == 1 && r.Writes > i%3 { // one that was in no crash yet
					return true
				}
			}
			return false
		})
		_ = service.Process.Kill()
		_ = service.Wait()
	}
	service := p.start(t)
	before := 0
	p.await(t, func(runs []*engine.RunRecord) bool {
		if before == 0 {
			before = len(runs)
		}
		for _, r := range runs[len(runs)-before:] {
			if r.Status == engine.RunQueued || r.Status == engine.RunRunning || r.Status == engine.RunInterrupted {
				return false
			}
		}
		return true
	})
	if err := service.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := service.Wait(); err != nil {
		t.Errorf("the service ended with %v", err)
	}
	checkServed(t, p.dir, before)
}

// A serving is a folder with a schedule that is due every other second, against a
// local tenant.
type serving struct {
	dir string
	env []string
	// news has one entry or none: the service said something, or the tenant was
	// asked for something, since the journal was looked at.
	news chan struct{}
}

func servedProject(t *testing.T) *serving {
	t.Helper()
	p := &serving{dir: t.TempDir(), news: make(chan struct{}, 1)}
	server := httptest.NewUnstartedServer(nil)
	tenant, err := sim.New(sim.Options{Domain: server.Listener.Addr().String(), BaseURL: "http://" + server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant.ServeHTTP(w, r)
		p.poke()
	})
	server.Start()
	t.Cleanup(server.Close)
	cred := tenant.Credentials()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a0run.yaml", fmt.Sprintf(`
tenants: {local: {domain: %q, client_id: %q, client_secret: {env: SECRET}}}
journal: {file: state/journal.db}
schedules:
  each: {playbook: roles.lua, every: 2s, overlap: queue, missed: all}
serve: {drain: 20s}
`, cred.BaseURL, cred.ClientID))
	write("roles.lua", `
playbook { name = "roles" }
local run = uuid()
for i = 1, 4 do
  auth0.roles.create { name = run .. "-" .. i }
  time.sleep(0.1)
end
`)
	p.env = append(os.Environ(), "SECRET="+cred.ClientSecret, "XDG_STATE_HOME="+filepath.Join(p.dir, ".state"))
	return p
}

func (p *serving) poke() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// Write takes what the service says.
func (p *serving) Write(text []byte) (int, error) {
	p.poke()
	return len(text), nil
}

func (p *serving) start(t *testing.T) *exec.Cmd {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command("a0run", "serve", "--listen", "none")
	cmd.Dir, cmd.Env, cmd.Stderr = p.dir, p.env, io.MultiWriter(&said, p)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil { // nobody has waited for it
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Logf("the service said:\n%s", said.String())
		}
	})
	return cmd
}

// await looks at the runs, the newest first, whenever there is news, until they
// are so.
func (p *serving) await(t *testing.T, so func([]*engine.RunRecord) bool) {
	t.Helper()
	path := filepath.Join(p.dir, "state", "journal.db")
	late := time.After(2 * time.Minute)
	for {
		select {
		case <-p.news:
		case <-late:
			t.Fatal("it did not come to that within two minutes")
		}
		if runs := runsOf(t, path); len(runs) > 0 && so(runs) {
			return
		}
	}
}

func runsOf(t *testing.T, path string) []*engine.RunRecord {
	t.Helper()
	db, err := journal.OpenReader(context.Background(), journal.Options{Path: path})
	if err != nil {
		return nil // not there yet
	}
	defer db.Close() //nolint:errcheck // only read from
	runs, err := db.Runs(context.Background(), journal.RunFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// checkServed checks the runs that there were before the last service.
func checkServed(t *testing.T, dir string, n int) {
	t.Helper()
	runs := runsOf(t, filepath.Join(dir, "state", "journal.db"))
	seen, resumed := map[time.Time]bool{}, 0
	for _, r := range runs {
		if seen[r.Due] {
			t.Errorf("%s has two runs", r.Due)
		}
		seen[r.Due] = true
	}
	for _, r := range runs[len(runs)-n:] {
		if r.Status != engine.RunDone || r.Writes != 4 {
			t.Errorf("run %s of %s is %s with %d writes: %s", r.ID, r.Due, r.Status, r.Writes, r.Error)
		}
		if r.Epoch > 1 {
			resumed++
		}
	}
	if resumed == 0 {
		t.Error("nothing was resumed: the kills hit nothing")
	}
	// The due times follow each other without a gap.
	for i := 1; i < len(runs); i++ {
		if gap := runs[i-1].Due.Sub(runs[i].Due); gap != 2*time.Second {
			t.Errorf("%s follows %s", runs[i-1].Due, runs[i].Due)
		}
	}
	t.Logf("%d runs, %d of them resumed", len(runs), resumed)
}
