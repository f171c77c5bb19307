package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestJournalDiskFull runs against a journal on a disk that fills up: the run
// ends and says so, nothing is sent that could not be written down, and when
// there is room again it goes on.
func TestJournalDiskFull(t *testing.T) {
	t.Parallel()
	const units = 40
	calm := newVictim(t, 1, "kill.lua", units)
	calm.torment(0)
	v := newVictim(t, 1, "kill.lua", units)
	disk := filepath.Join(v.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("no file system can be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	v.journal = filepath.Join(disk, "journal.db")
	// How much room is left differs, so that it ends in different places.
	run, ballast := "", filepath.Join(disk, "ballast")
	for room := 3 << 18; ; room += 1 << 16 {
		if err := os.WriteFile(ballast, make([]byte, 4<<20-room), 0o600); err != nil && room < 3<<18 {
			t.Fatal(err)
		}
		args := []string{"run", v.name, "-p", "units=40"}
		if run != "" {
			args = []string{"resume", run}
		}
		code, stderr := v.execute(true, args...)
		if code == 0 {
			break
		}
		if code != 1 && code != 2 || !strings.Contains(stderr, "disk is full") {
			t.Fatalf("with %d bytes of room it ended with %d: %s", room, code, stderr)
		}
		_, _, begun := v.doneCalls()
		v.doubted += begun
		v.kills++
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		run, _, _ = v.doneCalls()
		if v.kills > 40 {
			t.Fatalf("it does not come to an end: %s", stderr)
		}
	}
	t.Logf("the disk was full %d times", v.kills)
	if v.kills < 2 {
		t.Error("the disk was hardly ever full")
	}
	if got, want := v.outcome(), calm.outcome(); got != want {
		t.Errorf("the tenant differs:\n%s", diffLines(want, got))
	}
	extra, once := 0, calm.done()
	for op, n := range v.done() {
		if extra += n - once[op]; strings.HasSuffix(op, ".create") && n != once[op] {
			t.Errorf("%s was done %d times, want %d", op, n, once[op])
		}
	}
	if extra > v.doubted {
		t.Errorf("%d writes were sent again, and only %d had no answer", extra, v.doubted)
	}
}
