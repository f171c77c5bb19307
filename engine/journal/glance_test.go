package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
)

// glanced writes a run of calls that fail, write and say things.
func glanced(t *testing.T, db *journal.DB, calls int) string {
	t.Helper()
	ctx := context.Background()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rec := &engine.RunRecord{ID: engine.NewID(), Kind: engine.KindRun, Playbook: "/p.lua", Started: began, Status: engine.RunRunning}
	lease, err := db.Begin(ctx, rec, engine.Owner{ID: engine.NewID(), TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for n := range calls {
		c := &engine.CallRecord{
			Key: fmt.Sprint("k", n), Wake: int64(n + 1), Task: "main", N: n, Operation: "users.get", State: engine.StateDone, Kind: "users", Object: fmt.Sprint(n),
			Began: began.Add(time.Duration(n) * time.Second), Ended: began.Add(time.Duration(n)*time.Second + 5*time.Millisecond), Args: json.RawMessage(`{"id":"x"}`),
		}
		switch n % 5 {
		case 1:
			c.State, c.Failure, c.Attempts = engine.StateFailed, json.RawMessage(`{"message":"no"}`), []engine.AttemptRecord{{}, {}}
		case 2:
			c.Operation, c.Mutates, c.Waited = "users.update", true, time.Second
		case 4:
			if n == 14 {
				c.Operation, c.Wake = "time.now", 0
			}
		case 3:
			c.Operation, c.Args, c.Kind, c.Object = "log.info", json.RawMessage(`{"text":"hello\u001f"}`), "", ""
		}
		db.Record(lease, c)
	}
	begun := &engine.CallRecord{Key: "begun", Task: "main", Operation: "users.delete", Mutates: true, State: engine.StateBegun, Kind: "users", Object: "b", Began: began}
	if err := db.Intent(ctx, lease, begun); err != nil {
		t.Fatal(err)
	}
	if err := db.Finish(ctx, lease, engine.RunEnd{Status: engine.RunDone, At: began.Add(90 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	return rec.ID
}

func TestLines(t *testing.T) {
	t.Parallel()
	db, err := journal.Open(context.Background(), journal.Options{Path: filepath.Join(t.TempDir(), "j.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's
	ctx := context.Background()
	glanced(t, db, 3) // another run, whose calls are never among them
	run := glanced(t, db, 20)
	keys := func(f journal.LineFilter) string {
		t.Helper()
		if f.Limit == 0 {
			f.Limit = 100
		}
		lines, err := db.Lines(ctx, run, f)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, l := range lines {
			all = append(all, l.Key)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		f    journal.LineFilter
		want string
	}{
		{journal.LineFilter{Limit: 3}, "begun k19 k18"},
		{journal.LineFilter{Failed: true}, "k16 k11 k6 k1"},
		{journal.LineFilter{Writes: true}, "begun k17 k12 k7 k2"},
		{journal.LineFilter{Said: true, Limit: 2}, "k18 k13"},
		{journal.LineFilter{Calls: true, Limit: 7}, "begun k19 k17 k16 k15 k12 k11"}, // what is no news is left out: k14,
		{journal.LineFilter{Operation: "users.update"}, "k17 k12 k7 k2"},
		{journal.LineFilter{After: 17, Before: 20}, "k18 k17"},
		{journal.LineFilter{Before: 3}, "k1 k0"},
		{journal.LineFilter{After: 20}, "begun"},
	} {
		if got := keys(c.f); got != c.want {
			t.Errorf("%+v: %s, want %s", c.f, got, c.want)
		}
	}
	lines, err := db.Lines(ctx, run, journal.LineFilter{After: 16, Before: 21, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	failed, wrote, said := lines[3], lines[2], lines[1]
	if string(failed.Failure) != `{"message":"no"}` || failed.Attempts != 2 || failed.Args != nil || failed.Seq != 17 || failed.Took != 5*time.Millisecond {
		t.Errorf("failed: %+v", failed)
	}
	if !wrote.Mutates || wrote.Waited != time.Second || wrote.Object != "17" || wrote.Failure != nil {
		t.Errorf("wrote: %+v", wrote)
	}
	if !said.Said() || string(said.Args) != `{"text":"hello\u001f"}` {
		t.Errorf("said: %+v", said)
	}
	if _, err := db.Lines(ctx, "nobody", journal.LineFilter{Limit: 1}); err == nil {
		t.Error("a run that is not there has lines")
	}
}

func TestTallyAndUsual(t *testing.T) {
	t.Parallel()
	db, err := journal.Open(context.Background(), journal.Options{Path: filepath.Join(t.TempDir(), "j.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's
	for n := range 3 {
		glanced(t, db, 5+n)
	}
	tally, err := db.Tally(context.Background(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || tally[engine.RunDone] != 3 || len(tally) != 1 {
		t.Errorf("%v %v", tally, err)
	}
	if tally, err = db.Tally(context.Background(), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)); err != nil || len(tally) != 0 {
		t.Errorf("a day later: %v %v", tally, err)
	}
	runs, err := db.Runs(context.Background(), journal.RunFilter{})
	if err != nil {
		t.Fatal(err)
	}
	counts := []int{runs[0].Calls, runs[1].Calls, runs[2].Calls}
	slices.Sort(counts)
	took, calls, err := db.Usual(context.Background(), "/p.lua")
	if err != nil || took.Round(time.Second) != 90*time.Second || calls != counts[1] {
		t.Errorf("usual: %s, %d calls, %v", took, calls, err)
	}
	if took, calls, err := db.Usual(context.Background(), "/q.lua"); err != nil || took != 0 || calls != 0 {
		t.Errorf("of another: %s %d %v", took, calls, err)
	}
}
