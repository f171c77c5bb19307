package lua

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/engine"
)

// The reference is PUC's Lua 5.1, run as a process. A machine without it
// cannot say whether this language is Lua, so the tests fail there.
func reference(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		tb.Fatal("these tests compare with the reference interpreter: apt-get install lua5.1")
	}
	return path
}

// byReference gives what lua5.1 prints for the script in dir.
func byReference(tb testing.TB, dir, script string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), reference(tb), script)
	cmd.Dir = dir
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("lua5.1 %s: %v\n%s", script, err, faults.String())
	}
	return string(out)
}

// byVM gives what our VM prints for a script, and the error with which it
// ended as a last line.
func byVM(tb testing.TB, name, script string) string {
	tb.Helper()
	var out strings.Builder
	if err := runOnVM(tb, name, script, &out); err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	return out.String()
}

func runOnVM(tb testing.TB, name, script string, out *strings.Builder) error {
	tb.Helper()
	book, err := Parse(name, []byte(script))
	if err != nil {
		return err
	}
	r := engine.NewRun(engine.Config{})
	vm, err := NewVM(Options{Run: r, Print: func(line string) { out.WriteString(line + "\n") }})
	if err != nil {
		return err
	}
	defer vm.Close()
	return r.Main(tb.Context(), func(t *engine.Task) error { return vm.RunPlaybook(t, book) })
}

// Addresses differ from run to run, and the sign of NaN from machine to
// machine.
var (
	addresses = regexp.MustCompile(`\b(table|function|thread|userdata): (0x)?[0-9a-f]+|\b(function): builtin: [0-9a-f]+`)
	nans      = regexp.MustCompile(`-nan\b`)
)

func comparable(out string) string {
	return nans.ReplaceAllString(addresses.ReplaceAllString(out, "$1: ADDRESS"), "nan")
}

// TestConformance runs every script of testdata/conformance on lua5.1 and on
// the VM; both print the same.
func TestConformance(t *testing.T) {
	dir := filepath.Join("testdata", "conformance")
	scripts, err := filepath.Glob(filepath.Join(dir, "*.lua"))
	if err != nil || len(scripts) < 60 {
		t.Fatalf("%d scripts in %s (%v)", len(scripts), dir, err)
	}
	for _, path := range scripts {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".lua"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := comparable(byReference(t, dir, name))
			got := comparable(byVM(t, name, string(text)))
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("- lua5.1, + ours\n%s", diff)
			}
		})
	}
}
