package journal

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"a0run/engine"
)

// TestFrozen stops a process that writes: its run is held however long its
// lease has run out, and free as soon as the process is killed.
func TestFrozen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	// A frozen process that holds SQLite's write lock would keep everybody
	// waiting; this one is stopped while it waits for us.
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolds$")
	cmd.Env = append(os.Environ(), child+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "holds" {
		t.Fatalf("the process says %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(24 * time.Hour) }
	db := openWith(t, Options{Path: path, Now: later})
	_, err = db.Claim(t.Context(), "r", engine.Owner{ID: "b"})
	var held *engine.HeldError
	if !errors.As(err, &held) || held.Owner != "the frozen one" {
		t.Errorf("claiming the run of a frozen process: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	if _, err := db.Claim(t.Context(), "r", engine.Owner{ID: "b"}); err != nil {
		t.Errorf("claiming at once: %v", err)
	}
}

// TestHolds is the process that TestFrozen stops.
func TestHolds(t *testing.T) {
	path := os.Getenv(child)
	if path == "" {
		t.Skip("only for TestFrozen")
	}
	db := open(t, path)
	if _, err := db.Begin(t.Context(), &engine.RunRecord{ID: "r"}, engine.Owner{ID: "a", Name: "the frozen one", TTL: time.Second}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stdout.WriteString("holds\n"); err != nil {
		t.Fatal(err)
	}
	select {}
}
