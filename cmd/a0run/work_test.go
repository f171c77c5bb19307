package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/serve"
)

// The process in which the service makes a plan tells what happens meanwhile, under
// the run's own id, as that of every other run does; the plan itself is a file.
func TestWorkTellsOfAPlan(t *testing.T) {
	t.Parallel()
	tenant := serveTenant(t, sim.Options{SeedName: "seed.yaml", Seed: []byte("users: [{user_id: auth0|ada, email: ada@example.com}]")})
	cred := tenant.Credentials()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a0run.yaml": "tenants: {local: {domain: '" + cred.BaseURL + "', client_id: '" + cred.ClientID + "', client_secret: '" + cred.ClientSecret + "'}}",
		"block.lua": `playbook { name = "block" }
step("block", function()
  print("blocking")
  for _, u in ipairs(auth0.users.list()) do
    auth0.users.update(u.user_id, { blocked = true })
  end
end)`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath("a0run")
	if err != nil {
		t.Fatal(err)
	}
	c := &children{dir: dir, program: program, journal: filepath.Join(dir, "j.db")}
	const run = "0123456789abcdef0123456789abcdef"
	task := serve.Task{Run: run, Spec: serve.Spec{
		Kind: engine.KindPlan, Playbook: filepath.Join(dir, "block.lua"), Tenants: map[string]string{"default": "local"}, Plan: filepath.Join(dir, "made.plan"),
	}}
	var kinds []string
	e, err := c.Start(task, func(e engine.Event) { // no more once Done is closed
		if e.Run != run {
			t.Errorf("%s of the run %q", e.Kind, e.Run)
		}
		kinds = append(kinds, e.Kind)
	})
	if err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	if r := e.Result(); r.Exit != engine.ExitOK {
		t.Fatalf("exit %d: %s", r.Exit, r.Error)
	}
	for _, kind := range []string{engine.EventRunStarted, engine.EventStepStarted, engine.EventPrint, engine.EventCallFinished, engine.EventStepFinished, engine.EventRunFinished} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("there is no %s among %v", kind, kinds)
		}
	}
	if _, err := os.Stat(task.Plan); err != nil {
		t.Error(err)
	}
	for _, r := range tenant.Requests() {
		if r.Method == "PATCH" {
			t.Errorf("a plan wrote: %s %s", r.Method, r.Path)
		}
	}
}
