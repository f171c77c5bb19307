package journal

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"a0run/engine"
	"a0run/engine/journal/journaltest"
)

// relation is the record of a call that gives a role to users.
func relation(i int, users ...string) *engine.CallRecord {
	c := journaltest.Write(i)
	c.Operation, c.Effect, c.Kind, c.Object = "roles.add_users", "add", "roles", "rol_1"
	for _, id := range users {
		c.Also = append(c.Also, engine.ObjectRef{Kind: "users", ID: id})
	}
	return c
}

// touchedBy tells which calls touched an object, and as what.
func touchedBy(t *testing.T, db *DB, kind, id string) string {
	t.Helper()
	var all []string
	for touch, err := range db.Object(t.Context(), kind, id) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s %s %v", touch.Call.Operation, touch.Call.State, touch.As, touch.Beside))
	}
	return strings.Join(all, "|")
}

func TestBeside(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	odd := "auth0|\x1f\x10ü"
	c := relation(1, "auth0|1", "auth0|2", odd)
	c.AlsoMore = 7
	if err := db.Intent(t.Context(), l, journaltest.Intent(c)); err != nil {
		t.Fatal(err)
	}
	if got := touchedBy(t, db, "users", "auth0|1"); got != "roles.add_users begun users true" {
		t.Errorf("after the intent: %s", got)
	}
	record(t, db, l, c)
	sub := relation(2, "auth0|1") // the object under two kinds
	sub.Kind, sub.Object = "organizations.members", "auth0|1"
	record(t, db, l, sub)
	record(t, db, l, relation(3)) // nothing beside
	for object, want := range map[[2]string]string{
		{"users", "auth0|1"}:                 "roles.add_users done users true|roles.add_users done users true",
		{"", "auth0|1"}:                      "roles.add_users done users true|roles.add_users done users true",
		{"organizations.members", "auth0|1"}: "roles.add_users done organizations.members false",
		{"users", "auth0|2"}:                 "roles.add_users done users true",
		{"users", odd}:                       "roles.add_users done users true",
		{"clients", "auth0|1"}:               "",
		{"", "7"}:                            "", // the number of those that were left out is no object
		{"users", "auth0|3"}:                 "",
	} {
		if got := touchedBy(t, db, object[0], object[1]); got != want {
			t.Errorf("%v: %s, want %s", object, got, want)
		}
	}
	if err := db.Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := db.Export(t.Context(), &out, "r"); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`{"kind":"users","id":"auth0|1"}`, `{"kind":"users","id":"auth0|\u001f\u0010ü"}`, `],"also_more":7}`} {
		if !strings.Contains(out.String(), part) || strings.Count(out.String(), `"also":[`) != 2 {
			t.Errorf("%s is not in the export:\n%s", part, out.String())
		}
	}
}

// TestBesideResolved tries that a person's verdict loses nothing.
func TestBesideResolved(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	c := relation(1, "auth0|1")
	if err := db.Intent(t.Context(), l, journaltest.Intent(c)); err != nil {
		t.Fatal(err)
	}
	if err := db.Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Resolve(t.Context(), "r", c.Key, Verdict{Done: true}); err != nil {
		t.Fatal(err)
	}
	if got := touchedBy(t, db, "users", "auth0|1"); got != "roles.add_users resolved users true" {
		t.Error(got)
	}
}

// TestSingle finds objects without an id, and no listings or lost creates of
// other kinds.
func TestSingle(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	l := begin(t, db, "r")
	for i, kind := range []string{"branding", "tenants.settings", "users"} {
		c := journaltest.Write(i)
		c.Operation, c.Effect, c.Kind, c.Object = kind+".update", "patch", kind, ""
		record(t, db, l, c)
		c = journaltest.Write(10 + i)
		c.Operation, c.Kind, c.Object = kind+".create", kind, ""
		record(t, db, l, c)
	}
	for kind, want := range map[string]string{
		"branding": "branding.update done branding false", "tenants.settings": "tenants.settings.update done tenants.settings false",
		"clients": "", "": "",
	} {
		if got := touchedBy(t, db, kind, ""); got != want {
			t.Errorf("%q: %s, want %s", kind, got, want)
		}
	}
}

// TestPruneTouches tries that nothing of a deleted run stays, in pieces too.
func TestPruneTouches(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	db := open(t, path)
	var last engine.Ack
	for _, run := range []string{"gone", "stays"} {
		r := &engine.RunRecord{ID: run, Started: day}
		if run == "stays" {
			r.Started = day.AddDate(0, 0, 5)
		}
		l, err := db.Begin(t.Context(), r, engine.Owner{ID: "o"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			users := make([]string, 100)
			for n := range users {
				users[n] = fmt.Sprintf("auth0|%d", n)
			}
			last = db.Record(l, relation(i, users...))
		}
		if err := last.Err(); err != nil {
			t.Fatal(err)
		}
		if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone, At: day}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := db.Prune(t.Context(), PruneRule{Before: day.AddDate(0, 0, 1)})
	if err != nil || p.Runs != 1 || p.Calls != 30 {
		t.Errorf("%+v, %v", p, err)
	}
	var gone, kept, runs int
	err = raw1(t, path).QueryRowContext(t.Context(), "SELECT count(*) FILTER (WHERE run = 1), count(*) FILTER (WHERE run = 2), (SELECT count(*) FROM runs) FROM touches").
		Scan(&gone, &kept, &runs)
	if err != nil || gone != 0 || kept != 3000 || runs != 1 {
		t.Errorf("left %d of the run, %d of the other, %d runs, %v", gone, kept, runs, err)
	}
}

// TestLast finds the largest numbers of a run among its newest records.
func TestLast(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	other := begin(t, db, "a")
	far := benchCall(0, 100)
	far.Wake = 1 << 30
	record(t, db, other, far)
	l := begin(t, db, "r")
	last := func(seq, wake int64) {
		t.Helper()
		if r, err := db.Run(t.Context(), "r"); err != nil || r.LastSeq != seq || r.LastWake != wake {
			t.Errorf("the last are %d and %d, %v; want %d and %d", r.LastSeq, r.LastWake, err, seq, wake)
		}
	}
	last(0, 0)
	for i := range 1500 {
		c := benchCall(i, 100)
		c.Wake = int64(i + 1)
		db.Record(l, c)
	}
	for i := range 1200 { // nobody waited for them
		c := benchCall(2000+i, 100)
		c.Wake = 0
		db.Record(l, c)
	}
	token := benchCall(7, 100) // fetched again
	token.Wake = 8
	if err := db.Record(l, token).Err(); err != nil {
		t.Fatal(err)
	}
	last(2701, 1500)
	begun := journaltest.Intent(benchCall(9000, 100))
	begun.Mutates, begun.Wake = true, 1700
	if err := db.Intent(context.Background(), l, begun); err != nil {
		t.Fatal(err)
	}
	last(2701, 1700)
}
