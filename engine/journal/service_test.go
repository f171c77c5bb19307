package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"a0run/engine"
)

func at(minute int) time.Time { return time.Date(2026, 3, 1, 3, minute, 0, 0, time.UTC) }

func dueJob(minute int) *Job {
	return &Job{
		Run:    &engine.RunRecord{ID: fmt.Sprintf("run-%d", minute), Kind: engine.KindRun, Playbook: "/p/a.lua", Who: "schedule nightly", Schedule: "nightly", Due: at(minute), Started: at(minute)},
		Queued: at(minute), Spec: []byte(`"sealed"`),
	}
}

// Whatever writes it, a due time has one run.
func TestOneRunPerDueTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	if err := db.PutSchedules(t.Context(), ScheduleState{ID: "nightly", Decided: at(0), Seen: at(0)}); err != nil {
		t.Fatal(err)
	}
	decision := func(from, to int) *ScheduleDecision {
		j := dueJob(to)
		return &ScheduleDecision{ID: "nightly", From: at(from), Decided: at(to), Jobs: []*Job{j}, Fires: []Fire{{Due: at(to), At: at(to), Outcome: "run", Run: j.Run.ID}}}
	}
	// The stale one is refused, and the other of the same commit stays.
	refused, err := db.Decide(t.Context(), decision(0, 1), decision(0, 2))
	if err != nil || refused[0] != nil || !errors.Is(refused[1], ErrDecided) {
		t.Fatalf("a stale decision: %v, %v", refused, err)
	}
	again := decision(1, 3)
	again.Jobs = append(again.Jobs, dueJob(1)) // has its run
	if refused, err = db.Decide(t.Context(), again); err != nil || !errors.Is(refused[0], ErrDue) {
		t.Errorf("a due time twice: %v, %v", refused, err)
	}
	other := dueJob(1)
	other.Run.ID = "another"
	if err := db.Enqueue(t.Context(), other); !errors.Is(err, ErrDue) {
		t.Errorf("a due time twice, by hand: %v", err)
	}
	// What was refused has left nothing behind.
	states, err := db.ScheduleStates(t.Context())
	if err != nil || !states["nightly"].Decided.Equal(at(1)) {
		t.Errorf("decided up to %v, %v", states["nightly"].Decided, err)
	}
	jobs, err := db.Jobs(t.Context())
	if err != nil || len(jobs) != 1 || jobs[0].Run.ID != "run-1" || jobs[0].Run.Status != engine.RunQueued || string(jobs[0].Spec) != `"sealed"` {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
	// By hand, a run of the schedule has no due time, and there may be many.
	for _, id := range []string{"x", "y"} {
		if err := db.Enqueue(t.Context(), &Job{Run: &engine.RunRecord{ID: id, Schedule: "nightly"}, Queued: at(5)}); err != nil {
			t.Error(err)
		}
	}
	fires, err := db.Fires(t.Context(), "nightly", time.Time{}, 10)
	if err != nil || len(fires) != 1 || fires[0].Status != engine.RunQueued || !fires[0].Due.Equal(at(1)) {
		t.Errorf("fires %+v, %v", fires, err)
	}
}

