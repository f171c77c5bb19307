package main

import (
	"bytes"
	"context"
	"fmt"
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
	dir, env := servedProject(t)
	for i := range kills {
		service := startService(t, dir, env)
		// Not before a run goes on, and then anywhere in it.
		awaitJournal(t, dir, func(runs []*engine.RunRecord) bool {
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
	service := startService(t, dir, env)
	before := 0
	awaitJournal(t, dir, func(runs []*engine.RunRecord) bool {
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
	checkServed(t, dir, before)
}

// servedProject is a folder with a schedule that is due every other second, against a
// local tenant.
func servedProject(t *testing.T) (dir string, env []string) {
	t.Helper()
	cred := serveTenant(t, sim.Options{}).Credentials()
	dir = t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
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
	return dir, append(os.Environ(), "SECRET="+cred.ClientSecret, "XDG_STATE_HOME="+filepath.Join(dir, ".state"))
}

func startService(t *testing.T, dir string, env []string) *exec.Cmd {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command("a0run", "serve", "--listen", "none")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the service said:\n%s", said.String())
		}
	})
	return cmd
}

// awaitJournal looks at the runs, the newest first, until they are so.
func awaitJournal(t *testing.T, dir string, so func([]*engine.RunRecord) bool) {
	t.Helper()
	path := filepath.Join(dir, "state", "journal.db")
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if runs := runsOf(t, path); len(runs) > 0 && so(runs) {
			return
		}
	}
	t.Fatal("it did not come to that within two minutes")
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
