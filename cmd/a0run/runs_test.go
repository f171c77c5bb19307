package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/seal"
)

func TestShortIDs(t *testing.T) {
	t.Parallel()
	got := shortIDs([]string{"36317e4e81eba218", "36317e4e99999999", "9b41c7a200000000", "short"})
	want := map[string]string{
		"36317e4e81eba218": "36317e4e8", "36317e4e99999999": "36317e4e9", "9b41c7a200000000": "9b41c7a2", "short": "short",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// testJournal is a folder with a journal that holds such runs; they are given
// in the order of their time.
func testJournal(t *testing.T, runs ...*engine.RunRecord) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{dir: dir, getenv: stateIn(dir), now: time.Now, width: 80, stdin: strings.NewReader("")}
	path, err := w.journalPath("")
	if err != nil {
		t.Fatal(err)
	}
	db, err := journal.Open(t.Context(), journal.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		lease, err := db.Begin(t.Context(), r, engine.Owner{ID: "owner-" + r.ID, TTL: time.Minute})
		if err == nil && r.Status != engine.RunRunning {
			err = db.Finish(t.Context(), lease, engine.RunEnd{Status: r.Status, At: r.Started.Add(1234 * time.Millisecond)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// typed runs a command line in a world.
func (w *world) typed(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	at := *w
	at.args, at.stdout, at.stderr = args, &out, &err
	code = execute(&at)
	return code, out.String(), err.String()
}

// TestRunsTerminal looks at the table as a terminal of some widths shows it:
// no line is wider, nothing that matters is lost, and the next command stands
// whole.
func TestRunsTerminal(t *testing.T) {
	t.Parallel()
	w := testJournal(t,
		&engine.RunRecord{
			ID: "36317e4e81eba218", Kind: engine.KindRun, Playbook: "/srv/playbooks/migrate-the-whole-tenant.lua", Who: "ada.lovelace",
			Tenants: []engine.TenantRecord{{Role: "source", Name: "production-europe"}, {Role: "target", Name: "production-america"}},
			Started: time.Now().Add(-time.Hour), Status: engine.RunRunning,
		},
		&engine.RunRecord{
			ID: "9b41c7a200000000", Kind: engine.KindUndo, Of: "36317e4e81eba218", Name: "rename", Who: "bob",
			Tenants: []engine.TenantRecord{{Role: "default", Name: "staging"}}, Started: time.Now(), Status: engine.RunDone,
		},
	)
	w.stdoutTerminal, w.color = true, true
	for _, width := range []int{60, 80, 100, 120, 200} {
		w.width = width
		code, out, stderr := w.typed(t, "runs")
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		plain := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[2m", "", "\x1b[0m", "").Replace(out)
		for line := range strings.Lines(plain) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("width %d: a line of %d: %q", width, n, line)
			}
		}
		for _, text := range []string{"36317e4e ", "killed", "a0run resume 36317e4e\n", "9b41c7a2", "1.2s"} {
			if !strings.Contains(plain, text) {
				t.Errorf("width %d: no %q in\n%s", width, text, plain)
			}
		}
		if !strings.Contains(out, "\x1b[31mkilled\x1b[0m") || !strings.Contains(out, "\x1b[32mdone\x1b[0m") {
			t.Errorf("width %d: the status has no colour\n%q", width, out)
		}
	}
	w.stdoutTerminal = false
	if _, out, _ := w.typed(t, "runs"); strings.Contains(out, "\x1b") || strings.Contains(out, "…") {
		t.Errorf("colours or cuts where there is no terminal\n%s", out)
	}
}

// TestTableStreams prints more rows than a table waits for, with wider ones
// behind.
func TestTableStreams(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := &table{w: &world{stdout: &out}, columns: []column{{title: "n", right: true}, {title: "empty"}, {title: "text"}}}
	for i := range rowsForWidth + 10 {
		table.add(tableRow{cells: []string{fmt.Sprint(i), "", strings.Repeat("x", 1+i/rowsForWidth*5)}})
	}
	table.flush()
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if len(lines) != rowsForWidth+11 || lines[0] != "  n  text" || lines[1] != "  0  x" || lines[len(lines)-1] != "209  xxxxxx" {
		t.Errorf("%d lines: %q … %q", len(lines), lines[:2], lines[len(lines)-1])
	}
}

func TestHideSealed(t *testing.T) {
	t.Parallel()
	w := testJournal(t)
	path, err := w.journalPath("")
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Source{File: path + ".key"}.Open(true)
	if err != nil {
		t.Fatal(err)
	}
	secret := func(s string) bool { return strings.Contains(s, "canary") }
	inner := box.Text([]byte(`{"a":"canary","canary":[1,{"b":"x canary"}],"c":"plain"}`), secret, nil)
	var said bytes.Buffer
	w.stderr = &said
	h := &history{w: w, path: path}
	for name, tc := range map[string]struct{ text, want string }{
		"secrets":               {string(inner), `{"a":"(hidden)","(hidden)":[1,{"b":"(hidden)"}],"c":"plain"}`},
		"a secret by itself":    {string(box.Text([]byte(`"canary"`), secret, nil)), `"(hidden)"`},
		"wrapped":               {string(box.All([]byte("[" + string(inner) + "]"))), `{"a":"(hidden)","(hidden)":[1,{"b":"(hidden)"}],"c":"plain"}`},
		"a wrapped secret":      {string(box.All([]byte("[" + string(box.Text([]byte(`"canary"`), secret, nil)) + "]"))), `"(hidden)"`},
		"a list with a secret":  {string(box.Text([]byte(`["canary"]`), secret, nil)), `["(hidden)"]`},
		"no JSON, sealed":       {string(box.Text([]byte(`[canary`), secret, nil)), `"(hidden)"`},
		"no JSON":               {`[plain`, `"(hidden)"`},
		"looks like it, inside": {`"see \"a0run:sealed:v1:x\""`, `"see \"a0run:sealed:v1:x\""`},
	} {
		if got := compact(h.tree([]byte(tc.text))); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if h.sayKey(); said.Len() > 0 {
		t.Errorf("said %s", said.String())
	}
	// Without the key what was wrapped stays hidden, and that is said once.
	if err := os.Remove(path + ".key"); err != nil {
		t.Fatal(err)
	}
	h = &history{w: w, path: path}
	if got := compact(h.tree(box.All([]byte(`["plain"]`)))); got != `"(hidden)"` {
		t.Errorf("without a key: %s", got)
	}
	if h.sayKey(); !strings.Contains(said.String(), "journal.db.key is missing") {
		t.Errorf("said %q", said.String())
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.Local)
	w := &world{now: func() time.Time { return now }}
	for text, want := range map[string]time.Time{
		"7d": now.AddDate(0, 0, -7), "1d12h": now.Add(-36 * time.Hour), "90m": now.Add(-90 * time.Minute),
		"2026-03-01": time.Date(2026, 3, 1, 0, 0, 0, 0, time.Local), "2026-03-01 08:30": time.Date(2026, 3, 1, 8, 30, 0, 0, time.Local),
		"2026-03-01T08:30:00Z": time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC),
	} {
		if got, err := w.sinceTime("--since", text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "7", "yesterday", "2026-13-01"} {
		if got, err := w.sinceTime("--since", text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	parse := func(text string) any {
		tree, err := engine.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	h := &history{w: &world{}}
	patch := func(before, body, answer string) *engine.CallRecord {
		c := &engine.CallRecord{Operation: "users.update", Effect: "patch", Mutates: true, State: engine.StateDone, Args: []byte(`{"id":"auth0|1","body":` + body + `}`)}
		if before != "" {
			c.Before = []byte(before)
		}
		if answer != "" {
			c.Value = []byte(answer)
		}
		return c
	}
	sealed := seal.Prefix + "xyz"
	for name, tc := range map[string]struct {
		call *engine.CallRecord
		want []string
		note string
	}{
		"patched": {
			patch(`{"found":true,"value":{"name":"a","app_metadata":{"x":1,"y":2}}}`, `{"name":"b","app_metadata":{"x":3}}`, `{"name":"b","app_metadata":{"x":3,"y":2}}`),
			[]string{`name: "a" → "b"`, `app_metadata.x: 1 → 3`},
			"",
		},
		"the same": {patch(`{"found":true,"value":{"name":"a"}}`, `{"name":"a"}`, ``), nil, "it stood so already"},
		"a secret": {
			patch(`{"found":true,"value":{"name":"a"}}`, `{"name":"a","password":"`+sealed+`"}`, `{"name":"a"}`),
			[]string{`password: (none) → "(hidden)"`},
			"",
		},
		"no before-image": {patch("", `{"name":"b"}`, ""), []string{`name: (not kept) → "b"`}, ""},
		"a list": {
			patch(`{"found":true,"value":{"tags":["a"]}}`, `{"tags":["a","b"]}`, ""),
			[]string{`tags: ["a"] → ["a","b"]`},
			"",
		},
		"roles given": {
			&engine.CallRecord{Operation: "users.add_roles", State: engine.StateDone, Args: []byte(`{"id":"auth0|1","body":{"roles":["rol_1"]}}`)},
			[]string{`roles: (none) → ["rol_1"]`},
			"",
		},
		"deleted unseen": {&engine.CallRecord{Operation: "users.delete", State: engine.StateDone}, nil, "gone; what stood there was not kept"},
		"failed": {
			&engine.CallRecord{Operation: "users.update", State: engine.StateFailed, Failure: []byte(`{"name":"Auth0Error","message":"no such user"}`)},
			nil, "failed: no such user",
		},
	} {
		all, note := h.changed(nil, tc.call)
		var got []string
		for _, c := range all {
			got = append(got, c.line(&world{}))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || note != tc.note {
			t.Errorf("%s: note %q (-want +got)\n%s", name, note, diff)
		}
	}
	if all := changes(parse(`{"a":1}`), parse(`{"a":1}`)); all != nil {
		t.Errorf("equal trees differ: %v", all)
	}
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a/b.db": "a/b.db", "users/auth0|1": "'users/auth0|1'", "it's": `'it'\''s'`, "": "''", "#1": "'#1'", "$HOME": "'$HOME'",
	} {
		if got := shellWord(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestWritePrivate makes a file that only its owner reads, also where one that
// all may read stood, and leaves the old one where writing fails.
func TestWritePrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "out.ndjson")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	if err := writePrivate(path, func(io.Writer) error { return os.ErrClosed }); err == nil {
		t.Error("a failed write is no error")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("%q %v", text, err)
	}
	err := writePrivate(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	})
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v %v", err, statErr, info.Mode())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
