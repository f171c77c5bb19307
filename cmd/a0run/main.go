// Command a0run runs playbooks against Auth0 tenants. `a0run help` tells how.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
	_ "time/tzdata" // a machine without zone data keeps its hours, too

	"golang.org/x/term"
)

// version is stamped by the build: -ldflags "-X main.version=…".
var version = ""

func main() { os.Exit(execute(outside())) }

// outside is the one place that touches the world around the process.
func outside() *world {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent(os.Args))
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	_, noColor := os.LookupEnv("NO_COLOR")
	tty := term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb"
	stdout := term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		width, _, err = term.GetSize(int(os.Stdout.Fd()))
	}
	if err != nil || width <= 0 {
		width = 80
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return &world{
		who: userName(), host: host, process: fmt.Sprintf("pid %d on %s", os.Getpid(), host),
		args: os.Args[1:], dir: dir, getenv: os.LookupEnv, now: time.Now, signals: signals, exit: os.Exit,
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		asks:     tty && term.IsTerminal(int(os.Stdin.Fd())),
		terminal: tty, stdoutTerminal: stdout, color: tty && !noColor, width: width,
	}
}

// gcPercent is by how much the heap grows before it is collected. A run's live heap is
// a few megabytes: collecting half as often saves a twentieth of its CPU and costs 3 MB
// (make bench). A resumed run goes through what it has done before at a hundred times
// the speed: there a quarter as often saves a tenth of the time and costs 15 MB.
func gcPercent(args []string) int {
	if len(args) > 1 && args[1] == "resume" {
		return 400
	}
	return 200
}

// userName is who runs the command, as the system says it.
func userName() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if user := os.Getenv(name); user != "" {
			return user
		}
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
