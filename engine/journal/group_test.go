package journal

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"a0run/engine"
)

// TestGroups writes records whose rows go in together, some of which have a row
// already, and reads them back: what was written one by one and what was written with
// others is the same.
func TestGroups(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "journal.db"))
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		id := fmt.Sprintf("run%d", run)
		l := begin(t, db, id)
		began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		want := make([]*engine.CallRecord, rapid.IntRange(1, 3*groupRows).Draw(rt, "calls"))
		writes, place := 0, "a.lua:1"
		for i := range want {
			if rapid.IntRange(0, 19).Draw(rt, "kind") == 0 {
				place = fmt.Sprintf("a.lua:%d", i)
			}
			c := &engine.CallRecord{
				Key: fmt.Sprintf("k%d", i), Wake: int64(i + 1), Task: fmt.Sprintf("main/1.%d", i), N: i, Where: place, Operation: "users.update",
				Tenant: "default", Effect: "patch", Mutates: rapid.Bool().Draw(rt, "mutates"), Kind: "users", Object: fmt.Sprintf("auth0|%d\x1f", i),
				Args: json.RawMessage(`{"id":1}`), Value: json.RawMessage(`{"a":"b"}`), Before: json.RawMessage(`{"found":true}`), Status: 200 + i,
				State: engine.StateDone, Began: began, Ended: began.Add(time.Duration(i) * time.Millisecond), Waited: time.Duration(i) * time.Microsecond,
			}
			if rapid.IntRange(0, 19).Draw(rt, "fails") == 0 {
				c.State, c.Value, c.Failure = engine.StateFailed, nil, json.RawMessage(`{"name":"X"}`)
			}
			if c.Mutates {
				writes++
				c.Also = []engine.ObjectRef{{Kind: "roles", ID: "r"}}
			}
			if rapid.IntRange(0, 9).Draw(rt, "intent") == 0 {
				intent := *c
				intent.Value, intent.Failure, intent.State, intent.Durable = nil, nil, engine.StateBegun, true
				if err := db.Intent(t.Context(), l, &intent); err != nil { // its row is there
					t.Fatal(err)
				}
			}
			want[i] = c
		}
		for _, c := range want {
			db.Record(l, c)
		}
		if err := db.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone, At: began}); err != nil {
			t.Fatal(err)
		}
		var got []*engine.CallRecord
		for c, err := range db.Load(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if err := db.also(t.Context(), id, c); err != nil {
				t.Fatal(err)
			}
			got = append(got, c)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("want (-), got (+):\n%s", diff)
		}
		r, err := db.Run(t.Context(), id)
		if err != nil || r.Calls != len(want) || r.Writes != writes {
			rt.Fatalf("%+v, %v, want %d calls and %d writes", r, err, len(want), writes)
		}
	})
}
