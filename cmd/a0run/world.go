package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"a0run/engine"
	"a0run/engine/project"
)

// world is everything outside the process that the command uses; main fills it
// with the real thing, a test with its own.
type world struct {
	args           []string
	dir            string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) (string, bool)
	now            func() time.Time
	signals        <-chan os.Signal
	exit           func(code int) // at once, for a run that cannot be ended otherwise
	terminal       bool
	stdoutTerminal bool // stdout is one too: tables fit its width, and have colours
	color          bool
	width          int
	asks           bool // there is somebody to ask at stdin
	// overlay are texts that stand for those of the disk, by path: the versions
	// before those that are broken, in a run of the service.
	overlay map[string]string
	// who, host and process are written into the journal.
	who, host, process string
	// shown switches redaction off, so that a test can prove that its canaries
	// would be seen.
	shown bool
}

// execute runs the command line and gives the exit code.
func execute(w *world) int {
	cmd := rootCommand(w)
	cmd.SetArgs(w.args)
	cmd.SetIn(w.stdin)
	cmd.SetOut(w.stdout)
	cmd.SetErr(w.stderr)
	return w.report(cmd.ExecuteContext(context.Background()))
}

// exitError carries an exit code whose message has been shown already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// usageError is a wrong use of the command itself.
type usageError struct {
	message, hint string
}

func (e *usageError) Error() string { return e.message }

// Hint is what to type instead.
func (e *usageError) Hint() string { return e.hint }

// ExitCode is that of wrong usage.
func (e *usageError) ExitCode() int { return engine.ExitUsage }

// report shows an error, once, and gives its exit code.
func (w *world) report(err error) int {
	if err == nil {
		return engine.ExitOK
	}
	var code exitError
	if errors.As(err, &code) {
		return int(code)
	}
	var problems engine.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintln(w.stderr, p.String())
		}
		return engine.ExitUsage
	}
	fmt.Fprintln(w.stderr, "a0run: "+err.Error())
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) && hinter.Hint() != "" {
		fmt.Fprintln(w.stderr, "hint: "+hinter.Hint())
	}
	var coder engine.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return engine.ExitUsage // cobra's own errors are wrong usage
}

// outside is the world as the project sees it.
func (w *world) outside() project.Outside {
	return project.Outside{
		Getenv: w.getenv,
		Files:  w.readFile,
		Run:    runCommand,
	}
}

// readFile reads a file of the project.
func (w *world) readFile(path string) ([]byte, error) {
	if text, ok := w.overlay[path]; ok {
		return []byte(text), nil
	}
	return os.ReadFile(path)
}

// runCommand runs a credential's command; what it prints on stderr is shown
// in the error, what it prints on stdout is a secret and is not.
func runCommand(ctx context.Context, command []string, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the project file names the command; that is its purpose
	cmd.Dir = dir
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%s: %w: %s", command[0], err, strings.TrimSpace(string(failed.Stderr)))
	}
	return string(out), err
}

// path makes a path of the command line absolute.
func (w *world) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(w.dir, name)
}

// near is a path as it is typed in the working folder, where that is shorter.
func (w *world) near(path string) string {
	if rel, err := filepath.Rel(w.dir, path); err == nil && filepath.IsAbs(path) && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// buildVersion is what `a0run version` says.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
