package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"a0run/client/sim"
)

// TestMain lets the scripts call the real command in a process of its own.
// a0run-shown is the same with redaction switched off: what a canary test does
// not find with a0run, it must find with this one.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"a0run": main,
		"a0run-shown": func() {
			w := outside()
			w.shown = true
			os.Exit(execute(w))
		},
	})
}

// TestScripts runs every script of testdata/script through the front door.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			// Nothing of the machine that tests must reach a script.
			env.Setenv("NO_COLOR", "1")
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, ".state"))
			env.Values[startedKey{}] = started{}
			env.Values[tenantKey{}] = new(*sim.Tenant)
			toldValues(env)
			env.Values[hooksKey{}] = &hooks{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"appears": appearsIn, "await": awaitRequests, "exits": exitsWith, "masked": maskedOutput, "signal": signalCommand, "start": startCommand,
			"onwire": seenOnWire, "project": writeProject, "requests": countRequests, "runid": scriptRunID,
			"tenant": startTenant, "receiver": startReceiver, "told": told,
			"webhook": startWebhooks, "fill": fillFiles, "hooked": countHooked, "hookwire": seenByHooks, "hooksame": sameInHooks,
		},
	})
}
