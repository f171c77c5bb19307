package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"a0run/engine"
	"a0run/engine/journal/journaltest"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// story writes a few runs: one a day, each with reads and writes of users.
func story(t *testing.T, db *DB) {
	t.Helper()
	for i, r := range []engine.RunRecord{
		{ID: "r1", Kind: engine.KindRun, Playbook: "/p/migrate.lua", Name: "migrate", Who: "ann"},
		{ID: "r2", Kind: engine.KindApply, Playbook: "/p/nightly.yaml", Who: "bob"},
		{ID: "r3", Kind: engine.KindUndo, Of: "r1", Playbook: "/p/migrate.lua", Name: "migrate"},
	} {
		r.Started = day.AddDate(0, 0, i)
		r.Tenants = []engine.TenantRecord{{Role: "default", Name: "dev", Domain: fmt.Sprintf("dev%d.example.com", i)}}
		l, err := db.Begin(t.Context(), &r, engine.Owner{ID: "o", Name: "pid 1"})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 4 {
			c := journaltest.Call(n)
			if n%2 == 1 {
				c = journaltest.Write(n)
			}
			c.Began = r.Started.Add(time.Duration(n) * time.Second)
			c.Ended = c.Began.Add(time.Millisecond)
			c.Task, c.Object = fmt.Sprintf("main/1.%d", n), "auth0|1"
			c.Key = r.ID + c.Key
			record(t, db, l, c)
		}
		if err := db.Finish(t.Context(), l, engine.RunEnd{Status: []string{"done", "failed", "done"}[i], At: r.Started.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	story(t, db)
	begin(t, db, "r4")
	reader, err := OpenReader(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	for _, test := range []struct {
		filter RunFilter
		want   string
	}{
		{RunFilter{}, "r4 r3 r2 r1"},
		{RunFilter{Limit: 2}, "r4 r3"},
		{RunFilter{Limit: 2, Offset: 1}, "r3 r2"},
		{RunFilter{Offset: 3}, "r1"},
		{RunFilter{Status: "failed"}, "r2"},
		{RunFilter{Status: "running"}, "r4"},
		{RunFilter{Kind: engine.KindUndo}, "r3"},
		{RunFilter{Playbook: "migrate"}, "r3 r1"},
		{RunFilter{Playbook: "migrate.lua"}, "r3 r1"},
		{RunFilter{Playbook: "/p/nightly.yaml"}, "r2"},
		{RunFilter{Playbook: "grate.lua"}, ""},
		{RunFilter{Playbook: "%.lua"}, ""},
		{RunFilter{Tenant: "dev"}, "r3 r2 r1"},
		{RunFilter{Tenant: "dev1.example.com"}, "r2"},
		{RunFilter{Tenant: "prod"}, ""},
		{RunFilter{Since: day.AddDate(0, 0, 1)}, "r4 r3 r2"},
		{RunFilter{Since: day.AddDate(0, 0, 1).Add(time.Second), Kind: engine.KindUndo, Limit: 5}, "r3"},
	} {
		runs, err := reader.Runs(t.Context(), test.filter)
		var ids []string
		for _, r := range runs {
			ids = append(ids, r.ID)
			if r.Live != (r.ID == "r4") {
				t.Errorf("%s is live: %v", r.ID, r.Live)
			}
		}
		if got := strings.Join(ids, " "); got != test.want || err != nil {
			t.Errorf("%+v gives %q, %v; want %q", test.filter, got, err, test.want)
		}
	}
	if _, err := reader.Begin(t.Context(), &engine.RunRecord{ID: "r5"}, engine.Owner{}); !errors.Is(err, errReader) {
		t.Error(err)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	story(t, db)
	for _, test := range []struct {
		filter CallFilter
		want   []int64
	}{
		{CallFilter{}, []int64{1, 2, 3, 4}},
		{CallFilter{Limit: 3}, []int64{1, 2, 3}},
		{CallFilter{Mutates: true}, []int64{2, 4}},
		{CallFilter{Operation: "users.get"}, []int64{1, 3}},
		{CallFilter{Operation: "users"}, nil},
		{CallFilter{State: engine.StateDone, Kind: "users", Object: "auth0|1", Limit: 1}, []int64{1}},
		{CallFilter{Task: "main/1.2"}, []int64{3}},
		{CallFilter{Task: "main/1.", Below: true}, []int64{1, 2, 3, 4}},
		{CallFilter{Task: "main", Below: true, Mutates: true}, []int64{2, 4}},
		{CallFilter{Task: "main"}, nil},
	} {
		var got []int64
		for c, err := range db.Calls(t.Context(), "r1", test.filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, c.Seq)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v gives %v, want %v", test.filter, got, test.want)
		}
	}
	for _, err := range db.Calls(t.Context(), "r", CallFilter{}) {
		if !errors.Is(err, engine.ErrNoRun) {
			t.Errorf("the calls of no single run: %v", err)
		}
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	story(t, db)
	for kind, want := range map[string]int{"users": 12, "": 12, "clients": 0} {
		var got []string
		last := time.Time{}
		for touch, err := range db.Object(t.Context(), kind, "auth0|1") {
			if err != nil {
				t.Fatal(err)
			}
			if touch.Call.Began.Before(last) {
				t.Error("not the oldest first")
			}
			last = touch.Call.Began
			got = append(got, touch.Run)
		}
		if len(got) != want || want > 0 && strings.Join(slices.Compact(got), " ") != "r1 r2 r3" {
			t.Errorf("%s/auth0|1 was touched by %v", kind, got)
		}
	}
	for touch, err := range db.Object(t.Context(), "users", "auth0|1") {
		if err != nil || touch.Who != "ann" || touch.Name != "migrate" || touch.Playbook != "/p/migrate.lua" || !touch.Started.Equal(day) {
			t.Errorf("%+v, %v", touch, err)
		}
		break
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	s := func(id, task, state string) *engine.StepRecord {
		return &engine.StepRecord{ID: id, Name: "The " + id, Task: task, Where: "x:1:1", State: state, Reason: "why", Error: "e", Began: day, Took: 1500 * time.Microsecond}
	}
	for _, step := range []*engine.StepRecord{s("a", "main", "done"), s("b", "main/1.x", "done"), s("b", "main/1.y", "failed"), s("b", "main/1.y", "done")} {
		db.Step(l, step)
	}
	if err := db.Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	l, err := db.Claim(t.Context(), "r", engine.Owner{ID: "o"})
	if err != nil {
		t.Fatal(err)
	}
	db.Step(l, s("b", "main/1.y", "skipped"))
	db.Step(l, s("c", "main", "done"))
	if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}); err != nil {
		t.Fatal(err)
	}
	got, err := db.Steps(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	want := []*engine.StepRecord{s("a", "main", "done"), s("b", "main/1.x", "done"), s("b", "main/1.y", "skipped"), s("c", "main", "done")}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	db := openWith(t, Options{Path: filepath.Join(t.TempDir(), "journal.db"), Now: func() time.Time { return day }})
	l := begin(t, db, "r")
	write := func(key, state string) {
		c := journaltest.Write(1)
		c.Key, c.State, c.Began, c.Ended = key, state, day.Add(-time.Minute), day.Add(-time.Second)
		if state != engine.StateBegun {
			record(t, db, l, c)
			return
		}
		c.Ended = time.Time{}
		if err := db.Intent(t.Context(), l, c); err != nil {
			t.Fatal(err)
		}
	}
	write("done", engine.StateDone)
	write("ab1", engine.StateDoubt)
	write("ab2", engine.StateBegun)
	write("ab3", engine.StateBegun)
	_, err := db.Resolve(t.Context(), "r", "ab1", Verdict{})
	var held *engine.HeldError
	if !errors.As(err, &held) {
		t.Errorf("resolving in a run that lives: %v", err)
	}
	if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunInDoubt}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ call, want string }{
		{"ab", "more than one"}, {"x", "no call"}, {"", "no call"}, {"done", "is done"}, {"99", "no call"}, {"ab%", "no call"},
	} {
		if _, err := db.Resolve(t.Context(), "r", test.call, Verdict{Done: true}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("resolving %q: %v", test.call, err)
		}
	}
	for _, test := range []struct {
		call    string
		verdict Verdict
		want    string
	}{
		{"#2", Verdict{Done: true, Object: "auth0|new"}, "ab1 2 resolved auth0|new"},
		{"ab2", Verdict{}, "ab2 3 refused auth0|1"},
		{"ab", Verdict{Done: true}, "ab3 4 resolved auth0|1"},
	} {
		c, err := db.Resolve(t.Context(), "r", test.call, test.verdict)
		if err != nil {
			t.Fatal(err)
		}
		found, err := db.Find(t.Context(), "r", c.Key)
		if err != nil || found == nil {
			t.Fatalf("%s is gone: %v", c.Key, err)
		}
		for _, c := range []*engine.CallRecord{c, found} {
			if got := fmt.Sprint(c.Key, " ", c.Seq, " ", c.State, " ", c.Object); got != test.want || c.Ended.IsZero() {
				t.Errorf("%q, want %q; ended %v", got, test.want, c.Ended)
			}
		}
	}
	if l, err = db.Claim(t.Context(), "r", engine.Owner{ID: "o"}); err != nil {
		t.Fatal(err)
	}
	write("next", engine.StateDone)
	if c, err := db.Find(t.Context(), "r", "next"); err != nil || c.Seq != 5 {
		t.Errorf("the next place is %v, %v", c, err)
	}
	if n, err := db.Writes(t.Context(), "r", "main", false); n != 4 || err != nil { // but for the refused one
		t.Errorf("%d writes, %v", n, err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	story(t, db)
	if err := db.RequestCancel(t.Context(), "r1"); !errors.Is(err, engine.ErrEnded) {
		t.Errorf("cancelling what has ended: %v", err)
	}
	if err := db.RequestCancel(t.Context(), "none"); !errors.Is(err, engine.ErrNoRun) {
		t.Errorf("cancelling nothing: %v", err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	if p, err := db.Prune(t.Context(), PruneRule{Before: day.AddDate(1, 0, 0)}); err != nil || p != (Pruned{}) {
		t.Errorf("an empty journal: %+v, %v", p, err)
	}
	story(t, db)
	big, err := db.Begin(t.Context(), &engine.RunRecord{ID: "big", Started: day.AddDate(0, 0, -1)}, engine.Owner{ID: "o"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		db.Record(big, benchCall(i, 400))
	}
	db.Step(big, &engine.StepRecord{ID: "s"})
	all := PruneRule{Before: day.AddDate(1, 0, 0)}
	for _, test := range []struct {
		name string
		rule PruneRule
		want Pruned
		left string
	}{
		{"nothing", PruneRule{}, Pruned{}, "big r3 r2 r1"},
		{"a dry run", PruneRule{Before: all.Before, DryRun: true}, Pruned{Runs: 3, Calls: 12}, "big r3 r2 r1"},
		{"older, and kept", PruneRule{Before: day.AddDate(0, 0, 1).Add(time.Hour), Keep: 3}, Pruned{Runs: 1, Calls: 4}, "big r3 r2"},
		{"by number", PruneRule{Keep: 2}, Pruned{Runs: 1, Calls: 4}, "big r3"},
		{"a run that lives stays", PruneRule{Before: day}, Pruned{}, "big r3"},
	} {
		p, err := db.Prune(t.Context(), test.rule)
		p.Bytes = 0
		if err != nil || p != test.want || ids(t, db) != test.left {
			t.Errorf("%s: %+v, %v, left %s; want %+v, %s", test.name, p, err, ids(t, db), test.want, test.left)
		}
	}
	if err := db.Release(t.Context(), big); err != nil { // as if it had been killed
		t.Fatal(err)
	}
	if p, err := db.Prune(t.Context(), PruneRule{Keep: 1}); err != nil || p.Runs != 1 || ids(t, db) != "big" {
		t.Errorf("one that can be resumed goes by its age only: %+v, %v, %s", p, err, ids(t, db))
	}
	p, err := db.Prune(t.Context(), all)
	if err != nil || p.Runs != 1 || p.Calls != 5000 || p.Bytes < 1<<20 || ids(t, db) != "" {
		t.Errorf("a killed run: %+v, %v, left %s", p, err, ids(t, db))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 200<<10 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	if left, err := os.ReadDir(path + ".locks"); err != nil || len(left) != 0 {
		t.Errorf("lock files left: %v, %v", left, err)
	}
}

// TestPruneUnfinished sees that KeepUnfinished keeps whatever could still be
// resumed or resolved.
func TestPruneUnfinished(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for _, status := range []string{engine.RunDone, engine.RunInterrupted, engine.RunInDoubt, engine.RunFailed} {
		if err := db.Finish(t.Context(), begin(t, db, status), engine.RunEnd{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Release(t.Context(), begin(t, db, "killed")); err != nil {
		t.Fatal(err)
	}
	rule := PruneRule{Before: time.Now().Add(time.Hour), KeepUnfinished: true}
	if p, err := db.Prune(t.Context(), rule); err != nil || p.Runs != 2 || ids(t, db) != "killed in doubt interrupted" {
		t.Errorf("%+v, %v, left %s", p, err, ids(t, db))
	}
	rule.KeepUnfinished = false
	if p, err := db.Prune(t.Context(), rule); err != nil || p.Runs != 3 || ids(t, db) != "" {
		t.Errorf("%+v, %v, left %s", p, err, ids(t, db))
	}
}

// TestPruneCutShort sees that a run whose deletion was cut short cannot be seen
// nor resumed, and that the next prune ends it.
func TestPruneCutShort(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	story(t, db)
	pool := raw1(t, path)
	execute(t, pool, "UPDATE runs SET id = '~' || no, status = 'pruned' WHERE id = 'r2'")
	if got := ids(t, db); got != "r3 r1" {
		t.Errorf("seen: %s", got)
	}
	if _, err := db.Claim(t.Context(), "r2", engine.Owner{ID: "o"}); !errors.Is(err, engine.ErrNoRun) {
		t.Error(err)
	}
	if p, err := db.Prune(t.Context(), PruneRule{Keep: 10}); err != nil || p.Runs != 0 || p.Calls != 4 {
		t.Errorf("%+v, %v", p, err)
	}
	var n int
	if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM calls WHERE run = 2").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d calls are left, %v", n, err)
	}
}

func ids(t *testing.T, db *DB) string {
	t.Helper()
	runs, err := db.Runs(t.Context(), RunFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range runs {
		all = append(all, r.ID)
	}
	return strings.Join(all, " ")
}

func TestExport(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	story(t, db)
	l := begin(t, db, "r4")
	c := benchCall(1, 2000)
	c.Note, c.Where = json.RawMessage("no JSON"), "<a&b>"
	record(t, db, l, c)
	db.Step(l, &engine.StepRecord{ID: "s", State: "done"})
	if err := db.Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := db.Export(t.Context(), &out, ""); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for line := range bytes.Lines(out.Bytes()) {
		var l struct{ Type, Run string }
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, l.Run+" "+l.Type)
	}
	want := "r1 run|r1 call|r1 call|r1 call|r1 call|r2 run|r2 call|r2 call|r2 call|r2 call|r3 run|r3 call|r3 call|r3 call|r3 call|r4 run|r4 step|r4 call"
	if got := strings.Join(kinds, "|"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, part := range []string{`"field_1":`, `"note":"no JSON"`, `"where":"<a&b>"`, `"began":"2026-01-02T03:04:05.000006Z"`} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%s is not in the export", part)
		}
	}
	out.Reset()
	if err := db.Export(t.Context(), &out, "r1"); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 5 {
		t.Errorf("one run: %s, %v", out.String(), err)
	}
	if err := db.Export(t.Context(), &out, "none"); !errors.Is(err, engine.ErrNoRun) {
		t.Error(err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	l := begin(t, db, "r")
	record(t, db, l, benchCall(0, 10))
	record(t, db, l, benchCall(1, 10))
	reader, err := OpenReader(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	next := int64(2)
	for c, err := range reader.Follow(t.Context(), "r", 1, time.Millisecond) {
		if err != nil || c.Seq != next {
			t.Fatalf("%v, %v, want the Seq %d", c, err, next)
		}
		if next++; next <= 10 {
			db.Record(l, benchCall(int(next), 10))
		} else if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}); err != nil {
			t.Fatal(err)
		}
	}
	if next != 11 {
		t.Errorf("it ended before %d", next)
	}
}

func TestKeyCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	for _, test := range []struct{ fresh, want string }{{"", ""}, {"k1", "k1"}, {"k2", "k1"}, {"", "k1"}} {
		if got, err := open(t, path).KeyCheck(t.Context(), test.fresh); got != test.want || err != nil {
			t.Errorf("%q: %q, %v", test.fresh, got, err)
		}
	}
	_ = db
}

// TestReadable sees that people can read the journal with sqlite3.
func TestReadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	story(t, db)
	l := begin(t, db, "r4")
	record(t, db, l, benchCall(1, 2000))
	db.w.flush()
	pool := raw1(t, path)
	var run, state, object, began, args, value string
	err := pool.QueryRowContext(t.Context(), "SELECT run, state, object, began, args, value FROM calls_readable WHERE seq = 2 LIMIT 1").
		Scan(&run, &state, &object, &began, &args, &value)
	if got := strings.Join([]string{run, state, object, began, args, value}, " "); err != nil ||
		got != `r1 done users/auth0|1 2026-03-01T12:00:01.000000Z {"id":"auth0|1"} {"user_id": "auth0|1"}` {
		t.Errorf("%s, %v", got, err)
	}
	err = pool.QueryRowContext(t.Context(), "SELECT value FROM calls_readable WHERE run = 'r4'").Scan(&value)
	if err != nil || !strings.HasSuffix(value, "bytes of zstd)") {
		t.Errorf("%s, %v", value, err)
	}
	var tenants string
	var calls int
	err = pool.QueryRowContext(t.Context(), "SELECT tenants, calls FROM runs_readable WHERE id = 'r1'").Scan(&tenants, &calls)
	if err != nil || tenants != "default=dev0.example.com" || calls != 4 {
		t.Errorf("%s, %d, %v", tenants, calls, err)
	}
}

// TestPlans sees that the frequent reads use their indexes.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for query, index := range map[string]string{
		"SELECT 1 FROM calls WHERE run = 1 AND key = 'x'":                                                               "calls_key",
		"SELECT count(*) FROM calls WHERE run = 1 AND task = 'a' AND mutates = 1 AND state <> 'refused'":                "COVERING INDEX calls_writes",
		"SELECT count(*) FROM calls WHERE run = 1 AND task > 'a' AND task < 'b' AND mutates = 1 AND state <> 'refused'": "COVERING INDEX calls_writes",
		"SELECT * FROM calls WHERE object = 'x' AND object <> '' AND kind = 'y'":                                        "calls_object",
		"SELECT id FROM runs WHERE owner = 'x' AND owner <> ''":                                                         "runs_owned",
		"SELECT * FROM calls WHERE kind = 'x' AND object = '' AND kind <> '' AND effect <> 'create'":                    "calls_single",
		"SELECT * FROM touches WHERE object = 'x' AND kind = 'y'":                                                       "touches_object",
		"SELECT * FROM touches WHERE run = 1 AND key = 'y'":                                                             "PRIMARY KEY (run=? AND key=?)",
		"SELECT * FROM calls WHERE id > 1 AND id < 2 ORDER BY id":                                                       "INTEGER PRIMARY KEY",
	} {
		var a, b, c int
		var plan string
		if err := db.read.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+query).Scan(&a, &b, &c, &plan); err != nil || !strings.Contains(plan, index) {
			t.Errorf("%s: %s, %v; want %s", query, plan, err, index)
		}
	}
}

// TestGuard tries that any text comes out of a packed row as it went in.
func TestGuard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("ab\x10\x1fpu\x00ü"))), 1, 5).Draw(t, "texts")
		var packed []string
		for _, s := range texts {
			packed = append(packed, guard(s))
		}
		p := unpacked{rest: strings.Join(packed, separator)}
		for i, s := range texts {
			if got := p.text(); got != s {
				t.Fatalf("text %d is %q, want %q", i, got, s)
			}
		}
	})
}

func TestBelow(t *testing.T) {
	t.Parallel()
	for task, want := range map[string]string{
		"main": "main/ main0", "main/2.": "main/2. main/2/", "main/2.a": "main/2.a/ main/2.a0", "main/2.a.": "main/2.a./ main/2.a.0", "main/.": "main/./ main/.0",
	} {
		from, to := below(task)
		if got := from + " " + to; got != want {
			t.Errorf("%s: %s, want %s", task, got, want)
		}
	}
}
