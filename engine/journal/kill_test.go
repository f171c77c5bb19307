package journal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"a0run/engine"
)

// child makes of the test's binary the process that is killed.
const child = "A0RUN_JOURNAL_TEST_CHILD"

// TestKilled kills a process that writes, kill -9, again and again: what it was
// told to be safe is there, its run is not live and can be claimed at once.
func TestKilled(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(child); path != "" {
		writeUntilKilled(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	safe := 0
	for round := range 5 {
		safe += killOne(t, path, 20+37*round)
		r, err := db.Run(t.Context(), "r")
		if err != nil || r.Live || r.Status != engine.RunRunning {
			t.Fatalf("the run of a killed process: %+v, %v", r, err)
		}
		var intents, outcomes int
		for c, err := range db.Load(t.Context(), "r", 0) {
			switch {
			case err != nil:
				t.Fatal(err)
			case c.State == engine.StateBegun:
				intents++
			default:
				if outcomes++; c.Seq != int64(outcomes) {
					t.Fatalf("outcome %d has the Seq %d", outcomes, c.Seq)
				}
			}
		}
		if outcomes < safe || intents > round+1 {
			t.Errorf("round %d: %d outcomes and %d intents, %d outcomes were safe", round, outcomes, intents, safe)
		}
		safe = outcomes
		l, err := db.Claim(t.Context(), "r", engine.Owner{ID: "o", Name: "the test", TTL: time.Hour})
		if err != nil {
			t.Fatalf("claiming at once: %v", err)
		}
		if err := db.Release(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
}

// killOne starts a writer, kills it after so many acknowledged outcomes and
// gives their number.
func killOne(t *testing.T, path string, after int) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), child+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	safe := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "safe ")); err == nil {
			safe = n
		}
		if safe == after {
			if err := cmd.Process.Kill(); err != nil { // SIGKILL
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // "signal: killed"
	if safe < after {
		t.Fatalf("the writer ended by itself after %d outcomes", safe)
	}
	return safe
}

func writeUntilKilled(t *testing.T, path string) {
	t.Helper()
	db := open(t, path)
	owner := engine.Owner{ID: strconv.Itoa(os.Getpid()), Name: "the child", TTL: time.Hour}
	l, err := db.Claim(t.Context(), "r", owner)
	if err != nil {
		l, err = db.Begin(t.Context(), &engine.RunRecord{ID: "r"}, owner)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1_000_000 {
		c := benchCall(i, 50)
		c.Key += owner.ID
		c.Mutates, c.State = true, engine.StateBegun
		if err := db.Intent(t.Context(), l, c); err != nil {
			t.Fatal(err)
		}
		c.State = engine.StateDone
		record(t, db, l, c)
		fmt.Printf("safe %d\n", i+1)
	}
}
