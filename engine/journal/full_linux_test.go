package journal

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mount mounts a small disk, or skips the test where that is not allowed.
func mount(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("no file system can be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// TestFullDisk fills a real disk.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder := mount(t, "8m")
	path := filepath.Join(folder, "journal.db")
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 6<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	good := fillDisk(t, path, open(t, path))
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	roomAgain(t, path, good)
}

// TestReadOnlyDisk reads the history from a disk that cannot be written.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	folder := mount(t, "8m")
	path := filepath.Join(folder, "journal.db")
	db := open(t, path)
	record(t, db, begin(t, db, "r"), benchCall(1, 10))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("it cannot be made read-only:", err)
	}
	reader, err := OpenReader(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := reader.Run(t.Context(), "r"); err != nil || r.Calls != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	_, err = Open(t.Context(), Options{Path: path})
	failsAs[*ReadOnlyError](t, err, path)
	_, err = Open(t.Context(), Options{Path: filepath.Join(folder, "new", "journal.db")})
	failsAs[*ReadOnlyError](t, err, folder)
}
