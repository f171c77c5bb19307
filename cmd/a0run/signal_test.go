package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The words for a command that is to be interrupted:
//
//	start NAME COMMAND ARG…  starts a command; its output goes to NAME.out and
//	                         NAME.err
//	await METHOD PREFIX N    waits until N such requests reached the tenant
//	signal NAME INT|TERM|KILL
//	exits NAME CODE          waits for its end and fails on another exit code

// started are a script's commands by name.
type started map[string]*exec.Cmd

type startedKey struct{}

func commands(ts *testscript.TestScript) started {
	all, ok := ts.Value(startedKey{}).(started)
	if !ok {
		ts.Fatalf("the script has no place for commands")
	}
	return all
}

func startCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME COMMAND ARG…")
	}
	cmd := exec.Command(args[1], args[2:]...) //nolint:gosec // the script names our own command
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "CLIENT_SECRET", "NO_COLOR", "TMPDIR", "XDG_STATE_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	for i, ending := range []string{".out", ".err"} {
		f, err := os.Create(ts.MkAbs(args[0] + ending))
		ts.Check(err)
		if i == 0 {
			cmd.Stdout = f
		} else {
			cmd.Stderr = f
		}
		ts.Defer(func() { _ = f.Close() })
	}
	ts.Check(cmd.Start())
	commands(ts)[args[0]] = cmd
	ts.Defer(func() { _ = cmd.Process.Kill() }) // it has ended unless the script failed
}

func signalCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal NAME INT|TERM|KILL")
	}
	sig, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[args[1]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[1])
	}
	ts.Check(commands(ts)[args[0]].Process.Signal(sig))
}

func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: exits NAME CODE")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	cmd := commands(ts)[args[0]]
	_ = cmd.Wait() // an exit code other than 0 is an error here
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with %d, want %d\n%s", args[0], got, want, ts.ReadFile(args[0]+".err"))
	}
}

// awaitRequests looks every few milliseconds: the tenant has no way to tell,
// and nothing is timed here but the patience with a broken test.
func awaitRequests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: await METHOD PREFIX N")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute)
	for {
		got := 0
		for _, r := range scriptTenant(ts).Requests() {
			if r.Method == args[0] && strings.HasPrefix(r.Path, args[1]) {
				got++
			}
		}
		if got >= want {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			ts.Fatalf("%d requests %s %s came in a minute, want %d", got, args[0], args[1], want)
		}
	}
}
