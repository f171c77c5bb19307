package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"a0run/engine/journal"
	"a0run/engine/notify"
	"a0run/engine/project"
	"a0run/engine/serve"
	"a0run/engine/serve/servetest"
)

func roomDesk(t *testing.T) (*servetest.Desk, roomSetup) {
	t.Helper()
	db, err := journal.Open(context.Background(), journal.Options{Path: filepath.Join(t.TempDir(), "j.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d := servetest.New(db)
	return d, roomSetup{control: d, project: &project.Project{Room: project.Room{URL: "https://room.example.com", Listen: "127.0.0.1:0"}}, log: slog.New(slog.DiscardHandler)}
}

// What people are told of, and what not.
func TestNotices(t *testing.T) {
	t.Parallel()
	d, s := roomDesk(t)
	due := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	d.AllApprovals = []serve.Approval{{ID: "p1", Playbook: "p.lua", State: serve.ApprovalWaiting, Summary: "3 users", Lapses: due, Tenants: map[string]string{"default": "production"}}, {ID: "p2", State: serve.ApprovalLapsed}}
	for _, c := range []struct {
		change serve.Change
		want   []string // kinds
	}{
		{serve.Change{Kind: serve.ChangeRun, ID: "r", State: "failed", Error: "no"}, []string{notify.Failed}},
		{serve.Change{Kind: serve.ChangeRun, ID: "r", State: "in doubt"}, []string{notify.Failed}},
		{serve.Change{Kind: serve.ChangeRun, ID: "r", State: "done", Recovered: true}, []string{notify.Recovered}},
		{serve.Change{Kind: serve.ChangeRun, ID: "r", State: "done"}, nil},
		{serve.Change{Kind: serve.ChangeRun, ID: "r", State: "running"}, nil},
		{serve.Change{Kind: serve.ChangeRun, ID: "r", State: "interrupted"}, nil},
		{serve.Change{Kind: serve.ChangeSchedule, ID: "nightly", Missed: []time.Time{due, due.Add(time.Hour)}}, []string{notify.Missed, notify.Missed}},
		{serve.Change{Kind: serve.ChangeSchedule, ID: "nightly"}, nil},
		{serve.Change{Kind: serve.ChangeApproval, ID: "p1", State: serve.ApprovalWaiting}, []string{notify.Approval}},
		{serve.Change{Kind: serve.ChangeApproval, ID: "p2"}, nil},
		{serve.Change{Kind: serve.ChangeFiles}, nil},
	} {
		var kinds []string
		for _, n := range notices(context.Background(), s, c.change) {
			kinds = append(kinds, n.Kind)
			if n.Kind != notify.Missed && !strings.HasPrefix(n.Link, "https://room.example.com/") {
				t.Errorf("%+v: the link is %q", c.change, n.Link)
			}
		}
		if strings.Join(kinds, " ") != strings.Join(c.want, " ") {
			t.Errorf("%+v: told %v, want %v", c.change, kinds, c.want)
		}
	}
}

// A service whose a0run.yaml lets nobody in makes a token of its own, once, that
// only the user may read.
func TestOwnToken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "j.db.token")
	first, err := ownToken(file)
	if err != nil || len(first) < 40 {
		t.Fatalf("%d characters, %v", len(first), err)
	}
	second, err := ownToken(file)
	if err != nil || second != first {
		t.Errorf("another token the second time: %v", err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownToken(file); err == nil {
		t.Error("a short token was taken")
	}
}

// The room opens, tells of a failure, and closes.
func TestRoomOpensAndCloses(t *testing.T) {
	t.Parallel()
	d, s := roomDesk(t)
	w := &world{now: time.Now, getenv: func(string) (string, bool) { return "", false }}
	r, err := openRoom(context.Background(), w, s)
	if err != nil {
		t.Fatal(err)
	}
	d.Tell(serve.Change{Kind: serve.ChangeRun, State: "failed"})
	if r.server.Addr() == nil {
		t.Error("it listens nowhere")
	}
	r.close()
	s.listen = "0.0.0.0:0"
	if _, err := openRoom(context.Background(), w, s); err == nil || !strings.Contains(err.Error(), "without TLS and anybody") {
		t.Errorf("it opens to the world: %v", err)
	}
}