func TestQueuedRunBegins(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	owner := engine.Owner{ID: "o", Name: "pid 1", TTL: time.Minute}
	if err := db.Enqueue(t.Context(), dueJob(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Claim(t.Context(), "run-1", owner); !errors.Is(err, engine.ErrNoRun) {
		t.Errorf("a queued run was claimed: %v", err)
	}
	lease, err := db.Begin(t.Context(), &engine.RunRecord{ID: "run-1", Kind: engine.KindRun, Playbook: "/p/b.lua", Who: "somebody", Hash: "h", Started: at(2)}, owner)
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.Run(t.Context(), "run-1")
	if err != nil || r.Status != engine.RunRunning || !r.Live || r.Who != "schedule nightly" || r.Schedule != "nightly" || !r.Due.Equal(at(1)) || r.Hash != "h" || r.Epoch != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := db.Begin(t.Context(), &engine.RunRecord{ID: "run-1"}, owner); err == nil {
		t.Error("begun twice")
	}
	var held *engine.HeldError
	if err := db.EndJob(t.Context(), "run-1", &engine.RunEnd{Status: engine.RunFailed}); !errors.As(err, &held) {
		t.Errorf("the job of a run that is executed was ended: %v", err)
	}
	if err := db.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if err := db.EndJob(t.Context(), "run-1", &engine.RunEnd{Status: engine.RunSetAside, Exit: 1, Error: "two crashes", At: at(9)}); err != nil {
		t.Fatal(err)
	}
	r, err = db.Run(t.Context(), "run-1")
	if err != nil || r.Status != engine.RunSetAside || r.Error != "two crashes" || r.Live {
		t.Errorf("got %+v, %v", r, err)
	}
	if jobs, err := db.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
	if _, err := db.Claim(t.Context(), "run-1", owner); err != nil {
		t.Errorf("a person goes on with it: %v", err)
	}
}

// What waits, or is to be tried again, is not pruned.
func TestPruneKeepsJobs(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for minute := range 3 {
		if err := db.Enqueue(t.Context(), dueJob(minute)); err != nil {
			t.Fatal(err)
		}
	}
	for minute, keep := range []bool{false, true} {
		lease, err := db.Begin(t.Context(), dueJob(minute).Run, engine.Owner{ID: "o", TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Finish(t.Context(), lease, engine.RunEnd{Status: engine.RunFailed, Exit: 1, At: at(30)}); err != nil {
			t.Fatal(err)
		}
		if !keep {
			if err := db.EndJob(t.Context(), dueJob(minute).Run.ID, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	pruned, err := db.Prune(t.Context(), PruneRule{Before: at(59)})
	if err != nil || pruned.Runs != 1 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if jobs, err := db.Jobs(t.Context()); err != nil || len(jobs) != 2 {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
}

func TestApprovalIsDecidedOnce(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	a := &Approval{Run: "r", Schedule: "s", State: ApprovalWaiting, Digest: "d", Made: at(1), Lapses: at(9), Tenants: []engine.TenantRecord{{Role: "default", Name: "t"}}}
	if err := db.PutApproval(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	yes := *a
	yes.State, yes.By, yes.At, yes.Applied = "approved", "ada", at(2), "run-1"
	if err := db.DecideApproval(t.Context(), &yes, dueJob(1)); err != nil {
		t.Fatal(err)
	}
	no := *a
	no.State = "lapsed"
	if err := db.DecideApproval(t.Context(), &no, nil); !errors.Is(err, ErrNotWaiting) {
		t.Errorf("decided twice: %v", err)
	}
	got, err := db.Approval(t.Context(), "r")
	if err != nil || got.State != "approved" || got.By != "ada" || !got.At.Equal(at(2)) || got.Applied != "run-1" || got.Tenants[0].Name != "t" {
		t.Errorf("got %+v, %v", got, err)
	}
	if jobs, err := db.Jobs(t.Context()); err != nil || len(jobs) != 1 {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
}

func TestAuditAndService(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	for i := range 3 {
		if err := db.WriteAudit(t.Context(), AuditRow{At: at(i), Name: "ada", Action: fmt.Sprint("a", i)}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Audits(t.Context(), 3, 1)
	if err != nil || len(rows) != 1 || rows[0].Action != "a1" || !rows[0].At.Equal(at(1)) {
		t.Errorf("audit %+v, %v", rows, err)
	}
	release, _, err := db.Serve(t.Context(), Service{Name: "one", Started: at(1)})
	if err != nil || release == nil {
		t.Fatal(err)
	}
	second := open(t, path)
	none, other, err := second.Serve(t.Context(), Service{Name: "two"})
	if err != nil || none != nil || other.Name != "one" || !other.Started.Equal(at(1)) {
		t.Errorf("a second service: %+v, %v", other, err)
	}
	release()
	release, _, err = second.Serve(t.Context(), Service{Name: "two"})
	if err != nil || release == nil {
		t.Fatalf("after the first: %v", err)
	}
	release()
}

// A journal of the version before keeps what it has.
func TestMigration(t *testing.T) {
	t.Parallel()
	path := old(t)
	db := open(t, path)
	r, err := db.Run(t.Context(), "old")
	if err != nil || r.Who != "ada" || r.Schedule != "" || !r.Due.IsZero() {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := db.Enqueue(t.Context(), dueJob(1)); err != nil {
		t.Error(err)
	}
}

// TestReadOld reads a journal of the first version, as a process leaves it that
// was killed while it made a new one.
func TestReadOld(t *testing.T) {
	t.Parallel()
	db, err := OpenReader(t.Context(), Options{Path: old(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read from
	if r, err := db.Run(t.Context(), "old"); err != nil || r.Who != "ada" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// old is a journal of version 1 that holds a run.
func old(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.db")
	pool := raw1(t, path)
	first, err := migrations.ReadFile("migrations/00001_journal.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, pool, string(first))
	execute(t, pool, fmt.Sprintf("PRAGMA application_id = %d", magic))
	execute(t, pool, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1);
		INSERT INTO runs (id, kind, of_run, playbook, name, hash, who, host, version, started, status) VALUES ('old', 'run', '', '/p', 'n', 'h', 'ada', 'host', 'v', '2026-01-02T03:04:05.000000Z', 'done')`)
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
